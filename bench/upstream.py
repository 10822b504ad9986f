"""
The upstream system of a crash run: it publishes until every message is confirmed, and hears every end.

What it hears lies in a durable queue of its own and is acknowledged when it is noted, as a system would that
must not miss anything.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import aio_pika
import orjson
from aio_pika.abc import AbstractIncomingMessage

from shared.contract.events import RequestClosed, RequestRejected, SubjectErased, SubjectOptedOut
from shared.contract.topology import EVENTS
from shared.errors import BrokerUnavailable
from shared.runtime.broker import Bus, Message

QUEUE = "bench.upstream"
HEARS = (RequestClosed.TYPE, RequestRejected.TYPE, SubjectErased.TYPE, SubjectOptedOut.TYPE)
TICK_S = 0.05
PAUSE_S = 0.2
LOST = (aio_pika.exceptions.AMQPError, OSError, TimeoutError, RuntimeError)


@dataclass(slots=True)
class Listener:
    """Hears how requests end."""

    url: str
    heard: defaultdict[str, defaultdict[str, set[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(set))
    )
    """Type → case → ids of the events."""
    ended: set[str] = field(default_factory=set)
    """Cases that have come to an end, whichever."""

    async def declare(self) -> None:
        """Make the queue."""
        connection = await aio_pika.connect(self.url)
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
            for type_ in HEARS:
                await queue.bind(EVENTS, type_)

    async def listen(self) -> None:
        """
        Note what is heard, over as many connections as it takes; until cancelled.

        Each connection has a task of its own: the driver cancels whoever waits on one that is lost.
        """
        while True:
            listening = asyncio.create_task(self._listen())
            try:
                await asyncio.wait({listening})
            finally:
                listening.cancel()
            with suppress(asyncio.CancelledError, *LOST):
                listening.result()
            await asyncio.sleep(PAUSE_S)

    async def _listen(self) -> None:
        connection = await aio_pika.connect(self.url, timeout=5)
        try:
            channel = await connection.channel()
            await channel.set_qos(500)
            queue = await channel.get_queue(QUEUE, ensure=False)
            await queue.consume(self._note)
            while not (connection.is_closed or channel.is_closed):  # noqa: ASYNC110 - there is no event for both
                await asyncio.sleep(PAUSE_S)
        finally:
            with suppress(*LOST):
                await asyncio.wait_for(connection.close(), timeout=2)

    async def _note(self, message: AbstractIncomingMessage) -> None:
        event = orjson.loads(message.body)
        self.heard[event["type"]][event["correlationid"]].add(event["id"])
        self.ended.add(event["correlationid"])
        with suppress(*LOST):
            await message.ack()


@dataclass(slots=True)
class Publisher:
    """Sends a load at a pace, and every message until it is confirmed."""

    bus: Bus
    messages: Sequence[Message]
    per_second: float
    accepted: int = 0
    retried: int = 0
    """Publications that were not confirmed and had to be repeated."""

    @property
    def progress(self) -> float:
        """Share of the load that is accepted."""
        return self.accepted / len(self.messages)

    async def publish(self, may_go_on: Callable[[], bool]) -> None:
        """Send everything in turn, and nothing while *may_go_on* says no."""
        while self.accepted < len(self.messages):
            if may_go_on():
                due = self.messages[self.accepted : self.accepted + max(round(self.per_second * TICK_S), 1)]
                await self._insist(due)
                self.accepted += len(due)
            await asyncio.sleep(TICK_S)

    async def _insist(self, messages: Sequence[Message]) -> None:
        while True:
            try:
                return await self.bus.publish(messages)
            except BrokerUnavailable:
                self.retried += len(messages)
                await asyncio.sleep(PAUSE_S)


async def waiting(url: str, queues: Sequence[str]) -> dict[str, int]:
    """Return how many messages wait in each of *queues*; those that a consumer holds are not counted."""
    connection = await aio_pika.connect(url, timeout=5)
    async with connection:
        channel = await connection.channel()
        counts = {}
        for name in queues:
            queue = await channel.declare_queue(name, passive=True)
            counts[name] = queue.declaration_result.message_count or 0
        return counts
