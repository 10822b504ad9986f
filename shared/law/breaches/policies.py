"""
Policies on breaches, edition by edition: recipients, triggers, deadlines and contents of notices.

The values stand in ``policies/breaches``, one file for each edition of a law. A breach is judged by the
editions in force on the day on which it became known (ADR 0014, 0020).
"""

from collections.abc import Iterable
from functools import partial
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, model_validator

from shared.law.breaches.terms import (
    BreachedKind,
    LetterStyle,
    NoticeElement,
    NoticeRecipientKind,
    NoticeStage,
    PeriodStart,
    Risk,
    Trigger,
    is_there,
    names_a_person,
)
from shared.law.company import Zone
from shared.law.policies import (
    ComplaintBody,
    DayOff,
    EditionLibrary,
    FirstDay,
    LawEdition,
    LegalValue,
    PeriodUnit,
    SourceStatus,
    StatutoryPeriod,
)

HOUR: Literal["hour"] = "hour"
V = TypeVar("V", bound=LegalValue)


class NotifiedBody(ComplaintBody):
    """An authority that is notified of a breach, and that takes complaints."""

    complaint_url: Annotated[str, Field(pattern=r"^https://")] | None = None
    """Where people complain; None: where companies report, too."""

    @property
    def for_people(self) -> str:
        """The page that a letter sends people to."""
        return self.complaint_url or self.url


class ListedKinds(LegalValue):
    """Kinds of data that require notice to people; no others do."""

    with_name: tuple[BreachedKind, ...]
    """Together with a name."""
    alone: tuple[BreachedKind, ...] = ()

    def found_in(self, categories: Iterable[str]) -> tuple[BreachedKind, ...]:
        """Return the listed kinds that are, or may be, in data of *categories*."""
        there = tuple(categories)
        named = self.with_name if names_a_person(there) else ()
        return tuple(kind for kind in (*named, *self.alone) if is_there(kind, there))


class NoticeRule(LegalValue):
    """A notice that a law demands: its recipient, its conditions, its deadline."""

    to: NoticeRecipientKind
    stage: NoticeStage = NoticeStage.NOTICE
    risk: Risk = Risk.UNLIKELY
    """How high the risk must be at least."""
    or_people: Annotated[int, Field(gt=0)] | None = None
    """Number of people from which it is owed at any risk."""
    from_people: Annotated[int, Field(gt=0)] = 1
    """How many people that the law protects there must be at least."""
    trigger: Trigger = Trigger.ACCESS
    safe_harbour: str | None = None
    """The provision that exempts unreadable data; None: the law has none."""
    significant: bool = False
    """Whether it is owed only for a significant incident of a provider of services."""
    unreached: bool = False
    """Whether it is owed only where some people cannot be notified individually."""
    each_state: bool = False
    """
    Whether each Member State has a recipient of its own: a company established in one notifies that one, any
    other notifies all where people live.
    """
    length: Annotated[int, Field(gt=0)] | None = None
    """None: no number; without undue delay."""
    unit: PeriodUnit | Literal["hour"] | None = None
    since: PeriodStart = PeriodStart.AWARE
    after: NoticeStage = NoticeStage.NOTICE
    """Which notice to the same recipient begins it, where one does."""
    while_ongoing: bool = False
    """Whether it is owed only for an incident that goes on when it is due."""
    handled: str | None = None
    """The provision by which it is counted from the handling of an incident that goes on when it is due."""
    not_after: NoticeRecipientKind | None = None
    """A recipient that must not be notified first: the period ends with its notice, if it has not yet."""
    next_day: bool = False
    """
    Whether the text says that days are counted from the day after. Where it does not, the day on which it
    begins is day 1: notifying early is always lawful.
    """
    public_days: Annotated[int, Field(gt=0)] | None = None
    """For how many days a public notice stays where it is."""
    doubled_for_small: str | None = None
    """The provision by which small companies have twice as long."""

    @model_validator(mode="after")
    def _is_countable(self) -> Self:
        if (self.length is None) is not (self.unit is None):
            raise ValueError("length and unit go together")
        return self

    def period(self, times: int = 1) -> StatutoryPeriod | None:
        """Return its days or months, *times* as long; None for hours, and where there is no number."""
        if self.length is None or self.unit is None or self.unit == HOUR:
            return None
        by_day = self.unit is PeriodUnit.CALENDAR_DAY and not self.next_day
        return StatutoryPeriod(
            length=times * self.length,
            unit=self.unit,
            first_day=FirstDay.RECEIPT if by_day else FirstDay.AFTER_RECEIPT,
            day_off=None if self.unit is PeriodUnit.BUSINESS_DAY else DayOff.BEFORE,
            counting=self.provision,
            provision=self.provision,
            read=self.read,
        )


class RequiredStatement(LegalValue):
    """An element that a notice must contain."""

    element: NoticeElement
    heading: str | None = None
    """Under which words it stands, where the law prescribes them."""
    kinds: tuple[BreachedKind, ...] = ()
    """Only where data of such a kind was breached; always where none is named."""

    def holds_for(self, categories: Iterable[str]) -> bool:
        """Return whether it is said where data of *categories* was breached."""
        there = tuple(categories)
        return not self.kinds or any(is_there(kind, there) for kind in self.kinds)


class ProtectionRule(LegalValue):
    """The duty to offer a service against theft of identity at no cost."""

    months: Annotated[int, Field(gt=0)]
    kinds: tuple[BreachedKind, ...]
    """Where data of such a kind was breached."""


class BreachRegisterRule(LegalValue):
    """The duty to record every breach, notified or not."""

    months: Annotated[int, Field(gt=0)] | None = None
    """How long it is kept; None where no number is set."""


class BreachPolicy(LawEdition):
    """An edition of a law's policy on breaches, or the common values of several laws."""

    law: Annotated[str, Field(pattern=r"^[a-z]+\d?(-[a-z]+)*$")]
    stands_in: bool = False
    """Whether it is taken for parts of its country that are unknown, or that have no file here."""
    states: dict[str, str] = Field(default_factory=dict)
    """Places with a code of their own that are parts of a Member State."""
    authority: NotifiedBody | None = None
    """The notified authority; None: that of the place where the company is established."""
    zone: Zone | None = None
    """Where days begin and end under this law: at the company, too, and the earlier end counts."""
    listed: ListedKinds | None = None
    """None: any data."""
    notices: tuple[NoticeRule, ...] = ()
    form: LetterStyle = LetterStyle.GDPR
    title: str | None = None
    """The title of the letter, where the law prescribes it."""
    letter: tuple[RequiredStatement, ...] = ()
    """Statements to people, in this order."""
    report: tuple[RequiredStatement, ...] = ()
    """Statements to an authority, an Attorney General or a CSIRT."""
    to_controller: tuple[RequiredStatement, ...] = ()
    """Statements to a customer."""
    wants: tuple[RequiredStatement, ...] = ()
    """Statements of the model that this law itself demands, with its provision."""
    cites: dict[str, str] = Field(default_factory=dict)
    """Names of the model's provisions here: ``GDPR`` is ``UK GDPR``. They have still to be checked."""
    never: tuple[NoticeElement, ...] = ()
    """Statements that the letter to people must not make."""
    protection: ProtectionRule | None = None
    records: BreachRegisterRule | None = None

    @property
    def deadlines(self) -> Iterable[tuple[str, LegalValue]]:
        """Notices with a deadline in numbers."""
        return ((f"notice to {one.to}", one) for one in self.notices if one.length is not None)

    def notice(self, to: NoticeRecipientKind) -> NoticeRule | None:
        """Return the first notice to a recipient; None where this law demands none."""
        return next((notice for notice in self.notices if notice.to is to), None)

    def statements_for(self, categories: Iterable[str]) -> tuple[RequiredStatement, ...]:
        """Return the statements, in order, to people with breached data of *categories*."""
        there = tuple(categories)
        return tuple(said for said in self.letter if said.element not in self.never and said.holds_for(there))

    def after(self, model: Self) -> Self:
        """Return this policy, completed by *model*."""
        own = {notice.to for notice in self.notices}
        here = partial(self._by_own_provision, model)
        return self.model_copy(
            update={
                "notices": (*self.notices, *(one for one in model.notices if one.to not in own)),
                "authority": self.authority or model.authority,
                "calendar": self.calendar or model.calendar,
                "zone": self.zone or model.zone,
                "listed": self.listed or (model.listed and here(NoticeRecipientKind.PEOPLE, model.listed)),
                "form": self.form if "form" in self.model_fields_set else model.form,
                "title": self.title or model.title,
                "letter": self.letter
                or self._wanted(here(NoticeRecipientKind.PEOPLE, one) for one in model.letter),
                "report": self.report
                or tuple(here(NoticeRecipientKind.ATTORNEY_GENERAL, one) for one in model.report),
                "to_controller": self.to_controller
                or tuple(here(NoticeRecipientKind.CONTROLLER, one) for one in model.to_controller),
                "never": self.never or model.never,
                "protection": self.protection or model.protection,
                "records": self.records
                or (model.records and here(NoticeRecipientKind.AUTHORITY, model.records)),
                "sources": (*self.sources, *model.sources),
            }
        )

    def _by_own_provision(self, model: "BreachPolicy", to: NoticeRecipientKind, value: V) -> V:
        """
        Return *value* of *model*, under the provision of this law.

        A model that is no law demands nothing: the notice *to* a recipient does. Nor does another law here.
        """
        notice = self.notice(to) or self.notice(NoticeRecipientKind.PEOPLE)
        if model.common and notice is not None:
            return value.model_copy(update={"provision": notice.provision})
        for theirs, ours in self.cites.items():
            if value.provision.startswith(theirs):
                provision = ours + value.provision.removeprefix(theirs)
                read = SourceStatus.UNREAD if value.read is SourceStatus.TEXT else value.read
                return value.model_copy(update={"provision": provision, "read": read})
        return value

    def _wanted(self, letter: Iterable[RequiredStatement]) -> tuple[RequiredStatement, ...]:
        """Return *letter*, with this law's own provisions for the statements that it demands itself."""
        own = {said.element: said for said in self.wants}
        return tuple(own.get(said.element, said) for said in letter)


class BreachPolicies(EditionLibrary[BreachPolicy]):
    """All editions of the laws on breaches."""

    FOLDER = "policies/breaches"
