"""Codes are counted per mailbox over all requests, in the database, without naming anybody."""

import asyncio
from datetime import UTC, datetime, timedelta

from services.verifier.assurance.code_allowances import HOUR, CodeAllowances
from shared.runtime.mongo import Client

MOST = 6
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


async def test_a_mailbox_gets_so_many_codes_an_hour(mongo_client: Client, database_prefix: str) -> None:
    allowances = CodeAllowances(mongo_client[f"{database_prefix}_verifier"], b"k" * 32, per_hour=MOST)
    await allowances.prepare()
    asked = [allowances.take(" Kim@Example.org", f"case {n}", NOW) for n in range(3 * MOST)]
    assert sum(await asyncio.gather(*asked)) == MOST
    assert await allowances.take("bo@example.org", "case", NOW)
    assert not await allowances.take("kim@example.org", "later", NOW + HOUR)  # who waited comes first
    assert await allowances.take("kim@example.org", "later", NOW + 2 * HOUR)


async def test_who_comes_too_late_has_a_place_in_the_next_hour_before_all_who_come_then(
    mongo_client: Client, database_prefix: str
) -> None:
    allowances = CodeAllowances(mongo_client[f"{database_prefix}_verifier"], b"k" * 32, per_hour=MOST)
    for hour in (NOW, NOW + HOUR):
        for n in range(MOST):  # somebody who asks as each hour begins, before the person does
            await allowances.take("lou@example.org", f"stranger {hour} {n}", hour)
        mine = await allowances.take("lou@example.org", "mine", hour + timedelta(minutes=30))
        assert mine is (hour > NOW)


async def test_no_more_places_are_kept_than_an_hour_has(mongo_client: Client, database_prefix: str) -> None:
    allowances = CodeAllowances(mongo_client[f"{database_prefix}_verifier"], b"k" * 32, per_hour=MOST)
    for n in range(3 * MOST):
        await allowances.take("max@example.org", f"case {n}", NOW)
    later = [await allowances.take("max@example.org", f"case {n}", NOW + HOUR) for n in range(3 * MOST)]
    assert later == [False] * MOST + [True] * MOST + [False] * MOST


async def test_asking_again_for_the_same_code_is_no_other(mongo_client: Client, database_prefix: str) -> None:
    allowances = CodeAllowances(mongo_client[f"{database_prefix}_verifier"], b"k" * 32, per_hour=MOST)
    assert all([await allowances.take("kim@example.org", "case", NOW) for _ in range(3 * MOST)])
    kept = [str(one) async for one in mongo_client[f"{database_prefix}_verifier"]["allowances"].find()]
    assert len(kept) == 1
    assert "kim" not in kept[0]
