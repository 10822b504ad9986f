"""Live streams: one reading for all viewers of a subject, and a few streams for each session."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.console.http.counts import SharedReading, limited
from services.console.http.streams import MOST_STREAMS, OpenStreams
from shared.errors import StoreUnavailable


async def test_viewers_of_one_subject_share_a_reading() -> None:
    read: list[str] = []

    async def reading(subject: str) -> str:
        read.append(subject)
        await asyncio.sleep(0)
        return f"counts of {subject}"

    shared = SharedReading(reading)
    found = await asyncio.gather(*(shared.current(one) for one in ("a", "b", "a", "a")))
    assert found == ["counts of a", "counts of b", "counts of a", "counts of a"]
    assert read == ["a", "b"]


async def test_failed_reading_is_told_to_every_viewer() -> None:
    async def reading(_subject: str) -> str:
        raise StoreUnavailable("no answer")

    shared = SharedReading(reading)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await shared.current()


async def changes() -> AsyncIterator[bytes]:
    yield b"data: {}\n\n"


async def test_session_has_a_few_streams_and_gets_one_back_when_another_ends() -> None:
    streams = OpenStreams()
    opened = [limited(streams, "session", changes()) for _ in range(MOST_STREAMS + 1)]
    first = [await anext(stream) for stream in opened]
    assert first == [b"data: {}\n\n"] * MOST_STREAMS + [b"retry: 60000\n\n"]
    assert await anext(limited(streams, "another session", changes())) == b"data: {}\n\n"
    await opened[0].aclose()  # type: ignore[attr-defined]  # a generator
    assert await anext(limited(streams, "session", changes())) == b"data: {}\n\n"
