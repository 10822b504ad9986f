"""
Patterns for a person's identities in texts, read alike by MongoDB and Python. Pure.

Each text is read once for many people: the common beginning of needles is one branch of the pattern.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeAlias

import phonenumbers
from phonenumbers import NumberParseException

from services.fulfillment.datamap.graph import EMAIL, PHONE
from services.fulfillment.datamap.paths import values_at
from services.fulfillment.search.identities import Identities

LONGEST_PATTERN = 20_000
"""Characters of words in one pattern; MongoDB takes patterns of 32 KiB."""
_Tree: TypeAlias = dict[str, Any]


def branches(words: Iterable[str], *, between: str = "") -> str:
    """
    Return a pattern that matches any of *words*; words that begin alike share a branch.

    A blank matches any white space; *between* two characters there may be something else.
    """
    tree: _Tree = {}
    for word in words:
        node = tree
        for character in word:
            node = node.setdefault(character, {})
        node[""] = {}
    return f"(?:{_written(tree, between)})"


def _written(tree: _Tree, between: str, *, inside: bool = False) -> str:
    """Return the pattern of *tree*; *inside* says whether something stands before it."""
    text = ""
    while len(tree) == 1 and "" not in tree:
        [(character, tree)] = tree.items()
        text += (between if inside else "") + (r"\s+" if character == " " else re.escape(character))
        inside = True
    ways = [_written({c: below}, between, inside=inside) for c, below in tree.items() if c]
    if not ways:
        return text
    return f"{text}(?:{'|'.join(ways)}){'?' if '' in tree else ''}"


LEAST_DIGITS = 7
"""Fewest digits of a number that is looked for in texts: with fewer, too many other numbers match."""
LEAST_CHARACTERS = 5
"""The same for other identifiers."""
LEAST_WORDS = 2
"""Fewest words of a full name: a single word is mostly another person's."""
_GAP = r"[^0-9A-Za-z]{0,3}"
_AROUND_WORDS = (r"(?<![0-9A-Za-z_.+-])", r"(?!\.?[0-9A-Za-z_-])")
"""Not the end of a longer address, and not the beginning of one."""
_AROUND_NUMBERS = (rf"(?<![0-9])(?:[0-9]{{1,5}}{_GAP})?", r"(?![0-9])")
"""A country code, or the trunk prefix, may stand before."""


class NeedleKind(StrEnum):
    """The kind of a needle."""

    IDENTITY = "identity"
    PHONE = "phone"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Needle:
    """An identity of a person as it compares: without case, a number without punctuation."""

    kind: NeedleKind
    text: str


def needles(identities: Identities, name: str | None) -> frozenset[Needle]:
    """Return the needles for the person; *name* is the full name, where it is known."""
    words = (name or "").casefold().split()
    found = {Needle(NeedleKind.NAME, " ".join(words))} if len(words) >= LEAST_WORDS else set[Needle]()
    for kind, spellings in identities.items():
        for spelling in spellings:
            if kind == PHONE:
                found.update(_number(spelling))
            elif kind == EMAIL or len(spelling) >= LEAST_CHARACTERS:
                found.add(Needle(NeedleKind.IDENTITY, spelling.strip().casefold()))
    return frozenset(found)


def _number(spelling: str) -> Iterator[Needle]:
    """Yield a number without its country code, which a text may leave out."""
    try:
        national = str(phonenumbers.parse(spelling).national_number)
    except NumberParseException:  # without a country code, or none at all
        national = re.sub(r"[^0-9]", "", spelling).lstrip("0")
    if len(national) >= LEAST_DIGITS:
        yield Needle(NeedleKind.PHONE, national)


@dataclass(frozen=True)
class Pattern:
    """A pattern for several needles."""

    needles: frozenset[Needle]

    @cached_property
    def text(self) -> str:
        """The regular expression, to be applied without case."""
        numbers = [n.text for n in self.needles if n.kind is NeedleKind.PHONE]
        words = [n.text for n in self.needles if n.kind is not NeedleKind.PHONE]
        parts = [branches(words).join(_AROUND_WORDS)] if words else []
        parts += [branches(numbers, between=_GAP).join(_AROUND_NUMBERS)] if numbers else []
        return "|".join(parts)

    def found_in(self, text: str) -> Iterator[Needle]:
        """Yield the needles that stand in *text*."""
        for match in self._expression.finditer(text):
            yield from self._by_text.get(" ".join(match[0].casefold().split()), ())
            digits = re.sub(r"[^0-9]", "", match[0])
            yield from (n for n in self._numbers if digits.endswith(n.text))

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return re.compile(self.text, re.IGNORECASE)

    @cached_property
    def _numbers(self) -> frozenset[Needle]:
        return frozenset(n for n in self.needles if n.kind is NeedleKind.PHONE)

    @cached_property
    def _by_text(self) -> Mapping[str, list[Needle]]:
        found: dict[str, list[Needle]] = {}
        for needle in self.needles - self._numbers:
            found.setdefault(needle.text, []).append(needle)
        return found


def patterns(wanted: Iterable[Needle]) -> Iterator[Pattern]:
    """Yield patterns that together find all of *wanted*, none of them too long."""
    some: set[Needle] = set()
    size = 0
    for needle in sorted(wanted, key=lambda needle: (needle.kind, needle.text)):
        length = len(needle.text) * (len(_GAP) + 1 if needle.kind is NeedleKind.PHONE else 2)
        if some and size + length > LONGEST_PATTERN:
            yield Pattern(frozenset(some))
            some, size = set(), 0
        some.add(needle)
        size += length
    if some:
        yield Pattern(frozenset(some))


@dataclass(frozen=True, slots=True)
class Mention:
    """The place of a needle."""

    id: Any
    path: str
    needle: Needle


def mentions_in(document: Mapping[str, Any], paths: Iterable[str], pattern: Pattern) -> Iterator[Mention]:
    """Yield every place at *paths* of *document* that names a person."""
    for path in paths:
        for text in values_at(document, path):
            if isinstance(text, str):
                yield from (Mention(document["_id"], path, needle) for needle in pattern.found_in(text))
