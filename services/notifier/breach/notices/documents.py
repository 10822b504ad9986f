"""
Documents for authorities, one for each duty, and announcements to the public and to users of a service.

They are made from the known facts and the duties of an incident.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Literal, Protocol

from babel.languages import get_official_languages

from services.notifier.breach.notices.facts import Circumstances
from services.notifier.breach.notices.forms import (
    RECIPIENTS,
    AuthorityForm,
    Filing,
    FormDuty,
    called,
    document,
)
from services.notifier.breach.notices.samples import UNNAMED
from services.notifier.breach.notices.writer import BUREAUS, Notices
from services.notifier.breach.notices.writer import words_of as notice_words
from services.notifier.context import SenderSettings
from services.notifier.letters.languages import CATALOGUES, LANGUAGES
from services.notifier.letters.mime import Alternatives
from shared.contract.breach_facts import IncidentFacts
from shared.contract.events.breaches import BreachAccount, BreachDeclared
from shared.law import CompanyProfile
from shared.law.breaches import BreachPolicies, BreachPolicy, NoticeRecipientKind, NoticeStage
from shared.pages.translation import SOURCE_LANGUAGE

AUTHORITIES = (NoticeRecipientKind.AUTHORITY, NoticeRecipientKind.ATTORNEY_GENERAL)
"""Recipients that a law calls an authority."""
ANNOUNCED: Mapping[str, Literal["public", "users"]] = {
    NoticeRecipientKind.PUBLIC: "public",
    NoticeRecipientKind.SERVICE_RECIPIENTS: "users",
}
"""Recipients of announcements."""


class OwedDuty(Protocol):
    """A duty, as the register has it or states it."""

    @property
    def clock(self) -> str:
        """Return the name of its clock."""

    @property
    def policy(self) -> str | None:
        """Return the edition of the law; None for a promise."""

    @property
    def recipient(self) -> str:
        """Return the kind of its recipient."""

    @property
    def place(self) -> str | None:
        """Return the place of the recipient."""

    @property
    def due_at(self) -> datetime | None:
        """Return when its clock ends."""

    @property
    def owed(self) -> bool:
        """Return whether it applies."""


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


def duties(clocks: Iterable[OwedDuty], policies: BreachPolicies) -> Iterator[FormDuty]:
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


def held(known: IncidentFacts) -> bool:
    """Return whether an investigation holds or held the notices up."""
    return known.delayed or known.held_until is not None


def announcements(
    clocks: Iterable[OwedDuty], known: IncidentFacts, context: FormContext
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
    circumstances = Circumstances(known.incident, False, held(known), context.now)
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
