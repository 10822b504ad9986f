"""Cases by mailbox, on a real database: what is found, at which cost, and for how long."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from services.intake.cases.requester_index import MOST_FOUND, RequesterIndex
from services.intake.cases.retention import Purge, RegisterRetention
from services.intake.cases.sealed_content import seal_request
from services.intake.domain import RECORDS
from shared.contract.events import Fact, RequestSubmitted
from shared.runtime.journal import Journal, JournalRow
from shared.runtime.mongo import Client, Database
from shared.runtime.vault import Vault
from tests.runtime_fakes import MemoryBroker
from tests.unit.fakes import request

ADA, BRUNO = "ada@example.org", "bruno@example.org"
NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
KEY = b"k" * 32


def of(email: str, agent: str | None = None) -> RequestSubmitted:
    data: dict[str, Any] = request(subject={"email": email})
    if agent:
        data["agent"] = {"name": "An agent", "email": agent, "permission": "signed"}
    return RequestSubmitted.model_validate(data)


def case_of(number: int) -> str:
    return f"{number:032x}"


@pytest_asyncio.fixture
async def vault(mongo_client: Client, database_prefix: str) -> Vault:
    return Vault(mongo_client, prefix=database_prefix, master_key=KEY)


@pytest_asyncio.fixture
async def database(mongo_client: Client, database_prefix: str) -> Database:
    return mongo_client[f"{database_prefix}_intake"]


@pytest_asyncio.fixture
async def index(database: Database, vault: Vault) -> AsyncIterator[RequesterIndex]:
    found = RequesterIndex(database, vault, KEY)
    await found.prepare()
    yield found


async def test_cases_of_a_person_and_of_their_agent_are_found_newest_first(index: RequesterIndex) -> None:
    await index.add(case_of(1), of(ADA), NOW)
    await index.add(case_of(2), of(BRUNO, agent=ADA), NOW + timedelta(days=2))
    await index.add(case_of(3), of(ADA), NOW + timedelta(days=1))
    await index.add(case_of(3), of(ADA), NOW + timedelta(days=3))  # a repetition changes nothing
    assert await index.cases_of("Ada@Example.org") == [case_of(2), case_of(3), case_of(1)]
    assert await index.cases_of(BRUNO) == [case_of(2)]
    assert await index.cases_of("somebody@example.org") == []


async def test_index_holds_no_address_and_depends_on_its_key(
    index: RequesterIndex, database: Database, vault: Vault
) -> None:
    await index.add(case_of(1), of(ADA), NOW)
    [entry] = [one async for one in database["requesters"].find({})]
    assert "ada" not in str(entry)
    assert await RequesterIndex(database, vault, b"x" * 32).cases_of(ADA) == []


async def test_search_examines_what_it_returns(index: RequesterIndex, database: Database) -> None:
    for number in range(MOST_FOUND + 20):
        await index.add(case_of(number), of(ADA), NOW + timedelta(minutes=number))
    for number in range(1000, 1300):
        await index.add(case_of(number), of(f"p{number}@example.org"), NOW)
    await database.command({"profile": 2})
    found = await index.cases_of(ADA)
    await database.command({"profile": 0})
    [seen] = [one async for one in database["system.profile"].find({"ns": f"{database.name}.{'requesters'}"})]
    assert found == [case_of(number) for number in reversed(range(20, MOST_FOUND + 20))]
    assert seen["docsExamined"] == MOST_FOUND
    assert seen["keysExamined"] <= MOST_FOUND + 1
    assert not seen.get("hasSortStage")


def purge_of(client: Client, database: Database, journal: Journal, vault: Vault) -> Purge:
    return Purge(client, database, journal, vault, MemoryBroker(), RegisterRetention(24, UTC))


async def old_case(journal: Journal, vault: Vault, number: int, *facts: Fact, sealed: bool = True) -> str:
    case = case_of(number)
    if sealed:
        await seal_request(of(ADA), vault, case)
    at = NOW + timedelta(minutes=number)
    await journal.append([JournalRow(case, 0, f"lodged {case}", None, facts, at)])
    return case


async def test_cases_from_before_the_index_are_added_once(
    index: RequesterIndex, database: Database, vault: Vault, mongo_client: Client
) -> None:
    journal = Journal(database, RECORDS)
    await journal.prepare()
    await purge_of(mongo_client, database, journal, vault).prepare()
    cases = [await old_case(journal, vault, number) for number in range(230)]
    await old_case(journal, vault, 500, sealed=False)  # a session of staff has no request
    destroyed = await old_case(journal, vault, 501)
    await vault.destroy(destroyed)
    await index.fill()
    assert await index.cases_of(ADA) == list(reversed(cases))[:MOST_FOUND]
    assert await database["requesters"].count_documents({"mailboxes": {"$exists": True}}) == len(cases)
    await old_case(journal, vault, 600)
    await index.fill()
    assert (await index.cases_of(ADA))[0] == cases[-1]


async def test_case_that_is_purged_while_it_is_added_gets_no_entry(
    index: RequesterIndex, database: Database, vault: Vault
) -> None:
    journal = Journal(database, RECORDS)
    case = await old_case(journal, vault, 1)
    await database["journal"].delete_many({"case": case})
    await index._fill({case: NOW})
    assert await index.cases_of(ADA) == []


async def test_entry_goes_with_its_case(
    index: RequesterIndex, database: Database, vault: Vault, mongo_client: Client
) -> None:
    journal = Journal(database, RECORDS)
    await journal.prepare()
    purge = purge_of(mongo_client, database, journal, vault)
    await purge.prepare()
    for number in (1, 2):
        await old_case(journal, vault, number)
        await index.add(case_of(number), of(ADA), NOW)
    histories = await journal.histories([case_of(1)])
    await purge._count_and_forget(histories)
    assert await index.cases_of(ADA) == [case_of(2)]
