"""
The events of an incident, and its state.

Pure. Each declaration of an incident is a phase (see :mod:`services.intake.breach.phases`). Notices are
released once two people have approved them and no investigation delays them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeAlias

from services.intake.breach.duties import (
    CONTROLLER,
    PEOPLE,
    ClocksSet,
    CustomersFound,
    CustomersMissed,
    DutiesDone,
    DutiesWithdrawn,
    NotificationDue,
)
from services.intake.breach.phases import Phase, PhaseStatus, status_after
from shared.contract.events import Code, Fact, RequestPurged
from shared.contract.events.breaches import (
    BreachAlarmed,
    BreachApproved,
    BreachForgotten,
    BreachHeld,
    BreachHoldEnded,
    BreachLodged,
    BreachNotified,
    BreachOpened,
    BreachRecounted,
    BreachRegistered,
    BreachReported,
    BreachScoped,
    BreachTimeCame,
    BreachUnscoped,
    BreachWithdrawn,
    CampaignAborted,
    FilingsAsked,
    IncidentStated,
    NoticeProofAsked,
    NoticesProven,
    NoticesReleased,
    RegisterOpened,
    SamplesAsked,
)
from shared.errors import IllegalTransition, TooEarly

FOUR_EYES = 2
"""People behind a notice: the declarer and an approver, or two approvers."""
HOLD = "hold"
"""Name of the moment at which a hold ends."""
PhaseFact: TypeAlias = (
    BreachScoped | BreachApproved | BreachWithdrawn | NoticesReleased | BreachNotified | BreachRecounted
)
RECORDS = (ClocksSet, CustomersFound, CustomersMissed, DutiesDone, DutiesWithdrawn)


@dataclass(frozen=True, slots=True)
class NotificationDone:
    """A completed notification: when, by which account, and its reference."""

    at: datetime
    by: Code | None = None
    receipt: str | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """An earlier stop of a clock, before a phase found more people for it."""

    duty: NotificationDue
    done: NotificationDone
    phase: int


@dataclass(frozen=True, slots=True)
class Incident:
    """The state of an incident."""

    phases: tuple[Phase, ...] = ()
    clocks: tuple[NotificationDue, ...] = ()
    done: Mapping[str, NotificationDone] = field(default_factory=lambda: MappingProxyType({}))
    """Clocks that are stopped."""
    first_stopped: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    """When a clock was stopped first: clocks that depend on it do not start again for people found later."""
    stopped: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    """When a clock was stopped last."""
    former: Mapping[str, NotificationDue] = field(default_factory=lambda: MappingProxyType({}))
    """Completed duties, in the state of their clocks' last run."""
    stops: tuple[Stop, ...] = ()
    """Stops of clocks that have begun again since, in order."""
    withdrawn: tuple[DutiesWithdrawn, ...] = ()
    hold: BreachHeld | None = None
    aborted: bool = False
    """Whether the staff has stopped its notices for good."""
    purged: bool = False

    @property
    def newest(self) -> Phase:
        """The last phase that stands; if none does, the last one. Without a phase: ``TooEarly``."""
        if not self.phases:
            raise TooEarly("the incident is not registered yet")
        return (self.standing or self.phases)[-1]

    @property
    def standing(self) -> tuple[Phase, ...]:
        """The phases that were not withdrawn."""
        return tuple(phase for phase in self.phases if phase.status is not PhaseStatus.WITHDRAWN)

    @property
    def drill(self) -> bool:
        """Whether it is a drill."""
        return any(phase.drill for phase in self.phases)

    def waiting(self, number: int) -> tuple[Phase, ...]:
        """Return the phases that an approval of phase *number* releases."""
        return tuple(phase for phase in self.phases[:number] if phase.awaits_approval)

    def words_for(self, phase: Phase, number: int) -> Code:
        """Return the phase with the words for *phase* if approved with *number*: the newest of its role."""
        alike = (one for one in self.standing if one.role is phase.role and one.number <= number)
        return [phase, *alike][-1].declaration

    def has_earlier_notices(self, phase: Phase) -> bool:
        """Return whether other people are notified of the breach before those of *phase* are."""
        return phase.further if phase.out else any(one.out for one in self.phases)

    @property
    def aware_at(self) -> datetime:
        """When the company first knew: a supplement does not move clocks that run from there."""
        return min(phase.aware_at for phase in self.standing or self.phases)

    @property
    def judged_at(self) -> datetime:
        """When the company knew by the first phase that stands: the editions of that day judge all phases."""
        return (self.standing or self.phases)[0].aware_at

    @property
    def categories(self) -> tuple[str, ...]:
        """All categories found breached."""
        return categories_of(self.standing)

    @property
    def duties(self) -> tuple[NotificationDue, ...]:
        """All clocks, and former ones that were done or withdrawn: they stay on record."""
        known = {duty.clock for duty in self.clocks}
        done = [duty for clock, duty in self.former.items() if clock in self.done and clock not in known]
        known.update(duty.clock for duty in done)
        back = {duty.clock: duty for one in self.withdrawn for duty in one.duties if duty.clock not in known}
        return (*self.clocks, *done, *back.values())

    def withdrawn_with(self, clock: str) -> int | None:
        """Return the phase with which a withdrawn clock was withdrawn; None if it was not."""
        if self.running(clock) is not None or clock in self.done:
            return None
        phases = [one.phase for one in self.withdrawn for duty in one.duties if duty.clock == clock]
        return phases[-1] if phases else None

    def held(self, now: datetime) -> bool:
        """Return whether an investigation delays the notices at *now*."""
        return self.hold is not None and now < self.hold.until

    def running(self, clock: str) -> NotificationDue | None:
        """Return the running clock of that name, if its notification is open."""
        duty = next((duty for duty in self.clocks if duty.clock == clock), None)
        return duty if duty is not None and duty.owed and clock not in self.done else None


def residents_of(phases: Iterable[Phase]) -> Mapping[str | None, int]:
    """
    Return the number of people by residence, over *phases*; empty until a scope is known.

    Each phase counts the people not notified in another. People who need no notice by any law may be counted
    in several phases: notifying more people is always lawful.
    """
    scoped = [phase for phase in phases if phase.scoped]
    counted: Counter[str | None] = Counter({None: 0} if scoped else {})
    for phase in scoped:
        for group in phase.groups:
            counted[group.place] += group.people
    return counted


def categories_of(phases: Iterable[Phase]) -> tuple[str, ...]:
    """Return all categories found breached in *phases*."""
    found = (one for phase in phases if phase.scoped for one in phase.scoped.categories)
    return tuple(dict.fromkeys(found))


def evolve(incident: Incident, fact: Fact) -> Incident:
    """
    Return *incident* after *fact*.

    Raises:
        TooEarly: The incident itself is not registered yet.
        IllegalTransition: *fact* cannot happen to it.
    """
    match fact:
        case BreachRegistered():
            return _add_phase(incident, fact)
        case BreachLodged():
            return incident
        case RequestPurged():
            return replace(incident, purged=True)
        case BreachTimeCame():
            over = incident.hold is not None and fact.name == end_of_hold(incident.hold)
            return replace(incident, hold=None) if over else incident
        case _:
            return _evolve_registered(incident, incident.newest, fact)


def _evolve_registered(incident: Incident, newest: Phase, fact: Fact) -> Incident:
    match fact:
        case BreachScoped() | BreachApproved() | BreachWithdrawn():
            return _note_phase(incident, fact)
        case NoticesReleased() | BreachNotified() | BreachRecounted():
            return _note_phase(incident, fact)
        case BreachHeld():
            phases = tuple(replace(one, delayed=one.delayed or one.is_ready) for one in incident.phases)
            return replace(incident, hold=fact, phases=phases)
        case BreachHoldEnded():
            return replace(incident, hold=None)
        case ClocksSet() | DutiesDone() | DutiesWithdrawn() | BreachReported():
            return _note_clock(incident, fact)
        case CustomersFound():
            found = replace(incident.phases[fact.phase - 1], written_to=frozenset(fact.customers))
            return _replace_phase(incident, found)
        case CustomersMissed():
            return _note_missed(incident, incident.phases[fact.phase - 1], frozenset(fact.customers))
        case CampaignAborted():
            # There are none to stop before notices are out.
            return replace(incident, aborted=any(phase.out for phase in incident.phases))
        case (
            BreachAlarmed()
            | BreachUnscoped()
            | BreachForgotten()
            | BreachOpened()
            | NoticeProofAsked()
            | NoticesProven()
            | RegisterOpened()
            | IncidentStated()
            | FilingsAsked()
            | SamplesAsked()
        ):
            return incident
        case _:
            raise IllegalTransition(f"{fact.TYPE} cannot happen to an incident that is {newest.status}")


def end_of_hold(hold: BreachHeld) -> str:
    """Return what the moment is called at which *hold* ends."""
    return f"{HOLD}_{hold.until.astimezone(UTC):%Y%m%d%H%M%S}"


def _add_phase(incident: Incident, fact: BreachRegistered) -> Incident:
    if fact.phase != len(incident.phases) + 1:
        raise IllegalTransition(f"phase {fact.phase} cannot follow phase {len(incident.phases)}")
    phase = Phase(
        fact.phase,
        fact.declaration,
        fact.role,
        fact.aware_at,
        fact.by,
        fact.drill,
        status=status_after(PhaseStatus.UNKNOWN, fact),
        words=fact.declaration,
    )
    return replace(incident, phases=(*incident.phases, phase))


def _note_phase(incident: Incident, fact: PhaseFact) -> Incident:
    if not 1 <= fact.phase <= len(incident.phases):
        raise IllegalTransition(f"{fact.TYPE} is about phase {fact.phase}; there are {len(incident.phases)}")
    phase = incident.phases[fact.phase - 1]
    match fact:
        case BreachApproved():
            return _approve(incident, phase, fact)
        case BreachScoped():
            return _scope(incident, phase, fact)
        case BreachWithdrawn():
            return _withdraw(incident, phase, fact)
        case NoticesReleased():
            return _advance(incident, replace(phase, out_at=fact.at, further=fact.further), fact)
        case BreachNotified():
            stopped = replace(incident, aborted=incident.aborted or fact.aborted)
            return _advance(stopped, replace(phase, notified=fact), fact)
        case BreachRecounted():
            return _recount(incident, phase, fact)


def _recount(incident: Incident, phase: Phase, fact: BreachRecounted) -> Incident:
    """Returned letters reduce the number of people reached; a late count changes nothing."""
    if phase.notified is None:
        raise TooEarly(f"letters of phase {phase.number} came back before all were reported out")
    if fact.failed <= phase.notified.failed:
        return incident
    counts = fact.model_dump(include={"sent", "doubtful", "failed", "elsewhere"})
    counted = replace(phase, notified=phase.notified.model_copy(update=counts))
    theirs = [duty for duty in incident.clocks if duty.recipient == CONTROLLER and phase.concerns(duty)]
    # Older events do not name the customers of returned letters: then any may be affected.
    return _advance(_restart_clocks(incident, theirs if fact.missed is None else ()), counted, fact)


def _note_missed(incident: Incident, phase: Phase, customers: frozenset[str]) -> Incident:
    """A customer without a letter of any phase is not notified; a supplement needs its own letter."""
    after = _replace_phase(incident, replace(phase, missed=(phase.missed or frozenset()) | customers))
    theirs = [
        duty
        for duty in incident.clocks
        if duty.customer in customers
        and not any(one.concerns(duty) and one.has_notified(duty) for one in after.standing)
    ]
    if customers:
        theirs += [duty for duty in incident.clocks if duty.supplement == phase.number]
    return _restart_clocks(after, theirs)


def _restart_clocks(incident: Incident, duties: Iterable[NotificationDue]) -> Incident:
    """A customer who was not reached is not notified: their clocks run on, unless the staff notified them."""
    clocks = {duty.clock for duty in duties}
    kept = {
        clock: done for clock, done in incident.done.items() if clock not in clocks or done.by is not None
    }
    return replace(incident, done=kept)


def _advance(incident: Incident, phase: Phase, fact: Fact) -> Incident:
    return _replace_phase(incident, replace(phase, status=status_after(phase.status, fact)))


def _replace_phase(incident: Incident, phase: Phase) -> Incident:
    phases = (*incident.phases[: phase.number - 1], phase, *incident.phases[phase.number :])
    return replace(incident, phases=phases)


def _scope(incident: Incident, phase: Phase, fact: BreachScoped) -> Incident:
    if phase.status is PhaseStatus.WITHDRAWN:
        return _advance(incident, replace(phase, scoped=fact), fact)
    scoped = replace(phase, scoped=fact, delayed=incident.hold is not None and fact.chunks > 0)
    return _advance(_reopen_clocks(incident, fact), scoped, fact)


def _withdraw(incident: Incident, phase: Phase, fact: BreachWithdrawn) -> Incident:
    """A withdrawn phase's words are sent to no one: the approval was for those words."""
    incident = _advance(incident, replace(phase, withdrawn_by=fact.by), fact)
    stops = tuple(stop for stop in incident.stops if stop.phase != fact.phase)
    phases = tuple(
        replace(one, status=PhaseStatus.SCOPED, approved_by=(), seconded=False, words=one.declaration)
        if one.status is PhaseStatus.APPROVED and one.words == phase.declaration
        else one
        for one in incident.phases
    )
    return replace(incident, phases=phases, stops=stops)


def _approve(incident: Incident, newest: Phase, fact: BreachApproved) -> Incident:
    """Approve all that wait before a phase as well: each role gets the newest words of its own."""
    by = (*newest.approved_by, fact.by)
    seconded = len({newest.by, *by} - {None}) >= FOUR_EYES
    for phase in incident.waiting(newest.number) or [newest]:
        words = incident.words_for(phase, newest.number)
        incident = _advance(incident, replace(phase, approved_by=by, seconded=seconded, words=words), fact)
    return incident


def _reopen_clocks(incident: Incident, scoped: BreachScoped) -> Incident:
    """The clock of people already notified does not cover people found later: it begins again."""
    laws = {law for group in scoped.groups if group.people or group.again for law in group.laws}
    again = {
        duty.clock: Stop(duty, incident.done[duty.clock], scoped.phase)
        for duty in incident.clocks
        if duty.recipient == PEOPLE and duty.policy in laws and duty.clock in incident.done
    }
    done = {clock: at for clock, at in incident.done.items() if clock not in again}
    return replace(incident, done=done, stops=(*incident.stops, *again.values()))


def _note_clock(
    incident: Incident, fact: ClocksSet | DutiesDone | DutiesWithdrawn | BreachReported
) -> Incident:
    match fact:
        case DutiesWithdrawn():
            return replace(incident, withdrawn=(*incident.withdrawn, fact))
        case ClocksSet():
            done = {duty.clock: duty for duty in incident.clocks if duty.clock in incident.done}
            return replace(incident, clocks=fact.clocks, former={**incident.former, **done})
        case DutiesDone():
            return _complete(incident, dict.fromkeys(fact.clocks, NotificationDone(fact.at)))
        case BreachReported():
            if all(duty.clock != fact.clock for duty in incident.clocks):
                raise IllegalTransition(f"no clock of the incident is called {fact.clock}")
            return _complete(incident, {fact.clock: NotificationDone(fact.at, fact.by, fact.receipt)})


def _complete(incident: Incident, done: Mapping[str, NotificationDone]) -> Incident:
    at = {clock: one.at for clock, one in done.items()}
    return replace(
        incident,
        done={**incident.done, **done},
        first_stopped={**at, **incident.first_stopped},
        stopped={**incident.stopped, **at},
    )
