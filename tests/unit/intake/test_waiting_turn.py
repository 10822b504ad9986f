"""A waiting request is sealed, its clock runs, and an event about it starts it."""

from datetime import UTC, timedelta
from typing import Any

import pytest

from services.intake.domain import CaseStatus, RequestLodged, request_id
from shared.contract.events import (
    BurstDeclared,
    RequestReceived,
    RequestRejected,
    RequestSubmitted,
    RequestWithdrawn,
)
from shared.contract.register import CaseHistory, RequestManner
from shared.runtime.journal import facts_of
from tests.unit.fakes import NOW, REQUEST_KEY, SOURCE, Office, request, submission
from tests.unit.intake_api import BEARER, assert_problem, client_of, form

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)


async def waiting(*, by_http: bool = False) -> Office:
    """Return an office at which a request waits its turn."""
    office = Office()
    office.queue.free = 0
    if by_http:
        await office.requests.lodge(RequestSubmitted.model_validate(request()), SOURCE)
        await office.work()
    else:
        await office.submit(request())
    return office


async def begins(office: Office) -> None:
    """Register the requests that wait."""
    waiting = list(office.queue.waiting.values())
    assert all([await office.requests.start(lodged) for lodged in waiting])
    await office.work()


async def status(office: Office) -> CaseStatus:
    return (await office.requests.case(CASE)).status


@pytest.mark.parametrize("by_http", [False, True])
async def test_a_waiting_request_is_sealed_and_not_registered(by_http: bool) -> None:
    office = await waiting(by_http=by_http)
    assert office.facts(RequestReceived) == []
    assert "submission" in office.sealed(CASE)
    assert await status(office) is CaseStatus.UNKNOWN


@pytest.mark.parametrize("by_http", [False, True])
async def test_a_waiting_request_is_registered_once_with_its_day_of_receipt(by_http: bool) -> None:
    office, at_once = await waiting(by_http=by_http), Office()
    await at_once.submit(request())
    await office.wait(timedelta(hours=20))
    await begins(office)
    await begins(office)
    received, expected = office.the(RequestReceived), at_once.the(RequestReceived)
    assert (received.received_on, received.due_on) == (expected.received_on, expected.due_on)
    assert received.source == SOURCE


@pytest.mark.parametrize(("by_http", "manner"), [(False, RequestManner.EVENT), (True, RequestManner.API)])
async def test_the_register_says_by_which_way_it_came_although_it_waited(
    by_http: bool, manner: RequestManner
) -> None:
    office = await waiting(by_http=by_http)
    await begins(office)
    rows = (await office.journals["intake"].histories({CASE}))[CASE]
    as_event = any(row.correlation is not None and row.correlation.event is not None for row in rows)
    entry = CaseHistory.of(facts_of(rows), as_event=as_event).entry(UTC)
    assert entry is not None
    assert entry.manner is manner


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"right": "opt_out_of_sale"}, id="an opt-out"),
        pytest.param({"right": "objection", "details": {"scope": ["direct_marketing"]}}, id="no marketing"),
        pytest.param({"child": True}, id="a child"),
        pytest.param({"received_at": "2026-01-20T00:00:00Z"}, id="due already"),
    ],
)
async def test_urgent_requests_begin_over_the_limit(asked: dict[str, Any]) -> None:
    office = Office()
    office.queue.free = 0
    await office.submit(request(**asked))
    assert office.facts(RequestReceived)
    assert office.queue.waiting == {}


async def test_a_request_that_comes_again_while_it_waits_waits_once() -> None:
    office = await waiting()
    await office.submit(request(), id_="2")
    await begins(office)
    assert len(office.facts(RequestReceived)) == 1


@pytest.mark.parametrize(
    ("type_", "more"),
    [
        ("request.withdrawn", {}),
        ("appeal.submitted", {"statement": "It takes long."}),
        ("proof.submitted", {"proofs": [{"kind": "email_code", "code": "123456"}]}),
    ],
)
async def test_an_event_about_a_waiting_request_starts_it(type_: str, more: dict[str, Any]) -> None:
    office = await waiting()
    await office.broker.publish([submission(type_, {"reference": "r-1"} | more, id_="w")])
    await office.work()
    assert office.queue.hurried == [CASE]
    assert office.facts(RequestRejected) == []
    await begins(office)
    await office.wait(timedelta(seconds=1))
    assert office.facts(RequestRejected) == []
    if type_ == "request.withdrawn":
        assert office.the(RequestWithdrawn).request_id == CASE


async def test_a_message_without_a_person_is_still_refused() -> None:
    office = await waiting()
    office.queue.waiting.clear()
    await office.broker.publish([submission("request.withdrawn", {"request": "9" * 32}, id_="w")])
    await office.work()
    assert len(office.facts(RequestRejected)) == 1


async def test_a_withdrawal_by_http_starts_a_waiting_request() -> None:
    office = await waiting(by_http=True)
    async with client_of(office.requests) as client:
        assert (await client.delete(f"/v1/requests/{CASE}")).status_code == 202
    assert office.queue.waiting == {}
    assert office.the(RequestWithdrawn).request_id == CASE


# --- by HTTP ----------------------------------------------------------------------------------------------


async def test_a_system_over_its_limit_gets_a_time_to_retry() -> None:
    office = Office()
    office.queue.free = 0
    async with client_of(office.requests) as client:
        refused = await client.post("/v1/requests", json=request(), headers=BEARER)
        assert_problem(refused, 429)
        assert refused.headers["Retry-After"] == "1800"  # it is half past nine
        assert NOW.minute == 30
        assert (
            await client.post("/v1/requests", json=form())
        ).status_code == 202  # people are not that system
        opted_out = request(reference="r-2", right="opt_out_of_sale")  # what takes effect at once
        assert (await client.post("/v1/requests", json=opted_out, headers=BEARER)).status_code == 202
        office.queue.free = 1
        assert (await client.post("/v1/requests", json=request(), headers=BEARER)).status_code == 202
    assert office.sealed(CASE)


async def test_a_sheet_is_taken_in_however_long_it_is_and_waits() -> None:
    office = Office()
    office.queue.free = 1
    sheet = "reference,right,email\n" + "".join(f"t-{n},erasure,p{n}@example.org\n" for n in range(5))
    async with client_of(office.requests) as client:
        headers = {"Content-Type": "text/csv"} | BEARER
        answer = await client.post("/v1/requests/batch", content=sheet, headers=headers)
    assert answer.status_code == 202
    await office.work()
    assert len(office.facts(RequestReceived)) == 1
    assert len(office.queue.waiting) == 4


# --- incidents --------------------------------------------------------------------------------------------


async def test_a_request_in_the_time_of_an_incident_bears_its_name() -> None:
    office = Office()
    declared = BurstDeclared(
        request_id="b" * 32, by="dana", incident="breach_1", since=NOW, until=NOW + timedelta(days=1)
    )
    await office.submit(request(reference="before", received_at="2026-03-01T00:00:00Z"))
    await office.tell(declared, service="command")
    await office.submit(request(), id_="2")
    assert [one.incident for one in office.facts(RequestReceived)] == [None, "breach_1"]
    rows = (await office.journals["intake"].histories({CASE}))[CASE]
    entry = CaseHistory.of(facts_of(rows)).entry(UTC)
    assert entry is not None
    assert entry.plain()["incident"] == "breach_1"


def test_a_waiting_request_holds_no_personal_data() -> None:
    assert set(RequestLodged.model_fields) == {
        "request_id", "source", "occurred_at", "proofs", "attested", "instructed", "at_once", "submitted",
        "waited", "publisher_id",
    }  # fmt: skip
