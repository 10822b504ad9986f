"""Whose incident is purged leaves no ledger behind, and nothing in the journals but that it was."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.breach_fixture import seal
from habeas.embedded.stack import Stack
from shared.contract.events import DeliveryAction, RequestPurged
from shared.contract.events.breaches import BreachNoticeReturned, NoticesReleased
from tests.integration.campaign_fixture import Campaigner, campaigning, sink
from tests.integration.pipeline import comes_true

WITHIN = timedelta(seconds=120)


async def rows(campaigner: Campaigner, service: str, incident: str) -> list[dict[str, Any]]:
    """Return what the journal of *service* says of *incident* and its batches."""
    return await campaigner.pipeline.rows(service, case={"$regex": f"^{incident}"})


def returned(incident: str, number: int) -> BreachNoticeReturned:
    return BreachNoticeReturned(
        request_id=incident, phase=1, chunk=0, number=number, action=DeliveryAction.FAILED, status="5.1.1"
    )


async def test_ledgers_and_what_journals_say_go_with_the_incident(
    parts: Stack | None, tmp_path: Path
) -> None:
    async with sink(tmp_path) as taken, campaigning(parts, tmp_path, taken.url) as campaigner:

        async def of_itself(incident: str) -> list[dict[str, Any]]:
            return await campaigner.pipeline.rows("campaigns", case=incident)

        async def noted(incident: str, returns: int) -> bool:
            told = await rows(campaigner, "campaigns", incident)
            return [row["event"]["type"] for row in told].count(BreachNoticeReturned.TYPE) == returns

        purged, kept = [await seal(campaigner.vault, 30, size=10) for _ in range(2)]
        await campaigner.pipeline.start("notifier")
        for breach in (purged, kept):
            await campaigner.release(breach)
            await campaigner.notified(breach)
            await campaigner.tell(*(returned(breach.incident, number) for number in range(10)))
            await comes_true(lambda breach=breach: noted(breach.incident, 10), WITHIN)  # type: ignore[misc]
        assert [row["event"]["type"] for row in await of_itself(kept.incident)] == [NoticesReleased.TYPE], (
            "whoever stops the notices waits for no letter that came back before"
        )
        await campaigner.tell(RequestPurged(request_id=purged.incident))

        async def gone() -> bool:
            left = [await rows(campaigner, name, purged.incident) for name in ("campaigns", "chunks")]
            events = [[row["event"]["type"] for row in some] for some in left]
            return events == [[RequestPurged.TYPE]] * 2 and await campaigner.ledgers(purged) == []

        await comes_true(gone, WITHIN)
        await campaigner.pipeline.stop()
        database = campaigner.pipeline.client[f"{campaigner.pipeline.prefix}_campaigns"]
        assert [one["_id"] async for one in database["campaigns"].find({})] == [kept.incident]
        assert len(await campaigner.ledgers(kept)) == 3
        assert len(await rows(campaigner, "chunks", kept.incident)) >= 3
