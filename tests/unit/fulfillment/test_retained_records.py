"""Recognition of retained records by the marks in their register."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest

from services.fulfillment.datamap.model import CollectionPlace
from services.fulfillment.domain import NOT_CHANGEABLE, STORE_RULES
from services.fulfillment.erasure.steps import Disposition, Mask, RecordPlan, RecordStep
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.stores.registers import RetainedRecord, RetainedRecords

RECORDS = RetainedRecords(cast("Any", {"kept": None}), b"k" * 32)


def digest(value: Any) -> bytes:
    return RECORDS._digest(value)


def entry(*marks: list[Any]) -> RetainedRecord:
    place = CollectionPlace("default", "shop", "bills")
    return RetainedRecord("e/1", "e", "v", "shop.bills", place, {"_id": 1}, "duty", False, cast("Any", marks))


@pytest.mark.parametrize("parts", [[[]], []], ids=["this version", "earlier version without parts"])
def test_record_is_recognised_by_a_mark(parts: list[Any]) -> None:
    marked = entry(["login", None, digest("kim"), *parts])
    assert RECORDS.matches(marked, {"_id": 1, "login": "kim"}) == (OwnershipMatch("login", None, ("kim",)),)
    assert RECORDS.matches(marked, {"_id": 1, "login": "lee"}) == ()


def test_record_is_recognised_by_a_key_of_several_parts_only_as_a_whole() -> None:
    marked = entry(["t", None, digest("acme"), [["n", digest(1)]]])
    whole = OwnershipMatch("t", None, ("acme",), (("n", 1),))
    assert RECORDS.matches(marked, {"_id": 1, "t": "acme", "n": 1}) == (whole,)
    assert RECORDS.matches(marked, {"_id": 1, "t": "acme", "n": 2}) == ()


@pytest.mark.parametrize(("unit", "marks"), [(None, 0), ("members", 1)], ids=["own", "of several people"])
def test_record_is_recognised_by_its_key_alone_only_if_it_was_the_persons(
    unit: str | None, marks: int
) -> None:
    match, masked = OwnershipMatch("members.email", unit, ("kim",)), Mask("members.email", (), None)
    place = CollectionPlace("default", "shop", "bills")
    step = RecordStep("shop.bills", place, {"_id": 1}, Disposition.RETAINED, (match,), masks=(masked,))
    assert len(list(RECORDS._marks(step))) == marks


def test_record_that_the_map_forbids_to_change_is_not_registered_for_a_retry() -> None:
    place = CollectionPlace("default", "shop", "bills")
    refused = RecordStep("shop.bills", place, {"_id": 1}, Disposition.LEFT, (), reason=STORE_RULES)
    fixed = replace(refused, id={"_id": 2}, reason=NOT_CHANGEABLE)
    decided = RecordPlan("v", date(2026, 11, 25), ("user",), (refused, fixed), ())
    registered = RECORDS._entries(decided, "e", datetime(2026, 11, 25, tzinfo=UTC))
    assert [entry["id"] for entry in registered] == [[["_id", 1]]]
