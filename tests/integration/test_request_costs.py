"""The number of journal rows, events and letters that one request costs."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from habeas.embedded.company import ADA, BRUNO
from habeas.embedded.stack import Stack
from shared.runtime.mongo import Document
from tests.integration.pipeline import Heard, Pipeline, Somebody, running
from tests.waiting import eventually


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with running(parts, tmp_path_factory.mktemp("costs")) as pipeline:
        yield pipeline


@pytest_asyncio.fixture(scope="module")
async def heard(pipeline: Pipeline) -> AsyncIterator[Heard]:
    async with pipeline.listening() as heard:
        yield heard


async def rows_of(pipeline: Pipeline, case: str) -> list[tuple[str, Document]]:
    """Return all journal rows about *case*, each with its service."""
    found: list[tuple[str, Document]] = []
    for name in await pipeline.client.list_database_names():
        if name.startswith(f"{pipeline.prefix}_"):
            rows = pipeline.client[name]["journal"].find({"case": case}).sort("at")
            found += [(name.removeprefix(f"{pipeline.prefix}_"), row) async for row in rows]
    return found


async def cost(pipeline: Pipeline, heard: Heard, case: str) -> tuple[list[str], int, list[str]]:
    """Return the rows of *case*, each by its service, the number of its events, and its letters."""

    async def settled() -> list[tuple[str, Document]]:
        rows = await rows_of(pipeline, case)
        assert any(fact["type"] == "habeas.request.closed.v1" for _, row in rows for fact in row["facts"])
        return rows

    rows: list[tuple[str, Document]] = await eventually(settled)
    letters = [event["data"]["letter"] for event in heard.of(case, "notice.sent")]
    return [service for service, _ in rows], len(heard.of(case)), letters


async def test_access_costs_eight_rows(pipeline: Pipeline, heard: Heard) -> None:
    case = await pipeline.verified("access", Somebody(ADA.email, ADA.name))
    await pipeline.closed(case)
    rows, events, letters = await cost(pipeline, heard, case)
    assert len(rows) == 8, rows
    assert events == 9
    assert letters == ["code", "outcome"]


async def test_erasure_costs_nine_rows_and_one_for_each_recipient(pipeline: Pipeline, heard: Heard) -> None:
    case = await pipeline.verified("erasure", Somebody(BRUNO.email, BRUNO.name))
    await pipeline.closed(case)
    recipients = len(heard.of(case, "recipient.concerned"))
    await eventually(lambda: len(heard.of(case, "recipient.failed")) == recipients)
    rows, events, letters = await cost(pipeline, heard, case)
    assert len(rows) == 9 + recipients, rows
    assert events == 11 + 2 * recipients
    assert letters == ["code", "outcome"]


async def test_no_row_of_a_request_is_empty_but_that_of_its_answer(pipeline: Pipeline, heard: Heard) -> None:
    case = await pipeline.verified("access", Somebody(ADA.email, ADA.name))
    await pipeline.closed(case)
    await cost(pipeline, heard, case)
    empty = [row["event"]["type"] for _, row in await rows_of(pipeline, case) if not row["facts"]]
    assert empty == ["habeas.request.fulfilled.v1"]
