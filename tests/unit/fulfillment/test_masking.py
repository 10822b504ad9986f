"""A mask never shows what it hides, and equal values hide behind equal masks."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.fulfillment.datamap.model import Masking
from services.fulfillment.erasure.masking import masked
from services.fulfillment.search.paths import key_of
from shared.mongo import Binary, Decimal128, Int64, ObjectId

SECRET = b"secret"
STRATEGIES = ["null_rewrite", "string_rewrite", "random_string_rewrite", "hash", "hmac"]
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
