"""The data map as a graph: where a request's identities enter, and where found values lead next."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from services.fulfillment.datamap.model import Collection, DataMap, Direction, Field

EMAIL = "email"
"""The identity whose upper and lower case are one."""


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


@dataclass(frozen=True, slots=True)
class Edge:
    """Values found at *path* of one collection are looked up in another."""

    key: str
    path: str
    target: Lookup


@dataclass(frozen=True)
class Graph:
    """What leads where."""

    entries: Mapping[str, tuple[Lookup, ...]]
    """By the name of an identity."""
    edges: Mapping[str, tuple[Edge, ...]]
    """By the key of the collection the values come from."""

    def reached(self, identities: Iterable[str]) -> frozenset[str]:
        """Return the keys of the collections that some of *identities* can lead to."""
        waiting = [lookup.key for name in identities for lookup in self.entries.get(name, ())]
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
                entries[field.identity].append(_lookup(collection, field, caseless=field.identity == EMAIL))
            for edge in _edges(data_map, collection, field):
                edges[edge.key].append(edge)
    return Graph(
        {name: tuple(lookups) for name, lookups in entries.items()},
        {key: tuple(dict.fromkeys(leading)) for key, leading in edges.items()},
    )


def _edges(data_map: DataMap, collection: Collection, field: Field) -> Iterator[Edge]:
    for reference in field.references:
        other = data_map.by_key[reference.key]
        if other.skipped:
            continue
        there = other.by_path[reference.path]
        caseless = EMAIL in (field.identity, there.identity)
        if reference.direction is not Direction.TO:
            yield Edge(other.key, there.path, _lookup(collection, field, caseless=caseless))
        if reference.direction is not Direction.FROM:
            yield Edge(collection.key, field.path, _lookup(other, there, caseless=caseless))


def _lookup(collection: Collection, field: Field, *, caseless: bool) -> Lookup:
    return Lookup(collection.key, field.path, collection.unit(field.path), caseless, field.type)
