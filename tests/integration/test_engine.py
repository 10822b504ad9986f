"""The engine on a real database: who is found, what is erased, and what could go wrong in between."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from bson import Code, DBRef, MinKey, Regex, Timestamp, json_util
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import monitoring
from pymongo.errors import PyMongoError

from habeas.embedded.company import ADA, BRUNO, DemoPerson, fill, generate
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import load, parse
from services.fulfillment.erasure.execution import RemainderKind, execute, verify
from services.fulfillment.erasure.planner import plan
from services.fulfillment.erasure.steps import Disposition, RecordPlan
from services.fulfillment.map_check import check
from services.fulfillment.search.findings import Findings, FoundRecord, SearchAnswer, SearchStatus
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.mongodb import Stores
from shared.errors import ConfigurationError, StoreUnavailable
from shared.runtime.mongo import Binary, Client, Decimal128, Document, Int64, ObjectId
from tests.integration.pipeline import comes_true

EXAMPLE = Path(__file__).parents[2] / "datamaps" / "example"
TODAY = date(2026, 11, 25)
PERSON = {"email": ("kim@example.org",)}
LATER = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """A store with its databases, and how to look at all of it."""

    client: Client
    prefix: str
    stores: Stores

    async def insert(self, where: str, *documents: Document) -> None:
        database, name = where.split(".")
        await self.client[self.prefix + database][name].insert_many(list(documents))

    async def get(self, where: str, **condition: Any) -> Any:
        database, name = where.split(".")
        return await self.client[self.prefix + database][name].find_one(condition)

    async def everything(self) -> dict[tuple[str, Any], bytes]:
        raw = CodecOptions(document_class=RawBSONDocument)
        return {
            (f"{database.removeprefix(self.prefix)}.{name}", str(document["_id"])): document.raw
            for database in await self.client.list_database_names()
            if database.startswith(self.prefix)
            for name in await self.client[database].list_collection_names()
            async for document in self.client[database].get_collection(name, codec_options=raw).find()
        }

    async def erase(self, data_map: DataMap, identities: Any, **choices: Any) -> tuple[Findings, RecordPlan]:
        findings = await gather(data_map, self.stores, identities)
        order = RecordPlan.of_lines(plan(findings, data_map, TODAY, **choices).lines())
        await execute(order, self.stores)
        return findings, order


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    stores = Stores({"default": mongo_client}, database_prefix=database_prefix)
    yield World(mongo_client, database_prefix, stores)


@pytest_asyncio.fixture
async def company(world: World, mongo_url: str) -> World:
    await fill(mongo_url, generate(5, 40, today=TODAY), prefix=world.prefix)
    return world


@pytest.fixture(scope="module")
def example() -> DataMap:
    return load(EXAMPLE)


def one(fields: str, *, about: str = "{}", name: str = "notes", meta: str = "{}") -> DataMap:
    """A map of one collection with *fields*."""
    return parse(
        {
            "map.yml": f"""
dataset:
  - fides_key: desk
    collections:
      - name: {name}
        meta: {{ habeas: {about} }}
        fides_meta: {meta}
        fields:
          - {{ name: _id, fides_meta: {{ primary_key: true }} }}
{fields}
"""
        }
    )


EMAIL = (
    "          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }\n"
)
THREAD = """
          - name: thread
            fides_meta: { data_type: "object[]" }
            fields:
              - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
              - { name: text, data_categories: [user.content] }
"""


def names(findings: Findings) -> set[str]:
    return {item.collection.key for item in findings.found}


@pytest.mark.parametrize("person", [ADA, BRUNO], ids=["who shares as owner", "who shares as member"])
async def test_erasing_one_person_leaves_every_document_of_others_as_it_was(
    company: World, example: DataMap, person: DemoPerson
) -> None:
    other = BRUNO if person is ADA else ADA
    # Ada's contracts have ended.
    await company.client[company.prefix + "ops"]["servers"].update_many({}, {"$set": {"status": "ended"}})
    before = await company.everything()
    others_before = await gather(example, company.stores, {"email": (other.email,)})
    identities = {"email": (person.email.upper(),)}

    findings, order = await company.erase(example, identities)

    after = await company.everything()
    touched = {(step.key, str(step.id["_id"])) for step in order.steps if step.changes}
    assert {key for key in before if before[key] != after.get(key)} == touched
    assert len(names(findings)) == 10
    others_after = await gather(example, company.stores, {"email": (other.email,)})
    for old, new in zip(others_before.found, others_after.found, strict=True):
        assert new.disclosed == old.disclosed
    assert (await verify(order, example, company.stores, identities)).clean
    needle = person.email.encode().lower()
    retained = {(step.key, str(step.id["_id"])) for step in order.steps if step.reason}
    assert all(needle not in raw.lower() for raw in after.values()), (
        "not even what is retained names the mailbox"
    )
    assert {key for key, _ in retained} == {"billing.invoices"}
    assert order.counts()["retained"] == 6


async def test_package_holds_no_address_of_another_person(company: World, example: DataMap) -> None:
    findings = await gather(example, company.stores, {"email": (ADA.email,)})
    for item in findings.found:
        text = json_util.dumps(item.disclosed).lower()
        assert BRUNO.email not in text
        assert item.owned or ADA.email in text


async def test_an_address_is_found_in_any_case_with_any_index_and_without(world: World) -> None:
    data_map = one(EMAIL)
    spelled = [
        {"_id": n, "email": text}
        for n, text in enumerate(("kim@example.org", "Kim@Example.ORG", "KIM@example.org"))
    ]
    await world.insert(
        "desk.notes", *spelled, {"_id": 9, "email": "kimberly@example.org"}, {"_id": 10, "email": None}
    )
    notes = world.client[world.prefix + "desk"]["notes"]
    for index in (
        None,
        {"keys": "email"},
        {"keys": "email", "name": "i", "collation": {"locale": "en", "strength": 2}},
    ):
        if index is not None:
            await notes.create_index(**index)
        stores = Stores({"default": world.client}, database_prefix=world.prefix)
        findings = await gather(data_map, stores, {"email": ("kIm@eXample.org",)})
        assert {item.id["_id"] for item in findings.found} == {0, 1, 2}


async def test_an_ordinary_index_is_used_to_find_an_address_in_any_case(world: World) -> None:
    await world.insert("desk.notes", *({"_id": n, "email": f"Person{n}@example.org"} for n in range(500)))
    notes = world.client[world.prefix + "desk"]["notes"]
    await notes.create_index("email")
    await world.client.admin.command("fsync")
    database = world.client[world.prefix + "desk"]
    await database.command("profile", 2)
    findings = await gather(one(EMAIL), world.stores, {"email": ("person77@EXAMPLE.org",)})
    await database.command("profile", 0)
    assert [item.id["_id"] for item in findings.found] == [77]
    query = await database["system.profile"].find_one({"op": "query"})
    assert query is not None
    assert query["docsExamined"] == 1
    assert "IXSCAN" in query["planSummary"]


async def test_nothing_found_nothing_declared_and_nothing_reachable_are_three_answers(world: World) -> None:
    data_map = one(EMAIL)
    await world.insert("desk.notes", {"_id": 1, "email": "somebody@example.org"})
    assert (await gather(data_map, world.stores, PERSON)).answer is SearchAnswer.NOTHING_FOUND
    undeclared = await gather(data_map, world.stores, {"customer_no": ("7",)})
    assert undeclared.answer is SearchAnswer.NOTHING_DECLARED
    assert undeclared.coverage[0].status is SearchStatus.UNREACHED
    nowhere = Client("mongodb://127.0.0.1:1", serverSelectionTimeoutMS=100)
    await comes_true(partial(refused, nowhere))
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1: .*Connection refused"):
        await gather(data_map, Stores({"default": nowhere}), PERSON)
    nowhere.close()


async def refused(client: Client) -> bool:
    """Return whether the driver has learned why *client* reaches nothing; it may give up before."""
    try:
        await client.admin.command("ping")
    except PyMongoError as error:
        return "Connection refused" in str(error)
    return False


async def test_wrong_name_in_the_map_is_not_reported_as_nothing_found(world: World) -> None:
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org"})
    findings = await gather(one(EMAIL, name="noets"), world.stores, PERSON)
    assert findings.coverage[0].status is SearchStatus.MISSING
    assert findings.missing == ("desk.noets",)


async def test_a_store_without_a_url_is_a_wrong_setting(world: World) -> None:
    with pytest.raises(ConfigurationError, match="HABEAS_STORES"):
        await gather(one(EMAIL), Stores({"other": world.client}), PERSON)


async def test_an_element_that_moved_between_reading_and_erasing_is_the_one_that_goes(world: World) -> None:
    data_map = one(THREAD)
    mine, other = {"email": "kim@example.org", "text": "mine"}, {"email": "bo@example.org", "text": "other"}
    await world.insert("desk.notes", {"_id": 1, "thread": [mine, other]})
    findings = await gather(data_map, world.stores, PERSON)
    order = plan(findings, data_map, TODAY)
    await world.client[world.prefix + "desk"]["notes"].update_one(
        {"_id": 1}, {"$set": {"thread": [other, other, mine]}}
    )

    await execute(order, world.stores)

    assert (await world.get("desk.notes"))["thread"] == [other, other]


async def test_an_array_the_map_does_not_know_to_be_one_is_divided_all_the_same(world: World) -> None:
    data_map = one(THREAD.replace('"object[]"', "object"))
    mine, other = {"email": "kim@example.org", "text": "mine"}, {"email": "bo@example.org", "text": "other"}
    await world.insert("desk.notes", {"_id": 1, "thread": [other, mine], "more": "text"})
    findings, _ = await world.erase(data_map, PERSON)
    assert next(iter(findings.found)).disclosed == {"_id": 1, "thread": [mine]}
    assert (await world.get("desk.notes"))["thread"] == [other]


async def test_single_fields_of_an_element_are_masked_by_its_content_too(world: World) -> None:
    data_map = one(THREAD)
    mine, other = {"email": "kim@example.org", "text": "mine"}, {"email": "bo@example.org", "text": "other"}
    await world.insert("desk.notes", {"_id": 1, "thread": [mine, other]})
    findings = await gather(data_map, world.stores, PERSON)
    order = plan(findings, data_map, TODAY, ["user.content"])
    await world.client[world.prefix + "desk"]["notes"].update_one(
        {"_id": 1}, {"$set": {"thread": [other, mine]}}
    )

    await execute(order, world.stores)

    assert (await world.get("desk.notes"))["thread"] == [other, mine | {"text": None}]
    assert (await verify(order, data_map, world.stores, PERSON)).clean


async def test_a_document_that_became_another_persons_is_left_alone_and_reported(world: World) -> None:
    data_map = one(EMAIL, about="{ erasure: delete }")
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org"})
    findings = await gather(data_map, world.stores, PERSON)
    order = plan(findings, data_map, TODAY)
    await world.client[world.prefix + "desk"]["notes"].update_one(
        {"_id": 1}, {"$set": {"email": "bo@example.org"}}
    )

    await execute(order, world.stores)

    assert await world.get("desk.notes") is not None
    remains = await verify(order, data_map, world.stores, PERSON)
    assert [remainder.left for remainder in remains.remainders] == [RemainderKind.DOCUMENT]


async def test_a_record_that_came_after_the_plan_is_found_by_looking_again(world: World) -> None:
    data_map = one(EMAIL, about="{ erasure: delete }")
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org"})
    _, order = await world.erase(data_map, PERSON)
    await world.insert("desk.notes", {"_id": 2, "email": "KIM@example.org"})
    remains = await verify(order, data_map, world.stores, PERSON)
    assert [(r.left, r.id) for r in remains.remainders] == [(RemainderKind.UNPLANNED, {"_id": 2})]


async def test_an_erasure_begun_again_after_any_step_ends_in_the_same_state(
    company: World, example: DataMap
) -> None:
    identities = {"email": (BRUNO.email,)}
    findings = await gather(example, company.stores, identities)
    whole = plan(findings, example, TODAY)
    for done in range(1, len(whole.order)):
        await execute(replaced_order(whole, done), company.stores)
        await execute(whole, company.stores)
    first = await company.everything()
    await execute(whole, company.stores)
    assert await company.everything() == first
    assert (await verify(whole, example, company.stores, identities)).clean


def replaced_order(order: RecordPlan, done: int) -> RecordPlan:
    return RecordPlan(order.version, order.made_on, order.targets, order.steps, order.order[:done])


async def test_records_wait_for_those_they_are_erased_after(company: World, example: DataMap) -> None:
    await company.client[company.prefix + "ops"]["servers"].update_many({}, {"$set": {"status": "ended"}})
    findings = await gather(example, company.stores, {"email": (ADA.email,)})
    told: list[str] = []
    await execute(plan(findings, example, TODAY), company.stores, progress=lambda key, _: told.append(key))
    assert told.index("portal.contacts") > told.index("portal.sessions")


VALUES = [
    pytest.param("text", id="string"),
    pytest.param(1976597653, id="int"),
    pytest.param(Int64(2**40), id="long"),
    pytest.param(1.5, id="double"),
    pytest.param(Decimal128(Decimal("12.30")), id="decimal"),
    pytest.param(True, id="boolean"),
    pytest.param(LATER, id="date"),
    pytest.param(ObjectId("5a9427648b0beebeb6957bfd"), id="object id"),
    pytest.param(b"\x01\x02", id="binary"),
    pytest.param(Binary(bytes(16), 4), id="uuid"),
    pytest.param({"deep": ["text", 1976597653]}, id="object"),
    pytest.param(Regex("1976597653"), id="pattern"),
    pytest.param(Timestamp(1976597653, 1), id="timestamp"),
    pytest.param(Code("1976597653"), id="code"),
    pytest.param(MinKey(), id="min key"),
    pytest.param(DBRef("a", 1976597653), id="reference"),
    pytest.param(float("nan"), id="not a number"),
    pytest.param(["text", 1976597653, None], id="array"),
]
STRATEGIES = ["null_rewrite", "string_rewrite", "random_string_rewrite", "hash", "hmac", "delete"]


@pytest.mark.parametrize("value", VALUES)
async def test_no_strategy_leaves_a_value_of_any_type(world: World, value: Any) -> None:
    fields = "".join(
        f"          - {{ name: {s}, data_categories: [user], fides_meta: "
        f"{{ masking_strategy_override: {{ strategy: {s} }} }} }}\n"
        for s in STRATEGIES
    )
    data_map = one(EMAIL + fields)
    document = {"_id": 1, "email": "kim@example.org", **dict.fromkeys(STRATEGIES, value)}
    await world.insert("desk.notes", document)
    _, order = await world.erase(data_map, PERSON)
    after = await world.get("desk.notes")
    assert "delete" not in after
    for strategy in STRATEGIES[:-1]:
        assert after[strategy] != value, strategy
        assert "1976597653" not in str(after[strategy])
    assert (await verify(order, data_map, world.stores, PERSON)).clean


async def test_both_ends_of_a_masked_reference_go_on_agreeing(world: World) -> None:
    data_map = parse(
        {
            "map.yml": """
dataset:
  - fides_key: desk
    collections:
      - name: people
        fields:
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - name: handle
            data_categories: [user.account.username]
            fides_meta: { masking_strategy_override: { strategy: hash } }
      - name: notes
        fields:
          - name: author
            data_categories: [user.account.username]
            fides_meta:
              references: [{ dataset: desk, field: people.handle, direction: from }]
              masking_strategy_override: { strategy: hash }
"""
        }
    )
    await world.insert("desk.people", {"_id": 1, "email": "kim@example.org", "handle": "kim"})
    await world.insert("desk.notes", {"_id": 1, "author": "kim"}, {"_id": 2, "author": "bo"})
    _, order = await world.erase(data_map, PERSON)
    handle = (await world.get("desk.people"))["handle"]
    assert handle != "kim"
    assert (await world.get("desk.notes", _id=1))["author"] == handle
    assert (await world.get("desk.notes", _id=2))["author"] == "bo"
    assert (await verify(order, data_map, world.stores, PERSON)).clean


async def test_a_key_of_the_maps_own_choice_need_not_be_unique(world: World) -> None:
    data_map = one(EMAIL + "          - { name: id, fides_meta: { primary_key: true } }\n")
    await world.insert("desk.notes", *({"_id": n, "id": 5, "email": "kim@example.org"} for n in (1, 2)))
    await world.erase(data_map, PERSON)
    assert (await gather(data_map, world.stores, PERSON)).answer is SearchAnswer.NOTHING_FOUND


async def test_unique_index_that_would_refuse_the_second_mask_is_reported(world: World) -> None:
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org"})
    await world.client[world.prefix + "desk"]["notes"].create_index("email", unique=True)
    assert "`email` is unique" in (await told(one(EMAIL), world))[False]


async def test_undeclared_fields_of_a_masked_document_are_counted(world: World) -> None:
    await world.insert(
        "desk.notes", {"_id": 1, "email": "kim@example.org", "passport_no": "X", "a": {"b": 1}}
    )
    findings, order = await world.erase(one(EMAIL), PERSON)
    assert order.undeclared == 2
    assert next(iter(findings.found)).disclosed["passport_no"] == "X"


async def test_a_hold_suspends_the_erasure_of_its_document_alone(world: World) -> None:
    hold = "          - { name: hold }\n"
    data_map = one(EMAIL + hold, about="{ erasure: delete, legal_hold: { field: hold, value: true } }")
    held = {"_id": 1, "email": "kim@example.org", "hold": True}
    await world.insert("desk.notes", held, {"_id": 2, "email": "kim@example.org", "hold": False})
    _, order = await world.erase(data_map, PERSON)
    assert await world.get("desk.notes") == held
    assert order.reasons() == {"legal_hold": 1}
    assert {step.disposition for step in order.steps} == {Disposition.RETAINED, Disposition.ERASED}


async def test_arrays_of_one_persons_objects_are_masked_in_every_element(world: World) -> None:
    homes = """
          - name: homes
            fides_meta: { data_type: "object[]" }
            fields:
              - { name: kind, data_categories: [system.operations] }
              - { name: city, data_categories: [user.contact.address.city] }
              - name: lines
                data_categories: [user.contact.address.street]
                fides_meta: { data_type: "string[]" }
              - name: code
                data_categories: [user.unique_id]
                fides_meta: { masking_strategy_override: { strategy: hash } }
"""
    data_map = one(EMAIL + homes)
    stored = [
        {"kind": "a", "city": "X", "lines": ["1"], "code": "c1"},
        {"kind": "b", "code": "c2"},
        {"kind": "c", "code": "c1"},
    ]
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org", "homes": stored})
    _, order = await world.erase(data_map, PERSON)
    after = (await world.get("desk.notes"))["homes"]
    assert [home["kind"] for home in after] == ["a", "b", "c"]
    assert after[0]["city"] is None
    assert after[0]["lines"] == []
    assert "city" not in after[1]
    assert after[0]["code"] == after[2]["code"] != after[1]["code"]
    assert not {"c1", "c2"} & {home["code"] for home in after}
    assert (await verify(order, data_map, world.stores, PERSON)).clean


async def test_arrays_inside_arrays_give_up_only_the_persons_elements(world: World) -> None:
    rooms = """
          - name: rooms
            fides_meta: { data_type: "object[]" }
            fields:
              - { name: host, data_categories: [user.contact.email], fides_meta: { identity: email } }
              - name: guests
                fides_meta: { data_type: "object[]" }
                fields:
                  - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
              - name: readers
                data_categories: [user.contact.email]
                fides_meta: { data_type: "string[]", identity: email }
"""
    data_map = one(rooms)
    kim, bo = "kim@example.org", "bo@example.org"
    await world.insert(
        "desk.notes",
        {
            "_id": 1,
            "rooms": [
                {"host": bo, "guests": [{"email": bo}, {"email": kim}], "readers": [kim, bo]},
                {"host": kim, "guests": [{"email": bo}], "readers": [kim]},
                {"host": bo},
            ],
        },
    )
    findings, order = await world.erase(data_map, PERSON)
    shown_rooms = next(iter(findings.found)).disclosed["rooms"]
    assert shown_rooms == [
        {"guests": [{"email": kim}], "readers": [kim]},
        {"host": kim, "guests": [], "readers": [kim]},
    ]
    assert (await world.get("desk.notes"))["rooms"] == [
        {"host": bo, "guests": [{"email": bo}], "readers": [bo]},
        {"host": bo},
    ]
    assert (await verify(order, data_map, world.stores, PERSON)).clean


async def test_null_refers_to_nothing(company: World, example: DataMap) -> None:
    """Contacts who do not pay have no customer number; neither have their subscriptions."""
    contacts = company.client[company.prefix + "portal"]["contacts"]
    await contacts.update_one({"email": ADA.email}, {"$set": {"customer_id": None}})
    customers = company.client[company.prefix + "billing"]["customers"]
    await customers.update_one(
        {"email": {"$regex": "^ada@example", "$options": "i"}}, {"$set": {"email": None}}
    )
    findings = await gather(example, company.stores, {"email": (ADA.email,)})
    assert "billing.invoices" not in names(findings)
    assert [
        item.document["email"] for item in findings.found if item.collection.key == "portal.contacts"
    ] == [ADA.email]


async def test_other_peoples_values_in_a_shared_document_lead_nowhere(world: World) -> None:
    data_map = parse(
        {
            "map.yml": """
dataset:
  - fides_key: desk
    collections:
      - name: teams
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: members
            fides_meta: { data_type: "object[]" }
            fields:
              - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
              - { name: number, data_categories: [user.unique_id] }
      - name: notes
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: number
            fides_meta: { references: [ { dataset: desk, field: teams.members.number, direction: from } ] }
          - name: team
            fides_meta: { references: [ { dataset: desk, field: teams._id, direction: from } ] }
"""
        }
    )
    members = [{"email": "kim@example.org", "number": 1}, {"email": "bo@example.org", "number": 2}]
    await world.insert("desk.teams", {"_id": 5, "members": members})
    await world.insert("desk.notes", *({"_id": n, "number": n, "team": 5} for n in (1, 2)))
    findings = await gather(data_map, world.stores, PERSON)
    assert [item.id["_id"] for item in findings.found] == [5, 1]


async def test_identities_of_own_choice_are_found_in_the_type_the_map_declares(world: World) -> None:
    field = "          - { name: number, fides_meta: { identity: customer_no, data_type: long } }\n"
    await world.insert(
        "desk.notes", {"_id": 1, "number": Int64(7)}, {"_id": 2, "number": "7"}, {"_id": 3, "number": 77}
    )
    findings = await gather(one(field), world.stores, {"customer_no": ("7",)})
    assert {item.id["_id"] for item in findings.found} == {1, 2}


class Commands(monitoring.CommandListener):
    """Remembers which collections were read and written."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in ("find", "update", "delete"):
            self.seen.append((event.command_name, str(event.command[event.command_name])))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


async def test_many_requests_at_once_cost_as_many_queries_as_one(
    company: World, example: DataMap, mongo_url: str
) -> None:
    addresses = await company.client[company.prefix + "portal"]["contacts"].distinct("email")
    commands = Commands()
    client = Client(mongo_url, event_listeners=[commands], tz_aware=True)
    stores = Stores({"default": client}, database_prefix=company.prefix)
    alone = await gather(example, stores, {"email": (ADA.email,)})
    for_one = len(commands.seen)
    commands.seen.clear()
    together = await asyncio.gather(*(gather(example, stores, {"email": (a,)}) for a in addresses))
    assert len(addresses) == 40
    assert len(commands.seen) <= 2 * for_one
    assert in_order(alone) in map(in_order, together)
    commands.seen.clear()
    await erase_all(stores, example, together)
    assert len(commands.seen) <= 20
    client.close()


def in_order(findings: Findings) -> list[FoundRecord]:
    return sorted(findings.found, key=lambda found: (found.collection.key, str(found.id)))


async def erase_all(stores: Stores, data_map: DataMap, findings: Sequence[Findings]) -> None:
    await asyncio.gather(*(execute(plan(f, data_map, TODAY), stores) for f in findings))


async def told(data_map: DataMap, world: World) -> dict[bool, str]:
    flaws = await check(data_map, world.stores)
    return {
        remark: "\n".join(str(flaw) for flaw in flaws if flaw.remark is remark) for remark in (True, False)
    }


async def test_the_example_map_agrees_with_the_companys_databases(company: World, example: DataMap) -> None:
    notes = await told(example, company)
    assert notes[False] == ""
    assert "go round in a circle: billing.customers, portal.contacts" in notes[True]


async def test_map_that_disagrees_with_the_database_is_reported_by_line(world: World) -> None:
    extra = "          - { name: tags, data_categories: [user.content], fides_meta: { data_type: string } }\n"
    await world.insert("desk.notes", {"_id": 1, "mail": "kim@example.org", "tags": ["a"]})
    notes = await told(one(EMAIL + extra), world)
    assert "map.yml:10: none of 1 documents of `desk.notes` has `email`" in notes[False]
    assert "`mail`, which is not declared" in notes[False]
    assert "map.yml:11: `tags` holds arrays" in notes[False]
    assert 'createIndex({"email": 1}' in notes[True]
    assert "no collection `noets`" in (await told(one(EMAIL, name="noets"), world))[False]
    unreachable = one("          - { name: name, data_categories: [user.name] }\n")
    assert "no identity and no reference leads to `desk.notes`" in (await told(unreachable, world))[False]


async def test_an_index_that_fits_every_look_up_is_not_remarked_on(world: World) -> None:
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org"})
    notes = world.client[world.prefix + "desk"]["notes"]
    await notes.create_index("email", collation={"locale": "en", "strength": 2})
    stated = EMAIL.replace("} }\n", "}, meta: { habeas: { verified: never } } }\n")
    kept = "{ en: Year, de: Jahr, es: Año, fr: An, it: Anno, nl: Jaar, pt: Ano, zh: 一年 }"
    about = f"{{ storage: {kept}, purpose: {kept}, legal_basis: {kept} }}"
    assert await check(one(stated, about=about), world.stores) == ()
