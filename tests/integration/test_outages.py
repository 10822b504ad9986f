"""The bus on a real broker that is cut off, killed, emptied or in the way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aio_pika
import pytest
import pytest_asyncio
import yaml
from yarl import URL

from habeas.embedded.stack import Stack, StackPart
from shared.contract import topology
from shared.contract.topology import EVENTS, MAX_MESSAGE
from shared.errors import BrokerUnavailable, ConfigurationError, TopologyMissing, Unroutable
from shared.runtime.broker import Bus, Consumer, Delivery, Message, declare, publisher, subscriber
from shared.runtime.broker.connection import Channel
from shared.runtime.broker.subscriber import CAUTIOUS_PREFETCH, LEAST_PREFETCH
from tests.integration.conftest import Makes
from tests.waiting import eventually

VERIFIED = "habeas.identity.verified.v1"


def event(number: int) -> Message:
    return Message(EVENTS, VERIFIED, b"body", f"event-{number}")


async def take(consumer: Consumer, count: int) -> list[Delivery]:
    taken: list[Delivery] = []
    async with asyncio.timeout(60):
        while len(taken) < count:
            taken += await consumer.take(count - len(taken))
    return taken


async def publish_until_confirmed(bus: Bus, messages: list[Message]) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                return await bus.publish(messages)
            except BrokerUnavailable:
                await asyncio.sleep(0.05)


async def publish_for_ever(bus: Bus) -> None:
    async with asyncio.timeout(60):
        while True:
            await bus.publish([event(0)])


@dataclass
class Wire:
    """A TCP proxy in front of the broker, which can be cut, and held so that nothing comes through."""

    host: str
    port: int
    server: asyncio.Server | None = None
    open: asyncio.Event = field(default_factory=asyncio.Event)
    ends: set[asyncio.StreamWriter] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self) -> int:
        self.open.set()
        self.server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        port: int = self.server.sockets[0].getsockname()[1]
        return port

    def cut(self) -> None:
        for end in self.ends:
            end.transport.abort()
        self.ends.clear()

    async def close(self) -> None:
        self.cut()
        assert self.server
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            writer.transport.abort()
            return
        self.ends |= {writer, far_writer}
        for source, target in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(source, target))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(65536):
                await self.open.wait()
                writer.write(piece)
                await writer.drain()
        writer.transport.abort()


@pytest_asyncio.fixture
async def wire(amqp_url: str) -> AsyncIterator[tuple[Wire, str]]:
    url = URL(amqp_url)
    assert url.host
    wire = Wire(url.host, url.port or 5672)
    port = await wire.serve()
    yield wire, str(url.with_host("127.0.0.1").with_port(port))
    await wire.close()


async def test_the_wire_is_cut_and_publishing_and_consuming_resume(
    wire: tuple[Wire, str], ends: Makes
) -> None:
    proxy, url = wire
    bus, consumer = ends(url)
    await bus.publish([event(1)])
    await take(consumer, 1)
    for number in (2, 3):
        proxy.cut()
        await publish_until_confirmed(bus, [event(number)])
    again: set[str | None] = set()
    while len(again) < 3:  # what was not confirmed in time comes twice
        again |= {delivery.message_id for delivery in await take(consumer, 1)}
    assert again == {"event-1", "event-2", "event-3"}


async def test_a_publication_under_way_when_the_wire_is_cut_is_never_taken_for_confirmed(
    wire: tuple[Wire, str], ends: Makes
) -> None:
    proxy, url = wire
    bus, _ = ends(url)
    await bus.publish([event(0)])
    proxy.open.clear()
    publishing = asyncio.create_task(bus.publish([event(number) for number in range(1, 50)]))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.2, proxy.cut)
    with pytest.raises(BrokerUnavailable):
        await publishing
    proxy.open.set()
    await publish_until_confirmed(bus, [event(0)])


async def test_a_broker_that_never_confirms_is_given_up_after_a_while(
    wire: tuple[Wire, str], ends: Makes, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, url = wire
    bus, _ = ends(url)
    await bus.publish([event(0)])
    monkeypatch.setattr(publisher, "CONFIRM_WITHIN_S", 0.3)
    proxy.open.clear()
    with pytest.raises(BrokerUnavailable):
        await bus.publish([event(1)])
    monkeypatch.undo()
    proxy.open.set()
    await publish_until_confirmed(bus, [event(1)])


async def test_two_publications_that_lose_the_same_connection_open_one_new_one(
    wire: tuple[Wire, str], ends: Makes
) -> None:
    proxy, url = wire
    bus, _ = ends(url)
    await bus.publish([event(0)])
    proxy.cut()
    await asyncio.gather(*(publish_until_confirmed(bus, [event(number)]) for number in range(20)))
    await bus.ping()


async def test_a_killed_broker_loses_nothing_that_was_confirmed(
    stack: Stack, amqp_url: str, ends: Makes
) -> None:
    bus, consumer = ends(amqp_url)
    await bus.publish([event(number) for number in range(50)])
    await consumer.settle(await take(consumer, 10))
    await stack.kill(StackPart.BROKER)
    with pytest.raises(BrokerUnavailable):
        await bus.publish([event(99)])
    await stack.start(StackPart.BROKER)
    await publish_until_confirmed(bus, [event(100)])
    rest: set[str | None] = set()
    while "event-100" not in rest:
        batch = await take(consumer, 1)
        rest |= {delivery.message_id for delivery in batch}
        await consumer.settle(batch)
    assert rest >= {f"event-{number}" for number in (*range(10, 50), 100)}


async def test_a_deleted_queue_is_consumed_once_it_is_declared_again(amqp_url: str, ends: Makes) -> None:
    bus, consumer = ends(amqp_url)
    await bus.publish([event(1)])
    await consumer.settle(await take(consumer, 1))
    taking = asyncio.create_task(take(consumer, 1))
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        await channel.queue_delete("fulfillment")
        await channel.queue_delete("intake")
    await eventually(lambda: not consumer.connected)
    with pytest.raises(TopologyMissing, match="queue fulfillment: run `habeas topology`"):
        await consumer.probe()
    await declare(amqp_url)
    await eventually(lambda: consumer.connected)

    async with asyncio.timeout(60):
        while not taking.done():
            with suppress(Unroutable):
                await bus.publish([event(2)])
            await asyncio.wait([taking], timeout=0.05)
    assert [delivery.message_id for delivery in await taking] == ["event-2"]


async def test_only_a_few_messages_are_held_until_the_first_batch_is_through(
    amqp_url: str, ends: Makes
) -> None:
    bus, consumer = ends(amqp_url)
    await bus.publish([event(number) for number in range(100)])
    cautious = await take(consumer, CAUTIOUS_PREFETCH)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await consumer.take(1)
    await consumer.settle(cautious)
    rest = await take(consumer, 100 - len(cautious))
    assert len({delivery.message_id for delivery in cautious + rest}) == 100


async def test_batches_settled_side_by_side_widen_the_prefetch_once(amqp_url: str, ends: Makes) -> None:
    bus, consumer = ends(amqp_url)
    await bus.publish([event(number) for number in range(100)])
    cautious = await take(consumer, CAUTIOUS_PREFETCH)
    await asyncio.gather(consumer.settle(cautious[::2]), consumer.settle(cautious[1::2]))
    assert consumer.connected
    rest = await take(consumer, 100 - len(cautious))
    assert len({delivery.message_id for delivery in cautious + rest}) == 100


async def test_broker_refuses_messages_over_four_mebibytes(amqp_url: str, ends: Makes) -> None:
    bus, _ = ends(amqp_url)
    await bus.publish([replace(event(1), body=bytes(MAX_MESSAGE))])
    with pytest.raises(BrokerUnavailable):
        await bus.publish([replace(event(2), body=bytes(MAX_MESSAGE + 1))])


def test_compose_has_the_same_limit_of_messages() -> None:
    compose = yaml.safe_load(Path("docker-compose.yml").read_text(encoding="utf-8"))
    arguments = compose["services"]["broker"]["environment"]["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"]
    assert arguments == f"-rabbit max_message_size {MAX_MESSAGE}"


async def test_foreign_queue_that_refuses_messages_is_named_as_the_cause(amqp_url: str, ends: Makes) -> None:
    bus, _ = ends(amqp_url)
    full: dict[str, Any] = {"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"}
    connection = await aio_pika.connect(amqp_url)
    async with connection, connection.channel() as channel:
        queue = await channel.declare_queue("shop.full", durable=True, arguments=full)
        await queue.bind(EVENTS, "#")
        with pytest.raises(BrokerUnavailable, match=r"^a queue refuses messages: delete the one bound to"):
            await publish_for_ever(bus)
        await queue.delete(if_unused=False, if_empty=False)
    await publish_until_confirmed(bus, [event(1_000)])


async def test_large_messages_are_held_in_smaller_numbers_and_small_ones_in_full_again(
    amqp_url: str, ends: Makes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber, "HELD_BYTES", 1 << 20)
    bus, consumer = ends(amqp_url)
    large = [replace(event(number), body=bytes(64 << 10)) for number in range(200)]
    await bus.publish(large)
    await consumer.settle(await take(consumer, CAUTIOUS_PREFETCH))
    for _ in range(3):
        held = await take(consumer, LEAST_PREFETCH)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await consumer.take(1)
        await consumer.settle(held)
    await bus.publish([event(number) for number in range(200, 1000)])
    async with asyncio.timeout(60):
        while consumer._permitted < consumer._prefetch:
            await consumer.settle(await consumer.take(100))


async def test_a_broker_that_never_says_that_we_consume_is_left_and_asked_again(
    amqp_url: str, ends: Makes, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, consumer = ends(amqp_url)
    asked = asyncio.Event()
    consume = Channel.basic_consume

    async def unanswered(channel: Channel, *arguments: Any, **options: Any) -> Any:
        if asked.is_set():
            return await consume(channel, *arguments, **options)
        asked.set()
        return await asyncio.Event().wait()

    monkeypatch.setattr(Channel, "basic_consume", unanswered)
    monkeypatch.setattr(subscriber, "ANSWER_WITHIN_S", 0.2)
    await bus.publish([event(1)])
    assert [delivery.message_id for delivery in await take(consumer, 1)] == ["event-1"]


async def test_a_queue_with_other_arguments_is_one_clear_error(empty_amqp_url: str) -> None:
    async with await aio_pika.connect(empty_amqp_url) as connection:
        channel = await connection.channel()
        await channel.declare_queue(topology.parking_of("intake"), durable=True)
    with pytest.raises(ConfigurationError, match=r"queue intake\.parking"):
        await declare(empty_amqp_url)


async def test_publishing_without_topology_names_the_remedy(empty_amqp_url: str, ends: Makes) -> None:
    bus, consumer = ends(empty_amqp_url)
    with pytest.raises(TopologyMissing, match="run `habeas topology`"):
        await bus.publish([event(1)])
    with pytest.raises(TopologyMissing, match="queue fulfillment: run `habeas topology`"):
        await consumer.probe()


async def test_cancelling_a_taker_is_no_lost_connection(amqp_url: str, ends: Makes) -> None:
    _, consumer = ends(amqp_url)
    taking = asyncio.create_task(consumer.take(1))
    await eventually(lambda: consumer.connected)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking


@pytest.mark.parametrize("url", ["amqp://guest:sesame@127.0.0.1:1/", "amqp://guest:sesame@127.0.0.1:x/"])
async def test_a_broker_that_is_not_there_is_named_without_its_password(url: str, ends: Makes) -> None:
    bus, _ = ends(url)
    with pytest.raises((BrokerUnavailable, ConfigurationError)) as caught:
        await bus.ping()
    assert "sesame" not in str(caught.value)
