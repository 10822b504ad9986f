"""Old cases are counted and forgotten once each, by three replicas of intake of which one is killed at it."""

import base64
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest
import pytest_asyncio

from habeas.client.dead_letters import replay
from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.parts.process import Command, Process
from services.intake.cases.retention import Metrics, Purge, RegisterRetention
from services.intake.domain import RECORDS
from shared.contract.correlation import Correlation
from shared.contract.events import (
    DecisionRefused,
    Fact,
    HoldPlaced,
    NoticeSent,
    RequestClosed,
    RequestFulfilled,
    RequestPurged,
    RequestReceived,
    SubjectUnrestricted,
)
from shared.contract.register import CaseHistory, CountedRequest, RequestResult, counted
from shared.contract.topology import EVENTS, PARKING
from shared.errors import BrokerUnavailable, Destroyed, StoreUnavailable
from shared.runtime.broker import Bus, Message, Parking
from shared.runtime.journal import Journal, JournalRow, facts_of
from shared.runtime.message_origin import EXCHANGE
from shared.runtime.mongo import Client
from shared.runtime.service import messages_of
from shared.runtime.vault import Vault
from tests.extent import extent
from tests.integration.forked_processes import started
from tests.waiting import eventually

BERLIN = ZoneInfo("Europe/Berlin")
MASTER_KEY = bytes(32)
WITHIN = timedelta(seconds=180)
"""A transaction of a killed replica keeps its rows locked for a minute (transactionLifetimeLimitSeconds)."""
REPLICAS, CASES = 3, extent(600, 1_000)
NOW = datetime.now(UTC)
LONG_AGO = (NOW - timedelta(days=900)).replace(hour=12, minute=0, second=0, microsecond=0)
YEAR = LONG_AGO.year


def case_of(number: int) -> str:
    return f"{number:032x}"


def life(number: int, *, at: datetime = LONG_AGO, days: int = 10, right: str = "erasure") -> list[JournalRow]:
    """Return the rows of a case that was answered after *days*."""
    case = case_of(number)
    received = RequestReceived.model_validate(
        {
            "request_id": case,
            "right": right,
            "regulation": "ccpa",
            "policy": "us-ca-ccpa@2023-01-01",
            "source": "shop",
            "received_at": at,
            "received_on": at.date(),
            "due_on": at.date() + timedelta(days=45),
            "internal_due_on": at.date() + timedelta(days=40),
        }
    )
    marked = {"marked": 1} if right == "restriction" else {}
    answer = RequestFulfilled.model_validate(
        {"request_id": case, "right": right, "outcome": "granted", "answer": "answer", "dispositions": marked}
    )
    letter = NoticeSent.model_validate({"request_id": case, "letter": "outcome"})
    closed = RequestClosed(request_id=case)
    then = at + timedelta(days=days)
    return [
        JournalRow(case, 0, f"{case} 0", None, (received,), at),
        JournalRow(case, 1, f"{case} 1", answer, (), then),
        JournalRow(case, 2, f"{case} 2", letter, (closed,), then),
    ]


class Wire:
    """Takes messages, or is down."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.down = False

    async def publish(self, messages: Sequence[Message]) -> None:
        if self.down:
            raise BrokerUnavailable("nothing is confirmed")
        self.taken += messages


@pytest_asyncio.fixture
async def purge(mongo_client: Client, database_prefix: str) -> Purge:
    database = mongo_client[f"{database_prefix}_intake"]
    vault = Vault(mongo_client, prefix=database_prefix, master_key=MASTER_KEY)
    journal = Journal(database, RECORDS)
    await journal.prepare()
    made = Purge(mongo_client, database, journal, vault, Wire(), RegisterRetention(24, BERLIN))
    await made.prepare()
    return made


def wire_of(purge: Purge) -> Wire:
    assert isinstance(purge.publisher, Wire)
    return purge.publisher


async def metrics_of(purge: Purge) -> Counter[CountedRequest]:
    return await Metrics(purge.database).of(YEAR)


async def left_of(purge: Purge, case: str) -> list[Fact]:
    histories = await purge.journal.histories([case])
    return [fact for row in histories[case] for fact in row.events()]


async def test_an_old_case_leaves_one_row_and_one_count(purge: Purge) -> None:
    await purge.vault.create(case_of(1))
    await purge.journal.append(life(1))
    await purge.work()
    await purge.work()
    assert await left_of(purge, case_of(1)) == [RequestPurged(request_id=case_of(1))]
    later = datetime.now(UTC) + timedelta(days=900)
    assert [one async for one in purge.dates.due(later, later)] == [], "it is not looked at again"
    [(kind, number)] = (await metrics_of(purge)).items()
    assert (kind.result, kind.days, number) == (RequestResult.GRANTED, 10, 1)
    assert [message.routing_key for message in wire_of(purge).taken] == [RequestPurged.TYPE]
    with pytest.raises(Destroyed):
        await purge.vault.open(case_of(1), "submission")


async def test_what_is_open_young_or_needed_stays(purge: Purge) -> None:
    unanswered, young = life(1)[:2], life(2, at=NOW - timedelta(days=600))
    rows = [*unanswered, *young, *life(3, right="restriction")]
    await purge.journal.append(rows)
    await purge.work()
    assert await purge.database["journal"].count_documents({}) == len(rows)
    assert not await metrics_of(purge)
    assert not wire_of(purge).taken


async def test_case_with_a_standing_hold_stays_and_one_with_a_refused_hold_goes(purge: Purge) -> None:
    held, refused = case_of(1), case_of(2)
    placed = [
        HoldPlaced(request_id=one, by="dana", hold="ef" * 16, scope="person", matter="claim_7")
        for one in (held, refused)
    ]
    refusal = DecisionRefused(
        request_id=refused, decision="placed 2", type=HoldPlaced.TYPE, account="dana", reason="no_identity"
    )
    later = [
        JournalRow(held, 3, "placed 1", placed[0], (), NOW),
        JournalRow(refused, 3, "placed 2", placed[1], (), NOW),
        JournalRow(refused, 4, "refusal", refusal, (), NOW),
    ]
    await purge.journal.append([*life(1), *life(2), *later])
    await purge.work()
    assert len(await left_of(purge, held)) > 1
    assert await left_of(purge, refused) == [RequestPurged(request_id=refused)]


async def test_replay_drops_parked_messages_of_purged_cases_only(purge: Purge, amqp_url: str) -> None:
    bus = Bus(amqp_url, name="test")
    purged, living = case_of(1), case_of(2)
    await purge.journal.append([*life(1), *life(2, at=NOW)])
    await purge.work()
    letters = [NoticeSent(request_id=case, letter="outcome") for case in (purged, living)]
    parked = [*letters, RequestPurged(request_id=purged)]
    rows = JournalRow("", 0, "test", None, tuple(parked), NOW)
    published = [
        replace(one, exchange=PARKING, routing_key="verifier", headers={EXCHANGE: EVENTS})
        for one in messages_of(rows, "test")
    ]
    await bus.publish(published)
    done = await replay(amqp_url, purge.client, purge.database.name.removesuffix("_intake"), "verifier")
    assert done == (2, 1)

    async def others_are_back() -> bool:
        async with Parking(amqp_url, "verifier") as queue:
            found = [delivery.message_id async for delivery in queue]
        assert found == [one.message_id for one in published[1:]]
        return True

    back: bool = await eventually(others_are_back)
    assert back
    await bus.close()


async def test_unpublished_purge_is_published_by_the_next_replica(purge: Purge) -> None:
    names = Correlation("shop.example", "ticket-4711", "evt-1")
    await purge.journal.append([replace(row, correlation=names) for row in life(1)])
    wire_of(purge).down = True
    with pytest.raises(BrokerUnavailable):
        await purge.work()
    wire_of(purge).down = False
    await purge.work()
    await purge.work()
    [purged] = wire_of(purge).taken
    assert purged.routing_key == RequestPurged.TYPE
    assert names.attributes.items() <= orjson.loads(purged.body).items()
    assert not [row async for row in purge.database["journal"].find({}) if "ticket-4711" in str(row)]
    assert (await metrics_of(purge)).total() == 1


async def test_a_case_that_comes_to_life_meanwhile_is_not_purged(purge: Purge) -> None:
    rows = life(1)
    await purge.journal.append(rows)
    late = JournalRow(case_of(1), 3, "late", rows[1].event, (), NOW)

    class Slow(Journal):
        async def histories(self, cases: Sequence[str]) -> dict[str, list[JournalRow]]:  # type: ignore[override]
            found = await super().histories(cases)
            await self.append([late])
            return found

    slow = Slow(purge.database, RECORDS)
    with pytest.raises(StoreUnavailable):
        await replace(purge, journal=slow).work()
    assert len((await purge.journal.histories([case_of(1)]))[case_of(1)]) == 4
    assert not await metrics_of(purge)


async def test_writer_of_a_purged_case_finds_its_key_taken(purge: Purge) -> None:
    rows = life(1)
    await purge.journal.append(rows)
    await purge.work()
    late = JournalRow(case_of(1), 3, "late", rows[1].event, (), NOW)
    assert await purge.journal.append([late]) == {late.key}


async def test_a_row_that_does_not_read_keeps_its_case_and_no_other(purge: Purge) -> None:
    await purge.journal.append([*life(1), *life(2), *life(3)])
    await purge.database["journal"].update_one({"_id": f"{case_of(2)}:0"}, {"$set": {"facts.0.type": "none"}})
    await purge.work()
    assert await purge.database["journal"].count_documents({"case": case_of(2)}) == 3
    assert (await metrics_of(purge)).total() == 2


async def test_purged_requests_are_counted_as_the_register_states_them(purge: Purge) -> None:
    lives = [life(number, days=number) for number in range(20)]
    await purge.journal.append([row for rows in lives for row in rows])
    await purge.journal.append(life(99)[:1])
    entries = [CaseHistory.of(facts_of(rows)).entry(BERLIN) for rows in lives]
    await purge.work()
    assert await metrics_of(purge) == Counter(one for entry in entries if entry for one in counted(entry))
    assert (await metrics_of(purge)).total() == 20
    assert not await Metrics(purge.database).of(YEAR - 1)


@asynccontextmanager
async def replicas(settings: Mapping[str, str], folder: Path) -> AsyncIterator[list[Process]]:
    """Run three processes of intake."""
    async with AsyncExitStack() as stack:
        running = []
        for number in range(REPLICAS):
            own = {**settings, "HABEAS_HTTP_PORT": str(free_port())}
            process = await started("services.intake", Command((), Path.cwd(), folder / f"{number}.log", own))
            stack.push_async_callback(process.stop, WITHIN)
            running.append(process)
        yield running


@pytest.mark.campaign
@pytest.mark.timeout(420)
async def test_each_case_is_counted_once_though_a_replica_is_killed_meanwhile(
    purge: Purge, amqp_url: str, mongo_url: str, database_prefix: str, tmp_path: Path
) -> None:
    settings = {
        **os.environ,
        "HABEAS_AMQP_URL": amqp_url,
        "HABEAS_MONGO_URL": mongo_url,
        "HABEAS_DATABASE_PREFIX": database_prefix,
        "HABEAS_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
        "HABEAS_PUBLIC_URL": "https://privacy.example.com",
        "HABEAS_TRUSTED_PROXIES": "[]",
        "HABEAS_HTTP_HOST": HOST,
    }
    lives = [life(number, days=number % 40) for number in range(CASES)]
    await purge.journal.append([row for rows in lives for row in rows])
    await purge.journal.append(life(CASES)[:2])
    journal = purge.database["journal"]
    tombs = {"facts.type": RequestPurged.TYPE}

    async def begun() -> int:
        return await journal.count_documents(tombs)

    async def all_told() -> bool:
        told = await journal.count_documents({**tombs, "announced": {"$exists": False}})
        return told == CASES

    async with replicas(settings, tmp_path) as running:
        _: int = await eventually(begun, WITHIN, at_once=True)
        await random.choice(running).kill()
        told: bool = await eventually(all_told, WITHIN)
        assert told
    counts = await metrics_of(purge)
    assert {kind.days: number for kind, number in counts.items()} == Counter(n % 40 for n in range(CASES))
    assert await journal.count_documents({}) == CASES + 2


async def test_case_that_stays_is_examined_when_it_may_go_or_has_a_new_row(purge: Purge) -> None:
    ends_later, restricted = life(1, days=60), life(2, right="restriction")
    await purge.journal.append([*ends_later, *restricted])
    now = LONG_AGO + timedelta(days=740)
    examined: list[str] = []

    class Counted(Journal):
        async def histories(self, cases: Sequence[str]) -> dict[str, list[JournalRow]]:  # type: ignore[override]
            examined.extend(cases)
            return await super().histories(cases)

    made = replace(purge, journal=Counted(purge.database, RECORDS), clock=lambda: now)
    await made.work()
    assert sorted(examined) == [case_of(1), case_of(2)]
    examined.clear()
    now += timedelta(days=2)
    await made.work()
    assert examined == [], "nothing is due, and nothing has moved"
    lifted = SubjectUnrestricted(request_id=case_of(2), identifiers={})
    await purge.journal.append([JournalRow(case_of(2), 3, "lifted", lifted, (), now)])
    now += timedelta(hours=1)
    await made.work()
    assert examined == [case_of(2)]
    assert await left_of(purge, case_of(2)) == [RequestPurged(request_id=case_of(2))]
    examined.clear()
    now = LONG_AGO + timedelta(days=60 + 2 * 366)
    await made.work()
    assert examined == [case_of(1)]
    assert await left_of(purge, case_of(1)) == [RequestPurged(request_id=case_of(1))]
    assert await purge.database["purge_dates"].count_documents({"look_at": {"$exists": True}}) == 0


async def test_case_that_does_not_read_is_examined_again_the_next_day(purge: Purge) -> None:
    await purge.journal.append(life(1))
    kind = {"_id": f"{case_of(1)}:0"}
    await purge.database["journal"].update_one(kind, {"$set": {"facts.0.type": "none"}})
    await purge.work()
    await purge.database["journal"].update_one(kind, {"$set": {"facts.0.type": RequestReceived.TYPE}})
    await replace(purge, clock=lambda: datetime.now(UTC) + timedelta(days=2)).work()
    assert await left_of(purge, case_of(1)) == [RequestPurged(request_id=case_of(1))]


async def test_shorter_retention_period_holds_for_cases_that_wait_for_the_longer_one(purge: Purge) -> None:
    await purge.journal.append(life(1, days=400))
    made = replace(purge, clock=lambda: LONG_AGO + timedelta(days=800))
    await made.work()
    assert len(await left_of(purge, case_of(1))) > 1
    await replace(made, retention=RegisterRetention(12, BERLIN)).work()
    assert await left_of(purge, case_of(1)) == [RequestPurged(request_id=case_of(1))]
