"""Access to parking queues for the staff."""

from collections.abc import AsyncIterator
from typing import Self

from aio_pika.abc import AbstractConnection

from shared.errors import BrokerUnavailable
from shared.runtime.broker.connection import Channel, connect, declared, leave, open_channel, translated
from shared.runtime.broker.messages import Delivery
from shared.runtime.broker.plain import delivery_of


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
