"""The number of people affected by a breach, by law, place and language. Pure."""

from collections import Counter
from dataclasses import dataclass, field

from services.fulfillment.breach.affected import PEOPLE, AffectedPerson
from services.fulfillment.breach.obligations import Laws, NoticeGroup
from shared.contract.events.breaches import AffectedGroup


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
        """
        Count *person*, or all people with their mailbox.

        Customers are not counted as people, and people without news are not counted at all.
        """
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
