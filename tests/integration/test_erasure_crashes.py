"""
A process that dies at any write of an erasure leaves what the next one brings to the same end.

It is killed before and after every write there is: every chunk of records, everything sealed, every row of
the journal, every entry of the registers, every publication and acknowledgement. The one that comes after it
knows only what was written. Once that is a process in this process, so that every boundary of a larger plan
is tried; once it is a process of its own, which SIGKILL ends, with nothing in memory that the next one has.
"""

import asyncio
import itertools
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, cast

import pytest
import pytest_asyncio

from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.changes.suppressions import SuppressionList
from services.fulfillment.context import FulfillmentContext, FulfillmentProfile
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.erasure import execution
from services.fulfillment.erasure.journal.entries import Fingerprints
from services.fulfillment.handlers import SUBSCRIPTIONS
from services.fulfillment.holds.check import NO_HOLDS
from services.fulfillment.search.engine import RecordEngine
from services.fulfillment.state import FulfillmentCase, evolve
from services.fulfillment.stores import batch_lookup, mongodb
from services.fulfillment.stores.mongodb import Stores
from services.fulfillment.stores.registers import USUAL_RETENTION, ErasureJournal, RetainedRecords
from shared.contract.answer import SUBMISSION
from shared.contract.envelope import encode
from shared.contract.events import (
    Assurance,
    ErasureApproved,
    Fact,
    IdentityVerified,
    RequestFulfilled,
    RequestReleased,
    RequestStopped,
    RequestSubmitted,
    RequestWithdrawn,
    StopReason,
)
from shared.law import Regulation, Right
from shared.runtime.broker import Message
from shared.runtime.journal import Journal, JournalRow
from shared.runtime.mongo import Client
from shared.runtime.service import Moment, Runtime, Service
from shared.runtime.vault import Vault
from tests.extent import extent
from tests.integration.crash_points import Killed, Life, Mortal
from tests.integration.test_engine import World
from tests.runtime_fakes import MemoryBroker, MemoryJournal, MemoryVault
from tests.unit.fakes import OpenGate

CASE = "c" * 32
KEY = b"k" * 32
ERASED_AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
"""Erasures of two days would be kept until different days."""
REGISTERS = frozenset({"kept", "erasures", "suppressions"})
OWN = {"fulfillment": [*REGISTERS, "journal"], "vault": ["items", "chunks"], "keys": ["keys"]}
KILLED_AT_EVERY, INTERRUPTED_AT_EVERY = extent((4, 2), (1, 1))
"""Boundaries tried by real processes, and with other events meanwhile; within this process all are tried."""
AT_ONCE = 2
"""Processes that are killed side by side, each in a world of its own."""
WRITES = frozenset({"write", "seal", "seal_stream", "append", "publish", "settle", "record", "add", "keep"})
mortal = partial(Mortal, writes=WRITES)
MAP = parse(
    {
        "map.yml": """
dataset:
  - fides_key: desk
    collections:
      - name: people
        meta: { habeas: { erasure: delete } }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
      - name: notes
        fides_meta: { erase_after: [desk.people] }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: person
            fides_meta: { references: [ { dataset: desk, field: people._id, direction: from } ] }
          - { name: text, data_categories: [user.content] }
          - { name: state }
      - name: rooms
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: guests
            fides_meta: { data_type: "object[]" }
            fields:
              - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
      - name: invoices
        meta:
          habeas:
            erasure: delete
            retention: { keep: P10Y, from: now, because: duty }
            locked: { field: state.locked, value: true }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: person
            fides_meta: { references: [ { dataset: desk, field: people._id, direction: from } ] }
          - { name: total, data_categories: [user.financial] }
          - { name: state, fields: [ { name: locked } ] }
"""
    }
)
RULES = {"$jsonSchema": {"properties": {"text": {"bsonType": "string"}}}}


class Quiet:
    """A part that this erasure has no need of, and that does nothing."""

    def __getattr__(self, name: str) -> Any:
        async def nothing(*_arguments: Any, **_more: Any) -> None:
            return None

        return nothing


class Maps:
    current = MAP

    async def of(self, version: str) -> DataMap:
        assert version == MAP.version
        return MAP


@dataclass
class Durable:
    """What outlives a process. The registers lie in a database either way."""

    world: World
    broker: MemoryBroker = field(default_factory=MemoryBroker)
    journal: Any = field(default_factory=MemoryJournal)
    vault: Any = field(default_factory=MemoryVault)
    approval_above: int | None = None
    lived: bool = False
    """Whether the process that was to die passed all its boundaries."""

    @classmethod
    def real(cls, world: World) -> "Durable":
        """Return what lies in a database altogether, but for the broker: it delivers what was not settled."""
        client, prefix = world.client, f"{world.prefix}own"
        journal = Journal(client[f"{prefix}_fulfillment"])
        return cls(world, journal=journal, vault=Vault(client, prefix=prefix, master_key=KEY))

    def registers(self) -> dict[str, Any]:
        """Return the registers."""
        database = self.world.client[f"{self.world.prefix}own_fulfillment"]
        return {
            "kept": RetainedRecords(database, KEY),
            "erasures": ErasureJournal(database, Fingerprints(KEY), USUAL_RETENTION),
            "suppressions": SuppressionList(database, KEY),
        }

    def process(self, life: Life) -> Runtime[Any, Any]:
        """Return a new process, which dies at the end of *life*."""
        return Runtime(
            service(self, life),
            mortal(self.journal, life),
            mortal(self.broker.inbox("fulfillment"), life),
            mortal(self.broker, life),
            clock=lambda: ERASED_AT,
            staff=OpenGate(),
        )

    async def begin(self) -> None:
        """Let a proven request for erasure be lodged, and arrive."""
        submitted = {"reference": "r", "right": "erasure", "subject": {"email": "kim@example.org"}}
        await self.vault.create(CASE)
        text = RequestSubmitted.model_validate(submitted).model_dump_json()
        await self.vault.seal(CASE, SUBMISSION, text.encode())
        await self.deliver()

    async def deliver(self) -> None:
        """Let it arrive, for the first time or again."""
        verified = IdentityVerified(
            request_id=CASE,
            right=Right.ERASURE,
            regulation=Regulation.GDPR,
            received_on=date(2026, 11, 25),
            assurance=Assurance.MAILBOX,
            proven=("email",),
            reasons=("mailbox",),
        )
        await self.send(verified, "e1")

    async def send(self, fact: Fact, id_: str) -> None:
        """Let *fact* arrive."""
        body = encode(fact, id=id_, source="habeas/verifier", time=datetime.now(UTC))
        await self.broker.publish([Message(fact.EXCHANGE, fact.TYPE, body, id_)])

    async def fulfilled(self) -> list[RequestFulfilled]:
        rows = (await self.journal.histories({CASE})).get(CASE, ())
        return [fact for row in rows for fact in row.facts if isinstance(fact, RequestFulfilled)]

    async def certificate(self) -> dict[str, Any]:
        """Return what was certified, without its moments."""
        [fulfilled] = await self.fulfilled()
        content: dict[str, Any] = json.loads(await self.vault.open(CASE, fulfilled.certificate or ""))
        certified = content["certificate"]
        del certified["begun_at"], certified["completed_at"], certified["verification"]["at"]
        return dict(certified)


async def end_of(world: World) -> dict[Any, Any]:
    """Return all that is there in the end: the company's records, and the registers without their moments."""
    records: dict[Any, Any] = {
        place: raw for place, raw in (await world.everything()).items() if place[0].startswith("desk.")
    }
    database = world.client[f"{world.prefix}own_fulfillment"]
    for name in REGISTERS:
        async for entry in database[name].find():
            content = {field: value for field, value in entry.items() if field not in ("at", "expires_at")}
            records[name, entry["_id"]] = content
    return records


def service(durable: Durable, life: Life) -> Service[FulfillmentCase, FulfillmentContext]:
    reached = Stores({"default": durable.world.client}, database_prefix=durable.world.prefix)
    parts: dict[str, Any] = {
        "vault": mortal(durable.vault, life),
        "records": RecordEngine(cast("Stores", mortal(reached, life))),
        "maps": Maps(),
        "holds": NO_HOLDS,
        "house": FulfillmentProfile(
            "Example", "", "", UTC, CertificateSigner(KEY), KEY, timedelta(days=30), durable.approval_above
        ),
        **{name: mortal(register, life) for name, register in durable.registers().items()},
    }
    others: dict[str, Any] = {
        f.name: mortal(Quiet(), life) for f in fields(FulfillmentContext)[4:] if f.name not in parts
    }

    def context(moment: Moment[FulfillmentCase]) -> FulfillmentContext:
        return FulfillmentContext(
            moment.case, moment.state, moment.now, moment.occurred_at, **(parts | others)
        )

    return Service("fulfillment", SUBSCRIPTIONS, FulfillmentCase(), evolve, context)


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    reached = Stores({"default": mongo_client}, database_prefix=database_prefix)
    yield World(mongo_client, database_prefix, reached)


async def fill(world: World, *, notes: int = 8, rooms: int = 3) -> None:
    """Put the company's records back to where they began; one store is strict about a text."""
    database = world.client[world.prefix + "desk"]
    if "notes" not in await database.list_collection_names():
        await database.create_collection("notes", validator=RULES)
    for collection in MAP.collections:
        await database[collection.name].delete_many({})
    for kind, names in OWN.items():
        for name in names:
            await world.client[f"{world.prefix}own_{kind}"][name].delete_many({})
    kim, bo = "kim@example.org", "bo@example.org"
    await world.insert("desk.people", {"_id": 1, "email": kim}, {"_id": 2, "email": bo})
    await world.insert(
        "desk.notes",
        *({"_id": n, "person": 1 + n % 2, "text": f"t{n}", "state": "open"} for n in range(notes)),
    )
    await world.insert(
        "desk.rooms", *({"_id": n, "guests": [{"email": kim}, {"email": bo}]} for n in range(rooms))
    )
    await world.insert("desk.invoices", {"_id": 1, "person": 1, "total": 5, "state": {"locked": False}})


async def erased(world: World, last: float) -> tuple[Durable, int]:
    """Erase Kim in a process that dies at boundary *last*, and in another one after it."""
    await fill(world)
    durable = Durable(world)
    await durable.begin()
    life = Life(last)
    try:
        await durable.broker.drain(durable.process(life))
    except* Killed:
        durable.broker.crash()
    await durable.broker.drain(durable.process(Life()))
    return durable, life.passed


async def test_a_process_that_dies_at_any_write_of_an_erasure_changes_nothing_in_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "STEPS_PER_CHUNK", 2)
    monkeypatch.setattr(mongodb, "READING_WINDOW", 0.0)
    monkeypatch.setattr(batch_lookup, "SCAN_WINDOW", 0.0)
    unhurt, boundaries = await erased(world, float("inf"))
    end, certificate = await end_of(world), await unhurt.certificate()
    assert certificate["verification"]["result"] == "nothing_left"
    assert (await world.get("desk.invoices", _id=1))["state"] == {"locked": True}
    assert boundaries > 30
    assert {place[0] for place in end} >= REGISTERS, "the registers are compared, too"
    for last in itertools.count(1):
        durable, passed = await erased(world, last)
        assert await end_of(world) == end, last
        assert await durable.certificate() == certificate, last
        told = {m.message_id for m in durable.broker.published if m.routing_key == RequestFulfilled.TYPE}
        assert len(told) == 1, last
        if passed < last:
            break
    assert last == boundaries + 1


@dataclass
class Eraser:
    """Processes of their own, each a copy of one that has loaded everything: one erases, at a time."""

    process: asyncio.subprocess.Process

    @classmethod
    @asynccontextmanager
    async def started(cls, mongo_url: str, prefix: str) -> AsyncIterator["Eraser"]:
        """Start the one that is copied."""
        words = (sys.executable, "-m", "tests.integration.eraser_process", mongo_url, prefix)
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        try:
            yield cls(process)
        finally:
            process.kill()
            await process.wait()

    async def lives(self, last: int) -> tuple[int, int]:
        """Erase in a process that ends at boundary *last*, if any; return its status and what it passed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{last}\n".encode())
        status, passed = (await self.process.stdout.readline()).split()
        return int(status), int(passed)


@pytest.mark.campaign
async def test_a_process_that_sigkill_ends_at_any_write_of_an_erasure_changes_nothing_in_its_end(
    mongo_client: Client, mongo_url: str, database_prefix: str
) -> None:
    numbers = itertools.count(1, KILLED_AT_EVERY)
    ended: list[tuple[dict[Any, Any], dict[str, Any]]] = []
    boundaries: list[int] = []

    async def kill(number: int) -> None:
        prefix = f"{database_prefix}{number}x"
        world = World(mongo_client, prefix, Stores({"default": mongo_client}, database_prefix=prefix))
        async with Eraser.started(mongo_url, prefix) as eraser:
            for last in numbers:
                await fill(world, notes=4, rooms=1)
                durable = Durable.real(world)
                await durable.begin()
                status, passed = await eraser.lives(last)
                if status:
                    assert status == -signal.SIGKILL, last
                    assert (await eraser.lives(0))[0] == 0, last
                ended.append((await end_of(world), await durable.certificate()))
                if not status:
                    boundaries.append(passed)
                    return

    async with asyncio.TaskGroup() as group:
        for number in range(AT_ONCE):
            group.create_task(kill(number))
    assert min(boundaries) > 30
    assert len(ended) >= min(boundaries) // KILLED_AT_EVERY + 1
    assert all(end == ended[0] for end in ended)
    assert {place[0] for place in ended[0][0]} >= REGISTERS, "the registers are compared, too"
    assert ended[0][1]["verification"]["result"] == "nothing_left"


# --- a stop or a withdrawal that another replica handles before the erasure is delivered again --------------

STOP = RequestStopped(request_id=CASE, reason=StopReason.NOT_ME)
CLOSE = RequestWithdrawn(request_id=CASE, stopped=True)
WITHDRAWAL = RequestWithdrawn(request_id=CASE)
RELEASE = RequestReleased(request_id=CASE)
APPROVAL = ErasureApproved(request_id=CASE, by="robin.muster")


async def interrupted(world: World, last: float, acts: Sequence[Fact], meanwhile: Sequence[Fact]) -> Durable:
    """Let *acts* come, in a process that dies at boundary *last*; *meanwhile* comes before it is known."""
    await fill(world, notes=4, rooms=1)
    durable = Durable(world, approval_above=0 if APPROVAL in acts else None)
    await durable.begin()
    for number, act in enumerate(acts):
        if act is not STOP:  # which comes before the plan
            await durable.broker.drain(durable.process(Life()))
        await durable.send(act, f"act {number}")
    life = Life(last)
    try:
        await durable.broker.drain(durable.process(life))
    except* Killed:
        durable.broker.crash()
        for fact in meanwhile:
            rows = (await durable.journal.histories({CASE})).get(CASE, [])
            row = JournalRow(CASE, len(rows), f"replica {len(rows)}", fact, (), datetime.now(UTC))
            assert not await durable.journal.append([row])
    await durable.broker.drain(durable.process(Life()))
    durable.lived = life.passed < last
    return durable


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("acts", "meanwhile", "after"),
    [
        pytest.param((), (WITHDRAWAL,), (), id="withdrawn"),
        pytest.param((), (STOP,), (CLOSE,), id="stopped, and closed later"),
        pytest.param((), (STOP, CLOSE), (), id="stopped and closed"),
        pytest.param((APPROVAL,), (WITHDRAWAL,), (), id="approved and withdrawn"),
        pytest.param((APPROVAL,), (STOP,), (CLOSE,), id="approved, stopped and closed"),
        pytest.param((STOP, RELEASE), (CLOSE,), (), id="released and closed"),
        pytest.param((STOP, APPROVAL, RELEASE), (CLOSE,), (), id="approved while stopped, released, closed"),
    ],
)
async def test_interrupted_erasure_is_certified_or_has_erased_nothing(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    acts: Sequence[Fact],
    meanwhile: Sequence[Fact],
    after: Sequence[Fact],
) -> None:
    monkeypatch.setattr(execution, "STEPS_PER_CHUNK", 2)
    monkeypatch.setattr(mongodb, "READING_WINDOW", 0.0)
    monkeypatch.setattr(batch_lookup, "SCAN_WINDOW", 0.0)
    await fill(world, notes=4, rooms=1)
    before = await end_of(world)
    certified = untouched = 0
    for last in itertools.count(1, INTERRUPTED_AT_EVERY):
        durable = await interrupted(world, last, acts, meanwhile)
        for number, fact in enumerate(after):
            await durable.send(fact, f"after {number}")
        await durable.broker.drain(durable.process(Life()))
        if await end_of(world) == before:
            assert await durable.fulfilled() == [], last
            untouched += 1
        else:
            # A stop ends the erasure between two rounds: the certificate says that the rest is left.
            results = {"nothing_left", "records_left"} if STOP in meanwhile else {"nothing_left"}
            assert (await durable.certificate())["verification"]["result"] in results, last
            certified += 1
        if durable.lived:
            break
    assert certified > 5
    assert untouched
