"""
Registers in Habeas' own database that outlive a case: retained records, the erasure journal, the daily job.

They hold no personal data except primary keys: the values that make a record the person's are kept as keyed
hashes.
"""

import hmac
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b, sha256
from itertools import chain, islice
from typing import Any

from services.fulfillment.datamap.model import CollectionPlace, DataMap
from services.fulfillment.domain import CONTRACT, LEGAL_HOLD, NOT_CHANGEABLE
from services.fulfillment.erasure.journal.entries import (
    ErasureEntry,
    Fingerprints,
    as_document,
    entries_of,
    of_document,
)
from services.fulfillment.erasure.steps import Disposition, RecordPlan, RecordStep, steps_where
from services.fulfillment.search.ownership import OwnershipMatch, hashed_matches
from shared.portions import portions
from shared.runtime.bulk_insert import Insertions
from shared.runtime.dataloader import in_thread
from shared.runtime.mongo import (
    Database,
    Document,
    UpdateOne,
    create_compressed,
    id_bytes,
    insert_new,
    to_bson,
    translated,
)
from shared.runtime.worker import WakeUp

RETAINED_RECORDS_KEY = "kept records"
"""Purpose of the key that values are hashed with."""
ENTRIES_PER_WRITE = 1_000
RECORDS_PER_PURGE = 10_000
"""Records that are purged together, with one certificate."""


LEASE = timedelta(hours=1)
"""How long a running daily job may be silent before another replica takes over."""
REMEMBERED_FOR = timedelta(days=30)
"""How long the state of a day is kept."""


@dataclass(frozen=True, slots=True)
class RetainedRecord:
    """A record that an erasure has left."""

    name: str
    """Its ``_id`` in the register."""
    erasure: str
    """The request, or the number of the certificate if there is no request."""
    version: str
    key: str
    place: CollectionPlace
    id: Mapping[str, Any]
    reason: str
    retried: bool
    """Whether its erasure failed and the service retries it, because a requester waits for the result."""
    marks: Sequence[tuple[str, str | None, bytes, Sequence[tuple[str, bytes]]]]
    """The values that make the record the person's: path, array, hash, other parts of a key."""
    begun: str | None = None
    """Number of the certificate for the purge that has begun to erase it."""


class RetainedRecords:
    """The register of one installation."""

    def __init__(self, database: Database, key: bytes) -> None:
        """Keep entries in *database*; values are hashed with *key*."""
        self._kept = database["kept"]
        self._key = key

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the retained records"):
            await self._kept.create_index([("until", 1), ("erasure", 1)])
            await self._kept.create_index("erasure")

    async def keep(self, decided: RecordPlan, *, erasure: str, at: datetime, asked: bool) -> None:
        """
        Register the records that *decided* leaves: the retained ones, and failed erasures.

        It may be repeated; earlier entries of the same *erasure* for records that are gone are deleted.

        Law:
            GDPR Art. 5(1)(e), 17(1)(a): when the reason to keep a record has ended, it is erased.
        """
        found = await in_thread(lambda: list(self._entries(decided, erasure, at)), small=decided.is_small)
        entries = [entry | {"asked": asked} for entry in found]
        names = {entry["_id"] for entry in entries}
        with translated("register kept records"):
            for some in portions(entries, ENTRIES_PER_WRITE):
                writes = [UpdateOne({"_id": entry["_id"]}, {"$set": entry}, upsert=True) for entry in some]
                await self._kept.bulk_write(writes, ordered=False)
            before = [document["_id"] async for document in self._kept.find({"erasure": erasure}, {"_id": 1})]
            gone = sorted(set(before) - names)
            for names_gone in portions(gone, ENTRIES_PER_WRITE):
                await self._kept.delete_many({"_id": {"$in": names_gone}})

    async def due(self, today: date) -> AsyncIterator[RetainedRecord]:
        """Yield the records retained until yesterday or earlier."""
        condition = {"until": {"$lt": today.isoformat()}}
        with translated("read kept records"):
            async for document in self._kept.find(condition).sort([("until", 1), ("erasure", 1)]):
                yield _retained_record(document)

    async def enlist(self, steps: Iterable[RecordStep], *, version: str, order: str) -> None:
        """Register the records of *steps* for the approved purge *order*; it may be repeated."""
        entries = [self._entry(step, version, order, until=None) for step in steps]
        with translated("register records to purge"):
            for some in portions(entries, ENTRIES_PER_WRITE):
                writes = [UpdateOne({"_id": one["_id"]}, {"$setOnInsert": one}, upsert=True) for one in some]
                await self._kept.bulk_write(writes, ordered=False)

    async def parts_of(self, order: str) -> AsyncIterator[Sequence[RetainedRecord]]:
        """Yield the records of the approved purge *order* in parts; a part that has begun stays together."""
        with translated("read records to purge"):
            begun = await self._kept.distinct("begun", {"erasure": order, "begun": {"$ne": None}})
            for number in begun:
                yield await self._found({"erasure": order, "begun": number})
            while some := await self._found({"erasure": order, "begun": None}, most=RECORDS_PER_PURGE):
                yield some

    async def begin(self, entries: Sequence[RetainedRecord], number: str) -> bool:
        """
        Note that the purge with the certificate *number* begins to erase the records of *entries*.

        Return whether all are its own: a record that another purge has begun stays with that one.
        """
        ours = 0
        with translated("begin a purge"):
            for some in portions(entries, ENTRIES_PER_WRITE):
                free = {"_id": {"$in": [entry.name for entry in some]}, "begun": {"$in": [None, number]}}
                ours += (await self._kept.update_many(free, {"$set": {"begun": number}})).matched_count
        return ours == len(entries)

    async def _found(self, condition: Document, most: int = 0) -> Sequence[RetainedRecord]:
        found = self._kept.find(condition).limit(most)
        return [_retained_record(document) async for document in found]

    async def forget(self, entries: Sequence[RetainedRecord]) -> None:
        """Delete *entries*: their records were checked again."""
        with translated("forget kept records"):
            for some in portions(entries, ENTRIES_PER_WRITE):
                await self._kept.delete_many({"_id": {"$in": [entry.name for entry in some]}})

    def matches(self, entry: RetainedRecord, document: Document) -> tuple[OwnershipMatch, ...]:
        """Return the matches that still make *document* the person's, by the marks of *entry*."""
        if not entry.marks:
            # The erasure has masked the values it was found by: only the primary key is left.
            return (OwnershipMatch("_id", None, (document["_id"],)),)
        return tuple(
            match
            for path, unit, digest, *others in entry.marks  # those of an earlier version have no other parts
            for match in hashed_matches(
                document, path, unit, frozenset({digest}), [*chain(*others)], hash_of=self._digest
            )
        )

    def _entries(self, decided: RecordPlan, erasure: str, at: datetime) -> Iterator[Document]:
        for step in steps_where(decided.steps, lambda step: _until(step, at.date()) is not None):
            yield self._entry(step, decided.version, erasure, until=_until(step, at.date()))

    def _entry(self, step: RecordStep, version: str, erasure: str, *, until: date | None) -> Document:
        identity = [[path, value] for path, value in step.id.items()]
        return {
            "_id": f"{erasure}/{self._digest([step.key, *identity]).hex()}",
            "erasure": erasure,
            "version": version,
            "key": step.key,
            "place": list(step.place),
            "id": identity,
            "until": until and until.isoformat(),
            "reason": step.reason,
            "refused": step.disposition is Disposition.LEFT,
            "marks": list(self._marks(step)),
        }

    def _marks(self, step: RecordStep) -> Iterator[list[Any]]:
        """Yield the marks of the record, except values that the erasure has masked in it, if it is theirs."""
        # Of another person's document the primary key is no mark: nothing else in it is the person's.
        masked = step.owned and step.disposition is Disposition.RETAINED
        hidden = {mask.path for mask in step.masks} if masked else set()
        for match in step.reasons:
            if not hidden.isdisjoint(path for path, _ in match.conditions):
                continue
            others = [[path, self._digest(value)] for path, value in match.others]
            yield from ([match.path, match.unit, self._digest(value), others] for value in match.values)

    def _digest(self, value: Any) -> bytes:
        return hmac.new(self._key, id_bytes(value), sha256).digest()


def _retained_record(document: Document) -> RetainedRecord:
    return RetainedRecord(
        name=document["_id"],
        erasure=document["erasure"],
        version=document["version"],
        key=document["key"],
        place=CollectionPlace(*document["place"]),
        id=dict(document["id"]),
        reason=document["reason"],
        retried=document["refused"] and document.get("asked", False),
        marks=document["marks"],
        begun=document.get("begun"),
    )


def _until(step: RecordStep, today: date) -> date | None:
    """
    Return the day to check the record of *step* again; None if it is never due.

    Holds, contracts and refusals may end any day; the prohibition of a map does not.
    """
    if step.reason == NOT_CHANGEABLE:
        return None
    if step.disposition is Disposition.LEFT or step.reason in (LEGAL_HOLD, CONTRACT):
        return today
    return step.until if step.disposition is Disposition.RETAINED else None


def by_erasure(entries: Iterable[RetainedRecord]) -> Sequence[Sequence[RetainedRecord]]:
    """Return *entries* by erasure, version of the data map, begun purge, and whether the service retries."""
    groups: dict[tuple[str, str, str | None, bool], list[RetainedRecord]] = {}
    for entry in entries:
        groups.setdefault((entry.erasure, entry.version, entry.begun, entry.retried), []).append(entry)
    return list(groups.values())


NEVER = datetime(2018, 5, 25, tzinfo=UTC)
"""Before the first purge."""
PURGE_LEASE = timedelta(minutes=10)
"""How long a running purge may be silent before another replica continues it."""


@dataclass(frozen=True, slots=True)
class PurgeOrder:
    """An approved purge of the records of one collection past their period."""

    id: str
    key: str
    day: date
    """The day on which they were past it."""
    version: str
    """Of the data map."""
    records: int
    """How many staff was shown: no more are erased."""
    registered: bool = False
    """Whether all of them are in the register of retained records."""
    done: bool = False
    proposed: bool = False
    """Whether it waits for the approval of a second account."""


class PurgeOrders:
    """The collection ``purges``: proposed and approved purges, for ever."""

    def __init__(self, database: Database) -> None:
        """Keep them in *database*."""
        self._purges = database["purges"]
        self.enqueued = WakeUp()
        """Wakes when this process has enqueued an order."""

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the purges"):
            await self._purges.create_index("at", partialFilterExpression={"done": False})
            await self._purges.create_index([("day", -1)])

    async def take(self, order: PurgeOrder) -> None:
        """Enqueue *order*, unless it is only proposed; repeating it changes nothing."""
        fresh = {"_id": order.id, "key": order.key, "day": order.day.isoformat(), "version": order.version}
        # A proposal is neither done nor to be done: no job takes it.
        rest = {"records": order.records, "registered": False, "at": NEVER, "done": None}
        await insert_new(self._purges, [fresh | rest])
        if order.proposed:
            return
        with translated("enqueue a purge"):
            await self._purges.update_one({"_id": order.id, "done": None}, {"$set": {"done": False}})
        self.enqueued.within(0)

    async def begin(self, now: datetime) -> PurgeOrder | None:
        """Take a waiting order, or one that a replica has left, and return it."""
        waiting = {"done": False, "at": {"$lt": now - PURGE_LEASE}}
        with translated("begin a purge"):
            found: Document | None = await self._purges.find_one_and_update(
                waiting, {"$set": {"at": now}}, sort=[("at", 1)]
            )
        return None if found is None else _order(found)

    async def listed(self, order: str | None = None) -> AsyncIterator[PurgeOrder]:
        """Yield all orders, the latest first; or *order* alone."""
        with translated("list the purges"):
            async for found in self._purges.find({} if order is None else {"_id": order}).sort("day", -1):
                yield _order(found)

    async def prolong(self, order: str, now: datetime) -> None:
        """Prolong the lease of *order*."""
        await self._set(order, at=now)

    async def note_registered(self, order: str) -> None:
        """Record that all records of *order* are registered."""
        await self._set(order, registered=True)

    async def end(self, order: str) -> None:
        """Record that *order* is executed."""
        await self._set(order, done=True)

    async def _set(self, order: str, **values: Any) -> None:
        with translated("note the state of a purge"):
            await self._purges.update_one({"_id": order}, {"$set": values})


def _order(found: Document) -> PurgeOrder:
    day, done = date.fromisoformat(found["day"]), found["done"]
    state = (found["registered"], bool(done), done is None)
    return PurgeOrder(found["_id"], found["key"], day, found["version"], found["records"], *state)


class DailyJobStates:
    """The collection ``days``: the state of the daily job by day."""

    def __init__(self, database: Database) -> None:
        """Keep the states in *database*."""
        self._days = database["days"]

    async def prepare(self) -> None:
        """Create the index that expires old days."""
        with translated("index the days"):
            await self._days.create_index("at", expireAfterSeconds=int(REMEMBERED_FOR.total_seconds()))

    async def begin(self, day: date, now: datetime) -> bool:
        """
        Take the job of *day*; return whether it is ours: it was free, or its owner is silent.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        entry = {"_id": day.isoformat(), "at": now, "done": False}
        if not await insert_new(self._days, [entry]):
            return True
        silent = {"_id": day.isoformat(), "done": False, "at": {"$lt": now - LEASE}}
        with translated("take a daily job"):
            return (await self._days.update_one(silent, {"$set": {"at": now}})).modified_count > 0

    async def prolong(self, day: date, now: datetime) -> None:
        """Record that the job of *day* is still running."""
        with translated("prolong a daily job"):
            await self._days.update_one({"_id": day.isoformat()}, {"$set": {"at": now}})

    async def end(self, day: date) -> None:
        """Record that the job of *day* is done."""
        with translated("end a daily job"):
            await self._days.update_one({"_id": day.isoformat()}, {"$set": {"done": True}})


JOURNALED_PER_WRITE = 100
USUAL_RETENTION = timedelta(days=35)
"""Default age of the oldest backups."""
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class ErasureJournal:
    """The erasure journal of one installation."""

    def __init__(self, database: Database, fingerprints: Fingerprints, keep: timedelta) -> None:
        """Keep entries in *database* for *keep*: an older backup cannot be replayed."""
        self._erasures = database["erasures"]
        self._insertions = Insertions(self._erasures)
        self._fingerprints = fingerprints
        self._keep = keep

    async def prepare(self) -> None:
        """Create the indexes."""
        await create_compressed(self._erasures)
        with translated("index the erasure journal"):
            await self._erasures.create_index([("at", -1), ("erasure", 1)])
            await self._erasures.create_index("expires_at", expireAfterSeconds=0)

    async def record(self, plan: RecordPlan, data_map: DataMap, *, erasure: str, at: datetime) -> None:
        """
        Record an erasure by *plan*; call it when the erasure is done, and before the result is published.

        Repeating it adds nothing; further changes by another attempt are added.

        Raises:
            StoreUnavailable: The database did not answer; the call may be repeated.
        """
        entries = entries_of(plan, data_map, erasure, at, self._fingerprints)
        while some := [self._document(entry) for entry in islice(entries, JOURNALED_PER_WRITE)]:
            await self._insertions.add(some)

    async def prolong(self, erasure: str) -> None:
        """
        Restart the expiry of the entries of *erasure*.

        Records that returned with a backup are in the backups made since, too.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        until = datetime.now(UTC) + self._keep
        with translated("prolong the erasure journal"):
            await self._erasures.update_many({"erasure": erasure}, {"$max": {"expires_at": until}})

    async def since(
        self, day: datetime = EARLIEST, *, store: str | None = None
    ) -> AsyncIterator[ErasureEntry]:
        """
        Yield the entries of erasures made since *day*, the latest first, those of one erasure together.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        wanted: Document = {"at": {"$gte": day}} | ({} if store is None else {"store": store})
        with translated("read the erasure journal"):
            async for document in self._erasures.find(wanted).sort([("at", -1), ("erasure", 1)]):
                yield of_document(document)

    def _document(self, entry: ErasureEntry) -> Document:
        content = as_document(entry)
        digest = blake2b(to_bson(content), digest_size=16).hexdigest()
        times = {"at": entry.at, "expires_at": entry.at + self._keep}
        return {"_id": f"{entry.erasure}:{digest}", **content, **times}
