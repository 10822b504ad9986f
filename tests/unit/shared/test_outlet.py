"""When a batch counts as taken: what the broker may answer, in which order and for how many at once."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pamqp.frame
import pytest
from aiormq.exceptions import ChannelInvalidStateError
from pamqp import commands
from pamqp.header import ContentHeader

from shared.errors import BrokerUnavailable, Unroutable
from shared.runtime.broker.connection import Channel
from shared.runtime.broker.messages import Message
from shared.runtime.broker.wire_channels import WRITE_AT_ONCE, PublishChannel
from shared.runtime.broker.wire_connection import Wire, WiredConnection
from tests.waiting import eventually


@dataclass
class Socket:
    """The outlet's transport; full when a test says so."""

    written: list[bytes] = field(default_factory=list)
    room: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, data: bytes) -> None:
        self.written.append(data)

    async def drain(self) -> None:
        await self.room.wait()


@dataclass
class Broker:
    """A channel of the driver's, and the broker's side of the wire."""

    number: int = 1
    is_closed: bool = False
    frame_max: int = 4096
    futures: list[asyncio.Future[None]] = field(default_factory=list)
    wire: Wire = field(default_factory=Wire)
    writer: Socket = field(default_factory=Socket)

    @property
    def connection(self) -> "Broker":
        return self

    @property
    def connection_tune(self) -> "Broker":
        return self

    def create_future(self) -> asyncio.Future[None]:
        self.futures.append(asyncio.get_running_loop().create_future())
        return self.futures[-1]

    def outlet(self) -> PublishChannel:
        self.writer.room.set()
        return PublishChannel(cast("WiredConnection", self), cast("Channel", self))

    def says(self, *said: Any) -> None:
        self.wire.feed_data(b"".join(pamqp.frame.marshal(frame, self.number) for frame in said))

    def returns(self, message: Message) -> None:
        properties = commands.Basic.Properties(message_id=message.message_id)
        self.says(
            commands.Basic.Return(312, "NO_ROUTE", message.exchange, message.routing_key),
            ContentHeader(body_size=0, properties=properties),
        )


def message(number: int, key: str = "key", *, mandatory: bool = True) -> Message:
    return Message("exchange", key, b"body", f"event-{number}", mandatory=mandatory)


def ack(number: int, *, multiple: bool = False) -> commands.Basic.Ack:
    return commands.Basic.Ack(number, multiple)


async def publishing(broker: Broker, outlet: PublishChannel, messages: list[Message]) -> asyncio.Task[None]:
    task = asyncio.create_task(outlet.publish(messages))
    before = len(broker.futures)
    await eventually(lambda: len(broker.futures) > before)
    return task


async def settled(task: asyncio.Task[None]) -> bool:
    done, _ = await asyncio.wait([task], timeout=0.01)
    return bool(done)


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([ack(3, multiple=True)], id="all at once"),
        pytest.param([ack(1), ack(2), ack(3)], id="one by one"),
        pytest.param([ack(3), ack(1), ack(2)], id="out of order"),
        pytest.param([ack(2), ack(3, multiple=True)], id="one of them before"),
        pytest.param([ack(3), ack(2, multiple=True)], id="the last before"),
        pytest.param([ack(1), ack(1), ack(2, multiple=True), ack(3)], id="one said twice"),
    ],
)
async def test_a_batch_is_taken_when_each_of_its_messages_is_confirmed(answers: list[Any]) -> None:
    broker = Broker()
    task = await publishing(broker, broker.outlet(), [message(number) for number in range(3)])
    for answer in answers[:-1]:
        broker.says(answer)
    assert not await settled(task)
    broker.says(answers[-1])
    await task


async def test_a_confirm_for_one_batch_is_none_for_the_next() -> None:
    broker = Broker()
    outlet = broker.outlet()
    first = await publishing(broker, outlet, [message(1), message(2)])
    second = await publishing(broker, outlet, [message(3)])
    broker.says(ack(2, multiple=True))
    await first
    assert not await settled(second)
    broker.says(ack(3))
    await second


async def test_a_refused_message_is_not_taken_and_the_batch_waits_for_the_others() -> None:
    broker = Broker()
    task = await publishing(broker, broker.outlet(), [message(1), message(2)])
    broker.says(commands.Basic.Nack(1, False, False))
    assert not await settled(task)
    broker.says(ack(2))
    with pytest.raises(BrokerUnavailable, match="refused"):
        await task


async def test_a_returned_message_is_named_once_the_others_are_taken() -> None:
    broker = Broker()
    lost = message(2, "habeas.typo")
    task = await publishing(broker, broker.outlet(), [message(1), lost, message(3)])
    broker.returns(lost)
    broker.says(ack(2))
    assert not await settled(task)
    broker.says(ack(3, multiple=True))
    with pytest.raises(Unroutable, match=r"habeas\.typo"):
        await task


async def test_of_two_under_way_with_one_id_the_one_that_was_returned_is_the_error() -> None:
    broker = Broker()
    outlet = broker.outlet()
    good = await publishing(broker, outlet, [message(1, "listened.to")])
    terminal = await publishing(broker, outlet, [message(1, "unbound", mandatory=False)])
    lost = await publishing(broker, outlet, [message(1, "unbound")])
    again = await publishing(broker, outlet, [message(1, "unbound")])
    broker.returns(message(1, "unbound"))
    broker.says(ack(3, multiple=True))
    await good
    await terminal
    with pytest.raises(Unroutable, match="unbound"):
        await lost
    broker.returns(message(1, "unbound"))
    broker.says(ack(4))
    with pytest.raises(Unroutable, match="unbound"):
        await again


async def test_both_of_two_returned_messages_with_one_id_are_errors_of_their_own_batches() -> None:
    broker = Broker()
    outlet = broker.outlet()
    tasks = [await publishing(broker, outlet, [message(1, "unbound")]) for _ in range(2)]
    broker.returns(message(1, "unbound"))
    broker.returns(message(1, "unbound"))
    broker.says(ack(2, multiple=True))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [Unroutable, Unroutable]


async def test_a_batch_is_one_write_and_a_large_one_waits_for_the_socket_in_between() -> None:
    broker = Broker()
    outlet = broker.outlet()
    task = await publishing(broker, outlet, [message(number) for number in range(100)])
    assert len(broker.writer.written) == 1
    broker.writer.room.clear()
    large = [Message("", "key", b"x" * (WRITE_AT_ONCE // 2), str(number)) for number in range(6)]
    second = await publishing(broker, outlet, large)
    assert len(broker.writer.written) == 2
    broker.writer.room.set()
    await eventually(lambda: len(broker.writer.written) == 4)
    broker.says(ack(106, multiple=True))
    await asyncio.gather(task, second)


async def test_a_batch_that_cannot_be_written_down_leaves_the_numbers_as_they_were() -> None:
    broker = Broker()
    outlet = broker.outlet()
    with pytest.raises(ValueError, match="255"):
        await outlet.publish([message(1), message(2, "k" * 256)])
    assert broker.writer.written == []
    task = await publishing(broker, outlet, [message(3)])
    broker.says(ack(1))
    await task


async def test_nothing_is_written_on_a_channel_that_is_closed() -> None:
    broker = Broker(is_closed=True)
    outlet = broker.outlet()
    with pytest.raises(ChannelInvalidStateError):
        await outlet.publish([message(1)])
    assert broker.writer.written == []


async def test_answers_after_a_cancelled_wait_do_no_harm() -> None:
    broker = Broker()
    outlet = broker.outlet()
    task = await publishing(broker, outlet, [message(1)])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    following = await publishing(broker, outlet, [message(2)])
    broker.says(ack(2, multiple=True))
    await following
