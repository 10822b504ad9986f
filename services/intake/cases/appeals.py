"""
Appeals against an answer, and complaints to the controller. Pure.

Law:
    Va. Code § 59.1-577(C) and the laws of other States: an appeal, decided in writing within 45 or 60 days.
    Data Protection Act 2018 s. 164A: a complaint, confirmed within 30 days. Elsewhere a complaint is looked
    at again, which no provision limits.
"""

from collections.abc import Sequence
from datetime import datetime

from services.intake.cases.clock import ClockRules
from services.intake.domain import CaseStatus, IntakeCase
from shared.contract.events import AppealReceived, Code, Remedy, RequestReceived
from shared.law import DeadlineCalculator, Policy, Strictest, TimedDuty, strictest

DUTIES = {Remedy.APPEAL: TimedDuty.APPEAL, Remedy.COMPLAINT: TimedDuty.COMPLAINT}
DECIDED = frozenset({CaseStatus.REFUSED, CaseStatus.ANSWERED, CaseStatus.CLOSED})
"""Statuses with an answer to appeal against."""


def received_appeal(
    case: IntakeCase, statement: Code, at: datetime, practice: ClockRules
) -> AppealReceived | None:
    """
    Return the appeal or complaint received at *at*; None if there is no request, or one is open already.

    Before an answer it is a complaint about the handling of the request. An appeal against the answer
    includes an open complaint: both are decided together.
    """
    received, opened = case.received, case.open_appeal
    if received is None:
        return None
    remedy = remedy_of(case, received, practice)
    if opened is not None and opened.remedy is remedy:
        return None
    counted = _counted(remedy, received, at, practice)
    return AppealReceived(
        request_id=received.request_id,
        remedy=remedy,
        statement=statement,
        received_on=at.astimezone(practice.zone).date(),
        due_on=counted and counted.last.due_on,
        policy=counted and counted.policy.id,
    )


def remedy_of(case: IntakeCase, received: RequestReceived, practice: ClockRules) -> Remedy:
    """Return the remedy now open to the person."""
    known = any(policy.rule(TimedDuty.APPEAL, received.right) for policy in practice.laws_of(received))
    return Remedy.APPEAL if known and case.status in DECIDED else Remedy.COMPLAINT


def judging_policies(
    remedy: Remedy, received: RequestReceived, at: datetime, practice: ClockRules
) -> Sequence[Policy]:
    """
    Return the editions that judge a remedy received at *at*.

    An appeal belongs to its case; a complaint is judged by the law of the day on which it is made.
    """
    laws = practice.laws_of(received)
    if remedy is Remedy.APPEAL:
        return laws
    day = at.astimezone(practice.zone).date()
    return [practice.policies.in_force(policy.law, day) for policy in laws]


def _counted(
    remedy: Remedy, received: RequestReceived, at: datetime, practice: ClockRules
) -> Strictest | None:
    counting = DeadlineCalculator(practice.company, practice.calendars, at)
    return strictest(
        judging_policies(remedy, received, at, practice), DUTIES[remedy], received.right, counting
    )
