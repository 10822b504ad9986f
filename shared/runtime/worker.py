"""
The loop of everything that polls: it works, waits, and works again; an error only delays it.

A process wakes its own loops when it has work for them. The regular look finds what processes that died
left.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from math import inf
from typing import Any

from shared.errors import ErrorNet, TransientError, reason_of
from shared.runtime.log import logger


class WakeUp:
    """Ends the pause of one or more loops."""

    def __init__(self) -> None:
        """Wake none yet."""
        self._woken = asyncio.Event()
        self._alarm: asyncio.Handle | None = None
        self._at = inf

    def within(self, seconds: float) -> None:
        """Wake after *seconds*; if that is planned for an earlier moment, it stays so."""
        loop = asyncio.get_running_loop()
        at = loop.time() + seconds
        if at < self._at:
            if self._alarm is not None:
                self._alarm.cancel()
            # The handle does not state its moment: that of uvloop for a moment in the past has none.
            self._alarm, self._at = loop.call_at(at, self._wake), at

    def _wake(self) -> None:
        self._alarm, self._at = None, inf
        self._woken.set()

    def clear(self) -> None:
        """Forget what has woken until now: a look follows."""
        self._woken.clear()

    async def pause(self, seconds: float) -> bool:
        """Return after *seconds*, or when woken; return whether it was woken."""
        with suppress(TimeoutError):
            return await asyncio.wait_for(self._woken.wait(), seconds)
        return False


async def until_one_ends(*works: Coroutine[Any, Any, None]) -> None:
    """Do *works* side by side until one ends, then cancel the others; raises the error that ended it."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in tasks:
            one.cancel()
        await asyncio.wait(tasks)
    for one in ended:
        one.result()


async def work_forever(  # noqa: PLR0913 - the parts of a loop
    work: Callable[[], Awaitable[object]],
    *,
    service: str,
    delayed: str,
    every_s: float,
    retry_s: Callable[[int], float] | None = None,
    wake: WakeUp | None = None,
) -> None:
    """
    Call *work* until cancelled: again at once while it returns something true, else after *every_s* seconds.

    Args:
        work: Does what there is to do.
        service: Name of the service, for the log.
        delayed: Message of the log after an error.
        every_s: Pause after work that is done, in seconds.
        retry_s: Pause in seconds after so many errors in a row; *every_s* if not given.
        wake: Ends the pause.
    """
    wake, errors = wake or WakeUp(), 0
    while True:
        wake.clear()
        with ErrorNet() as net:
            while await work():
                errors = 0
        errors = 0 if net.error is None else errors + 1
        if net.error is not None:
            write = logger().warning if isinstance(net.error, TransientError) else logger().error
            write(delayed, service=service, reason=reason_of(net.error))
        await wake.pause(retry_s(errors) if errors and retry_s else every_s)
