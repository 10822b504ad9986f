"""
Forms of decisions: their fields, and the event that the entered values make. Pure.

An offer says when a decision fits a case, what the staff enters, and what the event is made of. One table
(:mod:`.offers`) holds all of them; pages and routes know none by name.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from pydantic import ValidationError

from services.console.state import CaseRow, CaseStage, Wait, WaitKind
from shared.contract.events import Decision, ErasureApproved, ErasurePlanned, Fact, HoldLifted, HoldPlaced
from shared.contract.staff import StaffDecision, salted, written_item
from shared.errors import HabeasError
from shared.pages.translation import mark as _
from shared.vocabulary import StaffRole

F = TypeVar("F", bound=Fact)
Entered: TypeAlias = Mapping[str, Any]
"""Field → its value: text, a day, or several codes."""
Choices: TypeAlias = Sequence[tuple[str, str]]
"""Value and name of each choice; names are translated."""
UNPROVEN = frozenset({CaseStage.RECEIVED, CaseStage.CHALLENGED})
UNDECIDED = UNPROVEN | {CaseStage.VERIFIED, CaseStage.REFERRED}
ANSWERED = frozenset({CaseStage.ANSWERED, CaseStage.REFUSED, CaseStage.FORWARDED, CaseStage.CLOSED})
TEXT = "text"
"""Field with a text that lies in the vault; the event has its name alone."""
MISSING = _("Fill in this field.")
NO_CHOICE = _("Choose one of the values.")
NO_DAY = _("Write a day, as 2026-03-09.")
NO_REQUEST_ID = _("Write the reference of the request, as HB-BW65-Y32Z-1H1, or its id of 32 digits.")
REQUEST_ID = re.compile("[0-9a-f]{32}")
MALFORMED = _("The values do not fit together. Check them.")
MOST_TEXT = 10_000
"""Characters of a text to a person."""


class FieldKind(StrEnum):
    """How a field is entered."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    CHOICE = "choice"
    SEVERAL = "several"
    DAY = "day"
    MOMENT = "moment"
    REQUEST = "request"
    """A request by its id; the short reference is replaced before."""


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as its page knows it."""

    row: CaseRow
    facts: Sequence[Fact]
    """In the order of time."""
    now: datetime
    today: date
    people: Choices = ()
    """Accounts and names of the staff."""

    def wait(self, kind: WaitKind | None) -> Wait | None:
        """Return the work of *kind* that waits."""
        return next((wait for wait in self.row.waits if wait.kind is kind), None)

    def waits_for(self, kind: WaitKind, reason: str | None = None) -> bool:
        """Return whether work of *kind* waits, for a *reason* if one is given."""
        return any(one.kind is kind and reason in {None, one.reason} for one in self.row.waits)

    def all(self, kind: type[F]) -> list[F]:
        """Return the facts of *kind*."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def last(self, kind: type[F]) -> F | None:
        """Return the newest fact of *kind*."""
        return next(iter(self.all(kind)[::-1]), None)

    def has(self, *kinds: type[Fact]) -> bool:
        """Return whether the case has a fact of one of *kinds*."""
        return any(isinstance(fact, kinds) for fact in self.facts)

    @property
    def holds(self) -> list[HoldPlaced]:
        """The holds on the request or its person that are not lifted; the last day of some may be over."""
        lifted = {one.hold for one in self.all(HoldLifted)}
        return [one for one in self.all(HoldPlaced) if one.hold not in lifted]

    @property
    def approvals(self) -> tuple[Sequence[str], int]:
        """The accounts that have approved the newest plan of an erasure, and the number that has to."""
        accounts: list[str] = []
        needed = 1
        for fact in self.facts:
            if isinstance(fact, ErasurePlanned):
                accounts, needed = [], fact.approvers
            elif isinstance(fact, ErasureApproved):
                accounts.append(fact.by)
        return accounts, needed

    @property
    def undecided(self) -> bool:
        """Whether the request goes on and has no answer yet."""
        return self.row.stage in UNDECIDED and self.row.stopped is None


@dataclass(frozen=True, slots=True)
class DecisionField:
    """A field of a form."""

    name: str
    label: str
    kind: FieldKind = FieldKind.TEXT
    hint: str = ""
    choices: Callable[[CaseView], Choices] = field(default=lambda _view: ())
    required: bool = True
    preset: str = ""

    def read(self, given: Sequence[str], view: CaseView) -> Any:
        """
        Return the value that *given* means; None if there is none.

        Raises InvalidEntry if it is required and missing, or none of the choices.
        """
        values = [one.strip()[:MOST_TEXT] for one in given if one.strip()]
        if not values:
            if self.required:
                raise InvalidEntry(self.name, MISSING)
            return () if self.kind is FieldKind.SEVERAL else None
        if self.kind in {FieldKind.CHOICE, FieldKind.SEVERAL}:
            self._check(values, view)
        if self.kind is FieldKind.SEVERAL:
            return tuple(values)
        return self._single(values[0])

    def _single(self, text: str) -> Any:
        match self.kind:
            case FieldKind.DAY:
                return _day(self.name, text)
            case FieldKind.REQUEST:
                return _request_id(self.name, text)
            case _:
                return text

    def _check(self, values: Iterable[str], view: CaseView) -> None:
        known = {value for value, _name in self.choices(view)}
        if not known.issuperset(values):
            raise InvalidEntry(self.name, NO_CHOICE)


class InvalidEntry(HabeasError):
    """A field was entered wrongly; the message may be shown."""

    def __init__(self, name: str, message: str) -> None:
        """Keep the *name* of the field; empty for the whole form."""
        super().__init__(message)
        self.name = name


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidEntry(name, NO_DAY) from None


def _request_id(name: str, text: str) -> str:
    id_ = text.lower()
    if not REQUEST_ID.fullmatch(id_):
        raise InvalidEntry(name, NO_REQUEST_ID)
    return id_


def as_entered(entered: Entered, _view: CaseView) -> Entered:
    """Return the data of an event that has the fields of its form."""
    return entered


@dataclass(frozen=True, slots=True)
class DecisionDraft:
    """A decision that is not signed yet, and the salted text and the package that go with it."""

    decision: StaffDecision
    text: bytes | None = None
    package: bytes | None = None


@dataclass(frozen=True, slots=True)
class DecisionOffer:
    """A decision that the console offers."""

    name: str
    """In the address of its form."""
    kind: type[Decision]
    title: str
    text: str
    """Its effect, in a sentence."""
    done: str
    """Its effect in the past tense, shown once a service has accepted it."""
    fits: Callable[[CaseView], bool]
    fields: tuple[DecisionField, ...] = ()
    constants: Entered = field(default_factory=dict)
    """Data of the event that is the same for each decision of the offer."""
    data: Callable[[Entered, CaseView], Entered] = as_entered
    """Data of the event, besides its case, account and text."""
    sealed: str = ""
    """Field of the event that names its text in the vault."""
    written: Callable[[Entered], str | None] | None = None
    """The text to seal; None: that of the field ``text``."""
    answers: WaitKind | None = None
    """The work that it ends; accounts that decided before are not offered it."""
    letter: bool = False
    """Whether a letter can follow from it at once, which can be previewed."""
    later: str = ""
    """Letters that follow later."""
    page: str = ""
    """Its own page, below the case; empty: the form of all decisions."""

    @property
    def path(self) -> str:
        """Address of its form, below the case."""
        return self.page or f"decisions/{self.name}"

    def offered_to(self, account: str, roles: frozenset[StaffRole], view: CaseView) -> bool:
        """Return whether *account* with *roles* may make it now, as far as the console knows."""
        wait = view.wait(self.answers)
        barred = wait is not None and account in wait.by
        return not (barred or self.kind.ROLES.isdisjoint(roles)) and self.fits(view)

    def entered(self, given: Callable[[str], Sequence[str]], view: CaseView) -> Entered:
        """Return the values of the form, read by *given*; raises as :meth:`DecisionField.read`."""
        return {one.name: one.read(given(one.name), view) for one in self.fields}

    def draft(self, entered: Entered, view: CaseView, account: str, salt: bytes) -> DecisionDraft:
        """
        Return the decision of *account* that the *entered* values make.

        Raises InvalidEntry if they do not fit together.
        """
        text = self._text(entered, salt)
        data = {**self.constants, **self.data(entered, view)}
        data = {name: value for name, value in data.items() if value is not None and name != TEXT}
        if text is not None:
            data[self.sealed] = written_item(text)
        try:
            decision = self.kind.model_validate({"request_id": view.row.id, "by": account, **data})
        except ValidationError:
            raise InvalidEntry("", MALFORMED) from None
        return DecisionDraft(decision, text)

    def made(self, fact: Fact) -> bool:
        """Return whether *fact* is a decision of this offer."""
        same = (getattr(fact, name) == value for name, value in self.constants.items())
        return isinstance(fact, self.kind) and all(same)

    def _text(self, entered: Entered, salt: bytes) -> bytes | None:
        if not self.sealed:
            return None
        written = entered.get(TEXT) if self.written is None else self.written(entered)
        return salted(written.encode(), salt) if written else None


def named(values: Iterable[str], names: Mapping[str, str]) -> Choices:
    """Return *values* as choices, with their *names*."""
    return [(str(value), names.get(value, value)) for value in values]


def offers_for(
    offers: Iterable[DecisionOffer], account: str, roles: frozenset[StaffRole], view: CaseView
) -> Iterator[DecisionOffer]:
    """Yield those of *offers* that *account* may make."""
    yield from (one for one in offers if one.offered_to(account, roles, view))
