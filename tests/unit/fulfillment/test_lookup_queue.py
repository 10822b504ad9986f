"""Queued values are taken once, in portions."""

from typing import Any

import pytest

from services.fulfillment.datamap.graph import Lookup
from services.fulfillment.search import spool as waits
from services.fulfillment.search.spool import LookupQueue, Spool
from shared.runtime.mongo import Decimal128, ObjectId

ORDERS = Lookup("shop.orders", "user", None, caseless=False, type=None)
ITEMS = Lookup("shop.items", "order", None, caseless=False, type=None)
ODD: list[Any] = [ObjectId(), "x", 7, 7.5, Decimal128("1.10"), b"x", {"a": 1}]


@pytest.mark.parametrize("room", [5, 10_000])
def test_values_are_taken_once_in_portions(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "MOST_IN_MEMORY", room)
    waiting = LookupQueue(Spool())
    for number in range(100):
        waiting.put(ORDERS, (number,))
        waiting.put(ITEMS, (number, "part"))
    taken = []
    while waiting:
        portion = list(waiting.take(30))
        assert len(portion) <= 30
        taken += portion
        if len(taken) == 60:  # what was looked up leads on
            waiting.put(ORDERS, ("late",))
    everything = [(ORDERS, (n,)) for n in (*range(100), "late")] + [(ITEMS, (n, "part")) for n in range(100)]
    assert sorted(taken, key=repr) == sorted(everything, key=repr)


def test_values_come_back_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "MOST_IN_MEMORY", 0)
    waiting = LookupQueue(Spool())
    for value in ODD:
        waiting.put(ORDERS, (value,))
    found = [values[0] for _, values in waiting.take(100)]
    assert found == ODD
    assert list(map(type, found)) == list(map(type, ODD))
    assert not waiting


def test_only_few_queued_values_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "MOST_IN_MEMORY", 10)
    waiting = LookupQueue(Spool())
    for number in range(1_000):
        waiting.put(ORDERS, (number,))
    assert sum(len(queue.few) for queue in waiting._queues.values()) <= 10
