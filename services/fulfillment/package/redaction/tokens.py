"""The words of a text in comparable form."""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

Words: TypeAlias = tuple[str, ...]
"""The words of a name in comparable form."""

WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f])*")
UMLAUTS = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "ø": "oe",
        "Ø": "Oe",
        "å": "aa",
        "Å": "Aa",
    }
)

BASES = str.maketrans("łŁıøØđĐ", "lLioOdD")
"""Letters that Unicode does not decompose, and that addresses write without their stroke."""


class Token(NamedTuple):
    """A word of a text."""

    start: int
    end: int
    plain: str
    """In comparable form, within names."""
    capital: bool


def tokens_of(text: str) -> list[Token]:
    """Return the words of *text*."""
    found = ((match.start(), match.end(), match[0]) for match in WORD.finditer(text))
    return [Token(start, end, plain(word), word[0].isupper()) for start, end, word in found]


def folded(text: str) -> str:
    """Return *text* in comparable form: case, width and composition do not count."""
    return unicodedata.normalize("NFKC", text).casefold()


def plain(word: str) -> str:
    """Return *word* in comparable form within names: accents do not count."""
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFKD", word.translate(BASES))
    return "".join(part for part in parts if not unicodedata.combining(part)).casefold()


def words_of(name: str) -> Words:
    """Return the words of *name* in comparable form."""
    return tuple(plain(word) for word in WORD.findall(name))


def spelt(name: str) -> Iterator[Words]:
    """Yield the words of *name*, and their spelling without umlauts."""
    for spelling in (name, unicodedata.normalize("NFC", name).translate(UMLAUTS)):
        if words := words_of(spelling):
            yield words


def orders(words: Words) -> Iterator[Words]:
    """Yield the orders in which a name is written: ``Ada Example``, ``Example, Ada``."""
    yield words
    yield (words[-1], *words[:-1])
