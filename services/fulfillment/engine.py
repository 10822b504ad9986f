"""The engine as handlers use it: the same calls that the operator's verbs make."""

from dataclasses import dataclass

from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.execution import Remains, execute, verify
from services.fulfillment.erasure.steps import Plan
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.stores import Stores
from services.fulfillment.search.walk import Findings, gather


@dataclass(frozen=True, slots=True)
class Engine:
    """Searches, erases and looks again in *stores*."""

    stores: Stores

    async def gather(self, data_map: DataMap, identities: Identities) -> Findings:
        """Return every record of the person whom *identities* describe."""
        return await gather(data_map, self.stores, identities)

    async def erase(self, plan: Plan) -> None:
        """Carry *plan* out; it may be repeated."""
        await execute(plan, self.stores)

    async def verify(self, plan: Plan, data_map: DataMap, identities: Identities) -> Remains:
        """Look again for what *plan* was to erase."""
        return await verify(plan, data_map, self.stores, identities)
