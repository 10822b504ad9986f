"""Who comes near a person's records and is somebody else: they are never shown, however near they come."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.fulfillment.datamap.model import DataMap
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Client, Decimal128, Document, Int64, ObjectId
from tests.integration.test_search import ID, World, desk, identity, ids, reference

PHONE, OTHER_PHONE = "+353209100142", "+353209100143"
NAME = "name: name, data_categories: [user.name]"
USERS = f"name: _id\n{identity('email')}\n{identity('phone', 'phone_number')}\n{NAME}"
CALLS = f"name: _id\n{identity('phone', 'phone_number')}"
ADA = {"_id": 1, "email": "kim@example.org", "phone": PHONE, "name": "Ada Lovelace"}


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    yield World(
        mongo_client, database_prefix, Stores({"default": mongo_client}, database_prefix=database_prefix)
    )


@pytest.mark.parametrize(
    ("name", "same"),
    [
        pytest.param("Bob Byron", False, id="another name"),
        pytest.param("Ada Lovelaxe", False, id="spelled alike, as that of a sister"),
        pytest.param("LOVELACE, Ada", True, id="the name in another order"),
        pytest.param("A. Lovelace", True, id="an initial"),
        pytest.param(None, True, id="no name"),
    ],
)
async def test_number_does_not_lead_to_a_person_of_another_name(
    world: World, name: str | None, *, same: bool
) -> None:
    data_map = desk(users=USERS, orders=f"name: _id\n{reference('user', 'users._id')}", calls=CALLS)
    await world.fill(
        users=[ADA, {"_id": 2, "email": None, "phone": PHONE, "name": name}],
        orders=[{"_id": 1, "user": 1}, {"_id": 2, "user": 2}],
        calls=[{"_id": 1, "phone": PHONE}],
    )
    findings = await world.find(data_map)
    own = {("users", 1), ("orders", 1)}
    more = {("users", 2), ("orders", 2), ("calls", 1)}
    assert ids(findings) == (own | more if same else own)
    assert findings.shared == (() if same else ("phone_number",))


@pytest.mark.parametrize(
    ("patient", "name", "same"),
    [
        pytest.param("77", None, False, id="a number of somebody"),
        pytest.param("77", "Ada Lovelace", False, id="a number, and the person's name"),
        pytest.param(None, None, True, id="no number"),
        pytest.param("7", None, True, id="the number that the person's own record says"),
    ],
)
async def test_person_with_an_unknown_identity_is_another(
    world: World, patient: str | None, name: str | None, *, same: bool
) -> None:
    data_map = desk(
        users=f"{USERS}\n{identity('number', 'patient_no')}",
        patients=f"{CALLS}\n{identity('number', 'patient_no')}\n{NAME}",
        calls=CALLS,
    )
    await world.fill(
        users=[{**ADA, "number": 7}],
        patients=[{"_id": 1, "phone": PHONE, "number": patient, "name": name}],
        calls=[{"_id": 1, "phone": PHONE}],
    )
    findings = await world.find(data_map)
    more = {("patients", 1), ("calls", 1)} if same else set()
    assert ids(findings) == {("users", 1)} | more
    assert findings.shared == (() if same else ("phone_number",))


MEMBERS = f"{{ {identity('email')} }}, {{ {identity('phone', 'phone_number')} }}, {{ {NAME} }}"
ACCOUNTS = desk(
    users=USERS,
    accounts=f"name: _id\nname: members, fides_meta: {{ data_type: 'object[]' }}, fields: [{MEMBERS}]",
)


@pytest.mark.parametrize(
    ("member", "same"),
    [
        pytest.param({"email": "lou@example.org", "phone": PHONE}, False, id="an address"),
        pytest.param({"phone": PHONE, "name": "Bob Byron"}, False, id="a name"),
        pytest.param({"phone": PHONE, "name": "Ada Lovelace"}, True, id="the person's name"),
        pytest.param({"phone": PHONE}, True, id="nobody else"),
    ],
)
async def test_array_element_of_another_person_is_not_reached_by_a_number(
    world: World, member: Document, *, same: bool
) -> None:
    kim = {"email": "kim@example.org", "phone": PHONE, "name": "Ada Lovelace"}
    cy = {"email": "cy@example.org", "phone": OTHER_PHONE}
    await world.fill(
        users=[ADA], accounts=[{"_id": 1, "members": [kim, member, cy]}, {"_id": 2, "members": [cy, member]}]
    )
    findings = await world.find(ACCOUNTS)
    own = {("users", 1), ("accounts", 1)}
    assert ids(findings) == (own | {("accounts", 2)} if same else own)
    shown = {found.id["_id"]: found.disclosed.get("members") for found in findings.of("desk.accounts")}
    assert shown == ({1: [kim, member], 2: [member]} if same else {1: [kim]})
    assert findings.shared == (() if same else ("phone_number",))


async def test_record_found_by_an_alias_leads_to_no_other_person(world: World) -> None:
    data_map = desk(
        users=USERS,
        lines=f"name: owner\n{CALLS}",
        people=f"{reference('_id', 'lines.owner')}\n{identity('email')}\n{NAME}",
    )
    await world.fill(
        users=[ADA],
        lines=[{"_id": 1, "phone": PHONE, "owner": 9}],
        people=[{"_id": 9, "email": "lou@example.org", "name": "Lou Byron"}],
    )
    findings = await world.find(data_map)
    assert ids(findings) == {("users", 1)}
    assert findings.shared == ("phone_number",)


@pytest.mark.parametrize(
    "parcel",
    [
        pytest.param(f"{reference('sender', 'users._id')}\n{identity('phone', 'phone_number')}", id="refers"),
        pytest.param(
            f"{identity('sender_email')}\n{identity('recipient_phone', 'phone_number')}", id="another role"
        ),
    ],
)
async def test_the_number_of_a_recipient_is_not_the_senders(world: World, parcel: str) -> None:
    data_map = desk(users=f"name: _id\n{identity('email')}", parcels=f"name: _id\n{parcel}", calls=CALLS)
    there = {"sender": 1, "sender_email": "kim@example.org", "phone": PHONE, "recipient_phone": PHONE}
    await world.fill(
        users=[{"_id": 1, "email": "kim@example.org"}],
        parcels=[{"_id": 1, **there}],
        calls=[{"_id": 1, "phone": PHONE}],
    )
    findings = await world.find(data_map)
    assert ids(findings) == {("users", 1), ("parcels", 1)}
    assert findings.aliases == {}


async def test_an_order_found_by_number_does_not_tell_the_persons_address(world: World) -> None:
    data_map = desk(
        customers=f"{identity('_id', 'customer_no')}\n{identity('email')}",
        orders=f"name: _id\n{reference('customer', 'customers._id')}\n{identity('deliver_mail')}",
        news=f"name: _id\n{identity('email')}",
    )
    await world.fill(
        customers=[{"_id": 1, "email": "kim@example.org"}],
        orders=[{"_id": 1, "customer": 1, "deliver_mail": "lou@example.org"}],
        news=[{"_id": 1, "email": "kim@example.org"}, {"_id": 2, "email": "lou@example.org"}],
    )
    findings = await gather(data_map, world.stores, {"customer_no": ("1",)})
    assert ids(findings) == {("customers", 1), ("orders", 1), ("news", 1)}


async def test_a_number_that_is_stored_as_a_number_leads_on(world: World) -> None:
    data_map = desk(users=USERS, calls=CALLS)
    await world.fill(
        users=[{**ADA, "phone": Int64(4930901820)}],
        calls=[{"_id": 1, "phone": "+49 30 901820"}, {"_id": 2, "phone": "+49 30 901821"}],
    )
    assert ids(await world.find(data_map)) == {("users", 1), ("calls", 1)}


@pytest.mark.parametrize("declared", ["object_id", "string", "long", None])
async def test_a_reference_is_followed_where_what_is_stored_is_not_what_is_declared(
    world: World, declared: str | None
) -> None:
    typed = [f"data_type: {declared}"] if declared else []
    data_map = desk(
        users=f"name: _id\nname: number\n{identity('email')}",
        orders=f"name: _id\n{reference('user', 'users._id', *typed)}",
        tickets=f"name: _id\n{reference('user', 'users.number', *typed)}",
    )
    await world.fill(
        users=[{"_id": ID, "number": Int64(7), "email": "kim@example.org"}],
        orders=[{"_id": 1, "user": ID}, {"_id": 2, "user": str(ID)}, {"_id": 3, "user": str(ID)[:-1]}],
        tickets=[
            {"_id": 1, "user": 7},
            {"_id": 2, "user": "7"},
            {"_id": 3, "user": "07"},
            {"_id": 4, "user": 7.5},
        ],
    )
    assert ids(await world.find(data_map)) == {
        ("users", ID), ("orders", 1), ("orders", 2), ("tickets", 1), ("tickets", 2),
    }  # fmt: skip


@pytest.mark.parametrize("declared", ["integer", "string", None])
@pytest.mark.parametrize(
    ("key", "same", "others"),
    [
        pytest.param("01", ["01"], [1, "1", "001"], id="noughts before a number"),
        pytest.param("1.0", ["1.0"], [1, "1", "1.00"], id="a fraction of nought"),
        pytest.param(Decimal128("89490200000000000001"), ["89490200000000000001"], ["1"], id="many digits"),
        pytest.param(Decimal128("12.5"), ["12.5", 12.5], ["12.50", 12, "12"], id="a fraction"),
        pytest.param(0, [], [0, "0"], id="nought, where neither end is a key"),
        pytest.param("", [], ["", None], id="nothing"),
    ],
)
async def test_a_value_is_equal_to_what_means_it_and_nothing_else(
    world: World, key: Any, same: list[Any], others: list[Any], declared: str | None
) -> None:
    typed = [f"data_type: {declared}"] if declared else []
    data_map = desk(
        users=f"name: _id\nname: number\n{identity('email')}",
        orders=f"name: _id\n{reference('user', 'users.number', *typed)}",
    )
    await world.fill(
        users=[{"_id": 1, "number": key, "email": "kim@example.org"}],
        orders=[{"_id": n, "user": value} for n, value in enumerate(same + others)],
    )
    assert ids(await world.find(data_map)) == {("users", 1), *(("orders", n) for n in range(len(same)))}


async def test_key_of_zero_is_followed(world: World) -> None:
    data_map = desk(
        users=f"name: _id\n{identity('email')}", orders=f"name: _id\n{reference('user', 'users._id')}"
    )
    await world.fill(
        users=[{"_id": 0, "email": "kim@example.org"}, {"_id": 1, "email": "lou@example.org"}],
        orders=[{"_id": 1, "user": 0}, {"_id": 2, "user": 1}, {"_id": 3, "user": None}],
    )
    assert ids(await world.find(data_map)) == {("users", 0), ("orders", 1)}


@pytest.mark.parametrize("tags", [False, True], ids=["exact", "with tags"])
@pytest.mark.parametrize("index", [None, {}, {"collation": {"locale": "en", "strength": 2}}])
async def test_an_address_is_found_with_its_accents_composed_and_apart(
    world: World, index: dict[str, Any] | None, *, tags: bool
) -> None:
    text = identity("email")
    data_map = desk(
        users=f"name: _id\n{text.replace('verified: always', 'plus_tags: true') if tags else text}"
    )
    written = [
        "jos\u00e9@example.org",
        "jose\u0301@example.org",
        "JOS\u00c9@example.org",
        "JOSE\u0301@example.org",
    ]
    await world.fill(users=[{"_id": n, "email": e} for n, e in enumerate([*written, "jose@example.org"])])
    if index is not None:
        await world.client[world.prefix + "desk"]["users"].create_index("email", **index)
    for told in written[:2]:
        assert ids(await world.find(data_map, {"email": (told,)})) == {("users", n) for n in range(4)}


async def test_a_collection_may_have_dots_in_its_name(world: World) -> None:
    data_map: DataMap = desk(
        **{
            "crm.users": f"name: _id\nname: of\n{identity('email')}",
            "crm": "name: _id\nname: users, fields: [{ name: id }]",
            "crm.orders": f"name: _id\n{reference('user', 'crm.users._id')}",
        }
    )
    stored: dict[str, list[Document]] = {
        "crm": [{"_id": ObjectId()}],
        "crm.users": [{"_id": 7, "email": "kim@example.org"}, {"_id": 8, "email": "lou@example.org"}],
        "crm.orders": [{"_id": 1, "user": "7"}, {"_id": 2, "user": 8}],
    }
    await world.fill(**stored)
    assert ids(await world.find(data_map)) == {("crm.users", 7), ("crm.orders", 1)}


async def test_record_with_a_number_of_another_kind_is_of_another_person(world: World) -> None:
    data_map = desk(users=USERS, patients=f"{CALLS}\n{identity('number', 'patient_no')}")
    await world.fill(users=[ADA], patients=[{"_id": 1, "phone": PHONE, "number": 77}])
    findings = await world.find(data_map)
    assert ids(findings) == {("users", 1)}
    assert findings.shared == ("phone_number",)
