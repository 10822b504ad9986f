"""
Documents for authorities, filled with the known facts: to be sent, or copied into a portal. Pure.

The contents for each authority, their order and provisions, are the ``report`` of a policy in
``policies/breaches``. Unknown facts are stated as missing, and never left out.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from babel import Locale
from babel.dates import format_timedelta

from services.notifier.breach.notices.facts import lines, names, paragraphs
from services.notifier.breach.notices.methods import Part
from services.notifier.letters.letter_models import Sender
from services.notifier.letters.skeletons import HTML
from shared.contract.breach_facts import IncidentFacts
from shared.contract.events.breaches import BreachAccount
from shared.contract.references import short_reference
from shared.law.breaches import BreachPolicy, NoticeRecipientKind, NoticeStage, RequiredStatement
from shared.law.policies import lies_in
from shared.pages.translation import Words

FormAnswer: TypeAlias = tuple[str, ...]
"""Lines; none: nothing is known."""
ENGLISH = Locale("en")
UNKNOWN = "Residence not known"
REPORTS: Mapping[NoticeStage, str] = {
    NoticeStage.EARLY_WARNING: "Early warning; a notification and a final report are to follow",
    NoticeStage.NOTIFICATION: "Notification, after the early warning; a final report is to follow",
    NoticeStage.PROGRESS_REPORT: "Progress report: the incident goes on; a final report is to follow",
    NoticeStage.FINAL_REPORT: "Final report",
}
"""Stages that state themselves what follows, regardless of the declaration (NIS2 Art. 23(4))."""
RECIPIENTS: Mapping[NoticeRecipientKind, str] = {
    NoticeRecipientKind.AUTHORITY: "Supervisory authority",
    NoticeRecipientKind.ATTORNEY_GENERAL: "Attorney General",
    NoticeRecipientKind.CONSUMER_AGENCIES: "Consumer reporting agencies",
    NoticeRecipientKind.CSIRT: "CSIRT",
}
"""Recipients of documents. All others are notified by letter."""
STAGES: Mapping[NoticeStage, str] = {
    NoticeStage.NOTICE: "Notification of a breach",
    NoticeStage.EARLY_WARNING: "Early warning of a significant incident",
    NoticeStage.NOTIFICATION: "Notification of a significant incident",
    NoticeStage.DETAILED_REPORT: "Detailed report of a breach",
    NoticeStage.SUPPLEMENT: "Supplement to the notification of a breach",
    NoticeStage.PROGRESS_REPORT: "Progress report on a significant incident",
    NoticeStage.FINAL_REPORT: "Final report of an incident",
}

MISSING = "Not known yet. It has to be reported as soon as it is known."


@dataclass(frozen=True, slots=True)
class FormDuty:
    """The recipient of a document, and the day it is due."""

    clock: str
    """``gdpr.authority.DE``"""
    policy: BreachPolicy
    recipient: NoticeRecipientKind
    stage: NoticeStage
    place: str | None
    """The authority's Member State; None where the law has but one authority."""
    due_at: datetime | None
    """None: without undue delay."""


@dataclass(frozen=True, slots=True)
class Filing:
    """The input of a document: a duty, the known facts, and the sender."""

    duty: FormDuty
    known: IncidentFacts
    sender: Sender
    authority: str
    """The authority's name."""
    account: BreachAccount
    """The account, in the language of the authority if it was declared in it."""
    words: Words
    """In which dates and numbers are written."""
    now: datetime
    established: tuple[str, ...]
    """Where the company is, the first place first."""
    sample: str = ""
    """Name of the file with the letter to people; empty where there is none."""


def _phase(filing: Filing) -> FormAnswer:
    known, stage = filing.known, filing.duty.stage
    if stage in REPORTS:
        return (REPORTS[stage],)
    follows = ", and the last one" if known.declared.final else "; more is to follow"
    return (f"{_kind(stage, known.phase - 1)}{follows}",)


def _kind(stage: NoticeStage, supplement: int) -> str:
    """Return which notice it is: the law's stage says so before the number of the declaration does."""
    if stage is NoticeStage.DETAILED_REPORT:
        return "Detailed report, after the first notice"
    if supplement:
        return f"Supplement {supplement} to the first notice"
    return "Supplement to the first notice" if stage is NoticeStage.SUPPLEMENT else "First notice"


def _data(filing: Filing) -> FormAnswer:
    american = filing.duty.policy.law.startswith("us-")
    return names(filing.known.categories, filing.words, american=american)


def _people(filing: Filing) -> FormAnswer:
    people, duty = filing.known.people, filing.duty
    if people is None:
        return ()
    under = sum(protected(people, duty.policy, filing.established).values())
    counted = {"protected by this law": under, "in all": sum(people.values())}
    if duty.place is not None:
        counted = {f"in {called(duty.place)}": within(people, duty.policy, duty.place)} | counted
    return tuple(f"Approximately {filing.words.number(number)} {scope}" for scope, number in counted.items())


def _records(filing: Filing) -> FormAnswer:
    records = filing.known.records
    return () if records is None else (f"Approximately {filing.words.number(records)}",)


def _given(text: str) -> FormAnswer:
    return (text,) if text else ()


def _occurred(filing: Filing) -> FormAnswer:
    declared = filing.known.declared
    began = filing.words.moment(declared.occurred_from)
    if declared.occurred_to is None:
        return (f"On {began}, or since then; when it was over is not known",)
    lasted = declared.occurred_to - declared.occurred_from
    ended = filing.words.moment(declared.occurred_to)
    duration = format_timedelta(lasted, threshold=2, locale=filing.words.locale)
    return (f"From {began} to {ended}", f"Duration: about {duration}")


def _late(filing: Filing) -> FormAnswer:
    if filing.duty.due_at is None or filing.now <= filing.duty.due_at:
        return ("It is not late.",)
    return paragraphs(filing.account.late_because or "")


def _cross_border(filing: Filing) -> FormAnswer:
    people = filing.known.people
    if people is None:
        return ()
    counted = sorted(people.items(), key=lambda item: -item[1])
    return tuple(f"{called(place)}: {filing.words.number(number)}" for place, number in counted if number)


def _people_notified(filing: Filing) -> FormAnswer:
    known, letters = filing.known, filing.known.letters
    if letters is not None:
        since = f"Notified since {filing.words.moment(letters.first_at)}"
        counts = f"{filing.words.number(letters.sent)} sent, "
        counts += f"{filing.words.number(letters.not_reached)} not reached"
        return (since, f"{counts}{'' if letters.through else '; the others are on their way'}")
    if not known.notice_owed:
        return ("Not notified: no law requires it.",)
    return ("Not notified yet.", *_held(filing)[:1] * (known.held_until is not None))


def _held(filing: Filing) -> FormAnswer:
    until = filing.known.held_until
    if until is not None:
        return (f"An investigation requires no notice before {filing.words.moment(until)}.",)
    if filing.known.delayed:
        return ("An investigation has delayed the notices to people; it does so no longer.",)
    return ("No investigation has delayed a notice.",)


def _protection(filing: Filing) -> FormAnswer:
    offered = filing.known.declared.protection
    if offered is None:
        return ()
    return (
        f"{offered.provider}, {offered.months} months at no cost",
        *paragraphs(filing.account.sign_up or offered.how),
    )


def _next(filing: Filing) -> FormAnswer:
    declared = filing.known.declared
    if declared.next_update_at is not None:
        return (f"By {filing.words.moment(declared.next_update_at)}",)
    return ("This is the last one.",) if declared.final else ()


def _services(filing: Filing) -> FormAnswer:
    used = (service for one in filing.known.declared.affected.controllers for service in one.services)
    return tuple(dict.fromkeys(used))


def protected(
    people: Mapping[str | None, int], policy: BreachPolicy, established: Iterable[str]
) -> Mapping[str | None, int]:
    """
    Return those of *people* that *policy* protects: residents of its places, or all.

    Law:
        GDPR Art. 3(1), (2): all, if the law is that of an establishment, and one lies there.
    """
    if policy.scope is None or policy.reaches(established):
        return people
    return {place: number for place, number in people.items() if lies_in(place, policy.places)}


def within(people: Mapping[str | None, int], policy: BreachPolicy, state: str) -> int:
    """Return how many of *people* live in a Member State, and in the parts of it with a code of their own."""
    states = policy.states
    countries = ((place.partition("-")[0], number) for place, number in people.items() if place)
    return sum(number for country, number in countries if states.get(country, country) == state)


def called(place: str | None) -> str:
    """Return the name of *place* in English: ``Germany``, ``United States (CA)``."""
    if place is None:
        return UNKNOWN
    country, _, part = place.partition("-")
    name = str(ENGLISH.territories.get(country, country))
    return f"{name} ({part})" if part else name


ELEMENTS: Mapping[Part, tuple[str, Callable[[Filing], FormAnswer]]] = {
    Part.INCIDENT: (
        "Incident",
        lambda filing: (
            short_reference(filing.known.incident),
            f"Our reference: {filing.known.declared.reference}",
        ),
    ),
    Part.PHASE: ("Phase of the notice", _phase),
    Part.WRITTEN_ON: ("Date of this notice", lambda filing: (filing.words.moment(filing.now),)),
    Part.NATURE: ("Nature of the breach", lambda filing: paragraphs(filing.account.nature)),
    Part.DATA: ("Categories of data", _data),
    Part.PEOPLE_COUNT: ("Approximate number of people", _people),
    Part.RECORDS_COUNT: ("Approximate number of records", _records),
    Part.OCCURRED: ("When it happened, and for how long", _occurred),
    Part.DISCOVERED: (
        "When it was noticed",
        lambda filing: (filing.words.moment(filing.known.declared.detected_at),),
    ),
    Part.AWARE: ("When we became aware of it", lambda filing: (filing.words.moment(filing.known.aware_at),)),
    Part.LATE_BECAUSE: ("Reasons for a delay of this notice", _late),
    Part.CONTACT: ("Contact", lambda filing: lines(filing.known.declared.contact)),
    Part.SENDER: ("Who notifies", lambda filing: (filing.sender.legal_name, *filing.sender.postal_address)),
    Part.OFFICER: ("Data protection officer", lambda filing: _given(filing.sender.data_protection_officer)),
    Part.CONSEQUENCES: ("Likely consequences", lambda filing: paragraphs(filing.account.consequences)),
    Part.MEASURES: (
        "Measures taken or proposed, also against the consequences",
        lambda filing: paragraphs(filing.account.measures),
    ),
    Part.CONTAINMENT: ("State of containment", lambda filing: paragraphs(filing.account.measures)),
    Part.ADVICE: ("What people are advised to do", lambda filing: paragraphs(filing.account.advice)),
    Part.CROSS_BORDER: ("Where the people live", _cross_border),
    Part.PEOPLE_NOTIFIED: ("Whether and when people are notified", _people_notified),
    Part.HELD_BY_POLICE: ("Delay by law enforcement", _held),
    Part.PROTECTION: ("Service against theft of identity", _protection),
    Part.SAMPLE: ("Sample of the letter to people", lambda filing: _given(filing.sample)),
    Part.SERVICES: ("Services affected", _services),
    Part.NEXT_UPDATE: ("Next notice", _next),
}
"""Label and answer of each element. Others that a law demands are stated as missing."""


@dataclass(frozen=True, slots=True)
class FormField:
    """An element that the law demands, and its answer."""

    part: Part
    label: str
    provision: str
    answer: FormAnswer

    @property
    def missing(self) -> bool:
        """Whether nothing is known of it."""
        return not self.answer


@dataclass(frozen=True, slots=True)
class AuthorityForm:
    """A document for an authority."""

    name: str
    """``gdpr.authority.DE``"""
    title: str
    law: str
    recipient: str
    filing: Filing
    fields: tuple[FormField, ...]

    @property
    def missing(self) -> tuple[FormField, ...]:
        """The elements that the law demands, without an answer."""
        return tuple(field for field in self.fields if field.missing)


def document(filing: Filing) -> AuthorityForm:
    """Return the document for *filing*."""
    duty = filing.duty
    return AuthorityForm(
        name=duty.clock,
        title=STAGES[duty.stage],
        law=duty.policy.name,
        recipient=RECIPIENTS.get(duty.recipient, duty.recipient),
        filing=filing,
        fields=tuple(_field(said, filing) for said in duty.policy.report),
    )


def _field(said: RequiredStatement, filing: Filing) -> FormField:
    label, answer = ELEMENTS.get(said.element, (said.element, lambda _filing: ()))
    return FormField(said.element, label, said.provision, answer(filing))


def page(document: AuthorityForm) -> str:
    """Return *document* as one file of HTML that needs no network and runs no script."""
    filing, due_at = document.filing, document.filing.duty.due_at
    due = "without undue delay" if due_at is None else filing.words.moment(due_at)
    template = HTML.get_template("notices/forms/document.jinja")
    return template.render(document=document, MISSING=MISSING, filing=filing, due=due)


def plain(document: AuthorityForm) -> dict[str, Any]:
    """Return the same as JSON knows it."""
    duty, known = document.filing.duty, document.filing.known
    return {
        "document": document.name,
        "title": document.title,
        "law": duty.policy.id,
        "recipient": duty.recipient,
        "authority": document.filing.authority,
        "stage": duty.stage,
        "due_at": duty.due_at.isoformat() if duty.due_at else None,
        "incident": known.incident,
        "phase": known.phase,
        "written_at": document.filing.now.isoformat(),
        "fields": [
            {
                "element": field.part,
                "label": field.label,
                "provision": field.provision,
                "answer": list(field.answer),
                "missing": field.missing,
                **({"categories": list(known.categories)} if field.part == "data" else {}),
            }
            for field in document.fields
        ],
    }
