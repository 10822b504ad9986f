"""Wait for what must come true, with a deadline and no fixed pauses."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")

FIRST_POLL_S, LAST_POLL_S = 0.02, 0.1
"""Pauses between two looks: each is half as long again as the one before. A look at a page costs 10 ms."""


async def eventually(
    probe: Callable[[], Awaitable[T] | T],
    within: timedelta = timedelta(seconds=30),
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
