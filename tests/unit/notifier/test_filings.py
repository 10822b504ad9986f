"""The documents of an opened incident: from the register's facts to sealed pages for authorities."""

import json
from dataclasses import dataclass
from datetime import timedelta

import pytest

from habeas.client.breach_specimens import HOUSE, known
from services.intake.http.staff_incidents import FILES, SAMPLE
from services.notifier.breach.campaign.checks import write_samples
from services.notifier.breach.campaign.filings import write_filings
from services.notifier.breach.notices.documents import FormContext
from services.notifier.breach.notices.samples import SampleNotice
from shared.contract.breach_facts import FilingFacts
from shared.contract.events.breaches import (
    BreachDeclared,
    BreachOpened,
    BreachRegistered,
    FilingsAsked,
    FilingsWritten,
    NoticesChecked,
    SamplesAsked,
    StatedDuty,
)
from shared.law.library import EXAMPLE, breach_policies, company
from tests.runtime_fakes import MemoryVault
from tests.unit.fakes import NOW, proof_of
from tests.unit.incident_register_fakes import INCIDENT, Registry, scoped

OPENED = BreachOpened.model_validate(
    {"request_id": INCIDENT, "by": "ada", "reason": "breach_room", "proof": proof_of("ada")}
)
DUTY = StatedDuty(clock="gdpr.authority.DE", policy="gdpr@2018-05-25", recipient="authority", place="DE")


@dataclass(frozen=True)
class Forms:
    """The vault, and the company of the tests."""

    vault: MemoryVault

    def forms(self) -> FormContext:
        return FormContext(company(EXAMPLE), HOUSE, breach_policies(), NOW)


@dataclass(frozen=True)
class Samples:
    """The vault, and what the letters of the incident say."""

    vault: MemoryVault

    def notice(self, declared: BreachDeclared) -> SampleNotice:
        return SampleNotice(declared, INCIDENT, HOUSE, NOW)


def test_packed_facts_keep_the_unknown_residence_and_the_duties() -> None:
    facts = FilingFacts(known(), (DUTY,))
    assert FilingFacts.unpacked(facts.packed()) == facts
    assert FilingFacts.unpacked(FilingFacts(known(people=None), ()).packed()).known.people is None


async def test_opening_an_incident_seals_the_document_of_each_duty_to_an_authority() -> None:
    registry = Registry()
    await registry.declare()
    await registry.tell(scoped(DE=3))
    await registry.tell(OPENED)
    [asked] = registry.facts(FilingsAsked)
    [written] = await write_filings(asked, Forms(registry.vault))
    assert isinstance(written, FilingsWritten)
    owed = {duty.clock for duty in (await registry.incident()).clocks if duty.owed}
    names = {one.name for one in written.filings}
    assert [name for name in names if name.startswith("gdpr.authority")]
    assert {name for name in names if name in owed} == {
        duty.clock
        for duty in (await registry.incident()).clocks
        if duty.owed and duty.recipient in {"authority", "attorney_general", "csirt", "consumer_agencies"}
    }
    for one in written.filings:
        page = (await registry.vault.open(INCIDENT, one.item)).decode()
        assert page.lower().startswith("<!doctype html>")


async def written_of(registry: Registry, later: timedelta = timedelta()) -> FilingsWritten:
    """Open the incident, and return what is written for it."""
    assert OPENED.proof is not None
    proof = OPENED.proof.model_copy(update={"at": OPENED.proof.at + later})
    await registry.tell(OPENED.model_copy(update={"proof": proof}))
    [written] = await write_filings(registry.facts(FilingsAsked)[-1], Forms(registry.vault))
    assert isinstance(written, FilingsWritten)
    return written


async def test_documents_are_sealed_as_json_beside_their_pages() -> None:
    registry = Registry()
    await registry.declare()
    await registry.tell(scoped(DE=3))
    written = await written_of(registry)
    files = {one.name: await registry.vault.open(INCIDENT, one.item) for one in written.files}
    [form] = [one for one in written.filings if one.name == "gdpr.authority.DE"]
    found = json.loads(files["gdpr.authority.DE.json"])
    assert (found["document"], found["incident"]) == ("gdpr.authority.DE", INCIDENT)
    assert sum(one["missing"] for one in found["fields"]) == form.missing > 0
    assert all(FILES.fullmatch(one.item) for one in written.files)


@pytest.mark.slow
async def test_authority_gets_a_copy_of_the_letter_that_most_people_get() -> None:
    """Cal. Civ. Code § 1798.82(f)."""
    registry = Registry()
    await registry.declare(categories=["user.name", "user.government_id.national_identification_number"])
    found = scoped(US_CA=600)
    spanish = found.groups[0].model_copy(update={"language": "es"})
    await registry.tell(found.model_copy(update={"groups": (spanish,)}))
    written = await written_of(registry)
    [copy] = [one for one in written.files if one.name == "us-ca.sample.html"]
    page = (await registry.vault.open(INCIDENT, copy.item)).decode()
    assert "Notice of Data Breach" in page
    assert 'lang="es"' in page
    assert "@example.net" not in page


async def test_letters_that_wait_are_mails_in_the_words_that_an_approval_releases() -> None:
    registry = Registry()
    await registry.declare()
    await registry.tell(scoped(DE=3))
    await registry.declare(id_="2", measures="Every password is new.")
    await registry.tell(scoped(2, DE=1))
    written = await written_of(registry)
    assert [(one.phase, one.people, one.language) for one in written.letters] == [(1, 3, "en"), (2, 1, "en")]
    for mail in [await registry.vault.open(INCIDENT, one.item) for one in written.letters]:
        assert b"To: Amelia Ferreira <amelia@example.net>" in mail
        assert b"Every password is new." in mail
    assert {one.declaration for one in written.letters} == {registry.facts(BreachRegistered)[-1].declaration}
    await registry.approve("bruno", 2)
    assert (await written_of(registry, timedelta(minutes=1))).letters == (), "they are out"


async def test_opening_in_a_language_writes_samples_of_its_letters() -> None:
    registry = Registry()
    await registry.declare()
    await registry.tell(scoped(DE=3))
    await registry.tell(OPENED.model_copy(update={"language": "pt-BR"}))
    [asked] = registry.facts(SamplesAsked)
    [checked] = await write_samples(asked, Samples(registry.vault))
    assert isinstance(checked, NoticesChecked)
    assert (checked.phase, checked.language) == (1, "pt-BR")
    [letter] = checked.letters
    assert (letter.language, letter.item) == ("pt-BR", "sample_1_0_pt_br")
    assert SAMPLE.fullmatch(letter.item or "")
    page = (await registry.vault.open(INCIDENT, letter.item or "")).decode()
    assert 'lang="pt' in page
    assert any("not declared in 'pt" in lack.says for lack in letter.lacks)


async def test_opening_without_a_language_asks_for_no_samples() -> None:
    registry = Registry()
    await registry.declare()
    await registry.tell(scoped(DE=3))
    await registry.tell(OPENED)
    assert registry.facts(SamplesAsked) == []


async def test_opening_without_a_proof_writes_no_document() -> None:
    registry = Registry()
    await registry.declare()
    await registry.tell(OPENED.model_copy(update={"proof": None}))
    assert registry.facts(FilingsAsked) == []
