"""Calls that many handlers make at the same moment, answered by one round trip."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from shared.errors import TransientError

K = TypeVar("K")
V = TypeVar("V")


class Coalescer(Generic[K, V]):
    """
    Collects the keys asked for within one turn of the event loop and loads them together.

    Handlers of a batch run side by side and know nothing of one another; their look-ups become one query.
    A key that spoils the query for all is asked for alone, and so is each of the others.
    """

    def __init__(self, load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        """Use *load* to answer; a key it leaves out is answered with ``KeyError``."""
        self._load = load
        self._waiting: dict[K, asyncio.Future[V]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, key: K) -> V:
        """Return the value of *key*; raise what the load raised."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._start)
        if key not in self._waiting:
            self._waiting[key] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._waiting[key])

    def _start(self) -> None:
        waiting, self._waiting = self._waiting, {}
        task = asyncio.get_running_loop().create_task(self._answer(waiting))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer(self, waiting: Mapping[K, asyncio.Future[V]]) -> None:
        try:
            found = await self._load(list(waiting))
        except Exception as error:  # noqa: BLE001  handed on to who asked
            if isinstance(error, TransientError) or len(waiting) == 1:
                _fail(waiting.values(), error)
            else:  # one key may have spoilt it for all
                await asyncio.gather(*(self._answer({key: future}) for key, future in waiting.items()))
            return
        for key, future in waiting.items():
            if key in found:
                future.set_result(found[key])
            else:
                _fail([future], KeyError(key))


def _fail(futures: Iterable[asyncio.Future[V]], error: Exception) -> None:
    for future in futures:
        future.set_exception(error)
        future.exception()  # taken note of, should nobody wait any longer
