"""Legal holds on a person, a collection and a request keep records from erasures and purges."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
import pytest_asyncio

from services.fulfillment.changes.handlers import _changed
from services.fulfillment.context import FulfillmentContext
from services.fulfillment.datamap.reader import parse
from services.fulfillment.erasure.completion import settled, take_round
from services.fulfillment.erasure.execution import execute
from services.fulfillment.erasure.expiry import expired, expired_in
from services.fulfillment.erasure.planner import plan
from services.fulfillment.erasure.steps import Disposition, RecordPlan, RecordStep, Set
from services.fulfillment.holds.check import HoldCheck
from services.fulfillment.holds.handlers import lift_hold, place_hold
from services.fulfillment.holds.register import LegalHolds
from services.fulfillment.search.engine import RecordEngine
from services.fulfillment.stores.mongodb import Stores
from shared.contract.answer import SUBMISSION
from shared.contract.events import HoldEnded, HoldLifted, HoldPlaced, RequestSubmitted
from shared.errors import RefusedDecision
from shared.runtime.mongo import Client
from shared.vocabulary import HoldScope
from tests.integration.test_engine import World
from tests.runtime_fakes import MemoryVault
from tests.unit.fulfillment.handler_fakes import CASE, NOW, OneMap, around

TODAY = NOW.date()
HOLD, OTHER = "1" * 32, "b" * 32
MAP = parse({"map.yml": """
dataset:
  - fides_key: shop
    collections:
      - name: users
        meta: { habeas: { erasure: delete } }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
      - name: orders
        meta:
          habeas:
            erasure: delete
            retention: { keep: P1Y, from: placed, because: our policy }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: placed }
          - name: user
            fides_meta: { references: [ { dataset: shop, field: users._id, direction: from } ] }
          - { name: note, data_categories: [user.content] }
      - name: tickets
        meta:
          habeas:
            erasure: mask
            retention: { keep: P1Y, from: opened, because: our policy }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: opened }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
"""})  # fmt: skip
OLD = datetime(2020, 1, 1, tzinfo=UTC)
ADA, BO = "ada@example.org", "bo@example.org"


@dataclass
class Shop:
    """A shop's records, the register of holds, and a request of Ada."""

    world: World
    holds: LegalHolds
    vault: MemoryVault

    def ctx(self, day: date = TODAY, case: str = CASE) -> FulfillmentContext:
        now = datetime.combine(day, NOW.timetz())
        records = RecordEngine(self.world.stores)
        return around(
            case_id=case, now=now, vault=self.vault, records=records, maps=OneMap(MAP), holds=self.holds
        )

    async def place(self, scope: HoldScope, **more: Any) -> None:
        case = more.pop("request_id", HOLD if scope is HoldScope.COLLECTION else CASE)
        event = HoldPlaced(request_id=case, by="dana", hold=HOLD, scope=scope, matter="claim_7", **more)
        assert await place_hold(event, self.ctx(case=case)) == []

    async def due(self, name: str, day: date = TODAY) -> tuple[int, int]:
        """Return the numbers of records past their period, and of held ones among them."""
        found = await expired_in(MAP.by_key[f"shop.{name}"], self.world.stores, day, UTC, self.holds)
        return found.records, found.held

    async def planned(self, email: str, case: str = OTHER, day: date = TODAY) -> dict[str, str | None]:
        """Return the reason for which each record of a person is retained by the erasure *case*."""
        people = {"email": (email,)}
        findings = await RecordEngine(self.world.stores).gather(MAP, people)
        held = await HoldCheck(self.holds, case, day).found(findings.found, people)
        return {str(step.id["_id"]): step.reason for step in plan(findings, MAP, day, held=held).steps}


@pytest_asyncio.fixture
async def shop(mongo_client: Client, database_prefix: str) -> AsyncIterator[Shop]:
    world = World(
        mongo_client, database_prefix, Stores({"default": mongo_client}, database_prefix=database_prefix)
    )
    await world.insert("shop.users", {"_id": "ada", "email": ADA}, {"_id": "bo", "email": BO})
    orders = ({"_id": f"order of {who}", "placed": OLD, "user": who, "note": "x"} for who in ("ada", "bo"))
    await world.insert("shop.orders", *orders)
    tickets = ({"_id": f"ticket of {email}", "opened": OLD, "email": email} for email in (ADA, BO))
    await world.insert("shop.tickets", *tickets)
    vault = MemoryVault()
    await vault.create(CASE)
    submitted = RequestSubmitted.model_validate(
        {"reference": "r", "right": "access", "subject": {"email": ADA, "name": "Ada Example"}}
    )
    await vault.seal(CASE, SUBMISSION, submitted.model_dump_json().encode())
    holds = LegalHolds(mongo_client[f"{database_prefix}own"], bytes(32))
    await holds.prepare()
    yield Shop(world, holds, vault)


async def test_hold_on_a_person_keeps_their_records_from_purges_and_from_other_requests(shop: Shop) -> None:
    await shop.place(HoldScope.PERSON)
    assert await shop.due("orders") == (1, 1), "no identity stands in an order: the search has found it"
    assert await shop.due("tickets") == (1, 1)
    await shop.world.insert("shop.tickets", {"_id": "later", "opened": OLD, "email": ADA.upper()})
    assert await shop.due("tickets") == (1, 2), "a ticket that came after the hold"
    kept = await shop.planned(ADA)
    assert set(kept.values()) == {"legal_hold"}
    assert set((await shop.planned(BO)).values()) == {None}
    hold = await shop.holds.find(HOLD)
    assert hold is not None
    assert hold.erasures == (OTHER,), "a list of what is due is no erasure"


async def test_hold_on_a_collection_keeps_all_of_it_and_nothing_else(shop: Shop) -> None:
    await shop.place(HoldScope.COLLECTION, collection="shop.orders")
    assert await shop.due("orders") == (0, 2)
    assert await shop.due("tickets") == (2, 0)
    assert await shop.planned(BO) == {"bo": None, "order of bo": "legal_hold", f"ticket of {BO}": None}


async def test_hold_on_a_collection_under_the_id_of_a_request_keeps_no_others(shop: Shop) -> None:
    scope, words = HoldScope.COLLECTION, {"by": "dana", "matter": "claim_7", "collection": "shop.orders"}
    placed = HoldPlaced(request_id=CASE, hold=CASE, scope=scope, **words)
    assert await place_hold(placed, shop.ctx()) == []
    kept = await shop.planned(ADA, CASE)
    assert {name for name, reason in kept.items() if reason} == {"order of ada"}


async def test_hold_on_a_request_keeps_what_its_erasure_finds_and_nothing_else(shop: Shop) -> None:
    await shop.place(HoldScope.REQUEST)
    assert set((await shop.planned(ADA, CASE)).values()) == {"legal_hold"}
    assert set((await shop.planned(ADA)).values()) == {None}
    assert await shop.due("orders") == (2, 0)


async def test_hold_counts_through_its_last_day(shop: Shop) -> None:
    last = date(2027, 6, 30)
    await shop.place(HoldScope.COLLECTION, collection="shop.orders", until=last)
    assert await shop.due("orders", last) == (0, 2)
    assert await shop.due("orders", date(2027, 7, 1)) == (2, 0)


async def test_lifted_hold_keeps_nothing_and_names_the_erasures_that_it_delayed(shop: Shop) -> None:
    await shop.place(HoldScope.PERSON)
    await shop.planned(ADA)
    lifted = HoldLifted(request_id=CASE, by="dana", hold=HOLD, reason="closed")
    ended = [HoldEnded(request_id=CASE, hold=HOLD, erasures=(OTHER,))]
    assert await lift_hold(lifted, shop.ctx()) == ended
    assert await lift_hold(lifted, shop.ctx()) == ended, "a redelivery"
    assert await shop.due("orders") == (2, 0)
    assert set((await shop.planned(ADA)).values()) == {None}
    with pytest.raises(RefusedDecision, match="no_such_hold"):
        await lift_hold(lifted.model_copy(update={"reason": "again"}), shop.ctx())


async def test_hold_is_not_lifted_with_the_id_of_another_request(shop: Shop) -> None:
    await shop.place(HoldScope.PERSON)
    for case, hold in ((OTHER, HOLD), (CASE, "2" * 32)):
        with pytest.raises(RefusedDecision, match="no_such_hold"):
            await lift_hold(
                HoldLifted(request_id=case, by="dana", hold=hold, reason="x"), shop.ctx(case=case)
            )
    assert await shop.due("orders") == (1, 1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"scope": HoldScope.COLLECTION}, "hold_unclear"),
        ({"scope": HoldScope.COLLECTION, "collection": "shop.orders"}, "hold_unclear"),
        ({"collection": "shop.orders"}, "hold_unclear"),
        ({"request_id": HOLD}, "hold_unclear"),
        ({"request_id": HOLD, "scope": HoldScope.COLLECTION, "collection": "a.b"}, "no_such_collection"),
        ({"until": date(2026, 11, 24)}, "hold_over"),
        ({"request_id": OTHER}, "no_request"),
    ],
    ids=str,
)
async def test_hold_that_is_about_nothing_is_refused(
    shop: Shop, changes: dict[str, Any], reason: str
) -> None:
    words = {"request_id": CASE, "by": "dana", "hold": HOLD, "scope": HoldScope.PERSON, "matter": "m"}
    event = HoldPlaced.model_validate(words | changes)
    with pytest.raises(RefusedDecision, match=reason):
        await place_hold(event, shop.ctx(case=event.request_id))
    assert await shop.holds.find(HOLD) is None


async def test_id_of_a_hold_is_not_used_twice(shop: Shop) -> None:
    await shop.place(HoldScope.PERSON)
    await shop.place(HoldScope.PERSON)  # a redelivery
    with pytest.raises(RefusedDecision, match="hold_exists"):
        await shop.place(HoldScope.REQUEST)


async def test_records_erased_before_the_hold_stay_erased_in_the_certificate(shop: Shop) -> None:
    """A crash interrupts the execution, a hold is placed, and the execution is repeated."""
    engine, people = RecordEngine(shop.world.stores), {"email": (ADA,)}
    made = plan(await engine.gather(MAP, people), MAP, TODAY)
    whole = replace(made, identities=people)
    some = tuple(step for step in whole.steps if step.key == "shop.users")
    await execute(replace(whole, steps=some), shop.world.stores)
    await shop.place(HoldScope.REQUEST)
    held = await HoldCheck(shop.holds, CASE, TODAY).planned([whole])
    done = await take_round([whole], MAP, engine, held)
    assert done.remains.clean
    final = {str(step.id["_id"]): (step.disposition, step.reason) for step in settled(done).steps}
    kept = (Disposition.RETAINED, "legal_hold")
    assert final == {
        "ada": (Disposition.ERASED, None), "order of ada": kept, f"ticket of {ADA}": kept,
    }  # fmt: skip
    assert await shop.world.client[shop.world.prefix + "shop"]["orders"].count_documents({}) == 2


async def test_purge_registers_no_held_record(shop: Shop) -> None:
    await shop.place(HoldScope.COLLECTION, collection="shop.orders")
    holds = HoldCheck(shop.holds, OTHER, TODAY)
    steps = [step async for step in expired(MAP.by_key["shop.orders"], shop.world.stores, UTC, holds)]
    assert [step.reason for step in steps] == ["legal_hold"] * 2
    hold = await shop.holds.find(HOLD)
    assert hold is not None
    assert hold.erasures == (OTHER,)


async def test_register_of_holds_has_no_clear_data_and_uses_indexes(shop: Shop) -> None:
    await shop.place(HoldScope.PERSON)
    database = shop.world.client[f"{shop.world.prefix}own"]
    stored = [str(one) for name in ("holds", "held_records") async for one in database[name].find()]
    assert len(stored) == 4
    assert not [one for one in stored if "ada" in one or "ticket" in one]
    for name, query in (("holds", {"standing": True}), ("held_records", {"record": {"$in": ["a"]}})):
        explained = await database[name].find(query).explain()
        assert "IXSCAN" in str(explained["queryPlanner"]["winningPlan"])


async def test_correction_leaves_a_held_record_and_reports_the_reason(shop: Shop) -> None:
    found = (await RecordEngine(shop.world.stores).gather(MAP, {"email": (ADA,)})).found
    [order] = [one for one in found if one.collection.key == "shop.orders"]
    part = Set("note", "y", before="x", instead=True)
    step = RecordStep(
        "shop.orders", order.collection.place, order.id, Disposition.CORRECTED, order.matches, sets=(part,)
    )
    decided = RecordPlan(MAP.version, TODAY, (), (step,), (("shop.orders",),))
    await shop.place(HoldScope.COLLECTION, collection="shop.orders")
    assert [one.reason for one in await _changed(decided, shop.ctx())] == ["legal_hold"]
    assert (await shop.world.get("shop.orders", _id="order of ada"))["note"] == "x"
    await shop.holds.lift(HOLD, "dana", "closed")
    assert await _changed(decided, shop.ctx()) == []
    assert (await shop.world.get("shop.orders", _id="order of ada"))["note"] == "y"
