"""Effects of a withdrawal, a stop and an undeliverable letter on the window of a confirmed alias."""

from datetime import timedelta

import pytest

from services.intake.cases.errors import NotPossibleNow
from shared.contract.events import (
    DisclosureScheduled,
    ErasureScheduled,
    Fact,
    LetterKind,
    NoticeFailed,
    RequestStopped,
    RequestWithdrawn,
    StopDecided,
    StopReason,
)
from shared.contract.stop_links import PATH, stop_url
from tests.unit.fakes import Office, request
from tests.unit.intake.test_alias_codes import answered
from tests.unit.intake_api import CASE, STOP_KEY, client_of

URL = stop_url("", STOP_KEY, CASE)
DAY = timedelta(days=1)
UNREACHABLE = NoticeFailed(request_id=CASE, letter=LetterKind.NAMED_MAILBOX, reason="unknown_mailbox")
KINDS: tuple[type[DisclosureScheduled | ErasureScheduled], ...] = (DisclosureScheduled, ErasureScheduled)


async def waiting(kind: type[DisclosureScheduled | ErasureScheduled] = DisclosureScheduled) -> Office:
    """Return an answered request with an alias that adds records after a window."""
    office, _ = await answered()
    window: Fact = kind(request_id=CASE, at=office.clock() + DAY)
    await office.tell(window, service="fulfillment")
    return office


async def test_undeliverable_letter_to_another_mailbox_stops_the_request() -> None:
    office = Office()
    await office.submit(request())
    await office.tell(UNREACHABLE, UNREACHABLE, service="notifier")
    assert [fact.reason for fact in office.facts(RequestStopped)] == [StopReason.MAILBOX_UNREACHABLE]


async def test_undeliverable_letter_to_the_requester_stops_nothing() -> None:
    office = Office()
    await office.submit(request())
    failed = UNREACHABLE.model_copy(update={"letter": LetterKind.ACKNOWLEDGEMENT})
    await office.tell(failed, service="notifier")
    assert office.facts(RequestStopped) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_undeliverable_letter_stops_an_addition_that_waits_for_its_window(
    kind: type[DisclosureScheduled | ErasureScheduled],
) -> None:
    office = await waiting(kind)
    await office.tell(UNREACHABLE, service="notifier")
    assert office.the(RequestStopped).reason is StopReason.MAILBOX_UNREACHABLE


async def test_undeliverable_letter_stops_no_finished_request() -> None:
    office = await waiting()
    office.clock.move(DAY)
    await office.tell(UNREACHABLE, service="notifier")
    assert office.facts(RequestStopped) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_withdrawal_reaches_the_window_of_an_alias(
    kind: type[DisclosureScheduled | ErasureScheduled],
) -> None:
    office = await waiting(kind)
    await office.requests.withdraw(CASE)
    await office.work()
    assert office.facts(RequestWithdrawn)
    with pytest.raises(NotPossibleNow):
        await office.requests.withdraw(CASE)


async def test_answer_without_an_open_window_is_not_withdrawn() -> None:
    office = await waiting()
    office.clock.move(DAY)
    with pytest.raises(NotPossibleNow):
        await office.requests.withdraw(CASE)


async def test_staff_ends_a_stopped_request_within_the_window_of_an_alias() -> None:
    office = await waiting()
    await office.requests.stop(CASE, StopReason.NOT_ME)
    await office.tell(StopDecided(request_id=CASE, by="dana.muster", resume=False), service="command")
    assert office.the(RequestWithdrawn).stopped


@pytest.mark.parametrize(("passed", "done"), [(timedelta(), True), (DAY, False)])
async def test_stop_page_says_whether_the_window_of_an_alias_was_open(
    passed: timedelta, *, done: bool
) -> None:
    office = await waiting()
    office.clock.move(passed)
    async with client_of(office.requests) as http:
        page = await http.post(URL)
    assert PATH in URL
    assert ("before anything else happens" in page.text) is done
    assert ("answered or ended." in page.text) is not done
