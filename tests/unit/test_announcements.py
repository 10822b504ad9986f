"""What is told in public, and to whoever uses a service, is written where a law wants it."""

from datetime import UTC, datetime

import pytest

from habeas.client.breach_specimens import DECLARED, HOUSE, known
from services.intake.breach.duties import NotificationDue
from services.notifier.breach.notices.documents import Announcement, FormContext, announcements
from services.notifier.letters import languages
from shared.law.library import EXAMPLE, breach_policies, company

DESK = FormContext(company(EXAMPLE), HOUSE, breach_policies(), datetime(2026, 3, 6, 9, 0, tzinfo=UTC))
PUBLIC = NotificationDue(
    clock="br-lgpd.public", policy="br-lgpd@2024-04-26", recipient="public", runs_from=DECLARED.aware_at
)
USERS = NotificationDue(
    clock="nis2.service_recipients",
    policy="nis2@2024-10-18",
    recipient="service_recipients",
    runs_from=DECLARED.aware_at,
)


def announced(clock: NotificationDue) -> dict[str, Announcement]:
    return {one.name: one for one in announcements([clock], known(), DESK)}


def line(text: str) -> str:
    return " ".join(text.split())


def test_unreached_people_get_a_public_notice_in_the_language_of_the_country() -> None:
    """ANPD Res. 15/2024 Art. 9 § 3."""
    found = announced(PUBLIC)
    assert list(found) == [f"br-lgpd.public.{language}" for language in ("pt", "en", "de", "zh")]
    assert "Comunicado público de incidente de segurança" in found["br-lgpd.public.pt"].body.text


@pytest.mark.parametrize("form", ["text", "html"])
def test_public_notice_has_the_content_of_the_letter_without_a_greeting(form: str) -> None:
    body = line(getattr(announced(PUBLIC)["br-lgpd.public.en"].body, form))
    for words in (
        "Public notice of a data breach",
        "We are making this public",
        "An attacker entered our customer portal",
        "The following kinds of data were affected:",
        "pretend to be us",
        "made all keys void",
        "Do not follow links",
        "Hotline +49 30 5550100",
        "officer@example.com",
        "Agência Nacional de Proteção de Dados",
    ):
        assert words in body, words
    assert "Hello" not in body
    assert "data of yours was affected" not in body


def test_affected_users_of_a_service_learn_of_the_incident_and_the_remedies() -> None:
    """NIS2 Art. 23(1)-(2)."""
    body = line(announced(USERS)["nis2.service_recipients.en"].body.text)
    for words in (
        "Incident affecting a service you use",
        "An attacker entered our customer portal",
        "Object storage",
        "pretend to be us",
        "Do not follow links",
        "Hotline +49 30 5550100",
    ):
        assert words in body, words
    assert "Password" not in body
    html = announced(USERS)["nis2.service_recipients.en"].body.html
    assert 'id="advice" data-law="NIS2 Art. 23(1)-(2)"' in html


@pytest.mark.parametrize("clock", [PUBLIC, USERS], ids=["public", "users"])
@pytest.mark.parametrize("language", languages.LANGUAGES)
def test_it_is_written_in_every_language(clock: NotificationDue, language: str) -> None:
    told = known(declared=DECLARED.model_copy(update={"language": language, "translations": {}}))
    found = {one.name: one.body for one in announcements([clock], told, DESK)}
    body = found[f"{clock.clock}.{language}"]
    region = "-BR" if (clock, language) == (PUBLIC, "pt") else ""
    assert f'<div lang="{language}{region}"' in body.html
    assert not any(mark in body.html for mark in ("\x00", "%(", "{{", "None", "Undefined"))


def test_document_without_a_duty_is_not_written() -> None:
    not_owed = PUBLIC.model_copy(update={"owed": False})
    of_others = PUBLIC.model_copy(update={"recipient": "authority"})
    assert list(announcements([not_owed, of_others], known(), DESK)) == []
