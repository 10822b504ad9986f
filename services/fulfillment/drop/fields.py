"""
The fields of a data map that California's DROP hashes, and the people that a hash has found. Pure.

Fields are found by their categories: a telephone number counts even if the map does not allow searching by
it. Fields without a category of their own are found by the name of their identity: ``maid``, ``vin``,
``ctv_id``. In a divided array, each element is one person's.

A wrong erasure cannot be undone. So records count as one person's only if nothing differs; in doubt, for
instance with a nickname or a second mailbox, they count as several people's.

Law:
    11 CCR § 7600 et seq.: where an identifier is one person's, their data is deleted; where it is several
    people's, each is opted out of sale and sharing instead, since it is unknown which of them has asked.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, islice, product
from typing import Any

from services.fulfillment.datamap.graph import EMAIL, PHONE
from services.fulfillment.datamap.model import Collection, DataMap, MappedField
from services.fulfillment.drop import standard_hashes
from services.fulfillment.search.identities import plain
from services.fulfillment.search.named_people import RecordPart
from services.fulfillment.search.units import (
    ADVERTISING,
    MANY,
    NAME,
    TELEVISION,
    VIN,
    RecordUnit,
    is_of,
    own_first,
    units,
)
from shared.contract.drop import ListKind
from shared.law import Right
from shared.matching import match_names
from shared.runtime.mongo import Document

MOST_COMBINATIONS = 5_000
"""Most hashes of one composite kind per person's part of a record."""
BIRTH, ZIP = "user.demographic.date_of_birth", "user.contact.address.postal_code"
SINGLE: Mapping[ListKind, tuple[Callable[[Any], tuple[str, ...]], tuple[str, ...], tuple[str, ...]]] = {
    ListKind.EMAIL: (standard_hashes.email, ("user.contact.email",), (EMAIL,)),
    ListKind.PHONE: (standard_hashes.phone, ("user.contact.phone_number",), (PHONE,)),
    ListKind.MAID: (standard_hashes.advertising_id, (), ADVERTISING),
    ListKind.CTV_ID: (standard_hashes.television, (), TELEVISION),
}
"""List → how a value is standardised, and the categories or the identities of its fields."""


@dataclass(frozen=True, slots=True)
class Hash:
    """A hash of a record."""

    kind: ListKind
    value: str
    identity: tuple[str, str] | None = None
    """Name and value of the hashed identity, if the map allows searching by it."""


@dataclass(frozen=True, slots=True)
class HashedPerson:
    """The identifiers in one person's part of a record."""

    hashes: tuple[Hash, ...]
    names: tuple[str, ...]
    """Full names, as they are written."""
    known_by: tuple[tuple[str, str], ...]
    """Name and value of the identities that their records can be found by, the surest first."""
    births: tuple[str, ...] = ()
    """The days that the date of birth may mean."""
    verified: frozenset[tuple[str, str]] = frozenset()
    """Those of ``known_by`` that the map states to be verified."""


@dataclass(frozen=True)
class HashSource(RecordUnit):
    """The fields with one person's identifiers in the documents of a collection."""

    def people(self, document: Document) -> Iterator[HashedPerson]:
        """Yield the people of *document* with hashes."""
        yield from (found for found in self.all_people(document) if found.hashes)

    def all_people(self, document: Document) -> Iterator[HashedPerson]:
        """Yield all people that *document* may contain."""
        yield from map(self._of, self.parts(document))

    def _of(self, part: Any) -> HashedPerson:
        names = list(dict.fromkeys(self._names(part)))
        hashes = tuple(dict.fromkeys((*self._single(part), *self._composite(part, names))))
        called, known_by = tuple(dict.fromkeys(self.written_names(part))), tuple(self.known_by(part))
        return HashedPerson(hashes, called, known_by, self._births(part), frozenset(self._verified(part)))

    def _verified(self, part: Any) -> Iterator[tuple[str, str]]:
        whole = RecordPart(self.collection, self.unit or None, part)
        for field in self.fields:
            yield from ((field.identity or "", str(value)) for value in whole.verified(field.path))

    def _single(self, part: Any) -> Iterator[Hash]:
        for kind, (rule, categories, identities) in SINGLE.items():
            fields = (one for one in self.fields if one.identity in identities or is_of(one, categories))
            for name, value in ((f.identity, value) for f in fields for value in self.values(part, f)):
                identity = (name, str(value)) if name else None
                yield from (Hash(kind, standard_hashes.hashed(one), identity) for one in rule(value))

    def _composite(self, part: Any, names: Sequence[tuple[str, str]]) -> Iterator[Hash]:
        if not names:
            return
        vehicles = self._standards(part, standard_hashes.vehicle, lambda field: field.identity == VIN)
        births = self._births(part)
        codes = self._standards(part, standard_hashes.zip_code, lambda field: is_of(field, (ZIP,)))
        yield from islice(_together(ListKind.NAME_VIN, names, vehicles), MOST_COMBINATIONS)
        yield from islice(_together(ListKind.NDZ, names, births, codes), MOST_COMBINATIONS)

    def _names(self, part: Any) -> Iterator[tuple[str, str]]:
        """Yield first and last names: of separate fields, and possible ones in a whole name."""
        yield from product(self.texts(part, self.first_name_fields), self.texts(part, self.last_name_fields))
        for whole in self.texts(part, self.whole_name_fields):
            yield from _parted(whole)

    def _births(self, part: Any) -> tuple[str, ...]:
        return self._standards(part, standard_hashes.birth, lambda field: is_of(field, (BIRTH,)))

    def _standards(
        self, part: Any, rule: Callable[[Any], tuple[str, ...]], wanted: Callable[[MappedField], bool]
    ) -> tuple[str, ...]:
        fields = filter(wanted, self.fields)
        values = (value for field in fields for value in self.values(part, field))
        return tuple(dict.fromkeys(standard for value in values for standard in rule(value)))


def comparable(identity: str, value: str) -> str:
    """Return *value* of *identity* in comparable form: notations of one telephone number are equal."""
    found = next((rule(value) for rule, _, names in SINGLE.values() if identity in names), ())
    return next(iter(found), value.strip())


def hashes_of(identity: str, value: str) -> Iterator[Hash]:
    """Yield the hashes of *value* of *identity* on the lists with this identity alone."""
    for kind, (rule, _, identities) in SINGLE.items():
        if identity in identities:
            yield from (Hash(kind, standard_hashes.hashed(standard)) for standard in rule(value))


@lru_cache(maxsize=4)
def sources(data_map: DataMap) -> Mapping[str, tuple[HashSource, ...]]:
    """Return the hashable fields by the keys of their collections."""
    every = identifying_sources(data_map)
    found = {key: tuple(one for one in several if _hashable(one.fields)) for key, several in every.items()}
    return {key: several for key, several in found.items() if several}


@lru_cache(maxsize=4)
def identifying_sources(data_map: DataMap) -> Mapping[str, tuple[HashSource, ...]]:
    """Return the identifying fields by the keys of their collections, hashable or not."""
    return {c.key: tuple(_sources(c)) for c in data_map.collections if not c.skipped}


def _sources(collection: Collection) -> Iterator[HashSource]:
    kinds = (*_CATEGORIES, NAME, BIRTH, ZIP)
    for unit, fields in units(collection, lambda field: bool(field.identity) or is_of(field, kinds)):
        yield HashSource(collection, unit, tuple(fields))


def _hashable(fields: Sequence[MappedField]) -> bool:
    """Return whether *fields* contain a hash of any list."""
    single = any(field.identity in LISTED_IDENTITIES or is_of(field, _CATEGORIES) for field in fields)
    named, born, zipped = (any(is_of(f, (category,)) for f in fields) for category in (NAME, BIRTH, ZIP))
    vehicle = any(field.identity == VIN for field in fields)
    return single or (named and (vehicle or (born and zipped)))


def _together(kind: ListKind, names: Sequence[tuple[str, str]], *others: Sequence[str]) -> Iterator[Hash]:
    for first, last in names if all(others) else ():
        parts = (standard_hashes.name(first), standard_hashes.name(last), *others)
        yield from (Hash(kind, value) for value in standard_hashes.together(parts))


def _parted(whole: str) -> Iterator[tuple[str, str]]:
    """Yield the possible first and last names in a *whole* one; before a comma stands the last name."""
    last, comma, first = whole.partition(",")
    if comma and first.strip():
        yield first.strip(), last.strip()
        return
    words = whole.split()
    if len(words) > 1:
        yield words[0], words[-1]
        yield words[0], " ".join(words[1:])
        yield " ".join(words[:-1]), words[-1]


_CATEGORIES = tuple(category for _, categories, _ in SINGLE.values() for category in categories)
LISTED_IDENTITIES = frozenset(identity for _, _, identities in SINGLE.values() for identity in identities)
"""Identities that lists have on their own."""


MOST_DESCRIPTIONS = 50
"""Most different descriptions of a person; with more, an identifier counts as several people's."""


@dataclass(frozen=True, slots=True)
class MatchedPerson:
    """One person's part of a record found by a hash, or by an identity that is followed from there."""

    names: tuple[str, ...]
    known_by: tuple[tuple[str, str], ...]
    follow: tuple[str, str] | None = None
    """The identity that their records are searched by; None if the record has none."""
    fresh: bool = False
    """Whether the record was found for the first time."""
    births: tuple[str, ...] = ()
    claimed: bool = False
    """Whether ``follow`` was neither hashed nor is verified in the record: it may be another person's."""
    verified: frozenset[tuple[str, str]] = frozenset()
    """Verified identities in the record, in comparable form."""

    @property
    def unique_identities(self) -> frozenset[tuple[str, str]]:
        """Identities of which a person has only one."""
        return frozenset((name, comparable(name, value)) for name, value in self.known_by if name not in MANY)


def matched_person(
    person: HashedPerson, wanted: Callable[[Hash], bool], *, fresh: bool
) -> MatchedPerson | None:
    """Return *person* as found by a *wanted* hash; None if none of their hashes is wanted."""
    own = [one for one in person.hashes if wanted(one)]
    if not own:
        return None
    hashed = next((one.identity for one in own if one.identity is not None), None)
    verified = [known for known in person.known_by if known in person.verified]
    known_by = verified or person.known_by
    follow = hashed or min(known_by, key=lambda known: own_first(known[0]), default=None)
    claimed = follow is not None and hashed is None and follow not in person.verified
    sure = frozenset((name, comparable(name, value)) for name, value in verified)
    return MatchedPerson(person.names, person.known_by, follow, fresh, person.births, claimed, sure)


def people_of_lead(people: Sequence[HashedPerson], lead: tuple[str, str]) -> Iterator[MatchedPerson]:
    """Yield the *people* of a document that *lead* finds; all, if no part names it."""
    meant = (lead[0], comparable(*lead))
    parts = [MatchedPerson(one.names, one.known_by, births=one.births) for one in people]
    named = [one for one in parts if meant in {(name, comparable(name, v)) for name, v in one.known_by}]
    yield from named or parts


def right_for(people: Sequence[MatchedPerson]) -> Right:
    """
    Return the right for *people* that one hash has found, and for those that its identities find.

    An identity that people write themselves is no proof; then nothing is erased by it.

    Law:
        Cal. Civ. Code § 1798.99.86(c)(1)(B): a request that cannot be verified is an opt-out.
    """
    verified = frozenset[tuple[str, str]]().union(*(one.verified for one in people))
    claims = (one.follow for one in people if one.claimed and one.follow is not None)
    unsure = any((name, comparable(name, value)) not in verified for name, value in claims)
    return Right.OPT_OUT_OF_SALE if unsure or _several(people) else Right.ERASURE


def followed(people: Iterable[MatchedPerson], right: Right) -> Sequence[tuple[str, str] | None]:
    """
    Return each identity once by which *right* is exercised; None alone if the records have none.

    One person is searched by the hashed identity, from new records. Of several people each is named by their
    own identities, whether or not they were found before.
    """
    several = right is Right.OPT_OUT_OF_SALE
    own = ((one, next(iter(one.known_by), one.follow) if several else one.follow) for one in people)
    leads = [lead for one, lead in own if one.fresh or several]
    found = {(lead[0], plain(*lead)): lead for lead in leads if lead is not None}
    return list(found.values()) or [None for _ in leads[:1]]


def _several(people: Sequence[MatchedPerson]) -> bool:
    """Return whether *people* may be more than one."""
    described = list({(one.names, one.known_by, one.births): one for one in people}.values())
    return (
        len(described) > MOST_DESCRIPTIONS
        or any(_differ(one, other) for one, other in combinations(described, 2))
        or not all(match_names(*pair) for pair in _pairs_of_names(described))
        or _strangers(described)
    )


def _differ(one: MatchedPerson, other: MatchedPerson) -> bool:
    """Return whether a value differs of which a person has one."""
    if one.births and other.births and not set(one.births) & set(other.births):
        return True
    names = {name for name, _ in one.unique_identities} & {name for name, _ in other.unique_identities}
    shared = {name for name, _ in one.unique_identities & other.unique_identities}
    return bool(names - shared)


def _pairs_of_names(described: Sequence[MatchedPerson]) -> set[tuple[str, str]]:
    """Return the pairs of names that must be one person's: within a record, and across records."""
    inside = (pair for one in described for pair in combinations(one.names, 2))
    between = ((a, b) for one, other in combinations(described, 2) for a in one.names for b in other.names)
    return {(min(pair), max(pair)) for pair in (*inside, *between)}


def _strangers(described: Sequence[MatchedPerson]) -> bool:
    """Return whether a record without a name has an identity that named records lack."""
    known = frozenset(identity for one in described if one.names for identity in one.unique_identities)
    born = frozenset(day for one in described if one.names for day in one.births)
    nameless = [one for one in described if not one.names]
    if len(nameless) == len(described):
        return False
    return any(one.unique_identities - known or set(one.births) - born for one in nameless)
