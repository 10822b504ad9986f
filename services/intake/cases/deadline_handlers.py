"""Handlers of deadlines and of letters that did not arrive."""

from collections.abc import Sequence
from datetime import date, timedelta

from services.intake.cases import deadlines, follow_ups
from services.intake.cases.clock import narrowed_deadline
from services.intake.cases.deadlines import CaseTimer
from services.intake.cases.inquiries import handle_reply_deadline
from services.intake.context import IntakeContext, set_timers
from services.intake.domain import (
    ANSWERED,
    CLOSED_BY,
    UNDECIDED,
    IntakeCase,
    evolve,
)
from shared.contract import events
from shared.contract.answer import facts_of
from shared.contract.events import Fact, LetterKind, StopReason
from shared.contract.previews import PREVIEW
from shared.contract.register import OWED
from shared.errors import RefusedDecision, TooEarly
from shared.law import TimedDuty, end_of
from shared.runtime.log import logger

BOUNCED = "bounced"
"""Reason for a letter that did not arrive although a mail server had accepted it."""


async def schedule_package_expiry(event: events.RequestFulfilled, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Store the answer and the last day of its package; destroy the package it replaces (GDPR Art. 5(1)(e)).

    The listing of a reviewed package goes as well. The deadline runs again for an answer to a closed or
    withdrawn case, until its letter is sent. An answer that comes after a later one leaves only its package
    to be destroyed.
    """
    if ctx.case.fulfilled is not None and ctx.case.is_answered_after(event):
        await _discard_replaced(event, ctx.case.fulfilled, ctx)
        return []
    if ctx.case.fulfilled is not None:
        await _discard_replaced(ctx.case.fulfilled, event, ctx)
    if ctx.case.review is not None:
        await ctx.vault.discard(ctx.case_id, [ctx.case.review.listing])
    proposed = deadlines.timer_at(deadlines.ERASURE_PROPOSED, ctx.now + deadlines.TIME_TO_PROPOSE)
    proposals = [proposed] if event.erasable else []
    await set_timers([*deadlines.package_timers(event), *_timers_again(event, ctx), *proposals], ctx)
    return []


async def _discard_replaced(
    earlier: events.RequestFulfilled, later: events.RequestFulfilled, ctx: IntakeContext
) -> None:
    """Destroy the package of *earlier* where *later* has another one."""
    if earlier.package is not None and later.package not in {None, earlier.package}:
        await ctx.vault.discard(ctx.case_id, [earlier.package, facts_of(earlier.package)])


async def note_report(event: events.NoticeReported, ctx: IntakeContext) -> Sequence[Fact]:
    """Record a mail server's report; the deadline runs again while a returned answer is sent once more."""
    await set_timers(_timers_again(event, ctx) if event.again else [], ctx)
    return []


def _timers_again(event: Fact, ctx: IntakeContext) -> list[CaseTimer]:
    """Return the timer of the answer if *event* makes it owed again: the earlier ones were cancelled."""
    owed_again = evolve(ctx.case, event).unanswered and not ctx.case.unanswered
    if not owed_again or ctx.case.meant_for is None:
        return []
    return [deadlines.further_answer_timer(ctx.case.meant_for, ctx.occurred_at, ctx.practice)]


async def schedule_fee_deadline(event: events.FeeQuoted, ctx: IntakeContext) -> Sequence[Fact]:
    """Record the fee, and set the deadline for the agreement; the clock runs on."""
    await set_timers(deadlines.fee_timers(event, ctx.now, ctx.case, ctx.practice), ctx)
    return []


async def note_letter_failure(event: events.NoticeFailed, ctx: IntakeContext) -> Sequence[Fact]:
    """Record an undelivered letter; one with the answer has to arrive (GDPR Art. 12(3)): it is owed again."""
    if event.reason == BOUNCED and event.letter not in ctx.case.sent:
        raise TooEarly("a letter came back before it was heard that it was sent")
    if event.letter is LetterKind.NAMED_MAILBOX:
        return _stop_for_staff(ctx)
    before, after, day = ctx.case, evolve(ctx.case, event), ctx.case.due_on
    if event.letter is LetterKind.EXTENSION and before.tell_by is not None:
        # If the day is in the future, its own timer raises the alarm.
        over = ctx.now >= end_of(before.tell_by, ctx.practice.zone)
        return await _missed(deadlines.UNEXTENDED, before.tell_by, ctx) if over else []
    if not before.is_overtaken_by(event.letter):
        await settle_timers(event.letter, after, ctx)
    if day is None or not after.unanswered or event.letter not in OWED or event.letter not in before.sent:
        return []
    return await _deadline_fact(deadlines.APPROACHING, day, ctx)


async def cancel_if_answered(after: IntakeCase, ctx: IntakeContext) -> None:
    """Cancel the timers of the answer if none is owed *after* the event; so closed cases leave none."""
    if not after.unanswered:
        await ctx.timers.cancel(ctx.case_id, deadlines.ANSWER)


async def settle_timers(letter: LetterKind, after: IntakeCase, ctx: IntakeContext) -> None:
    """
    Cancel the timers of the answer if none is owed *after* the event of *letter*.

    If an answer has crossed the decision of *letter*, its timer is set again: an attempt at this event that
    did not know the answer yet may have cancelled the one that another replica had set.
    """
    await cancel_if_answered(after, ctx)
    crossed = after.status in CLOSED_BY and not after.is_closed_by(letter)
    if crossed and after.unanswered and after.meant_for is not None:
        timer = deadlines.further_answer_timer(after.meant_for, ctx.occurred_at, ctx.practice)
        await set_timers([timer], ctx)


async def note_delivery(event: events.AnswerDelivered, ctx: IntakeContext) -> Sequence[Fact]:
    """Record that the staff has handed over the answer; raise RefusedDecision if there is none."""
    if ctx.case.status not in ANSWERED:
        raise RefusedDecision("no_answer")
    await cancel_if_answered(evolve(ctx.case, event), ctx)
    return []


def _stop_for_staff(ctx: IntakeContext) -> Sequence[Fact]:
    """Stop a request after an undeliverable notice to another mailbox, while it can still be stopped."""
    if ctx.case.stopped is not None or not ctx.case.withdrawable_at(ctx.now):
        return []
    logger().warning("request stopped", request_id=ctx.case_id, reason=StopReason.MAILBOX_UNREACHABLE)
    return [events.RequestStopped(request_id=ctx.case_id, reason=StopReason.MAILBOX_UNREACHABLE)]


async def handle_deadline(event: events.DeadlineCame, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Raise an alarm if a step is not done by its target day or by its last day; daily during a pause.

    Law:
        GDPR Art. 12(3)-(4); 11 CCR § 7021(b): the answer is provided when it is sent.
        11 CCR § 7021(a): receipt is confirmed within 10 business days.
    """
    kind = deadlines.kind_of(event.name)
    if kind in deadlines.BEFORE_REQUEST:
        overdue = kind == deadlines.FOLLOW_UP
        return await (follow_ups.overdue(ctx) if overdue else handle_reply_deadline(kind, ctx))
    if ctx.case.due_on is None:
        raise TooEarly("the timer came before its request")
    if kind == deadlines.UNAGREED:
        return await _end_unagreed(ctx)
    if kind == deadlines.ERASURE_PROPOSED:
        return []
    if kind == deadlines.SCOPE_UNANSWERED:
        return scope_facts(ctx, silent=True) if ctx.case.awaits_scope else []
    if kind not in deadlines.DUTIES:
        return await _remove_expired(kind, ctx)
    day = deadlines.day_of(kind, ctx.case)
    if day is None or deadlines.is_done(kind, ctx.case):
        return []
    later = deadlines.next_check(kind, ctx.case, ctx.now, ctx.practice)
    if later is None:
        return await _deadline_fact(kind, day, ctx)
    wait = deadlines.timer_at(kind, later)
    if wait.name == event.name:
        raise TooEarly("the timer is ahead of this clock")
    await set_timers([wait], ctx)
    return []


async def expect(event: events.AnswerExpected, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Record the day for which the staff expects a late answer; where the last day is over, notify the person.

    Law:
        GDPR Art. 12(4): the person is informed if no action is taken in time.
    """
    if ctx.case.received is None or ctx.case.due_on is None:
        raise TooEarly("the expected day came before its request")
    if ctx.case.status not in UNDECIDED:
        raise RefusedDecision("not_possible")
    if event.on < ctx.now.astimezone(ctx.practice.zone).date():
        raise RefusedDecision("day_over")
    if (TimedDuty.ANSWER, ctx.case.due_on) not in ctx.case.missed:
        return []
    return [await _report_missed(TimedDuty.ANSWER, ctx.case.due_on, evolve(ctx.case, event), ctx)]


async def _end_unagreed(ctx: IntakeContext) -> Sequence[Fact]:
    """
    Withdraw a request without agreement to its fee; the staff checks if the fee letter did not arrive.

    Law:
        DPO Art. 19(3): 10 days, else the request counts as withdrawn; EDPB Guidelines 01/2022 para. 192.
    """
    if not ctx.case.awaits_agreement:
        return []
    if LetterKind.FEE_QUOTED in ctx.case.sent - ctx.case.returned:
        return [events.RequestWithdrawn(request_id=ctx.case_id, deemed=True)]
    logger().error("fee letter not delivered", request_id=ctx.case_id, reason="the letter did not arrive")
    await set_timers([deadlines.timer_at(deadlines.UNAGREED, ctx.now + timedelta(days=1))], ctx)
    return []


def scope_facts(
    ctx: IntakeContext,
    *,
    scope: events.Code | None = None,
    silent: bool = False,
    by: events.Code | None = None,
) -> Sequence[Fact]:
    """Return the answer to the question which data is meant, and the deadline that it moves."""
    answered = events.ScopeAnswered(request_id=ctx.case_id, scope=scope, silent=silent, by=by)
    moved = narrowed_deadline(ctx.case, ctx.now, ctx.practice)
    return [answered] if moved is None else [answered, moved]


async def _remove_expired(kind: str, ctx: IntakeContext) -> Sequence[Fact]:
    """Remove previews that were not fetched, or a package whose time is over."""
    if kind != PREVIEW:
        return await _check_package(kind, ctx)
    await ctx.vault.discard_all(ctx.case_id, [PREVIEW])
    return []


async def _check_package(kind: str, ctx: IntakeContext) -> Sequence[Fact]:
    """Remind of a package not downloaded, and destroy it at its end (GDPR Art. 5(1)(e))."""
    answer = ctx.case.fulfilled
    if answer is None or answer.package is None or answer.package_expires_at is None:
        return []
    if ctx.now >= answer.package_expires_at:
        await ctx.vault.discard(ctx.case_id, [answer.package, facts_of(answer.package)])
        return [events.PackageExpired(request_id=ctx.case_id)]
    if kind == deadlines.EXPIRED or ctx.case.downloads:
        return []
    return [events.PackageExpiring(request_id=ctx.case_id, expires_at=answer.package_expires_at)]


async def _deadline_fact(kind: str, day: date, ctx: IntakeContext) -> Sequence[Fact]:
    if kind not in deadlines.TARGETS:
        return await _missed(kind, day, ctx)
    duty = deadlines.duty_of(kind, ctx.case)
    logger().warning("deadline approaching", request_id=ctx.case_id, reason=f"{duty}, due on {day}")
    approaching = events.DeadlineApproaching(request_id=ctx.case_id, duty=duty, due_on=day)
    if kind == deadlines.UNJUDGED:
        return [approaching]  # the timer of its last day is set already
    end = end_of(day, ctx.practice.zone)
    # Also after the deadline: `habeas deadlines` finds late cases by it.
    await set_timers([deadlines.timer_at(deadlines.MISSED, end)], ctx)
    return [approaching, *(await _missed(deadlines.MISSED, day, ctx) if ctx.now >= end else [])]


async def _missed(kind: str, day: date, ctx: IntakeContext) -> Sequence[Fact]:
    """Report a missed duty once; a missed answer again when the day that a letter has named is over."""
    duty = deadlines.duty_of(kind, ctx.case)
    again = duty is TimedDuty.ANSWER and deadlines.is_announcement_due(ctx.case, ctx.now, ctx.practice)
    if (duty, day) in ctx.case.missed and not again:
        return []
    logger().error("deadline missed", request_id=ctx.case_id, reason=f"{duty}, due on {day}")
    return [await _report_missed(duty, day, ctx.case, ctx)]


async def _report_missed(
    duty: TimedDuty, day: date, case: IntakeCase, ctx: IntakeContext
) -> events.DeadlineMissed:
    """Return the report; set the timer of the day that its letter names, if it names one."""
    answer = duty is TimedDuty.ANSWER
    announced = deadlines.announced_on(case, ctx.now, ctx.practice) if answer else None
    if announced is not None:
        end = end_of(announced, ctx.practice.zone)
        await set_timers([deadlines.timer_at(deadlines.MISSED, end)], ctx)
    return events.DeadlineMissed(
        request_id=ctx.case_id,
        duty=duty,
        due_on=day,
        awaits_person=case.awaits_person,
        expected_on=announced,
    )
