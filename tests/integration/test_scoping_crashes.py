"""
A replica that scopes a breach may die before or after every write, or be overtaken while it lives.

Whoever goes on comes to the same batches and the same numbers as one that lived.
"""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.fulfillment.breach import scope_store, search
from services.fulfillment.breach.scope_job import LATER, TRY_AGAIN_S
from services.fulfillment.breach.scope_store import ScopeLeaseLost
from services.fulfillment.stores.mongodb import Stores
from shared.errors import StoreUnavailable
from shared.runtime.log import plain_traceback
from shared.runtime.mongo import Client, Document
from tests.extent import extent
from tests.integration.crash_points import Killed, Life, Mortal
from tests.integration.pipeline import comes_true
from tests.integration.scope_fixture import INCIDENT, Installation, declared
from tests.integration.test_scoping import SHOP, collection, shop

KILLED_AT_EVERY = extent(2, 1)
"""Every second boundary is before a write: so each state that a crash can leave is tried."""
WRITES = frozenset({"add", "begin", "complete", "end", "publish", "put_into", "reach", "seal", "take"})
BREACH = declared(
    collections=[collection(name) for name in ("people", "devices", "positions", "teams")],
    list=[{"email": "list@example.org", "residence": {"country": "DE"}}],
)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have few records and people at once, so that there are many places to die at."""
    monkeypatch.setattr(search, "DOCUMENTS_AT_ONCE", 1)
    monkeypatch.setattr(scope_store, "AT_ONCE", 2)
    monkeypatch.setattr("services.fulfillment.breach.scope_job.MOST_IN_BATCH", 1)


@pytest.fixture
def installed(mongo_client: Client, database_prefix: str) -> Installation:
    return Installation(mongo_client, database_prefix, SHOP)


def mortal(installed: Installation, life: Life) -> Any:
    return installed.replica(
        scopes=Mortal(installed.scopes, life, WRITES),
        vault=Mortal(installed.vault, life, WRITES),
        publish=Mortal(installed, life, WRITES).publish,
    )


async def lived(installed: Installation) -> tuple[int, Any, Any]:
    """Return how many boundaries a replica passes that lives, what it tells and what it seals."""
    await shop(installed)
    await installed.scopes.prepare()
    await installed.register(BREACH)
    life = Life()
    assert await mortal(installed, life).work()
    return life.passed, installed.of(), await installed.batches()


async def forget(installed: Installation) -> Installation:
    """Return the same company, where no breach was ever registered."""
    for database, names in (
        ("fulfillment", ("breach_people", "breach_scopes")),
        ("vault", ("items",)),
        ("keys", ("keys",)),
    ):
        for name in names:
            await installed.client[f"{installed.prefix}_{database}"][name].delete_many({})
    return Installation(installed.client, installed.prefix, SHOP)


@pytest.mark.campaign
@pytest.mark.timeout(300)
async def test_crash_anywhere_leaves_nothing_undone_and_nothing_twice(installed: Installation) -> None:
    boundaries, told, batches = await lived(installed)
    assert boundaries > 50
    for last in range(1, boundaries + 1, KILLED_AT_EVERY):
        again = await forget(installed)
        await again.register(BREACH)
        with suppress(Killed):
            await mortal(again, Life(last)).work()
        again.later()
        while await again.replica().work():
            pass
        assert again.of() == told, last
        assert await again.batches() == batches, last


async def test_a_message_that_comes_again_changes_nothing(installed: Installation) -> None:
    _, told, batches = await lived(installed)
    await installed.register(BREACH)
    assert not await installed.replica().work()
    assert (installed.of(), await installed.batches()) == (told, batches)


async def test_search_without_its_lease_writes_nothing(installed: Installation) -> None:
    await shop(installed)
    await installed.register(BREACH)
    first = await installed.scopes.begin(installed.now)
    assert first is not None
    assert await installed.scopes.begin(installed.now) is None, "the lease holds"
    installed.later()
    second = await installed.scopes.begin(installed.now)
    assert second is not None
    key = await installed.vault.key_of(INCIDENT)
    people = [
        one async for p in search.AffectedSearch(SHOP, installed.stores).portions(BREACH) for one in p.people
    ]
    with pytest.raises(ScopeLeaseLost):
        await installed.scopes.add(first, people, key, installed.now)
    assert await installed.people.count_documents({}) == 0
    with pytest.raises(ScopeLeaseLost):
        await installed.scopes.reach(first, scope_store.ScopeStage.SEALING, installed.now)
    await installed.scopes.add(second, people, key, installed.now)
    assert await installed.people.count_documents({}) > 0


class Failing(Stores):
    """Stores that do not answer once, in the middle of a collection."""

    failures = 1

    async def scan(self, place: Any, paths: Any, condition: Document | None = None, **limits: Any) -> Any:
        passed = 0
        async for document in super().scan(place, paths, condition, **limits):
            yield document
            passed += 1
            if passed == 2 and place.name == "people" and self.failures:
                type(self).failures -= 1
                raise StoreUnavailable("it does not answer")


async def test_silent_store_is_asked_again_and_gives_no_empty_scope(
    installed: Installation,
) -> None:
    await shop(installed)
    await installed.register(BREACH)
    failing = Failing({"default": installed.client}, database_prefix=installed.prefix)
    with pytest.raises(StoreUnavailable):
        await installed.replica(stores=failing).work()
    assert not installed.told
    installed.later()
    assert await installed.replica(stores=failing).work()
    assert "bo@example.com" in await installed.written_to()


async def test_found_people_stay_found_although_records_change(installed: Installation) -> None:
    """A law that is changed, or a record that goes, between two attempts makes no other batches."""
    await shop(installed)
    await installed.register(BREACH)
    life = Life()
    publish = Mortal(installed, Life(1), WRITES).publish
    dying = installed.replica(publish=publish, vault=Mortal(installed.vault, life, WRITES))
    with pytest.raises(Killed):
        await dying.work()
    await installed.business("shop", "people").delete_many({})
    installed.later()

    class Silent:
        def owed(self, *_: object) -> tuple[str, ...]:
            return ()

        to_customers = owed

    assert await installed.replica(law=Silent()).work()
    assert set(await installed.written_to()) >= {"bo@example.com", "eve@example.org"}


async def test_phases_of_one_incident_take_turns(installed: Installation) -> None:
    await shop(installed)
    await installed.register(BREACH)
    await installed.register(BREACH, phase=2)
    first = await installed.scopes.begin(installed.now)
    assert first is not None
    assert first.phase == 1
    assert await installed.scopes.begin(installed.now) is None
    installed.later()
    while await installed.replica().work():
        installed.later()
    assert installed.of(2).chunks == 0, "everybody was told in the first phase"


async def test_a_phase_that_another_replica_takes_meanwhile_is_not_begun_beside_its_first(
    installed: Installation,
) -> None:
    """Who is in both would be told in both: neither would know of the other's people."""
    await installed.scopes.prepare()
    await shop(installed)
    await installed.register(BREACH, phase=2)
    late = installed.scopes
    real = late._scopes

    class Overtaking:
        """The collection, in which the first phase is begun after person has looked which there are."""

        def find(self, *words: Any) -> Any:
            return real.find(*words)

        async def find_one_and_update(self, *words: Any, **more: Any) -> Any:
            await installed.register(BREACH)
            first = await installed.scopes.begin(installed.now)
            assert first is not None
            assert first.phase == 1
            return await real.find_one_and_update(*words, **more)

    late._scopes = Overtaking()  # type: ignore[assignment]
    assert await late.begin(installed.now) is None
    installed.later()
    while await installed.replica().work():
        installed.later()
    assert installed.of(2).chunks == 0, "everybody was told in the first phase"


class Slow(Stores):
    """Stores in which one look takes longer than a lease."""

    installed: Installation
    begun: list[object]

    async def _is_renewed(self) -> bool:
        scopes = self.installed.client[f"{self.installed.prefix}_fulfillment"]["breach_scopes"]
        return bool(await scopes.count_documents({"at": self.installed.now}))

    async def scan(self, place: Any, paths: Any, condition: Document | None = None, **limits: Any) -> Any:
        async for document in super().scan(place, paths, condition, **limits):
            if not self.begun and "most" not in limits:
                self.installed.later()
                await comes_true(self._is_renewed)
                self.begun.append(await self.installed.scopes.begin(self.installed.now))
            yield document


async def test_lease_is_renewed_during_a_long_portion(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.fulfillment.breach.scope_job.BEAT_S", 0.02)
    await shop(installed)
    await installed.register(BREACH)
    slow = Slow({"default": installed.client}, database_prefix=installed.prefix)
    slow.installed, slow.begun = installed, []
    assert await installed.replica(stores=slow).work()
    assert slow.begun == [None]


async def test_overtaken_replica_stops_once_the_scope_is_reported(installed: Installation) -> None:
    await shop(installed)
    await installed.register(BREACH)
    first = await installed.scopes.begin(installed.now)
    assert first is not None
    installed.later()
    assert await installed.replica().work()
    key = await installed.vault.key_of(INCIDENT)
    with pytest.raises(ScopeLeaseLost):
        [page async for page in installed.scopes.pages(first, key)]


class _Careless(Stores):
    async def absent(self, places: Any) -> Any:
        assert places
        raise RuntimeError("ada@example.org is not to be quoted")


@pytest.mark.parametrize(
    ("error", "reason", "level"),
    [
        (StoreUnavailable("it does not answer"), "it does not answer", "warning"),
        (RuntimeError("ada@example.org is not to be quoted"), "RuntimeError", "error"),
    ],
)
async def test_what_holds_a_breach_up_is_said_once_and_of_which(
    installed: Installation, error: Exception, reason: str, level: str
) -> None:
    class Broken(Stores):
        async def absent(self, places: Any) -> Any:
            assert places
            raise error

    await shop(installed)
    await installed.register(BREACH)
    replica = installed.replica(
        stores=Broken({"default": installed.client}, database_prefix=installed.prefix)
    )
    with capture_logs() as logs:
        assert await replica.take_turn() == TRY_AGAIN_S
    [said] = [one for one in logs if one["event"] == LATER]
    assert (said["reason"], said["log_level"], said["request_id"]) == (reason, level, INCIDENT)
    written = [plain_traceback(None, level, dict(one)) for one in logs]
    assert "ada@example.org" not in str(written)


async def test_what_nobody_foresaw_of_one_breach_ends_nothing_and_is_said_without_quoting(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.fulfillment.breach.scope_job.TRY_AGAIN_S", 0.01)
    await shop(installed)
    await installed.register(BREACH)
    careless = _Careless({"default": installed.client}, database_prefix=installed.prefix)
    running = asyncio.create_task(installed.replica(stores=careless).run())
    scopes_ = installed.client[f"{installed.prefix}_fulfillment"]["breach_scopes"]

    async def said() -> bool:
        [one] = [one async for one in scopes_.find()]
        return bool(one["failed"] == "RuntimeError")

    await comes_true(said)
    assert not running.done()
    assert await installed.failures() == {1: "RuntimeError"}
    running.cancel()
    installed.later()
    assert await installed.replica().work()
    assert await installed.failures() == {}
