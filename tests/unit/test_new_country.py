"""A country is one file: its deadlines, proofs, citations and grounds work without a change of the code."""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from habeas.client import specimens
from services.intake.cases.clock import Arrival, received_request
from services.notifier.letters.composer import render
from services.verifier.assurance.levels import Sensitivity, Situation, provision_of, required
from shared.contract.events import Assurance, Evidence, RequestReceived, RequestSubmitted, Residence, Subject
from shared.law import Policy, PolicyLibrary, ReasonCode, Regulation, Right, opens_categories
from shared.law.library import FOLDER, read
from tests.unit.fakes import ABROAD, NOW
from tests.unit.notifier.sample_letters import SENDER, refusal

RURITANIA = """law: xx-ruritania
edition: 2025-01-01
name: Ruritania, Privacy Charter
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
grounds:
  - {reasons: [retention_duty], provision: Charter Art. 11, read: text}
letters:
  - {element: reasons, letters: [refusal], provision: Charter Art. 12, read: text}
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


def test_resident_is_protected_by_the_law_and_its_deadline(library: PolicyLibrary) -> None:
    request = received(library)
    assert (request.laws, request.regulation) == (("xx-ruritania@2025-01-01",), Regulation.OTHER)
    assert (request.received_on, request.due_on) == (date(2026, 3, 5), date(2026, 3, 24))
    assert {day.policy for day in request.last_days} == {"xx-ruritania@2025-01-01"}


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


def test_letter_cites_the_law_and_its_ground(library: PolicyLibrary) -> None:
    denied = specimens.letter(refusal(ReasonCode.RETENTION_DUTY, right=Right.ERASURE), (law(library),), "en")
    letter = render(denied, SENDER)
    assert "A law obliges us to keep these records. (Charter Art. 11)" in letter.text
    assert 'data-law="Charter Art. 12"' in letter.html


def test_people_elsewhere_are_not_protected_by_it(library: PolicyLibrary) -> None:
    assert received(library, "DE").laws == ("gdpr@2018-05-25",)
