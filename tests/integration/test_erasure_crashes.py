"""
A process that dies at any write of an erasure leaves what the next one brings to the same end.

It is killed before and after every write there is: every chunk of records, everything sealed, every row of
the journal, every publication and acknowledgement. The one that comes after it knows only what was written.
"""

import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest
import pytest_asyncio

from services.fulfillment.cases import Fulfilment, evolve
from services.fulfillment.context import Fulfillment, House
from services.fulfillment.datamap.reading import DataMap, parse
from services.fulfillment.engine import Engine
from services.fulfillment.erasure import execution
from services.fulfillment.handlers import SUBSCRIPTIONS
from services.fulfillment.search import seeking, stores
from services.fulfillment.search.stores import Stores
from services.fulfillment.signing import Signer
from shared.answer import SUBMISSION
from shared.bus import Message
from shared.envelope import encode
from shared.events import Assurance, IdentityVerified, RequestFulfilled, RequestSubmitted
from shared.law import Regulation, Right
from shared.mongo import Client
from shared.service import Moment, Runtime, Service
from shared.testing import MemoryBroker, MemoryJournal, MemoryVault
from tests.integration.test_engine import World

CASE = "c" * 32
KEY = b"k" * 32
WRITES = frozenset({"write", "seal", "seal_stream", "append", "publish", "settle", "record", "add", "keep"})
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
        meta: { habeas: { erasure: delete, retention: { keep: P10Y, from: now, because: duty } } }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: person
            fides_meta: { references: [ { dataset: desk, field: people._id, direction: from } ] }
          - { name: total, data_categories: [user.financial] }
"""
    }
)
RULES = {"$jsonSchema": {"properties": {"text": {"bsonType": "string"}}}}


class Killed(BaseException):
    """The process is gone: nothing in it catches this."""


@dataclass
class Life:
    """Ends at the *last* boundary it passes."""

    last: float
    passed: int = 0

    def passes(self) -> None:
        self.passed += 1
        if self.passed >= self.last:
            raise Killed


@dataclass
class Mortal:
    """Something whose writes a process may die before or after."""

    real: Any
    life: Life

    def __getattr__(self, name: str) -> Any:
        act = getattr(self.real, name)
        return self._mortal(act) if name in WRITES else act

    def _mortal(self, act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def mortal(*arguments: Any, **more: Any) -> Any:
            self.life.passes()
            done = await act(*arguments, **more)
            self.life.passes()
            return done

        return mortal


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
    """What outlives a process."""

    world: World
    broker: MemoryBroker = field(default_factory=MemoryBroker)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    vault: MemoryVault = field(default_factory=MemoryVault)

    def process(self, life: Life) -> Runtime[Any, Any]:
        """Return a new process, which dies at the end of *life*."""
        return Runtime(
            service(self, life),
            Mortal(self.journal, life),
            Mortal(self.broker.inbox("fulfillment"), life),
            Mortal(self.broker, life),
        )

    async def begin(self) -> None:
        """Let a proven request for erasure arrive."""
        submitted = {"reference": "r", "right": "erasure", "subject": {"email": "kim@example.org"}}
        await self.vault.create(CASE)
        text = RequestSubmitted.model_validate(submitted).model_dump_json()
        await self.vault.seal(CASE, SUBMISSION, text.encode())
        verified = IdentityVerified(
            request_id=CASE,
            right=Right.ERASURE,
            regulation=Regulation.GDPR,
            received_on=date(2026, 11, 25),
            assurance=Assurance.MAILBOX,
            proven=("email",),
            reasons=("mailbox",),
        )
        body = encode(verified, id="e1", source="habeas/verifier", time=datetime.now(UTC))
        await self.broker.publish([Message(verified.EXCHANGE, verified.TYPE, body, "e1")])

    def fulfilled(self) -> list[RequestFulfilled]:
        facts = [fact for row in self.journal.rows.values() for fact in row.facts]
        return [fact for fact in facts if isinstance(fact, RequestFulfilled)]

    async def certificate(self) -> dict[str, Any]:
        """Return what was certified, without its moments."""
        [fulfilled] = self.fulfilled()
        content: dict[str, Any] = json.loads(await self.vault.open(CASE, fulfilled.certificate or ""))
        certified = content["certificate"]
        del certified["begun_at"], certified["completed_at"], certified["verification"]["at"]
        return dict(certified)


def service(durable: Durable, life: Life) -> Service[Fulfilment, Fulfillment]:
    reached = Stores({"default": durable.world.client}, database_prefix=durable.world.prefix)
    parts: dict[str, Any] = {
        "vault": Mortal(durable.vault, life),
        "records": Engine(cast("Stores", Mortal(reached, life))),
        "maps": Maps(),
        "house": House("Example", "", "", UTC, Signer(KEY), KEY, timedelta(days=30)),
    }
    others: dict[str, Any] = {
        f.name: Mortal(Quiet(), life) for f in fields(Fulfillment)[4:] if f.name not in parts
    }

    def context(moment: Moment[Fulfilment]) -> Fulfillment:
        return Fulfillment(moment.case, moment.state, moment.now, moment.occurred_at, **(parts | others))

    return Service("fulfillment", SUBSCRIPTIONS, Fulfilment(), evolve, context)


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    reached = Stores({"default": mongo_client}, database_prefix=database_prefix)
    yield World(mongo_client, database_prefix, reached)


async def fill(world: World) -> None:
    """Put the company's records back to where they began; one store is strict about a text."""
    database = world.client[world.prefix + "desk"]
    if "notes" not in await database.list_collection_names():
        await database.create_collection("notes", validator=RULES)
    for collection in MAP.collections:
        await database[collection.name].delete_many({})
    kim, bo = "kim@example.org", "bo@example.org"
    await world.insert("desk.people", {"_id": 1, "email": kim}, {"_id": 2, "email": bo})
    await world.insert(
        "desk.notes", *({"_id": n, "person": 1 + n % 2, "text": f"t{n}", "state": "open"} for n in range(8))
    )
    await world.insert(
        "desk.rooms", *({"_id": n, "guests": [{"email": kim}, {"email": bo}]} for n in range(3))
    )
    await world.insert("desk.invoices", {"_id": 1, "person": 1, "total": 5})


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
    await durable.broker.drain(durable.process(Life(float("inf"))))
    return durable, life.passed


async def test_a_process_that_dies_at_any_write_of_an_erasure_changes_nothing_in_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "STEPS_PER_CHUNK", 2)
    monkeypatch.setattr(stores, "READING_WINDOW", 0.0)
    monkeypatch.setattr(seeking, "SCAN_WINDOW", 0.0)
    unhurt, boundaries = await erased(world, float("inf"))
    end, certificate = await world.everything(), await unhurt.certificate()
    assert certificate["verification"]["result"] == "nothing_left"
    assert boundaries > 40
    for last in itertools.count(1):
        durable, passed = await erased(world, last)
        assert await world.everything() == end, last
        assert await durable.certificate() == certificate, last
        told = {m.message_id for m in durable.broker.published if m.routing_key == RequestFulfilled.TYPE}
        assert len(told) == 1, last
        if passed < last:
            break
    assert last == boundaries + 1
