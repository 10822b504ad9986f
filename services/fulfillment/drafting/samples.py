"""
Samples of a live store for a draft: documents, counts, indexes, and matches of values.

Everything is bounded: a number of documents per collection, a time per query, secondaries first.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.fulfillment.datamap.paths import below, leads_through, values_at
from services.fulfillment.drafting.keys import Key, key_of, spellings
from services.fulfillment.drafting.references import End, ReferenceLink
from services.fulfillment.drafting.schema import CollectionOutline, Inference
from shared.errors import HabeasError
from shared.runtime.mongo import Client, Document, secondary_first, translated

SAMPLE = 1_000
"""Documents sampled per collection."""
CROWDS = 20
"""Records that are checked for references from several people's."""
JOINED = 60
"""Records that are joined to compare their people."""
PATIENCE_MS = 20_000
"""Time limit of one query on the server; after it, less is known, and nothing is wrong."""
VALUES_PER_QUERY = 1_000
MOST_PER_KEY = 4
"""Records read for one value; a value of so many names none of them."""
OWN = frozenset({"admin", "config", "local"})
COLLECTIONS = {"type": "collection"}


@dataclass(frozen=True, slots=True)
class SampleReader:
    """Reads the store *name* through *client*."""

    name: str
    client: Client
    sample: int = SAMPLE
    ours: str = ""
    """Prefix of the names of our own databases, which are no business data."""

    async def places(self, databases: Sequence[str]) -> list[tuple[str, str]]:
        """
        Return database and name of every collection; views, time series and system collections are left out.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        with translated(f"list the collections of the store {self.name}"):
            known = set(databases) or {
                name
                for name in set(await self.client.list_database_names()) - OWN
                if not self.ours or not name.startswith(self.ours)
            }
            return [
                (database, name)
                for database in sorted(known)
                for name in sorted(await self.client[database].list_collection_names(filter=COLLECTIONS))
                if not name.startswith("system.")
            ]

    async def outline(self, database: str, name: str) -> CollectionOutline:
        """Return the outline of the collection from a sample."""
        seen = Inference()
        async for document in self._sample(database, name):
            seen.add(document)
        stored = self._stored(database, name)
        with translated(f"read the indexes of {database}.{name}"):
            total = await stored.estimated_document_count(maxTimeMS=PATIENCE_MS)
            indexes = (await stored.index_information()).values()
        single = (index for index in indexes if index.get("unique") and len(index["key"]) == 1)
        unique = frozenset(str(index["key"][0][0]) for index in single)
        return CollectionOutline(self.name, database, name, total, seen.documents, seen.properties(), unique)

    async def _sample(self, database: str, name: str) -> AsyncIterator[Document]:
        stored, taken = self._stored(database, name), False
        try:
            with translated(f"sample {database}.{name}"):
                random = [{"$sample": {"size": self.sample}}]
                options = {"maxTimeMS": PATIENCE_MS, "allowDiskUse": True, "batchSize": 50}
                async for document in stored.aggregate(random, **options):
                    taken = True
                    yield document
        except HabeasError:
            if taken:
                return
            # Too large for a random sample in time: the first documents are better than none.
            with translated(f"read {database}.{name}"):
                first = stored.find({}, batch_size=50).limit(self.sample).max_time_ms(PATIENCE_MS)
                async for document in first:
                    yield document

    async def found(self, end: End, keys: Sequence[Key]) -> Mapping[Key, int] | None:
        """Return how often each of *keys* stands in the field *end*; ``None`` if that takes too long."""
        counts: Counter[Key] = Counter()
        try:
            for start in range(0, len(keys), VALUES_PER_QUERY):
                counts.update(await self._found(end, frozenset(keys[start : start + VALUES_PER_QUERY])))
        except HabeasError:
            return None
        return counts

    async def _found(self, end: End, keys: frozenset[Key]) -> list[Key]:
        path, values = end.field.path, [value for key in keys for value in spellings(key)]
        stored = self._stored(end.outline.database, end.outline.name)
        with translated(f"look for values in {end.outline.key}"):
            cursor = stored.find({path: {"$in": values}}, {path: 1}, max_time_ms=PATIENCE_MS)
            cursor.limit(MOST_PER_KEY * len(keys))
            return [
                key
                async for document in cursor
                for key in map(key_of, values_at(document, path))
                if key is not None and key in keys
            ]

    async def pairs(
        self, link: ReferenceLink, ours: Sequence[str], theirs: Sequence[str], target: "SampleReader"
    ) -> list[tuple[set[str], set[str]]]:
        """
        Return for some records their texts at *ours*, and those of the referred records at *theirs*.

        Only for comparison: it is personal data, and must not be passed on.
        """
        try:
            rows = await self._rows(link.source, ours)
            known = await target._said(link.target, {key for key, _ in rows}, theirs)  # noqa: SLF001 - its twin
        except HabeasError:
            return []
        return [(said, known[key]) for key, said in rows if key in known]

    async def crowd(self, link: ReferenceLink, ours: Sequence[str]) -> list[list[set[str]]]:
        """Return for some records of the target the texts at *ours* of each record that refers to it."""
        said: defaultdict[Key, list[set[str]]] = defaultdict(list)
        try:
            keys = dict.fromkeys(key for key, _ in await self._rows(link.source, ours))
            values = [value for key in list(keys)[:CROWDS] for value in spellings(key)]
            for key, words in await self._rows(link.source, ours, {"$in": values}, MOST_PER_KEY * CROWDS):
                said[key].append(words)
        except HabeasError:
            return []
        return list(said.values())

    async def _rows(
        self, end: End, paths: Sequence[str], wanted: object = None, most: int = JOINED
    ) -> list[tuple[Key, set[str]]]:
        """Return keys and texts of some documents, or of each element of the array that *end* lies in."""
        path = end.field.path
        unit = "" if end.field.unit in (None, path) else end.field.unit or ""
        names = [below(name, unit) if leads_through(name, unit) else name for name in paths]
        stored = self._stored(end.outline.database, end.outline.name)
        with translated(f"read {end.outline.key}"):
            cursor = stored.find({path: wanted or {"$nin": [None, []]}}, dict.fromkeys((path, *paths), 1))
            cursor.limit(most).max_time_ms(PATIENCE_MS)
            return [
                (key, _texts(element, names))
                async for document in cursor
                for element in values_at(document, unit)
                if isinstance(element, Mapping)
                for key in map(key_of, values_at(element, below(path, unit)))
                if key is not None
            ]

    async def _said(self, end: End, keys: set[Key], paths: Sequence[str]) -> dict[Key, set[str]]:
        said: dict[Key, set[str]] = {}
        path, values = end.field.path, [value for key in keys for value in spellings(key)]
        stored = self._stored(end.outline.database, end.outline.name)
        with translated(f"read {end.outline.key}"):
            cursor = stored.find({path: {"$in": values}}, dict.fromkeys((path, *paths), 1))
            async for document in cursor.max_time_ms(PATIENCE_MS).limit(MOST_PER_KEY * len(keys)):
                for key in map(key_of, values_at(document, path)):
                    if key is not None:
                        said.setdefault(key, set()).update(_texts(document, paths))
        return said

    def _stored(self, database: str, name: str) -> Any:
        return secondary_first(self.client[database][name])


def _texts(value: Any, paths: Sequence[str]) -> set[str]:
    return {
        " ".join(text.casefold().split())
        for path in paths
        for text in values_at(value, path)
        if isinstance(text, str)
    }
