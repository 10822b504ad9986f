"""The process of ``habeas upkeep``: a daily job, the watch for stalled cases, and the operators' port."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import timedelta

import uvicorn

from habeas.client.stall_watch import StallWatch
from habeas.client.unhandled_facts import FactComparison
from shared.runtime.bootstrap import health_app, server_config
from shared.runtime.broker import sizes_of
from shared.runtime.metrics import gauge
from shared.runtime.mongo import connect, ping
from shared.runtime.service_reports import Checks
from shared.runtime.worker import until_one_ends

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


def note_verification() -> None:
    """Have the figures say that the journals were verified now."""
    VERIFIED.labels("upkeep").set(time.time())


async def keep_up(watch: StallWatch, checks: Checks, daily: Callable[[], None], host: str, port: int) -> None:
    """Watch, do *daily* at once and each day, and serve the operators' *port*, until asked to stop."""
    server = uvicorn.Server(server_config(health_app(checks), (host, port)))
    VERIFIED.labels("upkeep").set(0)
    await until_one_ends(server.serve(), watch.run(), _every_day(daily))


async def _every_day(job: Callable[[], None]) -> None:
    while True:
        await asyncio.to_thread(job)
        await asyncio.sleep(DAY_S)
