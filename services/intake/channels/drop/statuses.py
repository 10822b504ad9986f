"""
What California's DROP is told of each request. Pure.

Law:
    Cal. Civ. Code § 1798.99.86(c); 11 CCR § 7600 et seq.
"""

from collections.abc import Iterable
from enum import IntEnum

from services.intake.domain import CaseStatus, IntakeCase
from shared.contract.events import Outcome
from shared.law import Right


class DropStatus(IntEnum):
    """Statuses, as the platform numbers them."""

    EXEMPTED = 2
    """Found, and all of it is exempt from deletion."""
    DELETED = 3
    """Found, and what is not exempt was deleted."""
    OPTED_OUT = 4
    """The identifier is several people's, and each is opted out of sale and sharing."""
    NOT_FOUND = 5


STRONGEST = (DropStatus.OPTED_OUT, DropStatus.DELETED, DropStatus.EXEMPTED, DropStatus.NOT_FOUND)
"""Of several people whom one request means, what the request is told as."""
ENDED_UNANSWERED = frozenset({CaseStatus.WITHDRAWN, CaseStatus.REFUSED})


def status_of(case: IntakeCase) -> DropStatus | None:
    """Return what became of *case*; none as long as it is not decided."""
    if case.fulfilled is None:
        # Taken back because the state did: it is not asked about it any more, whatever it is told.
        return DropStatus.NOT_FOUND if case.status in ENDED_UNANSWERED else None
    if case.fulfilled.right is Right.OPT_OUT_OF_SALE:
        return DropStatus.OPTED_OUT
    match case.fulfilled.outcome:
        case Outcome.GRANTED | Outcome.PARTLY_GRANTED | Outcome.NOTHING_HELD:
            # Who has a case was found. What is gone by then was erased, by a request of another list.
            return DropStatus.DELETED
        case Outcome.REFUSED:
            return DropStatus.EXEMPTED


def combined_status(cases: Iterable[IntakeCase]) -> DropStatus | None:
    """Return what became of a request that means several cases; none as long as one is not decided."""
    statuses = [status_of(case) for case in cases]
    if None in statuses:
        return None
    return next((status for status in STRONGEST if status in statuses), DropStatus.NOT_FOUND)
