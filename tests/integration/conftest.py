"""Ends of the bus, on the wire of the driver and on our own (docs/adr/0007)."""

from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

import pytest
import pytest_asyncio

from shared.bus import Bus, Consumer

Makes: TypeAlias = Callable[..., tuple[Bus, Consumer]]
"""Address and prefetch → a publisher and a consumer of the same kind."""


@pytest_asyncio.fixture(params=["plain", "fast"])
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[Makes]:
    made: list[Bus | Consumer] = []
    plain = request.param == "plain"

    def make(url: str, prefetch: int = 100) -> tuple[Bus, Consumer]:
        pair = (
            Bus(url, name="test", plain=plain),
            Consumer(url, "fulfillment", prefetch=prefetch, plain=plain),
        )
        made.extend(pair)
        return pair

    yield make
    for end in made:
        await end.close()
