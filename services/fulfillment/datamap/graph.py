"""The data map as a graph: where a request's identities enter, and where found values lead next."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from services.fulfillment.datamap.composite import End, composites, paired
from services.fulfillment.datamap.model import Collection, DataMap, Direction, Field

EMAIL = "email"
"""The identity whose upper and lower case are one."""
PHONE = "phone_number"
"""The identity that is one however its digits are grouped."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A field by whose value documents are looked up."""

    key: str
    """``dataset.collection``."""
    path: str
    unit: str | None
    """The array of which a match makes one element the person's; none: the document is."""
    caseless: bool
    type: str | None
    others: tuple[str, ...] = ()
    """The fields that hold the other parts of a composite key; all parts must agree."""
    types: tuple[str | None, ...] = ()
    """Of *others*, as declared."""
    ignoring: tuple[bool, ...] = ()
    """Of *others*, whether upper and lower case are one."""
    tagged: bool = False
    """Whether an address is the same with and without a tag after a plus sign."""
    phone: bool = False
    """Whether it looks for a telephone number, in any notation."""

    @property
    def plain(self) -> bool:
        """Whether it looks at one field of the document itself."""
        return not self.others and self.unit is None and "." not in self.path

    @property
    def paths(self) -> tuple[str, ...]:
        """Every field that must agree."""
        return (self.path, *self.others)


@dataclass(frozen=True, slots=True)
class Edge:
    """Values found at *path* of one collection are looked up in another."""

    key: str
    path: str
    target: Lookup
    others: tuple[str, ...] = ()
    """The fields that hold the other parts of a composite key, in the order of the target's."""
    keyed: bool = False
    """Whether one end is a primary key: elsewhere nought stands for nothing."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every field whose value is looked up."""
        return (self.path, *self.others)


@dataclass(frozen=True)
class Graph:
    """What leads where."""

    entries: Mapping[str, tuple[Lookup, ...]]
    """By the name of an identity."""
    edges: Mapping[str, tuple[Edge, ...]]
    """By the key of the collection the values come from."""

    def reached(self, identities: Iterable[str]) -> frozenset[str]:
        """Return the keys of the collections that some of *identities* can lead to."""
        names = frozenset(self.entries.keys() & identities)
        if names not in self._reached:
            self._reached[names] = self._reach(names)
        return self._reached[names]

    @cached_property
    def _reached(self) -> dict[frozenset[str], frozenset[str]]:
        return {}

    def _reach(self, names: Iterable[str]) -> frozenset[str]:
        waiting = [lookup.key for name in names for lookup in self.entries[name]]
        seen: set[str] = set()
        while waiting:
            key = waiting.pop()
            if key not in seen:
                seen.add(key)
                waiting += [edge.target.key for edge in self.edges.get(key, ())]
        return frozenset(seen)

    @cached_property
    def lookups(self) -> tuple[Lookup, ...]:
        """Every field that documents are looked up by, once."""
        entering = [lookup for lookups in self.entries.values() for lookup in lookups]
        leading = [edge.target for edges in self.edges.values() for edge in edges]
        return tuple(dict.fromkeys([*entering, *leading]))

    @cached_property
    def lookups_of(self) -> Mapping[str, tuple[Lookup, ...]]:
        """The same, by the key of the collection."""
        found: dict[str, tuple[Lookup, ...]] = defaultdict(tuple)
        for lookup in self.lookups:
            found[lookup.key] += (lookup,)
        return found


@lru_cache(maxsize=16)
def graph_of(data_map: DataMap) -> Graph:
    """Return the graph of *data_map*; collections that it skips are not in it."""
    entries: dict[str, list[Lookup]] = defaultdict(list)
    edges: dict[str, list[Edge]] = defaultdict(list)
    for collection in data_map.collections:
        if collection.skipped:
            continue
        for field in collection.leaves:
            if field.identity is not None:
                entries[field.identity].append(_lookup(collection, field, field.identity))
        for edge in _edges(data_map, collection):
            edges[edge.key].append(edge)
    return Graph(
        {name: tuple(lookups) for name, lookups in entries.items()},
        {key: tuple(dict.fromkeys(leading)) for key, leading in edges.items()},
    )


def _edges(data_map: DataMap, collection: Collection) -> Iterator[Edge]:
    for ends in _joined(data_map, collection):
        here, there, references = zip(*ends, strict=True)
        other = data_map.by_key[references[0].key]
        directions = {reference.direction for reference in references}
        keyed = here[0].path in collection.primary_key or there[0].path in other.primary_key
        if directions != {Direction.TO}:
            target = _to(collection, here, there)
            yield Edge(other.key, there[0].path, target, _paths(there[1:]), keyed)
        if directions != {Direction.FROM}:
            target = _to(other, there, here)
            yield Edge(collection.key, here[0].path, target, _paths(here[1:]), keyed)


def _joined(data_map: DataMap, collection: Collection) -> Iterator[Sequence[End]]:
    """
    Yield the references of *collection*; those to the parts of one composite key are one.

    A part of such a key alone names many documents, most of them other people's.
    """
    together = set()
    for other, ends in composites(collection, data_map.by_key):
        together.add(other.key)
        yield from paired(collection, other, ends)
    for field in collection.leaves:
        for reference in field.references:
            other = data_map.by_key[reference.key]
            whole = reference.key in together and reference.path in other.composite_key
            if not other.skipped and not whole:
                yield [(field, other.by_path[reference.path], reference)]


def _to(collection: Collection, fields: Sequence[Field], sources: Sequence[Field]) -> Lookup:
    first, *others = fields
    lookup = _lookup(collection, first, first.identity, sources[0].identity)
    if not others:
        return lookup
    units = [unit for field in fields if (unit := collection.unit(field.path)) is not None]
    return replace(
        lookup,
        unit=max(units, key=len, default=None),
        others=_paths(others),
        types=tuple(field.type for field in others),
        ignoring=tuple(
            EMAIL in (field.identity, source.identity)
            for field, source in zip(others, sources[1:], strict=True)
        ),
    )


def _paths(fields: Iterable[Field]) -> tuple[str, ...]:
    return tuple(field.path for field in fields)


def _lookup(collection: Collection, field: Field, *identities: str | None) -> Lookup:
    """Return the look-up of *field*; it and what it refers to hold *identities*."""
    unit, caseless = collection.unit(field.path), EMAIL in identities
    tagged, phone = caseless and field.plus_tags, PHONE in identities and not caseless
    return Lookup(collection.key, field.path, unit, caseless, field.type, tagged=tagged, phone=phone)
