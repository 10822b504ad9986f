"""
What each law says of breaches, edition by edition: whom to tell, when, by when, and what.

The values stand in ``policies/breaches``, one file for each edition of a law. A breach is judged by the
editions in force on the day on which it became known (ADR 0014, 0020).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import partial
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.errors import ConfigurationError
from shared.law.breaches.facts import Risk
from shared.law.breaches.kinds import BreachedKind, is_there, names_a_person
from shared.law.breaches.terms import (
    LetterStyle,
    NoticeElement,
    NoticeRecipientKind,
    NoticeStage,
    PeriodStart,
    Trigger,
)
from shared.law.company import Zone
from shared.law.policies import (
    ComplaintBody,
    DayOff,
    FirstDay,
    LawScope,
    LegalValue,
    PeriodUnit,
    SourceStatus,
    StatutoryPeriod,
)

HOUR: Literal["hour"] = "hour"
V = TypeVar("V", bound=LegalValue)


class NotifiedBody(ComplaintBody):
    """Who is told of a breach, and to whom people complain."""

    complaint_url: Annotated[str, Field(pattern=r"^https://")] | None = None
    """Where people complain; None: where companies report, too."""

    @property
    def for_people(self) -> str:
        """The page that a letter sends people to."""
        return self.complaint_url or self.url


class ListedKinds(LegalValue):
    """Kinds of data of which people are told; of nothing else."""

    with_name: tuple[BreachedKind, ...]
    """Together with a name."""
    alone: tuple[BreachedKind, ...] = ()

    def found_in(self, categories: Iterable[str]) -> tuple[BreachedKind, ...]:
        """Return what of it is, or may be, in data of *categories*."""
        there = tuple(categories)
        named = self.with_name if names_a_person(there) else ()
        return tuple(kind for kind in (*named, *self.alone) if is_there(kind, there))


class NoticeRule(LegalValue):
    """That somebody is told, when, and by when."""

    to: NoticeRecipientKind
    stage: NoticeStage = NoticeStage.NOTICE
    risk: Risk = Risk.UNLIKELY
    """How high the risk must be at least."""
    or_people: Annotated[int, Field(gt=0)] | None = None
    """How many people there must be for it to be told whatever the risk."""
    from_people: Annotated[int, Field(gt=0)] = 1
    """How many people that the law protects there must be at least."""
    trigger: Trigger = Trigger.ACCESS
    safe_harbour: str | None = None
    """The provision by which it is not told of data that nobody can read; None: that changes nothing."""
    significant: bool = False
    """Whether it is told only of a significant incident of a provider of services."""
    unreached: bool = False
    """Whether it is told only where some people cannot be told one by one."""
    each_state: bool = False
    """
    Whether each Member State has a recipient of its own: who is established in one tells that one, who is
    not tells all where people live.
    """
    length: Annotated[int, Field(gt=0)] | None = None
    """None: no number; without undue delay."""
    unit: PeriodUnit | Literal["hour"] | None = None
    since: PeriodStart = PeriodStart.AWARE
    after: NoticeStage = NoticeStage.NOTICE
    """Which notice to the same recipient begins it, where one does."""
    while_ongoing: bool = False
    """Whether it is told only of an incident that goes on when it is due."""
    handled: str | None = None
    """The provision by which it is counted from the handling of an incident that goes on when it is due."""
    not_after: NoticeRecipientKind | None = None
    """Whoever must not be told before this recipient: the period ends when they are, if it has not yet."""
    next_day: bool = False
    """
    Whether the text says that days are counted from the day after. Where it does not, the day on which it
    begins is day 1: telling early is always lawful.
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
    """Something that a notice must say."""

    element: NoticeElement
    heading: str | None = None
    """Under which words it stands, where the law prescribes them."""
    kinds: tuple[BreachedKind, ...] = ()
    """Only where data of such a kind was breached; always where none is named."""

    def holds_for(self, categories: Iterable[str]) -> bool:
        """Tell whether it is said where data of *categories* was breached."""
        there = tuple(categories)
        return not self.kinds or any(is_there(kind, there) for kind in self.kinds)


class ProtectionRule(LegalValue):
    """That a service against theft of identity is offered at no cost."""

    months: Annotated[int, Field(gt=0)]
    kinds: tuple[BreachedKind, ...]
    """Where data of such a kind was breached."""


class BreachRegisterRule(LegalValue):
    """That every breach is written down, told or not."""

    months: Annotated[int, Field(gt=0)] | None = None
    """How long it is kept; None where no number is set."""


class BreachPolicy(BaseModel):
    """An edition of what a law says of breaches, or what several laws have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    law: Annotated[str, Field(pattern=r"^[a-z]+\d?(-[a-z]+)*$")]
    edition: date
    """The first day on which it is in force."""
    name: str
    model: str | None = None
    """Id of the policy that holds for whatever this one does not say."""
    common: bool = False
    """Whether it is no law, but only a model of others."""
    scope: LawScope | None = None
    """Only a model protects nobody by itself."""
    stands_in: bool = False
    """Whether it is taken for parts of its country of which nobody knows which, or that have no file here."""
    states: dict[str, str] = {}
    """Places with a code of their own that are parts of a Member State."""
    authority: NotifiedBody | None = None
    """Who is told; None: that of the place where the company is established."""
    calendar: str | None = None
    """Whose public holidays count; None: those of the establishment."""
    zone: Zone | None = None
    """Where days begin and end under this law: at the company, too, and the earlier end counts."""
    listed: ListedKinds | None = None
    """None: whatever the data is."""
    notices: tuple[NoticeRule, ...] = ()
    form: LetterStyle = LetterStyle.GDPR
    title: str | None = None
    """The title of the letter, where the law prescribes it."""
    letter: tuple[RequiredStatement, ...] = ()
    """What people are told, in this order."""
    report: tuple[RequiredStatement, ...] = ()
    """What an authority, an Attorney General or a CSIRT is told."""
    to_controller: tuple[RequiredStatement, ...] = ()
    """What a customer is told."""
    wants: tuple[RequiredStatement, ...] = ()
    """Of what the model has said to people, what this law itself wants said, and by which provision."""
    cites: dict[str, str] = {}
    """What the model's provisions are called here: ``GDPR`` is ``UK GDPR``. They have still to be checked."""
    never: tuple[NoticeElement, ...] = ()
    """What the letter to people must not say."""
    protection: ProtectionRule | None = None
    records: BreachRegisterRule | None = None

    @property
    def id(self) -> str:
        """What a case keeps: ``gdpr@2018-05-25``."""
        return f"{self.law}@{self.edition}"

    def notice(self, to: NoticeRecipientKind) -> NoticeRule | None:
        """Return the first notice to somebody; None where this law wants them told nothing."""
        return next((notice for notice in self.notices if notice.to is to), None)

    def said_of(self, categories: Iterable[str]) -> tuple[RequiredStatement, ...]:
        """Return what people are told, in order, of whom data of *categories* was breached."""
        there = tuple(categories)
        return tuple(said for said in self.letter if said.element not in self.never and said.holds_for(there))

    def after(self, model: "BreachPolicy") -> "BreachPolicy":
        """Return this policy, with what *model* says wherever it says nothing itself."""
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
            }
        )

    def _by_own_provision(self, model: "BreachPolicy", to: NoticeRecipientKind, value: V) -> V:
        """
        Return *value*, which *model* says, by the provision of this law.

        A model that is no law demands nothing: the notice *to* somebody does. Nor does another law here.
        """
        notice = self.notice(to) or self.notice(NoticeRecipientKind.PEOPLE)
        if model.common and notice is not None:
            return value.model_copy(update={"provision": notice.provision})
        for theirs, ours in self.cites.items():
            if value.provision.startswith(theirs):
                provision = ours + value.provision.removeprefix(theirs)
                read = SourceStatus.TO_CHECK if value.read is SourceStatus.TEXT else value.read
                return value.model_copy(update={"provision": provision, "read": read})
        return value

    def _wanted(self, letter: Iterable[RequiredStatement]) -> tuple[RequiredStatement, ...]:
        """Return *letter*, with what this law itself wants said by the provision that says so."""
        own = {said.element: said for said in self.wants}
        return tuple(own.get(said.element, said) for said in letter)


class BreachPolicies:
    """All editions of all laws on breaches; none is taken away: open incidents are judged by old ones."""

    def __init__(self, policies: Iterable[BreachPolicy]) -> None:
        """
        Take *policies*, each complete with its model.

        Raises:
            ConfigurationError: A model is missing, or goes back to itself.
        """
        own = {policy.id: policy for policy in policies}
        whole = (_complete(policy, own) for policy in own.values() if not policy.common)
        ordered = sorted(whole, key=lambda policy: (policy.law, policy.edition))
        self._by_id: Mapping[str, BreachPolicy] = {policy.id: policy for policy in ordered}

    def __iter__(self) -> Iterator[BreachPolicy]:
        """Yield every edition, law by law, oldest first."""
        return iter(self._by_id.values())

    def named(self, id_: str) -> BreachPolicy:
        """
        Return the edition that an incident keeps the id of.

        Raises:
            ConfigurationError: There is none.
        """
        try:
            return self._by_id[id_]
        except KeyError:
            raise ConfigurationError(f"policies/breaches/{id_}.yaml: no such edition is here") from None

    def of_that_day(self, day: date) -> list[BreachPolicy]:
        """Return of each law the edition that is in force on *day*."""
        newest = {policy.law: policy for policy in self if policy.edition <= day}
        return list(newest.values())


def _complete(policy: BreachPolicy, among: Mapping[str, BreachPolicy]) -> BreachPolicy:
    seen, model = {policy.id}, policy.model
    while model is not None:
        if model not in among or model in seen:
            raise ConfigurationError(
                f"policies/breaches/{policy.id}.yaml: model: {model} is missing, or in a circle"
            )
        seen.add(model)
        policy, model = policy.after(among[model]), among[model].model
    return policy
