"""Moments on a real database, told by a real broker: once each, by any number of replicas."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from shared.contract.envelope import decode
from shared.contract.events import TimeCame
from shared.contract.topology import EVENTS
from shared.errors import BrokerUnavailable
from shared.runtime import scheduler
from shared.runtime.broker import Message
from shared.runtime.mongo import Client
from shared.runtime.scheduler import Timer, Timers, publish_due_timers
from shared.runtime.service import stored_precision
from tests.runtime_fakes import uncorrelated
from tests.waiting import WatchedPauses, eventually

CASE, OTHER = "a" * 32, "b" * 32
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Wire:
    """Takes messages, or is down."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.at: list[datetime] = []
        """When some were taken."""
        self.down = False

    async def publish(self, messages: Sequence[Message]) -> None:
        if self.down:
            raise BrokerUnavailable("nothing is confirmed")
        self.taken += messages
        self.at.append(datetime.now(UTC))

    @property
    def told(self) -> list[tuple[str, str]]:
        events = [
            decode(m.body, exchange=EVENTS, content_type=m.content_type, headers={}).event for m in self.taken
        ]
        return [(event.request_id, event.name) for event in events if isinstance(event, TimeCame)]


class Clock:
    """Stands still until a test moves it."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest_asyncio.fixture
async def timers(mongo_client: Client, database_prefix: str) -> AsyncIterator[Timers]:
    timers = Timers(mongo_client[f"{database_prefix}_verifier"])
    await timers.prepare()
    yield timers


async def keep_for_a_moment(timers: Timers, wire: Wire, clock: Clock, *, replicas: int = 1) -> None:
    def telling() -> Coroutine[None, None, None]:
        return publish_due_timers(timers, wire, "verifier", clock, event=TimeCame, correlations=uncorrelated)

    pauses = timers.due_soon = WatchedPauses()
    await pauses.look(*(telling() for _ in range(replicas)))


async def test_cancelled_timers_of_a_kind_are_not_published_until_set_again(timers: Timers) -> None:
    wire, clock = Wire(), Clock()
    for case, name in ((CASE, "due_first"), (CASE, "due_last_20261124"), (CASE, "end"), (OTHER, "due_first")):
        await timers.set(case, name, NOW - timedelta(hours=1))
    await timers.cancel(CASE, "due_")
    await timers.cancel(CASE, "due_")
    await keep_for_a_moment(timers, wire, clock)
    assert sorted(wire.told) == [(CASE, "end"), (OTHER, "due_first")]
    await timers.set(CASE, "due_first", NOW)
    await keep_for_a_moment(timers, wire, clock)
    assert wire.told[2:] == [(CASE, "due_first")]


async def test_a_moment_is_told_when_it_has_come_and_not_before(timers: Timers) -> None:
    wire, clock = Wire(), Clock()
    await timers.set(CASE, "reminder", NOW + timedelta(hours=1))
    await timers.set(OTHER, "reminder", NOW)
    await keep_for_a_moment(timers, wire, clock)
    assert wire.told == [(OTHER, "reminder")]
    clock.now += timedelta(hours=1)
    await keep_for_a_moment(timers, wire, clock)
    assert wire.told == [(OTHER, "reminder"), (CASE, "reminder")]
    await keep_for_a_moment(timers, wire, clock)
    assert len(wire.told) == 2


async def test_the_first_moment_set_counts_and_one_that_was_told_is_not_told_again(timers: Timers) -> None:
    wire, clock = Wire(), Clock()
    await timers.set(CASE, "lapse", NOW)
    await timers.set(CASE, "lapse", NOW + timedelta(days=9))
    await keep_for_a_moment(timers, wire, clock)
    await timers.set(CASE, "lapse", NOW)
    await keep_for_a_moment(timers, wire, clock)
    assert wire.told == [(CASE, "lapse")]


@pytest.fixture
def _no_regular_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "LOOK_EVERY", timedelta(hours=1))


def soon() -> datetime:
    """Return a moment in half a second, as the database keeps it."""
    return stored_precision(datetime.now(UTC) + timedelta(seconds=0.5))


@pytest.mark.usefixtures("_no_regular_look")
async def test_timer_set_while_the_publisher_waits_is_published_at_its_moment(timers: Timers) -> None:
    wire, moment = Wire(), soon()
    pauses = timers.due_soon = WatchedPauses()
    running = asyncio.create_task(
        publish_due_timers(timers, wire, "verifier", event=TimeCame, correlations=uncorrelated)
    )
    await pauses.begun(running)
    await timers.set(CASE, "lapse", moment)
    await eventually(lambda: wire.told == [(CASE, "lapse")])
    assert wire.at[0] >= moment
    running.cancel()


@pytest.mark.usefixtures("_no_regular_look")
async def test_timer_found_by_a_look_is_published_at_its_moment(timers: Timers) -> None:
    wire, moment = Wire(), soon()
    await timers.set(CASE, "lapse", moment)
    running = asyncio.create_task(
        publish_due_timers(timers, wire, "verifier", event=TimeCame, correlations=uncorrelated)
    )
    await eventually(lambda: wire.told == [(CASE, "lapse")])
    assert wire.at[0] >= moment
    running.cancel()


@pytest.mark.usefixtures("timers", "_no_regular_look")
async def test_timers_set_for_later_moments_lead_to_no_looks(
    mongo_client: Client, database_prefix: str
) -> None:
    looks = 0

    class CountedTimers(Timers):
        async def due(self, now: datetime) -> list[Timer]:
            nonlocal looks
            looks += 1
            return await Timers.due(self, now)

    counted = CountedTimers(mongo_client[f"{database_prefix}_verifier"])
    running = asyncio.create_task(
        publish_due_timers(counted, Wire(), "verifier", event=TimeCame, correlations=uncorrelated)
    )
    await eventually(lambda: looks == 1)
    for number in range(20):
        await counted.set(f"{number:032x}", "lapse", datetime.now(UTC) + timedelta(minutes=59))
    await asyncio.sleep(0.2)
    running.cancel()
    assert looks == 1


async def test_any_number_of_replicas_tell_a_moment_under_one_id(timers: Timers) -> None:
    wire, clock = Wire(), Clock()
    for number in range(50):
        await timers.set(f"{number:032x}", "lapse", NOW)
    await keep_for_a_moment(timers, wire, clock, replicas=4)
    assert len(set(wire.told)) == 50
    assert len({message.message_id for message in wire.taken}) == 50


async def test_while_the_broker_is_away_a_moment_waits(timers: Timers) -> None:
    wire, clock = Wire(), Clock()
    wire.down = True
    await timers.set(CASE, "lapse", NOW)
    await keep_for_a_moment(timers, wire, clock)
    wire.down = False
    assert len(await timers.due(NOW)) == 1
    await keep_for_a_moment(timers, wire, clock)
    assert wire.told == [(CASE, "lapse")]
