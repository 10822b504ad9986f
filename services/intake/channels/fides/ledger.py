"""The ledger of requests of this API; without personal data."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from services.intake.channels.fides.entries import EntryRange, FidesEntry
from services.intake.channels.fides.policies import Wish
from shared.contract.events import RequestId
from shared.runtime.mongo import Database, Document, insert_new, translated

BATCH = 200
_WISH: TypeAdapter[Wish] = TypeAdapter(Wish)


class FidesLedger:
    """The collection ``fides_requests``."""

    def __init__(self, database: Database) -> None:
        """Store it in *database*."""
        self._requests = database["fides_requests"]

    async def prepare(self) -> None:
        """Create the index."""
        with translated("index the requests of clients"):
            await self._requests.create_index([("at", -1), ("_id", -1)])
            unregistered = {"registered": False}
            await self._requests.create_index("at", partialFilterExpression=unregistered)

    async def add(self, entry: FidesEntry) -> None:
        """Add *entry*; adding it again has no effect."""
        document = {
            "_id": entry.case,
            "at": entry.at,
            "policy": entry.policy,
            "wish": str(entry.wish),
            "client": entry.client,
            "registered": False,
        }
        await insert_new(self._requests, [document])

    async def unregistered(self, before: datetime) -> AsyncIterator[list[FidesEntry]]:
        """Yield requests from *before* a moment that are not known to be registered, in batches."""
        with translated("find unregistered requests"):
            found = self._requests.find({"registered": False, "at": {"$lt": before}})
            while batch := await found.to_list(BATCH):
                yield list(map(_entry, batch))

    async def registered(self, case_ids: Sequence[RequestId]) -> None:
        """Record that requests are registered."""
        with translated("mark requests of clients as registered"):
            named = {"_id": {"$in": list(case_ids)}}
            await self._requests.update_many(named, {"$set": {"registered": True}})

    async def remove(self, case_id: RequestId) -> None:
        """Forget a request that does not exist."""
        with translated("forget a request of a client"):
            await self._requests.delete_one({"_id": case_id})

    async def entry(self, case_id: RequestId) -> FidesEntry | None:
        """Return the request called *case_id*, if it came by this API."""
        with translated("find a request of a client"):
            found = await self._requests.find_one({"_id": case_id})
        return None if found is None else _entry(found)

    async def count(self, between: EntryRange) -> int:
        """Return their number."""
        with translated("count the requests of clients"):
            return int(await self._requests.count_documents(_wanted(between)))

    async def batches(self, between: EntryRange, *, skip: int = 0) -> AsyncIterator[list[FidesEntry]]:
        """Yield them in batches, without the first *skip*."""
        turn = 1 if between.oldest_first else -1
        batch: list[FidesEntry] = []
        with translated("list the requests of clients"):
            found = self._requests.find(_wanted(between)).sort([("at", turn), ("_id", turn)]).skip(skip)
            async for document in found:
                batch.append(_entry(document))
                if len(batch) == BATCH:
                    yield batch
                    batch = []
        if batch:
            yield batch


def _wanted(between: EntryRange) -> Document:
    span: dict[str, Any] = {"$gt": between.after, "$lt": between.before}
    asked = {name: at for name, at in span.items() if at is not None}
    return {"at": asked} if asked else {}


def _entry(document: Document) -> FidesEntry:
    return FidesEntry(
        document["_id"],
        document["at"],
        document["policy"],
        _WISH.validate_python(document["wish"]),
        document["client"],
    )
