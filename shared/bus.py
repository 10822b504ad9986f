"""
The only module that speaks AMQP.

It publishes in confirmed batches and hands out what has arrived in natural batches. It knows no event and
decides nothing; what becomes of a message is ``shared.service``'s business.

Facts this rests on (tried on RabbitMQ 4.0 and aio-pika 10): a publication that no queue takes is silent
unless the channel raises on returns; a returned message is matched by its message id, so no two in flight
may share one; acknowledging on another channel than the one that delivered is an error; a confirm may
never come, so every wait has a limit; flow control stops a whole connection, so publishing and consuming
each have their own.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, TypeAlias, cast

import aio_pika
import aiormq.channel
from aio_pika.abc import AbstractConnection
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import AMQPError, ChannelPreconditionFailed, PublishError
from pamqp.commands import Basic

from shared import topology
from shared.errors import BrokerUnavailable, ConfigurationError, Unroutable
from shared.log import logger

CONFIRM_WITHIN_S = 10.0
HEARTBEAT_S = 10
CAUTIOUS_PREFETCH = 32
"""Messages held after a lost connection, until the first batch is through: a crash counts against each."""
PERSISTENT = 2
LEAVE_WITHIN_S = 2.0
Channel: TypeAlias = aiormq.channel.Channel
BROKEN = (AMQPError, OSError, TimeoutError, RuntimeError)
"""What the driver raises when the connection is gone; besides it *cancels*, see :func:`translated`."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something to publish."""

    exchange: str
    routing_key: str
    body: bytes
    message_id: str
    content_type: str = "application/cloudevents+json"
    headers: Mapping[str, Any] = field(default_factory=dict)
    mandatory: bool = True
    """Whether it is an error when no queue takes it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something that arrived, and how to acknowledge it."""

    exchange: str
    routing_key: str
    body: bytes
    message_id: str | None
    content_type: str | None
    headers: Mapping[str, Any]
    redelivered: bool
    tag: int
    channel: object


class Publisher(Protocol):
    """Where events are published."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """
        Publish *messages*; return when the broker has them all on disk.

        Raises:
            BrokerUnavailable: It did not confirm all in time; some may have been taken.
            Unroutable: No queue takes a mandatory one.
        """


class Inbox(Protocol):
    """Where a service's messages come from."""

    async def take(self, limit: int) -> list[Delivery]:
        """Wait for messages; return those that have arrived, at most *limit*. Empty: stopped, and dry."""

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """
        Acknowledge *deliveries*; one that was settled before is passed over.

        Those of a lost channel are left: the broker delivers them again.
        """


class Bus:
    """
    A connection to the broker to publish on, re-opened when it is lost.

    Each time it opens, the topology is declared: a broker that lost its disk is set up again.
    """

    def __init__(self, url: str, *, name: str) -> None:
        """Remember where the broker is; *name* is what its management page shows."""
        self._url = url
        self._name = name
        self._channel: Channel | None = None
        self._connection: AbstractConnection | None = None
        self._opening = asyncio.Lock()

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish as :class:`Publisher` says."""
        if not messages:
            return
        channel = await self._open()
        results = await asyncio.gather(
            *(self._publish_one(channel, message) for message in messages), return_exceptions=True
        )
        lost = [result for result in results if _is_loss(result)]
        if lost:
            await self._abandon(channel)
            raise BrokerUnavailable(f"the broker did not confirm ({type(lost[0]).__name__})")
        for message, result in zip(messages, results, strict=True):
            if isinstance(result, PublishError):
                raise Unroutable(f"no queue takes {message.routing_key} from exchange {message.exchange!r}")

    async def ping(self) -> None:
        """
        Ask the broker for a sign of life on a fresh channel.

        Raises:
            BrokerUnavailable: It gave none.
        """
        await self._open()
        connection = self._connection
        if connection is None:
            raise BrokerUnavailable("not connected to the broker")
        with translated("the broker does not answer"):
            async with asyncio.timeout(CONFIRM_WITHIN_S):
                channel = await connection.channel()
                await channel.close()

    async def close(self) -> None:
        """Close the connection; the next publication opens another."""
        connection, self._connection, self._channel = self._connection, None, None
        await _leave(connection)

    async def _open(self) -> Channel:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                await self.close()
                await declare(self._url)
                self._connection = await connect(self._url, f"{self._name} publishes")
                with translated("no channel to the broker"):
                    self._channel = await _channel(
                        self._connection, publisher_confirms=True, on_return_raises=True
                    )
            return self._channel

    async def _abandon(self, channel: Channel) -> None:
        """Close the connection of *channel*, unless another publication has replaced it already."""
        async with self._opening:
            if self._channel is channel:
                await self.close()

    async def _publish_one(self, channel: Channel, message: Message) -> None:
        await channel.basic_publish(
            message.body,
            exchange=message.exchange,
            routing_key=message.routing_key,
            mandatory=message.mandatory,
            properties=Basic.Properties(
                message_id=message.message_id,
                content_type=message.content_type,
                delivery_mode=PERSISTENT,
                headers=dict(message.headers),
            ),
            timeout=CONFIRM_WITHIN_S,
            wait=False,
        )


class Consumer:
    """A service's queue, consumed over its own connection, re-opened when it is lost."""

    def __init__(self, url: str, queue: str, *, prefetch: int) -> None:
        """Remember the queue; *prefetch* is how many messages may be held unacknowledged."""
        self._url = url
        self._queue = queue
        self._prefetch = prefetch
        self._arrived: list[Delivery] = []
        self._doorbell = asyncio.Event()
        self._stopped = False
        self._lost = False
        self._channel: Channel | None = None
        self._connection: AbstractConnection | None = None
        self._held: set[int] = set()
        self._cautious = True
        self._tag = queue

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
        channel = self._channel
        tags = self._held.intersection(delivery.tag for delivery in deliveries if delivery.channel is channel)
        if channel is None or not tags:
            return
        self._held -= tags
        try:
            with translated("not acknowledged"):
                await self._acknowledge(channel, tags)
                if self._cautious and not self._stopped:
                    await self._consume(channel, cautious=False)
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
        """Close the connection; the broker delivers again what was not settled."""
        connection, self._connection, self._channel = self._connection, None, None
        self._arrived.clear()
        self._held.clear()
        await _leave(connection)

    async def _acknowledge(self, channel: Channel, tags: set[int]) -> None:
        """Acknowledge with one frame where nothing older is still held."""
        newest = max(tags)
        if min(self._held, default=newest + 1) > newest:
            await channel.basic_ack(newest, multiple=True, wait=False)
            return
        for tag in tags:
            await channel.basic_ack(tag, wait=False)

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
                logger().warning("broker not reached", queue=self._queue, reason=str(error))
                await asyncio.sleep(random.uniform(0.2, 1.0))  # noqa: S311  spreads reconnections, no secret
            else:
                return

    async def _open(self) -> None:
        await declare(self._url)
        self._connection = await connect(self._url, f"{self._queue} consumes")
        channel = await _channel(self._connection)

        def lose(*_: object) -> None:
            """Notice a closed channel, and a consumer that the broker cancelled on an open one."""
            if channel is self._channel:
                self._lose()

        channel.closing.add_done_callback(lose)
        channel.on_consumer_cancel_callbacks.add(lose)
        self._lost = False
        self._channel = channel
        await self._consume(channel, cautious=True)

    async def _consume(self, channel: Channel, *, cautious: bool) -> None:
        """Consume with a prefetch that fits; it is fixed per consumer, so a wider one needs another."""
        if not cautious:
            await channel.basic_cancel(self._tag)
        self._cautious = cautious
        self._tag = f"{self._queue}.{'cautious' if cautious else 'full'}"
        await channel.basic_qos(prefetch_count=CAUTIOUS_PREFETCH if cautious else self._prefetch)

        async def receive(message: DeliveredMessage) -> None:
            if channel is self._channel:
                delivery = _delivery(message, channel)
                self._held.add(delivery.tag)
                self._arrived.append(delivery)
                self._doorbell.set()

        await channel.basic_consume(self._queue, receive, consumer_tag=self._tag)


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
        await declare(self._url)
        self._connection = await connect(self._url, f"{self._queue} is looked through")
        with translated("no channel to the broker"):
            self._channel = await _channel(self._connection)
            there = await self._channel.queue_declare(self._queue, passive=True)
        self._size = there.message_count or 0
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it; what was not removed is there again."""
        connection, self._connection, self._channel = self._connection, None, None
        await _leave(connection)

    async def __aiter__(self) -> AsyncIterator[Delivery]:
        """Yield what was in the queue when it was opened; what is parked anew meanwhile is not looked at."""
        channel = self._opened()
        for _ in range(self._size):
            with translated(f"{self._queue} cannot be read"):
                message = await channel.basic_get(self._queue)
            if message.delivery_tag is None:
                return
            yield _delivery(message, channel)

    async def remove(self, delivery: Delivery) -> None:
        """Remove a message for good."""
        with translated(f"nothing can be removed from {self._queue}"):
            await self._opened().basic_ack(delivery.tag, wait=True)

    def _opened(self) -> Channel:
        if self._channel is None:
            raise BrokerUnavailable(f"{self._queue} is not open")
        return self._channel


@contextmanager
def translated(what: str) -> Iterator[None]:
    """
    Turn the driver's exceptions into ours; *what* opens the message.

    A lost connection *cancels* whoever waits on it. That is told apart from a cancellation that was meant
    for this task, which must pass.

    Raises:
        BrokerUnavailable: The broker is away or does not answer.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise BrokerUnavailable(f"{what} ({type(error).__name__})") from None
    except BROKEN as error:
        raise BrokerUnavailable(f"{what} ({type(error).__name__})") from None


async def connect(url: str, name: str) -> AbstractConnection:
    """
    Connect to the broker.

    Raises:
        BrokerUnavailable: It does not answer, or not to these credentials.
        ConfigurationError: The URL is none.
    """
    with translated("cannot connect to the broker"):
        try:
            return await aio_pika.connect(
                url,
                timeout=CONFIRM_WITHIN_S,
                client_properties={"connection_name": name},
                heartbeat=HEARTBEAT_S,
            )
        except ValueError:
            raise ConfigurationError("HABEAS_AMQP_URL: is no broker URL") from None


async def declare(url: str) -> None:
    """
    Declare the whole topology; what is there already is left alone.

    Raises:
        BrokerUnavailable: The broker does not answer.
        ConfigurationError: A queue is there with other arguments than it must have.
    """
    connection = await connect(url, "habeas declares")
    try:
        with translated("the topology was not declared"):
            await _declare_all(await _channel(connection))
    finally:
        await _leave(connection)


async def _declare_all(channel: Channel) -> None:
    for exchange in topology.exchanges():
        with _as_it_must_be(f"exchange {exchange}"):
            await channel.exchange_declare(exchange, exchange_type="topic", durable=True)
    for queue in topology.queues():
        with _as_it_must_be(f"queue {queue.name}"):
            await channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))
        for exchange, key in queue.bindings:
            await channel.queue_bind(queue.name, exchange, routing_key=key)


@contextmanager
def _as_it_must_be(what: str) -> Iterator[None]:
    try:
        yield
    except ChannelPreconditionFailed:
        raise ConfigurationError(
            f"the broker has {what} with other arguments than it must have; drain and delete it, "
            "then start again (docs/runbook.md)"
        ) from None


async def _leave(connection: AbstractConnection | None) -> None:
    """Close *connection*; one that is broken already, or does not answer, is left behind."""
    if connection is not None:
        with suppress(BrokerUnavailable), translated("not closed"):
            await asyncio.wait_for(connection.close(), timeout=LEAVE_WITHIN_S)


def _is_loss(result: object) -> bool:
    """Return whether a publication may not have been taken: any error but "returned", cancellation too."""
    return isinstance(result, BaseException) and not isinstance(result, PublishError)


async def _channel(connection: AbstractConnection, **options: bool) -> Channel:
    """Open a channel, below aio-pika's objects: a batch saves a task per message there."""
    return cast("Channel", await (await connection.channel(**options)).get_underlay_channel())


def _delivery(message: DeliveredMessage, channel: Channel) -> Delivery:
    properties = message.header.properties
    return Delivery(
        exchange=message.exchange or "",
        routing_key=message.routing_key or "",
        body=message.body,
        message_id=properties.message_id,
        content_type=properties.content_type,
        headers=properties.headers or {},
        redelivered=bool(message.redelivered),
        tag=message.delivery_tag or 0,
        channel=channel,
    )
