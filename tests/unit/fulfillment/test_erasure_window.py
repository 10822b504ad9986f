"""A planned erasure waits for its window, and can be stopped until it begins."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.erasure.handlers import approve, await_window, begin, erase
from services.fulfillment.erasure.window import TIMER, releases, unless_stopped
from services.fulfillment.handlers import RELEASED, SUBSCRIPTIONS, answer
from services.fulfillment.state import FulfillmentCase, FulfillmentStatus, evolve
from shared.contract.answer import outline_of
from shared.contract.events import (
    Assurance,
    ErasureApproved,
    ErasureDue,
    ErasurePlanned,
    ErasureScheduled,
    Fact,
    IdentityVerified,
    Requester,
    RequestReleased,
    RequestStopped,
    RequestWithdrawn,
)
from shared.errors import RefusedDecision, TooEarly
from shared.law import Right
from tests.runtime_fakes import MemoryTimers
from tests.unit.fulfillment.handler_fakes import CASE, HOUSE, NOW, answer_of, stage
from tests.unit.fulfillment.test_disclosure import HELD, MAP

DAY = timedelta(days=1)
WAITING = replace(HOUSE, erasure_window=DAY)
DUE = ErasureDue(request_id=CASE, name=TIMER)
STOPPED = RequestWithdrawn(request_id=CASE)
APPROVED = ErasureApproved(request_id=CASE, by="second.person")
BY_DECIDER = ErasureApproved(request_id=CASE, by="dana")
BRAZIL = ("gdpr@2018-05-25", "br-lgpd@2020-09-18")


async def asked(**house: object) -> tuple[IdentityVerified, FulfillmentContext]:
    event, ctx = await stage(MAP, HELD, Right.ERASURE)
    return event, replace(ctx, house=replace(WAITING, **house))  # type: ignore[arg-type]


def after(ctx: FulfillmentContext, *facts: Fact) -> FulfillmentContext:
    known = FulfillmentCase()
    for fact in facts:
        known = evolve(known, fact)
    return replace(ctx, known=known)


async def planned_and_scheduled() -> tuple[
    FulfillmentContext, IdentityVerified, ErasurePlanned, ErasureScheduled
]:
    event, ctx = await asked()
    planned, window = await answer(event, ctx)
    assert isinstance(planned, ErasurePlanned)
    assert isinstance(window, ErasureScheduled)
    return ctx, event, planned, window


async def test_planned_erasure_is_scheduled_for_the_end_of_its_window() -> None:
    ctx, event, planned, window = await planned_and_scheduled()
    assert window.at == NOW + DAY
    known = after(ctx, event, planned, window)
    assert known.known.status is FulfillmentStatus.AWAITING_WINDOW
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
async def test_letter_about_the_window_is_left_out_after_a_separate_confirmation(
    reasons: tuple[str, ...], *, letter: bool
) -> None:
    event, ctx = await asked()
    vouched = not {"account", "mailbox"}.intersection(reasons)
    proven = {"proven": None, "assurance": Assurance.VOUCHED} if vouched else {}
    _, window = await answer(event.model_copy(update={"reasons": reasons, **proven}), ctx)
    assert isinstance(window, ErasureScheduled)
    assert window.letter is letter


async def test_erasure_without_a_window_does_not_wait() -> None:
    event, ctx = await asked(erasure_window=timedelta())
    [planned] = await answer(event, ctx)
    assert after(ctx, event, planned).known.status is FulfillmentStatus.EXECUTING


@pytest.mark.parametrize(
    ("at_once", "requester", "waits"),
    [
        (True, Requester.CONTROLLER, False),
        (False, Requester.CONTROLLER, True),
        (True, Requester.PERSON, True),
    ],
)
async def test_only_a_controller_can_skip_the_window(
    requester: Requester, *, at_once: bool, waits: bool
) -> None:
    event, ctx = await asked()
    facts = await answer(event.model_copy(update={"at_once": at_once, "requester": requester}), ctx)
    assert any(isinstance(fact, ErasureScheduled) for fact in facts) is waits


async def test_instruction_at_once_waits_for_an_approval() -> None:
    event, ctx = await asked(approval_above=0)
    event = event.model_copy(update={"at_once": True, "requester": Requester.CONTROLLER})
    [planned] = await answer(event, ctx)
    waiting = after(ctx, event, planned)
    assert waiting.known.status is FulfillmentStatus.AWAITING_APPROVAL
    assert await erase(planned, waiting) == []  # type: ignore[arg-type]
    assert after(ctx, event, planned, *await approve(APPROVED, waiting)).known.erasure_window is None


async def test_second_approval_of_two_starts_the_erasure() -> None:
    event, ctx = await asked(approval_above=0, approvers=2)
    [planned] = await answer(event, ctx)
    waiting = after(ctx, event, planned)
    assert await approve(APPROVED, waiting) == []
    once = waiting.after(APPROVED)
    with pytest.raises(RefusedDecision, match="decider_decided_before"):
        await approve(APPROVED, once)
    other = APPROVED.model_copy(update={"by": "third.person"})
    [window] = await approve(other, once)
    assert isinstance(window, ErasureScheduled)


async def test_end_of_the_window_is_a_timer_of_the_case() -> None:
    ctx, event, planned, window = await planned_and_scheduled()
    timers = MemoryTimers()
    assert await await_window(window, replace(after(ctx, event, planned, window), timers=timers)) == []
    assert timers.moments == {(CASE, TIMER): NOW + DAY}


async def test_erasure_begins_when_its_window_has_ended() -> None:
    ctx, event, planned, window = await planned_and_scheduled()
    known = replace(after(ctx, event, planned, window), now=window.at)
    assert await begin(DUE, known) == [planned]
    assert (
        after(ctx, event, planned, window, window, DUE, planned).known.status is FulfillmentStatus.EXECUTING
    )


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
    assert after(ctx, event, planned, window, DUE, window).known.status is FulfillmentStatus.EXECUTING


async def test_approval_of_an_erasure_that_waits_for_none_is_refused() -> None:
    ctx, event, planned, window = await planned_and_scheduled()
    for known in ((event,), (event, planned, window)):
        with pytest.raises(RefusedDecision, match="no_approval_waits"):
            await approve(APPROVED, after(ctx, *known))


async def test_window_begins_with_the_approval_where_one_is_needed() -> None:
    event, ctx = await asked(approval_above=0)
    [planned] = await answer(event, ctx)
    proposed = replace(after(ctx, event, planned), now=NOW + 3 * DAY)
    [window] = await approve(APPROVED, proposed)
    assert isinstance(window, ErasureScheduled)
    assert window.at == NOW + 4 * DAY
    assert after(ctx, event, planned, APPROVED, window).known.status is FulfillmentStatus.AWAITING_WINDOW
    assert after(ctx, event, planned, APPROVED, window).known.approved_by == ("second.person",)


async def test_outline_lies_beside_a_plan_that_needs_an_approval() -> None:
    event, ctx = await asked(approval_above=0)
    [planned] = await answer(event, ctx)
    assert isinstance(planned, ErasurePlanned)
    outline = await answer_of(ctx, outline_of(planned.plan))
    assert [(one.label, one.records) for one in outline.masked] == [("Users", 1), ("Invoices", 1)]
    assert [one.reason for one in outline.grounds] == ["purpose_ended"]


async def test_outline_lists_records_that_a_limited_erasure_does_not_cover() -> None:
    event, ctx = await stage(MAP, HELD, Right.ERASURE, scope=("shop.users",))
    ctx = replace(ctx, house=replace(WAITING, approval_above=0))
    [planned] = await answer(event, ctx)
    assert isinstance(planned, ErasurePlanned)
    outline = await answer_of(ctx, outline_of(planned.plan))
    assert [(one.label, one.reason) for one in outline.left] == [("Invoices", "out_of_scope")]


async def test_plan_without_an_approval_has_no_outline() -> None:
    ctx, _event, planned, _window = await planned_and_scheduled()
    assert not await ctx.vault.holds(CASE, outline_of(planned.plan))


LATE = [
    pytest.param((), datetime(2026, 12, 28, tzinfo=UTC), id="last day of the GDPR"),
    pytest.param((), datetime(2027, 1, 5, tzinfo=UTC), id="overdue"),
    pytest.param(BRAZIL, datetime(2026, 12, 9, tzinfo=UTC), id="day 14 of 15 in Brazil"),
    pytest.param(BRAZIL, datetime(2026, 12, 9, 23, 59, 59, tzinfo=UTC), id="end of day 14 in Brazil"),
    pytest.param(BRAZIL, datetime(2026, 12, 24, tzinfo=UTC), id="overdue in Brazil"),
]
"""Days of proof, chosen by the requester, under the laws of the residence."""


@pytest.mark.parametrize(("laws", "proven_at"), LATE)
async def test_erasure_proven_on_the_last_day_has_its_whole_window(
    laws: tuple[str, ...], proven_at: datetime
) -> None:
    event, ctx = await asked()
    late = replace(ctx, now=proven_at)
    planned, window = await answer(event.model_copy(update={"laws": laws}), late)
    assert isinstance(window, ErasureScheduled)
    assert window.at == proven_at + DAY
    waiting = after(late, event, planned, window)
    with pytest.raises(TooEarly):
        await begin(DUE, replace(waiting, now=window.at - timedelta(microseconds=1)))
    assert await begin(DUE, replace(waiting, now=window.at)) != []


async def test_erasure_approved_on_the_last_day_has_its_whole_window() -> None:
    event, ctx = await asked(approval_above=0)
    [planned] = await answer(event.model_copy(update={"laws": BRAZIL}), ctx)
    late = replace(after(ctx, event, planned), now=datetime(2026, 12, 10, tzinfo=UTC))
    [window] = await approve(APPROVED, late)
    assert isinstance(window, ErasureScheduled)
    assert window.at == late.now + DAY


@pytest.mark.parametrize(
    ("approved_after", "waits"),
    [
        pytest.param(1 * DAY, 7 * DAY, id="the law leaves more"),
        pytest.param(10 * DAY, 4 * DAY, id="the law leaves less"),
        pytest.param(13 * DAY + DAY / 2, DAY, id="never less than a day"),
        pytest.param(20 * DAY, DAY, id="overdue"),
    ],
)
async def test_window_of_a_week_ends_before_the_last_day_and_after_a_day_at_least(
    approved_after: timedelta, waits: timedelta
) -> None:
    event, ctx = await asked(approval_above=0, erasure_window=7 * DAY)
    [planned] = await answer(event, ctx)
    event = event.model_copy(update={"windows_until": NOW + 14 * DAY})
    late = replace(after(ctx, event, planned), now=NOW + approved_after)
    [window] = await approve(APPROVED, late)
    assert isinstance(window, ErasureScheduled)
    assert window.at == late.now + waits


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


async def stopped_with_decider(*facts: Fact) -> FulfillmentContext:
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
    assert (halted.known.approved_by, halted.known.held) == ((), ())
    released = RequestReleased(request_id=CASE)
    assert await releases(RELEASED)(released, halted) == []
    waiting = halted.after(released)
    assert waiting.known.status is FulfillmentStatus.AWAITING_APPROVAL
    assert [type(fact) for fact in await approve(APPROVED, waiting)] == [ErasureScheduled]


async def test_held_approval_by_decider_is_checked_on_release() -> None:
    halted = await stopped_with_decider(APPROVED)
    forged = replace(halted, known=replace(halted.known, held=(BY_DECIDER,)))
    released = RequestReleased(request_id=CASE)
    assert await releases(RELEASED)(released, forged) == []
    assert [type(fact) for fact in await releases(RELEASED)(released, halted)] == [ErasureScheduled]
