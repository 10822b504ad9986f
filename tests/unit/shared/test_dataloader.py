"""Look-ups made side by side are one query; one that spoils it fails alone."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import pytest

from shared.errors import PermanentError, StoreUnavailable
from shared.runtime.dataloader import DataLoader, LoadOrder, in_thread


class Shelf:
    """Answers with the key's length; counts the queries."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.queries: list[list[str]] = []

    async def load(self, keys: Sequence[str]) -> Mapping[str, int]:
        self.queries.append(list(keys))
        if self.error and "bad" in keys:
            raise self.error
        return {key: len(key) for key in keys if key != "unknown"}


async def ask(shelf: Shelf, *keys: str) -> list[int | BaseException]:
    look_up = DataLoader(shelf.load)
    return await asyncio.gather(*map(look_up, keys), return_exceptions=True)


async def test_calls_of_one_turn_are_one_query() -> None:
    shelf = Shelf()
    assert await ask(shelf, "one", "three", "one") == [3, 5, 3]
    assert shelf.queries == [["one", "three"]]


async def test_a_key_that_is_not_found_is_a_key_error_for_that_one_alone() -> None:
    found, missing = await ask(Shelf(), "one", "unknown")
    assert found == 3
    assert isinstance(missing, KeyError)


async def test_key_that_spoils_the_query_does_not_affect_others() -> None:
    assert await ask(Shelf(PermanentError("no")), "one", "bad", "two") == [3, ANY_ERROR, 3]


async def test_store_that_is_away_is_asked_once_and_fails_all_callers() -> None:
    shelf = Shelf(StoreUnavailable("away"))
    answers = await ask(shelf, "one", "bad")
    assert all(isinstance(answer, StoreUnavailable) for answer in answers)
    assert len(shelf.queries) == 1


class _AnyError:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, PermanentError)

    __hash__ = None  # type: ignore[assignment]  # only compared


ANY_ERROR = _AnyError()


async def test_cancelled_caller_does_not_affect_others() -> None:
    look_up = DataLoader(Shelf().load)
    impatient, patient = asyncio.create_task(look_up("one")), asyncio.create_task(look_up("one"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == 3
    with pytest.raises(asyncio.CancelledError):
        await impatient


@pytest.mark.slow
async def test_dear_loads_run_one_after_the_other_and_the_next_takes_all_that_waited() -> None:
    loads: list[list[int]] = []
    running = 0
    begun, asked = asyncio.Event(), asyncio.Event()

    async def load(keys: Sequence[int]) -> dict[int, int]:
        nonlocal running
        running += 1
        assert running == 1
        loads.append(list(keys))
        begun.set()
        await asked.wait()
        running -= 1
        return {key: key * key for key in keys}

    squares = DataLoader(load, window=0.005)
    early = [asyncio.ensure_future(squares(key)) for key in (1, 2)]
    await begun.wait()
    late = [asyncio.ensure_future(squares(key)) for key in (3, 4)]
    await asyncio.sleep(0)
    asked.set()
    assert await asyncio.gather(*early, *late) == [1, 4, 9, 16]
    assert loads == [[1, 2], [3, 4]]
    assert await squares(5) == 25


TODAY = date(2026, 1, 1)


async def answered(*asked: int, most: int) -> list[list[int]]:
    """Return what is loaded together when days until the answer is due are *asked* for at once."""
    loads: list[list[int]] = []

    async def load(keys: Sequence[int]) -> dict[int, int]:
        loads.append(list(keys))
        await asyncio.sleep(0.005)
        return {key: key for key in keys}

    def due(days: int) -> date:
        return TODAY + timedelta(days=days)

    for window in (0.005, None):
        ask = DataLoader(load, window=window, turns=LoadOrder(most, lambda days: 9 if days == 50 else 1, due))
        assert await asyncio.gather(*map(ask, asked)) == list(asked)
    assert loads[: len(loads) // 2] == loads[len(loads) // 2 :]
    return loads[: len(loads) // 2]


async def test_keys_due_first_go_first_where_not_all_fit() -> None:
    assert await answered(30, 5, 20, 1, 10, most=2) == [[5, 1], [20, 10], [30]]


async def test_where_all_fit_no_key_waits() -> None:
    assert await answered(30, 5, 20, most=3) == [[30, 5, 20]]


async def test_key_larger_than_a_load_is_loaded_alone() -> None:
    assert await answered(50, 30, 5, most=2) == [[30, 5], [50]]


async def test_later_key_that_is_due_earlier_does_not_wait() -> None:
    loads: list[list[int]] = []
    begun, asked = asyncio.Event(), asyncio.Event()

    async def load(keys: Sequence[int]) -> dict[int, int]:
        loads.append(list(keys))
        begun.set()
        await asked.wait()
        return {key: key for key in keys}

    ask = DataLoader(
        load, window=0.001, turns=LoadOrder(1, lambda _: 1, lambda days: TODAY + timedelta(days=days))
    )
    early = [asyncio.ensure_future(ask(days)) for days in (20, 30)]
    await begun.wait()
    late = asyncio.ensure_future(ask(10))
    await asyncio.sleep(0)
    asked.set()
    await asyncio.gather(*early, late)
    assert loads == [[20], [10], [30]]


async def test_small_work_is_done_at_once_and_other_work_in_a_thread() -> None:
    here = threading.get_ident()
    assert await in_thread(threading.get_ident, small=True) == here
    assert await in_thread(threading.get_ident) != here


@pytest.mark.parametrize("spoilt", [False, True], ids=["together", "one by one"])
async def test_callers_of_a_cancelled_load_try_again(spoilt: bool) -> None:
    begun = asyncio.Event()
    loads: list[asyncio.Task[object] | None] = []

    async def load(keys: Sequence[int]) -> dict[int, int]:
        loads.append(asyncio.current_task())
        if spoilt and len(keys) > 1:
            raise PermanentError("one key spoils the load")
        begun.set()
        await asyncio.Event().wait()
        return {}

    ask = DataLoader(load)
    callers = [asyncio.ensure_future(ask(key)) for key in (1, 2)]
    await begun.wait()
    assert loads[0] is not None
    loads[0].cancel()
    async with asyncio.timeout(60):
        errors = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(error) for error in errors] == [StoreUnavailable] * 2
