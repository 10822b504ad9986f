"""A ledger is changed by whoever has taken its batch last, and by nobody else; what it says stays said."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from services.notifier.breach.campaign import ledgers as campaign_ledgers
from services.notifier.breach.campaign.batch.ledger import BatchLedger
from services.notifier.breach.campaign.ledgers import (
    BatchLeaseLost,
    BeingWritten,
    LedgerPage,
    Ledgers,
    OpenedBatch,
)
from services.notifier.breach.campaign.outcomes import (
    Delayed,
    Failed,
    LeasedBatch,
    NoticeDeferred,
    NoticeOutcome,
    NoticeSentOutcome,
)
from shared.contract.events import DeliveryAction
from shared.contract.events.breaches import BreachNoticeReturned
from shared.errors import PermanentError, StoreUnavailable
from shared.runtime.mongo import Client, Database, Document

INCIDENT = uuid.uuid4().hex
KEY = f"{INCIDENT}.1.0"
OPENED = OpenedBatch(INCIDENT, 1, 0, "people", ("gdpr@2018-05-25",), "en", 10, "declared")


@pytest_asyncio.fixture
async def database(mongo_client: Client, database_prefix: str) -> Database:
    database = mongo_client[f"{database_prefix}_campaigns"]
    ledgers = Ledgers(database, by="somebody")
    await ledgers.prepare()
    await ledgers.open([OPENED], domain="example.com")
    return database


async def taken(ledgers: Ledgers) -> LeasedBatch:
    batch = await ledgers.take(KEY)
    assert batch is not None
    return batch


async def ledger(database: Database) -> Document:
    [found] = await database["ledgers"].find({}).to_list(10)
    return found


async def grown_old(database: Database) -> None:
    """Have nobody been heard of for a long time."""
    await database["ledgers"].update_one({"_id": KEY}, {"$set": {"at": datetime(2026, 1, 1, tzinfo=UTC)}})


async def test_writer_without_its_lease_changes_nothing(database: Database) -> None:
    one, other = Ledgers(database, by="one"), Ledgers(database, by="other")
    batch = await taken(one)
    later = await taken(other)
    assert later.epoch == batch.epoch + 1
    assert not await one.turn(batch, batch.step, LedgerPage([NoticeSentOutcome(3, "250 ok")]))
    assert not await one.close(batch, batch.step)
    assert (await ledger(database))["written"] == []
    assert await other.turn(later, later.step, LedgerPage([NoticeSentOutcome(3, "250 ok")]))
    assert (await ledger(database))["sent"] == 1


async def test_writer_learns_of_its_lost_lease_at_the_next_letter(database: Database) -> None:
    one = Ledgers(database, by="one")
    book = BatchLedger(one, await taken(one), on_page=lambda _page: None)
    await taken(Ledgers(database, by="other"))
    with pytest.raises(BatchLeaseLost):
        await book.note(begun=0)
    with pytest.raises(BatchLeaseLost):
        await book.note(begun=1)


async def test_what_was_begun_and_not_recorded_is_in_doubt_and_comes_last(database: Database) -> None:
    one, other = Ledgers(database, by="one"), Ledgers(database, by="other")
    batch = await taken(one)
    assert await one.turn(batch, batch.step, LedgerPage([], writing=[0, 1]))
    assert await one.turn(batch, batch.step + 1, LedgerPage([NoticeSentOutcome(0, "250 ok")], writing=[1, 2]))
    await grown_old(database)
    later = await taken(other)
    assert later.doubts == {1: 1, 2: 1}
    assert later.left() == [3, 4, 5, 6, 7, 8, 9, 1, 2]
    assert later.begun_at == batch.begun_at, "or the same letter would have another date"


async def test_doubt_outlasts_another_crash(database: Database) -> None:
    one = Ledgers(database, by="one")
    batch = await taken(one)
    assert await one.turn(batch, batch.step, LedgerPage([], writing=[1]))
    again = await taken(one)
    assert await one.turn(again, again.step, LedgerPage([], writing=[2]))
    assert (await taken(one)).doubts == {1: 1, 2: 1}


async def test_lease_on_a_batch_is_not_taken_while_its_holder_is_alive(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        campaign_ledgers, "QUIET_MS", 3_600_000
    )  # this test may stand still for longer than it is
    one, other = Ledgers(database, by="one"), Ledgers(database, by="other")
    batch = await taken(one)
    assert await one.turn(batch, batch.step, LedgerPage([], writing=[0]))
    with pytest.raises(BeingWritten):
        await other.take(KEY)
    await grown_old(database)
    assert await other.take(KEY)


async def test_a_page_whose_answer_was_lost_is_not_written_twice(database: Database) -> None:
    one = Ledgers(database, by="one")
    batch, page = (
        await taken(one),
        LedgerPage([NoticeSentOutcome(0, "250 ok"), Failed(1, "no_address", "none")], writing=[2]),
    )
    assert await one.turn(batch, batch.step, page)
    assert await one.turn(batch, batch.step, page), "it is known to be durable"
    found = await ledger(database)
    assert (found["sent"], found["failed"], len(found["written"]), found["writing"]) == (1, 1, 1, [2])


async def test_a_batch_that_is_through_is_not_taken(database: Database) -> None:
    one = Ledgers(database, by="one")
    batch = await taken(one)
    assert await one.close(batch, batch.step)
    assert await one.take(KEY) is None
    assert await one.through(INCIDENT, 1) == 1
    assert await one.numbers_through(INCIDENT) == {(1, 0)}


async def test_a_batch_that_was_never_released_waits_for_a_person(database: Database) -> None:
    with pytest.raises(PermanentError):
        await Ledgers(database, by="one").take(f"{INCIDENT}.1.1")


async def test_what_is_not_taken_now_is_remembered_with_when_that_began(database: Database) -> None:
    one = Ledgers(database, by="one")
    batch, since = await taken(one), datetime(2026, 3, 5, 8, 30, tzinfo=UTC)
    page = LedgerPage(
        [
            NoticeDeferred(4, "451 4.7.1", 2, since, not_before=since),
            NoticeDeferred(5, "no answer", 1, since, in_doubt=True),
        ]
    )
    assert await one.turn(batch, batch.step, page)
    again = await taken(one)
    assert again.delayed[4] == Delayed(since, 2, not_before=since)
    assert again.doubts == {5: 1}
    assert {4, 5} <= set(again.left())


async def test_a_notice_that_came_back_is_failed_once(database: Database) -> None:
    one = Ledgers(database, by="one")
    batch = await taken(one)
    assert await one.turn(
        batch,
        batch.step,
        LedgerPage([NoticeSentOutcome(0, "250 ok"), NoticeSentOutcome(1, "250 ok", doubtful=True)]),
    )
    for action in (DeliveryAction.DELAYED, DeliveryAction.FAILED, DeliveryAction.FAILED):
        await one.returned(returned(1, action))
    assert await one.sums(INCIDENT, 1) == {"sent": 1, "doubtful": 0, "elsewhere": 0, "failed": 1}
    assert set((await ledger(database))["returned"]["1"]) == {"delayed", "failed"}


@pytest.mark.parametrize(
    ("outcome", "failed"),
    [
        (NoticeSentOutcome(0, "250 ok"), 1),
        (Failed(0, "mailbox_unknown", "550"), 1),
        (NoticeSentOutcome(1, "250 ok"), 1),
    ],
)
async def test_doubtful_letter_that_returns_fails_once(
    database: Database, outcome: NoticeOutcome, failed: int
) -> None:
    one = Ledgers(database, by="one")
    batch = await taken(one)
    doubt = NoticeDeferred(0, "no answer", 1, datetime(2026, 3, 5, tzinfo=UTC), in_doubt=True)
    assert await one.turn(batch, batch.step, LedgerPage([doubt]))
    await one.returned(returned(0, DeliveryAction.FAILED))
    assert await one.sums(INCIDENT, 1) == {"sent": 0, "doubtful": 1, "elsewhere": 0, "failed": 1}
    assert await one.turn(batch, batch.step + 1, LedgerPage([outcome]))
    sums = await one.sums(INCIDENT, 1)
    assert (sums["sent"], sums["failed"]) == (outcome.number, failed)


async def test_releasing_again_opens_no_second_ledger(database: Database) -> None:
    one = Ledgers(database, by="one")
    batch = await taken(one)
    assert await one.turn(batch, batch.step, LedgerPage([NoticeSentOutcome(0, "250 ok")]))
    await one.open([OPENED], domain="example.net")
    assert (await ledger(database))["sent"] == 1


def returned(number: int, action: DeliveryAction) -> BreachNoticeReturned:
    return BreachNoticeReturned(
        request_id=INCIDENT, phase=1, chunk=0, number=number, action=action, status="5.1.1"
    )


class Forgetful(Ledgers):
    """Loses the answer to every other page, after it is written."""

    pages = 0

    async def turn(self, batch: LeasedBatch, step: int, page: LedgerPage) -> bool:
        self.pages += 1
        written = await super().turn(batch, step, page)
        if self.pages % 2:
            raise StoreUnavailable("no answer")
        return written


async def test_many_connections_share_an_update_and_each_waits_for_its_own(
    database: Database,
) -> None:
    ledgers = Forgetful(database, by="one")
    told: list[LedgerPage] = []
    book = BatchLedger(ledgers, await taken(ledgers), on_page=told.append)
    await asyncio.gather(*(book.note(begun=number) for number in range(5)))
    assert (await ledger(database))["writing"] == [0, 1, 2, 3, 4]
    await asyncio.gather(*(book.note(NoticeSentOutcome(n, "250 ok"), begun=n + 5) for n in range(5)))
    found = await ledger(database)
    assert (found["sent"], found["writing"]) == (5, [5, 6, 7, 8, 9])
    assert len(told) < 10


async def begun(database: Database, *numbers: int) -> BatchLedger:
    """Return the book of a batch of which the letters *numbers* are being written."""
    ledgers = Ledgers(database, by="one")
    book = BatchLedger(ledgers, await taken(ledgers), on_page=lambda _page: None)
    await asyncio.gather(*(book.note(begun=number) for number in numbers))
    return book


async def test_the_update_with_the_last_outcome_says_that_the_batch_is_through(database: Database) -> None:
    book = await begun(database, 0)
    await book.note(NoticeSentOutcome(0, "250 ok"), none_left=True)
    found = await ledger(database)
    assert (found["through"], found["sent"], found["writing"]) == (True, 1, [])
    await book.close()
    assert (await ledger(database))["step"] == found["step"]


async def test_no_batch_is_through_of_which_a_letter_is_being_written(database: Database) -> None:
    book = await begun(database, 0, 1)
    await book.note(NoticeSentOutcome(0, "250 ok"), none_left=True)
    assert not (await ledger(database))["through"]
    await book.note(NoticeSentOutcome(1, "250 ok"), none_left=True)
    assert (await ledger(database))["through"]


async def test_no_batch_is_through_whose_last_letter_was_not_taken(database: Database) -> None:
    book = await begun(database, 0, 1)
    later = NoticeDeferred(1, "450", tries=1, since=datetime.now(UTC))
    await asyncio.gather(book.note(NoticeSentOutcome(0, "250 ok"), none_left=True), book.note(later))
    assert not (await ledger(database))["through"]
