"""
The graph of a data map: entry points of identities, and references between collections. Pure.

References to the parts of one composite key are grouped by position, name, or order in the map; otherwise
the map is rejected. A buyer's tenant and number name one customer, a seller's another: mixed, they would
name a stranger.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import takewhile
from typing import TypeAlias

from services.fulfillment.datamap.model import Collection, DataMap, Direction, MappedField, Reference

ReferenceEnds: TypeAlias = tuple[MappedField, MappedField, Reference]
"""A field, the field that it refers to, and the reference."""
_Parts: TypeAlias = Mapping[str, Sequence[ReferenceEnds]]
"""For each part of a key the references to it, in the order of the map."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W0-9A-Za-z_]+")


class UngroupedError(ValueError):
    """References that cannot be grouped."""


def composites(
    collection: Collection, by_key: Mapping[str, Collection]
) -> Iterator[tuple[Collection, Sequence[ReferenceEnds]]]:
    """Yield the references of *collection* to all parts of a composite key, with its collection."""
    found: defaultdict[str, dict[Hashable, ReferenceEnds]] = defaultdict(dict)
    for field in collection.leaves:
        for reference in field.references:
            other = by_key.get(reference.key)
            if other is not None and not other.skipped and reference.path in other.composite_key:
                end = (field, other.by_path[reference.path], reference)
                found[reference.key][field.path, reference.path, reference.direction] = end
    for key, ends in found.items():
        if {there.path for _, there, _ in ends.values()} == by_key[key].composite_key:
            yield by_key[key], tuple(ends.values())


def paired(
    collection: Collection, other: Collection, ends: Sequence[ReferenceEnds]
) -> Sequence[Sequence[ReferenceEnds]]:
    """
    Return *ends*, the references of *collection* to a composite key of *other*, grouped by reference.

    Raises:
        UngroupedError: They can be paired in several ways, or stand in separate arrays.
    """
    groups = _grouped(ends)
    for group in groups:
        for where, fields in ((collection, [e[0] for e in group]), (other, [e[1] for e in group])):
            arrays = sorted((_arrays(where, field) for field in fields), key=len)
            if any(some != arrays[-1][: len(some)] for some in arrays):
                names = ", ".join(f"`{field.path}`" for field in fields)
                raise UngroupedError(f"{names} stand in arrays beside one another")
    return groups


def _arrays(collection: Collection, field: MappedField) -> Sequence[str]:
    parts = field.path.split(".")
    paths = [".".join(parts[: length + 1]) for length in range(len(parts))]
    return [path for path in paths if path in collection.by_path and collection.by_path[path].array]


def _grouped(ends: Sequence[ReferenceEnds]) -> Sequence[Sequence[ReferenceEnds]]:
    parts: defaultdict[str, list[ReferenceEnds]] = defaultdict(list)
    for end in ends:
        parts[end[1].path].append(end)
    several = {part: some for part, some in parts.items() if len(some) > 1}
    if not several:
        return [ends]
    groups = _grouping(several, ends)
    shared = [some[0] for some in parts.values() if len(some) == 1]
    if groups is None or not all(_is_shared(field, several) for field, _, _ in shared):
        names = ", ".join(f"`{field.path}`" for field, _, _ in ends)
        raise UngroupedError(f"it is unclear which of {names} belong together")
    order = list(parts)
    return [sorted([*shared, *group], key=lambda end: order.index(end[1].path)) for group in groups]


def _grouping(several: _Parts, ends: Sequence[ReferenceEnds]) -> Sequence[Sequence[ReferenceEnds]] | None:
    """Return the references of *several* in groups of one for each part; None if that is unclear."""
    counts = {len(some) for some in several.values()}
    if len(several) == 1:
        return [[end] for some in several.values() for end in some]
    if len(counts) > 1:
        return None
    for keys in (_parents, _distinct_words, _distinct_letters):
        if (groups := _by(keys, several)) is not None:
            return groups
    # Neighbours in the map: all parts of the first reference, then all of the second.
    size, ends = len(several), [end for end in ends if end[1].path in several]
    ordered = [ends[start : start + size] for start in range(0, len(ends), size)]
    whole = all({there.path for _, there, _ in group} == several.keys() for group in ordered)
    return ordered if whole else None


_DistinctKeys: TypeAlias = Callable[[Sequence[MappedField]], Sequence[Hashable]]
"""Returns distinguishing keys of the fields that refer to one part."""


def _by(keys: _DistinctKeys, parts: _Parts) -> Sequence[Sequence[ReferenceEnds]] | None:
    grouped: defaultdict[Hashable, dict[str, ReferenceEnds]] = defaultdict(dict)
    for part, ends in parts.items():
        for key, end in zip(keys([field for field, _, _ in ends]), ends, strict=True):
            if part in grouped[key]:
                return None
            grouped[key][part] = end
    groups = [list(group.values()) for group in grouped.values()]
    return None if any(len(group) < len(parts) for group in groups) else groups


def _parents(fields: Sequence[MappedField]) -> Sequence[Hashable]:
    return [_parent(field) for field in fields]


def _distinct_words(fields: Sequence[MappedField]) -> Sequence[tuple[str, ...]]:
    """Return of each name the words that not all of the names have."""
    common = _common_words(fields)
    return [tuple(word for word in _words(field) if word not in common) for field in fields]


def _distinct_letters(fields: Sequence[MappedField]) -> Sequence[Hashable]:
    """Return of each name the part without the common beginning and end."""
    names = [field.path for field in fields]
    start = _alike(names)
    names = [name[start:] for name in names]
    end = _alike([name[::-1] for name in names])
    return [name[: len(name) - end] for name in names]


def _alike(names: Sequence[str]) -> int:
    """Return the number of letters that all of *names* begin with."""
    return len(list(takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))))


def _is_shared(one: MappedField, several: _Parts) -> bool:
    """Return whether the only field that refers to its part belongs to all the others."""
    # The tenant of a document does, if buyer and seller are numbers in it, or below it.
    others = [field for ends in several.values() for field, _, _ in ends]
    above = f"{_parent(one)}." if _parent(one) else ""
    if all(_parent(other) != _parent(one) and other.path.startswith(above) for other in others):
        return True
    names = [[field for field, _, _ in ends] for ends in several.values()]
    telling = {word for fields in names for key in _distinct_words(fields) for word in key}
    alike = all(_common_words(fields) for fields in names) and not telling.intersection(_words(one))
    return alike and all(_parent(other) == _parent(one) for other in others)


def _parent(field: MappedField) -> str:
    return field.path.rpartition(".")[0]


def _words(field: MappedField) -> Sequence[str]:
    return [word.lower() for word in _WORDS.findall(field.path)]


def _common_words(fields: Sequence[MappedField]) -> frozenset[str]:
    return frozenset.intersection(*(frozenset(_words(field)) for field in fields))


EMAIL = "email"
"""The identity in which case does not count."""
PHONE = "phone_number"
"""The identity in which the grouping of digits does not count."""
ID = "_id"
"""The primary key that a store gives every document."""
CONTACTS = frozenset({EMAIL, PHONE})
"""Bare numbers: a customer's number may be another customer's elsewhere."""
_STATED = {"user.contact.email": EMAIL, "user.contact.phone_number": PHONE, "user.name": "user.name"}
"""Categories of values that people state themselves, each with the name of the identity."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A field that documents are looked up by."""

    key: str
    """``dataset.collection``."""
    path: str
    unit: str | None
    """The array in which a match makes one element the person's; None: the document is."""
    caseless: bool
    type: str | None
    others: tuple[str, ...] = ()
    """The fields of the other parts of a composite key; all parts must agree."""
    types: tuple[str | None, ...] = ()
    """Declared types of *others*."""
    ignoring: tuple[bool, ...] = ()
    """Of *others*, whether case does not count."""
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
    """A reference: values at *path* of one collection are looked up in another."""

    key: str
    path: str
    target: Lookup
    others: tuple[str, ...] = ()
    """The fields of the other parts of a composite key, in the order of the target's."""
    keyed: bool = False
    """Whether one end is a primary key: elsewhere zero means no value."""
    inward: bool = False
    """Whether the values are the key of their own document, so that it is referred to."""
    claims: tuple[tuple[int, str], ...] = ()
    """Indexes in ``paths`` of values that people write themselves, each with the name of the identity."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every field with a value to look up."""
        return (self.path, *self.others)


@dataclass(frozen=True)
class Graph:
    """Entry points and references."""

    entries: Mapping[str, tuple[Lookup, ...]]
    """By the name of an identity."""
    edges: Mapping[str, tuple[Edge, ...]]
    """By the key of the collection of the values."""
    origins: Mapping[str, tuple[Edge, ...]]
    """The opposite direction: by the key of the target collection."""

    def reached(self, identities: Iterable[str]) -> frozenset[str]:
        """Return the keys of the collections that some of *identities* can lead to."""
        names = frozenset(self.entries.keys() & identities)
        if names not in self._reached:
            entering = [lookup.key for name in names for lookup in self.entries[name]]
            self._reached[names] = self.reached_from(entering)
        return self._reached[names]

    @cached_property
    def _reached(self) -> dict[frozenset[str], frozenset[str]]:
        return {}

    def reached_from(self, keys: Iterable[str]) -> frozenset[str]:
        """Return *keys* and the keys of all collections that references lead to from there."""
        waiting, seen = list(keys), set[str]()
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
    """Return the graph of *data_map* without skipped collections."""
    entries: dict[str, list[Lookup]] = defaultdict(list)
    edges: dict[str, list[Edge]] = defaultdict(list)
    origins: dict[str, list[Edge]] = defaultdict(list)
    for collection in data_map.collections:
        if collection.skipped:
            continue
        for leaf in collection.leaves:
            if leaf.identity is not None:
                entries[leaf.identity].append(_lookup(collection, leaf, leaf.identity))
        for edge, back in _edges(data_map, collection):
            edges[edge.key].append(edge)
            origins[back.key].append(back)
    return Graph(
        {name: tuple(lookups) for name, lookups in entries.items()},
        {key: tuple(dict.fromkeys(leading)) for key, leading in edges.items()},
        {key: tuple(dict.fromkeys(leading)) for key, leading in origins.items()},
    )


def _edges(data_map: DataMap, collection: Collection) -> Iterator[tuple[Edge, Edge]]:
    """Yield the references to and from *collection*, each with its opposite."""
    for ends in _joined(data_map, collection):
        here, there, references = zip(*ends, strict=True)
        other = data_map.by_key[references[0].key]
        directions = {reference.direction for reference in references}
        if any(field.editable for field in (*here, *there)):
            continue  # a value that a request can change is no key
        inward = _edge(other, there, collection, here)
        outward = _edge(collection, here, other, there)
        if directions != {Direction.TO}:
            yield inward, outward
        if directions != {Direction.FROM}:
            yield outward, inward


def _edge(
    origin: Collection, sources: Sequence[MappedField], target: Collection, fields: Sequence[MappedField]
) -> Edge:
    first, *others = sources
    return Edge(
        origin.key,
        first.path,
        _to(target, fields, sources),
        tuple(field.path for field in others),
        keyed=first.path in origin.primary_key or fields[0].path in target.primary_key,
        inward=all(field.path in origin.primary_key for field in sources),
        claims=tuple(
            (place, kind)
            for place, (source, field) in enumerate(zip(sources, fields, strict=True))
            if (kind := _claimed(origin, source, target, field)) is not None
        ),
    )


def _claimed(origin: Collection, source: MappedField, target: Collection, field: MappedField) -> str | None:
    """Return the name of the identity in *source*, which refers to *field*, if people state it themselves."""
    # A key that the system assigns is none. A mail address, a telephone number or a name is; so is an
    # identity that refers to a field other than a key, and a reference to an identity that is neither a key
    # nor always verified.
    contact = _contact(source) or _contact(field)
    if _is_key(origin, source):
        return contact if contact in CONTACTS else None
    if contact is not None:
        return contact
    if source.identity is not None:
        return None if source.always_verified and _is_key(target, field) else source.identity
    return None if field.always_verified or _is_key(target, field) else field.identity


def _is_key(collection: Collection, field: MappedField) -> bool:
    """Return whether the system assigns *field*, a primary key of *collection*."""
    # An identity may be such a key if it is always verified, or is the ``_id``, which no store allows to be
    # changed.
    fixed = field.path == ID or field.identity is None or field.always_verified
    return fixed and field.path in collection.primary_key


def _contact(field: MappedField) -> str | None:
    if field.identity in CONTACTS:
        return field.identity
    return next((kind for of, kind in _STATED.items() if field.is_about((of,))), None)


def _joined(data_map: DataMap, collection: Collection) -> Iterator[Sequence[ReferenceEnds]]:
    """Yield the references of *collection*; those to the parts of one composite key are one."""
    # A part of such a key alone names many documents, most of them other people's.
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


def _to(collection: Collection, fields: Sequence[MappedField], sources: Sequence[MappedField]) -> Lookup:
    first, *others = fields
    lookup = _lookup(collection, first, first.identity, sources[0].identity)
    if not others:
        return lookup
    units = [unit for field in fields if (unit := collection.unit(field.path)) is not None]
    return replace(
        lookup,
        unit=max(units, key=len, default=None),
        others=tuple(field.path for field in others),
        types=tuple(field.type for field in others),
        ignoring=tuple(
            EMAIL in (field.identity, source.identity)
            for field, source in zip(others, sources[1:], strict=True)
        ),
    )


def _lookup(collection: Collection, field: MappedField, *identities: str | None) -> Lookup:
    """Return the look-up of *field*; it and the fields it refers to hold *identities*."""
    unit, caseless = collection.unit(field.path), EMAIL in identities
    tagged, phone = caseless and field.plus_tags, PHONE in identities and not caseless
    return Lookup(collection.key, field.path, unit, caseless, field.type, tagged=tagged, phone=phone)
