"""A country is one file: its deadlines, proofs, citations and grounds work without a change of the code."""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from habeas.client import specimens
from habeas.client.specimens import LETTERS
from services.fulfillment.domain import ErasureGround, erasure_ground
from services.fulfillment.package.about import rights
from services.fulfillment.package.labels import statutory, words
from services.fulfillment.package.withheld import DisclosureRules
from services.intake.cases.clock import Arrival, received_request
from services.intake.domain import CaseStatus, IntakeCase
from services.intake.pages import proof_form
from services.notifier.letters.composer import render
from services.notifier.letters.languages import CATALOGUES
from services.verifier.assurance.levels import Sensitivity, Situation, provision_of, required
from shared.contract.events import (
    Assurance,
    Evidence,
    Requester,
    RequestReceived,
    RequestSubmitted,
    Residence,
    Subject,
)
from shared.law import Policy, PolicyLibrary, ReasonCode, Regulation, Right, opens_categories
from shared.law.library import FOLDER, read
from shared.pages.law_names import name_of
from tests.unit.fakes import ABROAD, NOW
from tests.unit.fulfillment.sample_records import contents, packed, unpacked
from tests.unit.notifier.sample_letters import SENDER, refusal

RURITANIA = """law: xx-ruritania
edition: 2025-01-01
name: Ruritania, Privacy Charter of 1894
title: Privacy Charter of Ruritania
gallery: Ruritania
model: everybody@2018-05-25
sources:
  - {read: text, place: The Gazette of Ruritania, date: 2026-01-01}
scope: {places: [XR], provision: Charter Art. 1, read: text}
authority: {name: Privacy Chamber, url: "https://chamber.example.org", provision: Charter Art. 2, read: text}
periods:
  - {duty: answer, rights: others, length: 20, unit: calendar day, first_day: receipt,
     day_off: working day before, provision: Charter Art. 7, counting: Charter Art. 8, read: text}
proof:
  - {rights: [access], level: reasonably_high, declaration: true, categories: true, ground: oath,
     provision: Charter Art. 9, read: text}
  - {rights: all, level: mailbox, ground: mailbox, provision: Charter Art. 10, read: text}
proof_grounds:
  - {ground: agent_asks, provision: Charter Art. 13, read: text}
whole_portability: {provision: Charter Art. 14, read: text}
further_rights: {rights: [restriction], provision: Charter Art. 18, read: text}
equal_treatment: {provision: Charter Art. 19, read: text}
category_names:
  - {covers: [user.name], name: Titles of nobility, provision: Charter Art. 20, read: text}
  - {name: Other matters, provision: Charter Art. 20, read: text}
grounds:
  - {reasons: [retention_duty], provision: Charter Art. 11, read: text}
  - {reasons: [purpose_ended], provision: Charter Art. 15, read: text}
letters:
  - {element: reasons, letters: [refusal], provision: Charter Art. 12, read: text}
  - {element: complaint, letters: [refusal], provision: Charter Art. 16, read: text}
  - {element: provision, letters: [proof_wanted], provision: Charter Art. 17, read: text}
"""


@pytest.fixture
def library(tmp_path: Path) -> PolicyLibrary:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "xx-ruritania@2025-01-01.yaml").write_text(RURITANIA)
    return read(tmp_path)


def law(library: PolicyLibrary) -> Policy:
    return library.named("xx-ruritania@2025-01-01")


def received(library: PolicyLibrary, country: str = "XR") -> RequestReceived:
    subject, home = Subject(email="rudolf@example.org"), Residence(country=country)
    request = RequestSubmitted(reference="r", right=Right.ACCESS, subject=subject, residence=home)
    arrival = Arrival("c" * 32, "shop.example.com", NOW, NOW)
    return received_request(request, arrival, replace(ABROAD, policies=library))


@pytest.mark.slow
def test_resident_is_protected_by_the_law_and_its_deadline(library: PolicyLibrary) -> None:
    request = received(library)
    assert (request.laws, request.regulation) == (("xx-ruritania@2025-01-01",), Regulation.OTHER)
    assert (request.received_on, request.due_on) == (date(2026, 3, 5), date(2026, 3, 24))
    assert {day.policy for day in request.last_days} == {"xx-ruritania@2025-01-01"}


@pytest.mark.slow
def test_request_needs_the_proof_of_the_law(library: PolicyLibrary) -> None:
    laws = (law(library),)
    access = required(Situation(Right.ACCESS, laws, Sensitivity.HIGH))
    erasure = required(Situation(Right.ERASURE, laws, Sensitivity.HIGH))
    assert access.level is Assurance.REASONABLY_HIGH
    assert any(Evidence.DECLARATION in way.evidence for way in access.ways)
    assert provision_of(access.grounds[0], laws) == "Charter Art. 9"
    assert erasure.level is Assurance.MAILBOX
    assert opens_categories(laws, Right.ACCESS)
    assert not opens_categories(laws, Right.PORTABILITY)
    agent = required(Situation(Right.ERASURE, laws, requester=Requester.AGENT))
    assert provision_of(agent.grounds[-1], laws) == "Charter Art. 13"
    assert provision_of("irreversible", laws) == "Our policy"


@pytest.mark.slow
def test_letter_cites_the_law_and_its_ground(library: PolicyLibrary) -> None:
    denied = specimens.letter(refusal(ReasonCode.RETENTION_DUTY, right=Right.ERASURE), (law(library),), "en")
    letter = render(denied, SENDER)
    assert "A law obliges us to keep these records. (Charter Art. 11)" in letter.text
    assert 'data-law="Charter Art. 12"' in letter.html
    assert 'data-law="Charter Art. 16"' in letter.html
    assert "Privacy Chamber" in letter.text
    assert "https://chamber.example.org" in letter.text


@pytest.mark.slow
def test_letter_names_the_law_in_the_language_of_a_catalogue_or_as_its_file(library: PolicyLibrary) -> None:
    ruritania, gdpr = law(library), library.named("gdpr@2018-05-25")
    assert name_of(ruritania, CATALOGUES.words("de").say) == "Privacy Charter of Ruritania"
    assert name_of(gdpr, CATALOGUES.words("de").say) == "Datenschutz-Grundverordnung (DSGVO)"
    received_ = specimens.letter(LETTERS["acknowledgement"], (ruritania,), "en")
    assert "Privacy Charter of Ruritania" in render(received_, SENDER).text


@pytest.mark.slow
def test_page_names_the_provision_for_proof(library: PolicyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_form, "policies", lambda: library)
    case = IntakeCase(status=CaseStatus.CHALLENGED, received=received(library))
    form = proof_form.proof_form_of(replace(case, wanted=((Evidence.TWO_POINTS,),)))
    assert form is not None
    assert form.provisions == ("Charter Art. 17",)


@pytest.mark.slow
def test_erasure_has_the_grounds_and_the_hold_the_provision_of_the_law(library: PolicyLibrary) -> None:
    ruritania = law(library)
    assert erasure_ground("consent", ruritania, child=False) is ErasureGround.CONSENT_WITHDRAWN
    assert erasure_ground("consent", library.named("us-va@2023-01-01"), child=False) is None
    assert ruritania.whole_portability is not None
    assert ruritania.citation(ReasonCode.LEGAL_HOLD) == ""


@pytest.mark.slow
def test_package_names_rights_and_categories_as_the_law(library: PolicyLibrary) -> None:
    ruritania, english = law(library), words("en")
    assert rights(ruritania, english) == ["Restriction of what we do with your data"]
    assert statutory("user.name.first", ruritania, english) == "Titles of nobility"
    assert statutory("user.financial", ruritania, english) == "Other matters"
    assert statutory("user.name", library.named("gdpr@2018-05-25"), english) == ""
    page = unpacked(packed(contents(rules=DisclosureRules(ruritania))))["index.html"].decode()
    assert "less favourably because you use" in page


@pytest.mark.slow
def test_people_elsewhere_are_not_protected_by_it(library: PolicyLibrary) -> None:
    assert received(library, "DE").laws == ("gdpr@2018-05-25",)
