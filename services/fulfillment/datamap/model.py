"""
The model of a data map: where personal data is, how records refer to one another, and their treatment.

It uses the words of Fides' dataset format, so that such a file loads unchanged; further declarations stand
under ``meta: habeas:`` (docs/adr/0006). It is frozen, and named by the hash of its text: a case keeps the map
it started with. ``datamap`` reads it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import NamedTuple

from services.fulfillment.datamap.paths import leads_through
from services.fulfillment.datamap.yaml_loader import MapError
from shared.labels import is_translated, localized
from shared.law.taxonomy import covered

PERSONAL = ("user",)
"""The default scope of an erasure."""

SENSITIVE_VALUES = (
    "user.authorization",
    "user.biometric",
    "user.financial.bank_account",
    "user.financial.credit_card",
    "user.government_id",
    "user.health_and_medical.insurance_beneficiary_id",
    "user.health_and_medical.record_id",
)
"""
Kinds of data that do harm in the wrong hands: a package may be stolen with the mailbox.

An answer masks their values until they are released, or withholds them where its law forbids to disclose them
(``never_disclose`` of the policies). That they are masked is our policy, under any law.
"""
SPECIAL_CATEGORIES = (
    "user.biometric",
    "user.criminal_history",
    "user.demographic.political_opinion",
    "user.demographic.race_ethnicity",
    "user.demographic.religious_belief",
    "user.demographic.sexual_orientation",
    "user.health_and_medical",
    "user.location.precise",
)
"""
Kinds of data that are not disclosed on the proof of a mailbox alone.

Law:
    GDPR Art. 9(1), 10, 12(6), 32; Cal. Civ. Code § 1798.140(ae) for the exact location.
"""


class Erasure(StrEnum):
    """The effect of an erasure on a document of the person."""

    DELETE = "delete"
    MASK = "mask"
    KEEP = "keep"


class Ownership(StrEnum):
    """What a match in an array makes the person's (docs/adr/0034)."""

    DOCUMENT = "document"
    """The whole document: all elements are one person's, as the addresses in a profile."""
    SHARED = "shared"
    """The document, without other people's elements: a booking with several passengers."""
    ELEMENT = "element"
    """The element alone: a list in another person's document."""


class Direction(StrEnum):
    """The direction of a reference's values."""

    FROM = "from"
    """From the named field into the field with the reference."""
    TO = "to"
    """The opposite direction."""
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts for answers: Art. 15(1)(a), (c), (g) and 15(2) GDPR; Cal. Civ. Code § 1798.110."""

    purpose: str | None = None
    legal_basis: str | None = None
    source: str | None = None
    recipients: tuple[str, ...] = ()
    transfer: str | None = None
    storage: str | None = None
    """How long it is kept, or the rule for it; GDPR Art. 15(1)(d)."""

    @property
    def texts(self) -> Mapping[str, str | None]:
        """The texts by their keys, without the recipients."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "recipients"}

    def with_defaults(self, inherited: "Facts") -> "Facts":
        """Return these facts, and those *inherited* where there is none."""
        return Facts(*(getattr(self, one.name) or getattr(inherited, one.name) for one in fields(self)))


@dataclass(frozen=True, slots=True)
class Masking:
    """The mask of a field."""

    strategy: str
    configuration: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reference:
    """A field with the same value as a field elsewhere."""

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


FROM_ERASURE = "now"
"""Start of a period that begins with the erasure of a record."""


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """Until when records survive an erasure, and why."""

    keep: RetentionPeriod
    start: str
    """
    The field with the start of the period, or :data:`FROM_ERASURE`.

    Without an erasure the latter never begins, so the record never becomes due.
    """
    because: str
    year_end: bool = False
    """Whether the period starts only at the end of the calendar year of that day."""


class WithholdingReason(StrEnum):
    """Why a data map withholds a value."""

    SECURITY = "security"
    """It opens an account or a system."""
    THIRD_PARTY_RIGHTS = "third_party_rights"
    PROFESSIONAL_SECRECY = "professional_secrecy"


@dataclass(frozen=True, slots=True)
class WithholdingRule:
    """Why a value is not disclosed, and under which laws."""

    reason: WithholdingReason = WithholdingReason.SECURITY
    because: str = ""
    """The provision under every law that *laws* does not name; empty with *laws*, and in old maps."""
    laws: tuple[tuple[str, str], ...] = ()
    """Laws and the provision of each."""

    @property
    def grounded(self) -> bool:
        """Whether it names a provision."""
        return bool(self.because or self.laws)

    def provision_under(self, law: str) -> str:
        """Return the provision under *law*; empty where the rule does not apply or names none."""
        return dict(self.laws).get(law, self.because)


@dataclass(frozen=True, slots=True)
class MarkRule:
    """A field and its value that mark a record: restricted, opted out, on hold, a running contract."""

    field: str
    value: object


@dataclass(frozen=True, slots=True)
class ValueCheck:
    """How the value of an identity is verified before it is stored, or the field that states it."""

    field: str | None = None
    """The field that is set once the value is verified; None: all values are alike."""
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
    """As declared: ``string``, ``object[]``; None if the map declares none."""
    length: int | None = None
    """Its most characters; masks are made to fit."""
    container: bool = False
    """Whether it only holds other declared fields."""
    categories: tuple[str, ...] = ()
    identity: str | None = None
    references: tuple[Reference, ...] = ()
    primary_key: bool = False
    read_only: bool = False
    return_all_elements: bool = False
    ownership: Ownership | None = None
    """
    What a match in it makes the person's; None: not stated, so the element alone. Outside the array of a
    shared document: whether each person in the array may read it; None: not stated, so none may.
    """
    masking: Masking | None = None
    withheld: WithholdingRule | None = None
    """The rule of the map that forbids to disclose the value."""
    opened: bool = False
    """Whether the map states that the value may be shown whatever its categories are."""
    redact: bool = False
    """Whether the text may name other people, who are blacked out before disclosure."""
    editable: bool = False
    plus_tags: bool = False
    """Whether ``kim+news@example.org`` is ``kim@example.org``."""
    verified: ValueCheck | None = None
    """How the value of this identity is verified; None: not declared, so it is a claim."""
    label: str | None = None
    """Its name for people; None: made of the path."""
    controller: bool = False
    """Whether it names the record's customer, if the company only processes it for them."""
    facts: Facts = Facts()
    """The facts of this field alone, if they differ from its collection."""

    @property
    def array(self) -> bool:
        """Whether the field holds a list."""
        return (self.type or "").endswith("[]")

    @property
    def matched(self) -> bool:
        """Whether its values make records a person's: an identity, or a reference whose values flow in."""
        return self.identity is not None or any(r.direction is not Direction.TO for r in self.references)

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
    def sensitive(self) -> bool:
        """Whether it holds values that are masked until they are released."""
        return not self.container and not self.opened and self.is_about(SENSITIVE_VALUES)

    @property
    def special(self) -> bool:
        """Whether its values need more proof than a mailbox."""
        return not self.container and not self.opened and self.is_about(SPECIAL_CATEGORIES)

    @property
    def guarded_categories(self) -> tuple[str, ...]:
        """Its categories, first those of sensitive values and special categories."""
        first = (*SENSITIVE_VALUES, *SPECIAL_CATEGORIES)
        return tuple(sorted(self.categories, key=lambda one: not covered(one, first)))

    @property
    def guarded(self) -> bool:
        """Whether an answer may not show its values as they are."""
        return self.sensitive or self.withheld is not None

    @property
    def personal(self) -> bool:
        """Whether it holds something about a person."""
        return self.is_about(PERSONAL)

    def is_about(self, categories: Sequence[str]) -> bool:
        """Return whether it holds data of one of *categories*."""
        return any(covered(category, categories) for category in self.categories)


class CollectionPlace(NamedTuple):
    """The place of a collection."""

    store: str
    database: str
    name: str


@dataclass(frozen=True)
class Collection:
    """A collection of a database with its declarations."""

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
    legal_hold: MarkRule | None = None
    """The mark that suspends the erasure of its document."""
    locked: MarkRule | None = None
    """The mark of a record that an erasure retains under a duty: it may be used for that duty alone."""
    restriction: MarkRule | None = None
    opt_out: MarkRule | None = None
    consent: MarkRule | None = None
    serves: bool = False
    """Whether a service to the person depends on that consent."""
    active: MarkRule | None = None
    """The field and its value that state a running contract of the document's person; None: it is empty."""
    skipped: bool = False
    after: tuple[str, ...] = ()
    """Keys of collections, or of whole datasets, that come before this one."""
    erase_after: tuple[str, ...] = ()
    """Keys of collections that are erased before this one."""
    category_names: Mapping[str, str] = field(default_factory=dict)
    """Names for people of the categories that the map declares; empty for one without."""

    def __hash__(self) -> int:
        return hash((self.store, self.dataset, self.name))

    @cached_property
    def key(self) -> str:
        """``dataset.collection``: its name within the map."""
        return f"{self.dataset}.{self.name}"

    @cached_property
    def place(self) -> CollectionPlace:
        """Its place."""
        return CollectionPlace(self.store, self.dataset, self.name)

    def corrects(self, field: MappedField) -> bool:
        """Return whether a request may correct *field*; not the start of a retention period, for example."""
        fixed = field.primary_key or field.read_only or field.path in self.deciding
        return field.editable and not fixed

    def facts_of(self, field: MappedField) -> Facts:
        """Return the facts of *field*: its own, else those of the collection."""
        return field.facts.with_defaults(self.facts)

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
        """The paths that identify one document."""
        # ``_id`` is always among them: the database guarantees only for it that it exists and is unique.
        return tuple(dict.fromkeys(("_id", *(field.path for field in self.fields if field.primary_key))))

    @cached_property
    def deciding(self) -> frozenset[str]:
        """The paths that decide when a record is erased: no request may change their values."""
        marks = (mark.field for mark in (self.legal_hold, self.active) if mark is not None)
        return frozenset({*marks, *((self.retention.start,) if self.retention else ())})

    @cached_property
    def composite_key(self) -> frozenset[str]:
        """The declared parts of a primary key if none alone identifies a document; else empty."""
        parts = frozenset(field.path for field in self.fields if field.primary_key and field.path != "_id")
        return parts if len(parts) > 1 else frozenset()

    @cached_property
    def common(self) -> tuple[MappedField, ...]:
        """The fields with values outside the arrays that people share."""
        return tuple(field for field in self.leaves if self.unit(field.path) is None)

    def common_about(self, category: str) -> tuple[MappedField, ...]:
        """Return those of :attr:`common` that hold *category*; called for every record."""
        if category not in self._about:
            self._about[category] = tuple(f for f in self.common if f.is_about((category,)))
        return self._about[category]

    @cached_property
    def _about(self) -> dict[str, tuple[MappedField, ...]]:
        return {}

    @cached_property
    def naming(self) -> Mapping[str, str]:
        """The fields with identities of the document's person: path → name of the identity."""
        # Of several fields with one identity, like those of a sender and a recipient, none counts.
        return _naming(self.common)

    @cached_property
    def identifying(self) -> tuple[MappedField, ...]:
        """The fields that hold an identity."""
        return tuple(leaf for leaf in self.leaves if leaf.identity is not None)

    @cached_property
    def verifiable(self) -> tuple[MappedField, ...]:
        """The fields with an identity that may be verified."""
        return tuple(leaf for leaf in self.identifying if leaf.verifiable)

    @cached_property
    def verified_naming(self) -> Mapping[str, str]:
        """Like :attr:`naming`, but only the fields that may hold verified values."""
        return _naming([leaf for leaf in self.verifiable if self.unit(leaf.path) is None])

    @cached_property
    def naming_elements(self) -> Mapping[str, Mapping[str, str]]:
        """For each array the fields with identities of the person of an element."""
        fields: defaultdict[str, list[MappedField]] = defaultdict(list)
        for leaf in self.leaves:
            if (unit := self.unit(leaf.path)) is not None:
                fields[unit].append(leaf)
        return {unit: _naming(some) for unit, some in fields.items()}

    @cached_property
    def divided(self) -> frozenset[str]:
        """
        The arrays with elements of different people.

        An array is divided if it holds people's identities, or a reference with values that flow in.
        ``return_all_elements`` declares that all elements are one person's after all.
        """
        return frozenset(unit for f in self.leaves if f.matched and (unit := self.unit(f.path)) is not None)

    @cached_property
    def shared(self) -> frozenset[str]:
        """The paths at which a match makes the document the person's together with other people."""
        shared = (f.path for f in self.leaves if f.matched and f.ownership is Ownership.SHARED)
        return frozenset(path for path in shared if self.unit(path) is not None)

    @cached_property
    def outside(self) -> tuple[MappedField, ...]:
        """The fields with values outside the divided arrays."""
        return tuple(f for f in self.leaves if not any(leads_through(f.path, unit) for unit in self.divided))

    @cached_property
    def of_others(self) -> tuple[MappedField, ...]:
        """The fields outside the arrays of a shared document that are not said to be all its people's."""
        keys = self.primary_key
        data = (f for f in self.outside if f.personal or (f.matched and f.path not in keys))
        return tuple(f for f in data if f.ownership is not Ownership.SHARED) if self.shared else ()

    @cached_property
    def peopled(self) -> frozenset[str]:
        """The divided arrays, and the fields outside them that are another person's."""
        stated = (f.path for f in self.of_others if f.ownership is Ownership.DOCUMENT)
        return frozenset({*self.divided, *stated, *(f.path for f in self.common if f.matched)})

    @cached_property
    def undivided(self) -> "Collection":
        """This collection, where the elements of all arrays belong together: its records go as a whole."""
        return replace(self, fields=tuple(replace(f, return_all_elements=True) for f in self.fields))

    def unit(self, path: str) -> str | None:
        """Return the innermost array in which a match at *path* makes one element the person's; None: all."""
        parts = path.split(".")
        for length in range(len(parts), 0, -1):
            found = self.by_path.get(".".join(parts[:length]))
            if found is not None and found.array and not found.return_all_elements:
                return found.path
        return None


def _naming(fields: Sequence[MappedField]) -> Mapping[str, str]:
    counts = Counter(field.identity for field in fields)
    return {f.path: f.identity for f in fields if f.identity is not None and counts[f.identity] == 1}


@dataclass(frozen=True)
class DataMap:
    """A checked data map: every reference and every path in it is defined."""

    version: str
    """SHA-256 of its text: the reference of a case to its map."""
    collections: tuple[Collection, ...]
    """In the order of the files' names and of the declarations in them."""
    remarks: tuple[MapError, ...] = ()
    """Keys of a Fides file that are not supported."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """The text of each file by its name; ``datamap.parse`` makes the same map of it again."""

    def __hash__(self) -> int:
        return hash(self.version)

    @cached_property
    def by_key(self) -> Mapping[str, Collection]:
        """The collections by their keys."""
        return {collection.key: collection for collection in self.collections}

    @cached_property
    def categories(self) -> frozenset[str]:
        """The categories of its fields with values."""
        return frozenset(
            category for one in self.collections for leaf in one.leaves for category in leaf.categories
        )

    @cached_property
    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """The texts for people by the place of their collection; no skipped one, and no plain provision."""
        return {one.where: tuple(_texts(one)) for one in self.collections if not one.skipped}

    @property
    def predecessors(self) -> Mapping[str, frozenset[str]]:
        """The keys of the collections that are erased before each."""
        return predecessors(self.collections)


@lru_cache(maxsize=64)
def localized_map(data_map: DataMap, locale: str) -> DataMap:
    """Return *data_map* with the texts for readers of *locale*: see :func:`shared.labels.localized`."""
    if not any(is_translated(text) for texts in data_map.texts.values() for text in texts):
        return data_map
    collections = tuple(_localized_collection(one, locale) for one in data_map.collections)
    return replace(data_map, collections=collections)


def _localized_collection(collection: Collection, locale: str) -> Collection:
    rule = collection.retention
    return replace(
        collection,
        description=_said(collection.description, locale),
        category_names={key: localized(name, locale) for key, name in collection.category_names.items()},
        facts=_localized_facts(collection.facts, locale),
        retention=None if rule is None else replace(rule, because=localized(rule.because, locale)),
        fields=tuple(_localized_field(field, locale) for field in collection.fields),
    )


def _localized_field(field: MappedField, locale: str) -> MappedField:
    facts, rule = _localized_facts(field.facts, locale), field.withheld
    if rule is not None:
        laws = tuple((law, localized(provision, locale)) for law, provision in rule.laws)
        rule = replace(rule, because=localized(rule.because, locale), laws=laws)
    return replace(field, label=_said(field.label, locale), facts=facts, withheld=rule)


def _localized_facts(facts: Facts, locale: str) -> Facts:
    recipients = tuple(localized(name, locale) for name in facts.recipients)
    return Facts(**{key: _said(text, locale) for key, text in facts.texts.items()}, recipients=recipients)


def _said(text: str | None, locale: str) -> str | None:
    return None if text is None else localized(text, locale)


def _texts(collection: Collection) -> Iterator[str]:
    for facts in (collection.facts, *(one.facts for one in collection.fields)):
        yield from filter(None, (*facts.texts.values(), *facts.recipients))
    yield from filter(None, (collection.description, *(one.label for one in collection.fields)))
    yield from filter(None, collection.category_names.values())
    rules = [one.withheld for one in collection.fields if one.withheld is not None]
    provisions = [rule.because for rule in rules] + [text for rule in rules for _, text in rule.laws]
    kept = [] if collection.retention is None else [collection.retention.because]
    yield from filter(is_translated, (*kept, *provisions))


def predecessors(collections: Sequence[Collection]) -> dict[str, frozenset[str]]:
    """Return for each key those that come before it; a dataset in ``after`` stands for all its own."""
    by_dataset: dict[str, set[str]] = defaultdict(set)
    for collection in collections:
        by_dataset[collection.dataset].add(collection.key)
    return {
        collection.key: frozenset(collection.erase_after).union(
            *(by_dataset.get(name, {name}) - {collection.key} for name in collection.after)
        )
        for collection in collections
    }
