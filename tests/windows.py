"""
Windows before an act, in which tests stop it.

They are seconds long, for the tests that wait for their end. A slow machine may take longer for a stop: then
a test looks whether it was in time, and takes another person if it was not.
"""

from datetime import datetime

from shared.contract.events import (
    DisclosureDue,
    DisclosureScheduled,
    ErasureDue,
    ErasureScheduled,
    RequestStopped,
    RequestWithdrawn,
)
from shared.runtime.mongo import Document
from tests.integration.pipeline import Pipeline
from tests.waiting import eventually

STOPS = (RequestWithdrawn.TYPE, RequestStopped.TYPE)
ENDS = (ErasureDue.TYPE, DisclosureDue.TYPE)


async def windows_of(
    pipeline: Pipeline, kind: type[ErasureScheduled | DisclosureScheduled]
) -> dict[str, datetime]:
    """Return the end of the first window of each case that has one."""
    rows = await pipeline.rows("fulfillment", **{"facts.type": kind.TYPE})
    facts = [(row["case"], one) for row in rows for one in row["facts"] if one["type"] == kind.TYPE]
    return {case: datetime.fromisoformat(str(one["data"]["at"])) for case, one in reversed(facts)}


async def end_of_window(pipeline: Pipeline, case: str) -> datetime | None:
    """Return the end of the first window of *case*; None if it has none."""
    return (
        await windows_of(pipeline, ErasureScheduled) | await windows_of(pipeline, DisclosureScheduled)
    ).get(case)


async def is_in_time(pipeline: Pipeline, case: str) -> bool:
    """Return whether fulfillment heard of the stop of *case* before the end of its window, once it knows."""
    until = await end_of_window(pipeline, case)
    assert until is not None

    async def first() -> list[Document]:
        rows = await pipeline.rows("fulfillment", case=case, **{"event.type": {"$in": [*STOPS, *ENDS]}})
        return sorted(rows, key=lambda row: int(row["n"]))[:1]

    rows: list[Document] = await eventually(first)
    [row] = rows
    stopped = bool(row["event"]["type"] in STOPS)
    assert stopped or row["at"] >= until, "the window ended too early"
    return stopped
