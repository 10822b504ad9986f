"""The register of incidents for the staff: history, duties with deadlines, approvals."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

from habeas.client.breach_files import event_id
from habeas.client.requests import SOURCE
from services.intake.breach.assessment import customer_labels
from services.intake.breach.domain import RECORDS, Incident, NotificationDone, evolve
from services.intake.breach.duties import NotificationDue
from services.intake.breach.facts import DeclaredIncident
from services.intake.breach.phases import Phase
from services.intake.domain import incident_id
from shared.client.submissions import message_of
from shared.contract.events.breaches import (
    AffectedGroup,
    BreachDeclared,
)
from shared.errors import ConfigurationError
from shared.runtime.journal import Journal, JournalRow, events_of, facts_of
from shared.runtime.key_rings import RootKey, derived_key
from shared.runtime.mongo import connect, translated
from shared.runtime.vault import Vault

NO_LAW = "none"
"""Key of people without a law that demands notice."""


@dataclass(frozen=True)
class IncidentCase(DeclaredIncident):
    """An incident with its declarations and its history."""

    @property
    def role(self) -> str:
        """The company's role; both, if it differs between phases."""
        return ", ".join(dict.fromkeys(one.role.value for one in self.standing))

    def clocks(self, now: datetime) -> list[dict[str, Any]]:
        """Return all clocks as plain values, with their customers."""
        ids = {name: id_ for id_, name in customer_labels(self.incident, self.declared).items()}
        return [
            {**clock_of(duty, self.incident, now), "customer": ids.get(duty.customer or "")}
            for duty in self.incident.duties
        ]


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


def groups_by_law(groups: Iterable[AffectedGroup]) -> Counter[str]:
    """Count the people of *groups* by the law that demands their notice, the first of several."""
    counted: Counter[str] = Counter()
    for group in groups:
        counted[group.laws[0] if group.laws else NO_LAW] += group.people
    return +counted


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


@dataclass(frozen=True, slots=True)
class IncidentRegister:
    """All incidents of an installation."""

    journal: Journal
    ids: Sequence[str]
    vault: Vault

    async def all(self) -> AsyncIterator[IncidentCase]:
        """Yield the recorded incidents. Raises StoreUnavailable if the database does not answer."""
        for id_ in self.ids:
            incident, rows = await self._history(id_)
            if incident.phases and not incident.purged:
                yield await self._case(id_, incident, rows)

    async def objection(self, id_: str, declared: BreachDeclared) -> str | None:
        """Return why *declared* cannot be a phase of *id_*; None if it can. Raises StoreUnavailable."""
        return against(await self.incident(id_), declared) if id_ in self.ids else None

    async def incident(self, id_: str) -> IncidentCase:
        """Return the incident *id_*. Raises ConfigurationError if there is none."""
        incident, rows = await self._history(id_)
        if not incident.phases:
            raise ConfigurationError(f"{id_}: there is no such incident; `habeas breach list` lists all")
        return await self._case(id_, incident, rows)

    async def _history(self, id_: str) -> tuple[Incident, Sequence[JournalRow]]:
        rows = (await self.journal.histories({id_})).get(id_, [])
        return reduce(evolve, events_of(rows), Incident()), rows

    async def _case(self, id_: str, incident: Incident, rows: Sequence[JournalRow]) -> IncidentCase:
        sealed = [await self.vault.open(id_, phase.declaration) for phase in incident.phases]
        read = (BreachDeclared.model_validate_json(content) for content in sealed)
        declared = tuple(one.judged_by(incident.judged_at) for one in read)
        return IncidentCase(id_, incident, tuple(facts_of(rows)), declared)


@asynccontextmanager
async def opened(mongo_url: str, prefix: str, master_key: RootKey) -> AsyncIterator[IncidentRegister]:
    """Open the register at *mongo_url*. Raises StoreUnavailable if the database does not answer."""
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        database = client[f"{prefix}_incidents"]
        with translated("look for incidents"):
            ids = sorted(await database["journal"].distinct("case"))
        vault = Vault(client, prefix=prefix, master_key=master_key)
        yield IncidentRegister(Journal(database, RECORDS), ids, vault)


def check_size(declared: BreachDeclared) -> None:
    """Check that a declaration fits into one message. Raises ConfigurationError if it is too large."""
    try:
        message_of(declared, source=SOURCE, id=event_id(SOURCE, declared))
    except ConfigurationError:
        raise ConfigurationError(
            "affected.list: is too long for one message; name the others in further declarations of the same "
            "reference, or all of them by a filter on a collection"
        ) from None


def against(case: IncidentCase, declared: BreachDeclared) -> str | None:
    """
    Return why *declared* cannot be a further phase of *case*; None if it can.

    A withdrawn incident has no supplements; a withdrawn declaration repeated is the same event, without
    effect.
    """
    number, phases = case.incident.newest.number, case.incident.phases
    if not case.incident.standing:
        withdrawn = f"phase {number} was withdrawn by {phases[number - 1].withdrawn_by}"
        return f"{withdrawn}, as was every other phase: declare it under another reference"
    known = dict(zip((phase.number for phase in phases), case.declared, strict=True))
    back = [phase.number for phase in phases if phase not in case.incident.standing]
    same = [one for one in back if event_id(SOURCE, known[one]) == event_id(SOURCE, declared)]
    return f"repeats phase {same[0]}, which was withdrawn: declare the difference" if same else None


def id_of(declared: BreachDeclared, master_key: RootKey) -> str:
    """Return the id of an incident declared by the command."""
    key = derived_key(master_key, "request ids")
    return incident_id(SOURCE, declared.reference, key=key, drill=bool(declared.drill))
