"""The pieces of a page: cells of text, and postal addresses among them. Plain text counts by order. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from services.verifier.documents.bills.words import (
    BUILDING,
    COMPANY,
    MAILED,
    NUMBERED,
    PAYEE,
    PAYER,
    RECIPIENT,
    SELLER,
    SENDER,
    SITE,
    STREET,
    TITLED,
    TITLES,
    compact,
    is_company,
    is_heading,
)
from services.verifier.documents.results import TextLine
from shared.matching.addresses import Parts, parts_of
from shared.matching.characters import folded
from shared.matching.dates import written_dates
from shared.matching.postcodes import find_postcode
from shared.matching.streets import CARE_OF, COUNTRIES, UNIT

MOST_ABOVE = 8
"""Lines above a town that may belong to its address: house, district, care of, name, title."""
_MOST_LINES = 5
"""Lines of an address above its town."""
_GAP = 2.2
"""Heights of a line by which the next line of a block may be lower; an empty line makes it about 2.5."""
_HEADING = 3
"""Heights of a line by which a heading may stand above a value."""
_ALIGNED = 0.02
"""Part of the page by which lines of a block may begin apart."""
_NAME = re.compile(r"[^\W\d_][^\W\d_.'’-]*\.?(?:[\s&+'’.-]+(?:[^\W\d_][^\W\d_.'’-]*\.?))+", re.UNICODE)  # noqa: RUF001 - apostrophes
_GLUED = re.compile(r"(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ])")
"""Where a reader lost the blank between two names."""
_NO_DIGIT = re.compile(r"\b0(?=[HKR] \d\d\.?\d{3})|(?<=[^\W\d_] )0(?= [^\W\d_])")
"""The letter O read as a digit: of Ohio, Oklahoma or Oregon, or alone in a name."""
_NO_ZERO = re.compile(r"(?<=[A-Z])0+(?=[A-Z][A-Z0 ]*,? [A-Z]{2} \d{5}(?:-\d{4})?$)")
"""The same inside the name of a town, before its state and code."""
_LOST_BLANK = re.compile(r"(?<=^\d{5})(?=[A-ZÀ-Þ][a-zß-ÿ])|(?<=^\d{3} \d{2})(?=[A-ZÀ-Þ][a-zß-ÿ])")
"""Between a postal code and its town."""
_NO_DOT = re.compile(r"(?<=\b[A-Z]{2} \d\d)\.(?=\d{3}$)")
"""A speck in the postal code behind a state."""
_JOINED = re.compile(r"(?i)(?:und|and|&|\+|et|y|e|en|oraz|i)\s")
"""The beginning of the second line of two names."""
_NO_TOWN = re.compile(r"(?i)\d\s+(?:kwh|mwh|m3|m³|eur|euro|usd|gbp|chf|pln|zł|zl|kg|km|mb|gb|min|std|stk)\b")
_ODD_TOWN = re.compile(
    r"\d{3,6}\s*[^\W\d_a-z][^\W\d_]{2,}(?:[ -][^\W\d_]+)*|(?:.*,)?\s*(?:[^\W\d_][^\W\d_.-]+[ ,]+){1,4}\d{5,6}"
)
"""A town with a code that no country has, or that lost its blank; it counts below a house and a name."""
_HOUSE = re.compile(
    r"\d{1,5}\s?[a-zA-Z]?,?\s+[^\W\d_]{2}.*|[^\W\d_].*[^\W\d_]\.?,?\s+\d{1,5}\s?[a-zA-Z]?(?:[ ,/-].*)?"
)
"""A line with a street and a number."""
_STREET_BELOW = re.compile(
    r"(?i)\s(?:utca|útja?|tere?|köz|körút|krt|sétány|d[űü]l[őö]|sor|lakótelep|ltp|u)\b\.?\s+\d"
)
"""A street of Hungary: there, the town stands above it."""
_EXACT_CODES = frozenset({"GB", "IE"})
"""Countries with codes of a few houses, where a house often has a name and no number."""
_SMALLER = 0.85
"""Width of a letter of a sender's line, in those of the address below it: it stands in the same window."""
_WINDOW = 7
"""Heights of a line by which the sender's line may stand above an address."""
_PIECES = re.compile(r"\s*[·|•●,;]\s*|\s+[-\u2013]\s+")
"""What stands between the parts of a sender's line."""
_DIRECTION = re.compile(r"^(\d.*)\bSE\b")
"""South-east, in a line with a street; without a number before it, it may be the legal form."""
_AND = frozenset({"und", "and", "et", "e", "y", "en", "i", "oraz", "och", "og", "ou", "a", "o"})
"""Words between two titles, and the letters that make one a woman's."""
_MOST_WORDS = 8
_MOST_LETTERS = 95
"""A longer line is running text."""
_MOST_HEADINGS = 4
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

    @property
    def letter(self) -> float:
        """The width of a letter: of a scanned line the height tells less of their size."""
        return self.box[2] / max(len(self.text), 1)

    @property
    def label(self) -> str:
        """The label at its beginning, as :func:`compact` returns it; else empty."""
        return compact(self.text[: len(self.text) - len(_unlabelled(self.text))])

    @property
    def starts(self) -> tuple[float, float]:
        """Where its text begins, and where it does behind a label."""
        left, _, width, _ = self.box
        return left, left + width * (1 - len(_unlabelled(self.text)) / max(len(self.text), 1))


@dataclass(frozen=True, slots=True)
class Block:
    """A postal address on a page, and its owner."""

    name: str
    """The name above it, or nothing."""
    lines: tuple[str, ...]
    parts: Parts = field(repr=False)
    company: bool
    """Whether a company's name stands above it or in it."""
    site: bool
    """Whether it is said to be where something is supplied or sent."""
    labelled: bool
    """Whether it is said to be the customer's."""
    titled: bool
    """Whether its name has a title."""
    above: tuple[str, ...] = ()
    """All lines above it that may be of its owner, from the house up."""
    mailed: bool = False
    """Whether it is said to be where letters go."""
    window: bool = False
    """Whether a line with another's address stands above it in smaller letters, as in a window."""


def cells_of(lines: Sequence[TextLine]) -> list[Cell]:
    """Return the cells of *lines*, in their order. A line of a table is several."""
    return [cell for row, line in enumerate(lines) for cell in _split(line, row)]


def _split(line: TextLine, row: int) -> Iterator[Cell]:
    left, top, width, height = line.box
    text = _NO_DOT.sub("", _NO_DIGIT.sub("O", line.text.replace("\t", "   ")))
    text = _LOST_BLANK.sub(" ", _NO_ZERO.sub(lambda zeros: "O" * len(zeros[0]), text))
    share = width / max(len(text), 1)
    for column, match in enumerate(re.finditer(r"\S+(?:\s{1,2}\S+)*", text)):
        box = (left + match.start() * share, top, len(match[0]) * share, height)
        yield Cell(match[0], line.page, box, row, column)


def blocks_of(cells: Sequence[Cell]) -> list[Block]:
    """Return the postal addresses among *cells*, in their order."""
    found = (_block(cells, cell) for cell in cells if _ends_address(cell.text))
    return [block for block in found if block is not None]


def is_person(text: str) -> bool:
    """Return whether *text* may be a person's name."""
    return (
        _NAME.fullmatch(text) is not None
        and len(text.split()) <= _MOST_WORDS
        and not is_company(text)
        and not is_heading(text)
        and not is_label(text)
        and not BUILDING.search(text)
        and folded(text) not in COUNTRIES
    )


def is_label(text: str) -> bool:
    """Return whether *text* is a label of an address or a name, and nothing else."""
    parts = [compact(part) for part in text.split("/")]
    known = all(part in RECIPIENT | SELLER | TITLES for part in parts)
    return known or is_titles(text) or parts[0].startswith(tuple(SITE))


def is_titles(text: str) -> bool:
    """Return whether *text* is one title or several, without a name."""
    return any(_are_titles(re.split(marks, text)) for marks in (r"[\s./()]+", r"[\s/()]+"))


def _are_titles(words: Sequence[str]) -> bool:
    said = {compact(word) for word in words if compact(word)}
    return bool(said & TITLES) and said <= TITLES | _AND


def _ends_address(text: str) -> bool:
    if len(text) > _MOST_LETTERS:
        return False
    return _is_town(text) or _is_odd_town(text) or folded(text).strip(" .") in COUNTRIES


def _is_odd_town(text: str) -> bool:
    return _ODD_TOWN.fullmatch(text) is not None and not NUMBERED.search(text) and not is_heading(text)


def _is_town(text: str) -> bool:
    postcode = find_postcode(text)
    if postcode is None or _NO_TOWN.search(text):
        return False
    dated = any(one.start < postcode.end and postcode.start < one.end for one in written_dates(text))
    return not dated and (postcode.town_before or text[postcode.end :].lstrip(" ,-")[:1].isupper())


def _block(cells: Sequence[Cell], town: Cell) -> Block | None:
    """Return the address that ends with *town*; none without a house above or before it."""
    above = list(_above(cells, town))
    nearer = any(_is_town(cell.text) and not _HOUSE.fullmatch(cell.text) for cell in above[:2])
    if (nearer or any(_is_town(cell.text) for cell in cells if _over(town, cell))) and not _is_town(
        town.text
    ):
        return None
    texts = [town.text, *(cell.text for cell in above)]
    height = _height(texts)
    if height is None:
        return _with_street_below(cells, town, above)
    if height == 0 and _is_house_above_town(cells, town):
        return None
    lines = (*reversed(texts[1 : height + 1]), texts[0])
    block = _named(cells, lines, above[height:])
    block = _placed(cells, block, (town, *above)[height], above[height:])
    known = _is_town(town.text) and block.parts.postcode
    return block if known or block.name or block.company else None


def _with_street_below(cells: Sequence[Cell], town: Cell, above: Sequence[Cell]) -> Block | None:
    """Return the address of *town* and the street right below it, as in Hungary; none without one."""
    below = [cell for cell in cells if cell.page == town.page and _over(town, cell)]
    street = min(below, key=lambda cell: cell.box[1], default=None)
    if street is None or not _STREET_BELOW.search(street.text):
        return None
    block = _placed(cells, _named(cells, (street.text, town.text), above), town, above)
    return block if block.parts.postcode else None


def _is_house_above_town(cells: Sequence[Cell], cell: Cell) -> bool:
    """Return whether a line that looks like a town, as *2270 Concession Rd 7*, is the house above one."""
    numbered = cell.text[-1].isdigit() and _HOUSE.fullmatch(cell.text) is not None
    return numbered and any(_over(cell, other) and _is_town(other.text) for other in cells)


def _height(texts: Sequence[str]) -> int | None:
    """Return how many lines above a town belong to its address; none where there is no house."""
    if not _is_town(texts[0]):
        if _HOUSE.match(texts[0].rpartition(",")[0]):
            return 0
        return next(
            (at for at, text in enumerate(texts[:_MOST_LINES]) if at and _HOUSE.fullmatch(text)), None
        )
    for height in range(min(len(texts), _MOST_LINES)):
        if height and _is_named(texts[height]):
            break
        parts = parts_of(_unlabelled(texts[0]) if height == 0 else texts[height::-1])
        if parts.number and parts.street and parts.postcode:
            return height
    if len(texts) > 2 and _HOUSE.fullmatch(texts[1]) and not _is_town(texts[1]):  # noqa: PLR2004 - and a name
        return 1
    postcode = find_postcode(texts[0])
    if postcode is None or not postcode.countries & _EXACT_CODES:
        return None
    flats = (at for at, text in enumerate(texts) if at > 1 and UNIT.match(text))
    owners = (at - 1 for at, text in enumerate(texts) if at > 1 and _is_owner(text))
    return next(chain(flats, owners), None)


def _is_owner(text: str) -> bool:
    """Return whether *text* is a person's name with a title, or a firm's, and no sentence."""
    return _is_named(text) or (is_company(text) and len(text.split()) <= _MOST_WORDS)


def _placed(cells: Sequence[Cell], block: Block, first: Cell, above: Sequence[Cell]) -> Block:
    """Return *block*, which begins with *first*, as its place shows it: a sender's, or in a window."""
    if len(block.lines) == 1 and not block.name and _is_sender_line(cells, first):
        return replace(block, company=True)
    tops = [first, *above]
    senders = (cell for cell in cells if any(_is_over_window(cell, top) for top in tops))
    owners = [_PIECES.split(cell.text)[0] for cell in senders]
    window = not any(_is_part(owner, block.name) for owner in owners) and bool(owners)
    site = block.site or _is_at_site_label(cells, first)
    return replace(block, window=window and bool(block.name), site=site)


def _is_part(one: str, other: str) -> bool:
    """Return whether one of two names is part of the other."""
    return folded(one) in folded(other) or folded(other) in folded(one)


def _is_at_site_label(cells: Sequence[Cell], first: Cell) -> bool:
    """Return whether a label of the place of supply stands before the *first* line of an address."""
    left = left_of(cells, cells.index(first))
    return left is not None and any(label in compact(left.text) for label in SITE)


def _is_sender_line(cells: Sequence[Cell], cell: Cell) -> bool:
    return any(_is_over_window(cell, other) for other in cells)


def _is_over_window(line: Cell, top: Cell) -> bool:
    """Return whether *line* is a sender's, in small letters above an address that begins with *top*."""
    if line.page != top.page or not (line.placed and top.placed) or abs(line.box[0] - top.box[0]) > _ALIGNED:
        return False
    down, small = top.box[1] - line.box[1], line.letter <= _SMALLER * top.letter
    return small and 0 < down <= _WINDOW * top.box[3] and _is_sender(line.text)


def _is_sender(text: str) -> bool:
    """Return whether *text* is a whole address in one line, of no person."""
    owner, *rest = _PIECES.split(text.strip())
    if len(rest) < 2 or re.search(r"\d", owner) or is_person(owner):  # noqa: PLR2004 - street and town
        return False
    return find_postcode(text) is not None and any(re.search(r"\d", piece) for piece in rest[:-1])


def _is_named(text: str) -> bool:
    """Return whether *text* is a person's name with a title."""
    return bool(TITLED.match(text)) and is_person(text)


def _named(cells: Sequence[Cell], lines: tuple[str, ...], above: Sequence[Cell]) -> Block:
    """Return the address in *lines* with the name above it, and the text between."""
    person, behind = _led_by_person(lines)
    if person and above and compact(above[0].text) in PAYER:
        parts = parts_of([behind])
        return Block(person, (behind,), parts, company=False, site=False, labelled=True, titled=False)
    headings = list(_up_to_label([cell for cell in above if not CARE_OF.match(cell.text)]))[:_MOST_HEADINGS]
    names = [_as_name(cell) for cell in headings]
    labelled = [cell.label in RECIPIENT for cell in headings]
    own = is_company(_unlabelled(lines[0])) if len(lines) == 1 else any(map(_has_form, lines[:-1]))
    firm = next(((at, name) for at, name in enumerate(names) if is_company(name)), (0, ""))
    at, name = _name(names, labelled) or firm
    labels = frozenset(_labels(cells, headings, lines))
    selling = bool(labels & SELLER) or any(map(SENDER.search, lines))
    company = own or selling or any(map(is_company, names[: at + 1]))
    if company:
        at, name = firm
    kept = [*(cell.text for cell in headings[:at][::-1] if name), *map(_unlabelled, lines)]
    above_name = headings[at + 1].text if at + 1 < len(headings) else ""
    return Block(
        name=name,
        lines=tuple(kept),
        parts=parts_of(kept),
        company=company,
        site=any(label in text for text in labels for label in SITE),
        labelled=bool(labels & (RECIPIENT - PAYEE if company else RECIPIENT)),
        titled=TITLED.match(name) is not None or is_titles(above_name),
        above=tuple(names),
        mailed=bool(labels & MAILED),
    )


def _has_form(line: str) -> bool:
    """Return whether a line of an address has a legal form: *SE* is a direction in streets, too."""
    return COMPANY.search(_DIRECTION.sub(r"\1", line)) is not None


def _led_by_person(lines: Sequence[str]) -> tuple[str, str]:
    """Return the person who begins an address of one line, and the rest of it; else nothing."""
    name, comma, behind = lines[0].partition(",")
    street = behind.partition(",")[0]
    led = len(lines) == 1 and is_person(name) and bool(_HOUSE.fullmatch(street.strip()))
    return (name.strip(), behind.strip()) if led and comma else ("", "")


def _as_name(cell: Cell) -> str:
    """Return the text of *cell* as a name is written: without label, comma and lost blanks."""
    text = _unlabelled(cell.text).rstrip(" ,")
    return text if is_company(text) else _GLUED.sub(" ", text)


def _name(names: Sequence[str], labelled: Sequence[bool]) -> tuple[int, str] | None:
    """Return the person among *names*, from the house up: one with a label or title, else the nearest."""
    known = [at for at, name in enumerate(names) if labelled[at] and not is_label(name)]
    persons = [at for at, name in enumerate(names) if is_person(name) or at in known]
    if not persons:
        return None
    titled = (at for at in persons if TITLED.match(names[at]))
    plain = (at for at in persons if not STREET.search(names[at]))
    at = next(chain(known, titled, plain, persons))
    lower, upper = (at, at + 1) if _JOINED.match(names[at]) else (at - 1, at)
    couple = {lower, upper} <= set(persons) and _JOINED.match(names[lower])
    return (lower, f"{names[upper]} {names[lower]}") if couple else (at, names[at])


def _up_to_label(cells: Sequence[Cell]) -> Iterator[Cell]:
    """Yield *cells* from the first, up to a label of an address: what is above that is another block."""
    for cell in cells:
        if cell.label and cell.label not in RECIPIENT | TITLES and not cell.label.startswith(tuple(SITE)):
            return
        yield cell
        if is_label(cell.text) and not is_titles(cell.text):
            return


def _labels(cells: Sequence[Cell], headings: Sequence[Cell], lines: Sequence[str]) -> Iterator[str]:
    """Yield the labels of an address, in the form of :func:`compact`: above it, before it, to its left."""
    yield compact(lines[0])
    for cell in headings:
        yield from map(compact, cell.text.split("/"))
        yield cell.label
        left = None if is_label(cell.text) else left_of(cells, cells.index(cell))
        yield compact(left.text) if left else ""


def _unlabelled(text: str) -> str:
    """Return *text* without the label before a colon, and without a label that is its first words."""
    label, colon, rest = text.partition(":")
    if colon and rest.strip() and not re.search(r"\d", label):
        return rest.strip()
    first, _, behind = text.partition(" ")
    second, _, last = behind.partition(" ")
    return last if last and compact(first + second) in RECIPIENT else text.strip()


def _above(cells: Sequence[Cell], cell: Cell) -> Iterator[Cell]:
    """Yield the cells above *cell* in its block, nearest first."""
    for _ in range(MOST_ABOVE):
        upper = [other for other in cells if other.page == cell.page and _over(other, cell)]
        if not upper:
            return
        cell = max(upper, key=lambda other: (other.box[1], other.row))
        yield cell


def _over(upper: Cell, lower: Cell) -> bool:
    """Return whether one cell is in the line right above another's, in one block."""
    if not (upper.placed and lower.placed):
        return upper.row == lower.row - 1 and upper.column == lower.column
    down, high = lower.box[1] - upper.box[1], max(upper.box[3], lower.box[3])
    if not min(upper.box[3], lower.box[3]) / 2 < down <= _HEADING * high:
        return False
    near = down <= _GAP * high or upper.label in RECIPIENT
    return near and any(abs(one - other) <= _ALIGNED for one in upper.starts for other in lower.starts)


def left_of(cells: Sequence[Cell], at: int) -> Cell | None:
    """Return the cell to the left of the cell *at*, which may label it."""
    left = [other for other in cells if other.page == cells[at].page and _before(other, cells[at])]
    return max(left, key=lambda one: (one.box[0], one.column), default=None)


def over_of(cells: Sequence[Cell], at: int) -> Cell | None:
    """Return the cell over the cell *at*, which may be its heading."""
    over = [other for other in cells if other.page == cells[at].page and _heads(other, cells[at])]
    return max(over, key=lambda one: (one.box[1], one.row), default=None)


def below_of(cells: Sequence[Cell], at: int) -> Cell | None:
    """Return the next cell under the cell *at*, for which that may be a heading."""
    under = [other for other in cells if other.page == cells[at].page and _heads(cells[at], other)]
    return min(under, key=lambda one: (one.box[1], one.row), default=None)


def _before(left: Cell, right: Cell) -> bool:
    """Return whether one cell stands in the line of another, before it."""
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
