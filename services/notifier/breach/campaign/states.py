"""States of campaigns: running, paused or stopped, by the last order of the staff."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.runtime.mongo import Database, Document, ReturnDocument, translated

LOOK_EVERY_S = 0.5
"""Greatest age of a known state of an incident."""


class CampaignState(StrEnum):
    """The state of an incident's notices."""

    ON = "on"
    PAUSED = "paused"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class LateBounces:
    """Letters of an incident that came back after the end of their phases."""

    incident: str
    times: Mapping[str, int]
    """Phase → how often some did."""
    counted: Mapping[str, int]
    """The same as it was when they were counted last."""

    @property
    def phases(self) -> list[int]:
        """Return the phases that are to be counted."""
        return [int(phase) for phase, times in self.times.items() if times != self.counted.get(phase)]


class Standings:
    """The states of all incidents."""

    def __init__(self, database: Database) -> None:
        """Keep it in *database*."""
        self._campaigns = database["campaigns"]
        self._seen: dict[str, tuple[float, CampaignState]] = {}

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the campaigns"):
            await self._campaigns.create_index("campaign")
            await self._campaigns.create_index("recount", partialFilterExpression={"recount": True})

    async def begin(self, incident: str, campaign: str) -> None:
        """Record that notices of *incident* go out, and its pseudonym in addresses."""
        fresh = {"campaign": campaign, "standing": CampaignState.ON}
        with translated("begin a campaign"):
            await self._campaigns.update_one({"_id": incident}, {"$setOnInsert": fresh}, upsert=True)

    async def set(self, incident: str, standing: CampaignState, said_at: datetime) -> bool:
        """
        Record an order of the staff, unless a later one is recorded; return whether it holds.

        A message may wait in the broker while the database is away, or be handled beside a later one by
        another replica. An incident stopped for good stays stopped, in any order of messages.
        Nothing is dated later than now by the database's clock: else the next order would not hold.
        """
        going_on: Document = {"_id": incident, "standing": {"$ne": CampaignState.ABORTED}}
        if standing is not CampaignState.ABORTED:
            going_on["$or"] = [{"said_at": {"$exists": False}}, {"said_at": {"$lte": said_at}}]
        said = {"$set": {"standing": standing, "said_at": {"$min": [said_at, "$$NOW"]}}}
        with translated("record an order of the staff"):
            return (await self._campaigns.update_one(going_on, [said])).matched_count == 1

    async def claim_end(self, incident: str, phase: int, claimant: str) -> bool:
        """Return whether *claimant* publishes the end of a phase: the first one to ask does."""
        first = {"$set": {f"ended.{phase}": {"$ifNull": [f"$ended.{phase}", claimant]}}}
        with translated("note the publisher of the end of a campaign"):
            found = await self._campaigns.find_one_and_update(
                {"_id": incident}, [first], return_document=ReturnDocument.AFTER
            )
        return found is not None and bool(found["ended"][str(phase)] == claimant)

    async def note_late(self, incident: str, phase: int) -> None:
        """Note that a letter of *phase* came back, if the end of the phase is published."""
        ended = {"_id": incident, f"ended.{phase}": {"$exists": True}}
        with translated("note a letter that came back late"):
            await self._campaigns.update_one(ended, {"$inc": {f"late.{phase}": 1}, "$set": {"recount": True}})

    async def late(self) -> list[LateBounces]:
        """Return the incidents of which letters came back since they were counted."""
        with translated("look for letters that came back late"):
            found = await self._campaigns.find({"recount": True}).to_list(None)
        return [LateBounces(one["_id"], one["late"], one.get("counted", {})) for one in found]

    async def counted(self, late: LateBounces) -> None:
        """Note that *late* letters are counted; where more came meanwhile, they are counted again."""
        done = {"counted": late.times, "recount": False}
        with translated("note that late letters are counted"):
            await self._campaigns.update_one({"_id": late.incident, "late": late.times}, {"$set": done})

    async def forget(self, incident: str) -> None:
        """Forget that notices of *incident* went out; it may be repeated."""
        self._seen.pop(incident, None)
        with translated("forget a campaign"):
            await self._campaigns.delete_one({"_id": incident})

    async def of(self, incident: str) -> CampaignState:
        """Return how it stands with *incident* now."""
        with translated("see how a campaign stands"):
            found = await self._campaigns.find_one({"_id": incident})
        return CampaignState(found["standing"]) if found else CampaignState.ON

    async def begun(self, incident: str) -> bool:
        """Return whether notices of *incident* were released."""
        with translated("look for a campaign"):
            return await self._campaigns.find_one({"_id": incident}, {"_id": 1}) is not None

    async def lately(self, incident: str) -> CampaignState:
        """Return the state of *incident* a moment ago: for callers that ask over and over."""
        now = asyncio.get_running_loop().time()
        at, standing = self._seen.get(incident, (-LOOK_EVERY_S, CampaignState.ON))
        if now - at >= LOOK_EVERY_S:
            self._seen[incident] = now, standing  # concurrent callers need not look as well
            standing = await self.of(incident)
            self._seen[incident] = now, standing
        return standing

    async def incident(self, campaign: str) -> str | None:
        """Return the incident that *campaign* stands for in addresses; None where it is none of ours."""
        with translated("look up a campaign"):
            found = await self._campaigns.find_one({"campaign": campaign})
        return found["_id"] if found else None
