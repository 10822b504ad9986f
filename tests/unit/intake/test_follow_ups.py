"""A proof, a withdrawal or an appeal that comes before its request waits for it, once and not for ever."""

from collections.abc import Mapping
from datetime import timedelta
from math import inf
from typing import Any

import orjson
import pytest

from services.intake.cases.follow_ups import DESTROYED_AFTER, MOST, NOT_COME, WAIT
from services.intake.context import NOT_KNOWN
from services.intake.domain import FollowUpKept, request_id
from shared.contract.events import (
    AppealReceived,
    DeadlineCame,
    EvidenceDestroyed,
    ProofReceived,
    RequestDuplicated,
    RequestReceived,
    RequestRejected,
    RequestWithdrawn,
)
from shared.contract.sources import Source
from shared.runtime.scheduler import Timer, _messages
from tests.integration.crash_points import Killed, Life, Mortal
from tests.unit.fakes import REQUEST_KEY, SOURCE, Office, request, submission

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
FORWARDED = {"role": "end_user", "controller": {"name": "Example Shop", "email": "privacy@shop.example"}}
ANOTHER = "another-system"
PROOF = {"kind": "data_points", "points": {"customer_no": "4711"}}
EARLY: Mapping[str, tuple[dict[str, Any], type[Any]]] = {
    "proof.submitted": ({"proofs": [PROOF]}, ProofReceived),
    "request.withdrawn": ({}, RequestWithdrawn),
    "appeal.submitted": ({"statement": "You did not answer me in March."}, AppealReceived),
}


async def come(office: Office, type_: str, id_: str = "evt-2", **data: Any) -> None:
    """Submit an event about the request r-1."""
    content = {**EARLY[type_][0], **(data or {"reference": "r-1"})}
    await office.broker.publish([submission(type_, content, id_=id_)])
    await office.work()


async def end_waits(office: Office) -> None:
    """Publish the timers of intake that have come."""
    for (case, name), moment in list(office.deadlines.moments.items()):
        if moment <= office.clock.now:
            await office.broker.publish(_messages(Timer(case, name, moment), "intake", DeadlineCame))
    await office.work()


@pytest.mark.parametrize("type_", EARLY)
async def test_event_of_another_source_about_a_request_has_no_effect(type_: str) -> None:
    office = Office()
    await office.submit(request())
    before = office.events()
    data = {**EARLY[type_][0], "request": CASE}
    await office.broker.publish([submission(type_, data, id_="evt-2", source=ANOTHER)])
    await office.work()
    assert [type(one) for one in office.events()[len(before) :]] == [RequestRejected]


@pytest.mark.parametrize("type_", EARLY)
async def test_event_before_its_request_takes_effect_when_the_request_comes(type_: str) -> None:
    office = Office()
    await come(office, type_)
    assert office.events() == []
    await office.submit(request())
    office.the(RequestReceived)
    office.the(EARLY[type_][1])
    assert office.facts(RequestRejected) == []
    assert not any(name.startswith("follow_up") for _, name in office.deadlines.moments)


@pytest.mark.parametrize("type_", EARLY)
async def test_event_before_a_request_by_http_takes_effect_in_the_row_of_the_request(type_: str) -> None:
    office = Office()
    await come(office, type_)
    await office.lodge(request(), Source(SOURCE))
    [registered] = [
        row for row in office.rows() if any(isinstance(fact, RequestReceived) for fact in row.facts)
    ]
    assert EARLY[type_][1] in map(type, registered.facts)


@pytest.mark.parametrize("type_", EARLY)
async def test_event_that_is_repeated_or_interrupted_takes_effect_once(type_: str) -> None:
    office = Office()
    await come(office, type_)
    await come(office, type_)
    office.broker.crash()
    await office.work()
    await office.submit(request())
    await come(office, type_)
    await office.submit(request())
    assert len(office.facts(FollowUpKept)) == len(office.facts(EARLY[type_][1])) == 1


@pytest.mark.parametrize("last", range(1, 9))
@pytest.mark.parametrize("type_", EARLY)
async def test_event_takes_effect_once_if_intake_dies_before_or_after_any_write(
    type_: str, last: int
) -> None:
    office, life = Office(), Life(last)
    [intake, _] = office._runtimes
    intake.journal = Mortal(intake.journal, life, {"append"})
    intake.publisher = Mortal(intake.publisher, life, {"publish"})
    early = submission(type_, EARLY[type_][0] | {"reference": "r-1"}, id_="evt-2")
    for message in (early, submission("request.submitted", request(), id_="evt-1")):
        await office.broker.publish([message])
        try:
            await office.work()
        except* Killed:
            life.last = inf
            office.broker.crash()
            await office.work()
    assert life.last == inf, "it did not die"
    office.the(RequestReceived)
    office.the(EARLY[type_][1])
    assert len(office.facts(FollowUpKept)) == 1
    assert office.facts(RequestRejected) == []


@pytest.mark.parametrize("type_", EARLY)
async def test_event_without_a_request_is_rejected_after_a_day_and_its_content_destroyed(type_: str) -> None:
    office = Office()
    await come(office, type_)
    office.clock.move(WAIT - timedelta(minutes=1))
    await end_waits(office)
    assert office.facts(RequestRejected) == []
    office.clock.move(timedelta(minutes=1))
    await end_waits(office)
    await end_waits(office)
    rejected = office.the(RequestRejected)
    assert (rejected.publisher_source, rejected.publisher_id) == (SOURCE, "evt-2")
    assert [error.message for error in rejected.errors] == [NOT_COME]
    assert bool(office.sealed(CASE)) == (type_ != "request.withdrawn"), "until the rejection is a row"
    office.clock.move(DESTROYED_AFTER)
    await end_waits(office)
    assert not office.sealed(CASE)
    await office.submit(request())
    assert office.facts(EARLY[type_][1]) == [], "it no longer waits"


async def test_request_has_the_names_of_its_own_event_and_not_of_an_earlier_one() -> None:
    office = Office()
    await come(office, "request.withdrawn")
    await office.submit(request(), id_="evt-1")
    bodies = [orjson.loads(message.body) for message in office.broker.published]
    names = [
        body["publisherid"]
        for body in bodies
        if body["type"].startswith("habeas.request.") and "correlationid" in body
    ]
    assert names
    assert set(names) == {"evt-1"}


@pytest.mark.parametrize("changes", [{}, FORWARDED, {"right": "erasure"}], ids=str)
async def test_request_that_was_withdrawn_before_it_came_asks_for_nothing(changes: dict[str, Any]) -> None:
    office = Office()
    await come(office, "proof.submitted", "evt-1")
    await come(office, "request.withdrawn", "evt-2")
    await office.submit(request(**changes))
    office.the(RequestWithdrawn)
    about_its_proof = {ProofReceived, EvidenceDestroyed, RequestRejected}
    assert {type(event) for event in office.events()} - about_its_proof == {RequestReceived, RequestWithdrawn}


async def test_withdrawn_request_repeats_no_other_one_and_is_repeated_by_none() -> None:
    office = Office()
    for number, reference in enumerate(("r-0", "r-1", "r-2")):
        if reference == "r-1":
            await come(office, "request.withdrawn")
        await office.submit(request(reference=reference), id_=f"evt-{number + 3}")
    repeated = {fact.request_id: fact.first for fact in office.facts(RequestDuplicated)}
    ids = [request_id(SOURCE, reference, key=REQUEST_KEY) for reference in ("r-0", "r-2")]
    assert repeated == {ids[1]: ids[0]}


async def test_event_about_an_unknown_id_is_rejected_at_once() -> None:
    office = Office()
    await come(office, "request.withdrawn", request="f" * 32)
    office.the(RequestRejected)
    assert office.facts(FollowUpKept) == []


async def test_number_of_events_that_wait_for_one_request_is_limited() -> None:
    office = Office()
    for number in range(MOST + 1):
        await come(office, "proof.submitted", f"evt-{number}")
    assert len(office.facts(FollowUpKept)) == MOST
    assert office.the(RequestRejected).publisher_id == f"evt-{MOST}"


async def test_number_of_events_of_one_source_that_wait_is_limited() -> None:
    office = Office()
    office.queue.follow_ups_admitted = 1
    await come(office, "proof.submitted", "evt-1", reference="r-1")
    await come(office, "proof.submitted", "evt-2", reference="r-2")
    assert len(office.facts(FollowUpKept)) == 1
    assert office.the(RequestRejected).publisher_id == "evt-2"


async def test_second_withdrawal_that_waited_is_rejected() -> None:
    office = Office()
    await come(office, "request.withdrawn", "evt-1")
    await come(office, "request.withdrawn", "evt-2")
    await office.submit(request())
    office.the(RequestWithdrawn)
    assert office.the(RequestRejected).publisher_id == "evt-2"


async def test_event_of_another_source_with_the_same_reference_does_not_wait_for_the_request() -> None:
    office = Office()
    other = submission("request.withdrawn", {"reference": "r-1"}, id_="evt-1", source="desk.example")
    await office.broker.publish([other])
    await office.work()
    await office.submit(request())
    assert office.facts(RequestWithdrawn) == []


async def test_event_of_another_source_with_the_same_id_ends_no_wait() -> None:
    office = Office()
    await come(office, "request.withdrawn", "evt-1")
    other = submission("request.withdrawn", {"request": CASE}, id_="evt-1", source="desk.example")
    await office.broker.publish([other])
    await office.work()
    office.the(RequestRejected)
    await office.submit(request())
    office.the(RequestWithdrawn)


async def test_journal_of_a_waiting_event_holds_no_content_of_it() -> None:
    office = Office()
    await come(office, "appeal.submitted", "ada@example.org")
    [kept] = office.facts(FollowUpKept)
    assert "March" not in kept.model_dump_json()
    assert "ada@example.org" not in kept.model_dump_json()


@pytest.mark.parametrize("type_", EARLY)
async def test_event_about_a_waiting_request_moves_it_only_for_its_own_source(type_: str) -> None:
    office = Office()
    office.queue.free = 0
    await office.submit(request())
    data = EARLY[type_][0] | {"request": CASE}
    await office.broker.publish([submission(type_, data, id_="evt-2", source="other.example.com")])
    await office.work()
    assert office.queue.hurried == []
    assert office.the(RequestRejected).errors == (NOT_KNOWN,)
    await come(office, type_, "evt-3", request=CASE)
    assert office.queue.hurried == [CASE]
