"""What several tests need of real parts: ends of the bus, and a browser."""

from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from habeas.embedded.stack import Stack
from services.fulfillment.stores import batch_lookup, mongodb
from shared.runtime.broker import Bus, Consumer
from tests.integration.browser import launched
from tests.integration.console_fixture import Console, running_console

Makes: TypeAlias = Callable[..., tuple[Bus, Consumer]]
"""Address and prefetch → a publisher and a consumer."""


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a search in this process wait for no others that could be asked for together with it."""
    monkeypatch.setattr(mongodb, "READING_WINDOW", 0.0)
    monkeypatch.setattr(batch_lookup, "SCAN_WINDOW", 0.0)


@pytest_asyncio.fixture
async def ends() -> AsyncIterator[Makes]:
    made: list[Bus | Consumer] = []

    def make(url: str, prefetch: int = 100) -> tuple[Bus, Consumer]:
        pair = Bus(url, name="test"), Consumer(url, "fulfillment", prefetch=prefetch)
        made.extend(pair)
        return pair

    yield make
    for end in made:
        await end.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def console(
    session_parts: Stack | None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Console]:
    """One console for all modules with tests of it, which one worker runs."""
    async with running_console(session_parts, tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser
