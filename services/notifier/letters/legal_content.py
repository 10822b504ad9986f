"""The elements that the laws demand of a letter: the union over the laws that protect the person. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from shared.law import Demand, Policy, Regulation, Right, TimedDuty


@dataclass(frozen=True, slots=True)
class Laws:
    """Editions of laws, compared by their ids alone. The first is the one that is answered under."""

    ids: tuple[str, ...]
    editions: tuple[Policy, ...] = field(compare=False, repr=False)

    @classmethod
    def of(cls, editions: tuple[Policy, ...]) -> "Laws":
        """Take *editions*, of which there is at least one."""
        return cls(tuple(edition.id for edition in editions), editions)

    @property
    def regulations(self) -> tuple[Regulation, ...]:
        """Names of requests under these laws."""
        return tuple(edition.regulation for edition in self.editions if edition.regulation)

    def stand_still_for(self, kind: str) -> bool:
        """Return whether the period may stand still for *kind*, under each of them."""
        return all(edition.stands_still_for(kind) for edition in self.editions)


@dataclass(frozen=True, slots=True)
class Demanded:
    """The elements that the laws demand of one message."""

    laws: Laws
    letters: tuple[str, ...]
    """The kinds of letters that it is."""
    right: Right | None
    """The right that the letter is about; None for one that is about no right."""

    def __call__(self, element: str) -> bool:
        """Return whether one of the laws demands that the letter says *element*."""
        return any(self._demands(element, self.laws.editions))

    def everywhere(self, element: str) -> bool:
        """Return whether each of the laws demands it: for statements that one law alone would not allow."""
        return all(any(self._demands(element, [edition])) for edition in self.laws.editions)

    def laws_with(self, element: str) -> list[bool]:
        """Return for each law whether it demands *element*."""
        return [any(self._demands(element, [edition])) for edition in self.laws.editions]

    def provisions(self, element: str) -> tuple[str, ...]:
        """Return where the laws demand it."""
        return tuple(dict.fromkeys(one.provision for one in self._demands(element, self.laws.editions)))

    def days(self, element: str) -> str:
        """Return the number of days that the element states: the smallest that one of the laws gives."""
        return str(min(one.days for one in self._demands(element, self.laws.editions) if one.days))

    def appeal_days(self) -> str:
        """Return within how many days an appeal is decided."""
        rules = (edition.rule(TimedDuty.APPEAL, self.right or Right.ACCESS) for edition in self.laws.editions)
        return str(min(rule.length for rule in rules if rule))

    def _demands(self, element: str, editions: Iterable[Policy]) -> Iterator[Demand]:
        return (
            demand
            for edition in editions
            for demand in edition.letters
            if demand.element == element
            and any(demand.holds_for(letter, self.right) for letter in self.letters)
        )
