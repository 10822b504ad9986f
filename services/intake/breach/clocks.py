"""
The clocks of an incident, by law and by promise, the moments of warnings, and its retention. Pure.

A moment is named after its clock and the clock's end: after a correction, old moments have no effect.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.intake.breach.assessment import BreachLaw, Statement, customer_labels, duties_of
from services.intake.breach.domain import Incident
from services.intake.breach.duties import CONTROLLER, CUSTOMERS, PEOPLE, NotificationDue
from services.intake.cases.deadlines import CaseTimer
from shared.contract.events.breaches import BreachDeclared, ClockStep
from shared.law.breaches import Clock
from shared.law.clock import months_later

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


def clocks_of(
    incident: Incident, declared: Sequence[BreachDeclared], law: BreachLaw, now: datetime
) -> tuple[NotificationDue, ...]:
    """
    Return all clocks of *incident* by the declarations of all its phases; new ones begin *now*.

    The last declaration that stands counts, but the earliest of its moments and everything found breached.
    Customers of all phases count: a supplement need not name them again.
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
        why=tuple(
            ClockStep(
                says=f"{step.day} {step.reason}" if clock.owed else step.reason, provision=step.provision
            )
            for step in clock.why
        ),
    )


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
    Yield the clocks of supplements to recipients of the first report, without delay (GDPR Art. 33(4)).

    People get letters once. The staff reports later findings to customers, unless letters of the supplement
    go to all of them.
    """
    number, again = incident.newest.number, len(incident.standing) > 1
    owed = [duty for duty in by_law if duty.owed and duty.recipient != PEOPLE] if again else []
    reports = [duty for duty in owed if duty.recipient != CONTROLLER]
    if reports:
        clock, first = f"{SUPPLEMENT}.{number}", reports[0]
        yield _supplement(clock, first.recipient, first.policy, incident, now)
    if len(owed) > len(reports):
        clock = f"{SUPPLEMENT}.{number}.{CUSTOMERS}"
        yield _supplement(clock, CUSTOMERS, owed[-1].policy, incident, now)


def _supplement(
    clock: str, recipient: str, policy: str | None, incident: Incident, now: datetime
) -> NotificationDue:
    """Return a supplement; it does not postpone one to the same recipients that was not sent."""
    waiting = [duty for duty in incident.clocks if duty.clock not in incident.done or duty.clock == clock]
    others = [duty for duty in waiting if duty.clock.startswith(f"{SUPPLEMENT}.")]
    alike = [one.runs_from for one in others if one.clock.endswith(CUSTOMERS) is clock.endswith(CUSTOMERS)]
    says = "recipients of the first report get later findings without undue further delay"
    return NotificationDue(
        clock=clock,
        policy=policy,
        recipient=recipient,
        runs_from=min(alike, default=now).astimezone(UTC),
        why=(ClockStep(says=says, provision="GDPR Art. 33(4)"),),
    )


def timers_of(duty: NotificationDue, now: datetime) -> list[CaseTimer]:
    """Return the moments of warnings for *duty*, and its end; of those already past, the last one."""
    if not duty.owed or not duty.begun:
        return []
    moments = sorted(_moments(duty), key=lambda wait: wait.at)
    over = [wait for wait in moments if wait.at <= now]
    return over[-1:] + moments[len(over) :]


def _moments(duty: NotificationDue) -> Iterator[CaseTimer]:
    due_at, since = duty.due_at, duty.runs_from
    if due_at is None:
        yield _timer(REMINDER, duty, since + QUESTIONED)
        return
    period = due_at - since
    yield _timer(HALF, duty, since + period / 2)
    yield _timer(QUARTER, duty, since + period * 3 / 4)
    if period >= LONG:
        yield _timer(LAST_DAY, duty, due_at - timedelta(days=1))
    yield _timer(END, duty, due_at)


def is_held_over(duty: NotificationDue, now: datetime) -> bool:
    """Return whether the last warning of *duty* is past, which an investigation may have delayed."""
    return duty.recipient == PEOPLE and all(wait.at <= now for wait in _moments(duty))


def check_after_hold(duty: NotificationDue, until: datetime) -> CaseTimer:
    """Return when to check *duty* again, which an investigation delays *until* then."""
    return _timer(f"{HELD}{until:%Y%m%d%H%M%S}", duty, until + AFTER_HOLD)


def _timer(kind: str, duty: NotificationDue, at: datetime) -> CaseTimer:
    return CaseTimer(f"{kind}_{duty.clock}_{stamp(duty)}", at)


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


PEOPLE_KEPT, RECORD_KEPT = "people", "record"
"""Moments: the people notified are forgotten; the incident leaves the register."""
KEPT = frozenset({PEOPLE_KEPT, RECORD_KEPT})


@dataclass(frozen=True, slots=True)
class IncidentRetention:
    """
    The months that incidents and their people are kept.

    Law:
        Règlement sur les incidents de confidentialité (Quebec), s. 8: five years after the enterprise knew.
        Breach of Security Safeguards Regulations (Canada), s. 6(1): 24 months; DPO Art. 15(4): two years.
        GDPR Art. 33(5): breaches are documented; Art. 5(1)(e): the people affected, only as long as needed.
    """

    record: int
    people: int

    def waits(self, phase: int, registered_at: datetime) -> list[CaseTimer]:
        """Return the moments at which data of *phase*, registered at that time, expires."""
        return [self._timer(kind, phase, registered_at) for kind in (PEOPLE_KEPT, RECORD_KEPT)]

    def later(self, name: str, now: datetime) -> CaseTimer | None:
        """Return the next check, if the moment called *name* was set for a shorter retention."""
        kind, phase, registered, _ = name.split("_")
        wait = self._timer(kind, int(phase), datetime.strptime(registered, "%Y%m%d").replace(tzinfo=UTC))
        return wait if wait.at > now else None

    def _timer(self, kind: str, phase: int, registered_at: datetime) -> CaseTimer:
        day = registered_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        last = months_later(day, self.people if kind == PEOPLE_KEPT else self.record)
        at = last.replace(hour=23, minute=59, second=59)
        return CaseTimer(f"{kind}_{phase}_{day:%Y%m%d}_{at:%Y%m%d}", at)


def phase_of(name: str) -> int:
    """Return the phase of the moment called *name*."""
    return int(name.split("_")[1])
