"""The queries of requests name the shards that they need: the commands of a run against the shard keys."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest

from bench.history import databases_of, profiling
from habeas.embedded.stack import Stack
from shared.runtime.mongo import Document
from shared.runtime.shard_keys import SHARD_KEYS, ShardKey
from tests.integration.pipeline import SHOP, Pipeline, running
from tests.shard_targets import targets

CALIFORNIA = {"residence": {"country": "US", "subdivision": "CA"}}


async def test_queries_of_requests_name_the_shards_that_they_need(
    parts: Stack | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with running(parts, tmp_path_factory.mktemp("targeting"), customers=20) as pipeline:
        reader, leaver, buyer, *_ = await pipeline.people()
        await profiling(pipeline.client, pipeline.prefix, on=True)
        closed = [
            await pipeline.verified("access", reader),
            await pipeline.verified("erasure", leaver),
            await pipeline.lodge(buyer.asks("opt_out_of_sale", **CALIFORNIA), source=SHOP),
        ]
        for case in closed:
            await pipeline.closed(case)
        seen, missed = set[tuple[str, str]](), defaultdict[str, set[str]](set)
        async for place, query in queries(pipeline):
            key = SHARD_KEYS[place]
            seen.add(place)
            if not targets(key, query) and not is_other(query, key):
                missed[".".join(place)].add(str(query)[:300])
        assert missed == {}
        assert [one async for one in unfit_indexes(pipeline)] == []
        hot = {("vault", "items"), ("keys", "keys"), ("intake", "journal"), ("fulfillment", "journal")}
        assert hot <= seen


async def unfit_indexes(pipeline: Pipeline) -> AsyncIterator[str]:
    """Yield the unique indexes that a sharded cluster would refuse: those without the shard key before."""
    for (database, name), key in SHARD_KEYS.items():
        found = await pipeline.client[f"{pipeline.prefix}_{database}"][name].index_information()
        for index, facts in found.items():
            if facts.get("unique") and facts["key"][0][0] != key.field:
                yield f"{database}.{name}: {index}"


def is_other(query: Mapping[str, Any], key: ShardKey) -> bool:
    """Return whether *query* is one of those that may ask every shard."""
    return any(fields == fields_of(query) for fields in key.others)


def fields_of(query: Mapping[str, Any]) -> set[str]:
    """Return the fields that *query* compares."""
    parts = [part for name in ("$and", "$or", "$nor") for part in query.get(name, ())]
    return {name for name in query if name[0] != "$"}.union(*map(fields_of, parts))


async def queries(pipeline: Pipeline) -> AsyncIterator[tuple[tuple[str, str], Document]]:
    """Yield each query on a sharded collection that the profiler has noted, with its place."""
    for database in await databases_of(pipeline.client, pipeline.prefix):
        async for entry in pipeline.client[database]["system.profile"].find():
            name = entry["ns"].partition(".")[2]
            place = (database.removeprefix(f"{pipeline.prefix}_"), name)
            if place in SHARD_KEYS and "command" in entry:
                for query in asked(entry["command"]):
                    yield place, query


def asked(command: Document) -> Iterator[Document]:
    """Yield the conditions of a profiled command; a document to insert has its key."""
    if "pipeline" in command:
        yield next((stage["$match"] for stage in command["pipeline"] if "$match" in stage), {})
    elif "createIndexes" in command or "create" in command or "insert" in command:
        return
    elif "getMore" not in command:
        yield command.get("filter") or command.get("q") or command.get("query") or {}
