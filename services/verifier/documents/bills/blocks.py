"""The pieces of a page: cells of text, and postal addresses among them. Plain text counts by order. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.verifier.documents.bills.words import RECIPIENT, SITE, compact, is_company, is_heading
from services.verifier.documents.results import TextLine
from shared.matching.addresses import Parts, parts_of
from shared.matching.dates import written_dates
from shared.matching.postcodes import find_postcode
from shared.matching.streets import CARE_OF

MOST_ABOVE = 6
"""Lines above a town that may belong to its address: house, district, care of, name, title."""
_GAP = 1.6
"""Heights of a line by which the next line of a block may be lower."""
_HEADING = 3
"""Heights of a line by which a heading may stand above a value."""
_ALIGNED = 0.02
"""Part of the page by which lines of a block may begin apart."""
_NAME = re.compile(r"[^\W\d_][^\W\d_.'’-]*\.?(?:[\s&+'’-]+(?:[^\W\d_][^\W\d_.'’-]*\.?))+", re.UNICODE)  # noqa: RUF001 - apostrophes
_GLUED = re.compile(r"(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ])")
"""Where a reader lost the blank between two names."""
_NO_TOWN = re.compile(r"(?i)\d\s+(?:kwh|mwh|m3|m³|eur|euro|usd|gbp|chf|pln|zł|zl|kg|km|mb|gb|min|std|stk)\b")
_ODD_TOWN = re.compile(r"\d{3,6}\s+[^\W\d_a-z][^\W\d_]{2,}")
"""A town with a code that no country has; it counts below a house and a name."""
_MOST_WORDS = 8
_MOST_HEADINGS = 3
"""Lines above a house among which the name is: it may have a flat or a department below it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of text that stands alone."""

    text: str
    page: int
    box: tuple[float, float, float, float]
    row: int
    """Number of its line; a line of a table is several cells."""
    column: int

    @property
    def placed(self) -> bool:
        """Whether its place on the page is known."""
        return self.box[3] > 0


@dataclass(frozen=True, slots=True)
class Block:
    """A postal address on a page, and its owner."""

    name: str
    """A person's name above it, or nothing."""
    lines: tuple[str, ...]
    parts: Parts = field(repr=False)
    company: bool
    """Whether a company's name stands above it or in it."""
    site: bool
    """Whether it is said to be where something is supplied or sent."""


def cells_of(lines: Sequence[TextLine]) -> list[Cell]:
    """Return the cells of *lines*, in their order. A line of a table is several."""
    return [cell for row, line in enumerate(lines) for cell in _split(line, row)]


def _split(line: TextLine, row: int) -> Iterator[Cell]:
    left, top, width, height = line.box
    text = line.text.replace("\t", "   ")
    share = width / max(len(text), 1)
    for column, match in enumerate(re.finditer(r"\S+(?:\s{1,2}\S+)*", text)):
        box = (left + match.start() * share, top, len(match[0]) * share, height)
        yield Cell(match[0], line.page, box, row, column)


def blocks_of(cells: Sequence[Cell]) -> list[Block]:
    """Return the postal addresses among *cells*, in their order."""
    found = (_block(cells, at) for at, cell in enumerate(cells) if _is_town(cell.text))
    return [block for block in found if block is not None]


def is_person(text: str) -> bool:
    """Return whether *text* may be a person's name."""
    return (
        _NAME.fullmatch(text) is not None
        and len(text.split()) <= _MOST_WORDS
        and not is_company(text)
        and not is_heading(text)
        and compact(text) not in RECIPIENT | SITE
    )


def _is_town(text: str) -> bool:
    if _NO_TOWN.search(text):
        return False
    postcode = find_postcode(text)
    if postcode is None:
        return _ODD_TOWN.fullmatch(text) is not None
    dated = any(one.start < postcode.end and postcode.start < one.end for one in written_dates(text))
    return not dated and (postcode.town_before or text[postcode.end :].lstrip(" ,-")[:1].isupper())


def _block(cells: Sequence[Cell], at: int) -> Block | None:
    """Return the address with the town in the cell *at*; none where there is no house above or before it."""
    above = list(_above(cells, at))
    for height in range(min(len(above), 3) + 1):
        lines = (*reversed(above[:height]), cells[at].text)
        parts = parts_of(_unlabelled(lines[0]) if height == 0 else lines)
        if parts.number and parts.street and (parts.postcode or height):
            block = _named(lines, parts, above[height:])
            return block if parts.postcode or block.name or block.company else None
    return None


def _named(lines: tuple[str, ...], parts: Parts, above: Sequence[str]) -> Block:
    """Return the address in *lines* with the name above it, and the text between."""
    headings = [text for text in above if not CARE_OF.match(text)][:_MOST_HEADINGS]
    names = [_GLUED.sub(" ", _unlabelled(text)) for text in headings]
    at, name = next(((at, name) for at, name in enumerate(names) if is_person(name)), (0, ""))
    company = any(is_company(text) for text in (*headings[: at + 1], *(lines[:-1] or lines)))
    labels = [compact(text) for text in (*headings, lines[0])]
    between = headings[:at][::-1]
    return Block(
        name="" if company else name,
        lines=(*between, *map(_unlabelled, lines)),
        parts=parts_of([*between, *map(_unlabelled, lines)]) if between else parts,
        company=company,
        site=any(label in text for text in labels for label in SITE),
    )


def _unlabelled(text: str) -> str:
    """Return *text* without the label before a colon, and without a label that is its first word."""
    label, colon, rest = text.partition(":")
    return rest.strip() if colon and rest.strip() and not re.search(r"\d", label) else text.strip()


def _above(cells: Sequence[Cell], at: int) -> Iterator[str]:
    """Yield the cells above a cell in its block, nearest first."""
    cell = cells[at]
    for _ in range(MOST_ABOVE):
        upper = [other for other in cells if other.page == cell.page and _over(other, cell)]
        if not upper:
            return
        cell = max(upper, key=lambda other: (other.box[1], other.row))
        yield cell.text


def _over(upper: Cell, lower: Cell) -> bool:
    """Return whether one cell is in the line right above another's, in one block."""
    if not (upper.placed and lower.placed):
        return upper.row == lower.row - 1 and upper.column == lower.column
    down = lower.box[1] - upper.box[1]
    return abs(upper.box[0] - lower.box[0]) <= _ALIGNED and 0 < down <= _GAP * max(upper.box[3], lower.box[3])


def beside(cells: Sequence[Cell], at: int) -> Iterator[str]:
    """Yield the cells that may label the cell *at*: the one to its left, then the one above it."""
    cell = cells[at]
    others = [other for other in cells if other.page == cell.page and other is not cell]
    left = [other for other in others if _before(other, cell)]
    over = [other for other in others if _heads(other, cell)]
    yield from (one.text for one in sorted(left, key=lambda one: (-one.box[0], -one.column))[:1])
    yield from (one.text for one in sorted(over, key=lambda one: (-one.box[1], -one.row))[:1])


def _before(left: Cell, right: Cell) -> bool:
    if not (left.placed and right.placed):
        return left.row == right.row and left.column == right.column - 1
    middle = right.box[1] + right.box[3] / 2
    return left.box[1] <= middle <= left.box[1] + left.box[3] and left.box[0] < right.box[0]


def _heads(upper: Cell, lower: Cell) -> bool:
    """Return whether one cell is a heading over another: right above, with some width in common."""
    if not (upper.placed and lower.placed):
        return upper.row == lower.row - 1 and upper.column == lower.column
    down = lower.box[1] - upper.box[1]
    ends = [cell.box[0] + cell.box[2] for cell in (upper, lower)]
    shared = min(ends) - max(upper.box[0], lower.box[0])
    return 0 < down <= _HEADING * max(upper.box[3], lower.box[3]) and shared > 0
