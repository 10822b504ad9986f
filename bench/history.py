"""Past cases: copies of closed ones in all databases of Habeas, for tests of what history costs."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.runtime.mongo import Client, Document

AT_ONCE = 2_000
"""Documents of one insertion."""
MOST_PER_RESULT = 20
"""Documents that a query may examine for each that it returns or changes."""
PROFILE_BYTES = 64 << 20
RESULTS = ("nreturned", "nMatched", "ndeleted", "ninserted", "nUpserted")


async def databases_of(client: Client, prefix: str) -> list[str]:
    """Return the names of Habeas' databases."""
    return [name for name in await client.list_database_names() if name.startswith(f"{prefix}_")]


async def profiling(client: Client, prefix: str, *, on: bool) -> None:
    """Turn the profiler of Habeas' databases on, with an empty profile, or off."""
    for name in await databases_of(client, prefix):
        await client[name].command("profile", 0)
        if on:
            await client[name].drop_collection("system.profile")
            await client[name].create_collection("system.profile", capped=True, size=PROFILE_BYTES)
            await client[name].command("profile", 2)


@dataclass(frozen=True, slots=True)
class Profile:
    """What the profiler has noted."""

    examined: int
    """Documents or keys that all queries examined."""
    costly: Mapping[str, tuple[int, int, str]]
    """Queries that examined too much for their results: examined, results, plan."""


async def profiled(client: Client, prefix: str, since: datetime) -> Profile:
    """Return the profile of Habeas' databases *since* a moment."""
    total, costly = 0, dict[str, tuple[int, int, str]]()
    for name in await databases_of(client, prefix):
        async for entry in client[name]["system.profile"].find({"ts": {"$gte": since}}):
            if entry["ns"].endswith("system.profile"):
                continue
            examined, results = _examined(entry), _results(entry)
            total += examined
            if examined > MOST_PER_RESULT * max(1, results):
                costly[f"{entry['ns']} {_shape(entry)}"] = examined, results, entry.get("planSummary", "")
    return Profile(total, costly)


def _examined(entry: Document) -> int:
    return max(int(entry.get("docsExamined", 0)), int(entry.get("keysExamined", 0)))


def _results(entry: Document) -> int:
    return sum(int(entry.get(key) or 0) for key in RESULTS)


def _shape(entry: Document) -> str:
    query = entry.get("command", {})
    wanted = query.get("filter") or query.get("q") or query.get("query") or query.get("pipeline") or query
    return f"{entry['op']} {str(wanted)[:300]}"


async def multiply(client: Client, prefix: str, cases: Iterable[str], copies: int) -> int:
    """
    Copy each of *cases*, with all that the databases of *prefix* hold of it, under new ids.

    Args:
        client: The database.
        prefix: First part of the names of Habeas' databases.
        cases: Ids of closed cases.
        copies: How many copies of each.

    Returns:
        How many documents were written.
    """
    written = 0
    for case in cases:
        async for collection, originals in _documents_of(client, prefix, case):
            copied: list[Document] = []
            for number in range(copies):
                other = uuid.uuid5(uuid.UUID(case), str(number)).hex
                copied += [_renamed(document, case, other) for document in originals]
                if len(copied) >= AT_ONCE or number == copies - 1:
                    await collection.insert_many(copied, ordered=False)
                    written += len(copied)
                    copied = []
                    await asyncio.sleep(0)
    return written


async def _documents_of(client: Client, prefix: str, case: str) -> AsyncIterator[tuple[Any, list[Document]]]:
    """Yield each collection that has documents of *case*, and these."""
    for database in await databases_of(client, prefix):
        for name in await client[database].list_collection_names(filter={"type": "collection"}):
            if name.startswith("system."):
                continue
            collection = client[database][name]
            found = [one async for one in collection.find({}) if _names(one, case)]
            if found:
                yield collection, found


def _names(value: Any, case: str) -> bool:
    if isinstance(value, str):
        return case in value
    if isinstance(value, dict):
        return any(_names(one, case) for one in value.values())
    return isinstance(value, list) and any(_names(one, case) for one in value)


def _renamed(value: Any, case: str, other: str) -> Any:
    """Return *value* with the id of *case* replaced; ids that do not hold it become new ones."""
    renamed = _replaced(value, case, other)
    if isinstance(renamed.get("_id"), str) and renamed["_id"] == value["_id"]:
        renamed["_id"] = uuid.uuid4().hex
    if not isinstance(renamed.get("_id"), str | dict):
        renamed.pop("_id", None)
    return renamed


def _replaced(value: Any, case: str, other: str) -> Any:
    if isinstance(value, str):
        return value.replace(case, other)
    if isinstance(value, dict):
        return {key: _replaced(one, case, other) for key, one in value.items()}
    if isinstance(value, list):
        return [_replaced(one, case, other) for one in value]
    return value
