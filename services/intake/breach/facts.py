"""The known facts of an incident, from its state and declarations. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.intake.breach.approvals import approvable_phase
from services.intake.breach.domain import Incident, residents_of
from services.intake.breach.phases import Phase
from shared.contract.breach_facts import IncidentFacts, NoticeCounts, PhaseLetters
from shared.contract.events import Code, Fact
from shared.contract.events.breaches import AffectedCollection, BreachDeclared, BreachRole


@dataclass(frozen=True)
class DeclaredIncident:
    """An incident with its declarations, phase by phase."""

    id: str
    incident: Incident
    facts: Sequence[tuple[datetime, Fact]]
    """Facts with their moments, the oldest first, where they are read."""
    declared: tuple[BreachDeclared, ...]

    @property
    def last(self) -> BreachDeclared:
        """The last declaration that is not withdrawn."""
        return self.declared[self.incident.newest.number - 1]

    def last_as(self, role: BreachRole) -> BreachDeclared:
        """Return the last declaration with the company in *role*, else the last one."""
        theirs = [one for one in self.standing if one.role is role]
        return theirs[-1] if theirs else self.last

    @property
    def standing(self) -> tuple[BreachDeclared, ...]:
        """The standing declarations; all, if none stands."""
        phases = self.incident.standing or self.incident.phases
        return tuple(self.declared[phase.number - 1] for phase in phases)

    @property
    def categories(self) -> tuple[str, ...]:
        """All breached categories, declared in any phase or found."""
        declared = (category for one in self.standing for category in one.categories)
        return tuple(dict.fromkeys((*declared, *self.incident.categories)))

    @property
    def detected_at(self) -> datetime:
        """The earliest detection in standing declarations: the start of clocks."""
        return min(one.detected_at for one in self.standing)

    def records(self, phases: Sequence[Phase]) -> int | None:
        """Return about how many records *phases* have, counting repeated ones once; None before a count."""
        scoped = [(phase.scoped.records, phase.number - 1) for phase in phases if phase.scoped]
        named = [self.declared[place].affected.collections for _, place in scoped]
        new = [
            records
            for place, (records, _) in enumerate(scoped)
            if not any(_within(named[place], later) for later in named[place + 1 :])
        ]
        return sum(new) or None


def known_facts(case: DeclaredIncident) -> IncidentFacts:
    """Return the known facts of *case* for an authority; customers report data that is processed for them."""
    incident, declared = case.incident, case.last_as(BreachRole.CONTROLLER)
    same_role = [phase for phase in incident.standing if phase.role is declared.role]
    phases = same_role or list(incident.standing)
    scoped = [phase.scoped for phase in phases if phase.scoped]
    return IncidentFacts(
        incident=case.id,
        phase=incident.newest.number,
        declared=declared.model_copy(update={"detected_at": case.detected_at}),
        aware_at=incident.aware_at,
        people=residents_of(phases) if scoped else None,
        categories=case.categories,
        records=case.records(phases) or declared.records,
        letters=_notified(phases),
        held_until=incident.hold.until if incident.hold else None,
        delayed=any(phase.delayed for phase in phases),
        notice_owed=any(group.laws for one in scoped for group in one.groups) or not scoped,
    )


def phase_letters(incident: Incident) -> Iterator[PhaseLetters]:
    """Yield the standing phases of *incident* with people to notify, and the words of their letters."""
    for phase in incident.standing:
        if phase.scoped is not None and phase.chunks:
            yield PhaseLetters(
                phase.scoped,
                words_of(incident, phase),
                waits=not phase.out and not incident.aborted,
                out_at=phase.out_at,
                delayed=phase.delayed,
                further=incident.has_earlier_notices(phase),
            )


def words_of(incident: Incident, phase: Phase) -> Code:
    """Return the declaration with the words for *phase*: the approved one, or the approvable one."""
    if phase.awaits_approval:
        return incident.words_for(phase, approvable_phase(incident).number)
    return phase.words


def _notified(phases: Sequence[Phase]) -> NoticeCounts | None:
    """Return since when, and how many people of *phases* are notified; None before the first."""
    out = [phase.out_at for phase in phases if phase.out_at is not None]
    if not out:
        return None
    through = [phase.notified for phase in phases if phase.notified]
    return NoticeCounts(
        first_at=min(out),
        sent=sum(one.sent for one in through),
        not_reached=sum(one.failed for one in through),
        through=len(through) == sum(phase.chunks > 0 for phase in phases),
    )


def _within(some: Sequence[AffectedCollection], others: Sequence[AffectedCollection]) -> bool:
    """Return whether *some* records, if any are named, are surely among *others*."""
    whole = [one.model_copy(update={"filter": {}}) for one in some]
    pairs = zip(some, whole, strict=True)
    return bool(some) and all(one in others or everything in others for one, everything in pairs)
