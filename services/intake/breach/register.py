"""Reads incidents with their declarations, for the staff API."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

from services.intake.breach.domain import Incident, evolve
from services.intake.breach.facts import DeclaredIncident
from services.intake.breach.register_entries import entry
from services.intake.http.staff_incidents import IncidentHistories
from shared.contract.events import Code, RequestId
from shared.contract.events.breaches import BreachDeclared
from shared.contract.ports import VaultPort
from shared.runtime.journal import events_of, facts_of


@dataclass(frozen=True, slots=True)
class DeclaredIncidents:
    """The incidents of the register, with their sealed declarations."""

    journal: IncidentHistories
    vault: VaultPort

    async def incident(self, id_: RequestId) -> DeclaredIncident | None:
        """Return the incident *id_*; None if none is registered, or it is purged."""
        rows = (await self.journal.histories({id_})).get(id_, [])
        incident = reduce(evolve, events_of(rows), Incident())
        if not incident.phases or incident.purged:
            return None
        sealed = [await self.vault.open(id_, phase.declaration) for phase in incident.phases]
        read = (BreachDeclared.model_validate_json(content) for content in sealed)
        declared = tuple(one.judged_by(incident.judged_at) for one in read)
        return DeclaredIncident(id_, incident, tuple(facts_of(rows)), declared)

    async def refusal(self, id_: RequestId, declared: BreachDeclared) -> Code | None:
        """Return why the staff cannot declare a further phase of *id_* so; None if it can."""
        known = await self.incident(id_)
        return None if known is None else declaration_refusal(known, declared)

    async def entry(self, id_: RequestId, now: datetime) -> Mapping[str, Any] | None:
        """Return the entry of the incident *id_* in the register of breaches; None if there is none."""
        known = await self.incident(id_)
        return None if known is None else entry(known, now)


def declaration_refusal(known: DeclaredIncident, declared: BreachDeclared) -> Code | None:
    """
    Return why the staff cannot make *declared* a further phase of an incident; None if it can. Pure.

    A withdrawn incident has no supplements; a withdrawn phase is not declared again as it was. What stands
    may be repeated, without effect.
    """
    phases, standing, wanted = known.incident.phases, known.incident.standing, _content(declared)
    if not standing:
        return "incident_withdrawn"
    same = {phase.number for phase in phases if _content(known.declared[phase.number - 1]) == wanted}
    return "phase_withdrawn" if same and not same & {phase.number for phase in standing} else None


def _content(declared: BreachDeclared) -> BreachDeclared:
    """Return *declared* without the account that declared it."""
    return declared.model_copy(update={"by": None, "proof": None}).judged_by(None)
