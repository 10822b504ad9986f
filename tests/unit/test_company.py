import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from habeas.embedded.company import ADA, BRUNO, INDEXES, DemoPerson, generate
from services.fulfillment.datamap.reader import load
from services.fulfillment.erasure.expiry import limited_collections
from shared.runtime.mongo import Binary, Decimal128, Document, Int64, ObjectId

TODAY = date(2026, 11, 25)
SEED = 7
MAP = Path(__file__).parents[2] / "datamaps" / "example"
SYSTEM_COLLECTIONS = {("ops", "sites")}
TYPES: dict[type, str] = {
    ObjectId: "object_id",
    Int64: "long",
    Decimal128: "decimal",
    bytes: "binary",
    str: "string",
    int: "integer",
    float: "float",
    bool: "boolean",
    datetime: "datetime",
    dict: "object",
}
UUID_SUBTYPE = 4

Collection = tuple[str, str]
Paths = dict[str, str]


@pytest.fixture(scope="module")
def records() -> list[tuple[str, str, Document]]:
    return list(generate(SEED, 600, today=TODAY))


@pytest.fixture(scope="module")
def declared() -> dict[Collection, Paths]:
    return {
        (dataset["fides_key"], collection["name"]): dict(_declared_paths(collection["fields"]))
        for dataset, collection in _collections()
    }


@pytest.mark.slow
def test_the_same_seed_gives_the_same_company() -> None:
    once, again = (list(generate(SEED, 50, today=TODAY)) for _ in range(2))
    assert once == again


@pytest.mark.slow
def test_another_seed_gives_another_company() -> None:
    assert list(generate(SEED, 50, today=TODAY)) != list(generate(SEED + 1, 50, today=TODAY))


@pytest.mark.slow
def test_there_are_as_many_people_as_asked_for() -> None:
    contacts = [d for _, c, d in generate(SEED, 123, today=TODAY) if c == "contacts"]
    assert len(contacts) == 123


@pytest.mark.slow
def test_no_two_documents_share_an_id_and_no_two_people_a_mailbox_or_a_number(
    records: list[tuple[str, str, Document]],
) -> None:
    ids = [(database, collection, document["_id"]) for database, collection, document in records]
    contacts = [document for _, collection, document in records if collection == "contacts"]
    emails = [contact["email"].casefold() for contact in contacts]
    phones = [phone for contact in contacts for phone in contact.get("phones", [])]
    assert len(set(ids)) == len(ids)
    assert len(set(emails)) == len(emails)
    assert len(set(phones)) == len(phones)


@pytest.mark.slow
def test_the_map_declares_exactly_the_collections_and_fields_there_are(
    records: list[tuple[str, str, Document]], declared: dict[Collection, Paths]
) -> None:
    found: dict[Collection, set[str]] = {}
    for database, collection, document in records:
        found.setdefault((database, collection), set()).update(path for path, _ in _paths(document))
    assert found == {where: set(paths) for where, paths in declared.items()}


@pytest.mark.slow
def test_every_value_has_the_declared_type_or_is_null(
    records: list[tuple[str, str, Document]], declared: dict[Collection, Paths]
) -> None:
    wrong = {
        (database, collection, path, kind)
        for database, collection, document in records
        for path, kind in _paths(document)
        if kind not in ("null", "[]", declared[database, collection][path])
    }
    assert wrong == set()


@pytest.mark.slow
def test_every_usual_type_of_value_occurs(declared: dict[Collection, Paths]) -> None:
    kinds = {kind.removesuffix("[]") for paths in declared.values() for kind in paths.values()}
    assert kinds >= {*TYPES.values(), "uuid"}


@pytest.mark.slow
@pytest.mark.parametrize("person", [pytest.param(ADA, id="access"), pytest.param(BRUNO, id="erasure")])
def test_both_demo_people_appear_in_every_collection_of_people(
    records: list[tuple[str, str, Document]], declared: dict[Collection, Paths], person: DemoPerson
) -> None:
    keys = _keys(records, person)
    found = {
        (database, collection) for database, collection, document in records if _mentions(document, keys)
    }
    assert found == set(declared) - SYSTEM_COLLECTIONS


@pytest.mark.slow
@pytest.mark.parametrize("person", [pytest.param(ADA, id="access"), pytest.param(BRUNO, id="erasure")])
def test_their_address_is_spelled_in_another_case_where_billing_wrote_it(
    records: list[tuple[str, str, Document]], person: DemoPerson
) -> None:
    emails = {d["email"] for _, c, d in records if c == "customers"}
    assert person.email not in emails
    assert person.email in {email.casefold() for email in emails}


@pytest.mark.parametrize("person", [pytest.param(ADA, id="access"), pytest.param(BRUNO, id="erasure")])
def test_they_have_invoices_on_both_sides_of_the_retention_period(
    records: list[tuple[str, str, Document]], person: DemoPerson
) -> None:
    ten_years_ago = datetime(TODAY.year - 10, TODAY.month, TODAY.day, tzinfo=UTC)
    kept = {
        d["issued_at"] > ten_years_ago
        for _, c, d in records
        if c == "invoices" and d["billed_to"]["email"] == person.email
    }
    assert kept == {True, False}


def test_they_share_conversations_with_each_other_and_with_strangers(
    records: list[tuple[str, str, Document]],
) -> None:
    shared = [
        {message["email"].casefold() for message in document["messages"] if not message["staff"]}
        for _, collection, document in records
        if collection == "tickets" and _mentions(document, {BRUNO.name})
    ]
    assert shared
    assert all({ADA.email, BRUNO.email} < writers for writers in shared)


def test_no_demo_text_of_others_names_the_requester_of_the_erasure(
    records: list[tuple[str, str, Document]],
) -> None:
    texts = [
        message["body"]
        for _, collection, document in records
        if collection == "tickets"
        for message in document["messages"]
    ]
    assert not [text for text in texts if BRUNO.last in text or BRUNO.email in text.casefold()]


@pytest.mark.slow
def test_every_mailbox_lies_under_a_domain_reserved_for_examples(
    records: list[tuple[str, str, Document]],
) -> None:
    domains = {
        domain
        for _, _, document in records
        for text in _texts(document)
        for domain in re.findall(r"@([\w.-]*\w)", text)
    }
    assert domains
    assert not [d for d in domains if not re.search(r"(^|\.)example\.(com|org|net)$", d.casefold())]


def test_nothing_happened_after_today(records: list[tuple[str, str, Document]]) -> None:
    planned = {"expires_on", "due_at"}
    late = [
        (collection, name)
        for _, collection, document in records
        for name, value in document.items()
        if isinstance(value, datetime) and name not in planned and value.date() > TODAY
    ]
    assert late == []


@pytest.mark.slow
def test_there_is_an_index_for_every_field_that_a_request_or_a_period_is_looked_up_by() -> None:
    needed = {
        (dataset["fides_key"], collection["name"], path)
        for dataset, collection in _collections()
        for path, meta in _lookups(collection["fields"])
        if path != "_id" and (meta.get("identity") or meta.get("references"))
    }
    limited = limited_collections(load(MAP))
    starts = {(one.dataset, one.name, one.retention.start) for one in limited if one.retention}
    assert set(INDEXES) == needed | starts


def _collections() -> Iterator[tuple[Document, Document]]:
    for file in sorted(MAP.glob("*.yml")):
        for dataset in yaml.safe_load(file.read_text(encoding="utf-8"))["dataset"]:
            for collection in dataset["collections"]:
                yield dataset, collection


def _declared_paths(fields: list[Document], prefix: str = "") -> Iterator[tuple[str, str]]:
    for path, meta in _lookups(fields, prefix):
        yield path, meta["data_type"]


def _lookups(fields: list[Document], prefix: str = "") -> Iterator[tuple[str, Document]]:
    for declared in fields:
        path = prefix + declared["name"]
        yield path, declared["fides_meta"]
        yield from _lookups(declared.get("fields", []), f"{path}.")


def _paths(document: Document, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every field of *document*, embedded ones with dots, and the type of its value."""
    for name, value in document.items():
        path = prefix + name
        yield path, _kind(value)
        for element in value if isinstance(value, list) else [value]:
            if isinstance(element, dict):
                yield from _paths(element, f"{path}.")


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        kinds = {_kind(element) for element in value}
        return "/".join(sorted(kinds)) + "[]"
    if isinstance(value, Binary) and value.subtype == UUID_SUBTYPE:
        return "uuid"
    return TYPES[type(value)]


def _keys(records: list[tuple[str, str, Document]], person: DemoPerson) -> set[Any]:
    """Return what records of *person* can be told by: the name, the address, the ids of the own records."""
    contact = next(d for _, c, d in records if c == "contacts" and d["email"] == person.email)
    return {person.email, person.name, contact["_id"], contact["customer_id"]}


def _mentions(value: Any, keys: set[Any]) -> bool:
    if isinstance(value, dict):
        return any(_mentions(inner, keys) for inner in value.values())
    if isinstance(value, list):
        return any(_mentions(inner, keys) for inner in value)
    return any(value == key for key in keys)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
