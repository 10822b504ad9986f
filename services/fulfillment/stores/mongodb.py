"""
The MongoDB stores with the business data: batched reads and writes.

Requests are answered side by side. Their writes to one collection at the same moment become one bulk write.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from math import inf
from types import MappingProxyType
from typing import Any, TypeAlias

from services.fulfillment.datamap.model import CollectionPlace
from services.fulfillment.domain import (
    STORE_DUPLICATE,
    STORE_NOT_PERMITTED,
    STORE_REFUSED,
    STORE_RULES,
    STORE_TOO_LARGE,
)
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.mentions import Mention, Needle, mentions_in, patterns
from services.fulfillment.stores import caseless
from services.fulfillment.stores.batch_lookup import (
    LARGE_READS_AT_ONCE,
    PATIENCE_MS,
    CollectionLookup,
    Probe,
    Take,
    answered,
    ways,
)
from services.fulfillment.stores.rules import Rules
from shared.errors import ConfigurationError, PermanentError
from shared.portions import portions
from shared.runtime.dataloader import DataLoader, side_by_side
from shared.runtime.mongo import Client, Document, Write, at_primary, connect, ping, translated, write_each
from shared.runtime.mongo import Collection as Stored

WRITES_PER_ROUND = 1_000
READING_WINDOW = 0.02
"""Seconds for which requests are collected before one pass over the texts of a collection."""
READING_PATIENCE_MS = 60_000
"""Time limit of that pass on the server, unless the URL of the store states one."""

REFUSALS: Mapping[int, str] = MappingProxyType(
    {
        121: STORE_RULES,  # DocumentValidationFailure
        11000: STORE_DUPLICATE,  # DuplicateKey
        11001: STORE_DUPLICATE,
        10334: STORE_TOO_LARGE,  # BSONObjectTooLarge
        17419: STORE_TOO_LARGE,
        17420: STORE_TOO_LARGE,
        13: STORE_NOT_PERMITTED,  # Unauthorized
    }
)
"""Why MongoDB refused a write, by its error code."""


def reason_of_refusal(code: int) -> str:
    """Return the reason code of a write that MongoDB refused with *code*."""
    return REFUSALS.get(code, STORE_REFUSED)


@dataclass(frozen=True, slots=True, eq=False)
class Writes:
    """The writes of one request at one moment. No two are equal."""

    operations: Sequence[Write]


@dataclass(frozen=True, slots=True, eq=False)
class TextLookup:
    """The text look-up of one request. No two are equal."""

    paths: Sequence[str]
    wanted: frozenset[Needle]


@dataclass(frozen=True, slots=True)
class Mentions:
    """The result of a pass over the texts of a collection."""

    documents: int
    found: Sequence[Mention]


Refusals: TypeAlias = Mapping[int, int]
"""Index of a refused operation → the server's code."""


class Stores:
    """The stores, by the names that data maps use."""

    def __init__(
        self, clients: Mapping[str, Client], *, database_prefix: str = "", fresh: bool = False
    ) -> None:
        """
        Use *clients*, by store.

        Args:
            clients: A client for each name of ``HABEAS_STORES``. Its URL states the time limit of a call
              (``timeoutMS``) and the members that are read from (``readPreference``).
            database_prefix: Prefix of the names of all databases.
            fresh: Whether reads use primaries only, regardless of the URLs.
        """
        self._clients = clients
        self._prefix = database_prefix
        self._fresh = fresh
        self._primary = self if fresh else Stores(clients, database_prefix=database_prefix, fresh=True)
        self._due = date.max
        self._names = DataLoader(self._load_names)
        self._large_reads = asyncio.Semaphore(LARGE_READS_AT_ONCE)
        self._known: dict[tuple[str, str], frozenset[str]] = {}
        self._seekers: dict[CollectionPlace, CollectionLookup] = {}
        self._writers: dict[CollectionPlace, DataLoader[Writes, Refusals]] = {}
        self._readers: dict[CollectionPlace, DataLoader[TextLookup, Mentions]] = {}

    @classmethod
    def connect(cls, urls: Mapping[str, str], *, database_prefix: str = "") -> "Stores":
        """Return the stores at *urls*, by name."""
        clients = {
            name: connect(url, app_name="habeas-fulfillment", timed_as=name) for name, url in urls.items()
        }
        return cls(clients, database_prefix=database_prefix)

    @property
    def fresh(self) -> "Stores":
        """The same stores with reads from primaries: other members may be seconds behind."""
        return self._primary.due_on(self._due)

    def due_on(self, day: date) -> "Stores":
        """Return the same stores for a request due on *day*: its look-ups precede those due later."""
        view = copy(self)
        view._due = day  # noqa: SLF001 - a view of this
        return view

    @property
    def checks(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """Return a call for each store that raises StoreUnavailable if it does not answer."""
        return {name: partial(ping, client) for name, client in sorted(self._clients.items())}

    def close(self) -> None:
        """Close every client."""
        for client in self._clients.values():
            client.close()

    async def seek(self, place: CollectionPlace, probes: Sequence[Probe], take: Take) -> None:
        """
        Pass every document at *place* that one of *probes* finds to *take*, once or more often.

        The documents are shared with other requests and must not be changed.

        Raises:
            StoreUnavailable: The store did not answer, which differs from an empty result.
            ConfigurationError: ``HABEAS_STORES`` does not name the store.
        """
        await self._seeker(place).seek(probes, take, self._due)

    async def find(
        self, place: CollectionPlace, probes: Sequence[Probe], *, most: float = inf
    ) -> Mapping[Probe, list[Document]]:
        """
        Return the documents at *place* that each of *probes* finds; they must be few, or limited by *most*.

        They are shared with other requests and must not be changed. Raises like :meth:`seek`.
        """
        found: dict[Probe, dict[Hashable, Document]] = {probe: {} for probe in probes}
        looked = ways(probes)

        def take(document: Document, _bson: bytes) -> None:
            for probe in answered(document, found, looked):
                if len(found[probe]) < most:
                    found[probe].setdefault(key_of(document["_id"]), document)

        await self.seek(place, probes, take)
        return {probe: list(documents.values()) for probe, documents in found.items()}

    async def write(self, place: CollectionPlace, operations: Sequence[Write]) -> Refusals:
        """
        Execute *operations*, in no order; return those that the store refused, with its code.

        Raises:
            StoreUnavailable: The store did not answer; the call may be repeated.
        """
        if place not in self._writers:
            self._writers[place] = DataLoader(lambda writes: self._store(place, writes))
        return await self._writers[place](Writes(operations))

    async def exists(self, place: CollectionPlace) -> bool:
        """Return whether the collection exists: a wrong name finds nothing, too."""
        where = place.store, place.database
        if place.name not in self._known.get(where, ()):
            self._known[where] = await self._names(where)
        return place.name in self._known[where]

    async def names(self, place: CollectionPlace) -> frozenset[str]:
        """Return the names of the collections that are now in the database of *place*."""
        where = place.store, place.database
        self._known[where] = await self._names(where)
        return self._known[where]

    async def lacking(self, places: Iterable[CollectionPlace]) -> frozenset[CollectionPlace]:
        """Return those of *places* without a collection; the database is asked only about unknown ones."""
        unknown = [place for place in places if place.name not in self._known.get(place[:2], ())]
        return await self.absent(unknown) if unknown else frozenset()

    async def absent(self, places: Iterable[CollectionPlace]) -> frozenset[CollectionPlace]:
        """Return those of *places* without a collection now."""
        wanted: dict[tuple[str, str], list[CollectionPlace]] = defaultdict(list)
        for place in places:
            wanted[place.store, place.database].append(place)
        names = await side_by_side([self._names(where) for where in wanted])
        self._known.update(zip(wanted, names, strict=True))
        found = zip(wanted.values(), names, strict=True)
        return frozenset(place for some, there in found for place in some if place.name not in there)

    async def sample(self, place: CollectionPlace, size: int) -> list[Document]:
        """Return up to *size* random documents."""
        with translated(f"sample {place.database}.{place.name}"):
            pipeline: list[Mapping[str, Any]] = [{"$sample": {"size": size}}]
            found: list[Document] = await self._stored(place).aggregate(pipeline).to_list(None)
            return found

    async def scan(
        self,
        place: CollectionPlace,
        paths: Sequence[str],
        condition: Document | None = None,
        *,
        most: int = 0,
        within: timedelta | None = None,
    ) -> AsyncIterator[Document]:
        """
        Yield every document there, reduced to its ``_id`` and *paths*; with ``_id`` alone, its index is read.

        Args:
            place: The collection.
            paths: The wanted fields.
            condition: A filter for the documents.
            most: Limit of the number; 0: no limit.
            within: Time limit on the store; None: no limit.

        Raises:
            StoreUnavailable: The store did not answer, or not in time.
            PermanentError: The store does not understand *condition*.
        """
        wanted = _projection(paths)
        with translated(f"go through {place.database}.{place.name}"):
            cursor = self._stored(place).find(condition or {}, wanted, batch_size=5_000, limit=most)
            if within is not None:
                cursor = cursor.max_time_ms(within // timedelta(milliseconds=1))
            if len(wanted) == 1 and not condition:
                cursor = cursor.hint([("_id", 1)])
            async for document in cursor:
                yield document

    async def mentions(
        self, place: CollectionPlace, paths: Sequence[str], wanted: frozenset[Needle]
    ) -> Mentions:
        """
        Return the places of *wanted* in the texts at *paths*; one pass serves all callers.

        Raises:
            StoreUnavailable: The store did not answer, or the pass took too long.
        """
        if place not in self._readers:
            self._readers[place] = DataLoader(lambda asked: self._read(place, asked), window=READING_WINDOW)
        return await self._readers[place](TextLookup(tuple(paths), wanted))

    async def rules(self, place: CollectionPlace) -> Rules:
        """Return the store's rules for documents there; empty if it states none."""
        try:
            with translated(f"read the rules of {place.database}.{place.name}"):
                database = self._stored(place).database
                listed = await database.list_collections(filter={"name": place.name})
                options = [document.get("options", {}) async for document in listed]
                indexes = await self._stored(place).index_information()
        except PermanentError:
            return Rules()
        unique = {key for index in indexes.values() if index.get("unique") for key, _ in index["key"]}
        return Rules(options[0].get("validator", {}) if options else {}, frozenset(unique))

    async def indexes(self, place: CollectionPlace) -> caseless.Indexes:
        """Return the indexes there."""
        return await self._seeker(place).indexes()

    def _seeker(self, place: CollectionPlace) -> CollectionLookup:
        if place not in self._seekers:
            name = f"{place.database}.{place.name}"
            patience_ms = self._patience_ms(place, PATIENCE_MS)
            self._seekers[place] = CollectionLookup(self._stored(place), name, self._large_reads, patience_ms)
        return self._seekers[place]

    def _patience_ms(self, place: CollectionPlace, else_ms: int) -> int:
        """Return the time limit of a query at *place* on the server, as the URL of the store states it."""
        timeout = self._client(place.store).delegate.options.timeout
        return else_ms if timeout is None else max(1, round(timeout * 1_000))

    def _stored(self, place: CollectionPlace) -> Stored:
        store, database, name = place
        stored = self._client(store)[self._prefix + database][name]
        return at_primary(stored) if self._fresh else stored

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

    async def _store(self, place: CollectionPlace, all_writes: Sequence[Writes]) -> dict[Writes, Refusals]:
        owners = [(writes, n) for writes in all_writes for n in range(len(writes.operations))]
        refused: dict[Writes, dict[int, int]] = {writes: {} for writes in all_writes}
        for some in portions(owners, WRITES_PER_ROUND):
            operations = [writes.operations[n] for writes, n in some]
            for index, code in (await write_each(self._stored(place), operations)).items():
                writes, n = some[index]
                refused[writes][n] = code
        return dict(refused)

    async def _read(self, place: CollectionPlace, asked: Sequence[TextLookup]) -> dict[TextLookup, Mentions]:
        paths = sorted({path for asking in asked for path in asking.paths})
        found: dict[Needle, list[Mention]] = {needle: [] for asking in asked for needle in asking.wanted}
        with translated(f"read the texts of {place.database}.{place.name}"):
            documents = await self._stored(place).estimated_document_count()
            for pattern in patterns(found):
                named = {"$regex": pattern.text, "$options": "i"}
                condition = {"$or": [{path: named} for path in paths]}
                patience_ms = self._patience_ms(place, READING_PATIENCE_MS)
                cursor = self._stored(place).find(condition, _projection(paths), max_time_ms=patience_ms)
                async for document in cursor:
                    for mention in mentions_in(document, paths, pattern):
                        found[mention.needle].append(mention)
        return {
            asking: Mentions(
                documents,
                tuple(m for needle in asking.wanted for m in found[needle] if m.path in asking.paths),
            )
            for asking in asked
        }


def older_than(path: str, day: date) -> Document:
    """Return a filter for documents with a day before *day* at *path*, as date or text; others may match."""
    before = datetime.combine(day, time.min, UTC) + timedelta(days=1)  # days in other time zones
    return {"$or": [{path: {"$lt": before}}, {path: {"$lt": f"{before.year + 1:04}"}}]}


def _projection(paths: Iterable[str]) -> dict[str, int]:
    """Return the projection for *paths*: ``_id`` as a whole, beside which its parts may not be named."""
    return {"_id": 1} | {path: 1 for path in paths if not path.startswith("_id.")}
