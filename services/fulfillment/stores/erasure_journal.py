"""The collection ``erasures``: the erasure journal. It belongs to no case, and survives the case's key."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import islice

from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.journal.entries import ErasureEntry, as_document, entries_of, of_document
from services.fulfillment.erasure.journal.fingerprints import Fingerprints
from services.fulfillment.erasure.steps import ErasurePlan
from shared.runtime.bulk_insert import Insertions
from shared.runtime.mongo import Database, Document, to_bson, translated

ENTRIES_PER_WRITE = 100
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
        with translated("index the erasure journal"):
            await self._erasures.create_index([("at", -1), ("erasure", 1)])
            await self._erasures.create_index("expires_at", expireAfterSeconds=0)

    async def record(self, plan: ErasurePlan, data_map: DataMap, *, erasure: str, at: datetime) -> None:
        """
        Record an erasure by *plan*; call it when the erasure is done, and before the result is published.

        Repeating it adds nothing; further changes by another attempt are added.

        Raises:
            StoreUnavailable: The database did not answer; the call may be repeated.
        """
        entries = entries_of(plan, data_map, erasure, at, self._fingerprints)
        while some := [self._document(entry) for entry in islice(entries, ENTRIES_PER_WRITE)]:
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
