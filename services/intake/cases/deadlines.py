"""
Which days of a case are waited for, and what is said when one of them has come. Pure.

A moment is named after what is due and the day: the same one is told once, however often it is set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType

from services.intake.cases.clock import ClockRules, begin_of, due_now, end_of, stands_still
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
from shared.law import TimedDuty, internal_due

APPROACHING, MISSED = "deadline_approaching", "deadline_missed"
"""Of the answer: the day by which it was meant to be sent, and the end of the last day."""
UNACKNOWLEDGED, UNEXTENDED = "acknowledgement_missed", "extension_missed"
"""The end of the day by which a request is acknowledged, and by which the person hears of an extension."""
UNDECIDED = "appeal_missed"
"""The end of the day by which an appeal is decided, or a complaint at the latest answered."""
UNAGREED = "fee_unagreed"
"""The end of the day by which the person agrees to a fee that they were told of."""
EXPIRING, EXPIRED = "package_expiring", "package_expired"
"""Of the package: the day on which who has not fetched it is reminded, and the end."""
TIME_TO_AGREE = timedelta(days=10)
REMINDED_BEFORE = timedelta(days=7)
DUTIES: Mapping[str, TimedDuty] = MappingProxyType(
    {
        APPROACHING: TimedDuty.ANSWER,
        MISSED: TimedDuty.ANSWER,
        UNACKNOWLEDGED: TimedDuty.ACKNOWLEDGEMENT,
        UNEXTENDED: TimedDuty.EXTENDED_ANSWER,
        UNDECIDED: TimedDuty.APPEAL,
    }
)
LETTERS: Mapping[str, LetterKind] = MappingProxyType(
    {UNACKNOWLEDGED: LetterKind.ACKNOWLEDGEMENT, UNEXTENDED: LetterKind.EXTENSION}
)
"""Moments that are about a letter: which one."""


@dataclass(frozen=True, slots=True)
class DeadlineTimer:
    """A moment that is waited for."""

    name: str
    at: datetime


def kind_of(name: str) -> str:
    """Return what kind of moment is called *name*."""
    return next(kind for kind in (*DUTIES, UNAGREED, EXPIRING, EXPIRED) if name.startswith(kind))


def wait_for(kind: str, at: datetime) -> DeadlineTimer:
    """Return the moment *at*, named so that another day is another moment."""
    return DeadlineTimer(f"{kind}_{at:%Y%m%d}", at)


def first_waits(received: RequestReceived, practice: ClockRules) -> list[DeadlineTimer]:
    """Return what is waited for when a request has come."""
    waits = [DeadlineTimer(APPROACHING, begin_of(received.internal_due_on, practice.zone))]
    acknowledged_by = _acknowledged_by(received)
    if acknowledged_by is not None and received.reachable and not received.goes_to_customer:
        waits.append(DeadlineTimer(UNACKNOWLEDGED, end_of(acknowledged_by, practice.zone)))
    return waits


def waits_after(extension: RequestExtended, case: IntakeCase, practice: ClockRules) -> list[DeadlineTimer]:
    """
    Return what is waited for when the answer to *case* takes longer.

    Law:
        GDPR Art. 12(3), 11 CCR § 7021(b): the person is told, and why, within the first period.
    """
    waits = [wait_for(APPROACHING, begin_of(extension.meant_for, practice.zone))]
    if case.due_on is not None and not case.addressless:
        waits.append(DeadlineTimer(UNEXTENDED, end_of(case.due_on, practice.zone)))
    return waits


def waits_for_decision(appeal: AppealReceived, practice: ClockRules) -> list[DeadlineTimer]:
    """Return what is waited for when somebody has appealed."""
    return [] if appeal.due_on is None else [wait_for(UNDECIDED, end_of(appeal.due_on, practice.zone))]


def waits_for_agreement(
    quoted: FeeQuoted, notified_at: datetime, practice: ClockRules
) -> list[DeadlineTimer]:
    """
    Return what is waited for when the person was told of a fee.

    Law:
        DPO Art. 19(3): they have ten days, whenever the letter went out.
    """
    notified_on = notified_at.astimezone(practice.zone).date()
    return [wait_for(UNAGREED, end_of(max(quoted.answer_by, notified_on + TIME_TO_AGREE), practice.zone))]


def waits_for_package(answer: RequestFulfilled) -> list[DeadlineTimer]:
    """Return what is waited for when there is a package."""
    if answer.package is None or answer.package_expires_at is None:
        return []
    end = answer.package_expires_at
    return [wait_for(EXPIRING, end - REMINDED_BEFORE), wait_for(EXPIRED, end)]


def looked_at_again(kind: str, case: IntakeCase, now: datetime, practice: ClockRules) -> datetime | None:
    """Return when to look again at a day of *case* that has moved meanwhile; None where it has come."""
    if kind == UNDECIDED:
        return _not_yet(end_of(day, practice.zone), now) if (day := day_of(kind, case)) else None
    if kind not in {APPROACHING, MISSED}:
        return None
    if stands_still(case, practice.policies):
        return now + timedelta(days=1)
    last = due_now(case, now, practice) if case.paused_since else None
    if last is not None:
        meant_for, due_on = internal_due(last, margin=practice.company.margin), last.due_on
    elif case.meant_for is not None and case.due_on is not None:
        meant_for, due_on = case.meant_for, case.due_on
    else:
        return None
    comes = begin_of(meant_for, practice.zone) if kind == APPROACHING else end_of(due_on, practice.zone)
    return _not_yet(comes, now)


def _not_yet(comes: datetime, now: datetime) -> datetime | None:
    return comes if now < comes else None


def is_done(kind: str, case: IntakeCase) -> bool:
    """Tell whether what is due at a moment of this *kind* is done, or need not be done any more."""
    if kind == UNDECIDED:
        opened = case.open_appeal
        confirmed = LetterKind.COMPLAINT_RECEIVED in case.sent - case.returned
        return opened is None or (opened.remedy is Remedy.COMPLAINT and confirmed)
    return not case.unanswered or (kind in LETTERS and LETTERS[kind] in case.sent - case.returned)


def duty_of(kind: str, case: IntakeCase) -> TimedDuty:
    """Return what a moment of this *kind* is about; of a complaint the law wants it confirmed in time."""
    complaint = case.open_appeal is not None and case.open_appeal.remedy is Remedy.COMPLAINT
    return TimedDuty.COMPLAINT if kind == UNDECIDED and complaint else DUTIES[kind]


def day_of(kind: str, case: IntakeCase) -> date | None:
    """Return the last day for what a moment of this *kind* is about."""
    match DUTIES[kind]:
        case TimedDuty.ACKNOWLEDGEMENT:
            return _acknowledged_by(case.received)
        case TimedDuty.EXTENDED_ANSWER:
            return case.tell_by
        case TimedDuty.APPEAL:
            return case.open_appeal.due_on if case.open_appeal else None
        case _:
            return case.due_on


def _acknowledged_by(received: RequestReceived | None) -> date | None:
    days = received.last_days if received else ()
    return next((day.on for day in days if day.duty is TimedDuty.ACKNOWLEDGEMENT), None)
