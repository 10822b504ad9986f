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
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, cast

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
Channel: TypeAlias = aiormq.channel.Channel
BROKEN = (AMQPError, OSError, TimeoutError, asyncio.CancelledError, RuntimeError)


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
        """Wait for messages; return those that have arrived, at most *limit*. Empty once it is stopped."""

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge *deliveries*. Those of a lost channel are left: the broker delivers them again."""


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
        channel = await self._open()
        results = await asyncio.gather(
            *(self._publish_one(channel, message) for message in messages), return_exceptions=True
        )
        for message, result in zip(messages, results, strict=True):
            if isinstance(result, PublishError):
                raise Unroutable(f"no queue takes {message.routing_key} from exchange {message.exchange!r}")
            if isinstance(result, Exception):
                await self.close()
                raise BrokerUnavailable(f"the broker did not confirm ({type(result).__name__})") from None

    async def ping(self) -> None:
        """
        Ask the broker for a sign of life on a fresh channel.

        Raises:
            BrokerUnavailable: It gave none.
        """
        await self._open()
        if self._connection is None:
            raise BrokerUnavailable("not connected to the broker")
        try:
            async with asyncio.timeout(CONFIRM_WITHIN_S):
                channel = await self._connection.channel()
                await channel.close()
        except BROKEN as error:
            raise BrokerUnavailable(f"the broker does not answer ({type(error).__name__})") from None

    async def close(self) -> None:
        """Close the connection; the next publication opens another."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            with suppress(*BROKEN):
                await asyncio.wait_for(connection.close(), timeout=2)

    async def _open(self) -> Channel:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                await self.close()
                await declare(self._url)
                self._connection = await connect(self._url, f"{self._name} publishes")
                try:
                    self._channel = await _channel(
                        self._connection, publisher_confirms=True, on_return_raises=True
                    )
                except BROKEN as error:
                    raise BrokerUnavailable(f"no channel to the broker ({type(error).__name__})") from None
            return self._channel

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
        self._channel: Channel | None = None
        self._connection: AbstractConnection | None = None
        self._held: set[int] = set()
        self._cautious = True
        self._tag = queue

    async def take(self, limit: int) -> list[Delivery]:
        """Take as :class:`Inbox` says."""
        while not self._stopped:
            if self._channel is None or self._channel.is_closed:
                await self._reopen()
            if self._arrived:
                batch, self._arrived = self._arrived[:limit], self._arrived[limit:]
                return batch
            self._doorbell.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._doorbell.wait(), timeout=1)
        return []

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Settle as :class:`Inbox` says."""
        channel = self._channel
        tags = {delivery.tag for delivery in deliveries if delivery.channel is channel}
        if channel is None or not tags:
            return
        self._held -= tags
        newest = max(tags)
        with suppress(*BROKEN):
            if min(self._held, default=newest + 1) > newest:
                await channel.basic_ack(newest, multiple=True, wait=False)
            else:
                for tag in tags:
                    await channel.basic_ack(tag, wait=False)
            if self._cautious and not self._stopped:
                await self._consume(channel, cautious=False)

    @property
    def connected(self) -> bool:
        """Whether messages can arrive."""
        return self._channel is not None and not self._channel.is_closed

    async def stop(self) -> None:
        """Take no more messages; what was handed out may still be settled."""
        self._stopped = True
        self._doorbell.set()
        if self._channel is not None and self._connection is not None:
            with suppress(*BROKEN):
                await asyncio.wait_for(self._channel.basic_cancel(self._tag), timeout=2)
        self._arrived.clear()

    async def close(self) -> None:
        """Close the connection; the broker delivers again what was not settled."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            with suppress(*BROKEN):
                await asyncio.wait_for(connection.close(), timeout=2)

    async def _reopen(self) -> None:
        await self.close()
        self._arrived.clear()
        self._held.clear()
        while not self._stopped:
            try:
                self._connection = await connect(self._url, f"{self._queue} consumes")
                channel = await _channel(self._connection)
                channel.closing.add_done_callback(lambda _: self._doorbell.set())
                await self._consume(channel, cautious=True)
            except (BrokerUnavailable, *BROKEN) as error:
                if isinstance(error, asyncio.CancelledError):
                    raise
                logger().warning("broker not reached", queue=self._queue, error=type(error).__name__)
                await self.close()
                await asyncio.sleep(random.uniform(0.2, 1.0))  # noqa: S311  spreads reconnections, no secret
            else:
                self._channel = channel
                return

    async def _consume(self, channel: Channel, *, cautious: bool) -> None:
        """Consume with a prefetch that fits; it is fixed per consumer, so a wider one needs another."""
        if not cautious:
            await channel.basic_cancel(self._tag)
        self._cautious = cautious
        self._tag = f"{self._queue}.{'cautious' if cautious else 'full'}"
        await channel.basic_qos(prefetch_count=CAUTIOUS_PREFETCH if cautious else self._prefetch)

        async def receive(message: DeliveredMessage) -> None:
            delivery = _delivery(message, channel)
            self._held.add(delivery.tag)
            self._arrived.append(delivery)
            self._doorbell.set()

        await channel.basic_consume(self._queue, receive, consumer_tag=self._tag)


async def connect(url: str, name: str) -> AbstractConnection:
    """
    Connect to the broker.

    Raises:
        BrokerUnavailable: It does not answer, or not to these credentials.
    """
    try:
        return await aio_pika.connect(
            url, timeout=CONFIRM_WITHIN_S, client_properties={"connection_name": name}, heartbeat=HEARTBEAT_S
        )
    except BROKEN as error:
        if isinstance(error, asyncio.CancelledError):
            raise
        raise BrokerUnavailable(f"cannot connect to the broker ({type(error).__name__})") from None


async def declare(url: str) -> None:
    """
    Declare the whole topology; what is there already is left alone.

    Raises:
        BrokerUnavailable: The broker does not answer.
        ConfigurationError: A queue is there with other arguments than it must have.
    """
    connection = await connect(url, "habeas declares")
    try:
        channel = await _channel(connection)
        for exchange in topology.exchanges():
            await channel.exchange_declare(exchange, exchange_type="topic", durable=True)
        for queue in topology.queues():
            await channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))
            for exchange, key in queue.bindings:
                await channel.queue_bind(queue.name, exchange, routing_key=key)
    except ChannelPreconditionFailed as error:
        raise ConfigurationError(
            f"the broker has a queue or exchange with other arguments ({error.reason}); drain and delete it, "
            "then start again (docs/runbook.md)"
        ) from None
    except BROKEN as error:
        raise BrokerUnavailable(f"the topology was not declared ({type(error).__name__})") from None
    finally:
        with suppress(*BROKEN):
            await connection.close()


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
