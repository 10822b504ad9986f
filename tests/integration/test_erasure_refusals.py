"""Stores that refuse an erasure by their own rules: what gives way, what is left, and that it is said."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from habeas.client.engine import OperatorEngine, left_of
from services.fulfillment.certificate.document import verify_certificate
from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.domain import NOT_CHANGEABLE
from services.fulfillment.erasure.completion import Round, plan_again, settled
from services.fulfillment.erasure.execution import execute, verify
from services.fulfillment.erasure.planner import plan
from services.fulfillment.erasure.steps import Disposition, RecordPlan
from services.fulfillment.package.answers import erasure
from services.fulfillment.search.walk import gather
from services.fulfillment.state import outcome_of_erasure, united
from services.fulfillment.stores.mongodb import Stores
from shared.contract.answer import Answer
from shared.contract.events import Outcome
from shared.runtime.mongo import Client
from tests.integration.test_engine import EMAIL, LATER, PERSON, TODAY, World, one

SIGNER = CertificateSigner(b"k" * 32)
PHONE = "          - { name: phone, data_categories: [user.contact.phone_number] }\n"


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    stores = Stores({"default": mongo_client}, database_prefix=database_prefix)
    yield World(mongo_client, database_prefix, stores)


async def rule(world: World, validator: dict[str, Any]) -> None:
    await world.client[world.prefix + "desk"].command("collMod", "notes", validator=validator)


async def rounds(world: World, data_map: DataMap, most: int = 3) -> tuple[list[RecordPlan], Round]:
    """Erase the person, round after round, as the service does."""
    findings = await gather(data_map, world.stores, PERSON)
    plans = [plan(findings, data_map, TODAY)]
    while True:
        refused = await execute(RecordPlan.of_lines(plans[-1].lines()), world.stores)
        whole = united(plans)
        done = Round(whole, refused, await verify(whole, data_map, world.stores, PERSON))
        if not done.promising or len(plans) == most:
            return plans, done
        plans.append(await plan_again(done, data_map, world.stores, TODAY))


def schema(required: list[str], **properties: dict[str, Any]) -> dict[str, Any]:
    return {"$jsonSchema": {"bsonType": "object", "required": required, "properties": properties}}


async def test_a_field_that_may_not_be_null_and_need_not_be_there_is_removed(world: World) -> None:
    data_map = one(EMAIL)
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org", "n": 5})
    await rule(world, schema(["_id"], email={"bsonType": "string"}))
    _, done = await rounds(world, data_map)
    assert await world.get("desk.notes") == {"_id": 1, "n": 5}
    assert done.remains.clean
    assert outcome_of_erasure(settled(done)) is Outcome.GRANTED


@pytest.mark.parametrize(
    ("rules", "value", "mask"),
    [
        pytest.param({"bsonType": "string"}, "secret", "", id="text"),
        pytest.param({"bsonType": "string", "minLength": 4}, "secret", "xxxx", id="text of a length"),
        pytest.param({"bsonType": "int", "minimum": 18}, 44, 18, id="number"),
        pytest.param({"bsonType": "double"}, 1.5, 0.0, id="double"),
        pytest.param({"bsonType": "bool"}, True, False, id="truth"),
        pytest.param({"enum": ["a", "b"]}, "a", "b", id="one of few"),
        pytest.param({"bsonType": "array"}, ["a"], [], id="array"),
        pytest.param({"bsonType": "object"}, {"a": 1}, {}, id="object"),
    ],
)
async def test_a_field_that_must_be_there_gets_an_empty_value_of_its_type(
    world: World, rules: dict[str, Any], value: Any, mask: Any
) -> None:
    data_map = one(EMAIL + "          - { name: more, data_categories: [user.content] }\n")
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org", "more": value})
    await rule(world, schema(["more"], more=rules))
    _, done = await rounds(world, data_map)
    assert await world.get("desk.notes") == {"_id": 1, "email": None, "more": mask}
    assert done.remains.clean


async def test_where_two_nulls_would_collide_every_record_gets_a_mask_of_its_own(world: World) -> None:
    data_map = one(EMAIL + PHONE)
    await world.insert(
        "desk.notes",
        {"_id": 0, "email": None, "phone": None},
        *({"_id": n, "email": "kim@example.org", "phone": f"+49 30 {n}"} for n in (1, 2, 3)),
    )
    notes = world.client[world.prefix + "desk"]["notes"]
    await notes.create_index("phone", unique=True)
    _, done = await rounds(world, data_map)
    assert done.remains.clean
    phones = [note["phone"] async for note in notes.find({"_id": {"$gt": 0}})]
    assert len(set(phones)) == 3
    assert not any("+49" in (phone or "") for phone in phones)
    assert [note["email"] async for note in notes.find()] == [None] * 4


async def test_a_query_that_demands_text_gets_text(world: World) -> None:
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org"})
    await rule(world, {"email": {"$type": "string", "$regex": "^[^@]+@[^@]+$"}})
    _, done = await rounds(world, one(EMAIL))
    assert done.remains.clean
    email = (await world.get("desk.notes"))["email"]
    assert email.endswith("@erased.invalid")


NEVER = {"$jsonSchema": {"properties": {"email": {"enum": ["kim@example.org"]}}, "required": ["email"]}}


async def test_refused_record_is_left_and_reported_and_all_else_is_erased(world: World) -> None:
    data_map = one(EMAIL)
    await world.insert(
        "desk.notes", *({"_id": n, "email": "kim@example.org", "keep": n == 2} for n in range(4))
    )
    await rule(world, {"$or": [{"keep": False}, {"email": "kim@example.org"}]})
    plans, done = await rounds(world, data_map)
    truth = settled(done)
    assert {step.id["_id"]: step.disposition.value for step in truth.steps} == {
        0: "masked", 1: "masked", 2: "left", 3: "masked",
    }  # fmt: skip
    assert truth.reasons() == {"store_rules": 1}
    assert outcome_of_erasure(truth) is Outcome.PARTLY_GRANTED
    assert (await world.get("desk.notes", _id=2))["email"] == "kim@example.org"
    assert len(plans) > 1


async def test_certificate_lists_remaining_records_with_reason_and_next_try(world: World) -> None:
    data_map = one(EMAIL)
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org"})
    await rule(world, NEVER)
    engine = OperatorEngine(data_map, world.stores)
    completed = await engine.erase(
        await engine.plan(await engine.gather(PERSON)), PERSON, controller="Example", signer=SIGNER
    )
    content = verify_certificate(completed.certificate, issuer=SIGNER.public_key.fingerprint).content
    [notes] = content["collections"]
    assert notes["left"] == [{"records": 1, "reason": "store_rules", "retried": "daily"}]
    assert notes["masked"] == 0
    assert content["verification"]["result"] == "records_left"
    assert b"kim@example.org" not in completed.certificate


async def test_a_record_that_led_to_a_refused_one_may_be_gone_and_the_refused_one_is_tried_all_the_same(
    world: World,
) -> None:
    """The order is found by the customer's number; the customer is deleted in the first round."""
    data_map = parse(
        {
            "map.yml": """
dataset:
  - fides_key: desk
    collections:
      - name: customers
        meta: { habeas: { erasure: delete } }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
      - name: notes
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: customer
            fides_meta: { references: [ { dataset: desk, field: customers._id, direction: from } ] }
          - { name: text, data_categories: [user.content] }
"""
        }
    )
    await world.insert("desk.customers", {"_id": 7, "email": "kim@example.org"})
    await world.insert("desk.notes", {"_id": 1, "customer": 7, "text": "about Kim"})
    await rule(world, schema(["text"], text={"bsonType": "string"}))
    _, done = await rounds(world, data_map)
    assert await world.get("desk.customers") is None
    assert (await world.get("desk.notes"))["text"] == ""
    assert done.remains.clean


async def test_a_document_that_would_grow_beyond_the_limit_is_left_and_its_neighbours_are_not(
    world: World,
) -> None:
    items = """
          - name: items
            data_categories: [user.content]
            fides_meta: { data_type: "string[]", masking_strategy_override: { strategy: hash } }
"""
    data_map = one(EMAIL + items)
    many = [f"{n:x}" for n in range(222_000)]
    await world.insert(
        "desk.notes",
        {"_id": 1, "email": "kim@example.org", "items": many},
        {"_id": 2, "email": "kim@example.org", "items": ["a"]},
    )
    _, done = await rounds(world, data_map)
    truth = settled(done)
    assert {step.id["_id"]: step.reason for step in truth.steps} == {1: "store_too_large", 2: None}
    assert (await world.get("desk.notes", _id=2))["email"] is None


async def test_a_refusal_meets_its_own_request_and_no_other(world: World) -> None:
    data_map = one(EMAIL)
    await world.insert(
        "desk.notes", {"_id": 1, "email": "kim@example.org"}, {"_id": 2, "email": "bo@example.org"}
    )
    await rule(world, {"$or": [{"_id": 2}, {"email": {"$type": "string"}}]})
    plans = [
        plan(await gather(data_map, world.stores, {"email": (address,)}), data_map, TODAY)
        for address in ("kim@example.org", "bo@example.org")
    ]
    first, second = await asyncio.gather(*(execute(p, world.stores) for p in plans))
    assert list(first.values()) == ["store_rules"]
    assert second == {}
    assert (await world.get("desk.notes", _id=2))["email"] is None


async def test_a_record_that_became_anothers_is_called_gone_and_left_alone(world: World) -> None:
    data_map = one(EMAIL, about="{ erasure: delete }")
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org"})
    first = plan(await gather(data_map, world.stores, PERSON), data_map, TODAY)
    notes = world.client[world.prefix + "desk"]["notes"]
    await notes.update_one({"_id": 1}, {"$set": {"email": "bo@example.org"}})
    refused = await execute(first, world.stores)
    done = Round(first, refused, await verify(first, data_map, world.stores, PERSON))
    whole = united([first, await plan_again(done, data_map, world.stores, TODAY)])
    assert [step.disposition for step in whole.steps] == [Disposition.GONE]
    assert (await verify(whole, data_map, world.stores, PERSON)).clean
    assert (await world.get("desk.notes"))["email"] == "bo@example.org"


async def test_value_written_back_after_each_erasure_is_left_and_reported(world: World) -> None:
    data_map = one(EMAIL, about="{ erasure: delete }")
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org"})
    first = plan(await gather(data_map, world.stores, PERSON), data_map, TODAY)
    await execute(first, world.stores)
    await world.insert("desk.notes", {"_id": 2, "email": "kim@example.org"})
    truth = settled(Round(first, {}, await verify(first, data_map, world.stores, PERSON)))
    assert [(step.id["_id"], step.disposition.value) for step in truth.steps] == [(1, "erased"), (2, "left")]
    assert truth.reasons() == {"changed_meanwhile": 1}


async def test_refusal_that_no_mask_avoids_is_reported_at_once(world: World) -> None:
    """A time series takes no such update at all."""
    database = world.client[world.prefix + "desk"]
    await database.create_collection("notes", timeseries={"timeField": "at"})
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org", "at": LATER})
    plans, done = await rounds(world, one(EMAIL))
    assert len(plans) == 1
    assert settled(done).reasons() == {"store_refused": 1}


async def test_a_collection_that_vanished_meanwhile_is_not_called_erased(world: World) -> None:
    data_map = one(EMAIL, about="{ erasure: delete }")
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org"})
    first = plan(await gather(data_map, world.stores, PERSON), data_map, TODAY)
    notes = world.client[world.prefix + "desk"]["notes"]
    await notes.rename("moved")
    refused = await execute(first, world.stores)
    anew = Stores({"default": world.client}, database_prefix=world.prefix)
    done = Round(first, refused, await verify(first, data_map, anew, PERSON))
    assert settled(done).reasons() == {"changed_meanwhile": 1}
    assert outcome_of_erasure(settled(done)) is Outcome.PARTLY_GRANTED


async def test_unchangeable_field_makes_the_erasure_partial_and_is_counted(world: World) -> None:
    fixed = "          - { name: badge, data_categories: [user], fides_meta: { read_only: true } }\n"
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org", "badge": "K-1"})
    engine = OperatorEngine(one(EMAIL + fixed), world.stores)
    completed = await engine.erase(
        await engine.plan(await engine.gather(PERSON)), PERSON, controller="Example", signer=SIGNER
    )
    [notes] = verify_certificate(completed.certificate).content["collections"]
    assert (notes["masked"], notes["incomplete"]) == (1, 1)
    assert verify_certificate(completed.certificate).content["verification"]["result"] == "records_left"
    assert left_of(completed) == ["1 in desk.notes (not changeable)"]


async def test_record_with_only_unchangeable_fields_is_left_and_certified_as_left(world: World) -> None:
    """All that names the person in the invoice is read-only: nothing was erased, and no text says so."""
    fixed = "{ name: %s, data_categories: [user], fides_meta: { read_only: true%s } }\n"
    lines = (fixed % ("email", ", identity: email"), fixed % ("name", ""))
    data_map = one("".join(f"          - {line}" for line in lines))
    invoice = {"_id": 1, "email": "kim@example.org", "name": "Kim"}
    await world.insert("desk.notes", invoice)
    engine = OperatorEngine(data_map, world.stores)
    completed = await engine.erase(
        await engine.plan(await engine.gather(PERSON)), PERSON, controller="Example", signer=SIGNER
    )
    assert await world.get("desk.notes") == invoice
    content = verify_certificate(completed.certificate).content
    [notes] = content["collections"]
    assert notes["left"] == [{"records": 1, "reason": NOT_CHANGEABLE, "retried": None}]
    assert notes["retained"] == []
    assert content["verification"]["result"] == "records_left"
    assert left_of(completed) == ["1 in desk.notes (not changeable)"]
    assert outcome_of_erasure(completed.plan) is Outcome.REFUSED
    kept = erasure(completed.plan, completed.residues, data_map, Answer(), agreed=()).kept
    assert [(group.records, group.reason) for group in kept] == [(1, NOT_CHANGEABLE)]


async def test_lock_that_the_store_refuses_is_reported_and_no_record_is_called_locked(world: World) -> None:
    about = "{ retention: { keep: P10Y, from: now, because: duty }, locked: { field: locked, value: true } }"
    data_map = one(EMAIL + "          - { name: locked }\n", about=about)
    await world.insert("desk.notes", {"_id": 1, "email": "kim@example.org", "locked": False})
    await rule(world, schema(["_id"], locked={"enum": [False]}))
    _, done = await rounds(world, data_map)
    assert settled(done).reasons() == {"store_rules": 1}
    [kept] = erasure(settled(done), (), data_map, Answer(), agreed=()).kept
    assert not kept.locked
    await rule(world, {})
    _, done = await rounds(world, data_map)
    [kept] = erasure(settled(done), (), data_map, Answer(), agreed=()).kept
    assert (kept.reason, kept.locked) == ("retention_duty", True)
    assert (await world.get("desk.notes", _id=1))["locked"] is True
