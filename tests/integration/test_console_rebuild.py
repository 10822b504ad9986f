"""The read model, built anew from the journals after the work of all modules before this one."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import httpx

from habeas.client import read_model
from shared.contract.references import short_reference
from shared.law.library import EXAMPLE, company
from tests.integration.console_fixture import WITHIN, Console, declared
from tests.integration.pipeline import Somebody, comes_true
from tests.waiting import eventually

STAFF, SAID = "rosa.rebuild", "The person called."

MODEL = ("cases", "openings", "holds", "notices")
"""Collections of the read model that pages show; they follow from ``histories``."""


REFUSED = "habeas.decision.refused.v1"


async def contents(console: Console) -> dict[str, dict[Any, Any]]:
    """Return the documents of each collection by id, and the facts that timelines show."""
    database = console.pipeline.client[f"{console.pipeline.prefix}_console"]
    found = {name: {one.pop("_id"): one async for one in database[name].find({})} for name in MODEL}
    for row in (one for rows in found.values() for one in rows.values()):
        row.pop("facts_seen")  # counts refused decisions, which no journal has
    histories = {one["_id"]: shown_facts(one) async for one in database["histories"].find({})}
    return {**found, "facts": histories}


async def all_is_noted(console: Console) -> bool:
    """Return whether the console has noted all facts that the journals have by now."""
    pipeline = console.pipeline
    facts = read_model.published(pipeline.client, pipeline.prefix)
    published = {(fact.case, fact.id) async for fact in facts}
    histories = pipeline.client[f"{pipeline.prefix}_console"]["histories"]
    noted = {(one["_id"], id_) async for one in histories.find({}) for id_ in one.get("facts", {})}
    return published <= noted


def shown_facts(history: Mapping[str, Any]) -> dict[str, str]:
    """Return id and type of the facts of a *history*, without the decisions that a service refused."""
    facts = history.get("facts", {})
    refused = {one["data"]["decision"] for one in facts.values() if one["type"] == REFUSED}
    return {id_: one["type"] for id_, one in facts.items() if id_ not in refused}


async def decided(console: Console, api: httpx.AsyncClient, case: str, name: str, **fields: object) -> None:
    """Make the decision *name* on *case*."""
    given = {"fields": fields, "code": await console.code(STAFF)}
    answer = await api.post(f"/cases/{case}/decisions/{name}", json=given)
    assert answer.status_code == 200, answer.text
    assert answer.json()["message"], answer.text
    assert not answer.json()["pending"]


async def answered_twice(console: Console, api: httpx.AsyncClient, person: Somebody) -> tuple[str, str]:
    """Have a request answered and taken up again; return both cases."""
    answered = await console.pipeline.answered("access", person)
    await console.listed(answered, "closed")
    await decided(console, api, answered, "reopen", reason="new_facts")

    async def follower() -> str:
        found = [case for case, row in (await console.rows()).items() if row.get("follows") == answered]
        return next(iter(found), "")

    again: str = await eventually(follower, WITHIN)
    await console.listed(again, "challenged")
    return answered, again


async def held_and_owned(console: Console, api: httpx.AsyncClient, person: Somebody) -> str:
    """Return an erasure with a hold that stands and one that is lifted, an owner and a note."""
    case = await console.pipeline.verified("erasure", person)
    await console.listed(case, "verified", "approval")
    for matter in ("claim 7", "claim 8"):
        await decided(console, api, case, "place-hold", scope="request", matter=matter)
    holds = await console.pipeline.client[f"{console.pipeline.prefix}_console"]["holds"].find().to_list(None)
    lifted = next(one["hold"] for one in holds if one["case"] == case)
    await decided(console, api, case, "lift-hold", hold=lifted, reason="claim_ended")
    assert (await api.post(f"/cases/{case}/owner", json={"owner": STAFF})).status_code == 204
    assert (await api.post(f"/cases/{case}/notes", json={"text": SAID})).status_code == 204
    return case


async def paused_and_merged(console: Console, api: httpx.AsyncClient, person: Somebody) -> tuple[str, str]:
    """Return a request that is paused, and another one that was opened and merged with it."""
    asked = person.asks("access")
    first = await console.pipeline.lodge(asked)
    other = json.loads(json.dumps(asked).replace(person.email, person.email.upper()))
    other["subject"]["name"] = "A. Person"
    second = await console.pipeline.lodge(other)
    for case in (first, second):
        await console.listed(case, "challenged")
    await decided(console, api, first, "pause", text=SAID)
    opening = {"reason": "review", "code": await console.code(STAFF)}
    assert (await api.post(f"/cases/{second}/content", json=opening)).status_code == 200
    await decided(console, api, second, "merge", first=short_reference(first), text=SAID)
    await console.listed(first, "challenged", "stopped")
    await console.listed(second, "closed")
    return first, second


async def informed(console: Console, api: httpx.AsyncClient, person: Somebody) -> str:
    """Return a restriction whose recipients were not notified, and one of them by other means."""
    case = await console.pipeline.answered("restriction", person)
    await console.listed(case, "closed", "recipient")
    recipient = (await console.rows())[case]["waits"][0]["reason"]
    await decided(console, api, case, "recipient-informed", recipient=recipient)
    return case


async def test_rebuilt_read_model_equals_the_live_one(console: Console) -> None:
    pipeline = console.pipeline
    people = await pipeline.people()
    async with console.program(STAFF) as api:
        answered, again = await answered_twice(console, api, people[0])
        held = await held_and_owned(console, api, people[1])
        paused, merged = await paused_and_merged(console, api, people[2])
        notified = await informed(console, api, people[3])
    incident = await declared(console, "amelia@example.org")
    await comes_true(partial(all_is_noted, console), WITHIN)
    live = await contents(console)
    assert {answered, again, held, paused, merged, notified, incident} <= live["cases"].keys()
    own = {name: {row["case"] for row in live[name].values()} for name in MODEL if name != "cases"}
    assert [merged in own["openings"], held in own["holds"], notified in own["notices"]] == [True] * 3
    database = pipeline.client[f"{pipeline.prefix}_console"]
    for collection in ("histories", *MODEL):
        await database[collection].delete_many({})
    built = await read_model.rebuild(pipeline.mongo_url_of("command"), pipeline.prefix, company(EXAMPLE).zone)
    assert built.cases >= 7
    assert await contents(console) == live
