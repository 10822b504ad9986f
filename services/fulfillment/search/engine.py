"""The search engine with the calls that handlers and the command line use."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, tzinfo

from services.fulfillment.changes.change import MissingChange
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.completion import Round, plan_again
from services.fulfillment.erasure.execution import (
    Refused,
    Remains,
    Residue,
    execute,
    execute_changes,
    search_texts,
    verify,
)
from services.fulfillment.erasure.steps import RecordPlan
from services.fulfillment.search.findings import Findings
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.mentions import Needle
from services.fulfillment.search.search_memory import SearchMemory, SearchRoom
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.existence import SeenCollectionsPort
from services.fulfillment.stores.mongodb import Stores


@dataclass(frozen=True, slots=True)
class RecordEngine:
    """Searches *stores*, erases records and verifies the result."""

    stores: Stores
    reads_texts: bool = True
    """Whether an erasure ends with a search of all texts for remaining identities of the person."""
    zone: tzinfo = UTC
    """The zone of the company, in which the days of retention periods are."""
    register: SeenCollectionsPort | None = None
    """The collections seen before; without it, no lacking collection counts as empty."""

    memory: SearchMemory | None = None
    """The memory that handlers share; without it, there is no limit."""
    _room: SearchRoom = field(default_factory=SearchRoom)

    def for_handler(self) -> "RecordEngine":
        """Return this for one handler, which calls :meth:`release` at its end."""
        return replace(self, _room=SearchRoom(self.memory))

    def release(self) -> None:
        """Give the memory of the handler back."""
        self._room.give_back()

    def due_on(self, day: date) -> "RecordEngine":
        """Return this for a request due on *day*: its look-ups precede those due later."""
        return replace(self, stores=self.stores.due_on(day))

    async def gather(
        self,
        data_map: DataMap,
        identities: Identities,
        claimed: Identities | None = None,
        verified: Identities | None = None,
    ) -> Findings:
        """
        Return every record of the person with the proven *identities* and the *claimed* ones.

        *verified* identities of an earlier search separate the records of others.
        """
        return await gather(
            data_map,
            self.stores,
            identities,
            claimed=claimed,
            verified=verified,
            register=self.register,
            room=self._room,
        )

    async def gather_verified(self, data_map: DataMap, identities: Identities) -> Findings:
        """
        Return the records in which *identities* stand verified, and the records that refer to these.

        The person's claims are compared with these alone: others may have written the rest.
        """
        return await gather(
            data_map, self.stores, identities, only_verified=True, register=self.register, room=self._room
        )

    async def erase(self, plan: RecordPlan) -> Refused:
        """Execute *plan*; it may be repeated."""
        return await execute(plan, self.stores)

    async def verify(self, plan: RecordPlan, data_map: DataMap, identities: Identities) -> Remains:
        """Search again for the records that *plan* was to erase."""
        return await verify(plan, data_map, self.stores, identities, self.register, room=self._room)

    async def search_texts(
        self, plan: RecordPlan, remains: Remains, data_map: DataMap, wanted: frozenset[Needle]
    ) -> Sequence[Residue]:
        """Return the texts that still name the person; none if this search is switched off."""
        return await search_texts(plan, remains, data_map, self.stores, wanted) if self.reads_texts else ()

    async def plan_again(self, done: Round, data_map: DataMap, today: date) -> RecordPlan:
        """Return a plan for the records that *done* has left."""
        return await plan_again(done, data_map, self.stores, today, self.zone)

    async def change(self, plan: RecordPlan) -> Sequence[MissingChange]:
        """Mark and correct by *plan*, read again, and return the changes that are missing."""
        return await execute_changes(plan, self.stores)
