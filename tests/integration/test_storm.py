"""Very many requests of one system beside fifty of others: the others are answered, and nobody is lost."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from habeas.client import requests
from habeas.embedded.stack import Stack
from shared.contract.events import RequestSubmitted
from shared.contract.topology import REQUESTS
from shared.runtime.broker import Message
from tests.extent import extent
from tests.integration.pipeline import PORTAL, SHOP, Pipeline, Somebody, comes_true, command, now, prepared

STORM, OTHERS, LIMIT = extent(700, 2_000), 50, 100
URGENT = 30
RECEIVED, CLOSED = "habeas.request.received.v1", "habeas.request.closed.v1"


@pytest_asyncio.fixture
async def pipeline(parts: Stack | None, tmp_path: Path) -> AsyncIterator[Pipeline]:
    limits = json.dumps({SHOP: LIMIT})
    async with prepared(parts, tmp_path, HABEAS_REQUESTS_PER_HOUR=limits) as pipeline:
        await pipeline.start()
        yield pipeline
        await pipeline.stop()
        for path in pipeline.mail.folder.glob("*.eml"):  # other tests read that folder, too
            if b"@storm.example" in path.read_bytes()[:500]:
                path.unlink()


async def count(pipeline: Pipeline, type_: str, source: str) -> int:
    """Return how many requests of *source* have come to *type_*."""
    journal = pipeline.client[f"{pipeline.prefix}_intake"]["journal"]
    cases = await journal.distinct("case", {"facts.type": RECEIVED, "facts.data.source": source})
    return len(await journal.distinct("case", {"case": {"$in": cases}, "facts.type": type_}))


def messages(source: str, number: int, *, right: str = "opt_out_of_sale", days_ago: int = 0) -> list[Message]:
    """Return requests of people nobody knows, who asked so many days ago. What needs no proof never waits."""
    at = (now() - timedelta(days=days_ago)).isoformat()
    bodies = [
        requests.cloud_event(
            Somebody(f"{source}{days_ago}.{n}@storm.example", "").asks(
                right,
                received_at=at,
                subject={"email": f"{source}{days_ago}.{n}@storm.example"},
                residence={"country": "US", "subdivision": "CA"},
            ),
            type_=RequestSubmitted.TYPE,
            source=source,
        )
        for n in range(number)
    ]
    kind = RequestSubmitted.TYPE
    return [Message(REQUESTS, kind, body, f"{source}{days_ago}.{n}") for n, body in enumerate(bodies)]


async def restart(pipeline: Pipeline, limit: int) -> None:
    await pipeline.stop()
    pipeline.settings["HABEAS_REQUESTS_PER_HOUR"] = json.dumps({SHOP: limit})
    await pipeline.start()


@pytest.mark.campaign
@pytest.mark.timeout(420)
async def test_storm_of_one_system_delays_no_other_and_loses_no_request(
    pipeline: Pipeline,
) -> None:
    storm = messages(SHOP, STORM - URGENT, right="access")
    storm += messages(SHOP, URGENT, right="access", days_ago=10)
    await pipeline.bus.publish(storm)
    await pipeline.bus.publish(messages(PORTAL, OTHERS))

    async def others_are_answered() -> bool:
        return await count(pipeline, CLOSED, PORTAL) == OTHERS

    await comes_true(others_are_answered, timedelta(seconds=120))
    waiting = pipeline.client[f"{pipeline.prefix}_intake"]["waiting"]
    # They came last and were answered before all but a few of the storm; around a full hour twice as many.
    assert LIMIT <= await count(pipeline, RECEIVED, SHOP) <= 2 * LIMIT
    assert await waiting.count_documents({}) >= STORM - 2 * LIMIT

    # More room: those go first who must be answered first, although they came last.
    await restart(pipeline, 3 * LIMIT)

    async def more_have_begun() -> bool:
        begun = await count(pipeline, RECEIVED, SHOP)
        # One that has begun leaves the queue after its row.
        return begun >= 3 * LIMIT and await waiting.count_documents({}) == STORM - begun

    await comes_true(more_have_begun)
    days = sorted(await waiting.distinct("meant_for"))
    assert len(days) == 1, days

    # A day is over, or the limit is: all begin, each once.
    await restart(pipeline, 100 * STORM)

    async def all_have_begun() -> bool:
        left = await waiting.count_documents({})
        return left == 0 and await count(pipeline, RECEIVED, SHOP) == STORM

    await comes_true(all_have_begun, timedelta(seconds=150))
    assert await pipeline.handled_twice() == []
    assert not any((await pipeline.parked()).values())


async def test_a_declared_incident_marks_and_shapes_what_comes_in_its_time(
    pipeline: Pipeline,
) -> None:
    until = (now() + timedelta(days=1)).isoformat()
    code, said, complained = await command(
        pipeline, "burst", "declare", "breach_7", "--as", "dana.muster", "--until", until, "--per-hour", "5",
        "--source", PORTAL,
    )  # fmt: skip
    assert (code, "breach_7" in said) == (0, True), complained
    bursts = pipeline.client[f"{pipeline.prefix}_intake"]["bursts"]

    async def declared() -> bool:
        return bool(await bursts.count_documents({"_id": "breach_7"}))

    await comes_true(declared)
    await pipeline.bus.publish(messages(PORTAL, 20, right="access"))
    await pipeline.bus.publish(messages(SHOP, 10))

    async def begun() -> bool:
        return await count(pipeline, CLOSED, SHOP) == 10 and await count(pipeline, RECEIVED, PORTAL) >= 5

    await comes_true(begun)
    assert await count(pipeline, RECEIVED, PORTAL) <= 10
    _, said, _ = await command(pipeline, "report", "--register", "--format", "csv", "--as", "vera")
    rows = [line for line in said.splitlines() if PORTAL in line]
    assert rows
    assert all(row.endswith("breach_7") for row in rows)
    assert not any("breach_7" in line for line in said.splitlines() if SHOP in line)
