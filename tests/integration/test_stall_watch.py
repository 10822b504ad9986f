"""Facts that no service has handled are found by a comparison of journals, and published again."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self, cast

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from habeas.client import stall_watch
from habeas.client.republication import order, unhandled_since
from habeas.client.stall_watch import FIRST_LOOK, LATE, OVERLAP, RETRIED, StallWatch
from habeas.client.unhandled_facts import FactComparison
from habeas.client.watched_facts import ExpectedFact, WatchState
from habeas.embedded.stack import Stack
from services.console.read_model.stalled_cases import STANDING
from services.console.system.parked_messages import ParkedMessages
from services.intake.domain import RECORDS
from shared.contract.envelope import encode
from shared.contract.events import (
    Fact,
    IdentityChallenged,
    IdentityReminded,
    IdentityVerified,
    ProofReceived,
    RequestPurged,
    TimeCame,
)
from shared.contract.topology import EVENTS, LISTENS, PARKING, REQUESTS, RETRY
from shared.errors import BrokerUnavailable, StoreUnavailable
from shared.runtime import metrics
from shared.runtime.broker import Bus, Message, declare
from shared.runtime.journal import PURGE_KEPT, Journal, JournalRow, NotedFact
from shared.runtime.message_origin import UNBELIEVED
from shared.runtime.mongo import Client, Document
from shared.runtime.republication import (
    FactSource,
    RecordedPublisher,
    RepublicationOrder,
    Republications,
    Republisher,
)
from shared.runtime.retry_policy import REASON, REPUBLISHED
from shared.runtime.scheduler import Timers, publish_due_timers
from shared.runtime.service import messages_of
from tests.conftest import required
from tests.runtime_fakes import MemoryBroker, uncorrelated
from tests.unit.fakes import AbsentBroker
from tests.waiting import WatchedPauses, eventually

NOW = datetime.now(UTC).replace(microsecond=0)
CASE, OTHER = "c" * 32, "d" * 32
AFTER = timedelta(minutes=10)


@dataclass
class Journals:
    """The journals of an installation, written by hand, and the watch."""

    client: Client
    prefix: str
    amqp_url: str
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.watch = StallWatch(self.comparison, self.amqp_url, AFTER, lambda: self.now)

    @property
    def comparison(self) -> FactComparison:
        return FactComparison(self.client, self.prefix)

    def of(self, service: str) -> Journal:
        database = self.client[f"{self.prefix}_{service}"]
        return Journal(database, RECORDS if service == "intake" else (), notes=True)

    async def published(self, service: str, fact: Fact, *, at: datetime = NOW, n: int = 0) -> str:
        """Append a row of *service* with *fact*; return the id of its event."""
        row = JournalRow(fact.request_id, n, f"cause {n}", None, (fact,), at)
        await self.of(service).append([row])
        [(id_, _)] = row.published(service)
        return id_

    async def handled(self, service: str, id_: str, *, case: str = CASE) -> None:
        """Append a row of *service* that names the event *id_* as its cause."""
        await self.of(service).append([JournalRow(case, 7, id_, None, (), self.now)])

    async def unhandled(self, service: str, since: datetime = NOW - timedelta(days=1)) -> set[str]:
        """Return the services that have not handled what *service* has published."""
        found = [
            one
            async for batch in self.comparison.expected(service, since)
            for one in await self.comparison.unhandled(batch)
        ]
        return {one.listener for one in found}

    async def orders(self, service: str) -> list[str]:
        """Return the ids of the events that *service* is ordered to publish again, and remove the orders."""
        orders = Republications(self.client[f"{self.prefix}_{service}"])
        pending = await orders.pending()
        await orders.remove(pending)
        return [one.id for one in pending]

    async def look(self, after: timedelta = timedelta()) -> list[str]:
        """Look after some time; return the ids that the verifier is ordered to publish again."""
        self.now += after
        await self.watch.look()
        return await self.orders("verifier")


@pytest_asyncio.fixture(scope="module")
async def quiet_amqp_url(parts: Stack | None) -> str:
    """URL of a virtual host with our queues, which stay empty."""
    if parts is None:
        url = required("AMQP_URL")
    else:
        await parts.broker.add_vhost("quiet")
        url = parts.broker.url_of("quiet")
    await declare(url)
    return url


@pytest_asyncio.fixture
async def journals(mongo_client: Client, database_prefix: str, quiet_amqp_url: str) -> Journals:
    made = Journals(mongo_client, database_prefix, quiet_amqp_url)
    await made.of("verifier").prepare()
    return made


@pytest_asyncio.fixture
async def bus(amqp_url: str, journals: Journals) -> AsyncIterator[Bus]:
    """A publisher to queues of a virtual host of its own, which the watch then counts."""
    bus = Bus(amqp_url, name="test")
    journals.watch.amqp_url = amqp_url
    yield bus
    await bus.close()


def verified(case: str = CASE) -> IdentityVerified:
    return IdentityVerified(
        request_id=case,
        right="erasure",
        regulation="gdpr",
        received_on=date(2026, 3, 1),
        assurance="mailbox",
        reasons=(),
    )


def noted_by_intake(id_: str, case: str = CASE) -> NotedFact:
    return NotedFact(case, id_, verified(case), NOW)


async def test_fact_is_handled_by_a_row_or_by_a_note(journals: Journals) -> None:
    id_ = await journals.published("verifier", verified())
    assert await journals.unhandled("verifier") == {"intake", "fulfillment"}
    await journals.handled("fulfillment", id_)
    assert await journals.unhandled("verifier") == {"intake"}
    await journals.of("intake").note([noted_by_intake(id_)])
    assert await journals.unhandled("verifier") == set()


async def test_row_or_note_of_another_event_handles_no_fact(journals: Journals) -> None:
    await journals.published("verifier", verified())
    await journals.handled("fulfillment", "another event")
    await journals.of("intake").note([noted_by_intake("another")])
    assert await journals.unhandled("verifier") == {"intake", "fulfillment"}


async def test_ignored_fact_is_not_expected(journals: Journals) -> None:
    ends = NOW + timedelta(days=7)
    await journals.published("verifier", IdentityChallenged(request_id=CASE, expires_at=ends))
    await journals.published("verifier", IdentityChallenged(request_id=OTHER, expires_at=ends, ref="code_1"))
    found = [
        (one.listener, one.case)
        async for batch in journals.comparison.expected("verifier", NOW)
        for one in batch
        if one.listener == "codes"
    ]
    assert found == [("codes", OTHER)]


async def test_facts_before_the_moment_are_not_compared(journals: Journals) -> None:
    await journals.published("verifier", verified(), at=NOW - timedelta(hours=1))
    assert await journals.unhandled("verifier", NOW) == set()


async def test_facts_about_a_purged_case_are_not_published_again(journals: Journals) -> None:
    await journals.published("verifier", verified())
    row = JournalRow(CASE, 9, f"purged {CASE}", None, (RequestPurged(request_id=CASE),), NOW)
    await journals.of("intake").append([row])
    assert await journals.unhandled("verifier") == set()
    assert "verifier" in await journals.unhandled("intake"), "the purge itself is"


async def test_purge_is_expected_for_as_long_as_journals_keep_its_row(journals: Journals) -> None:
    at = datetime.now(UTC) - PURGE_KEPT
    await journals.published("intake", RequestPurged(request_id=CASE), at=at)
    assert await journals.unhandled("intake", at) == set()


async def test_published_timer_is_expected_until_it_is_handled(journals: Journals) -> None:
    timers, broker = Timers(journals.of("verifier").database), MemoryBroker()
    await timers.set(CASE, "lapse", NOW - timedelta(hours=1))
    await publish_once(timers, broker)
    [message] = broker.published
    assert await journals.unhandled("verifier") == {"verifier"}
    await order(journals.comparison, await all_unhandled(journals, "verifier"))
    republisher = Republisher("verifier", journals.of("verifier"), broker)
    assert await republisher.work()
    await publish_once(timers, broker)
    assert [one.message_id for one in broker.published] == [message.message_id] * 2
    await journals.handled("verifier", message.message_id)
    assert await journals.unhandled("verifier") == set()


async def test_fact_without_a_row_is_recorded_and_published_again_until_it_is_handled(
    journals: Journals,
) -> None:
    journal, broker = journals.of("intake"), MemoryBroker()
    message = event(ProofReceived(request_id=CASE, proofs=()), "proof-1")
    declared = Message(REQUESTS, "habeas.breach.declared.v1", b"{}", "no fact")
    await RecordedPublisher(journal.database, broker).publish([message, declared])
    assert await journals.unhandled("intake") == {"verifier"}
    await order(journals.comparison, await all_unhandled(journals, "intake"))
    assert await Republisher("intake", journal, broker).work()
    assert [(one.message_id, one.body) for one in broker.published if one.exchange == EVENTS] == [
        ("proof-1", message.body)
    ] * 2
    await journals.handled("verifier", "proof-1")
    assert await journals.unhandled("intake") == set()


async def test_fact_is_recorded_before_it_is_published(journals: Journals) -> None:
    database = journals.of("intake").database
    with pytest.raises(BrokerUnavailable):
        await RecordedPublisher(database, AbsentBroker()).publish(
            [event(ProofReceived(request_id=CASE, proofs=()), "proof-1")]
        )
    assert await database["publications"].count_documents({}) == 1


async def test_facts_without_a_row_go_with_their_case(journals: Journals) -> None:
    journal = journals.of("intake")
    messages = [event(ProofReceived(request_id=case, proofs=()), case) for case in (CASE, OTHER)]
    await RecordedPublisher(journal.database, MemoryBroker()).publish(messages)
    await journal.forget([CASE])
    assert await journal.database["publications"].distinct("_id") == [OTHER]


def event(fact: Fact, id_: str) -> Message:
    return Message(EVENTS, fact.TYPE, encode(fact, id=id_, source="habeas/intake", time=NOW), id_)


async def publish_once(timers: Timers, broker: MemoryBroker) -> None:
    pauses = timers.due_soon = WatchedPauses()
    await pauses.look(
        publish_due_timers(timers, broker, "verifier", event=TimeCame, correlations=uncorrelated)
    )


async def all_unhandled(journals: Journals, service: str) -> list[ExpectedFact]:
    batches = journals.comparison.expected(service, NOW - timedelta(days=1))
    return [one async for batch in batches for one in await journals.comparison.unhandled(batch)]


async def test_ordered_fact_alone_is_published_again_under_its_id(journals: Journals) -> None:
    broker, journal = MemoryBroker(), journals.of("verifier")
    facts = (verified(), IdentityReminded(request_id=CASE, expires_at=NOW, wanted=()))
    row = JournalRow(CASE, 0, "cause", None, facts, NOW)
    await journal.append([row])
    (id_, _), _ = row.published("verifier")
    [expected, _] = [one for one in await all_unhandled(journals, "verifier") if one.id == id_]
    await order(journals.comparison, [expected, expected])
    republisher = Republisher("verifier", journal, broker)
    assert await republisher.work()
    assert not await republisher.work(), "the order is carried out"
    [message] = broker.published
    assert (message.message_id, message.headers) == (id_, {REPUBLISHED: True})
    assert message.body == next(iter(messages_of(row, "verifier"))).body


async def test_order_is_kept_until_the_broker_has_confirmed(journals: Journals) -> None:
    id_ = await journals.published("verifier", verified())
    await order(journals.comparison, await all_unhandled(journals, "verifier"))
    with pytest.raises(BrokerUnavailable):
        await Republisher("verifier", journals.of("verifier"), AbsentBroker()).work()
    assert await journals.orders("verifier") == [id_]


async def test_order_about_a_purged_case_publishes_nothing(journals: Journals) -> None:
    broker, journal = MemoryBroker(), journals.of("verifier")
    await journals.published("verifier", verified())
    await order(journals.comparison, await all_unhandled(journals, "verifier"))
    await journal.forget([CASE])
    assert await Republisher("verifier", journal, broker).work()
    assert broker.published == []


async def test_fact_that_stands_for_long_is_published_again_once_a_day(journals: Journals) -> None:
    id_ = await journals.published("verifier", verified())
    await journals.of("intake").note([noted_by_intake(id_)])
    assert await journals.look() == []
    assert await journals.look(AFTER - timedelta(minutes=1)) == []
    assert await journals.look(timedelta(minutes=2)) == [id_]
    assert await journals.look(timedelta(hours=12)) == []
    assert await journals.look(RETRIED) == [id_]
    assert figure("habeas_cases_stalled", "fulfillment") == 1
    await journals.handled("fulfillment", id_)
    assert await journals.look(RETRIED) == []
    assert figure("habeas_cases_stalled", "fulfillment") == 0


async def test_record_that_does_not_read_stops_no_comparison_of_other_services(journals: Journals) -> None:
    id_ = await journals.published("verifier", verified())
    await journals.client[f"{journals.prefix}_notifier"]["journal"].insert_one({"_id": "odd", "at": NOW})
    intake = journals.client[f"{journals.prefix}_intake"]
    await intake["publications"].insert_one({"_id": "odd", "at": NOW})
    await intake["timers"].insert_one({"_id": "odd", "published": True, "published_at": NOW})
    assert await journals.look() == []
    assert await journals.look(AFTER) == [id_]
    store = WatchState(journals.client, journals.prefix)
    assert "compared_to" not in (await store.read())[0], "the next look compares from the same moment"


async def test_order_that_does_not_read_is_removed_and_holds_up_no_other(journals: Journals) -> None:
    database = journals.client[f"{journals.prefix}_verifier"]
    row = {"source": "timers", "key": re.compile("")}
    odd: list[Document] = [
        {"_id": 7, **row},
        {"_id": "a", **row},
        {"_id": "b", "source": "elsewhere", "key": "b"},
        {"_id": "c"},
    ]
    await database["republications"].insert_many(odd)
    good = RepublicationOrder("d", FactSource.JOURNAL, "row")
    await Republications(database).add([good])
    assert await Republications(database).pending() == [good]
    assert await Republications(database).count() == 1


def figure(name: str, service: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, {"service": service}) or 0


async def test_fact_that_a_queue_may_hold_is_left_to_it(journals: Journals, bus: Bus) -> None:
    id_ = await journals.published("verifier", verified())
    await journals.of("intake").note([noted_by_intake(id_)])
    await bus.publish([Message(PARKING, "fulfillment", b"{}", id_)])
    await journals.look()
    assert await journals.look(2 * AFTER) == [], "it is parked"
    assert await journals.look(2 * RETRIED) == []
    [watched] = (await WatchState(journals.comparison.client, journals.comparison.prefix).read())[1]
    assert (watched.stalled, watched.parked) == (True, True)


async def test_fact_whose_parked_message_is_not_believed_is_published_again(
    journals: Journals, bus: Bus
) -> None:
    """An earlier release has parked it without a seal: a replay would park it anew."""
    id_ = await journals.published("verifier", verified())
    await journals.of("intake").note([noted_by_intake(id_)])
    await bus.publish([Message(PARKING, "fulfillment", b"{}", id_, headers={REASON: UNBELIEVED})])
    await journals.look()
    assert await journals.look(2 * AFTER) == [id_]


@pytest.mark.parametrize("place", [(EVENTS, "habeas.fee.decided.v1"), (RETRY, "10m.codes")])
async def test_fact_waits_while_its_queue_or_a_retry_queue_has_messages(
    journals: Journals, bus: Bus, place: tuple[str, str]
) -> None:
    id_ = await journals.published("verifier", verified())
    await journals.of("intake").note([noted_by_intake(id_)])
    await bus.publish([Message(*place, b"{}", "another")])
    await journals.look()
    assert await journals.look(2 * AFTER) == []
    waits_for_ever = place[0] == EVENTS
    assert await journals.look(RETRIED) == ([] if waits_for_ever else [id_])


async def test_facts_of_before_a_new_queue_are_published_again_at_once(journals: Journals) -> None:
    id_ = await journals.published("verifier", verified())
    await journals.of("intake").note([noted_by_intake(id_)])
    assert await journals.look() == []
    assert await note_new_queues_of(journals, ["intake", "codes.parking"], timedelta(seconds=1)) == []
    assert await note_new_queues_of(journals, ["fulfillment"], timedelta(seconds=1)) == [id_]
    assert await journals.look() == []


async def note_new_queues_of(journals: Journals, queues: list[str], after: timedelta) -> list[str]:
    journals.now += after
    await WatchState(journals.comparison.client, journals.comparison.prefix).queues_created(
        queues, journals.now
    )
    return await journals.look()


async def test_message_that_the_staff_has_discarded_is_not_published_again(journals: Journals) -> None:
    id_ = await journals.published("verifier", verified())
    await journals.of("intake").note([noted_by_intake(id_)])
    repairs = journals.comparison.database("console")["repairs"]
    await repairs.insert_one({"message": id_, "action": "discard", "service": "fulfillment"})
    await journals.look()
    assert await journals.look(2 * AFTER) == []
    assert figure("habeas_cases_stalled", "fulfillment") == 0
    found = await unhandled_since(
        journals.comparison, journals.amqp_url, NOW - timedelta(hours=1), lambda *_: None
    )
    assert {one.listener for one in found.lost} == set()


async def test_discarded_message_of_one_service_is_expected_of_the_others(journals: Journals) -> None:
    id_ = await journals.published("verifier", verified())
    await journals.of("intake").note([noted_by_intake(id_)])
    repairs = journals.comparison.database("console")["repairs"]
    await repairs.insert_one({"message": id_, "action": "discard", "service": "intake"})
    await journals.look()
    assert await journals.look(2 * AFTER) == [id_]


async def test_behind_a_backlog_no_more_facts_are_compared(
    journals: Journals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stall_watch, "MOST_WATCHED", 1)
    await journals.published("verifier", verified())
    await journals.look()
    state, known = await WatchState(journals.client, journals.prefix).read()
    assert known
    assert "compared_to" not in state


async def test_look_compares_new_rows_and_once_an_hour_late_ones(
    journals: Journals, monkeypatch: pytest.MonkeyPatch
) -> None:
    since: list[timedelta] = []
    compared = FactComparison.expected

    def spied(own: FactComparison, service: str, moment: datetime) -> AsyncIterator[Sequence[ExpectedFact]]:
        since.append(journals.now - moment)
        return compared(own, service, moment)

    monkeypatch.setattr(FactComparison, "expected", spied)
    minute = timedelta(minutes=1)
    for after in (timedelta(), minute, timedelta(hours=1), minute):
        await journals.look(after)
    services = len(LISTENS)
    hour = timedelta(hours=1)
    assert since[::services] == [FIRST_LOOK, OVERLAP + minute, LATE + hour, OVERLAP + minute]


async def test_lists_of_stalled_cases_and_discarded_messages_use_indexes(journals: Journals) -> None:
    console = journals.comparison.database("console")
    await ParkedMessages("", cast(Any, None), console).prepare()
    await journals.published("verifier", verified())
    await journals.look()
    upkeep = journals.comparison.database("upkeep")
    lists = (
        upkeep["unhandled"].find(STANDING).sort("at", 1),
        console["repairs"].find({"message": {"$in": ["a", "b"]}, "action": "discard"}),
        console["repairs"].find({}).sort("at", -1),
    )
    for one in lists:
        plan = str((await one.explain())["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in plan
        assert "'SORT'" not in plan


class AbsentDatabase:
    """The database of a journal that does not answer."""

    @property
    def database(self) -> Self:
        return self

    def __getitem__(self, _name: str) -> Any:
        raise StoreUnavailable("it does not answer")


async def test_outage_at_the_start_only_delays_publishing_again() -> None:
    republisher = Republisher("verifier", cast(Any, AbsentDatabase()), MemoryBroker())
    with capture_logs() as logs:
        running = asyncio.create_task(republisher.run())
        await eventually(lambda: logs or running.done())
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])
    assert [one["event"] for one in logs] == ["facts are published again later"]


async def test_more_facts_than_one_query_holds_are_compared(journals: Journals) -> None:
    comparison, row = journals.comparison, ("verifier", FactSource.JOURNAL, "row", NOW)
    long = "x" * 2_000  # 20 MB of ids: more than a document of MongoDB holds
    facts = [
        ExpectedFact("intake", f"{number}{long}", IdentityVerified.TYPE, CASE, CASE, *row)
        for number in range(10_000)
    ]
    await journals.handled("intake", facts[0].id)
    assert await comparison.unhandled(facts) == facts[1:]
    store = WatchState(comparison.client, comparison.prefix)
    assert await store.without_discarded(facts) == facts
