"""How many people a breach concerns: by law, place and language. Pure."""

from collections import Counter
from dataclasses import dataclass, field

from services.fulfillment.scoping.affected import PEOPLE, Somebody
from services.fulfillment.scoping.judging import Group, Laws
from shared.incidents import AffectedGroup


@dataclass
class Counting:
    """Counts people; it never knows who they are."""

    _people: Counter[tuple[Laws, str, str]] = field(default_factory=Counter)
    """By laws, place (empty: nobody knows) and language."""
    _unreachable: Counter[tuple[Laws, str, str]] = field(default_factory=Counter)
    _categories: set[str] = field(default_factory=set)
    customers: int = 0
    """Those who are told."""

    def add(self, group: Group, somebody: Somebody) -> None:
        """Count *somebody*, or all who share their mailbox; customers are not counted among people."""
        self._categories |= somebody.categories
        if somebody.to != PEOPLE:
            self.customers += group.told
            return
        alike = group.laws, somebody.place or "", group.language
        self._people[alike] += somebody.people
        self._unreachable[alike] += somebody.people if somebody.email is None else 0

    @property
    def people(self) -> int:
        """How many there are."""
        return self._people.total()

    def groups(self) -> tuple[AffectedGroup, ...]:
        """Return how many there are of whom the same holds, the same groups in the same order."""
        return tuple(
            AffectedGroup(
                laws=laws, place=place or None, language=language, people=number, unreachable=unreachable
            )
            for (laws, place, language), number in sorted(self._people.items())
            for unreachable in (self._unreachable[laws, place, language],)
        )

    def categories(self) -> tuple[str, ...]:
        """Return all that was found breached of anybody."""
        return tuple(sorted(self._categories))
