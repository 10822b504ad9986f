"""
Provenance: why each value was looked up: proven, named by an alias, or referred to by a record.

A record is as sure as the way that led to it. Values that aliases alone have led to can be doubted, one or a
million. The surest of several ways counts.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from services.fulfillment.datamap.graph import Lookup
from services.fulfillment.datamap.model import Collection
from services.fulfillment.search.aliases import Alias
from services.fulfillment.search.digests import DigestSet
from services.fulfillment.search.holdings import CollectionQuery, key
from services.fulfillment.search.ownership import OwnershipMatch


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
    """The match of that value alone."""
    proven: bool = False
    """Whether it is an identity that the person has proven."""
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
            for value in match.values:
                yield self._way(questions, replace(match, values=(value,)))

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
