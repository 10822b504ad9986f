"""The obligations to notify people, and the groups of people with the same ones, counted. Pure."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from services.fulfillment.breach.affected import CONTROLLERS, PEOPLE, AffectedPerson
from shared.contract.events.breaches import AffectedGroup, BreachDeclared
from shared.law import CompanyProfile
from shared.law.breaches import BreachPolicies, NoticeRecipientKind, clocks, laws_requiring_notice
from shared.law.calendars import calendar_named
from shared.law.taxonomy import covered

Laws: TypeAlias = tuple[str, ...]
"""Ids of editions in ``policies/breaches``, that of the residence first."""
NOT_NOTIFIED = ""
"""The group of people not notified under any law."""
_BETWEEN, _LAST = ",", "|"
_AGAIN = "again"


@dataclass(frozen=True, slots=True)
class NoticeGroup:
    """People with the same notice, in one batch after the other."""

    to: str
    laws: Laws
    language: str
    again: bool = False
    """Whether an earlier phase notified them: then they are notified only of news."""

    def __str__(self) -> str:
        """Return the name that the database sorts by."""
        return _LAST.join((self.to, _BETWEEN.join(self.laws), self.language, _AGAIN if self.again else ""))

    @classmethod
    def named(cls, name: str) -> "NoticeGroup":
        """Return the group with the name *name*."""
        to, laws, language, again = name.split(_LAST)
        return cls(to, tuple(filter(None, laws.split(_BETWEEN))), language, bool(again))

    @property
    def notified(self) -> bool:
        """Whether they must be notified in this phase."""
        return bool(self.laws)


class BreachLawPort(Protocol):
    """The laws on breaches."""

    def owed(self, declared: BreachDeclared, place: str | None, categories: tuple[str, ...]) -> Laws:
        """Return the laws to notify a person at *place* of a breach of *categories*."""

    def to_customers(self, declared: BreachDeclared) -> Laws:
        """Return the laws to notify the customers of a processor."""


@dataclass(frozen=True, slots=True)
class PolicyEditions:
    """The editions of laws in ``policies/breaches``."""

    policies: BreachPolicies
    company: CompanyProfile

    def owed(self, declared: BreachDeclared, place: str | None, categories: tuple[str, ...]) -> Laws:
        """Return the laws to notify a person at *place* of a breach of *categories*."""
        laws = laws_requiring_notice(declared.breach, place, categories, self.policies, self.company)
        return tuple(policy.id for policy in laws)

    def to_customers(self, declared: BreachDeclared) -> Laws:
        """Return the laws by which the clocks of a processor's customers run (GDPR Art. 33(2) and others)."""
        duties = clocks(declared.breach, {}, self.policies, self.company, calendar_named)
        to = NoticeRecipientKind.CONTROLLER
        laws = (duty.policy.id for duty in duties if duty.owed and duty.recipient is to)
        return tuple(dict.fromkeys(laws))


@dataclass
class Judge:
    """Determines the obligations to each affected person; equal cases are determined once."""

    declared: BreachDeclared
    law: BreachLawPort
    _known: dict[tuple[str, str | None, frozenset[str]], Laws] = field(default_factory=dict)

    def group_of(self, person: AffectedPerson) -> NoticeGroup:
        """Return the group of *person*; in phases, nothing is repeated (GDPR Art. 33(4))."""
        otherwise = self.declared.language.replace("_", "-").partition("-")[0].lower()
        laws, again = self._laws(person), bool(person.earlier.laws)
        if again and not _is_news(person, laws):
            laws = ()
        return NoticeGroup(person.to, laws, person.language(otherwise), again)

    def _laws(self, person: AffectedPerson) -> Laws:
        asked = person.to, person.place, person.categories
        if asked not in self._known:
            categories = tuple(sorted(person.categories))
            self._known[asked] = (
                self.law.to_customers(self.declared)
                if person.to == CONTROLLERS
                else self.law.owed(self.declared, person.place, categories)
            )
        return self._known[asked]


def _is_news(person: AffectedPerson, laws: Laws) -> bool:
    """Return whether a further law applies to *person*, or more of their data was breached."""
    more = any(not covered(category, person.earlier.categories) for category in person.categories)
    return more or not set(map(without_edition, laws)) <= set(map(without_edition, person.earlier.laws))


def without_edition(law: str) -> str:
    """Return the name of *law* without its edition."""
    return law.partition("@")[0]


@dataclass
class AffectedCounter:
    """Counts people without their identities."""

    _people: Counter[tuple[Laws, str, str]] = field(default_factory=Counter)
    """By laws, place (empty: unknown) and language."""
    _unreachable: Counter[tuple[Laws, str, str]] = field(default_factory=Counter)
    _again: Counter[tuple[Laws, str, str]] = field(default_factory=Counter)
    """People that an earlier phase notified and counted."""
    _categories: set[str] = field(default_factory=set)
    crowded: int = 0
    """Notified mailboxes that may be no person's."""
    customers: int = 0
    """Customers that are notified."""

    def add(self, group: NoticeGroup, person: AffectedPerson) -> None:
        """Count all people with the mailbox of *person*, but customers apart, and people without news not."""
        if group.again and not group.notified:
            return
        self._categories |= person.categories
        if person.to != PEOPLE:
            self.customers += group.notified
            return
        self.crowded += group.notified and person.crowd
        alike = group.laws, person.place or "", group.language
        if group.again:
            self._again[alike] += person.people
            return
        self._people[alike] += person.people
        self._unreachable[alike] += person.people if person.email is None else 0

    @property
    def people(self) -> int:
        """The number of people."""
        return self._people.total()

    def groups(self) -> tuple[AffectedGroup, ...]:
        """Return the number of people per group, the same groups in the same order."""
        return tuple(
            AffectedGroup(
                laws=alike[0],
                place=alike[1] or None,
                language=alike[2],
                people=self._people[alike],
                unreachable=self._unreachable[alike],
                again=self._again[alike],
            )
            for alike in sorted(self._people.keys() | self._again.keys())
        )

    def categories(self) -> tuple[str, ...]:
        """Return all categories that were breached."""
        return tuple(sorted(self._categories))
