"""
Channels that publish and consume in batches: one write for a batch, and one answer.

Publications are numbered from 1 as the broker numbers them, so nothing else may publish on the channel.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from aiormq.exceptions import ChannelInvalidStateError

from shared.errors import BrokerUnavailable, Unroutable
from shared.runtime.broker import frames
from shared.runtime.broker.connection import Channel
from shared.runtime.broker.messages import Delivery, Message
from shared.runtime.broker.wire_connection import Tap, WiredConnection

WRITE_AT_ONCE = 256 * 1024
"""Bytes of a batch that are made and written before the socket is asked whether it keeps up."""
LONGEST_FRAME = 131_072
"""The value that RabbitMQ proposes; used where it sets no limit."""
Arrive: TypeAlias = Callable[[list[Delivery]], None]


@dataclass(slots=True)
class _Batch:
    """Publications that are waited for together."""

    unanswered: int
    answer: asyncio.Future[None]
    refused: bool = False
    returned: Message | None = None

    def take_answer(self, *, refused: bool) -> None:
        """Count one confirm; the last one is the answer."""
        self.refused |= refused
        self.unanswered -= 1
        if not self.unanswered and not self.answer.done():
            self.answer.set_result(None)


@dataclass(slots=True)
class _Sent:
    """A publication that the broker has not answered yet."""

    batch: _Batch
    message: Message
    returned: bool = False

    def is_returned_as(self, exchange: str, routing_key: str, message_id: str | None) -> bool:
        """Return whether the broker may have returned this."""
        message = self.message
        return (
            not self.returned
            and message.mandatory
            and message.message_id == message_id
            and message.routing_key == routing_key
            and message.exchange == exchange
        )


class PublishChannel:
    """A channel to publish on."""

    def __init__(self, connection: WiredConnection, channel: Channel) -> None:
        """Publish on *channel* of *connection*, in confirm mode and not used before."""
        self._channel = channel
        self._writer = connection.writer
        self._frame_max = channel.connection.connection_tune.frame_max or LONGEST_FRAME
        self._number = 0
        self._sent: OrderedDict[int, _Sent] = OrderedDict()
        answers = {frames.ACK: self._take_ack, frames.NACK: self._take_nack}
        connection.wire.tap(channel.number, Tap(answers, {frames.RETURN: self._take_return}))

    @property
    def closed(self) -> bool:
        """Whether it is of no use any more."""
        return self._channel.is_closed

    async def publish(self, messages: Sequence[Message]) -> None:
        """
        Publish *messages*; return when all are confirmed.

        Raises:
            BrokerUnavailable: It refused one.
            Unroutable: No queue takes a mandatory one; the others are confirmed.
        """
        # The driver ends tasks that wait on a channel when the channel ends.
        batch = _Batch(len(messages), self._channel.create_future())
        for portion in self._portions(messages):
            if self.closed:
                raise ChannelInvalidStateError("the channel is closed")
            self._send(portion, batch)
            await self._writer.drain()
        await batch.answer
        if batch.refused:
            raise BrokerUnavailable("the broker refused a message")
        if batch.returned is not None:
            returned = batch.returned
            raise Unroutable(f"no queue takes {returned.routing_key} from exchange {returned.exchange!r}")

    def _portions(self, messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
        """Cut *messages* where a portion is large enough for one write."""
        start = size = 0
        for index, message in enumerate(messages):
            size += len(message.body)
            if size >= WRITE_AT_ONCE:
                yield messages[start : index + 1]
                start, size = index + 1, 0
        if start < len(messages):
            yield messages[start:]

    def _send(self, messages: Sequence[Message], batch: _Batch) -> None:
        """Write *messages*, and only when all of them could be written down count them as sent."""
        channel, frame_max = self._channel.number, self._frame_max
        data = b"".join(
            [frame for message in messages for frame in frames.publication(channel, message, frame_max)]
        )
        self._writer.write(data)
        for number, message in enumerate(messages, self._number + 1):
            self._sent[number] = _Sent(batch, message)
        self._number += len(messages)

    def _take_ack(self, method: bytes) -> None:
        self._answer(*frames.confirmed(method), refused=False)

    def _take_nack(self, method: bytes) -> None:
        self._answer(*frames.confirmed(method), refused=True)

    def _answer(self, number: int, multiple: bool, *, refused: bool) -> None:
        sent = self._sent
        while multiple and sent and (oldest := next(iter(sent))) < number:
            sent.pop(oldest).batch.take_answer(refused=refused)
        if number in sent:
            sent.pop(number).batch.take_answer(refused=refused)

    def _take_return(self, method: bytes, header: bytes, _body: bytes) -> None:
        """
        Note a returned message; its confirm follows.

        Two under way may share an id. Those that also go the same way are returned alike and in the order
        they were sent, so the oldest that fits is the one.
        """
        exchange, routing_key = frames.returned(method)
        message_id = frames.properties(header).message_id
        for sent in self._sent.values():
            if sent.is_returned_as(exchange, routing_key, message_id):
                sent.returned = True
                sent.batch.returned = sent.batch.returned or sent.message
                return


class ConsumeChannel:
    """A channel to consume on."""

    def __init__(self, connection: WiredConnection, channel: Channel, arrive: Arrive) -> None:
        """Hand deliveries on *channel* of *connection* to *arrive*, all that have come at a time."""
        self._channel = channel
        self._arrive = arrive
        self._writer = connection.writer
        self._come: list[Delivery] = []
        connection.wire.tap(channel.number, Tap({}, {frames.DELIVER: self._take}, self._flush))

    async def acknowledge(self, upto: int | None, tags: Sequence[int]) -> None:
        """Acknowledge everything up to the tag *upto*, and *tags* one by one, with one write."""
        if self._channel.is_closed:
            raise ChannelInvalidStateError("the channel is closed")
        number = self._channel.number
        acks = [frames.acknowledgement(number, tag, multiple=False) for tag in tags]
        if upto is not None:
            acks.insert(0, frames.acknowledgement(number, upto, multiple=True))
        self._writer.write(b"".join(acks))
        await self._writer.drain()

    def _take(self, method: bytes, header: bytes, body: bytes) -> None:
        tag, redelivered, exchange, routing_key = frames.delivered(method)
        content_type, headers, message_id, user_id = frames.properties(header)
        self._come.append(
            Delivery(
                exchange,
                routing_key,
                body,
                message_id,
                content_type,
                headers,
                redelivered,
                tag,
                self._channel,
                user_id,
            )
        )

    def _flush(self) -> None:
        if self._come:
            come, self._come = self._come, []
            self._arrive(come)
