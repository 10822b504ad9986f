"""
Documents for authorities: one for each duty, filled with the known facts.

An authority may get a copy of people's letter, without personal data.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from babel.languages import get_official_languages

from habeas.client.breach_notices.reader import words_of
from habeas.client.breach_notices.samples import UNNAMED, NoticeAudience, Sample, SampleNotice, sample
from habeas.client.incident_register import IncidentCase
from services.intake.breach.duties import NotificationDue
from services.intake.breach.phases import Phase
from services.notifier.breach.notices.forms import (
    RECIPIENTS,
    AuthorityForm,
    Filing,
    FormDuty,
    IncidentFacts,
    called,
    document,
    page,
    plain,
)
from services.notifier.breach.notices.layout import BUREAUS
from services.notifier.breach.notices.methods import Part
from services.notifier.context import SenderSettings
from services.notifier.letters.languages import CATALOGUES
from shared.contract.events.breaches import BreachAccount, BreachDeclared, NoticesReleased
from shared.errors import ConfigurationError
from shared.law import CompanyProfile
from shared.law.breaches import BreachPolicies, NoticeRecipientKind, NoticeStage, laws_requiring_notice
from shared.pages.translation import SOURCE_LANGUAGE

AUTHORITIES = (NoticeRecipientKind.AUTHORITY, NoticeRecipientKind.ATTORNEY_GENERAL)
"""Recipients that a law calls an authority."""


@dataclass(frozen=True, slots=True)
class FormContext:
    """Company, moment and laws of documents."""

    company: CompanyProfile
    house: SenderSettings
    policies: BreachPolicies
    now: datetime


def documents(known: IncidentFacts, duties: Iterable[FormDuty], desk: FormContext) -> Iterator[AuthorityForm]:
    """Yield the document of each of *duties*."""
    for duty in duties:
        yield document(
            Filing(
                duty=duty,
                known=known,
                sender=desk.house.sender,
                authority=_authority(duty, desk.company),
                account=_account(duty, known.declared),
                words=CATALOGUES.words(SOURCE_LANGUAGE, desk.company.zone),
                now=desk.now,
                established=desk.company.places,
                sample=sample_name(duty),
            )
        )


def duties(clocks: Iterable[NotificationDue], policies: BreachPolicies) -> Iterator[FormDuty]:
    """Yield the owed duties of *clocks* that need a document."""
    for clock in clocks:
        if not clock.owed or clock.policy is None or clock.recipient not in set(RECIPIENTS):
            continue
        yield FormDuty(
            clock=clock.clock,
            policy=policies.named(clock.policy),
            recipient=NoticeRecipientKind(clock.recipient),
            stage=_stage(clock.clock),
            place=clock.place,
            due_at=clock.due_at,
        )


def write(document: AuthorityForm, letter: Sample | None, folder: Path) -> None:
    """
    Write *document* into *folder*, as a page and as JSON, and the *letter* that goes with it.

    Raises ConfigurationError if it cannot be written there.
    """
    files = {
        f"{document.name}.html": page(document),
        f"{document.name}.json": json.dumps(plain(document), ensure_ascii=False, indent=2) + "\n",
    }
    if letter is not None:
        files[sample_name(document.filing.duty)] = letter.words("html")
    save(files, folder)


def save(files: Mapping[str, str], folder: Path) -> None:
    """
    Write *files*, contents by name, into *folder*.

    Raises ConfigurationError if it cannot be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be written ({error.strerror})") from None


def sample_name(duty: FormDuty) -> str:
    """Return the name of the file with the copy of the letter."""
    return f"{duty.policy.law}.sample.html"


def _stage(clock: str) -> NoticeStage:
    """Return the stage of a notice, from the clock's name."""
    return next(
        (NoticeStage(part) for part in clock.split(".") if part in set(NoticeStage)), NoticeStage.NOTICE
    )


def _authority(duty: FormDuty, company: CompanyProfile) -> str:
    if duty.recipient is NoticeRecipientKind.CONSUMER_AGENCIES:
        return ", ".join(bureau.name for bureau in BUREAUS)
    if duty.policy.authority is not None and duty.recipient in AUTHORITIES:
        return duty.policy.authority.name
    own = company.established_in.partition("-")[0]
    if duty.recipient is NoticeRecipientKind.AUTHORITY and duty.place in (None, own):
        return company.authority.name
    return f"{RECIPIENTS[duty.recipient]} of {called(duty.place or own)}"


def _account(duty: FormDuty, declared: BreachDeclared) -> BreachAccount:
    """Return the declaration in a language of the authority, if there is one."""
    for language in get_official_languages(_country(duty)):
        if language in declared.translations or language == declared.language:
            return declared.account(language)
    return declared.account(declared.language)


def _country(duty: FormDuty) -> str:
    law = duty.policy.law
    return duty.place or (law[:2].upper() if law[2:3] == "-" else "GB")


@dataclass(frozen=True, slots=True)
class PeopleLetter:
    """A letter to people, before or after its release."""

    wanted: NoticeAudience
    people: int
    telling: SampleNotice


def people_letters(
    case: IncidentCase, counted: Mapping[NoticeAudience, int], desk: FormContext
) -> Iterator[PeopleLetter]:
    """Yield the letters to people of *case*, with the *counted* numbers, in their released words."""
    for wanted, people in counted.items():
        if wanted.to == "people":
            phase = case.incident.phases[wanted.phase - 1]
            written_at = _released_at(case, phase) or desk.now
            telling = SampleNotice(
                words_of(case, phase),
                case.id,
                desk.house,
                written_at,
                held_by_police=phase.delayed,
                further=case.incident.has_earlier_notices(phase),
            )
            yield PeopleLetter(wanted, people, telling)


def wants_copy(document: AuthorityForm) -> bool:
    """Return whether a copy of the letter goes with *document*."""
    return any(field.part is Part.SAMPLE for field in document.fields)


def copy_for(document: AuthorityForm, letters: Iterable[PeopleLetter], desk: FormContext) -> Sample:
    """
    Return the copy that goes with *document*: the most common of *letters* under its law.

    One in English, if there is any. Before the scope is known, the letter they would get now.

    Law:
        Cal. Civ. Code § 1798.82(f), and the like: a sample copy of the notice that people get.
    """
    law = document.filing.duty.policy.id
    theirs = [one for one in letters if law in one.wanted.laws]
    chosen = max(theirs, key=lambda one: _rank(one, law), default=None) or _expected(document, desk)
    return sample(chosen.wanted, None, chosen.telling, UNNAMED)


def _rank(one: PeopleLetter, law: str) -> tuple[bool, bool, int]:
    english = one.wanted.language.partition("-")[0] == SOURCE_LANGUAGE
    return one.wanted.laws[0] == law, english, one.people


def _expected(document: AuthorityForm, desk: FormContext) -> PeopleLetter:
    """Return the letter that residents under the law of *document* would get."""
    known, policy = document.filing.known, document.filing.duty.policy
    place = policy.scope.places[0] if policy.scope else None
    owed = laws_requiring_notice(
        known.declared.breach, place, known.categories, desk.policies, desk.company
    ) or (policy,)
    laws = tuple(law.id for law in owed)
    held = known.delayed or known.held_until is not None
    telling = SampleNotice(known.declared, known.incident, desk.house, desk.now, held_by_police=held)
    return PeopleLetter(NoticeAudience("people", laws, SOURCE_LANGUAGE, known.categories), 0, telling)


def _released_at(case: IncidentCase, phase: Phase) -> datetime | None:
    out = (at for at, fact in case.facts if isinstance(fact, NoticesReleased) and fact.phase == phase.number)
    return next(out, None)
