"""
Deadlines: by the laws that protect the person, the company's calendar, and pauses; also those of appeals.

Pure. Every day is calculated from the receipt, so that each can be explained (``shared.law``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from services.intake.domain import UNDECIDED, CaseStatus, IntakeCase, overlap_until
from shared.contract.correspondents import mailbox_for, person_mailbox
from shared.contract.events import (
    AppealReceived,
    Code,
    DueMoved,
    Evidence,
    ExtensionReason,
    LastDay,
    LetterKind,
    PolicyId,
    ProofRef,
    Remedy,
    Requester,
    RequestExtended,
    RequestId,
    RequestReceived,
    RequestSubmitted,
    Residence,
    ScopeAsked,
)
from shared.errors import ConfigurationError, RefusedDecision
from shared.law import (
    IDENTITY,
    LEAST_WAIT,
    SPECIFICATION,
    AnswerPeriod,
    ClockRules,
    DeadlineCalculator,
    DueDate,
    Policy,
    PolicyLibrary,
    ProtectedPerson,
    Right,
    Strictest,
    TimedDuty,
    age_on,
    applicable,
    end_of,
    end_of_wait,
    internal_due,
    is_child,
    laws_not_accepted,
    may_narrow,
    stand_still,
    strictest,
    whole_days,
)

EARLIEST_RECEIPT = datetime(2018, 5, 25, tzinfo=UTC)
"""No law served here is older (GDPR Art. 99(2)): a request dated before it comes from a wrong clock."""
CHILDREN_FIRST = timedelta(days=10)
"""Time after receipt within which the answer to a child is meant to be sent."""
OF_AGE = 18
"""Age from which a person acts for themselves under every law supported here."""
TIME_TO_NARROW = timedelta(days=14)
"""Time for that answer; no law sets one."""
LEAST_TIME_TO_NARROW = 2 * LEAST_WAIT
KEPT = (TimedDuty.ANSWER, TimedDuty.EXTENDED_ANSWER, TimedDuty.ACKNOWLEDGEMENT)
"""Duties with last days that a case keeps from the beginning."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """The source of a submission, and its time of receipt."""

    case: str
    source: str
    occurred_at: datetime
    now: datetime
    proofs: tuple[ProofRef, ...] = field(default=())
    follows: RequestId | None = None
    attested: tuple[Evidence, ...] = ()
    """Evidence from an agent with a checked signature."""
    instructed: bool = False
    """Whether it comes from a controller with a checked credential."""
    at_once: bool = False
    """Whether the controller has its erasure begin without the window."""


def received_request(request: RequestSubmitted, arrival: Arrival, practice: ClockRules) -> RequestReceived:
    """
    Return the laws that govern *request* and its deadlines.

    A time of receipt in the future comes from a wrong clock: the deadline then runs from now. One from before
    the first law counts as the law's first day.

    Law:
        GDPR Art. 12(3), Reg. 1182/71; UK GDPR Art. 12A; Cal. Civ. Code § 1798.130(a)(2)(A) (``shared.law``).
    """
    received_at = max(EARLIEST_RECEIPT, min(request.received_at or arrival.occurred_at, arrival.now))
    received_on = received_at.astimezone(practice.zone).date()
    person = ProtectedPerson(_place(request.residence), request.role, request.regulation)
    laws = applicable(practice.policies, practice.company, person, received_on)
    counting = DeadlineCalculator(practice.company, practice.calendars, received_at)
    days = {duty: strictest(laws, duty, request.right, counting) for duty in KEPT}
    answer = _required(days[TimedDuty.ANSWER], request.right).last
    born_on = request.subject.date_of_birth
    child = request.child or (born_on is not None and is_child(laws, born_on, received_on))
    usual = internal_due(answer, margin=practice.company.margin)
    requester = Requester.CONTROLLER if arrival.instructed else _requester(request, received_on, child=child)
    regulation = laws[0].answered_as
    return RequestReceived(
        request_id=arrival.case,
        right=request.right,
        regulation=regulation,
        policy=laws[0].id,
        also=tuple(policy.id for policy in laws[1:]),
        last_days=tuple(
            LastDay(duty=duty, policy=one.policy.id, on=one.last.due_on) for duty, one in days.items() if one
        ),
        source=arrival.source,
        received_at=received_at,
        received_on=received_on,
        due_on=answer.due_on,
        internal_due_on=min(usual, answer.received_on + CHILDREN_FIRST) if child else usual,
        proofs=arrival.proofs,
        direct_marketing=request.direct_marketing,
        requester=requester,
        at_once=arrival.instructed and arrival.at_once,
        attested=arrival.attested,
        reachable=_is_reachable(request, requester),
        transfers=request.right is Right.PORTABILITY and request.details.transfer_to is not None,
        follows=arrival.follows,
        role=request.role,
        country=request.residence.country if request.residence else None,
        child=child,
        full_values=request.details.full_values,
        not_accepted=_not_accepted(person, received_on, practice),
    )


def _not_accepted(person: ProtectedPerson, day: date, practice: ClockRules) -> tuple[PolicyId, ...]:
    laws = laws_not_accepted(practice.policies, practice.company, person, day)
    return tuple(policy.id for policy in laws)


def resumed_deadline(case: IntakeCase, at: datetime, practice: ClockRules) -> DueMoved | None:
    """Return the deadline after the clock of *case* runs again; None if it never stopped."""
    if case.received is None or case.paused_since is None:
        return None
    days = case.paused_days + whole_days(case.paused_since, at)
    standing = any(policy.stands_still_for(IDENTITY) for policy in practice.laws(case.received.laws))
    if days == case.paused_days or not standing:
        return None
    return _due_moved(replace(case, paused_days=days), case.received, practice)


def narrowed_deadline(case: IntakeCase, at: datetime, practice: ClockRules) -> DueMoved | None:
    """Return the deadline after the person answered at *at* which data is meant; None if it did not move."""
    days = _scope_days(case, at)
    if case.received is None or not days or not _stands_for(SPECIFICATION, case.received, practice):
        return None
    return _due_moved(replace(case, scope_days=days), case.received, practice)


def _due_moved(case: IntakeCase, received: RequestReceived, practice: ClockRules) -> DueMoved:
    counted = _required(_count_answer(case, received, practice), received.right)
    return DueMoved(
        request_id=received.request_id,
        days=case.paused_days,
        scope_days=case.scope_days,
        due_on=counted.last.due_on,
        meant_for=internal_due(counted.last, margin=practice.company.margin),
        policy=counted.policy.id,
    )


def _stands_for(kind: str, received: RequestReceived, practice: ClockRules) -> bool:
    return any(policy.stands_still_for(kind) for policy in practice.laws(received.laws))


def _scope_days(case: IntakeCase, at: datetime) -> int:
    """Return the days until *at* of the open question for the scope, without those of a pause for proof."""
    if case.scope_asked is None or not case.awaits_scope:
        return case.scope_days
    return max(whole_days(case.scope_asked.asked_at, at) - overlap_until(case, at), 0)


def due_now(case: IntakeCase, now: datetime, practice: ClockRules) -> DueDate | None:
    """Return the deadline of *case* if the person sent the requested proof or answer today."""
    if case.received is None:
        return None
    running = 0 if case.paused_since is None else whole_days(case.paused_since, now)
    today = replace(case, paused_days=case.paused_days + running, scope_days=_scope_days(case, now))
    return _required(_count_answer(today, case.received, practice), case.received.right).last


def explained_deadline(case: IntakeCase, practice: ClockRules) -> Strictest | None:
    """Return the last day for the answer to *case*, step by step; None if another day is on record."""
    if case.received is None:
        return None
    counted = _count_answer(case, case.received, practice)
    return counted if counted is not None and counted.last.due_on == case.due_on else None


def extended_deadline(
    case: IntakeCase, reason: ExtensionReason, now: datetime, practice: ClockRules
) -> RequestExtended | None:
    """
    Return the deadline if the answer takes longer for *reason*; None if it must not.

    Law:
        GDPR Art. 12(3), 11 CCR § 7021(b): once, and only as long as the person can still be notified within
        the first period. Requests to opt out or to limit know no extension (11 CCR §§ 7026(f), 7027(g)).
    """
    received = case.received
    if received is None or case.extended or case.due_on is None or case.status not in UNDECIDED:
        return None
    counted = _count(TimedDuty.EXTENDED_ANSWER, received, case, practice)
    if counted is None or counted.last.due_on <= case.due_on or now >= end_of(case.due_on, practice.zone):
        return None
    return RequestExtended(
        request_id=received.request_id,
        reason=reason,
        promised_on=case.due_on,
        due_on=counted.last.due_on,
        meant_for=internal_due(counted.last, margin=practice.company.margin),
        policy=counted.policy.id,
    )


def last_wait(case: IntakeCase, paused_for: str | None, practice: ClockRules) -> datetime | None:
    """Return the end of the time to wait for the person's answer; None if the laws set no end."""
    received = case.received
    if received is None:
        return None
    period = AnswerPeriod(
        laws=received.laws,
        right=received.right,
        received_at=received.received_at,
        duty=TimedDuty.EXTENDED_ANSWER if case.extended else TimedDuty.ANSWER,
        paused_days=case.paused_days,
        paused_for=paused_for,
    )
    return practice.last_wait(period)


def is_paused(case: IntakeCase, policies: PolicyLibrary) -> bool:
    """Return whether the clock of *case* is paused now: every law must allow it, and an answer be awaited."""
    if case.received is None:
        return False
    laws = [policies.named(id_) for id_ in case.received.laws]
    awaited = {IDENTITY: case.paused_since is not None, SPECIFICATION: case.awaits_scope}
    return stand_still(laws, [kind for kind, waits in awaited.items() if waits])


def scope_question(case: IntakeCase, now: datetime, practice: ClockRules) -> ScopeAsked:
    """
    Return the question which data the request means, and until when the answer is awaited.

    The answer in full follows in time: where the period runs on, its target day ends the wait.

    Law:
        GDPR recital 63: a controller with much data may ask before the data is disclosed; the month runs on.
        UK GDPR Art. 12A(5)-(6): the days from the question to the answer do not count.

    Raises:
        RefusedDecision: One of the laws does not provide it, it was asked before, or it is too late.
    """
    received = case.received
    if received is None or case.status not in UNDECIDED or case.not_ours or case.instructed or case.stopped:
        raise RefusedDecision("not_possible")
    if case.scope_asked is not None:
        raise RefusedDecision("asked_before")
    if not may_narrow(practice.laws(received.laws), received.right):
        raise RefusedDecision("law_does_not_provide")
    latest = last_wait(case, None, practice)
    if latest is not None and now + LEAST_TIME_TO_NARROW > latest:
        raise RefusedDecision("too_late")
    ends_at = end_of_wait(now, TIME_TO_NARROW, last_wait(case, SPECIFICATION, practice))
    answer_by = ends_at.astimezone(practice.zone).date() - timedelta(days=1)
    until = end_of(answer_by, practice.zone)
    asked = ScopeAsked(
        request_id=received.request_id,
        asked_at=now,
        until=until,
        answer_by=answer_by,
        due_on=case.due_on or received.due_on,
    )
    moved = narrowed_deadline(replace(case, scope_asked=asked), until, practice)
    return asked.model_copy(update={"due_on": moved.due_on}) if moved else asked


def _count_answer(case: IntakeCase, received: RequestReceived, practice: ClockRules) -> Strictest | None:
    duty = TimedDuty.EXTENDED_ANSWER if case.extended else TimedDuty.ANSWER
    return _count(duty, received, case, practice)


def _count(
    duty: TimedDuty, received: RequestReceived, case: IntakeCase, practice: ClockRules
) -> Strictest | None:
    counting = DeadlineCalculator(
        practice.company, practice.calendars, received.received_at, case.paused_days, case.scope_days
    )
    return strictest(practice.laws(received.laws), duty, received.right, counting)


def _required(counted: Strictest | None, right: Right) -> Strictest:
    if counted is None:
        raise ConfigurationError(f"policies: no law sets the time for {right}")
    return counted


def _place(residence: Residence | None) -> str | None:
    """Return the residence as ISO 3166 writes it, ``US-CA``, with or without the country in its part."""
    if residence is None:
        return None
    if residence.subdivision is None:
        return residence.country
    part = residence.subdivision.upper().removeprefix(f"{residence.country}-")
    return f"{residence.country}-{part}"


def _requester(request: RequestSubmitted, day: date, *, child: bool) -> Requester:
    """
    Return the requester: for a child the parent, regardless of the relation stated.

    If the date of birth says of age, the parent counts as an agent: the person confirms.

    Law:
        11 CCR § 7070(c): requests for a child under 13 are the parent's; 11 CCR § 7063: an agent's.
    """
    if request.agent is None:
        return Requester.PERSON
    born_on = request.subject.date_of_birth
    of_age = born_on is not None and age_on(day, born_on) >= OF_AGE
    return Requester.PARENT if child or (request.agent.parent and not of_age) else Requester.AGENT


def _is_reachable(request: RequestSubmitted, requester: Requester) -> bool:
    if requester in {Requester.PARENT, Requester.CONTROLLER}:
        return mailbox_for(LetterKind.CODE, requester, request) is not None
    return person_mailbox(request) is not None


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

    Law:
        Va. Code § 59.1-577(C) and the laws of other States: decided in writing within 45 or 60 days.
        Data Protection Act 2018 s. 164A: a complaint, confirmed within 30 days; elsewhere without a limit.
    """
    received, opened = case.received, case.open_appeal
    if received is None:
        return None
    remedy = remedy_of(case, received, practice)
    if opened is not None and opened.remedy is remedy:
        return None
    laws = judging_policies(remedy, received, at, practice)
    counting = DeadlineCalculator(practice.company, practice.calendars, at)
    counted = strictest(laws, DUTIES[remedy], received.right, counting)
    return AppealReceived(
        request_id=received.request_id,
        remedy=remedy,
        statement=statement,
        received_on=at.astimezone(practice.zone).date(),
        due_on=counted and counted.last.due_on,
        policy=counted and counted.policy.id,
        meant_for=counted and internal_due(counted.last, margin=practice.company.margin),
    )


def remedy_of(case: IntakeCase, received: RequestReceived, practice: ClockRules) -> Remedy:
    """Return the remedy now open to the person."""
    known = any(policy.rule(TimedDuty.APPEAL, received.right) for policy in practice.laws(received.laws))
    return Remedy.APPEAL if known and case.status in DECIDED else Remedy.COMPLAINT


def judging_policies(
    remedy: Remedy, received: RequestReceived, at: datetime, practice: ClockRules
) -> Sequence[Policy]:
    """
    Return the editions that judge an appeal, those of its case, or a complaint, those of its day *at*.

    One that does not apply, because it was not read, judges no complaint: then that of the case does.
    """
    laws = practice.laws(received.laws)
    if remedy is Remedy.APPEAL:
        return laws
    day = at.astimezone(practice.zone).date()
    current = ((policy, practice.policies.in_force(policy.law, day)) for policy in laws)
    return [new if practice.policies.applies(new) else begun for begun, new in current]
