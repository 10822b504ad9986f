"""Which laws want whom told, and how people are put together whom the same is owed. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from services.fulfillment.scoping.affected import CONTROLLERS, Somebody
from shared.incidents import BreachDeclared, Risk

Laws: TypeAlias = tuple[str, ...]
"""Ids of editions in ``policies/breaches``, that of the residence first."""
Owed: TypeAlias = Callable[[BreachDeclared, str | None, tuple[str, ...]], Laws]
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


@dataclass
class Judge:
    """Says of each who is affected by one breach what is owed; the same question is asked once."""

    declared: BreachDeclared
    owed: Owed
    _known: dict[tuple[str | None, frozenset[str]], Laws] = field(default_factory=dict)

    def group_of(self, somebody: Somebody) -> Group:
        """Return the group of *somebody*."""
        language = self._language(somebody)
        return Group(somebody.to, self._laws(somebody), language)

    def _language(self, somebody: Somebody) -> str:
        return somebody.language(self.declared.language.replace("_", "-").partition("-")[0].lower())

    def _laws(self, somebody: Somebody) -> Laws:
        if somebody.to == CONTROLLERS:
            return ("gdpr@2018-05-25",)
        asked = somebody.place, somebody.categories
        if asked not in self._known:
            self._known[asked] = self.owed(self.declared, asked[0], tuple(sorted(asked[1])))
        return self._known[asked]


def standing_in(declared: BreachDeclared, place: str | None, _categories: tuple[str, ...]) -> Laws:
    """Return the GDPR where it is clear; what ``shared.law.breaches`` says takes its place."""
    european = place is None or place in {"DE", "FR", "IE", "ES", "IT", "NL", "PL", "SE"}
    return ("gdpr@2018-05-25",) if european and declared.risk is Risk.HIGH else ()
