"""Words of a text in comparable form, and places in it with their combination. Pure."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple, TypeAlias

GAP = re.compile(r"[,.]?[ \t\u00a0]*|['\u2019-]")
"""Characters that may stand between two words of one known name."""


class RedactedKind(StrEnum):
    """The kinds of data that can be blacked out."""

    EMAIL = "email"
    ACCOUNT = "account"
    PHONE = "phone"
    NAME = "name"


class TextSpan(NamedTuple):
    """A place in a text, and its kind of data."""

    start: int
    end: int
    kind: RedactedKind


def outside(spans: Iterable[TextSpan], taken: Iterable[TextSpan]) -> list[TextSpan]:
    """Return the *spans* that overlap none of *taken*."""
    disjoint = _joined(taken)
    before = ((span, bisect_left(disjoint, (span.end,))) for span in spans)
    return [span for span, at in before if at == 0 or disjoint[at - 1].end <= span.start]


def apart(text: str, spans: Iterable[TextSpan]) -> list[TextSpan]:
    """Return *spans* in order, with the words of one name joined."""
    disjoint: list[TextSpan] = []
    for span in _joined(spans):
        last = disjoint[-1] if disjoint else None
        same = last is not None and last.kind is span.kind is RedactedKind.NAME
        if last is not None and same and GAP.fullmatch(text, last.end, span.start):
            disjoint[-1] = last._replace(end=span.end)
        else:
            disjoint.append(span)
    return disjoint


def _joined(spans: Iterable[TextSpan]) -> list[TextSpan]:
    """Return *spans* in order, with overlapping ones joined, of the kind of the longest."""
    joined: list[TextSpan] = []
    for span in sorted(spans):
        last = joined[-1] if joined else None
        if last is None or span.start >= last.end:
            joined.append(span)
            continue
        kind = last.kind if last.end - last.start >= span.end - span.start else span.kind
        joined[-1] = TextSpan(last.start, max(last.end, span.end), kind)
    return joined


Words: TypeAlias = tuple[str, ...]
"""The words of a name in comparable form."""

WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f])*")
UMLAUTS = str.maketrans(
    {
        "ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa",
        "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Ø": "Oe", "Å": "Aa",
    }
)  # fmt: skip
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
