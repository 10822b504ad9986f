"""The claims of begun letters on a real database."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from services.notifier.context import NotifierContext, keeping_notices
from services.notifier.domain import Correspondence
from services.notifier.smtp.post import LetterClaim, LetterClaims
from services.notifier.smtp.server import LetterUnderWay
from shared.contract.events import ErasureScheduled, Fact, LetterKind, NoticeSent
from shared.runtime.mongo import Client
from shared.runtime.service import on
from tests.waiting import eventually

LETTER = "case:event"
MORNING = datetime(2026, 3, 5, 8, 0, tzinfo=UTC)


WAIT = timedelta(hours=1)
"""How long processes leave the letter to another one; it passes when :func:`wait_passes` says so."""


def claims_of_two_processes(
    client: Client, prefix: str, wait: timedelta = WAIT
) -> tuple[LetterClaims, LetterClaims]:
    database = client[f"{prefix}_notifier"]
    return LetterClaims(database, gives_way_for=wait), LetterClaims(database, gives_way_for=wait)


async def wait_passes(client: Client, prefix: str) -> None:
    """Date the wait for another process back, where there is one, so that it is over."""
    waited = {"_id": "event", "wanted_at": {"$exists": True}}
    earlier = datetime.now(UTC) - 2 * WAIT
    await client[f"{prefix}_notifier"]["claims"].update_one(waited, {"$set": {"wanted_at": earlier}})


async def test_letter_that_another_process_has_begun_is_left_to_it(
    mongo_client: Client, database_prefix: str
) -> None:
    """The same message may be at two replicas at once: both wrote, and no event said so."""
    one, other = claims_of_two_processes(mongo_client, database_prefix)
    await one.prepare()
    begun = await asyncio.gather(*(claims.claim(LETTER) for claims in (one, other)), return_exceptions=True)
    assert begun.count(LetterClaim.NEW) == 1
    assert [type(error) for error in begun if error is not LetterClaim.NEW] == [LetterUnderWay]


async def test_letter_of_a_process_that_does_not_record_it_is_in_doubt(
    mongo_client: Client, database_prefix: str
) -> None:
    one, other = claims_of_two_processes(mongo_client, database_prefix)
    assert await one.claim(LETTER) is LetterClaim.NEW
    with pytest.raises(LetterUnderWay):
        await other.claim(LETTER)
    await wait_passes(mongo_client, database_prefix)
    assert await other.claim(LETTER) is LetterClaim.IN_DOUBT


async def test_letter_that_this_process_has_begun_itself_is_in_doubt_at_once(
    mongo_client: Client, database_prefix: str
) -> None:
    one, _ = claims_of_two_processes(mongo_client, database_prefix)
    assert not await one.is_begun(LETTER)
    assert await one.claim(LETTER) is LetterClaim.NEW
    assert await one.is_begun(LETTER)
    assert await one.claim(LETTER) is LetterClaim.IN_DOUBT


async def test_letter_that_is_sent_slowly_is_left_to_its_process(
    mongo_client: Client, database_prefix: str
) -> None:
    database = mongo_client[f"{database_prefix}_notifier"]
    one = LetterClaims(database, gives_way_for=timedelta(milliseconds=30))
    other = LetterClaims(database, gives_way_for=WAIT)
    assert await one.claim(LETTER) is LetterClaim.NEW
    taken = asyncio.Event()
    sending = asyncio.create_task(one.hand_over(LETTER, taken.wait()))
    for _ in range(3):
        with pytest.raises(LetterUnderWay):
            await other.claim(LETTER)
        await wait_passes(mongo_client, database_prefix)
        begun_anew: object = await eventually(
            partial(database["claims"].find_one, {"_id": "event", "wanted_at": None})
        )
        assert begun_anew
    taken.set()
    assert await sending is True
    assert await other.claim(LETTER) is LetterClaim.SENT


async def test_letter_that_was_handed_over_is_not_sent_again_without_its_row(
    mongo_client: Client, database_prefix: str
) -> None:
    """A replica that took a letter over before its row was written sent it again, and no event said so."""
    one, other = claims_of_two_processes(mongo_client, database_prefix)
    assert await one.claim(LETTER) is LetterClaim.NEW
    with pytest.raises(LetterUnderWay):
        await other.claim(LETTER)
    assert await one.hand_over(LETTER, asyncio.sleep(0)) is True
    await wait_passes(mongo_client, database_prefix)
    assert [await claims.claim(LETTER) for claims in (other, one)] == [LetterClaim.SENT] * 2


async def test_letter_that_was_in_doubt_stays_so_once_it_is_handed_over(
    mongo_client: Client, database_prefix: str
) -> None:
    one, other = claims_of_two_processes(mongo_client, database_prefix)
    assert await one.claim(LETTER) is LetterClaim.NEW  # and no answer of the mail server
    assert await one.claim(LETTER) is LetterClaim.IN_DOUBT
    assert await one.hand_over(LETTER, asyncio.sleep(0)) is False
    assert [await claims.claim(LETTER) for claims in (one, other)] == [LetterClaim.SENT_IN_DOUBT] * 2


async def test_letters_noted_together_are_each_held_or_not(
    mongo_client: Client, database_prefix: str
) -> None:
    one, other = claims_of_two_processes(mongo_client, database_prefix)
    assert await one.claim("case:first") is await other.claim("case:second") is LetterClaim.NEW
    handed = [one.hand_over(letter, asyncio.sleep(0)) for letter in ("case:first", "case:second")]
    assert await asyncio.gather(*handed) == [True, False]


async def test_process_that_stood_still_learns_that_its_letter_was_taken_over(
    mongo_client: Client, database_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = claims_of_two_processes(mongo_client, database_prefix)
    third, _ = claims_of_two_processes(mongo_client, database_prefix)
    taken = asyncio.Event()
    monkeypatch.setattr(one, "_renew", lambda _: asyncio.Event().wait())
    assert await one.claim(LETTER) is LetterClaim.NEW
    sending = asyncio.create_task(one.hand_over(LETTER, taken.wait()))
    with pytest.raises(LetterUnderWay):
        await other.claim(LETTER)
    await wait_passes(mongo_client, database_prefix)
    assert await other.claim(LETTER) is LetterClaim.IN_DOUBT
    with pytest.raises(LetterUnderWay):
        await third.claim(LETTER)
    taken.set()
    assert await sending is False
    await one.release(LETTER)
    assert await third.claim(LETTER) is LetterClaim.SENT_IN_DOUBT


async def test_a_released_letter_can_be_begun_again(mongo_client: Client, database_prefix: str) -> None:
    claims = LetterClaims(mongo_client[f"{database_prefix}_notifier"])
    await claims.claim(LETTER)
    await claims.release(LETTER)
    assert await claims.claim(LETTER) is LetterClaim.NEW


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
    assert await claims.claim(LETTER) is LetterClaim.NEW, "it was not begun by that"


SENT = NoticeSent(
    request_id="c" * 32, letter=LetterKind.ERASURE_SCHEDULED, acknowledges=False, kept="letter_1"
)


async def announce(_event: ErasureScheduled, ctx: NotifierContext) -> Sequence[Fact]:
    """Write nothing of a request that is settled."""
    return [] if ctx.known.settled else [SENT]


async def test_letter_whose_row_was_overtaken_by_a_withdrawal_keeps_its_notice(
    mongo_client: Client, database_prefix: str
) -> None:
    """The handler ran again and wrote nothing: a bounce of the letter found no record."""
    one, other = claims_of_two_processes(mongo_client, database_prefix)
    withdrawn: Any = SimpleNamespace(case_id="case", event_id="event", known=Correspondence(settled=True))
    event = ErasureScheduled(request_id="c" * 32, at=MORNING)
    first, second = [
        keeping_notices(on(ErasureScheduled, announce), claims).handler for claims in (one, other)
    ]
    assert await first(event, withdrawn) == []
    assert await one.claim(LETTER, SENT.model_dump_json()) is LetterClaim.NEW
    with pytest.raises(LetterUnderWay):
        await second(event, withdrawn)
    assert await one.hand_over(LETTER, asyncio.sleep(0)) is True
    assert await first(event, withdrawn) == await second(event, withdrawn) == [SENT]


async def test_letter_that_was_begun_and_not_handed_over_has_no_notice(
    mongo_client: Client, database_prefix: str
) -> None:
    claims = LetterClaims(mongo_client[f"{database_prefix}_notifier"])
    await claims.claim(LETTER, SENT.model_dump_json())
    assert await claims.lost_notice(LETTER) is None
