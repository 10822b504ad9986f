"""
The hashes listed by California's DROP, and the records that they were found in.

They are kept permanently, because they are looked up again in later data. The state's unsalted hashes are
guessed within the hour, so each is kept as a keyed hash.

Law:
    Cal. Civ. Code § 1798.99.86(c)-(d): listed people are deleted again, at least every 45 days.
"""

import base64
import hmac
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any

from services.fulfillment.drop.fields import Hash, hashes_of
from shared.contract.drop import ListKind, ListRow
from shared.runtime.mongo import Database, Document, id_bytes, insert_new, translated
from shared.runtime.worker import WakeUp

HASH_LISTS_KEY = "hashes of DROP"
"""Purpose of the key."""
KEY_BYTES = 16
LEASE = timedelta(minutes=5)
"""How long a worker may be silent before another replica starts again."""
AT_ONCE = 2_000
NEVER = datetime(2018, 5, 25, tzinfo=UTC)
"""The earliest time."""


@dataclass(frozen=True, slots=True)
class HashListBatch:
    """Lists that came together, looked up with all earlier ones."""

    id: str
    lists: tuple[str, ...]
    """Their names in the vault of the batch."""


@dataclass(frozen=True, slots=True)
class ListedHash:
    """One request of a list."""

    id: str
    key: bytes
    kind: ListKind
    origin: str
    """The batch that it came with."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A record that a request was found in."""

    name: str
    """Its unique name."""
    collection: str
    record: Any = field(compare=False)
    """Its ``_id``."""
    batch: str
    """The batch of its first find."""


class HashLists:
    """The listed hashes, and where they were found."""

    def __init__(self, database: Database, key: bytes) -> None:
        """Keep them in *database*; *key* makes the hashes."""
        self._wanted = database["drop_wanted"]
        self._matches = database["drop_matches"]
        self._batches = database["drop_batches"]
        self._key = key
        self.enqueued = WakeUp()
        """Wakes when this process has enqueued a batch."""

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the hashes of DROP"):
            await self._wanted.create_index("key")
            await self._matches.create_index([("batch", 1), ("wanted", 1)])
            await self._matches.create_index("wanted")
            await self._batches.create_index("at", partialFilterExpression={"done": False})

    async def take(self, batch: HashListBatch) -> None:
        """Enqueue *batch*; repeating it changes nothing."""
        fresh = {"_id": batch.id, "lists": list(batch.lists), "at": NEVER, "done": False}
        await insert_new(self._batches, [fresh])
        self.enqueued.within(0)

    async def begin(self, now: datetime) -> HashListBatch | None:
        """Take a free batch and return it."""
        waiting = {"done": False, "at": {"$lt": now - LEASE}}
        with translated("begin a batch of DROP"):
            found: Document | None = await self._batches.find_one_and_update(
                waiting, {"$set": {"at": now}}, sort=[("at", 1)]
            )
        return None if found is None else HashListBatch(found["_id"], tuple(found["lists"]))

    async def prolong(self, batch: str, now: datetime) -> None:
        """Prolong the lease of *batch*."""
        with translated("prolong a batch of DROP"):
            await self._batches.update_one({"_id": batch}, {"$set": {"at": now}})

    async def end(self, batch: str) -> None:
        """Record that *batch* was looked up and reported."""
        with translated("end a batch of DROP"):
            await self._batches.update_one({"_id": batch}, {"$set": {"done": True}})

    async def add(self, rows: Sequence[ListRow], kind: ListKind, batch: str) -> None:
        """Add *rows* of the list *kind*; repeating it changes nothing."""
        common = {"list": kind.value, "batch": batch}
        entries = [{"_id": row.id, "key": self._keyed(kind, row.hash), **common} for row in rows]
        await insert_new(self._wanted, entries)

    async def remove(self, ids: Sequence[str]) -> None:
        """Delete withdrawn requests."""
        with translated("forget hashes of DROP"):
            await self._wanted.delete_many({"_id": {"$in": list(ids)}})
            await self._matches.delete_many({"wanted": {"$in": list(ids)}})

    async def those_of(self, keys: Collection[bytes]) -> Mapping[bytes, Sequence[ListedHash]]:
        """Return the listed hashes by *keys*."""
        found: dict[bytes, list[ListedHash]] = {}
        with translated("look hashes of DROP up"):
            waiting = iter(keys)
            while some := list(islice(waiting, AT_ONCE)):
                async for document in self._wanted.find({"key": {"$in": some}}):
                    found.setdefault(bytes(document["key"]), []).append(_wanted(document))
        return found

    async def named(self, ids: Sequence[str]) -> Mapping[str, ListedHash]:
        """Return those of *ids* that are still listed."""
        with translated("read hashes of DROP"):
            found = self._wanted.find({"_id": {"$in": list(ids)}})
            return {document["_id"]: _wanted(document) async for document in found}

    async def stopped(self, identity: str, values: Sequence[str]) -> frozenset[str]:
        """Return those of *values* of *identity* that a list names."""
        keys: dict[bytes, list[str]] = {}
        for value in values:
            for one in hashes_of(identity, value):
                keys.setdefault(self.key_of(one), []).append(value)
        return frozenset(value for key in await self.those_of(keys) for value in keys[key])

    def key_of(self, one: Hash) -> bytes:
        """Return the key of the hash *one*."""
        return self._keyed(one.kind, base64.b64decode(one.value))

    async def found_in(self, pairs: Iterable[tuple[str, str, Any]], batch: str) -> None:
        """
        Record the finds of requests in records, for *batch*; known ones stay unchanged.

        Of each of *pairs*, the id of the request, the key of the collection, and the record's ``_id``.
        """
        entries = {
            f"{id_}/{self._fingerprint(collection, record)}": {
                "wanted": id_, "collection": collection, "record": record, "batch": batch,
            }
            for id_, collection, record in pairs
        }  # fmt: skip
        waiting = iter(entries.items())
        while some := list(islice(waiting, AT_ONCE)):
            await insert_new(self._matches, [{"_id": name, **entry} for name, entry in some])

    async def fresh(self, batch: str) -> AsyncIterator[str]:
        """Yield each request once that was first found in a record for *batch*."""
        last = ""
        with translated("read the finds of DROP"):
            async for document in self._matches.find({"batch": batch}, {"wanted": 1}).sort("wanted", 1):
                if document["wanted"] != last:
                    last = document["wanted"]
                    yield last

    async def sightings(self, ids: Sequence[str]) -> Mapping[str, Sequence[Sighting]]:
        """Return the records in which each of *ids* was ever found."""
        found: dict[str, list[Sighting]] = {}
        with translated("read the finds of DROP"):
            async for one in self._matches.find({"wanted": {"$in": list(ids)}}).sort("_id", 1):
                name = one["_id"].partition("/")[2]
                sighting = Sighting(name, one["collection"], one["record"], one["batch"])
                found.setdefault(one["wanted"], []).append(sighting)
        return found

    def _keyed(self, kind: ListKind, digest: bytes) -> bytes:
        content = kind.value.encode() + b"\0" + digest
        return hmac.new(self._key, content, sha256).digest()[:KEY_BYTES]

    def _fingerprint(self, collection: str, record: Any) -> str:
        content = collection.encode() + b"\0" + id_bytes(record)
        return hmac.new(self._key, content, sha256).hexdigest()[:32]


def _wanted(document: Document) -> ListedHash:
    return ListedHash(document["_id"], bytes(document["key"]), ListKind(document["list"]), document["batch"])
