"""
Fakes of broker, journal and vault, for tests.

They give the guarantees of the real ones, and no more; one suite of behaviours runs on both
(``tests/contract``). Time passes only when a test says so.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from shared.contract import topology
from shared.contract.correlation import Correlation
from shared.errors import Destroyed, Unroutable
from shared.runtime.broker import Delivery, Message
from shared.runtime.journal import JournalRow, NotedFact, merged
from shared.runtime.service import Runtime


@dataclass(frozen=True, slots=True)
class _Queued:
    message: Message
    redelivered: bool = False


class MemoryBroker:
    """The topology in memory. It is itself the publisher."""

    def __init__(self) -> None:
        """Start with empty queues, at time zero."""
        self.published: list[Message] = []
        """All that was ever published, redeliveries of retries included."""
        self._queues: dict[str, deque[_Queued]] = {queue.name: deque() for queue in topology.queues()}
        self._waiting: list[tuple[timedelta, int, topology.Queue, Message]] = []
        self._now = timedelta()
        self._inboxes: list[MemoryInbox] = []
        self._draining = False

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish like an ``EventPublisher``; a message without a queue does not hold up the others."""
        unroutable = [message for message in messages if not self._route(message) and message.mandatory]
        for inbox in self._inboxes:
            inbox.doorbell.set()
        if unroutable:
            lost = unroutable[0]
            raise Unroutable(f"no queue takes {lost.routing_key} from exchange {lost.exchange!r}")

    def inbox(self, queue: str) -> "MemoryInbox":
        """Return an inbox on *queue*."""
        inbox = MemoryInbox(self, queue)
        self._inboxes.append(inbox)
        return inbox

    def parked(self, service: str) -> list[Message]:
        """Return the messages of *service* that wait for a person."""
        return [queued.message for queued in self._queues[topology.parking_of(service)]]

    def waiting(self) -> list[Message]:
        """Return the messages that wait for another try, the next one first."""
        return [message for _, _, _, message in sorted(self._waiting, key=_turn)]

    async def advance(self, by: timedelta) -> None:
        """Let time pass: delayed messages that are due go back to their service."""
        self._now += by
        due = [waiting for waiting in self._waiting if waiting[0] <= self._now]
        self._waiting = [waiting for waiting in self._waiting if waiting[0] > self._now]
        await self.publish([_expired(queue, message) for _, _, queue, message in sorted(due, key=_turn)])

    def crash(self) -> None:
        """Cut every consumer's connection: unsettled messages are delivered again."""
        for inbox in self._inboxes:
            inbox.lose()

    async def drain(self, *runtimes: Runtime[Any, Any]) -> None:
        """Run *runtimes* until there is nothing left for any of them to do now."""
        self._draining = True
        for inbox in self._inboxes:
            inbox.doorbell.set()
        while any(self._queues[runtime.service.name] for runtime in runtimes):
            for runtime in runtimes:
                await runtime.run()
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether an inbox that is empty ends its runtime."""
        return self._draining

    def queue(self, name: str) -> "deque[_Queued]":
        """Return the messages of queue *name*, the next one first."""
        return self._queues[name]

    def _route(self, message: Message) -> bool:
        self.published.append(message)
        queues = takers(message.exchange, message.routing_key)
        for queue in queues:
            delay = queue.arguments.get("x-message-ttl")
            if delay is None:
                self._queues[queue.name].append(_Queued(message))
            else:
                due = self._now + timedelta(milliseconds=delay)
                self._waiting.append((due, len(self.published), queue, message))
        return bool(queues)


class MemoryInbox:
    """A queue of a :class:`MemoryBroker`, consumed."""

    def __init__(self, broker: MemoryBroker, queue: str) -> None:
        """Consume *queue* of *broker*."""
        self.doorbell = asyncio.Event()
        self._broker = broker
        self._queue = broker.queue(queue)
        self._held: dict[int, _Queued] = {}
        self._channel = object()
        self._tag = 0
        self._stopped = False

    async def take(self, limit: int) -> list[Delivery]:
        """Take as :class:`shared.runtime.broker.Inbox` says; while the broker is drained, do not wait."""
        while not (self._queue or self._stopped or self._broker.draining):
            self.doorbell.clear()
            await self.doorbell.wait()
        return [self._hand_out(self._queue.popleft()) for _ in range(min(limit, len(self._queue)))]

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Settle as :class:`shared.runtime.broker.Inbox` says."""
        for delivery in deliveries:
            if delivery.channel is self._channel:
                self._held.pop(delivery.tag, None)

    async def stop(self) -> None:
        """Wait for no more messages; those that have arrived are still handed out."""
        self._stopped = True
        self.doorbell.set()

    async def close(self) -> None:
        """Close the connection; the next taker opens another."""
        self.lose()

    def lose(self) -> None:
        """Lose the connection: unsettled messages go back to the head of the queue."""
        self._queue.extendleft(
            _Queued(held.message, redelivered=True) for held in reversed(self._held.values())
        )
        self._held.clear()
        self._channel = object()
        self.doorbell.set()

    def _hand_out(self, queued: _Queued) -> Delivery:
        self._tag += 1
        self._held[self._tag] = queued
        message = queued.message
        return Delivery(
            exchange=message.exchange,
            routing_key=message.routing_key,
            body=message.body,
            message_id=message.message_id,
            content_type=message.content_type,
            headers=dict(message.headers),
            redelivered=queued.redelivered,
            tag=self._tag,
            channel=self._channel,
            user_id=message.user_id,
        )


@dataclass(slots=True)
class MemoryJournal:
    """A journal in memory. A test may put an error in its way."""

    rows: dict[str, JournalRow] = field(default_factory=dict)
    refuses: list[Exception] = field(default_factory=list)
    """Raised by the next calls, one each."""
    owed: set[str] = field(default_factory=set)
    """Keys of unpublished rows."""
    notes: dict[str, dict[str, JournalRow]] = field(default_factory=dict)
    """Case → noted facts by the id of their event."""

    async def histories(self, cases: set[str], *, partial: bool = False) -> dict[str, list[JournalRow]]:
        """Return the rows of each case, oldest first; each of them reads wholly."""
        del partial
        self._refuse()
        histories: dict[str, list[JournalRow]] = defaultdict(list)
        for row in sorted(self.rows.values(), key=lambda row: row.n):
            if row.case in cases:
                histories[row.case].append(row)
        for case in cases & self.notes.keys():
            histories[case] = merged(histories.get(case, []), self.notes[case].values())
        return histories

    async def cases_between(self, first: str, last: str) -> list[str]:
        """Return the cases with ids from *first* to *last*, in order."""
        return sorted({row.case for row in self.rows.values() if first <= row.case <= last})

    async def sources(self) -> list[str]:
        """Return the sources of registered requests."""
        return sorted({row.correlation.source for row in self.rows.values() if row.correlation})

    async def note(self, facts: Sequence[NotedFact]) -> None:
        """Keep facts without a row."""
        self._refuse()
        for one in facts:
            self.notes.setdefault(one.case, {}).setdefault(one.id, one.row())

    async def append(self, rows: Sequence[JournalRow]) -> frozenset[str]:
        """Append rows; return the keys that were taken already."""
        self._refuse()
        taken = frozenset(row.key for row in rows if row.key in self.rows)
        self.rows |= {row.key: row for row in rows if row.key not in taken}
        return taken

    async def append_unpublished(self, rows: Sequence[JournalRow]) -> frozenset[str]:
        """Append *rows*, marked as unpublished; return the keys that were taken."""
        taken = await self.append(rows)
        self.owed |= {row.key for row in rows} - taken
        return taken

    async def unpublished(self, most: int, before: datetime) -> list[JournalRow]:
        """Return up to *most* rows from *before* a moment that are marked as unpublished."""
        self._refuse()
        owed = [self.rows[key] for key in sorted(self.owed)]
        return [row for row in owed if row.at < before][:most]

    async def mark_published(self, keys: Iterable[str]) -> None:
        """Remove the mark from the rows of *keys*."""
        self.owed -= set(keys)

    async def forget(self, cases: set[str]) -> None:
        """Remove all rows of purged cases but the one that says so."""
        self.rows = {key: row for key, row in self.rows.items() if row.case not in cases or row.is_last}
        self.notes = {case: notes for case, notes in self.notes.items() if case not in cases}

    def _refuse(self) -> None:
        if self.refuses:
            raise self.refuses.pop(0)


@dataclass(slots=True)
class MemoryTimers:
    """Timers in memory. A test triggers them itself."""

    moments: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """Case and name → moment."""

    async def set(self, case: str, name: str, at: datetime, correlation: Correlation | None = None) -> None:
        """Wait for the moment *at*; the first one that is set for a case under *name* counts."""
        del correlation
        self.moments.setdefault((case, name), at)

    async def cancel(self, case: str, kind: str) -> None:
        """Wait no more for the moments of *case* with a name that begins with *kind*."""
        for key in [key for key in self.moments if key[0] == case and key[1].startswith(kind)]:
            del self.moments[key]


@dataclass(slots=True)
class Unlimited:
    """Allows anything, until a test says otherwise."""

    left: int = 10**9

    async def take(self, mailbox: str, what: str, now: datetime) -> bool:
        """Return whether there is one left."""
        del mailbox, what, now
        self.left -= 1
        return self.left >= 0


@dataclass(slots=True)
class MemoryVault:
    """A vault in memory. Nothing is encrypted; destroyed items are gone all the same."""

    items: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Case → item → content."""
    destroyed: set[str] = field(default_factory=set)

    async def create(self, case: str) -> None:
        """Give *case* its key. Once destroyed, a case never gets another."""
        if case not in self.destroyed:
            self.items.setdefault(case, {})

    async def seal(self, case: str, item: str, content: bytes, *, like: bytes = b"") -> bool:
        """Keep *content* under the name *item*, unless something is kept there; return whether it is."""
        del like
        kept = self._of(case)
        new = item not in kept
        kept.setdefault(item, content)
        return new

    async def holds(self, case: str, item: str) -> bool:
        """Return whether anything is kept under the name *item*."""
        return item in self.items.get(case, {})

    async def open(self, case: str, item: str) -> bytes:
        """Return the content that is kept under the name *item*."""
        return self._of(case)[item]

    async def discard(self, case: str, items: Sequence[str]) -> None:
        """Remove *items* for good."""
        for item in items:
            self.items.get(case, {}).pop(item, None)

    async def discard_all(self, case: str, prefixes: Sequence[str], *, but: Sequence[str] = ()) -> None:
        """Remove all items with a name that begins with one of *prefixes*, *but* for some."""
        held = self.items.get(case, {})
        for item in [name for name in held if name.startswith(tuple(prefixes)) and name not in but]:
            del held[item]

    async def seal_stream(
        self, case: str, item: str, content: AsyncIterable[bytes], *, like: bytes = b""
    ) -> int:
        """Keep a large *content*; return its size in bytes."""
        del like
        whole = b"".join([piece async for piece in content])
        self._of(case)[item] = whole
        return len(whole)

    async def open_stream(self, case: str, item: str, *, start: int = 0) -> AsyncIterator[bytes]:
        """Yield the bytes that :meth:`seal_stream` kept, from byte *start* on."""
        yield self._of(case)[item][start:]

    async def destroy(self, case: str) -> None:
        """Destroy the key of *case*, and with it the sealed content."""
        self.destroyed.add(case)
        self.items.pop(case, None)

    def _of(self, case: str) -> dict[str, bytes]:
        if case not in self.items:
            raise Destroyed(f"case {case} has no key: it was erased, or never created")
        return self.items[case]


@lru_cache(maxsize=1024)
def takers(exchange: str, key: str) -> tuple[topology.Queue, ...]:
    """Return the queues of services that a message gets into."""
    return tuple(queue for queue in topology.queues() if _takes(queue, exchange, key))


def _takes(queue: topology.Queue, exchange: str, key: str) -> bool:
    if exchange == "":
        return key == queue.name
    return any(bound == exchange and _matches(pattern, key) for bound, pattern in queue.bindings)


def _matches(pattern: str, key: str) -> bool:
    """Match as a topic exchange does, as far as our topology uses it: ``#`` stands alone."""
    if pattern == "#":
        return True
    wanted, given = pattern.split("."), key.split(".")
    return len(wanted) == len(given) and all(w in ("*", g) for w, g in zip(wanted, given, strict=True))


def _expired(queue: topology.Queue, message: Message) -> Message:
    """Return *message* as the broker dead-letters it."""
    death = {"queue": queue.name, "reason": "expired", "exchange": message.exchange}
    return Message(
        exchange=queue.arguments["x-dead-letter-exchange"],
        routing_key=message.routing_key,
        body=message.body,
        message_id=message.message_id,
        content_type=message.content_type,
        headers={**message.headers, "x-death": [death]},
        user_id=message.user_id,
    )


def _turn(waiting: tuple[timedelta, int, topology.Queue, Message]) -> tuple[timedelta, int]:
    return waiting[:2]


async def uncorrelated(_cases: Collection[str]) -> Mapping[str, Correlation]:
    """Return no correlation."""
    return {}
