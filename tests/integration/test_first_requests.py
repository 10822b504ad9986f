"""One of several equal requests is the first, also with racing replicas and crashes."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest_asyncio

from services.intake.bootstrap import service
from services.intake.cases.code_limits import CodeLimit
from services.intake.cases.duplicates import FirstRequests
from services.intake.cases.service import RequestService, ServiceKeys
from services.intake.context import IntakeContext, Ports
from services.intake.domain import RECORDS, IntakeCase, request_id
from shared.contract.events import RequestReceived
from shared.errors import TransientError
from shared.runtime.journal import Journal
from shared.runtime.mongo import Client, connect
from shared.runtime.service import Runtime
from tests.runtime_fakes import MemoryBroker, MemoryTimers, MemoryVault
from tests.unit.fakes import (
    BINDINGS,
    PRACTICE,
    REQUEST_KEY,
    RETRY,
    SOURCE,
    MemoryRequesterIndex,
    MemoryWaitingQueue,
    request,
    submission,
)

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
WISH = b'{"email":"ada@example.org"}'
REPLICAS, OPTIONS, EACH = 4, 50, 4


@pytest_asyncio.fixture
async def duplicates(mongo_client: Client, database_prefix: str) -> FirstRequests:
    duplicates = replica(mongo_client, database_prefix)
    await duplicates.prepare()
    return duplicates


def replica(client: Client, prefix: str, key: bytes = b"k" * 32) -> FirstRequests:
    database = client[f"{prefix}_intake"]
    return FirstRequests(database, Journal(database, RECORDS), key)


async def insisting(duplicates: FirstRequests, wish: bytes, case: str) -> str:
    """Claim as a handler does, which is tried again where another's claim cannot be read yet."""
    while True:
        try:
            return (await duplicates.claim(wish, case, NOW)).case
        except TransientError:
            await asyncio.sleep(0)


async def test_of_replicas_that_claim_the_same_at_once_all_hear_of_one_first(
    duplicates: FirstRequests, mongo_url: str, database_prefix: str
) -> None:
    clients = [connect(mongo_url, app_name="another replica") for _ in range(REPLICAS - 1)]
    replicas = [duplicates, *(replica(client, database_prefix) for client in clients)]
    asking = [
        (one, f"wish {wish}".encode(), uuid.uuid4().hex)
        for wish in range(OPTIONS)
        for one in replicas
        for _ in range(EACH)
    ]
    holders = await asyncio.gather(*(insisting(*who) for who in asking))
    for client in clients:
        client.close()
    of_wish: dict[bytes, set[str]] = {}
    for (_, wish, _), holder in zip(asking, holders, strict=True):
        of_wish.setdefault(wish, set()).add(holder)
    assert [len(found) for found in of_wish.values()] == [1] * OPTIONS


async def test_a_claim_that_is_made_again_is_the_same(duplicates: FirstRequests) -> None:
    assert [await insisting(duplicates, WISH, case) for case in ("a", "a", "b", "a")] == ["a"] * 4


async def test_a_claim_is_passed_on_to_one_of_those_who_want_it(
    duplicates: FirstRequests, mongo_client: Client, database_prefix: str
) -> None:
    held = await duplicates.claim(WISH, "a", NOW)
    passed = await asyncio.gather(*(duplicates.pass_on(held, case, NOW) for case in "bcdefg"))
    assert sum(passed) == 1
    assert not await replica(mongo_client, database_prefix).pass_on(held, "h", NOW)
    assert await insisting(duplicates, WISH, "b") == "bcdefg"[passed.index(True)]


async def test_stored_hashes_do_not_reveal_the_request(
    duplicates: FirstRequests, mongo_client: Client, database_prefix: str
) -> None:
    await duplicates.claim(WISH, "a", NOW)
    [kept] = [str(one) async for one in mongo_client[f"{database_prefix}_intake"]["firsts"].find()]
    assert "ada" not in kept
    assert "example" not in kept
    other = replica(mongo_client, database_prefix, b"o" * 32)
    assert await insisting(other, WISH, "b") == "b"


# --- intake itself -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Replica:
    """Intake on the one database, with a queue of its own."""

    broker: MemoryBroker
    runtime: Runtime[IntakeCase, IntakeContext]
    queue: MemoryWaitingQueue
    requests: RequestService

    @classmethod
    def of(cls, client: Client, prefix: str) -> "Replica":
        database, broker = client[f"{prefix}_intake"], MemoryBroker()
        journal = Journal(database, RECORDS)
        duplicates = FirstRequests(database, journal, b"k" * 32)
        queue = MemoryWaitingQueue()
        vault, requesters = MemoryVault(), MemoryRequesterIndex()
        ports = Ports(vault, MemoryTimers(), duplicates, queue, CodeLimit(), requesters, PRACTICE)
        one = service(ports, REQUEST_KEY, BINDINGS)
        runtime = Runtime(one, journal, broker.inbox(one.name), broker, 50, RETRY, lambda: NOW)
        keys = ServiceKeys(REQUEST_KEY, REQUEST_KEY)
        requests = RequestService(ports.vault, journal, broker, keys, ports.context, queue, lambda: NOW)
        return cls(broker, runtime, queue, requests)

    async def register(self, names: Sequence[str]) -> None:
        """Register requests of these names, with all tries that it takes."""
        await self.broker.publish(
            [submission("request.submitted", request(reference=name), id_=name) for name in names]
        )
        await self.broker.drain(self.runtime)
        while waiting := list(self.queue.waiting.values()):
            started = await asyncio.gather(*map(self.requests.start, waiting))
            begun = [one.request_id for one, ended in zip(waiting, started, strict=True) if ended]
            await self.queue.begun(begun, NOW)


async def test_of_requests_that_two_replicas_register_at_once_one_is_the_first(
    duplicates: FirstRequests, mongo_client: Client, database_prefix: str
) -> None:
    del duplicates
    replicas = [Replica.of(mongo_client, database_prefix) for _ in range(2)]
    names = [f"r-{number}" for number in range(40)]
    await asyncio.gather(*(one.register(names[number::2]) for number, one in enumerate(replicas)))
    cases = {request_id(SOURCE, name, key=REQUEST_KEY) for name in names}
    histories = await replicas[0].runtime.journal.histories(cases)
    received = [fact for rows in histories.values() for row in rows for fact in row.facts]
    registered = [fact for fact in received if isinstance(fact, RequestReceived)]
    [first] = [fact.request_id for fact in registered if fact.repeats is None]
    assert [fact.repeats for fact in registered].count(first) == len(names) - 1
