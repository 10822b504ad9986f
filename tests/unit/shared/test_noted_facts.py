"""Facts that a service only notes: no row, no read, and the same state as with a row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat

import pytest

from shared.contract.envelope import encode
from shared.contract.events import (
    Fact,
    IdentityRefused,
    LetterKind,
    NoticeSent,
    RequestClosed,
    RequestPurged,
    RequestReferred,
)
from shared.contract.topology import EVENTS
from shared.errors import PermanentError, StoreUnavailable
from shared.law import Right
from shared.runtime.broker import Message
from shared.runtime.journal import JournalRow, NotedFact, merged
from shared.runtime.service import NOTED_WITHIN, Moment, Runtime, Service, forget, noted, on
from tests.runtime_fakes import MemoryBroker, MemoryJournal

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CASE, OTHER = "a" * 32, "b" * 32
SENT = NoticeSent(request_id=CASE, letter=LetterKind.CODE)
OUTCOME = NoticeSent(request_id=CASE, letter=LetterKind.OUTCOME)
REFERRED = RequestReferred(request_id=CASE, right=Right.ACCESS, reason="not_automated")


@dataclass
class NotedWorld:
    """A service that notes all letters but the last, and decides with regard to them."""

    broker: MemoryBroker = field(default_factory=MemoryBroker)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    seen: list[int] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    refuses: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        service: Service[int, Moment[int]] = Service(
            name="intake",
            subscriptions=(
                noted(NoticeSent, forget, acted_on=lambda event: event.letter is LetterKind.OUTCOME),
                on(RequestReferred, self.decide),
                on(IdentityRefused, self.decide, ignored=lambda event: not event.reasons),
            ),
            start=0,
            evolve=lambda state, _fact: state + 1,
            context=lambda moment: moment,
            effects=self.act,
        )
        self.runtime = Runtime(
            service, self.journal, self.broker.inbox("intake"), self.broker, clock=lambda: NOW
        )

    async def decide(self, _event: Fact, moment: Moment[int]) -> Sequence[Fact]:
        self.seen.append(moment.state)
        return [RequestClosed(request_id=moment.case)]

    async def act(self, rows: Sequence[JournalRow]) -> None:
        if self.refuses:
            raise self.refuses.pop(0)
        published = [message.routing_key for message in self.broker.published]
        self.done += [f"{row.cause} before {len(published)}" for row in rows]

    async def publish(self, fact: Fact, id_: str, at: datetime = NOW) -> None:
        body = encode(fact, id=id_, source="habeas/other", time=at)
        await self.broker.publish([Message(EVENTS, fact.TYPE, body, id_)])
        await self.broker.drain(self.runtime)


async def test_noted_fact_has_no_row_and_is_part_of_the_state() -> None:
    world = NotedWorld()
    await world.publish(SENT, "sent-1")
    await world.publish(SENT, "sent-2")
    assert world.journal.rows == {}
    await world.publish(REFERRED, "deciden")
    assert world.seen == [2]
    assert [row.n for row in world.journal.rows.values()] == [0]


async def test_noted_fact_that_comes_twice_is_noted_once() -> None:
    world = NotedWorld()
    for _ in range(2):
        await world.publish(SENT, "sent")
    await world.publish(REFERRED, "deciden")
    assert world.seen == [1]


@pytest.mark.parametrize("id_", ["_id", "a.b", "$cause", "a\x00b"])
async def test_fact_with_an_id_that_names_no_field_has_a_row(id_: str) -> None:
    world = NotedWorld()
    await world.publish(SENT, id_)
    assert world.journal.notes == {}
    assert [row.event for row in world.journal.rows.values()] == [SENT]


async def test_row_follows_the_notes_that_it_was_decided_on_though_their_clock_was_ahead() -> None:
    world = NotedWorld()
    ahead = NOW + timedelta(seconds=5)
    await world.journal.append([JournalRow(CASE, 0, "first", None, (), NOW)])
    await world.journal.note([NotedFact(CASE, "sent", SENT, ahead)])
    await world.publish(REFERRED, "deciden")
    history = (await world.journal.histories({CASE}))[CASE]
    assert [row.cause for row in history] == ["first", "sent", "deciden"]


@pytest.mark.slow
async def test_fact_is_acknowledged_only_once_it_is_noted() -> None:
    world = NotedWorld(journal=MemoryJournal(refuses=[StoreUnavailable("away")]))
    await world.publish(SENT, "sent")
    await world.publish(REFERRED, "deciden")
    assert world.seen == [1]
    assert world.broker.parked("intake") == []


@pytest.mark.slow
async def test_fact_is_noted_after_an_outage_that_made_it_late() -> None:
    world = NotedWorld(journal=MemoryJournal(refuses=[StoreUnavailable("away")]))
    moments = chain([NOW - timedelta(hours=1)] * 2, repeat(NOW))  # of its origin, and of its age
    world.runtime.clock = lambda: next(moments)
    await world.publish(SENT, "sent", NOW - NOTED_WITHIN)
    assert list(world.journal.notes) == [CASE]


async def test_fact_that_cannot_be_noted_is_parked_alone() -> None:
    spoilt = PermanentError("too large")
    world = NotedWorld(journal=MemoryJournal(refuses=[spoilt, spoilt]))
    for case in (CASE, OTHER):
        sent = NoticeSent(request_id=case, letter=LetterKind.CODE)
        body = encode(sent, id=case, source="habeas/other", time=NOW)
        await world.broker.publish([Message(EVENTS, sent.TYPE, body, case)])
    await world.broker.drain(world.runtime)
    assert list(world.journal.notes) == [OTHER]
    assert len(world.broker.parked("intake")) == 1


async def test_fact_that_is_acted_on_has_a_row() -> None:
    world = NotedWorld()
    await world.publish(OUTCOME, "outcome")
    assert [row.event for row in world.journal.rows.values()] == [OUTCOME]
    assert world.journal.notes == {}


async def test_old_fact_of_a_purged_case_leaves_no_note() -> None:
    world = NotedWorld()
    await world.publish(SENT, "sent")
    purged = JournalRow(CASE, 0, "purged", None, (RequestPurged(request_id=CASE),), NOW)
    await world.journal.append([purged])
    await world.journal.forget({CASE})
    assert world.journal.notes == {}
    await world.publish(SENT, "late", NOW - NOTED_WITHIN)
    assert world.journal.notes == {}
    assert [row.is_last for row in world.journal.rows.values()] == [True]


async def test_ignored_event_leaves_nothing() -> None:
    world = NotedWorld()
    await world.publish(IdentityRefused(request_id=CASE, reasons=()), "ignored")
    assert (world.journal.rows, world.journal.notes, world.seen) == ({}, {}, [])
    await world.publish(IdentityRefused(request_id=CASE, reasons=("unidentifiable",)), "handled")
    assert world.seen == [0]


@pytest.mark.parametrize("at", [-1, 1])
async def test_notes_stand_between_rows_by_their_time_and_never_first(at: int) -> None:
    rows = [JournalRow(CASE, n, f"{n}", None, (), NOW + timedelta(hours=n)) for n in (0, 2)]
    note = NotedFact(CASE, "note", SENT, NOW + timedelta(hours=at)).row()
    assert [row.cause for row in merged(rows, [note])] == ["0", "note", "2"]


async def test_effects_follow_the_row_and_precede_its_facts() -> None:
    world = NotedWorld()
    await world.publish(REFERRED, "cause")
    assert world.done == ["cause before 1"]  # only the cause itself was published before
    assert len(world.broker.published) == 2


@pytest.mark.slow
async def test_effect_that_fails_is_repeated_before_anything_is_published() -> None:
    world = NotedWorld(refuses=[StoreUnavailable("away"), StoreUnavailable("away")])
    await world.publish(REFERRED, "cause")
    assert world.done == ["cause before 1"]
    assert len(world.journal.rows) == 1


async def test_effect_that_fails_for_good_is_parked_alone_and_the_service_goes_on() -> None:
    world = NotedWorld(refuses=[PermanentError("never"), ValueError("wrong")])
    other = RequestReferred(request_id="b" * 32, right=Right.ACCESS, reason="not_automated")
    facts = {"cause": REFERRED, "other": other}
    for id_, fact in facts.items():
        body = encode(fact, id=id_, source="habeas/other", time=NOW)
        await world.broker.publish([Message(EVENTS, fact.TYPE, body, id_)])
    await world.broker.drain(world.runtime)
    assert len(world.done) == 1, "the effect of either message fails, that of the other is carried out"
    assert len(world.journal.rows) == 2
    published = [message.routing_key for message in world.broker.published]
    assert published.count(RequestClosed.TYPE) == 1, "no fact is published whose effect is missing"
    [parked] = world.broker.parked("intake")
    [carried_out] = facts.keys() - {parked.message_id}
    await world.publish(facts[parked.message_id], parked.message_id)
    assert [one.split()[0] for one in world.done] == [carried_out, parked.message_id]
