"""Masks in place of refused ones are accepted and hide the value."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.fulfillment.datamap.model import Masking
from services.fulfillment.erasure.masks import conforms, fitting_mask
from services.fulfillment.stores.rules import Rules
from shared.runtime.mongo import Int64, ObjectId

SECRET = b"secret"
NULL = Masking("null_rewrite")


def rules(schema: dict[str, Any], *required: str, unique: str = "") -> Rules:
    return Rules(
        {"$jsonSchema": {"properties": {"a": schema}, "required": list(required)}}, frozenset({unique})
    )


def test_the_maps_own_mask_stays_where_it_is_accepted() -> None:
    fit = fitting_mask("x", "a", Masking("string_rewrite"), rules({"bsonType": "string"}, "a"), SECRET)
    assert fit.value == "MASKED"
    assert not fit.removed


def test_a_field_that_need_not_be_there_is_removed_rather_than_invented() -> None:
    assert fitting_mask("x", "a", NULL, rules({"bsonType": "string"}), SECRET).removed


def test_a_field_that_must_be_there_is_not_removed_though_the_map_wants_it() -> None:
    fit = fitting_mask("x", "a", Masking("delete"), rules({"bsonType": "string"}, "a"), SECRET)
    assert not fit.removed
    assert fit.value == ""


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        pytest.param("kim@example.org", {"bsonType": "string", "pattern": "^[^@]+@[^@]+$"}, id="address"),
        pytest.param(
            "kim@example.org",
            {"bsonType": "string", "pattern": "^[^@]+@[^@]+$", "maxLength": 20},
            id="short address",
        ),
        pytest.param("12345", {"bsonType": "string", "pattern": "^[0-9]{5}$"}, id="digits"),
        pytest.param("abcdef", {"bsonType": "string", "minLength": 3, "maxLength": 6}, id="length"),
        pytest.param(44, {"bsonType": "int", "minimum": 18, "maximum": 120}, id="bounds"),
        pytest.param(Int64(44), {"bsonType": "long"}, id="long"),
        pytest.param(1.5, {"bsonType": ["double", "decimal"]}, id="one of two types"),
        pytest.param(datetime(1980, 5, 17, tzinfo=UTC), {"bsonType": "date"}, id="date"),
        pytest.param(ObjectId(), {"bsonType": "objectId"}, id="object id"),
        pytest.param(b"x", {"bsonType": "binData"}, id="binary"),
        pytest.param("a", {"enum": ["a", "b"]}, id="one of few"),
    ],
)
def test_required_field_gets_a_value_that_the_schema_accepts(value: Any, schema: dict[str, Any]) -> None:
    fit = fitting_mask(value, "a", NULL, rules(schema, "a"), SECRET)
    assert conforms(fit.value, schema)
    assert fit.value != value


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"not": {"bsonType": "null"}}}, "required": ["a"]},
        {"properties": {"a": {"anyOf": [{"bsonType": "string"}, {"bsonType": "int"}]}}, "required": ["a"]},
        {"allOf": [{"required": ["a"]}, {"properties": {"a": {"bsonType": "string"}}}]},
    ],
    ids=["not", "any of", "all of"],
)
def test_where_a_schema_is_put_together_the_mask_is_like_the_value(schema: dict[str, Any]) -> None:
    for value in ("kim@example.org", "kim"):
        fit = fitting_mask(value, "a", NULL, Rules({"$jsonSchema": schema}), SECRET)
        assert isinstance(fit.value, str)
        assert fit.value != value
        assert ("@" in fit.value) == ("@" in value)


def test_where_a_query_is_asked_beside_a_schema_the_mask_is_like_the_value() -> None:
    validator = {"$jsonSchema": {"required": ["a"]}, "a": {"$type": "string"}}
    assert fitting_mask("kim@example.org", "a", NULL, Rules(validator), SECRET).value.endswith(
        "@erased.invalid"
    )


@pytest.mark.parametrize("most", [10, 16, 20, 64])
def test_however_short_a_masked_address_must_be_those_of_two_people_differ(most: int) -> None:
    short = rules({"bsonType": "string", "maxLength": most}, unique="a")
    first, second = (
        fitting_mask(f"{who}@example.org", "a", NULL, short, SECRET).value for who in ("bo", "kim")
    )
    assert len(first) <= most
    assert first != second


@pytest.mark.slow
@given(some.text(min_size=1), some.text(min_size=1))
def test_where_values_must_differ_the_masks_of_two_values_do(one: str, other: str) -> None:
    first, second = (fitting_mask(v, "a", NULL, rules({}, unique="a"), SECRET).value for v in (one, other))
    assert first not in (None, one)
    assert (first == second) == (one == other)


def test_an_unreadable_pattern_is_no_obstacle() -> None:
    assert conforms("x", {"pattern": "(?<name"})


def test_a_field_inside_an_array_is_found_in_the_schema() -> None:
    inner = {"properties": {"b": {"bsonType": "string"}}, "required": ["b"]}
    fit = fitting_mask("x", "a.b", NULL, rules({"bsonType": "array", "items": inner}), SECRET)
    assert fit.value == ""
