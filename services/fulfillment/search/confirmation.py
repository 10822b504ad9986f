"""
Decides whether a record that holds a looked-up value is the person's (docs/adr/0021). Pure.

A record is as sure as the way that led to it: proven, named by an alias, or referred to by a record; the
surest of several ways counts. It is surely the person's where a verified identity of theirs stands in it, or
where such a record refers to it. With an unverified identity it is the person's unless a verified value in it
is another person's. A record that aliases alone led to must contradict nothing at all.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from enum import IntEnum

from services.fulfillment.datamap.graph import Lookup
from services.fulfillment.datamap.model import Collection
from services.fulfillment.search.aliases import Alias, KnownIdentities
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.digests import DigestSet
from services.fulfillment.search.holdings import CollectionQuery, key
from services.fulfillment.search.named_people import RecordPart
from services.fulfillment.search.ownership import OwnershipMatch, Position, disclosed, owned
from shared.runtime.mongo import Document


class ReferenceReach(IntEnum):
    """How surely a reference leads to records of the same person."""

    OUTWARD = 1
    """From a record that may be the person's to one that it refers to."""
    INWARD = 2
    """From a record that may be the person's to those that refer to it."""
    SURE_OUTWARD = 3
    """From a record in which a verified identity of the person stands to one that it refers to."""
    SURE = 4
    """From a record in which a verified identity of the person stands to those that refer to it."""


@dataclass(frozen=True, slots=True)
class AliasLead:
    """A match to which an alias alone has led."""

    match: OwnershipMatch
    alias: Alias
    refers: bool
    """Whether it only refers to a record that the alias has led to."""
    claimed: bool = False
    """Whether the alias is not verified in that record."""


@dataclass(frozen=True, slots=True)
class LookupReason:
    """The reason why one value in a record was looked up."""

    match: OwnershipMatch
    proven: bool = False
    reach: ReferenceReach | None = None
    led: tuple[AliasLead, ...] = ()
    """Not empty: aliases alone have led to it."""


def _keys() -> dict[Alias, DigestSet]:
    return defaultdict(DigestSet)


@dataclass(slots=True)
class _Reaches:
    """How surely references led to the values of one look-up; most share one way."""

    usual: ReferenceReach
    others: dict[ReferenceReach, DigestSet] = field(default_factory=dict)

    def of(self, wanted: Hashable) -> ReferenceReach:
        """Return how surely references led to *wanted*."""
        return max((reach for reach, keys in self.others.items() if wanted in keys), default=self.usual)

    def add(self, wanted: Hashable, reach: ReferenceReach, *, new: bool) -> bool:
        """Remember *reach* for *wanted*; return whether a value that is not *new* became surer."""
        if reach is self.usual if new else self.of(wanted) >= reach:
            return False
        self.others.setdefault(reach, DigestSet()).add(wanted)
        return not new


@dataclass(frozen=True, slots=True)
class Provenance:
    """All values looked up in a search, with the reasons."""

    _proven: dict[Lookup, dict[Hashable, ReferenceReach | None]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """Values that the person has proven, and how surely references led to the same values."""
    _entered: dict[Lookup, dict[Hashable, Alias]] = field(default_factory=lambda: defaultdict(dict))
    _led: dict[Lookup, dict[Alias, DigestSet]] = field(default_factory=lambda: defaultdict(_keys))
    """References from records that were found so."""
    _claimed: dict[Lookup, dict[Alias, DigestSet]] = field(default_factory=lambda: defaultdict(_keys))
    """The same, from records in which the alias is not verified."""
    _reaches: dict[Lookup, _Reaches] = field(default_factory=dict)

    def prove(self, lookup: Lookup, wanted: Hashable) -> None:
        """Remember that *wanted* is looked up because the person has proven it."""
        self._proven[lookup].setdefault(wanted, None)

    def enter(self, lookup: Lookup, wanted: Hashable, alias: Alias) -> None:
        """Remember that *wanted* is looked up because it is *alias*."""
        self._entered[lookup][wanted] = alias

    def lead(self, lookup: Lookup, wanted: Hashable, alias: Alias, *, claimed: bool) -> None:
        """Remember that *wanted* is looked up because a record that *alias* led to refers to it."""
        (self._claimed if claimed else self._led)[lookup][alias].add(wanted)

    def refer(self, lookup: Lookup, wanted: Hashable, reach: ReferenceReach, *, new: bool) -> bool:
        """Remember that a record refers to *wanted*; return whether it must be looked up again for that."""
        if wanted in self._proven.get(lookup, ()):
            before = self._proven[lookup][wanted]
            self._proven[lookup][wanted] = max(before or reach, reach)
            return before is None or before < reach
        reaches = self._reaches.get(lookup)
        if reaches is None:
            # Before any reference, all look-ups are by identities and aliases, which are kept apart.
            self._reaches[lookup] = _Reaches(reach)
            return False
        return reaches.add(wanted, reach, new=new)

    def usual(self, questions: CollectionQuery) -> ReferenceReach | None:
        """Return the one way in which all values of *questions* were found; None where there are several."""
        # Where the map states no verified fields, a proven identity makes a record the person's in the same
        # way as a reference to the key of a record that may be theirs.
        found: ReferenceReach | None = None
        for lookup in questions.lookups:
            if lookup in self._entered or lookup in self._led or lookup in self._claimed:
                return None
            for reach in self._ways(lookup, questions.collection):
                if reach is None or found not in {None, reach}:
                    return None
                found = reach
        return found

    def _ways(self, lookup: Lookup, collection: Collection) -> Iterator[ReferenceReach | None]:
        """Yield how surely the values looked up by *lookup* are the person's; None where that differs."""
        proven = self._proven.get(lookup)
        if proven:
            alike = not collection.verifiable and not any(proven.values())
            yield ReferenceReach.INWARD if alike else None
        reaches = self._reaches.get(lookup)
        if reaches is not None:
            yield None if reaches.others else reaches.usual

    def ways(self, questions: CollectionQuery, matches: Sequence[OwnershipMatch]) -> Iterator[LookupReason]:
        """Yield for each value of *matches* the reason why it was looked up."""
        for match in matches:
            yield from (self._way(questions, replace(match, values=(value,))) for value in match.values)

    def _way(self, questions: CollectionQuery, match: OwnershipMatch) -> LookupReason:
        paths = tuple(path for path, _ in match.conditions)
        values = tuple(values[0] for _, values in match.conditions)
        proven, reach, led = False, None, list[AliasLead]()
        for lookup in questions.lookups:
            if lookup.paths != paths or (wanted := key(lookup, values)) not in questions.asked[lookup]:
                continue
            if wanted in self._proven.get(lookup, ()):
                proven, reach = True, _surer(reach, self._proven[lookup][wanted])
            elif aliases := list(self._aliases(lookup, wanted, match)):
                led += aliases
            elif lookup in self._reaches:
                reach = _surer(reach, self._reaches[lookup].of(wanted))
        return LookupReason(match, proven, reach, () if proven or reach is not None else tuple(led))

    def _aliases(self, lookup: Lookup, wanted: Hashable, match: OwnershipMatch) -> Iterator[AliasLead]:
        entered = self._entered.get(lookup, {}).get(wanted)
        if entered is not None:
            yield AliasLead(match, entered, refers=False)
            return
        for claimed, several in ((False, self._led), (True, self._claimed)):
            for alias, keys in several.get(lookup, {}).items():
                if wanted in keys:
                    yield AliasLead(match, alias, refers=True, claimed=claimed)
                    return


def _surer(some: ReferenceReach | None, other: ReferenceReach | None) -> ReferenceReach | None:
    return max((reach for reach in (some, other) if reach is not None), default=None)


@dataclass(frozen=True, slots=True)
class ConfirmedRecord:
    """The matches that make a record the person's."""

    sure: tuple[OwnershipMatch, ...] = ()
    """Matches of a verified identity of the person, or of a reference from such a record."""
    plain: tuple[OwnershipMatch, ...] = ()
    """All matches that no alias has led to, the sure ones included."""
    led: tuple[AliasLead, ...] = ()
    """Matches that aliases alone have led to."""
    rejected: tuple[OwnershipMatch, ...] = ()
    doubted: frozenset[Alias] = frozenset()
    """Aliases that are verified in a record of another person."""

    @property
    def accepted(self) -> tuple[OwnershipMatch, ...]:
        """All matches that make the record the person's."""
        return (*self.plain, *(led.match for led in self.led)) if self.led else self.plain

    @property
    def claimed(self) -> bool:
        """Whether no alias that has led to the record is verified in it."""
        return all(led.claimed for led in self.led)


def may_contradict(collection: Collection, reach: ReferenceReach) -> bool:
    """Return whether a record of *collection*, reached by *reach*, may be another person's."""
    if reach is ReferenceReach.SURE:
        return False
    return bool(collection.identifying if reach is ReferenceReach.OUTWARD else collection.verifiable)


def judge(
    collection: Collection, document: Document, ways: Iterable[LookupReason], known: KnownIdentities
) -> ConfirmedRecord:
    """Return which of *ways* make *document* the person's, by the *known* identities."""
    return _Judge(collection, document, known).judged(list(ways))


def rejected_identities(collection: Collection, matches: Iterable[OwnershipMatch]) -> frozenset[str]:
    """Return the identities in the fields of *matches*."""
    fields = [collection.by_path.get(match.path) for match in matches]
    return frozenset(field.identity for field in fields if field is not None and field.identity)


class _Judge:
    def __init__(self, collection: Collection, document: Document, known: KnownIdentities) -> None:
        self._collection = collection
        self._document = document
        self._known = known
        self._whole: RecordPart | None = None

    def judged(self, ways: Sequence[LookupReason]) -> ConfirmedRecord:
        sure: list[OwnershipMatch] = []
        plain: list[OwnershipMatch] = []
        rejected: list[OwnershipMatch] = []
        for way in ways:
            if way.led:
                continue
            is_sure = self._is_sure(way)
            if is_sure:
                sure.append(way.match)
            (rejected if not is_sure and self._is_anothers(way) else plain).append(way.match)
        led = [each for way in ways for each in way.led]
        accepted, refused, doubted = self._led(led, plain) if led else ([], [], frozenset[Alias]())
        return ConfirmedRecord(tuple(sure), tuple(plain), tuple(accepted), (*rejected, *refused), doubted)

    def _is_sure(self, way: LookupReason) -> bool:
        if (way.proven and self._is_verified(way.match)) or way.reach is ReferenceReach.SURE:
            return True
        if way.reach is not ReferenceReach.SURE_OUTWARD:
            return False
        # Verified identities around the match may contradict the proven ones.
        parts = self._parts(way.match) if self._collection.verifiable else ()
        return not any(self._known.contradicts_proven(part, way.match.path) for part in parts)

    def _is_verified(self, match: OwnershipMatch) -> bool:
        """Return whether the map states that the value of *match* is verified, in all its places."""
        field = self._collection.by_path.get(match.path)
        if field is None or not field.verifiable:
            return False
        parts = self._parts(match)
        return bool(parts) and all(
            any(key_of(value) in match.keys for value in part.verified(match.path)) for part in parts
        )

    def _is_anothers(self, way: LookupReason) -> bool:
        """Return whether a record that may be the person's is another's."""
        if self._known.only_verified or way.reach is ReferenceReach.SURE_OUTWARD:
            return True
        outward = way.reach is ReferenceReach.OUTWARD and not way.proven
        contradicts: Callable[[RecordPart, str], bool] = (
            self._known.contradicts_reference if outward else self._known.contradicts_claim
        )
        if not (self._collection.identifying if outward else self._collection.verifiable):
            return False
        return any(contradicts(part, way.match.path) for part in self._parts(way.match))

    def _parts(self, match: OwnershipMatch) -> Sequence[RecordPart]:
        """Return the record, or the elements of it, in which *match* is."""
        if match.unit is None:
            return [self._record([match])]
        elements = match.elements(self._document)
        return [RecordPart(self._collection, match.unit, element.value) for element in elements]

    def _record(self, matches: Sequence[OwnershipMatch]) -> RecordPart:
        if self._whole is None:
            own = disclosed(self._collection, self._document, matches)
            self._whole = RecordPart(self._collection, None, own)
        return self._whole

    def _led(
        self, led: Sequence[AliasLead], plain: Sequence[OwnershipMatch]
    ) -> tuple[list[AliasLead], list[OwnershipMatch], frozenset[Alias]]:
        """Return the matches that aliases led to, the rejected ones, and the aliases to doubt."""
        theirs = {element.position for match in plain for element in match.elements(self._document)}
        accepted, refused, doubted = list[AliasLead](), list[OwnershipMatch](), set[Alias]()
        for each in led:
            aliases, path = frozenset({each.alias}), each.match.path
            wrong = [
                part
                for part in self._led_to(each, plain, theirs)
                if self._known.contradicts_alias(part, aliases, path, refers=each.refers)
            ]
            claimed = each.claimed if each.refers else not self._is_verified(each.match)
            if not wrong:
                accepted.append(replace(each, claimed=claimed))
            elif claimed or any(self._known.is_abroad(part, aliases) for part in wrong):
                refused.append(each.match)
            else:
                doubted.add(each.alias)
        return accepted, refused, frozenset(doubted)

    def _led_to(
        self, led: AliasLead, plain: Sequence[OwnershipMatch], theirs: AbstractSet[Position]
    ) -> Sequence[RecordPart]:
        """Return the record, or the elements of it, to which an alias alone has led."""
        if led.match.unit is None:
            return [] if owned(plain) else [self._record([led.match])]
        elements = led.match.elements(self._document)
        return [
            RecordPart(self._collection, led.match.unit, element.value)
            for element in elements
            if element.position not in theirs
        ]
