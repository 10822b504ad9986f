"""Which requests came by this door, and as what; nothing of the person."""

from collections.abc import AsyncIterator
from typing import Any

from pydantic import TypeAdapter

from services.intake.fides.entries import Between, Entry
from services.intake.fides.policies import Wish
from shared.events import RequestId
from shared.mongo import Database, Document, insert_new, translated

BATCH = 200
_WISH: TypeAdapter[Wish] = TypeAdapter(Wish)


class Ledger:
    """The collection ``fides_requests``."""

    def __init__(self, database: Database) -> None:
        """Keep it in *database*."""
        self._requests = database["fides_requests"]

    async def prepare(self) -> None:
        """Create the index."""
        with translated("index the requests of clients"):
            await self._requests.create_index([("at", -1), ("_id", -1)])

    async def add(self, entry: Entry) -> None:
        """Put *entry* down; again changes nothing."""
        document = {
            "_id": entry.case,
            "at": entry.at,
            "policy": entry.policy,
            "wish": str(entry.wish),
            "client": entry.client,
        }
        await insert_new(self._requests, [document])

    async def entry(self, case_id: RequestId) -> Entry | None:
        """Return the request called *case_id*, if it came by this door."""
        with translated("look a request of a client up"):
            found = await self._requests.find_one({"_id": case_id})
        return None if found is None else _entry(found)

    async def count(self, between: Between) -> int:
        """Return how many there are."""
        with translated("count the requests of clients"):
            return int(await self._requests.count_documents(_wanted(between)))

    async def batches(self, between: Between, *, skip: int = 0) -> AsyncIterator[list[Entry]]:
        """Yield them, many at a time, without the first *skip*."""
        turn = 1 if between.oldest_first else -1
        batch: list[Entry] = []
        with translated("list the requests of clients"):
            found = self._requests.find(_wanted(between)).sort([("at", turn), ("_id", turn)]).skip(skip)
            async for document in found:
                batch.append(_entry(document))
                if len(batch) == BATCH:
                    yield batch
                    batch = []
        if batch:
            yield batch


def _wanted(between: Between) -> Document:
    span: dict[str, Any] = {"$gt": between.after, "$lt": between.before}
    asked = {name: at for name, at in span.items() if at is not None}
    return {"at": asked} if asked else {}


def _entry(document: Document) -> Entry:
    return Entry(
        document["_id"],
        document["at"],
        document["policy"],
        _WISH.validate_python(document["wish"]),
        document["client"],
    )
