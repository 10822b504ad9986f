"""
Gathers one person's records: breadth first from the identities of the request, along the references.

Only what is the person's own leads on. From an account that three people share, the walk takes the person's
element and nothing else, so that it never reaches another person's records.
"""

import asyncio
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeAlias

from services.fulfillment.datamap.graph import Graph, Lookup, graph_of
from services.fulfillment.datamap.model import Collection, DataMap
from services.fulfillment.search.identities import Identities, typed
from services.fulfillment.search.ownership import Match, disclosed, divided, owned
from services.fulfillment.search.paths import key_of, places, raw_at, refers, values_at
from services.fulfillment.search.stores import Probe, Stores
from shared.mongo import Document


class Status(StrEnum):
    """What became of a collection in a search."""

    SEARCHED = "searched"
    SKIPPED = "skipped"
    """The map says that nobody appears in it."""
    UNREACHED = "unreached"
    """Nothing the request tells leads there."""
    MISSING = "missing"
    """The map names it, and the database has no such collection."""


class Answer(StrEnum):
    """What a search says. A store that does not answer says nothing: it raises ``StoreUnavailable``."""

    FOUND = "found"
    NOTHING_FOUND = "nothing_found"
    NOTHING_DECLARED = "nothing_declared"
    """No collection of the map is found by anything the request tells: nobody has looked."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far a collection was searched."""

    key: str
    status: Status
    found: int


@dataclass(frozen=True)
class Found:
    """A document that is the person's, or in which elements are."""

    collection: Collection
    id: Mapping[str, Any]
    """Its primary key: path → value."""
    document: Document
    """As read, with what is other people's; it is shared with other requests and must not be changed."""
    matches: tuple[Match, ...]

    @property
    def owned(self) -> bool:
        """Whether the whole document is the person's."""
        return owned(self.matches)

    @property
    def elements(self) -> tuple[Match, ...]:
        """What tells the person's elements of divided arrays."""
        return tuple(match for match in self.matches if match.unit is not None)

    @cached_property
    def divided(self) -> frozenset[str]:
        """The arrays of the document that people share."""
        return divided(self.collection, self.matches)

    @cached_property
    def disclosed(self) -> Document:
        """The document reduced to what is the person's."""
        return disclosed(self.collection, self.document, self.matches)


@dataclass(frozen=True)
class Findings:
    """What a search found, and how far it went."""

    version: str
    """Of the data map that was walked."""
    found: Iterable[Found]
    """In the order of the map; may be gone through again and again, and is as large as the data."""
    coverage: tuple[Coverage, ...]
    """Every collection of the map, in its order."""

    @property
    def total(self) -> int:
        """The number of records found."""
        return sum(part.found for part in self.coverage)

    @property
    def answer(self) -> Answer:
        """What the search says as a whole."""
        if self.total:
            return Answer.FOUND
        looked = any(part.status in (Status.SEARCHED, Status.MISSING) for part in self.coverage)
        return Answer.NOTHING_FOUND if looked else Answer.NOTHING_DECLARED

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys of collections that the map names and the database lacks."""
        return tuple(part.key for part in self.coverage if part.status is Status.MISSING)


_Values: TypeAlias = dict[Lookup, dict[Hashable, Any]]


async def gather(data_map: DataMap, stores: Stores, identities: Identities) -> Findings:
    """
    Return every record of the person whom *identities* describe.

    Raises:
        StoreUnavailable: A store did not answer: nothing can be said.
        ConfigurationError: A store of the map has no URL.
    """
    graph = graph_of(data_map)
    walk = _Walk(data_map, graph, stores)
    reached = graph.reached(identities)
    missing = await _missing(data_map, stores, reached)
    await walk.run(_seeds(graph, identities), missing)
    found = walk.found()
    counts: dict[str, int] = defaultdict(int)
    for item in found:
        counts[item.collection.key] += 1
    coverage = tuple(
        Coverage(collection.key, _status(collection, reached, missing), counts[collection.key])
        for collection in data_map.collections
    )
    return Findings(data_map.version, found, coverage)


def _status(collection: Collection, reached: frozenset[str], missing: frozenset[str]) -> Status:
    if collection.skipped:
        return Status.SKIPPED
    if collection.key not in reached:
        return Status.UNREACHED
    return Status.MISSING if collection.key in missing else Status.SEARCHED


async def _missing(data_map: DataMap, stores: Stores, reached: Iterable[str]) -> frozenset[str]:
    collections = [data_map.by_key[key] for key in reached]
    return frozenset([c.key for c in collections if not await stores.exists(c.place)])


def _seeds(graph: Graph, identities: Identities) -> _Values:
    seeds: _Values = defaultdict(dict)
    for name, spellings in identities.items():
        for lookup in graph.entries.get(name, ()):
            for spelling in spellings:
                for value in typed(spelling.strip(), lookup.type):
                    if refers(value):
                        seeds[lookup].setdefault(_key(lookup, value), value)
    return seeds


def _key(lookup: Lookup, value: Any) -> Hashable:
    return key_of(value, caseless=lookup.caseless)


@dataclass(slots=True)
class _Seen:
    """A document met on the way, and by which values."""

    collection: Collection
    document: Document
    by: dict[tuple[str, str | None], dict[Hashable, Any]]
    """Path and array that the elements leave → values as stored."""

    def matches(self) -> tuple[Match, ...]:
        return tuple(Match(path, unit, tuple(values.values())) for (path, unit), values in self.by.items())

    def note(self, lookup: Lookup, value: Any) -> None:
        """Remember how the document spells *value*, and whether in an array."""
        wanted = _key(lookup, value)
        for arrays, found in places(self.document, lookup.path):
            around = (*arrays, lookup.path) if isinstance(found, list) else arrays
            unit = lookup.unit or self._undeclared_array(around)
            for stored in found if isinstance(found, list) else [found]:
                if _key(lookup, stored) == wanted:
                    self.by[lookup.path, unit].setdefault(key_of(stored), stored)

    def _undeclared_array(self, arrays: Sequence[str]) -> str | None:
        """
        Return the innermost of *arrays*, which the map does not declare as arrays.

        Whoever is named in one of them must not be shown the rest, whatever the map forgot to say.
        """
        by_path = self.collection.by_path
        return next((path for path in reversed(arrays) if not by_path[path].return_all_elements), None)


class _Walk:
    def __init__(self, data_map: DataMap, graph: Graph, stores: Stores) -> None:
        self._map = data_map
        self._graph = graph
        self._stores = stores
        self._asked: dict[Lookup, set[Hashable]] = defaultdict(set)
        self._seen: dict[str, dict[Hashable, _Seen]] = {c.key: {} for c in data_map.collections}

    async def run(self, seeds: _Values, missing: frozenset[str]) -> None:
        """Look up *seeds*, what they lead to, what that leads to, until nothing new is found."""
        wave = seeds
        while wave:
            fresh = [
                (lookup, value)
                for lookup, values in wave.items()
                if lookup.key not in missing
                for key, value in values.items()
                if self._new(lookup, key)
            ]
            changed: dict[int, _Seen] = {}
            for lookup, value, document in await self._ask(fresh):
                seen = self._note(lookup, value, document)
                changed[id(seen)] = seen
            wave = self._next(changed.values())

    def found(self) -> tuple[Found, ...]:
        """Return what was found, in the order of the map and of the primary keys' first appearance."""
        return tuple(
            Found(seen.collection, _id(seen), seen.document, seen.matches())
            for by_id in self._seen.values()
            for seen in by_id.values()
        )

    def _new(self, lookup: Lookup, key: Hashable) -> bool:
        asked = self._asked[lookup]
        if key in asked:
            return False
        asked.add(key)
        return True

    async def _ask(self, fresh: Sequence[tuple[Lookup, Any]]) -> list[tuple[Lookup, Any, Document]]:
        """Return every document found, with what found it; one question per collection."""
        questions: dict[str, dict[Probe, list[tuple[Lookup, Any]]]] = defaultdict(lambda: defaultdict(list))
        for lookup, value in fresh:
            probe = Probe.of(lookup.path, value, caseless=lookup.caseless)
            questions[lookup.key][probe].append((lookup, value))
        answers = await asyncio.gather(
            *(self._stores.find(self._map.by_key[key].place, list(asked)) for key, asked in questions.items())
        )
        return [
            (lookup, value, document)
            for asked, answer in zip(questions.values(), answers, strict=True)
            for probe, reasons in asked.items()
            for lookup, value in reasons
            for document in answer[probe]
        ]

    def _note(self, lookup: Lookup, value: Any, document: Document) -> _Seen:
        """Remember that *document* was found, and how it spells *value*."""
        collection = self._map.by_key[lookup.key]
        seen = self._seen[lookup.key].setdefault(
            key_of(document["_id"]), _Seen(collection, document, defaultdict(dict))
        )
        seen.note(lookup, value)
        return seen

    def _next(self, changed: Iterable[_Seen]) -> _Values:
        wave: _Values = defaultdict(dict)
        for seen in changed:
            edges = self._graph.edges.get(seen.collection.key, ())
            if edges:
                own = disclosed(seen.collection, seen.document, seen.matches())
                for edge in edges:
                    for value in _leading(own, edge.path, seen):
                        wave[edge.target].setdefault(_key(edge.target, value), value)
        return wave


def _leading(own: Document, path: str, seen: _Seen) -> Iterator[Any]:
    """Yield the values that lead on; the key of a document in which only elements are theirs does not."""
    if not owned(seen.matches()) and path in seen.collection.primary_key:
        return
    yield from filter(refers, values_at(own, path))


def _id(seen: _Seen) -> Mapping[str, Any]:
    return {path: raw_at(seen.document, path) for path in seen.collection.primary_key}
