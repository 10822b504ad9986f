"""Who is found in stores of every shape: all that is the person's, and nothing of anybody else."""

import asyncio
import resource
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from pymongo import monitoring

from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.search.findings import Findings, SearchAnswer, SearchStatus
from services.fulfillment.search.identities import spellings_of_phone
from services.fulfillment.search.walk import gather
from services.fulfillment.stores import batch_lookup
from services.fulfillment.stores.mongodb import Stores
from shared.errors import StoreUnavailable
from shared.runtime.mongo import Binary, Client, Decimal128, Document, ObjectId

PERSON = {"email": ("kim@example.org",)}
ID, OTHER_ID = ObjectId("5a9427648b0beebeb6957bfd"), ObjectId("5a9427648b0beebeb6957bfe")
NUMBER = UUID("00112233-4455-6677-8899-aabbccddeeff")


@dataclass(frozen=True)
class World:
    """A store whose database is called ``desk`` in maps."""

    client: Client
    prefix: str
    stores: Stores

    async def fill(self, **collections: list[Document]) -> None:
        for name, documents in collections.items():
            await self.client[self.prefix + "desk"][name].insert_many(documents)

    async def find(self, data_map: DataMap, identities: Any = None) -> Findings:
        return await gather(data_map, self.stores, identities or PERSON)


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    yield World(
        mongo_client, database_prefix, Stores({"default": mongo_client}, database_prefix=database_prefix)
    )


def desk(**collections: str) -> DataMap:
    """A map of the database ``desk``: for each collection its fields, a line each."""
    text = "dataset:\n  - fides_key: desk\n    collections:\n"
    for name, fields in collections.items():
        text += f"      - name: {name}\n        fields:\n"
        text += "".join(f"          - {{ {line.strip()} }}\n" for line in fields.strip().splitlines())
    return parse({"map.yml": text})


def identity(name: str, kind: str = "email", *more: str) -> str:
    category = {"email": "user.contact.email", "phone_number": "user.contact.phone_number"}
    said = ", ".join((f"identity: {kind}", *more))
    return (
        f"name: {name}, data_categories: [{category.get(kind, 'user.unique_id')}], fides_meta: {{ {said} }}, "
        "meta: { habeas: { verified: always } }"
    )


def reference(name: str, field: str, *more: str) -> str:
    said = ", ".join((f"references: [{{ dataset: desk, field: {field}, direction: from }}]", *more))
    return f"name: {name}, fides_meta: {{ {said} }}"


def ids(findings: Findings) -> set[tuple[str, Any]]:
    return {(found.collection.name, found.id["_id"]) for found in findings.found}


@pytest.mark.parametrize("declared", [True, False], ids=["types declared", "types left out"])
@pytest.mark.parametrize(
    ("key", "stored", "kind"),
    [
        pytest.param(7, "7", "string", id="integer that is a string elsewhere"),
        pytest.param("7", 7, "integer", id="string that is an integer elsewhere"),
        pytest.param(7, 7.0, "double", id="integer that is a double elsewhere"),
        pytest.param("7", Decimal128("7"), "decimal", id="string that is a decimal elsewhere"),
        pytest.param(ID, str(ID), "string", id="object id as hexadecimal digits"),
        pytest.param(str(ID), ID, "object_id", id="hexadecimal digits as object id"),
        pytest.param(Binary.from_uuid(NUMBER), str(NUMBER), "string", id="uuid as text"),
        pytest.param(str(NUMBER).upper(), Binary.from_uuid(NUMBER), "uuid", id="text as uuid"),
        pytest.param(NUMBER.hex, Binary(NUMBER.bytes, 3), "uuid", id="text as old uuid"),
        pytest.param(NUMBER.bytes, str(NUMBER), "string", id="sixteen bytes as text"),
        pytest.param(NUMBER.bytes, Binary(NUMBER.bytes, 3), "uuid", id="sixteen bytes as old uuid"),
        pytest.param(NUMBER.bytes, Binary.from_uuid(NUMBER), "uuid", id="sixteen bytes as uuid"),
    ],
)
async def test_a_reference_is_followed_whatever_types_its_ends_have(
    world: World, key: Any, stored: Any, kind: str, *, declared: bool
) -> None:
    typed = [f"data_type: {kind}"] if declared else []
    data_map = desk(
        users=f"name: _id\nname: number\n{identity('email')}",
        orders=f"name: _id\n{reference('user', 'users.number', *typed)}",
    )
    await world.fill(
        users=[
            {"_id": 1, "number": key, "email": "Kim@Example.ORG"},
            {"_id": 2, "number": 8, "email": "lou@example.org"},
        ],
        orders=[{"_id": 1, "user": stored}, {"_id": 2, "user": 8}, {"_id": 3, "user": "8"}, {"_id": 4}],
    )
    assert ids(await world.find(data_map)) == {("users", 1), ("orders", 1)}


@pytest.mark.parametrize("declared", [True, False], ids=["types declared", "types left out"])
@pytest.mark.parametrize(
    ("told", "stored", "kind"),
    [
        pytest.param("1007", 1007, "integer", id="number"),
        pytest.param(str(ID), ID, "object_id", id="object id"),
        pytest.param(str(NUMBER), Binary.from_uuid(NUMBER), "uuid", id="uuid"),
        pytest.param("café", "cafe\u0301", "string", id="accents"),
        pytest.param("$where", "$where", "string", id="an operator's name"),
        pytest.param(".*", ".*", "string", id="a pattern"),
    ],
)
async def test_an_identity_is_found_in_the_type_in_which_it_is_stored(
    world: World, told: str, stored: Any, kind: str, *, declared: bool
) -> None:
    typed = [f"data_type: {kind}"] if declared else []
    data_map = desk(users=f"name: _id\n{identity('number', 'customer_no', *typed)}")
    await world.fill(
        users=[{"_id": 1, "number": stored}, {"_id": 2, "number": "other"}, {"_id": 3, "number": 0}]
    )
    assert ids(await world.find(data_map, {"customer_no": (told,)})) == {("users", 1)}


PHONES = desk(users=f"name: _id\n{identity('phone', 'phone_number')}\n{identity('email')}")
OTHERS = [
    "+14155550133", "+43 30 901820", "+49 30 9018200", "+49 30 901821", "030 901821", "30901820",
    "(203) 555-0143", 12025550144, "+1 202 555 01430", "49 30 90182", ".*", "", None,
]  # fmt: skip


@pytest.mark.parametrize("indexed", [True, False], ids=["with an index", "without"])
@pytest.mark.parametrize(
    ("told", "written"),
    [
        (
            "+1 415 555 0132",
            ["+14155550132", 14155550132, "+1 415-555-0132", "001 415 555 0132", 4155550132.0],
        ),
        ("+1 415 555 0132", ["+1 (415) 555-0132", "14155550132", "(415) 555-0132", "1-415-555-0132"]),
        (
            "+4930901820",
            ["+49 (0)30 901820", "tel:+4930901820", "+49 30 90 18 20", "030 901820", "030/90 18 20"],
        ),
        (
            "+4930901820",
            [
                "+49 (0)30 901-820",
                "+49\u00a030\u00a0901820",
                "+49-(0)-30-901820",
                "+49 30 9018.20",
                "+49309 018 20 ",
            ],
        ),
        ("+12025550143", ["(202) 555-0143", 2025550143, Decimal128("2025550143"), 12025550143]),
    ],
)
async def test_a_telephone_number_is_found_however_it_is_written(
    world: World, told: str, written: list[Any], *, indexed: bool
) -> None:
    await world.fill(
        users=[{"_id": n, "phone": text} for n, text in enumerate(written)]
        + [{"_id": 100 + n, "phone": text} for n, text in enumerate(OTHERS)]
    )
    if indexed:
        await world.client[world.prefix + "desk"]["users"].create_index("phone")
    told_so = {"phone_number": spellings_of_phone(told, None)}
    assert ids(await world.find(PHONES, told_so)) == {("users", n) for n in range(len(written))}


async def test_telephone_numbers_of_many_people_are_found_in_one_pass_each_for_its_own(world: World) -> None:
    numbers = [f"+49 30 9{n:06}" for n in range(300)]
    await world.fill(users=[{"_id": n, "phone": f"+49 (0)30 / 9{n:06}"} for n in range(300)])
    answers = await asyncio.gather(
        *(world.find(PHONES, {"phone_number": spellings_of_phone(number, None)}) for number in numbers)
    )
    assert [ids(findings) for findings in answers] == [{("users", number)} for number in range(300)]


async def test_number_without_country_code_beside_another_name_is_a_strangers(world: World) -> None:
    await world.fill(
        users=[
            {"_id": 1, "phone": "+49 30 901820", "email": "kim@example.org"},
            {"_id": 2, "phone": "030 901820", "email": "lou@example.org"},
        ]
    )
    findings = await world.find(PHONES, {"phone_number": spellings_of_phone("+4930901820", None)})
    assert ids(findings) == {("users", 1)}
    assert findings.shared == ("phone_number",)


async def test_a_number_without_country_code_belongs_to_the_country_of_its_record(world: World) -> None:
    country = "name: country, data_categories: [user.contact.address.country]"
    data_map = desk(users=f"name: _id\n{identity('phone', 'phone_number')}\n{country}")
    await world.fill(
        users=[
            {"_id": 1, "phone": "030 901820", "country": "DE"},
            {"_id": 2, "phone": "030 901820", "country": "AT"},
            {"_id": 3, "phone": "030 901820"},
        ]
    )
    findings = await world.find(data_map, {"phone_number": spellings_of_phone("+4930901820", None)})
    assert ids(findings) == {("users", 1), ("users", 3)}


async def test_the_number_in_the_persons_own_record_is_dialled_where_the_person_is(world: World) -> None:
    country = "name: country, data_categories: [user.contact.address.country]"
    data_map = desk(
        users=f"name: _id\n{identity('email')}\n{identity('phone', 'phone_number')}\n{country}",
        calls=f"name: _id\n{identity('phone', 'phone_number')}",
    )
    await world.fill(
        users=[{"_id": 1, "email": "kim@example.org", "phone": "030 901820", "country": "DE"}],
        calls=[
            {"_id": 1, "phone": "+49 30 901820"},
            {"_id": 2, "phone": "030 90 18 20"},
            {"_id": 3, "phone": "+43 30 901820"},
        ],
    )
    assert ids(await world.find(data_map)) == {("users", 1), ("calls", 1), ("calls", 2)}
    await world.client[world.prefix + "desk"]["users"].update_one({"_id": 1}, {"$unset": {"country": 1}})
    assert ids(await world.find(data_map)) == {("users", 1), ("calls", 2)}
    told = {**PERSON, "phone_number": spellings_of_phone("+49 171 3920041", None)}
    findings = await world.find(data_map, told)
    assert ids(findings) == {("users", 1)}, "who has told a number is not believed to have another"
    assert findings.shared == ("phone_number",)


@pytest.mark.parametrize("index", [None, {}, {"collation": {"locale": "en", "strength": 2}}])
async def test_an_address_is_found_with_blanks_around_it(world: World, index: dict[str, Any] | None) -> None:
    data_map = desk(users=f"name: _id\n{identity('email')}")
    written = [" kim@example.org", "Kim@Example.org ", " KIM@example.org\n", "kim@example.org\t"]
    if index is None or "collation" not in index:
        written += ["  Kim@example.org", "\t\tkim@example.org", "\n kim@EXAMPLE.org \n", "kim@example.org  "]
    others = [
        "kim @example.org",
        "a kim@example.org",
        "kim@example.org.",
        "kim@example.org b",
        "k im@example.org",
    ]
    await world.fill(users=[{"_id": n, "email": text} for n, text in enumerate(written + others)])
    if index is not None:
        await world.client[world.prefix + "desk"]["users"].create_index("email", **index)
    assert ids(await world.find(data_map)) == {("users", n) for n in range(len(written))}


@pytest.mark.parametrize(
    "rule",
    [{"locale": "tr"}, {"locale": "az"}, {"locale": "en_US_POSIX"}, {"locale": "en", "caseLevel": True}],
    ids=lambda rule: " ".join(map(str, rule.values())),
)
async def test_an_index_that_knows_case_in_its_own_way_hides_no_address(
    world: World, rule: dict[str, Any]
) -> None:
    data_map = desk(users=f"name: _id\n{identity('email')}")
    await world.fill(users=[{"_id": 1, "email": "KIM@example.org"}, {"_id": 2, "email": "kim@example.org"}])
    users = world.client[world.prefix + "desk"]["users"]
    await users.create_index("email", collation={"strength": 2, **rule})
    assert ids(await world.find(data_map)) == {("users", 1), ("users", 2)}


async def test_records_that_the_server_does_not_send_at_once_are_all_found(world: World) -> None:
    data_map = desk(
        users=f"name: _id\n{identity('email')}", notes=f"name: _id\n{reference('user', 'users._id')}"
    )
    many = [{"_id": n, "user": 1} for n in range(2_500)]
    large = [{"_id": n, "user": 1, "text": "x" * (6 << 20)} for n in range(2_500, 2_506)]
    await world.fill(users=[{"_id": 1, "email": "kim@example.org"}], notes=many)
    await world.fill(notes=large)
    found = [item.id["_id"] for item in (await world.find(data_map)).of("desk.notes")]
    assert sorted(found) == list(range(2_506))


async def test_what_is_blank_leads_to_nobody(world: World) -> None:
    data_map = desk(
        users=f"name: _id\n{identity('email')}\nname: code",
        orders=f"name: _id\n{reference('code', 'users.code')}",
    )
    await world.fill(
        users=[{"_id": 1, "email": "kim@example.org", "code": " "}], orders=[{"_id": 1, "code": " "}]
    )
    assert ids(await world.find(data_map)) == {("users", 1)}


async def test_a_collection_that_compares_loosely_shows_nobody_else(world: World) -> None:
    await world.client[world.prefix + "desk"].create_collection(
        "orders", collation={"locale": "en", "strength": 1}
    )
    data_map = desk(
        users=f"name: _id\n{identity('email')}", orders=f"name: _id\n{reference('user', 'users._id')}"
    )
    await world.fill(
        users=[{"_id": "a", "email": "kim@example.org"}, {"_id": "A", "email": "lou@example.org"}],
        orders=[{"_id": 1, "user": "a"}, {"_id": 2, "user": "A"}, {"_id": 3, "user": "\u00e1"}],
    )
    assert ids(await world.find(data_map)) == {("users", "a"), ("orders", 1)}


async def test_the_parts_of_a_composite_key_lead_only_together(world: World) -> None:
    data_map = desk(
        users=f"name: _id\n{identity('email')}",
        orders=f"""name: tenant, fides_meta: {{ primary_key: true }}
            name: number, fides_meta: {{ primary_key: true }}
            {reference("user", "users._id")}""",
        lines=f"{reference('t', 'orders.tenant')}\n{reference('n', 'orders.number', 'data_type: string')}",
    )
    await world.fill(
        users=[{"_id": 1, "email": "kim@example.org"}, {"_id": 2, "email": "lou@example.org"}],
        orders=[
            {"_id": 1, "tenant": "a", "number": 1, "user": 1},
            {"_id": 2, "tenant": "b", "number": 2, "user": 1},
            {"_id": 3, "tenant": "a", "number": 2, "user": 2},
            {"_id": 4, "tenant": "b", "number": 1, "user": 2},
        ],
        lines=[
            {"_id": number, "t": tenant, "n": order}
            for number, (tenant, order) in enumerate([("a", "1"), ("b", "2"), ("a", "2"), ("b", "1")])
        ],
    )
    assert ids(await world.find(data_map)) == {
        ("users", 1), ("orders", 1), ("orders", 2), ("lines", 0), ("lines", 1),
    }  # fmt: skip


async def test_references_round_in_a_circle_and_to_nowhere_end(world: World) -> None:
    data_map = desk(
        users=f"name: _id\n{identity('email')}\n{reference('team', 'teams.lead')}",
        teams=f"name: _id\n{reference('lead', 'users.team')}\n{reference('owner', 'users._id')}",
        notes=f"name: _id\n{reference('parent', 'notes._id')}\n{reference('user', 'users._id')}",
    )
    await world.fill(
        users=[
            {"_id": 1, "email": "kim@example.org", "team": 7},
            {"_id": 2, "email": "lou@example.org", "team": 9},
        ],
        teams=[{"_id": 1, "lead": 7, "owner": 404}, {"_id": 2, "lead": 9, "owner": 2}],
        notes=[
            {"_id": 1, "user": 1, "parent": 3},
            {"_id": 2, "parent": 1},
            {"_id": 3, "parent": 2},
            {"_id": 4},
        ],
    )
    assert ids(await world.find(data_map)) == {
        ("users", 1), ("teams", 1), ("notes", 1), ("notes", 2), ("notes", 3),
    }  # fmt: skip


CONTACTS = desk(
    users=f"name: _id\n{identity('email')}\n{identity('phone', 'phone_number')}",
    calls=f"name: _id\n{identity('phone', 'phone_number')}",
    letters=f"name: _id\n{identity('from')}\n{identity('to')}",
)
KIM = {"_id": 1, "email": "kim@example.org", "phone": "+353209100142"}


async def test_what_the_persons_own_record_says_of_them_leads_on(world: World) -> None:
    await world.fill(
        users=[KIM, {"_id": 2, "email": "lou@example.org", "phone": "+353209100143"}],
        calls=[{"_id": 1, "phone": "+353 20 910 0142"}, {"_id": 2, "phone": "+353209100143"}],
        letters=[
            {"_id": 1, "from": "kim@example.org", "to": "lou@example.org"},
            {"_id": 2, "to": "lou@example.org"},
        ],
    )
    findings = await world.find(CONTACTS)
    assert ids(findings) == {("users", 1), ("calls", 1), ("letters", 1)}
    assert set(findings.aliases) == {"phone_number"}
    assert findings.shared == ()


async def test_a_number_that_two_people_share_leads_to_neither(world: World) -> None:
    await world.fill(
        users=[KIM, KIM | {"_id": 2, "email": "lou@example.org"}],
        calls=[{"_id": 1, "phone": "+353209100142"}],
        letters=[{"_id": 1, "from": "lou@example.org"}],
    )
    findings = await world.find(CONTACTS)
    assert ids(findings) == {("users", 1)}
    assert findings.shared == ("phone_number",)
    assert findings.aliases == {}
    assert {part.key: part.status for part in findings.coverage}["desk.calls"] is SearchStatus.UNREACHED


async def test_an_address_in_a_record_that_only_refers_to_the_person_may_be_anybodys(world: World) -> None:
    data_map = desk(
        users=f"name: _id\n{identity('email')}",
        presents=f"name: _id\n{reference('giver', 'users._id')}\n{identity('email')}",
    )
    await world.fill(
        users=[{"_id": 1, "email": "kim@example.org"}, {"_id": 2, "email": "lou@example.org"}],
        presents=[{"_id": 1, "giver": 1, "email": "lou@example.org"}],
    )
    assert ids(await world.find(data_map)) == {("users", 1), ("presents", 1)}


async def test_all_addresses_of_one_account_are_the_persons_where_the_map_says_so(world: World) -> None:
    many = "data_type: 'string[]', return_all_elements: true"
    data_map = desk(
        users=f"name: _id\n{identity('emails', 'email', many)}", news=f"name: _id\n{identity('email')}"
    )
    await world.fill(
        users=[
            {"_id": 1, "emails": ["kim@example.org", "kim@example.com"]},
            {"_id": 2, "emails": ["lou@example.org"]},
        ],
        news=[{"_id": 1, "email": "KIM@example.com"}, {"_id": 2, "email": "lou@example.org"}],
    )
    assert ids(await world.find(data_map)) == {("users", 1), ("news", 1)}


async def test_a_list_of_ids_in_the_persons_own_record_leads_on(world: World) -> None:
    to_orders = "references: [ { dataset: desk, field: orders._id } ]"
    listed = f'name: orders, fides_meta: {{ data_type: "string[]", {to_orders} }}'
    data_map = desk(users=f"name: _id\n{identity('email')}\n{listed}", orders="name: _id\nname: text")
    await world.fill(
        users=[
            {"_id": 1, "email": "kim@example.org", "orders": ["1", 2]},
            {"_id": 2, "email": "lou@example.org", "orders": [3]},
        ],
        orders=[{"_id": n} for n in range(1, 5)],
    )
    assert ids(await world.find(data_map)) == {("users", 1), ("orders", 1), ("orders", 2)}


async def test_people_who_share_an_address_are_both_who_it_says(world: World) -> None:
    await world.fill(users=[KIM, {"_id": 2, "email": "KIM@example.org", "phone": "+353209100199"}])
    assert ids(await world.find(desk(users=f"name: _id\n{identity('email')}"))) == {
        ("users", 1),
        ("users", 2),
    }


class Commands(monitoring.CommandListener):
    """Remembers what was searched."""

    def __init__(self) -> None:
        self.finds = 0

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.finds += event.command_name == "find"

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


async def test_one_pass_over_a_collection_without_an_index_answers_everybody_who_waits(
    world: World, mongo_url: str
) -> None:
    people = [f"p{number}@example.org" for number in range(300)]
    await world.fill(users=[{"_id": n, "email": e.upper(), "n": n} for n, e in enumerate(people)])
    data_map = desk(users=f"name: _id\n{identity('email')}")
    commands = Commands()
    client = Client(mongo_url, event_listeners=[commands], tz_aware=True)
    stores = Stores({"default": client}, database_prefix=world.prefix)
    answers = await asyncio.gather(*(gather(data_map, stores, {"email": (e,)}) for e in people))
    assert [ids(findings) for findings in answers] == [{("users", number)} for number in range(300)]
    assert commands.finds == 1
    client.close()


async def test_a_collection_that_is_dropped_meanwhile_is_missing_and_not_empty(world: World) -> None:
    data_map = desk(
        users=f"name: _id\n{identity('email')}", calls=f"name: _id\n{reference('user', 'users._id')}"
    )
    await world.fill(users=[{"_id": 1, "email": "kim@example.org"}], calls=[{"_id": 1, "user": 1}])
    assert (await world.find(data_map)).missing == ()
    await world.client[world.prefix + "desk"].drop_collection("calls")
    assert (await world.find(data_map)).missing == ("desk.calls",)


async def test_nobody_nothing_and_nowhere_are_three_answers(world: World) -> None:
    data_map = desk(users=f"name: _id\n{identity('email')}")
    await world.fill(users=[{"_id": 1, "email": "kim@example.org"}])
    assert (await world.find(data_map, {"email": ("lou@example.org",)})).answer is SearchAnswer.NOTHING_FOUND
    nowhere = await world.find(data_map, {"customer_no": ("7",)})
    assert nowhere.answer is SearchAnswer.NOTHING_DECLARED
    assert [part.status for part in nowhere.coverage] == [SearchStatus.UNREACHED]


async def test_a_hundred_thousand_records_are_gone_through_in_little_memory(world: World) -> None:
    events = world.client[world.prefix + "desk"]["events"]
    await events.create_index("user")
    for start in range(0, 100_000, 10_000):
        await events.insert_many(
            [
                {"_id": n, "user": 1, "what": f"viewed page {n} " + "x" * 200}
                for n in range(start, start + 10_000)
            ]
        )
    await world.fill(users=[{"_id": 1, "email": "kim@example.org"}])
    data_map = desk(
        users=f"name: _id\n{identity('email')}", events=f"name: _id\n{reference('user', 'users._id')}"
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    findings = await world.find(data_map)
    assert findings.total == 100_001
    for _ in range(2):
        seen = {found.id["_id"] % 100_000 for found in findings.of("desk.events") if found.owned}
        assert len(seen) == 100_000
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 60, f"{grown} MiB for {sys.getsizeof(seen) >> 20} MiB of ids"


async def test_a_store_that_takes_too_long_has_not_said_that_there_is_nothing(
    world: World, mongo_url: str
) -> None:
    await world.fill(users=[{"_id": n, "email": f"p{n}@example.org"} for n in range(20_000)])
    url = f"{mongo_url}&timeoutMS=1&readPreference=secondaryPreferred"
    stores = Stores.connect({"default": url}, database_prefix=world.prefix)
    with pytest.raises(StoreUnavailable):
        await gather(desk(users=f"name: _id\n{identity('email')}"), stores, PERSON)
    stores.close()


async def test_how_long_a_query_may_run_is_what_the_url_says(world: World, mongo_url: str) -> None:
    await world.fill(users=[{"_id": 1, "email": "kim@example.org"}])
    patience = []

    class Limits(Commands):
        def started(self, event: monitoring.CommandStartedEvent) -> None:
            if event.command_name == "find":
                patience.append(event.command["maxTimeMS"])

    for more in ("", "&timeoutMS=9000"):
        client = Client(f"{mongo_url}{more}", event_listeners=[Limits()], tz_aware=True)
        stores = Stores({"default": client}, database_prefix=world.prefix)
        assert (await gather(desk(users=f"name: _id\n{identity('email')}"), stores, PERSON)).total == 1
        client.close()
    assert patience[0] == batch_lookup.PATIENCE_MS
    assert patience[1] <= 9_000


async def test_request_due_first_is_looked_up_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_lookup, "VALUES_PER_SCAN", 1)
    await world.fill(users=[{"_id": n, "email": f"p{n}@example.org"} for n in range(4)])
    data_map = desk(users=f"name: _id\n{identity('email')}")
    done: list[int] = []

    async def look_up(number: int, due: date | None) -> None:
        stores = world.stores if due is None else world.stores.due_on(due)
        found = await gather(data_map, stores, {"email": (f"p{number}@example.org",)})
        assert ids(found) == {("users", number)}
        done.append(number)

    days = [None, date(2026, 3, 1), date(2026, 1, 1), date(2026, 2, 1)]
    await asyncio.gather(*(look_up(number, day) for number, day in enumerate(days)))
    assert done == [2, 3, 1, 0]


REVIEWS = desk(
    users=f"name: _id\n{identity('email')}\n{identity('number', 'customer_no')}",
    reviews="\n".join(
        ("name: _id", identity("email"), identity("seller", "seller_no"), identity("phone", "phone_number"))
    ),
    payouts=f"name: _id\n{identity('seller', 'seller_no')}",
    calls=f"name: _id\n{identity('phone', 'phone_number')}",
    tickets=f"name: _id\n{identity('number', 'customer_no')}",
)


async def test_another_persons_number_in_the_record_leads_nowhere(world: World) -> None:
    await world.fill(
        users=[{"_id": 1, "email": "kim@example.org", "number": 7}],
        reviews=[
            {"_id": 1, "email": "kim@example.org", "seller": 1, "phone": "+353209100101"},
            {"_id": 2, "email": "kim@example.org", "seller": 2, "phone": "+353209100102"},
        ],
        payouts=[{"_id": 1, "seller": 1}, {"_id": 2, "seller": 2}],
        calls=[{"_id": 1, "phone": "+353209100101"}, {"_id": 2, "phone": "+353209100102"}],
        tickets=[{"_id": 1, "number": 7}],
    )
    found = {("users", 1), ("reviews", 1), ("reviews", 2)}
    assert ids(await world.find(REVIEWS)) == found


@pytest.mark.parametrize(("claimed", "tickets"), [("7", {("tickets", 1)}), ("8", set())])
async def test_what_the_person_claims_leads_on_where_their_own_record_says_so(
    world: World, claimed: str, tickets: set[tuple[str, int]]
) -> None:
    await world.fill(
        users=[
            {"_id": 1, "email": "kim@example.org", "number": 7},
            {"_id": 2, "email": "lou@example.org", "number": 8},
        ],
        tickets=[{"_id": 1, "number": "7"}, {"_id": 2, "number": "8"}],
        **{name: [{"_id": 9}] for name in ("reviews", "payouts", "calls")},
    )  # fmt: skip
    findings = await gather(REVIEWS, world.stores, PERSON, claimed={"customer_no": (claimed,)})
    assert ids(findings) == {("users", 1)} | tickets


@pytest.mark.parametrize(
    ("told", "same"), [("kim@example.org", True), ("KIM+x@example.org", True), ("kim", False)]
)
async def test_an_address_with_a_tag_is_the_same_where_the_map_says_so(
    world: World, told: str, *, same: bool
) -> None:
    plain = desk(users=f"name: _id\n{identity('email')}")
    tagged = desk(users=f"name: _id\n{identity('email').replace('verified: always', 'plus_tags: true')}")
    await world.fill(
        users=[
            {"_id": 1, "email": "Kim@example.org"},
            {"_id": 2, "email": "kim+news@example.org"},
            {"_id": 3, "email": "kima@example.org"},
            {"_id": 4, "email": "kim+@example.com"},
        ]
    )
    assert ids(await world.find(tagged, {"email": (told,)})) == (
        {("users", 1), ("users", 2)} if same else set()
    )
    assert len(ids(await world.find(plain, {"email": (told,)}))) <= 1
