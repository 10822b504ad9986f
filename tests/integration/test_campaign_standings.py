"""What the staff said last of a campaign holds, in whatever order it arrives."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from bench.campaign_floor import house
from services.notifier.breach.campaign.handlers import Campaign, Steering, abort, pause, resume
from services.notifier.breach.campaign.ledgers import Ledgers
from services.notifier.breach.campaign.states import CampaignState, Standings
from shared.contract.events.breaches import CampaignAborted, CampaignPaused, CampaignResumed
from shared.errors import RefusedDecision
from shared.law.library import EXAMPLE, company
from shared.runtime.journal import Journal
from shared.runtime.mongo import Client
from shared.runtime.vault import Vault
from tests.integration.test_campaign_turns import PATHS

INCIDENT = "1" * 32
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=1)
PAUSE = CampaignPaused(request_id=INCIDENT, by="ada")
RESUME = CampaignResumed(request_id=INCIDENT, by="ada")
ABORT = CampaignAborted(request_id=INCIDENT, by="ada")


@pytest_asyncio.fixture
async def desk(mongo_client: Client, database_prefix: str) -> Steering:
    database = mongo_client[f"{database_prefix}_campaigns"]
    vault = Vault(mongo_client, prefix=database_prefix, master_key=b"m" * 32)
    standings = Standings(database)
    await standings.begin(INCIDENT, PATHS.campaign(INCIDENT))
    ledgers = Ledgers(database, by="one")
    return Steering(
        INCIDENT,
        Campaign(),
        ledgers,
        standings,
        vault,
        PATHS,
        said_at=NOON,
        journal=Journal(database),
        house=house(),
        company=company(EXAMPLE),
    )


async def test_a_pause_that_comes_after_what_was_said_after_it_stops_nobody(desk: Steering) -> None:
    """It may have waited in the broker while the database was away, or lie at another replica."""
    await resume(RESUME, replace(desk, said_at=LATER))
    with pytest.raises(RefusedDecision, match="order_outdated"):
        await pause(PAUSE, replace(desk, said_at=NOON))
    assert await desk.standings.of(INCIDENT) is CampaignState.ON


async def test_notices_that_were_let_go_on_before_they_were_paused_stay_paused(desk: Steering) -> None:
    await pause(PAUSE, replace(desk, said_at=LATER))
    with pytest.raises(RefusedDecision, match="order_outdated"):
        await resume(RESUME, replace(desk, said_at=NOON))
    assert await desk.standings.of(INCIDENT) is CampaignState.PAUSED


async def test_a_clock_that_is_ahead_has_no_word_more_than_others(desk: Steering) -> None:
    now = datetime.now(UTC)
    await pause(PAUSE, replace(desk, said_at=now + timedelta(hours=1)))
    await resume(RESUME, replace(desk, said_at=now + timedelta(minutes=1)))
    assert await desk.standings.of(INCIDENT) is CampaignState.ON


async def test_what_does_not_hold_is_in_the_log(desk: Steering, capsys: pytest.CaptureFixture[str]) -> None:
    await resume(RESUME, replace(desk, said_at=LATER))
    assert "does not hold" not in capsys.readouterr().out
    with pytest.raises(RefusedDecision, match="order_outdated"):
        await pause(PAUSE, replace(desk, said_at=NOON))
    assert "order of the staff does not hold" in capsys.readouterr().out


@pytest.mark.parametrize("said_at", [NOON, LATER])
async def test_what_is_said_as_its_turn_comes_holds(desk: Steering, said_at: datetime) -> None:
    await pause(PAUSE, replace(desk, said_at=NOON))
    await resume(RESUME, replace(desk, said_at=said_at))
    assert await desk.standings.of(INCIDENT) is CampaignState.ON


async def test_notices_that_are_stopped_for_good_stay_stopped_whatever_was_said_when(
    desk: Steering,
) -> None:
    await resume(RESUME, replace(desk, said_at=LATER))
    await abort(ABORT, replace(desk, said_at=NOON))
    with pytest.raises(RefusedDecision, match="order_outdated"):
        await resume(RESUME, replace(desk, said_at=LATER + timedelta(seconds=1)))
    assert await desk.standings.of(INCIDENT) is CampaignState.ABORTED
