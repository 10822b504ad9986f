"""
The work of every day: what was kept until yesterday goes, what was refused is tried again.

Letters promise it, so it hangs on nobody's timetable. However many replicas there are, one of them does it;
it says so in the database first, and if it dies, another goes on after an hour.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

from services.fulfillment.erasure.deferred import Purging
from services.fulfillment.erasure.retained_records import RetainedRecord
from shared.contract.envelope import encode
from shared.contract.events import ErasureRetried
from shared.errors import HabeasError
from shared.runtime import log
from shared.runtime.broker import Message
from shared.runtime.mongo import Database, insert_new, translated

LEASE = timedelta(hours=1)
"""How long whoever has begun a day's work may be silent before another goes on with it."""
LOOK_EVERY_S = 600.0
"""Seconds between two looks whether it is another day."""
REMEMBERED_FOR = timedelta(days=30)

Publish = Callable[[list[Message]], Awaitable[None]]


class Days:
    """The collection ``days``: which days' work is begun and done."""

    def __init__(self, database: Database) -> None:
        """Keep them in *database*."""
        self._days = database["days"]

    async def prepare(self) -> None:
        """Create the index by which old days are forgotten."""
        with translated("index the days"):
            await self._days.create_index("at", expireAfterSeconds=int(REMEMBERED_FOR.total_seconds()))

    async def begin(self, day: date, now: datetime) -> bool:
        """
        Take the work of *day* on; return whether it is ours: it is nobody's, or whoever had it is silent.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        entry = {"_id": day.isoformat(), "at": now, "done": False}
        if not await insert_new(self._days, [entry]):
            return True
        silent = {"_id": day.isoformat(), "done": False, "at": {"$lt": now - LEASE}}
        with translated("take a day's work on"):
            return (await self._days.update_one(silent, {"$set": {"at": now}})).modified_count > 0

    async def alive(self, day: date, now: datetime) -> None:
        """Say that whoever has the work of *day* is still at it."""
        with translated("say that a day's work goes on"):
            await self._days.update_one({"_id": day.isoformat()}, {"$set": {"at": now}})

    async def end(self, day: date) -> None:
        """Say that the work of *day* is done."""
        with translated("say that a day's work is done"):
            await self._days.update_one({"_id": day.isoformat()}, {"$set": {"done": True}})


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Daily:
    """The work of every day, and the way to the services."""

    days: Days
    purging: Purging
    publish: Publish
    clock: Callable[[], datetime] = _now

    async def run(self, *, every_s: float = LOOK_EVERY_S) -> None:
        """Do each day's work when the day has come, for ever. What fails is done an hour later."""
        while True:
            try:
                await self.work()
            except HabeasError as error:
                log.logger().warning("the day's work is not done yet", reason=str(error))
            await asyncio.sleep(every_s)

    async def work(self) -> bool:
        """Do the work of the day unless somebody has; return whether it was done here."""
        now = self.clock()
        day = now.astimezone(self.purging.zone).date()
        if not await self.days.begin(day, now):
            return False
        done = True
        for entries in await self.purging.left(day):
            await self.days.alive(day, self.clock())
            try:
                await self._do(entries, day)
            except HabeasError as error:
                # One store that is away must not keep back what lies in the others.
                done = False
                log.logger().warning(
                    "an erasure's rest stays", request_id=entries[0].erasure, reason=str(error)
                )
        if done:
            await self.days.end(day)
        return done

    async def _do(self, entries: Sequence[RetainedRecord], day: date) -> None:
        if entries[0].retried:
            await self.publish([_retried(entries[0].erasure, day)])
            return
        item = await self.purging.planned(entries, day)
        if not item.idle:
            await self.purging.purge(item)


def _retried(case: str, day: date) -> Message:
    """Return the order to try *case* again; the same for all who give it on one day."""
    id_ = uuid5(NAMESPACE_OID, f"{case} {day.isoformat()}").hex
    fact = ErasureRetried(request_id=case)
    body = encode(fact, id=id_, source="habeas/fulfillment", time=datetime.now(UTC))
    return Message(fact.EXCHANGE, fact.TYPE, body, id_)
