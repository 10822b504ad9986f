"""
Where a request stands, in the protocol's four words (specification 2.0, "Request status"). Pure.

``pending`` → ``in_progress`` → ``completed``; ``pending`` → ``cancelled``. There is no word for what is
refused: it is ``cancelled``, and an extension of our own says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.intake.domain import Case, Status
from shared.events import Outcome, RequestFulfilled

NOT_PROVEN_IN_TIME = "not_proven_in_time"
UNDER_WAY = frozenset({Status.VERIFIED, Status.REFERRED})
TAKEN_BACK = frozenset({Status.WITHDRAWN, Status.CLOSED})


class Standing(StrEnum):
    """Where a request stands."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


FINAL = frozenset({Standing.COMPLETED, Standing.CANCELLED})


@dataclass(frozen=True, slots=True)
class Told:
    """A request's status, without what is the same all its life."""

    standing: Standing
    results: bool = False
    """Whether there is something to download."""
    count: int | None = None
    """How many records were found; None where nobody asked for any."""
    remark: Mapping[str, Any] | None = None
    """What the extension of our own says."""
    settled: bool = False
    """Whether the register has heard of it: what it says then does not change."""

    @property
    def final(self) -> bool:
        """Whether the request is over."""
        return self.standing in FINAL


def told_of(case: Case, *, cancelled: bool) -> Told:
    """
    Return where *case* stands.

    Args:
        case: What intake knows.
        cancelled: Whether the controller has cancelled it: it counts before the register has heard of it. An
            answer that crossed it stands, for what was erased is erased.
    """
    if case.fulfilled is not None:
        return _answered(case.fulfilled)
    if case.refused_for:
        outcome = "lapsed" if NOT_PROVEN_IN_TIME in case.refused_for else "rejected"
        return _not_done(outcome, *case.refused_for)
    if case.duplicated is not None:
        return _not_done("duplicate")
    if cancelled or case.status in TAKEN_BACK:
        return Told(Standing.CANCELLED, settled=case.status in TAKEN_BACK)
    return Told(Standing.IN_PROGRESS if case.status in UNDER_WAY else Standing.PENDING)


def next_of(told: Told, last: str) -> Told:
    """
    Return what is to be told after *last*: none of the statuses on the way to the present one is left out.

    Args:
        told: Where the request stands now.
        last: The status that was told last; empty where none was.
    """
    if not last and told.standing is not Standing.PENDING:
        return Told(Standing.PENDING)
    if last == Standing.PENDING and told.standing is Standing.COMPLETED:
        return Told(Standing.IN_PROGRESS)
    return told


def _answered(fulfilled: RequestFulfilled) -> Told:
    reasons = tuple(sorted(fulfilled.reasons))
    match fulfilled.outcome:
        case Outcome.REFUSED:
            return _not_done("rejected", *reasons)
        case Outcome.NOTHING_HELD:
            return Told(Standing.COMPLETED, count=0, settled=True)
        case Outcome.GRANTED | Outcome.PARTLY_GRANTED:
            partly = fulfilled.outcome is Outcome.PARTLY_GRANTED
            return Told(
                Standing.COMPLETED,
                results=fulfilled.package is not None,
                count=fulfilled.dispositions.get("disclosed", 0) if fulfilled.package else None,
                remark={"outcome": "partly_granted", "reasons": list(reasons)} if partly else None,
                settled=True,
            )


def _not_done(outcome: str, *reasons: str) -> Told:
    why = {"reason": reasons[0], "reasons": list(reasons)} if reasons else {}
    return Told(Standing.CANCELLED, remark={"outcome": outcome, **why}, settled=True)
