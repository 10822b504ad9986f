"""Collections of the map that the database lacks: never there, or there once."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.search.engine import RecordEngine
from services.fulfillment.search.findings import SearchAnswer
from services.fulfillment.stores.existence import SeenCollections
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Client
from tests.integration.test_engine import PERSON, World

COLLECTION = """
      - name: {name}
        fields:
          - {{ name: _id, fides_meta: {{ primary_key: true }} }}
          - {{ name: email, data_categories: [user.contact.email], fides_meta: {{ identity: email }} }}
"""


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    stores = Stores({"default": mongo_client}, database_prefix=database_prefix)
    yield World(mongo_client, database_prefix, stores)


def desk(*names: str) -> DataMap:
    """A map of collections with *names*."""
    collections = "".join(COLLECTION.format(name=name) for name in names)
    return parse({"map.yml": f"dataset:\n  - fides_key: desk\n    collections:{collections}"})


def engine(world: World) -> RecordEngine:
    """A process of the service, which remembers nothing that is not stored."""
    stores = Stores({"default": world.client}, database_prefix=world.prefix)
    return RecordEngine(stores, register=SeenCollections(world.client[f"{world.prefix}habeas"]))


async def test_collection_that_never_existed_counts_as_empty(world: World) -> None:
    data_map = desk("people", "polls")
    await world.insert("desk.people", {"_id": 1, "email": "kim@example.org"})
    findings = await engine(world).gather(data_map, PERSON)
    assert (findings.absent, findings.missing, findings.total) == (("desk.polls",), (), 1)
    assert (await engine(world).gather(data_map, {"email": ("bo@example.org",)})).answer is (
        SearchAnswer.NOTHING_FOUND
    )


async def test_collection_that_disappeared_is_missing_after_a_restart(world: World) -> None:
    data_map = desk("people", "polls")
    await world.insert("desk.people", {"_id": 1, "email": "kim@example.org"})
    await world.insert("desk.polls", {"_id": 1, "email": "kim@example.org"})
    running = engine(world)
    assert (await running.gather(data_map, PERSON)).total == 2
    await world.client[world.prefix + "desk"].drop_collection("polls")
    for each in (running, engine(world)):
        findings = await each.gather(data_map, PERSON)
        assert (findings.absent, findings.missing) == ((), ("desk.polls",))


async def test_collection_that_is_created_later_is_searched(world: World) -> None:
    data_map, running = desk("people", "polls"), engine(world)
    await world.insert("desk.people", {"_id": 1, "email": "kim@example.org"})
    assert (await running.gather(data_map, PERSON)).absent == ("desk.polls",)
    await world.insert("desk.polls", {"_id": 1, "email": "kim@example.org"})
    findings = await running.gather(data_map, PERSON)
    assert (findings.absent, findings.total) == ((), 2)


@pytest.mark.parametrize(
    ("mapped", "stored", "missing"),
    [
        pytest.param(("people", "polls"), (), ("desk.people", "desk.polls"), id="another database"),
        pytest.param(("people", "pols"), ("people", "polls"), ("desk.pols",), id="a misspelt name"),
    ],
)
async def test_unseen_collection_that_may_have_another_name_is_missing(
    world: World, mapped: tuple[str, ...], stored: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    for name in stored:
        await world.insert(f"desk.{name}", {"_id": 1, "email": "kim@example.org"})
    findings = await engine(world).gather(desk(*mapped), PERSON)
    assert (findings.absent, findings.missing) == ((), missing)


async def test_verification_counts_a_collection_that_never_existed_as_empty(world: World) -> None:
    data_map = desk("people", "polls")
    await world.insert("desk.people", {"_id": 1, "email": "kim@example.org"})
    _, decided = await world.erase(data_map, PERSON)
    remains = await engine(world).verify(decided, data_map, PERSON)
    assert remains.clean
    assert [part.status.value for part in remains.findings.coverage] == ["searched", "absent"]
