"""The rules of docs/adr/0021, row by row: which record counts as the person's, and what leads on from it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from services.fulfillment.search.walk import gather
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Client, Document
from tests.integration.test_search import World, desk, ids

KIM, LOU = "kim@example.org", "lou@example.org"
PHONE, OTHER_PHONE = "+353209100142", "+353209100143"
WHEN = datetime(2025, 3, 1, tzinfo=UTC)
PROVEN = {"email": (KIM,)}


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    yield World(
        mongo_client, database_prefix, Stores({"default": mongo_client}, database_prefix=database_prefix)
    )


def held(name: str, kind: str, verified: str = "", *, editable: bool = False) -> str:
    """A field that holds an identity, as a data map says it."""
    said = [f"verified: {verified}"] if verified else []
    said += ["editable: true"] if editable else []
    category = {"email": "user.contact.email", "phone_number": "user.contact.phone_number"}
    meta = f", meta: {{ habeas: {{ {', '.join(said)} }} }}" if said else ""
    return (
        f"name: {name}, data_categories: [{category.get(kind, 'user.unique_id')}], "
        f"fides_meta: {{ identity: {kind} }}{meta}"
    )


FLAG = "{ field: at }"
BORN = "name: born, data_categories: [user.demographic.date_of_birth]"
NAME = "name: name, data_categories: [user.name]"
CALLS = f"name: _id\n{held('phone', 'phone_number')}\n{held('number', 'customer_no')}\n{BORN}\n{NAME}"


@dataclass(frozen=True)
class Row:
    """One row of the table: what the person's account says, what another record says, what is found."""

    email: str = ""
    """How the map says that the account's address is verified."""
    phone: str = ""
    account: Mapping[str, Any] = field(default_factory=dict)
    call: Mapping[str, Any] = field(default_factory=dict)
    found: bool = False
    unconfirmed: bool = False
    editable: bool = False


ALWAYS = Row("always", "always", found=True)
TABLE = {
    "both verified": ALWAYS,
    "neither stated": Row(unconfirmed=True),
    "address verified, number a claim": Row("always", "", unconfirmed=True),
    "address a claim, number verified": Row("", "always", unconfirmed=True),
    "number said to be never verified": Row("always", "never", unconfirmed=True),
    "number editable by request": Row("always", "always", editable=True, unconfirmed=True),
    "number verified by its flag": Row("always", FLAG, {"at": WHEN}, found=True),
    "flag true": Row("always", FLAG, {"at": True}, found=True),
    "flag false": Row("always", FLAG, {"at": False}, unconfirmed=True),
    "flag null": Row("always", FLAG, {"at": None}, unconfirmed=True),
    "flag missing": Row("always", FLAG, unconfirmed=True),
    "flag in the year one": Row("always", FLAG, {"at": "0001-01-01"}, unconfirmed=True),
    "flag some text": Row("always", FLAG, {"at": "pending"}, unconfirmed=True),
    "flag and editable": Row("always", FLAG, {"at": WHEN}, editable=True, found=True),
    "flag of the address not set": Row(FLAG, "always", unconfirmed=True),
    "call names a customer number that is unknown": Row("always", "always", call={"number": "8"}),
    "call names another birthday": Row(
        "always", "always", {"born": "1984-12-10"}, {"born": "1990-01-01", "name": "Kim Example"}
    ),
    "call names the same birthday": Row(
        "always", "always", {"born": "1984-12-10"}, {"born": datetime(1984, 12, 10, tzinfo=UTC)}, found=True
    ),
    "call names the person's name and a stranger's number": Row(
        "always", "always", call={"name": "Kim Example", "number": "8"}
    ),
    "call names another person": Row("always", "always", call={"name": "Lou Byron"}),
}


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in TABLE.items()])
async def test_alias_is_followed_only_where_it_is_verified_and_contradicts_nothing(
    world: World, row: Row
) -> None:
    fields = (
        "name: _id",
        "name: at",
        BORN,
        NAME,
        held("email", "email", row.email),
        held("phone", "phone_number", row.phone, editable=row.editable),
    )
    data_map = desk(users="\n".join(fields), calls=CALLS)
    account = {"_id": 1, "email": KIM, "phone": PHONE, "name": "Kim Example", **row.account}
    await world.fill(users=[account], calls=[{"_id": 1, "phone": PHONE, **row.call}])
    findings = await gather(data_map, world.stores, PROVEN)
    assert ids(findings) == {("users", 1)} | ({("calls", 1)} if row.found else set())
    assert findings.unconfirmed == (
        ("phone_number",) if row.unconfirmed or (row.call and not row.found) else ()
    )


ORDERS = "\n".join(
    (
        "name: _id",
        held("contact_email", "email"),
        held("email", "email", FLAG),
        held("number", "customer_no", "always"),
        "name: at",
    )
)
USERS = f"name: _id\n{held('email', 'email', 'always')}\n{held('number', 'customer_no', 'always')}"


@pytest.mark.parametrize(
    ("order", "found"),
    [
        pytest.param({}, True, id="nothing else"),
        pytest.param({"email": LOU}, True, id="another address that is a claim, too"),
        pytest.param({"email": LOU, "at": WHEN}, False, id="another address that is verified"),
        pytest.param({"email": KIM, "at": WHEN}, True, id="the same address, verified"),
        pytest.param({"number": 7}, True, id="the person's verified customer number"),
        pytest.param({"number": 8}, False, id="another verified customer number"),
    ],
)
@pytest.mark.parametrize("first", ["users", "orders"])
async def test_record_that_names_a_proven_address_is_found_unless_it_is_verified_to_be_anothers(
    world: World, order: Document, first: str, *, found: bool
) -> None:
    kinds = {"users": USERS, "orders": ORDERS}
    data_map = desk(**{name: kinds[name] for name in sorted(kinds, key=lambda name: name != first)})
    await world.fill(
        users=[{"_id": 1, "email": KIM, "number": 7}], orders=[{"_id": 1, "contact_email": KIM, **order}]
    )
    await sooner(world, first, "email", "contact_email")
    findings = await gather(data_map, world.stores, PROVEN)
    assert ids(findings) == {("users", 1)} | ({("orders", 1)} if found else set())
    assert findings.unconfirmed == (() if found else ("email",))


async def sooner(world: World, collection: str, *paths: str) -> None:
    """Have look-ups in *collection* answered before others, which wait for a pass over theirs."""
    for path in paths:
        await world.client[world.prefix + "desk"][collection].create_index(path)


def linked(name: str, to: str, *more: str, meta: str = "") -> str:
    references = f"references: [{{ dataset: desk, field: {to}{''.join(more)} }}]"
    return f"name: {name}, fides_meta: {{ {references} }}{meta}"


@pytest.mark.parametrize("verified", ["always", ""], ids=["verified account", "claimed account"])
@pytest.mark.parametrize("stranger", [False, True], ids=["no address", "another address"])
async def test_key_of_the_persons_account_leads_to_its_records(
    world: World, verified: str, *, stranger: bool
) -> None:
    data_map = desk(
        users=f"name: _id\n{held('email', 'email', verified)}",
        orders=f"name: _id\n{linked('user', 'users._id', ', direction: from')}\n{held('email', 'email')}",
    )
    await world.fill(
        users=[{"_id": 1, "email": KIM}],
        orders=[{"_id": 1, "user": 1, **({"email": LOU} if stranger else {})}, {"_id": 2, "user": 2}],
    )
    assert ids(await gather(data_map, world.stores, PROVEN)) == {("users", 1), ("orders", 1)}


@pytest.mark.parametrize(
    ("verified", "account", "found"),
    [
        pytest.param("always", {"email": LOU}, True, id="from a verified record"),
        pytest.param("", {}, True, id="from a claim to an account without an address"),
        pytest.param("", {"email": KIM}, True, id="from a claim to the person's account"),
        pytest.param("", {"email": LOU}, False, id="from a claim to another person's account"),
        pytest.param("", {"name": "Lou Byron"}, False, id="from a claim to an account of another name"),
    ],
)
async def test_claim_does_not_lead_to_the_account_of_another_person(
    world: World, verified: str, account: Document, *, found: bool
) -> None:
    data_map = desk(
        orders=f"name: _id\n{linked('user', 'users._id')}\n{held('contact', 'email', verified)}\n{NAME}",
        users=f"name: _id\n{held('email', 'email')}\n{NAME}",
        invoices=f"name: _id\n{linked('user', 'users._id', ', direction: from')}",
    )
    await world.fill(
        orders=[{"_id": 1, "user": 42, "contact": KIM, "name": "Kim Example"}],
        users=[{"_id": 42, **account}],
        invoices=[{"_id": 1, "user": 42}],
    )
    more = {("users", 42), ("invoices", 1)} if found else set()
    assert ids(await gather(data_map, world.stores, PROVEN)) == {("orders", 1)} | more


async def test_record_that_is_surely_the_persons_counts_though_a_claim_leads_there_first(
    world: World,
) -> None:
    data_map = desk(
        orders=f"name: _id\n{linked('user', 'users._id')}\n{held('contact', 'email')}",
        contacts=f"name: _id\n{held('email', 'email', 'always')}",
        profiles=f"name: _id\n{linked('contact', 'contacts._id')}\n{linked('user', 'users._id')}",
        users=f"name: _id\n{held('email', 'email')}",
        invoices=f"name: _id\n{linked('user', 'users._id', ', direction: from')}",
    )
    await world.fill(
        orders=[{"_id": 1, "user": 42, "contact": KIM}],
        contacts=[{"_id": 1, "email": KIM}],
        profiles=[{"_id": 1, "contact": 1, "user": 42}],
        users=[{"_id": 42, "email": "kim@example.com"}],
        invoices=[{"_id": 1, "user": 42}],
    )
    everything = {("orders", 1), ("contacts", 1), ("profiles", 1), ("users", 42), ("invoices", 1)}
    assert ids(await gather(data_map, world.stores, PROVEN)) == everything


EDITABLE = ", meta: { habeas: { editable: true } }"


async def test_editable_field_is_no_key(world: World) -> None:
    data_map = desk(
        users="\n".join(
            ("name: _id", held("email", "email", "always"), linked("payer", "payers._id", meta=EDITABLE))
        ),
        payers="name: _id\nname: iban",
    )
    await world.fill(users=[{"_id": 1, "email": KIM, "payer": 7}], payers=[{"_id": 7, "iban": "X"}])
    assert ids(await gather(data_map, world.stores, PROVEN)) == {("users", 1)}


@pytest.mark.parametrize(("verified", "found"), [("always", True), ("", False)], ids=["verified", "a claim"])
async def test_reference_by_a_telephone_number_is_followed_only_where_it_is_verified(
    world: World, verified: str, *, found: bool
) -> None:
    phone = held("phone", "phone_number", verified).replace(
        "identity: phone_number", f"identity: phone_number, {REFERENCE}"
    )
    data_map = desk(
        users=f"name: _id\n{held('email', 'email', 'always')}\n{phone}", lines="name: _id\nname: number"
    )
    await world.fill(users=[{"_id": 1, "email": KIM, "phone": PHONE}], lines=[{"_id": 1, "number": PHONE}])
    findings = await gather(data_map, world.stores, PROVEN)
    assert ids(findings) == {("users", 1)} | ({("lines", 1)} if found else set())


REFERENCE = "references: [{ dataset: desk, field: lines.number, direction: to }]"


@pytest.mark.parametrize(
    ("verified", "account", "found"),
    [
        pytest.param("", {}, False, id="a claim"),
        pytest.param("never", {}, False, id="never verified"),
        pytest.param(FLAG, {}, False, id="flag missing"),
        pytest.param(FLAG, {"at": WHEN}, True, id="flag set"),
        pytest.param("always", {}, True, id="verified"),
    ],
)
@pytest.mark.parametrize("direction", ["to", "from"], ids=["declared here", "declared at the card"])
async def test_identity_that_refers_to_a_primary_key_is_followed_only_where_it_is_verified(
    world: World, verified: str, account: Document, direction: str, *, found: bool
) -> None:
    number, key = held("number", "customer_number", verified), "name: _id, fides_meta: { primary_key: true }"
    if direction == "to":
        number = number.replace("customer_number", f"customer_number, {CARD.format('cards._id', direction)}")
    else:
        key = key.replace("true", f"true, {CARD.format('users.number', direction)}")
    data_map = desk(
        users=f"name: _id\n{held('email', 'email', 'always')}\n{number}\nname: at",
        cards=f"{key}\n{held('mail', 'email')}\n{NAME}",
        payments=f"name: _id\n{linked('card', 'cards._id', ', direction: from')}",
    )
    await world.fill(
        users=[{"_id": 1, "email": KIM, "number": 42, **account}],
        cards=[{"_id": 42, "mail": None, "name": None}],
        payments=[{"_id": 1, "card": 42}],
    )
    findings = await gather(data_map, world.stores, PROVEN)
    more = {("cards", 42), ("payments", 1)} if found else set()
    assert ids(findings) == {("users", 1)} | more
    assert findings.unconfirmed == (() if found else ("customer_number",))


CARD = "references: [{{ dataset: desk, field: {}, direction: {} }}]"


@pytest.mark.parametrize(
    ("card", "found"),
    [
        pytest.param({"mail": LOU, "name": "Lou Byron"}, False, id="another verified address"),
        pytest.param({"mail": KIM, "name": "Lou Byron"}, True, id="the person's verified address"),
        pytest.param({"name": "Lou Byron"}, True, id="no address"),
        pytest.param({"claim": LOU}, True, id="another address that is a claim"),
    ],
)
async def test_key_in_a_sure_record_leads_to_no_record_that_is_verified_to_be_anothers(
    world: World, card: Document, *, found: bool
) -> None:
    identities = f"{held('mail', 'email', 'always')}\n{held('claim', 'email')}\n{NAME}"
    data_map = desk(
        users=f"name: _id\n{held('email', 'email', 'always')}\n{linked('card', 'cards._id')}",
        cards=f"name: _id\n{identities}",
        payments=f"name: _id\n{linked('card', 'cards._id', ', direction: from')}",
    )
    await world.fill(
        users=[{"_id": 1, "email": KIM, "card": 42}],
        cards=[{"_id": 42, **card}],
        payments=[{"_id": 1, "card": 42}],
    )
    more = {("cards", 42), ("payments", 1)} if found else set()
    assert ids(await gather(data_map, world.stores, PROVEN)) == {("users", 1)} | more


async def test_verified_number_stays_valid_although_a_stranger_claims_it(world: World) -> None:
    data_map = desk(
        users="\n".join(
            ("name: _id", held("email", "email", "always"), held("phone", "phone_number", FLAG), "name: at")
        ),
        calls=f"name: _id\n{held('phone', 'phone_number')}",
    )
    await world.fill(
        users=[
            {"_id": 1, "email": KIM, "phone": PHONE, "at": WHEN},
            {"_id": 2, "email": LOU, "phone": PHONE},
        ],
        calls=[{"_id": 1, "phone": PHONE}],
    )
    findings = await gather(data_map, world.stores, PROVEN)
    assert ids(findings) == {("users", 1), ("calls", 1)}
    assert findings.shared == ()


async def test_element_of_a_stranger_is_left_out_and_the_persons_own_is_not(world: World) -> None:
    inside = ", ".join(
        f"{{ {one} }}" for one in (held("email", "email", "always"), held("phone", "phone_number"))
    )
    data_map = desk(
        users=f"name: _id\n{held('email', 'email', 'always')}\n{held('phone', 'phone_number', 'always')}",
        teams=f"name: _id\nname: members, fides_meta: {{ data_type: 'object[]' }}, fields: [{inside}]",
    )
    kim, lou = {"email": KIM, "phone": OTHER_PHONE}, {"email": LOU, "phone": PHONE}
    await world.fill(
        users=[{"_id": 1, "email": KIM, "phone": PHONE}], teams=[{"_id": 1, "members": [kim, lou]}]
    )
    findings = await gather(data_map, world.stores, PROVEN)
    [team] = findings.of("desk.teams")
    assert team.disclosed["members"] == [kim]
    assert all(element.value == kim for match in team.elements for element in match.elements(team.document))


@pytest.mark.parametrize("index", [None, {}, {"collation": {"locale": "en", "strength": 2}}])
@pytest.mark.parametrize(
    ("proven", "stored"),
    [
        pytest.param("kim@strasse.example", "kim@straße.example", id="domain"),
        pytest.param("strasse@example.org", "STRAßE@example.org", id="local part"),
    ],
)
async def test_mailboxes_that_differ_by_sharp_s_are_two_mailboxes(
    world: World, proven: str, stored: str, index: dict[str, Any] | None
) -> None:
    """The collation of the database takes one for the other; the search must not."""
    await world.fill(users=[{"_id": 1, "email": stored}, {"_id": 2, "email": proven.upper()}])
    if index is not None:
        await world.client[world.prefix + "desk"]["users"].create_index("email", **index)
    data_map = desk(users=f"name: _id\n{held('email', 'email', 'always')}")
    found = await gather(data_map, world.stores, {"email": (proven,)})
    assert ids(found) == {("users", 2)}
