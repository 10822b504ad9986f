"""What an erasure had to keep is registered without a word about the person, and goes after its last day."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest_asyncio

from habeas.client.engine import OperatorEngine
from habeas.client.erasures import ErasureRecords
from habeas.client.erasures import memory as opened
from services.fulfillment.certificate.document import verify_certificate
from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.datamap.model import DataMap, RetentionPeriod
from services.fulfillment.datamap.reader import parse
from services.fulfillment.domain import after
from services.fulfillment.erasure.deferred import DailyJob, DueRecords, Purging
from services.fulfillment.erasure.planner import plan
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.mongodb import Stores
from services.fulfillment.stores.registers import LEASE, DailyJobStates
from shared.contract.events import ErasureRetried
from shared.runtime.broker import Message
from shared.runtime.mongo import Client
from tests.integration.test_engine import EMAIL, PERSON, World, one
from tests.runtime_fakes import uncorrelated

KEY = b"k" * 32
SIGNER = CertificateSigner(KEY)


def today() -> date:
    """Return the day that the erasures of this moment are dated by: the tests may run over midnight."""
    return datetime.now(UTC).date()


LONG_AGO = datetime.now(UTC) - timedelta(days=300)
LAST_DAY = after(LONG_AGO.date(), RetentionPeriod(years=1))
TEXT = """
dataset:
  - fides_key: desk
    collections:
      - name: people
        meta: { habeas: { erasure: delete } }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
      - name: bills
        meta:
          habeas:
            erasure: delete
            retention: { keep: P1Y, from: issued, because: § 147 AO }
            legal_hold: { field: held, value: true }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: person
            fides_meta: { references: [ { dataset: desk, field: people._id, direction: from } ] }
          - { name: issued }
          - { name: held }
          - { name: name, data_categories: [user.name] }
"""
MAP = parse({"map.yml": TEXT})
FROM_ERASURE = parse({"map.yml": TEXT.replace("from: issued", "from: now")})


OTHER = one(EMAIL)
"""The map of today: records were kept by the one of their day."""


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    stores = Stores({"default": mongo_client}, database_prefix=database_prefix)
    yield World(mongo_client, database_prefix, stores)


@pytest_asyncio.fixture
async def memory(world: World, mongo_url: str) -> AsyncIterator[ErasureRecords]:
    async with opened(mongo_url, f"{world.prefix}own", KEY) as memory:
        yield memory


async def erased(world: World, memory: ErasureRecords, data_map: DataMap = MAP, **changes: Any) -> None:
    """Erase Kim, whose bill is kept for a year; somebody else has one, too."""
    bill = {"issued": LONG_AGO, "held": False, "name": "Kim Sample", **changes}
    await world.insert(
        "desk.people", {"_id": 70_077_077, "email": "kim@example.org"}, {"_id": 78, "email": "bo@example.org"}
    )
    await world.insert(
        "desk.bills", {"_id": 1, "person": 70_077_077, **bill}, {"_id": 2, "person": 78, **bill}
    )
    decided = plan(await gather(data_map, world.stores, PERSON), data_map, today())
    await OperatorEngine(data_map, world.stores).erase(decided, PERSON, "Example", SIGNER, memory=memory)
    assert await world.get("desk.people", _id=70_077_077) is None
    assert await world.get("desk.bills", _id=1) is not None


def purging(world: World, memory: ErasureRecords) -> Purging:
    return memory.purging(OTHER, world.stores, "Example", SIGNER)


async def due(world: World, memory: ErasureRecords, day: date) -> list[DueRecords]:
    return [item async for item in purging(world, memory).due(day)]


async def test_a_kept_record_goes_when_its_last_day_has_passed_and_that_is_certified(
    world: World, memory: ErasureRecords
) -> None:
    await erased(world, memory)
    assert await due(world, memory, LAST_DAY) == []
    [item] = await due(world, memory, LAST_DAY + timedelta(days=1))
    file = await purging(world, memory).purge(item)

    assert await world.get("desk.bills", _id=1) is None
    assert await world.get("desk.bills", _id=2) is not None
    content = verify_certificate(file, issuer=SIGNER.public_key.fingerprint).content
    assert [(c["collection"], c["found"], c["erased"]) for c in content["collections"]] == [("bills", 1, 1)]
    assert content["verification"]["result"] == "nothing_left"
    assert await due(world, memory, LAST_DAY + timedelta(days=1)) == []


async def test_period_from_the_erasure_ends_once_and_does_not_start_anew(
    world: World, memory: ErasureRecords
) -> None:
    await erased(world, memory, FROM_ERASURE)
    last = after(today(), RetentionPeriod(years=1))
    assert await due(world, memory, last) == []
    [item] = await due(world, memory, last + timedelta(days=1))
    assert not item.idle
    await purging(world, memory).purge(item)
    assert await world.get("desk.bills", _id=1) is None
    assert await due(world, memory, last + timedelta(days=1)) == []


async def test_period_from_the_erasure_follows_a_hold(world: World, memory: ErasureRecords) -> None:
    await erased(world, memory, FROM_ERASURE, held=True)
    tomorrow = today() + timedelta(days=1)
    bills = world.client[world.prefix + "desk"]["bills"]
    await bills.update_one({"_id": 1}, {"$set": {"held": False}})
    [item] = await due(world, memory, tomorrow)
    await purging(world, memory).purge(item)
    assert await world.get("desk.bills", _id=1) is not None
    last = after(tomorrow, RetentionPeriod(years=1))
    [item] = await due(world, memory, last + timedelta(days=1))
    await purging(world, memory).purge(item)
    assert await world.get("desk.bills", _id=1) is None


async def test_the_register_holds_nothing_about_the_person_but_the_keys_of_records(
    world: World, memory: ErasureRecords
) -> None:
    await erased(world, memory)
    kept = world.client[f"{world.prefix}own_fulfillment"]["kept"]
    [entry] = [entry async for entry in kept.find()]
    assert entry["id"] == [["_id", 1]]
    assert entry["until"] == LAST_DAY.isoformat()
    assert not any(word in str(entry).lower() for word in ("kim", "70077077", "sample"))


async def test_a_record_that_has_become_anothers_is_left_alone(world: World, memory: ErasureRecords) -> None:
    await erased(world, memory)
    bills = world.client[world.prefix + "desk"]["bills"]
    await bills.update_one({"_id": 1}, {"$set": {"person": 78}})
    [item] = await due(world, memory, LAST_DAY + timedelta(days=1))
    file = await purging(world, memory).purge(item)
    assert await world.get("desk.bills", _id=1) is not None
    assert verify_certificate(file).content["collections"][0]["gone"] == 1
    assert await due(world, memory, LAST_DAY + timedelta(days=1)) == []


async def test_a_hold_is_looked_at_every_day_and_the_record_goes_when_it_ends(
    world: World, memory: ErasureRecords
) -> None:
    await erased(world, memory, held=True, issued=datetime(2001, 1, 1, tzinfo=UTC))
    tomorrow = today() + timedelta(days=1)
    [item] = await due(world, memory, tomorrow)
    assert item.idle
    bills = world.client[world.prefix + "desk"]["bills"]
    await bills.update_one({"_id": 1}, {"$set": {"held": False}})
    [item] = await due(world, memory, tomorrow)
    await purging(world, memory).purge(item)
    assert await world.get("desk.bills", _id=1) is None


@dataclass
class Told:
    """Takes what is published."""

    messages: list[Message] = field(default_factory=list)

    async def publish(self, messages: list[Message]) -> None:
        self.messages += messages


def daily(world: World, memory: ErasureRecords, told: Told, at: datetime) -> DailyJob:
    days = DailyJobStates(world.client[f"{world.prefix}own_fulfillment"])
    return DailyJob(days, purging(world, memory), told.publish, uncorrelated, lambda: at)


NOON = datetime.combine(LAST_DAY + timedelta(days=1), time(12), UTC)


async def test_due_records_are_erased_daily_and_certified(world: World, memory: ErasureRecords) -> None:
    await erased(world, memory)
    early = [daily(world, memory, Told(), NOON - timedelta(days=1)) for _ in range(3)]
    assert [await one.work() for one in early] == [True, False, False]
    assert await world.get("desk.bills", _id=1) is not None

    done = await asyncio.gather(*(daily(world, memory, Told(), NOON).work() for _ in range(3)))
    assert sorted(done) == [False, False, True]
    assert await world.get("desk.bills", _id=1) is None
    kept = world.client[f"{world.prefix}own_fulfillment"]["certificates"]
    [certificate] = [one async for one in kept.find({"of": {"$ne": None}})]
    assert (
        verify_certificate(certificate["file"], issuer=SIGNER.public_key.fingerprint).content["number"]
        == certificate["_id"]
    )


async def test_a_days_work_of_a_replica_that_died_is_gone_on_with(
    world: World, memory: ErasureRecords
) -> None:
    await erased(world, memory)
    days = DailyJobStates(world.client[f"{world.prefix}own_fulfillment"])
    assert await days.begin(NOON.date(), NOON)
    assert not await daily(world, memory, Told(), NOON + LEASE).work()
    assert await daily(world, memory, Told(), NOON + LEASE + timedelta(seconds=1)).work()
    assert await world.get("desk.bills", _id=1) is None
    assert not await daily(world, memory, Told(), NOON + 3 * LEASE).work(), "what is done is done"


async def test_one_erasure_that_cannot_be_gone_on_with_holds_up_no_other(
    world: World, memory: ErasureRecords
) -> None:
    await erased(world, memory)
    own = world.client[f"{world.prefix}own_fulfillment"]["kept"]
    [entry] = [one async for one in own.find()]
    broken = {"_id": "0/x", "erasure": "0" * 32, "version": "unknown", "until": "2000-01-01"}
    refused = {"_id": "r/x", "erasure": "c" * 32, "refused": True, "asked": True, "until": "2000-01-01"}
    await own.insert_many([entry | broken, entry | refused])
    told = Told()
    assert not await daily(world, memory, told, NOON).work(), "it is tried again"
    assert await world.get("desk.bills", _id=1) is None
    assert [message.routing_key for message in told.messages] == [ErasureRetried.TYPE]
    assert await own.find_one({"_id": "0/x"}) is not None
    assert not await daily(world, memory, told, NOON).work()
    assert not await daily(world, memory, told, NOON + 2 * LEASE).work()
    assert len({message.message_id for message in told.messages}) == 1, "the same order, though given twice"


CONTRACTS = parse(
    {
        "map.yml": """
dataset:
  - fides_key: desk
    meta: { habeas: { legal_basis: Art. 6(1)(b) GDPR } }
    collections:
      - name: rentals
        meta: { habeas: { erasure: delete, active: { field: ended_at } } }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: ended_at }
      - name: people
        meta: { habeas: { erasure: delete } }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
"""
    }
)


async def test_what_a_contract_needs_goes_when_the_last_contract_of_the_person_has_ended(
    world: World, memory: ErasureRecords
) -> None:
    await world.insert("desk.people", {"_id": 7, "email": "kim@example.org"})
    await world.insert("desk.rentals", {"_id": 1, "email": "kim@example.org"})
    decided = plan(await gather(CONTRACTS, world.stores, PERSON), CONTRACTS, today())
    await OperatorEngine(CONTRACTS, world.stores).erase(decided, PERSON, "Example", SIGNER, memory=memory)
    assert await world.get("desk.people", _id=7) is not None
    tomorrow, rentals = today() + timedelta(days=1), world.client[world.prefix + "desk"]["rentals"]
    [item] = await due(world, memory, tomorrow)
    assert item.idle

    # A contract begun since then needs the records as well.
    await world.insert("desk.rentals", {"_id": 2, "email": "kim@example.org"})
    await rentals.update_one({"_id": 1}, {"$set": {"ended_at": LONG_AGO}})
    [item] = await due(world, memory, tomorrow)
    await purging(world, memory).purge(item)
    assert await world.get("desk.rentals", _id=1) is None
    assert await world.get("desk.people", _id=7) is not None

    await rentals.update_one({"_id": 2}, {"$set": {"ended_at": LONG_AGO}})
    [item] = await due(world, memory, tomorrow)
    await purging(world, memory).purge(item)
    assert await world.get("desk.people", _id=7) is None
    assert await world.get("desk.rentals", _id=2) is not None, "no request was made after that contract"
