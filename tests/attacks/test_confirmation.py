"""Attacks on confirmation: a person confirms an erasure or a transfer by name, or it does not happen."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from tests.integration.pipeline import PORTAL, WITHIN, Pipeline, Somebody, comes_true, running
from tests.waiting import eventually

NOWHERE = {"transfer_to": "https://import.attacker.example/people"}


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    folder = tmp_path_factory.mktemp("confirmation")
    async with running(parts, folder, HABEAS_CONFIRMING_SOURCES="[]") as pipeline:
        yield pipeline


async def code_letter(pipeline: Pipeline, person: Somebody, case: str) -> str:
    """Return the body of the letter with the code."""

    def mailed() -> str:
        bodies = [letter.body() for letter in pipeline.letters_to(person, case)]
        return next((body for body in bodies if "Enter the code" in body), "")

    return await eventually(mailed, WITHIN)


async def test_word_of_a_trusted_system_erases_nothing_before_the_person_confirms(pipeline: Pipeline) -> None:
    person = (await pipeline.people())[2]
    asked = person.asks("erasure")
    await pipeline.send(asked, source=PORTAL)
    case = await pipeline.id_of(asked)
    letter = await code_letter(pipeline, person, case)
    assert "Erasure of your personal data" in letter
    assert "your data will be erased. This cannot be undone." in letter
    page = await pipeline.until_it_is("challenged", case)
    assert page["wanted"] == [["confirmation"]]
    shown = (await pipeline.http.get(f"/requests/{case}", headers={"Accept": "text/html"})).text
    assert "Your data will be erased. This cannot be undone." in shown
    assert await pipeline.mentions(person.email)

    # Whoever published the request knows its id: the page lets nobody confirm without the code.
    assert "Yes, erase my data" not in shown
    (await pipeline.http.post(f"/requests/{case}/confirmation")).raise_for_status()
    forged = {"proofs": [{"kind": "confirmation", "right": "erasure"}]}
    (await pipeline.http.post(f"/v1/requests/{case}/proofs", json=forged)).raise_for_status()

    async def refused() -> bool:
        return str((await pipeline.page(case))["proof_refused_for"]) == "not_needed"

    await comes_true(refused)
    assert (await pipeline.page(case))["status"] == "challenged"
    assert await pipeline.mentions(person.email)

    code = await pipeline.code_for(person, case)
    assert len(code.replace("-", "")) == 8
    (await pipeline.prove(case, code.lower().replace("-", " "))).raise_for_status()
    await pipeline.closed(case)
    assert not await pipeline.mentions(person.email)


async def test_letter_of_a_transfer_names_its_recipient_and_nothing_is_sent_without_the_code(
    pipeline: Pipeline,
) -> None:
    person = (await pipeline.people())[3]
    asked = person.asks("portability", details=NOWHERE)
    await pipeline.send(asked, source=PORTAL)
    case = await pipeline.id_of(asked)
    letter = await code_letter(pipeline, person, case)
    assert "your data will be sent to import.attacker.example. This cannot be undone." in letter
    await pipeline.until_it_is("challenged", case)
    shown = (await pipeline.http.get(f"/requests/{case}", headers={"Accept": "text/html"})).text
    assert "import.attacker.example" in shown
    rows = await pipeline.rows("fulfillment", case=case)
    assert "transfer" not in str(rows)


async def test_words_of_a_stranger_do_not_reach_the_letter_as_recipient(pipeline: Pipeline) -> None:
    person = (await pipeline.people())[4]
    lure = "Call +1 555 0100 to keep your account, see http://lure.example"
    case = await pipeline.lodge(person.asks("portability", details={"transfer_to": lure}))
    letter = await code_letter(pipeline, person, case)
    assert "lure.example" not in letter
    assert "555" not in letter


async def test_access_by_a_trusted_system_needs_no_step(pipeline: Pipeline) -> None:
    person = (await pipeline.people())[5]
    asked = person.asks("access")
    await pipeline.send(asked, source=PORTAL)
    case = await pipeline.id_of(asked)
    await pipeline.closed(case)
    assert not any("Enter the code" in letter.body() for letter in pipeline.letters_to(person, case))


async def test_person_without_a_mailbox_confirms_on_the_page(pipeline: Pipeline) -> None:
    contact = await pipeline.business("portal", "contacts").find_one({"customer_id": {"$ne": None}}, skip=20)
    asked = {
        "reference": "no-mailbox",
        "right": "erasure",
        "subject": {"identifiers": {"customer_no": str(contact["customer_id"])}},
        "residence": {"country": "DE"},
    }
    await pipeline.send(asked, source=PORTAL)
    case = await pipeline.id_of(asked)
    await pipeline.until_it_is("challenged", case)
    shown = (await pipeline.http.get(f"/requests/{case}", headers={"Accept": "text/html"})).text
    assert "Yes, erase my data" in shown
    assert "Your data will be erased. This cannot be undone." in shown
    assert await pipeline.mentions(contact["email"])
    (await pipeline.http.post(f"/requests/{case}/confirmation")).raise_for_status()

    # The example's map has no such identity: the staff goes on with a request that is confirmed.
    await pipeline.until_it_is("referred", case)
