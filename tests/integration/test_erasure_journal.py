"""The erasure journal on a real database: a backup brings people back, a replay erases them again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import bson
import pytest
import pytest_asyncio

from habeas.embedded.company import ADA, BRUNO, fill, generate
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import load, parse
from services.fulfillment.erasure.completion import take_round
from services.fulfillment.erasure.execution import execute, verify
from services.fulfillment.erasure.journal.entries import Fingerprints
from services.fulfillment.erasure.journal.replay import Replay, ReplayReport, ReplayScope
from services.fulfillment.erasure.planner import plan
from services.fulfillment.holds.check import LegalHold
from services.fulfillment.holds.register import LegalHolds
from services.fulfillment.search.engine import RecordEngine
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.mongodb import Stores
from services.fulfillment.stores.registers import ErasureJournal
from shared.runtime.mongo import Binary, Client, Document, ObjectId
from shared.vocabulary import HoldScope

EXAMPLE = Path(__file__).parents[2] / "datamaps" / "example"
TODAY = date(2026, 11, 25)
BORN = datetime(1990, 5, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
KEEP = timedelta(days=35)
KEY = b"k" * 32
KIM, BO = "kim@example.org", "bo@example.org"
MADE_BEFORE = [ObjectId(f"66b2f0c4a1d2e3f4a5b6c7d{n}") for n in range(2)]
"""Object ids of a year before the erasures."""
PERSON = {"email": (KIM,)}
SHOP = """
dataset:
  - fides_key: shop
    collections:
      - name: people
        meta: { habeas: { erasure: delete } }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - name: phone
            data_categories: [user.contact.phone_number]
            fides_meta: { identity: phone_number }
          - { name: born, data_categories: [user.demographic.date_of_birth] }
          - { name: joined, data_categories: [user.account], fides_meta: { data_type: datetime } }
      - name: orders
        meta: { habeas: { retention: { keep: P10Y, from: now, because: § 147 AO } } }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: person
            fides_meta: { references: [ { dataset: shop, field: people._id, direction: from } ] }
          - name: name
            data_categories: [user.name]
            fides_meta: { masking_strategy_override: { strategy: hash } }
          - { name: total, data_categories: [system.operations] }
      - name: threads
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: posts
            fides_meta: { data_type: "object[]" }
            fields:
              - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
              - { name: text, data_categories: [user.content] }
              - { name: at, fides_meta: { data_type: datetime } }
"""


@dataclass
class World:
    """A shop, its backups, and the journal of its erasures."""

    client: Client
    prefix: str
    data_map: DataMap
    at: datetime = NOW
    today: date = TODAY
    elsewhere: Client | None = None
    """Where the shop's data is looked for, when not where it is."""

    @property
    def stores(self) -> Stores:
        return Stores({"default": self.elsewhere or self.client}, database_prefix=self.prefix)

    @property
    def erasures(self) -> ErasureJournal:
        return ErasureJournal(self.client[f"{self.prefix}_fulfillment"], Fingerprints(KEY), KEEP)

    def __getitem__(self, name: str) -> Any:
        database, _, collection = name.rpartition(".")
        return self.client[self.prefix + (database or "shop")][collection]

    async def everything(self) -> dict[str, list[Document]]:
        """Return all business data, by collection: a backup."""
        return {
            f"{collection.dataset}.{collection.name}": sorted(
                [one async for one in self[f"{collection.dataset}.{collection.name}"].find()],
                key=lambda one: bson.encode({"_id": one["_id"]}),
            )
            for collection in self.data_map.collections
        }

    async def restore(self, backup: Mapping[str, Sequence[Document]]) -> None:
        """Make everything what it was."""
        for name, documents in backup.items():
            await self[name].delete_many({})
            if documents:
                await self[name].insert_many(list(documents))

    async def erase(
        self, identities: Any = PERSON, *, number: str = "1" * 32, areas: Sequence[str] = ()
    ) -> None:
        """Erase as the service does, and leave the entry."""
        findings = await gather(self.data_map, self.stores, identities)
        decided = replace(plan(findings, self.data_map, TODAY, areas=areas), identities=identities)
        await execute(decided, self.stores)
        assert (await verify(decided, self.data_map, self.stores, identities)).clean
        await self.erasures.record(decided, self.data_map, erasure=number, at=self.at)

    async def replay(self, **scope: Any) -> ReplayReport:
        holds = LegalHolds(self.client[f"{self.prefix}_fulfillment"], KEY)
        replay = Replay(self.erasures, Fingerprints(KEY), self.data_map, self.stores, self.today, holds=holds)
        return await replay.run(ReplayScope(**scope))


@pytest_asyncio.fixture
async def shop(mongo_client: Client, database_prefix: str) -> World:
    world = World(mongo_client, database_prefix, parse({"shop.yml": SHOP}))
    await world.erasures.prepare()
    return world


async def stock(shop: World, *ids: Any) -> None:
    """Give Kim and Bo a record with each of *ids* to begin with, orders, and a thread."""
    kim, bo = ids
    await shop["people"].insert_many(
        [
            {"_id": kim, "email": "Kim@Example.ORG", "phone": "+49305550147", "born": BORN},
            {"_id": bo, "email": BO, "phone": "+49305550148"},
        ]
    )
    await shop["orders"].insert_many(
        [
            {"_id": "o1", "person": kim, "name": "Kim Example", "total": 10},
            {"_id": "o2", "person": kim, "name": "Kim Example", "total": 20},
            {"_id": "o3", "person": bo, "name": "Bo Example", "total": 30},
        ]
    )
    posts = [{"email": KIM, "text": "mine"}, {"email": BO, "text": "not mine"}]
    await shop["threads"].insert_one({"_id": 1, "posts": posts})


async def test_returned_records_under_a_legal_hold_are_left(shop: World) -> None:
    await stock(shop, *MADE_BEFORE)
    backup = await shop.everything()
    await shop.erase()
    await shop.restore(backup)
    holds = LegalHolds(shop.client[f"{shop.prefix}_fulfillment"], KEY)
    hold = LegalHold("2" * 32, HoldScope.COLLECTION, "2" * 32, "claim_7", "dana", collection="shop.orders")
    await holds.place(hold, {})
    await shop.replay()
    assert await shop["orders"].count_documents({"name": "Kim Example"}) == 2
    assert await shop["people"].count_documents({}) == 1
    await holds.lift(hold.id, "dana", "closed")
    await shop.replay()
    assert await shop["orders"].count_documents({"name": "Kim Example"}) == 0


KINDS = [
    pytest.param(MADE_BEFORE, id="object ids"),
    pytest.param((Binary(b"a" * 16, 4), Binary(b"b" * 16, 4)), id="uuids"),
    pytest.param((7, 8), id="numbers"),
    pytest.param((KIM, BO), id="addresses"),
    pytest.param(({"mail": KIM, "n": 1}, {"mail": BO, "n": 1}), id="objects"),
]


@pytest.mark.parametrize("ids", KINDS)
async def test_only_records_restored_by_a_backup_are_erased_again(shop: World, ids: Any) -> None:
    await stock(shop, *ids)
    backup = await shop.everything()
    await shop.erase()
    erased = await shop.everything()
    assert erased != backup
    await shop.restore(backup)

    report = await shop.replay()

    assert await shop.everything() == erased
    assert report.done
    assert {key: (t.deleted, t.masked, t.pulled) for key, t in report.collections.items()} == {
        "shop.people": (1, 0, 0),
        "shop.orders": (0, 2, 0),
        "shop.threads": (0, 0, 1),
    }
    again = await shop.replay()
    assert (again.done, again.collections, again.erasures) == (True, {}, 1)


@pytest.mark.parametrize("ids", KINDS)
async def test_a_replay_without_a_restored_backup_changes_nothing(shop: World, ids: Any) -> None:
    await stock(shop, *ids)
    await shop.erase()
    erased = await shop.everything()
    report = await shop.replay()
    assert await shop.everything() == erased
    assert report.done
    assert report.collections == {}


async def test_replay_of_a_limited_erasure_stays_within_its_limits(shop: World) -> None:
    await stock(shop, *MADE_BEFORE)
    backup = await shop.everything()
    await shop.erase(areas=("shop.threads",))
    erased = await shop.everything()
    assert erased != backup
    await shop.restore(backup)
    await shop.replay()
    assert await shop.everything() == erased


async def test_a_period_that_has_ended_since_is_no_matter_of_a_backup(shop: World) -> None:
    retained = SHOP.replace(
        "retention: { keep: P10Y, from: now", "erasure: delete, retention: { keep: P1Y, from: made"
    )
    shop.data_map = parse({"shop.yml": retained.replace("name: total", "name: made")})
    await stock(shop, 7, 8)
    await shop["orders"].update_many({}, {"$set": {"made": NOW - timedelta(days=1)}})
    backup = await shop.everything()
    await shop.erase()
    erased = await shop.everything()
    shop.today = TODAY + timedelta(days=400)
    assert (await shop.replay()).collections == {}
    assert await shop.everything() == erased
    await shop.restore({"shop.orders": backup["shop.orders"]})
    assert (await shop.replay()).collections["shop.orders"].deleted == 2, (
        "what is back is erased as it is due"
    )


async def test_backup_takes_nothing_outside_the_scope_of_an_erasure(shop: World) -> None:
    await stock(shop, *MADE_BEFORE)
    backup = await shop.everything()
    await shop.erase(areas=["shop.threads"])
    erased = await shop.everything()
    assert erased["shop.people"] == backup["shop.people"]
    await shop.restore(backup)
    assert (await shop.replay()).done
    assert await shop.everything() == erased


async def test_later_round_takes_nothing_outside_the_scope_of_an_erasure(shop: World) -> None:
    await stock(shop, *MADE_BEFORE)
    found = await gather(shop.data_map, shop.stores, PERSON)
    decided = replace(plan(found, shop.data_map, TODAY, areas=["shop.threads"]), identities=PERSON)
    await shop["people"].insert_one({"_id": 9, "email": KIM})
    engine = RecordEngine(shop.stores)
    done = await take_round([decided], shop.data_map, engine)
    again = await engine.plan_again(done, shop.data_map, TODAY)
    assert [(step.id, step.reason, step.changes) for step in again.steps] == [
        ({"_id": 9}, "out_of_scope", False)
    ]


async def test_backup_takes_nothing_that_a_running_contract_needs(shop: World) -> None:
    declared = "erasure: delete, legal_basis: contract, active: { field: joined }"
    shop.data_map = parse({"shop.yml": SHOP.replace("erasure: delete", declared, 1)})
    await stock(shop, *MADE_BEFORE)
    backup = await shop.everything()
    await shop.erase()
    erased = await shop.everything()
    assert erased["shop.people"] == backup["shop.people"], "the contract runs"
    assert erased["shop.threads"] != backup["shop.threads"]
    await shop.restore(backup)
    assert (await shop.replay()).done
    assert await shop.everything() == erased


async def test_a_dry_run_says_what_is_back_and_leaves_it(shop: World) -> None:
    await stock(shop, 7, 8)
    backup = await shop.everything()
    await shop.erase()
    await shop.restore(backup)
    report = await shop.replay(dry_run=True)
    assert report.collections["shop.people"].deleted == 1
    assert await shop.everything() == backup


async def test_half_a_backup_is_enough_to_find_what_came_with_it(shop: World) -> None:
    """Without the person's own record nothing leads to the orders but the journal."""
    await stock(shop, 7, 8)
    backup = await shop.everything()
    await shop.erase()
    erased = await shop.everything()
    await shop.restore({"shop.orders": backup["shop.orders"]})
    report = await shop.replay()
    assert report.collections["shop.orders"].masked == 2
    assert await shop.everything() == erased


async def test_of_half_a_backup_everything_goes_that_the_erasure_had_found(shop: World) -> None:
    """By the address a search still finds one post; who wrote the other, only the journal knows."""
    person = "{ references: [ { dataset: shop, field: people._id, direction: from } ] }"
    author = f"              - {{ name: author, fides_meta: {person} }}\n"
    shop.data_map = parse({"shop.yml": SHOP + author})
    await stock(shop, 7, 8)
    await shop["threads"].update_one({"_id": 1}, {"$push": {"posts": {"author": 7, "text": "mine, too"}}})
    backup = await shop.everything()
    await shop.erase()
    erased = await shop.everything()
    assert erased["shop.threads"][0]["posts"] == [{"email": BO, "text": "not mine"}]
    await shop.restore({"shop.threads": backup["shop.threads"]})
    await shop.replay()
    assert await shop.everything() == erased


async def test_a_record_that_was_gone_before_the_erasure_comes_back_and_goes(shop: World) -> None:
    old, older = ObjectId.from_datetime(NOW - timedelta(days=9)), MADE_BEFORE[0]
    await stock(shop, old, older)
    more = {"_id": ObjectId.from_datetime(NOW - timedelta(days=8)), "email": "KIM@example.org"}
    await shop["people"].insert_one(more)
    backup = await shop.everything()
    await shop["people"].delete_one(more)
    await shop.erase()
    erased = await shop.everything()
    await shop.restore({"shop.people": backup["shop.people"]})
    report = await shop.replay()
    assert report.collections["shop.people"].deleted == 2
    assert report.collections["shop.people"].unnamed == 1
    assert await shop.everything() == erased


async def test_returned_customer_is_not_erased_again(shop: World) -> None:
    await stock(shop, KIM, BO)
    backup = await shop.everything()
    await shop.erase()
    since = NOW + timedelta(days=1)
    await shop["people"].insert_one({"_id": KIM, "email": KIM, "born": BORN, "joined": since})
    await shop["people"].insert_one({"_id": ObjectId.from_datetime(since), "email": KIM})
    again = {"_id": 2, "posts": [{"email": KIM, "text": "new", "at": since}]}
    await shop["threads"].insert_one(again)
    await shop["threads"].delete_one({"_id": 1})
    await shop["threads"].insert_one(backup["shop.threads"][0])
    expected = await shop.everything()

    report = await shop.replay()

    assert report.collections["shop.people"].newer == 2
    assert report.collections["shop.threads"].newer == 1
    assert await shop.everything() == expected
    assert report.collections["shop.threads"].unsure == 1, "old or new, the first thread tells no time"
    assert not report.done


async def test_undated_record_outside_the_journal_waits_for_staff(shop: World) -> None:
    await stock(shop, 7, 8)
    await shop.erase()
    await shop["people"].insert_one({"_id": 9, "email": KIM})
    expected = await shop.everything()
    report = await shop.replay()
    assert not report.done
    assert report.collections["shop.people"].unsure == 1
    assert await shop.everything() == expected


async def test_number_reassigned_to_another_person_is_left_to_them(shop: World) -> None:
    await stock(shop, 7, 8)
    await shop.erase()
    await shop["people"].insert_one({"_id": 7, "email": "lee@example.org"})
    expected = await shop.everything()
    report = await shop.replay()
    assert report.collections["shop.people"].unsure == 1
    assert await shop.everything() == expected


async def test_a_record_whose_address_was_another_in_the_backup_goes_by_its_id(shop: World) -> None:
    kim, bo = MADE_BEFORE
    await stock(shop, kim, bo)
    await shop["people"].update_one({"_id": kim}, {"$set": {"email": "kim@old.example.org", "phone": "1"}})
    backup = await shop.everything()
    await shop["people"].update_one({"_id": kim}, {"$set": {"email": KIM, "phone": "+49305550147"}})
    await shop.erase()
    erased = await shop.everything()
    await shop.restore(backup)
    assert (await shop.replay()).done
    assert await shop.everything() == erased


async def test_the_later_of_two_erasures_says_how_a_record_was_left(shop: World) -> None:
    await stock(shop, 7, 8)
    await shop.erase()
    await shop["orders"].update_many({"person": 7}, {"$set": {"name": "Kim Again"}})
    await shop["people"].insert_one({"_id": 7, "email": KIM})
    shop.at = NOW + timedelta(days=1)
    await shop.erase(number="2" * 32)
    erased = await shop.everything()
    report = await shop.replay()
    assert report.collections == {}
    assert await shop.everything() == erased


async def test_two_people_who_shared_a_record_are_both_taken_out_of_it_again(shop: World) -> None:
    await stock(shop, 7, 8)
    backup = await shop.everything()
    await shop.erase()
    shop.at = NOW + timedelta(days=1)
    await shop.erase({"email": (BO,)}, number="2" * 32)
    erased = await shop.everything()
    await shop.restore(backup)
    report = await shop.replay()
    assert report.collections["shop.threads"].pulled == 2
    assert await shop.everything() == erased


TRIPS = """
dataset:
  - fides_key: shop
    collections:
      - name: trips
        meta: { habeas: { erasure: delete } }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: riders
            data_categories: [user.contact.email]
            fides_meta: { data_type: "string[]", identity: email }
            meta: { habeas: { ownership: shared } }
          - { name: note, data_categories: [user.content] }
"""


async def test_shared_documents_of_a_backup_lose_the_person_again_and_go_with_their_last(shop: World) -> None:
    shop.data_map = parse({"shop.yml": TRIPS})
    alone = {"_id": MADE_BEFORE[0], "riders": [KIM], "note": "window"}
    both = {"_id": MADE_BEFORE[1], "riders": [KIM, BO], "note": "aisle"}
    await shop["trips"].insert_many([alone, both])
    backup = await shop.everything()
    await shop.erase()
    erased = await shop.everything()
    assert erased == {"shop.trips": [{**both, "riders": [BO]}]}

    await shop.restore(backup)
    await shop.replay()
    assert await shop.everything() == erased

    joined = {**alone, "riders": [KIM, BO]}
    await shop.restore({"shop.trips": [joined, both]})
    await shop.replay()
    assert (await shop.everything())["shop.trips"] == [{**joined, "riders": [BO]}, *erased["shop.trips"]]


async def test_only_erasures_since_a_day_and_in_a_store_are_done_again(shop: World) -> None:
    await stock(shop, 7, 8)
    backup = await shop.everything()
    await shop.erase()
    await shop.restore(backup)
    assert (await shop.replay(since=NOW + timedelta(seconds=1))).erasures == 0
    assert (await shop.replay(store="archive")).erasures == 0
    assert await shop.everything() == backup
    assert (await shop.replay(since=NOW, store="default")).erasures == 1
    assert await shop.everything() != backup


async def test_refused_record_is_reported_and_the_rest_is_done(shop: World) -> None:
    await stock(shop, 7, 8)
    backup = await shop.everything()
    await shop.erase()
    await shop.restore(backup)
    rule = {"posts.email": KIM}
    await shop.client[f"{shop.prefix}shop"].command("collMod", "threads", validator=rule)
    report = await shop.replay()
    assert not report.done
    assert report.collections["shop.threads"].failed == 1
    assert report.collections["shop.people"].deleted == 1


async def test_the_journal_holds_nothing_in_clear(shop: World) -> None:
    await stock(shop, KIM, BO)
    await shop.erase({"email": (KIM,), "phone_number": ("+49305550147", "030 5550147")})
    raw = b"".join(
        [bson.encode(one) async for one in shop.client[f"{shop.prefix}_fulfillment"]["erasures"].find()]
    )
    assert b"shop" in raw
    for word in (b"kim", b"example.org", b"5550147", b"mine", b"Kim"):
        assert word.lower() not in raw.lower()


async def test_a_person_who_came_back_is_remembered_for_as_long_as_the_backups_made_since(
    shop: World,
) -> None:
    await stock(shop, 7, 8)
    shop.at = NOW - KEEP
    backup = await shop.everything()
    await shop.erase()
    await shop.erase({"email": (BO,)}, number="2" * 32)
    journal = shop.client[f"{shop.prefix}_fulfillment"]["erasures"]
    before = {one["_id"]: one["expires_at"] async for one in journal.find()}
    await shop.restore({"shop.people": [one for one in backup["shop.people"] if one["email"] != BO]})
    await shop.replay(dry_run=True)
    assert {one["_id"]: one["expires_at"] async for one in journal.find()} == before
    await shop.replay()
    after = [(one["erasure"][0], one["expires_at"] > before[one["_id"]]) async for one in journal.find()]
    assert set(after) == {("1", True), ("2", False)}


async def test_a_store_that_is_away_ends_the_replay_and_the_next_one_goes_on(shop: World) -> None:
    await stock(shop, 7, 8)
    backup = await shop.everything()
    await shop.erase()
    erased = await shop.everything()
    await shop.restore(backup)
    shop.elsewhere = Client("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100")
    report = await shop.replay()
    shop.elsewhere.close()
    assert report.stopped
    assert not report.done
    shop.elsewhere = None
    assert (await shop.replay()).done
    assert await shop.everything() == erased


async def test_collection_missing_in_the_map_is_reported(shop: World) -> None:
    await stock(shop, 7, 8)
    await shop.erase()
    shop.data_map = parse({"shop.yml": SHOP.partition("      - name: threads")[0]})
    report = await shop.replay()
    assert report.unmapped == {"shop.threads"}
    assert not report.done


async def test_entries_go_when_no_backup_can_be_that_old(shop: World) -> None:
    await stock(shop, 7, 8)
    await shop.erase()
    journal = shop.client[f"{shop.prefix}_fulfillment"]["erasures"]
    assert {one["expires_at"] - one["at"] async for one in journal.find()} == {KEEP}
    indexes = await journal.index_information()
    assert indexes["expires_at_1"]["expireAfterSeconds"] == 0


async def test_an_erasure_that_is_remembered_twice_is_remembered_once(shop: World) -> None:
    await stock(shop, 7, 8)
    findings = await gather(shop.data_map, shop.stores, PERSON)
    decided = replace(plan(findings, shop.data_map, TODAY), identities=PERSON)
    for at in (NOW, NOW + timedelta(minutes=1)):
        await shop.erasures.record(decided, shop.data_map, erasure="1" * 32, at=at)
    entries = [entry async for entry in shop.erasures.since()]
    assert sum(entry.records for entry in entries) == len(decided.steps)
    assert {entry.at for entry in entries} == {NOW}


@pytest.mark.parametrize("person", [ADA, BRUNO], ids=["who shares as owner", "who shares as member"])
async def test_a_whole_company_is_as_it_was_after_the_erasure(
    mongo_client: Client, database_prefix: str, mongo_url: str, person: Any
) -> None:
    world = World(mongo_client, database_prefix, load(EXAMPLE))
    await fill(mongo_url, generate(5, 40, today=TODAY), prefix=database_prefix)
    # Ada's contracts have ended.
    await world["ops.servers"].update_many({}, {"$set": {"status": "ended"}})
    backup = await world.everything()
    await world.erase({"email": (person.email,)})
    erased = await world.everything()
    await world.restore(backup)
    assert (await world.replay()).done
    assert await world.everything() == erased
    assert (await world.replay()).collections == {}
