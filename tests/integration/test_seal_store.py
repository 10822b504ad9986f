"""A new installation believes no message without a seal; an upgraded one does for a day, and only once."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.runtime.console_credential import issued
from shared.runtime.mongo import Client, Database
from shared.runtime.seal_store import TRANSITION, SealStore
from shared.runtime.service_reports import ServiceReporter

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
KEY = bytes(32)


@pytest.fixture
def database(mongo_client: Client, database_prefix: str) -> Database:
    return mongo_client[f"{database_prefix}_intake"]


async def unsealed_until(database: Database, now: datetime) -> datetime | None:
    return (await SealStore(database).seals("intake", KEY, now)).unsealed_until


async def test_new_installation_never_believes_a_message_without_a_seal(database: Database) -> None:
    await issued(database)  # intake draws it at its first start, before
    assert await unsealed_until(database, NOW) == NOW
    await database["journal"].insert_one({"_id": "a:0"})
    await ServiceReporter(database, "intake", {}).write()
    assert await unsealed_until(database, LATER) == NOW


@pytest.mark.parametrize("trace", ["journal", "report"])
async def test_upgraded_installation_believes_them_for_a_day_after_the_first_start(
    database: Database, trace: str
) -> None:
    if trace == "journal":
        await database["journal"].insert_one({"_id": "a:0"})
    else:
        await ServiceReporter(database, "intake", {}).write()
    assert await unsealed_until(database, NOW) == NOW + TRANSITION
    assert await unsealed_until(database, LATER) == NOW + TRANSITION, "of another replica, or a later start"


async def test_account_without_keys_draws_one_for_all_its_replicas(database: Database) -> None:
    first = await SealStore(database).seals("console", None, NOW)
    second = await SealStore(database).seals("console", None, LATER)
    assert first.keys == second.keys
    assert len(first.keys[0]) == 32
    assert first.keys != (await SealStore(database).seals("console", KEY, NOW)).keys
