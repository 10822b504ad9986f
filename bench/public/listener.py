"""
Everything that ``habeas.events`` says, as an upstream system hears it.

It lies in a durable queue of its own and is acknowledged when it is noted, so that nothing is missed while
the listener, or the broker, is away.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson
from aio_pika.abc import AbstractIncomingMessage

from shared.contract.correlation import Correlation
from shared.contract.topology import EVENTS
from shared.errors import HabeasError
from shared.runtime.broker.connection import connect, leave, translated, user_of

PAUSE_S = 0.2
PREFETCH = 500


@dataclass(frozen=True, slots=True)
class HeardEvent:
    """An event; the same one may be heard twice, with the same id."""

    id: str
    type: str
    request_id: str
    time: datetime
    data: dict[str, Any]
    publisher: Correlation | None = None

    @classmethod
    def of(cls, body: bytes) -> "HeardEvent":
        """Return the event in *body*."""
        event = orjson.loads(body)
        return cls(
            id=event["id"],
            type=event["type"],
            request_id=event.get("correlationid", ""),
            time=datetime.fromisoformat(event["time"]),
            data=event["data"],
            publisher=Correlation.of(event),
        )


@dataclass(slots=True)
class EventListener:
    """Hears every event."""

    url: str
    note: Callable[[HeardEvent], None]
    queue: str = ""

    def __post_init__(self) -> None:
        self.queue = self.queue or f"{user_of(self.url)}.bench.{uuid4().hex}"

    async def declare(self) -> None:
        """Make the queue. Raises BrokerUnavailable if the broker does not answer."""
        connection = await connect(self.url, "bench listens")
        try:
            with translated("the queue was not declared"):
                channel = await connection.channel()
                queue = await channel.declare_queue(
                    self.queue, durable=True, arguments={"x-queue-type": "quorum"}
                )
                await queue.bind(EVENTS, "#")
        finally:
            await leave(connection)

    async def delete(self) -> None:
        """Delete the queue, if the broker answers."""
        with suppress(HabeasError):
            connection = await connect(self.url, "bench listens")
            try:
                with translated("the queue was not deleted"):
                    await (await connection.channel()).queue_delete(self.queue)
            finally:
                await leave(connection)

    async def listen(self) -> None:
        """
        Note what is heard, over as many connections as it takes; until cancelled.

        Each connection has a task of its own: the driver cancels a task that waits on one that is lost.
        """
        while True:
            listening = asyncio.create_task(self._listen())
            try:
                await asyncio.wait({listening})
            finally:
                listening.cancel()
            with suppress(asyncio.CancelledError, HabeasError):
                listening.result()
            await asyncio.sleep(PAUSE_S)

    async def _listen(self) -> None:
        connection = await connect(self.url, "bench listens")
        try:
            with translated("no longer heard"):
                channel = await connection.channel()
                await channel.set_qos(PREFETCH)
                queue = await channel.get_queue(self.queue, ensure=False)
                await queue.consume(self._take)
                while not (connection.is_closed or channel.is_closed):  # noqa: ASYNC110 - no event for both
                    await asyncio.sleep(PAUSE_S)
        finally:
            await leave(connection)

    async def _take(self, message: AbstractIncomingMessage) -> None:
        self.note(HeardEvent.of(message.body))
        with suppress(HabeasError), translated("not acknowledged"):
            await message.ack()
