"""How a campaign stands is looked up now and then, and once for all who ask at the same time."""

import asyncio
from typing import Any, cast

from services.notifier.breach.campaign.states import CampaignState, Standings
from shared.runtime.mongo import Database


class Watched(Standings):
    """Knows of one campaign, and how often it was looked up."""

    looks = 0

    def __init__(self, standing: CampaignState) -> None:
        super().__init__(cast("Database", {"campaigns": cast("Any", None)}))
        self.standing = standing

    async def of(self, incident: str) -> CampaignState:  # noqa: ARG002 - there is but one
        self.looks += 1
        await asyncio.sleep(0)
        return self.standing


async def test_concurrent_callers_share_a_look() -> None:
    standings = Watched(CampaignState.PAUSED)
    await asyncio.gather(*(standings.lately("incident") for _ in range(10)))
    assert standings.looks == 1


async def test_result_of_a_look_is_shared_with_the_next_caller() -> None:
    standings = Watched(CampaignState.PAUSED)
    await standings.lately("incident")
    assert await standings.lately("incident") is CampaignState.PAUSED
