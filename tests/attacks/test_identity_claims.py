"""
A customer writes another customer's identity into a record of their own, and asks for what it leads to.

The first attacks run on the whole product; the variants search a store as the product does.
"""

import io
import json
import re
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from habeas.embedded.company import ADA
from habeas.embedded.stack import Stack
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.execution import execute, verify
from services.fulfillment.erasure.planner import plan
from services.fulfillment.search.engine import RecordEngine
from services.fulfillment.search.findings import Findings
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.mongodb import Stores
from shared.contract.events import RequestFulfilled
from shared.runtime.mongo import Client, Document
from tests.integration.pipeline import (
    WITHIN,
    Heard,
    Pipeline,
    Somebody,
    comes_true,
    command,
    datamap,
    prepared,
)
from tests.integration.test_search import World, desk, ids
from tests.integration.test_search_verified import held, linked
from tests.waiting import eventually

NEW_PHONE = "+353209100999"
VICTIM = Somebody(ADA.email, ADA.name)
REVIEWS = """
      - name: reviews
        meta: {{ habeas: {{ erasure: delete }} }}
        fields:
          - {{ name: _id, data_categories: [system.operations], fides_meta: {{ primary_key: true }} }}
          - name: by
            data_categories: [user.unique_id]
            fides_meta:
              identity: nickname
              references: [{{ dataset: {}portal, field: contacts.nickname }}]
          - {{ name: text, data_categories: [user.content.public] }}
"""


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    folder = tmp_path_factory.mktemp("pipeline")
    async with prepared(parts, folder, with_reviews, customers=30) as pipeline:
        await pipeline.business("portal", "reviews").insert_one({"_id": 0, "by": "nobody", "text": ""})
        await pipeline.start()
        yield pipeline
        await pipeline.stop()


def with_reviews(folder: Path, prefix: str) -> Path:
    """
    Write the data map of the example, with more of contacts that people enter themselves.

    A nickname, to which reviews refer, and a second address.
    """
    portal = datamap(folder, prefix) / "portal.yml"
    account = "          - name: account_id\n"
    nickname = "          - { name: nickname, data_categories: [user.unique_id] }\n"
    second = (
        "          - name: second_email\n"
        "            data_categories: [user.contact.email]\n"
        "            fides_meta: { data_type: string, identity: email }\n"
        "            meta: { habeas: { editable: true, verified: never } }\n"
    )
    text = portal.read_text(encoding="utf-8").replace(account, nickname + second + account, 1)
    portal.write_text(text + REVIEWS.format(prefix), encoding="utf-8")
    return folder


@pytest_asyncio.fixture(scope="module")
async def heard(pipeline: Pipeline) -> AsyncIterator[Heard]:
    async with pipeline.listening() as heard:
        yield heard


async def attackers(pipeline: Pipeline) -> list[Somebody]:
    """Customers who pay and have nothing to do with the victim."""
    contacts = pipeline.business("portal", "contacts")
    account = (await contacts.find_one({"email": VICTIM.email}))["account_id"]
    colleagues = [one["email"] async for one in contacts.find({"account_id": account})]
    return [person for person in await pipeline.people() if person.email not in colleagues]


async def pose(pipeline: Pipeline, attacker: Somebody) -> None:
    """Write the victim's name, number and birthday into the attacker's profile, as on the shop's page."""
    contacts = pipeline.business("portal", "contacts")
    victim = await contacts.find_one({"email": VICTIM.email})
    taken = {name: victim[name] for name in ("name", "phones", "date_of_birth", "address")}
    await contacts.update_one({"email": attacker.email}, {"$set": taken})


async def everything_of_the_victim(pipeline: Pipeline) -> list[Document]:
    """Return the documents of the victim alone, and of their account."""
    contact = await pipeline.business("portal", "contacts").find_one({"email": VICTIM.email})
    number = contact["customer_id"]
    found = [contact]
    for database, name, wanted in (
        ("portal", "sessions", {"contact_id": contact["_id"]}),
        ("portal", "newsletter", {"customer_id": number}),
        ("portal", "accounts", {"_id": contact["account_id"]}),
        ("billing", "customers", {"_id": number}),
        ("billing", "invoices", {"customer_id": number}),
        ("billing", "payments", {"customer_id": number}),
        ("ops", "servers", {"customer_id": number}),
        ("ops", "usage", {"customer_id": number}),
    ):
        found += [one async for one in pipeline.business(database, name).find(wanted).sort("_id")]
    return found


async def package(pipeline: Pipeline, person: Somebody, case: str) -> str:
    """Return all that the package of *case* holds."""
    with zipfile.ZipFile(io.BytesIO(await pipeline.package(case, person))) as archive:
        return "\n".join(archive.read(name).decode(errors="replace") for name in archive.namelist())


async def test_profile_with_the_victims_name_and_number_opens_nothing_of_the_victim(
    pipeline: Pipeline,
) -> None:
    attacker = (await attackers(pipeline))[0]
    await pose(pipeline, attacker)
    case = await pipeline.verified("access", attacker)
    await pipeline.closed(case)
    content = await package(pipeline, attacker, case)
    victim = await pipeline.business("portal", "contacts").find_one({"email": VICTIM.email})
    assert attacker.email in content
    for secret in (VICTIM.email, str(victim["_id"]), f'"{victim["customer_id"]}"'):
        assert secret not in content


async def test_profile_with_the_victims_name_and_number_erases_nothing_of_the_victim(
    pipeline: Pipeline,
) -> None:
    attacker = (await attackers(pipeline))[1]
    await pose(pipeline, attacker)
    before = await everything_of_the_victim(pipeline)
    case = await pipeline.verified("erasure", attacker)
    await pipeline.closed(case)
    assert await everything_of_the_victim(pipeline) == before
    assert await pipeline.business("portal", "contacts").find_one({"email": attacker.email}) is None


@pytest.mark.parametrize("right", ["access", "erasure"])
async def test_nickname_that_the_attacker_takes_reaches_no_review_of_the_victim(
    pipeline: Pipeline, right: str
) -> None:
    """The reviews refer to a field of contacts by an identity that is not verified."""
    attacker = (await attackers(pipeline))[-1 if right == "access" else -2]
    review = {"_id": f"of the victim, {right}", "by": f"countess-{right}", "text": "I wrote this at my desk."}
    await pipeline.business("portal", "reviews").insert_one(review)
    contacts = pipeline.business("portal", "contacts")
    await contacts.update_many(
        {"email": {"$in": [VICTIM.email, attacker.email]}}, {"$set": {"nickname": review["by"]}}
    )
    case = await pipeline.verified(right, attacker)
    await pipeline.closed(case)
    if right == "access":
        assert review["text"] not in await package(pipeline, attacker, case)
    assert await pipeline.business("portal", "reviews").find_one({"_id": review["_id"]}) == review
    assert (await contacts.find_one({"email": attacker.email}) is None) is (right == "erasure")


async def test_rectification_of_an_identity_goes_to_staff_and_changes_nothing(
    pipeline: Pipeline, heard: Heard
) -> None:
    attacker = (await attackers(pipeline))[2]
    contacts = pipeline.business("portal", "contacts")
    before = await contacts.find_one({"email": attacker.email})
    wanted = {"contacts.phones": ADA.phone, "contacts.name.first": "Ada", "contacts.address.city": "Dublin"}
    corrections = [{"field": field, "value": value} for field, value in wanted.items()]
    case = await pipeline.verified("rectification", attacker, details={"corrections": corrections})
    await pipeline.until_it_is("referred", case)
    [event] = await heard.until(case, "request.referred")
    assert event["data"]["reason"] == "identity_change_needs_proof"
    assert await contacts.find_one({"email": attacker.email}) == before


async def test_approved_correction_of_an_identity_is_made_once_and_answered(
    pipeline: Pipeline, heard: Heard
) -> None:
    person = (await attackers(pipeline))[8]
    contacts = pipeline.business("portal", "contacts")
    corrections = [
        {"field": "contacts.name.first", "value": "Renamed"},
        {"field": "contacts.phones", "value": NEW_PHONE},
    ]
    case = await pipeline.verified("rectification", person, details={"corrections": corrections})
    await pipeline.until_it_is("referred", case)
    approve = ("request", "approve-correction", case, "--as")
    assert (await command(pipeline, *approve, "robin.muster"))[0] == 0
    await pipeline.closed(case)
    changed = await contacts.find_one({"email": person.email})
    assert changed["name"]["first"] == "Renamed"
    assert changed["phones"] == [NEW_PHONE]
    [event] = heard.of(case, "request.fulfilled")
    assert event["data"]["dispositions"] == {"corrected": 1}
    await contacts.update_one({"email": person.email}, {"$set": {"name.first": "Later"}})
    code, _, complaint = await command(pipeline, *approve, "kim.muster")
    assert (code, "no correction of this request waits" in complaint) == (2, True)
    assert (await contacts.find_one({"email": person.email}))["name"]["first"] == "Later"


async def test_answer_mentions_what_was_not_searched_by_and_no_content(pipeline: Pipeline) -> None:
    attacker = (await attackers(pipeline))[3]
    await pose(pipeline, attacker)
    case = await pipeline.verified("access", attacker)
    await pipeline.closed(case)
    told = [" ".join(letter.body().split()) for letter in pipeline.letters_to(attacker, case)]
    assert any("We did not search by it" in text for text in told)
    assert ADA.phone is not None
    assert not any(ADA.phone in text or ADA.email in text for text in told)


# --- an alias that the staff confirms ---------------------------------------------------------------------

OLD_PHONE = "+353209100777"


async def with_old_record(pipeline: Pipeline, person: Somebody, number: str) -> Any:
    """Have *person*'s profile name *number*, and an old record be known by it alone; return its key."""
    contacts = pipeline.business("portal", "contacts")
    await contacts.update_one({"email": person.email}, {"$set": {"phones": [number]}})
    old = {"customer_id": None, "phones": [number], "name": {"first": "Formerly", "last": "Known"}}
    return (await contacts.insert_one(old)).inserted_id


async def aliases_of(pipeline: Pipeline, case: str) -> dict[str, str]:
    """Return the references of the aliases of *case*, by their values."""
    code, printed, complaint = await command(
        pipeline, "request", "aliases", case, "--as", "dana.muster", "--json"
    )
    assert code == 0, complaint
    return {row["value"]: row["alias"] for row in json.loads(printed)}


async def confirm(pipeline: Pipeline, case: str, alias: str, by: str) -> str:
    """Confirm *alias* as the account *by*; return the complaint of the command."""
    code, _, complaint = await command(pipeline, "request", "confirm-alias", case, alias, "--as", by)
    assert bool(code) is bool(complaint)
    return complaint


async def answers(pipeline: Pipeline, heard: Heard, case: str, number: int) -> list[dict[str, Any]]:
    """Return the answers of *case* once there are *number*; intake, which gives packages out, has them."""

    async def known() -> bool:
        rows = await pipeline.rows("intake", case=case, **{"event.type": RequestFulfilled.TYPE})
        return len(rows) >= number

    await comes_true(known)
    return await heard.until(case, "request.fulfilled", number)


async def test_confirmed_alias_completes_an_access_answer_in_the_same_case(
    pipeline: Pipeline, heard: Heard
) -> None:
    person = (await attackers(pipeline))[9]
    key = await with_old_record(pipeline, person, OLD_PHONE)
    case = await pipeline.verified("access", person)
    await pipeline.closed(case)
    assert str(key) not in await package(pipeline, person, case)
    alias = (await aliases_of(pipeline, case))[OLD_PHONE]
    assert "no such alias" in await confirm(pipeline, case, alias + "9", "dana.muster")
    other = f"aliases_0000000000000000:{alias.rpartition(':')[2]}"
    assert "no such alias" in await confirm(pipeline, case, other, "dana.muster")
    assert await confirm(pipeline, case, alias, "dana.muster") == ""
    await answers(pipeline, heard, case, 2)
    await pipeline.closed(case)
    assert str(key) in await package(pipeline, person, case)
    assert "confirmed already" in await confirm(pipeline, case, alias, "robin.muster")
    assert OLD_PHONE not in json.dumps(heard.of(case)), "events name no value"


async def test_confirmed_alias_gets_a_later_round_of_the_erasure(pipeline: Pipeline, heard: Heard) -> None:
    person = (await attackers(pipeline))[10]
    contacts, number = pipeline.business("portal", "contacts"), "+353209100778"
    key = await with_old_record(pipeline, person, number)
    case = await pipeline.verified("erasure", person)
    await pipeline.closed(case)
    assert await contacts.find_one({"_id": key}) is not None
    assert await confirm(pipeline, case, (await aliases_of(pipeline, case))[number], "dana.muster") == ""
    first, second = await answers(pipeline, heard, case, 2)
    assert await contacts.find_one({"_id": key}) is None
    erased = [answer["data"]["dispositions"]["erased"] for answer in (first, second)]
    assert erased[1] == erased[0] + 1
    assert first["data"]["certificate"] != second["data"]["certificate"]


@pytest.mark.parametrize("right", ["access", "erasure"])
async def test_victims_number_that_deceived_staff_confirm_opens_no_record_verified_to_be_the_victims(
    pipeline: Pipeline, heard: Heard, right: str
) -> None:
    attacker = (await attackers(pipeline))[10 if right == "access" else 11]
    await pose(pipeline, attacker)
    before = await everything_of_the_victim(pipeline)
    case = await pipeline.verified(right, attacker)
    await pipeline.closed(case)
    alias = (await aliases_of(pipeline, case))[PHONE]
    complaint = await confirm(pipeline, case, alias, "dana.muster")
    if right == "erasure":
        assert "no record is found" in complaint
    else:
        await answers(pipeline, heard, case, 2)
        content = await package(pipeline, attacker, case)
        assert VICTIM.email not in content
    assert await everything_of_the_victim(pipeline) == before


# --- an alias that its owner proves ------------------------------------------------------------------------


async def with_newsletter(pipeline: Pipeline, person: Somebody, address: str) -> None:
    """Write *address*, which gets a newsletter, into *person*'s profile."""
    contacts = pipeline.business("portal", "contacts")
    await contacts.update_one({"email": person.email}, {"$set": {"second_email": address}})
    subscription = {"customer_id": None, "email": address, "topics": [f"only for {address}"]}
    await pipeline.business("portal", "newsletter").insert_one(subscription)


async def press(pipeline: Pipeline, case: str, action: str, **form: str) -> str:
    """Press a button on the page of *case*; return the page."""
    path, headers = f"/requests/{case}/{action}", {"Accept": "text/html"}
    return (await pipeline.http.post(path, data=form, headers=headers)).text


async def ask_for_code(pipeline: Pipeline, case: str) -> str:
    """Press the button that proves the other address; return the page."""
    page = await pipeline.http.get(f"/requests/{case}", headers={"Accept": "text/html"})
    action = re.search(r"aliases/[0-9]+/code", page.text)
    assert action is not None
    return await press(pipeline, case, action[0])


async def letter_to(pipeline: Pipeline, address: str, words: str) -> str:
    """Return the letter to *address* that says *words*."""

    def found() -> str:
        bodies = [letter.body() for letter in pipeline.letters_to(Somebody(address, ""))]
        return next((body for body in bodies if words in " ".join(body.split())), "")

    text: str = await eventually(found, WITHIN)
    return text


def code_in(letter: str) -> str:
    """Return the code of eight letters in *letter*."""
    found = re.search(r"\b[B-Z]{4}-[B-Z]{4}\b", letter)
    assert found is not None
    return found[0]


@pytest.mark.parametrize("right", ["access", "erasure"])
async def test_code_from_the_other_mailbox_releases_its_records(
    pipeline: Pipeline, heard: Heard, right: str
) -> None:
    person = (await attackers(pipeline))[-1]
    other = f"second.{right}@example.net"
    await with_newsletter(pipeline, person, other)
    case = await pipeline.verified(right, person)
    await pipeline.closed(case)
    newsletter = pipeline.business("portal", "newsletter")
    assert await newsletter.find_one({"email": other}) is not None
    await ask_for_code(pipeline, case)
    letter = await letter_to(pipeline, other, "confirms that the request is yours")
    for secret in (case, person.email, person.name):
        assert secret not in letter
    assert "continue with your request" in await press(pipeline, case, "alias", code=code_in(letter))
    await answers(pipeline, heard, case, 2)
    await pipeline.closed(case)
    if right == "erasure":
        assert await newsletter.find_one({"email": other}) is None
    else:
        assert f"only for {other}" in await package(pipeline, person, case)
    assert other not in json.dumps(heard.of(case)), "events name no address"


async def test_guessed_codes_open_no_records_of_the_victim_and_a_stop_ends_the_request(
    pipeline: Pipeline, heard: Heard
) -> None:
    attacker = (await attackers(pipeline))[-1]
    contacts = pipeline.business("portal", "contacts")
    await contacts.update_one({"email": attacker.email}, {"$set": {"second_email": VICTIM.email}})
    before = await everything_of_the_victim(pipeline)
    case = await pipeline.verified("erasure", attacker)
    await pipeline.closed(case)
    page = await ask_for_code(pipeline, case)
    assert "Prove this address" in page
    assert VICTIM.email not in page
    letter = await letter_to(
        pipeline, VICTIM.email, "We will then erase the data that we hold under your address"
    )
    assert case not in letter
    assert "continue with" not in await press(pipeline, case, "alias", code="BBBB-BBBB")
    link = re.search(r"/stop/\S+", letter)
    assert link is not None
    (await pipeline.http.post(link[0])).raise_for_status()
    assert "continue with" not in await press(pipeline, case, "alias", code=code_in(letter))
    assert heard.of(case, "alias.proven") == []
    assert len(heard.of(case, "request.fulfilled")) == 1
    assert await everything_of_the_victim(pipeline) == before


async def test_new_mailbox_is_entered_only_with_the_code_sent_to_it(pipeline: Pipeline, heard: Heard) -> None:
    person, contacts = (await attackers(pipeline))[-2], pipeline.business("portal", "contacts")
    for new, honest in ((VICTIM.email, False), ("entered@example.net", True)):
        corrections = [{"field": "contacts.second_email", "value": new}]
        case = await pipeline.verified("rectification", person, details={"corrections": corrections})
        await pipeline.until_it_is("referred", case)
        await ask_for_code(pipeline, case)
        letter = await letter_to(pipeline, new, "We will then enter your address in the data")
        for secret in (case, person.email, person.name):
            assert secret not in letter
        code = code_in(letter) if honest else "BBBB-BBBB"
        assert ("continue with" in await press(pipeline, case, "alias", code=code)) is honest
        if honest:
            await pipeline.closed(case)
        assert bool(heard.of(case, "request.fulfilled")) is honest
        contact = await contacts.find_one({"email": person.email})
        assert (contact.get("second_email") == new) is honest
        assert new not in json.dumps(heard.of(case))


# --- the owners of other mailboxes -------------------------------------------------------------------------


async def with_addresses(pipeline: Pipeline, person: Somebody, addresses: list[str]) -> None:
    """Have billing know *person* by *addresses*, as many records as there are."""
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    invoices = pipeline.business("billing", "invoices")
    invoice = await invoices.find_one({"customer_id": contact["customer_id"]})
    for number, address in enumerate(addresses):
        billed = {**invoice["billed_to"], "email": address}
        copy = {**invoice, "_id": f"{invoice['_id']}-{number}", "billed_to": billed}
        await invoices.insert_one(copy)


@pytest.mark.parametrize("right", ["access", "erasure"])
async def test_owner_of_another_mailbox_in_the_records_is_notified(pipeline: Pipeline, right: str) -> None:
    attacker = (await attackers(pipeline))[4 if right == "access" else 5]
    owner = Somebody(f"owner.{right}@example.net", "")
    await with_addresses(pipeline, attacker, [owner.email, owner.email.upper()])
    case = await pipeline.verified(right, attacker)
    await pipeline.closed(case)
    letters = await eventually(lambda: pipeline.letters_to(owner))
    assert len(letters) == 1, "one letter for one mailbox, however it is written"
    raw = letters[0].message.as_string() + letters[0].body()
    assert "/stop/" in letters[0].body(), "one click stops the request"
    assert "contains your email address" in " ".join(letters[0].body().split())
    for secret in (case, attacker.email, attacker.name):
        assert secret not in raw


async def test_person_with_one_mailbox_causes_no_letter_to_others(pipeline: Pipeline, heard: Heard) -> None:
    person = (await attackers(pipeline))[6]
    case = await pipeline.verified("access", person)
    await pipeline.closed(case)
    assert heard.of(case, "mailbox.named") == []
    assert heard.of(case, "request.fulfilled")


async def test_records_with_many_other_mailboxes_go_to_staff(pipeline: Pipeline, heard: Heard) -> None:
    attacker = (await attackers(pipeline))[7]
    others = [f"many.{number}@example.net" for number in range(6)]
    await with_addresses(pipeline, attacker, others)
    case = await pipeline.verified("access", attacker)
    await pipeline.until_it_is("referred", case)
    [event] = await heard.until(case, "request.referred")
    assert event["data"]["reason"] == "many_mailboxes"
    assert not any(pipeline.letters_to(Somebody(other, "")) for other in others)


# --- data points that another person knows -----------------------------------------------------------------

CALIFORNIA = {"country": "US", "subdivision": "CA"}


async def points_about(pipeline: Pipeline, person: Somebody) -> dict[str, str]:
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    return {
        "date_of_birth": contact["date_of_birth"].date().isoformat(),
        "lines": contact["address"]["lines"][0],
        "postal_code": contact["address"]["postal_code"],
        "customer_id": str(contact["customer_id"]),
    }


async def answers_to(pipeline: Pipeline, person: Somebody, asked: dict[str, Any]) -> tuple[str, Any]:
    """Return the id and all that the requester sees before a code is given: answers, status page, letters."""
    first = await pipeline.http.post("/v1/requests", json=asked)
    case = first.json()["id"]
    await pipeline.until_it_is("challenged", case)
    again = await pipeline.http.post(f"/v1/requests/{case}/proofs", json={"proofs": asked["proofs"]})
    await pipeline.prove(case, "000000")

    async def refused_and_written_to() -> dict[str, Any]:
        page = await pipeline.page(case)
        written = "letter_sent" in {entry["what"] for entry in page["timeline"]}
        return page if written and page["proof_refused_for"] else {}

    page: dict[str, Any] = await eventually(refused_and_written_to, WITHIN)
    happened = sorted((entry["what"], entry["letter"] or "") for entry in page.pop("timeline"))
    seen = {name: value for name, value in page.items() if name not in ("id", "due_on")}
    await pipeline.code_for(person, case)
    letters = sorted(letter.subject for letter in pipeline.letters_to(person, case))
    return case, (first.status_code, again.status_code, again.text.replace(case, ""), seen, happened, letters)


@pytest.mark.parametrize("residence", [{"country": "DE"}, CALIFORNIA], ids=["Germany", "California"])
@pytest.mark.parametrize("right", ["restriction", "objection", "know_categories", "access"])
async def test_data_points_of_the_victim_show_and_do_nothing_without_the_mailbox(
    pipeline: Pipeline, heard: Heard, right: str, residence: dict[str, str]
) -> None:
    before = await everything_of_the_victim(pipeline)
    points = await points_about(pipeline, VICTIM)
    unknown = Somebody(f"unknown.{right}.{residence['country']}@example.net".lower(), VICTIM.name)
    seen = []
    for person in (VICTIM, unknown):
        asked = person.asks(right, residence=residence, proofs=[{"kind": "data_points", "points": points}])
        case, answers = await answers_to(pipeline, person, asked)
        seen.append(answers)
        assert not heard.of(case, "identity.claimed"), "no record is looked at"
        assert not heard.of(case, "identity.verified")
    assert seen[0] == seen[1]
    assert await everything_of_the_victim(pipeline) == before


async def test_data_points_of_the_victim_and_the_attackers_own_mailbox_restrict_nothing(
    pipeline: Pipeline,
) -> None:
    attacker = (await attackers(pipeline))[8]
    before = await everything_of_the_victim(pipeline)
    proofs = [{"kind": "data_points", "points": await points_about(pipeline, VICTIM)}]
    subject = {"email": attacker.email, "name": VICTIM.name, "phone": ADA.phone}
    case = await pipeline.verified("restriction", attacker, subject=subject, proofs=proofs)
    await pipeline.closed(case)
    assert await everything_of_the_victim(pipeline) == before


async def test_directory_data_of_the_victim_without_a_mailbox_restricts_nothing(
    pipeline: Pipeline, heard: Heard
) -> None:
    before = await everything_of_the_victim(pipeline)
    points = await points_about(pipeline, VICTIM)
    del points["customer_id"]
    subject = {"name": VICTIM.name, "phone": ADA.phone}
    for right in ("restriction", "know_categories"):
        asked = VICTIM.asks(right, subject=subject, proofs=[{"kind": "data_points", "points": points}])
        case = await pipeline.lodge(asked)

        async def compared(case: str = case) -> bool:
            return bool(heard.of(case, "identity.compared"))

        await comes_true(compared)
        await pipeline.until_it_is("challenged", case)
        assert not heard.of(case, "identity.verified")
    assert await everything_of_the_victim(pipeline) == before


async def test_mailbox_among_the_identifiers_is_proven_before_data_points_count(
    pipeline: Pipeline, heard: Heard
) -> None:
    before = await everything_of_the_victim(pipeline)
    points = await points_about(pipeline, VICTIM)
    subject = {"name": VICTIM.name, "identifiers": {"email": VICTIM.email}}
    for right in ("restriction", "erasure"):
        asked = VICTIM.asks(right, subject=subject, proofs=[{"kind": "data_points", "points": points}])
        case = await pipeline.lodge(asked)
        await pipeline.until_it_is("challenged", case)
        await pipeline.code_for(VICTIM, case)
        assert not heard.of(case, "identity.claimed"), "no record is looked at"
        assert not heard.of(case, "identity.verified")
    assert await everything_of_the_victim(pipeline) == before


async def test_second_mailbox_among_the_identifiers_is_refused_with_its_path(pipeline: Pipeline) -> None:
    attacker = (await attackers(pipeline))[9]
    subject = {"email": attacker.email, "identifiers": {"email": VICTIM.email}}
    refused = await pipeline.http.post("/v1/requests", json=attacker.asks("access", subject=subject))
    assert refused.status_code == 422
    assert "identifiers.email" in refused.text
    assert VICTIM.email not in refused.text


# --- variants ----------------------------------------------------------------------------------------------

MALLORY, ADA_MAIL = "mallory@example.com", "ada@example.org"
PHONE, OTHER_PHONE = "+353209100142", "+353209100143"
WHEN = datetime(2025, 3, 1, tzinfo=UTC)
NAME = "name: name, data_categories: [user.name]"
BORN = "name: born, data_categories: [user.demographic.date_of_birth]"
FLAG = "{ field: at }"
VERIFIED = held("email", "email", "always")


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    yield World(
        mongo_client, database_prefix, Stores({"default": mongo_client}, database_prefix=database_prefix)
    )


async def mallory(world: World, data_map: DataMap, **claimed: str) -> Findings:
    """Search as for a request in which the attacker has proven their own mailbox, and *claimed* the rest."""
    told: dict[str, Any] = {name: (value,) for name, value in claimed.items()}
    return await gather(data_map, world.stores, {"email": (MALLORY,)}, claimed={"email": (MALLORY,), **told})


async def test_second_address_in_the_attackers_record_leads_to_no_person(world: World) -> None:
    data_map = desk(
        users=f"name: _id\n{VERIFIED}\n{held('second', 'email')}\n{NAME}",
        orders=f"name: _id\n{held('email', 'email')}\n{NAME}",
    )
    await world.fill(
        users=[
            {"_id": 1, "email": MALLORY, "second": ADA_MAIL, "name": "Ada Example"},
            {"_id": 2, "email": ADA_MAIL, "name": "Ada Example"},
        ],
        orders=[{"_id": 1, "email": ADA_MAIL, "name": "Ada Example"}],
    )
    findings = await mallory(world, data_map)
    assert ids(findings) == {("users", 1)}
    assert findings.unconfirmed == ("email",)


async def test_list_of_addresses_that_people_write_themselves_leads_to_nobody(world: World) -> None:
    many = held("emails", "email").replace(
        "identity: email", "data_type: 'string[]', return_all_elements: true, identity: email"
    )
    data_map = desk(users=f"name: _id\n{many}", orders=f"name: _id\n{held('email', 'email')}")
    await world.fill(
        users=[{"_id": 1, "emails": [MALLORY, ADA_MAIL]}], orders=[{"_id": 1, "email": ADA_MAIL}]
    )
    assert ids(await mallory(world, data_map)) == {("users", 1)}


async def test_customer_number_that_is_declared_and_written_into_the_own_record_opens_nothing(
    world: World,
) -> None:
    data_map = desk(
        users="\n".join(("name: _id", VERIFIED, held("number", "customer_number"), NAME)),
        invoices=f"name: _id\n{held('number', 'customer_number')}\n{NAME}",
    )
    await world.fill(
        users=[{"_id": 1, "email": MALLORY, "number": 42, "name": "Ada Example"}],
        invoices=[{"_id": 1, "number": 42, "name": "Ada Example"}],
    )
    assert ids(await mallory(world, data_map, customer_number="42")) == {("users", 1)}


async def test_number_that_is_declared_in_the_request_and_written_into_the_own_record_opens_nothing(
    world: World,
) -> None:
    data_map = desk(
        users=f"name: _id\n{VERIFIED}\n{held('phone', 'phone_number', FLAG)}\nname: at",
        calls=f"name: _id\n{held('phone', 'phone_number')}\n{NAME}",
    )
    await world.fill(
        users=[{"_id": 1, "email": MALLORY, "phone": PHONE, "at": None}],
        calls=[{"_id": 1, "phone": PHONE, "name": "Mallory Mask"}],
    )
    assert ids(await mallory(world, data_map, phone_number=PHONE)) == {("users", 1)}


def team(*fields: str) -> str:
    inside = ", ".join(f"{{ {field} }}" for field in fields)
    return f"name: _id\nname: members, fides_meta: {{ data_type: 'object[]' }}, fields: [{inside}]"


async def test_element_of_a_shared_record_leads_to_no_element_of_the_victim(world: World) -> None:
    data_map = desk(
        users=f"name: _id\n{VERIFIED}\n{held('phone', 'phone_number')}\n{NAME}",
        teams=team(held("email", "email"), held("phone", "phone_number"), NAME),
    )
    ada = {"email": None, "phone": PHONE, "name": "Ada Example"}
    posing = {"email": MALLORY, "phone": PHONE, "name": "Ada Example"}
    await world.fill(
        users=[{"_id": 1, **posing}],
        teams=[{"_id": 1, "members": [posing, ada]}, {"_id": 2, "members": [ada]}],
    )
    findings = await mallory(world, data_map)
    assert ids(findings) == {("users", 1), ("teams", 1)}
    [found] = findings.of("desk.teams")
    assert found.disclosed["members"] == [posing]


async def test_flag_of_another_element_verifies_nothing(world: World) -> None:
    phones = (
        "name: phones, fides_meta: { data_type: 'object[]', return_all_elements: true }, "
        f"fields: [{{ {held('number', 'phone_number', FLAG)} }}, {{ name: at }}]"
    )
    data_map = desk(
        users=f"name: _id\n{VERIFIED}\n{phones}",
        calls=f"name: _id\n{held('phone', 'phone_number')}",
    )
    await world.fill(
        users=[
            {"_id": 1, "email": MALLORY, "phones": [{"number": OTHER_PHONE, "at": WHEN}, {"number": PHONE}]}
        ],
        calls=[{"_id": 1, "phone": PHONE}, {"_id": 2, "phone": OTHER_PHONE}],
    )
    assert ("calls", 1) not in ids(await mallory(world, data_map))


async def test_list_that_the_attacker_stores_in_place_of_one_value_is_verified_by_no_flag(
    world: World,
) -> None:
    data_map = desk(
        users=f"name: _id\n{VERIFIED}\n{held('phone', 'phone_number', FLAG)}\nname: at",
        calls=f"name: _id\n{held('phone', 'phone_number')}",
    )
    await world.fill(
        users=[{"_id": 1, "email": MALLORY, "phone": [OTHER_PHONE, PHONE], "at": WHEN}],
        calls=[{"_id": 1, "phone": PHONE}],
    )
    assert ids(await mallory(world, data_map)) == {("users", 1)}


EDITABLE = ", meta: { habeas: { editable: true } }"


async def test_part_of_a_composite_key_that_people_can_change_leads_nowhere(world: World) -> None:
    data_map = desk(
        users="\n".join(
            (
                "name: _id",
                VERIFIED,
                linked("shop", "orders.shop", ", direction: to"),
                linked("number", "orders.number", ", direction: to", meta=EDITABLE),
            )
        ),
        orders="\n".join(f"name: {part}, fides_meta: {{ primary_key: true }}" for part in ("shop", "number")),
    )
    await world.fill(
        users=[{"_id": 1, "email": MALLORY, "shop": "a", "number": 42}],
        orders=[{"_id": 1, "shop": "a", "number": 42}],
    )
    assert ids(await mallory(world, data_map)) == {("users", 1)}


async def test_reference_by_an_address_that_people_write_themselves_leads_nowhere(world: World) -> None:
    second = held("second", "email").replace(
        "identity: email",
        "identity: email, references: [{ dataset: desk, field: payers._id, direction: to }]",
    )
    data_map = desk(
        users=f"name: _id\n{VERIFIED}\n{second}",
        payers="name: _id, data_categories: [user.contact.email]\nname: iban",
    )
    await world.fill(
        users=[{"_id": 1, "email": MALLORY, "second": ADA_MAIL}], payers=[{"_id": ADA_MAIL, "iban": "X"}]
    )
    assert ids(await mallory(world, data_map)) == {("users", 1)}


async def test_victims_number_in_the_attackers_profile_opens_no_card_with_that_key(world: World) -> None:
    number = held("number", "customer_number").replace(
        "identity: customer_number",
        "identity: customer_number, references: [{ dataset: desk, field: cards._id, direction: to }]",
    )
    data_map = desk(
        users=f"name: _id\n{VERIFIED}\n{number}",
        cards=f"name: _id, fides_meta: {{ primary_key: true }}\n{NAME}",
    )
    await world.fill(
        users=[{"_id": 1, "email": MALLORY, "number": 42}], cards=[{"_id": 42, "name": "Ada Example"}]
    )
    assert ids(await mallory(world, data_map, customer_number="42")) == {("users", 1)}


async def test_household_that_shares_a_verified_number_is_told_apart_by_every_identity(world: World) -> None:
    data_map = desk(
        users="\n".join(
            (
                "name: _id",
                VERIFIED,
                held("phone", "phone_number", "always"),
                NAME,
                BORN,
                held("patient", "patient_no"),
            )
        ),
        visits=f"name: _id\n{held('phone', 'phone_number')}\n{held('patient', 'patient_no')}\n{NAME}\n{BORN}",
    )
    posing = {"name": "Ada Example", "born": "1984-12-10", "patient": 42}
    await world.fill(
        users=[{"_id": 1, "email": MALLORY, "phone": PHONE, **posing}],
        visits=[
            {"_id": 1, "phone": PHONE, "name": "Ada Example", "patient": 42},
            {"_id": 2, "phone": PHONE, "name": "Ada Example", "born": "1985-01-01"},
        ],
    )
    assert ids(await mallory(world, data_map)) == {("users", 1)}


async def test_data_points_of_the_attackers_own_record_prove_no_address_of_the_victim(world: World) -> None:
    data_map = desk(users=f"name: _id\n{held('email', 'email', FLAG)}\nname: at\n{NAME}")
    posing = {"_id": 1, "email": ADA_MAIL, "name": "Mallory Mask", "at": None}
    await world.fill(users=[posing, {"_id": 2, "email": ADA_MAIL, "name": "Ada Example", "at": WHEN}])
    engine = RecordEngine(world.stores)
    assert ids(await engine.gather_verified(data_map, {"email": (ADA_MAIL,)})) == {("users", 2)}
    unstated = desk(users=f"name: _id\n{held('email', 'email')}\nname: at\n{NAME}")
    assert ids(await engine.gather_verified(unstated, {"email": (ADA_MAIL,)})) == set()


# --- references by what people write themselves -------------------------------------------------------------


def referring(name: str, to: str, direction: str, identity: str = "", verified: str = "") -> str:
    """A field that refers to another one, and may hold an identity besides."""
    flow = f", direction: {direction}" if direction else ""
    reference = f"references: [{{ dataset: desk, field: {to}{flow} }}]"
    if not identity:
        return f"name: {name}, data_categories: [user.unique_id], fides_meta: {{ {reference} }}"
    return held(name, identity, verified).replace("identity:", f"{reference}, identity:")


def key_field(name: str, identity: str, verified: str = "") -> str:
    return held(name, identity, verified).replace("identity:", "primary_key: true, identity:")


NUMBER, UNSTATED = "customer_number", held("number", "customer_number")
ACCOUNT, ORDER = f"name: _id\n{VERIFIED}\n", f"name: _id\n{NAME}\n"


def referring_maps(direction: str) -> dict[str, tuple[str, str]]:
    """Return pairs of fields of accounts and of orders, of which one refers to the other in *direction*."""
    to_order = referring("number", "orders.number", direction)
    to_account = referring("number", "users.number", direction)
    return {
        "identity refers": (referring("number", "orders.number", direction, NUMBER), "name: number"),
        "identity is referred to": (UNSTATED, to_account),
        "plain field refers to an identity": (to_order, UNSTATED),
        "identity refers to a plain field": (
            "name: number",
            referring("number", "users.number", direction, NUMBER),
        ),
        "identity refers to an identity": (referring("number", "orders.number", direction, NUMBER), UNSTATED),
        "key that people can change is referred to": (key_field("number", NUMBER), to_account),
        "plain field refers to a key that people can change": (to_order, key_field("number", NUMBER)),
    }


ATTACKS = {
    f"{name}, {direction or 'both'}": fields
    for direction in ("to", "from", "")
    for name, fields in referring_maps(direction).items()
}


@pytest.mark.parametrize("fields", ATTACKS.values(), ids=ATTACKS)
async def test_number_that_the_attacker_writes_reaches_no_record_that_holds_or_refers_to_it(
    world: World, fields: tuple[str, str]
) -> None:
    users, orders = fields
    data_map = desk(users=ACCOUNT + users, orders=ORDER + orders)
    order = {"_id": 9, "number": 42, "name": "Ada Example"}
    accounts = [{"_id": 1, "email": MALLORY, "number": 42}, {"_id": 2, "email": ADA_MAIL, "number": 42}]
    await world.fill(users=[dict(account) for account in accounts], orders=[dict(order)])
    findings = await mallory(world, data_map)
    assert ids(findings) == {("users", 1)}
    decided = plan(findings, data_map, date(2026, 11, 29))
    assert not await execute(decided, world.stores)
    remains = await verify(decided, data_map, world.stores, {"email": (MALLORY,)})
    assert ids(remains.findings) == set()
    database = world.client[world.prefix + "desk"]
    assert [one async for one in database["orders"].find()] == [order]
    assert await database["users"].find_one({"_id": 2}) == accounts[1]


@pytest.mark.parametrize("direction", ["from", ""], ids=["from", "both"])
async def test_account_that_is_opened_under_the_victims_address_as_its_key_reaches_nothing_of_the_victim(
    world: World, direction: str
) -> None:
    data_map = desk(
        users=f"{key_field('_id', 'email')}\n{held('login', 'email', 'always')}",
        orders=ORDER + referring("email", "users._id", direction, "email"),
    )
    await world.fill(
        users=[{"_id": ADA_MAIL, "login": MALLORY}], orders=[{"_id": 9, "email": ADA_MAIL, "name": "Ada"}]
    )
    assert ids(await mallory(world, data_map)) == {("users", ADA_MAIL)}


HONEST = {
    "key that every store keeps": (f"{key_field('_id', NUMBER)}\n{VERIFIED}", "users._id", "_id"),
    "key that is always verified": (
        f"{VERIFIED}\n{key_field('number', NUMBER, 'always')}",
        "users.number",
        "number",
    ),
    "identity that is verified": (
        f"{VERIFIED}\n{held('number', NUMBER, 'always')}",
        "users.number",
        "number",
    ),
}


@pytest.mark.parametrize(("users", "to", "key"), HONEST.values(), ids=HONEST)
@pytest.mark.parametrize("direction", ["from", ""], ids=["from", "both"])
async def test_records_that_refer_to_a_key_or_verified_number_are_found(
    world: World, users: str, to: str, key: str, direction: str
) -> None:
    data_map = desk(users=users, orders=f"name: _id\n{referring('number', to, direction)}")
    await world.fill(users=[{key: 42, "email": ADA_MAIL}], orders=[{"_id": 9, "number": 42}])
    assert ("orders", 9) in ids(await ada(world, data_map))


@pytest.mark.parametrize("direction", ["to", ""], ids=["to", "both"])
@pytest.mark.parametrize("number", [key_field("number", NUMBER, "always"), held("number", NUMBER, "always")])
async def test_record_that_an_account_refers_to_by_a_verified_number_is_found(
    world: World, number: str, direction: str
) -> None:
    data_map = desk(
        users=ACCOUNT + referring("customer", "cards.number", direction), cards=f"name: _id\n{number}"
    )
    await world.fill(users=[{"_id": 1, "email": ADA_MAIL, "customer": 42}], cards=[{"_id": 9, "number": 42}])
    assert ("cards", 9) in ids(await ada(world, data_map))


# --- the other way round: the attacker spoils what the victim gets -----------------------------------------


async def ada(world: World, data_map: DataMap) -> Findings:
    return await gather(data_map, world.stores, {"email": (ADA_MAIL,)})


POISONED = {
    "users": "\n".join(
        (
            "name: _id",
            VERIFIED,
            held("second", "email"),
            held("phone", "phone_number", FLAG),
            "name: at",
            NAME,
        )
    ),
    "calls": f"name: _id\n{held('phone', 'phone_number')}",
}


async def test_attackers_record_that_names_the_victims_mailbox_is_not_shown_to_the_victim(
    world: World,
) -> None:
    await world.fill(
        users=[
            {"_id": 1, "email": ADA_MAIL, "phone": PHONE, "at": WHEN},
            {"_id": 2, "email": MALLORY, "second": ADA_MAIL, "phone": OTHER_PHONE, "at": WHEN},
        ],
        calls=[{"_id": 1, "phone": PHONE}, {"_id": 2, "phone": OTHER_PHONE}],
    )
    findings = await ada(world, desk(**POISONED))
    assert ids(findings) == {("users", 1), ("calls", 1)}


async def test_attackers_record_that_names_the_victims_number_denies_the_victim_nothing(world: World) -> None:
    strangers = [{"_id": n, "email": f"m{n}@example.com", "phone": PHONE} for n in range(2, 30)]
    await world.fill(
        users=[{"_id": 1, "email": ADA_MAIL, "phone": PHONE, "at": WHEN}, *strangers],
        calls=[{"_id": 1, "phone": PHONE}],
    )
    findings = await ada(world, desk(**POISONED))
    assert ids(findings) == {("users", 1), ("calls", 1)}
    assert findings.shared == ()


async def test_namesake_with_the_same_birthday_and_street_is_another_person(world: World) -> None:
    data_map = desk(users="\n".join(("name: _id", VERIFIED, held("phone", "phone_number"), NAME, BORN)))
    both = {"name": "Ada Example", "born": "1984-12-10", "phone": PHONE}
    await world.fill(users=[{"_id": 1, "email": ADA_MAIL, **both}, {"_id": 2, "email": MALLORY, **both}])
    assert ids(await mallory(world, data_map)) == {("users", 2)}
    assert ids(await ada(world, data_map)) == {("users", 1)}


async def test_second_look_after_an_erasure_takes_no_record_of_another_person(world: World) -> None:
    """The number that tells the order from the person's is erased with the account, and not forgotten."""
    number = held("number", "customer_number", "always")
    data_map = desk(
        users=f"name: _id\n{VERIFIED}\n{number}",
        orders=f"name: _id\n{held('contact', 'email')}\n{number}",
    )
    order = {"_id": 1, "contact": ADA_MAIL, "number": 8}
    await world.fill(users=[{"_id": 1, "email": ADA_MAIL, "number": 7}], orders=[dict(order)])
    proven = {"email": (ADA_MAIL,)}
    decided = plan(await gather(data_map, world.stores, proven), data_map, date(2026, 11, 29))
    assert not await execute(decided, world.stores)
    remains = await verify(decided, data_map, world.stores, proven)
    assert remains.clean
    assert ids(remains.findings) <= {("users", 1)}
    stored = world.client[world.prefix + "desk"]["orders"]
    assert await stored.find_one({"_id": 1}) == order
