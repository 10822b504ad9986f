"""The loop of everything that polls: it works, waits, and works again; an error only delays it."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.errors import HabeasError
from shared.runtime.log import logger


async def work_forever(
    work: Callable[[], Awaitable[object]],
    *,
    service: str,
    delayed: str,
    every_s: float,
    retry_s: Callable[[int], float] | None = None,
) -> None:
    """
    Call *work* until cancelled: again at once while it returns something true, else after *every_s* seconds.

    Args:
        work: Does what there is to do.
        service: Name of the service, for the log.
        delayed: Message of the log after an error.
        every_s: Pause after work that is done, in seconds.
        retry_s: Pause in seconds after so many errors in a row; *every_s* if not given.
    """
    errors = 0
    while True:
        try:
            while await work():
                errors = 0
            errors = 0
        except HabeasError as error:
            errors += 1
            logger().warning(delayed, service=service, reason=str(error))
        except Exception as error:  # noqa: BLE001 - the one net of all workers; the words may hold personal data
            errors += 1
            logger().error(delayed, service=service, reason=type(error).__name__)
        await asyncio.sleep(retry_s(errors) if errors and retry_s else every_s)
