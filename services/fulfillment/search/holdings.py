"""
The records of one person as a search leaves them: the documents, and the values they were looked up by.

The reason why a document is the person's follows from the two. It is computed when it is read, so a million
documents need no memory for it. Documents are stored in memory while they are few, else in a file.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from services.fulfillment.datamap.graph import Graph, Lookup
from services.fulfillment.datamap.model import Collection, DataMap
from services.fulfillment.datamap.paths import places, raw_at, together
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.digests import DigestSet
from services.fulfillment.search.findings import FoundRecord
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.search.spool import Spool, SpoolSection
from shared.runtime.mongo import Document, to_bson

_ABSENT = object()
NESTED = (list, dict)
MOST_REMEMBERED = 1_000
"""Values of one field that are remembered as looked up."""

MOST_IN_MEMORY = 8 << 20
"""Bytes of documents that one search keeps in memory, for all its collections."""
OVERHEAD = 256
"""Overhead in bytes per document: small ones need many times their size."""


class RecordRoom(Protocol):
    """The memory for the records of a search."""

    @property
    def refused(self) -> bool:
        """Whether the search must drop its records and wait."""

    def keep(self, size: int) -> bool:
        """Let a search keep records that count for *size* bytes; return whether it may."""


def key(lookup: Lookup, values: Sequence[Any]) -> Hashable:
    """Return a key that *values* share with those of a document that a query by *lookup* finds."""
    if not lookup.others:
        return _key(lookup, values[0])
    others = zip(values[1:], lookup.ignoring, strict=True)
    return (_key(lookup, values[0]), *(key_of(value, caseless=ignores) for value, ignores in others))


def _key(lookup: Lookup, value: Any) -> Hashable:
    return key_of(value, caseless=lookup.caseless, tagged=lookup.tagged, phone=lookup.phone)


@dataclass(frozen=True, slots=True)
class CollectionQuery:
    """The values that a search has looked up in one collection."""

    collection: Collection
    lookups: tuple[Lookup, ...]
    asked: dict[Lookup, DigestSet] = field(default_factory=lambda: defaultdict(DigestSet))
    _known: dict[Hashable, tuple[OwnershipMatch, ...]] = field(default_factory=dict)
    """Matches of values looked up; entries are dropped only to make room."""
    _active: list[Lookup] = field(default_factory=list)
    """The ``lookups`` that were used."""

    def ask(self, lookup: Lookup, wanted: Hashable) -> bool:
        """Look *wanted* up; return False if it was looked up before."""
        asked = self.asked[lookup]
        if not asked:
            self._active[:] = [one for one in self.lookups if one == lookup or one in self._active]
        return asked.add(wanted)

    @property
    def exact(self) -> bool:
        """Whether the database's comparison equals ours: its comparison without case differs a little."""
        return not any(lookup.caseless or lookup.phone or lookup.others for lookup in self.lookups)

    def matches(self, document: Document) -> tuple[OwnershipMatch, ...]:
        """Return the matches in *document* of values looked up."""
        active = self._active
        if len(active) == 1 and active[0].plain:
            return self._match(active[0], document.get(active[0].path, _ABSENT), document)
        return self._all(active, document)

    def _match(self, lookup: Lookup, value: Any, document: Document) -> tuple[OwnershipMatch, ...]:
        """Match the one field that nearly all records of a person are found by; there may be a million."""
        if isinstance(value, NESTED):
            return self._all([lookup], document)
        stored = key_of(value)
        known = self._known.get(stored)
        if known is None:
            known = self._all([lookup], document)
            if known and len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            if known:
                self._known[stored] = known
        return known

    def _all(self, lookups: Iterable[Lookup], document: Document) -> tuple[OwnershipMatch, ...]:
        by: defaultdict[tuple[str, str | None], dict[Hashable, Any]] = defaultdict(dict)
        composite: dict[Hashable, OwnershipMatch] = {}
        for lookup in lookups:
            if lookup.others:
                composite.update((_content(match), match) for match in self._composite(lookup, document))
            else:
                self._note(lookup, document, by)
        found = (OwnershipMatch(path, unit, tuple(values.values())) for (path, unit), values in by.items())
        return (*found, *composite.values())

    def _composite(self, lookup: Lookup, document: Document) -> Iterator[OwnershipMatch]:
        """Yield the composite keys of *document* that were looked up: each stands together in one place."""
        asked = self.asked[lookup]
        for values, arrays in together(document, lookup.paths):
            if key(lookup, values) in asked:
                unit = lookup.unit or self._undeclared_array(arrays)
                parts = tuple(zip(lookup.others, values[1:], strict=True))
                yield OwnershipMatch(lookup.path, unit, values[:1], parts, tuple(dict.fromkeys(arrays)))

    def _note(
        self, lookup: Lookup, document: Document, by: Mapping[tuple[str, str | None], dict[Hashable, Any]]
    ) -> None:
        """Note the document's spelling of the values looked up, and whether they stand in an array."""
        asked = self.asked[lookup]
        for arrays, found in places(document, lookup.path):
            around = (*arrays, lookup.path) if isinstance(found, list) else arrays
            unit = lookup.unit or self._undeclared_array(around)
            for stored in found if isinstance(found, list) else [found]:
                if _key(lookup, stored) in asked:
                    by[lookup.path, unit].setdefault(key_of(stored), stored)

    def _undeclared_array(self, arrays: Sequence[str]) -> str | None:
        """Return the innermost of *arrays* that the map does not declare as arrays."""
        # A person named in one element must not be shown the others, even if the map misses the array.
        by_path = self.collection.by_path
        return next((path for path in reversed(arrays) if not by_path[path].return_all_elements), None)


def _content(match: OwnershipMatch) -> Hashable:
    """Return a key that two equal matches by a composite key share."""
    values = (*match.values, *(value for _, value in match.others))
    return match.path, match.unit, match.arrays, *(path for path, _ in match.others), *map(key_of, values)


class Holdings:
    """The person's records."""

    def __init__(self, data_map: DataMap, graph: Graph, room: RecordRoom | None = None) -> None:
        """Create an empty collection of records, with memory of *room*."""
        lookups = graph.lookups_of
        self.questions = {c.key: CollectionQuery(c, lookups.get(c.key, ())) for c in data_map.collections}
        self.spool = Spool()
        """The file for documents without room in memory."""
        self._shelves = RecordBuffers(self.questions, self.spool, room)
        self._worked_out: dict[str, Sequence[FoundRecord]] = {}
        self._rejected: defaultdict[str, dict[Hashable, frozenset[Hashable]]] = defaultdict(dict)
        """Values looked up that stand in a document and do not make it the person's."""

    def reject(self, collection: str, document: Document, matches: Sequence[OwnershipMatch]) -> None:
        """Remember which *matches*, of one value each, do not make *document* the person's."""
        known = self._rejected[collection]
        if matches or known:
            known[key_of(document["_id"])] = frozenset(map(_content, matches))
            self._worked_out.pop(collection, None)

    def holds(self, collection: str, document: Document) -> bool:
        """Return whether *document* was put here."""
        return key_of(document["_id"]) in self._shelves[collection]

    def put(self, collection: str, document: Document, bson: bytes) -> None:
        """Keep *document* of *collection*, which is *bson* as it was read."""
        self._shelves.put(collection, key_of(document["_id"]), document, bson)
        self._worked_out.pop(collection, None)

    @property
    def bytes(self) -> int:
        """The bytes that all documents count for, also those in the file."""
        return self._shelves.total_bytes

    @property
    def bytes_in_memory(self) -> int:
        """The bytes that the documents in memory count for."""
        return self._shelves.bytes_in_memory

    def count(self, collection: str) -> int:
        """Return the number of documents of *collection*."""
        return len(self._shelves[collection])

    def __iter__(self) -> Iterator[FoundRecord]:
        """Yield all records, in the order of the map."""
        for collection in self._shelves:
            yield from self.of(collection)

    def of(self, key: str) -> Iterable[FoundRecord]:
        """Return the records of the collection *key*; they may be iterated again."""
        shelf = self._shelves[key]
        streamed = _Streamed(self.questions[key], shelf, self._rejected[key])
        if shelf.spooled:
            return streamed
        if key not in self._worked_out:
            self._worked_out[key] = list(streamed)
        return self._worked_out[key]


class RecordBuffer:
    """The documents of one collection, each once, in the order of arrival."""

    def __init__(self, spool: Spool) -> None:
        """Create an empty buffer; documents without room in memory go to *spool*."""
        self.bytes = 0
        """Bytes that the documents in memory count for."""
        self._spool = spool
        self._documents: dict[Hashable, Document] = {}
        self._roll: SpoolSection | None = None
        self._known = DigestSet()

    @property
    def spooled(self) -> bool:
        """Whether the documents lie in a file."""
        return self._roll is not None

    def __len__(self) -> int:
        """Return the number of documents."""
        return len(self._documents) if self._roll is None else len(self._known)

    def __contains__(self, key: Hashable) -> bool:
        """Return whether the document with *key* is here."""
        return key in self._documents if self._roll is None else key in self._known

    def __iter__(self) -> Iterator[Document]:
        """Yield every document of this moment; may be started again before it has ended."""
        return iter(list(self._documents.values()) if self._roll is None else self._roll)

    def put(self, key: Hashable, document: Document, bson: bytes) -> None:
        """Keep *document*, which is *bson* as it was read, unless the one with *key* is here already."""
        if self._roll is not None:
            if self._known.add(key):
                self._roll.add(bson)
        elif self._documents.setdefault(key, document) is document:
            self.bytes += len(bson) + OVERHEAD

    def move(self) -> None:
        """Move the documents in memory to the file; later ones go there directly."""
        self._roll = self._spool.roll()
        for key, document in self._documents.items():
            self._known.add(key)
            self._roll.add(to_bson(document))
        self.drop()

    def drop(self) -> None:
        """Drop the documents in memory."""
        self._documents.clear()
        self.bytes = 0


class RecordBuffers:
    """The buffers of one search. They share the memory; the fullest one moves to the file."""

    def __init__(self, names: Iterable[str], spool: Spool, room: RecordRoom | None = None) -> None:
        """Create an empty buffer for each of *names*."""
        self._shelves = {name: RecordBuffer(spool) for name in names}
        self._room = room
        self.bytes_in_memory = 0
        """Bytes that the documents in memory count for."""
        self.total_bytes = 0
        """Bytes of all documents that were put here, with the overhead of each."""

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the buffers."""
        return iter(self._shelves)

    def __getitem__(self, name: str) -> RecordBuffer:
        """Return the buffer *name*."""
        return self._shelves[name]

    def put(self, name: str, key: Hashable, document: Document, bson: bytes) -> None:
        """Keep *document* in the buffer *name*, unless it is there already or there is no room for it."""
        if self._room is not None and self._room.refused:
            return
        shelf = self._shelves[name]
        self.total_bytes += len(bson) + OVERHEAD
        before = shelf.bytes
        shelf.put(key, document, bson)
        self.bytes_in_memory += shelf.bytes - before
        while self.bytes_in_memory > MOST_IN_MEMORY:
            fullest = max(self._shelves.values(), key=lambda shelf: shelf.bytes)
            self.bytes_in_memory -= fullest.bytes
            fullest.move()
        if self._room is not None and not self._room.keep(self.bytes_in_memory):
            self._drop()

    def _drop(self) -> None:
        for shelf in self._shelves.values():
            shelf.drop()
        self.bytes_in_memory = 0


@dataclass(frozen=True, slots=True)
class _Streamed:
    """Many records of one collection."""

    questions: CollectionQuery
    shelf: RecordBuffer
    rejected: Mapping[Hashable, frozenset[Hashable]]

    def __iter__(self) -> Iterator[FoundRecord]:
        collection = self.questions.collection
        for document in self.shelf:
            identity = {path: raw_at(document, path) for path in collection.primary_key}
            matches = self.questions.matches(document)
            rejected = self.rejected.get(key_of(document["_id"])) if self.rejected else None
            accepted = tuple(without(matches, rejected)) if rejected else matches
            yield FoundRecord(collection, identity, document, accepted)


def without(matches: Iterable[OwnershipMatch], rejected: AbstractSet[Hashable]) -> Iterator[OwnershipMatch]:
    """Yield *matches* without the values that are *rejected*."""
    for match in matches:
        values = tuple(v for v in match.values if _content(replace(match, values=(v,))) not in rejected)
        if values:
            yield replace(match, values=values)
