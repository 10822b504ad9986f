"""Consumption from the bus, and access to parking queues for the staff."""

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from typing import Self

from aio_pika.abc import AbstractConnection

from shared.errors import BrokerUnavailable
from shared.runtime.broker.channels import ConsumeChannel, delivery_of
from shared.runtime.broker.connection import (
    ANSWER_WITHIN_S,
    LEAVE_WITHIN_S,
    Channel,
    connect,
    declared,
    leave,
    open_channel,
    translated,
)
from shared.runtime.broker.messages import Delivery
from shared.runtime.log import OutageWarning

CAUTIOUS_PREFETCH = 32
"""Messages held after a lost connection, until the first batch is through: a crash counts against each."""
LEAST_PREFETCH = 16
HELD_BYTES = 16 << 20
"""Bytes of the messages held, if all are as large as the last ones; the least prefetch may hold more."""
RECENT = 256
"""Messages whose size says how large the next ones may be."""


class MessageSizes:
    """The mean size of the last messages, which limits how many are held."""

    def __init__(self) -> None:
        """Begin with none."""
        self._count, self._mean = 0, 0.0

    def add(self, sizes: Sequence[int]) -> None:
        """Count messages of *sizes* bytes; as many older ones count no more."""
        older = min(self._count, max(RECENT - len(sizes), 0))
        self._count = older + len(sizes)
        self._mean = (older * self._mean + sum(sizes)) / max(self._count, 1)

    def prefetch(self, most: int) -> int:
        """Return how many messages may be held: *most*, or a power of two that keeps within the bytes."""
        fitting = max(LEAST_PREFETCH, int(HELD_BYTES / max(self._mean, 1.0)))
        return most if fitting >= most else 1 << fitting.bit_length() - 1


class Consumer:
    """A service's queue, consumed over its own connection, re-opened when it is lost."""

    def __init__(self, url: str, queue: str, *, prefetch: int) -> None:
        """Remember the queue; *prefetch* is how many small messages may be held unacknowledged."""
        self._url = url
        self._queue = queue
        self._prefetch = prefetch
        self._arrived: list[Delivery] = []
        self._doorbell = asyncio.Event()
        self._stopped = False
        self._lost = False
        self._channel: Channel | None = None
        self._inlet: ConsumeChannel | None = None
        self._connection: AbstractConnection | None = None
        self._held: set[int] = set()
        self._settling = asyncio.Lock()
        self._sizes = MessageSizes()
        self._permitted = 0
        self._outage = OutageWarning("broker not reached")

    async def probe(self) -> None:
        """
        Look for the queue.

        Raises:
            TopologyMissing: It is not declared; the message names the remedy.
            BrokerUnavailable: The broker does not answer.
        """
        connection = await connect(self._url, f"{self._queue} is looked for")
        try:
            with translated("the broker does not answer"):
                channel = await open_channel(connection)
                with declared(f"queue {self._queue}"):
                    await channel.queue_declare(self._queue, passive=True)
        finally:
            await leave(connection)

    async def take(self, limit: int) -> list[Delivery]:
        """Take as :class:`Inbox` says."""
        while not (self._stopped or self._arrived):
            if not self.connected:
                await self._reopen()
            self._doorbell.clear()
            if not self._arrived:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._doorbell.wait(), timeout=1)
        batch, self._arrived = self._arrived[:limit], self._arrived[limit:]
        return batch

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Settle as :class:`Inbox` says."""
        async with self._settling:  # an acknowledgement "up to here" must not overtake one below it
            await self._settle(deliveries)

    async def _settle(self, deliveries: Sequence[Delivery]) -> None:
        channel, inlet = self._channel, self._inlet
        tags = self._held.intersection(delivery.tag for delivery in deliveries if delivery.channel is channel)
        if channel is None or inlet is None or not tags:
            return
        self._held -= tags
        try:
            with translated("not acknowledged"):
                self._sizes.add([len(delivery.body) for delivery in deliveries])
                permitted = self._sizes.prefetch(self._prefetch)
                if permitted != self._permitted and not self._stopped:  # before the broker may send more
                    await self._permit(channel, inlet, permitted)
                await inlet.acknowledge(*acknowledgements(tags, self._held))
        except BrokerUnavailable:
            self._lose()

    @property
    def connected(self) -> bool:
        """Whether messages can arrive."""
        return self._channel is not None and not self._channel.is_closed and not self._lost

    async def stop(self) -> None:
        """Let no more messages come; those that have arrived are still handed out and settled."""
        self._stopped = True
        self._doorbell.set()
        if self._channel is not None:
            with suppress(BrokerUnavailable), translated("not cancelled"):
                await asyncio.wait_for(self._channel.basic_cancel(self._tag), timeout=LEAVE_WITHIN_S)

    async def close(self) -> None:
        """Close the connection; the broker delivers unsettled messages again."""
        connection, self._connection = self._connection, None
        self._channel, self._inlet = None, None
        self._arrived.clear()
        self._held.clear()
        await leave(connection)

    def _lose(self) -> None:
        """Note that nothing arrives on this channel any more; the next taker opens another."""
        self._lost = True
        self._doorbell.set()

    async def _reopen(self) -> None:
        while not self._stopped:
            await self.close()
            try:
                with translated("not consuming"):
                    await self._open()
            except BrokerUnavailable as error:
                self._outage.write(queue=self._queue, reason=str(error))
                await asyncio.sleep(random.uniform(0.2, 1.0))  # noqa: S311  spreads reconnections, no secret
            else:
                self._outage.end()
                return

    async def _open(self) -> None:
        self._connection = await connect(self._url, f"{self._queue} consumes")
        channel = await open_channel(self._connection)

        def lose(*_: object) -> None:
            """Notice a closed channel, and a consumer that the broker cancelled on an open one."""
            if channel is self._channel:
                self._lose()

        def arrive(deliveries: list[Delivery]) -> None:
            """Hold the delivery, unless it came too late."""
            if channel is self._channel:
                self._held.update(delivery.tag for delivery in deliveries)
                self._arrived += deliveries
                self._doorbell.set()

        channel.closing.add_done_callback(lose)
        channel.on_consumer_cancel_callbacks.add(lose)
        self._lost = False
        self._channel = channel
        self._inlet = ConsumeChannel(channel, arrive)
        await self._consume(
            channel, self._inlet, min(CAUTIOUS_PREFETCH, self._sizes.prefetch(self._prefetch))
        )

    async def _permit(self, channel: Channel, inlet: ConsumeChannel, prefetch: int) -> None:
        """Hold up to *prefetch* messages; it is fixed per consumer, so take another one."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await channel.basic_cancel(self._tag)
        await self._consume(channel, inlet, prefetch)

    @property
    def _tag(self) -> str:
        return f"{self._queue}.{self._permitted}"

    async def _consume(self, channel: Channel, inlet: ConsumeChannel, prefetch: int) -> None:
        self._permitted = prefetch
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await channel.basic_qos(prefetch_count=prefetch)
            with declared(f"queue {self._queue}"):
                await channel.basic_consume(self._queue, inlet.receive, consumer_tag=self._tag)


def acknowledgements(tags: Collection[int], held: Collection[int]) -> tuple[int | None, list[int]]:
    """
    Say how to acknowledge *tags* while *held* stay: up to which tag all at once, and which one by one.

    One acknowledgement can say "all up to here", so it reaches as far as nothing older is held.
    """
    oldest = min(held, default=None)
    covered = {tag for tag in tags if oldest is None or tag < oldest}
    return max(covered, default=None), sorted(set(tags) - covered)


class Parking:
    """
    A queue that is looked through by a person: messages are taken one by one, and left unless removed.

    To be used as ``async with Parking(…) as parking: async for delivery in parking: …``.
    """

    def __init__(self, url: str, queue: str) -> None:
        """Remember the queue."""
        self._url = url
        self._queue = queue
        self._connection: AbstractConnection | None = None
        self._channel: Channel | None = None
        self._size = 0

    async def __aenter__(self) -> Self:
        """
        Open the queue.

        Raises:
            BrokerUnavailable: The broker does not answer.
        """
        self._connection = await connect(self._url, f"{self._queue} is looked through")
        with translated("no channel to the broker"):
            self._channel = await open_channel(self._connection)
            with declared(f"queue {self._queue}"):
                there = await self._channel.queue_declare(self._queue, passive=True)
        self._size = there.message_count or 0
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it; messages that were not removed are there again."""
        connection, self._connection, self._channel = self._connection, None, None
        await leave(connection)

    async def __aiter__(self) -> AsyncIterator[Delivery]:
        """Yield the messages that were in the queue when it was opened, not those parked later."""
        channel = self._opened()
        for _ in range(self._size):
            with translated(f"{self._queue} cannot be read"):
                message = await channel.basic_get(self._queue)
            if message.delivery_tag is None:
                return
            yield delivery_of(message, channel)

    async def remove(self, delivery: Delivery) -> None:
        """Remove a message for good."""
        with translated(f"nothing can be removed from {self._queue}"):
            await self._opened().basic_ack(delivery.tag, wait=True)

    async def hand_back(self, delivery: Delivery) -> None:
        """
        Have the broker move a message from a parking queue back to its service, as its publisher sent it.

        The user that has published it stays on record: it is not published anew.
        """
        with translated(f"nothing can be handed back from {self._queue}"):
            await self._opened().basic_reject(delivery.tag, requeue=False, wait=True)

    def _opened(self) -> Channel:
        if self._channel is None:
            raise BrokerUnavailable(f"{self._queue} is not open")
        return self._channel
