"""Figures about the parts that a process needs, which scrapes keep up to date."""

import asyncio

import httpx

from shared.errors import BrokerUnavailable
from shared.runtime.bootstrap import health_app
from tests.waiting import eventually

PART = "part of this test"


async def test_scrape_asks_each_part_and_waits_for_none() -> None:
    answers, calls, away = asyncio.Event(), list[str](), list[str]()

    async def check() -> None:
        calls.append(PART)
        await answers.wait()
        if away:
            raise BrokerUnavailable("away")

    transport = httpx.ASGITransport(app=health_app({PART: check}))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:

        async def figure() -> str | None:
            lines = (await client.get("/metrics")).text.splitlines()
            found = [line for line in lines if line.startswith(f'habeas_ready{{part="{PART}"}}')]
            return found[0].split()[-1] if found else None

        for _number in range(3):
            assert await figure() is None
            await asyncio.sleep(0)
        assert calls == [PART], "a part that hangs is asked once"

        async def reached() -> bool:
            return await figure() == "1.0"

        async def lost() -> bool:
            return await figure() == "0.0"

        answers.set()
        _: bool = await eventually(reached)
        away.append(PART)
        _ = await eventually(lost)
