"""
The clocks of an incident, by law and by promise, and the moments of warnings. Pure.

A moment is named after its clock and the clock's end: after a correction, old moments have no effect.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.intake.breach.assessment import BreachLaw, Statement, duties_of
from services.intake.breach.customers import customer_labels
from services.intake.breach.domain import Incident
from services.intake.breach.duties import CONTROLLER, CUSTOMERS, PEOPLE, ClockStep, NotificationDue
from shared.contract.events.breaches import BreachDeclared
from shared.law import DayStep
from shared.law.breaches import Clock

HALF, QUARTER, LAST_DAY, END = "half", "quarter", "day", "end"
"""Moments of a clock: half of it is over, a quarter is left, a day is left, it is over."""
REMINDER, HELD = "reminder", "held"
"""Reminders of notices that are not sent: without a number of days, and after an investigation."""
LONG = timedelta(days=8)
"""Shortest period with a warning one day before its end: a quarter of it is two days."""
QUESTIONED = timedelta(days=3)
"""Time before a reminder of a notice due "without undue delay". Our practice, no law."""
AFTER_HOLD = timedelta(days=1)
"""Time before a reminder after an investigation allows notices. Our practice, no law."""
UPDATE, SUPPLEMENT = "update", "supplement"


@dataclass(frozen=True, slots=True)
class IncidentTimer:
    """A moment for the scheduler."""

    name: str
    at: datetime


def clocks_of(
    incident: Incident, declared: Sequence[BreachDeclared], law: BreachLaw, now: datetime
) -> tuple[NotificationDue, ...]:
    """
    Return all clocks of *incident*; new ones begin *now*.

    Args:
        incident: The present state of the incident.
        declared: The declarations of all its phases. The last one that stands counts, but the earliest of its
            moments and everything found breached. Customers of all phases count: a supplement need not name
            them again.
        law: The breach laws.
        now: This moment.
    """
    said = [Statement(phase, declared[phase.number - 1]) for phase in incident.standing]
    found = duties_of(incident, said, law, customer_labels(incident, declared))
    by_law = [_keep_missed(_due(clock, incident.aware_at), incident, now) for clock in found]
    return (*by_law, *_promised(incident, said[-1].declared), *_supplements(incident, by_law, now))


def _keep_missed(duty: NotificationDue, incident: Incident, now: datetime) -> NotificationDue:
    """Return *duty*, or its earlier form if it was missed: a later beginning does not undo that."""
    before = incident.running(duty.clock)
    missed = before is not None and before.due_at is not None and before.due_at <= now
    return before if before is not None and missed and duty.owed and not duty.begun else duty


def _due(clock: Clock, aware_at: datetime) -> NotificationDue:
    return NotificationDue(
        clock=clock.id,
        policy=clock.policy.id,
        recipient=clock.recipient.value,
        place=clock.place,
        runs_from=(clock.begun_at or aware_at).astimezone(UTC),
        due_at=clock.due_at and clock.due_at.astimezone(UTC),
        owed=clock.owed,
        begun=clock.begun_at is not None,
        why=tuple(_reason(step, clock) for step in clock.why),
    )


def _reason(step: DayStep, clock: Clock) -> ClockStep:
    says = f"{step.day} {step.reason}" if clock.owed else step.reason
    return ClockStep(says=says, provision=step.provision)


def _promised(incident: Incident, declared: BreachDeclared) -> Iterator[NotificationDue]:
    """Yield the clock of the next update, if one was promised."""
    if declared.next_update_at is not None and not declared.final:
        said = ClockStep(says="the next update announced in the last notice", provision="our own promise")
        yield NotificationDue(
            clock=f"{UPDATE}.{incident.newest.number}",
            recipient="staff",
            runs_from=min(incident.aware_at, declared.next_update_at).astimezone(UTC),
            due_at=declared.next_update_at.astimezone(UTC),
            why=(said,),
        )


def _supplements(
    incident: Incident, by_law: Iterable[NotificationDue], now: datetime
) -> Iterator[NotificationDue]:
    """
    Yield the clocks of a supplement to recipients of the first report, due as soon as the findings are known.

    People get letters once. The staff reports later findings to customers, unless letters of the supplement
    go to all of them.

    Law:
        GDPR Art. 33(4): information may be provided in phases without undue further delay.
    """
    number, again = incident.newest.number, len(incident.standing) > 1
    owed = [duty for duty in by_law if duty.owed and duty.recipient != PEOPLE] if again else []
    reports = [duty for duty in owed if duty.recipient != CONTROLLER]
    if reports:
        clock = f"{SUPPLEMENT}.{number}"
        since = _supplement_due_since(clock, incident, now)
        yield _supplement(clock, reports[0].recipient, reports[0].policy, since)
    if len(owed) > len(reports):
        clock = f"{SUPPLEMENT}.{number}.{CUSTOMERS}"
        yield _supplement(clock, CUSTOMERS, owed[-1].policy, _supplement_due_since(clock, incident, now))


def _supplement_due_since(clock: str, incident: Incident, now: datetime) -> datetime:
    """Return since when the supplement is due; a later one does not postpone one that was not sent."""
    waiting = [duty for duty in incident.clocks if duty.clock not in incident.done or duty.clock == clock]
    alike = [duty.runs_from for duty in waiting if _supplements_alike(duty.clock, clock)]
    return min(alike, default=now)


def _supplements_alike(one: str, other: str) -> bool:
    """Return whether both are supplements to the same recipients: authorities, or customers."""
    return one.startswith(f"{SUPPLEMENT}.") and one.endswith(CUSTOMERS) is other.endswith(CUSTOMERS)


def _supplement(clock: str, recipient: str, policy: str | None, since: datetime) -> NotificationDue:
    says = "recipients of the first report get later findings without undue further delay"
    return NotificationDue(
        clock=clock,
        policy=policy,
        recipient=recipient,
        runs_from=since.astimezone(UTC),
        why=(ClockStep(says=says, provision="GDPR Art. 33(4)"),),
    )


def timers_of(duty: NotificationDue, now: datetime) -> list[IncidentTimer]:
    """
    Return the moments of warnings for *duty*, and its end.

    Of moments already past when the clock is set, the last one counts: each duty gets a warning.
    """
    if not duty.owed or not duty.begun:
        return []
    moments = sorted(_moments(duty), key=lambda wait: wait.at)
    over = [wait for wait in moments if wait.at <= now]
    return over[-1:] + moments[len(over) :]


def _moments(duty: NotificationDue) -> Iterator[IncidentTimer]:
    due_at, since = duty.due_at, duty.runs_from
    if due_at is None:
        yield _wait(REMINDER, duty, since + QUESTIONED)
        return
    period = due_at - since
    yield _wait(HALF, duty, since + period / 2)
    yield _wait(QUARTER, duty, since + period * 3 / 4)
    if period >= LONG:
        yield _wait(LAST_DAY, duty, due_at - timedelta(days=1))
    yield _wait(END, duty, due_at)


def is_held_over(duty: NotificationDue, now: datetime) -> bool:
    """Return whether the last warning of *duty* is past, which an investigation may have delayed."""
    return duty.recipient == PEOPLE and all(wait.at <= now for wait in _moments(duty))


def check_after_hold(duty: NotificationDue, until: datetime) -> IncidentTimer:
    """Return when to check *duty* again, which an investigation delays *until* then."""
    return _wait(f"{HELD}{until:%Y%m%d%H%M%S}", duty, until + AFTER_HOLD)


def _wait(kind: str, duty: NotificationDue, at: datetime) -> IncidentTimer:
    return IncidentTimer(f"{kind}_{duty.clock}_{stamp(duty)}", at)


def stamp(duty: NotificationDue) -> str:
    """Return the fingerprint that distinguishes *duty* from its state before a correction."""
    return f"{duty.due_at or duty.runs_from:%Y%m%d%H%M%S}"


def kind_of(name: str) -> str:
    """Return the kind of the moment called *name*."""
    return name.partition("_")[0]


def duty_named(name: str, incident: Incident) -> NotificationDue | None:
    """Return the duty of the moment called *name*; None if it is done or was corrected."""
    _, _, rest = name.partition("_")
    clock, _, when = rest.rpartition("_")
    duty = incident.running(clock)
    return duty if duty is not None and stamp(duty) == when else None
