"""
The known facts of an incident, for documents to authorities; sealed by the register for the notifier.

Pure. They hold the text of the declaration, which is confidential.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import TypeAdapter

from shared.contract.events import Code
from shared.contract.events.breaches import AffectedGroup, BreachDeclared, BreachScoped, StatedDuty

FACTS = "breach_facts_"
"""Begin of the name of the facts in the vault; the moment of the opening follows."""
FILING = "breach_filing_"
"""Begin of the name of a document; the same moment and a number follow."""
ENTRY = "register_entry"
"""Name of the entry of an opened incident in the register of breaches."""
NO_LAW = "none"
"""Key of people without a law that demands notice."""
FILE = "_file"
"""End of the name of a file that is no page."""


@dataclass(frozen=True, slots=True)
class NoticeCounts:
    """Outcomes of the notices to people."""

    first_at: datetime
    """When the first of them were released."""
    sent: int = 0
    not_reached: int = 0
    through: bool = False
    """Whether none is still on its way."""


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """An incident, as far as it is known."""

    incident: str
    phase: int
    declared: BreachDeclared
    """The newest declaration."""
    aware_at: datetime
    """When it was known first."""
    people: Mapping[str | None, int] | None
    """Number of people by residence; None before the search."""
    categories: tuple[str, ...]
    records: int | None
    letters: NoticeCounts | None
    """None: no people were notified yet."""
    held_until: datetime | None = None
    """Until when an investigation requires no notice."""
    delayed: bool = False
    """Whether an investigation has held notices up: also one that permits them by now."""
    notice_owed: bool = True
    """Whether a law requires notice to people."""


@dataclass(frozen=True, slots=True)
class PhaseLetters:
    """The people of a phase, and the circumstances of their letters."""

    scoped: BreachScoped
    declaration: Code
    """The declaration with their words: the approved one, or the one that an approval would release now."""
    waits: bool
    """Whether they wait to be sent."""
    out_at: datetime | None = None
    delayed: bool = False
    """Whether an investigation has held them up."""
    further: bool = False
    """Whether others are notified of the breach before."""


@dataclass(frozen=True, slots=True)
class FilingFacts:
    """The facts of an incident, its duties, and its phases with letters."""

    known: IncidentFacts
    duties: tuple[StatedDuty, ...]
    phases: tuple[PhaseLetters, ...] = ()

    def packed(self) -> bytes:
        """Return them as JSON."""
        return _ADAPTER.dump_json(replace(self, known=_renamed(self.known, None, "")))

    @classmethod
    def unpacked(cls, content: bytes) -> "FilingFacts":
        """Return the facts in *content*."""
        found = _ADAPTER.validate_json(content)
        return replace(found, known=_renamed(found.known, "", None))


_ADAPTER: TypeAdapter[FilingFacts] = TypeAdapter(FilingFacts)


def _renamed(known: IncidentFacts, before: str | None, after: str | None) -> IncidentFacts:
    """Return *known* with another name for an unknown residence: JSON has no null as a name."""
    if known.people is None:
        return known
    return replace(
        known, people={after if place == before else place: count for place, count in known.people.items()}
    )


def groups_by_law(groups: Iterable[AffectedGroup]) -> Counter[str]:
    """Count the people of *groups* by the law that demands their notice, the first of several."""
    counted: Counter[str] = Counter()
    for group in groups:
        counted[group.laws[0] if group.laws else NO_LAW] += group.people
    return +counted
