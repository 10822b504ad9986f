"""
Terms of California's DROP: its files, opening hours and statuses. Pure.

Source: DROP Data Broker API 1.2.0.

Law:
    Cal. Civ. Code § 1798.99.86(c); 11 CCR § 7600 et seq.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, time
from enum import IntEnum
from types import MappingProxyType
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from services.intake.domain import CaseStatus, IntakeCase
from shared.contract.drop import ListKind
from shared.contract.events import Outcome
from shared.law import Right

PACIFIC: Final = ZoneInfo("America/Los_Angeles")
Hours: TypeAlias = tuple[time, time]
"""Beginning and end, in California."""
ARCHIVE = re.compile(r"[0-9]{8}_[A-Za-z0-9]{1,12}_DROP\.zip")
HEADER: Final = b"Id,Status\n"
_LIST = re.compile(r"[0-9]{8}_[A-Za-z0-9]{1,12}_(?P<kind>[A-Za-z]+)\.csv")
_KINDS: Mapping[str, ListKind] = MappingProxyType({kind.value.lower(): kind for kind in ListKind})


def hours(written: str) -> Hours | None:
    """
    Return the hours *written* as ``01:00/03:00``; None if empty.

    Raises:
        ValueError: They are not hours of a day.
    """
    if not written:
        return None
    first, _, last = written.partition("/")
    return time.fromisoformat(first), time.fromisoformat(last)


def is_closed(at: datetime, closed: Hours | None) -> bool:
    """Return whether the platform is closed, in the hours *closed*."""
    if closed is None:
        return False
    first, last = closed
    return first <= at.astimezone(PACIFIC).time() < last


def kind_of(name: str) -> ListKind | None:
    """Return the kind of list in the file called *name*; None for other files."""
    match = _LIST.fullmatch(name)
    return None if match is None else _KINDS.get(match["kind"].lower())


def part_of(name: str, before: int) -> str:
    """Return the name of the next file of statuses of the list *name*, with *before* earlier files."""
    return f"{name.removesuffix('.csv')}_{before + 1}.csv" if before else name


def lines_of(answers: Iterable[tuple[str, int]]) -> Iterator[bytes]:
    """Yield the lines of a file of statuses, without its header, from ids and statuses."""
    for id_, status in answers:
        yield f"{id_},{int(status)}\n".encode()


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
