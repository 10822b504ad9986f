"""A store that is slow or away is asked again later; other breaches go on, and the staff is told."""

import asyncio
from datetime import timedelta

import pytest

from services.fulfillment.breach import scope_job
from services.fulfillment.breach.handlers import ScopeContext, scope
from services.fulfillment.breach.scope_job import BREACHES_AT_ONCE, ScopeJob
from services.fulfillment.breach.scope_store import BreachScope
from shared.contract.events.breaches import BreachDeclared, BreachRegistered
from shared.errors import StoreUnavailable
from shared.runtime.mongo import Client
from tests.integration.scope_fixture import INCIDENT, Installation, declared
from tests.integration.test_scoping import SHOP, collection, shop
from tests.waiting import WatchedPauses, eventually

SLOW = collection("people", **{"$expr": {"$eq": [{"$toLower": {"$toString": "$_id"}}, "none"]}})


@pytest.fixture
def installed(mongo_client: Client, database_prefix: str) -> Installation:
    return Installation(mongo_client, database_prefix, SHOP)


async def test_a_filter_that_a_store_works_at_too_long_is_not_waited_for(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await installed.business("shop", "people").insert_many([{"_id": n} for n in range(20_000)])
    monkeypatch.setattr("services.fulfillment.breach.search.CHECKED_WITHIN", timedelta(milliseconds=1))
    await installed.register(declared(collections=[SLOW]))
    monkeypatch.undo()
    assert await installed.replica().work(), "it is looked for without anybody waiting for it"


@pytest.mark.parametrize("affected", ["collections", "list"])
async def test_a_query_that_goes_on_too_long_ends_and_is_said_and_holds_up_no_other_breach(
    installed: Installation, affected: str
) -> None:
    """Both ways of looking: for the records that were breached, and for where people live."""
    await installed.business("shop", "people").insert_many(
        [{"_id": n, "email": f"{n}@example.org"} for n in range(20_000)]
    )
    named = {"collections": [SLOW]} if affected == "collections" else {"list": [{"email": "1@example.org"}]}
    await installed.scopes.prepare()
    await installed.register(declared(**named))
    hurried = installed.replica(within=timedelta(milliseconds=1))
    with pytest.raises(StoreUnavailable, match="ExecutionTimeout"):
        await hurried.work()
    [reason] = (await installed.failures()).values()
    assert "ExecutionTimeout" in reason
    installed.later()
    other = BreachScope("2" * 32, 1, declaration="")
    await installed.scopes.take(other)
    begun = await installed.scopes.begin(installed.now)
    assert begun is not None
    assert begun.incident == other.incident, "whoever waits for longest comes first"
    assert await installed.replica().work()


async def test_breaches_are_worked_on_side_by_side(installed: Installation) -> None:
    """One store that does not answer for long holds up nobody whose records lie elsewhere."""
    await installed.scopes.prepare()
    hanging, begun = asyncio.Event(), list[str]()

    class Hanging(ScopeJob):
        async def _go_on(self, scope: BreachScope) -> None:
            begun.append(scope.incident)
            await hanging.wait()

    for number in range(2):
        await installed.scopes.take(BreachScope(f"{number}" * 32, 1, declaration=""))
    made = installed.replica()
    parts = {name: getattr(made, name) for name in made.__slots__}
    running = asyncio.create_task(Hanging(**parts).run())
    try:
        await eventually(lambda: len(begun) == 2)
    finally:
        running.cancel()
    assert set(begun) == {"0" * 32, "1" * 32}


async def test_a_store_that_is_down_when_a_breach_is_registered_holds_up_no_message(
    installed: Installation,
) -> None:
    await shop(installed)
    breach = declared(collections=[collection("people")])

    class Down:
        async def check(self, declared: BreachDeclared) -> None:
            assert declared == breach
            raise StoreUnavailable("it does not answer")

    await installed.vault.create(INCIDENT)
    await installed.vault.seal(INCIDENT, "declared", breach.model_dump_json().encode())
    event = BreachRegistered(
        request_id=INCIDENT, phase=1, declaration="declared", role=breach.role, aware_at=breach.aware_at
    )
    assert await scope(event, ScopeContext(installed.vault, Down(), installed.scopes)) == []
    assert await installed.replica().work()
    assert installed.of().records == 4


async def test_scope_that_is_enqueued_wakes_the_job(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scope_job, "LOOK_EVERY_S", 3_600.0)
    await installed.scopes.prepare()
    begun = asyncio.Event()

    class Beginning(ScopeJob):
        async def _go_on(self, _scope: BreachScope) -> None:
            begun.set()

    made = installed.replica()
    pauses = made.scopes.enqueued = WatchedPauses()
    running = asyncio.create_task(Beginning(**{name: getattr(made, name) for name in made.__slots__}).run())
    # All pause at first; the first one looks at once, and pauses again.
    await eventually(lambda: pauses.count > BREACHES_AT_ONCE)
    await made.scopes.take(BreachScope("2" * 32, 1, declaration=""))
    await asyncio.wait_for(begun.wait(), 120)
    running.cancel()
