"""Look-ups made side by side are one query; one that spoils it fails alone."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from shared.coalescing import Coalescer
from shared.errors import PermanentError, StoreUnavailable


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
    look_up = Coalescer(shelf.load)
    return await asyncio.gather(*map(look_up, keys), return_exceptions=True)


async def test_calls_of_one_turn_are_one_query() -> None:
    shelf = Shelf()
    assert await ask(shelf, "one", "three", "one") == [3, 5, 3]
    assert shelf.queries == [["one", "three"]]


async def test_a_key_that_is_not_found_is_a_key_error_for_that_one_alone() -> None:
    found, missing = await ask(Shelf(), "one", "unknown")
    assert found == 3
    assert isinstance(missing, KeyError)


async def test_a_key_that_spoils_the_query_hurts_nobody_else() -> None:
    assert await ask(Shelf(PermanentError("no")), "one", "bad", "two") == [3, ANY_ERROR, 3]


async def test_a_store_that_is_away_is_asked_once_and_everybody_is_told() -> None:
    shelf = Shelf(StoreUnavailable("away"))
    answers = await ask(shelf, "one", "bad")
    assert all(isinstance(answer, StoreUnavailable) for answer in answers)
    assert len(shelf.queries) == 1


class _AnyError:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, PermanentError)

    __hash__ = None  # type: ignore[assignment]  # only compared


ANY_ERROR = _AnyError()


async def test_a_caller_that_gives_up_hurts_nobody_else() -> None:
    look_up = Coalescer(Shelf().load)
    impatient, patient = asyncio.create_task(look_up("one")), asyncio.create_task(look_up("one"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == 3
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_dear_loads_run_one_after_the_other_and_the_next_takes_all_that_waited() -> None:
    loads: list[list[int]] = []
    running = 0
    begun = asyncio.Event()

    async def load(keys: Sequence[int]) -> dict[int, int]:
        nonlocal running
        running += 1
        assert running == 1
        loads.append(list(keys))
        begun.set()
        await asyncio.sleep(0.02)
        running -= 1
        return {key: key * key for key in keys}

    squares = Coalescer(load, window=0.005)
    early = [asyncio.ensure_future(squares(key)) for key in (1, 2)]
    await begun.wait()
    late = [asyncio.ensure_future(squares(key)) for key in (3, 4)]
    assert await asyncio.gather(*early, *late) == [1, 4, 9, 16]
    assert loads == [[1, 2], [3, 4]]
    assert await squares(5) == 25
