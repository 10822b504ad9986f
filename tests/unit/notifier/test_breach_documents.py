"""Documents for authorities tell what the law wants, and say what is missing."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import pairwise

import pytest

from habeas.client.breach_specimens import DECLARED, HOUSE, INCIDENT, known
from services.intake.breach.duties import NotificationDue
from services.notifier.breach.notices.copies import copy_for, wants_copy
from services.notifier.breach.notices.documents import FormContext, documents, duties
from services.notifier.breach.notices.forms import (
    MISSING,
    AuthorityForm,
    page,
    plain,
)
from shared.contract.breach_facts import IncidentFacts, NoticeCounts
from shared.law.breaches import BreachPolicy, NoticeElement
from shared.law.library import EXAMPLE, breach_policies, company

E = NoticeElement
AWARE = DECLARED.aware_at
FIRST_THREE_DAYS = AWARE + timedelta(hours=72)
NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
DESK = FormContext(company(EXAMPLE), HOUSE, breach_policies(), NOW)
GDPR = {
    E.PHASE: "First notice; more is to follow",
    E.NATURE: "gestohlenen Schlüssel",
    E.DATA: "Password",
    E.PEOPLE_COUNT: "Approximately 1,663 protected by this law",
    E.RECORDS_COUNT: "Approximately 1,840",
    E.OCCURRED: "From 27 February 2026, 23:00 CET to 1 March 2026, 05:30 CET",
    E.DISCOVERED: "2 March 2026, 08:15 CET",
    E.AWARE: "2 March 2026, 12:00 CET",
    E.LATE_BECAUSE: "It is not late.",
    E.CONTACT: "breach@example.com",
    E.OFFICER: "officer@example.com",
    E.CONSEQUENCES: "für uns ausgeben",
    E.MEASURES: "alle Schlüssel ungültig gemacht",
    E.CROSS_BORDER: "France: 311",
    E.PEOPLE_NOTIFIED: "Not notified yet.",
}
"""GDPR Art. 33(1), (3)-(4), and what authorities ask for besides; in German, as it is declared in it."""
ENGLISH = {
    **GDPR,
    E.NATURE: "entered our customer portal",
    E.CONSEQUENCES: "pretend to be us",
    E.MEASURES: "made all keys void",
    E.PEOPLE_COUNT: "Approximately",
    E.SENDER: "Example Networks GmbH",
}
SWISS = {**GDPR, E.OCCURRED: "Duration: about 30 hours", E.PEOPLE_COUNT: "Approximately"}
CALIFORNIAN = {
    **ENGLISH,
    E.SAMPLE: "us-ca.sample.html",
    E.PEOPLE_COUNT: "Approximately 96 protected by this law",
    E.DATA: "Social Security number",
    E.HELD_BY_POLICE: "No investigation has delayed a notice.",
}


def report_of(words: dict[NoticeElement, str], *parts: NoticeElement) -> dict[NoticeElement, str]:
    return {part: words[part] for part in parts}


WANTED = {
    # GDPR Art. 33(3), and beside it what law.md names
    "gdpr.authority.DE": GDPR,
    "uk-gdpr.authority": report_of(ENGLISH, *GDPR),
    # FADP Art. 24(2), DPO Art. 15(1): in German, a language of the authority
    "ch-fadp.authority": report_of(
        SWISS,
        *(E.NATURE, E.OCCURRED, E.DATA, E.RECORDS_COUNT, E.PEOPLE_COUNT, E.CONSEQUENCES, E.MEASURES),
        E.CONTACT,
    ),
    # Cal. Civ. Code § 1798.82(f)
    "us-ca.attorney_general": report_of(
        CALIFORNIAN, E.SAMPLE, E.SENDER, E.OCCURRED, E.PEOPLE_COUNT, E.DATA, E.HELD_BY_POLICE
    ),
    # ANPD Resolution 15/2024 Art. 6
    "br-lgpd.authority": report_of(
        ENGLISH,
        *(E.NATURE, E.DATA, E.PEOPLE_COUNT, E.AWARE, E.LATE_BECAUSE, E.CONSEQUENCES, E.MEASURES),
        E.OFFICER,
    ),
    # PIPEDA Breach of Security Safeguards Regulations s. 2
    "ca-pipeda.authority": report_of(
        ENGLISH, E.NATURE, E.OCCURRED, E.DATA, E.PEOPLE_COUNT, E.MEASURES, E.PEOPLE_NOTIFIED, E.CONTACT
    ),
    # PDPA s. 26D; Notification of Data Breaches Regulations 2021 reg. 5
    "sg-pdpa.authority": report_of(
        ENGLISH, E.AWARE, E.NATURE, E.OCCURRED, E.PEOPLE_COUNT, E.DATA, E.CONSEQUENCES, E.MEASURES
    ),
    # DPDP Rules 2025 Rule 7(2)
    "in-dpdp.authority": report_of(
        ENGLISH, E.NATURE, E.OCCURRED, E.CONSEQUENCES, E.MEASURES, E.PEOPLE_NOTIFIED
    ),
    # NIS2 Art. 23(4)
    "nis2.csirt.early_warning.DE": report_of(GDPR, E.NATURE, E.CROSS_BORDER, E.MEASURES),
    "nis2.csirt.notification.DE": report_of(GDPR, E.NATURE, E.CROSS_BORDER, E.MEASURES),
    "nis2.csirt.progress_report.DE": report_of(GDPR, E.NATURE, E.CROSS_BORDER, E.MEASURES),
    "nis2.csirt.final_report.DE": report_of(GDPR, E.NATURE, E.CROSS_BORDER, E.MEASURES),
}
"""The answers of a document for each part that the law demands, in its order."""


def newest(law: str) -> BreachPolicy:
    return [policy for policy in breach_policies() if policy.law == law][-1]


def due(clock: str, due_at: datetime | None = FIRST_THREE_DAYS, *, owed: bool = True) -> NotificationDue:
    law, recipient, *rest = clock.split(".")
    return NotificationDue(
        clock=clock,
        policy=newest(law).id,
        recipient=recipient,
        place=rest[-1] if rest and rest[-1].isupper() else None,
        runs_from=AWARE,
        due_at=due_at,
        owed=owed,
    )


def filled(clock: str, reported: IncidentFacts | None = None, *, desk: FormContext = DESK) -> AuthorityForm:
    [document] = documents(reported or known(), duties([due(clock)], desk.policies), desk)
    return document


def answers(document: AuthorityForm) -> dict[NoticeElement, str]:
    return {field.part: " / ".join(field.answer) for field in document.fields}


def faults(document: AuthorityForm, wanted: dict[NoticeElement, str]) -> list[str]:
    """Return what is missing in *document*, or stands before what it should follow."""
    reported = answers(document)
    missing = [part for part, words in wanted.items() if words not in reported.get(part, "")]
    order = [part for part in reported if part in wanted]
    return [*missing, *(part for part, other in zip(order, wanted, strict=False) if part is not other)]


@pytest.mark.parametrize("clock", WANTED)
def test_document_has_the_elements_that_the_law_demands(clock: str) -> None:
    assert faults(filled(clock), WANTED[clock]) == []


def mutants(document: AuthorityForm, wanted: Iterable[NoticeElement]) -> Iterator[AuthorityForm]:
    """Yield *document* without each of the *wanted* parts, and with each two neighbours swapped."""
    for place, field in enumerate(document.fields):
        if field.part in wanted:
            yield replace(document, fields=document.fields[:place] + document.fields[place + 1 :])
    places = [place for place, field in enumerate(document.fields) if field.part in wanted]
    for one, other in pairwise(places):
        fields = list(document.fields)
        fields[one], fields[other] = fields[other], fields[one]
        yield replace(document, fields=tuple(fields))


@pytest.mark.parametrize("clock", WANTED)
def test_it_would_be_noticed_if_something_was_missing_or_in_the_wrong_place(clock: str) -> None:
    for mutant in mutants(filled(clock), WANTED[clock]):
        assert faults(mutant, WANTED[clock])


@pytest.mark.slow
def test_every_part_that_a_law_demands_has_a_label_and_an_answer() -> None:
    for policy in breach_policies():
        for said in policy.report:
            [duty] = duties([due("gdpr.authority.DE")], DESK.policies)
            [document] = documents(known(), [replace(duty, policy=policy)], DESK)
            field = next(field for field in document.fields if field.part is said.element)
            assert field.label != said.element, policy.id
            assert not field.missing, (policy.id, said.element)


def lines(html: str) -> str:
    return " ".join(unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL)).split())


@pytest.mark.parametrize("clock", WANTED)
def test_the_page_and_the_json_say_the_same(clock: str) -> None:
    document = filled(clock)
    html, data = lines(page(document)), json.loads(json.dumps(plain(document)))
    assert document.fields
    for field, said in zip(document.fields, data["fields"], strict=True):
        assert field.label in html
        assert field.provision in html
        assert said["provision"] == field.provision
        assert all(" ".join(line.split()) in html for line in said["answer"])
    assert data["incident"] == INCIDENT


def test_unknown_fact_is_stated_as_missing() -> None:
    declared = DECLARED.model_copy(update={"categories": (), "late_because": None, "records": None})
    nothing = known(declared=declared, people=None, records=None, categories=())
    late = replace(DESK, now=FIRST_THREE_DAYS + timedelta(seconds=1))
    document = filled("gdpr.authority.DE", nothing, desk=late)
    missing = {field.part for field in document.missing}
    assert missing == {E.DATA, E.PEOPLE_COUNT, E.RECORDS_COUNT, E.LATE_BECAUSE, E.CROSS_BORDER}
    html = lines(page(document))
    assert html.count(MISSING) == 5
    assert "5 of 16 answers are missing" in html
    assert {said["element"] for said in plain(document)["fields"] if said["missing"]} == missing


@pytest.mark.parametrize(
    ("now", "because"),
    [
        (FIRST_THREE_DAYS, "It is not late."),
        (FIRST_THREE_DAYS + timedelta(seconds=1), "The affected systems had to be restored first."),
    ],
)
def test_a_reason_for_a_delay_is_given_where_there_is_one(now: datetime, because: str) -> None:
    """GDPR Art. 33(1)."""
    document = filled("gdpr.authority.DE", desk=replace(DESK, now=now))
    assert answers(document)[E.LATE_BECAUSE] == because


def test_authority_reads_the_reason_in_its_language_if_it_was_declared() -> None:
    german = DECLARED.translations["de"].model_copy(update={"late_because": "Erst die Systeme."})
    reported = known(declared=DECLARED.model_copy(update={"translations": {"de": german}}))
    late = replace(DESK, now=FIRST_THREE_DAYS + timedelta(seconds=1))
    assert answers(filled("gdpr.authority.DE", reported, desk=late))[E.LATE_BECAUSE] == "Erst die Systeme."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"letters": NoticeCounts(NOW, 900, 3, through=True)},
            "Notified since 4 March 2026, 10:00 CET / 900 sent, 3 not reached",
        ),
        ({"letters": NoticeCounts(NOW, 12)}, "12 sent, 0 not reached; the others are on their way"),
        ({"notice_owed": False}, "Not notified: no law requires it."),
        (
            {"held_until": NOW},
            "Not notified yet. / An investigation requires no notice before 4 March 2026, 10:00 CET.",
        ),
    ],
)
def test_document_states_whether_and_when_people_were_notified(changes: dict[str, object], said: str) -> None:
    assert said in answers(filled("gdpr.authority.DE", known(**changes)))[E.PEOPLE_NOTIFIED]


@pytest.mark.parametrize(
    ("phase", "final", "said"),
    [
        (1, True, "First notice, and the last one"),
        (3, False, "Supplement 2 to the first notice; more is to follow"),
        (2, True, "Supplement 1 to the first notice, and the last one"),
    ],
)
def test_phase_is_stated(phase: int, final: bool, said: str) -> None:
    """GDPR Art. 33(4)."""
    reported = known(phase=phase, declared=DECLARED.model_copy(update={"final": final}))
    assert answers(filled("gdpr.authority.DE", reported))[E.PHASE] == said


JAPAN = replace(DESK, company=DESK.company.model_copy(update={"established_in": "JP"}))
"""A company that is established in no Member State tells the authority of each where people live."""


@pytest.mark.parametrize(
    ("clock", "desk", "counted"),
    [
        ("gdpr.authority.DE", DESK, ["1,204 in Germany", "1,663 protected by this law", "1,663 in all"]),
        ("gdpr.authority.FR", JAPAN, ["331 in France", "1,535 protected by this law", "1,683 in all"]),
        ("uk-gdpr.authority", DESK, ["0 protected by this law", "1,663 in all"]),
        ("ch-fadp.authority", DESK, ["40 protected by this law", "1,663 in all"]),
        ("us-ca.attorney_general", DESK, ["96 protected by this law", "1,663 in all"]),
    ],
)
def test_people_protected_by_the_law_are_counted(clock: str, desk: FormContext, counted: list[str]) -> None:
    """GDPR Art. 3(1): everybody only where the company is established under the law."""
    people = dict(known().people or {}) | ({"RE": 20} if desk is JAPAN else {})
    reported = answers(filled(clock, known(people=people), desk=desk))[E.PEOPLE_COUNT]
    assert reported.split(" / ") == [f"Approximately {one}" for one in counted]


@pytest.mark.parametrize(
    ("clock", "phase", "said"),
    [
        ("nis2.csirt.early_warning.DE", 1, "Early warning; a notification and a final report are to follow"),
        (
            "nis2.csirt.notification.DE",
            1,
            "Notification, after the early warning; a final report is to follow",
        ),
        (
            "nis2.csirt.progress_report.DE",
            1,
            "Progress report: the incident goes on; a final report is to follow",
        ),
        ("nis2.csirt.final_report.DE", 1, "Final report"),
        (
            "in-dpdp.authority.detailed_report",
            1,
            "Detailed report, after the first notice; more is to follow",
        ),
        ("br-lgpd.authority.supplement", 1, "Supplement to the first notice; more is to follow"),
        ("br-lgpd.authority.supplement", 2, "Supplement 1 to the first notice; more is to follow"),
    ],
)
def test_phase_is_that_of_the_title(clock: str, phase: int, said: str) -> None:
    """NIS2 Art. 23(4), DPDP Rules 2025 Rule 7(2), ANPD Res. 15/2024 Art. 6."""
    assert answers(filled(clock, known(phase=phase)))[E.PHASE] == said


def test_breach_without_known_end_has_no_duration() -> None:
    reported = known(declared=DECLARED.model_copy(update={"occurred_to": None}))
    assert "when it was over is not known" in answers(filled("ch-fadp.authority", reported))[E.OCCURRED]


@pytest.mark.parametrize(
    ("clock", "authority"),
    [
        ("gdpr.authority.DE", "Berliner Beauftragte für Datenschutz und Informationsfreiheit"),
        ("gdpr.authority.FR", "Supervisory authority of France"),
        ("us-ca.attorney_general", "Attorney General of California"),
        ("nis2.csirt.early_warning.DE", "CSIRT of Germany"),
        ("us-mn.consumer_agencies", "Equifax, Experian, TransUnion"),
        ("us-ma.consumer_agencies", "Equifax, Experian, TransUnion"),
    ],
)
def test_document_names_its_authority(clock: str, authority: str) -> None:
    assert filled(clock).filing.authority == authority
    assert authority in lines(page(filled(clock)))


def test_only_duties_of_the_staff_that_are_owed_have_documents() -> None:
    clocks = [due("gdpr.people"), due("gdpr.controller"), due("ch-fadp.authority", owed=False)]
    assert list(duties(clocks, DESK.policies)) == []


@pytest.mark.slow
def test_attorney_general_gets_the_letter_without_personal_data() -> None:
    """Cal. Civ. Code § 1798.82(f): a sample copy, excluding any personally identifiable information."""
    document = filled("us-ca.attorney_general")
    assert wants_copy(document)
    copy = copy_for(document, (), DESK).words("html")
    assert "Notice of Data Breach" in copy
    assert "Hello," in copy
    assert "@example.net" not in copy


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "No investigation has delayed a notice."),
        ({"delayed": True}, "An investigation has delayed the notices to people; it does so no longer."),
        (
            {"delayed": True, "held_until": NOW},
            "An investigation requires no notice before 4 March 2026, 10:00 CET.",
        ),
    ],
    ids=["never", "ended", "in force"],
)
def test_delay_by_an_investigation_is_stated(changes: dict[str, object], said: str) -> None:
    """Cal. Civ. Code § 1798.82(d)(2)(D): also once it permits the notices."""
    assert answers(filled("us-ca.attorney_general", known(**changes)))[E.HELD_BY_POLICE] == said


def test_a_page_needs_nothing_else() -> None:
    html = page(filled("gdpr.authority.DE"))
    assert "default-src 'none'" in html
    assert not re.search(r"<script|src=|url\(|@import", html)


@pytest.mark.parametrize(
    ("clock", "title"),
    [
        ("nis2.csirt.early_warning.DE", "Early warning of a significant incident"),
        ("nis2.csirt.notification.DE", "Notification of a significant incident"),
        ("nis2.csirt.progress_report.DE", "Progress report on a significant incident"),
        ("nis2.csirt.final_report.DE", "Final report of an incident"),
        ("br-lgpd.authority.supplement", "Supplement to the notification of a breach"),
        ("in-dpdp.authority.detailed_report", "Detailed report of a breach"),
    ],
)
def test_each_stage_has_its_own_name(clock: str, title: str) -> None:
    assert filled(clock).title == title


def test_a_document_names_the_company_and_not_its_mailbox() -> None:
    sender = replace(HOUSE.sender, name="Example Privacy", company="Example Networks GmbH")
    desk = replace(DESK, house=replace(HOUSE, sender=sender))
    document = filled("us-ca.attorney_general", desk=desk)
    assert answers(document)[E.SENDER].startswith("Example Networks GmbH")
    assert lines(page(document)).count("Example Networks GmbH") == 2
    assert "Example Privacy" not in lines(page(document))
