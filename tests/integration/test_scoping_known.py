"""Whom a breach of data that is known would concern: exactly those who are in it, by a count of our own."""

import json
import os
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from habeas.embedded.company import fill, generate
from habeas.embedded.company.people import ADA, BRUNO
from habeas.embedded.company.portal import STAFF
from habeas.embedded.installation import COMPANY
from services.fulfillment.breach.affected import AffectedPerson
from services.fulfillment.breach.dry_run import _People
from services.fulfillment.breach.obligations import PolicyEditions
from services.fulfillment.breach.places import place_of
from services.fulfillment.datamap.reader import load, parse
from shared.contract.breach_facts import groups_by_law
from shared.law.library import breach_policies, company
from shared.runtime.mongo import Client, insert_new
from tests.conftest import PREFIXED
from tests.integration.pipeline import EXAMPLE, command, datamap
from tests.integration.scope_fixture import Installation, declared
from tests.integration.test_sample_mflix import SET, documents

TODAY = date(2026, 11, 27)
PORTAL = ("contacts", "accounts", "sessions", "tickets", "newsletter")


async def of_company(client: Client, mongo_url: str, prefix: str) -> Installation:
    await fill(mongo_url, generate(5, 60, today=TODAY), prefix=prefix)
    return Installation(client, prefix, load(EXAMPLE))


async def everything(installed: Installation, database: str, name: str) -> list[dict[str, Any]]:
    return [one async for one in installed.business(database, name).find()]


@pytest.mark.skipif(not SET.is_dir(), reason="the data set is not beside the repository")
async def test_of_a_public_data_set_everybody_is_found_once(
    mongo_client: Client, database_prefix: str
) -> None:
    data = dict(documents())
    for name, loaded in data.items():
        await insert_new(mongo_client[f"{database_prefix}sample_mflix"][name], loaded)
    text = (SET / "datamap.yml").read_text(encoding="utf-8")
    installed = Installation(mongo_client, database_prefix, parse({"map.yml": text}))
    named = [{"collection": f"sample_mflix.{name}"} for name in ("users", "comments", "sessions")]
    told = await installed.scoped(declared(collections=named))

    held: dict[str, set[str]] = defaultdict(set)
    for one in data["users"]:
        kinds = {"user.contact.email", "user.name", "user.authorization.password"}
        held[one["email"].lower()] |= kinds | ({"user.account.settings"} if one.get("preferences") else set())
    for one in data["comments"]:
        held[one["email"].lower()] |= {"user.contact.email", "user.name", "user.content.public"}
    for one in data["sessions"]:
        address = one.get("user_id") or one["email"]
        held[address.lower()] |= {"user.contact.email", "user.authorization.credentials"}
    written = await installed.written_to()
    reached = {address: categories for address, categories in held.items() if "@" in address}
    assert {a.lower(): set(one.categories) for a, one in written.items()} == reached
    assert told.records == sum(len(data[name]) for name in ("users", "comments", "sessions"))
    assert [(g.people, g.unreachable) for g in told.groups] == [(len(held), 1)]
    assert len(held) == len(reached) + 1, "one session names person by name"


async def test_of_the_company_everybody_in_the_portal_is_found_where_they_live(
    mongo_client: Client, mongo_url: str, database_prefix: str
) -> None:
    installed = await of_company(mongo_client, mongo_url, database_prefix)
    await installed.scoped(declared(collections=[{"collection": f"portal.{name}"} for name in PORTAL]))
    everybody = {
        person.email.lower(): person
        for batch in await installed.batches()
        for person in batch.people
        if person.email is not None
    }
    contacts = await everything(installed, "portal", "contacts")
    staff = {address for _, address in STAFF}
    european = {
        c["email"].lower(): c for c in contacts if c["address"]["country"] in {"DE", "FR", "IE", "ES"}
    }
    assert set(european) <= set(everybody)
    assert staff <= set(everybody), "messages of the staff are theirs; nobody knows where they live"
    for address, contact in european.items():
        found = everybody[address]
        assert found.name == f"{contact['name']['first']} {contact['name']['last']}"
        assert found.place == contact["address"]["country"]
        assert found.postal[0] == contact["address"]["lines"][0]


@pytest.mark.parametrize("collection", ["portal.sessions", "billing.payments", "ops.usage"])
async def test_people_without_an_address_are_found_by_references(
    mongo_client: Client, mongo_url: str, database_prefix: str, collection: str
) -> None:
    installed = await of_company(mongo_client, mongo_url, database_prefix)
    told = await installed.scoped(declared(collections=[{"collection": collection}]))
    database, name = collection.split(".")
    records = await everything(installed, database, name)
    whose = {one.get("contact_id") or one["customer_id"] for one in records}
    contacts = await everything(installed, "portal", "contacts")
    expected = Counter(
        (place_of(one["address"]["country"], one["address"]["region"] or ""), one["language"])
        for one in contacts
        if {one["_id"], one["customer_id"]} & whose
    )
    assert Counter({(g.place, g.language): g.people for g in told.groups}) == expected
    assert sum(g.unreachable for g in told.groups) == 0


async def test_an_invoice_is_written_about_to_the_customer_and_not_to_where_it_went(
    mongo_client: Client, mongo_url: str, database_prefix: str
) -> None:
    installed = await of_company(mongo_client, mongo_url, database_prefix)
    elsewhere = {"$set": {"billed_to.email": "x@example.net"}}
    await installed.business("billing", "invoices").update_many({}, elsewhere)
    await installed.scoped(declared(collections=[{"collection": "invoices"}]))
    written = {address.lower() for address in await installed.written_to()}
    assert {ADA.email, BRUNO.email} <= written
    assert "x@example.net" not in written


def breach_file(folder: Path, **affected: Any) -> Path:
    breach = declared(**affected).model_dump(mode="json", exclude_defaults=True)
    path = folder / "breach.yaml"
    path.write_text(yaml.safe_dump(breach), encoding="utf-8")
    return path


async def habeas(folder: Path, installed: Installation, mongo_url: str, *words: str) -> tuple[int, str, str]:
    """Run ``habeas breach scope`` where a map and stores are, and nothing else of an installation."""
    if not (folder / "map").exists():
        datamap(folder / "map", installed.prefix)
    settings = {"PATH": os.environ["PATH"], "HOME": str(folder), "HABEAS_COMPANY": str(COMPANY)}
    places = ("--map", str(folder / "map"), "--stores", json.dumps({"default": mongo_url}))
    return await command(SimpleNamespace(environment=settings), "breach", "scope", *places, *words)  # type: ignore[arg-type]


async def databases_besides(client: Client, prefix: str) -> set[str]:
    """Return the names of all databases but those of tests that have another prefix."""
    names = await client.list_database_names()
    return {name for name in names if name.startswith(prefix) or not PREFIXED.match(name)}


async def test_dry_run_counts_as_the_service_and_keeps_nothing(
    mongo_client: Client, mongo_url: str, database_prefix: str, tmp_path: Path
) -> None:
    installed = await of_company(mongo_client, mongo_url, database_prefix)
    named = {"collections": [{"collection": name} for name in ("contacts", "tickets", "payments")]}
    databases = await databases_besides(mongo_client, database_prefix)
    code, output, errors = await habeas(
        tmp_path, installed, mongo_url, str(breach_file(tmp_path, **named)), "--json"
    )
    assert code == 0, errors
    assert await databases_besides(mongo_client, database_prefix) == databases
    tried = json.loads(output)

    await installed.scopes.prepare()
    await installed.register(declared(**named))
    await installed.replica(law=PolicyEditions(breach_policies(), company(str(COMPANY)))).work()
    told = installed.of()
    assert tried["groups"] == [group.model_dump(mode="json") for group in told.groups]
    assert (tried["records"], tried["categories"]) == (told.records, list(told.categories))
    assert tried["people"] == sum(group.people for group in told.groups)
    assert tried["laws"]["gdpr@2018-05-25"] > 0
    assert tried["laws"] == dict(groups_by_law(told.groups)), "as `breach show` counts"
    assert sum(tried["laws"].values()) == tried["people"], "each under one law"
    assert tried["unreachable"] == sum(group.unreachable for group in told.groups if group.laws)


async def test_a_dry_run_shows_exactly_the_letters_that_would_be_sent(
    mongo_client: Client, mongo_url: str, database_prefix: str, tmp_path: Path
) -> None:
    installed = await of_company(mongo_client, mongo_url, database_prefix)
    named = {
        "collections": [{"collection": name} for name in ("contacts", "tickets", "payments")],
        "list": [
            {"name": "No Address", "residence": {"country": "FR"}, "locale": "fr"},
            {"email": "kim@mail.example", "residence": {"country": "IT"}, "locale": "it"},
        ],
        "mail_domains": ["mail.example"],
    }
    folder = tmp_path / "samples"
    file = breach_file(tmp_path, **named)
    code, output, errors = await habeas(
        tmp_path, installed, mongo_url, str(file), "--json", "--out", str(folder)
    )
    assert code == 0, errors
    tried = json.loads(output)
    await installed.scopes.prepare()
    await installed.register(declared(**named))
    law = PolicyEditions(breach_policies(), company(str(COMPANY)))
    assert await installed.replica(law=law).work()
    sent: Counter[tuple[str, str]] = Counter()
    for batch in await installed.batches():
        reach = [one for one in batch.people if one.email and not one.email.endswith("@mail.example")]
        sent[batch.laws[0].partition("@")[0], batch.language] += len(reach)
    sent = +sent
    assert tried["letters"] == sent.total()
    assert tried["languages"] == dict(_by_language(sent))
    files = {tuple(path.stem.split(".")[:2]) for path in folder.glob("*.eml")}
    assert files == set(sent), "one for each law and language in which a letter goes, and none besides"
    assert tried["unsafe"] == 1
    splits = ("by_letter", "unreachable", "unsafe", "untold")
    assert sum(tried[name] for name in splits) == tried["people"]
    assert sum(tried["places"].values()) == tried["people"]


def _by_language(sent: Counter[tuple[str, str]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for (_, language), number in sent.items():
        found[language] += number
    return found


async def test_a_dry_run_counts_customers_who_share_an_address(
    mongo_client: Client, mongo_url: str, tmp_path: Path
) -> None:
    installed = Installation(mongo_client, "t0", load(EXAMPLE))
    email = "breaches@group.example"
    customers = [{"id": id_, "name": id_, "email": email} for id_ in ("C-1", "C-2")]
    file = breach_file(tmp_path, role="processor", controllers=customers)
    code, output, errors = await habeas(tmp_path, installed, mongo_url, str(file), "--json")
    assert code == 0, errors
    assert json.loads(output)["customers"] == len(customers)


async def test_dry_run_merges_the_findings_about_a_person() -> None:
    """Else it would know less of people than the service, which reads whole portions."""
    found = AffectedPerson(
        identity=("email", "ada"), categories=frozenset({"user.name"}), said={"email": (0, "ada")}
    )
    first = replace(found, categories=frozenset(), said={"language": (2, "de")}, places={"DE": 2})
    second = replace(found, categories=frozenset(), said={"language": (1, "fr")}, places={"FR": 1})
    with closing(_People()) as people:
        people.add([found])
        people.complete([first, second])
        [ada] = people.everyone()
    assert (ada.place, ada.language("en")) == ("FR", "fr")


async def test_dry_run_shows_numbers_and_no_person(
    mongo_client: Client, mongo_url: str, database_prefix: str, tmp_path: Path
) -> None:
    installed = await of_company(mongo_client, mongo_url, database_prefix)
    nobody = {"collection": "tickets", "filter": {"priority": 99}}
    file = breach_file(tmp_path, collections=[{"collection": "contacts"}, nobody])
    code, output, errors = await habeas(tmp_path, installed, mongo_url, str(file))
    assert code == 0, errors
    assert output.startswith("60 people, ")
    assert "languages" in output
    there = f"{database_prefix}portal"
    assert f"{there}.contacts 60, {there}.tickets 0" in " ".join(output.split())
    assert f"{there}.tickets: no record is found there; check the filter" in output
    assert "user.authorization.password" in output
    assert "example" not in output


@pytest.mark.parametrize(
    ("named", "complaint"),
    [
        pytest.param({"collection": "contacts", "filter": {"$where": "1"}}, "runs a script", id="script"),
        pytest.param({"collection": "contracts"}, "has no collection `contracts`", id="unknown"),
    ],
)
async def test_a_dry_run_says_what_is_wrong(
    mongo_client: Client, mongo_url: str, tmp_path: Path, named: dict[str, Any], complaint: str
) -> None:
    installed = Installation(mongo_client, "t0", load(EXAMPLE))
    file = breach_file(tmp_path, collections=[named])
    code, _, errors = await habeas(tmp_path, installed, mongo_url, str(file))
    assert code == 2
    assert complaint in errors
