"""
Entries of the register of breaches: one for each incident, also without notices. Pure.

Law:
    GDPR Art. 33(5): the controller documents any breach, its facts, its effects and the remedial action,
    so that the authority can verify it. DPO Art. 15(4); Breach of Security Safeguards Regulations s. 6.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from services.intake.breach.assessment import customer_labels
from services.intake.breach.domain import Incident, NotificationDone
from services.intake.breach.duties import CONTROLLER, NotificationDue
from services.intake.breach.facts import DeclaredIncident
from services.intake.breach.phases import Phase
from shared.contract.breach_facts import NO_LAW, groups_by_law
from shared.contract.events.breaches import (
    BreachApproved,
    BreachDeclared,
    BreachHeld,
    BreachHoldEnded,
    BreachRegistered,
    BreachWithdrawn,
)

Declaration: TypeAlias = dict[str, Any]
TEXTS = ("nature", "consequences", "measures", "advice", "rationale", "late_because", "contact")


def entry(case: DeclaredIncident, now: datetime) -> dict[str, Any]:
    """Return the entry of *case*: the last declaration, and the results of all phases."""
    last, phases = case.last, case.incident.standing
    clocks = entry_clocks(case, now)
    duties = [clock for clock in clocks if clock["policy"] or clock["done_at"]]
    scoped = [phase.scoped for phase in phases if phase.scoped]
    notified = [phase.notified for phase in phases if phase.notified]
    people = by_law(phases)
    customers = [duty for duty in duties if duty["recipient"] == CONTROLLER]
    stops = [(duty, stop) for duty in duties for stop in (*duty["before"], duty)]
    return {
        "incident": case.id,
        "reference": last.reference,
        "drill": case.incident.drill,
        "phases": len(case.incident.phases),
        "role": ", ".join(dict.fromkeys(one.role.value for one in case.standing)),
        "risk": last.risk.value,
        "rationale": last.rationale,
        "occurred_from": last.occurred_from.isoformat(),
        "occurred_to": last.occurred_to and last.occurred_to.isoformat(),
        "detected_at": case.detected_at.isoformat(),
        "aware_at": case.incident.aware_at.isoformat(),
        "nature": last.nature,
        "categories": list(case.categories),
        "records": case.records(phases) or last.records,
        "people": sum(people.values()) if scoped else None,
        "people_by_law": dict(people),
        "consequences": last.consequences,
        "measures": last.measures,
        "advice": last.advice,
        "notified": [_stop_text(_called(duty), stop) for duty, stop in stops if stop["done_at"]],
        "late": [_called(duty) for duty in duties if any(stop["late"] for stop in (duty, *duty["before"]))],
        "not_notified": [f"{_called(duty)}: {_why_not(duty)}" for duty in duties if not duty["done_at"]],
        "late_because": last.late_because,
        "customers": _customers([phase for phase in phases if phase.customers]),
        "customers_notified": len([duty for duty in customers if duty["done_at"]]),
        "letters_sent": sum(one.sent for one in notified),
        "letters_doubtful": sum(one.doubtful for one in notified),
        "letters_failed": sum(one.failed for one in notified),
        "held_by_police": any(phase.delayed for phase in phases),
        "holds": list(_holds(case)),
        "declared_by": list(dict.fromkeys(phase.by for phase in phases if phase.by)),
        "approved_by": list(dict.fromkeys(by for phase in phases for by in phase.approved_by)),
        "withdrawn": [f"phase {phase.number}" for phase in case.incident.phases if phase.withdrawn_by],
        "contact": last.contact,
        "final": last.final,
        "declarations": declarations_of(case),
    }


def _called(duty: dict[str, Any]) -> str:
    """Return the name of a clock with its customer, a number in events."""
    return f"{duty['clock']} (customer {duty['customer']})" if duty["customer"] else str(duty["clock"])


def _customers(phases: Sequence[Phase]) -> int:
    """Count the notified customers of *phases*, each once if they are on record."""
    known = [phase.written_to for phase in phases if phase.written_to is not None]
    named = len(frozenset().union(*known)) if len(known) == len(phases) else 0
    return named or sum(phase.customers for phase in phases)


def _why_not(duty: dict[str, Any]) -> str:
    """Return the reason for no notice of *duty*."""
    if duty["withdrawn"]:
        return f"withdrawn with phase {duty['withdrawn']}"
    return "still to be notified" if duty["owed"] else "; ".join(duty["why"])


def _stop_text(clock: str, stop: dict[str, Any]) -> str:
    by = f" by {stop['done_by']}" if stop["done_by"] else ""
    receipt = f" ({stop['receipt']})" if stop["receipt"] else ""
    return f"{clock}: {minute(datetime.fromisoformat(stop['done_at']))}{by}{receipt}"


def entry_clocks(case: DeclaredIncident, now: datetime) -> list[dict[str, Any]]:
    """Return all clocks of *case* as plain values, with their customers."""
    ids = {name: id_ for id_, name in customer_labels(case.incident, case.declared).items()}
    return [
        {**clock_of(duty, case.incident, now), "customer": ids.get(duty.customer or "")}
        for duty in case.incident.duties
    ]


def clock_of(duty: NotificationDue, incident: Incident, now: datetime) -> dict[str, Any]:
    """Return a clock as plain values, with its calculation."""
    done, back = incident.done.get(duty.clock), incident.withdrawn_with(duty.clock)
    stops = [stop for stop in incident.stops if stop.duty.clock == duty.clock]
    return {
        "clock": duty.clock,
        "recipient": duty.recipient,
        "policy": duty.policy,
        "owed": duty.owed,
        "withdrawn": back,
        **_stop(duty, done, now),
        "late": back is None and _late(duty, done, now),
        "before": [_stop(stop.duty, stop.done, now) for stop in stops],
        "why": [f"{reason.says} [{reason.provision}]" for reason in duty.why],
    }


def _stop(duty: NotificationDue, done: NotificationDone | None, now: datetime) -> dict[str, Any]:
    """Return deadline, fulfillment and lateness of a duty."""
    return {
        "due_at": duty.due_at and duty.due_at.isoformat(),
        "done_at": done and done.at.isoformat(),
        "done_by": done and done.by,
        "receipt": done and done.receipt,
        "late": _late(duty, done, now),
    }


def _late(duty: NotificationDue, done: NotificationDone | None, now: datetime) -> bool:
    over = done.at if done else now
    return duty.owed and duty.due_at is not None and over > duty.due_at


def by_law(phases: Iterable[Phase]) -> Counter[str]:
    """
    Count people by the law that demands their notice, the first of several; ``none``: no law does.

    Notified people count in one phase; others may be found in each, and count in the last.
    """
    counted: Counter[str] = Counter()
    for phase in phases:
        if phase.scoped is not None:
            counted.pop(NO_LAW, None)
            counted += groups_by_law(phase.groups)
    return counted


def declarations_of(case: DeclaredIncident) -> list[Declaration]:
    """Return the declaration of each phase of *case*, with accounts, approvals and result."""
    pairs = zip(case.incident.phases, case.declared, strict=True)
    return [_declaration(case, phase, declared) for phase, declared in pairs]


def _declaration(case: DeclaredIncident, phase: Phase, declared: BreachDeclared) -> Declaration:
    moments = ("occurred_from", "occurred_to", "detected_at", "aware_at", "next_update_at")
    at = {name: getattr(declared, name) for name in moments}
    notified = phase.notified
    facts = [(at, fact) for at, fact in case.facts if getattr(fact, "phase", None) == phase.number]
    declared_by = [(at, fact.by) for at, fact in facts if isinstance(fact, BreachRegistered)]
    withdrawn_by = [(at, fact.by) for at, fact in facts if isinstance(fact, BreachWithdrawn)]
    return {
        "phase": phase.number,
        "status": phase.status.value,
        "declared": [f"{minute(at)} by {by or 'another system'}" for at, by in declared_by],
        "approved": list(_approved(case, phase)),
        "withdrawn": [f"{minute(at)} by {by}" for at, by in withdrawn_by],
        **{name: moment and minute(moment) for name, moment in at.items()},
        "risk": declared.risk.value,
        "categories": list(declared.categories),
        **{text: getattr(declared, text) for text in TEXTS},
        "records": phase.scoped.records if phase.scoped else declared.records,
        "people": sum(group.people for group in phase.groups) if phase.scoped else None,
        "customers": phase.customers if phase.scoped else None,
        "sent": notified and notified.sent,
        "doubtful": notified and notified.doubtful,
        "failed": notified and notified.failed,
        "aborted": (notified and notified.aborted) or None,
    }


def _approved(case: DeclaredIncident, phase: Phase) -> Iterator[str]:
    """Yield the accounts that approved *phase*, or a newer one with its notices."""
    words = {one.number for one in case.incident.phases if one.declaration == phase.words}
    for at, fact in case.facts:
        if isinstance(fact, BreachApproved) and fact.by in phase.approved_by and fact.phase in words:
            yield f"{minute(at)} by {fact.by}, phase {fact.phase}"


def _holds(case: DeclaredIncident) -> Iterator[str]:
    """Yield the holds, with agency, start and end."""
    for at, fact in case.facts:
        if isinstance(fact, BreachHeld):
            yield f"{minute(at)} for {fact.agency} until {minute(fact.until)}, by {fact.by}"
        if isinstance(fact, BreachHoldEnded):
            yield f"{minute(at)} ended, by {fact.by}"


def minute(at: datetime) -> str:
    """Return the moment *at* to the minute."""
    return at.isoformat(timespec="minutes")
