"""Which laws want whom told, and how people are put together whom the same is owed. Pure."""

from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from services.fulfillment.scoping.affected import CONTROLLERS, Somebody
from shared.calendars import calendar_named
from shared.incidents import BreachDeclared
from shared.law import Company
from shared.law.breaches import BreachPolicies, Recipient, clocks, owed_to

Laws: TypeAlias = tuple[str, ...]
"""Ids of editions in ``policies/breaches``, that of the residence first."""
NOBODY = ""
"""The group of those whom no law wants told."""
_BETWEEN, _LAST = ",", "|"


@dataclass(frozen=True, slots=True)
class Group:
    """People who are told the same, in one chunk after the other."""

    to: str
    laws: Laws
    language: str

    def __str__(self) -> str:
        """Return the name by which the database sorts them."""
        return _LAST.join((self.to, _BETWEEN.join(self.laws), self.language))

    @classmethod
    def named(cls, name: str) -> "Group":
        """Return the group called *name*."""
        to, laws, language = name.split(_LAST)
        return cls(to, tuple(filter(None, laws.split(_BETWEEN))), language)

    @property
    def told(self) -> bool:
        """Whether anybody wants them told."""
        return bool(self.laws)


class Law(Protocol):
    """What laws say of a breach."""

    def owed(self, declared: BreachDeclared, place: str | None, categories: tuple[str, ...]) -> Laws:
        """Return which want somebody told who lives at *place*, and of whom *categories* were breached."""

    def to_customers(self, declared: BreachDeclared) -> Laws:
        """Return which want those told whose data the company processes."""


@dataclass(frozen=True, slots=True)
class Editions:
    """The laws as they stand in ``policies/breaches``."""

    policies: BreachPolicies
    company: Company

    def owed(self, declared: BreachDeclared, place: str | None, categories: tuple[str, ...]) -> Laws:
        """Return which want somebody told who lives at *place*, and of whom *categories* were breached."""
        return tuple(
            policy.id for policy in owed_to(declared.breach, place, categories, self.policies, self.company)
        )

    def to_customers(self, declared: BreachDeclared) -> Laws:
        """
        Return which want those told whose data the company processes.

        Law:
            GDPR Art. 33(2), and the like: the laws by which their clocks run.
        """
        duties = clocks(declared.breach, {}, self.policies, self.company, calendar_named)
        laws = (duty.policy.id for duty in duties if duty.recipient is Recipient.CONTROLLER)
        return tuple(dict.fromkeys(laws))


@dataclass
class Judge:
    """Says of each who is affected by one breach what is owed; the same question is asked once."""

    declared: BreachDeclared
    law: Law
    _known: dict[tuple[str, str | None, frozenset[str]], Laws] = field(default_factory=dict)

    def group_of(self, somebody: Somebody) -> Group:
        """Return the group of *somebody*."""
        otherwise = self.declared.language.replace("_", "-").partition("-")[0].lower()
        return Group(somebody.to, self._laws(somebody), somebody.language(otherwise))

    def _laws(self, somebody: Somebody) -> Laws:
        asked = somebody.to, somebody.place, somebody.categories
        if asked not in self._known:
            self._known[asked] = self._ask(somebody)
        return self._known[asked]

    def _ask(self, somebody: Somebody) -> Laws:
        if somebody.to == CONTROLLERS:
            return self.law.to_customers(self.declared)
        return self.law.owed(self.declared, somebody.place, tuple(sorted(somebody.categories)))
