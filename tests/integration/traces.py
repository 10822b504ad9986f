"""Traces of words in what we keep or say: events, queues, logs and collections."""

import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.runtime.mongo import raw_documents
from tests.integration.pipeline import Pipeline

FRACTION = re.compile(rb"\.\d{3,6}(?=Z|\+)")
"""Of a second. Its digits could be those of a code by chance."""


async def traces(
    pipeline: Pipeline, words: Iterable[str], events: Sequence[Mapping[str, Any]] = ()
) -> list[str]:
    """Return where any of *words* stands."""
    needle = needle_for(words)
    return sorted({place async for place, content in everything(pipeline, events) if needle(content)})


async def everything(
    pipeline: Pipeline, events: Sequence[Mapping[str, Any]] = ()
) -> AsyncIterator[tuple[str, bytes]]:
    """Yield whatever we keep or say, and where: the vault too, for what lies there is sealed."""
    for event in events:
        yield f"event {event['type']}", json.dumps(event, ensure_ascii=False).encode()
    for queue, messages in (await pipeline.messages()).items():
        for message in messages:
            yield f"queue {queue}", message
    for line in pipeline.log.read_bytes().splitlines():
        yield "log", line
    for database in await pipeline.client.list_database_names():
        if database.startswith(f"{pipeline.prefix}_"):
            for name in await pipeline.client[database].list_collection_names():
                async for _, raw in raw_documents(pipeline.client[database][name]):
                    yield f"{database.removeprefix(pipeline.prefix)}.{name}", raw


def needle_for(words: Iterable[str]) -> "Needle":
    spelled = {word.casefold() for word in words}
    spelled |= {json.dumps(word)[1:-1] for word in spelled}
    return Needle(
        {
            word: re.compile(rb"(?<![0-9a-f])" + re.escape(word) + rb"(?![0-9a-f])")
            for word in (one.encode() for one in spelled)
        }
    )


@dataclass(frozen=True)
class Needle:
    """Looks for words in bytes, in any case; digits inside longer numbers and ids do not count."""

    words: Mapping[bytes, re.Pattern[bytes]]
    """The word alone, which is found or missed sooner, → the word by itself."""

    def __call__(self, hay: bytes) -> bool:
        text = FRACTION.sub(b"", hay).lower()
        return any(word in text and pattern.search(text) for word, pattern in self.words.items())
