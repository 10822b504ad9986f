"""The read model, built anew from the journals after the work of all modules before this one."""

from collections.abc import Mapping
from typing import Any

from habeas.client import read_model
from shared.law.library import EXAMPLE, company
from tests.integration.console_fixture import Console, declared

MODEL = ("cases", "openings")
"""Collections of the read model that pages show; both follow from ``histories``."""


REFUSED = "habeas.decision.refused.v1"


async def contents(console: Console) -> dict[str, dict[Any, Any]]:
    """Return the documents of each collection by id, and the facts that timelines show."""
    database = console.pipeline.client[f"{console.pipeline.prefix}_console"]
    found = {name: {one.pop("_id"): one async for one in database[name].find({})} for name in MODEL}
    for row in found["cases"].values():
        row.pop("facts_seen")  # counts refused decisions, which no journal has
    histories = {one["_id"]: shown_facts(one) async for one in database["histories"].find({})}
    return {**found, "facts": histories}


def shown_facts(history: Mapping[str, Any]) -> dict[str, str]:
    """Return id and type of the facts of a *history*, without the decisions that a service refused."""
    facts = history.get("facts", {})
    refused = {one["data"]["decision"] for one in facts.values() if one["type"] == REFUSED}
    return {id_: one["type"] for id_, one in facts.items() if id_ not in refused}


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
    built = await read_model.rebuild(pipeline.mongo_url_of("command"), pipeline.prefix, company(EXAMPLE).zone)
    assert built.cases >= 3
    assert await contents(console) == live
