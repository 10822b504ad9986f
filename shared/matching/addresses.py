"""
Comparison of postal addresses. Pure.

Postal code and number are compared exactly, the street by its words; the town only where one code is that of
several villages. The same house has different people, so a flat that differs, or stands on one
side alone, is for a person to look at. A street that is only alike is, too: Bergstraße and Burgstraße differ
by one letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz.fuzz import ratio, token_set_ratio

from shared.matching.characters import MOST_CHARACTERS, disguised, folded
from shared.matching.outcome import MATCH, MISMATCH, Doubt, Match, partial
from shared.matching.postcodes import CODE_LAST, Postcode, find_postcode, plain_code
from shared.matching.streets import CARE_OF, COUNTRIES, DIRECTIONS, FILL, STREET_FIRST, UNIT, kind
from shared.matching.transliteration import spellings

ALIKE = 90
"""Token-set ratio from which two streets are alike."""
ANOTHER_TOWN = 50
"""Ratio below which two names are not those of one town; Köln and Cologne come to 50."""
MOST_LINES = 10
_FINE_CODES = CODE_LAST - {"AU", "NZ"} | {"NL"}
"""Countries with codes that stand for a few streets at most."""
_APART = re.compile(r"\s*[,;|·•\n]+\s*|\s+[-–]\s+|\s{3,}")  # noqa: RUF001 - a dash of typesetting
_ALONE = re.compile(r"(?:n[°º.o]?\s*|nr\.?\s*)?(\d{1,5}\s?[a-z]?)", re.IGNORECASE)
_FIRST = re.compile(
    r"(?:(?P<unit>\d{1,4}[a-z]?)\s?/\s?)?(?P<number>\d{1,6}(?:-\d{1,5})?)"
    r"(?P<suffix>\s?(?:bis|ter|quater)|[a-z])?\s+(?P<street>[^\W\d_].*"
    r"|\d{1,3}(?:st|nd|rd|th)\b.*)",
    re.IGNORECASE,
)
_LAST = re.compile(
    r"(?P<street>.*?[^\W\d_].*?)\s*(?:,|\bn[°ºro]?\.?)?\s*(?<!\d)(?P<number>\d{1,5}(?:\s?[-–]\s?\d{1,5})?)"  # noqa: RUF001 - same
    r"\s?(?P<suffix>bis|ter|[a-z])?(?:\s?/+\s?(?P<unit>[\w/ ]{1,8}))?",
    re.IGNORECASE,
)

_STATE_COMMA = re.compile(r"\b([A-Z]{2}),\s*(?=\d{5}\b)")
_REGION = re.compile(r"(?:^|[\s,]+)(?:[A-Z]{2}|NSW|VIC|QLD|ACT|TAS)[\s,.]*$")
"""A state or province behind a town."""


@dataclass(frozen=True)
class Address:
    """A postal address, in lines or in fields or in both."""

    lines: tuple[str, ...] = ()
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None
    """Two letters."""

    @classmethod
    def of(cls, address: Address | Sequence[str] | str) -> Address:
        """Return *address* as one, where it is written in lines or in one line."""
        if isinstance(address, Address):
            return address
        return cls((address,) if isinstance(address, str) else tuple(address))


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of an address that are compared."""

    postcode: str = ""
    number: str = ""
    suffix: str = ""
    unit: str = ""
    street: tuple[str, ...] = ()
    """Its words in the form that their abbreviations share."""
    written: str = ""
    """The street as it is written, in small letters."""
    directions: frozenset[str] = frozenset()
    city: str = ""
    countries: frozenset[str] = frozenset()
    """Where its postal code can be."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Return the common key of the addresses of one house."""
        return (self.postcode or self.city, self.number + self.suffix, "".join(self.street))


def match_addresses(one: Address | Sequence[str] | str, other: Address | Sequence[str] | str) -> Match:
    """Return whether *one* and *other* are the same dwelling. The two may change places."""
    ours, theirs = Address.of(one), Address.of(other)
    if ours.country and theirs.country and folded(ours.country) != folded(theirs.country):
        return MISMATCH
    a, b = parts_of(ours), parts_of(theirs)
    if _apart(a, b):
        return MISMATCH
    doubts = [*_doubts(a, b)]
    if any(disguised(line) for line in (*ours.lines, *theirs.lines)):
        doubts.append(Doubt.DISGUISE)
    return partial(*doubts) if doubts else MATCH


def match_streets(one: str, other: str) -> Match:
    """Return whether *one* and *other* are the same street, house and dwelling, in any town."""
    a, b = parts_of(one), parts_of(other)
    if _apart(a, b) or not (a.street and b.street and a.number and b.number):
        return MISMATCH
    doubts = [doubt for doubt in _doubts(a, b) if doubt is not Doubt.INCOMPLETE]
    return partial(*doubts) if doubts else MATCH


def parts_of(address: Address | Sequence[str] | str) -> Parts:
    """Return *address* in parts, as far as they are to be distinguished."""
    given = Address.of(address)
    pieces = [piece for line in given.lines[:MOST_LINES] for piece in _pieces(line)]
    postcode, town, left = _town(pieces, given.country)
    units = [unit for piece in left for unit in _units(piece)]
    bare = _rejoined([text for piece in left if (text := UNIT.sub("", piece).strip(" ,-"))])
    number, suffix, unit, street = _street(bare)
    words = _words(street)
    return Parts(
        postcode=plain_code(given.postal_code) if given.postal_code else postcode.code if postcode else "",
        number=number.lstrip("0"),
        suffix=suffix,
        unit=_plain(unit) or "".join(units),
        street=tuple(word for word in words if word not in DIRECTIONS.values()),
        written=folded(street),
        directions=frozenset(words) & frozenset(DIRECTIONS.values()),
        city=_plain(given.city or town),
        countries=frozenset({given.country})
        if given.country
        else postcode.countries
        if postcode
        else frozenset(),
    )


def _apart(a: Parts, b: Parts) -> bool:
    """Return whether something is said on both sides and differs."""
    pairs = [(a.number, b.number), (a.suffix, b.suffix), (a.directions, b.directions)]
    pairs.append((a.postcode, b.postcode) if a.postcode and b.postcode else (a.city, b.city))
    if any(x and y and x != y for x, y in pairs):
        return True
    return bool(a.street and b.street) and not _same_street(a, b) and _alike(a, b) < ALIKE


def _doubts(a: Parts, b: Parts) -> Iterator[Doubt]:
    """Yield doubts: parts missing on one side, or only alike."""
    if not (a.postcode and b.postcode and a.number and b.number and a.street and b.street):
        yield Doubt.INCOMPLETE
    if a.street and b.street and not (_same_street(a, b) and a.directions == b.directions):
        yield Doubt.SPELLING
    if _towns_apart(a, b):
        yield Doubt.TOWN
    if (a.unit, a.suffix) != (b.unit, b.suffix):
        yield Doubt.UNIT


def _towns_apart(a: Parts, b: Parts) -> bool:
    """Return whether two towns of one postal code are different villages, each with its own Main Street."""
    fine = (a.countries | b.countries) & _FINE_CODES
    if fine or not (a.city and b.city) or a.city in b.city or b.city in a.city:
        return False
    return ratio(a.city, b.city) < ANOTHER_TOWN


def _same_street(a: Parts, b: Parts) -> bool:
    return not _spelled(a).isdisjoint(_spelled(b))


def _spelled(parts: Parts) -> frozenset[str]:
    """Return the street without blanks, in each system of transliteration."""
    columns = zip(*(spellings(word) for word in parts.street), strict=True)
    return frozenset("".join(column) for column in columns)


def _alike(a: Parts, b: Parts) -> float:
    """Return the token-set ratio of two streets, in their words or as they are written."""
    words = max(token_set_ratio(x, y) for x in _spelled(a) for y in _spelled(b))
    return max(words, token_set_ratio(a.written, b.written))


def _pieces(line: str) -> Iterator[str]:
    for piece in _APART.split(_STATE_COMMA.sub(r"\1 ", line[:MOST_CHARACTERS].strip())):
        bare = piece.strip(" .")
        if bare and folded(bare) not in COUNTRIES and not CARE_OF.match(bare):
            yield bare


def _town(pieces: Sequence[str], country: str | None) -> tuple[Postcode | None, str, list[str]]:
    """Return the postal code, the town beside it, and the pieces that are neither."""
    for at in range(len(pieces) - 1, -1, -1):
        postcode = find_postcode(pieces[at], country)
        if postcode is None:
            continue
        before, after = pieces[at][: postcode.start].strip(" ,-"), pieces[at][postcode.end :].strip(" ,-")
        rest = [*pieces[:at], *pieces[at + 1 :]]
        if postcode.town_before and re.search(r"\d", before) is None:
            town = _REGION.sub("", before)
            return postcode, town or next(iter(pieces[max(at - 1, 0) : at]), ""), rest
        street = [before] if re.search(r"\d|[^\W\d_]{4}", before) else []
        return postcode, after, [*pieces[:at], *street, *pieces[at + 1 :]]
    return None, "", list(pieces)


def _units(piece: str) -> Iterator[str]:
    for match in UNIT.finditer(piece):
        yield _plain("".join(filter(None, match.groupdict().values())))


def _rejoined(pieces: Sequence[str]) -> list[str]:
    """Return *pieces* where a number between commas has come back to its street."""
    joined: list[str] = []
    alone = ""
    for at, piece in enumerate(pieces):
        following = folded(pieces[at + 1]).split()[:1] if at + 1 < len(pieces) else []
        if not _ALONE.fullmatch(piece):
            joined.append(f"{alone} {piece}".strip())
            alone = ""
        elif joined and not re.search(r"\d", joined[-1]) and not set(following) & STREET_FIRST:
            joined[-1] = f"{joined[-1]} {piece}"
        else:
            alone = piece
    return joined


def _street(pieces: Sequence[str]) -> tuple[str, str, str, str]:
    """Return number, its letter, dwelling and street of the first piece that has a number and a name."""
    for piece in pieces:
        match = _FIRST.fullmatch(piece) or _LAST.fullmatch(piece)
        if match is not None:
            unit = match.groupdict().get("unit") or ""
            number = re.sub(r"\s", "", match["number"])
            return number, folded(match["suffix"] or ""), unit, match["street"]
    return "", "", "", pieces[0] if pieces else ""


def _words(street: str) -> list[str]:
    """Return the words of a street in the form that their abbreviations share."""
    words = [word for word in re.split(r"[^\w]+", folded(street)) if word]
    named = [word for word in words if word not in FILL] or words
    return [kind(word) for word in named]


def _plain(text: str) -> str:
    return "".join(spellings(word)[0] for word in re.split(r"[^\w]+", folded(text)) if word)
