"""
The status of a request in the Data Rights Protocol (section 3.02). Pure.

Every field is always present, empty without a value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from services.intake.domain import CaseStatus, IntakeCase
from shared.contract.events import Outcome, RequestFulfilled
from shared.law import end_of

NOT_PROVEN_IN_TIME, EXCESSIVE = "not_proven_in_time", "excessive"


class DrpStatus(StrEnum):
    """The status of a request."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    FULFILLED = "fulfilled"
    REVOKED = "revoked"
    DENIED = "denied"
    EXPIRED = "expired"


FINAL = frozenset(DrpStatus) - {DrpStatus.OPEN, DrpStatus.IN_PROGRESS}


class DrpReason(StrEnum):
    """The reason of a denial, or of a wait."""

    NEED_USER_VERIFICATION = "need_user_verification"
    INSUFFICIENT_VERIFICATION = "insuf_verification"
    NO_MATCH = "no_match"
    CLAIM_NOT_COVERED = "claim_not_covered"
    TOO_MANY_REQUESTS = "too_many_requests"


DETAILS: Mapping[DrpReason, str] = MappingProxyType(
    {
        DrpReason.NEED_USER_VERIFICATION: "The person is asked to confirm who they are.",
        DrpReason.INSUFFICIENT_VERIFICATION: "It could not be established that the person asks.",
        DrpReason.NO_MATCH: "No data about this person was found.",
        DrpReason.CLAIM_NOT_COVERED: "The law does not allow this request; the person receives the reason.",
        DrpReason.TOO_MANY_REQUESTS: "The person has asked more often than the law obliges to answer.",
    }
)
"""The texts of the reasons; nothing of the person."""
IN_PART = (
    "Part of the data is kept, or not handed over, because the law says so; the person receives the list."
)
ASKED_BEFORE = "It repeats an open request; that one is answered."


@dataclass(frozen=True, slots=True)
class DrpStatusReport:
    """A request's status, without its constant fields."""

    standing: DrpStatus
    reason: DrpReason | None = None
    details: str | None = None
    verification_url: str | None = None
    expires_at: datetime | None = None
    results_url: str | None = None

    @property
    def final(self) -> bool:
        """Whether it is final."""
        return self.standing in FINAL


@dataclass(frozen=True, slots=True)
class DrpRequestFacts:
    """The constant fields of a request."""

    request_id: str
    agent_request_id: str | None
    received_at: datetime
    expected_by: datetime
    kept_until: datetime
    """When its record is purged."""
    page: str
    """The request's page: the person proves their identity there, and gets the answer."""
    verification: str
    """The address for agents that redirects to that page."""


def status_object(asked: DrpRequestFacts, report: DrpStatusReport) -> dict[str, Any]:
    """Return the Exercise Status; optional fields only with a value."""
    always = {
        "request_id": asked.request_id,
        "status": report.standing,
        "reason": report.reason,
        "received_at": _time(asked.received_at),
        "expected_by": _time(asked.expected_by),
        "processing_details": report.details,
    }
    optional = {
        "agent_request_id": asked.agent_request_id,
        "user_verification_url": report.verification_url,
        "expires_at": report.expires_at and _time(report.expires_at),
        "results_url": report.results_url,
    }
    return always | {name: value for name, value in optional.items() if value is not None}


NOT_SERVED = DrpStatusReport(
    DrpStatus.DENIED,
    DrpReason.CLAIM_NOT_COVERED,
    "Consent to the sale of data is not accepted through agents.",
)
"""The status of a request without a supported right."""


def report_of(case: IntakeCase, asked: DrpRequestFacts, *, revoked: bool) -> DrpStatusReport:
    """Return the status of *case*; *revoked* by the agent counts before the register is updated."""
    present = DrpStatusReport(DrpStatus.REVOKED) if revoked else _under_way(case, asked)
    return _ended(case, asked) or present


def is_proven(case: IntakeCase) -> bool:
    """Return whether the identity is proven."""
    return case.fulfilled is not None or case.status in {CaseStatus.VERIFIED, CaseStatus.REFERRED}


def expected_by(case: IntakeCase, zone: ZoneInfo) -> datetime | None:
    """Return the last second of the last day for the answer."""
    return None if case.due_on is None else end_of(case.due_on, zone) - timedelta(seconds=1)


def _ended(case: IntakeCase, asked: DrpRequestFacts) -> DrpStatusReport | None:
    if case.fulfilled is not None:
        return _answered(case.fulfilled, asked)
    if NOT_PROVEN_IN_TIME in case.refused_for:
        return DrpStatusReport(DrpStatus.EXPIRED)
    if case.refused_for:
        return _denied(DrpReason.INSUFFICIENT_VERIFICATION)
    if case.duplicated is not None:
        return DrpStatusReport(DrpStatus.DENIED, DrpReason.TOO_MANY_REQUESTS, ASKED_BEFORE)
    gone = case.status in {CaseStatus.WITHDRAWN, CaseStatus.CLOSED}
    return DrpStatusReport(DrpStatus.REVOKED) if gone else None


def _answered(fulfilled: RequestFulfilled, asked: DrpRequestFacts) -> DrpStatusReport:
    match fulfilled.outcome:
        case Outcome.NOTHING_HELD:
            return _denied(DrpReason.NO_MATCH)
        case Outcome.REFUSED if EXCESSIVE in fulfilled.reasons:
            return _denied(DrpReason.TOO_MANY_REQUESTS)
        case Outcome.REFUSED:
            return _denied(DrpReason.CLAIM_NOT_COVERED)
        case Outcome.GRANTED | Outcome.PARTLY_GRANTED:
            return DrpStatusReport(
                DrpStatus.FULFILLED,
                details=IN_PART if fulfilled.outcome is Outcome.PARTLY_GRANTED else None,
                expires_at=fulfilled.package_expires_at or asked.kept_until,
                results_url=asked.page,
            )


def _denied(reason: DrpReason) -> DrpStatusReport:
    return DrpStatusReport(DrpStatus.DENIED, reason, DETAILS[reason])


def _under_way(case: IntakeCase, asked: DrpRequestFacts) -> DrpStatusReport:
    if case.status in {CaseStatus.UNKNOWN, CaseStatus.RECEIVED}:
        return DrpStatusReport(DrpStatus.OPEN)
    if case.status is CaseStatus.CHALLENGED and not case.in_review:
        return DrpStatusReport(
            DrpStatus.IN_PROGRESS,
            DrpReason.NEED_USER_VERIFICATION,
            DETAILS[DrpReason.NEED_USER_VERIFICATION],
            verification_url=asked.verification,
            expires_at=case.wanted_until or asked.expected_by,
        )
    return DrpStatusReport(DrpStatus.IN_PROGRESS, details=_moved(case), expires_at=asked.kept_until)


def _moved(case: IntakeCase) -> str | None:
    """Return the reason for a later deadline."""
    if case.extended:
        return "The answer takes longer than the law's first period; the person received the reason."
    days = f"The time to answer stood still for {case.paused_days} days"
    return None if case.moved_to is None else f"{days}, until the person proved who they are."


def _time(at: datetime) -> str:
    """Return *at* in the form that all agents read: UTC, with milliseconds, without ``Z``."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
