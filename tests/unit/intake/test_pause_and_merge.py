"""The staff pauses an open request, or merges it with an earlier one of the same person."""

from datetime import timedelta

import pytest

from services.intake.cases.fingerprint import merged_with
from services.intake.domain import CaseStatus, request_id
from shared.contract.events import (
    DecisionRefused,
    DueMoved,
    DuplicateDecided,
    IdentityVerified,
    PauseDecided,
    RequestDuplicated,
    RequestStopped,
    RequestWithdrawn,
    StopDecided,
    StopReason,
)
from shared.errors import RefusedDecision
from tests.unit.fakes import NOW, REQUEST_KEY, SOURCE, Office, request

FIRST, SECOND = (request_id(SOURCE, name, key=REQUEST_KEY) for name in ("r-1", "r-2"))
PAUSE = PauseDecided(request_id=FIRST, by="dana.muster")
MERGE = DuplicateDecided(request_id=SECOND, by="dana.muster", first=FIRST)


async def opened(**changes: object) -> Office:
    """Return an office with two open requests, the second with *changes*."""
    office = Office()
    await office.submit(request(received_at=(NOW - timedelta(days=3)).isoformat()))
    other = {"subject": request()["subject"] | {"name": "A. Lovelace"}}
    await office.submit(request(reference="r-2", **(other | changes)), id_="second")
    return office


async def test_paused_request_waits_for_the_staff_and_no_last_day_moves() -> None:
    office = await opened()
    before = (await office.requests.case(FIRST)).due_on
    await office.tell(PAUSE, service="console")
    assert office.the(RequestStopped).reason is StopReason.PAUSED_BY_STAFF
    office.clock.move(timedelta(days=10))
    assert (await office.requests.case(FIRST)).due_on == before
    await office.tell(StopDecided(request_id=FIRST, by="dana.muster", resume=True), service="console")
    case = await office.requests.case(FIRST)
    assert (case.stopped, case.due_on) == (None, before)
    assert office.facts(DueMoved) == []


async def test_stopped_and_ended_requests_are_not_paused() -> None:
    office = await opened()
    await office.tell(PAUSE, service="console")
    await office.tell(PAUSE.model_copy(update={"by": "omar.sample"}), service="console")
    await office.requests.record(SECOND, RequestWithdrawn(request_id=SECOND))
    await office.tell(PAUSE.model_copy(update={"request_id": SECOND}), service="console")
    assert [one.reason for one in office.facts(DecisionRefused)] == ["request_stopped", "not_possible"]


async def test_merged_request_is_a_duplicate_of_the_first_and_proves_nothing_more() -> None:
    office = await opened()
    await office.tell(MERGE, service="console")
    duplicated = office.the(RequestDuplicated)
    first, second = [await office.requests.case(one) for one in (FIRST, SECOND)]
    assert (duplicated.request_id, duplicated.first, duplicated.due_on) == (SECOND, FIRST, first.due_on)
    assert second.status is CaseStatus.DUPLICATE
    assert not second.awaits_proof


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"right": "erasure"}, "not_the_same"),
        ({"residence": {"country": "US", "subdivision": "CA"}}, "merge_delays"),
        ({"subject": {"name": "A. Lovelace", "email": "other@example.org"}}, "other_person"),
    ],
)
async def test_request_is_merged_only_with_the_same_of_the_same_person(
    changes: dict[str, object], reason: str
) -> None:
    office = await opened(**changes)
    await office.tell(MERGE, service="console")
    assert office.the(DecisionRefused).reason == reason
    assert office.facts(RequestDuplicated) == []


async def test_request_is_merged_neither_with_itself_nor_with_a_later_one_nor_with_none() -> None:
    office = await opened()
    wanted = [(SECOND, SECOND), (FIRST, SECOND), (SECOND, "f" * 32)]
    for case, first in wanted:
        event = MERGE.model_copy(update={"request_id": case, "first": first})
        await office.tell(event, service="console")
    reasons = [one.reason for one in office.facts(DecisionRefused)]
    assert reasons == ["first_not_open", "not_the_same", "first_not_open"]


async def test_request_is_not_merged_with_one_that_is_late_or_ended_or_once_it_is_proven() -> None:
    office = await opened()
    first, second = [await office.requests.case(one) for one in (FIRST, SECOND)]
    assert first.due_on is not None
    with pytest.raises(RefusedDecision, match="merge_delays"):
        merged_with(first, second, first.due_on + timedelta(days=1))
    await office.requests.record(FIRST, RequestWithdrawn(request_id=FIRST))
    with pytest.raises(RefusedDecision, match="first_not_open"):
        merged_with(await office.requests.case(FIRST), second, first.due_on)
    assert second.received is not None
    proven = IdentityVerified(
        request_id=SECOND,
        right=second.received.right,
        regulation=second.received.regulation,
        received_on=second.received.received_on,
        assurance="mailbox",
        reasons=(),
    )
    await office.requests.record(SECOND, proven)
    with pytest.raises(RefusedDecision, match="identity_decided"):
        merged_with(first, await office.requests.case(SECOND), first.due_on)
