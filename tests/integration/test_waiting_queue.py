"""The waiting queue on a real database: its limit and order; no request is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime, timedelta

import pytest
import pytest_asyncio

from services.intake.cases import waiting_queue
from services.intake.cases.rate_limit import WaitingRequest
from services.intake.cases.waiting_queue import WaitingQueue, start_waiting
from services.intake.domain import RequestLodged
from shared.contract.events import BurstDeclared
from shared.errors import StoreUnavailable
from shared.runtime.mongo import Client, Database
from tests.waiting import WatchedPauses, eventually

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SHOP, PORTAL = "shop.example", "portal.example"


@pytest_asyncio.fixture
async def database(mongo_client: Client, database_prefix: str) -> AsyncIterator[Database]:
    yield mongo_client[f"{database_prefix}_intake"]


@asynccontextmanager
async def room(database: Database, **limits: int) -> AsyncIterator[WaitingQueue]:
    """Open a room in which *shop* and *portal* have these limits; another replica is another room."""
    names = {"shop": SHOP, "portal": PORTAL, "others": "*"}
    opened = WaitingQueue(database, {names[name]: limit for name, limit in limits.items()})
    await opened.prepare()
    yield opened


def case(number: int) -> str:
    return f"{number:032x}"


async def come(
    room: WaitingQueue,
    *numbers: int,
    source: str = SHOP,
    now: datetime = NOON,
    due: date = date(2026, 4, 5),
    at_once: bool = False,
) -> list[bool]:
    """Have requests come in together, as those of a batch do; return which of them begin at once."""

    async def one(number: int) -> bool:
        lodged = RequestLodged(request_id=case(number), source=source, occurred_at=now)
        lane = await room.lane(source, now, now)
        return await room.enter(
            WaitingRequest(lodged, due, now + timedelta(seconds=number), at_once), lane, now
        )

    await room.lane(source, now, now)  # what is declared is known, as it is in a running service
    return list(await asyncio.gather(*map(one, numbers)))


async def begin(room: WaitingQueue, now: datetime) -> list[int]:
    """Let those begin whose turn it is; return who that is."""
    turns = await room.turns(now)
    await room.begun([one.request_id for one in turns], now)
    assert all(one.waited for one in turns)
    return [int(one.request_id, 16) for one in turns]


async def test_where_there_is_no_limit_all_begin_and_nothing_is_written(database: Database) -> None:
    async with room(database) as free:
        assert all(await come(free, *range(50)))
        assert await database["hours"].count_documents({}) == 0


async def test_as_many_begin_as_the_limit_says_and_the_others_wait(database: Database) -> None:
    async with room(database, shop=3) as shop:
        assert await come(shop, *range(5)) == [True] * 3 + [False] * 2
        assert await come(shop, 5) == [False]
        assert await begin(shop, NOON) == []
        assert await come(shop, 6, 7) == [False, False]
        assert await begin(shop, NOON + HOUR) == [3, 4, 5]
        assert await begin(shop, NOON + HOUR) == []


async def test_waiting_request_has_not_begun(database: Database) -> None:
    async with room(database, shop=3) as shop:
        await come(shop, *range(9))
    async with room(database, shop=5) as larger:
        assert await begin(larger, NOON) == [3, 4]


async def test_of_those_who_come_together_the_most_urgent_goes_first(database: Database) -> None:
    async with room(database, shop=1) as shop:
        assert await come(shop, 3, 1, 2) == [False, True, False]


async def test_request_that_must_not_wait_begins_and_is_counted(database: Database) -> None:
    async with room(database, shop=3) as shop:
        assert await come(shop, 1, 2, at_once=True) == [True, True]
        assert await come(shop, 3, 4) == [True, False]
        assert await come(shop, *range(100, 340), at_once=True) == [True] * 240
        assert await begin(shop, NOON) == []
        assert await begin(shop, NOON + HOUR) == [4]


async def test_number_of_events_of_one_source_that_wait_for_requests_is_limited_over_all_replicas(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_queue, "FOLLOW_UPS_PER_HOUR", 3)
    async with room(database) as one, room(database) as other:
        turns = [queue.admits_follow_up(SHOP, NOON) for queue in (one, other) for _ in range(4)]
        assert (await asyncio.gather(*turns)).count(True) == 3
        assert await other.admits_follow_up(PORTAL, NOON)
        assert await one.admits_follow_up(SHOP, NOON + HOUR)


async def test_next_turn_is_read_from_the_index(database: Database) -> None:
    async with room(database, shop=1) as shop:
        await come(shop, *range(9))
        order = [("meant_for", 1), ("received_at", 1)]
        plan = await database["waiting"].find({"lane": f"source {SHOP}"}).sort(order).explain()
    assert "'IXSCAN'" in str(plan["queryPlanner"]["winningPlan"])
    assert "'SORT'" not in str(plan["queryPlanner"]["winningPlan"])


async def test_one_source_does_not_use_up_what_another_has(database: Database) -> None:
    async with room(database, others=2) as others:
        assert (await come(others, *range(9))).count(True) == 2
        assert await come(others, 20, 21, source=PORTAL) == [True, True]


async def test_of_those_who_wait_and_of_those_who_come_the_most_urgent_go_first(database: Database) -> None:
    soon, later = date(2026, 3, 10), date(2026, 4, 5)
    async with room(database, shop=2) as shop:
        await come(shop, 1, 2, 3, 4, due=later)
        await come(shop, 5, 6, due=soon)
        assert await begin(shop, NOON + HOUR) == [5, 6]
        # Whoever comes in an hour with room does not overtake those who wait for it.
        assert await come(shop, 7, now=NOON + 2 * HOUR, due=later) == [False]
        assert await begin(shop, NOON + 2 * HOUR) == [3, 4]
        assert await begin(shop, NOON + 3 * HOUR) == [7]


async def test_no_request_waits_for_longer_than_a_day(database: Database) -> None:
    async with room(database, shop=1) as shop:
        await come(shop, *range(97))
        begun = [await begin(shop, NOON + hour * HOUR) for hour in range(24)]
        assert sum(map(len, begun)) == 96
        assert max(map(len, begun)) <= 5


async def test_whoever_has_more_to_say_begins_next(database: Database) -> None:
    async with room(database, shop=1) as shop:
        await come(shop, 1, 2, 3)
        assert await shop.start_next(case(3))
        assert not await shop.start_next(case(9))
        assert await begin(shop, NOON) == [3]


async def test_repeated_request_waits_once_and_its_turn_comes_until_it_is_registered(
    database: Database,
) -> None:
    async with room(database, shop=1) as shop, room(database, shop=1) as replica:
        await come(shop, 1, 2)
        assert await come(replica, 2) == [False]
        later = NOON + HOUR
        assert await shop.turns(later) == await replica.turns(later)  # the process ended in between
        assert await begin(shop, later) == [2]
        assert await begin(replica, later) == []


async def test_request_that_is_held_waits_without_a_limit_and_is_not_counted(database: Database) -> None:
    async with room(database, shop=1) as shop:
        lodged = RequestLodged(request_id=case(1), source=SHOP, occurred_at=NOON)
        for _ in range(2):
            await shop.hold(WaitingRequest(lodged, date(2026, 4, 5), NOON), NOON)
        held = await shop.lodged(case(1))
        assert held == lodged.model_copy(update={"waited": True})
        assert await shop.lodged(case(2)) is None
        assert await begin(shop, NOON) == [1]
        assert await come(shop, 2) == [True]


async def test_request_that_is_not_registered_goes_on_waiting_and_hinders_no_other(
    database: Database,
) -> None:
    async with room(database, shop=1) as shop:
        for number in (1, 2, 3):
            lodged = RequestLodged(request_id=case(number), source=SHOP, occurred_at=NOON)
            await shop.hold(WaitingRequest(lodged, date(2026, 4, 5), NOON), NOON)
        started: list[int] = []

        async def register(lodged: RequestLodged) -> bool:
            number = int(lodged.request_id, 16)
            started.append(number)
            if number == 1:
                raise StoreUnavailable("away")
            return number == 3

        pauses = shop.next_look = WatchedPauses()
        await pauses.look(start_waiting(shop, register, lambda: NOON))
        assert started == [1, 2, 3]
        assert sorted(await begin(shop, NOON + timedelta(seconds=3))) == [1, 2]


async def test_many_arrivals_lead_to_one_look_in_each_interval(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_queue, "LOOK_WHILE_WAITING_S", 0.2)
    looks = 0
    async with room(database, shop=1) as shop:
        real = shop.turns

        async def counted(now: datetime) -> list[RequestLodged]:
            nonlocal looks
            looks += 1
            return await real(now)

        monkeypatch.setattr(shop, "turns", counted)
        running = asyncio.create_task(
            start_waiting(shop, lambda _: asyncio.sleep(0, result=False), lambda: NOON)
        )
        began = asyncio.get_running_loop().time()
        for number in range(30):
            await come(shop, number)
            await shop.start_next(case(number))
        await asyncio.sleep(0.5)
        intervals = (asyncio.get_running_loop().time() - began) / 0.2
        running.cancel()
    assert 2 <= looks <= intervals + 2


async def test_request_that_begins_to_wait_wakes_the_loop(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_queue, "LOOK_EVERY_S", 3_600.0)
    async with room(database, shop=1) as shop:
        started: list[str] = []

        async def register(lodged: RequestLodged) -> bool:
            started.append(lodged.request_id)
            return True

        pauses = shop.next_look = WatchedPauses()
        running = asyncio.create_task(start_waiting(shop, register, lambda: NOON))
        await pauses.begun(running)
        lodged = RequestLodged(request_id=case(1), source=SHOP, occurred_at=NOON)
        await shop.hold(WaitingRequest(lodged, date(2026, 4, 5), NOON), NOON)
        await eventually(lambda: started == [case(1)])
        running.cancel()


async def test_two_replicas_count_together(database: Database) -> None:
    async with room(database, shop=4) as shop, room(database, shop=4) as replica:
        assert (await come(shop, *range(3))).count(True) == 3
        assert (await come(replica, *range(10, 13))).count(True) == 1


async def test_a_limit_that_is_taken_away_lets_all_begin(database: Database) -> None:
    async with room(database, shop=1) as shop:
        await come(shop, *range(5))
    async with room(database) as free:
        assert sorted(await begin(free, NOON)) == [1, 2, 3, 4]


async def test_limit_of_a_source_is_reached_for_its_hour_alone(database: Database) -> None:
    async with room(database, shop=1) as shop:
        assert not await shop.is_full(SHOP, NOON)
        await come(shop, 1)
        assert await shop.is_full(SHOP, NOON)
        assert not await shop.is_full(PORTAL, NOON)
        assert not await shop.is_full(SHOP, NOON + HOUR)


async def test_an_incident_has_a_limit_of_its_own_until_it_is_declared_again(
    database: Database,
) -> None:
    def declared(per_hour: int | None) -> BurstDeclared:
        return BurstDeclared(
            request_id=case(0), by="dana", incident="breach", since=NOON, until=NOON + HOUR, per_hour=per_hour
        )

    async with room(database) as one, room(database) as replica:
        await one.declare(declared(2))
        assert (await come(one, 1, 2, source=SHOP)).count(True) == 2
        assert await come(replica, 3, source=PORTAL) == [False]
        assert (await replica.lane(PORTAL, NOON, NOON)).incident == "breach"
        assert await come(one, 9, source=PORTAL, now=NOON + 2 * HOUR) == [True]
        await one.declare(declared(None))
        assert (await one.lane(PORTAL, NOON, NOON)).per_hour is None
        assert await begin(one, NOON) == [3]


@pytest.mark.parametrize("number", [500, 1_700])
async def test_a_storm_is_let_in_by_and_by_and_each_once(database: Database, number: int) -> None:
    async with room(database, shop=10) as shop:
        await come(shop, *range(number))
    async with room(database) as free:
        begun: list[int] = []
        while more := await begin(free, NOON):
            assert len(more) <= 500
            begun += more
        assert sorted(begun) == list(range(10, number))


async def test_request_that_always_fails_does_not_hold_up_the_others_of_its_lane(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_queue, "LOOK_WHILE_WAITING_S", 0.05)
    monkeypatch.setattr(waiting_queue, "LOOK_EVERY_S", 0.05)
    clock, tries = [NOON], list[int]()

    async def register(lodged: RequestLodged) -> bool:
        number = int(lodged.request_id, 16)
        tries.append(number)
        if number == 2:
            raise StoreUnavailable("its document is not readable")
        return True

    async def work(shop: WaitingQueue) -> None:
        """Look once; the end of the look is written when the loop would look again."""
        looks, looked_again, turns = 0, asyncio.Event(), WaitingQueue.turns

        async def one_look(queue: WaitingQueue, now: datetime) -> list[RequestLodged]:
            nonlocal looks
            looks += 1
            if looks > 1:
                looked_again.set()
                await asyncio.Event().wait()
            return await turns(queue, now)

        monkeypatch.setattr(WaitingQueue, "turns", one_look)
        running = asyncio.create_task(start_waiting(shop, register, lambda: clock[0]))
        await asyncio.wait_for(looked_again.wait(), 120)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        monkeypatch.setattr(WaitingQueue, "turns", turns)

    async with room(database, shop=1) as shop:
        await come(shop, 1, 2, 3, 4)
        clock[0] += HOUR
        await work(shop)
        assert tries == [2]
        await work(shop)
        assert tries == [2, 3], "the next one begins instead"
        clock[0] += HOUR
        await work(shop)
        assert tries == [2, 3, 2]
        clock[0] += timedelta(seconds=3)
        await work(shop)
        assert tries == [2, 3, 2, 4], "after the second failure it waits four seconds"
        clock[0] += HOUR
        await work(shop)
        assert tries[-1] == 2, "it is never given up"
