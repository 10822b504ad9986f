"""
The day a bill was issued: not the day to pay, a period of service, nor a date of birth. Pure.

Every date on the page is given its label: the text before it, to its left, or above it. Where labels of
one rank name two days, nothing is chosen.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import IntEnum
from typing import TypeAlias

from rapidfuzz.fuzz import ratio

from services.verifier.documents.bills.blocks import Cell, beside
from services.verifier.documents.bills.words import DATE, DATE_AT_END, ISSUED, OTHER, PLACED, compact
from shared.matching.dates import WrittenDate, written_dates

_Days: TypeAlias = frozenset[date]
EARLIEST = date(2000, 1, 1)
"""A year of two digits is of this century: no bill on paper older than that is shown."""
_BETWEEN = re.compile(
    r"(?i)\s*(?:[-\u2010-\u2015/]|to|until|through|bis|au|a|al|t/m|tot|do|até|and|und|et|y)\s*(?:zum\s)?"
)


_LONG = 9
"""Letters of a label that is known also where one of them was misread."""
_MISREAD = 90
"""Ratio of two labels that differ by such a letter."""


class Rank(IntEnum):
    """The certainty of a label for the day of issue; the surest first."""

    ISSUED = 0
    PLACED = 1
    """A town stands before it, as at the head of a letter."""
    DATE = 2
    """It is called the date, and nothing else is said."""
    BARE = 3
    """Nothing is said."""
    OTHER = 4
    """It is said to be another day."""


def issued_on(cells: Sequence[Cell], *, day_first: bool | None) -> tuple[date, ...]:
    """
    Return the day of issue; two where day and month could be either way round, none where it is not clear.

    Args:
        cells: The pieces of the page.
        day_first: Whether the day comes first where both are numbers, by the country of the issuer.
    """
    ranked: dict[Rank, list[_Days]] = {}
    for rank, days in _ranked(cells, day_first):
        ranked.setdefault(rank, []).append(days)
    ranked.pop(Rank.OTHER, None)
    if not ranked:
        return ()
    # Each mention narrows the meaning of the others: 02/03 here and 2 March there.
    common = frozenset.intersection(*ranked[min(ranked)])
    return tuple(sorted(common))


def _ranked(cells: Sequence[Cell], day_first: bool | None) -> Iterator[tuple[Rank, _Days]]:
    for at, cell in enumerate(cells):
        written = written_dates(cell.text, day_first=day_first)
        for number, one in enumerate(written):
            days = frozenset(day for day in one.dates if day >= EARLIEST)
            if days:
                before = cell.text[written[number - 1].end if number else 0 : one.start]
                yield _rank(cells, at, before, _after(cell.text, one, written)), days


def _rank(cells: Sequence[Cell], at: int, before: str, after: str) -> Rank:
    if after == _PERIOD or _BETWEEN.fullmatch(before):
        return Rank.OTHER
    own = _label(before)
    if own is not None:
        return own
    if any(word in compact(after) for word in OTHER):
        return Rank.OTHER
    if compact(before):
        return Rank.PLACED if PLACED.fullmatch(before) and not after.strip() else Rank.OTHER
    if compact(after):
        return Rank.OTHER
    labels = (rank for text in beside(cells, at) if (rank := _label(text)) is not None)
    return next(labels, Rank.BARE)


_PERIOD = "\N{RIGHTWARDS ARROW}"


def _after(text: str, one: WrittenDate, written: Sequence[WrittenDate]) -> str:
    """Return the text behind a date; an arrow where that leads to another date."""
    following = next((other for other in written if other.start >= one.end), None)
    behind = text[one.end : following.start if following else None]
    return _PERIOD if following and _BETWEEN.fullmatch(behind) else behind


def _label(text: str) -> Rank | None:
    """Return the rank of *text* as a label of the date behind it; none where it is no label of dates."""
    plain = compact(text)
    issued, other = float(_last(ISSUED, plain)), float(_last(OTHER, plain))
    if max(issued, other) < 0:
        issued, other = _likest(ISSUED, plain), _likest(OTHER, plain)
    if max(issued, other) >= 0:
        return Rank.ISSUED if issued > other else Rank.OTHER
    return Rank.DATE if plain in DATE or DATE_AT_END.search(text) else None


def _last(words: Iterable[str], text: str) -> int:
    """Return where the last of *words* in *text* ends; -1 where there is none."""
    return max((text.rfind(word) + len(word) for word in words if word in text), default=-1)


def _likest(words: Iterable[str], text: str) -> float:
    """Return how much the likest of the long *words* is like *text*, as where a letter was misread."""
    near = (ratio(word, text, score_cutoff=_MISREAD) for word in words if len(word) >= _LONG)
    return max((score for score in near if score), default=-1)
