"""The number of journal rows, events and letters that one request costs."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from habeas.embedded.company import ADA, BRUNO
from habeas.embedded.stack import Stack
from shared.runtime.mongo import Document
from tests.integration.pipeline import WITHIN, Heard, Pipeline, Somebody, comes_true, running


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


async def costs(pipeline: Pipeline, heard: Heard, case: str, rows: int, events: int) -> int:
    """
    Wait until *case*, closed, has cost this number of *rows* and *events*, and two letters; count recipients.

    Each of its recipients costs one more row and two more events.
    """
    await pipeline.closed(case)

    async def settled() -> bool:
        recipients = len(heard.of(case, "recipient.concerned"))
        kept = await rows_of(pipeline, case)
        assert any(fact["type"] == "habeas.request.closed.v1" for _, row in kept for fact in row["facts"])
        assert len(kept) == rows + recipients, [service for service, _ in kept]
        assert len(heard.of(case, "recipient.failed")) == recipients
        assert len(heard.of(case)) == events + 2 * recipients
        letters = [event["data"]["letter"] for event in heard.of(case, "notice.sent")]
        assert letters == ["code", "outcome"]
        return True

    await comes_true(settled, WITHIN)
    return len(heard.of(case, "recipient.concerned"))


async def test_access_costs_eight_rows(pipeline: Pipeline, heard: Heard) -> None:
    case = await pipeline.verified("access", Somebody(ADA.email, ADA.name))
    assert await costs(pipeline, heard, case, rows=8, events=9) == 0


async def test_erasure_costs_nine_rows_and_one_for_each_recipient(pipeline: Pipeline, heard: Heard) -> None:
    case = await pipeline.verified("erasure", Somebody(BRUNO.email, BRUNO.name))
    assert await costs(pipeline, heard, case, rows=9, events=11)


async def test_no_row_of_a_request_is_empty_but_that_of_its_answer(pipeline: Pipeline, heard: Heard) -> None:
    case = await pipeline.verified("access", Somebody(ADA.email, ADA.name))
    assert await costs(pipeline, heard, case, rows=8, events=9) == 0
    empty = [row["event"]["type"] for _, row in await rows_of(pipeline, case) if not row["facts"]]
    assert empty == ["habeas.request.fulfilled.v1"]
