"""Sample letters of a breach to fictional people, and the statements that they lack."""

from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

from services.notifier.breach.notices.facts import Circumstances
from services.notifier.breach.notices.missing_facts import (
    Omission,
    missing_for_controllers,
    missing_for_people,
)
from services.notifier.breach.notices.writer import Notices
from services.notifier.context import SenderSettings
from services.notifier.letters.letter_models import Sender
from shared.contract.affected_people import NoticeBatch, NoticeRecipient
from shared.contract.events.breaches import BreachDeclared
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


def _lacks(wanted: NoticeAudience, declared: BreachDeclared, sender: Sender) -> tuple[Omission, ...]:
    if wanted.to == "controllers":
        # Only the part about customers of the same services counts.
        customers = tuple(one for one in declared.affected.controllers if one.services == wanted.services)
        affected = declared.affected.model_copy(update={"controllers": customers})
        theirs = declared.model_copy(update={"affected": affected})
        return tuple(missing_for_controllers(theirs, wanted.language))
    policies = tuple(map(breach_policies().named, wanted.laws))
    return missing_for_people(declared, policies, wanted.categories, wanted.language, sender)
