"""The process of ``habeas upkeep``: a daily job, the watch for stalled cases, and the operators' port."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from datetime import timedelta

import uvicorn

from habeas.client.stall_watch import StallWatch
from habeas.client.unhandled_facts import FactComparison
from shared.contract.topology import LISTENS
from shared.runtime.audit_chain import ChainFinding
from shared.runtime.bootstrap import health_app, server_config
from shared.runtime.broker import sizes_of
from shared.runtime.log import logger
from shared.runtime.metrics import counter, gauge
from shared.runtime.mongo import connect, ping
from shared.runtime.service_reports import Checks
from shared.runtime.worker import until_one_ends

VERIFIED = gauge(
    "habeas_journals_verified_timestamp_seconds", "Time of the last verification of the journals.", "service"
)
FINDINGS = counter(
    "habeas_journal_findings_total", "Rows that did not fit at a verification of the journals.", "service"
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


def note_verification(findings: Sequence[ChainFinding]) -> None:
    """Have the figures say that the journals were verified now, with *findings*."""
    VERIFIED.labels("upkeep").set(time.time())
    for one in findings:
        FINDINGS.labels(one.service).inc()


def log_findings(findings: Sequence[ChainFinding]) -> None:
    """Write a line for each service with *findings*."""
    for service, count in Counter(one.service for one in findings).items():
        logger().error("rows of the journal do not fit", service=service, count=count)


async def keep_up(watch: StallWatch, checks: Checks, daily: Callable[[], None], host: str, port: int) -> None:
    """Watch, do *daily* at once and each day, and serve the operators' *port*, until asked to stop."""
    server = uvicorn.Server(server_config(health_app(checks), (host, port)))
    VERIFIED.labels("upkeep").set(0)
    for service in LISTENS:  # so that the first finding is a rise
        FINDINGS.labels(service)
    await until_one_ends(server.serve(), watch.run(), _every_day(daily))


async def _every_day(job: Callable[[], None]) -> None:
    while True:
        await asyncio.to_thread(job)
        await asyncio.sleep(DAY_S)
