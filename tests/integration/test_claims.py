"""The ledger of begun letters on a real database."""

import asyncio

from services.notifier.store import Claims
from shared.mongo import Client


async def test_of_two_that_begin_a_letter_only_one_is_the_first(
    mongo_client: Client, database_prefix: str
) -> None:
    database = mongo_client[f"{database_prefix}_notifier"]
    one, other = Claims(database), Claims(database)
    await one.prepare()
    firsts = await asyncio.gather(*(claims.claim("letter") for claims in (one, other)))
    assert sorted(firsts) == [False, True]
    assert not await one.claim("letter")


async def test_a_released_letter_can_be_begun_again(mongo_client: Client, database_prefix: str) -> None:
    claims = Claims(mongo_client[f"{database_prefix}_notifier"])
    await claims.claim("letter")
    await claims.release("letter")
    assert await claims.claim("letter")
