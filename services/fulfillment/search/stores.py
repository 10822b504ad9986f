"""
The MongoDB stores that hold the business data: batched reads, guarded writes, nothing else.

Requests are answered side by side and know nothing of one another. What they look up in a collection at the
same moment becomes one query, and what they erase there one bulk write.
"""

import asyncio
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from services.fulfillment.datamap.model import Place
from services.fulfillment.search import caseless
from services.fulfillment.search.paths import key_of, values_at
from shared.coalescing import Coalescer
from shared.errors import ConfigurationError, PermanentError
from shared.mongo import Client, DeleteOne, Document, UpdateOne, connect, translated
from shared.mongo import Collection as Stored

VALUES_PER_QUERY = 2_000
WRITES_PER_ROUND = 1_000
PATIENCE_MS = 120_000
"""How long a query may run on the server."""


Operation: TypeAlias = DeleteOne | UpdateOne


@dataclass(frozen=True, slots=True)
class Probe:
    """One value looked for at one path."""

    path: str
    caseless: bool
    key: Hashable
    value: Any = field(compare=False)

    @classmethod
    def of(cls, path: str, value: Any, *, caseless: bool) -> "Probe":
        """Return the probe for *value*; case counts unless it is text and *caseless*."""
        ignores = caseless and isinstance(value, str)
        return cls(path, ignores, key_of(value, caseless=ignores), value)


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What one request looks up at one moment. Two are never the same."""

    probes: Sequence[Probe]


@dataclass(frozen=True, slots=True, eq=False)
class Writes:
    """What one request writes at one moment. Two are never the same."""

    operations: Sequence[Operation]


Answers: TypeAlias = Mapping[Probe, list[Document]]


class Stores:
    """The stores, by the names that data maps use."""

    def __init__(self, clients: Mapping[str, Client], *, database_prefix: str = "") -> None:
        """
        Use *clients*, by store.

        Args:
            clients: A client for each name of ``HABEAS_STORES``.
            database_prefix: Stands before the name of every database, where the plain ones are taken.
        """
        self._clients = clients
        self._prefix = database_prefix
        self._names = Coalescer(self._load_names)
        self._known: dict[tuple[str, str], frozenset[str]] = {}
        self._indexes: dict[Place, caseless.Indexes] = {}
        self._finders: dict[Place, Coalescer[Search, Answers]] = {}
        self._writers: dict[Place, Coalescer[Writes, PermanentError | None]] = {}

    @classmethod
    def connect(cls, urls: Mapping[str, str], *, database_prefix: str = "") -> "Stores":
        """Return the stores at *urls*, by name."""
        clients = {name: connect(url, app_name="habeas-fulfillment") for name, url in urls.items()}
        return cls(clients, database_prefix=database_prefix)

    def close(self) -> None:
        """Close every client."""
        for client in self._clients.values():
            client.close()

    async def find(self, place: Place, probes: Sequence[Probe]) -> Answers:
        """
        Return the documents at *place* that each of *probes* finds.

        They are shared with other requests and must not be changed.

        Raises:
            StoreUnavailable: The store did not answer. That is not the same as nothing found.
            ConfigurationError: ``HABEAS_STORES`` does not name the store.
        """
        if place not in self._finders:
            self._finders[place] = Coalescer(lambda searches: self._load(place, searches))
        return await self._finders[place](Search(probes))

    async def write(self, place: Place, operations: Sequence[Operation]) -> None:
        """
        Carry out *operations*, in no order.

        Raises:
            StoreUnavailable: The store did not answer; all may be repeated.
            PermanentError: The store refused one, for instance by the rules of its own schema.
        """
        if place not in self._writers:
            self._writers[place] = Coalescer(lambda writes: self._store(place, writes))
        refusal = await self._writers[place](Writes(operations))
        if refusal is not None:
            raise refusal

    async def exists(self, place: Place) -> bool:
        """Tell whether the database has a collection there: a wrong name finds nothing, too."""
        where = place.store, place.database
        if place.name not in self._known.get(where, ()):
            self._known[where] = await self._names(where)
        return place.name in self._known[where]

    async def sample(self, place: Place, size: int) -> list[Document]:
        """Return up to *size* documents taken at random."""
        with translated(f"sample {place.database}.{place.name}"):
            pipeline: list[Mapping[str, Any]] = [{"$sample": {"size": size}}]
            found: list[Document] = await self._stored(place).aggregate(pipeline).to_list(None)
            return found

    async def indexes(self, place: Place) -> caseless.Indexes:
        """Return the indexes there."""
        return await self._indexes_of(place)

    def _stored(self, place: Place) -> Stored:
        store, database, name = place
        return self._client(store)[self._prefix + database][name]

    def _client(self, store: str) -> Client:
        try:
            return self._clients[store]
        except KeyError:
            raise ConfigurationError(
                f"HABEAS_STORES names no store `{store}`, but the data map does"
            ) from None

    async def _load_names(self, wheres: Sequence[tuple[str, str]]) -> dict[tuple[str, str], frozenset[str]]:
        found = {}
        for store, database in wheres:
            with translated(f"list the collections of {database}"):
                names = await self._client(store)[self._prefix + database].list_collection_names()
            found[store, database] = frozenset(names)
        return found

    async def _indexes_of(self, place: Place) -> caseless.Indexes:
        if place not in self._indexes:
            with translated(f"read the indexes of {place.database}.{place.name}"):
                self._indexes[place] = caseless.indexes(await self._stored(place).index_information())
        return self._indexes[place]

    async def _load(self, place: Place, searches: Sequence[Search]) -> dict[Search, Answers]:
        found: dict[Probe, dict[Hashable, Document]] = {p: {} for search in searches for p in search.probes}
        for some in _chunks(list(found), VALUES_PER_QUERY):
            for part in await asyncio.gather(self._exact(place, some), self._caseless(place, some)):
                _distribute(part, some, found)
        answers = {probe: list(documents.values()) for probe, documents in found.items()}
        return {search: {probe: answers[probe] for probe in search.probes} for search in searches}

    async def _exact(self, place: Place, probes: Sequence[Probe]) -> list[Document]:
        wanted = _by_path(probe for probe in probes if not probe.caseless)
        return await self._query(place, [{path: {"$in": values}} for path, values in wanted.items()])

    async def _caseless(self, place: Place, probes: Sequence[Probe]) -> list[Document]:
        wanted = _by_path(probe for probe in probes if probe.caseless)
        if not wanted:
            return []
        queries = caseless.queries(wanted, await self._indexes_of(place))
        parts = await asyncio.gather(*(self._query(place, q.branches, q.collation) for q in queries))
        return [document for part in parts for document in part]

    async def _query(
        self, place: Place, branches: Sequence[Document], collation: Mapping[str, Any] | None = None
    ) -> list[Document]:
        if not branches:
            return []
        condition = branches[0] if len(branches) == 1 else {"$or": list(branches)}
        with translated(f"search {place.database}.{place.name}"):
            cursor = self._stored(place).find(condition, batch_size=5_000, max_time_ms=PATIENCE_MS)
            if collation is not None:
                cursor = cursor.collation(collation)
            found: list[Document] = await cursor.to_list(None)
        return found

    async def _store(self, place: Place, all_writes: Sequence[Writes]) -> dict[Writes, PermanentError | None]:
        together = [operation for writes in all_writes for operation in writes.operations]
        if await self._refusal(place, together) is None:
            return dict.fromkeys(all_writes)
        # One refused write must not take the other requests' along: each has its own answer.
        return {writes: await self._refusal(place, writes.operations) for writes in all_writes}

    async def _refusal(self, place: Place, operations: Sequence[Operation]) -> PermanentError | None:
        try:
            for some in _chunks(operations, WRITES_PER_ROUND):
                with translated(f"erase in {place.database}.{place.name}"):
                    await self._stored(place).bulk_write(some, ordered=False)
        except PermanentError as error:
            return error
        return None


def _by_path(probes: Iterator[Probe]) -> dict[str, list[Any]]:
    wanted: dict[str, list[Any]] = defaultdict(list)
    for probe in probes:
        wanted[probe.path].append(probe.value)
    return wanted


def _distribute(
    documents: Sequence[Document], probes: Sequence[Probe], found: Mapping[Probe, dict[Hashable, Document]]
) -> None:
    """Hand each of *documents* to the probes it answers."""
    paths = {(probe.path, probe.caseless) for probe in probes}
    for document in documents:
        identity = key_of(document["_id"])
        for path, ignores in paths:
            for value in values_at(document, path):
                probe = Probe.of(path, value, caseless=ignores)
                if probe in found:
                    found[probe].setdefault(identity, document)


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
