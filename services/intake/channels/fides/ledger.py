"""
The ledger of requests of this API; without personal data.

Cleanup after a crash: bodies without a request, and requests without an announcement.

A client cannot repeat a request by name, so a timer finds them. A whole sealed body is announced again; any
other was never acknowledged, and is destroyed.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from services.intake.cases.service import RequestService
from services.intake.channels.fides.clients import source_of
from services.intake.channels.fides.filters import EntryRange
from services.intake.channels.fides.requests import Wish
from services.intake.channels.fides.responses import FidesEntry
from shared.contract.answer import SUBMISSION
from shared.contract.events import RequestId, RequestSubmitted
from shared.contract.ports import VaultPort
from shared.errors import UnknownRequest
from shared.runtime.log import logger
from shared.runtime.mongo import Database, Document, insert_new, translated
from shared.runtime.worker import work_forever

BATCH = 200
_WISH: TypeAdapter[Wish] = TypeAdapter(Wish)

LEFT_AFTER = timedelta(days=1)
LOOK_EVERY_S = 600.0


class FidesLedger:
    """The collection ``fides_requests``."""

    def __init__(self, database: Database) -> None:
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
        with translated("list the requests of clients"):
            found = self._requests.find(_wanted(between)).sort([("at", turn), ("_id", turn)]).skip(skip)
            while batch := await found.to_list(BATCH):
                yield list(map(_entry, batch))


def _wanted(between: EntryRange) -> Document:
    span: dict[str, Any] = {"$gt": between.after, "$lt": between.before}
    asked = {name: at for name, at in span.items() if at is not None}
    return {"at": asked} if asked else {}


def _entry(document: Document) -> FidesEntry:
    wish = _WISH.validate_python(document["wish"])
    return FidesEntry(document["_id"], document["at"], document["policy"], wish, document["client"])


@dataclass(frozen=True, slots=True)
class RequestCleanup:
    """Checks the requests of a day ago."""

    ledger: FidesLedger
    requests: RequestService
    vault: VaultPort

    async def work(self) -> None:
        """Check all requests once."""
        async for entries in self.ledger.unregistered(self.requests.clock() - LEFT_AFTER):
            histories = await self.requests.journal.histories({entry.case for entry in entries})
            await self.ledger.registered([case for case, rows in histories.items() if rows])
            for entry in entries:
                if not histories.get(entry.case):
                    await self._settle(entry)

    async def _settle(self, entry: FidesEntry) -> None:
        try:
            sealed = await self.requests.kept(entry.case, SUBMISSION)
        except UnknownRequest:
            await self.vault.destroy(entry.case)
            await self.ledger.remove(entry.case)
            logger().warning(
                "a body that is no request is destroyed", service="intake", request_id=entry.case
            )
            return
        request = RequestSubmitted.model_validate_json(sealed)
        await self.requests.lodge(request, source_of(entry.client), at=entry.at)


async def run_cleanup(work: Callable[[], Awaitable[None]]) -> None:
    """Do *work* again and again, until cancelled; an outage only delays it."""
    await work_forever(work, service="intake", delayed="cleanup delayed", every_s=LOOK_EVERY_S)
