"""A process with one small service for tests of the host; it handles withdrawals."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from shared.contract.events import Fact, RequestWithdrawn
from shared.runtime.bootstrap import Running, ServicePlan, ServiceRuntime, main
from shared.runtime.journal import Journal, JournalRow
from shared.runtime.log import logger
from shared.runtime.service import Moment, Service, on
from shared.runtime.settings import Settings

DEADLY = "d" * 32
"""A case whose history breaks the runtime, as only a fault of the program could."""

STUBBORN = "5" * 32
"""A case whose handling lasts a minute, and is not stopped at once."""


class Fragile(Journal):
    async def histories(self, cases: Iterable[str], *, partial: bool = False) -> dict[str, list[JournalRow]]:
        if DEADLY in (wanted := set(cases)):
            raise ZeroDivisionError("ada@example.org")
        return await super().histories(wanted, partial=partial)


async def withdraw(event: RequestWithdrawn, _moment: Moment[int]) -> Sequence[Fact]:
    if event.request_id == STUBBORN:
        await _linger()
    return []


async def _linger() -> None:
    """Take a while to be stopped, as whoever speaks to another system does."""
    logger().info("begun")
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(1)
        logger().info("let go")


@asynccontextmanager
async def build(settings: Settings, platform: ServiceRuntime) -> AsyncIterator[Running]:
    service = Service(
        name="fulfillment",
        subscriptions=(on(RequestWithdrawn, withdraw),),
        start=0,
        evolve=lambda state, _fact: state + 1,
        context=lambda moment: moment,
    )
    yield Running(service, Fragile(platform.client[f"{settings.database_prefix}_fulfillment"]))


if __name__ == "__main__":
    os.environ.setdefault("HABEAS_HTTP_PORT", "0")
    main([ServicePlan(Settings, build)], announced="--json" in sys.argv)
