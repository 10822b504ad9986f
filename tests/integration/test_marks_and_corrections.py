"""Marks and corrections on a real database: who is marked, what is corrected, and what could come between."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.fulfillment.changes.change import Change
from services.fulfillment.changes.planner import lifted, plan_corrections, plan_marks
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.execution import execute_changes
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.mongodb import Stores
from shared.contract.events import Correction
from shared.law import Right
from shared.runtime.mongo import Client, Document
from tests.integration.test_engine import EMAIL, PERSON, THREAD, TODAY, World, one

KIM, LEE = "kim@example.org", "lee@example.org"
RESTRICTED = "          - { name: restricted, data_categories: [system.operations] }\n"
CITY = (
    "          - { name: city, data_categories: [user.contact.address.city], "
    "meta: { habeas: { editable: true } } }\n"
)
MARKED = "{ restriction: { field: restricted, value: true } }"
ELEMENTS = "{ restriction: { field: thread.restricted, value: true } }"
ELEMENT_MARK = "              - { name: restricted, data_categories: [system.operations] }\n"
ELEMENT_CITY = ELEMENT_MARK + (
    "              - { name: city, data_categories: [user.contact.address.city], "
    "meta: { habeas: { editable: true } } }\n"
)


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    stores = Stores({"default": mongo_client}, database_prefix=database_prefix)
    yield World(mongo_client, database_prefix, stores)


async def restricted(world: World, data_map: DataMap) -> Change:
    """Restrict Kim's records and return what truly came of it."""
    findings = await gather(data_map, world.stores, PERSON)
    planned = Change(plan_marks(findings, data_map, TODAY, Right.RESTRICTION))
    planned = Change.of_lines(list(planned.lines()))
    return planned.after(await execute_changes(planned.plan, world.stores))


async def correction(world: World, data_map: DataMap, **wanted: str) -> Change:
    """Plan a correction of Kim's records."""
    findings = await gather(data_map, world.stores, PERSON)
    corrections = [Correction(field=name.replace("__", "."), value=value) for name, value in wanted.items()]
    return plan_corrections(findings, data_map, corrections, TODAY)


async def documents(world: World) -> list[Document]:
    return [d async for d in world.client[world.prefix + "desk"]["notes"].find().sort("_id")]


async def test_only_the_persons_records_are_marked(world: World) -> None:
    data_map = one(EMAIL + RESTRICTED, about=MARKED)
    await world.insert("desk.notes", {"_id": 1, "email": KIM}, {"_id": 2, "email": LEE})
    done = await restricted(world, data_map)
    assert (done.whole, done.plan.counts()) == (True, {"marked": 1})
    assert await documents(world) == [{"_id": 1, "email": KIM, "restricted": True}, {"_id": 2, "email": LEE}]


async def test_of_a_shared_array_the_persons_elements_are_marked(world: World) -> None:
    data_map = one(THREAD + ELEMENT_MARK, about=ELEMENTS)
    await world.insert("desk.notes", {"_id": 1, "thread": [{"email": LEE}, {"email": KIM, "n": 1}]})
    assert (await restricted(world, data_map)).whole
    thread = [{"email": LEE}, {"email": KIM, "n": 1, "restricted": True}]
    assert await documents(world) == [{"_id": 1, "thread": thread}]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({}, {}, id="there was no mark"),
        pytest.param({"restricted": False}, {"restricted": False}, id="there was another value"),
        pytest.param({"restricted": None}, {"restricted": None}, id="there was null"),
        pytest.param({"restricted": True}, {"restricted": True}, id="somebody else had restricted it"),
    ],
)
async def test_a_lifted_restriction_leaves_the_record_as_it_was(
    world: World, before: Document, after: Document
) -> None:
    data_map = one(EMAIL + RESTRICTED, about=MARKED)
    await world.insert("desk.notes", {"_id": 1, "email": KIM, **before})
    done = await restricted(world, data_map)
    assert (await world.get("desk.notes"))["restricted"] is True
    for _ in range(2):  # a repetition after a crash changes nothing more
        assert await execute_changes(lifted(done.plan, data_map), world.stores) == ()
        assert await world.get("desk.notes") == {"_id": 1, "email": KIM, **after}


async def test_a_restriction_in_a_shared_array_is_lifted_from_the_persons_element(world: World) -> None:
    data_map = one(THREAD + ELEMENT_MARK, about=ELEMENTS)
    thread = [{"email": LEE, "restricted": True}, {"email": KIM}]
    await world.insert("desk.notes", {"_id": 1, "thread": thread})
    done = await restricted(world, data_map)
    assert await execute_changes(lifted(done.plan, data_map), world.stores) == ()
    assert await documents(world) == [{"_id": 1, "thread": thread}]


async def test_person_with_a_changed_address_is_found_when_a_restriction_is_lifted(world: World) -> None:
    data_map = one(EMAIL + RESTRICTED, about=MARKED)
    await world.insert("desk.notes", {"_id": 1, "email": KIM})
    done = await restricted(world, data_map)
    notes = world.client[world.prefix + "desk"]["notes"]
    await notes.update_one({"_id": 1}, {"$set": {"email": "kim.new@example.org"}})
    assert await execute_changes(lifted(done.plan, data_map), world.stores) == ()
    assert await documents(world) == [{"_id": 1, "email": "kim.new@example.org"}]


async def test_restricted_record_is_found_and_erased_like_others(world: World) -> None:
    data_map = one(EMAIL + RESTRICTED, about=MARKED)
    await world.insert("desk.notes", {"_id": 1, "email": KIM})
    await restricted(world, data_map)
    findings, _ = await world.erase(data_map, PERSON)
    assert findings.total == 1
    assert await documents(world) == [{"_id": 1, "email": None, "restricted": True}]


async def test_record_that_the_store_refuses_to_mark_is_not_reported_as_marked(world: World) -> None:
    data_map = one(EMAIL + RESTRICTED, about=MARKED)
    await world.insert("desk.notes", {"_id": 1, "email": KIM, "n": 1}, {"_id": 2, "email": KIM})
    rules = {"$or": [{"restricted": {"$exists": False}}, {"n": {"$exists": False}}]}
    await world.client[world.prefix + "desk"].command("collMod", "notes", validator=rules)
    done = await restricted(world, data_map)
    assert (done.done, done.whole) == (True, False)
    assert (done.plan.counts(), done.reasons()) == ({"unchanged": 1, "marked": 1}, {"not_taken": 1})


async def test_record_that_became_another_persons_is_not_marked(world: World) -> None:
    data_map = one(EMAIL + RESTRICTED, about=MARKED)
    await world.insert("desk.notes", {"_id": 1, "email": KIM})
    findings = await gather(data_map, world.stores, PERSON)
    plan = plan_marks(findings, data_map, TODAY, Right.RESTRICTION)
    notes = world.client[world.prefix + "desk"]["notes"]
    await notes.update_one({"_id": 1}, {"$set": {"email": LEE}})
    assert await execute_changes(plan, world.stores) == ()
    assert await documents(world) == [{"_id": 1, "email": LEE}]


async def test_a_value_is_corrected_once_however_often_the_plan_is_carried_out(world: World) -> None:
    data_map = one(EMAIL + CITY)
    await world.insert("desk.notes", {"_id": 1, "email": KIM, "city": "Bremen"}, {"_id": 2, "city": "Bremen"})
    change = await correction(world, data_map, city="Berlin")
    for _ in range(2):
        assert await execute_changes(change.plan, world.stores) == ()
        assert [d["city"] for d in await documents(world)] == ["Berlin", "Bremen"]


async def test_of_a_shared_array_the_persons_element_is_corrected(world: World) -> None:
    data_map = one(THREAD + ELEMENT_CITY)
    thread = [{"email": LEE, "city": "Bremen"}, {"email": KIM, "city": "Bremen"}]
    await world.insert("desk.notes", {"_id": 1, "thread": thread})
    change = await correction(world, data_map, thread__city="Berlin")
    assert await execute_changes(change.plan, world.stores) == ()
    [note] = await documents(world)
    assert [element["city"] for element in note["thread"]] == ["Bremen", "Berlin"]


@pytest.mark.parametrize(
    "meanwhile",
    [
        pytest.param({"$set": {"city": "Bonn"}}, id="somebody wrote another value"),
        pytest.param({"$set": {"email": LEE}}, id="it became somebody else's"),
        pytest.param(None, id="it is gone"),
    ],
)
async def test_value_that_changed_meanwhile_is_left_and_not_reported_as_corrected(
    world: World, meanwhile: Any
) -> None:
    data_map = one(EMAIL + CITY)
    await world.insert("desk.notes", {"_id": 1, "email": KIM, "city": "Bremen"})
    change = await correction(world, data_map, city="Berlin")
    notes = world.client[world.prefix + "desk"]["notes"]
    await (notes.update_one({"_id": 1}, meanwhile) if meanwhile else notes.delete_one({"_id": 1}))
    before = await documents(world)
    done = change.after(await execute_changes(change.plan, world.stores))
    assert (done.done, done.reasons()) == (False, {"overtaken": 1})
    assert await documents(world) == before


async def test_an_element_that_changed_meanwhile_is_left(world: World) -> None:
    data_map = one(THREAD + ELEMENT_CITY)
    await world.insert("desk.notes", {"_id": 1, "thread": [{"email": KIM, "city": "Bremen"}]})
    change = await correction(world, data_map, thread__city="Berlin")
    notes = world.client[world.prefix + "desk"]["notes"]
    await notes.update_one({"_id": 1}, {"$set": {"thread.0.city": "Bonn"}})
    assert change.after(await execute_changes(change.plan, world.stores)).reasons() == {"overtaken": 1}
    [note] = await documents(world)
    assert note["thread"] == [{"email": KIM, "city": "Bonn"}]


async def test_what_a_hold_covers_meanwhile_is_not_corrected(world: World) -> None:
    data_map = one(
        EMAIL + CITY + "          - { name: hold, data_categories: [system.operations] }\n",
        about="{ legal_hold: { field: hold, value: true } }",
    )
    await world.insert("desk.notes", {"_id": 1, "email": KIM, "city": "Bremen"})
    change = await correction(world, data_map, city="Berlin")
    await world.client[world.prefix + "desk"]["notes"].update_one({"_id": 1}, {"$set": {"hold": True}})
    assert not change.after(await execute_changes(change.plan, world.stores)).done
    assert (await world.get("desk.notes"))["city"] == "Bremen"


async def test_a_correction_that_breaks_the_rules_of_the_store_is_declined(world: World) -> None:
    data_map = one(EMAIL + CITY)
    await world.insert("desk.notes", {"_id": 1, "email": KIM, "city": "Bremen"})
    rules = {"city": {"$in": ["Bremen", "Bonn"]}}
    await world.client[world.prefix + "desk"].command("collMod", "notes", validator=rules)
    change = await correction(world, data_map, city="Berlin")
    done = change.after(await execute_changes(change.plan, world.stores))
    assert [item.reason for item in done.declined] == ["not_taken"]
    assert (await world.get("desk.notes"))["city"] == "Bremen"


async def test_a_value_that_looks_like_an_operator_is_a_value(world: World) -> None:
    data_map = one(EMAIL + CITY)
    await world.insert("desk.notes", {"_id": 1, "email": KIM, "city": "Bremen"})
    change = await correction(world, data_map, city="$where: {'$ne': 1}")
    assert await execute_changes(change.plan, world.stores) == ()
    assert (await world.get("desk.notes"))["city"] == "$where: {'$ne': 1}"
