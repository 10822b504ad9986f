"""Data loader: calls that many handlers make at the same moment take one round trip."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain
from typing import Any, Generic, TypeVar

from shared.errors import ErrorNet, NewerContract, StoreUnavailable, TransientError

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class LoadOrder(Generic[K]):
    """The order of keys when one load cannot take all that wait."""

    most: int
    """The size that one load takes; a key that is larger by itself is loaded alone."""
    size: Callable[[K], int] = lambda _key: 1
    due: Callable[[K], date] = lambda _key: date.max
    """The day when the answer must be there. On the same day, the first to come goes first."""


class DataLoader(Generic[K, V]):
    """
    Collects the keys asked for within one turn of the event loop and loads them together.

    Handlers of a batch run side by side and know nothing of one another; their look-ups become one query.
    A key that spoils the query for all is asked for alone, and so is each of the others.
    """

    def __init__(
        self,
        load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
        *,
        window: float | None = None,
        turns: LoadOrder[K] | None = None,
    ) -> None:
        """
        Use *load* to answer; a key it leaves out is answered with ``KeyError``.

        Args:
            load: Answers many keys for about the price of one.
            window: Seconds for which keys are collected where loads are dear. Then no two run at a time,
                and keys that come during one wait for the next.
            turns: The size and order of a load; by default a load takes all keys.
        """
        self._load = load
        self._window = window
        self._turns = turns
        self._waiting: dict[K, list[asyncio.Future[V]]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, key: K) -> V:
        """Return the value of *key*; raise the error of the load."""
        if not self._waiting:
            self._schedule()
        future: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        return await future

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        if self._window is None:
            loop.call_soon(self._start)
        elif not self._running:
            loop.call_later(self._window, self._start)

    def _start(self) -> None:
        if self._window is not None and self._running:
            return
        waiting, self._waiting = self._divided()
        if self._waiting and self._window is None:
            self._schedule()
        task = asyncio.get_running_loop().create_task(self._answer(waiting))
        self._running.add(task)
        task.add_done_callback(partial(self._ended, waiting))

    def _divided(self) -> tuple[dict[K, list[asyncio.Future[V]]], dict[K, list[asyncio.Future[V]]]]:
        """Return the keys to load now, and the keys that wait on."""
        turns, waiting = self._turns, self._waiting
        if turns is None or sum(map(turns.size, waiting)) <= turns.most:
            return waiting, {}
        room, first = turns.most, set[K]()
        for key in sorted(waiting, key=turns.due):
            room -= turns.size(key)
            if first and room < 0:
                break
            first.add(key)
        now = {key: futures for key, futures in waiting.items() if key in first}
        return now, {key: futures for key, futures in waiting.items() if key not in first}

    def _ended(self, waiting: Mapping[K, list[asyncio.Future[V]]], task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if task.cancelled():  # perhaps before it began; its callers are not, and would wait for ever
            _fail(chain.from_iterable(waiting.values()), StoreUnavailable("the load was cancelled"))
        if self._window is not None and self._waiting:
            self._start()

    async def _answer(self, waiting: Mapping[K, list[asyncio.Future[V]]]) -> None:
        with ErrorNet() as net:
            found = await self._load(list(waiting))
        if net.error is not None:  # it is passed on to the caller
            for_all = isinstance(net.error, TransientError) and not isinstance(net.error, NewerContract)
            if for_all or len(waiting) == 1:
                _fail(chain.from_iterable(waiting.values()), net.error)
            else:  # one key may have spoilt it for all
                await asyncio.gather(*(self._answer({key: futures}) for key, futures in waiting.items()))
            return
        for key, futures in waiting.items():
            if key in found:
                _resolve(futures, found[key])
            else:
                _fail(futures, KeyError(key))


async def side_by_side(works: Sequence[Awaitable[V]]) -> list[V]:
    """Return the results of *works*, done at the same time; a single one needs no task of its own."""
    return [await works[0]] if len(works) == 1 else await asyncio.gather(*works)


async def in_thread(work: Callable[..., V], *arguments: Any, small: bool = False) -> V:
    """
    Return ``work(*arguments)``, done in a thread, so that the loop answers the broker's heartbeats meanwhile.

    *Small* work of a few milliseconds is done at once: the thread would cost more.
    """
    return work(*arguments) if small else await asyncio.to_thread(work, *arguments)


def _resolve(futures: Iterable[asyncio.Future[V]], value: V) -> None:
    for future in futures:
        if not future.done():  # the caller may have been cancelled meanwhile
            future.set_result(value)


def _fail(futures: Iterable[asyncio.Future[V]], error: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
