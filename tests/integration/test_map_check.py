"""What `habeas map check` finds in real databases, each with its place, and what it leaves in peace."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from habeas.embedded.company import fill, generate, holds_company
from services.fulfillment.datamap.reader import load, parse
from services.fulfillment.datamap.yaml_loader import MapError
from services.fulfillment.map_check import check
from services.fulfillment.map_check.report import MapReporter
from services.fulfillment.package.labels import LANGUAGES
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Client, DBRef, Decimal128, Document, Int64, ObjectId, json_util
from shared.runtime.service_reports import MAP_REPORT, reports_in
from tests.integration.forked_processes import said

EXAMPLE = Path(__file__).parents[2] / "datamaps" / "example"
MAIL = "data_categories: [user.contact.email]"
NEVER = "meta: { habeas: { verified: never } }"
EMAIL = f"{{ name: email, {MAIL}, fides_meta: {{ identity: email, data_type: string }}, {NEVER} }}"

STORAGE = f"{{ {', '.join(f'{language}: As long as the desk exists' for language in LANGUAGES)} }}"
"""In the languages of letters."""


def mapped(*fields: str, meta: str = "{}", collection: str = "notes", more: str = "") -> str:
    """A map of one collection; its fields stand on lines 8 and after."""
    lines = "\n".join(f"          - {field}" for field in fields)
    return f"""dataset:
  - fides_key: desk
    collections:
      - name: {collection}
        meta: {{ habeas: {meta} }}
        fields:
          - {{ name: _id, fides_meta: {{ primary_key: true }} }}
{lines}
{more}
    meta: {{ habeas: {{ storage: {STORAGE}, purpose: {STORAGE}, legal_basis: {STORAGE} }} }}
"""


@dataclass(frozen=True)
class Desk:
    """A database and the checks of maps against it."""

    client: Client
    prefix: str

    @property
    def database(self) -> Any:
        return self.client[self.prefix + "desk"]

    async def insert(self, *documents: Document, name: str = "notes") -> None:
        await self.database[name].insert_many(list(documents))

    async def flaws(self, text: str) -> tuple[MapError, ...]:
        stores = Stores({"default": self.client}, database_prefix=self.prefix)
        return await check(parse({"map.yml": text}), stores)

    async def told(self, text: str, *, remarks: bool) -> list[str]:
        return [f"{flaw.where}: {flaw.what}" for flaw in await self.flaws(text) if flaw.remark is remarks]

    async def wrong(self, text: str) -> list[str]:
        return await self.told(text, remarks=False)

    async def remarks(self, text: str) -> list[str]:
        return await self.told(text, remarks=True)

    async def index(self, path: str = "email", **options: Any) -> None:
        await self.database["notes"].create_index(path, **options)


@pytest_asyncio.fixture
async def desk(mongo_client: Client, database_prefix: str) -> AsyncIterator[Desk]:
    yield Desk(mongo_client, database_prefix)


KIM: Mapping[str, Any] = {"_id": 1, "email": "kim@example.org"}
CASELESS = {"locale": "en", "strength": 2}


async def test_the_example_map_fits_the_company_to_the_last_type(
    mongo_client: Client, database_prefix: str, mongo_url: str
) -> None:
    assert not await holds_company(mongo_url, database_prefix)
    await fill(mongo_url, generate(5, 40, today=date(2026, 11, 25)), prefix=database_prefix)
    assert await holds_company(mongo_url, database_prefix)
    stores = Stores({"default": mongo_client}, database_prefix=database_prefix)
    flaws = await check(load(EXAMPLE), stores)
    assert [flaw for flaw in flaws if flaw.severity != "remark"] == []
    assert not [flaw for flaw in flaws if "declared as" in flaw.what or "not declared" in flaw.what]


# --- look-ups -----------------------------------------------------------------------------------------


async def test_look_up_that_scans_the_collection_is_reported_with_the_missing_index(desk: Desk) -> None:
    await desk.insert(dict(KIM))
    [flaw] = await desk.flaws(mapped(EMAIL))
    assert (flaw.where, flaw.remark) == ("map.yml:8", True)
    assert flaw.what == "looking up `email` ignoring case in `desk.notes` reads the whole collection"
    assert flaw.remedy.startswith(
        'db.getSiblingDB("desk").getCollection("notes").createIndex({"email": 1}, {co'
    )
    await desk.index(collation=CASELESS)
    assert await desk.flaws(mapped(EMAIL)) == ()


async def test_an_ordinary_index_is_enough_for_few_addresses_and_not_for_many(desk: Desk) -> None:
    await desk.insert(dict(KIM))
    await desk.index()
    [told] = await desk.remarks(mapped(EMAIL))
    assert "is slow for many people at once" in told


NUMBER = f"{{ name: number, fides_meta: {{ identity: customer_no, data_type: long }}, {NEVER} }}"


@pytest.mark.parametrize(
    ("options", "used"),
    [
        pytest.param({}, True, id="ordinary"),
        pytest.param({"hidden": True}, False, id="hidden from the planner"),
        pytest.param({"partialFilterExpression": {"number": {"$gt": 100}}}, False, id="of some documents"),
        pytest.param({"sparse": True}, True, id="sparse"),
    ],
)
async def test_whether_an_index_answers_is_the_databases_own_account(
    desk: Desk, options: Mapping[str, Any], used: bool
) -> None:
    await desk.insert({"_id": 1, "number": Int64(7)})
    await desk.index("number", **options)
    told = await desk.remarks(mapped(NUMBER))
    assert told == (
        [] if used else ["map.yml:8: looking up `number` in `desk.notes` reads the whole collection"]
    )


async def test_an_index_that_only_begins_with_another_field_answers_nothing(desk: Desk) -> None:
    await desk.insert({"_id": 1, "number": Int64(7)})
    await desk.database["notes"].create_index([("other", 1), ("number", 1)])
    assert len(await desk.remarks(mapped(NUMBER))) == 1


# --- fields and types ---------------------------------------------------------------------------------


async def test_an_identity_on_a_missing_field_is_wrong_and_the_likely_name_is_given(desk: Desk) -> None:
    await desk.insert({"_id": 1, "Email": "kim@example.org"})
    await desk.index()
    flaws = await desk.flaws(mapped(EMAIL, f"{{ name: Email, {MAIL} }}"))
    assert [(f.where, f.remark) for f in flaws if "has `email`" in f.what] == [("map.yml:8", False)]
    [flaw] = [f for f in await desk.flaws(mapped(EMAIL)) if "has `email`" in f.what]
    assert flaw.remedy == "correct the name: there is `Email`"


async def test_a_rare_identity_that_the_sample_missed_is_not_called_missing(desk: Desk) -> None:
    await desk.insert(*({"_id": n} for n in range(2, 9000)), dict(KIM))
    await desk.index(collation=CASELESS)
    assert await desk.wrong(mapped(EMAIL)) == []


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        pytest.param(
            "string", 7, "declared as `string` and holds `integer` in 1 of 1 documents", id="number"
        ),
        pytest.param("datetime", "2026", "declared as `datetime` and holds `string`", id="date as text"),
        pytest.param("long", 7, None, id="either integer"),
        pytest.param("float", 7, None, id="a whole fraction"),
        pytest.param("integer", 7.5, "holds `double`", id="a fraction"),
        pytest.param("decimal", Decimal128("1"), None, id="decimal"),
        pytest.param("string", None, None, id="null"),
        pytest.param("string[]", ["a", 1], "declared as `string[]` and holds `integer`", id="element"),
        pytest.param("float[]", [[1.5, 2.5], [3.5]], None, id="arrays of arrays"),
        pytest.param("string[]", "a", "holds a single value, not an array", id="no array"),
        pytest.param("string", {"a": 1}, "holds `object`", id="object"),
    ],
)
async def test_type_other_than_the_declared_one_is_reported(
    desk: Desk, kind: str, value: Any, told: str | None
) -> None:
    await desk.insert({**KIM, "field": value})
    await desk.index(collation=CASELESS)
    found = await desk.remarks(mapped(EMAIL, f'{{ name: field, fides_meta: {{ data_type: "{kind}" }} }}'))
    assert [text for text in found if (told or "") not in text] == []
    assert len(found) == (told is not None)
    assert await desk.wrong(mapped(EMAIL)) == []


def undeclared(path: str, count: int, whole: int) -> str:
    return f"map.yml:4: {count} of {whole} documents of `desk.notes` hold `{path}`, which is not declared"


async def test_an_identity_stored_in_another_type_than_is_declared_is_found_all_the_same(desk: Desk) -> None:
    await desk.insert({"_id": 1, "number": Int64(7)}, {"_id": 2, "number": "8"})
    await desk.index("number")
    as_text = NUMBER.replace("long", "string")
    assert await desk.wrong(mapped(as_text)) == []
    assert await desk.remarks(mapped(as_text)) == [
        "map.yml:8: `number` is declared as `string` and holds `long` in 1 of 2 documents"
    ]
    assert await desk.wrong(mapped(NUMBER)) == []


@pytest.mark.parametrize(
    ("identity", "value", "told"),
    [
        pytest.param("phone_number", "+41446681800", False, id="E.164"),
        pytest.param("phone_number", "+41 44 668 18 00", False, id="spaces"),
        pytest.param("phone_number", "0041446681800", False, id="two zeros"),
        pytest.param("phone_number", "+41 4466 81 8 00", False, id="spaces where nobody writes them"),
        pytest.param("phone_number", "044 668 18 00", True, id="no country code"),
        pytest.param("email", "kim@example.org ", True, id="blank at the end"),
        pytest.param("email", "Kim@example.org", False, id="capital"),
        pytest.param("badge", " 7", True, id="blank before a name of our own"),
    ],
)
async def test_an_identity_that_only_its_own_spelling_finds_is_remarked(
    desk: Desk, identity: str, value: str, told: bool
) -> None:
    await desk.insert({"_id": 1, "told": value})
    field = f"{{ name: told, fides_meta: {{ identity: {identity}, data_type: string }} }}"
    remark = "map.yml:8: `told` is written in 1 of 1 documents so that only the same spelling finds it"
    assert (remark in await desk.remarks(mapped(field))) is told


@pytest.mark.parametrize(
    ("told", "buried"),
    [
        ([["kim@example.org"]], True),
        (["kim@example.org", ["lou@example.org"]], True),
        (["kim@example.org"], False),
    ],
)
async def test_an_identity_in_an_array_of_arrays_is_found_by_nobody_and_wrong(
    desk: Desk, told: Any, *, buried: bool
) -> None:
    await desk.insert({"_id": 1, "told": told})
    field = '{ name: told, fides_meta: { identity: email, data_type: "string[]" } }'
    wrong = "map.yml:8: `told` lies in arrays of arrays in 1 of 1 documents"
    assert (wrong in await desk.wrong(mapped(field))) is buried


@pytest.mark.parametrize("members", [[[{"told": "kim@example.org"}]], [{"told": [["kim@example.org"]]}]])
async def test_an_identity_below_an_array_of_arrays_is_wrong_too(desk: Desk, members: Any) -> None:
    await desk.insert({"_id": 1, "members": members})
    told = "{ name: told, fides_meta: { identity: email } }"
    field = f'{{ name: members, fides_meta: {{ data_type: "object[]" }}, fields: [ {told} ] }}'
    wrong = "map.yml:8: `members.told` lies in arrays of arrays in 1 of 1 documents"
    assert wrong in await desk.wrong(mapped(field))


async def test_a_reference_that_is_a_pointer_of_a_drivers_is_wrong(desk: Desk) -> None:
    await desk.insert({"_id": 1, "told": DBRef("people", 1)}, {"_id": 2, "told": [DBRef("people", 1), 1]})
    field = "{ name: told, fides_meta: { identity: number } }"
    assert "map.yml:8: `told` holds a DBRef in 2 of 2 documents" in await desk.wrong(mapped(field))


async def test_a_text_where_fields_are_declared_stays_in_an_erasure_and_is_wrong(desk: Desk) -> None:
    home = "{ name: home, fields: [ { name: city, data_categories: [user.contact.address.city] } ] }"
    await desk.insert({**KIM, "home": "12 Long Lane"}, {"_id": 2, "home": {"city": "Bern"}})
    await desk.index(collation=CASELESS)
    assert await desk.wrong(mapped(EMAIL, home)) == [
        "map.yml:9: `home` holds a `string`, not an object, in 1 of 2 documents"
    ]
    assert await desk.wrong(mapped(EMAIL, home, meta="{ erasure: delete }")) == []


async def test_missing_storage_period_of_personal_data_is_reported(desk: Desk) -> None:
    await desk.insert(dict(KIM))
    unstated = mapped(EMAIL).replace(f"storage: {STORAGE}, ", "")
    what = "map.yml:4: `desk.notes` does not state how long its records are kept"
    assert what in await desk.remarks(unstated)
    assert what not in await desk.remarks(mapped(EMAIL))
    assert what not in await desk.remarks(
        unstated.replace(
            "meta: { habeas: {} }",
            "meta: { habeas: { retention: { keep: P1Y, from: now, because: Our policy } } }",
        )
    )


async def test_period_that_only_an_erasure_begins_is_remarked_with_the_fields_that_hold_a_day(
    desk: Desk,
) -> None:
    await desk.insert(dict(KIM))
    await desk.index(collation=CASELESS)
    day = "{ name: made_at, fides_meta: { data_type: datetime } }"
    text = mapped(EMAIL, day, meta="{ retention: { keep: P1Y, from: now, because: Our policy } }")
    [flaw] = [one for one in await desk.flaws(text) if "period" in one.what]
    assert (flaw.where, flaw.remark) == ("map.yml:4", True)
    assert flaw.what == "the period of `desk.notes` begins with an erasure: no record becomes due without one"
    assert flaw.remedy == "name the field with the day of a record in `from`: `made_at`"
    assert not [one for one in await desk.remarks(text.replace("from: now", "from: made_at")) if "due" in one]


async def test_search_for_ended_periods_that_scans_the_collection_has_the_missing_index(desk: Desk) -> None:
    await desk.insert({**KIM, "made_at": datetime(2026, 1, 1, tzinfo=UTC)})
    await desk.index(collation=CASELESS)
    meta = "{ retention: { keep: P1Y, from: made_at, because: Our policy } }"
    text = mapped(EMAIL, "{ name: made_at }", meta=meta)
    [flaw] = await desk.flaws(text)
    assert flaw.remark
    assert flaw.what == "finding records of `desk.notes` past their period reads the whole collection"
    assert flaw.remedy == 'db.getSiblingDB("desk").getCollection("notes").createIndex({"made_at": 1})'
    await desk.index("made_at")
    assert await desk.flaws(text) == ()


async def test_languages_that_texts_lack_are_remarked_in_one_line_for_the_same_texts(desk: Desk) -> None:
    await desk.insert(dict(KIM))
    german = mapped(EMAIL, meta="{ purpose: To help people, source: { en: The person, de: Von Ihnen } }")
    lacking = [one for one in await desk.remarks(german) if "texts for people" in one]
    assert lacking == [
        "map.yml:4: 1 texts for people have no `de`",
        "map.yml:4: 2 texts for people have no `es`, `fr`, `it`, `nl`, `pt`, `zh`",
    ]


async def test_retention_that_runs_from_no_date_is_reported(desk: Desk) -> None:
    meta = "{ retention: { keep: P1Y, from: at, because: a law } }"
    days: tuple[Any, ...] = (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01", 20260101, "1.1.2026", None)
    await desk.insert(*({"_id": n, "email": f"p{n}@example.org", "at": day} for n, day in enumerate(days)))
    await desk.index(collation=CASELESS)
    await desk.index("at")
    text = mapped(EMAIL, "{ name: at }", meta=meta)
    runs = "map.yml:4: `retention` runs from `at`, which holds"
    assert await desk.wrong(text) == [
        f"{runs} no date but `integer` in 1 of 5 documents",
        f"{runs} no date but `string` in 1 of 5 documents",
    ]
    assert await desk.remarks(text) == [f"{runs} nothing in 1 of 5 documents"]


# --- drift --------------------------------------------------------------------------------------------


async def test_undeclared_field_is_wrong_if_it_seems_personal(desk: Desk) -> None:
    await desk.insert(
        {**KIM, "mobile": "+41 44 668 18 00", "revision": 3},
        {"_id": 2, "profile": {"size": 4, "mail": "kim@example.org"}},
    )
    await desk.index(collation=CASELESS)
    assert await desk.wrong(mapped(EMAIL)) == [
        undeclared("mobile", 1, 2) + ": it seems to hold `user.contact.phone_number`",
        undeclared("profile", 1, 2) + ": it seems to hold `user.contact.email` in `profile.mail`",
    ]
    assert await desk.remarks(mapped(EMAIL)) == [undeclared("revision", 1, 2)]


async def test_possibly_personal_field_is_a_remark(desk: Desk) -> None:
    await desk.insert({**KIM, "name": "Zyx Wvuts"})
    await desk.index(collation=CASELESS)
    assert await desk.wrong(mapped(EMAIL)) == []
    assert await desk.remarks(mapped(EMAIL)) == [undeclared("name", 1, 1) + ": it may hold `user.name`"]


async def test_ten_plain_fields_are_named_and_the_others_counted(desk: Desk) -> None:
    await desk.insert({**KIM, **{f"flag_{letter}": True for letter in "abcdefghijklm"}})
    await desk.index(collation=CASELESS)
    told = await desk.remarks(mapped(EMAIL))
    assert len(told) == 11
    assert told[-1] == "map.yml:4: and 3 more undeclared fields in `desk.notes`"


async def test_undeclared_collection_is_wrong_if_it_seems_personal(desk: Desk) -> None:
    await desk.insert(dict(KIM))
    await desk.insert({"_id": 1, "email": "kim@example.org"}, name="letters")
    await desk.index(collation=CASELESS)
    [told] = await desk.wrong(mapped(EMAIL))
    assert "`letters`, which is not declared: it seems to hold `user.contact.email` in `email`" in told


LAMP = {
    "name": "Oak lamp",
    "description": "A warm light for reading. The shade is made of linen, and the base is of solid oak.",
    "body": "<p>Made by hand in a small workshop; each one differs a little from the next one.</p>",
    "price": 120,
}


@pytest.mark.parametrize(
    ("more", "suspected"),
    [
        pytest.param({}, set(), id="a product"),
        pytest.param({"customer_id": 7}, {"`body`"}, id="a text beside a customer"),
        pytest.param({"email": "kim@example.org"}, {"`body`", "`email`"}, id="a text beside an address"),
        pytest.param({"review": LAMP["description"]}, {"`review`"}, id="a text that a person wrote"),
    ],
)
async def test_text_about_a_product_is_not_called_personal(
    desk: Desk, more: Document, suspected: set[str]
) -> None:
    await desk.insert({"_id": 1}, name="goods")
    await desk.insert(*({"_id": n, **LAMP, **more} for n in range(9)), name="lamps")
    skipped = f"  - {{ name: goods, fields: [{{ name: _id }}, {EMAIL}] }}\n"
    skipped += "  - { name: lamps, fides_meta: { skip_processing: true }, fields: [{ name: _id }] }"
    text = f"dataset:\n- fides_key: desk\n  collections:\n{skipped}"
    found = [one.what for one in await desk.flaws(text) if "personal data in" in one.what]
    undeclared = "dataset:\n- fides_key: desk\n  collections:\n" + skipped.splitlines()[0]
    told = [one.what for one in await desk.flaws(undeclared) if "a collection `lamps`" in one.what]
    for one in ("`description`", "`body`", "`email`", "`review`"):
        assert (one in " ".join(found)) is (one in suspected)
        if one != "`description`" or not suspected:
            assert (one in " ".join(told)) is (one in suspected)


async def test_collection_not_named_in_the_map_is_reported(desk: Desk) -> None:
    await desk.insert(dict(KIM))
    await desk.insert({"_id": 1, "colour": "blue"}, name="paints")
    await desk.index(collation=CASELESS)
    assert await desk.remarks(mapped(EMAIL)) == [
        "map.yml:4: the database `desk` has a collection `paints`, which is not declared"
    ]


# --- references ---------------------------------------------------------------------------------------

LINKED = """      - name: bills
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: note
            fides_meta: { references: [ { dataset: desk, field: notes._id, direction: from } ] }
"""


async def test_ends_of_different_types_and_values_without_partner_are_remarked(desk: Desk) -> None:
    here = ObjectId("65f0c0ffee65f0c0ffee0001")
    await desk.insert({**KIM, "_id": here})
    await desk.insert(
        {"_id": 1, "note": str(here)}, {"_id": 2, "note": "65f0c0ffee65f0c0ffee0002"}, name="bills"
    )
    await desk.index(collation=CASELESS)
    told = await desk.remarks(mapped(EMAIL, more=LINKED))
    assert "map.yml:13: `note` holds `string`, `desk.notes._id` holds `object_id`" in told
    assert "map.yml:13: 1 of 2 values of `note` have no partner in `desk.notes._id`" in told


async def test_a_reference_that_agrees_is_not_remarked_on(desk: Desk) -> None:
    await desk.insert(dict(KIM))
    await desk.insert({"_id": 1, "note": 1.0}, {"_id": 2, "note": None}, name="bills")
    await desk.index(collation=CASELESS)
    await desk.database["bills"].create_index("note")
    assert await desk.flaws(mapped(EMAIL, more=LINKED)) == ()


# --- what the database would refuse ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "options", "field", "expected"),
    [
        pytest.param(["email"], {}, EMAIL, True, id="null twice"),
        pytest.param(["tenant", "email"], {}, EMAIL, True, id="null twice for one tenant"),
        pytest.param(["_id", "email"], {}, EMAIL, False, id="told apart by the key"),
        pytest.param(["tenant"], {}, EMAIL, False, id="not masked"),
        pytest.param(
            ["email"],
            {"partialFilterExpression": {"email": {"$type": "string"}}},
            EMAIL,
            False,
            id="null leaves",
        ),
        pytest.param(
            ["email"], {"partialFilterExpression": {"email": {"$exists": True}}}, EMAIL, True, id="null stays"
        ),
        pytest.param(
            ["email"],
            {},
            EMAIL.replace("identity", "masking_strategy_override: { strategy: hash }, identity"),
            False,
            id="hashed",
        ),
        pytest.param(
            ["email"],
            {"sparse": True},
            EMAIL.replace("identity", "masking_strategy_override: { strategy: delete }, identity"),
            False,
            id="removed from a sparse index",
        ),
    ],
)
async def test_unique_index_that_takes_the_mask_once_is_reported(
    desk: Desk, keys: list[str], options: Mapping[str, Any], field: str, expected: bool
) -> None:
    await desk.insert({**KIM, "tenant": 1})
    await desk.database["notes"].create_index([(key, 1) for key in keys], unique=True, **options)
    flaws = await desk.flaws(mapped(field, "{ name: tenant }"))
    assert [flaw.where for flaw in flaws if "is unique" in flaw.what] == (["map.yml:8"] if expected else [])


SCHEMA = {"$jsonSchema": {"properties": {"email": {"bsonType": "string"}}}}


@pytest.mark.parametrize(
    ("validator", "told"),
    [
        pytest.param(SCHEMA, [True], id="schema that allows no null, but a missing field"),
        pytest.param({"email": {"$type": "string"}}, [True], id="query"),
        pytest.param({"$jsonSchema": {"required": ["email"]}}, [], id="schema that null passes"),
        pytest.param({"email": {"$regex": "^kim@example[.]org$"}}, [False], id="nothing else passes"),
    ],
)
async def test_mask_that_a_validator_would_refuse_is_reported(
    desk: Desk, validator: Mapping[str, Any], told: list[bool]
) -> None:
    await desk.insert(dict(KIM))
    await desk.database.command("collMod", "notes", validator=validator)
    flaws = await desk.flaws(mapped(EMAIL))
    refused = "the validator of `desk.notes` refuses `email` once it is masked (`null_rewrite`)"
    assert [flaw.remark for flaw in flaws if flaw.what == refused] == told


async def test_masks_refused_only_together_by_a_validator_are_reported(desk: Desk) -> None:
    await desk.insert({**KIM, "name": "Kim Example"})
    either = {"$or": [{"email": {"$ne": None}}, {"name": {"$ne": None}}]}
    await desk.database.command("collMod", "notes", validator=either)
    flaws = await desk.flaws(mapped(EMAIL, "{ name: name, data_categories: [user.name] }"))
    [refused] = [flaw for flaw in flaws if "validator" in flaw.what]
    assert refused.what == "the validator of `desk.notes` refuses a document once it is masked"


async def test_a_validator_that_only_warns_refuses_nothing(desk: Desk) -> None:
    await desk.insert(dict(KIM))
    await desk.database.command("collMod", "notes", validator=SCHEMA, validationAction="warn")
    assert not [flaw for flaw in await desk.flaws(mapped(EMAIL)) if "validator" in flaw.what]


async def test_a_view_cannot_be_erased_in(desk: Desk) -> None:
    await desk.insert(dict(KIM))
    await desk.database.command("create", "seen", viewOn="notes", pipeline=[])
    assert "map.yml:4: `desk.seen` is a view: nothing can be erased in it" in await desk.wrong(
        mapped(EMAIL, collection="seen")
    )


async def test_a_collection_that_refuses_to_be_looked_at_hides_no_other(desk: Desk) -> None:
    await desk.insert(dict(KIM))
    failing = {"$addFields": {"x": {"$divide": [1, {"$subtract": ["$_id", "$_id"]}]}}}
    await desk.database.command("create", "bills", viewOn="notes", pipeline=[failing])
    [slow, refused] = await desk.flaws(mapped(EMAIL, more=LINKED))
    assert "whole collection" in slow.what
    assert (refused.where, refused.remark) == ("map.yml:9", False)
    assert "MongoDB refused" in refused.what


KEPT = "{ name: kept, fields: [ { name: a } ] }"


async def test_no_finding_repeats_a_value(desk: Desk) -> None:
    secret = "Quincy@example.org"
    await desk.insert(
        {"_id": secret, "email": [secret], "name": secret, "other": {secret: secret}, "kept": {secret: 1}}
    )
    flaws = await desk.flaws(mapped(EMAIL, "{ name: name, fides_meta: { data_type: long } }", KEPT))
    assert len(flaws) > 3
    assert "quincy" not in json.dumps([(f.where, f.what, f.remedy) for f in flaws]).lower()


COMPOSITE = """dataset:
  - fides_key: desk
    collections:
      - name: notes
        fields:
          - { name: email, fides_meta: { identity: email } }
          - { name: tenant, fides_meta: { references: [ { dataset: desk, field: seats.tenant } ] } }
          - { name: seat, fides_meta: { references: [ { dataset: desk, field: seats.seat } ] } }
      - name: seats
        fields:
          - { name: tenant, fides_meta: { primary_key: true } }
          - { name: seat, fides_meta: { primary_key: true } }
"""


async def test_a_composite_key_is_looked_up_by_one_index(desk: Desk) -> None:
    await desk.insert({**KIM, "tenant": 1, "seat": 2})
    await desk.insert({"_id": 1, "tenant": 1, "seat": 2}, name="seats")
    slow = "looking up `tenant` with `seat` in `desk.seats` reads the whole collection"
    assert [text for text in await desk.remarks(COMPOSITE) if slow in text]
    await desk.database["seats"].create_index([("tenant", 1), ("seat", 1)])
    assert not [text for text in await desk.remarks(COMPOSITE) if slow in text]


@pytest.mark.parametrize("said", ["always", "never", "{ field: at }", ""])
async def test_identity_that_does_not_state_its_verification_is_reported(desk: Desk, said: str) -> None:
    await desk.insert({**KIM, "at": datetime(2025, 3, 1, tzinfo=UTC)})
    await desk.index()
    stated = f", meta: {{ habeas: {{ verified: {said} }} }}" if said else ""
    email = f"{{ name: email, {MAIL}, fides_meta: {{ identity: email }}{stated} }}"
    found = await desk.remarks(mapped(email, "{ name: at }"))
    told = "map.yml:8: `email` does not state whether its value is verified"
    assert (told in found) is (not said)
    assert len([text for text in found if "verified" in text]) == (0 if said else 1)


async def test_collection_that_never_existed_is_an_open_point_and_a_misspelt_one_is_wrong(
    desk: Desk,
) -> None:
    await desk.insert({"_id": 1, "email": "kim@example.org"})
    more = "      - { name: %s, fields: [ { name: _id }, " + EMAIL + " ] }"
    what = "map.yml:9: the database `desk` has no collection"
    found = await desk.flaws(mapped(EMAIL, more=more % "polls"))
    assert [one.severity for one in found if "`polls`: it counts as empty" in one.what] == ["open"]
    assert f"{what} `polls`: it counts as empty until it exists, unless it disappeared" in {
        f"{one.where}: {one.what}" for one in found
    }
    await desk.insert({"_id": 1}, name="surveys")
    assert f"{what} `survey`" in await desk.wrong(mapped(EMAIL, more=more % "survey"))


@pytest.mark.parametrize(
    ("stated", "remarked"),
    [("verified: never", True), ("verified: never, ownership: element", False)],
)
async def test_identity_in_an_array_without_stated_ownership_is_reported(
    desk: Desk, stated: str, *, remarked: bool
) -> None:
    await desk.insert({"_id": 1, "cc": ["kim@example.org"]})
    field = f'{{ name: cc, {MAIL}, fides_meta: {{ identity: email, data_type: "string[]" }}'
    what = "map.yml:8: `cc` does not state what a match in its array makes the person's"
    found = await desk.remarks(mapped(f"{field}, meta: {{ habeas: {{ {stated} }} }} }}"))
    assert (what in found) is remarked


async def test_reference_by_an_editable_field_is_reported(desk: Desk) -> None:
    await desk.insert(dict(KIM))
    await desk.insert({"_id": 1, "note": 1}, name="bills")
    editable = f"{LINKED}            meta: {{ habeas: {{ editable: true }} }}\n"
    told = "the reference of `note` is not followed: `note` is `editable`"
    assert [text for text in await desk.remarks(mapped(EMAIL, more=editable)) if told in text]


def shown(kind: str) -> str:
    """The first block of a kind on the page about data maps."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "data-map.md").read_text(encoding="utf-8")
    return page.partition(f"```{kind}\n")[2].partition("```")[0]


async def test_the_findings_that_are_shown_are_those_of_the_example(
    mongo_client: Client, database_prefix: str
) -> None:
    for name, documents in json_util.loads(shown("json")).items():
        await mongo_client[f"{database_prefix}shop"][name].insert_many(documents)
    stores = Stores({"default": mongo_client}, database_prefix=database_prefix)
    flaws = await check(parse({"shop.yml": shown("yaml")}), stores)
    told = [f"{flaw.severity:6}  {flaw.where}: {flaw.what}" for flaw in flaws]
    assert told == shown("text").splitlines()


# --- the command --------------------------------------------------------------------------------------


async def command(*arguments: str) -> tuple[int, str]:
    code, told, _ = await said("habeas", ("map", *arguments))
    return code, told


async def test_strict_command_ends_1_for_documents_with_personal_data_that_no_request_finds(
    desk: Desk, mongo_url: str, tmp_path: Path
) -> None:
    await desk.insert(dict(KIM))
    await desk.insert({"_id": 1, "iban": "DE89370400440532013000"}, name="bills")
    await desk.index(collation=CASELESS)
    skipped = "      - name: bills\n        fides_meta: { skip_processing: true }\n"
    (tmp_path / "map.yml").write_text(
        mapped(EMAIL, more=skipped).replace("fides_key: desk", f"fides_key: {desk.prefix}desk")
    )
    where = ("--map", str(tmp_path), "--stores", json.dumps({"default": mongo_url}))
    code, told = await command("check", *where)
    assert code == 0
    skip = f"1 of 2 documents are skipped and may hold personal data: {desk.prefix}desk.bills"
    assert told.splitlines()[-1] == f"nothing wrong, but {skip} (1 open)"
    code, _ = await command("check", *where, "--strict")
    assert code == 1


async def test_the_command_ends_1_when_an_answer_would_be_wrong(
    desk: Desk, mongo_url: str, tmp_path: Path
) -> None:
    await desk.insert(dict(KIM))
    (tmp_path / "map.yml").write_text(
        mapped(EMAIL).replace("fides_key: desk", f"fides_key: {desk.prefix}desk")
    )
    where = ("--map", str(tmp_path), "--stores", json.dumps({"default": mongo_url}))
    code, told = await command("check", *where, "--json")
    [flaw] = json.loads(told)
    assert (code, flaw["severity"], flaw["file"], flaw["line"]) == (0, "remark", "map.yml", 8)
    await desk.insert({"_id": 2, "phone": "+41 44 668 18 00"})
    code, told = await command("check", *where)
    assert code == 1
    assert "wrong   map.yml:4: 1 of 2 documents of" in told
    assert told.splitlines()[-1] == "1 wrong, 1 remark"


async def test_report_keeps_the_findings_of_the_current_data_map_alone(desk: Desk) -> None:
    stores = Stores({"default": desk.client}, database_prefix=desk.prefix)
    ours = desk.client[f"{desk.prefix}ours"]

    def reporter(text: str) -> MapReporter:
        return MapReporter(ours, parse({"map.yml": text}), stores, timedelta(hours=1))

    async def stored() -> Document:
        found: Document | None = await reports_in(ours).find_one({"_id": MAP_REPORT})
        assert found is not None
        return found

    await desk.insert({"_id": 2, "phone": "+41 44 668 18 00"})
    old = reporter(mapped(EMAIL))
    await old.prepare()
    await old.check()
    checked = await stored()
    assert "1 of 1 documents of" in str([one["what"] for one in checked["findings"]])
    assert "668" not in str(checked), "a value of a record"
    await old.prepare()
    assert (await stored())["findings"] == checked["findings"]
    new = reporter(mapped(EMAIL, collection="letters"))
    await new.prepare()
    await old.check()
    now = await stored()
    assert (now["version"], now["collections"][0]["key"]) == (new.data_map.version, "desk.letters")
    assert "user.contact.email" in now["categories"]
    assert "findings" not in now
