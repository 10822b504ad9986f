"""What comes to light once an approved erasure has begun waits until somebody has approved of that, too."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.fulfillment.stores.mongodb import Stores
from shared.contract.events import ErasureApproved, ErasurePlanned, ErasureRetried, RequestWithdrawn
from shared.runtime.mongo import Client
from tests.integration.crash_points import Life
from tests.integration.test_engine import World
from tests.integration.test_erasure_crashes import CASE, Durable, fill


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    stores = Stores({"default": mongo_client}, database_prefix=database_prefix)
    yield World(mongo_client, database_prefix, stores)


async def work(durable: Durable) -> None:
    await durable.broker.drain(durable.process(Life()))


def approval(by: str) -> ErasureApproved:
    return ErasureApproved(request_id=CASE, by=by)


@pytest.mark.parametrize(
    ("above", "again"),
    [pytest.param(0, True, id="always"), pytest.param(20, False, id="of more than there are")],
)
async def test_a_record_that_came_after_the_approval_waits_for_another(
    world: World, above: int, *, again: bool
) -> None:
    await fill(world)
    durable = Durable(world, approval_above=0)
    await durable.begin()
    await work(durable)
    assert await world.get("desk.people", _id=1) is not None, "nobody has approved yet"
    await world.insert("desk.people", {"_id": 9, "email": "kim@example.org"})

    durable.approval_above = above
    await durable.send(approval("second.person"), "a1")
    await work(durable)
    assert await world.get("desk.people", _id=1) is None
    assert (await world.get("desk.people", _id=9) is not None) is again
    assert bool(await durable.fulfilled()) is not again
    if not again:
        return

    # Neither stops it: what was erased must be certified.
    await durable.send(RequestWithdrawn(request_id=CASE), "w1")
    await durable.send(ErasureRetried(request_id=CASE), "r1")
    await work(durable)
    assert await world.get("desk.people", _id=9) is not None
    await durable.send(approval("second.person"), "a2")
    await work(durable)
    assert await world.get("desk.people", _id=9) is None
    certificate = await durable.certificate()
    assert certificate["verification"]["result"] == "nothing_left"
    assert certificate["asked"]["approved_by"] == "second.person"


async def test_remaining_record_that_waits_is_not_planned_daily(world: World) -> None:
    await fill(world)
    database = world.client[world.prefix + "desk"]
    await database.command("collMod", "notes", validator={"never": "fulfilled"})
    durable = Durable(world, approval_above=0)
    await durable.begin()
    await work(durable)
    await durable.send(approval("second.person"), "a1")
    await work(durable)
    [partly] = await durable.fulfilled()
    assert partly.dispositions["left"] == 4

    await database.command("collMod", "notes", validator={})
    await world.insert("desk.people", {"_id": 9, "email": "kim@example.org"})
    await durable.send(ErasureRetried(request_id=CASE), "r1")
    await work(durable)
    plans = await planned(durable)
    await durable.send(ErasureRetried(request_id=CASE), "r2")
    await work(durable)
    assert await planned(durable) == plans
    assert await world.get("desk.people", _id=9) is not None

    await durable.send(approval("third.person"), "a2")
    await work(durable)
    assert await world.get("desk.people", _id=9) is None
    whole = (await durable.fulfilled())[-1]
    assert "left" not in whole.dispositions


async def planned(durable: Durable) -> int:
    """Return how many plans were made."""
    rows = (await durable.journal.histories({CASE}))[CASE]
    return sum(isinstance(fact, ErasurePlanned) for row in rows for fact in row.facts)
