"""The read model, built anew from the journals after the work of all modules before this one."""

from typing import Any

from habeas.client import read_model
from tests.integration.console_fixture import Console, declared

MODEL = ("cases", "openings")
"""Collections of the read model that pages show; both follow from ``histories``."""


async def contents(console: Console) -> dict[str, dict[Any, Any]]:
    """Return the documents of each collection by id."""
    database = console.pipeline.client[f"{console.pipeline.prefix}_console"]
    return {name: {one.pop("_id"): one async for one in database[name].find({})} for name in MODEL}


async def test_rebuilt_read_model_equals_the_live_one(console: Console) -> None:
    pipeline = console.pipeline
    person, other, *_ = await pipeline.people()
    answered = await pipeline.answered("access", person)
    waiting = await pipeline.verified("erasure", other)
    incident = await declared(console, "amelia@example.org")
    await console.listed(answered, "closed")
    await console.listed(waiting, "verified", "approval")
    await console.listed(incident, None, "release", "report")
    live = await contents(console)
    assert {answered, waiting, incident} <= live["cases"].keys()
    database = pipeline.client[f"{pipeline.prefix}_console"]
    for collection in ("histories", *MODEL):
        await database[collection].delete_many({})
    built = await read_model.rebuild(pipeline.mongo_url_of("command"), pipeline.prefix)
    assert built.cases >= 3
    assert await contents(console) == live
