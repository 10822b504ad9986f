"""Reads bills, which never state that the person at the keyboard is the recipient. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import IntEnum
from itertools import chain, product
from typing import TypeAlias

from rapidfuzz.fuzz import ratio

from services.verifier.documents.bills import words
from services.verifier.documents.bills.blocks import (
    Block,
    Cell,
    below_of,
    blocks_of,
    cells_of,
    is_label,
    is_person,
    left_of,
    over_of,
)
from services.verifier.documents.bills.checks import persons_of
from services.verifier.documents.bills.words import compact
from services.verifier.documents.results import Bill, BillKind, TextLine
from shared.matching import MatchOutcome, match_names
from shared.matching.characters import folded, stripped
from shared.matching.dates import WrittenDate, written_dates
from shared.matching.postcodes import DAY_FIRST
from shared.matching.streets import CARE_OF

MOST_CELLS = 1500
"""Pieces of text; a statement of five pages has about a thousand."""

PERIODICAL = frozenset({BillKind.BANK, BillKind.CARD})
"""Statements are issued at the end of their period, and often bear no other date."""
PRIVATE = frozenset({BillKind.INVOICE, BillKind.UNKNOWN})
"""Letters that a person may send."""
HEAD, MIDDLE, FOOT = 0.35, 0.5, 0.85
"""Parts of the page from its top: where the head ends, where no title is below, where the foot begins."""
SHORTEST_NAME = 5
"""Letters of an issuer's name by which a longer one is known to be the same."""
MOST_FIRST_NAMES = 2
LETTERHEAD = 0.12
TALL = 1.4
"""By how much larger the name at the head is than other text."""
ALONE = 10
"""Rating of a person's name above an address, and no more; a place of supply has a tenth of its rating."""
MOST_WORDS, MOST_OF_FIRM = 7, 10
"""Of a name, and of one with a legal form: more is a sentence."""
_SITE = re.compile(r"(?i)(?:www\.|@)([^\W_][\w-]{3,})\.")
_WORDS = frozenset({"SE", "CO", "SA", "AG", "KG", "COMPANY"})
"""Legal forms that are words or units as well."""
TITLE = 40
"""Letters of a title; longer text mentions such a letter."""
MONTHS = 12
_SEPARATED = re.compile(
    r"\s*[·|•●;]\s*|\s[-\u2013]\s|,(?!\s*(?:S\.?\s?[ALp]|Inc|LLC|Ltd|Lda|GmbH|B\.?V)\b)\s*"
)
"""What stands between a name and the address behind it."""
_STRONG = re.compile(r"\s*[·|•●;]\s*")
"""The same, without marks that may stand inside a name."""
_NUMBERS = re.compile(r"(?<![\d./-])(\d{1,2})[/-](\d{1,2})[/-](?:\d{4}|\d{2})(?![\d/-])")
ENOUGH = 2
"""Different words of a kind that make a letter of it: one stands in many letters by chance."""
_Days: TypeAlias = frozenset[date]
EARLIEST = date(2000, 1, 1)
"""A year of two digits is of this century: no bill on paper older than that is shown."""
_BETWEEN = re.compile(
    r"(?i)\s*(?:[-\u2010-\u2015/]|to|until|through|bis|au|a|al|t/m|tot|do|até|and|und|et|y)\s*(?:zum\s)?"
)
_FROM_DAY = re.compile(
    r"(?<!\d)\d{1,2}(?:\.|er|º)?(?:\s+(?:de )?[^\W\d_]{3,12}\.?)?"
    + _BETWEEN.pattern.removeprefix("(?i)")
    + "$",
    re.IGNORECASE,
)
"""The first day of a period whose end alone has a year."""
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
    blocks = blocks_of(cells)
    recipient = _recipient(blocks, cells)
    issuer = _issuer(cells, recipient.name if recipient else "")
    kind = BillKind.UNKNOWN if _is_no_bill(cells, issuer) else kind_of([cell.text for cell in cells], issuer)
    if recipient and not issuer and kind in PRIVATE and not (recipient.labelled or recipient.titled):
        recipient = None  # it may as well be the sender
    firms = _addressed_firms(blocks, recipient, issuer)
    others = [
        block
        for block in blocks
        if not block.company or block.labelled or block is recipient or block in firms
    ]
    if kind is BillKind.UNKNOWN and not blocks:
        return None
    return Bill(
        kind=kind,
        issuer=issuer,
        issued=issued_on(cells, day_first=_day_first(blocks, cells), periods=kind in PERIODICAL),
        recipient=recipient.name if recipient else "",
        address=recipient.lines if recipient else (),
        addresses=len({block.parts.key for block in others}),
    )


def _addressed_firms(blocks: Sequence[Block], recipient: Block | None, issuer: str) -> list[Block]:
    """Return the firms, not the issuer, whose address stands before the recipient's: they may be it."""
    before = blocks[: blocks.index(recipient)] if recipient else ()
    firms = [block for block in before if block.company and block.name]
    return [block for block in firms if not _is_issuers(block, issuer)] if issuer else firms[1:]


def _is_issuers(block: Block, issuer: str) -> bool:
    """Return whether an address is of the issuer, or of its office: the issuer's name stands above it."""
    own = compact(issuer)
    office = not (block.window or words.COMPANY.search(block.name) or _may_be_person(block.name))
    names = [name for name in (block.name, *(block.above if office else ())) if name]
    short = len(own) >= SHORTEST_NAME and any(compact(name).startswith(own) for name in names)
    return short or any(_same_name(name, issuer) for name in names)


def _may_be_person(name: str) -> bool:
    """Return whether the last word alone makes *name* a company's: ``Branch`` is a surname as well."""
    *first, last = name.split() or [""]
    return 0 < len(first) <= MOST_FIRST_NAMES and not words.is_company(" ".join(first)) and last.istitle()


def _is_no_bill(cells: Sequence[Cell], issuer: str) -> bool:
    """Return whether a title, or the name of the issuer, says that the letter is another."""
    titles = [cell.text for cell in cells if cell.page == 0 and cell.box[1] < MIDDLE]
    return words.is_no_bill(issuer) or any(
        words.is_offer(text) or (len(compact(text)) <= TITLE and words.is_no_bill(text)) for text in titles
    )


def evidence_in(lines: Sequence[TextLine]) -> list[TextLine]:
    """Return those of *lines* that a bill is read from: names, addresses, dates, titles, and their labels."""
    cells = cells_of(lines)
    texts = {text for block in blocks_of(cells) for text in (block.name, *block.lines) if text}
    telling = (cell.row for cell in cells if _tells(cell) or any(text in cell.text for text in texts))
    return [lines[row] for row in sorted(set(telling))]


def _tells(cell: Cell) -> bool:
    text = cell.text
    return bool(
        written_dates(text)
        or _label(text) is not None
        or words.is_heading(text)
        or words.is_company(text)
        or words.is_no_bill(text)
        or words.is_offer(text)
        or is_label(text)
        or CARE_OF.match(text)
        or cell.label in words.RECIPIENT
        or cell.box[1] < LETTERHEAD
    )


def _recipient(blocks: Sequence[Block], cells: Sequence[Cell]) -> Block | None:
    """
    Return the block of the recipient; none where there is none, and where two persons may be the recipient.

    Best is one with the name that the letter gives for its customer, then one that a label calls the
    customer's, one with a title or a greeting, and last one with a person's name. A company without a label
    is the sender, and so is each name at the address of one.
    """
    firms = (block for block in blocks if block.company and not (block.labelled or block.site))
    senders = {block.parts.key for block in firms}
    customers = [name for name in _customers(cells) if not is_label(name)]
    greetings = [compact(cell.text) for cell in cells if words.GREETING.match(cell.text)]
    named = [block for block in blocks if block.name and not _is_payee(block, cells)]
    rated = [(_rating(block, customers, greetings), block) for block in named]
    able = [(rating, block) for rating, block in rated if rating > ALONE or block.parts.key not in senders]
    most = max((rating for rating, _ in able), default=0)
    best = [block for rating, block in able if rating == most > 0]
    persons = [block for _, block in able if is_person(block.name) and not (block.company or block.site)]
    chosen = next((block for block in best if block.mailed), best[0] if best else None)
    return chosen if chosen and all(_may_be_one(chosen, block) for block in (*best, *persons)) else None


def _is_payee(block: Block, cells: Sequence[Cell]) -> bool:
    """
    Return whether an address with a post box is the payee's: a department, or a name at the head of the page.

    Such an address is not the recipient's. It still counts as a further address on the page.
    """
    if not any(words.PO_BOX.match(line) for line in block.lines):
        return False
    named = [cell for cell in cells if compact(cell.text) == compact(block.name)]
    at_head = any(cell.page == 0 and cell.box[1] < LETTERHEAD for cell in named)
    return words.PAYMENTS.fullmatch(block.name) is not None or (at_head and len(named) > 1)


def _may_be_one(one: Block, other: Block) -> bool:
    """
    Return whether two blocks may be of one person.

    People can choose what is printed under a label, as the name of a payee: it outranks nobody's own address.
    """
    if _same_name(one.name, other.name):
        return True
    pairs = product(persons_of(one.name), persons_of(other.name))
    return any(match_names(*pair).outcome is not MatchOutcome.MISMATCH for pair in pairs)


def _rating(block: Block, customers: Sequence[str], greetings: Sequence[str]) -> int:
    """Return how much speaks for *block* as the recipient's; 0 where nothing does."""
    named = any(_same_name(block.name, customer) for customer in customers)
    greeted = any(greeting.endswith(compact(block.name.split()[-1])) for greeting in greetings)
    told = block.labelled or (block.window and block.company)
    reasons = 8 * named + 4 * told + 2 * (greeted or block.titled) + (not block.company)
    return reasons if block.site else ALONE * reasons


def _same_name(one: str, other: str) -> bool:
    a, b = (folded(name).rstrip(" .") for name in (one, other))
    return a == b or (min(len(a), len(b)) >= _LONG and (a.startswith(b) or b.startswith(a)))


def _customers(cells: Sequence[Cell]) -> Iterator[str]:
    """Yield the names that stand behind a label of the customer."""
    for at, cell in enumerate(cells):
        if cell.label in words.PAYEE and words.is_company(cell.text):
            continue
        if cell.label in words.RECIPIENT:
            yield cell.text.partition(":")[2].strip()
        elif at and compact(cells[at - 1].text) in words.RECIPIENT and cells[at - 1].row == cell.row:
            yield cell.text


def _issuer(cells: Sequence[Cell], recipient: str) -> str:
    """Return the name of the issuer: of a company at the head or foot, else the largest text at the head."""
    heights = sorted(cell.box[3] for cell in cells)
    usual = heights[len(heights) // 2] if heights else 0.0
    named = [(cell, _as_issuer(cell.text)) for cell in cells if cell.page == 0]
    able = [
        (cell, name)
        for cell, name in named
        if _is_level(cell) and _is_issuer(name, recipient, at_top=cell.box[1] < LETTERHEAD)
    ]
    ends = [(cell, name) for cell, name in able if not HEAD < cell.box[1] < FOOT]
    head = [(cell, name) for cell, name in able if cell.box[1] < HEAD]
    sites = _sites(cells)
    firms = sorted(
        (name for _, name in ends if words.COMPANY.search(name)), key=lambda one: not _is_at(one, sites)
    )
    tall = sorted((cell for cell, _ in head if cell.box[3] > TALL * usual), key=_tallest)
    trades = (name for _, name in ends if words.is_company(name))
    sited = (cell.text for cell in cells if cell.box[1] < LETTERHEAD and compact(cell.text) in sites)
    large = (cell.text for cell in tall)
    return next(chain(firms, large, sited, trades, _repeated(head, cells), _on_slip(able)), "")


def _tallest(cell: Cell) -> tuple[float, bool]:
    """Return the order of the largest texts: of those alike, first one that names a firm or an office."""
    return -round(cell.box[3], 3), not words.is_company(cell.text)


def _on_slip(able: Sequence[tuple[Cell, str]]) -> Iterator[str]:
    """Yield the firms that are named twice in lines of their own, as sender and payee of a payment slip."""
    names = [name for cell, name in able if words.COMPANY.search(name) and len(cell.text) == len(name)]
    yield from (name for at, name in enumerate(names) if name in names[:at])


def _as_issuer(text: str) -> str:
    """Return the name at the beginning of *text*: up to its legal form, where numbers follow that."""
    whole = _value(_STRONG.split(text)[0]).strip()
    last = list(words.COMPANY.finditer(whole))[-1:]
    name = whole if last and last[0].end() == len(whole) else _SEPARATED.split(whole)[0]
    form = words.COMPANY.search(name)
    if form is None or not re.search(r"\d", name[form.end() :]):
        return name
    sure = form[0].strip(" ,.(&-") not in _WORDS and re.search(r"[A-Z]", form[0])
    return name[: form.end()].rstrip(" ,.·|)") if sure else name


def _sites(cells: Sequence[Cell]) -> set[str]:
    """Return the names of sites on the page: an issuer's most likely has its own."""
    return {compact(name) for cell in cells for name in _SITE.findall(cell.text)}


def _is_at(name: str, sites: Iterable[str]) -> bool:
    """Return whether a firm's site has its name, or the first word of it."""
    plain, first = compact(name), compact(name.split(maxsplit=1)[0])
    return any(site in plain or (len(first) >= SHORTEST_NAME and first in site) for site in sites)


def _repeated(head: Sequence[tuple[Cell, str]], cells: Sequence[Cell]) -> Iterator[str]:
    """Yield the names at the top of the page that stand elsewhere, too, at the beginning of a line."""
    for cell, name in head:
        others = (other for other in cells if other is not cell)
        if cell.box[1] < LETTERHEAD and any(folded(one.text).startswith(folded(name)) for one in others):
            yield name


def _is_level(cell: Cell) -> bool:
    """Return whether the text of *cell* does not run up the page."""
    return cell.box[2] >= cell.box[3]


def _value(text: str) -> str:
    return text.partition(":")[2].strip() or text


def _is_issuer(name: str, recipient: str, *, at_top: bool) -> bool:
    """
    Return whether *name* may be an issuer's: no heading, no sentence, not the recipient.

    A tax office is one only *at_top*: below, a letter to it has its name.
    """
    plain = compact(name)
    return (
        len(plain) > 2  # noqa: PLR2004 - an abbreviation has three letters
        and not re.search(r"\d|[@:]", name)
        and not any(word in plain for word in words.FRANKED)
        and len(name.split()) <= (MOST_OF_FIRM if words.COMPANY.search(name) else MOST_WORDS)
        and not is_label(name)
        and (
            words.COMPANY.search(name) is not None
            or (at_top and words.OFFICE.match(name) is not None)
            or not (words.is_heading(name) or any(word in plain for word in words.NO_ISSUER))
        )
        and not (recipient and _same_name(name, recipient))
    )


def _day_first(blocks: Sequence[Block], cells: Sequence[Cell]) -> bool | None:
    """
    Return whether the day stands before the month here; none where it is unclear.

    A day above 12 on the page says so, else the country that the bill comes from.
    """
    pairs = [(int(one), int(two)) for cell in cells for one, two in _NUMBERS.findall(cell.text)]
    seen = {first > MONTHS for first, second in pairs if (first > MONTHS) != (second > MONTHS)}
    if seen:
        return seen.pop() if len(seen) == 1 else None
    own = [block for block in blocks if block.company] or blocks
    countries = {country for block in own[:1] for country in block.parts.countries}
    known = {DAY_FIRST[country] for country in countries if country in DAY_FIRST}
    return known.pop() if len(known) == 1 else None


def kind_of(texts: Sequence[str], issuer: str = "") -> BillKind:
    """
    Return the kind of a letter; unknown where an invoice may be of a supplier or of a shop.

    A shop's name and its goods may have the same words as a supplier's. On an invoice these do not count for
    a supplier; but then it is not called one for goods either.
    """
    whole = [compact(text) for text in texts]
    found = {
        kind: sum(any(word in text for text in whole) for word in marks)
        for kind, marks in words.STRONG.items()
    }
    for kind, titles in words.TITLED_KINDS.items():
        found[kind] += any(word in text and len(text) <= TITLE for text in whole for word in titles)
    goods = found.pop(BillKind.INVOICE)
    invoice = bool(goods) or any(word in text for text in whole for word in words.INVOICE)
    trades = _trades(texts, issuer)
    supplied = bool(trades) or any(found.values())
    if not invoice:
        for kind in trades:
            found[kind] += 1
    if found[BillKind.CARD] >= ENOUGH:
        # A card's statement has everything that a bank's has.
        found[BillKind.BANK] = 0
    kind, count = max(found.items(), key=lambda item: item[1])
    if count >= ENOUGH and count > goods:
        return kind
    return BillKind.INVOICE if goods >= ENOUGH or (invoice and not supplied) else BillKind.UNKNOWN


def _trades(texts: Sequence[str], issuer: str) -> list[BillKind]:
    """Return the kinds of suppliers that the issuer's name and volumes of data suggest."""
    by = set(re.split(r"\W+", stripped(folded(issuer))))
    volumes = [BillKind.TELECOM] * any(words.VOLUME.search(text) for text in texts)
    return [*(kind for kind, trades in words.ISSUERS.items() if by & trades), *volumes]


class Rank(IntEnum):
    """The certainty of a label for the day of issue; the surest first."""

    ISSUED = 0
    PLACED = 1
    """A town stands before it, as at the head of a letter."""
    DATE = 2
    """It is called the date, and nothing else is said."""
    PERIOD = 3
    """It ends the period of a statement."""
    BARE = 4
    OTHER = 5


def issued_on(cells: Sequence[Cell], *, day_first: bool | None, periods: bool = False) -> tuple[date, ...]:
    """
    Return the day of issue; two where day and month could be either way round, none where it is not clear.

    Every date on the page is given its label: the text before it, to its left, or above it. Where labels of
    one rank name two days, nothing is chosen. *day_first* says how the issuer's country writes dates; with
    *periods* the end of a period counts where no day of issue is named.
    """
    ranked: dict[Rank, list[_Days]] = {}
    for rank, days in _ranked(cells, day_first):
        ranked.setdefault(rank, []).append(days)
    for rank in (Rank.OTHER, *(() if periods else (Rank.PERIOD,))):
        ranked.pop(rank, None)
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
    if after == _PERIOD:
        return Rank.OTHER
    if _BETWEEN.fullmatch(before) or _FROM_DAY.search(before):
        return Rank.PERIOD
    if _is_placed(before, after):
        return Rank.PLACED
    if words.ANOTHER.search(before):
        return Rank.OTHER
    own = _label(before)
    if own is not None:
        return own
    if words.NUMBER_OF.search(before):
        return Rank.ISSUED
    if any(word in compact(after) for word in words.OTHER):
        return Rank.OTHER
    if compact(before):
        alone = words.PLACED.fullmatch(before) and not after.strip()
        return Rank.PLACED if alone else Rank.OTHER
    if compact(after):
        return Rank.OTHER
    return _beside(cells, at)


def _is_placed(before: str, after: str) -> bool:
    """
    Return whether a date stands behind a town and a comma, and ends its line.

    No label is looked for in both together: *Lausanne, le* has that of a birthday.
    """
    town, comma, _ = before.partition(",")
    alone = not after.strip() or after.strip().casefold() in words.YEAR_MARKS
    return bool(comma and alone and words.PLACED.fullmatch(before)) and _label(town) is None


def _beside(cells: Sequence[Cell], at: int) -> Rank:
    """Return the rank that the label to the left of a date gives it, or the heading over it."""
    left, over, below = left_of(cells, at), over_of(cells, at), below_of(cells, at)
    rank = _label(left.text) if left else None
    if left and words.PLACED.fullmatch(left.text + " "):
        return Rank.PLACED
    if rank is not None:
        return rank
    rank = _label(over.text) if over else None
    dated = [bool(cell and written_dates(cell.text)) for cell in (over, left)]
    if dated[0] or (dated[1] and rank is not Rank.ISSUED):
        return Rank.OTHER  # a column or a row of dates is that of a table
    table = below is not None and (
        written_dates(below.text) if rank is Rank.DATE else rank is not None and _is_date(below.text)
    )
    return Rank.OTHER if table else Rank.BARE if rank is None else rank


def _is_date(text: str) -> bool:
    """Return whether *text* is a date, and nothing else."""
    return [(one.start, one.end) for one in written_dates(text)] == [(0, len(text))]


def _after(text: str, one: WrittenDate, written: Sequence[WrittenDate]) -> str:
    """Return the text behind a date; an arrow where that leads to another date."""
    following = next((other for other in written if other.start >= one.end), None)
    behind = text[one.end : following.start if following else None]
    return _PERIOD if following and _BETWEEN.fullmatch(behind) else behind


def _label(text: str) -> Rank | None:
    """Return the rank of *text* as a label of the date behind it; none where it is no label of dates."""
    if words.ANOTHER.search(text):
        return Rank.OTHER
    plain = compact(text)
    issued, other = float(_last(words.ISSUED, plain)), float(_last(words.OTHER, plain))
    if max(issued, other) < 0:
        issued, other = _likest(words.ISSUED, plain), _likest(words.OTHER, plain)
    if max(issued, other) >= 0:
        return Rank.ISSUED if issued > other else Rank.OTHER
    if plain in words.DATE or words.DATE_AT_END.search(text):
        return Rank.DATE
    return Rank.OTHER if words.DATE_OF.match(text) else None


def _last(labels: Iterable[str], text: str) -> int:
    """Return where the last of *labels* in *text* ends; -1 where there is none."""
    return max((text.rfind(word) + len(word) for word in labels if word in text), default=-1)


def _likest(labels: Iterable[str], text: str) -> float:
    """Return how much the likest of the long *labels* is like *text*, as where a letter was misread."""
    near = (ratio(word, text, score_cutoff=_MISREAD) for word in labels if len(word) >= _LONG)
    return max((score for score in near if score), default=-1)
