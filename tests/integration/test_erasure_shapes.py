"""An identity that stands alone in one record and in an array in the next: an element is an array of one."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.fulfillment.changes.planner import plan_marks
from services.fulfillment.erasure.execution import RemainderKind, execute, execute_changes, verify
from services.fulfillment.erasure.planner import plan
from services.fulfillment.erasure.steps import Disposition, RecordPlan
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.mongodb import Stores
from shared.law import Right
from shared.runtime.mongo import Client
from tests.integration.test_engine import EMAIL, PERSON, THREAD, TODAY, World, one

KIM, BO = "kim@example.org", "bo@example.org"
EMAILS = """
          - name: emails
            data_categories: [user.contact.email]
            fides_meta: { data_type: "string[]", identity: email }
          - { name: topic }
"""
ROOMS = """
          - name: rooms
            fides_meta: { data_type: "object[]" }
            fields:
              - name: emails
                data_categories: [user.contact.email]
                fides_meta: { data_type: "string[]", identity: email }
              - { name: number }
"""


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    stores = Stores({"default": mongo_client}, database_prefix=database_prefix)
    yield World(mongo_client, database_prefix, stores)


@pytest.mark.parametrize(
    ("fields", "before", "after"),
    [
        pytest.param(EMAILS, {"emails": KIM, "topic": "t"}, {"topic": "t"}, id="alone"),
        pytest.param(EMAILS, {"emails": [KIM], "topic": "t"}, {"emails": [], "topic": "t"}, id="in an array"),
        pytest.param(EMAILS, {"emails": [KIM, BO]}, {"emails": [BO]}, id="with another"),
        pytest.param(
            ROOMS,
            {"rooms": [{"emails": KIM, "number": 1}, {"emails": BO, "number": 2}]},
            {"rooms": [{"number": 1}, {"emails": BO, "number": 2}]},
            id="alone, and another beside",
        ),
        pytest.param(
            ROOMS,
            {"rooms": [{"emails": KIM}, {"emails": [KIM, BO]}, {"emails": BO}, {"number": 4}]},
            {"rooms": [{}, {"emails": [BO]}, {"emails": BO}, {"number": 4}]},
            id="alone and in an array, and another alone",
        ),
        pytest.param(
            EMAILS,
            {"emails": [KIM, [BO, KIM], [[KIM]], BO]},
            {"emails": [[BO], [[]], BO]},
            id="in an array of arrays, with another",
        ),
        pytest.param(
            THREAD,
            {"thread": [{"email": KIM}, [{"email": BO, "text": "theirs"}, {"email": KIM, "text": "mine"}]]},
            {"thread": [[{"email": BO, "text": "theirs"}]]},
            id="objects in an array of arrays",
        ),
        pytest.param(
            THREAD,
            {"thread": {"email": KIM, "text": "mine"}, "n": 1},
            {"n": 1},
            id="an object instead of an array of objects",
        ),
    ],
)
async def test_an_element_that_stands_alone_goes_as_if_it_stood_in_an_array(
    world: World, fields: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    data_map = one(fields)
    await world.insert("desk.notes", {"_id": 1, **before}, {"_id": 2, **_without_kim(before)})
    untouched = await world.get("desk.notes", _id=2)
    decided = plan(await gather(data_map, world.stores, PERSON), data_map, TODAY)
    assert decided.counts() == {Disposition.ERASED: 1}
    decided = RecordPlan.of_lines(decided.lines())
    assert not (await verify(decided, data_map, world.stores, PERSON)).clean, "it is still there"

    for _ in range(2):
        assert await execute(decided, world.stores) == {}
        assert await world.get("desk.notes", _id=1) == {"_id": 1, **after}
    assert await world.get("desk.notes", _id=2) == untouched
    assert (await verify(decided, data_map, world.stores, PERSON)).clean


def _without_kim(value: Any) -> Any:
    match value:
        case dict():
            return {name: _without_kim(member) for name, member in value.items()}
        case list():
            return [_without_kim(item) for item in value]
        case _:
            return BO if value == KIM else value


async def test_field_that_became_an_array_keeps_elements_of_others(world: World) -> None:
    data_map = one(EMAILS)
    await world.insert("desk.notes", {"_id": 1, "emails": KIM})
    decided = plan(await gather(data_map, world.stores, PERSON), data_map, TODAY)
    notes = world.client[world.prefix + "desk"]["notes"]
    await notes.update_one({"_id": 1}, {"$set": {"emails": [KIM, BO]}})

    await execute(decided, world.stores)

    assert await world.get("desk.notes") == {"_id": 1, "emails": [KIM, BO]}
    remains = await verify(decided, data_map, world.stores, PERSON)
    assert {item.left for item in remains.remainders} <= {RemainderKind.ELEMENT, RemainderKind.FIELD}
    assert not remains.clean


async def test_a_hold_among_several_flags_keeps_the_record(world: World) -> None:
    meta = "{ erasure: delete, legal_hold: { field: flags, value: hold } }"
    data_map = one(EMAIL + '          - { name: flags, fides_meta: { data_type: "string[]" } }\n', about=meta)
    await world.insert(
        "desk.notes",
        {"_id": 1, "email": KIM, "flags": ["hold", "vip"]},
        {"_id": 2, "email": KIM, "flags": ["vip"]},
        {"_id": 3, "email": KIM, "flags": "hold"},
    )
    decided = plan(await gather(data_map, world.stores, PERSON), data_map, TODAY)
    assert {step.id["_id"]: step.reason for step in decided.steps} == {
        1: "legal_hold",
        2: None,
        3: "legal_hold",
    }
    assert await execute(decided, world.stores) == {}
    assert (await verify(decided, data_map, world.stores, PERSON)).clean
    assert await world.get("desk.notes", _id=2) is None


LINES = """
          - name: lines
            data_categories: [user.content]
            fides_meta: { data_type: "object[]" }
            fields:
              - { name: text }
              - name: notes
                fides_meta: { data_type: "object[]" }
                fields:
                  - { name: text }
"""


@pytest.mark.parametrize(
    ("lines", "after"),
    [
        pytest.param(
            [{"notes": {"text": "x"}}, {"notes": [{"text": "x"}, {}]}, {"notes": None}, {}],
            [{"notes": {"text": None}}, {"notes": [{"text": None}, {}]}, {"notes": None}, {}],
            id="alone in one element, in an array in the next",
        ),
        pytest.param([{"text": "x"}, "y", None], [{"text": None}, "y", None], id="no objects between"),
        pytest.param(
            [{"text": "x"}, [{"text": "y", "notes": [[{"text": "z"}]]}, {"n": 1}]],
            [{"text": None}, [{"text": None, "notes": [[{"text": None}]]}, {"n": 1}]],
            id="arrays in arrays",
        ),
        pytest.param([[{"text": "x"}]], [[{"text": None}]], id="nothing but arrays in arrays"),
    ],
)
async def test_a_mask_reaches_its_field_however_elements_are_nested(
    world: World, lines: Any, after: Any
) -> None:
    data_map = one(EMAIL + LINES)
    await world.insert("desk.notes", {"_id": 1, "email": KIM, "lines": lines})
    _, decided = await world.erase(data_map, PERSON)
    assert await world.get("desk.notes") == {"_id": 1, "email": None, "lines": after}
    assert (await verify(decided, data_map, world.stores, PERSON)).clean


CODES = """
          - name: codes
            data_categories: [user.unique_id]
            fides_meta: {{ data_type: "string[]", identity: code{more} }}
"""
MEMBERS = """
          - name: members
            fides_meta: {{ data_type: "object[]"{more} }}
            fields:
              - {{ name: code, data_categories: [user.unique_id], fides_meta: {{ identity: code }} }}
"""
CODE = "          - { name: code, data_categories: [user.unique_id], fides_meta: { identity: code } }\n"
KEY = "          - { name: key, fides_meta: { primary_key: true } }\n"


async def _compares_loosely(world: World) -> None:
    rule = {"locale": "en", "strength": 2}
    await world.client[world.prefix + "desk"].create_collection("notes", collation=rule)


@pytest.mark.parametrize(
    ("fields", "before", "after"),
    [
        pytest.param(CODES.format(more=""), {"codes": ["aB", "Ab"]}, {"codes": ["Ab"]}, id="values"),
        pytest.param(
            MEMBERS.format(more=""),
            {"members": [{"code": "aB"}, {"code": "Ab"}]},
            {"members": [{"code": "Ab"}]},
            id="objects",
        ),
        pytest.param(
            MEMBERS.format(more=", read_only: true"),
            {"members": [{"code": "aB"}, {"code": "Ab"}]},
            {"members": [{"code": None}, {"code": "Ab"}]},
            id="masks",
        ),
        pytest.param(
            MEMBERS.format(more=", read_only: true"),
            {"members": [{"code": "aB"}, [[{"code": "aB"}, {"code": "Ab"}]]]},
            {"members": [{"code": None}, [[{"code": None}, {"code": "Ab"}]]]},
            id="masks in arrays of arrays",
        ),
    ],
)
async def test_where_a_collection_compares_loosely_an_element_of_another_case_stays(
    world: World, fields: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    await _compares_loosely(world)
    await world.insert("desk.notes", {"_id": 1, **before})
    await world.erase(one(fields), {"code": ("aB",)})
    assert await world.get("desk.notes") == {"_id": 1, **after}


@pytest.mark.parametrize(
    ("fields", "erasure"),
    [(CODE, "delete"), (CODE + KEY, "delete"), (CODE, "mask")],
    ids=["deleted at once", "deleted by its key", "masked"],
)
async def test_where_a_collection_compares_loosely_what_became_anothers_meanwhile_stays(
    world: World, fields: str, erasure: str
) -> None:
    await _compares_loosely(world)
    data_map = one(fields, about=f"{{ erasure: {erasure} }}")
    await world.insert("desk.notes", {"_id": 1, "code": "aB", "key": 1})
    decided = plan(await gather(data_map, world.stores, {"code": ("aB",)}), data_map, TODAY)
    notes = world.client[world.prefix + "desk"]["notes"]
    await notes.update_one({"_id": 1}, {"$set": {"code": "Ab"}})
    await execute(decided, world.stores)
    assert await world.get("desk.notes") == {"_id": 1, "code": "Ab", "key": 1}


async def test_where_a_collection_compares_loosely_an_element_of_another_case_is_not_marked(
    world: World,
) -> None:
    await _compares_loosely(world)
    mark = "{ restriction: { field: members.blocked, value: true } }"
    data_map = one(MEMBERS.format(more="") + "              - { name: blocked }\n", about=mark)
    await world.insert("desk.notes", {"_id": 1, "members": [{"code": "aB"}, {"code": "Ab"}]})
    found = await gather(data_map, world.stores, {"code": ("aB",)})
    await execute_changes(plan_marks(found, data_map, TODAY, Right.RESTRICTION), world.stores)
    marked = [{"code": "aB", "blocked": True}, {"code": "Ab"}]
    assert await world.get("desk.notes") == {"_id": 1, "members": marked}
