"""What every bus promises: the same behaviours on the one in memory and on a real broker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest
import pytest_asyncio

from shared.contract.topology import EVENTS, REDELIVERY, REQUESTS, parking_of
from shared.errors import PermanentError, StoreUnavailable, Unroutable
from shared.runtime.broker import Bus, Consumer, Delivery, EventPublisher, Inbox, Message
from shared.runtime.message_origin import Origin, OriginSeals
from shared.runtime.retry_policy import ATTEMPT, ERROR, REASON, after_failure
from tests.runtime_fakes import MemoryBroker
from tests.waiting import LONG

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SEALS = OriginSeals("fulfillment", (bytes(32),))
VERIFIED = "habeas.identity.verified.v1"


class ClosableInbox(Inbox, Protocol):
    async def close(self) -> None: ...
    async def stop(self) -> None: ...


@dataclass(frozen=True)
class Ends:
    """The two ends of a bus, and a way to let a delay pass."""

    publisher: EventPublisher
    inbox: Callable[[str], ClosableInbox]
    wait: Callable[[timedelta], Awaitable[None]]


@pytest.fixture
def memory() -> Ends:
    broker = MemoryBroker()
    return Ends(broker, broker.inbox, broker.advance)


@pytest_asyncio.fixture
async def real(amqp_url: str) -> AsyncIterator[Ends]:
    consumers: list[Consumer] = []

    def inbox(queue: str) -> Consumer:
        consumers.append(Consumer(amqp_url, queue, prefetch=100))
        return consumers[-1]

    async def passes_by_itself(_delay: timedelta) -> None: ...

    bus = Bus(amqp_url, name="contract")
    yield Ends(bus, inbox, passes_by_itself)
    for consumer in consumers:
        await consumer.close()
    await bus.close()


@pytest.fixture(params=["memory", "real"])
def ends(request: pytest.FixtureRequest) -> Ends:
    chosen: Ends = request.getfixturevalue(request.param)
    return chosen


def event(number: int, *, routing_key: str = VERIFIED, mandatory: bool = True) -> Message:
    return Message(
        EVENTS,
        routing_key,
        f"body {number}".encode(),
        f"event-{number}",
        headers={"traceparent": "00-1"},
        mandatory=mandatory,
    )


async def take(inbox: Inbox, count: int) -> list[Delivery]:
    taken: list[Delivery] = []
    async with asyncio.timeout(LONG.total_seconds()):
        while len(taken) < count:
            taken += await inbox.take(count - len(taken))
    return taken


def ids(deliveries: Sequence[Delivery]) -> list[str | None]:
    return [delivery.message_id for delivery in deliveries]


async def test_a_published_message_arrives_as_it_was_sent_at_everyone_who_listens(ends: Ends) -> None:
    await ends.publisher.publish([event(1)])
    for service in ("intake", "fulfillment"):
        [delivery] = await take(ends.inbox(service), 1)
        assert (delivery.exchange, delivery.routing_key) == (EVENTS, VERIFIED)
        assert (delivery.body, delivery.message_id) == (b"body 1", "event-1")
        assert delivery.content_type == "application/cloudevents+json"
        assert delivery.headers == {"traceparent": "00-1"}
        assert not delivery.redelivered


async def test_a_batch_arrives_whole_and_in_order(ends: Ends) -> None:
    await ends.publisher.publish([event(number) for number in range(40)])
    inbox = ends.inbox("fulfillment")
    batch: list[Delivery] = []
    while len(batch) < 40:
        more = await take(inbox, 1)
        await inbox.settle(more)
        batch += more
    assert ids(batch) == [f"event-{number}" for number in range(40)]


async def test_event_without_consumer_is_an_error(ends: Ends) -> None:
    with pytest.raises(Unroutable, match=r"habeas\.typo"):
        await ends.publisher.publish([event(1), event(2, routing_key="habeas.typo"), event(3)])
    assert ids(await take(ends.inbox("fulfillment"), 2)) == ["event-1", "event-3"]


async def test_terminal_event_may_have_no_consumer(ends: Ends) -> None:
    await ends.publisher.publish([event(1, routing_key="habeas.request.closed.v1", mandatory=False)])
    await ends.publisher.publish([event(2)])


async def test_any_routing_key_reaches_intake_over_the_exchange_for_requests(ends: Ends) -> None:
    await ends.publisher.publish([Message(REQUESTS, "whatever.an.upstream.chose", b"{}", "1")])
    assert ids(await take(ends.inbox("intake"), 1)) == ["1"]


async def test_unsettled_message_is_delivered_again_after_the_connection(ends: Ends) -> None:
    await ends.publisher.publish([event(number) for number in range(4)])
    inbox = ends.inbox("fulfillment")
    first, *_, last = await take(inbox, 4)
    await inbox.settle([last, first])
    await inbox.close()
    again = await take(inbox, 2)
    assert ids(again) == ["event-1", "event-2"]
    assert all(delivery.redelivered for delivery in again)


async def test_settled_message_is_never_delivered_again(ends: Ends) -> None:
    await ends.publisher.publish([event(1), event(2)])
    inbox = ends.inbox("fulfillment")
    await inbox.settle(await take(inbox, 2))
    await inbox.close()
    await ends.publisher.publish([event(3)])
    assert ids(await take(inbox, 1)) == ["event-3"]


async def test_settling_twice_or_after_the_connection_was_lost_does_no_harm(ends: Ends) -> None:
    await ends.publisher.publish([event(1), event(2)])
    inbox = ends.inbox("fulfillment")
    old = await take(inbox, 2)
    await inbox.settle(old[:1])
    await inbox.settle(old[:1])
    await inbox.close()
    again = await take(inbox, 1)
    await inbox.settle(old)
    assert ids(again) == ["event-2"]
    await inbox.close()
    assert ids(await take(inbox, 1)) == ["event-2"]


async def test_stopped_subscription_hands_out_received_messages_and_ends(ends: Ends) -> None:
    await ends.publisher.publish([event(number) for number in range(3)])
    inbox = ends.inbox("fulfillment")
    await take(inbox, 1)
    await inbox.stop()
    assert ids(await take(inbox, 2)) == ["event-1", "event-2"]
    assert await inbox.take(10) == []


async def test_a_message_to_retry_comes_back_after_its_delay_to_its_own_service_alone(ends: Ends) -> None:
    await ends.publisher.publish([event(1)])
    mine, others = ends.inbox("fulfillment"), ends.inbox("intake")
    await others.settle(await take(others, 1))
    [delivery] = await take(mine, 1)
    failure = after_failure(delivery, StoreUnavailable("away"), SEALS, now=NOW, retry_for=HOUR)
    await ends.publisher.publish([failure.message])
    await mine.settle([delivery])

    await ends.wait(timedelta(seconds=1))
    [again] = await take(mine, 1)
    assert (again.body, again.message_id, again.exchange) == (b"body 1", "event-1", REDELIVERY)
    assert again.headers[ATTEMPT] == 1
    assert again.headers["traceparent"] == "00-1"
    assert SEALS.origin_of(again, NOW) == Origin(EVENTS, VERIFIED, delivery.user_id)
    await ends.publisher.publish([event(2)])
    assert ids(await take(others, 1)) == ["event-2"]


async def test_a_parked_message_stays_with_its_reason(ends: Ends) -> None:
    await ends.publisher.publish([event(1)])
    inbox = ends.inbox("fulfillment")
    [delivery] = await take(inbox, 1)
    failure = after_failure(delivery, PermanentError("no such case"), SEALS, now=NOW, retry_for=HOUR)
    await ends.publisher.publish([failure.message])
    await inbox.settle([delivery])
    await ends.wait(timedelta(minutes=11))

    [parked] = await take(ends.inbox(parking_of("fulfillment")), 1)
    assert (parked.body, parked.message_id) == (b"body 1", "event-1")
    assert (parked.headers[REASON], parked.headers[ERROR]) == ("no such case", "PermanentError")
