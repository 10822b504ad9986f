"""How many people a breach concerns: by law, place and language. Pure."""

from collections import Counter
from dataclasses import dataclass, field

from services.fulfillment.breach.affected import PEOPLE, AffectedPerson
from services.fulfillment.breach.obligations import Laws, NoticeGroup
from shared.contract.breaches import AffectedGroup


@dataclass
class AffectedCounter:
    """Counts people; it never knows who they are."""

    _people: Counter[tuple[Laws, str, str]] = field(default_factory=Counter)
    """By laws, place (empty: nobody knows) and language."""
    _unreachable: Counter[tuple[Laws, str, str]] = field(default_factory=Counter)
    _again: Counter[tuple[Laws, str, str]] = field(default_factory=Counter)
    """Those of whom an earlier phase has told, and counted them."""
    _categories: set[str] = field(default_factory=set)
    crowded: int = 0
    """How many mailboxes, of those who are told, may be nobody's."""
    customers: int = 0
    """How many are told as customers."""

    def add(self, group: NoticeGroup, somebody: AffectedPerson) -> None:
        """
        Count *somebody*, or all who share their mailbox.

        Customers are not counted among people, and of whom nothing is new, nowhere.
        """
        if group.again and not group.told:
            return
        self._categories |= somebody.categories
        if somebody.to != PEOPLE:
            self.customers += group.told
            return
        self.crowded += group.told and somebody.crowd
        alike = group.laws, somebody.place or "", group.language
        if group.again:
            self._again[alike] += somebody.people
            return
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
        """Return all that was found breached of anybody."""
        return tuple(sorted(self._categories))
