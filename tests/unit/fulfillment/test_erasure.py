"""Erasure plans in stored form, and filters without array positions."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from bson.datetime_ms import DatetimeMS

from services.fulfillment.datamap.model import CollectionPlace
from services.fulfillment.erasure.steps import Disposition, Mask, Pull, RecordPlan, RecordStep
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.stores.operations import changes
from shared.runtime.mongo import Binary, Decimal128, Int64, ObjectId, UpdateOne

KIM = OwnershipMatch("thread.email", "thread", ("kim@example.org",))
PLACE = CollectionPlace("default", "desk", "notes")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(ObjectId("5a9427648b0beebeb6957bfd"), id="object id"),
        pytest.param(Int64(5), id="long"),
        pytest.param(5, id="int"),
        pytest.param(5.5, id="double"),
        pytest.param(Decimal128(Decimal("5.50")), id="decimal"),
        pytest.param(Binary(bytes(16), 4), id="uuid"),
        pytest.param(b"\x00", id="binary"),
        pytest.param(datetime(2026, 1, 2, 3, 4, 5, 6000, tzinfo=UTC), id="date"),
        pytest.param(DatetimeMS(2**53), id="date beyond the calendar"),
        pytest.param({"a": 1, "b": [1, None]}, id="object"),
        pytest.param("é\U0001f600", id="string"),
    ],
)
def test_a_plan_survives_being_stored_with_every_type(value: Any) -> None:
    step = RecordStep(
        key="desk.notes",
        place=PLACE,
        id={"_id": value},
        disposition=Disposition.RETAINED,
        guard=(OwnershipMatch("email", None, (value,)),),
        masks=(Mask("a.b", ("a",), value, instead_of=(value,), of=KIM),),
        pulls=(Pull(KIM, ("thread",)),),
        reason="retention_duty",
        because="§ 147 AO",
        until=date(2030, 1, 1),
        undeclared=2,
        left=("x",),
    )
    plan = RecordPlan("v", date(2026, 1, 1), ("user",), (step,), (("desk.notes",),), ("desk.none",))
    again = RecordPlan.of_lines(plan.lines())
    assert again == plan
    assert type(again.steps[0].id["_id"]) is type(value)


def test_elements_are_chosen_by_content_and_arrays_named_without_positions() -> None:
    step = RecordStep(
        key="desk.notes",
        place=PLACE,
        id={"_id": 1},
        disposition=Disposition.MASKED,
        guard=(KIM,),
        masks=(Mask("thread.text", ("thread",), None, of=KIM),),
    )
    (operation,) = changes(step)
    assert operation == UpdateOne(
        {
            "$and": [
                {"_id": {"$eq": 1}, "$or": [{"thread.email": {"$in": ["kim@example.org"]}}]},
                {"thread": {"$type": "array"}},
            ]
        },
        {"$set": {"thread.$[m0].text": None}},
        array_filters=[
            {
                "$and": [
                    {"m0.text": {"$exists": True}},
                    {"m0": {"$not": {"$type": "array"}}},
                    {"m0.email": {"$in": ["kim@example.org"]}},
                ]
            },
        ],
        collation={"locale": "simple"},
    )
