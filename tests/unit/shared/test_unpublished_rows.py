import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from shared.contract.events import PackageFetched
from shared.errors import StoreUnavailable
from shared.runtime import outbox
from shared.runtime.fakes import MemoryBroker, MemoryJournal
from shared.runtime.journal import JournalRow
from shared.runtime.outbox import Outbox
from tests.unit.fakes import NOW, AbsentBroker

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


async def test_row_with_taken_key_is_neither_appended_nor_published() -> None:
    journal, broker = MemoryJournal(rows={ROW.key: ROW}), MemoryBroker()
    outbox = Outbox("intake", journal, broker)
    assert not await outbox.append(ROW)
    await run_for_a_moment(outbox)
    assert broker.published == []


async def test_outage_of_the_database_delays_the_publication_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "LOOK_EVERY_S", 0.01)
    journal, broker = MemoryJournal(), MemoryBroker()
    await Outbox("intake", journal, AbsentBroker()).append(ROW)
    journal.refuses.append(StoreUnavailable("away"))
    running = asyncio.create_task(Outbox("intake", journal, broker).run())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(running), 0.1)
    running.cancel()
    assert len(broker.published) == 1
