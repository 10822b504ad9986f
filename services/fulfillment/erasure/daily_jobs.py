"""
The daily job: erases records with an expired retention period and retries refused ones.

Letters promise it, so it needs no external schedule. One of the replicas does it: it registers in the
database first, and if it dies, another one goes on after an hour.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import NAMESPACE_OID, uuid5

from services.fulfillment.erasure.deferred import Purging
from services.fulfillment.stores.retained_records import DailyJobStates, RetainedRecord
from shared.contract.envelope import encode
from shared.contract.events import ErasureRetried
from shared.errors import HabeasError
from shared.runtime import log
from shared.runtime.broker import Message
from shared.runtime.worker import work_forever

LOOK_EVERY_S = 600.0
"""Seconds between two checks of the date."""

Publish = Callable[[list[Message]], Awaitable[None]]


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
