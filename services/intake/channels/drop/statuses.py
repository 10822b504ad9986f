"""
The status of each request for California's DROP. Pure.

Law:
    Cal. Civ. Code § 1798.99.86(c); 11 CCR § 7600 et seq.
"""

from collections.abc import Iterable
from enum import IntEnum

from services.intake.domain import CaseStatus, IntakeCase
from shared.contract.events import Outcome
from shared.law import Right


class DropStatus(IntEnum):
    """Statuses by the platform's numbers."""

    EXEMPTED = 2
    """Found, and all data is exempt from deletion."""
    DELETED = 3
    """Found, and all data that is not exempt was deleted."""
    OPTED_OUT = 4
    """The identifier belongs to several people, and each is opted out of sale and sharing."""
    NOT_FOUND = 5


STRONGEST = (DropStatus.OPTED_OUT, DropStatus.DELETED, DropStatus.EXEMPTED, DropStatus.NOT_FOUND)
"""For a request that matches several people, the first of their statuses counts."""
ENDED_UNANSWERED = frozenset({CaseStatus.WITHDRAWN, CaseStatus.REFUSED})


def status_of(case: IntakeCase) -> DropStatus | None:
    """Return the status of *case*; None while undecided."""
    if case.fulfilled is None:
        # Withdrawn because the state did: its status is not requested any more.
        return DropStatus.NOT_FOUND if case.status in ENDED_UNANSWERED else None
    if case.fulfilled.right is Right.OPT_OUT_OF_SALE:
        return DropStatus.OPTED_OUT
    match case.fulfilled.outcome:
        case Outcome.GRANTED | Outcome.PARTLY_GRANTED | Outcome.NOTHING_HELD:
            # A case means a match. Data that is gone by then was erased by a request of another list.
            return DropStatus.DELETED
        case Outcome.REFUSED:
            return DropStatus.EXEMPTED


def combined_status(cases: Iterable[IntakeCase]) -> DropStatus | None:
    """Return the status of a request with several cases; None while one is undecided."""
    statuses = [status_of(case) for case in cases]
    if None in statuses:
        return None
    return next((status for status in STRONGEST if status in statuses), DropStatus.NOT_FOUND)
