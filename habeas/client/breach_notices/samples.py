"""Sample letters of a breach: one for each set of laws, language and categories, to fictional people."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

from services.fulfillment.breach.affected import PEOPLE, AffectedPerson, merge_people
from services.fulfillment.breach.obligations import Judge, NoticeGroup, PolicyEditions
from services.fulfillment.breach.search import listed_in
from services.notifier.breach.notices.facts import Circumstances
from services.notifier.breach.notices.mailboxes import reached
from services.notifier.breach.notices.missing_facts import (
    Omission,
    missing_for_controllers,
    missing_for_people,
)
from services.notifier.breach.notices.writer import Notices
from services.notifier.context import SenderSettings
from services.notifier.letters.letter_models import Sender
from shared.contract.affected_people import NoticeBatch, NoticeRecipient
from shared.contract.events.breaches import BreachDeclared, BreachRole
from shared.law import CompanyProfile
from shared.law.library import breach_policies

UNNAMED = NoticeRecipient(key="0" * 32, email="unnamed@example.net")
"""Recipient of a copy for an authority, without any personal data."""
SAMPLE_PERSON = NoticeRecipient(key="0" * 32, email="amelia@example.net", name="Amelia Ferreira")
A_CUSTOMER = NoticeRecipient(key="1" * 32, email="security@example.org", name="Example Shop Ltd")
"""Recipient of samples, at a domain reserved by RFC 2606."""


@dataclass(frozen=True, slots=True)
class NoticeAudience:
    """Recipients of the same notice."""

    to: str
    laws: tuple[str, ...]
    language: str
    categories: tuple[str, ...]
    phase: int = 1
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SampleNotice:
    """Contents, sender and moment of a notice."""

    declared: BreachDeclared
    incident: str
    house: SenderSettings
    written_at: datetime
    held_by_police: bool = False
    further: bool = False
    """Whether others were notified of the breach before."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample letter."""

    wanted: NoticeAudience
    people: int | None
    """Number of such letters; None before the scope is known."""
    message: bytes
    lacks: tuple[Omission, ...]
    declared: BreachDeclared
    """The declaration that it uses."""

    @property
    def name(self) -> str:
        """Name of its files, without the suffix."""
        law = self.wanted.laws[0].partition("@")[0] if self.wanted.laws else "no-law"
        to = "" if self.wanted.to == "people" else f".{self.wanted.to}"
        return f"{law}{to}.{self.wanted.language}"

    def words(self, form: str) -> str:
        """Return the body in *form*: ``plain`` or ``html``."""
        message = message_from_bytes(self.message, policy=SMTP)
        part = message.get_body((form,)) if isinstance(message, EmailMessage) else None
        return str(part.get_content()).replace("\r\n", "\n") if part else ""


def sample(
    wanted: NoticeAudience, people: int | None, telling: SampleNotice, to: NoticeRecipient | None = None
) -> Sample:
    """Write the letter that *wanted* gets, to a fictional person."""
    recipient = to or (SAMPLE_PERSON if wanted.to == "people" else A_CUSTOMER)
    person = recipient.model_copy(update={"categories": wanted.categories, "services": wanted.services})
    batch = NoticeBatch.model_validate(
        {"to": wanted.to, "laws": wanted.laws, "language": wanted.language, "people": (person,)}
    )
    circumstances = Circumstances(
        telling.incident, telling.further, telling.held_by_police, telling.written_at
    )
    writer = Notices.to_batch(telling.declared, circumstances, batch, telling.house)
    message = writer.of(person, message_id=f"<sample@{telling.house.domain}>")
    return Sample(
        wanted, people, message, _lacks(wanted, telling.declared, telling.house.sender), telling.declared
    )


def distinct_samples(samples: Iterable[Sample]) -> list[Sample]:
    """Return *samples* without equal letters, by law and language, the most common first."""
    same: dict[Hashable, Sample] = {}
    for one in samples:
        wanted, said = one.wanted, (one.words("plain"), one.words("html"), one.lacks)
        key = (wanted.to, wanted.laws, wanted.language, wanted.phase, said)
        same[key] = _together(same[key], one) if key in same else one
    return sorted(same.values(), key=lambda one: (one.name, one.wanted.phase, -(one.people or 0)))


def _together(first: Sample, other: Sample) -> Sample:
    """Return one sample of two with equal letters."""
    people = None if first.people is None or other.people is None else first.people + other.people
    categories = tuple(sorted({*first.wanted.categories, *other.wanted.categories}))
    return replace(first, wanted=replace(first.wanted, categories=categories), people=people)


async def audiences_in(
    batches: AsyncIterator[tuple[int, NoticeBatch]],
    reached: Callable[[NoticeRecipient], bool] = lambda _: True,
) -> Counter[NoticeAudience]:
    """Return the audiences in *batches* that are *reached*, with their sizes, without names."""
    counted: Counter[NoticeAudience] = Counter()
    async for phase, batch in batches:
        group = (batch.to, batch.laws, batch.language)
        people = filter(reached, batch.people)
        counted.update(NoticeAudience(*group, one.categories, phase, one.services) for one in people)
    return counted


def audiences_of(
    declared: BreachDeclared, places: Sequence[str], languages: Sequence[str], law: PolicyEditions
) -> Iterator[NoticeAudience]:
    """
    Yield the audiences of what is *declared*, before the scope is known.

    Without *places*, those of the listed people or of the company count; without *languages*, the declared
    ones. Without both, and with all people listed, these are exactly the later audiences.
    """
    if declared.affected.list and not (places or languages or declared.affected.collections):
        letters, judge = LetterCounter(declared), Judge(declared, law)
        for one in merge_people(listed_in(declared, tagged=False), str).values():
            letters.add(judge.group_of(one), one)
        yield from letters.counted
        yield from _customers(declared, law)
        return
    spoken = tuple(languages) or (declared.language, *declared.translations)
    for place in places or _places(declared, law.company):
        if ids := law.owed(declared, place, declared.categories):
            yield from (NoticeAudience("people", ids, language, declared.categories) for language in spoken)
    yield from _customers(declared, law)


@dataclass
class LetterCounter:
    """A counter of letters to people and customers, without those lacking a good address."""

    declared: BreachDeclared
    counted: Counter[NoticeAudience] = field(default_factory=Counter)
    unsafe: int = 0
    """People with a forbidden or invalid address."""

    def add(self, group: NoticeGroup, affected: AffectedPerson) -> None:
        """Count the letter to the *affected* person of *group*, if there is one."""
        person = affected.reached("")
        if not group.notified or person.email is None:
            return
        if reached(person, self.declared):
            about = (person.categories, 1, person.services)
            self.counted[NoticeAudience(group.to, group.laws, group.language, *about)] += 1
        elif group.to == PEOPLE:
            self.unsafe += affected.people


def _customers(declared: BreachDeclared, law: PolicyEditions) -> Iterator[NoticeAudience]:
    """Yield the customers to be notified by a processor under its laws."""
    laws = law.to_customers(declared)
    if declared.role is not BreachRole.PROCESSOR or not laws:
        return
    audiences = {(one.locale, one.services): None for one in declared.affected.controllers}
    for language, used in audiences:
        yield NoticeAudience("controllers", laws, language, declared.categories, services=used)


def _places(declared: BreachDeclared, company: CompanyProfile) -> Iterable[str]:
    listed = (one.residence for one in declared.affected.list if one.residence)
    found = [f"{one.country}-{one.subdivision}" if one.subdivision else one.country for one in listed]
    return dict.fromkeys(found) or company.places


def _lacks(wanted: NoticeAudience, declared: BreachDeclared, sender: Sender) -> tuple[Omission, ...]:
    if wanted.to == "controllers":
        # Only the part about customers of the same services counts.
        customers = tuple(one for one in declared.affected.controllers if one.services == wanted.services)
        affected = declared.affected.model_copy(update={"controllers": customers})
        theirs = declared.model_copy(update={"affected": affected})
        return tuple(missing_for_controllers(theirs, wanted.language))
    policies = tuple(map(breach_policies().named, wanted.laws))
    return missing_for_people(declared, policies, wanted.categories, wanted.language, sender)
