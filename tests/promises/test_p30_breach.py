"""P30: a breach from its declaration to the last notice: the right people, once, by law."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from habeas.embedded.mailcatcher import CaughtMessage
from habeas.embedded.stack import Stack
from services.notifier.letters.languages import LANGUAGES
from shared.runtime.mongo import Document
from tests.integration.incident_pages import shown_once_it_is, until_it_is
from tests.integration.pipeline import Heard, Pipeline, Somebody, command, running
from tests.waiting import eventually

EUROPE = {"DE", "FR", "IE", "NL", "ES", "IT", "AT", "BE", "PT", "PL", "SE", "DK"}
HEADINGS = (
    "What Happened",
    "What Information Was Involved",
    "What We Are Doing",
    "What You Can Do",
    "For More Information",
)


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with running(parts, tmp_path_factory.mktemp("breach")) as pipeline:
        yield pipeline


@pytest_asyncio.fixture(scope="module")
async def heard(pipeline: Pipeline) -> AsyncIterator[Heard]:
    async with pipeline.listening() as heard:
        yield heard


def declared(pipeline: Pipeline, reference: str, **more: Any) -> dict[str, Any]:
    """Return the declaration of a breach of the portal's contacts."""
    known = datetime.now(UTC) - timedelta(hours=2)
    return {
        "reference": reference,
        "nature": "A copy of the contact records was taken from a test server.",
        "consequences": "Somebody may write to you in our name.",
        "measures": "The server is shut down and its keys are changed.",
        "advice": "Do not open attachments of messages that you do not expect.",
        "occurred_from": (known - timedelta(days=2)).isoformat(),
        "detected_at": known.isoformat(),
        "aware_at": known.isoformat(),
        "affected": {"collections": [{"collection": f"{pipeline.prefix}portal.contacts"}]},
        "contact": "Dana Muster, privacy@fernlicht.example",
        "high_risk": True,
        **more,
    }


async def declare(pipeline: Pipeline, declaration: Mapping[str, Any], *, by: str = "dana.muster") -> str:
    """Declare a breach as the staff does; return the id of its incident."""
    file = pipeline.folder / "breach.json"
    file.write_text(json.dumps(declaration), encoding="utf-8")
    code, said, complaint = await command(pipeline, "breach", "declare", str(file), "--as", by)
    assert code == 0, complaint
    found = re.search(r"breach show ([0-9a-f]{32})", said.replace("\n", " "))
    assert found, said
    return found[1]


async def registered(pipeline: Pipeline) -> str:
    """Return the register of breaches."""
    file = pipeline.folder / "register.csv"
    code, _, complaint = await command(
        pipeline, "breach", "register", "--out", str(file), "--as", "dana.muster"
    )
    assert code == 0, complaint
    return file.read_text(encoding="utf-8")


async def approve(pipeline: Pipeline, incident: str, by: str, *words: str) -> tuple[int, str]:
    """Approve of the notices as the staff does."""
    code, said, complaint = await command(pipeline, "breach", "approve", incident, "--as", by, *words)
    return code, said + complaint


async def contacts(pipeline: Pipeline, **condition: Any) -> list[Document]:
    """Return the contacts of the portal, read from the store itself."""
    return [one async for one in pipeline.business("portal", "contacts").find(condition)]


def told(pipeline: Pipeline, incident: str, contact: Document) -> list[CaughtMessage]:
    """Return the notices of *incident* that one contact got."""
    return pipeline.letters_to(Somebody(contact["email"], ""), incident)


async def test_all_are_notified_once_after_two_approvals(pipeline: Pipeline, heard: Heard) -> None:
    incident = await declare(pipeline, declared(pipeline, "INC-1"))
    known = await shown_once_it_is(pipeline, incident, "scoped")
    everybody = await contacts(pipeline)
    addresses = {one["email"].lower() for one in everybody}
    assert sum(known["phases"][0]["by_law"].values()) == len(addresses)
    code, said = await approve(pipeline, incident, "dana.muster")
    assert code != 0
    assert "Another account" in " ".join(said.split())
    assert not any(told(pipeline, incident, one) for one in everybody)
    assert (await approve(pipeline, incident, "emil.beispiel"))[0] == 0
    await until_it_is(pipeline, incident, "notified")
    counts = {one["email"]: len(told(pipeline, incident, one)) for one in everybody}
    assert {email for email, count in counts.items() if count > 1} == set()
    europeans = [one for one in everybody if one["address"]["country"] in EUROPE]
    assert europeans
    assert all(counts[one["email"]] == 1 for one in europeans), "GDPR Art. 34: all are told of a high risk"
    [notified] = await eventually(lambda: heard.of(incident, "breach.notified"))
    assert notified["data"]["sent"] == sum(counts.values())
    assert notified["data"]["failed"] == 0


async def test_a_notice_is_in_the_language_of_who_reads_it(pipeline: Pipeline) -> None:
    incident = await declare(pipeline, declared(pipeline, "INC-2"))
    await until_it_is(pipeline, incident, "scoped")
    await approve(pipeline, incident, "emil.beispiel")
    await until_it_is(pipeline, incident, "notified")
    for one in await contacts(pipeline, **{"address.country": {"$in": sorted(EUROPE)}}):
        [letter] = told(pipeline, incident, one)
        spoken = one["language"] if one["language"] in LANGUAGES else "en"
        assert letter.message["Content-Language"] == spoken, one["address"]["country"]
        assert f"{one['name']['first']} {one['name']['last']}" in letter.body()


async def test_letter_to_californians_has_five_headings_in_their_order(pipeline: Pipeline) -> None:
    await pipeline.business("portal", "contacts").update_one(
        {"email": {"$exists": True}, "government_id": {"$exists": True}},
        {"$set": {"address.country": "US", "address.region": "California", "language": "en"}},
    )
    incident = await declare(pipeline, declared(pipeline, "INC-3"))
    await until_it_is(pipeline, incident, "scoped")
    await approve(pipeline, incident, "emil.beispiel")
    await until_it_is(pipeline, incident, "notified")
    people = await contacts(
        pipeline, **{"address.region": "California", "government_id": {"$exists": True}, "language": "en"}
    )
    assert people
    for one in people:
        [letter] = told(pipeline, incident, one)
        assert "Notice of Data Breach" in letter.message["Subject"]
        places = [letter.body().upper().find(heading.upper()) for heading in HEADINGS]
        assert -1 not in places
        assert places == sorted(places)


async def test_supplement_reaches_people_missed_by_the_first_notice(pipeline: Pipeline) -> None:
    narrow = declared(pipeline, "INC-4")
    narrow["affected"]["collections"][0]["filter"] = {"address.country": "DE"}
    incident = await declare(pipeline, narrow)
    await until_it_is(pipeline, incident, "scoped")
    await approve(pipeline, incident, "emil.beispiel")
    await until_it_is(pipeline, incident, "notified")
    wide = {**declared(pipeline, "INC-4"), "measures": "The server is shut down. Its copies are found."}
    wide["affected"]["collections"][0]["filter"] = {"address.country": {"$in": ["DE", "FR"]}}
    assert await declare(pipeline, wide) == incident
    await until_it_is(pipeline, incident, "scoped", phase=2)
    await approve(pipeline, incident, "emil.beispiel")
    await until_it_is(pipeline, incident, "notified", phase=2)
    for country in ("DE", "FR"):
        for one in await contacts(pipeline, **{"address.country": country}):
            assert len(told(pipeline, incident, one)) == 1, country


async def test_person_in_two_phases_released_together_gets_one_letter(
    pipeline: Pipeline, heard: Heard
) -> None:
    """Law: GDPR Art. 33(4), 34(2): what is known later is told later, and nobody is told the same twice."""
    first = declared(pipeline, "INC-7", categories=["user.name"])
    first["affected"]["collections"][0]["filter"] = {"address.country": {"$in": ["DE", "FR"]}}
    incident = await declare(pipeline, first)
    await until_it_is(pipeline, incident, "scoped")
    more = declared(pipeline, "INC-7", measures="Its copies are found.")
    more["affected"]["collections"][0]["filter"] = {"address.country": "DE"}
    assert await declare(pipeline, more) == incident
    await until_it_is(pipeline, incident, "scoped", phase=2)
    await approve(pipeline, incident, "emil.beispiel", "--phase", "2")
    for phase in (1, 2):
        known = await shown_once_it_is(pipeline, incident, "notified", phase=phase)
    for country in ("DE", "FR"):
        for one in await contacts(pipeline, **{"address.country": country}):
            assert len(told(pipeline, incident, one)) == 1, country
    reached = len(await contacts(pipeline, **{"address.country": {"$in": ["DE", "FR"]}}))
    sent = partial(heard.of, incident, "breach.notified")
    await eventually(lambda: sum(one["data"]["sent"] for one in sent()) == reached)
    people = [clock for clock in known["duties"] if clock["recipient"] == "people" and clock["owed"]]
    assert people
    assert all(clock["done_at"] for clock in people), "all of them are told"


async def test_processor_notifies_its_customers_and_not_the_people(pipeline: Pipeline) -> None:
    customer: dict[str, Any] = {
        "id": "C-7",
        "name": "Kunde GmbH",
        "email": "privacy@kunde.example",
        "locale": "de",
        "hours": 12,
    }
    declaration = declared(pipeline, "INC-5", role="processor")
    declaration["affected"]["controllers"] = [customer]
    incident = await declare(pipeline, declaration)
    known = await shown_once_it_is(pipeline, incident, "scoped")
    [clock] = [clock for clock in known["duties"] if "controller" in clock["clock"]]
    due = datetime.fromisoformat(clock["due_at"]) - datetime.fromisoformat(known["stated"]["aware_at"])
    assert due == timedelta(hours=12)
    await approve(pipeline, incident, "emil.beispiel")
    await until_it_is(pipeline, incident, "notified")
    [letter] = pipeline.letters_to(Somebody(customer["email"], ""), incident)
    assert letter.message["Content-Language"] == "de"
    assert not any(told(pipeline, incident, one) for one in await contacts(pipeline))


async def test_more_of_what_was_withdrawn_is_refused_with_the_reason_and_it_stays_in_the_register(
    pipeline: Pipeline,
) -> None:
    first = declared(pipeline, "INC-8")
    incident = await declare(pipeline, first)
    await until_it_is(pipeline, incident, "scoped")
    code, _, complaint = await command(
        pipeline, "breach", "withdraw", incident, "--as", "dana.muster", "--phase", "1"
    )
    assert code == 0, complaint
    known = await shown_once_it_is(pipeline, incident, "withdrawn")
    assert {one["withdrawn"] for one in known["duties"] if one["owed"]} == {1}
    file = pipeline.folder / "breach.json"
    for again in (first, first | {"measures": "All passwords are new."}):
        file.write_text(json.dumps(again), encoding="utf-8")
        code, _, complaint = await command(pipeline, "breach", "declare", str(file), "--as", "dana.muster")
        assert code != 0
        assert "every phase of the incident was withdrawn" in " ".join(complaint.split())


async def test_dry_run_of_a_declaration_counts_the_affected_and_declares_nothing(
    pipeline: Pipeline,
) -> None:
    file = pipeline.folder / "breach.json"
    file.write_text(json.dumps(declared(pipeline, "INC-10")), encoding="utf-8")
    code, said, complaint = await command(pipeline, "breach", "declare", str(file), "--dry-run")
    assert code == 0, complaint
    assert f"{len(await contacts(pipeline)):,} people, " in said
    assert "INC-10" not in await registered(pipeline)


@pytest.mark.parametrize(
    ("named", "nearest"),
    [
        ({"collection": "{}portal.contcts"}, "the nearest is `{}portal.contacts`"),
        ({"collection": "{}portal.contacts", "filter": {"langauge": "de"}}, "the nearest is `language`"),
    ],
)
async def test_a_declaration_of_records_that_nobody_can_find_is_refused_at_once(
    pipeline: Pipeline, named: dict[str, Any], nearest: str
) -> None:
    wrong = declared(pipeline, "INC-9")
    wrong["affected"] = {"collections": [named | {"collection": named["collection"].format(pipeline.prefix)}]}
    file = pipeline.folder / "breach.json"
    file.write_text(json.dumps(wrong), encoding="utf-8")
    code, _, complaint = await command(pipeline, "breach", "declare", str(file), "--as", "dana.muster")
    assert code != 0
    assert nearest.format(pipeline.prefix) in " ".join(complaint.split())
    assert "INC-9" not in await registered(pipeline)


async def test_nothing_of_a_person_is_outside_the_vault(pipeline: Pipeline, heard: Heard) -> None:
    secrets = {one["email"].lower() for one in await contacts(pipeline)}
    said = json.dumps(heard.events).lower() + pipeline.log.read_text(encoding="utf-8").lower()
    assert not {secret for secret in secrets if secret in said}
    ours = [n for n in await pipeline.client.list_database_names() if n.startswith(f"{pipeline.prefix}_")]
    for name in ours:
        collections = await pipeline.client[name].list_collection_names()
        for collection in set(collections) - {"datamaps"}:  # what the company writes of its stores
            async for document in pipeline.client[name][collection].find():
                text = str(document).lower()
                assert not {secret for secret in secrets if secret in text}, collection


async def test_the_register_and_the_forms_can_be_read(pipeline: Pipeline, tmp_path: Path) -> None:
    incident = await declare(pipeline, declared(pipeline, "INC-6"))
    await until_it_is(pipeline, incident, "scoped")
    code, _, complaint = await command(
        pipeline, "breach", "register", "--as", "dana.muster", "--out", str(tmp_path / "register.html")
    )
    assert code == 0, complaint
    assert "INC-6" in (tmp_path / "register.html").read_text(encoding="utf-8")
    code, _, complaint = await command(
        pipeline, "breach", "forms", incident, "--as", "emil.beispiel", "--out", str(tmp_path / "forms")
    )
    assert code == 0, complaint
    assert list((tmp_path / "forms").glob("*.html"))
