"""The register of breaches as CSV, from the facts of the incidents: no personal data."""

from collections.abc import AsyncIterator, Iterator, Mapping

from services.console.context import ConsoleParts
from services.console.incidents import BreachRoom
from services.console.read_model.incidents import INCIDENTS, rooms_of
from services.console.state import name_of
from shared.contract.references import short_reference
from shared.errors import ConfigurationError
from shared.law.library import breach_policies
from shared.pages.spreadsheets import csv_row

COLUMNS = (
    *(
        "incident",
        "drill",
        "aware_at",
        "phase",
        "status",
        "declared_by",
        "approved_by",
        "people",
        "customers",
    ),
    *(
        "records",
        "sent",
        "failed",
        "doubtful",
        "duty",
        "law",
        "due_at",
        "notified_at",
        "by",
        "receipt",
        "state",
    ),
)


def law_name(policy: str | None) -> str:
    """Return the name of the law of an edition."""
    if policy is None:
        return ""
    try:
        return breach_policies().named(policy).name
    except ConfigurationError:
        return name_of(policy)


async def breach_register(parts: ConsoleParts) -> AsyncIterator[str]:
    """Yield the register of incidents as CSV: a row for each phase, and one for each duty."""
    yield csv_row(COLUMNS)
    async for row in parts.cases.all(INCIDENTS, parts.today()):
        for room in await rooms_of(parts.histories, [row.id]):
            for cells in (*_phase_rows(room), *_duty_rows(room)):
                yield csv_row([cells.get(column, "") for column in COLUMNS])


def _phase_rows(room: BreachRoom) -> Iterator[Mapping[str, object]]:
    for phase in room.phases:
        scoped = phase.scoped
        yield {
            "incident": short_reference(room.id),
            "drill": "drill" if room.drill else "",
            "aware_at": phase.aware_at.isoformat(),
            "phase": phase.number,
            "status": phase.stated.status,
            "declared_by": phase.declared_by or "",
            "approved_by": " ".join(phase.stated.approved_by),
            "people": sum(group.people for group in phase.groups),
            "customers": scoped.customers if scoped else "",
            "records": scoped.records if scoped else "",
            **{name: phase.counts[name] for name in ("sent", "failed", "doubtful")},
        }


def _duty_rows(room: BreachRoom) -> Iterator[Mapping[str, object]]:
    running = {duty.clock for duty in room.running}
    for duty in room.duties:
        ended = "withdrawn" if duty.withdrawn else "done"
        yield {
            "incident": short_reference(room.id),
            "drill": "drill" if room.drill else "",
            "duty": duty.clock,
            "law": law_name(duty.policy),
            "due_at": duty.due_at.isoformat() if duty.due_at else "",
            "notified_at": duty.done_at.isoformat() if duty.done_at else "",
            "by": duty.done_by or "",
            "receipt": duty.receipt or "",
            "state": "runs" if duty.clock in running else ended,
        }
