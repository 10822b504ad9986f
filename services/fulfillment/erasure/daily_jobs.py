"""
The daily job: erases records with an expired retention period and retries refused ones.

Letters promise it, so it needs no external schedule. One of the replicas does it: it registers in the
database first, and if it dies, another one goes on after an hour.
"""

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
from shared.runtime.worker import work_forever

LEASE = timedelta(hours=1)
"""How long a running daily job may be silent before another replica takes over."""
LOOK_EVERY_S = 600.0
"""Seconds between two checks of the date."""
REMEMBERED_FOR = timedelta(days=30)

Publish = Callable[[list[Message]], Awaitable[None]]


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


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class DailyJob:
    """The daily job, and its connection to the services."""

    days: DailyJobStates
    purging: Purging
    publish: Publish
    clock: Callable[[], datetime] = _now

    async def run(self, *, every_s: float = LOOK_EVERY_S) -> None:
        """Do the job of each day, for ever. A failed one is repeated after an hour."""
        await work_forever(
            self.once, service="fulfillment", delayed="daily job is retried later", every_s=every_s
        )

    async def once(self) -> None:
        """Do today's job if it is due."""
        await self.work()

    async def work(self) -> bool:
        """Do today's job unless another replica does; return whether it was done here."""
        now = self.clock()
        day = now.astimezone(self.purging.zone).date()
        if not await self.days.begin(day, now):
            return False
        done = True
        for entries in await self.purging.left(day):
            await self.days.prolong(day, self.clock())
            try:
                await self._do(entries, day)
            except HabeasError as error:
                # An unavailable store must not keep the records in the others.
                done = False
                log.logger().warning(
                    "retained records stay for now", request_id=entries[0].erasure, reason=str(error)
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
    """Return the command to retry *case*; all of one day are equal."""
    id_ = uuid5(NAMESPACE_OID, f"{case} {day.isoformat()}").hex
    fact = ErasureRetried(request_id=case)
    body = encode(fact, id=id_, source="habeas/fulfillment", time=datetime.now(UTC))
    return Message(fact.EXCHANGE, fact.TYPE, body, id_)
