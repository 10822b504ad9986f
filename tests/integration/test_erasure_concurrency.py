"""The company goes on working while one person is erased: what it writes meanwhile is not lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import pytest_asyncio

from services.fulfillment.datamap.model import CollectionPlace
from services.fulfillment.datamap.reader import parse
from services.fulfillment.erasure import execution
from services.fulfillment.erasure.completion import Round, plan_again
from services.fulfillment.erasure.execution import execute, verify
from services.fulfillment.erasure.planner import plan
from services.fulfillment.search.walk import gather
from services.fulfillment.state import united
from services.fulfillment.stores.mongodb import Stores
from shared.errors import StoreUnavailable
from shared.runtime.mongo import Client, Write
from tests.integration.test_engine import EMAIL, PERSON, THREAD, TODAY, World, one

RECORDS = 400
OTHER = {"email": "bo@example.org", "text": "other"}
MINE = {"email": "kim@example.org", "text": "mine"}
STATE = "          - { name: state }\n"
TWO = """
dataset:
  - fides_key: desk
    collections:
      - name: first
        meta: { habeas: { erasure: delete } }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: text, data_categories: [user.content] }
      - name: second
        meta: { habeas: { erasure: delete } }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: text, data_categories: [user.content] }
"""
TEXT = "          - { name: text, data_categories: [user.content] }\n"


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    stores = Stores({"default": mongo_client}, database_prefix=database_prefix)
    yield World(mongo_client, database_prefix, stores)


async def test_write_of_the_owner_during_an_erasure_stays(world: World) -> None:
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


async def test_value_written_back_during_an_erasure_goes_in_the_next_round(world: World) -> None:
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


async def test_no_write_follows_the_report_of_a_failed_collection(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed execution may be repeated at once: no write of the first attempt comes after its failure."""
    monkeypatch.setattr(execution, "STEPS_PER_CHUNK", 1)
    data_map = parse({"map.yml": TWO})
    for name in ("first", "second"):
        await world.insert(
            f"desk.{name}", *({"_id": n, "email": "kim@example.org", "text": "mine"} for n in range(20))
        )
    decided = plan(await gather(data_map, world.stores, PERSON), data_map, TODAY)
    failing = Failing(world.stores, "first")
    with pytest.raises(StoreUnavailable):
        await execute(decided, cast("Stores", failing))
    written = failing.written
    assert 0 < written < 20
    await asyncio.sleep(0.2)
    assert failing.written == written
    left = [
        await world.client[world.prefix + "desk"][name].count_documents({}) for name in ("first", "second")
    ]
    assert left == [20, 20 - written]


@dataclass
class Failing:
    """Stores of which one collection is away once another was written; each write takes a while."""

    real: Stores
    away: str
    written: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, place: CollectionPlace, operations: Sequence[Write]) -> Any:
        if place.name == self.away:
            await self.begun.wait()
            raise StoreUnavailable("away")
        await asyncio.sleep(0.02)
        refused = await self.real.write(place, operations)
        self.written += 1
        self.begun.set()
        return refused
