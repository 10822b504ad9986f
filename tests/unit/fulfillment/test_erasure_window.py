"""The window before an erasure: it ends before the deadline, and the erasure can be stopped until its end."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.fulfillment.context import Fulfillment
from services.fulfillment.erasure.handlers import approve, await_window, begin, erase
from services.fulfillment.erasure.suspension import releases, unless_stopped
from services.fulfillment.erasure.window import TIMER, scheduled
from services.fulfillment.handlers import RELEASED, SUBSCRIPTIONS, answer
from services.fulfillment.state import FulfillmentStatus, Fulfilment, evolve
from shared.contract.events import (
    ErasureApproved,
    ErasureDue,
    ErasurePlanned,
    ErasureScheduled,
    Fact,
    IdentityVerified,
    RequestReleased,
    RequestStopped,
    RequestWithdrawn,
)
from shared.errors import RefusedDecision, TooEarly
from shared.law import Right
from tests.unit.fulfillment.stage import CASE, HOUSE, NOW, stage
from tests.unit.fulfillment.test_disclosure import HELD, MAP

DAY = timedelta(days=1)
WAITING = replace(HOUSE, erasure_window=DAY)
DUE = ErasureDue(request_id=CASE, name=TIMER)
STOPPED = RequestWithdrawn(request_id=CASE)
APPROVED = ErasureApproved(request_id=CASE, by="second.person")
BY_DECIDER = ErasureApproved(request_id=CASE, by="dana")


class Clockwork:
    """Timers that keep what is set."""

    def __init__(self) -> None:
        self.moments: dict[tuple[str, str], datetime] = {}

    async def set(self, case: str, name: str, at: datetime) -> None:
        self.moments.setdefault((case, name), at)


async def asked(**house: object) -> tuple[IdentityVerified, Fulfillment]:
    event, ctx = await stage(MAP, HELD, Right.ERASURE)
    return event, replace(ctx, house=replace(WAITING, **house))  # type: ignore[arg-type]


def after(ctx: Fulfillment, *facts: Fact) -> Fulfillment:
    known = Fulfilment()
    for fact in facts:
        known = evolve(known, fact)
    return replace(ctx, known=known)


async def planned_and_scheduled() -> tuple[Fulfillment, IdentityVerified, ErasurePlanned, ErasureScheduled]:
    event, ctx = await asked()
    planned, window = await answer(event, ctx)
    assert isinstance(planned, ErasurePlanned)
    assert isinstance(window, ErasureScheduled)
    return ctx, event, planned, window


async def test_planned_erasure_is_scheduled_for_the_end_of_its_window() -> None:
    ctx, event, planned, window = await planned_and_scheduled()
    assert window.at == NOW + DAY
    known = after(ctx, event, planned, window)
    assert known.known.status is FulfillmentStatus.SCHEDULED
    assert await erase(planned, known) == []


@pytest.mark.parametrize(
    ("reasons", "letter"),
    [
        pytest.param(("confirmation", "mailbox"), True, id="the code proved and confirmed"),
        pytest.param(("vouched",), True, id="confirmed by contract"),
        pytest.param(("confirmation",), False, id="a trusted system, and a code to confirm"),
        pytest.param(("account", "confirmation"), False, id="a log-in, and a code to confirm"),
    ],
)
async def test_letter_about_the_window_is_written_unless_a_confirmation_was_asked_for_separately(
    reasons: tuple[str, ...], *, letter: bool
) -> None:
    event, ctx = await asked()
    _, window = await answer(event.model_copy(update={"reasons": reasons}), ctx)
    assert isinstance(window, ErasureScheduled)
    assert window.letter is letter


async def test_erasure_without_a_window_does_not_wait() -> None:
    event, ctx = await asked(erasure_window=timedelta())
    [planned] = await answer(event, ctx)
    assert after(ctx, event, planned).known.status is FulfillmentStatus.PLANNED


async def test_end_of_the_window_is_a_timer_of_the_case() -> None:
    ctx, event, planned, window = await planned_and_scheduled()
    timers = Clockwork()
    assert await await_window(window, replace(after(ctx, event, planned, window), timers=timers)) == []
    assert timers.moments == {(CASE, TIMER): NOW + DAY}


async def test_erasure_begins_when_its_window_has_ended() -> None:
    ctx, event, planned, window = await planned_and_scheduled()
    known = replace(after(ctx, event, planned, window), now=window.at)
    assert await begin(DUE, known) == [planned]
    assert after(ctx, event, planned, window, window, DUE, planned).known.status is FulfillmentStatus.PLANNED


async def test_erasure_does_not_begin_before_its_window_has_ended() -> None:
    ctx, event, planned, window = await planned_and_scheduled()
    known = replace(after(ctx, event, planned, window), now=window.at - timedelta(microseconds=1))
    for state in (known, known.after(RequestStopped(request_id=CASE, reason="not_me"))):
        with pytest.raises(TooEarly):
            await begin(DUE, state)


async def test_withdrawal_within_the_window_stops_the_erasure() -> None:
    ctx, event, planned, window = await planned_and_scheduled()
    known = replace(after(ctx, event, planned, window, STOPPED), now=window.at)
    assert known.known.status is FulfillmentStatus.WITHDRAWN
    assert await begin(DUE, known) == []
    assert await erase(planned, after(ctx, event, planned, window, STOPPED, DUE)) == []


async def test_schedule_that_is_delivered_late_does_not_stop_an_erasure_that_began() -> None:
    ctx, event, planned, window = await planned_and_scheduled()
    assert after(ctx, event, planned, window, DUE, window).known.status is FulfillmentStatus.PLANNED


async def test_window_begins_with_the_approval_where_one_is_needed() -> None:
    event, ctx = await asked(approval_above=0)
    [planned] = await answer(event, ctx)
    proposed = replace(after(ctx, event, planned), now=NOW + 3 * DAY)
    [window] = await approve(APPROVED, proposed)
    assert isinstance(window, ErasureScheduled)
    assert window.at == NOW + 4 * DAY
    assert after(ctx, event, planned, APPROVED, window).known.status is FulfillmentStatus.SCHEDULED
    assert after(ctx, event, planned, APPROVED, window).known.approved_by == "second.person"


@pytest.mark.parametrize(
    ("laws", "at"),
    [
        pytest.param((), datetime(2026, 12, 25, tzinfo=UTC), id="the month of the GDPR"),
        pytest.param(("gdpr@2018-05-25",), datetime(2026, 12, 25, tzinfo=UTC), id="the same law once more"),
        pytest.param(
            ("gdpr@2018-05-25", "br-lgpd@2020-09-18"), datetime(2026, 12, 9, tzinfo=UTC), id="strictest"
        ),
    ],
)
async def test_window_ends_before_the_last_day_of_the_strictest_law(
    laws: tuple[str, ...], at: datetime
) -> None:
    event, ctx = await asked(erasure_window=timedelta(days=400))
    assert event.received_on == date(2026, 11, 25)
    _, window = await answer(event.model_copy(update={"laws": laws}), ctx)
    assert isinstance(window, ErasureScheduled)
    assert window.at == at


async def test_back_dated_request_waits_for_its_whole_window() -> None:
    event, ctx = await asked()
    back_dated = event.model_copy(
        update={"received_on": NOW.date() - 40 * DAY, "registered_at": NOW - timedelta(hours=1)}
    )
    _, window = await answer(back_dated, ctx)
    assert isinstance(window, ErasureScheduled)
    assert window.at == NOW + DAY


async def test_erasure_that_is_due_does_not_wait() -> None:
    event, ctx = await asked()
    [planned] = await answer(event, replace(ctx, now=datetime(2026, 12, 28, tzinfo=UTC)))
    assert isinstance(planned, ErasurePlanned)
    assert scheduled(planned, replace(after(ctx, event), now=datetime(2027, 1, 5, tzinfo=UTC))) is None


async def test_erasure_whose_window_ends_while_it_is_stopped_begins_once_it_is_released() -> None:
    ctx, event, planned, window = await planned_and_scheduled()
    halted = RequestStopped(request_id=CASE, reason="not_me")
    ended = replace(after(ctx, event, planned, window, halted, DUE), now=window.at)
    assert await unless_stopped(begin)(DUE, ended) == []
    assert await unless_stopped(erase)(planned, ended) == []
    released = RequestReleased(request_id=CASE)
    assert await releases(RELEASED)(released, ended) == [planned]
    assert ended.after(STOPPED).known.status is FulfillmentStatus.WITHDRAWN


async def test_erasure_that_was_approved_while_it_was_stopped_waits_for_its_window() -> None:
    event, ctx = await asked(approval_above=0)
    [planned] = await answer(event, ctx)
    halted = RequestStopped(request_id=CASE, reason="not_me")
    ended = after(ctx, event, planned, halted, APPROVED)
    [window] = await releases(RELEASED)(RequestReleased(request_id=CASE), ended)
    assert isinstance(window, ErasureScheduled)
    assert window.at == NOW + DAY


async def stopped_with_decider(*facts: Fact) -> Fulfillment:
    """Return a stopped erasure that waits for approval, with an identity that dana decided."""
    event, ctx = await asked(approval_above=0)
    event = event.model_copy(update={"deciders": ("dana",)})
    [planned] = await answer(event, ctx)
    return after(ctx, event, planned, RequestStopped(request_id=CASE, reason="not_me"), *facts)


async def test_approval_by_decider_of_identity_is_refused_while_stopped() -> None:
    [approves] = [one.handler for one in SUBSCRIPTIONS if one.event is ErasureApproved]
    halted = await stopped_with_decider()
    with pytest.raises(RefusedDecision, match="decider_decided_before"):
        await approves(BY_DECIDER, halted)
    assert await approves(APPROVED, halted) == []


async def test_approval_by_decider_that_was_recorded_while_stopped_schedules_nothing() -> None:
    halted = await stopped_with_decider(BY_DECIDER)
    assert (halted.known.approved_by, halted.known.held) == (None, ())
    released = RequestReleased(request_id=CASE)
    assert await releases(RELEASED)(released, halted) == []
    waiting = halted.after(released)
    assert waiting.known.status is FulfillmentStatus.PROPOSED
    assert [type(fact) for fact in await approve(APPROVED, waiting)] == [ErasureScheduled]


async def test_held_approval_by_decider_is_checked_on_release() -> None:
    halted = await stopped_with_decider(APPROVED)
    forged = replace(halted, known=replace(halted.known, held=(BY_DECIDER,)))
    released = RequestReleased(request_id=CASE)
    assert await releases(RELEASED)(released, forged) == []
    assert [type(fact) for fact in await releases(RELEASED)(released, halted)] == [ErasureScheduled]
