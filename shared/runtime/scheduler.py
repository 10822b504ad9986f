"""
Moments that are waited for: each is told once, by whichever replica sees it first, whatever stops meanwhile.

A moment is a document that waits until the broker has confirmed that it was told. Two replicas may tell it at
the same time, under the same id, and whoever hears it twice has handled it already.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from shared.contract.breaches import BreachTimeCame
from shared.contract.events import DeadlineCame, DisclosureDue, ErasureDue, TimeCame
from shared.errors import TransientError
from shared.runtime.broker import EventPublisher, Message
from shared.runtime.dataloader import DataLoader
from shared.runtime.journal import JournalRow
from shared.runtime.log import logger
from shared.runtime.mongo import Database, UpdateOne, translated
from shared.runtime.service import messages_of

TimerEvent: TypeAlias = TimeCame | DeadlineCame | ErasureDue | DisclosureDue | BreachTimeCame
"""What tells a service of a moment."""
LOOK_EVERY_S = 1.0
MOST_AT_ONCE = 500
KEEP = timedelta(days=400)
"""How long it is remembered that a moment was told, so that setting it again does not tell it again."""


@dataclass(frozen=True, slots=True)
class Timer:
    """A moment."""

    case: str
    name: str
    at: datetime

    @property
    def key(self) -> str:
        """What tells it from all others: a case waits for one moment of a name."""
        return f"{self.case}/{self.name}"


class Timers:
    """The moments that one service waits for."""

    def __init__(self, database: Database) -> None:
        """Keep them in *database*."""
        self._timers = database["timers"]
        self._set: DataLoader[Timer, None] = DataLoader(self._set_all)

    async def prepare(self) -> None:
        """Create the index."""
        with translated("index the timers"):
            await self._timers.create_index("at", partialFilterExpression={"told": False})
            await self._timers.create_index("name")
            await self._timers.create_index("told_at", expireAfterSeconds=int(KEEP.total_seconds()))

    async def set(self, case: str, name: str, at: datetime) -> None:
        """
        Have the moment *at* told to the service, by the event that it has for that.

        The first one that is set for a case under *name* counts; it may be set again and again.
        """
        await self._set(Timer(case, name, at))

    async def _set_all(self, timers: Sequence[Timer]) -> Mapping[Timer, None]:
        first = {timer.key: timer for timer in reversed(timers)}
        with translated("set timers"):
            await self._timers.bulk_write([_unless_set(timer) for timer in first.values()], ordered=False)
        return dict.fromkeys(timers)

    async def due(self, now: datetime) -> list[Timer]:
        """Return the moments that have come and were not told, the earliest first."""
        with translated("look for timers"):
            cursor = self._timers.find({"told": False, "at": {"$lte": now}}).sort("at", 1)
            found = await cursor.to_list(MOST_AT_ONCE)
        return [Timer(document["case"], document["name"], document["at"]) for document in found]

    async def mark_published(self, timers: Sequence[Timer]) -> None:
        """Remember that *timers* were told."""
        with translated("settle timers"):
            names = [timer.key for timer in timers]
            change = {"told": True, "told_at": datetime.now(UTC)}
            await self._timers.update_many({"_id": {"$in": names}}, {"$set": change})


async def publish_due_timers(
    timers: Timers,
    publisher: EventPublisher,
    service: str,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    *,
    event: Callable[..., TimerEvent],
) -> None:
    """Tell every moment as an *event* when it has come, for ever; an outage only delays it."""
    while True:
        try:
            while due := await timers.due(clock()):
                await publisher.publish(
                    [message for timer in due for message in _messages(timer, service, event)]
                )
                await timers.mark_published(due)
        except TransientError as error:
            logger().warning("a moment is told later", service=service, reason=str(error))
        await asyncio.sleep(LOOK_EVERY_S)


def _unless_set(timer: Timer) -> UpdateOne:
    fresh = {"case": timer.case, "name": timer.name, "at": timer.at, "told": False}
    return UpdateOne({"_id": timer.key}, {"$setOnInsert": fresh}, upsert=True)


def _messages(timer: Timer, service: str, event: Callable[..., TimerEvent]) -> list[Message]:
    fact = event(request_id=timer.case, name=timer.name)
    # The id follows from the cause: the same moment has the same id, whoever tells it.
    return list(messages_of(JournalRow("", 0, f"timer {timer.key}", None, (fact,), timer.at), service))
