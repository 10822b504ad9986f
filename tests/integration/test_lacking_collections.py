"""Collections of the map that the database lacks: never there, or there once."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from habeas.client.accounts import create_collections
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.search.engine import RecordEngine
from services.fulfillment.search.findings import SearchAnswer
from services.fulfillment.stores.existence import MapReadiness, NoSeenCollections, SeenCollections
from services.fulfillment.stores.mongodb import Stores
from shared.errors import InvalidDataMap, StoreUnavailable
from shared.runtime.mongo import Client, connect
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


async def test_map_is_ready_unless_a_collection_is_missing(world: World) -> None:
    data_map, register = desk("people", "polls"), SeenCollections(world.client[f"{world.prefix}habeas"])
    readiness = MapReadiness(data_map, world.stores, register)
    with pytest.raises(InvalidDataMap, match="not compared"):
        await readiness.check()
    await readiness.look()
    with pytest.raises(
        InvalidDataMap, match=r"names desk\.people, desk\.polls, and the database has no such"
    ):
        await readiness.check()
    await world.insert("desk.people", {"_id": 1, "email": "kim@example.org"})
    await readiness.look()
    await readiness.check()
    await world.client[world.prefix + "desk"].drop_collection("people")
    await readiness.look()
    with pytest.raises(InvalidDataMap, match=r"names desk\.people"):
        await readiness.check()


async def test_map_is_ready_while_a_store_is_away() -> None:
    lost = connect("mongodb://127.0.0.1:1/?timeoutMS=50", app_name="test")
    readiness = MapReadiness(desk("people"), Stores({"default": lost}), NoSeenCollections())
    with pytest.raises(StoreUnavailable):
        await readiness.look()
    await readiness.check()
    lost.close()


async def test_example_gets_its_collections_where_a_database_has_none(
    mongo_url: str, mongo_client: Client, database_prefix: str
) -> None:
    filled, empty = f"{database_prefix}filled", f"{database_prefix}empty"
    await mongo_client[filled]["orders"].insert_one({})
    wanted = {filled: ["people"], empty: ["people", "polls"]}
    assert await create_collections(mongo_url, wanted) == 2
    assert await create_collections(mongo_url, wanted) == 0
    assert await mongo_client[filled].list_collection_names() == ["orders"]
    assert sorted(await mongo_client[empty].list_collection_names()) == ["people", "polls"]
