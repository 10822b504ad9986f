"""What is known of an incident when an authority is told. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from services.notifier.letters.letter_models import Sender
from shared.contract.breaches import BreachAccount, BreachDeclared
from shared.law.breaches import BreachPolicy, NoticeRecipientKind, NoticeStage
from shared.pages.translation import Words


@dataclass(frozen=True, slots=True)
class NoticeCounts:
    """What became of the notices to people."""

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
    """How many live where; None where nobody has looked yet."""
    categories: tuple[str, ...]
    records: int | None
    letters: NoticeCounts | None
    """None: nobody was told yet."""
    held_until: datetime | None = None
    """Until when an investigation wants nobody told."""
    delayed: bool = False
    """Whether an investigation has held notices up: also one that lets people be told by now."""
    notice_owed: bool = True
    """Whether some law wants people told."""


@dataclass(frozen=True, slots=True)
class FormDuty:
    """Whom a document is for, and by when it is due."""

    clock: str
    """``gdpr.authority.DE``"""
    policy: BreachPolicy
    recipient: NoticeRecipientKind
    stage: NoticeStage
    place: str | None
    """The Member State whose authority it is; None where the law knows but one."""
    due_at: datetime | None
    """None: without undue delay."""


@dataclass(frozen=True, slots=True)
class Filing:
    """What is filled in: a duty, what is known, and who says it."""

    duty: FormDuty
    known: IncidentFacts
    sender: Sender
    authority: str
    """Who is told, by name."""
    account: BreachAccount
    """What was declared, in the language of the authority if somebody wrote it."""
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
