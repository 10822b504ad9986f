"""Nobody is written to about what was breached of person else."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from shared.runtime.mongo import Client
from tests.integration.scope_fixture import Installation, declared

KEY = "{ name: _id, fides_meta: { primary_key: true } }"
EMAIL = "data_categories: [user.contact.email]"
FOUND_BY = "fides_meta: { identity: email }"
NAME = "{ name: name, data_categories: [user.name] }"
SALARY = "{ name: salary, data_categories: [user.financial] }"


def desk(**collections: str) -> DataMap:
    """Return a map of *collections*, each with its fields one a line."""
    text = "dataset:\n  - fides_key: desk\n    collections:\n"
    for name, fields in collections.items():
        lines = "".join(f"          - {line}\n" for line in (KEY, *fields.strip().split("\n")))
        text += f"      - name: {name}\n        fields:\n{lines}"
    return parse({"desk.yml": text})


def to(path: str, direction: str = "from") -> str:
    return f"fides_meta: {{ references: [{{ dataset: desk, field: {path}, direction: {direction} }}] }}"


def mail(name: str = "email") -> str:
    """Return a field of addresses that records are found by."""
    return f"{{ name: {name}, {EMAIL}, {FOUND_BY} }}"


def plain(name: str) -> str:
    """Return a field of addresses that records are not found by."""
    return f"{{ name: {name}, {EMAIL} }}"


@pytest.fixture
def installed(mongo_client: Client, database_prefix: str) -> Installation:
    return Installation(mongo_client, database_prefix, desk(people=mail()))


async def breached(
    installed: Installation, data_map: DataMap, name: str, /, **documents: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Return who is written to where the collection *name* was breached: names, by addresses."""
    installed.data_map = data_map
    for collection, some in documents.items():
        await installed.business("desk", collection).insert_many(some)
    await installed.scoped(declared(collections=[{"collection": name}]))
    return {address: one.name for address, one in (await installed.written_to()).items()}


def people(installed: Installation) -> tuple[int, int]:
    """Return how many are concerned, and how many of them are not reached."""
    groups = installed.of().groups
    return sum(group.people for group in groups), sum(group.unreachable for group in groups)


@pytest.mark.parametrize(
    "contact",
    [
        *("emergency", "notfallkontakt", "contactoEmergencia", "contact_urgence", "familiare_urgenza"),
        *("noodcontact", "contato_urgencia", "紧急联系人", "spouse", "ehepartner", "cónyuge", "épouse"),
    ],
)
async def test_an_emergency_contact_is_not_taken_for_who_has_no_address(
    installed: Installation, contact: str
) -> None:
    inner = f"{{ name: {contact}, fields: [ {plain('email')} ] }}"
    data_map = desk(customers=f"{plain('email')}\n{SALARY}\n{inner}")
    record = {"_id": 1, "email": None, "salary": 1, contact: {"email": "spouse@example.org"}}
    assert await breached(installed, data_map, "customers", customers=[record]) == {}
    assert people(installed) == (2, 2)


@pytest.mark.parametrize(
    "inner",
    [
        pytest.param(f"{{ name: emergency, fields: [ {plain('email')} ] }}", id="kin alone"),
        pytest.param(f"{{ name: emergency, fields: [ {mail()} ] }}", id="kin that is found"),
        pytest.param(f"{{ name: manager, fields: [ {plain('email')} ] }}", id="a superior"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
async def test_address_of_another_person_in_a_record_gets_no_notice(
    installed: Installation, inner: str, *, named: bool
) -> None:
    data_map = desk(employees="\n".join([*([NAME] if named else []), SALARY, inner]))
    other = {"email": "spouse@example.org"}
    record = {"_id": 1, "name": "Kim", "salary": 1, "emergency": other, "manager": other}
    assert await breached(installed, data_map, "employees", employees=[record]) == {}


async def test_of_whom_the_whole_collection_is_plays_no_part_in_it(installed: Installation) -> None:
    data_map = desk(drivers=f"{plain('driver_email')}\n{SALARY}")
    record = {"_id": 1, "driver_email": "d@example.org", "salary": 1}
    assert await breached(installed, data_map, "drivers", drivers=[record]) == {"d@example.org": ""}


async def test_colleague_is_not_notified_if_the_record_of_the_customer_is_gone(
    installed: Installation,
) -> None:
    data_map = desk(
        customers=mail(),
        staff=mail(),
        tickets=f"{{ name: customer, {to('customers._id')} }}\n"
        f"{{ name: handled_by, {to('staff._id', 'to')} }}\n"
        "{ name: text, data_categories: [user.content] }",
    )
    told = await breached(
        installed,
        data_map,
        "tickets",
        customers=[{"_id": 1, "email": "kim@example.org"}],
        staff=[{"_id": 7, "email": "clerk@example.org"}],
        tickets=[
            {"_id": 1, "customer": 1, "handled_by": 7, "text": "t"},
            {"_id": 2, "customer": 2, "handled_by": 7, "text": "t"},
        ],
    )
    assert set(told) == {"kim@example.org"}
    assert people(installed) == (2, 1)


CALLS = (
    f"{{ name: customer, {to('customers._id')} }}\n{mail('customer_email')}\n{plain('answered_by')}\n"
    "{ name: text, data_categories: [user.content] }"
)


@pytest.mark.parametrize(
    ("customer", "told"),
    [pytest.param(1, {"kim@example.org"}, id="known"), pytest.param(2, set(), id="gone")],
)
async def test_an_address_of_a_colleague_in_the_record_is_not_the_customers(
    installed: Installation, customer: int, told: set[str]
) -> None:
    data_map = desk(customers=mail(), calls=CALLS)
    call = {"_id": 1, "customer": customer, "customer_email": None, "answered_by": "clerk@example.org"}
    found = await breached(
        installed,
        data_map,
        "calls",
        customers=[{"_id": 1, "email": "kim@example.org"}],
        calls=[{**call, "text": "t"}],
    )
    assert set(found) == told


async def test_an_address_that_is_all_there_is_is_written_to(installed: Installation) -> None:
    data_map = desk(customers=f"{mail()}\n{plain('second')}\n{NAME}")
    record = {"_id": 1, "email": "", "second": "kim@example.org", "name": "Kim"}
    assert await breached(installed, data_map, "customers", customers=[record]) == {"kim@example.org": "Kim"}


async def test_person_only_referred_to_is_notified_by_their_own_record(installed: Installation) -> None:
    points = f"{{ name: customer, {to('customers._id', 'to')} }}"
    data_map = desk(
        customers=f"{plain('email')}\n{NAME}",
        orders=f"{points}\n{SALARY}",
        invoices=f"{{ name: order, {to('orders._id', 'to')} }}",
    )
    some: dict[str, list[dict[str, Any]]] = {
        "customers": [{"_id": 1, "email": "kim@example.org", "name": "Kim"}],
        "orders": [{"_id": 5, "customer": 1, "salary": 1}],
        "invoices": [{"_id": 9, "order": 5}],
    }
    assert await breached(installed, data_map, "orders", **some) == {"kim@example.org": "Kim"}


NUMBER = "{ name: number, data_categories: [user.unique_id], fides_meta: { identity: customer_number } }"


async def test_a_number_that_two_have_is_both_theirs(installed: Installation) -> None:
    data_map = desk(customers=f"{NUMBER}\n{mail()}\n{NAME}", payments=f"{NUMBER}\n{NAME}\n{SALARY}")
    told = await breached(
        installed,
        data_map,
        "payments",
        customers=[
            {"_id": 1, "number": 7, "email": "ada@example.org", "name": "Ada Example"},
            {"_id": 2, "number": "7", "email": "bo@example.org", "name": "Bo Sample"},
        ],
        payments=[{"_id": 1, "number": 7, "name": "Bo Sample", "salary": 1}],
    )
    assert told == {"ada@example.org": "Ada Example", "bo@example.org": "Bo Sample"}


async def test_record_of_several_people_is_reported_to_each(installed: Installation) -> None:
    data_map = desk(
        people=mail(),
        matches=f"{{ name: home, {to('people._id', 'to')} }}\n{{ name: guest, {to('people._id', 'to')} }}\n"
        f"{SALARY}",
    )
    told = await breached(
        installed,
        data_map,
        "matches",
        people=[{"_id": 1, "email": "a@example.org"}, {"_id": 2, "email": "b@example.org"}],
        matches=[{"_id": 1, "home": 1, "guest": 2, "salary": 1}],
    )
    assert set(told) == {"a@example.org", "b@example.org"}


FAMILY = [
    {"_id": 1, "email": "family@example.org", "name": "Ada Wife", "salary": 1},
    {"_id": 2, "email": "Family@example.org", "name": "Bo Husband"},
    {"_id": 3, "email": "family@example.org", "name": "Ada Wife"},
    {"_id": 4, "email": "kim@example.org", "name": "Kim"},
    {"_id": 5, "email": "kim@example.org", "name": "Kim Muster"},
]


async def test_of_those_who_share_a_mailbox_none_is_named_and_each_is_counted(
    installed: Installation,
) -> None:
    data_map = desk(customers=f"{mail()}\n{NAME}\n{SALARY}")
    told = await breached(installed, data_map, "customers", customers=FAMILY)
    assert told.pop("kim@example.org").startswith("Kim"), "a shorter name is the same person's"
    assert {address.lower(): name for address, name in told.items()} == {"family@example.org": ""}
    assert people(installed) == (3, 0)


@pytest.mark.parametrize(("names", "crowded"), [(40, 1), (3, 0)])
async def test_a_mailbox_of_very_many_is_said_for_somebody_to_look_at(
    installed: Installation, names: int, crowded: int
) -> None:
    """Whoever has an address that only fills a field is told by nobody, and nobody would know."""
    data_map = desk(customers=f"{mail()}\n{NAME}\n{SALARY}")
    called = [f"{chr(97 + n // 10) * 5} {chr(103 + n % 10) * 6}".title() for n in range(names)]
    same = [{"_id": n, "email": "none@shop.example", "name": name} for n, name in enumerate(called)]
    told = await breached(installed, data_map, "customers", customers=same)
    assert told == {"none@shop.example": ""}
    assert installed.of().crowded == crowded


async def test_a_mailbox_is_written_to_once_whatever_field_and_notation_it_stands_in(
    installed: Installation,
) -> None:
    tags = "meta: { habeas: { plus_tags: true } }"
    data_map = desk(customers=f"{mail()[:-1]}, {tags} }}", leads=mail())
    installed.data_map = data_map
    addresses = ["kim+news@example.org", "a@müller.example", "u@fußball.example", "Bo <bo@example.org>"]
    others = ["kim+news@example.org", "a@xn--mller-kva.example", "u@fussball.example", "bo@example.org"]
    for collection, some in (("customers", addresses), ("leads", others)):
        await installed.business("desk", collection).insert_many(
            [{"_id": number, "email": address} for number, address in enumerate(some)]
        )
    listed = [{"email": "kim+shop@example.org"}]
    named = [{"collection": "customers"}, {"collection": "leads"}]
    await installed.scoped(declared(collections=named, list=listed))
    assert {address for address in await installed.written_to() if "kim" not in address} == {
        "a@xn--mller-kva.example",
        "bo@example.org",
        "u@fussball.example",
        "u@xn--fuball-cta.example",
    }
    assert people(installed) == (5, 0)


async def test_a_number_is_one_whether_it_is_stored_as_a_number_or_as_a_text(installed: Installation) -> None:
    data_map = desk(payments=f"{NUMBER}\n{SALARY}")
    payments: list[dict[str, Any]] = [
        {"_id": 1, "number": 7, "salary": 1},
        {"_id": 2, "number": "7", "salary": 1},
    ]
    await breached(installed, data_map, "payments", payments=payments)
    assert people(installed) == (1, 1)


async def test_person_only_mentioned_in_a_record_is_counted_with_their_own_data(
    installed: Installation,
) -> None:
    inner = f"{{ name: emergency, fields: [ {NAME}, {plain('email')} ] }}"
    data_map = desk(customers=f"{mail()}\n{NAME}\n{SALARY}\n{inner}")
    mum, kin = {"name": "Mum", "email": "ada@example.org"}, {"name": "Bo", "email": "bo@example.org"}
    customers: list[dict[str, Any]] = [
        {"_id": 1, "email": "kim@example.org", "name": "Kim", "salary": 1, "emergency": mum},
        {"_id": 2, "email": "ada@example.org", "name": "Ada", "emergency": kin},
        {"_id": 3, "email": "eve@example.org", "name": "Eve", "emergency": kin},
        {"_id": 4, "email": "jo@example.org", "name": "Jo", "emergency": {"name": "Bo"}},
    ]
    told = await breached(installed, data_map, "customers", customers=customers)
    addresses = {"kim": "Kim", "ada": "Ada", "eve": "Eve", "jo": "Jo"}
    assert told == {f"{local}@example.org": name for local, name in addresses.items()}
    assert people(installed) == (5, 1), "who is kin of two is one; who has a record is told as anybody"
    ada = (await installed.written_to())["ada@example.org"]
    assert "user.financial" not in ada.categories
