"""Sets of many keys keep a few bytes of each, without collisions."""

import tracemalloc
from decimal import Decimal

import pytest

from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.digests import MOST_AS_THEY_ARE, DigestSet, digest
from shared.runtime.mongo import Binary, Decimal128, Int64, ObjectId

MANY = 20_000


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(7, 7.0, id="double"),
        pytest.param(7, Int64(7), id="long"),
        pytest.param(7, Decimal128("7.00"), id="decimal"),
        pytest.param(0.5, Decimal128("0.5"), id="fraction"),
        pytest.param(2.0**70, Decimal128(Decimal(2**70)), id="large"),
        pytest.param(0.0, -0.0, id="zero"),
    ],
)
def test_numbers_that_are_equal_are_one_key(one: object, other: object) -> None:
    assert key_of(one) == key_of(other)
    assert digest(key_of(one)) == digest(key_of(other))
    assert digest((key_of(one), "x")) == digest((key_of(other), "x"))


def test_different_keys_have_different_digests() -> None:
    values = [
        -1, -2, 5, 5 + 2**61 - 1, 0.1, Decimal128("0.1"), "5", "number", b"5", Binary(b"5", 4), True,
        ObjectId("5a9427648b0beebeb6957bfd"), "5a9427648b0beebeb6957bfd", float("nan"), float("inf"),
        Decimal128("1E+6000"), "\ud800",
    ]  # fmt: skip
    keys = [*map(key_of, values), ("number", "x"), ("a", "b"), ("b", "a")]
    assert len(set(map(digest, keys))) == len(keys)


@pytest.mark.slow
@pytest.mark.parametrize("number", [10, MANY])
def test_every_key_is_new_once(number: int) -> None:
    keys = DigestSet()
    assert not keys
    assert all(keys.add(("number", n)) for n in range(number))
    assert not any(keys.add(("number", float(n))) for n in range(number))
    assert len(keys) == number
    assert ("number", number - 1) in keys
    assert ("number", number) not in keys


@pytest.mark.slow
def test_many_keys_cost_a_few_bytes_each() -> None:
    tracemalloc.start()
    keys = DigestSet()
    for number in range(MANY):
        keys.add(f"a key that is long, {number}")
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(keys) == MANY > MOST_AS_THEY_ARE
    assert held < 40 * MANY
