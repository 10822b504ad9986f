"""Questions to senders of unclear mails: asked, asked again half-way, and given to the staff in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.intake.cases.deadlines import INQUIRY_REMINDED, INQUIRY_TIMERS, INQUIRY_UNANSWERED, CaseTimer
from services.intake.context import IntakeContext, set_timers
from services.intake.domain import CaseStatus
from shared.contract.answer import INQUIRY, RAW_MAIL, SUBMISSION, Inquiry
from shared.contract.events import (
    Fact,
    InquiryLodged,
    InquiryReminded,
    MessageHandled,
    MessageLodged,
    MessageOutcome,
    PolicyId,
)
from shared.errors import RefusedDecision, TooEarly
from shared.law import (
    AnswerPeriod,
    ClockRules,
    ProtectedPerson,
    Right,
    Role,
    applicable,
    end_of_wait,
    possibly_applicable,
)
from shared.runtime.log import logger

TIME_TO_REPLY = timedelta(days=30)
UNANSWERED = "unanswered"
"""Reason of a mail for the staff: its sender has not answered the question."""


@dataclass(frozen=True, slots=True)
class ReplyPeriod:
    """The time to wait for the answer to a question."""

    due_on: date | None
    """The earliest last day for the answer to the mail, by the laws and rights that it may be about."""
    ends_at: datetime


def reply_period(inquiry: Inquiry, now: datetime, practice: ClockRules) -> ReplyPeriod:
    """
    Return how long the answer to a question is waited for: no longer than the strictest law leaves time.

    A later answer still makes the request; only the staff knows of the mail from then on.

    Law:
        GDPR Art. 12(2)-(3): the time runs from the receipt of the mail, however unclear it is.
    """
    day = inquiry.received_at.astimezone(practice.zone).date()
    laws = possibly_applicable(practice.policies, practice.company, _sender(inquiry), day)
    ids = tuple(policy.id for policy in laws)
    periods = [AnswerPeriod(ids, right, inquiry.received_at) for right in inquiry.rights or Right]
    last_days = filter(None, map(practice.last_day, periods))
    last_waits = filter(None, map(practice.last_wait, periods))
    ends_at = end_of_wait(now, TIME_TO_REPLY, min(last_waits, default=None))
    return ReplyPeriod(min((last.due_on for last in last_days), default=None), ends_at)


def laws_for(inquiry: Inquiry, day: date, practice: ClockRules) -> tuple[PolicyId, ...]:
    """Return the laws that protect the sender, as far as the mail shows."""
    laws = applicable(practice.policies, practice.company, _sender(inquiry), day)
    return tuple(policy.id for policy in laws)


def _sender(inquiry: Inquiry) -> ProtectedPerson:
    home = inquiry.residence
    place = "-".join(filter(None, (home.country, home.subdivision))) if home else None
    return ProtectedPerson(place, Role.CONSUMER, inquiry.regulation)


async def ask(inquiry: Inquiry, ctx: IntakeContext) -> Sequence[Fact]:
    """Ask the sender of a sealed mail what is meant; set the timers of the reminder and of the end."""
    period = reply_period(inquiry, ctx.now, ctx.practice)
    half = ctx.now + (period.ends_at - ctx.now) / 2
    await set_timers([CaseTimer(INQUIRY_REMINDED, half), CaseTimer(INQUIRY_UNANSWERED, period.ends_at)], ctx)
    day = inquiry.received_at.astimezone(ctx.practice.zone).date()
    laws = laws_for(inquiry, day, ctx.practice)
    asked = InquiryLodged(
        request_id=ctx.case_id, inquiry=INQUIRY, received_on=day, laws=laws, due_on=period.due_on
    )
    return [asked]


async def handle_reply_deadline(kind: str, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Repeat a question, unless the sender wrote again; at the end of the wait give the mail to the staff.

    Law:
        GDPR Art. 12(3): silence ends no request: its time runs, and the staff knows the last day.
    """
    asked = ctx.case.inquiry
    if ctx.case.status is not CaseStatus.UNKNOWN or await ctx.vault.holds(ctx.case_id, SUBMISSION):
        await ctx.timers.cancel(ctx.case_id, kind)
        return []
    if asked is None:
        raise TooEarly("the timer came before its mail")
    if not ctx.case.may_handle(RAW_MAIL):
        return []
    if kind == INQUIRY_UNANSWERED:
        logger().error("mail not clarified", request_id=ctx.case_id, reason=f"due on {asked.due_on}")
        return [
            MessageLodged(
                request_id=ctx.case_id, message=RAW_MAIL, reason=UNANSWERED, own=False, due_on=asked.due_on
            )
        ]
    if ctx.case.messages:
        return []
    return [
        InquiryReminded(
            request_id=ctx.case_id, inquiry=asked.inquiry, received_on=asked.received_on, laws=asked.laws
        )
    ]


async def handle_message(event: MessageHandled, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Record that the staff has handled a mail: its sender is not asked again, and its last day is not listed.

    Raises:
        RefusedDecision: No such mail waits for the staff any more, or the registered request is unknown.
    """
    if not ctx.case.may_handle(event.message):
        raise RefusedDecision("no_open_message")
    registered, request = event.outcome is MessageOutcome.REGISTERED, event.registered_as
    if registered != (request is not None and await ctx.vault.holds(request, SUBMISSION)):
        raise RefusedDecision("no_such_request")
    if event.message == RAW_MAIL:
        await ctx.timers.cancel(ctx.case_id, INQUIRY_TIMERS)
    return []
