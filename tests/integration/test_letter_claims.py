"""The claims of begun letters on a real database."""

import asyncio
from datetime import UTC, datetime, timedelta

from services.notifier.smtp.post import LetterClaims
from shared.runtime.mongo import Client

LETTER = "case:event"
MORNING = datetime(2026, 3, 5, 8, 0, tzinfo=UTC)


async def test_of_two_that_begin_a_letter_only_one_is_the_first(
    mongo_client: Client, database_prefix: str
) -> None:
    database = mongo_client[f"{database_prefix}_notifier"]
    one, other = LetterClaims(database), LetterClaims(database)
    await one.prepare()
    firsts = await asyncio.gather(*(claims.claim(LETTER) for claims in (one, other)))
    assert sorted(firsts) == [False, True]
    assert not await one.claim(LETTER)


async def test_a_released_letter_can_be_begun_again(mongo_client: Client, database_prefix: str) -> None:
    claims = LetterClaims(mongo_client[f"{database_prefix}_notifier"])
    await claims.claim(LETTER)
    await claims.release(LETTER)
    assert await claims.claim(LETTER)


async def test_a_letter_that_comes_back_is_known_by_its_event(
    mongo_client: Client, database_prefix: str
) -> None:
    claims = LetterClaims(mongo_client[f"{database_prefix}_notifier"])
    await claims.claim(LETTER)
    assert await claims.case_of("event") == "case"
    assert await claims.case_of("another") is None


async def test_the_first_time_that_a_mailbox_was_full_counts(
    mongo_client: Client, database_prefix: str
) -> None:
    claims = LetterClaims(mongo_client[f"{database_prefix}_notifier"])
    assert await claims.put_off(LETTER, MORNING) == MORNING
    assert await claims.put_off(LETTER, MORNING + timedelta(hours=1)) == MORNING
    assert await claims.claim(LETTER), "it was not begun by that"
