"""The memory of all searches: bounded for any number of them, in turn, and never waited for while held."""

import asyncio
from collections.abc import Sequence

import pytest

from services.fulfillment.search.search_memory import BESIDE, FREE, STEP, WEIGHT, SearchMemory, SearchRoom

MOST = 64 << 20
LARGE = 4 << 20
"""Bytes that the records of a large search count for: with all beside, a third of the memory."""


async def search(memory: SearchMemory, sizes: Sequence[int], held: list[int]) -> None:
    """Search once for each of *sizes*, as a handler does, and note the memory that is given."""
    room = SearchRoom(memory)
    for size in sizes:
        while True:
            for found in range(0, size + 1, 256 << 10):
                held.append(memory.used)
                if not room.keep(found):
                    break
                await asyncio.sleep(0)
            if not room.refused:
                break
            await room.wait(LARGE)
        room.settle(size)
    await asyncio.sleep(0)
    room.give_back()


async def test_memory_of_any_number_of_searches_is_bounded() -> None:
    memory, held = SearchMemory(MOST), list[int]()
    async with asyncio.timeout(60):
        await asyncio.gather(*(search(memory, [LARGE], held) for _ in range(50)))
    assert max(held) <= MOST
    assert max(held) > LARGE * WEIGHT, "they run side by side as far as there is room"
    assert memory.used == 0


async def test_small_search_takes_nothing() -> None:
    memory = SearchMemory(1)
    memory.overdraw(1)
    room = SearchRoom(memory)
    assert room.keep(FREE)
    assert memory.used == 1


async def test_single_search_larger_than_the_memory_runs() -> None:
    memory = SearchMemory(STEP)
    async with asyncio.timeout(60):
        await asyncio.gather(*(search(memory, [LARGE], []) for _ in range(3)))
    assert memory.used == 0


async def test_second_search_of_a_handler_does_not_wait_beside_the_first() -> None:
    memory = SearchMemory(MOST)
    async with asyncio.timeout(60):
        await asyncio.gather(*(search(memory, [LARGE, LARGE], []) for _ in range(20)))
    assert memory.used == 0


async def test_second_search_of_a_handler_counts_beside_the_findings_of_the_first() -> None:
    memory = SearchMemory(MOST)
    room = SearchRoom(memory)
    for number in (1, 2):
        assert room.keep(LARGE)
        room.settle(LARGE)
        assert memory.used == number * (LARGE * WEIGHT + BESIDE)
    room.give_back()
    assert memory.used == 0


async def test_waiting_searches_precede_new_ones() -> None:
    memory, order = SearchMemory(MOST), list[str]()
    memory.overdraw(MOST)

    async def wait(name: str) -> None:
        await memory.wait(MOST // 2)
        order.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(wait("first"))
        group.create_task(wait("second"))
        await asyncio.sleep(0)
        memory.give_back(MOST // 2)
        assert not memory.take(1), "the room is promised"
        await asyncio.sleep(0)
        assert order == ["first"]
        memory.give_back(MOST // 2)
    assert order == ["first", "second"]


@pytest.mark.parametrize("when", ["while it waits", "once it was its turn"])
async def test_cancelled_search_lets_the_next_through(when: str) -> None:
    memory = SearchMemory(MOST)
    memory.overdraw(MOST)
    first, second = (asyncio.create_task(memory.wait(size)) for size in (MOST, 1))
    await asyncio.sleep(0)
    if when == "while it waits":
        first.cancel()
        await asyncio.sleep(0)
        memory.give_back(MOST)
    else:
        memory.give_back(MOST)
        first.cancel()
    async with asyncio.timeout(60):
        await second
    assert memory.used == 1


async def test_room_that_is_large_enough_is_given_back_once_the_size_is_known() -> None:
    memory = SearchMemory(MOST)
    room = SearchRoom(memory)
    await room.wait(LARGE)
    room.settle(FREE)
    assert memory.used == FREE * WEIGHT + BESIDE
    room.give_back()
    room.give_back()
    assert memory.used == 0
