"""Reads an incident: what is known of it, what was declared, and who is to be told."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from services.intake.incidents.domain import RECORDS, Incident, evolve
from services.notifier.notices.forms.known import Known, Told
from shared.affected import Chunk, chunk_item
from shared.errors import ConfigurationError
from shared.incidents import BreachDeclared, NoticesReleased
from shared.journal import Journal, Row
from shared.mongo import connect
from shared.vault import Vault


@dataclass(frozen=True, slots=True)
class Case:
    """An incident, and the vault that its sealed parts lie in."""

    id: str
    incident: Incident
    released_at: datetime | None
    """When the first notices were released; None: none were."""
    vault: Vault

    async def declared(self) -> BreachDeclared:
        """
        Return what was declared last.

        Raises:
            Destroyed: The incident has no key any more.
        """
        item = self.incident.newest.declaration
        return BreachDeclared.model_validate_json(await self.vault.open(self.id, item))

    async def chunks(self) -> AsyncIterator[tuple[int, Chunk]]:
        """Yield phase and chunk of everybody who is to be told; one chunk is held at a time."""
        for phase in self.incident.phases:
            for number in range(phase.chunks):
                sealed = await self.vault.open(self.id, chunk_item(phase.number, number))
                yield phase.number, Chunk.model_validate_json(sealed)

    def known(self, declared: BreachDeclared) -> Known:
        """Return what an authority can be told."""
        incident = self.incident
        scoped = [phase.scoped for phase in incident.phases if phase.scoped]
        counted = sum(one.records for one in scoped)
        return Known(
            incident=self.id,
            phase=incident.newest.number,
            declared=declared,
            aware_at=incident.aware_at,
            people=incident.residents if scoped else None,
            categories=tuple(dict.fromkeys((*declared.categories, *incident.categories))),
            records=counted or declared.records,
            told=self._told(),
            held_until=incident.hold.until if incident.hold else None,
            notice_owed=any(group.laws for one in scoped for group in one.groups) or not scoped,
        )

    def _told(self) -> Told | None:
        if self.released_at is None:
            return None
        through = [phase.notified for phase in self.incident.phases if phase.notified]
        return Told(
            first_at=self.released_at,
            sent=sum(one.sent for one in through),
            not_reached=sum(one.failed for one in through),
            through=len(through) == sum(phase.chunks > 0 for phase in self.incident.phases),
        )


@asynccontextmanager
async def opened(mongo_url: str, prefix: str, master_key: bytes, incident_id: str) -> AsyncIterator[Case]:
    """
    Open an incident of the installation at *mongo_url*.

    Raises:
        ConfigurationError: No incident has this id.
        StoreUnavailable: The database did not answer.
    """
    client = connect(mongo_url, app_name="habeas command")
    try:
        rows = await Journal(client[f"{prefix}_incidents"], RECORDS).histories({incident_id})
        if not rows.get(incident_id):
            raise ConfigurationError(f"no incident has the id {incident_id}")
        vault = Vault(client, prefix=prefix, master_key=master_key)
        yield case_of(incident_id, rows[incident_id], vault)
    finally:
        client.close()


def case_of(incident_id: str, rows: Iterable[Row], vault: Vault) -> Case:
    """Return the incident that *rows* of its journal tell of, oldest first."""
    incident, released_at = Incident(), None
    for row in rows:
        for fact in row.story():
            incident = evolve(incident, fact)
            if isinstance(fact, NoticesReleased) and released_at is None:
                released_at = row.at
    return Case(incident_id, incident, released_at, vault)
