"""
Comparison of claims about a person's data with the records.

The identities that the request is looked up by prove nothing: a person who knows an address can write it
twice. Nor does the same value count twice in two spellings, nor in fields of two kinds, nor a disputed value.
Pure.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Collection as Many
from dataclasses import dataclass
from datetime import date, datetime
from itertools import product
from typing import Any

from services.fulfillment.datamap.graph import PHONE
from services.fulfillment.datamap.model import Collection, DataMap, MappedField
from services.fulfillment.datamap.paths import values_at
from services.fulfillment.search.findings import FoundRecord
from services.fulfillment.search.identities import Identities
from shared.contract.events import Correction
from shared.law.taxonomy import covered
from shared.matching import (
    Match,
    MatchOutcome,
    match_dates,
    match_emails,
    match_names,
    match_parts,
    match_phones,
    match_streets,
)
from shared.matching.postcodes import plain_code

PROVING = (
    "user.account.username",
    "user.contact.address.postal_code",
    "user.contact.address.street",
    "user.contact.email",
    "user.contact.phone_number",
    "user.demographic.date_of_birth",
    "user.financial",
    "user.government_id",
    "user.name",
    "user.payment",
    "user.unique_id",
)
"""Categories with values that few people share. A country or a currency is guessed at the first try."""
LEAST_CHARACTERS = 4
NAME, BIRTH, POSTAL, PHONES, USERNAME = "name", "birth", "postal", "phone", "username"
GROUPS = {
    "user.account.username": USERNAME,
    "user.name": NAME,
    "user.demographic.date_of_birth": BIRTH,
    "user.contact.address": POSTAL,
    "user.contact.phone_number": PHONES,
    "user.contact.email": "email",
}
"""Category → what it is about; any other category is about itself."""
IN_DIRECTORIES = frozenset({NAME, BIRTH, POSTAL, PHONES, USERNAME, "email"})
"""Groups of values that a neighbour may know or look up."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The number of claims that count, and how many of them the records confirm."""

    claimed: int
    agreed: int
    groups: int = 0
    """How many of the confirmed facts are independent of one another: one value in two fields is one."""
    private: bool = False
    """Whether one of them is in no directory: a neighbour does not know it."""


@dataclass(frozen=True, slots=True)
class _ClaimedField:
    """A field that a claim is about."""

    collection: str
    path: str
    categories: tuple[str, ...]
    public: bool = False
    """Whether it is an identity that people state themselves, and that others may see."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """A value, and the values of the records that it means."""

    keys: frozenset[str]
    agrees: bool
    groups: frozenset[str] = frozenset()
    """What the fields are about in which it agrees."""
    public: bool = False
    """Whether others may see one of these fields."""

    @property
    def private(self) -> bool:
        """Whether it agrees, and nowhere with what a neighbour knows."""
        return bool(self.groups) and not self.public and not self.groups & IN_DIRECTORIES


def disputed(corrections: Iterable[Correction], data_map: DataMap) -> frozenset[str]:
    """
    Return the subjects of *corrections*; they count for nothing in the proof of identity.

    A correction names a field as the map does, with or without the collection before it, or the object of the
    field, or a category. Everything that the name may mean is disputed, and with a city the whole address.

    Law:
        11 CCR § 7060(h): a request to correct is verified by data that it does not dispute; a person who
        disputes the address is not verified by the address.
    """
    names = frozenset(correction.field for correction in corrections)
    return frozenset(
        _group(category)
        for collection in data_map.collections
        for field in collection.leaves
        if names & _names(collection, field) or field.is_about(tuple(names))
        for category in field.categories
    )


def compare(
    points: Mapping[str, str],
    found: Iterable[FoundRecord],
    identities: Identities,
    ignored: Many[str] = (),
) -> Agreement:
    """
    Return how far *points* agree with the person's records.

    A value agrees that is written differently and means the same: a telephone number in groups, a name
    without its accents. A merely similar value does not.

    Args:
        points: Claims, by the path of a field, its last name, the name of the identity it holds, or a
            category of data that proves (``user.name``), which means every field of it.
        found: The person's records.
        identities: The identities that the records were found by; a claim that repeats one does not count.
        ignored: Subjects that no claim may be about (:func:`disputed`).
    """
    records = list(found)
    distinct: list[_Claim] = []
    for name, value in points.items():
        fields = _fields(name, records, ignored)
        if fields and len(plain(value)) >= LEAST_CHARACTERS and not _known(value, identities):
            distinct = _joined(distinct, _claim(value, fields, records))
    agreed = sum(claim.agrees for claim in distinct)
    private = any(claim.private for claim in distinct)
    return Agreement(len(distinct), agreed, _independent(claim.groups for claim in distinct), private)


def _independent(values: Iterable[frozenset[str]]) -> int:
    """
    Return how many facts the values with the subjects *values* confirm, where one value confirms one fact.

    A name is none; with the birthday it is one. This is the largest matching: a value that could confirm two
    facts leaves the one that another value needs (augmenting paths, Kuhn 1955).

    Law:
        11 CCR § 7062(b)-(c): two pieces of personal information, or three.
    """
    taken: dict[str, frozenset[str]] = {}
    return sum(_placed(groups - {NAME}, taken, set()) for groups in values)


def _placed(groups: frozenset[str], taken: dict[str, frozenset[str]], tried: set[str]) -> bool:
    """Assign a value one of *groups*, moving another value if needed; return whether it has one."""
    for group in groups:
        if group in tried:
            continue
        tried.add(group)
        if group not in taken or _placed(taken[group], taken, tried):
            taken[group] = groups
            return True
    return False


def plain(value: Any) -> str:
    """Return *value* without differences of writing: case, accents' encoding, blanks, punctuation."""
    if isinstance(value, datetime):
        value = value.date()
    text = value.isoformat() if isinstance(value, date) else str(value)
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def _fields(name: str, records: Iterable[FoundRecord], ignored: Many[str]) -> frozenset[_ClaimedField]:
    """Return the fields that *name* means and that can prove an identity, except those about *ignored*."""
    return frozenset(
        _ClaimedField(
            found.collection.key,
            field.path,
            tuple(field.categories),
            public=field.identity is not None and not field.always_verified,
        )
        for found in records
        for field in found.collection.leaves
        if name in {field.path, field.path.rpartition(".")[2], field.identity}
        or (covered(name, PROVING) and field.is_about((name,)))
        if (groups := _groups(field.categories)) and groups.isdisjoint(ignored)
    )


def _names(collection: Collection, field: MappedField) -> frozenset[str | None]:
    """Return all names of *field* and of the objects around it, with and without the collection."""
    parts = field.path.split(".")
    paths = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
    qualified = (f"{of}.{path}" for path in paths for of in (collection.key, collection.name))
    return frozenset((*parts, *paths, *qualified, field.identity))


def _known(value: str, identities: Identities) -> bool:
    """Return whether *value* is one of the looked-up identities, in any spelling."""
    spellings = [(name, spelling) for name, known in identities.items() for spelling in known]
    return any(
        plain(value) == plain(spelling)
        or bool(match_emails(value, spelling))
        or (name == PHONE and match_phones(value, spelling).outcome is not MatchOutcome.MISMATCH)
        for name, spelling in spellings
    )


def _claim(value: str, fields: Iterable[_ClaimedField], records: Iterable[FoundRecord]) -> _Claim:
    agreeing = [
        (plain(stored), _groups(field.categories), field.public)
        for found in records
        for field in fields
        if field.collection == found.collection.key
        for stored in values_at(found.disclosed, field.path)
        if _means(value, stored, field.categories)
    ]
    whole = (_whole_name(fields, found) for found in records)
    agreeing += [
        (plain(name), frozenset({NAME}), False) for name in whole if name and match_names(value, name)
    ]
    keys = frozenset({plain(value), *(key for key, _, _ in agreeing)})
    groups = frozenset(group for _, several, _ in agreeing for group in several)
    public = any(public for _, _, public in agreeing)
    return _Claim(keys, agrees=bool(agreeing), groups=groups, public=public)


def _groups(categories: Iterable[str]) -> frozenset[str]:
    """Return the subjects of a field of *categories* that can prove an identity."""
    return frozenset(_group(category) for category in categories if covered(category, PROVING))


def _group(category: str) -> str:
    return next((group for covering, group in GROUPS.items() if covered(category, (covering,))), category)


def _whole_name(fields: Iterable[_ClaimedField], found: FoundRecord) -> str:
    """Return the person's name in *found*, where its parts stand in separate fields."""
    parts = [
        str(stored)
        for field in sorted(fields, key=lambda field: field.path)
        if field.collection == found.collection.key
        and any(covered(category, ("user.name",)) for category in field.categories)
        for stored in values_at(found.disclosed, field.path)
        if isinstance(stored, str)
    ]
    return " ".join(parts)


def _means(claimed: str, stored: Any, categories: Iterable[str]) -> bool:
    """Return whether *claimed* is *stored*, by the rules for the field's categories."""
    if plain(claimed) == plain(stored):
        return True
    if isinstance(stored, date):
        return bool(match_dates(claimed, stored))
    rules = (rule for covering, rule in _RULES if any(covered(one, covering) for one in categories))
    return any(rule(claimed, str(stored)) for rule in rules)


def _same_code(one: str, other: str) -> bool:
    return plain_code(one) == plain_code(other) != ""


_RULES: tuple[tuple[Many[str], Callable[[str, str], Match | bool]], ...] = (
    (("user.contact.address.postal_code",), _same_code),
    (("user.contact.address.street",), match_streets),
    (("user.contact.email",), match_emails),
    (("user.contact.phone_number",), match_phones),
    (("user.demographic.date_of_birth",), match_dates),
    (("user.name",), match_names),
    (("user.name",), match_parts),
)
"""How values of a category are compared; in other categories they must be equal."""


def _joined(distinct: Sequence[_Claim], claim: _Claim) -> list[_Claim]:
    """Return the claims with *claim* added; claims that mean one value become one."""
    same = [claim, *(other for other in distinct if _same(other, claim))]
    joined = _Claim(
        keys=frozenset[str]().union(*(one.keys for one in same)),
        agrees=any(one.agrees for one in same),
        groups=frozenset[str]().union(*(one.groups for one in same)),
        public=any(one.public for one in same),
    )
    return [*(other for other in distinct if not _same(other, claim)), joined]


def _same(one: _Claim, other: _Claim) -> bool:
    """Return whether both mean one value; a telephone number is one with its country's code and without."""
    if one.keys & other.keys:
        return True
    numbers = product(one.keys, other.keys) if PHONES in one.groups | other.groups else ()
    return any(match_phones(*pair).outcome is not MatchOutcome.MISMATCH for pair in numbers)
