"""
Timers of a case, and the deadline that each is about. Pure.

A timer is named after its deadline and the day: setting it again has no effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.intake.cases.clock import due_now, is_paused, last_wait
from services.intake.domain import IntakeCase
from shared.contract.events import (
    AppealReceived,
    FeeQuoted,
    LetterKind,
    Remedy,
    RequestExtended,
    RequestFulfilled,
    RequestReceived,
)
from shared.contract.previews import PREVIEW
from shared.law import ClockRules, TimedDuty, begin_of, end_of, end_of_wait, internal_due

APPROACHING, MISSED = "deadline_approaching", "deadline_missed"
"""Of the answer: the target day, and the end of the last day."""
ANSWER = "deadline_"
"""Begins the names of both."""
UNACKNOWLEDGED, UNEXTENDED = "acknowledgement_missed", "extension_missed"
"""The end of the last day for the acknowledgement, and for the notice of an extension."""
UNJUDGED, UNDECIDED = "appeal_approaching", "appeal_missed"
"""Of the decision of an appeal or the answer to a complaint: the target day, and the end of the last day."""
APPEAL = "appeal_"
"""Begins the names of both."""
UNAGREED = "fee_unagreed"
"""The end of the last day for agreeing to a fee, after the fee letter."""
SCOPE_UNANSWERED = "scope_unanswered"
"""The end of the time to answer which data is meant."""
INQUIRY_REMINDED, INQUIRY_UNANSWERED = "inquiry_reminded", "inquiry_unanswered"
"""Of the question to the sender of an unclear mail: half of the wait for the answer, and its end."""
INQUIRY_TIMERS = "inquiry_"
"""Begins the names of both."""
FOLLOW_UP = "follow_up_unmatched"
"""The end of the wait of an event for its request."""
BEFORE_REQUEST = frozenset({INQUIRY_REMINDED, INQUIRY_UNANSWERED, FOLLOW_UP})
"""Timers of cases without a request."""
ERASURE_PROPOSED = "erasure_proposed"
"""The end of the time in which staff see that a withdrawn consent proposes an erasure."""
TIME_TO_PROPOSE = timedelta(days=30)
EXPIRING, EXPIRED = "package_expiring", "package_expired"
"""Of the package: the reminder before the end, and the end."""
NEXT_ANNOUNCEMENT = timedelta(days=7)
"""Time after a letter about a delay, unless a day is known, until the answer or another such letter."""
UNDATED_APPEAL = timedelta(days=30)
"""Time until the timer of an appeal without a last day; nothing is late then."""
TIME_TO_AGREE = timedelta(days=10)
REMINDED_BEFORE = timedelta(days=7)
DUTIES: Mapping[str, TimedDuty] = {
    APPROACHING: TimedDuty.ANSWER,
    MISSED: TimedDuty.ANSWER,
    UNACKNOWLEDGED: TimedDuty.ACKNOWLEDGEMENT,
    UNEXTENDED: TimedDuty.EXTENDED_ANSWER,
    UNJUDGED: TimedDuty.APPEAL,
    UNDECIDED: TimedDuty.APPEAL,
}
TARGETS = frozenset({APPROACHING, UNJUDGED})
"""Deadlines that come before the last day."""
LETTERS: Mapping[str, LetterKind] = {
    UNACKNOWLEDGED: LetterKind.ACKNOWLEDGEMENT,
    UNEXTENDED: LetterKind.EXTENSION,
}
"""Deadlines of letters: the kind of the letter."""


@dataclass(frozen=True, slots=True)
class CaseTimer:
    """The name and the moment of a timer of a case."""

    name: str
    at: datetime


def kind_of(name: str) -> str:
    """Return the kind of the timer called *name*."""
    kinds = (
        *DUTIES,
        PREVIEW,
        UNAGREED,
        SCOPE_UNANSWERED,
        ERASURE_PROPOSED,
        *BEFORE_REQUEST,
        EXPIRING,
        EXPIRED,
    )
    return next(kind for kind in kinds if name.startswith(kind))


def timer_at(kind: str, at: datetime) -> CaseTimer:
    """Return the timer for *at*, named so that another day is another timer."""
    return CaseTimer(f"{kind}_{at:%Y%m%d}", at)


def initial_timers(received: RequestReceived, practice: ClockRules) -> list[CaseTimer]:
    """Return the timers of a new request."""
    waits = [answer_timer(received.internal_due_on, practice)]
    acknowledged_by = _acknowledged_by(received)
    if acknowledged_by is not None and received.reachable and not received.goes_to_customer:
        waits.append(CaseTimer(UNACKNOWLEDGED, end_of(acknowledged_by, practice.zone)))
    return waits


def answer_timer(meant_for: date, practice: ClockRules) -> CaseTimer:
    """Return the timer of an answer that is meant for a day."""
    return CaseTimer(APPROACHING, begin_of(meant_for, practice.zone))


def further_answer_timer(meant_for: date, at: datetime, practice: ClockRules) -> CaseTimer:
    """Return the timer of an answer owed again since *at*; a timer of the same name would be ignored."""
    return CaseTimer(f"{APPROACHING}_{at:%Y%m%d%H%M%S}", begin_of(meant_for, practice.zone))


def extension_timers(extension: RequestExtended, case: IntakeCase, practice: ClockRules) -> list[CaseTimer]:
    """Return the timers of an extension, notified in the first period (GDPR Art. 12(3), 11 CCR § 7021(b))."""
    waits = [timer_at(APPROACHING, begin_of(extension.meant_for, practice.zone))]
    if case.due_on is not None and not case.addressless:
        waits.append(CaseTimer(UNEXTENDED, end_of(case.due_on, practice.zone)))
    return waits


def appeal_timers(appeal: AppealReceived, practice: ClockRules) -> list[CaseTimer]:
    """Return the timers of an open appeal; one without a last day has one too, as lists find it by that."""
    last = appeal.due_on or appeal.received_on + UNDATED_APPEAL
    waits = [timer_at(UNDECIDED, end_of(last, practice.zone))]
    if appeal.meant_for is not None:
        waits.append(timer_at(UNJUDGED, begin_of(appeal.meant_for, practice.zone)))
    return waits


def fee_timers(
    quoted: FeeQuoted, notified_at: datetime, case: IntakeCase, practice: ClockRules
) -> list[CaseTimer]:
    """
    Return the timers of a fee after its letter: ten days (DPO Art. 19(3)), less where the law leaves less.

    The person has the day that the letter states, and all ten where the time is over already.
    """
    notified_on = notified_at.astimezone(practice.zone).date()
    usual = end_of(notified_on + TIME_TO_AGREE, practice.zone)
    latest = last_wait(case, "fee", practice)
    if latest is not None and latest > notified_at:
        usual = end_of_wait(notified_at, usual - notified_at, latest)
    return [timer_at(UNAGREED, max(end_of(quoted.answer_by, practice.zone), usual))]


def package_timers(answer: RequestFulfilled) -> list[CaseTimer]:
    """Return the timers of a package."""
    if answer.package is None or answer.package_expires_at is None:
        return []
    end = answer.package_expires_at
    return [timer_at(EXPIRING, end - REMINDED_BEFORE), timer_at(EXPIRED, end)]


def next_check(kind: str, case: IntakeCase, now: datetime, practice: ClockRules) -> datetime | None:
    """Return the next check if the deadline of *case* has moved; None if it has come."""
    if DUTIES[kind] is TimedDuty.APPEAL:
        return _next_check_of_appeal(kind, case, now, practice)
    if kind not in {APPROACHING, MISSED}:
        return None
    if is_paused(case, practice.policies):
        return now + timedelta(days=1)
    last = due_now(case, now, practice) if case.paused_since or case.awaits_scope else None
    if last is not None:
        meant_for, due_on = internal_due(last, margin=practice.company.margin), last.due_on
    elif case.meant_for is not None and case.due_on is not None:
        meant_for, due_on = case.meant_for, case.due_on
    else:
        return None
    if kind == APPROACHING:
        return _not_yet(begin_of(meant_for, practice.zone), now)
    announced = case.announced if (TimedDuty.ANSWER, due_on) in case.missed else None
    return _not_yet(end_of(announced or due_on, practice.zone), now)


def _next_check_of_appeal(
    kind: str, case: IntakeCase, now: datetime, practice: ClockRules
) -> datetime | None:
    opened = case.open_appeal
    if opened is None or opened.due_on is None:
        return None
    if kind == UNJUDGED and opened.meant_for is not None:
        return _not_yet(begin_of(opened.meant_for, practice.zone), now)
    return _not_yet(end_of(opened.due_on, practice.zone), now)


def _not_yet(comes: datetime, now: datetime) -> datetime | None:
    return comes if now < comes else None


def is_done(kind: str, case: IntakeCase) -> bool:
    """Return whether the step of this *kind* is done, or no longer needed."""
    if DUTIES[kind] is TimedDuty.APPEAL:
        opened = case.open_appeal
        confirmed = LetterKind.COMPLAINT_RECEIVED in case.sent - case.returned
        return opened is None or (opened.remedy is Remedy.COMPLAINT and confirmed)
    return not case.unanswered or (kind in LETTERS and LETTERS[kind] in case.sent - case.returned)


def duty_of(kind: str, case: IntakeCase) -> TimedDuty:
    """Return the duty of this *kind* of timer; for a complaint the law requires a confirmation in time."""
    complaint = case.open_appeal is not None and case.open_appeal.remedy is Remedy.COMPLAINT
    return TimedDuty.COMPLAINT if DUTIES[kind] is TimedDuty.APPEAL and complaint else DUTIES[kind]


def day_of(kind: str, case: IntakeCase) -> date | None:
    """Return the last day for the step of this *kind* of timer."""
    match DUTIES[kind]:
        case TimedDuty.ACKNOWLEDGEMENT:
            return _acknowledged_by(case.received)
        case TimedDuty.EXTENDED_ANSWER:
            return case.tell_by
        case TimedDuty.APPEAL:
            return case.open_appeal.due_on if case.open_appeal else None
        case _:
            return case.due_on


def announced_on(case: IntakeCase, now: datetime, practice: ClockRules) -> date | None:
    """
    Return the day by which a person whose answer is late gets it, or a letter with a new day.

    It is the day that the staff expects, the end of a window, or a week later. None if no letter is due:
    without an address, or while the person is awaited and no letter has named a day.
    """
    if case.addressless or (case.awaits_person and case.announced is None):
        return None
    today = now.astimezone(practice.zone).date()
    if case.expected is not None and case.expected >= today:
        return case.expected
    ends = [at for at in (case.erasure_at, case.disclosed_at) if at is not None and now < at]
    if not ends or case.stopped is not None:
        return today + NEXT_ANNOUNCEMENT
    return (max(ends).astimezone(practice.zone) + timedelta(days=1)).date()


def is_announcement_due(case: IntakeCase, now: datetime, practice: ClockRules) -> bool:
    """Return whether the day that a letter about the delay has named is over without a decision."""
    if case.announced is None or not case.withdrawable:
        return False
    return now >= end_of(case.announced, practice.zone)


def _acknowledged_by(received: RequestReceived | None) -> date | None:
    days = received.last_days if received else ()
    return next((day.on for day in days if day.duty is TimedDuty.ACKNOWLEDGEMENT), None)
