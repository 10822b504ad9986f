"""Legal holds follow from the facts of their cases; one on a collection is a case of its own."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import HTTPException

from services.console.api.answers import HoldListAnswer
from services.console.context import ConsoleParts
from services.console.decisions.collection_holds import new_hold, placing
from services.console.decisions.forms import CaseView, InvalidEntry, offers_for
from services.console.decisions.offers import OFFERS
from services.console.domain import HistoryEntry, row_of
from services.console.http.queries import holds_of_query
from services.console.read_model.holds import HoldFilter, HoldPage, PlacedHold, holds_of
from services.console.state import CaseKind, CaseRow, HoldState
from shared.contract import events
from shared.contract.events import Fact
from shared.law import Right
from shared.vocabulary import HoldScope, Outcome, StaffRole

CASE, HOLD, OTHER = "ab" * 16, "ef" * 16, "cd" * 16
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
TODAY = AT.date()
PLACED = events.HoldPlaced(
    request_id=CASE, by="dana", hold=HOLD, scope=HoldScope.PERSON, matter="claim_7", until=TODAY
)
ON_COLLECTION = events.HoldPlaced(
    request_id=HOLD,
    by="dana",
    hold=HOLD,
    scope=HoldScope.COLLECTION,
    matter="audit",
    collection="shop.orders",
)
LIFTED = events.HoldLifted(request_id=CASE, by="omar", hold=HOLD, reason="claim_ended")
ENDED = events.HoldEnded(request_id=CASE, hold=HOLD, erasures=(OTHER,))


def history(*facts: Fact) -> list[HistoryEntry]:
    return [
        HistoryEntry(f"event-{place}", AT + timedelta(minutes=place), fact)
        for place, fact in enumerate(facts)
    ]


def test_hold_has_scope_matter_account_and_last_day() -> None:
    [hold] = holds_of(CASE, history(PLACED))
    assert hold == PlacedHold("event-0", HOLD, CASE, HoldScope.PERSON, "claim_7", "dana", AT, TODAY)
    [on_collection] = holds_of(CASE, history(ON_COLLECTION))
    assert (on_collection.case, on_collection.collection, on_collection.until) == (HOLD, "shop.orders", None)


def test_hold_is_lifted_by_an_account_with_a_reason_and_names_erasures() -> None:
    [hold] = holds_of(CASE, history(PLACED, LIFTED, ENDED))
    assert (hold.lifted_by, hold.lifted_at, hold.reason) == ("omar", AT + timedelta(minutes=1), "claim_ended")
    assert hold.erasures == (OTHER,)
    assert hold.state_on(TODAY) is HoldState.LIFTED


def test_refused_decisions_place_and_lift_nothing() -> None:
    def refused(decision: str) -> Fact:
        return events.DecisionRefused(
            request_id=CASE, decision=decision, type=PLACED.TYPE, account="dana", reason="hold_exists"
        )

    assert holds_of(CASE, history(PLACED, refused("event-0"))) == []
    [hold] = holds_of(CASE, history(PLACED, LIFTED, refused("event-1")))
    assert hold.lifted_by is None


@pytest.mark.parametrize(
    ("until", "state"),
    [
        (None, HoldState.STANDING),
        (TODAY, HoldState.STANDING),
        (TODAY - timedelta(days=1), HoldState.ENDED),
    ],
)
def test_hold_stands_through_its_last_day(until: date | None, state: HoldState) -> None:
    [hold] = holds_of(CASE, history(PLACED))
    assert replace(hold, until=until).state_on(TODAY) is state


@pytest.mark.parametrize("facts", [(PLACED,), (ON_COLLECTION,), (PLACED, LIFTED, ENDED)])
def test_stored_hold_is_read_back(facts: tuple[Fact, ...]) -> None:
    [hold] = holds_of(CASE, history(*facts))
    assert PlacedHold.read({"_id": hold.id, "facts_seen": 3, **hold.document()}) == hold


def test_hold_was_kept_from_answered_requests_and_from_those_known_at_its_end() -> None:
    [hold] = holds_of(CASE, history(PLACED, LIFTED, ENDED))
    page = HoldPage([hold], None, {HOLD: [CASE, OTHER]})
    assert page.kept_from(hold) == [CASE, OTHER]
    answer = HoldListAnswer.of(page, TODAY).model_dump()["holds"][0]
    assert (answer["state"], answer["kept_from"], answer["matter"]) == ("lifted", [CASE, OTHER], "claim_7")


def test_answer_of_an_erasure_names_its_holds() -> None:
    answered = events.RequestFulfilled(
        request_id=CASE, right=Right.ERASURE, outcome=Outcome.PARTLY_GRANTED, answer="answer", holds=(HOLD,)
    )
    received = events.PurgeProposed(
        request_id=CASE, collection="shop.orders", day=TODAY, version="0" * 64, records=1
    )
    row = row_of(CASE, history(received, answered))
    assert row is not None
    assert CaseRow.read(row.document()).holds == (HOLD,)


def test_hold_on_a_collection_is_a_case_that_can_only_be_lifted() -> None:
    row = row_of(HOLD, history(ON_COLLECTION))
    assert row is not None
    assert (row.kind, row.open, row.waits) == (CaseKind.HOLD, False, ())
    view = CaseView(row, [ON_COLLECTION], AT, TODAY)
    assert [one.name for one in offers_for(OFFERS.values(), "dana", frozenset(StaffRole), view)] == [
        "lift-hold"
    ]


def parts_of(*collections: str) -> ConsoleParts:
    """Return the parts of a console whose data map has *collections*; none: no map is known."""
    known = SimpleNamespace(collections=[{"key": key} for key in collections]) if collections else None

    async def data_map() -> Any:
        return known

    reports = SimpleNamespace(data_map=data_map)
    parts: Any = SimpleNamespace(reports=reports, clock=lambda: AT, today=lambda: TODAY)
    return parts  # type: ignore[no-any-return]


async def drafted(*collections: str, **values: str) -> Any:
    parts, entered = parts_of(*collections), {"matter": "Audit 2027", **values}
    offer, view = await placing(parts), new_hold(parts)
    read = offer.entered(lambda name: [entered[name]] if name in entered else [], view)
    return offer.draft(read, view, "dana", b"").decision


@pytest.mark.parametrize("known", [("shop.users", "shop.orders"), ()])
async def test_form_places_a_complete_hold_on_a_collection(known: tuple[str, ...]) -> None:
    decision = await drafted(*known, collection="shop.orders", until="2027-12-31")
    assert isinstance(decision, events.HoldPlaced)
    assert (decision.collection, decision.matter, decision.until) == (
        "shop.orders",
        "audit_2027",
        date(2027, 12, 31),
    )
    assert (decision.is_complete, decision.by) == (True, "dana")


async def test_form_accepts_collections_of_the_data_map_alone() -> None:
    with pytest.raises(InvalidEntry) as refused:
        await drafted("shop.users", collection="shop.orders")
    assert refused.value.name == "collection"


async def test_address_with_another_state_is_refused() -> None:
    with pytest.raises(HTTPException) as refused:
        await holds_of_query(parts_of(), {"state": "ended"}, "")
    assert refused.value.status_code == 400


def test_filters_are_read_in_their_index() -> None:
    wanted = HoldFilter(standing=True, collection="shop.orders")
    assert wanted.query(TODAY) == {"collection": "shop.orders", "place": {"$gte": "2026-03-02"}}
    assert [name for name, _ in wanted.index()] == ["collection", "place"]
