"""
Bills and statements as proof of an address. Pure.

They state issuer, date, recipient and address; never that the person at the keyboard is the recipient.
"""

import re
from collections.abc import Collection, Sequence

from services.verifier.documents.bills.blocks import Block, Cell, blocks_of, cells_of, is_company, is_heading
from services.verifier.documents.bills.checks import ACCEPTED, MOST_DAYS, bill_checks
from services.verifier.documents.bills.issued import issued_on
from services.verifier.documents.bills.words import INVOICE, STRONG, compact
from services.verifier.documents.results import Bill, BillKind, TextLine
from shared.matching.postcodes import DAY_FIRST

__all__ = ["ACCEPTED", "MOST_DAYS", "bill_checks", "read_bill"]

MOST_CELLS = 1500
"""Pieces of text; a statement of five pages has about a thousand."""

ENOUGH = 2
"""Different words of a kind that make a letter of it: one stands in many letters by chance."""


def read_bill(lines: Sequence[TextLine]) -> Bill | None:
    """
    Return the bill that *lines* are; none where they are neither a bill nor a letter with an address.

    None, too, where there is more text than on any bill: a part of it could lack the second address.

    The issuer's own addresses are not counted, anywhere. The recipient is the person with the name
    right above an address: of several, the first that is not a place of mere supply.

    Args:
        lines: Of all pages, in the order of reading, best with their places: where columns have become one
            line, the recipient's address cannot be separated from its neighbours.
    """
    cells = cells_of(lines)
    if len(cells) > MOST_CELLS:
        return None
    kind = kind_of([cell.text for cell in cells])
    issuer = _issuer(cells)
    blocks = blocks_of(cells)
    others = [block for block in blocks if not block.company]
    if kind is BillKind.UNKNOWN and not others:
        return None
    named = sorted((block for block in others if block.name), key=lambda block: block.site)
    return Bill(
        kind=kind,
        issuer=issuer,
        issued=issued_on(cells, day_first=_day_first(blocks)),
        recipient=named[0].name if named else "",
        address=named[0].lines if named else (),
        addresses=len({block.parts.key for block in others}),
    )


def _issuer(cells: Sequence[Cell]) -> str:
    """Return the first name of a company on the page, without the address behind it."""
    names = (re.split(r"\s*[·|•,;]\s*", cell.text)[0] for cell in cells)
    return next((name for name in names if is_company(name) and not is_heading(name)), "")


def _day_first(blocks: Sequence[Block]) -> bool | None:
    """Return whether the day stands before the month where the bill comes from; none where it is unclear."""
    own = [block for block in blocks if block.company] or blocks
    countries = {country for block in own[:1] for country in block.parts.countries}
    known = {DAY_FIRST[country] for country in countries if country in DAY_FIRST}
    return known.pop() if len(known) == 1 else None


def kind_of(texts: Sequence[str]) -> BillKind:
    """
    Return the kind of the letter with *texts*.

    A bill for goods or work has a table of items. It stays one where it mentions a supply, unless
    more speaks for the supply than for the goods.
    """
    whole = [compact(text) for text in texts]
    found = {kind: _count(words, whole) for kind, words in STRONG.items()}
    goods = found.pop(BillKind.INVOICE)
    if found[BillKind.CARD] >= ENOUGH:
        # A card's statement has everything that a bank's has.
        found[BillKind.BANK] = 0
    kind, count = max(found.items(), key=lambda item: item[1])
    if count >= ENOUGH and count > goods:
        return kind
    if goods >= ENOUGH or any(word in text for text in whole for word in INVOICE):
        return BillKind.INVOICE
    return BillKind.UNKNOWN


def _count(words: Collection[str], texts: Sequence[str]) -> int:
    return sum(any(word in text for text in texts) for word in words)
