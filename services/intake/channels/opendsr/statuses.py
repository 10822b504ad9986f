"""
The status of a request in the protocol's four words (specification 2.0, "Request status"). Pure.

``pending`` → ``in_progress`` → ``completed``; ``pending`` → ``cancelled``. A refusal has no word: it is
``cancelled``, with the reason in an extension of ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.intake.domain import CaseStatus, IntakeCase
from shared.contract.events import Outcome, RequestFulfilled

NOT_PROVEN_IN_TIME = "not_proven_in_time"
UNDER_WAY = frozenset({CaseStatus.VERIFIED, CaseStatus.REFERRED})
TAKEN_BACK = frozenset({CaseStatus.WITHDRAWN, CaseStatus.CLOSED})


class OpenDsrStatus(StrEnum):
    """The status of a request."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


FINAL = frozenset({OpenDsrStatus.COMPLETED, OpenDsrStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class OpenDsrStatusReport:
    """A request's status, without its constant fields."""

    standing: OpenDsrStatus
    results: bool = False
    """Whether there is a download."""
    count: int | None = None
    """Number of records found; None if none were searched for."""
    remark: Mapping[str, Any] | None = None
    """The content of our extension."""
    settled: bool = False
    """Whether it is registered as such: then it is final."""

    @property
    def final(self) -> bool:
        """Whether the request is over."""
        return self.standing in FINAL


def report_of(case: IntakeCase, *, cancelled: bool) -> OpenDsrStatusReport:
    """
    Return the status of *case*.

    *cancelled* by the controller counts before it is registered; an answer that crossed it stands, as an
    erasure cannot be undone.
    """
    if case.fulfilled is not None:
        return _answered(case.fulfilled)
    if case.refused_for:
        outcome = "lapsed" if NOT_PROVEN_IN_TIME in case.refused_for else "rejected"
        return _not_done(outcome, *case.refused_for)
    if case.duplicated is not None:
        return _not_done("duplicate")
    if cancelled or case.status in TAKEN_BACK:
        return OpenDsrStatusReport(OpenDsrStatus.CANCELLED, settled=case.status in TAKEN_BACK)
    working = case.status in UNDER_WAY
    return OpenDsrStatusReport(OpenDsrStatus.IN_PROGRESS if working else OpenDsrStatus.PENDING)


def next_report(report: OpenDsrStatusReport, last: str) -> OpenDsrStatusReport:
    """Return the status to report after the *last* one (empty: none), without skipping one on the way."""
    if not last and report.standing is not OpenDsrStatus.PENDING:
        return OpenDsrStatusReport(OpenDsrStatus.PENDING)
    if last == OpenDsrStatus.PENDING and report.standing is OpenDsrStatus.COMPLETED:
        return OpenDsrStatusReport(OpenDsrStatus.IN_PROGRESS)
    return report


def _answered(fulfilled: RequestFulfilled) -> OpenDsrStatusReport:
    reasons = tuple(sorted(fulfilled.reasons))
    match fulfilled.outcome:
        case Outcome.REFUSED:
            return _not_done("rejected", *reasons)
        case Outcome.NOTHING_HELD:
            return OpenDsrStatusReport(OpenDsrStatus.COMPLETED, count=0, settled=True)
        case Outcome.GRANTED | Outcome.PARTLY_GRANTED:
            partly = fulfilled.outcome is Outcome.PARTLY_GRANTED
            return OpenDsrStatusReport(
                OpenDsrStatus.COMPLETED,
                results=fulfilled.package is not None,
                count=fulfilled.dispositions.get("disclosed", 0) if fulfilled.package else None,
                remark={"outcome": "partly_granted", "reasons": list(reasons)} if partly else None,
                settled=True,
            )


def _not_done(outcome: str, *reasons: str) -> OpenDsrStatusReport:
    why = {"reason": reasons[0], "reasons": list(reasons)} if reasons else {}
    return OpenDsrStatusReport(OpenDsrStatus.CANCELLED, remark={"outcome": outcome, **why}, settled=True)
