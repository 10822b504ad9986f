"""
Timers: each is published once, by the first replica that sees it due, despite crashes.

A timer is a document that waits until the broker has confirmed its event. Two replicas may publish it at
the same time, under the same id, and its consumer recognises the repetition. The process that sets a timer
wakes its own publisher; the timers of a process that died are found by the next look.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from shared.contract.correlation import Correlation
from shared.contract.events import DeadlineCame, DisclosureDue, ErasureDue, TimeCame
from shared.contract.events.breaches import BreachTimeCame
from shared.runtime.audit_chain import PUBLISHER
from shared.runtime.broker import EventPublisher, Message
from shared.runtime.dataloader import DataLoader
from shared.runtime.journal import JournalRow, correlation_from, stored_correlation
from shared.runtime.mongo import (
    Database,
    DeleteMany,
    IndexModel,
    UpdateOne,
    create_compressed,
    starting,
    translated,
)
from shared.runtime.service import messages_of
from shared.runtime.worker import WakeUp, work_forever

TimerEvent: TypeAlias = TimeCame | DeadlineCame | ErasureDue | DisclosureDue | BreachTimeCame
"""An event that reports a moment to a service."""
Correlations: TypeAlias = Callable[[Collection[str]], Awaitable[Mapping[str, Correlation]]]
"""Returns the correlation of each case that has one."""
LOOK_EVERY = timedelta(seconds=10)
RETRY_EVERY_S = 1.0
MOST_AT_ONCE = 500
KEEP = timedelta(days=400)
"""How long a published timer is remembered, so that setting it again does not publish it again."""


@dataclass(frozen=True, slots=True)
class Timer:
    """A moment."""

    case: str
    name: str
    at: datetime
    correlation: Correlation | None = None

    @property
    def key(self) -> str:
        """Its identity: a case has one timer of a name."""
        return f"{self.case}/{self.name}"

    @property
    def kind(self) -> str:
        """Its name without the day or the numbers at the end."""
        return self.name.rstrip("_0123456789")


class Timers:
    """The moments that one service waits for."""

    def __init__(self, database: Database) -> None:
        """Keep them in *database*."""
        self._timers = database["timers"]
        self._set: DataLoader[Timer, None] = DataLoader(self._set_all)
        self._cancel: DataLoader[str, None] = DataLoader(self._cancel_all)
        self.due_soon = WakeUp()
        """Wakes at the first timer that is due before the next regular look."""

    async def prepare(self) -> None:
        """Create the indexes."""
        indexes = [
            IndexModel("at", partialFilterExpression={"published": False}),
            IndexModel([("kind", 1), ("published", 1), ("at", 1)]),
            IndexModel("published_at", expireAfterSeconds=int(KEEP.total_seconds())),
        ]
        await create_compressed(self._timers)
        with translated("index the timers"):
            await self._timers.create_indexes(indexes)

    async def set(self, case: str, name: str, at: datetime, correlation: Correlation | None = None) -> None:
        """
        Have an event published to the service *at* a moment.

        The first timer of a case under *name* counts; it may be set again and again. *correlation* is for a
        moment that may come before the first row of *case*.
        """
        await self._set(Timer(case, name, at, correlation))

    async def _set_all(self, timers: Sequence[Timer]) -> Mapping[Timer, None]:
        first = {timer.key: timer for timer in reversed(timers)}
        with translated("set timers"):
            await self._timers.bulk_write([_unless_set(timer) for timer in first.values()], ordered=False)
        self._wake_at(min(timer.at for timer in timers), datetime.now(UTC))
        return dict.fromkeys(timers)

    async def cancel(self, case: str, kind: str) -> None:
        """Remove the timers of *case* with a name that begins with *kind*; they may be set again."""
        await self._cancel(f"{case}/{kind}")

    async def _cancel_all(self, starts: Sequence[str]) -> Mapping[str, None]:
        named = [DeleteMany({"_id": starting(start)}) for start in starts]
        with translated("cancel timers"):
            await self._timers.bulk_write(named, ordered=False)
        return dict.fromkeys(starts)

    async def due(self, now: datetime) -> list[Timer]:
        """
        Return the timers that are due at *now* and not published, the earliest first.

        If there are none, :attr:`due_soon` wakes at the first that is due within :data:`LOOK_EVERY`.
        """
        with translated("look for timers"):
            cursor = self._timers.find({"published": False, "at": {"$lte": now + LOOK_EVERY}}).sort("at", 1)
            found = await cursor.to_list(MOST_AT_ONCE)
        timers = [
            Timer(one["case"], one["name"], one["at"], correlation_from(one.get(PUBLISHER))) for one in found
        ]
        due = [timer for timer in timers if timer.at <= now]
        if timers and not due:
            self._wake_at(timers[0].at, now)
        return due

    def _wake_at(self, moment: datetime, now: datetime) -> None:
        if moment - now < LOOK_EVERY:
            self.due_soon.within((moment - now).total_seconds())

    async def publish_again(self, keys: Sequence[str]) -> None:
        """Have the published timers of *keys* published again, under the same ids; it may be repeated."""
        with translated("publish timers again"):
            again = {"$set": {"published": False}, "$unset": {"published_at": ""}}
            await self._timers.update_many({"_id": {"$in": list(keys)}, "published": True}, again)

    async def mark_published(self, timers: Sequence[Timer]) -> None:
        """Record that *timers* were published."""
        with translated("settle timers"):
            names = [timer.key for timer in timers]
            change = {"published": True, "published_at": datetime.now(UTC)}
            await self._timers.update_many(
                {"_id": {"$in": names}}, {"$set": change, "$unset": {PUBLISHER: ""}}
            )


async def publish_due_timers(  # noqa: PLR0913 - the parts of a loop
    timers: Timers,
    publisher: EventPublisher,
    service: str,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    *,
    event: Callable[..., TimerEvent],
    correlations: Correlations,
) -> None:
    """Publish each timer as an *event* when it is due, for ever; an outage only delays it."""

    async def publish() -> bool:
        due = await timers.due(clock())
        if due:
            known = await correlations({timer.case for timer in due if timer.correlation is None})
            messages = [_messages(timer, service, event, known.get(timer.case)) for timer in due]
            await publisher.publish([one for some in messages for one in some])
            await timers.mark_published(due)
        return bool(due)

    await work_forever(
        publish,
        service=service,
        delayed="a timer is published later",
        every_s=LOOK_EVERY.total_seconds(),
        retry_s=lambda _: RETRY_EVERY_S,
        wake=timers.due_soon,
    )


def _unless_set(timer: Timer) -> UpdateOne:
    fresh = {
        "case": timer.case, "name": timer.name, "kind": timer.kind, "at": timer.at, "published": False
    }  # fmt: skip
    if timer.correlation is not None:
        fresh[PUBLISHER] = stored_correlation(timer.correlation)
    return UpdateOne({"_id": timer.key}, {"$setOnInsert": fresh}, upsert=True)


def _messages(
    timer: Timer, service: str, event: Callable[..., TimerEvent], correlation: Correlation | None = None
) -> list[Message]:
    row = replace(row_of(timer, event), correlation=timer.correlation or correlation)
    return list(messages_of(row, service))


def row_of(timer: Timer, event: Callable[..., TimerEvent]) -> JournalRow:
    """Return a row that publishes the *event* of *timer*; no journal has it."""
    fact = event(request_id=timer.case, name=timer.name)
    # The id follows from the cause: the same timer has the same id from every replica.
    return JournalRow("", 0, f"timer {timer.key}", None, (fact,), timer.at)
