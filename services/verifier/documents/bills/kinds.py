"""Kinds of letters. Pure."""

from collections.abc import Collection, Sequence

from services.verifier.documents.bills.words import INVOICE, STRONG, compact
from services.verifier.documents.results import BillKind

ENOUGH = 2
"""Different words of a kind that make a letter of it: one stands in many letters by chance."""


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
