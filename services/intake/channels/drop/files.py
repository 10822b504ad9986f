"""
Files of California's DROP, and its opening hours. Pure.

Source: DROP Data Broker API 1.2.0.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, time
from types import MappingProxyType
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from shared.contract.drop import ListKind

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
