"""A process with one small service, as the tests of the host run it: it withdraws what is withdrawn."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from shared.events import Fact, RequestWithdrawn
from shared.host import Plan, Platform, Running, main
from shared.journal import Journal, Row
from shared.log import logger
from shared.service import Moment, Service, on
from shared.settings import Settings

DEADLY = "d" * 32
"""A case whose history breaks the runtime, as only a fault of the program could."""

STUBBORN = "5" * 32
"""A case whose handling lasts a minute, and is not stopped at once."""


class Fragile(Journal):
    async def histories(self, cases: Iterable[str]) -> dict[str, list[Row]]:
        if DEADLY in (wanted := set(cases)):
            raise ZeroDivisionError("ada@example.org")
        return await super().histories(wanted)


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
async def build(settings: Settings, platform: Platform) -> AsyncIterator[Running]:
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
    main([Plan(Settings, build)])
