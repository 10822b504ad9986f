"""The journal on a real replica set: rows come back as they were, and of two writers one appends."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from habeas.client.audit import StoredRows
from habeas.event_samples import least
from shared.contract.correlation import Correlation
from shared.contract.events import (
    IdentityVerified,
    RequestFulfilled,
    RequestPurged,
    RequestReceived,
    RequestRenewed,
    SubjectErased,
)
from shared.errors import PermanentError
from shared.runtime.journal import PURGE_KEPT, SOURCE, Journal, JournalRow, NotedFact, _after
from shared.runtime.mongo import Client, Database, connect
from shared.runtime.service import messages_of
from shared.runtime.settings import LONGEST_RETRY

CASE, OTHER = "a" * 32, "b" * 32
NOW = datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)
RECEIVED = RequestReceived(
    request_id=CASE,
    right="erasure",
    regulation="gdpr",
    policy="gdpr@2018-05-25",
    source="portal",
    received_at=datetime.fromisoformat("2026-03-01T13:00:00.123456+01:00"),
    received_on="2026-03-01",
    due_on="2026-04-01",
    internal_due_on="2026-03-25",
)
FULFILLED = RequestFulfilled(
    answer="answer",
    request_id=CASE,
    right="erasure",
    outcome="granted",
    dispositions={"erased": 3, "a.masked": 1},
    package="package_1",
)


@pytest.fixture
def database(mongo_client: Client, database_prefix: str) -> Database:
    return mongo_client[f"{database_prefix}_journal"]


@pytest_asyncio.fixture
async def journal(database: Database) -> Journal:
    journal = Journal(database)
    await journal.prepare()
    return journal


def row(n: int = 0, *, case: str = CASE, cause: str = "1") -> JournalRow:
    return JournalRow(case, n, cause, None, (), NOW)


async def test_rows_come_back_as_they_were_and_publish_the_same_bytes(journal: Journal) -> None:
    written = JournalRow(
        CASE, 0, "cause", RECEIVED, (FULFILLED, SubjectErased(request_id=CASE, identifiers={})), NOW
    )
    assert await journal.append([written]) == frozenset()
    [read] = (await journal.histories([CASE]))[CASE]
    assert read == written
    assert list(messages_of(read, "intake")) == list(messages_of(written, "intake"))


async def test_a_fact_that_begins_another_case_comes_back_as_it_was(journal: Journal) -> None:
    """A crash after the commit publishes it again: it must still be about the other one."""
    written = JournalRow(CASE, 0, "cause", None, (RequestRenewed(request_id=OTHER, follows=CASE),), NOW)
    assert await journal.append([written]) == frozenset()
    [read] = (await journal.histories([CASE]))[CASE]
    assert list(messages_of(read, "intake")) == list(messages_of(written, "intake"))
    assert read.facts[0].request_id == OTHER


async def test_row_of_a_purge_by_another_service_expires(journal: Journal, database: Database) -> None:
    purged = RequestPurged(request_id=CASE)
    rows = [row(), JournalRow(CASE, 1, "2", purged, (), NOW)]
    decided = [row(case=OTHER), JournalRow(OTHER, 1, "2", None, (RequestPurged(request_id=OTHER),), NOW)]
    assert not await journal.append([*rows, *decided])
    await journal.forget({CASE, OTHER})
    expiring = {one["_id"]: one.get("expires_at") async for one in database["journal"].find()}
    assert expiring == {f"{CASE}:1": NOW + PURGE_KEPT, f"{OTHER}:1": None}
    indexes = await database["journal"].index_information()
    assert [one["key"] for one in indexes.values() if one.get("expireAfterSeconds") == 0] == [
        [("expires_at", 1)]
    ]
    assert LONGEST_RETRY < PURGE_KEPT


async def test_noted_facts_come_back_between_the_rows_and_go_with_the_case(database: Database) -> None:
    journal = Journal(database, notes=True)
    sent = SubjectErased(request_id=CASE, identifiers={})
    notes = [NotedFact(CASE, f"{n}" * 32, sent, NOW + timedelta(seconds=n)) for n in (1, 2)]
    await journal.append([row(0), replace(row(1, cause="2"), at=NOW + timedelta(seconds=3))])
    await asyncio.gather(*(journal.note(notes) for _ in range(8)))
    history = (await journal.histories([CASE, OTHER]))[CASE]
    assert [(one.n, one.noted) for one in history] == [(0, False), (-1, True), (-1, True), (1, False)]
    assert [one.event for one in history[1:3]] == [sent, sent]
    assert await Journal(database).histories([OTHER]) == {}
    await journal.forget([CASE])
    assert await journal.histories([CASE]) == {}


async def test_notes_that_do_not_read_are_named(database: Database) -> None:
    await database["notes"].insert_one({"_id": CASE, "1" * 32: {"type": "habeas.unknown.v1"}})
    with pytest.raises(PermanentError, match=CASE):
        await Journal(database, notes=True).histories([CASE])


async def test_histories_are_in_order_and_of_the_cases_asked_for(journal: Journal) -> None:
    await journal.append([row(n, case=case, cause=f"{n}") for case in (CASE, OTHER) for n in (2, 0, 1)])
    histories = await journal.histories([CASE, "c" * 32])
    assert [row.n for row in histories[CASE]] == [0, 1, 2]
    assert set(histories) == {CASE}


async def test_of_two_writers_of_one_row_the_first_appends_and_the_rest_of_the_batch_goes_in(
    journal: Journal,
) -> None:
    await journal.append([row(0, cause="first")])
    taken = await journal.append([row(0, cause="second"), row(1, cause="third"), row(0, case=OTHER)])
    assert taken == {f"{CASE}:0"}
    causes = [row.cause for row in (await journal.histories([CASE]))[CASE]]
    assert causes == ["first", "third"]
    assert len((await journal.histories([OTHER]))[OTHER]) == 1


async def test_of_many_writers_at_once_exactly_one_appends(journal: Journal) -> None:
    answers = await asyncio.gather(*(journal.append([row(0, cause=f"{n}")]) for n in range(20)))
    winners = [n for n, taken in enumerate(answers) if not taken]
    [stored] = (await journal.histories([CASE]))[CASE]
    assert [f"{winner}" for winner in winners] == [stored.cause]


async def test_two_replicas_on_two_connections_race_for_the_same_rows(
    journal: Journal, mongo_url: str, database: Database
) -> None:
    other = connect(mongo_url, app_name="other")
    rows = [row(0, case=f"{n:032x}", cause="mine") for n in range(200)]
    theirs = [replace(row, cause="theirs") for row in rows]
    mine, lost = await asyncio.gather(journal.append(rows), Journal(other[database.name]).append(theirs))
    assert len(mine) + len(lost) == 200
    assert not mine & lost
    other.close()


async def test_a_row_that_fits_in_no_document_is_refused_and_the_server_stays(journal: Journal) -> None:
    huge = SubjectErased(request_id=CASE, identifiers={"x": "y" * (17 * 1024 * 1024)})
    with pytest.raises(PermanentError) as caught:
        await journal.append([replace(row(), facts=(huge,))])
    assert "yyy" not in str(caught.value)
    assert await journal.append([row()]) == frozenset()


async def test_a_row_that_does_not_read_is_named_and_not_quoted(journal: Journal, database: Database) -> None:
    stored = {"type": IdentityVerified.TYPE, "data": {"right": "ada@example.org"}}
    await database["journal"].insert_one(
        {"_id": f"{CASE}:0", "case": CASE, "n": 0, "cause": "1", "event": stored, "facts": [], "at": NOW}
    )
    with pytest.raises(PermanentError, match=f"row {CASE}:0 of the journal") as caught:
        await journal.histories([CASE])
    assert "ada" not in str(caught.value)


async def test_unpublished_rows_are_found_until_they_are_marked(journal: Journal) -> None:
    rows = [row(), row(case=OTHER)]
    assert await journal.append_unpublished(rows) == frozenset()
    assert await journal.append_unpublished([row(cause="2"), row(1)]) == {row().key}
    later = NOW + timedelta(seconds=1)
    assert await journal.unpublished(10, NOW) == []
    found = await journal.unpublished(10, later)
    assert sorted(one.key for one in found) == sorted([*(one.key for one in rows), row(1).key])
    await journal.mark_published(one.key for one in rows)
    assert [one.key for one in await journal.unpublished(10, later)] == [row(1).key]


async def test_cases_of_a_range_of_ids_are_found_by_the_index(journal: Journal, database: Database) -> None:
    """A short reference of a request is the beginning of its id."""
    await journal.append([row(case=CASE), row(1, case=CASE, cause="2"), row(case=OTHER)])
    assert await journal.cases_between("a" * 32, "a" * 31 + "f") == [CASE]
    assert await journal.cases_between("a" * 32, "f" * 32) == [CASE, OTHER]
    assert await journal.cases_between("c" * 32, "f" * 32) == []
    query = {"distinct": "journal", "key": "case", "query": {"case": {"$gte": CASE, "$lte": CASE}}}
    explained = await database.command("explain", query)
    assert "COLLSCAN" not in str(explained["queryPlanner"]["winningPlan"])


async def test_fact_that_is_noted_after_the_purge_leaves_nothing(
    mongo_client: Client, database_prefix: str
) -> None:
    """An orphan would stay for ever: no row names its case any more."""
    database = mongo_client[f"{database_prefix}_late"]
    journal = Journal(database, key=b"k" * 32, notes=True)
    await journal.prepare()
    sent = SubjectErased(request_id=CASE, identifiers={})
    other = SubjectErased(request_id=OTHER, identifiers={})
    await journal.note([NotedFact(CASE, "first", sent, NOW)])
    assert len((await journal.histories({CASE}))[CASE]) == 1
    for _ in range(2):
        await journal.forget({CASE})
        await journal.note([NotedFact(CASE, "late", sent, NOW), NotedFact(OTHER, "other", other, NOW)])
    assert set(await journal.histories({CASE, OTHER})) == {OTHER}
    left = await database["notes"].find_one({"_id": CASE})
    assert left is not None
    assert set(left) == {"_id", "_purged"}
    indexes = await database["notes"].index_information()
    assert [one for one in indexes.values() if one["key"] == [("_purged", 1)] and one["expireAfterSeconds"]]


async def test_sources_of_requests_are_read_from_the_index(database: Database, journal: Journal) -> None:
    rows = [
        replace(
            row(case=f"{n:032x}", cause=str(n)),
            correlation=Correlation(f"shop-{n % 3}"),
            facts=(least(RequestReceived, request_id=f"{n:032x}"),),
        )
        for n in range(30)
    ]
    await journal.append(rows)
    assert await journal.sources() == ["shop-0", "shop-1", "shop-2"]
    query = {"find": "journal", "filter": _after("shop-0"), "sort": {SOURCE: 1}, "limit": 1}
    plan = await database.command({"explain": query, "verbosity": "executionStats"})
    assert plan["executionStats"]["totalDocsExamined"] == 1


async def test_more_cases_than_one_query_holds_are_named_to_a_verification(
    mongo_client: Client, database_prefix: str
) -> None:
    database = mongo_client[f"{database_prefix}_intake"]
    await Journal(database).append([row(), row(case=OTHER)])
    named = [CASE, *(f"{number}{'x' * 2_000}" for number in range(10_000))]  # 20 MB of names
    cases = StoredRows(mongo_client, database_prefix).cases("intake", None, NOW, named)
    assert {name async for name, _ in cases} == {CASE, OTHER}
