"""
``python -m bench.query_cost``: CPU time of a call of the database, by a process that is busy or has slept.

The processor's caches are cold after a pause, and the process, its thread for the call and the server must be
woken. An idle stack and single requests pay that price, a full batch does not.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from bench.figures import Figure, figure, offer_help, report
from bench.installation import Ground, ground
from bench.processes import cpu_seconds

CALLS = 500
PAUSE_S = 0.02


async def measure(here: Ground) -> list[Figure]:
    """Measure a look-up by key and a durable insertion, with and without a pause before each call."""
    rows = here.client["query_cost"]["rows"]
    await rows.insert_one({"_id": "known"})
    numbers = iter(range(1_000_000))

    async def find() -> object:
        return await rows.find_one({"_id": "known"})

    async def insert() -> object:
        return await rows.insert_one({"_id": next(numbers), "row": "x" * 600})

    figures: list[Figure] = []
    for pause_s in (0.0, PAUSE_S):
        nothing = await _cost(here, None, pause_s)
        for name, call in (("look-up", find), ("insertion", insert)):
            client, server = await _cost(here, call, pause_s)
            when = f"{name} after {pause_s * 1000:.0f} ms"
            figures.append(figure(f"{when}: CPU of the client", [client - nothing[0]], "ms"))
            figures.append(figure(f"{when}: CPU of the server", [server - nothing[1]], "ms"))
    return figures


async def _cost(
    here: Ground, call: Callable[[], Awaitable[object]] | None, pause_s: float
) -> tuple[float, float]:
    """Return the CPU time of client and server in milliseconds per call, the pause before it included."""
    server = [here.parts["database"]]
    client_s, server_s = time.process_time(), cpu_seconds(server)
    for _ in range(CALLS):
        await asyncio.sleep(pause_s)
        if call is not None:
            await call()
    spent = (time.process_time() - client_s, cpu_seconds(server) - server_s)
    return spent[0] * 1000 / CALLS, spent[1] * 1000 / CALLS


async def _main() -> None:
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here:
            report(await measure(here))


if __name__ == "__main__":
    offer_help(__doc__)
    uvloop.run(_main())
