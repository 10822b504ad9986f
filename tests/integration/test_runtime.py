"""The runtime on real parts: whatever is killed, cut or crashes, nothing is lost and no effect repeated."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio

from habeas.client.master_keys import MasterKeys
from habeas.embedded.stack import Stack, StackPart
from shared.contract.envelope import encode
from shared.contract.events import ErasurePlanned, Fact, IdentityVerified, RequestFulfilled
from shared.contract.topology import parking_of
from shared.errors import BrokerUnavailable, StoreUnavailable
from shared.runtime.accounts import Publishers
from shared.runtime.broker import Bus, Consumer, Message, Parking, user_of
from shared.runtime.journal import Journal
from shared.runtime.message_origin import UNBELIEVED, OriginSeals
from shared.runtime.mongo import Client
from shared.runtime.retry_policy import ATTEMPT, REASON
from shared.runtime.seal_store import seal_keys
from shared.runtime.service import Moment, Runtime, Service, on
from tests.waiting import eventually

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WITHIN = timedelta(seconds=120)


def planned(request_id: str, plan: str = "plan_1") -> ErasurePlanned:
    return ErasurePlanned(
        request_id=request_id,
        plan=plan,
        regulation="gdpr",
        received_on=date(2026, 3, 1),
    )


def case(number: int) -> str:
    return f"{number:032x}"


@dataclass
class Desk:
    errors: dict[str, list[Exception]] = field(default_factory=dict)

    async def plan(self, event: IdentityVerified, moment: Moment[int]) -> Sequence[Fact]:
        del moment
        if self.errors.get(event.request_id):
            raise self.errors[event.request_id].pop(0)
        return [planned(event.request_id, "plan_1")]

    async def erase(self, event: ErasurePlanned, moment: Moment[int]) -> Sequence[Fact]:
        del moment
        return [
            RequestFulfilled(answer="answer", request_id=event.request_id, right="erasure", outcome="granted")
        ]


@dataclass
class World:
    """One service and its real journal, fed by one bus and heard by a listener."""

    url: str
    journal: Journal
    bus: Bus
    heard: Consumer
    desk: Desk = field(default_factory=Desk)
    seals: OriginSeals = field(default_factory=lambda: OriginSeals("fulfillment", (bytes(32),)))

    def service(self) -> Service[int, Moment[int]]:
        return Service(
            name="fulfillment",
            subscriptions=(on(IdentityVerified, self.desk.plan), on(ErasurePlanned, self.desk.erase)),
            start=0,
            evolve=lambda state, _fact: state + 1,
            context=lambda moment: moment,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Runtime[Any, Any]]:
        """A process of its own, as far as bus and connections go; leaving it kills it."""
        bus, consumer = Bus(self.url, name="runtime"), Consumer(self.url, "fulfillment", prefetch=200)
        publishers = Publishers(user_of(self.url), "")
        runtime = Runtime(
            self.service(), self.journal, consumer, bus, 100, publishers=publishers, seals=self.seals
        )
        task = asyncio.create_task(runtime.run())
        try:
            yield runtime
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await consumer.close()
            await bus.close()

    async def tell(self, numbers: Sequence[int]) -> None:
        """Publish one verified identity per number, as often as it takes."""
        messages = [verified(number) for number in numbers]
        async with asyncio.timeout(WITHIN.total_seconds()):
            while True:
                try:
                    return await self.bus.publish(messages)
                except BrokerUnavailable:
                    await asyncio.sleep(0.1)

    async def outcomes(self, count: int) -> dict[str, set[bytes]]:
        """Return what the world was told: case to the different messages about it."""
        told: dict[str, set[bytes]] = {}
        async with asyncio.timeout(WITHIN.total_seconds()):
            while len(told) < count:
                batch = await self.heard.take(500)
                for delivery in batch:
                    if delivery.routing_key == RequestFulfilled.TYPE:
                        told.setdefault(orjson.loads(delivery.body)["correlationid"], set()).add(
                            delivery.body
                        )
                await self.heard.settle(batch)
        return told

    async def rows(self, numbers: Sequence[int]) -> Counter[int]:
        histories = await self.journal.histories([case(number) for number in numbers])
        return Counter(len(rows) for rows in histories.values())


def verified(number: int) -> Message:
    event = IdentityVerified(
        request_id=case(number),
        right="erasure",
        regulation="gdpr",
        received_on=date(2026, 3, 1),
        assurance="mailbox",
        reasons=(),
    )
    id_ = f"event-{number}"
    body = encode(event, id=id_, source="habeas/verifier", time=NOW)
    return Message(event.EXCHANGE, event.TYPE, body, id_)


@pytest_asyncio.fixture
async def world(amqp_url: str, mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    journal = Journal(mongo_client[f"{database_prefix}_fulfillment"])
    await journal.prepare()
    bus, heard = Bus(amqp_url, name="test"), Consumer(amqp_url, "notifier", prefetch=500)
    yield World(amqp_url, journal, bus, heard)
    await heard.close()
    await bus.close()


async def test_every_event_has_its_effect_once_and_the_world_is_told_once(world: World) -> None:
    numbers = range(300)
    await world.tell([*numbers, *numbers])
    async with world.running():
        told = await world.outcomes(len(numbers))
    assert all(len(messages) == 1 for messages in told.values())
    assert await world.rows(numbers) == {2: len(numbers)}


@pytest.mark.parametrize("part", [StackPart.BROKER, StackPart.DATABASE])
async def test_a_part_killed_in_the_middle_loses_nothing_and_repeats_no_effect(
    world: World, stack: Stack, part: StackPart
) -> None:
    numbers = range(1500)
    async with world.running():
        await world.tell(numbers[:500])
        await stack.kill(part)
        starting = asyncio.create_task(stack.start(part))
        await starting
        await world.tell(numbers[500:])
        told = await world.outcomes(len(numbers))
    assert all(len(messages) == 1 for messages in told.values()), "repeated, but with the very same bytes"
    assert await world.rows(numbers) == {2: len(numbers)}
    assert await parked(world, 0) == []


async def test_a_batch_that_the_database_cannot_take_now_is_held_and_committed_once(
    world: World, stack: Stack
) -> None:
    async with world.running():
        await world.tell([0])
        await world.outcomes(1)
        await stack.kill(StackPart.DATABASE)
        await world.tell(range(1, 20))
        await stack.start(StackPart.DATABASE)
        await world.outcomes(19)
    assert await world.rows(range(20)) == {2: 20}
    assert await parked(world, 0) == []


@pytest.mark.parametrize("step", ["before append", "append", "publish", "before settle", "settle"])
async def test_a_crash_at_any_step_loses_nothing_and_repeats_no_effect(world: World, step: str) -> None:
    numbers = range(20)
    await world.tell(numbers)
    async with crashing(world, step) as crashed:
        await eventually(crashed.is_set, WITHIN)
    async with world.running():
        told = await world.outcomes(len(numbers))
    assert all(len(messages) == 1 for messages in told.values())
    assert await world.rows(numbers) == {2: len(numbers)}


async def test_two_replicas_share_the_work_and_no_effect_is_repeated(world: World) -> None:
    numbers = range(300)
    async with world.running(), world.running():
        await world.tell([*numbers, *numbers])
        told = await world.outcomes(len(numbers))
    assert all(len(messages) == 1 for messages in told.values())
    assert await world.rows(numbers) == {2: len(numbers)}


async def test_passing_trouble_is_tried_again_and_lasting_trouble_parked(world: World) -> None:
    world.desk.errors = {
        case(1): [StoreUnavailable("the billing database is away")],
        case(2): [KeyError("ada@example.org")],
    }
    await world.tell(range(4))
    async with world.running():
        assert set(await world.outcomes(3)) == {case(0), case(1), case(3)}
        [message] = await parked(world, 1)
    assert (message[REASON], message[ATTEMPT]) == ("KeyError", 1)


@dataclass
class Ring:
    """The key ring of fulfillment before and after a rotation."""

    before: MasterKeys = field(default_factory=lambda: MasterKeys(os.urandom(32)))
    after: MasterKeys = field(init=False)

    def __post_init__(self) -> None:
        self.after = self.before.rotated(NOW, timedelta(days=7))

    @staticmethod
    def seals(keys: MasterKeys) -> OriginSeals:
        return OriginSeals("fulfillment", seal_keys(keys.ring("fulfillment"), "fulfillment"))


async def retried_once(world: World) -> None:
    """Have one instance fail on a message for now, and end once it has published it to come again."""
    world.desk.errors = {case(1): [StoreUnavailable("the billing database is away")]}
    await world.tell([1])
    async with world.running() as runtime:
        consumer = runtime.inbox
        assert isinstance(consumer, Consumer)
        await eventually(lambda: not (world.desk.errors[case(1)] or consumer._held), WITHIN)


async def test_message_comes_again_to_another_instance_with_its_publisher_also_after_a_rotation(
    world: World,
) -> None:
    ring = Ring()
    world.seals = ring.seals(ring.before)
    await retried_once(world)
    world.seals = ring.seals(ring.after)
    async with world.running():
        assert set(await world.outcomes(1)) == {case(1)}
    assert await parked(world, 0) == []


async def test_message_that_another_key_has_sealed_is_parked_whole_and_handled_under_the_right_one(
    world: World,
) -> None:
    own, world.seals = world.seals, OriginSeals("fulfillment", (bytes([1]) * 32,))
    await retried_once(world)
    world.seals = own
    async with world.running():
        [headers] = await waiting_in(world, parking_of("fulfillment"))
    assert headers[REASON] == UNBELIEVED
    world.seals = OriginSeals("fulfillment", (bytes(32), bytes([1]) * 32))
    async with Parking(world.url, parking_of("fulfillment")) as parking:
        async for delivery in parking:
            await parking.hand_back(delivery)
    async with world.running():
        assert set(await world.outcomes(1)) == {case(1)}


async def waiting_in(world: World, queue: str) -> list[dict[str, Any]]:
    """Return the headers of the messages in *queue*, once there is any; they stay there."""

    async def found() -> list[dict[str, Any]]:
        async with Parking(world.url, queue) as parking:
            return [dict(delivery.headers) async for delivery in parking]

    return await eventually(found, WITHIN)


async def parked(world: World, count: int) -> list[dict[str, Any]]:
    """Return the headers of what is parked, once there are *count*."""
    consumer = Consumer(world.url, parking_of("fulfillment"), prefetch=10)
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(WITHIN.total_seconds()):
        while len(found) < count:
            found += [dict(delivery.headers) for delivery in await consumer.take(10)]
    await consumer.stop()
    found += [dict(delivery.headers) for delivery in await consumer.take(10)]
    await consumer.close()
    return found


@asynccontextmanager
async def crashing(world: World, step: str) -> AsyncIterator[asyncio.Event]:
    """Run a process that dies at *step*; the event is set when it has."""
    bus, consumer = Bus(world.url, name="runtime"), Consumer(world.url, "fulfillment", prefetch=200)
    crashed = asyncio.Event()
    parts = {"append": world.journal, "publish": bus, "settle": consumer}
    name = step.removeprefix("before ")
    wrapped: dict[str, Any] = parts | {name: Crashing(parts[name], step, crashed)}
    runtime = Runtime(world.service(), wrapped["append"], wrapped["settle"], wrapped["publish"])
    task = asyncio.create_task(runtime.run())
    yield crashed
    await asyncio.gather(task, return_exceptions=True)
    await consumer.close()
    await bus.close()


class Crashing:
    """Any part, with the process dying just before or just after one of its steps."""

    def __init__(self, whole: Any, step: str, crashed: asyncio.Event) -> None:
        self._whole = whole
        self._step = step
        self._crashed = crashed

    def __getattr__(self, name: str) -> Any:
        step: Callable[..., Awaitable[Any]] = getattr(self._whole, name)
        if not self._step.endswith(name):
            return step

        async def crash(*arguments: Any) -> None:
            if not self._step.startswith("before"):
                await step(*arguments)
            self._crashed.set()
            raise asyncio.CancelledError

        return crash
