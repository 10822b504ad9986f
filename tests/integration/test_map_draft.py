"""Drafting a data map of stores in a real database."""

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bench.drafting import examine, fill, known_of_made, on_public_set
from bench.drafting_shapes import SAAS, SHOP, STREET_SHOP
from bench.drafting_stores import Made, make
from bench.public_schemas import draft_scores
from services.fulfillment.datamap.model import Direction
from services.fulfillment.datamap.reader import parse
from services.fulfillment.drafting.ownership import TWO_PEOPLE
from services.fulfillment.drafting.survey import SampleReader, StoreSurvey, survey
from services.fulfillment.drafting.writer import write
from services.fulfillment.map_check import check
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Client
from tests.integration.forked_processes import said

STORES = [
    pytest.param(SAAS, "german", id="tenants"),
    pytest.param(STREET_SHOP, "snake", id="first and last names here, full names there"),
]


async def drafted(client: Client, database: str) -> StoreSurvey:
    return await survey([SampleReader("default", client)], [database], lambda _: None)


@pytest_asyncio.fixture
async def shop(mongo_client: Client, database_prefix: str) -> AsyncIterator[Made]:
    made = make("shop", SHOP, 1)
    await fill(mongo_client, f"{database_prefix}shop", made.collections)
    yield made


@pytest.mark.parametrize(("shape", "style"), STORES)
async def test_a_draft_finds_what_a_careful_person_would_write(
    mongo_client: Client, database_prefix: str, shape: Any, style: str
) -> None:
    made = make("store", shape, 3, style=style)
    database = f"{database_prefix}store"
    await fill(mongo_client, database, made.collections)
    scores = await examine(mongo_client, [database], known_of_made(made, database))
    assert scores.identities.known
    assert scores.references.known
    assert scores.identities.recall >= 95
    assert scores.references.recall >= 90
    assert scores.identities.false_share <= 10
    assert scores.references.false_share <= 10


@pytest.mark.parametrize("name", ["northwind", "employees"])
async def test_public_schema_is_drafted_as_its_description_says(
    mongo_client: Client, database_prefix: str, name: str
) -> None:
    scores, mistakes = await draft_scores(mongo_client, name, database_prefix)
    assert not [one for one in mistakes if "identity" in one or "reference" in one]
    assert scores.identities.known
    assert scores.references.known
    assert scores.categories.recall >= 80
    assert scores.categories.false_share <= 5


async def test_records_of_others_in_a_persons_room_are_not_followed_and_parts_of_their_order_are(
    mongo_client: Client, database_prefix: str
) -> None:
    people = [{"_id": f"u{n}x", "email": f"p{n}@example.org"} for n in range(30)]
    rooms = [{"_id": f"r{n}x", "owner": f"u{n}x"} for n in range(20)]
    orders = [{"_id": f"o{n}x", "user": f"u{n % 30}x"} for n in range(60)]
    messages = [{"room": f"r{n % 20}x", "user": f"u{n * 7 % 30}x"} for n in range(200)]
    payments = [{"order": f"o{n % 60}x", "user": f"u{n % 30}x"} for n in range(120)]
    # Each payment is one of several of its order, so that the order does not look like its own.
    stored = {"users": people, "rooms": rooms, "orders": orders, "messages": messages}
    database = f"{database_prefix}chat"
    await fill(mongo_client, database, {**stored, "payments": payments})
    links = {
        link.source.field.path: link for link in (await drafted(mongo_client, database)).links
        if link.source.outline.name in {"messages", "payments"}
    }  # fmt: skip
    assert (links["room"].direction, links["room"].because) == (None, TWO_PEOPLE)
    assert links["order"].direction is Direction.FROM


async def test_a_draft_loads_as_it_is_and_leads_to_a_persons_records(
    shop: Made, mongo_client: Client, database_prefix: str
) -> None:
    data_map = parse(write(await drafted(mongo_client, f"{database_prefix}shop")))
    customers, orders = (shop.called[name] for name in ("customers", "orders"))
    person = shop.collections[customers][3]
    [refers] = [
        source.removeprefix(f"{orders}.")
        for source, target in shop.truth.references
        if source.startswith(f"{orders}.") and target == f"{customers}._id"
    ]
    theirs = {
        ("orders", order["_id"]) for order in shop.collections[orders] if order[refers] == person["_id"]
    }
    findings = await gather(data_map, Stores({"default": mongo_client}), {"email": (person["email"],)})
    plain = {called: name for name, called in shop.called.items()}
    found = {(plain[item.collection.name], item.id["_id"]) for item in findings.found}
    assert theirs
    assert {place for place in found if place[0] in {"customers", "orders"}} == {
        ("customers", person["_id"]),
        *theirs,
    }


@pytest.mark.usefixtures("shop")
async def test_the_check_has_nothing_against_a_draft(mongo_client: Client, database_prefix: str) -> None:
    data_map = parse(write(await drafted(mongo_client, f"{database_prefix}shop")))
    flaws = await check(data_map, Stores({"default": mongo_client}))
    assert [str(flaw) for flaw in flaws if not flaw.remark] == []


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for member in value.values():
            yield from texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield str(value)


async def test_no_value_of_a_record_is_in_the_draft(
    shop: Made, mongo_client: Client, database_prefix: str
) -> None:
    kept_by_person = [
        {"_id": 1, "scores": {person["email"]: 3, "ada": 1}, "by": {str(person["_id"]): True}}
        for person in shop.collections[shop.called["customers"]]
    ]
    database = f"{database_prefix}shop"
    await fill(
        mongo_client, database, {"kept": [document | {"_id": n} for n, document in enumerate(kept_by_person)]}
    )
    told: list[str] = []
    found = await survey([SampleReader("default", mongo_client)], [database], told.append)
    said = "\n".join((*write(found).values(), *told, repr(found)))
    words = set(re.findall(r"[^\s\"'\[\]{}(),:]+", said))
    records = (record for name in ("customers", "orders") for record in shop.collections[shop.called[name]])
    values = {text for record in records for text in texts(record)}
    personal = {value for value in values if len(value) > 3 and not value.isdigit()}
    assert personal & words == set()
    assert not [value for value in personal if len(value) > 8 and value in said]
    assert not re.search(r"\bada\b", said)


async def test_the_command_writes_a_draft_that_it_does_not_overwrite(
    shop: Made, mongo_url: str, database_prefix: str, tmp_path: Path
) -> None:
    words = (
        *("map", "draft", "--stores", json.dumps({"default": mongo_url})),
        *("--database", f"{database_prefix}shop", "--out", str(tmp_path / "draft"), "--json"),
    )
    code, told, _ = await said("habeas", words)
    assert code == 0
    assert {one["identity"] for one in json.loads(told)["identities"]} == {"email", "phone_number"}
    sources = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "draft").iterdir()}
    assert {collection.name for collection in parse(sources).collections} == set(shop.collections)
    code, _, complaint = await said("habeas", words)
    assert code == 2
    assert "there already" in complaint


async def test_our_own_databases_are_nobodys_business_data(
    mongo_client: Client, database_prefix: str
) -> None:
    for name in ("habeas_intake", "shop"):
        await fill(mongo_client, f"{database_prefix}{name}", {"people": [{"_id": 1}]})
    reader = SampleReader("default", mongo_client, ours=f"{database_prefix}habeas_")
    databases = {database for database, _ in await reader.places(())}
    assert f"{database_prefix}shop" in databases
    assert databases.isdisjoint({f"{database_prefix}habeas_intake", "admin", "config", "local"})


async def test_what_cannot_be_erased_from_is_left_out(mongo_client: Client, database_prefix: str) -> None:
    database = mongo_client[f"{database_prefix}shop"]
    await fill(mongo_client, database.name, {"people": [{"_id": 1, "email": "ada@example.org"}]})
    await database.command("create", "everybody", viewOn="people", pipeline=[])
    assert await SampleReader("default", mongo_client).places([database.name]) == [(database.name, "people")]


async def test_the_public_set_is_drafted_as_its_map_says(mongo_client: Client) -> None:
    scores = await on_public_set(mongo_client)
    if scores is None:
        pytest.skip("the data set is not beside the repository")
    assert (scores.identities.recall, scores.identities.false_share) == (100, 0)
    assert scores.references.false == 0
