"""The engine as handlers use it: the same calls that the operator's verbs make."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.fulfillment.changes.change import Undone
from services.fulfillment.changes.execution import carry_out
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.execution import Refused, Remains, execute, verify
from services.fulfillment.erasure.residue import Residue, look_through
from services.fulfillment.erasure.rounds import Round, plan_again
from services.fulfillment.erasure.steps import ErasurePlan
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.mentions import Needle
from services.fulfillment.search.walk import Findings, gather
from services.fulfillment.stores.mongodb import Stores


@dataclass(frozen=True, slots=True)
class RecordEngine:
    """Searches, erases and looks again in *stores*."""

    stores: Stores
    reads_texts: bool = True
    """Whether an erasure ends with a look through all texts for what still names the person."""

    async def gather(
        self,
        data_map: DataMap,
        identities: Identities,
        claimed: Identities | None = None,
        verified: Identities | None = None,
    ) -> Findings:
        """
        Return every record of the person whom *identities* describe, who claims to be *claimed*, too.

        What an earlier search found to be *verified* tells the records of others.
        """
        return await gather(data_map, self.stores, identities, claimed=claimed, verified=verified)

    async def gather_verified(self, data_map: DataMap, identities: Identities) -> Findings:
        """
        Return the records in which *identities* stand verified, and those that belong to these.

        What a person says of themselves is compared with them alone: others may have written it there.
        """
        return await gather(data_map, self.stores, identities, only_verified=True)

    async def erase(self, plan: ErasurePlan) -> Refused:
        """Carry *plan* out; it may be repeated."""
        return await execute(plan, self.stores)

    async def verify(self, plan: ErasurePlan, data_map: DataMap, identities: Identities) -> Remains:
        """Look again for what *plan* was to erase."""
        return await verify(plan, data_map, self.stores, identities)

    async def look_through(
        self, plan: ErasurePlan, remains: Remains, data_map: DataMap, wanted: frozenset[Needle]
    ) -> Sequence[Residue]:
        """Return where texts still name the person; nowhere is looked where that is switched off."""
        return await look_through(plan, remains, data_map, self.stores, wanted) if self.reads_texts else ()

    async def plan_again(self, done: Round, data_map: DataMap, today: date) -> ErasurePlan:
        """Return a plan for what *done* has left."""
        return await plan_again(done, data_map, self.stores, today)

    async def change(self, plan: ErasurePlan) -> Sequence[Undone]:
        """Mark and correct by *plan*, read it again, and return what does not stand there."""
        return await carry_out(plan, self.stores)
