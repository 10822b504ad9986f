"""Declarations and holds of a breach, for the register."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeAlias

from habeas.client.incident_register import IncidentCase
from services.intake.breach.phases import Phase
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


def declarations_of(case: IncidentCase) -> list[Declaration]:
    """Return the declaration of each phase of *case*, with accounts, approvals and result."""
    return [
        _declaration(case, phase, declared)
        for phase, declared in zip(case.incident.phases, case.declared, strict=True)
    ]


def _declaration(case: IncidentCase, phase: Phase, declared: BreachDeclared) -> Declaration:
    moments = ("occurred_from", "occurred_to", "detected_at", "aware_at", "next_update_at")
    at = {name: getattr(declared, name) for name in moments}
    notified = phase.notified
    return {
        "phase": phase.number,
        "status": phase.status.value,
        "declared": list(_declared(case, phase.number)),
        "approved": list(_approved(case, phase)),
        "withdrawn": list(_withdrawn(case, phase.number)),
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


def _declared(case: IncidentCase, number: int) -> Iterator[str]:
    for at, fact in case.facts:
        if isinstance(fact, BreachRegistered) and fact.phase == number:
            yield f"{minute(at)} by {fact.by or 'another system'}"


def _approved(case: IncidentCase, phase: Phase) -> Iterator[str]:
    """Yield the accounts that approved *phase*, or a newer one with its notices."""
    words = {one.number for one in case.incident.phases if one.declaration == phase.words}
    for at, fact in case.facts:
        if isinstance(fact, BreachApproved) and fact.by in phase.approved_by and fact.phase in words:
            yield f"{minute(at)} by {fact.by}, phase {fact.phase}"


def _withdrawn(case: IncidentCase, number: int) -> Iterator[str]:
    for at, fact in case.facts:
        if isinstance(fact, BreachWithdrawn) and fact.phase == number:
            yield f"{minute(at)} by {fact.by}"


def holds_of(case: IncidentCase) -> list[str]:
    """Return the holds, with agency, start and end."""
    return list(_holds(case))


def _holds(case: IncidentCase) -> Iterator[str]:
    for at, fact in case.facts:
        if isinstance(fact, BreachHeld):
            yield f"{minute(at)} for {fact.agency} until {minute(fact.until)}, by {fact.by}"
        if isinstance(fact, BreachHoldEnded):
            yield f"{minute(at)} ended, by {fact.by}"


def minute(at: datetime) -> str:
    """Return the moment *at* to the minute."""
    return at.isoformat(timespec="minutes")
