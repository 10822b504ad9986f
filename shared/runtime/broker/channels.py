"""Channels that publish batches and consume, with the driver's own objects."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias
from weakref import WeakValueDictionary

from aiormq.abc import DeliveredMessage
from aiormq.exceptions import DeliveryError, PublishError
from pamqp.commands import Basic

from shared.contract.topology import EVENTS
from shared.errors import BrokerUnavailable, Unroutable
from shared.runtime.broker.connection import ANSWER_WITHIN_S, Channel
from shared.runtime.broker.messages import Delivery, Message

PERSISTENT = 2
REFUSED = (
    f"a queue refuses messages: delete the one bound to {EVENTS} that is full and rejects publications, "
    "or has lost its data"
)
Arrive: TypeAlias = Callable[[list[Delivery]], None]


class PublishChannel:
    """A channel to publish on."""

    def __init__(self, channel: Channel) -> None:
        """Publish on *channel*, which raises on returns."""
        self._channel = channel
        self._ids: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Ids under way. The driver finds a returned message by its id, so each is there once at a time."""

    @property
    def closed(self) -> bool:
        """Whether it is of no use any more."""
        return self._channel.is_closed

    async def publish(self, messages: Sequence[Message]) -> None:
        """
        Publish *messages*; return when all are confirmed.

        Raises:
            Unroutable: No queue takes a mandatory one; the others are confirmed.
            BrokerUnavailable: A queue refuses one.
        """
        results = await asyncio.gather(
            *(self._publish_one(message) for message in messages), return_exceptions=True
        )
        for result in results:
            if isinstance(result, DeliveryError) and not isinstance(result, PublishError):
                raise BrokerUnavailable(REFUSED)
            if isinstance(result, BaseException) and not isinstance(result, PublishError):
                raise result
        for message, result in zip(messages, results, strict=True):
            if isinstance(result, PublishError):
                raise unroutable(message)

    async def _publish_one(self, message: Message) -> None:
        async with self._ids.setdefault(message.message_id, asyncio.Lock()):
            await self._publish_alone(message)

    async def _publish_alone(self, message: Message) -> None:
        await self._channel.basic_publish(
            message.body,
            exchange=message.exchange,
            routing_key=message.routing_key,
            mandatory=message.mandatory,
            properties=Basic.Properties(
                message_id=message.message_id,
                content_type=message.content_type,
                delivery_mode=PERSISTENT,
                headers=dict(message.headers),
                user_id=message.user_id,
            ),
            wait=False,
        )


class ConsumeChannel:
    """A channel to consume on."""

    def __init__(self, channel: Channel, arrive: Arrive) -> None:
        """Hand deliveries on *channel* to *arrive*."""
        self._channel = channel
        self._arrive = arrive

    async def receive(self, message: DeliveredMessage) -> None:
        """Take a message from the driver."""
        self._arrive([delivery_of(message, self._channel)])

    async def acknowledge(self, upto: int | None, tags: Sequence[int]) -> None:
        """
        Acknowledge everything up to the tag *upto*, and *tags* one by one; return when all is written.

        Raises:
            TimeoutError: It was not written in time. The driver never ends the wait for bytes that it forgets
                when its connection is cut.
        """
        acks = [(tag, False) for tag in tags] + ([] if upto is None else [(upto, True)])
        last = len(acks) - 1
        async with asyncio.timeout(ANSWER_WITHIN_S):
            for index, (tag, multiple) in enumerate(acks):
                # The driver forgets unwritten bytes when it is closed: the last one waits for all.
                await self._channel.basic_ack(tag, multiple=multiple, wait=index == last)


def delivery_of(message: DeliveredMessage, channel: Channel) -> Delivery:
    """Return the driver's message as a delivery."""
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
        user_id=properties.user_id,
    )


def unroutable(message: Message) -> Unroutable:
    """Return the error for a message that no queue takes."""
    return Unroutable(f"no queue takes {message.routing_key} from exchange {message.exchange!r}")
