"""Masks never show the value, and equal values get equal masks."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.fulfillment.datamap.model import Masking
from services.fulfillment.erasure.masks import masked
from services.fulfillment.search.bson_equality import key_of
from shared.contract.events import Subject
from shared.runtime.mongo import Binary, Decimal128, Int64, ObjectId

SECRET = b"secret"
STRATEGIES = ["null_rewrite", "string_rewrite", "random_string_rewrite", "hash", "hmac", "email"]
VALUES = some.one_of(
    some.text(min_size=1),
    some.integers(-(2**63), 2**63 - 1),
    some.floats(allow_nan=False),
    some.booleans(),
    some.binary(min_size=1),
    some.builds(ObjectId, some.binary(min_size=12, max_size=12)),
    some.builds(Decimal128, some.decimals(allow_nan=False, places=2, min_value=-9999, max_value=9999)),
)


@given(VALUES, some.sampled_from(STRATEGIES))
def test_no_mask_shows_its_value(value: Any, strategy: str) -> None:
    mask = masked(value, Masking(strategy), SECRET)
    assert mask is None or key_of(mask) != key_of(value)
    if strategy == "string_rewrite" and isinstance(value, str) and isinstance(mask, str):
        assert value.casefold() not in mask.casefold()


@pytest.mark.parametrize("strategy", ["hash", "random_string_rewrite"])
def test_a_digest_with_the_letters_of_a_short_value_in_it_is_a_mask_all_the_same(strategy: str) -> None:
    digits = [format(number, "02x") for number in range(256)]
    assert None not in [masked(value, Masking(strategy), SECRET) for value in digits]


@given(VALUES)
def test_equal_values_have_equal_masks_under_one_secret_and_others_under_another(value: Any) -> None:
    hashed = masked(value, Masking("hash"), SECRET)
    assert hashed == masked(value, Masking("hash"), SECRET)
    assert hashed is None or hashed != masked(value, Masking("hash"), b"another")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param("text", str, id="string"),
        pytest.param(9767, Int64, id="integer"),
        pytest.param(ObjectId(), ObjectId, id="object id"),
        pytest.param(Binary(bytes(16), 4), Binary, id="uuid"),
        pytest.param(b"\x01", bytes, id="binary"),
        pytest.param(Decimal128(Decimal(1)), type(None), id="decimal"),
        pytest.param(datetime(2026, 1, 1, tzinfo=UTC), type(None), id="date"),
        pytest.param({"a": "text"}, type(None), id="object"),
    ],
)
def test_a_hash_keeps_the_type_or_is_null(value: Any, kind: type) -> None:
    assert isinstance(masked(value, Masking("hash"), SECRET), kind)


def test_a_configured_text_stands_in_for_texts_alone() -> None:
    masking = Masking(
        "string_rewrite", {"rewrite_value": "gone", "format_preservation": {"suffix": "@example.org"}}
    )
    assert masked("kim", masking, SECRET) == "gone@example.org"
    assert masked(7, masking, SECRET) is None


def test_a_configured_text_that_happens_to_be_the_value_becomes_null() -> None:
    assert masked("Gone", Masking("string_rewrite", {"rewrite_value": "all gone"}), SECRET) is None


def test_an_array_loses_its_values_and_stays_an_array() -> None:
    assert masked(["a", "b"], Masking("null_rewrite"), SECRET) == []
    hashes = masked(["a1x", "b2y", None], Masking("hash"), SECRET)
    assert len(hashes) == 2


LENGTH = Masking("truncate", {"length": 2})


@pytest.mark.parametrize(
    ("masking", "value", "mask"),
    [
        pytest.param(LENGTH, "10115", "10…", id="truncate: the beginning stays"),
        pytest.param(LENGTH, "10", None, id="truncate: a text no longer than that would be shown whole"),
        pytest.param(LENGTH, "10…", "10…", id="truncate: twice is once"),
        pytest.param(LENGTH, 10115, None, id="truncate: texts alone"),
        pytest.param(Masking("truncate"), "Berlin", "B…", id="truncate: one character by default"),
        pytest.param(
            Masking("year"),
            datetime(1980, 5, 17, 3, 4, tzinfo=UTC),
            datetime(1980, 1, 1, tzinfo=UTC),
            id="year: of a date",
        ),
        pytest.param(
            Masking("year"),
            datetime(1980, 1, 1, tzinfo=UTC),
            datetime(1980, 1, 1, tzinfo=UTC),
            id="year: twice",
        ),
        pytest.param(Masking("year"), "1980-05-17", "1980", id="year: of a date in words"),
        pytest.param(Masking("year"), "1980-05-17T03:04:05Z", "1980", id="year: of an instant in words"),
        pytest.param(Masking("year"), "1980", "1980", id="year: twice, in words"),
        pytest.param(Masking("year"), "in May", None, id="year: no date"),
        pytest.param(Masking("phone"), "+49 (30) 123-45", "+00 (00) 000-00", id="phone: as many digits"),
        pytest.param(Masking("phone"), "+00 (00) 000-00", "+00 (00) 000-00", id="phone: twice is once"),
        pytest.param(Masking("phone"), "Ada, 030 1", " 000 0", id="phone: no other word"),
        pytest.param(Masking("phone"), "none", None, id="phone: no number"),
        pytest.param(Masking("phone"), Int64(4930), 0, id="phone: a number as a number"),
        pytest.param(Masking("email"), 5, None, id="email: texts alone"),
    ],
)
def test_mask_keeps_the_part_that_the_map_states(masking: Masking, value: Any, mask: Any) -> None:
    assert masked(value, masking, SECRET) == mask


def test_masked_address_is_undeliverable() -> None:
    mask = masked("kim@example.org", Masking("email"), SECRET)
    assert Subject(email=mask).email == mask
    assert mask.endswith(".invalid")
    assert masked(mask, Masking("email"), b"another") == mask
    assert masked("bo@example.org", Masking("email"), SECRET) != mask
    assert masked("kim@erased.invalid", Masking("email"), SECRET) != "kim@erased.invalid"
