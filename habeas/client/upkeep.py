"""The process of ``habeas upkeep``: a daily job, the watch for stalled cases, and the operators' port."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import timedelta

import uvicorn

from habeas.client.stall_watch import StallWatch
from habeas.client.unhandled_facts import FactComparison
from shared.runtime.bootstrap import health_app
from shared.runtime.broker import sizes_of
from shared.runtime.http_limits import MOST_CONNECTIONS
from shared.runtime.metrics import gauge
from shared.runtime.mongo import connect, ping
from shared.runtime.service_reports import Checks

VERIFIED = gauge(
    "habeas_journals_verified_timestamp_seconds", "Time of the last verification of the journals.", "service"
)
DAY_S = timedelta(days=1).total_seconds()


@asynccontextmanager
async def watching(
    mongo_url: str, amqp_url: str, prefix: str, after: timedelta
) -> AsyncIterator[tuple[StallWatch, Checks]]:
    """Open the watch of an installation, and the checks of the parts that it needs."""
    with closing(connect(mongo_url, app_name="habeas upkeep")) as mongo:

        async def broker() -> None:
            await sizes_of(amqp_url, ())

        async def database() -> None:
            await ping(mongo)

        watch = StallWatch(FactComparison(mongo, prefix), amqp_url, after)
        yield watch, {"broker": broker, "database": database}


async def keep_up(watch: StallWatch, checks: Checks, daily: Callable[[], bool], host: str, port: int) -> None:
    """
    Watch, do *daily* at once and each day, and serve the operators' *port*, until asked to stop.

    *daily* returns whether the journals were verified.
    """
    config = uvicorn.Config(
        health_app(checks), host=host, port=port, log_config=None, access_log=False, lifespan="off",
        server_header=False, limit_concurrency=MOST_CONNECTIONS,
    )  # fmt: skip
    VERIFIED.labels("upkeep").set(0)
    works = [asyncio.ensure_future(work) for work in (watch.run(), _every_day(daily))]
    serving = asyncio.ensure_future(uvicorn.Server(config).serve())
    ended, _ = await asyncio.wait([serving, *works], return_when=asyncio.FIRST_COMPLETED)
    for work in works:
        work.cancel()
    for one in ended:
        one.result()


async def _every_day(job: Callable[[], bool]) -> None:
    while True:
        if await asyncio.to_thread(job):
            VERIFIED.labels("upkeep").set(time.time())
        await asyncio.sleep(DAY_S)
