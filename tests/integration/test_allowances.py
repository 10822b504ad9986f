"""Codes are counted per mailbox over all requests, in the database, without naming anybody."""

import asyncio
from datetime import UTC, datetime, timedelta

from services.verifier.allowances import Allowances
from shared.mongo import Client

MOST = 6
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


async def test_a_mailbox_gets_so_many_codes_an_hour(mongo_client: Client, database_prefix: str) -> None:
    allowances = Allowances(mongo_client[f"{database_prefix}_verifier"], b"k" * 32, per_hour=MOST)
    await allowances.prepare()
    asked = [allowances.take(" Kim@Example.org", f"case {n}", NOW) for n in range(3 * MOST)]
    assert sum(await asyncio.gather(*asked)) == MOST
    assert await allowances.take("bo@example.org", "case", NOW)
    assert await allowances.take("kim@example.org", "later", NOW + timedelta(hours=1))


async def test_asking_again_for_the_same_code_is_no_other(mongo_client: Client, database_prefix: str) -> None:
    allowances = Allowances(mongo_client[f"{database_prefix}_verifier"], b"k" * 32, per_hour=MOST)
    assert all([await allowances.take("kim@example.org", "case", NOW) for _ in range(3 * MOST)])
    kept = [str(one) async for one in mongo_client[f"{database_prefix}_verifier"]["allowances"].find()]
    assert len(kept) == 1
    assert "kim" not in kept[0]
