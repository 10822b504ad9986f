"""What still names a person after an erasure is found in every mapped text, told, and not touched."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from habeas.client.engine import OperatorEngine
from services.fulfillment.certificate.document import verify_certificate
from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.erasure.execution import Residue, execute, records_naming, search_texts, verify
from services.fulfillment.erasure.planner import plan
from services.fulfillment.search.engine import RecordEngine as Fulfilling
from services.fulfillment.search.mentions import needles
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Client
from tests.integration.test_engine import EMAIL, PERSON, TODAY, Commands, World, one

TEXT = "          - { name: text, data_categories: [system.operations] }\n"
TAGS = '          - { name: tags, fides_meta: { data_type: "string[]" } }\n'
NUMBER = "          - { name: number, fides_meta: { data_type: integer } }\n"
KIM = {"email": ("kim@example.org",), "phone_number": ("+49 30 1234567",), "customer": ("C-10001",)}


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    stores = Stores({"default": mongo_client}, database_prefix=database_prefix)
    yield World(mongo_client, database_prefix, stores)


async def seen(world: World, fields: str, about: str = "{}") -> Residue:
    """Erase Kim and return what still names them in the notes."""
    data_map = one(EMAIL + fields, about=about)
    decided = plan(await gather(data_map, world.stores, PERSON), data_map, TODAY)
    await execute(decided, world.stores)
    remains = await verify(decided, data_map, world.stores, PERSON)
    assert remains.clean
    wanted = needles(KIM, "Kim Sample")
    [residue] = await search_texts(decided, remains, data_map, world.stores, wanted)
    return residue


@pytest.mark.parametrize(
    "text",
    [
        "kim@example.org",
        "as KIM@Example.org wrote",
        "<kim@example.org>, and others",
        "call +49 (30) 123 45-67",
        "030/1234567",
        "customer c-10001.",
    ],
)
async def test_mention_in_another_persons_text_is_found_and_not_changed(world: World, text: str) -> None:
    other = {"_id": 2, "email": "bo@example.org", "text": text}
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org"}, other)
    residue = await seen(world, TEXT)
    assert [(mention.id, mention.path) for mention in residue.mentions] == [(2, "text")]
    assert (residue.documents, residue.records) == (2, 1)
    assert await world.get("desk.notes", _id=2) == other


@pytest.mark.parametrize(
    "text",
    ["akim@example.org", "kim@example.org.uk", "kim@example.orgs", "C-100011", "30 12345678", "Kim", "", 5],
)
async def test_similar_value_is_not_taken_for_the_person(world: World, text: object) -> None:
    await world.insert(
        "desk.notes", {"_id": 1, "email": "kim@example.org"}, {"_id": 2, "email": None, "text": text}
    )
    assert (await seen(world, TEXT)).mentions == ()


async def test_full_name_is_reported_to_the_staff_as_a_possible_namesake(world: World) -> None:
    await world.insert(
        "desk.notes", {"_id": 1, "email": "kim@example.org"}, {"_id": 2, "text": "dear kim\nSAMPLE,"}
    )
    residue = await seen(world, TEXT)
    assert len(residue.mentions) == 1
    assert records_naming([residue]) == 0


async def test_arrays_are_read_and_numbers_are_not(world: World) -> None:
    await world.insert(
        "desk.notes",
        {"_id": 1, "email": "kim@example.org"},
        {"_id": 2, "tags": ["a", "to kim@example.org"], "number": 301234567},
    )
    residue = await seen(world, TAGS + NUMBER)
    assert [mention.path for mention in residue.mentions] == ["tags"]


async def test_retained_record_is_no_residue(world: World) -> None:
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org", "text": "kim@example.org"})
    about = "{ erasure: keep, retention: { keep: P1Y, from: now, because: duty } }"
    assert (await seen(world, TEXT, about)).mentions == ()


async def test_a_text_of_the_persons_own_that_the_erasure_is_not_about_is_residue(world: World) -> None:
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org", "text": "kim@example.org"})
    assert (await seen(world, TEXT)).records == 1


async def test_the_certificate_counts_the_places_and_names_none(world: World) -> None:
    await world.insert(
        "desk.notes", {"_id": 1, "email": "kim@example.org"}, {"_id": "bo", "text": "kim@example.org"}
    )
    engine, signer = OperatorEngine(one(EMAIL + TEXT), world.stores), CertificateSigner(b"k" * 32)
    completed = await engine.erase(
        await engine.plan(await engine.gather(PERSON)), PERSON, controller="Example", signer=signer
    )
    content = verify_certificate(completed.certificate).content
    [texts] = content["verification"]["texts"]
    assert (texts["documents"], texts["places"], texts["records"], texts["finished"]) == (2, 1, 1, True)
    assert b"kim" not in completed.certificate
    assert b'"bo"' not in completed.certificate


async def test_a_store_that_is_away_makes_the_look_unfinished_and_no_more(world: World) -> None:
    data_map = one(EMAIL + TEXT)
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org"})
    decided = plan(await gather(data_map, world.stores, PERSON), data_map, TODAY)
    remains = await verify(decided, data_map, world.stores, PERSON)
    nowhere = Client("mongodb://127.0.0.1:1", serverSelectionTimeoutMS=100)
    stores = Stores({"default": nowhere})
    [residue] = await search_texts(decided, remains, data_map, stores, needles(KIM, None))
    assert not residue.finished
    nowhere.close()


async def test_many_people_at_once_cost_one_pass(world: World, mongo_url: str) -> None:
    data_map = one(EMAIL + TEXT)
    people = [f"person{n}@example.org" for n in range(300)]
    await world.insert("desk.notes", *({"_id": n, "text": f"to {who}"} for n, who in enumerate(people)))
    commands = Commands()
    client = Client(mongo_url, event_listeners=[commands], tz_aware=True)
    stores = Stores({"default": client}, database_prefix=world.prefix)
    place = data_map.collections[0].place
    wanted = [needles({"email": (who,)}, None) for who in people]
    found = await asyncio.gather(*(stores.mentions(place, ["text"], some) for some in wanted))
    assert [[mention.id for mention in seen.found] for seen in found] == [[n] for n in range(300)]
    assert len([name for name, _ in commands.seen if name == "find"]) == 1
    client.close()


async def test_residual_scan_can_be_switched_off(world: World) -> None:
    data_map = one(EMAIL + TEXT)
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org", "text": "kim@example.org"})
    decided = plan(await gather(data_map, world.stores, PERSON), data_map, TODAY)
    remains = await verify(decided, data_map, world.stores, PERSON)
    for switched_on in (True, False):
        engine = Fulfilling(world.stores, switched_on)
        seen = await engine.search_texts(decided, remains, data_map, needles(KIM, None))
        assert bool(seen) is switched_on
