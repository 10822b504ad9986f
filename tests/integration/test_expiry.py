"""Records past their retention period are listed exactly, and purged once, with a certificate."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from services.fulfillment.certificate.document import verify_certificate
from services.fulfillment.certificate.issue import Certificates
from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.changes.suppressions import SuppressionList
from services.fulfillment.datamap.reader import parse
from services.fulfillment.datamap.versions import DataMapVersions
from services.fulfillment.erasure.deferred import Purging
from services.fulfillment.erasure.expiry import (
    ExpiredCollection,
    ExpiryJob,
    expired_in,
    limited_collections,
    order_purge,
    unlimited_collections,
)
from services.fulfillment.erasure.journal.entries import Fingerprints
from services.fulfillment.holds.register import LegalHolds
from services.fulfillment.search.engine import RecordEngine
from services.fulfillment.state import FulfillmentCase
from services.fulfillment.stores.mongodb import Stores
from services.fulfillment.stores.registers import (
    PURGE_LEASE,
    USUAL_RETENTION,
    ErasureJournal,
    PurgeOrder,
    PurgeOrders,
    RetainedRecords,
)
from shared.contract.events import PurgeApproved, PurgeProposed
from shared.errors import RefusedDecision, TransientError
from shared.runtime.mongo import Client
from tests.integration.crash_points import Killed, Life, Mortal
from tests.integration.test_engine import World
from tests.unit.fulfillment.handler_fakes import around

KEY = b"k" * 32
SIGNER = CertificateSigner(KEY)
BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2027, 1, 1)
ORDER = "a" * 32
MAP = parse(
    {
        "map.yml": """
dataset:
  - fides_key: books
    collections:
      - name: invoices
        meta:
          habeas:
            erasure: delete
            retention: { keep: P8Y, from: issued, starts: end_of_year, because: § 147 AO }
            legal_hold: { field: disputed, value: true }
            restriction: { field: restricted, value: true }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: issued }
          - { name: disputed }
          - { name: restricted }
          - { name: name, data_categories: [user.name] }
      - name: tickets
        meta:
          habeas:
            erasure: mask
            retention: { keep: P1Y, from: opened, because: our policy }
            active: { field: state, value: running }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: opened }
          - { name: state }
          - { name: name, data_categories: [user.name] }
          - name: messages
            fides_meta: { data_type: "object[]" }
            fields:
              - { name: by, data_categories: [user.contact.email], fides_meta: { identity: email } }
      - name: contacts
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
"""
    }
)
INVOICES, TICKETS = MAP.by_key["books.invoices"], MAP.by_key["books.tickets"]


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    stores = Stores({"default": mongo_client}, database_prefix=database_prefix)
    yield World(mongo_client, database_prefix, stores)


def at(*when: int) -> datetime:
    return datetime(*cast("tuple[int, int, int]", when), tzinfo=UTC)


async def fill(world: World) -> None:
    await world.insert(
        "books.invoices",
        {"_id": "old", "issued": at(2015, 3, 1), "name": "Kim Sample"},
        {"_id": "last second", "issued": at(2018, 12, 31, 22, 59), "name": "Kim Sample"},
        {"_id": "next year in Berlin", "issued": at(2018, 12, 31, 23), "name": "Kim Sample"},
        {"_id": "text", "issued": "2018-06-30", "name": "Bo Sample"},
        {"_id": "younger text", "issued": "2019-06-30", "name": "Bo Sample"},
        {"_id": "undated", "issued": None, "name": "Bo Sample"},
        {"_id": "disputed", "issued": at(2014, 1, 1), "disputed": True, "name": "Bo Sample"},
    )
    await world.insert("books.contacts", {"_id": 1, "email": "kim@example.org"})


GONE = {"old", "last second", "text"}


async def ids(world: World, name: str = "invoices") -> set[Any]:
    return {one["_id"] async for one in world.client[world.prefix + "books"][name].find({}, {"_id": 1})}


async def listed(world: World) -> ExpiredCollection:
    return await expired_in(INVOICES, world.stores, TODAY, BERLIN)


async def test_record_that_a_person_had_restricted_is_not_due(world: World) -> None:
    marked = {"_id": "restricted", "issued": at(2014, 1, 1), "restricted": True, "name": "Bo Sample"}
    lifted = marked | {"_id": "lifted", "restricted": False}
    await world.insert("books.invoices", marked, lifted)
    assert (await expired_in(INVOICES, world.stores, TODAY, BERLIN)).records == 1


async def test_records_past_their_period_are_listed_with_count_and_oldest(world: World) -> None:
    await fill(world)
    found = await listed(world)
    assert found == ExpiredCollection(
        "books.invoices", "§ 147 AO", "issued", indexed=False, records=3, held=1, oldest=date(2023, 12, 31)
    )
    await world.client[world.prefix + "books"]["invoices"].create_index("issued")
    assert (
        await Stores({"default": world.client}, database_prefix=world.prefix).indexes(INVOICES.place)
    ).plain
    fresh = Stores({"default": world.client}, database_prefix=world.prefix)
    assert await expired_in(INVOICES, fresh, TODAY, BERLIN) == replace(found, indexed=True)
    assert limited_collections(MAP) == (INVOICES, TICKETS)
    assert unlimited_collections(MAP) == ("books.contacts",)


async def test_listing_reads_only_the_index_up_to_the_period(world: World) -> None:
    books = world.client[world.prefix + "books"]
    await books["invoices"].create_index("issued")
    many = [{"issued": at(2020, 1, 1) + timedelta(hours=n), "name": "x"} for n in range(3_000)]
    await books["invoices"].insert_many([*many, {"issued": at(2015, 3, 1), "name": "x"}])
    await books.command("profile", 2)
    found = await listed(world)
    await books.command("profile", 0)
    read = [p async for p in books["system.profile"].find({"command.find": "invoices"})]
    assert (found.records, len(read)) == (1, 1)
    assert read[0]["keysExamined"] + read[0]["docsExamined"] < 10


class Maps:
    def __init__(self, world: World) -> None:
        self.stored = DataMapVersions(own(world), MAP)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stored, name)


def own(world: World) -> Any:
    return world.client[f"{world.prefix}own_fulfillment"]


WRITES = frozenset({
    "write", "record", "add", "keep", "enlist", "begin", "forget", "prolong", "note_registered", "end",
})  # fmt: skip


def job(world: World, life: Life, clock: datetime) -> ExpiryJob:
    """Return the job of a process that dies at the end of *life*."""

    def mortal(real: Any) -> Any:
        return Mortal(real, life, WRITES)

    database = own(world)
    purging = Purging(
        mortal(RetainedRecords(database, KEY)),
        mortal(ErasureJournal(database, Fingerprints(KEY), USUAL_RETENTION)),
        mortal(SuppressionList(database, KEY)),
        mortal(Certificates(database)),
        cast("Any", Maps(world)),
        RecordEngine(cast("Stores", mortal(world.stores)), zone=BERLIN),
        "Example",
        SIGNER,
        BERLIN,
        holds=LegalHolds(database, KEY),
    )
    return ExpiryJob(cast("PurgeOrders", mortal(PurgeOrders(database))), purging, lambda: clock)


async def order(world: World, key: str = "books.invoices", records: int = 3) -> None:
    await PurgeOrders(own(world)).take(PurgeOrder(ORDER, key, TODAY, MAP.version, records))


async def certified(world: World) -> list[dict[str, Any]]:
    """Return the collections in the certificates of the order."""
    certificates = Certificates(own(world))
    files = [await certificates.of(number) for number in await certificates.numbers_of(ORDER)]
    contents = [verify_certificate(f or b"", issuer=SIGNER.public_key.fingerprint).content for f in files]
    assert all(content["verification"]["result"] == "nothing_left" for content in contents)
    return [dict(one) for content in contents for one in content["collections"]]


NOW = datetime(2027, 1, 2, tzinfo=UTC)


async def finish(world: World, last: float) -> int:
    """Execute the order in a process that dies at boundary *last*, and in another one after its lease."""
    life = Life(last)
    try:
        while await job(world, life, NOW).work():
            pass
    except Killed:
        pass
    while await job(world, Life(), NOW + 2 * PURGE_LEASE).work():
        pass
    return life.passed


async def test_purge_happens_exactly_once_and_is_certified_on_any_crash(world: World) -> None:
    for last in itertools.count(1):
        for database in (world.client[world.prefix + "books"], own(world)):
            for name in await database.list_collection_names():
                await database[name].delete_many({})
        await fill(world)
        before = await ids(world)
        await order(world)
        passed = await finish(world, last)
        assert await ids(world) == before - GONE, last
        [handled] = await certified(world)
        assert (handled["found"], handled["erased"], handled["gone"]) == (3, 3, 0), last
        assert await own(world)["kept"].count_documents({}) == 0, last
        assert await own(world)["erasures"].count_documents({}) >= 1, last
        if passed < last:
            break
    assert last > 15


async def test_masked_records_count_as_masked_on_any_crash(world: World) -> None:
    name = {"name": "Kim Sample", "messages": [{"by": "kim@example.org"}]}
    for last in itertools.count(2, 3):
        for database in (world.client[world.prefix + "books"], own(world)):
            for collection in await database.list_collection_names():
                await database[collection].delete_many({})
        await world.insert("books.tickets", *({"_id": n, "opened": at(2025, 5, 5), **name} for n in range(3)))
        await order(world, "books.tickets", 3)
        passed = await finish(world, last)
        assert [one["name"] async for one in world.client[world.prefix + "books"]["tickets"].find()] == [
            None
        ] * 3
        [handled] = await certified(world)
        assert (handled["found"], handled["masked"], handled["retained"]) == (3, 3, []), last
        if passed < last:
            break


async def test_proposed_purge_waits_for_a_second_account(world: World) -> None:
    await fill(world)
    before = await ids(world)
    orders, approved = (
        PurgeOrders(own(world)),
        PurgeApproved(
            request_id=ORDER,
            by="dana",
            collection="books.invoices",
            day=TODAY,
            version=MAP.version,
            records=3,
        ),
    )
    ctx = around(known=FulfillmentCase())
    house = replace(ctx.house, two_deciders=True)
    ctx = replace(ctx, house=house, purges=orders, maps=cast("Any", Maps(world).stored), now=NOW)
    for _ in range(2):
        [proposed] = await order_purge(approved, ctx)
        assert isinstance(proposed, PurgeProposed)
        assert (proposed.request_id, proposed.records) == (ORDER, 3)
    assert not await job(world, Life(), NOW).work()
    assert await ids(world) == before
    ctx = ctx.after(approved)
    with pytest.raises(RefusedDecision, match="decider_decided_before"):
        await order_purge(approved, ctx)
    second = approved.model_copy(update={"by": "robin"})
    with pytest.raises(RefusedDecision, match="other_purge"):
        await order_purge(second.model_copy(update={"records": 4}), ctx)
    assert [one.proposed async for one in orders.listed()] == [True]
    assert await order_purge(second, ctx) == []
    await finish(world, float("inf"))
    assert await ids(world) == before - GONE
    await order_purge(second, ctx)
    assert [(one.proposed, one.done) async for one in orders.listed()] == [(False, True)]


async def test_part_that_two_processes_purge_has_one_certificate(world: World) -> None:
    """The first one takes longer than its lease: the second begins before the first has noted anything."""
    await fill(world)
    await order(world)
    first, second = job(world, Life(), NOW), job(world, Life(), NOW + 2 * PURGE_LEASE)
    begun = await first.orders.begin(NOW)
    assert begun is not None
    await first._register(begun)
    entries = await anext(first.purging.kept.parts_of(ORDER))
    slow = await first.purging.planned(entries, TODAY)
    assert await second.purging.kept.begin(entries, "d" * 32)
    with pytest.raises(TransientError, match="another process has begun"):
        await first.purging.purge(slow)
    assert await second.work()
    with pytest.raises(TransientError, match="another process has begun"):
        await first.purging.purge(slow)
    [handled] = await certified(world)
    assert (handled["found"], handled["erased"], handled["gone"]) == (3, 3, 0)


async def test_certified_part_is_not_erased_again(world: World) -> None:
    """A record that came back since, such as from a backup, is not in the certificate."""
    await fill(world)
    await order(world)
    purging = job(world, Life(), NOW).purging
    begun = await job(world, Life(), NOW).orders.begin(NOW)
    assert begun is not None
    await job(world, Life(), NOW)._register(begun)
    entries = await anext(purging.kept.parts_of(ORDER))
    number = "c" * 32
    entries = [replace(entry, begun=number) for entry in entries]
    issued = await purging.purge(await purging.planned(entries, TODAY))
    await world.insert("books.invoices", {"_id": "old", "issued": at(2015, 3, 1), "name": "Kim Sample"})
    assert await purging.purge(await purging.planned(entries, TODAY)) == issued
    assert "old" in await ids(world)
    assert await Certificates(own(world)).keep(number, b"another", NOW) == issued


async def test_no_more_records_are_purged_than_were_approved(world: World) -> None:
    await fill(world)
    await order(world, records=2)
    await finish(world, float("inf"))
    assert len(GONE & await ids(world)) == 1
    assert (await listed(world)).records == 1


async def test_record_that_changes_after_the_approval_stays(world: World) -> None:
    await fill(world)
    await order(world)
    life = Life(8)
    with pytest.raises(Killed):
        await job(world, life, NOW).work()
    invoices = world.client[world.prefix + "books"]["invoices"]
    assert await own(world)["kept"].count_documents({"erasure": ORDER}) == 3, "registered, and not begun"
    await invoices.update_one({"_id": "text"}, {"$set": {"issued": "2020-01-01"}})
    await invoices.update_one({"_id": "old"}, {"$set": {"disputed": True}})
    await job(world, Life(), NOW + 2 * PURGE_LEASE).work()
    assert {"text", "old"} <= await ids(world)
    assert "last second" not in await ids(world)
    [kept] = [one async for one in own(world)["kept"].find()]
    assert (kept["id"], kept["reason"]) == ([["_id", "old"]], "legal_hold")


async def test_masked_records_are_masked_whole_and_not_listed_again(world: World) -> None:
    messages = [{"by": "kim@example.org"}, {"by": "bo@example.org"}]
    await world.insert(
        "books.tickets",
        {"_id": 1, "opened": at(2025, 5, 5), "name": "Kim Sample", "messages": messages},
        {"_id": 2, "opened": at(2026, 5, 5), "name": "Kim Sample", "messages": messages},
        {"_id": 3, "opened": at(2025, 5, 5), "name": "Kim Sample", "state": "running"},
    )
    assert (await expired_in(TICKETS, world.stores, TODAY, BERLIN)).records == 1
    await order(world, "books.tickets", 1)
    await finish(world, float("inf"))
    gone = await world.get("books.tickets", _id=1)
    assert (gone["name"], gone["messages"]) == (None, [{"by": None}, {"by": None}])
    for kept in (2, 3):
        assert (await world.get("books.tickets", _id=kept))["name"] == "Kim Sample"
    assert (await expired_in(TICKETS, world.stores, TODAY, BERLIN)).records == 0
    [handled] = await certified(world)
    assert (handled["found"], handled["masked"]) == (1, 1)
