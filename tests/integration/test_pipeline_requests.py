"""The main job from the outside: a request goes in at one end, a true answer comes out at the other."""

import base64
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import pytest
import pytest_asyncio

from habeas.client.tickets import REASONS
from habeas.embedded.company import ADA, BRUNO
from habeas.embedded.stack import Stack
from services.fulfillment.package.verification import verify_package
from services.intake.cases.follow_ups import MOST, TOO_MANY
from services.intake.domain import FollowUpKept, request_id
from shared.contract.codes import MOST_ISSUED, TRIES
from shared.contract.correlation import EVENT, KEYED, REFERENCE, SOURCE
from shared.contract.events import ProofSubmitted, WithdrawalSubmitted
from shared.runtime.key_rings import derived_key
from shared.runtime.mongo import Document
from tests.integration.pipeline import (
    KEYS,
    PORTAL,
    SHOP,
    TODAY,
    WITHIN,
    Heard,
    Pipeline,
    Somebody,
    command,
    followed,
    running,
)
from tests.waiting import eventually

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas" / "habeas.events"
ADA_ASKS, BRUNO_ASKS = Somebody(ADA.email, ADA.name), Somebody(BRUNO.email, BRUNO.name)
GRANTED = {"granted", "partly_granted"}
"""In part where texts that may name others are held."""
STRANGER = Somebody("nobody.knows@example.org", "Nemo Unbekannt")


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with running(parts, tmp_path_factory.mktemp("pipeline")) as pipeline:
        yield pipeline


@pytest_asyncio.fixture(scope="module")
async def heard(pipeline: Pipeline) -> AsyncIterator[Heard]:
    async with pipeline.listening() as heard:
        yield heard


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*.json")}


@pytest.fixture(autouse=True)
def every_event_fits_its_schema(heard: Heard, schemas: dict[str, Any]) -> Iterator[None]:
    start = len(heard.events)
    yield
    assert len(heard.events) > start
    for event in heard.events[start:]:
        jsonschema.validate(event["data"], schemas[event["type"]])


def letters(heard: Heard, case: str) -> list[str]:
    return [event["data"]["letter"] for event in heard.of(case, "notice.sent")]


async def test_access_ends_in_a_package_that_opens_once_with_a_fresh_code(
    pipeline: Pipeline, heard: Heard
) -> None:
    case = await pipeline.verified("access", ADA_ASKS)
    page = await pipeline.closed(case)
    assert page["outcome"] in GRANTED
    content = await pipeline.package(case, ADA_ASKS)
    report = verify_package(io.BytesIO(content))
    assert report.ok
    assert report.records > 30
    spent = await pipeline.code_for(ADA_ASKS, case)
    again = await pipeline.http.get(f"/v1/requests/{case}/package", params={"code": spent})
    assert again.status_code == 403
    await eventually(lambda: letters(heard, case) == ["code", "outcome", "code"])
    assert len(heard.of(case, "request.closed")) == 1
    assert len(await heard.until(case, "package.fetched")) == 1
    assert BRUNO.email.encode() not in content


async def test_erasure_by_amqp_leaves_only_retained_records(pipeline: Pipeline, heard: Heard) -> None:
    asked = BRUNO_ASKS.asks("erasure", reference="ticket-4711")
    before = await pipeline.mentions(BRUNO.email)
    ada_before = await pipeline.mentions(ADA.email)
    await pipeline.send(asked, source=SHOP)
    case = await pipeline.id_of(asked, source=SHOP)
    (await pipeline.prove(case, await pipeline.code_for(BRUNO_ASKS, case))).raise_for_status()
    page = await pipeline.closed(case)
    assert page["outcome"] == "partly_granted"
    assert len(before) > 5
    assert await pipeline.mentions(BRUNO.email) == {}
    assert set(await pipeline.mentions(BRUNO.name)) == {"billing.invoices"}
    assert await pipeline.mentions(ADA.email) == ada_before
    assert letters(heard, case) == ["code", "outcome"]
    assert [event["type"] for event in heard.of(case, "subject.erased")] == ["habeas.subject.erased.v1"]
    assert len(heard.of(case, "request.closed")) == 1
    assert {(event[SOURCE], event[REFERENCE]) for event in heard.of(case)} == {(SHOP, "ticket-4711")}
    [published] = {event[EVENT] for event in heard.of(case)}
    assert UUID(published)


async def test_a_source_whose_log_in_is_trusted_needs_no_code(pipeline: Pipeline, heard: Heard) -> None:
    person = (await pipeline.people())[3]
    asked = person.asks("access", reference=person.email)
    await pipeline.send(asked, source=PORTAL)
    page = await pipeline.closed(await pipeline.id_of(asked))
    assert page["outcome"] in GRANTED
    assert letters(heard, page["id"]) == ["acknowledgement", "outcome"]
    [reference] = {event[REFERENCE] for event in heard.of(page["id"])}
    assert reference.startswith(KEYED)
    assert person.email not in str(heard.of(page["id"]))


async def test_status_by_reference_finds_all_systems_for_staff_and_its_own_for_a_system(
    pipeline: Pipeline, tmp_path: Path, heard: Heard
) -> None:
    asked = STRANGER.asks("access", reference="ticket-7")
    own = await pipeline.lodge(asked, source=SHOP)
    other = await pipeline.lodge(STRANGER.asks("erasure", reference="ticket-7"), source=PORTAL)
    await pipeline.until_it_is("challenged", own)
    await eventually(lambda: bool(heard.of(other, "request.received")))
    staff = ("status", "--reference", "ticket-7", "--json", "--as", "anna")
    for case in (own, other):
        await followed(pipeline, case)
    found = {one["request"]: one for one in json.loads((await command(pipeline, *staff))[1])}
    assert found.keys() == {own, other}
    assert (found[own]["source"], found[own]["status"]) == (SHOP, "challenged")
    assert (found[own]["reason"], found[own]["age_days"]) == (REASONS["proof"], 0)
    [one] = json.loads((await command(pipeline, *staff, "--source", PORTAL))[1])
    assert one["request"] == other
    key = tmp_path / "key"
    key.write_text(KEYS[SHOP], encoding="utf-8")
    [one] = json.loads((await command(pipeline, *staff[:4], "--key", str(key)))[1])
    assert (one["request"], one["reason"]) == (own, REASONS["proof"])
    for reference, error in (("ticket-8", "no request has this reference"), ("", "empty"), (KEYED, "events")):
        code, _, errors = await command(pipeline, "status", "--reference", reference, "--as", "anna")
        assert (code, error in errors) == (2, True)


async def test_withdrawal_before_its_request_ends_it(pipeline: Pipeline, heard: Heard) -> None:
    asked = STRANGER.asks("access", reference="ticket-4712")
    await pipeline.send({"reference": "ticket-4712"}, type_=WithdrawalSubmitted.TYPE, source=SHOP)
    await pipeline.recorded("intake", FollowUpKept.TYPE)
    await pipeline.send(asked, source=SHOP)
    case = await pipeline.id_of(asked, source=SHOP)
    await pipeline.closed(case)
    await eventually(lambda: heard.of(case, "request.closed"))
    assert len(heard.of(case, "request.withdrawn")) == 1
    assert heard.of(case, "request.rejected") == heard.of(case, "identity") == []
    assert letters(heard, case) == ["withdrawn"]


@pytest.mark.parametrize("right", ["access", "erasure"])
async def test_mailbox_opens_no_records_of_others(pipeline: Pipeline, heard: Heard, right: str) -> None:
    victim = await pipeline.business("portal", "contacts").find_one({"phones.0": {"$exists": True}})
    mallory = Somebody(f"mallory-{right}@example.net", "Mallory")
    subject = {
        "email": mallory.email,
        "phone": victim["phones"][0],
        "identifiers": {"customer_id": str(victim["customer_id"])},
    }
    case = await pipeline.verified(right, mallory, subject=subject)
    page = await pipeline.closed(case)
    assert (page["outcome"], page["package_url"]) == ("nothing_held", None)
    contacts = pipeline.business("portal", "contacts")
    assert await contacts.find_one({"_id": victim["_id"]}) == victim
    assert heard.of(case, "request.fulfilled")


async def test_erasure_leaves_people_with_a_number_named_in_the_record(pipeline: Pipeline) -> None:
    """The second look begins with what the first found: another number in the request is not looked up."""
    contacts = pipeline.business("portal", "contacts")
    known = [contact async for contact in contacts.find({"phones.0": {"$exists": True}}).sort("_id")]
    mallory, victim = known[-1], known[-2]
    person = Somebody(mallory["email"], "Mallory")
    subject = {
        "email": mallory["email"],
        "phone": victim["phones"][0],
    }
    case = await pipeline.verified("erasure", person, subject=subject)
    await pipeline.closed(case)
    assert await contacts.find_one({"_id": victim["_id"]}) == victim
    assert await contacts.find_one({"email": mallory["email"]}) is None


async def test_value_shared_by_many_people_proves_nothing(pipeline: Pipeline, heard: Heard) -> None:
    victim = (await pipeline.people())[11]
    points = {"country": "DE", "address.country": "DE", "currency": "EUR", "language": "de"}
    proofs = [{"kind": "data_points", "points": points}]
    california = {"country": "US", "subdivision": "CA"}
    case = await pipeline.verified("access", victim, residence=california, proofs=proofs)
    [compared] = await eventually(lambda: heard.of(case, "identity.compared"))
    assert compared["data"]["agreed"] == 0


async def test_request_that_no_service_can_answer_is_referred_to_staff(
    pipeline: Pipeline, heard: Heard
) -> None:
    case = await pipeline.verified("rectification", ADA_ASKS, details={"statement": "Something is wrong."})
    await pipeline.until_it_is("referred", case)
    await eventually(lambda: letters(heard, case) == ["code"])
    assert [event["data"]["reason"] for event in await heard.until(case, "request.referred")]


async def test_a_request_is_taken_back_until_it_is_answered_and_not_after(
    pipeline: Pipeline, heard: Heard
) -> None:
    person = (await pipeline.people())[4]
    held = await pipeline.mentions(person.email)
    case = await pipeline.lodge(person.asks("erasure"))
    code = await pipeline.code_for(person, case)
    (await pipeline.http.delete(f"/v1/requests/{case}")).raise_for_status()
    page = await pipeline.closed(case)
    assert page["outcome"] is None
    await eventually(lambda: letters(heard, case) == ["code", "withdrawn"])
    assert (await pipeline.prove(case, code)).status_code == 409
    assert await pipeline.mentions(person.email) == held

    asked = person.asks("access")
    await pipeline.send(asked)
    answered = await pipeline.id_of(asked)
    await pipeline.closed(answered)
    assert (await pipeline.http.delete(f"/v1/requests/{answered}")).status_code == 409
    await pipeline.send({"reference": asked["reference"]}, type_=WithdrawalSubmitted.TYPE)
    (rejected,) = await eventually(lambda: heard.of(answered, "request.rejected"))
    assert rejected["data"]["publisher_source"] == PORTAL
    assert [flaw["message"] for flaw in rejected["data"]["errors"]] == ["the request is closed"]
    assert (await pipeline.page(answered))["status"] == "closed"


async def waiting(pipeline: Pipeline, asked: Mapping[str, Any], **event: Any) -> list[Document]:
    """Have an *event* wait for the request that is *asked*; return the rows of its case."""
    type_ = event.pop("type_")
    await pipeline.send({"reference": asked["reference"], **event}, type_=type_, source=SHOP)
    key = derived_key(base64.b64decode(pipeline.settings["HABEAS_MASTER_KEY"]), "request ids")
    case = request_id(SHOP, asked["reference"], key=key)
    return await eventually(lambda: pipeline.rows("intake", case=case), WITHIN)


async def test_early_events_take_effect_once_if_the_services_are_killed(
    pipeline: Pipeline, heard: Heard
) -> None:
    leaver, reader = (await pipeline.people())[6:8]
    withdrawn, proven = leaver.asks("erasure"), reader.asks("access")
    proofs = [{"kind": "data_points", "points": {"customer_no": "K-7741-Q"}}]
    await waiting(pipeline, withdrawn, type_=WithdrawalSubmitted.TYPE)
    await waiting(pipeline, proven, type_=ProofSubmitted.TYPE, proofs=proofs)
    for asked in (withdrawn, proven):
        await pipeline.send(asked, source=SHOP)
    await pipeline.kill()  # before, during or after the registration
    await pipeline.start()
    leaving, reading = [await pipeline.id_of(asked, source=SHOP) for asked in (withdrawn, proven)]
    await pipeline.closed(leaving)
    await eventually(lambda: heard.of(reading, "identity.challenged"), WITHIN)
    for case, type_ in ((leaving, "request.withdrawn"), (reading, "proof.received")):
        assert len(await heard.until(case, type_)) == 1
        rows = await pipeline.rows("intake", case=case)
        facts = [fact["type"] for row in rows for fact in row["facts"]]
        assert [facts.count(f"habeas.{one}.v1") for one in ("follow_up.kept", "request.received", type_)] == [
            1, 1, 1,
        ]  # fmt: skip
    assert await pipeline.handled_twice() == []


async def test_eleventh_event_that_waits_for_one_request_is_rejected(
    pipeline: Pipeline, heard: Heard
) -> None:
    asked = {"reference": "a request that never comes"}
    for _ in range(MOST + 1):
        rows = await waiting(pipeline, asked, type_=WithdrawalSubmitted.TYPE)
    rejected = await eventually(lambda: heard.of(rows[0]["case"], "request.rejected"), WITHIN)
    assert [one["data"]["errors"] for one in rejected] == [[TOO_MANY.model_dump(mode="json")]]
    kept = [row for row in await pipeline.rows("intake", case=rows[0]["case"]) if row["facts"]]
    assert len(kept) == MOST + 1


async def offered_wrongly(pipeline: Pipeline, heard: Heard, case: str, code: str) -> None:
    """Offer *code*, which is wrong, and wait for the verdict."""
    before = len(heard.of(case, ".refused"))
    (await pipeline.prove(case, code)).raise_for_status()
    await eventually(lambda: len(heard.of(case, ".refused")) > before)


def wrong_one(code: str) -> str:
    """Return another code of the same form."""
    return code[:-1] + ("B" if code[-1] != "B" else "C")


async def code_number(pipeline: Pipeline, heard: Heard, case: str, number: int) -> str:
    """Return the code that was mailed to Ada as the *number*-th."""
    await eventually(lambda: letters(heard, case).count("code") == number)
    return await pipeline.code_for(ADA_ASKS, case)


async def test_after_too_many_wrong_codes_the_request_is_refused(pipeline: Pipeline, heard: Heard) -> None:
    case = await pipeline.lodge(ADA_ASKS.asks("erasure"))
    for number in range(1, MOST_ISSUED + 1):
        right = await code_number(pipeline, heard, case, number)
        for _ in range(TRIES):
            await offered_wrongly(pipeline, heard, case, wrong_one(right))
        if number < MOST_ISSUED:
            another = {"proofs": [{"kind": "new_code"}]}
            (await pipeline.http.post(f"/v1/requests/{case}/proofs", json=another)).raise_for_status()
    page = await pipeline.closed(case)
    assert (page["outcome"], page["reasons"]) == ("refused", ["too_many_attempts"])
    assert letters(heard, case)[-1] == "refusal"
    assert await pipeline.mentions(ADA.email)
    assert (await pipeline.prove(case, right)).status_code == 409


@pytest.mark.parametrize("right", ["access", "erasure"])
async def test_letter_says_that_the_person_is_unknown(pipeline: Pipeline, heard: Heard, right: str) -> None:
    page = await pipeline.closed(await pipeline.verified(right, STRANGER))
    assert page["outcome"] == "nothing_held"
    assert page["package_url"] is None
    (fulfilled,) = heard.of(page["id"], "request.fulfilled")
    assert fulfilled["data"]["package"] is None
    letter = pipeline.letters_to(STRANGER, page["id"])[-1]
    assert "no data" in letter.body().lower() or "nothing" in letter.body().lower()


async def test_erasure_with_copy_discloses_before_it_erases(pipeline: Pipeline) -> None:
    person = (await pipeline.people())[5]
    held = sum((await pipeline.mentions(person.email)).values())
    case = await pipeline.verified("erasure", person, details={"with_copy": True})
    page = await pipeline.closed(case)
    assert page["package_url"]
    letter = pipeline.letters_to(person, case)[-1]
    assert "package" in letter.body().lower()
    assert pipeline.settings["HABEAS_PUBLIC_URL"] in letter.body()
    assert await pipeline.mentions(person.email) == {}
    content = await pipeline.package(case, person)
    report = verify_package(io.BytesIO(content))
    assert report.ok
    assert report.records >= held


async def test_mail_in_german_is_answered_in_german(pipeline: Pipeline) -> None:
    person = (await pipeline.people())[6]
    asked = person.asks("access", locale="de-DE")
    await pipeline.send(asked)
    page = await pipeline.closed(await pipeline.id_of(asked))
    first, last = pipeline.letters_to(person, page["id"])
    assert "Wir haben Ihren Antrag erhalten" in first.body()
    assert "Datenpaket" in last.subject + last.body()
    assert all('lang="de' in letter.body("html") for letter in (first, last))


async def test_answer_shows_the_texts_of_the_map_in_the_language_of_the_reader(pipeline: Pipeline) -> None:
    person = (await pipeline.people())[6]
    case = await pipeline.answered("access", person, locale="de-AT")
    letters = pipeline.letters_to(person, case)
    assert "Ihr Profil im Kundenportal" in letters[-1].body()
    assert not [one for one in letters if "The person as the portal knows them" in one.body()]
    package = zipfile.ZipFile(io.BytesIO(await pipeline.package(case, person)))
    html = package.read("index.html").decode()
    assert all(said in html for said in ("Ihr Profil im Kundenportal", "Hosting-Anbieter", ">Vorname<"))
    assert not [said for said in ("The person as", "Hosting provider", ">First<") if said in html]
    about = json.loads(package.read("about.json"))
    assert "Ihr Profil im Kundenportal" in [one["label"] for one in about["collections"]]
    page = (await pipeline.http.get(f"/requests/{case}")).text
    forms = ("plain", "html")
    seen = [one.body(form) for one in pipeline.letters_to(person, case) for form in forms] + [page, html]
    assert all(about["reference"] in text for text in seen)
    assert not [text for text in seen if case in re.sub(r"https?://\S+|<[^>]+>", "", text)]


async def test_letter_about_an_erasure_names_recipients_in_the_language_of_the_reader(
    pipeline: Pipeline,
) -> None:
    person = (await pipeline.people())[9]
    case = await pipeline.verified("erasure", person, locale="fr-CA")
    await pipeline.closed(case)
    letters = " ".join(one.body() for one in pipeline.letters_to(person, case))
    assert "Hébergeur du portail" in letters
    assert case not in re.sub(r"https?://\S+", "", letters), "letters show the short reference"
    assert "Hosting provider" not in letters


async def test_the_package_stays_shut_without_its_code(pipeline: Pipeline) -> None:
    person = (await pipeline.people())[7]
    asked = person.asks("access")
    await pipeline.send(asked)
    case = (await pipeline.closed(await pipeline.id_of(asked)))["id"]
    path = f"/v1/requests/{case}/package"
    assert (await pipeline.http.get(path)).status_code == 401
    assert (await pipeline.http.get(path, params={"code": "123456"})).status_code == 403
    (await pipeline.http.post(f"{path}/codes")).raise_for_status()
    code = await pipeline.code_for(person, case)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for _ in range(TRIES):
        answer = await pipeline.http.get(path, params={"code": wrong})
        assert (answer.status_code, answer.json()["reason"]) == (403, "wrong_code")
    exhausted = await pipeline.http.get(path, params={"code": code})
    assert (exhausted.status_code, exhausted.json()["reason"]) == (403, "too_many_attempts")
    assert (
        await pipeline.http.get(f"/v1/requests/{'0' * 32}/package", params={"code": code})
    ).status_code == 404


async def test_an_address_in_other_case_is_the_same_person(pipeline: Pipeline) -> None:
    person = (await pipeline.people())[8]
    shouting = Somebody(person.email.upper(), person.name)
    # It is one request where nothing else differs.
    plain, loud = person.asks("access"), shouting.asks("access", details={"statement": "In capitals."})
    await pipeline.send(plain)
    await pipeline.send(loud)
    pages = [await pipeline.closed(await pipeline.id_of(asked)) for asked in (plain, loud)]
    assert {page["outcome"] for page in pages} <= GRANTED
    counts = [
        fact["data"]["dispositions"]
        for page in pages
        for row in await pipeline.rows("fulfillment", case=page["id"])
        for fact in row["facts"]
        if fact["type"] == "habeas.request.fulfilled.v1"
    ]
    assert counts[0] == counts[1] != {}


async def test_the_same_request_by_amqp_and_http_is_one_request(pipeline: Pipeline, heard: Heard) -> None:
    person = (await pipeline.people())[9]
    asked = person.asks("access")
    await pipeline.send(asked)
    cases = {await pipeline.lodge(asked, source=PORTAL) for _ in range(3)}
    await pipeline.send(asked)
    cases.add(await pipeline.id_of(asked))
    (case,) = cases
    await pipeline.closed(case)
    await eventually(lambda: heard.of(case, "request.closed"), WITHIN)
    for type_ in ("request.received", "identity.verified", "request.fulfilled", "request.closed"):
        assert len(heard.of(case, type_)) == 1
    assert letters(heard, case) == ["acknowledgement", "outcome"]
    assert len(pipeline.letters_to(person, case)) == 2
    assert await pipeline.handled_twice() == []


@pytest.mark.parametrize(
    ("residence", "laws", "due_on"),
    [
        pytest.param({"country": "DE"}, ["gdpr"], "2026-03-02", id="a month, rolled over a week-end"),
        pytest.param(
            {"country": "US", "subdivision": "CA"},
            ["us-ca-ccpa", "gdpr"],
            "2026-03-02",
            id="45 days in California, and a month in Berlin",
        ),
        pytest.param({"country": "BR"}, ["br-lgpd", "gdpr"], "2026-02-13", id="15 days in Brazil"),
    ],
)
async def test_the_answer_is_due_by_the_strictest_law_that_protects_the_person(
    pipeline: Pipeline, heard: Heard, residence: dict[str, str], laws: list[str], due_on: str
) -> None:
    asked = STRANGER.asks("access", residence=residence, received_at="2026-01-30T12:00:00Z")
    await pipeline.send(asked)
    page = await pipeline.closed(await pipeline.id_of(asked))
    assert (page["received_on"], page["due_on"]) == ("2026-01-30", due_on)
    (received,) = heard.of(page["id"], "request.received")
    assert received["data"]["due_on"] == due_on
    assert [law.partition("@")[0] for law in page["laws"]] == laws
    assert page["due_by"] == received["data"]["last_days"][0]["policy"]


async def test_answer_to_a_brazilian_is_in_brazilian_portuguese(pipeline: Pipeline) -> None:
    case = await pipeline.answered("access", ADA_ASKS, locale="pt", residence={"country": "BR"})
    assert pipeline.letter(ADA_ASKS, case, "estão também em arquivos que outros programas")
    with zipfile.ZipFile(io.BytesIO(await pipeline.package(case, ADA_ASKS))) as archive:
        index = archive.read("index.html").decode()
    assert '<html lang="pt-BR"' in index
    assert "Os outros arquivos" in index
    page = await pipeline.http.get(
        f"/requests/{case}", headers={"Accept": "text/html", "Accept-Language": "pt"}
    )
    assert '<html lang="pt-BR">' in page.text


async def test_only_late_requests_are_reported(pipeline: Pipeline, heard: Heard) -> None:
    long_ago = (datetime.now(UTC) - timedelta(days=90)).isoformat()
    late = await pipeline.lodge({**ADA_ASKS.asks("access"), "received_at": long_ago}, source=SHOP)
    fresh = await pipeline.lodge(BRUNO_ASKS.asks("access"), source=SHOP)

    async def missed() -> list[dict[str, Any]]:
        return heard.of(late, "deadline.missed")

    told: list[dict[str, Any]] = await eventually(missed, WITHIN)
    assert told[0]["data"]["due_on"] < TODAY.isoformat()
    await eventually(lambda: heard.of(fresh, "identity.challenged"), WITHIN)
    assert not heard.of(fresh, "deadline.missed")
    await eventually(lambda: "deadline missed" in pipeline.log.read_text(encoding="utf-8"))
