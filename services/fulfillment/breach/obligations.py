"""Which laws want whom told, and how people are put together whom the same is owed. Pure."""

from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from services.fulfillment.breach.affected import CONTROLLERS, AffectedPerson
from services.fulfillment.datamap.categories import covered
from shared.contract.breaches import BreachDeclared
from shared.law import CompanyProfile
from shared.law.breaches import BreachPolicies, NoticeRecipientKind, clocks, laws_requiring_notice
from shared.law.calendars import calendar_named

Laws: TypeAlias = tuple[str, ...]
"""Ids of editions in ``policies/breaches``, that of the residence first."""
NOBODY = ""
"""The group of those whom no law wants told."""
_BETWEEN, _LAST = ",", "|"
_AGAIN = "again"


@dataclass(frozen=True, slots=True)
class NoticeGroup:
    """People who are told the same, in one chunk after the other."""

    to: str
    laws: Laws
    language: str
    again: bool = False
    """Whether an earlier phase has told them: then they are told if there is news of them."""

    def __str__(self) -> str:
        """Return the name by which the database sorts them."""
        parts = (self.to, _BETWEEN.join(self.laws), self.language, _AGAIN if self.again else "")
        return _LAST.join(parts)

    @classmethod
    def named(cls, name: str) -> "NoticeGroup":
        """Return the group called *name*."""
        to, laws, language, again = name.split(_LAST)
        return cls(to, tuple(filter(None, laws.split(_BETWEEN))), language, bool(again))

    @property
    def told(self) -> bool:
        """Whether anybody wants them told, in this phase."""
        return bool(self.laws)


class BreachLawPort(Protocol):
    """What laws say of a breach."""

    def owed(self, declared: BreachDeclared, place: str | None, categories: tuple[str, ...]) -> Laws:
        """Return which want somebody told who lives at *place*, and of whom *categories* were breached."""

    def to_customers(self, declared: BreachDeclared) -> Laws:
        """Return which want those told whose data the company processes."""


@dataclass(frozen=True, slots=True)
class Editions:
    """The laws as they stand in ``policies/breaches``."""

    policies: BreachPolicies
    company: CompanyProfile

    def owed(self, declared: BreachDeclared, place: str | None, categories: tuple[str, ...]) -> Laws:
        """Return which want somebody told who lives at *place*, and of whom *categories* were breached."""
        return tuple(
            policy.id
            for policy in laws_requiring_notice(
                declared.breach, place, categories, self.policies, self.company
            )
        )

    def to_customers(self, declared: BreachDeclared) -> Laws:
        """
        Return which want those told whose data the company processes.

        Law:
            GDPR Art. 33(2), and the like: the laws by which their clocks run.
        """
        duties = clocks(declared.breach, {}, self.policies, self.company, calendar_named)
        laws = (duty.policy.id for duty in duties if duty.recipient is NoticeRecipientKind.CONTROLLER)
        return tuple(dict.fromkeys(laws))


@dataclass
class Judge:
    """Says of each who is affected by one breach what is owed; the same question is asked once."""

    declared: BreachDeclared
    law: BreachLawPort
    _known: dict[tuple[str, str | None, frozenset[str]], Laws] = field(default_factory=dict)

    def group_of(self, somebody: AffectedPerson) -> NoticeGroup:
        """
        Return the group of *somebody*.

        Law:
            GDPR Art. 33(4): what is known later is told later, and nothing is told twice.
        """
        otherwise = self.declared.language.replace("_", "-").partition("-")[0].lower()
        laws, again = self._laws(somebody), bool(somebody.earlier.laws)
        if again and not _is_news(somebody, laws):
            laws = ()
        return NoticeGroup(somebody.to, laws, somebody.language(otherwise), again)

    def _laws(self, somebody: AffectedPerson) -> Laws:
        asked = somebody.to, somebody.place, somebody.categories
        if asked not in self._known:
            self._known[asked] = self._ask(somebody)
        return self._known[asked]

    def _ask(self, somebody: AffectedPerson) -> Laws:
        if somebody.to == CONTROLLERS:
            return self.law.to_customers(self.declared)
        return self.law.owed(self.declared, somebody.place, tuple(sorted(somebody.categories)))


def _is_news(somebody: AffectedPerson, laws: Laws) -> bool:
    """Tell whether another law wants *somebody* told than did, or more of theirs was breached."""
    earlier = somebody.earlier
    more = any(not covered(category, earlier.categories) for category in somebody.categories)
    return more or not set(map(without_edition, laws)) <= set(map(without_edition, earlier.laws))


def without_edition(law: str) -> str:
    """Return what *law* is called, whichever of its editions it is."""
    return law.partition("@")[0]
