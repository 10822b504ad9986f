import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.contract.events import PackageFetched
from shared.errors import BrokerUnavailable, StoreUnavailable, Unroutable
from shared.runtime import outbox
from shared.runtime.broker import Message
from shared.runtime.journal import Journal, JournalRow, document_of
from shared.runtime.outbox import Outbox
from tests.runtime_fakes import MemoryBroker, MemoryJournal
from tests.unit.fakes import NOW, AbsentBroker
from tests.waiting import eventually

CASE = "c" * 32
LATER = NOW + timedelta(hours=1)
ROW = JournalRow(CASE, 0, "cause", None, (PackageFetched(request_id=CASE),), NOW)


async def run_for_a_moment(outbox: Outbox) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(outbox.run(), 0.02)


async def test_row_is_published_once_when_the_broker_takes_it() -> None:
    journal, broker = MemoryJournal(), MemoryBroker()
    outbox = Outbox("intake", journal, broker)
    assert await outbox.append(ROW)
    await run_for_a_moment(outbox)
    assert [message.routing_key for message in broker.published] == [PackageFetched.TYPE]


async def test_unpublished_row_is_published_by_the_next_process_under_the_same_id() -> None:
    journal, broker = MemoryJournal(), MemoryBroker()
    assert await Outbox("intake", journal, AbsentBroker()).append(ROW)
    assert await journal.unpublished(10, LATER) == [ROW]
    for _ in range(2):
        await run_for_a_moment(Outbox("intake", journal, broker))
    assert [message.message_id for message in broker.published] == [id_ for id_, _ in ROW.published("intake")]
    assert await journal.unpublished(10, LATER) == []


async def test_row_is_left_to_its_writer_for_some_seconds() -> None:
    journal, broker = MemoryJournal(), MemoryBroker()
    await Outbox("intake", journal, AbsentBroker()).append(ROW)
    await run_for_a_moment(Outbox("intake", journal, broker, lambda: NOW + outbox.LEFT_AFTER))
    assert broker.published == []
    later = NOW + outbox.LEFT_AFTER + timedelta(seconds=1)
    await run_for_a_moment(Outbox("intake", journal, broker, lambda: later))
    assert len(broker.published) == 1


async def test_row_is_published_after_an_outage_without_waiting_for_the_regular_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "LEFT_AFTER", timedelta(milliseconds=20))
    monkeypatch.setattr(outbox, "LOOK_EVERY_S", 3_600.0)
    journal, broker = MemoryJournal(), WorkingAgainBroker()
    mine = Outbox("intake", journal, broker, lambda: LATER)
    running = asyncio.create_task(mine.run())
    await asyncio.sleep(0)  # it has looked, and waits
    assert await mine.append(ROW)
    await eventually(lambda: len(broker.published) == 1)
    running.cancel()


@pytest.mark.slow
async def test_younger_row_of_an_outage_is_published_after_the_older_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "LEFT_AFTER", timedelta(seconds=0.2))
    monkeypatch.setattr(outbox, "LOOK_EVERY_S", 3_600.0)
    journal, broker = MemoryJournal(), WorkingAgainBroker()
    box = Outbox("intake", journal, broker)
    running = asyncio.create_task(box.run())
    for case in ("a" * 32, "b" * 32):
        broker.away = True
        await box.append(replace(ROW, case=case, at=datetime.now(UTC)))
        await asyncio.sleep(0.1)
    await eventually(lambda: len(broker.published) == 2)
    running.cancel()


class LookedAtJournal(MemoryJournal):
    """Counts the looks for unpublished rows."""

    looks = 0

    async def unpublished(self, most: int, before: datetime) -> list[JournalRow]:
        self.looks += 1
        return await MemoryJournal.unpublished(self, most, before)


@pytest.mark.slow
async def test_many_rows_of_an_outage_lead_to_one_look_in_each_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "LEFT_AFTER", timedelta(seconds=0.2))
    monkeypatch.setattr(outbox, "RETRY_EVERY_S", 0.2)
    journal = LookedAtJournal()
    box = Outbox("intake", journal, AbsentBroker(), lambda: LATER)
    loop = asyncio.get_running_loop()
    began, running = loop.time(), asyncio.create_task(box.run())
    for number in range(60):
        await box.append(replace(ROW, case=f"{number:032}"))
        await asyncio.sleep(0.01)
    running.cancel()
    assert 2 <= journal.looks <= (loop.time() - began) / 0.2 + 7


class WorkingAgainBroker(MemoryBroker):
    """Does not confirm the first publication."""

    away = True

    async def publish(self, messages: Sequence[Message]) -> None:
        if self.away:
            self.away = False
            raise BrokerUnavailable("away")
        await MemoryBroker.publish(self, messages)


@dataclass(slots=True)
class CountingJournal(MemoryJournal):
    """Counts its writes."""

    writes: int = 0

    async def append_unpublished(self, rows: Sequence[JournalRow]) -> frozenset[str]:
        self.writes += 1
        await asyncio.sleep(0.001)
        return await MemoryJournal.append_unpublished(self, rows)


async def test_rows_that_come_while_others_are_stored_share_the_next_write() -> None:
    journal, broker = CountingJournal(), MemoryBroker()
    box = Outbox("intake", journal, broker)

    async def append(number: int) -> bool:
        for _ in range(number):
            await asyncio.sleep(0)
        return await box.append(replace(ROW, case=f"{number:032}"))

    assert all(await asyncio.gather(*map(append, range(50))))
    assert journal.writes <= 10
    assert len(broker.published) == len(journal.rows) == 50
    assert journal.owed == set()


async def test_of_two_rows_with_one_key_in_one_write_one_is_appended() -> None:
    journal, broker = MemoryJournal(), MemoryBroker()
    box = Outbox("intake", journal, broker)
    first, second = await asyncio.gather(box.append(ROW), box.append(replace(ROW, cause="other")))
    assert first
    assert not second
    assert list(journal.rows.values()) == [ROW]
    assert len(broker.published) == 1


async def test_row_with_taken_key_is_neither_appended_nor_published() -> None:
    journal, broker = MemoryJournal(rows={ROW.key: ROW}), MemoryBroker()
    outbox = Outbox("intake", journal, broker)
    assert not await outbox.append(ROW)
    await run_for_a_moment(outbox)
    assert broker.published == []


class SpoiltBroker(MemoryBroker):
    """Refuses messages of one case for good."""

    async def publish(self, messages: Sequence[Message]) -> None:
        if any(CASE.encode() in message.body for message in messages):
            raise Unroutable("no queue takes it")
        await MemoryBroker.publish(self, messages)


async def test_row_that_cannot_be_published_holds_up_no_other() -> None:
    journal, broker = MemoryJournal(), SpoiltBroker()
    other = replace(ROW, case="d" * 32, facts=(PackageFetched(request_id="d" * 32),))
    await journal.append_unpublished([ROW, other])
    await run_for_a_moment(Outbox("intake", journal, broker))
    assert len(broker.published) == 1
    assert journal.owed == {ROW.key}


@dataclass(frozen=True, slots=True)
class StoredRows:
    """A collection of rows as they are stored."""

    documents: list[dict[str, Any]]

    def find(self, _wanted: object) -> "StoredRows":
        return self

    async def to_list(self, _most: int) -> list[dict[str, Any]]:
        return self.documents


async def test_unpublished_row_that_does_not_read_holds_up_no_other() -> None:
    spoilt = document_of(ROW) | {"facts": [{"type": "habeas.unknown.v1", "data": {}}]}
    database: Any = {"journal": StoredRows([spoilt, document_of(ROW)])}
    assert await Journal(database).unpublished(10, LATER) == [ROW]


@pytest.mark.slow
async def test_outage_of_the_database_delays_the_publication_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "RETRY_EVERY_S", 0.01)
    journal, broker = MemoryJournal(), MemoryBroker()
    await Outbox("intake", journal, AbsentBroker()).append(ROW)
    journal.refuses.append(StoreUnavailable("away"))
    running = asyncio.create_task(Outbox("intake", journal, broker).run())
    await eventually(lambda: broker.published)
    assert not running.done()
    running.cancel()
    assert len(broker.published) == 1


class BrokerThatComesBack(MemoryBroker):
    """Fails once, after a while; later it takes messages."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.fails = asyncio.Event(), asyncio.Event()

    async def publish(self, messages: Sequence[Message]) -> None:
        if not self.asked.is_set():
            self.asked.set()
            await self.fails.wait()
            raise BrokerUnavailable("away")
        await super().publish(messages)


@pytest.mark.slow
async def test_row_of_a_cancelled_caller_does_not_wait_for_the_regular_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "LEFT_AFTER", timedelta(0))
    monkeypatch.setattr(outbox, "LOOK_EVERY_S", 3_600.0)
    journal, broker = MemoryJournal(), BrokerThatComesBack()
    box = Outbox("intake", journal, broker)
    running = asyncio.create_task(box.run())
    caller = asyncio.create_task(box.append(ROW))
    await broker.asked.wait()
    caller.cancel()
    broker.fails.set()
    await eventually(lambda: broker.published)
    running.cancel()
    assert [message.routing_key for message in broker.published] == [PackageFetched.TYPE]
