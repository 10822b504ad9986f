"""What an erasure had to keep is registered without a word about the person, and goes after its last day."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest_asyncio

from habeas import purging
from habeas.engine import Engine
from habeas.erasures import Memory
from habeas.erasures import memory as opened
from services.fulfillment.certificate import verify_certificate
from services.fulfillment.datamap.model import Period
from services.fulfillment.datamap.reading import parse
from services.fulfillment.domain import after
from services.fulfillment.erasure.planning import plan
from services.fulfillment.search.stores import Stores
from services.fulfillment.search.walk import gather
from services.fulfillment.signing import Signer
from shared.mongo import Client
from tests.integration.test_engine import EMAIL, PERSON, World, one

KEY = b"k" * 32
SIGNER = Signer(KEY)
TODAY = datetime.now(UTC).date()
LONG_AGO = datetime.now(UTC) - timedelta(days=300)
LAST_DAY = after(LONG_AGO.date(), Period(years=1))
MAP = parse(
    {
        "map.yml": """
dataset:
  - fides_key: desk
    collections:
      - name: people
        meta: { habeas: { erasure: delete } }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
      - name: bills
        meta:
          habeas:
            erasure: delete
            retention: { keep: P1Y, from: issued, because: § 147 AO }
            legal_hold: { field: held, value: true }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: person
            fides_meta: { references: [ { dataset: desk, field: people._id, direction: from } ] }
          - { name: issued }
          - { name: held }
          - { name: name, data_categories: [user.name] }
"""
    }
)


OTHER = one(EMAIL)
"""The map of today: records were kept by the one of their day."""


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    stores = Stores({"default": mongo_client}, database_prefix=database_prefix)
    yield World(mongo_client, database_prefix, stores)


@pytest_asyncio.fixture
async def memory(world: World, mongo_url: str) -> AsyncIterator[Memory]:
    async with opened(mongo_url, f"{world.prefix}own", KEY) as memory:
        yield memory


async def erased(world: World, memory: Memory, **changes: Any) -> None:
    """Erase Kim, whose bill is kept for a year; somebody else has one, too."""
    bill = {"issued": LONG_AGO, "held": False, "name": "Kim Sample", **changes}
    await world.insert(
        "desk.people", {"_id": 70_077_077, "email": "kim@example.org"}, {"_id": 78, "email": "bo@example.org"}
    )
    await world.insert(
        "desk.bills", {"_id": 1, "person": 70_077_077, **bill}, {"_id": 2, "person": 78, **bill}
    )
    decided = plan(await gather(MAP, world.stores, PERSON), MAP, TODAY)
    await Engine(MAP, world.stores).erase(decided, PERSON, controller="Example", signer=SIGNER, memory=memory)
    assert await world.get("desk.people", _id=70_077_077) is None
    assert await world.get("desk.bills", _id=1) is not None


async def due(world: World, memory: Memory, day: date) -> list[purging.Due]:
    return [item async for item in purging.due(memory, OTHER, world.stores, day)]


async def test_a_kept_record_goes_when_its_last_day_has_passed_and_that_is_certified(
    world: World, memory: Memory
) -> None:
    await erased(world, memory)
    assert await due(world, memory, LAST_DAY) == []
    [item] = await due(world, memory, LAST_DAY + timedelta(days=1))
    file = await item.purge(memory, controller="Example", signer=SIGNER)

    assert await world.get("desk.bills", _id=1) is None
    assert await world.get("desk.bills", _id=2) is not None
    content = verify_certificate(file, key=SIGNER.public_key).content
    assert [(c["collection"], c["found"], c["erased"]) for c in content["collections"]] == [("bills", 1, 1)]
    assert content["verification"]["result"] == "nothing_left"
    assert await due(world, memory, LAST_DAY + timedelta(days=1)) == []


async def test_the_register_holds_nothing_about_the_person_but_the_keys_of_records(
    world: World, memory: Memory
) -> None:
    await erased(world, memory)
    kept = world.client[f"{world.prefix}own_fulfillment"]["kept"]
    [entry] = [entry async for entry in kept.find()]
    assert entry["id"] == [["_id", 1]]
    assert entry["until"] == LAST_DAY.isoformat()
    assert not any(word in str(entry).lower() for word in ("kim", "70077077", "sample"))


async def test_a_record_that_has_become_anothers_is_left_alone(world: World, memory: Memory) -> None:
    await erased(world, memory)
    bills = world.client[world.prefix + "desk"]["bills"]
    await bills.update_one({"_id": 1}, {"$set": {"person": 78}})
    [item] = await due(world, memory, LAST_DAY + timedelta(days=1))
    file = await item.purge(memory, controller="Example", signer=SIGNER)
    assert await world.get("desk.bills", _id=1) is not None
    assert verify_certificate(file).content["collections"][0]["gone"] == 1
    assert await due(world, memory, LAST_DAY + timedelta(days=1)) == []


async def test_a_hold_is_looked_at_every_day_and_the_record_goes_when_it_ends(
    world: World, memory: Memory
) -> None:
    await erased(world, memory, held=True, issued=datetime(2001, 1, 1, tzinfo=UTC))
    tomorrow = TODAY + timedelta(days=1)
    [item] = await due(world, memory, tomorrow)
    assert item.idle
    bills = world.client[world.prefix + "desk"]["bills"]
    await bills.update_one({"_id": 1}, {"$set": {"held": False}})
    [item] = await due(world, memory, tomorrow)
    await item.purge(memory, controller="Example", signer=SIGNER)
    assert await world.get("desk.bills", _id=1) is None
