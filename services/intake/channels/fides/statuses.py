"""Statuses and logs of requests in the clients' form. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum

from services.intake.domain import CaseStatus, IntakeCase, evolve
from shared.contract import events

NOT_PROVEN_IN_TIME, BY_STAFF = "not_proven_in_time", "decided_by_staff"


class FidesStatus(StrEnum):
    """The status of a request; of the words of Fides, those that apply here."""

    IDENTITY_UNVERIFIED = "identity_unverified"
    REQUIRES_INPUT = "requires_input"
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    IN_PROCESSING = "in_processing"
    COMPLETE = "complete"
    PAUSED = "paused"
    AWAITING_EMAIL_SEND = "awaiting_email_send"
    REQUIRES_MANUAL_FINALIZATION = "requires_manual_finalization"
    PENDING_EXTERNAL = "pending_external"
    CANCELED = "canceled"
    ERROR = "error"
    DUPLICATE = "duplicate"
    AWAITING_PRE_APPROVAL = "awaiting_pre_approval"
    PRE_APPROVAL_NOT_ELIGIBLE = "pre_approval_not_eligible"


ANSWERS_TO_PROOFS = (events.ProofRefused, events.IdentityChallenged, events.IdentityReviewNeeded)
"""Facts after a proof that did not decide the identity."""
WAITING: tuple[type[events.Fact], ...] = (*ANSWERS_TO_PROOFS, events.RequestPaused, events.RequestReferred)


@dataclass(frozen=True, slots=True)
class FidesLogEntry:
    """An entry in the log of a request."""

    at: datetime
    type: str
    status: str
    """The clients' name for the result."""


NOTHING = IntakeCase()


@dataclass(frozen=True, slots=True)
class ObservedRequest:
    """The state of a request, and its dates."""

    case: IntakeCase = NOTHING
    verified_at: datetime | None = None
    reviewed_at: datetime | None = None
    """When the staff decided the identity."""
    finished_at: datetime | None = None
    steps: tuple[FidesLogEntry, ...] = ()
    answers: tuple[events.Fact, ...] = field(default=())
    """Facts after proofs that did not decide the identity."""

    @classmethod
    def of(cls, history: Iterable[tuple[datetime, events.Fact]]) -> "ObservedRequest":
        """Return the state by *history*."""
        seen = cls()
        for at, fact in history:
            seen = _noted(seen, at, fact)
        return seen


def _noted(seen: ObservedRequest, at: datetime, fact: events.Fact) -> ObservedRequest:
    step = FidesLogEntry(at, fact.TYPE, _how_it_went(fact))
    seen = replace(seen, case=evolve(seen.case, fact), steps=(*seen.steps, step))
    match fact:
        case events.IdentityVerified():
            reviewed = at if BY_STAFF in fact.reasons else seen.reviewed_at
            return replace(seen, verified_at=at, reviewed_at=reviewed)
        case events.RequestFulfilled() | events.IdentityRefused():
            return replace(seen, finished_at=at)
        case events.ProofRefused() | events.IdentityChallenged() | events.IdentityReviewNeeded():
            return replace(seen, answers=(*seen.answers, fact))
        case _:
            return seen


def _how_it_went(fact: events.Fact) -> str:
    if isinstance(fact, events.NoticeFailed):
        return "error"
    return "awaiting_processing" if isinstance(fact, WAITING) else "complete"


def status_of(case: IntakeCase, *, asks_for_proof: bool) -> FidesStatus:
    """
    Return the status of *case*.

    If a proof will probably be required, a submitted form continues with the code at once (*asks_for_proof*).
    """
    return _ended(case) or _under_way(case, asks_for_proof=asks_for_proof)


def _ended(case: IntakeCase) -> FidesStatus | None:
    if case.fulfilled is not None:
        refused = case.fulfilled.outcome is events.Outcome.REFUSED
        return FidesStatus.DENIED if refused else FidesStatus.COMPLETE
    if case.refused_for:
        return FidesStatus.CANCELED if NOT_PROVEN_IN_TIME in case.refused_for else FidesStatus.DENIED
    if case.duplicated is not None:
        return FidesStatus.DUPLICATE
    if case.forwarded is not None:
        return FidesStatus.COMPLETE if case.status is CaseStatus.CLOSED else FidesStatus.PENDING_EXTERNAL
    gone = {CaseStatus.WITHDRAWN, CaseStatus.CLOSED, CaseStatus.PURGED}
    return FidesStatus.CANCELED if case.status in gone else None


def _under_way(case: IntakeCase, *, asks_for_proof: bool) -> FidesStatus:
    if case.awaits_agreement:
        return FidesStatus.PAUSED
    match case.status:
        case CaseStatus.CHALLENGED:
            return FidesStatus.PENDING if case.in_review else FidesStatus.IDENTITY_UNVERIFIED
        case CaseStatus.VERIFIED:
            return FidesStatus.PENDING if case.awaits_approval else FidesStatus.IN_PROCESSING
        case CaseStatus.REFERRED:
            return FidesStatus.REQUIRES_INPUT
        case _:
            return FidesStatus.IDENTITY_UNVERIFIED if asks_for_proof else FidesStatus.PENDING


def days_left(case: IntakeCase, today: date) -> int | None:
    """Return the days left for the answer; None once it is given."""
    return None if case.due_on is None or _ended(case) else (case.due_on - today).days


def time(at: datetime | None) -> str | None:
    """Return *at* in the clients' form."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds")
