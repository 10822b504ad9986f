"""Reads bills, which never state that the person at the keyboard is the recipient. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import IntEnum
from typing import TypeAlias

from rapidfuzz.fuzz import ratio

from services.verifier.documents.bills import words
from services.verifier.documents.bills.blocks import Block, Cell, beside, blocks_of, cells_of
from services.verifier.documents.bills.words import compact
from services.verifier.documents.results import Bill, BillKind, TextLine
from shared.matching.dates import WrittenDate, written_dates
from shared.matching.postcodes import DAY_FIRST

MOST_CELLS = 1500
"""Pieces of text; a statement of five pages has about a thousand."""

ENOUGH = 2
"""Different words of a kind that make a letter of it: one stands in many letters by chance."""
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
_PERIOD = "\N{RIGHTWARDS ARROW}"


def read_bill(lines: Sequence[TextLine]) -> Bill | None:
    """
    Return the bill that *lines* are; none where they are neither a bill nor a letter with an address.

    None, too, where there is more text than on any bill: a part of it could lack the second address. The
    issuer's own addresses are not counted. The recipient is the person with the name right above an address:
    of several, the first that is not a place of mere supply.

    Args:
        lines: In the order of reading, best with their places: columns that have become one line cannot be
            separated.
    """
    cells = cells_of(lines)
    if len(cells) > MOST_CELLS:
        return None
    kind = kind_of([cell.text for cell in cells])
    blocks = blocks_of(cells)
    others = [block for block in blocks if not block.company]
    if kind is BillKind.UNKNOWN and not others:
        return None
    named = sorted((block for block in others if block.name), key=lambda block: block.site)
    return Bill(
        kind=kind,
        issuer=_issuer(cells),
        issued=issued_on(cells, day_first=_day_first(blocks)),
        recipient=named[0].name if named else "",
        address=named[0].lines if named else (),
        addresses=len({block.parts.key for block in others}),
    )


def _issuer(cells: Sequence[Cell]) -> str:
    """Return the first name of a company on the page, without the address behind it."""
    names = (re.split(r"\s*[·|•,;]\s*", cell.text)[0] for cell in cells)
    return next((name for name in names if words.is_company(name) and not words.is_heading(name)), "")


def _day_first(blocks: Sequence[Block]) -> bool | None:
    """Return whether the day stands before the month where the bill comes from; none where it is unclear."""
    own = [block for block in blocks if block.company] or blocks
    countries = {country for block in own[:1] for country in block.parts.countries}
    known = {DAY_FIRST[country] for country in countries if country in DAY_FIRST}
    return known.pop() if len(known) == 1 else None


def kind_of(texts: Sequence[str]) -> BillKind:
    """Return the kind of a letter: a bill for goods stays one unless more speaks for a supply it mentions."""
    whole = [compact(text) for text in texts]
    found = {
        kind: sum(any(word in text for text in whole) for word in marks)
        for kind, marks in words.STRONG.items()
    }
    goods = found.pop(BillKind.INVOICE)
    if found[BillKind.CARD] >= ENOUGH:
        # A card's statement has everything that a bank's has.
        found[BillKind.BANK] = 0
    kind, count = max(found.items(), key=lambda item: item[1])
    if count >= ENOUGH and count > goods:
        return kind
    if goods >= ENOUGH or any(word in text for text in whole for word in words.INVOICE):
        return BillKind.INVOICE
    return BillKind.UNKNOWN


class Rank(IntEnum):
    """The certainty of a label for the day of issue; the surest first."""

    ISSUED = 0
    PLACED = 1
    """A town stands before it, as at the head of a letter."""
    DATE = 2
    """It is called the date, and nothing else is said."""
    BARE = 3
    OTHER = 4


def issued_on(cells: Sequence[Cell], *, day_first: bool | None) -> tuple[date, ...]:
    """
    Return the day of issue; two where day and month could be either way round, none where it is not clear.

    Every date on the page is given its label: the text before it, to its left, or above it. Where labels of
    one rank name two days, nothing is chosen. *day_first* says how the issuer's country writes dates.
    """
    ranked: dict[Rank, list[_Days]] = {}
    for rank, days in _ranked(cells, day_first):
        ranked.setdefault(rank, []).append(days)
    ranked.pop(Rank.OTHER, None)
    # Each mention narrows the meaning of the others: 02/03 here and 2 March there.
    return tuple(sorted(frozenset.intersection(*ranked[min(ranked)]))) if ranked else ()


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
    if any(word in compact(after) for word in words.OTHER):
        return Rank.OTHER
    if compact(before):
        return Rank.PLACED if words.PLACED.fullmatch(before) and not after.strip() else Rank.OTHER
    if compact(after):
        return Rank.OTHER
    labels = (rank for text in beside(cells, at) if (rank := _label(text)) is not None)
    return next(labels, Rank.BARE)


def _after(text: str, one: WrittenDate, written: Sequence[WrittenDate]) -> str:
    """Return the text behind a date; an arrow where that leads to another date."""
    following = next((other for other in written if other.start >= one.end), None)
    behind = text[one.end : following.start if following else None]
    return _PERIOD if following and _BETWEEN.fullmatch(behind) else behind


def _label(text: str) -> Rank | None:
    """Return the rank of *text* as a label of the date behind it; none where it is no label of dates."""
    plain = compact(text)
    issued, other = float(_last(words.ISSUED, plain)), float(_last(words.OTHER, plain))
    if max(issued, other) < 0:
        issued, other = _likest(words.ISSUED, plain), _likest(words.OTHER, plain)
    if max(issued, other) >= 0:
        return Rank.ISSUED if issued > other else Rank.OTHER
    return Rank.DATE if plain in words.DATE or words.DATE_AT_END.search(text) else None


def _last(labels: Iterable[str], text: str) -> int:
    """Return where the last of *labels* in *text* ends; -1 where there is none."""
    return max((text.rfind(word) + len(word) for word in labels if word in text), default=-1)


def _likest(labels: Iterable[str], text: str) -> float:
    """Return how much the likest of the long *labels* is like *text*, as where a letter was misread."""
    near = (ratio(word, text, score_cutoff=_MISREAD) for word in labels if len(word) >= _LONG)
    return max((score for score in near if score), default=-1)
