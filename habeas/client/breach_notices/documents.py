"""
Documents for authorities, one for each duty, and announcements to the public and to users of a service.

An authority may get a copy of people's letter, without personal data.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Literal

from babel.languages import get_official_languages

from habeas.client.breach_notices.reader import batches, words_of
from habeas.client.breach_notices.reader import known as known_facts
from habeas.client.breach_notices.samples import audiences_in
from habeas.client.incident_register import IncidentCase, IncidentRegister
from services.intake.breach.duties import NotificationDue
from services.intake.breach.phases import Phase
from services.notifier.breach.notices.facts import Circumstances
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
from services.notifier.breach.notices.methods import Part
from services.notifier.breach.notices.samples import UNNAMED, NoticeAudience, Sample, SampleNotice, sample
from services.notifier.breach.notices.writer import BUREAUS, Notices
from services.notifier.breach.notices.writer import words_of as notice_words
from services.notifier.context import SenderSettings
from services.notifier.letters.languages import CATALOGUES, LANGUAGES
from services.notifier.letters.mime import Alternatives
from shared.contract.events.breaches import BreachAccount, BreachDeclared, NoticesReleased
from shared.errors import ConfigurationError
from shared.law import CompanyProfile
from shared.law.breaches import (
    BreachPolicies,
    BreachPolicy,
    NoticeRecipientKind,
    NoticeStage,
    laws_requiring_notice,
)
from shared.pages.translation import SOURCE_LANGUAGE

AUTHORITIES = (NoticeRecipientKind.AUTHORITY, NoticeRecipientKind.ATTORNEY_GENERAL)
"""Recipients that a law calls an authority."""
ANNOUNCED: Mapping[str, Literal["public", "users"]] = {
    NoticeRecipientKind.PUBLIC: "public",
    NoticeRecipientKind.SERVICE_RECIPIENTS: "users",
}
"""Recipients of announcements."""


@dataclass(frozen=True, slots=True)
class FormContext:
    """Company, moment and laws of documents."""

    company: CompanyProfile
    house: SenderSettings
    policies: BreachPolicies
    now: datetime


@dataclass(frozen=True, slots=True)
class Announcement:
    """A text for the staff to publish or send."""

    name: str
    """``br-lgpd.public.pt``"""
    body: Alternatives

    def write(self, folder: Path) -> None:
        """Write it as a page and as text. Raises ConfigurationError if it cannot be written there."""
        save({f"{self.name}.html": self.body.html, f"{self.name}.txt": self.body.text}, folder)


@dataclass(frozen=True, slots=True)
class PeopleLetter:
    """A letter to people, before or after its release."""

    wanted: NoticeAudience
    people: int
    notice: SampleNotice


async def write_all(
    incident: str, register: IncidentRegister, context: FormContext, folder: Path
) -> tuple[list[AuthorityForm], list[Announcement]]:
    """
    Write the documents and announcements of *incident* into *folder*; return them.

    Raises ConfigurationError if there is no such incident, or they cannot be written there.
    """
    case = await register.incident(incident)
    clocks, facts = case.incident.clocks, known_facts(case)
    filled = list(documents(facts, duties(clocks, context.policies), context))
    letters: list[PeopleLetter] = []
    if any(map(wants_copy, filled)):
        letters = list(people_letters(case, await audiences_in(batches(case, register.vault)), context))
    for one in filled:
        write(one, copy_for(one, letters, context) if wants_copy(one) else None, folder)
    announced = list(announcements(clocks, facts, context))
    for text in announced:
        text.write(folder)
    return filled, announced


def documents(
    known: IncidentFacts, duties: Iterable[FormDuty], context: FormContext
) -> Iterator[AuthorityForm]:
    """Yield the document of each of *duties*."""
    for duty in duties:
        yield document(
            Filing(
                duty=duty,
                known=known,
                sender=context.house.sender,
                authority=_authority(duty, context.company),
                account=_account(duty, known.declared),
                words=CATALOGUES.words(SOURCE_LANGUAGE, context.company.zone),
                now=context.now,
                established=context.company.places,
                sample=sample_name(duty),
            )
        )


def duties(clocks: Iterable[NotificationDue], policies: BreachPolicies) -> Iterator[FormDuty]:
    """Yield the owed duties of *clocks* that need a document."""
    for clock in clocks:
        if clock.owed and clock.policy is not None and clock.recipient in set(RECIPIENTS):
            stages = (NoticeStage(part) for part in clock.clock.split(".") if part in set(NoticeStage))
            yield FormDuty(
                clock=clock.clock,
                policy=policies.named(clock.policy),
                recipient=NoticeRecipientKind(clock.recipient),
                stage=next(stages, NoticeStage.NOTICE),
                place=clock.place,
                due_at=clock.due_at,
            )


def write(document: AuthorityForm, letter: Sample | None, folder: Path) -> None:
    """Write *document* into *folder*, as page and JSON, and the *letter* with it; raises as :func:`save`."""
    files = {
        f"{document.name}.html": page(document),
        f"{document.name}.json": json.dumps(plain(document), ensure_ascii=False, indent=2) + "\n",
    }
    if letter is not None:
        files[sample_name(document.filing.duty)] = letter.words("html")
    save(files, folder)


def save(files: Mapping[str, str], folder: Path) -> None:
    """Write *files*, contents by name, into *folder*. Raises ConfigurationError if it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be written ({error.strerror})") from None


def sample_name(duty: FormDuty) -> str:
    """Return the name of the file with the copy of the letter."""
    return f"{duty.policy.law}.sample.html"


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
    for language in get_official_languages(duty.place or _country(duty.policy) or "GB"):
        if language in declared.translations or language == declared.language:
            return declared.account(language)
    return declared.account(declared.language)


def _country(policy: BreachPolicy) -> str:
    """Return the country of a law; empty for a law of several countries."""
    return policy.law[:2].upper() if policy.law[2:3] == "-" else ""


def people_letters(
    case: IncidentCase, counted: Mapping[NoticeAudience, int], context: FormContext
) -> Iterator[PeopleLetter]:
    """Yield the letters to people of *case*, with the *counted* numbers, in their released words."""
    for wanted, people in counted.items():
        if wanted.to == "people":
            phase = case.incident.phases[wanted.phase - 1]
            notice = SampleNotice(
                words_of(case, phase),
                case.id,
                context.house,
                _released_at(case, phase) or context.now,
                held_by_police=phase.delayed,
                further=case.incident.has_earlier_notices(phase),
            )
            yield PeopleLetter(wanted, people, notice)


def _released_at(case: IncidentCase, phase: Phase) -> datetime | None:
    out = (at for at, fact in case.facts if isinstance(fact, NoticesReleased) and fact.phase == phase.number)
    return next(out, None)


def wants_copy(document: AuthorityForm) -> bool:
    """Return whether a copy of the letter goes with *document*."""
    return any(field.part is Part.SAMPLE for field in document.fields)


def copy_for(document: AuthorityForm, letters: Iterable[PeopleLetter], context: FormContext) -> Sample:
    """
    Return the copy that goes with *document*: the most common of *letters* under its law.

    One in English, if there is any. Before the scope is known, the letter they would get now.

    Law:
        Cal. Civ. Code § 1798.82(f), and the like: a sample copy of the notice that people get.
    """
    law = document.filing.duty.policy.id

    def rank(one: PeopleLetter) -> tuple[bool, bool, int]:
        english = one.wanted.language.partition("-")[0] == SOURCE_LANGUAGE
        return one.wanted.laws[0] == law, english, one.people

    theirs = [one for one in letters if law in one.wanted.laws]
    chosen = max(theirs, key=rank, default=None) or _expected(document, context)
    return sample(chosen.wanted, None, chosen.notice, UNNAMED)


def _expected(document: AuthorityForm, context: FormContext) -> PeopleLetter:
    """Return the letter that residents under the law of *document* would get."""
    known, policy = document.filing.known, document.filing.duty.policy
    declared, categories = known.declared, known.categories
    place = policy.scope.places[0] if policy.scope else None
    owed = laws_requiring_notice(declared.breach, place, categories, context.policies, context.company)
    laws = tuple(law.id for law in owed or (policy,))
    notice = SampleNotice(declared, known.incident, context.house, context.now, held_by_police=_held(known))
    return PeopleLetter(NoticeAudience("people", laws, SOURCE_LANGUAGE, categories), 0, notice)


def _held(known: IncidentFacts) -> bool:
    return known.delayed or known.held_until is not None


def announcements(
    clocks: Iterable[NotificationDue], known: IncidentFacts, context: FormContext
) -> Iterator[Announcement]:
    """
    Yield the announcements of owed *clocks*, in each declared language.

    Law:
        ANPD Res. 15/2024 Art. 9 § 3: in public, where individual notice is impossible. NIS2 Art. 23(1)-(2).
    """
    for clock in clocks:
        if clock.owed and clock.policy is not None and clock.recipient in ANNOUNCED:
            policy = context.policies.named(clock.policy)
            for language in _languages(policy, known.declared):
                body = _announcement(policy, language, ANNOUNCED[clock.recipient], known, context)
                yield Announcement(f"{clock.clock}.{language}", body)


def _announcement(
    policy: BreachPolicy,
    language: str,
    to: Literal["public", "users"],
    known: IncidentFacts,
    context: FormContext,
) -> Alternatives:
    # It is the first notice of these people.
    circumstances = Circumstances(known.incident, False, _held(known), context.now)
    words = notice_words((policy,), language, context.house)
    used = (one.services for one in known.declared.affected.controllers)
    services = tuple(dict.fromkeys(chain.from_iterable(used)))
    recipient = UNNAMED.model_copy(update={"categories": known.categories, "services": services})
    notices = Notices(known.declared, circumstances, (policy,), to, context.house, words)
    return notices.body(recipient, "")


def _languages(policy: BreachPolicy, declared: BreachDeclared) -> Iterable[str]:
    """Return the languages of the law's country that letters are written in, and those of the declaration."""
    country = _country(policy)
    there = [one for one in get_official_languages(country) if one in LANGUAGES] if country else []
    return dict.fromkeys((*there, declared.language, *declared.translations))
