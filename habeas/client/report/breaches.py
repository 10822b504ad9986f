"""
The export of the register of breaches: a row for each incident, also without notices.

Law:
    GDPR Art. 33(5): the controller documents any breach, its facts, its effects and the remedial action,
    so that the authority can verify it. DPO Art. 15(4); Breach of Security Safeguards Regulations s. 6.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

from habeas.client.incident_register import IncidentCase, by_law
from habeas.client.report.writer import PAGES, as_csv
from services.intake.breach.duties import CONTROLLER
from services.intake.breach.phases import Phase
from shared.contract.events.breaches import (
    BreachApproved,
    BreachDeclared,
    BreachHeld,
    BreachHoldEnded,
    BreachRegistered,
    BreachWithdrawn,
)
from shared.errors import ConfigurationError
from shared.law import CompanyProfile

FIELDS = (
    *(
        "incident",
        "reference",
        "drill",
        "phases",
        "role",
        "risk",
        "rationale",
        "occurred_from",
        "occurred_to",
    ),
    *("detected_at", "aware_at", "nature", "categories", "records", "people", "people_by_law"),
    *("consequences", "measures", "advice", "notified", "late", "not_notified", "late_because", "customers"),
    *("customers_notified", "letters_sent", "letters_doubtful", "letters_failed", "held_by_police", "holds"),
    *("declared_by", "approved_by", "withdrawn", "contact", "final", "declarations"),
)
"""Columns of the register."""

MOMENTS = frozenset({"occurred_from", "occurred_to", "detected_at", "aware_at"})

Declaration: TypeAlias = dict[str, Any]
TEXTS = ("nature", "consequences", "measures", "advice", "rationale", "late_because", "contact")


class RegisterFormat(StrEnum):
    """The format of the register."""

    CSV = "csv"
    JSON = "json"
    HTML = "html"


def form_of(file: Path) -> RegisterFormat:
    """Return the format of *file*, by its name. Raises ConfigurationError if the suffix is unknown."""
    try:
        return RegisterFormat(file.suffix.removeprefix(".").lower())
    except ValueError:
        raise ConfigurationError(f"{file}: name it .csv or .json for programs, .html for a page") from None


def written(
    cases: Sequence[IncidentCase], form: RegisterFormat, company: CompanyProfile, now: datetime
) -> str:
    """Return the register of *cases* in that *form*, as it is *now*."""
    rows = [entry(case, now) for case in cases]
    match form:
        case RegisterFormat.CSV:
            return as_csv([row | {"declarations": _lines(row["declarations"])} for row in rows], FIELDS)
        case RegisterFormat.JSON:
            return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
        case RegisterFormat.HTML:
            on = now.astimezone(company.zone).date()

            def local(text: str) -> str:
                return f"{datetime.fromisoformat(text).astimezone(company.zone):%Y-%m-%d %H:%M %Z}"

            return PAGES.get_template("breaches.html.jinja").render(
                rows=rows, controller=company.name, on=on, headings=HEADINGS, moments=MOMENTS, local=local
            )


def entry(case: IncidentCase, now: datetime) -> dict[str, Any]:
    """Return the entry of *case*: the last declaration, and the results of all phases."""
    last, phases = case.last, case.incident.standing
    clocks = case.clocks(now)
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
        "role": case.role,
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


def _lines(declarations: Sequence[Declaration]) -> list[str]:
    """Return *declarations* for one cell."""
    return [
        ", ".join(
            f"{name} {' '.join(value) if isinstance(value, list) else value}"
            for name, value in one.items()
            if value not in (None, [], "")
        )
        for one in declarations
    ]


HEADINGS = {
    "What happened": ("nature", "occurred_from", "occurred_to", "detected_at", "aware_at", "categories"),
    "Affected people": ("role", "records", "people", "people_by_law"),
    "Effects": ("risk", "rationale", "consequences"),
    "What was done": ("drill", "measures", "advice", "contact", "final", "withdrawn"),
    "Notices": (
        *("notified", "not_notified", "late", "late_because", "customers", "customers_notified"),
        *("letters_sent", "letters_doubtful", "letters_failed", "held_by_police", "holds"),
        *("declared_by", "approved_by"),
    ),
}
"""Parts of an entry on the page → its columns."""


def declarations_of(case: IncidentCase) -> list[Declaration]:
    """Return the declaration of each phase of *case*, with accounts, approvals and result."""
    pairs = zip(case.incident.phases, case.declared, strict=True)
    return [_declaration(case, phase, declared) for phase, declared in pairs]


def _declaration(case: IncidentCase, phase: Phase, declared: BreachDeclared) -> Declaration:
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


def _approved(case: IncidentCase, phase: Phase) -> Iterator[str]:
    """Yield the accounts that approved *phase*, or a newer one with its notices."""
    words = {one.number for one in case.incident.phases if one.declaration == phase.words}
    for at, fact in case.facts:
        if isinstance(fact, BreachApproved) and fact.by in phase.approved_by and fact.phase in words:
            yield f"{minute(at)} by {fact.by}, phase {fact.phase}"


def _holds(case: IncidentCase) -> Iterator[str]:
    """Yield the holds, with agency, start and end."""
    for at, fact in case.facts:
        if isinstance(fact, BreachHeld):
            yield f"{minute(at)} for {fact.agency} until {minute(fact.until)}, by {fact.by}"
        if isinstance(fact, BreachHoldEnded):
            yield f"{minute(at)} ended, by {fact.by}"


def minute(at: datetime) -> str:
    """Return the moment *at* to the minute."""
    return at.isoformat(timespec="minutes")
