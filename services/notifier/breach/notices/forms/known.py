"""Known facts of an incident for a report to an authority. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from services.notifier.letters.letter_models import Sender
from shared.contract.events.breaches import BreachAccount, BreachDeclared
from shared.law.breaches import BreachPolicy, NoticeRecipientKind, NoticeStage
from shared.pages.translation import Words


@dataclass(frozen=True, slots=True)
class NoticeCounts:
    """Outcomes of the notices to people."""

    first_at: datetime
    """When the first of them were released."""
    sent: int = 0
    not_reached: int = 0
    through: bool = False
    """Whether none is still on its way."""


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """An incident, as far as it is known."""

    incident: str
    phase: int
    declared: BreachDeclared
    """The newest declaration."""
    aware_at: datetime
    """When it was known first."""
    people: Mapping[str | None, int] | None
    """Number of people by residence; None before the search."""
    categories: tuple[str, ...]
    records: int | None
    letters: NoticeCounts | None
    """None: no people were notified yet."""
    held_until: datetime | None = None
    """Until when an investigation requires no notice."""
    delayed: bool = False
    """Whether an investigation has held notices up: also one that permits them by now."""
    notice_owed: bool = True
    """Whether a law requires notice to people."""


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

    @property
    def zone(self) -> tzinfo:
        """Zone of the times of day."""
        return self.words.zone
