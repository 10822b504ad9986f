"""Requests of this API as clients see them: statuses, logs, and responses with every field. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from services.intake.channels.fides.bodies import FidesRequestForm, spelt
from services.intake.channels.fides.requests import FidesAction, Wish, action_of, policy_object, right_of
from services.intake.domain import DECIDED_ELSEWHERE, CaseStatus, IntakeCase, evolve
from shared.contract import events
from shared.contract.events import RequestId
from shared.law import DIRECT_MARKETING, needs_proof

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
            if type(fact) not in DECIDED_ELSEWHERE:  # its effect is a step
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


NEVER = (
    "reviewed_by", "submitted_by", "reviewer", "submitter", "paused_at", "action_required_details",
    "resume_endpoint", "custom_privacy_request_fields_approved_by",
    "custom_privacy_request_fields_approved_at", "deleted_at", "deleted_by", "finalized_at", "finalized_by",
    "duplicate_request_group_id",
)  # fmt: skip
"""Fields of a request that are always empty."""


@dataclass(frozen=True, slots=True)
class FidesEntry:
    """A request that came by this API, without personal data."""

    case: RequestId
    at: datetime
    policy: str
    """The client's key of the policy."""
    wish: Wish
    client: str | None
    """The client; None for public requests."""


@dataclass(frozen=True, slots=True)
class FilteredRequest:
    """A request of this API, with its state."""

    entry: FidesEntry
    seen: ObservedRequest
    said: FidesRequestForm | None
    """The client's body; None once the case is destroyed."""

    @property
    def name(self) -> str:
        """The client's name for it."""
        return spelt(self.entry.case)

    @property
    def status(self) -> FidesStatus:
        """Its status."""
        asks = needs_proof(right_of(self.entry.wish), direct_marketing=self.entry.wish == DIRECT_MARKETING)
        return status_of(self.seen.case, asks_for_proof=asks and self.entry.client is None)

    @property
    def action(self) -> FidesAction:
        """The client's name for the right."""
        return action_of(self.entry.wish)


def identities_of(said: FidesRequestForm) -> dict[str, Any]:
    """Return the identifiers of the person, as sent by the client."""
    given = {
        "email": said.identity.email,
        "phone_number": said.identity.phone_number,
        "ga_client_id": said.identity.ga_client_id,
        "ljt_readerID": said.identity.ljt_reader_id,
        "fides_user_device_id": said.identity.fides_user_device_id,
        "external_id": said.identity.external_id,
    }
    return given | {name: one.value for name, one in said.identity.labelled.items()}


def labelled(said: FidesRequestForm) -> dict[str, Any]:
    """Return the same, with the labels in the client's forms."""
    labels = {name: one.model_dump(mode="json") for name, one in said.identity.labelled.items()}
    return identities_of(said) | labels


def response(
    found: FilteredRequest, today: date, *, personal: bool, identities: bool = False, fields: bool = False
) -> dict[str, Any]:
    """
    Return a request.

    Args:
        found: The request.
        today: The current day of the controller.
        personal: Whether the caller may see the client's body.
        identities: Whether the caller asks for the person's identity.
        fields: Whether the caller asks for the person's other answers.
    """
    entry, seen, said = found.entry, found.seen, found.said
    shown = said if personal else None
    given = shown.custom_privacy_request_fields if shown and fields else None
    return {
        "id": found.name,
        "created_at": time(entry.at),
        "started_processing_at": time(seen.verified_at),
        "reviewed_at": time(seen.reviewed_at),
        "finished_processing_at": time(seen.finished_at),
        "identity_verified_at": time(seen.verified_at),
        "status": found.status,
        "external_id": shown.external_id if shown else None,
        "identity": labelled(shown) if shown and identities else None,
        "custom_privacy_request_fields": given
        and {name: one.model_dump(mode="json") for name, one in given.items()},
        "policy": policy_object(entry.policy, entry.wish),
        "days_left": days_left(seen.case, today),
        "source": said.source if said else None,
        "location": said.location if said else None,
        "property_id": shown.property_id if shown else None,
        **dict.fromkeys(NEVER),
    }


def log(found: FilteredRequest) -> list[Any]:
    """Return the log of a request, oldest first, without personal data."""
    return [
        {
            "collection_name": None,
            "fields_affected": None,
            "message": step.type,
            "action_type": found.action,
            "status": step.status,
            "updated_at": time(step.at),
            "connection_key": None,
            "dataset_name": "habeas",
            "saas_version": None,
        }
        for step in found.seen.steps
    ]


def paged(items: Sequence[Any], total: int, *, page: int, size: int) -> dict[str, Any]:
    """Return a page of *total* items."""
    return {"items": list(items), "total": total, "page": page, "size": size, "pages": -(-total // size)}
