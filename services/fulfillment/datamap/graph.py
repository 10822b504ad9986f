"""The data map as a graph: where a request's identities enter, and where found values lead next."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TypeAlias

from services.fulfillment.datamap.model import Collection, DataMap, Direction, Field, Reference

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
        if directions != {Direction.TO}:
            yield Edge(other.key, there[0].path, _to(collection, here, there), _paths(there[1:]))
        if directions != {Direction.FROM}:
            yield Edge(collection.key, here[0].path, _to(other, there, here), _paths(here[1:]))


_End: TypeAlias = tuple[Field, Field, Reference]
"""A field, the field that it refers to, and how."""


def _joined(data_map: DataMap, collection: Collection) -> Iterator[Sequence[_End]]:
    """
    Yield the references of *collection*; those to the parts of one composite key are one.

    A part of such a key alone names many documents, most of them other people's.
    """
    composite: dict[str, list[_End]] = defaultdict(list)
    for field in collection.leaves:
        for reference in field.references:
            other = data_map.by_key[reference.key]
            if other.skipped:
                continue
            end = (field, other.by_path[reference.path], reference)
            if reference.path in other.composite_key:
                composite[reference.key].append(end)
            else:
                yield [end]
    for key, ends in composite.items():
        whole = len({there.path for _, there, _ in ends}) == len(data_map.by_key[key].composite_key)
        yield from [ends] if whole and len(ends) == len({t.path for _, t, _ in ends}) else ([e] for e in ends)


def _to(collection: Collection, fields: Sequence[Field], sources: Sequence[Field]) -> Lookup:
    first, *others = fields
    lookup = _lookup(collection, first, first.identity, sources[0].identity)
    return replace(lookup, others=_paths(others), types=tuple(field.type for field in others))


def _paths(fields: Iterable[Field]) -> tuple[str, ...]:
    return tuple(field.path for field in fields)


def _lookup(collection: Collection, field: Field, *identities: str | None) -> Lookup:
    """Return the look-up of *field*; it and what it refers to hold *identities*."""
    unit, caseless = collection.unit(field.path), EMAIL in identities
    tagged, phone = caseless and field.plus_tags, PHONE in identities and not caseless
    return Lookup(collection.key, field.path, unit, caseless, field.type, tagged=tagged, phone=phone)
