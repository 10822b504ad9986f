"""Keys of several parts: only a whole key leads to anybody, in an array as elsewhere."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.fulfillment.changes.planner import plan_marks
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.erasure.execution import execute, execute_changes, verify
from services.fulfillment.erasure.planner import plan
from services.fulfillment.erasure.steps import RecordPlan
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.mongodb import Stores
from shared.errors import InvalidDataMap
from shared.law import Right
from shared.runtime.mongo import Client, Document, Int64
from tests.integration.test_engine import TODAY
from tests.integration.test_search import PERSON, World, desk, identity, ids, reference

KEY = f"""name: _id
    name: tenant, fides_meta: {{ primary_key: true }}
    name: number, fides_meta: {{ primary_key: true }}
    {identity("email")}"""
CUSTOMERS = [
    {"_id": 1, "tenant": "acme", "number": 1, "email": "kim@example.org"},
    {"_id": 2, "tenant": "acme", "number": 2, "email": "lou@example.org"},
    {"_id": 3, "tenant": "beta", "number": 1, "email": "bo@example.org"},
]
PEOPLE = ("kim", "lou", "bo", "cy")
TUPLES = {"kim": ("acme", 1), "lou": ("acme", 2), "bo": ("beta", 1), "cy": ("beta", 2)}


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    yield World(
        mongo_client, database_prefix, Stores({"default": mongo_client}, database_prefix=database_prefix)
    )


def field(name: str, *said: str, within: str = "") -> str:
    more = f", fields: [{within}]" if within else ""
    return f"name: {name}{f', fides_meta: {{ {chr(44).join(said)} }}' if said else ''}{more}"


T = f"{{ {reference('t', 'customers.tenant')} }}"
N = f"{{ {reference('n', 'customers.number')} }}"
TEXT = "{ name: text, data_categories: [user.content] }"
MANY = "data_type: 'object[]'"


def visits(fields: str) -> DataMap:
    return desk(customers=KEY, visits=f"name: _id\n{fields}")


def element(person: str, **more: Any) -> Document:
    tenant, number = TUPLES[person]
    return {"t": tenant, "n": number, "text": f"of {person}", **more}


def numbered(person: str) -> Document:
    return {"n": TUPLES[person][1], "text": f"of {person}"}


FLAT = visits(field("who", MANY, within=f"{T}, {N}, {TEXT}"))
NESTED = visits(field("days", MANY, within=f"{{ {field('who', MANY, within=f'{T}, {N}, {TEXT}')} }}"))
OUTER = visits(f"{reference('t', 'customers.tenant')}\n{field('who', MANY, within=f'{N}, {TEXT}')}")
AROUND = visits(
    field("days", MANY, within=f"{T}, {{ {field('who', MANY, within=f'{N}, {TEXT}')} }}, {{ name: at }}")
)
ELEMENTS = [element(person) for person in PEOPLE]
OTHERS = [element(person) for person in PEOPLE if person != "kim"]
BOTH = {"_id": 1, "who": [element("kim"), element("bo"), element("kim", text="of kim, too"), element("lou")]}
CASES = [
    pytest.param(FLAT, BOTH, {"_id": 1, "who": [element("bo"), element("lou")]}, id="elements"),
    pytest.param(
        NESTED,
        {"_id": 1, "days": [{"who": ELEMENTS}, {"who": OTHERS}, {"who": None}, {"who": element("kim")}]},
        {"_id": 1, "days": [{"who": OTHERS}, {"who": OTHERS}, {"who": None}, {}]},
        id="elements of elements, and one alone",
    ),
    pytest.param(
        OUTER,
        {"_id": 1, "t": "acme", "who": [numbered("kim"), numbered("lou")]},
        {"_id": 1, "t": "acme", "who": [numbered("lou")]},
        id="one part around the array",
    ),
    pytest.param(
        AROUND,
        {
            "_id": 1,
            "days": [
                {"t": "acme", "at": 1, "who": [numbered("kim"), numbered("lou")]},
                {"t": "beta", "at": 1, "who": [numbered("bo"), numbered("cy")]},
            ],
        },
        {
            "_id": 1,
            "days": [
                {"t": "acme", "at": 1, "who": [numbered("lou")]},
                {"t": "beta", "at": 1, "who": [numbered("bo"), numbered("cy")]},
            ],
        },
        id="one part in the element around the array",
    ),
    pytest.param(FLAT, {"_id": 1, "who": element("kim")}, {"_id": 1}, id="an object instead of an array"),
    pytest.param(
        visits(field("who", MANY, "read_only: true", within=f"{T}, {N}, {TEXT}")),
        {"_id": 1, "who": [element("kim"), element("bo"), element("lou")]},
        {"_id": 1, "who": [element("kim", text=None), element("bo"), element("lou")]},
        id="elements that stay and are masked",
    ),
]


@pytest.mark.parametrize(("data_map", "before", "after"), CASES)
async def test_an_element_is_the_persons_by_the_whole_key_alone(
    world: World, data_map: DataMap, before: Document, after: Document
) -> None:
    await world.fill(customers=CUSTOMERS, visits=[before, {"_id": 2, "t": "beta", "who": OTHERS}])
    findings = await world.find(data_map)
    assert ids(findings) == {("customers", 1), ("visits", 1)}
    shown = str([found.disclosed for found in findings.of("desk.visits")])
    assert "of kim" in shown
    assert not any(f"of {other}" in shown for other in PEOPLE[1:])
    decided = RecordPlan.of_lines(plan(findings, data_map, TODAY).lines())
    assert not (await verify(decided, data_map, world.stores, PERSON)).clean, "it is still there"
    for _ in range(2):
        assert await execute(decided, world.stores) == {}
        collection = world.client[world.prefix + "desk"]["visits"]
        assert await collection.find_one({"_id": 1}) == after
    assert await collection.find_one({"_id": 2}) == {"_id": 2, "t": "beta", "who": OTHERS}


async def test_record_that_changed_its_person_before_the_erasure_stays(world: World) -> None:
    await world.fill(customers=CUSTOMERS, visits=[{"_id": 1, "who": [element("kim"), element("lou")]}])
    decided = plan(await world.find(FLAT), FLAT, TODAY)
    collection = world.client[world.prefix + "desk"]["visits"]
    crossed = {"_id": 1, "who": [{"t": "acme", "n": 3}, {"t": "beta", "n": 1}]}
    await collection.replace_one({"_id": 1}, crossed)
    await execute(decided, world.stores)
    assert await collection.find_one({"_id": 1}) == crossed
    remains = await verify(decided, FLAT, world.stores, PERSON)
    assert not [one for one in remains.remainders if one.key == "desk.visits"]


async def test_only_the_persons_elements_are_marked(world: World) -> None:
    text = next(iter(FLAT.sources.values())).replace(
        "name: visits\n",
        "name: visits\n        meta: { habeas: { restriction: { field: who.no_use, value: true } } }\n",
    )
    data_map = parse({"map.yml": text.replace("{ name: text,", "{ name: no_use }, { name: text,")})
    await world.fill(customers=CUSTOMERS, visits=[{"_id": 1, "who": ELEMENTS}])
    marked = plan_marks(await world.find(data_map), data_map, TODAY, Right.RESTRICTION)
    assert await execute_changes(marked, world.stores) == ()
    [document] = await world.client[world.prefix + "desk"]["visits"].find().to_list(None)
    assert document["who"] == [element("kim", no_use=True), *OTHERS]


DEALS = [
    {"_id": 1, "buyer_t": "acme", "buyer_n": 1, "seller_t": "beta", "seller_n": 2},
    {"_id": 2, "buyer_t": "beta", "buyer_n": 2, "seller_t": "acme", "seller_n": 1},
    {"_id": 3, "buyer_t": "acme", "buyer_n": 2, "seller_t": "beta", "seller_n": 1},
    {"_id": 4, "buyer_t": "beta", "buyer_n": 1, "seller_t": "acme", "seller_n": 2},
]
NAMES = {
    "prefixes": ("buyer_t", "buyer_n", "seller_t", "seller_n"),
    "suffixes": ("tenant_buyer", "no_buyer", "tenant_seller", "no_seller"),
    "capitals": ("buyerTenant", "buyerNo", "sellerTenant", "sellerNo"),
    "digits": ("t1", "n1", "t2", "n2"),
    "one of them plain": ("tenant", "number", "sellertenant", "sellernumber"),
    "nothing but their order": ("a", "b", "c", "d"),
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "all of one part first"])
async def test_two_references_to_one_key_do_not_mix(
    world: World, names: tuple[str, str, str, str], *, shuffled: bool
) -> None:
    targets = ("tenant", "number", "tenant", "number")
    fields = [reference(name, f"customers.{target}") for name, target in zip(names, targets, strict=True)]
    if shuffled:
        fields = [fields[0], fields[2], fields[3], fields[1]]
    if shuffled and names[0] == "a":
        with pytest.raises(InvalidDataMap, match=r"map\.yml:1[0-9].*it is unclear.*name those of one"):
            desk(customers=KEY, deals="\n".join(fields))
        return
    data_map = desk(customers=KEY, deals="\n".join(fields))
    deals = [{"_id": d["_id"], **dict(zip(names, list(d.values())[1:], strict=True))} for d in DEALS]
    await world.fill(customers=CUSTOMERS, deals=deals)
    assert ids(await world.find(data_map)) == {("customers", 1), ("deals", 1), ("deals", 2)}


async def test_buyer_and_seller_of_one_tenant_share_it(world: World) -> None:
    fields = [
        reference("tenant", "customers.tenant"),
        reference("buyer_no", "customers.number"),
        reference("seller_no", "customers.number"),
    ]
    await world.fill(
        customers=CUSTOMERS,
        deals=[
            {"_id": 1, "tenant": "acme", "buyer_no": 1, "seller_no": 2},
            {"_id": 2, "tenant": "acme", "buyer_no": 2, "seller_no": 1},
            {"_id": 3, "tenant": "beta", "buyer_no": 1, "seller_no": 1},
            {"_id": 4, "tenant": "acme", "buyer_no": 2, "seller_no": 2},
        ],
    )
    data_map = desk(customers=KEY, deals="\n".join(fields))
    assert ids(await world.find(data_map)) == {("customers", 1), ("deals", 1), ("deals", 2)}


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(
            "t1,customers.tenant t2,customers.tenant n1,customers.number", id="one number for two tenants"
        ),
        pytest.param("t[],customers.tenant n[],customers.number", id="arrays beside one another"),
    ],
)
def test_ambiguous_key_is_refused(fields: str) -> None:
    lines = []
    for said in fields.split():
        name, _, target = said.partition(",")
        kind = ["data_type: 'string[]'"] if name.endswith("[]") else []
        lines.append(reference(name.removesuffix("[]"), target, *kind))
    with pytest.raises(InvalidDataMap, match=r"references to the key of `desk\.customers` are ambiguous"):
        desk(customers=KEY, deals="\n".join(lines))


@pytest.mark.parametrize("order", [1, -1], ids=["address last", "address first"])
@pytest.mark.parametrize("indexed", [False, True], ids=["without an index", "with one"])
async def test_an_address_in_a_key_has_no_case(world: World, order: int, *, indexed: bool) -> None:
    parts = [
        "name: tenant, fides_meta: { primary_key: true }",
        identity("email", "email", "primary_key: true"),
    ]
    references = [reference("t", "customers.tenant"), reference("mail", "customers.email")]
    data_map = desk(customers="\n".join(("name: _id", *parts)), orders="\n".join(references[::order]))
    mails = ["kim@example.org", "KIM@Example.org", " Kim@example.org", "kimb@example.org", "k.m@example.org"]
    await world.fill(
        customers=[{"_id": 1, "tenant": "acme", "email": "Kim@example.org"}],
        orders=[{"_id": n, "t": "acme", "mail": mail} for n, mail in enumerate(mails)]
        + [
            {"_id": 10 + n, "t": tenant, "mail": "kim@example.org"}
            for n, tenant in enumerate(["ACME", "beta"])
        ],
    )
    if indexed:
        await world.client[world.prefix + "desk"]["orders"].create_index(["t", "mail"][::order])
    assert ids(await world.find(data_map)) == {("customers", 1), *(("orders", n) for n in range(3))}


async def test_an_object_as_key_is_equal_whatever_types_its_numbers_have(world: World) -> None:
    data_map = desk(
        users=f"name: _id, fides_meta: {{ data_type: object }}\n{identity('email')}",
        orders=f"name: _id\n{reference('user', 'users._id')}",
    )
    same = [{"t": "x", "n": 1}, {"t": "x", "n": Int64(1)}, {"t": "x", "n": 1.0}]
    others = [{"n": 1, "t": "x"}, {"t": "x", "n": "1"}, {"t": "x", "n": True}, {"t": "x"}, {}]
    await world.fill(
        users=[{"_id": {"t": "x", "n": Int64(1)}, "email": "kim@example.org"}],
        orders=[{"_id": n, "user": key} for n, key in enumerate(same + others)],
    )
    findings = await world.find(data_map)
    assert [found.id["_id"] for found in findings.of("desk.orders")] == [0, 1, 2]
    assert all(found.matches for found in findings.found)


async def test_parts_of_an_id_are_looked_up_and_read_again(world: World) -> None:
    text = f"""
dataset:
  - fides_key: desk
    collections:
      - name: users
        fields: [ {{ name: _id }}, {{ {identity("email")} }} ]
      - name: days
        meta: {{ habeas: {{ erasure: delete }} }}
        fields:
          - name: _id
            fields:
              - {{ {reference("user", "users._id")} }}
              - {{ name: day, data_categories: [user.content] }}
          - {{ name: note, data_categories: [user.content] }}
"""
    data_map = parse({"map.yml": text})
    days = [{"_id": {"user": str(user), "day": f"of {user}"}, "note": "n"} for user in (1, 2)]
    await world.fill(users=[{"_id": 1, "email": "kim@example.org"}], days=days)
    findings = await gather(data_map, world.stores, PERSON)
    assert [found.document for found in findings.of("desk.days")] == days[:1]
    place = data_map.by_key["desk.days"].place
    assert [document async for document in world.stores.scan(place, ["_id.day", "note"])] == days
    mentions = await world.stores.mentions(place, ["_id.day", "note"], frozenset())
    assert mentions.documents == 2
