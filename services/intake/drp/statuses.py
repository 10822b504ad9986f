"""
Where a request stands, as the Data Rights Protocol says it (section 3.02). Pure.

Every field that a reader may look for is always there, empty where it says nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from services.intake.clock import end_of
from services.intake.domain import Case, Status
from shared.events import Outcome, RequestFulfilled

NOT_PROVEN_IN_TIME, EXCESSIVE = "not_proven_in_time", "excessive"


class Standing(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    FULFILLED = "fulfilled"
    REVOKED = "revoked"
    DENIED = "denied"
    EXPIRED = "expired"


FINAL = frozenset(Standing) - {Standing.OPEN, Standing.IN_PROGRESS}


class Reason(StrEnum):
    """Why a request is denied, or what it waits for."""

    NEED_USER_VERIFICATION = "need_user_verification"
    INSUFFICIENT_VERIFICATION = "insuf_verification"
    NO_MATCH = "no_match"
    CLAIM_NOT_COVERED = "claim_not_covered"
    TOO_MANY_REQUESTS = "too_many_requests"


DETAILS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.NEED_USER_VERIFICATION: "The person is asked to confirm who they are.",
        Reason.INSUFFICIENT_VERIFICATION: "It could not be established that the person asks.",
        Reason.NO_MATCH: "Nothing is held about this person.",
        Reason.CLAIM_NOT_COVERED: "The law does not let this request be met; the person is told why.",
        Reason.TOO_MANY_REQUESTS: "The person has asked more often than the law obliges to answer.",
    }
)
"""What is said in words; nothing of the person."""
IN_PART = "Part of the data is kept, or not handed over, because the law says so; the person is told which."
ASKED_BEFORE = "The same is asked for in a request that is not answered yet; that one is answered."
NOT_SERVED = "Consent to sell data is not taken through agents."


@dataclass(frozen=True, slots=True)
class Told:
    """A request's status, without what is the same all its life."""

    standing: Standing
    reason: Reason | None = None
    details: str | None = None
    verification_url: str | None = None
    expires_at: datetime | None = None
    results_url: str | None = None

    @property
    def final(self) -> bool:
        """Whether it will not change."""
        return self.standing in FINAL


@dataclass(frozen=True, slots=True)
class Asked:
    """What stays the same of a request."""

    request_id: str
    agent_request_id: str | None
    received_at: datetime
    expected_by: datetime
    kept_until: datetime
    """When the record of it goes."""


@dataclass(frozen=True, slots=True)
class Links:
    """Where agents and persons are sent."""

    page: str
    """The request's page: the person proves there who they are, and finds there what they get."""
    verification: str


def status_object(asked: Asked, told: Told) -> dict[str, Any]:
    """Return the Exercise Status; what is optional only where it says something."""
    always = {
        "request_id": asked.request_id,
        "status": told.standing,
        "reason": told.reason,
        "received_at": _time(asked.received_at),
        "expected_by": _time(asked.expected_by),
        "processing_details": told.details,
    }
    optional = {
        "agent_request_id": asked.agent_request_id,
        "user_verification_url": told.verification_url,
        "expires_at": told.expires_at and _time(told.expires_at),
        "results_url": told.results_url,
    }
    return always | {name: value for name, value in optional.items() if value is not None}


def not_served() -> Told:
    """Return the status of a request for what no right is exercised by."""
    return Told(Standing.DENIED, Reason.CLAIM_NOT_COVERED, NOT_SERVED)


def told_of(case: Case, asked: Asked, links: Links, *, revoked: bool) -> Told:
    """
    Return where *case* stands.

    Args:
        case: What intake knows.
        asked: What stays the same of the request.
        links: Where agents and persons are sent.
        revoked: Whether the agent has taken it back: it counts before the register has heard of it.
    """
    ended = _ended(case, links)
    if ended is None:
        return Told(Standing.REVOKED) if revoked else _under_way(case, asked, links)
    if ended.standing is Standing.FULFILLED and ended.expires_at is None:
        return replace(ended, expires_at=asked.kept_until)
    return ended


def is_proven(case: Case) -> bool:
    """Tell whether it was proven who asks."""
    return case.fulfilled is not None or case.status in {Status.VERIFIED, Status.REFERRED}


def expected_by(case: Case, zone: ZoneInfo) -> datetime | None:
    """Return the last second of the last day for the answer."""
    return None if case.due_on is None else end_of(case.due_on, zone) - timedelta(seconds=1)


def _ended(case: Case, links: Links) -> Told | None:
    if case.fulfilled is not None:
        return _answered(case.fulfilled, links)
    if NOT_PROVEN_IN_TIME in case.refused_for:
        return Told(Standing.EXPIRED)
    if case.refused_for:
        return _denied(Reason.INSUFFICIENT_VERIFICATION)
    if case.duplicated is not None:
        return Told(Standing.DENIED, Reason.TOO_MANY_REQUESTS, ASKED_BEFORE)
    return Told(Standing.REVOKED) if case.status in {Status.WITHDRAWN, Status.CLOSED} else None


def _answered(fulfilled: RequestFulfilled, links: Links) -> Told:
    match fulfilled.outcome:
        case Outcome.NOTHING_HELD:
            return _denied(Reason.NO_MATCH)
        case Outcome.REFUSED if EXCESSIVE in fulfilled.reasons:
            return _denied(Reason.TOO_MANY_REQUESTS)
        case Outcome.REFUSED:
            return _denied(Reason.CLAIM_NOT_COVERED)
        case Outcome.GRANTED | Outcome.PARTLY_GRANTED:
            return Told(
                Standing.FULFILLED,
                details=IN_PART if fulfilled.outcome is Outcome.PARTLY_GRANTED else None,
                expires_at=fulfilled.package_expires_at,
                results_url=links.page,
            )


def _denied(reason: Reason) -> Told:
    return Told(Standing.DENIED, reason, DETAILS[reason])


def _under_way(case: Case, asked: Asked, links: Links) -> Told:
    if case.status in {Status.UNKNOWN, Status.RECEIVED}:
        return Told(Standing.OPEN)
    if case.status is Status.CHALLENGED and not case.in_review:
        return Told(
            Standing.IN_PROGRESS,
            Reason.NEED_USER_VERIFICATION,
            DETAILS[Reason.NEED_USER_VERIFICATION],
            verification_url=links.verification,
            expires_at=case.wanted_until or asked.expected_by,
        )
    return Told(Standing.IN_PROGRESS, details=_moved(case), expires_at=asked.kept_until)


def _moved(case: Case) -> str | None:
    """Return why the answer is due later than was said at first."""
    if case.extended:
        return "The answer takes longer than the law's first period; the person was told why."
    if case.moved_to is None:
        return None
    return (
        f"The time to answer stood still for {case.paused_days} days, until the person proved who they are."
    )


def _time(at: datetime) -> str:
    """Return *at* as all agents read it: in UTC, with milliseconds, and no ``Z``."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
