"""Sentences of services about a breach, and names of its duties, stand in the language of the page."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from habeas.client.breach_specimens import DECLARED
from habeas.client.specimens import SENDER
from services.console.pages import breach_labels
from services.console.pages.breach_sentences import SENTENCES, is_known, written
from services.console.pages.site import CATALOGUES
from services.notifier.breach.notices.missing_facts import (
    NO_CUSTOMER,
    missing_for_controllers,
    missing_for_people,
)
from shared.law.breaches import BreachRole, ProcessorCustomer, Risk, clocks
from shared.law.breaches.deadlines import Clock
from shared.law.calendars import calendar_named
from shared.law.library import breach_policies
from tests.unit.breach_cases import (
    ACCEPTED,
    BERLIN,
    NEW_YORK,
    NOWHERE,
    breach,
    company,
    unread_breach_deadlines,
)

SMALL = company("DE-BE", small=True)
GERMAN, ENGLISH = CATALOGUES.words("de"), CATALOGUES.words("en")
NEVER = datetime(2026, 1, 31, 22, 30, tzinfo=UTC)
PLACES: dict[str | None, int] = {place: 400 for policy in breach_policies() for place in policy.places}


def duties() -> list[Clock]:
    """Return the clocks of breaches in all places, of every risk and role."""
    said = [
        breach(),
        breach(risk=Risk.UNLIKELY),
        breach(unintelligible=True, detected_at=NEVER, aware_at=NEVER),
        breach(sensitive_to_security=True, detected_at=NEVER, aware_at=NEVER),
        breach(acquired=False, categories=("user.name",)),
        breach(categories=("user.name",), risk=Risk.RISK),
        breach(role=BreachRole.PROCESSOR, controllers=(ProcessorCustomer("2"),)),
    ]
    found = [clocks(one, PLACES, ACCEPTED, to, calendar_named) for one in said for to in (BERLIN, NOWHERE)]
    found.append(clocks(said[0], PLACES, unread_breach_deadlines("gdpr"), SMALL, calendar_named))
    done = breach(done_clocks=(("us-ct.people", NEVER), ("in-dpdp.authority", NEVER)))
    found.append(clocks(done, dict.fromkeys(PLACES, 1), ACCEPTED, NEW_YORK, calendar_named))
    return [clock for each in found for clock in each]


@pytest.mark.slow
def test_every_explanation_of_a_clock_is_a_known_sentence() -> None:
    steps = {step.reason for clock in duties() for step in clock.why}
    assert len(steps) > 20
    assert sorted(one for one in steps if not is_known(one)) == []


@pytest.mark.slow
def test_every_missing_statement_is_a_known_sentence() -> None:
    bare = DECLARED.model_copy(update={"translations": {}, "protection": None, "mail_domains": ()})
    sender = replace(SENDER, data_protection_officer="", postal_address=())
    passwords = ("user.authorization.password", "user.government_id", "user.shoe_size", "shoes")
    found = {NO_CUSTOMER.says, *(one.says for one in missing_for_controllers(bare, "xh"))}
    for declared in (bare, DECLARED, bare.model_copy(update={"categories": ()})):
        for policy in breach_policies():
            for categories in (passwords, ()):
                lacks = missing_for_people(declared, (policy,), categories, "de", sender)
                found |= {one.says for one in lacks}
    assert len(found) > 8
    assert sorted(one for one in found if not is_known(one)) == []


def test_explanations_are_written_in_german_with_their_values() -> None:
    for english, german in {
        "2026-03-09 72 hours later, nights and days off included: 20:00": (
            "9. März 2026: 72 Stunden später, Nächte und freie Tage eingeschlossen: 20:00"
        ),
        "awareness at 20:00 Europe/Berlin": "Kenntnis um 20:00 Europe/Berlin",
        "30 calendar days after the day of awareness, without weekends": (
            "30 Kalendertage nach dem Tag von: Kenntnis, ohne Wochenenden"
        ),
        "letters are not written in ga, xh: this one is in English": (
            "Briefe gibt es nicht auf Irisch und Xhosa: Dieser ist englisch"
        ),
        "a sentence of 100 % that nothing knows": "a sentence of 100 % that nothing knows",
    }.items():
        assert written(english, GERMAN) == german
    assert written("no significant incident", ENGLISH) == "no significant incident"
    assert not is_known("a sentence that nothing knows")


def test_each_sentence_and_name_of_a_law_has_a_german_text() -> None:
    names = {one.name for one in breach_policies()} | set(breach_labels.STAGES.values()) | set(SENTENCES)
    assert sorted(names - CATALOGUES.sentences("de").keys()) == []


def test_duties_and_documents_have_names_in_place_of_codes() -> None:
    gdpr = "Datenschutz-Grundverordnung, (EU) 2016/679"
    for clock, name in {
        "gdpr.authority.DE": f"Aufsichtsbehörde, Deutschland, {gdpr}",
        "gdpr.controller.2": f"Kunde, 2, {gdpr}",
        "update.1": "Nächste Mitteilung, 1",
    }.items():
        assert breach_labels.duty(clock, GERMAN) == name
    supplement = breach_labels.duty("br-lgpd.authority.supplement", GERMAN)
    assert supplement.startswith("Aufsichtsbehörde, Nachtrag, Brasilien")
    assert breach_labels.document("gdpr.authority.DE.json", ENGLISH) == (
        "Supervisory authority, Germany, General Data Protection Regulation, (EU) 2016/679 (JSON)"
    )
    assert breach_labels.law("gdpr@2018-05-25", GERMAN) == gdpr
