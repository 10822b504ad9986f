"""What a request and a verb read depends on the request, not on the cases that were closed before."""

import os
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from bench.history import multiply
from habeas.embedded.stack import Stack
from shared.runtime.mongo import Document
from tests.integration.pipeline import Pipeline, command, running

COPIES = 50_000 if os.environ.get("HABEAS_TEST_CAMPAIGN") else 400
"""Copies of each of two closed cases."""
MOST_PER_RESULT = 20
"""Documents that a query may examine for each that it returns or changes."""
VERBS = (
    ("dead-letters",),
    ("inbox", "list"),
    ("deadlines",),
    ("verify", "list"),
    ("breach", "list"),
    ("erasures", "list"),
)


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with running(parts, tmp_path_factory.mktemp("history"), customers=20) as pipeline:
        person, other, *_ = await pipeline.people()
        closed = [await pipeline.verified("access", person), await pipeline.verified("erasure", other)]
        for case in closed:
            await pipeline.closed(case)
        await multiply(pipeline.client, pipeline.prefix, closed, COPIES)
        yield pipeline


async def profiled(pipeline: Pipeline, on: bool) -> list[str]:
    """Turn the profiler of Habeas' databases on or off; return their names."""
    names = [
        name for name in await pipeline.client.list_database_names() if name.startswith(f"{pipeline.prefix}_")
    ]
    for name in names:
        if on:
            await pipeline.client[name].command("profile", 0)
            await pipeline.client[name].drop_collection("system.profile")
            await pipeline.client[name].create_collection("system.profile", capped=True, size=64 << 20)
        await pipeline.client[name].command("profile", 2 if on else 0)
    return names


async def costly(pipeline: Pipeline) -> dict[str, Any]:
    """Return the queries that examined too much since the profiler was turned on, each once."""
    found: dict[str, Any] = {}
    for name in await profiled(pipeline, False):
        async for entry in pipeline.client[name]["system.profile"].find({}):
            examined = max(entry.get("docsExamined", 0), entry.get("keysExamined", 0))
            if examined > MOST_PER_RESULT * max(1, _results(entry)):
                found[f"{entry['ns']} {_shape(entry)}"] = (
                    examined,
                    _results(entry),
                    entry.get("planSummary"),
                )
    return found


def _results(entry: Document) -> int:
    return sum(int(entry.get(key) or 0) for key in ("nreturned", "nMatched", "ndeleted", "ninserted"))


def _shape(entry: Document) -> str:
    told = entry.get("command", {})
    wanted = told.get("filter") or told.get("q") or told.get("query") or told.get("pipeline") or told
    return f"{entry['op']} {str(wanted)[:300]}"


@pytest.mark.timeout(900)
async def test_requests_examine_no_closed_cases(pipeline: Pipeline) -> None:
    *_, person, other = await pipeline.people()
    await profiled(pipeline, True)
    closed = [await pipeline.verified("access", person), await pipeline.verified("erasure", other)]
    for case in closed:
        await pipeline.closed(case)
    assert await costly(pipeline) == {}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
async def test_verbs_of_the_staff_examine_no_closed_cases(pipeline: Pipeline, verb: Sequence[str]) -> None:
    await profiled(pipeline, True)
    code, _, wrong = await command(pipeline, *verb)
    assert code in (0, 1), wrong
    assert await costly(pipeline) == {}
