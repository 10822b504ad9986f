"""All forms of one value in a database are found, and no other value."""

from typing import Any
from uuid import UUID

import pytest

from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.forms import forms
from shared.runtime.mongo import Binary, Decimal128, Int64, ObjectId

ID = "5a9427648b0beebeb6957bfd"
UUID_TEXT = "00112233-4455-6677-8899-aabbccddeeff"
RAW = UUID(UUID_TEXT).bytes


@pytest.mark.parametrize(
    ("value", "kind", "stored"),
    [
        pytest.param("7", "long", Int64(7), id="text for a number"),
        pytest.param(7, "string", "7", id="number for a text"),
        pytest.param(7.0, "string", "7", id="double for a text"),
        pytest.param(Decimal128("7.0"), "string", "7", id="decimal for a text"),
        pytest.param("7", None, 7, id="text for any field"),
        pytest.param("-7", None, -7, id="negative"),
        pytest.param("0", None, 0, id="zero"),
        pytest.param("7.5", "decimal", Decimal128("7.5"), id="text for a decimal"),
        pytest.param(ID, "string", ObjectId(ID), id="object id where the map declares texts"),
        pytest.param(ObjectId(ID), "object_id", ID, id="digits where the map declares object ids"),
        pytest.param(7, "string", Int64(7), id="number where the map declares texts"),
        pytest.param("7", "string", Int64(7), id="text for a number where the map declares texts"),
        pytest.param(Decimal128("89490200000000000000"), None, "89490200000000000000", id="many digits"),
        pytest.param("89490200000000000000", None, Decimal128("89490200000000000000"), id="as a decimal"),
        pytest.param(Decimal128("12.50"), None, "12.5", id="a fraction of a decimal as text"),
        pytest.param("12.5", None, 12.5, id="a text with a fraction for a double"),
        pytest.param(0.1, None, Decimal128("0.1"), id="a fraction as it is written"),
        pytest.param(ID, "object_id[]", ObjectId(ID), id="digits for an object id"),
        pytest.param(ObjectId(ID), "string", ID, id="object id for a text"),
        pytest.param(ObjectId(ID), None, ID.upper(), id="large digits"),
        pytest.param(UUID_TEXT, "uuid", Binary(RAW, 4), id="text for a uuid"),
        pytest.param(UUID_TEXT, "uuid", Binary(RAW, 3), id="an old uuid"),
        pytest.param(
            UUID_TEXT, "uuid", Binary(bytes.fromhex("7766554433221100ffeeddccbbaa9988"), 3), id="java"
        ),
        pytest.param(
            UUID_TEXT, "uuid", Binary(bytes.fromhex("33221100554477668899aabbccddeeff"), 3), id="c#"
        ),
        pytest.param(UUID_TEXT, "binary", RAW, id="text for sixteen bytes"),
        pytest.param(Binary(RAW, 4), "string", UUID_TEXT, id="uuid for a text"),
        pytest.param(Binary(RAW, 4), None, UUID_TEXT.replace("-", ""), id="uuid without dashes"),
        pytest.param(RAW, "string", UUID_TEXT, id="sixteen bytes for a text"),
        pytest.param(RAW, None, UUID_TEXT.upper(), id="sixteen bytes for large digits"),
        pytest.param(RAW, "uuid", Binary(RAW, 4), id="sixteen bytes for a uuid"),
        pytest.param(RAW, None, Binary(RAW, 3), id="sixteen bytes for an old uuid"),
        pytest.param(Binary(RAW, 4), "binary", RAW, id="uuid for sixteen bytes"),
        pytest.param(Binary(UUID(UUID_TEXT).bytes_le, 3), None, UUID_TEXT, id="c# for a text"),
        pytest.param(
            Binary(bytes.fromhex("7766554433221100ffeeddccbbaa9988"), 3),
            "string",
            UUID_TEXT,
            id="java for a text",
        ),
        pytest.param("caf\u00e9", "string", "cafe\u0301", id="accents apart"),
    ],
)
def test_a_value_is_found_in_the_form_in_which_it_is_stored(
    value: Any, kind: str | None, stored: Any
) -> None:
    assert key_of(stored) in {key_of(form) for form in forms(value, kind)}


@pytest.mark.parametrize(
    ("value", "kind", "never"),
    [
        pytest.param("007", None, 7, id="digits with noughts before them are a code"),
        pytest.param("+7", None, 7, id="nor is a sign a number"),
        pytest.param(True, None, "True", id="truth"),
        pytest.param(7.5, "string", "7", id="fraction"),
        pytest.param("9" * 40, "long", int("9" * 40), id="more than fits"),
        pytest.param("seven", "long", 7, id="word"),
        pytest.param("42.0", None, 42, id="a zero fraction may be a version"),
        pytest.param("42.0", "string", "42", id="and so may it where texts are"),
        pytest.param("42.5", "integer", 42, id="a text with a fraction"),
        pytest.param(RAW[:15], None, RAW[:15].hex(), id="bytes that are no uuid"),
        pytest.param(Binary(RAW, 5), None, UUID_TEXT, id="bytes that are a digest"),
        pytest.param("42.0", "integer", 42, id="nor is it a number where numbers are declared"),
        pytest.param("007", "long", 7, id="nor are digits with noughts before them"),
        pytest.param("12.50", None, 12.5, id="a fraction with a zero after it"),
    ],
)
def test_a_value_is_never_taken_for_another(value: Any, kind: str | None, never: Any) -> None:
    assert key_of(never) not in {key_of(form) for form in forms(value, kind)}


@pytest.mark.parametrize("value", [None, {"a": 1}, [1], "", "9" * 5_000, b"\x00"])
def test_every_value_is_among_its_own_forms(value: Any) -> None:
    assert next(forms(value, None)) == value
