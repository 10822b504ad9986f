"""What goes into documents for authorities of an incident: the letter to people, and what delayed it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest

from habeas.client.breach_specimens import HOUSE
from services.intake.breach.domain import Incident, evolve
from services.intake.breach.duties import NotificationDue
from services.intake.breach.facts import DeclaredIncident, phase_letters, words_of
from services.intake.breach.facts import known_facts as known
from services.notifier.breach.notices.copies import CountedLetter, copy_for, notice_for, wants_copy
from services.notifier.breach.notices.documents import FormContext, documents, duties
from services.notifier.breach.notices.forms import AuthorityForm
from services.notifier.breach.notices.samples import NoticeAudience
from shared.contract.events import Fact
from shared.contract.events.breaches import (
    BreachApproved,
    BreachDeclared,
    BreachHeld,
    BreachHoldEnded,
    BreachRegistered,
    BreachRole,
    CampaignAborted,
    NoticesReleased,
)
from shared.law.library import EXAMPLE, breach_policies, company
from tests.unit.incident_register_fakes import AWARE_AT, CALIFORNIA, GDPR, INCIDENT, declaration, scoped

RELEASED_AT = datetime(2026, 4, 9, 12, 0, tzinfo=UTC)
DESK = FormContext(company(EXAMPLE), HOUSE, breach_policies(), RELEASED_AT + timedelta(days=20))
NUMBER = ("user.name", "user.government_id.national_identification_number")
BOTH = NoticeAudience("people", (CALIFORNIA, GDPR), "en", NUMBER)
"""A Californian whose data a company in Berlin has lost."""


def registered(phase: int) -> BreachRegistered:
    return BreachRegistered(
        request_id=INCIDENT,
        phase=phase,
        declaration=f"declared_{phase}",
        role="controller",
        aware_at=AWARE_AT,
        by="ada",
    )


def released(phase: int = 1) -> NoticesReleased:
    return NoticesReleased(
        request_id=INCIDENT, phase=phase, declaration=f"declared_{phase}", chunks=1, at=RELEASED_AT
    )


def case(*facts: Fact, phases: int = 1) -> DeclaredIncident:
    declared = [declaration(nature=f"What was known in phase {one + 1}.") for one in range(phases)]
    return DeclaredIncident(
        INCIDENT,
        reduce(evolve, facts, Incident()),
        [(RELEASED_AT, fact) for fact in facts],
        tuple(map(BreachDeclared.model_validate, declared)),
    )


APPROVED = BreachApproved(request_id=INCIDENT, by="bruno", phase=1)
OUT = (registered(1), scoped(US_CA=600), APPROVED, released())


def document_of(case: DeclaredIncident) -> AuthorityForm:
    clock = NotificationDue(
        clock="us-ca.attorney_general", policy=CALIFORNIA, recipient="attorney_general", runs_from=AWARE_AT
    )
    [document] = documents(known(case), duties([clock], DESK.policies), DESK)
    return document


def copied(case: DeclaredIncident, counted: Mapping[NoticeAudience, int]) -> str:
    document = document_of(case)
    assert wants_copy(document)
    phases = {one.scoped.phase: one for one in phase_letters(case.incident)}
    letters = [
        CountedLetter(wanted, people, notice_for(phases[wanted.phase], words(case, 1), INCIDENT, DESK))
        for wanted, people in counted.items()
    ]
    return " ".join(copy_for(document, letters, DESK).words("plain").split())


def words(case: DeclaredIncident, phase: int) -> BreachDeclared:
    """Return the declaration with the words of letters of a *phase*."""
    said = {one.declaration: case.declared[one.number - 1] for one in case.incident.phases}
    return said[words_of(case.incident, case.incident.phases[phase - 1])]


def waiting(case: DeclaredIncident) -> list[int]:
    """Return the phases with letters that wait."""
    return [one.scoped.phase for one in phase_letters(case.incident) if one.waits]


@pytest.mark.slow
def test_the_attorney_general_sees_all_that_the_letter_says_whichever_law_wants_it() -> None:
    copy = copied(case(*OUT), {BOTH: 600})
    for words in ("Letters that pretend to come from us.", "officer@example.com", "You can also complain"):
        assert words in copy


def test_it_is_the_same_where_nobody_was_looked_for_yet() -> None:
    assert "You can also complain" in copied(case(registered(1)), {})


def test_the_copy_has_the_date_of_the_letters_and_not_of_the_document() -> None:
    assert "Date of this notice: April 9, 2026" in copied(case(*OUT), {BOTH: 600})


def test_the_copy_has_the_words_that_were_approved() -> None:
    copy = copied(case(*OUT, registered(2), phases=2), {BOTH: 600})
    assert "What was known in phase 1." in copy
    assert "What was known in phase 2." not in copy


def test_before_that_it_has_the_words_that_are_to_be_approved() -> None:
    """A newer phase of which nobody knows whom it concerns cannot be approved, and lends nobody its words."""
    newest = case(registered(1), scoped(US_CA=600), registered(2), scoped(2, US_CA=1), phases=2)
    assert "What was known in phase 2." in copied(newest, {BOTH: 600})
    unscoped = case(registered(1), scoped(US_CA=600), registered(2), phases=2)
    assert "What was known in phase 1." in copied(unscoped, {BOTH: 600})


def test_the_letter_is_copied_that_most_people_got_in_english_if_any_did() -> None:
    password = ("user.contact.email", "user.authorization.password")
    counted = {
        NoticeAudience("people", (CALIFORNIA,), "es", NUMBER): 900,
        NoticeAudience("people", (CALIFORNIA,), "en", NUMBER): 10,
        NoticeAudience("people", (CALIFORNIA,), "en", password): 20,
        NoticeAudience("people", (GDPR,), "en", ("user.location",)): 5_000,
    }
    copy = copied(case(*OUT), counted)
    assert "Password" in copy
    assert "Social Security number" not in copy


def held(*more: Fact) -> Sequence[Fact]:
    until = RELEASED_AT + timedelta(days=1)
    hold = BreachHeld(request_id=INCIDENT, by="ada", agency="police", until=until)
    return (registered(1), scoped(US_CA=600), hold, *more)


def test_late_notice_is_marked_as_delayed_by_the_investigation() -> None:
    """Cal. Civ. Code § 1798.82(d)(2)(D)."""
    over = case(*held(BreachHoldEnded(request_id=INCIDENT, by="ada"), APPROVED, released()))
    assert known(over).held_until is None
    assert known(over).delayed
    assert "This delayed our notice." in copied(over, {BOTH: 600})
    assert not known(case(*OUT)).delayed


def test_what_is_looked_at_is_what_waits_and_nothing_that_is_out_or_was_stopped() -> None:
    both = case(*OUT, registered(2), scoped(2, US_CA=1), phases=2)
    assert waiting(both) == [2]
    assert waiting(case(*OUT)) == []
    assert waiting(case(*OUT, registered(2), scoped(2), CampaignAborted(request_id=INCIDENT, by="a"))) == []


def test_what_is_looked_at_is_in_the_words_that_would_be_approved_now() -> None:
    """A newer phase of which nobody knows whom it concerns lends nobody its words."""
    first = case(registered(1), scoped(US_CA=600), registered(2), phases=2)
    assert words(first, 1).nature == "What was known in phase 1."
    both = case(registered(1), scoped(US_CA=600), registered(2), scoped(2, US_CA=1), phases=2)
    assert words(both, 1).nature == "What was known in phase 2."
    held_up = case(*held(APPROVED), registered(2), phases=2)
    assert words(held_up, 1).nature == "What was known in phase 1."


def test_authority_gets_the_count_of_notified_people_without_customers() -> None:
    """GDPR Art. 33(3): the company is a controller of some of the data, and a processor of the rest."""
    theirs = registered(2).model_copy(update={"role": BreachRole.PROCESSOR})
    found = scoped(2, DE=40).model_copy(update={"customers": 1, "groups": ()})
    facts = (registered(1), scoped(DE=3), theirs, found, *approved_and_released(2))
    customer = {"id": "k-1", "name": "Kunde", "email": "k1@example.com"}
    said = (
        declaration(nature="Ours."),
        declaration(nature="Theirs.", role="processor", affected={"controllers": [customer]}),
    )
    both = DeclaredIncident(
        INCIDENT,
        reduce(evolve, facts, Incident()),
        [(RELEASED_AT, fact) for fact in facts],
        tuple(map(BreachDeclared.model_validate, said)),
    )
    told = known(both)
    assert (told.declared.nature, told.letters) == ("Ours.", None)
    assert dict(told.people or {}) == {None: 0, "DE": 3}


def approved_and_released(phase: int) -> tuple[Fact, ...]:
    return BreachApproved(request_id=INCIDENT, by="bruno", phase=phase), released(phase)
