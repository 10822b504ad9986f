"""
The keyed chain over the rows of each case: a row that was changed, removed or added does not fit it. Pure.

The MAC of a row covers the MAC of the row before it and its own content, under a key of its service that the
database does not hold. The row that says that a case was purged carries the MAC before it (``before``): the
rows that it covers are gone. It goes itself after ``expires_at``, except where the case was purged.
"""

import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from operator import attrgetter
from typing import Any, Final, TypeAlias

from shared.contract.events import RequestPurged
from shared.runtime.mongo import BSON_ERRORS, Document, RawDocument, from_bson_with_binary, to_bson

Row: TypeAlias = Mapping[str, Any]
"""A row as it is stored."""
START: Final = bytes(32)
"""Stands for the MAC before the first row of a case."""
MAC: Final = "mac"
BEFORE: Final = "before"
PUBLISHER: Final = "publisher"
EXPIRES: Final = "expires_at"
ANNOUNCED_PUBLISHER: Final = "announced_publisher"
MARKS: Final = frozenset({MAC, "unpublished", "announced", ANNOUNCED_PUBLISHER})
"""Fields that the MAC does not cover: the MAC itself, and marks that are removed once a row is published."""
OCCURRED: Final = "occurred_at"


class ChainFault(StrEnum):
    """A fault in the chain."""

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"


@dataclass(frozen=True, slots=True, order=True)
class ChainFinding:
    """A row that does not fit."""

    service: str
    case: str
    n: int | None
    """Its number; none where no row of the case is left."""
    fault: ChainFault

    def __str__(self) -> str:
        """Return the place and the fault."""
        place = self.case if self.n is None else f"{self.case}:{self.n}"
        return f"{self.service} {place} {self.fault}"


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row of a case when heads were exported."""

    n: int
    mac: bytes


def chained(document: Document, before: bytes, key: bytes) -> RawDocument:
    """Return *document*, which follows the row with the MAC *before*, with its own MAC."""
    content = to_bson(document)
    return from_bson_with_binary(content, MAC, _mac(key, before, content))


def faults_of(
    case: str, rows: Sequence[Row], key: bytes, head: Head | None = None
) -> Iterator[tuple[int | None, ChainFault]]:
    """
    Yield the faults of a case: number of the row and fault.

    Args:
        case: Its id.
        rows: All its rows as they are stored, in the order of their numbers.
        key: The key of the service.
        head: Its newest row as it was exported, if it was.
    """
    walk = _ChainWalk(case, key, head)
    for row, following in zip_longest(rows, rows[1:]):
        yield from walk.take(row, following)
    yield from walk.end()


def replaced(rows: Sequence[Row], heads: Iterable[Head]) -> Iterator[tuple[int, ChainFault]]:
    """Yield the *rows* that took the place of exported ones: a tail was removed, and others followed."""
    macs = {row.get("n"): row[MAC] for row in rows if isinstance(row.get(MAC), bytes)}
    for head in sorted(heads, key=attrgetter("n")):
        if head.n in macs and not hmac.compare_digest(macs[head.n], head.mac):
            yield head.n, ChainFault.CHANGED


def is_purged(case: str, rows: Sequence[Row], key: bytes) -> bool:
    """Return whether a genuine row says that *case* was purged."""
    return any(
        _records_purge(row) and isinstance(row.get(BEFORE), bytes) and _fits(case, row, row[BEFORE], key)
        for row in rows
    )


class _ChainWalk:
    """Goes through the rows of a case."""

    def __init__(self, case: str, key: bytes, head: Head | None) -> None:
        self._case = case
        self._key = key
        self._head = head
        self._next = 0
        self._before: bytes | None = START
        """MAC of the row before; none where that row is missing."""
        self._head_seen = head is None
        self._any = False

    def take(self, row: Row, following: Row | None) -> Iterator[tuple[int | None, ChainFault]]:
        n = row.get("n")
        if not isinstance(n, int) or n < self._next or not isinstance(row.get(MAC), bytes):
            yield (n if isinstance(n, int) else None), ChainFault.ADDED
            return
        self._any = True
        covers = _records_purge(row) and isinstance(row.get(BEFORE), bytes)
        if n > self._next:
            if not (covers and _fits(self._case, row, row[BEFORE], self._key)):
                yield from ((missing, ChainFault.MISSING) for missing in range(self._next, n))
            self._before = row[BEFORE] if covers else None
        elif covers and self._before is not None and row[BEFORE] != self._before:
            yield n, ChainFault.CHANGED
        if self._before is not None and not _fits(self._case, row, self._before, self._key):
            self._head_seen |= self._head is not None and n == self._head.n
            yield n, ChainFault.CHANGED if self._was_there(row, following) else ChainFault.ADDED
        elif self._head is not None:
            self._head_seen |= (n, row[MAC]) == (self._head.n, self._head.mac) or (
                covers and n > self._head.n
            )
        self._next, self._before = n + 1, row[MAC]

    def end(self) -> Iterator[tuple[int | None, ChainFault]]:
        if self._head_seen or self._head is None:
            return
        if not self._any:
            yield None, ChainFault.MISSING
        elif self._next <= self._head.n:
            yield from ((missing, ChainFault.MISSING) for missing in range(self._next, self._head.n + 1))
        else:
            yield self._head.n, ChainFault.CHANGED

    def _was_there(self, row: Row, following: Row | None) -> bool:
        """Return whether the service wrote a row in the place of *row*: heads or the next row show it."""
        if self._head is not None and row["n"] <= self._head.n:
            return True
        return following is not None and _fits(self._case, following, row[MAC], self._key)


def _fits(case: str, row: Row, before: bytes, key: bytes) -> bool:
    if row.get("case") != case or not isinstance(row.get(MAC), bytes):
        return False
    if BEFORE in row and not _records_purge(row):
        return False
    try:
        content = to_bson({name: value for name, value in row.items() if name not in MARKS})
    except BSON_ERRORS:
        return False
    return row["_id"] == f"{case}:{row['n']}" and hmac.compare_digest(_mac(key, before, content), row[MAC])


def _records_purge(row: Row) -> bool:
    stored = [row.get("event"), *(row.get("facts") or ())]
    return any(isinstance(fact, Mapping) and fact.get("type") == RequestPurged.TYPE for fact in stored)


def _mac(key: bytes, before: bytes, content: bytes) -> bytes:
    return hmac.digest(key, before + content, "sha256")
