"""Records that an erasure retains under a duty get the map's mark; the answer states whether all have it."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.fulfillment.datamap.model import Collection, DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.erasure.planner import plan_records
from services.fulfillment.erasure.steps import Disposition, RecordStep, Set, of_document
from services.fulfillment.erasure.steps import as_document as stored
from services.fulfillment.package import answers
from services.fulfillment.search.findings import FoundRecord
from services.fulfillment.search.ownership import OwnershipMatch
from shared.contract.answer import Answer, KeptGroup

TODAY = date(2026, 11, 29)
MAP = parse(
    {
        "map.yml": """
dataset:
  - fides_key: books
    collections:
      - name: invoices
        meta:
          habeas:
            erasure: delete
            retention: { keep: P8Y, from: issued, starts: end_of_year, because: § 147 AO }
            legal_hold: { field: disputed, value: true }
            locked: { field: state.locked, value: true }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: issued }
          - { name: disputed }
          - { name: state, fields: [ { name: locked } ] }
"""
    }
)
INVOICES = MAP.by_key["books.invoices"]


def step(document: dict[str, Any], collection: Collection = INVOICES) -> RecordStep:
    whole = {"_id": 1, "email": "kim@example.org", "issued": "2020-05-05", **document}
    match = OwnershipMatch("email", None, ("kim@example.org",))
    return plan_records([FoundRecord(collection, {"_id": 1}, whole, (match,))], MAP, TODAY).steps[0]


def mark(*, created: bool = False) -> Set:
    return Set("state.locked", value=True, before=None if created else False, created=created)


@pytest.mark.parametrize(
    ("document", "sets", "locked"),
    [
        pytest.param({"state": {"locked": False}}, (mark(),), True, id="not locked yet"),
        pytest.param({"state": {}}, (mark(created=True),), True, id="no value yet"),
        pytest.param({"state": {"locked": True}}, (), True, id="locked before"),
        pytest.param({"state": 5}, (), False, id="no place for the mark"),
        pytest.param({"state": {}, "disputed": True}, (), False, id="evidence must not change"),
    ],
)
def test_record_that_is_retained_under_a_duty_gets_the_mark(
    document: dict[str, Any], sets: tuple[Set, ...], *, locked: bool
) -> None:
    planned = step(document)
    assert (planned.disposition, planned.sets, planned.locked) == (Disposition.RETAINED, sets, locked)
    assert planned.changes is bool(sets)
    assert of_document(stored(planned)) == planned


def test_erased_record_and_collection_without_the_mark_are_not_locked() -> None:
    assert step({"issued": "2017-05-05"}).locked is False
    assert step({}, replace(INVOICES, locked=None)).locked is False


def test_step_of_an_earlier_version_is_not_locked() -> None:
    document = stored(step({"state": {"locked": True}}))
    del document["locked"]
    assert of_document(document).locked is False


def kept(*steps: RecordStep) -> list[KeptGroup]:
    plan = replace(plan_records([], DataMap("v", ()), TODAY), steps=steps)
    return list(answers.erasure(plan, (), MAP, Answer(), agreed=()).kept)


def test_answer_says_locked_only_if_each_record_of_the_group_is() -> None:
    marked, bare = step({"state": {"locked": False}}), step({"state": 5})
    assert [group.locked for group in kept(marked, marked)] == [True]
    assert [group.locked for group in kept(marked, bare)] == [False]
    assert [group.locked for group in kept(replace(marked, disposition=Disposition.LEFT))] == [False]
