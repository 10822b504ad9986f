"""
What a person may still be named by in a text: patterns that MongoDB and Python read alike. Pure.

However many people are looked for, a text is gone through once: what the needles have in common is one branch
of the pattern.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import phonenumbers
from phonenumbers import NumberParseException

from services.fulfillment.datamap.graph import EMAIL
from services.fulfillment.datamap.paths import values_at
from services.fulfillment.search.alternatives import LONGEST_PATTERN, branches
from services.fulfillment.search.identities import PHONE, Identities

LEAST_DIGITS = 7
"""Digits without which a number is looked for in no text: too many other numbers look the same."""
LEAST_CHARACTERS = 5
"""The same for other identifiers."""
LEAST_WORDS = 2
"""Words of a full name: a single one is mostly somebody else's."""
_GAP = r"[^0-9A-Za-z]{0,3}"
_AROUND_WORDS = (r"(?<![0-9A-Za-z_.+-])", r"(?!\.?[0-9A-Za-z_-])")
"""Not the end of a longer address, and not the beginning of one."""
_AROUND_NUMBERS = (rf"(?<![0-9])(?:[0-9]{{1,5}}{_GAP})?", r"(?![0-9])")
"""A country code, or what one dials in its place, may stand before."""


class NeedleKind(StrEnum):
    """What a needle is."""

    IDENTITY = "identity"
    PHONE = "phone"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Needle:
    """Something that a person is named by, as it compares: without case, a number without punctuation."""

    kind: NeedleKind
    text: str


def needles(identities: Identities, name: str | None) -> frozenset[Needle]:
    """Return what texts may name the person by; *name* is the full name, where one is known."""
    words = (name or "").casefold().split()
    named = [Needle(NeedleKind.NAME, " ".join(words))] if len(words) >= LEAST_WORDS else []
    return frozenset((*named, *_of(identities)))


def _of(identities: Identities) -> Iterator[Needle]:
    for name, spellings in identities.items():
        for spelling in spellings:
            if name == PHONE:
                yield from _number(spelling)
            elif name == EMAIL or len(spelling) >= LEAST_CHARACTERS:
                yield Needle(NeedleKind.IDENTITY, spelling.strip().casefold())


def _number(spelling: str) -> Iterator[Needle]:
    """Yield a number without its country code, for a text may leave that out."""
    try:
        national = str(phonenumbers.parse(spelling).national_number)
    except NumberParseException:  # without a country code, or none at all
        national = re.sub(r"[^0-9]", "", spelling).lstrip("0")
    if len(national) >= LEAST_DIGITS:
        yield Needle(NeedleKind.PHONE, national)


@dataclass(frozen=True)
class Pattern:
    """A pattern for some needles."""

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
        """Yield the needles that *text* holds."""
        for match in self._compiled.finditer(text):
            yield from self._by_text.get(" ".join(match[0].casefold().split()), ())
            digits = re.sub(r"[^0-9]", "", match[0])
            yield from (n for n in self._numbers if digits.endswith(n.text))

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
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
    """Where a needle was found."""

    id: Any
    """The ``_id`` of the document."""
    path: str
    needle: Needle


def mentions_in(document: Mapping[str, Any], paths: Iterable[str], pattern: Pattern) -> Iterator[Mention]:
    """Yield every place at *paths* where *document* names somebody."""
    for path in paths:
        for text in values_at(document, path):
            if isinstance(text, str):
                yield from (Mention(document["_id"], path, needle) for needle in pattern.found_in(text))
