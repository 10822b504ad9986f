"""The company goes on working while one person is erased: what it writes meanwhile is not lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from services.fulfillment.cases import united
from services.fulfillment.erasure.execution import execute, plan, verify
from services.fulfillment.erasure.rounds import Round, plan_again
from services.fulfillment.search.stores import Stores
from services.fulfillment.search.walk import gather
from shared.mongo import Client
from tests.integration.test_engine import EMAIL, PERSON, THREAD, TODAY, World, one

RECORDS = 400
OTHER = {"email": "bo@example.org", "text": "other"}
MINE = {"email": "kim@example.org", "text": "mine"}
STATE = "          - { name: state }\n"
TEXT = "          - { name: text, data_categories: [user.content] }\n"


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    stores = Stores({"default": mongo_client}, database_prefix=database_prefix)
    yield World(mongo_client, database_prefix, stores)


async def test_what_the_owner_writes_during_an_erasure_stands_afterwards(world: World) -> None:
    """Fields the erasure is not about, and elements of other people in the very arrays it takes some from."""
    data_map = one(THREAD + STATE)
    await world.insert(
        "desk.notes", *({"_id": n, "thread": [MINE, OTHER], "state": "old"} for n in range(RECORDS))
    )
    notes = world.client[world.prefix + "desk"]["notes"]

    async def owner() -> None:
        for n in range(RECORDS):
            added = {"$push": {"thread": {"$each": [OTHER | {"text": "new"}], "$position": n % 3}}}
            await notes.update_one({"_id": n}, {"$set": {"state": "new"}, **added})

    decided = plan(await gather(data_map, world.stores, PERSON), data_map, TODAY)
    await asyncio.gather(owner(), execute(decided, world.stores))

    assert (await verify(decided, data_map, world.stores, PERSON)).clean
    async for note in notes.find():
        assert note["state"] == "new"
        assert sorted(element["text"] for element in note["thread"]) == ["new", "other"]


async def test_what_the_owner_writes_back_into_an_erased_field_goes_in_the_next_round(world: World) -> None:
    data_map = one(EMAIL + TEXT + STATE)
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org", "text": "mine", "state": "old"})
    first = plan(await gather(data_map, world.stores, PERSON), data_map, TODAY)
    await execute(first, world.stores)
    notes = world.client[world.prefix + "desk"]["notes"]
    await notes.update_one({"_id": 1}, {"$set": {"text": "mine again", "state": "new"}})

    done = Round(first, {}, await verify(first, data_map, world.stores, PERSON))
    second = await plan_again(done, data_map, world.stores, TODAY)
    await execute(second, world.stores)

    assert await world.get("desk.notes") == {"_id": 1, "email": None, "text": None, "state": "new"}
    assert (await verify(united([first, second]), data_map, world.stores, PERSON)).clean
