"""Wait for what must come true, with a deadline and no fixed pauses."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from shared.runtime.worker import WakeUp

T = TypeVar("T")

LONG = timedelta(minutes=2)
"""What must come true does so in seconds; a busy machine may pause a process for half a minute."""

FIRST_POLL_S, LAST_POLL_S = 0.02, 0.1
"""Pauses between two looks: each is half as long again as the one before. A look at a page costs 10 ms."""


async def eventually(
    probe: Callable[[], Awaitable[T] | T],
    within: timedelta = LONG,
    *,
    at_once: bool = False,
) -> T:
    """
    Ask *probe* until what it returns is true, and return that.

    With *at_once* it asks as often as at first until the end, for tests that kill a process at this moment.
    An ``AssertionError`` means "not yet" as well, so that a probe may simply assert.

    Raises:
        AssertionError: It was not true *within* that time; the last answer is in the message.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within.total_seconds()
    pause = FIRST_POLL_S
    while True:
        last: object = None
        try:
            answer = probe()
            answer = await answer if inspect.isawaitable(answer) else answer
            if answer:
                return answer
            last = answer
        except AssertionError as error:
            if loop.time() > deadline:
                raise
            last = error
        if loop.time() > deadline:
            raise AssertionError(f"not within {within}: the last answer was {last!r}")
        await asyncio.sleep(pause)
        pause = pause if at_once else min(1.5 * pause, LAST_POLL_S)


class WatchedPauses(WakeUp):
    """The pauses of loops that poll: one that pauses has done all that it found."""

    def __init__(self) -> None:
        """See none yet."""
        super().__init__()
        self.count = 0
        self._paused = set[asyncio.Task[Any] | None]()

    async def pause(self, seconds: float) -> bool:
        """Pause as usual."""
        self.count += 1
        self._paused.add(asyncio.current_task())
        return await super().pause(seconds)

    async def begun(self, *loops: asyncio.Task[None]) -> None:
        """Return once each of *loops* has paused, or has ended with an error, which is raised."""
        await eventually(lambda: all(loop in self._paused or loop.done() for loop in loops))
        for loop in loops:
            if loop.done():
                loop.result()

    async def look(self, *works: Coroutine[Any, Any, None]) -> None:
        """Run loops side by side until each has looked and pauses, and end them."""
        loops = [asyncio.create_task(work) for work in works]
        await self.begun(*loops)
        for loop in loops:
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop
