"""
The loop of everything that polls: it works, waits, and works again; an error only delays it.

A process wakes its own loops when it has work for them. The regular look finds what processes that died
left.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from shared.errors import ErrorNet, HabeasError, reason_of
from shared.runtime.log import logger


async def work_forever(  # noqa: PLR0913 - the parts of a loop
    work: Callable[[], Awaitable[object]],
    *,
    service: str,
    delayed: str,
    every_s: float,
    retry_s: Callable[[int], float] | None = None,
    wake: asyncio.Event | None = None,
) -> None:
    """
    Call *work* until cancelled: again at once while it returns something true, else after *every_s* seconds.

    Args:
        work: Does what there is to do.
        service: Name of the service, for the log.
        delayed: Message of the log after an error.
        every_s: Pause after work that is done, in seconds.
        retry_s: Pause in seconds after so many errors in a row; *every_s* if not given.
        wake: Ends the pause when it is set.
    """
    wake, errors = wake or asyncio.Event(), 0
    while True:
        wake.clear()
        with ErrorNet() as net:
            while await work():
                errors = 0
        errors = 0 if net.error is None else errors + 1
        if net.error is not None:
            write = logger().warning if isinstance(net.error, HabeasError) else logger().error
            write(delayed, service=service, reason=reason_of(net.error))
        await pause(retry_s(errors) if errors and retry_s else every_s, wake)


async def pause(seconds: float, wake: asyncio.Event) -> None:
    """Return after *seconds*, or as soon as *wake* is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(wake.wait(), seconds)
