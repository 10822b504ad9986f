"""P38: the Do Not Track signal is ignored; Global Privacy Control is honoured."""

import pytest

from services.fulfillment.changes.suppressions import SuppressionPurpose
from tests.integration.pipeline import Pipeline, Somebody, comes_true

HONORED = "Opt-Out Request Honored"


@pytest.mark.parametrize(("headers", "honored"), [({"DNT": "1"}, False), ({"Sec-GPC": "1"}, True)])
async def test_only_global_privacy_control_counts_as_an_opt_out(
    pipeline: Pipeline, headers: dict[str, str], honored: bool
) -> None:
    page = (await pipeline.http.get("/", headers=headers)).raise_for_status().text
    assert (HONORED in page) is honored


async def test_request_with_the_signal_stops_the_sale_and_one_with_do_not_track_does_not(
    pipeline: Pipeline,
) -> None:
    signalling = Somebody("signal.p38@example.org", "Kim Beispiel")
    untracked = Somebody("untracked.p38@example.org", "Kim Beispiel")
    for person, header in ((untracked, "DNT"), (signalling, "Sec-GPC")):
        sent = await pipeline.http.post("/v1/requests", json=person.asks("access"), headers={header: "1"})
        sent.raise_for_status()

    async def stopped() -> bool:
        return await pipeline.stopped(signalling, SuppressionPurpose.SALE)

    await comes_true(stopped)
    assert not await pipeline.stopped(untracked, SuppressionPurpose.SALE)
