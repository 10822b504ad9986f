"""
What a data map says: where personal data lies, how one person's records hang together, what becomes of each.

Written in the words of Fides' dataset format, so that such a file loads unchanged; what it cannot say stands
under ``meta: habeas:`` (docs/adr/0006). Frozen, and named by the hash of its text: a case runs to its end on
the map it started with. ``datamap`` reads it.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from services.fulfillment.datamap.categories import PERSONAL, covered
from services.fulfillment.datamap.yaml_loader import MapError

__all__ = [
    "Collection",
    "CollectionPlace",
    "DataMap",
    "Direction",
    "Erasure",
    "Facts",
    "Hold",
    "MapError",
    "MappedField",
    "MarkRule",
    "Masking",
    "Reference",
    "RetentionPeriod",
    "RetentionRule",
    "ValueCheck",
]


class Erasure(StrEnum):
    """What an erasure does to a document that is the person's."""

    DELETE = "delete"
    MASK = "mask"
    KEEP = "keep"


class Direction(StrEnum):
    """Where the values of a reference flow."""

    FROM = "from"
    """From the field named into the one that carries the reference."""
    TO = "to"
    """The other way."""
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Facts:
    """What an answer says about data: Art. 15(1)(a), (c), (g) and 15(2) GDPR; Cal. Civ. Code § 1798.110."""

    purpose: str | None = None
    legal_basis: str | None = None
    source: str | None = None
    recipients: tuple[str, ...] = ()
    transfer: str | None = None


@dataclass(frozen=True, slots=True)
class Masking:
    """How a field loses its value."""

    strategy: str
    configuration: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that holds the same value as a field elsewhere."""

    key: str
    """``dataset.collection`` of the other field."""
    path: str
    direction: Direction
    where: str


@dataclass(frozen=True, slots=True)
class RetentionPeriod:
    """A length of calendar time, ISO 8601: ``P10Y``."""

    years: int = 0
    months: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """Until when records survive an erasure, and why."""

    keep: RetentionPeriod
    start: str
    """The field the period runs from, or ``now``: from the day of the erasure."""
    because: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A field that suspends the erasure of its document while it has a certain value."""

    field: str
    value: object


@dataclass(frozen=True, slots=True)
class MarkRule:
    """How a record is marked as restricted, opted out or without consent."""

    field: str
    value: object


@dataclass(frozen=True, slots=True)
class ValueCheck:
    """How the value of an identity is verified before it is stored, or which field states that it was."""

    field: str | None = None
    """The field that is set once the value is verified; none: all values are alike."""
    never: bool = False
    """Whether no value is verified; else, without a field, every one is."""


@dataclass(frozen=True, slots=True)
class MappedField:
    """A field, under its dotted path; arrays go by their name alone (``tickets.body``)."""

    path: str
    where: str
    """``file:line`` of its declaration."""
    description: str | None = None
    type: str | None = None
    """As declared: ``string``, ``object[]``; none where the map says nothing."""
    length: int | None = None
    """The most characters it has room for; masks are made to fit."""
    container: bool = False
    """Whether it only holds other declared fields."""
    categories: tuple[str, ...] = ()
    identity: str | None = None
    references: tuple[Reference, ...] = ()
    primary_key: bool = False
    read_only: bool = False
    return_all_elements: bool = False
    masking: Masking | None = None
    disclose: bool = True
    """Whether an answer shows the value; if not, it says that one is held."""
    redact: bool = False
    """Whether the text may name other people, who are blacked out before anybody reads it."""
    editable: bool = False
    plus_tags: bool = False
    """Whether ``kim+news@example.org`` is ``kim@example.org``."""
    verified: ValueCheck | None = None
    """How the value of this identity is verified; none: the map does not say, so it is a claim."""
    controller: bool = False
    """Whether it names the customer whose record it is, where the company only processes it for them."""
    facts: Facts = Facts()
    """What the map says of this field alone, where that differs from its collection."""

    @property
    def array(self) -> bool:
        """Whether the field holds a list."""
        return (self.type or "").endswith("[]")

    @property
    def verifiable(self) -> bool:
        """Whether a value may be verified; one that a request can change needs its own statement of it."""
        check = self.verified
        return check is not None and not check.never and (check.field is not None or not self.editable)

    @property
    def always_verified(self) -> bool:
        """Whether every value of this identity is verified."""
        return self.verifiable and self.verified is not None and self.verified.field is None

    @property
    def personal(self) -> bool:
        """Whether it holds something about a person."""
        return any(covered(category, PERSONAL) for category in self.categories)


class CollectionPlace(NamedTuple):
    """Where a collection lies."""

    store: str
    database: str
    name: str


@dataclass(frozen=True)
class Collection:
    """A collection of a database and what the map says about it."""

    store: str
    dataset: str
    """The name of the database."""
    name: str
    where: str
    description: str | None = None
    fields: tuple[MappedField, ...] = ()
    facts: Facts = Facts()
    erasure: Erasure = Erasure.MASK
    retention: RetentionRule | None = None
    legal_hold: Hold | None = None
    restriction: MarkRule | None = None
    opt_out: MarkRule | None = None
    consent: MarkRule | None = None
    skipped: bool = False
    after: tuple[str, ...] = ()
    """Keys of collections, or of whole datasets, that come before this one."""
    erase_after: tuple[str, ...] = ()
    """Keys of collections that are erased before this one."""

    def __hash__(self) -> int:
        return hash((self.store, self.dataset, self.name))

    @cached_property
    def key(self) -> str:
        """``dataset.collection``: its name within the map."""
        return f"{self.dataset}.{self.name}"

    @cached_property
    def place(self) -> CollectionPlace:
        """Where it lies."""
        return CollectionPlace(self.store, self.dataset, self.name)

    def facts_of(self, field: MappedField) -> Facts:
        """Return what the map says of *field*: in its own words, else in those of the collection."""
        own, inherited = field.facts, self.facts
        return Facts(
            purpose=own.purpose or inherited.purpose,
            legal_basis=own.legal_basis or inherited.legal_basis,
            source=own.source or inherited.source,
            recipients=own.recipients or inherited.recipients,
            transfer=own.transfer or inherited.transfer,
        )

    @cached_property
    def by_path(self) -> Mapping[str, MappedField]:
        """The fields by their paths."""
        return {field.path: field for field in self.fields}

    @cached_property
    def leaves(self) -> tuple[MappedField, ...]:
        """The fields that hold values."""
        return tuple(field for field in self.fields if not field.container)

    @cached_property
    def primary_key(self) -> tuple[str, ...]:
        """
        The paths that name one document.

        ``_id`` is always among them: only of it the database itself makes sure that it is there, and unique.
        """
        return tuple(dict.fromkeys(("_id", *(field.path for field in self.fields if field.primary_key))))

    @cached_property
    def composite_key(self) -> frozenset[str]:
        """The declared parts of a primary key of which none alone names a document; none: no such key."""
        parts = frozenset(field.path for field in self.fields if field.primary_key and field.path != "_id")
        return parts if len(parts) > 1 else frozenset()

    @cached_property
    def common(self) -> tuple[MappedField, ...]:
        """The fields that hold values in no array that people share."""
        return tuple(field for field in self.leaves if self.unit(field.path) is None)

    def common_about(self, category: str) -> tuple[MappedField, ...]:
        """Return those of :attr:`common` that hold *category*; it is asked of every record."""
        if category not in self._about:
            about = (f for f in self.common if any(covered(one, (category,)) for one in f.categories))
            self._about[category] = tuple(about)
        return self._about[category]

    @cached_property
    def _about(self) -> dict[str, tuple[MappedField, ...]]:
        return {}

    @cached_property
    def naming(self) -> Mapping[str, str]:
        """
        The fields that say what the person of a document is known by: path → name of the identity.

        Where several fields hold identities of one kind, as a sender's and a recipient's, none of them does.
        """
        return _telling(self.common)

    @cached_property
    def identifying(self) -> tuple[MappedField, ...]:
        """The fields that hold an identity."""
        return tuple(leaf for leaf in self.leaves if leaf.identity is not None)

    @cached_property
    def verifiable(self) -> tuple[MappedField, ...]:
        """The fields whose identity may be verified."""
        return tuple(leaf for leaf in self.identifying if leaf.verifiable)

    @cached_property
    def verified_naming(self) -> Mapping[str, str]:
        """As :attr:`naming`, of the fields alone whose values may be verified."""
        return _telling([leaf for leaf in self.verifiable if self.unit(leaf.path) is None])

    @cached_property
    def naming_elements(self) -> Mapping[str, Mapping[str, str]]:
        """For each array the fields that say what the person of one of its elements is known by."""
        fields: defaultdict[str, list[MappedField]] = defaultdict(list)
        for leaf in self.leaves:
            if (unit := self.unit(leaf.path)) is not None:
                fields[unit].append(leaf)
        return {unit: _telling(some) for unit, some in fields.items()}

    @cached_property
    def divided(self) -> frozenset[str]:
        """
        The arrays whose elements belong to different people.

        An array is divided when people are told apart inside it: by an identity, or by a reference whose
        values flow in. ``return_all_elements`` says that all elements are one person's after all.
        """
        return frozenset(
            unit
            for field in self.leaves
            if field.identity or any(r.direction is not Direction.TO for r in field.references)
            if (unit := self.unit(field.path)) is not None
        )

    def unit(self, path: str) -> str | None:
        """Return the innermost array whose one element a match at *path* makes the person's; none: all."""
        parts = path.split(".")
        for length in range(len(parts), 0, -1):
            found = self.by_path.get(".".join(parts[:length]))
            if found is not None and found.array and not found.return_all_elements:
                return found.path
        return None


def _telling(fields: Sequence[MappedField]) -> Mapping[str, str]:
    counts = Counter(field.identity for field in fields)
    return {f.path: f.identity for f in fields if f.identity is not None and counts[f.identity] == 1}


@dataclass(frozen=True)
class DataMap:
    """A data map, checked: every reference and every path in it leads somewhere."""

    version: str
    """SHA-256 of its text: what a case remembers of the map it started with."""
    collections: tuple[Collection, ...]
    """In the order of the files' names and of the declarations in them."""
    remarks: tuple[MapError, ...] = ()
    """What a Fides file asks for and this system does not do."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """The text of each file by its name; ``datamap.parse`` makes the same map of it again."""

    def __hash__(self) -> int:
        return hash(self.version)

    @cached_property
    def by_key(self) -> Mapping[str, Collection]:
        """The collections by their keys."""
        return {collection.key: collection for collection in self.collections}

    @property
    def predecessors(self) -> Mapping[str, frozenset[str]]:
        """The keys of the collections that are erased before each."""
        return predecessors(self.collections)


def predecessors(collections: Sequence[Collection]) -> dict[str, frozenset[str]]:
    """Return for each key those that come before it; a dataset named in ``after`` stands for all its own."""
    by_dataset: dict[str, set[str]] = defaultdict(set)
    for collection in collections:
        by_dataset[collection.dataset].add(collection.key)
    return {
        collection.key: frozenset(collection.erase_after).union(
            *(by_dataset.get(name, {name}) - {collection.key} for name in collection.after)
        )
        for collection in collections
    }
