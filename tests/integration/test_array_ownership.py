"""The three modes of a match in an array: the document, the shared document, the element alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from services.fulfillment.certificate.document import SecondLook
from services.fulfillment.certificate.issue import Issue, certificate
from services.fulfillment.changes.change import NOT_EDITABLE
from services.fulfillment.changes.planner import NOT_MARKABLE, plan_corrections, plan_marks
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.completion import Round, plan_again
from services.fulfillment.erasure.execution import execute, execute_changes, verify
from services.fulfillment.erasure.planner import plan
from services.fulfillment.erasure.steps import Disposition, RecordPlan
from services.fulfillment.search.ownership import ANOTHERS
from services.fulfillment.search.walk import gather
from services.fulfillment.state import MOST_ROUNDS
from services.fulfillment.stores.mongodb import Stores
from shared.contract.events import Correction
from shared.law import Right
from shared.runtime.mongo import Client
from tests.integration.test_engine import PERSON, TODAY, World, one

KIM, BO = "kim@example.org", "bo@example.org"


def trips(mode: str, *, objects: bool = False, erasure: str = "delete", more: str = "") -> DataMap:
    """A map of trips with riders, found by *mode*."""
    stated = f"meta: {{ habeas: {{ ownership: {mode} }} }}" if mode else ""
    note = f"editable: true{', ownership: shared' if mode == 'shared' else ''}"
    email = f"data_categories: [user.contact.email]\n{' ' * 16}{stated}\n{' ' * 16}fides_meta:"
    riders = (
        f"""
          - name: riders
            fides_meta: {{ data_type: "object[]" }}
            fields:
              - name: email
                {email} {{ identity: email }}
              - {{ name: seat, data_categories: [user.behavior] }}"""
        if objects
        else f"""
          - name: riders
                {email} {{ identity: email, data_type: "string[]" }}""".replace(" " * 16, " " * 12)
    )
    return one(
        f"""{riders}
          - {{ name: note, data_categories: [user.content], meta: {{ habeas: {{ {note} }} }} }}
          - {{ name: restricted, data_categories: [system.operations] }}
          - {{ name: train, data_categories: [system.operations] }}
{more}
""",
        about=f"{{ erasure: {erasure}, restriction: {{ field: restricted, value: true }} }}",
        name="trips",
    )


BOOKER = """
          - name: booker
            data_categories: [user.contact.email]
            fides_meta: { identity: email }
"""


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    yield World(
        mongo_client, database_prefix, Stores({"default": mongo_client}, database_prefix=database_prefix)
    )


def riders(*emails: str, objects: bool = False) -> list[Any]:
    return [{"email": email, "seat": "4"} for email in emails] if objects else list(emails)


async def shown(world: World, data_map: DataMap) -> list[dict[str, Any]]:
    return [item.disclosed for item in (await gather(data_map, world.stores, PERSON)).found]


async def erased(world: World, data_map: DataMap) -> RecordPlan:
    """Return the plan of an erasure that was done twice, and verified."""
    findings = await gather(data_map, world.stores, PERSON)
    decided = replace(plan(findings, data_map, TODAY), identities=PERSON)
    decided = RecordPlan.of_lines(decided.lines())
    for _ in range(2):
        assert await execute(decided, world.stores) == {}
    assert (await verify(decided, data_map, world.stores, PERSON)).clean
    return decided


@pytest.mark.parametrize("objects", [False, True], ids=["scalars", "objects"])
@pytest.mark.parametrize(
    ("mode", "fields"),
    [
        ("", {"riders"}),
        ("element", {"riders"}),
        ("shared", {"riders", "note", "train"}),
        ("document", {"riders", "note", "train"}),
    ],
)
async def test_mode_decides_which_part_of_a_document_is_disclosed(
    world: World, mode: str, fields: set[str], *, objects: bool
) -> None:
    both = {"_id": 1, "riders": riders(KIM, BO, objects=objects), "note": "window", "train": 7}
    await world.insert("desk.trips", both)
    (found,) = await shown(world, trips(mode, objects=objects))
    assert set(found) == {"_id", *fields}
    others = riders(BO, objects=objects) if mode == "document" else []
    assert found["riders"] == [*riders(KIM, objects=objects), *others]


@pytest.mark.parametrize("objects", [False, True], ids=["scalars", "objects"])
@pytest.mark.parametrize("erasure", ["delete", "mask"])
async def test_shared_document_loses_the_element_and_goes_with_its_last_person(
    world: World, erasure: str, *, objects: bool
) -> None:
    data_map = trips("shared", objects=objects, erasure=erasure)
    both = {"_id": 1, "riders": riders(KIM, BO, objects=objects), "note": "window", "train": 7}
    alone = {"_id": 2, "riders": riders(KIM, KIM, objects=objects), "note": "aisle", "train": 7}
    await world.insert("desk.trips", both, alone)

    decided = await erased(world, data_map)

    assert await world.get("desk.trips", _id=1) == {**both, "riders": riders(BO, objects=objects)}
    left = {"_id": 2, "riders": [], "note": None, "train": 7}
    assert await world.get("desk.trips", _id=2) == (None if erasure == "delete" else left)
    last = Disposition.ERASED if erasure == "delete" else Disposition.MASKED
    assert [step.disposition for step in decided.steps] == [Disposition.ERASED, last]


async def test_document_mode_erases_the_whole_profile(world: World) -> None:
    await world.insert("desk.trips", {"_id": 1, "riders": [KIM, "kim@example.com"], "note": "window"})
    await erased(world, trips("document"))
    assert await world.get("desk.trips", _id=1) is None


async def test_element_mode_leaves_the_document_to_its_person(world: World) -> None:
    await world.insert("desk.trips", {"_id": 1, "riders": [KIM], "note": "window"})
    await erased(world, trips("element"))
    assert await world.get("desk.trips", _id=1) == {"_id": 1, "riders": [], "note": "window"}


@pytest.mark.parametrize("objects", [False, True], ids=["scalars", "objects"])
@pytest.mark.parametrize("erasure", ["delete", "mask"])
async def test_person_who_joins_before_the_write_keeps_the_shared_document(
    world: World, erasure: str, *, objects: bool
) -> None:
    data_map = trips("shared", objects=objects, erasure=erasure)
    await world.insert("desk.trips", {"_id": 1, "riders": riders(KIM, objects=objects), "note": "window"})
    decided = plan(await gather(data_map, world.stores, PERSON), data_map, TODAY)
    decided = RecordPlan.of_lines(decided.lines())
    both = {"_id": 1, "riders": riders(KIM, BO, objects=objects), "note": "window"}
    await world.client[world.prefix + "desk"]["trips"].replace_one({"_id": 1}, both)

    await execute(decided, world.stores)

    assert await world.get("desk.trips", _id=1) == both
    assert not (await verify(decided, data_map, world.stores, PERSON)).clean
    await erased(world, data_map)
    assert await world.get("desk.trips", _id=1) == {**both, "riders": riders(BO, objects=objects)}


async def test_shared_document_of_another_booker_hides_and_keeps_their_address(world: World) -> None:
    data_map = trips("shared", more=BOOKER)
    document = {"_id": 1, "riders": [KIM], "note": "window", "booker": BO}
    await world.insert("desk.trips", document)
    assert await shown(world, data_map) == [{"_id": 1, "riders": [KIM], "note": "window"}]
    await erased(world, data_map)
    assert await world.get("desk.trips", _id=1) == {**document, "riders": []}


async def test_booker_who_comes_before_the_write_keeps_the_shared_document(world: World) -> None:
    data_map = trips("shared", more=BOOKER)
    await world.insert("desk.trips", {"_id": 1, "riders": [KIM], "note": "window"})
    decided = plan(await gather(data_map, world.stores, PERSON), data_map, TODAY)
    decided = RecordPlan.of_lines(decided.lines())
    both = {"_id": 1, "riders": [KIM], "note": "window", "booker": BO}
    await world.client[world.prefix + "desk"]["trips"].replace_one({"_id": 1}, both)
    await execute(decided, world.stores)
    assert await world.get("desk.trips", _id=1) == both


AGENT = """
          - { name: remark, data_categories: [user.content], meta: { habeas: { editable: true } } }
          - name: agent
            fields:
              - name: phone
                data_categories: [user.contact.phone_number]
                meta: { habeas: { ownership: document } }
              - { name: desk, data_categories: [system.operations] }
"""
OF_AGENT = {"remark": "pays by invoice", "agent": {"phone": "+1 212 555 0123", "desk": 4, "mail": BO}}


async def test_personal_data_outside_the_array_is_withheld_unless_the_map_declares_it_as_shared(
    world: World,
) -> None:
    data_map = trips("shared", more=BOOKER + AGENT)
    document = {"_id": 1, "riders": [KIM, BO], "note": "window", "booker": BO, "train": 7, "card": "4000"}
    await world.insert("desk.trips", document | OF_AGENT)
    (found,) = (await gather(data_map, world.stores, PERSON)).found
    own = {"_id": 1, "riders": [KIM], "note": "window", "train": 7}
    assert found.disclosed == {**own, "agent": {"desk": 4}}
    withheld = {"booker": ANOTHERS, "remark": ANOTHERS, "agent": {"phone": ANOTHERS, "desk": 4}}
    assert found.copied == own | withheld


async def test_owner_of_a_shared_document_gets_all_of_it_without_the_riders(world: World) -> None:
    data_map = trips("shared", more=BOOKER + AGENT)
    document = {"_id": 1, "riders": [BO], "note": "window", "booker": KIM, "card": "4000", **OF_AGENT}
    await world.insert("desk.trips", document)
    (found,) = (await gather(data_map, world.stores, PERSON)).found
    assert found.copied == found.disclosed == {**document, "riders": []}


@pytest.mark.parametrize("erasure", ["delete", "mask"])
async def test_value_of_a_declared_owner_keeps_the_shared_document(world: World, erasure: str) -> None:
    data_map = trips("shared", erasure=erasure, more=AGENT)
    document = {"_id": 1, "riders": [KIM], "note": "window", "agent": {"phone": "+1 212 555 0123"}}
    alone = {"_id": 2, "riders": [KIM], "note": "window", "remark": "late", "agent": {"phone": None}}
    await world.insert("desk.trips", document, alone)
    await erased(world, data_map)
    assert await world.get("desk.trips", _id=1) == {**document, "riders": []}
    left = {**alone, "riders": [], "note": None, "remark": None}
    assert await world.get("desk.trips", _id=2) == (None if erasure == "delete" else left)


async def test_withheld_value_of_a_shared_document_is_not_corrected_by_a_person_in_it(world: World) -> None:
    data_map = trips("shared", more=AGENT)
    await world.insert("desk.trips", {"_id": 1, "riders": [KIM], "remark": "pays by invoice"})
    findings = await gather(data_map, world.stores, PERSON)
    change = plan_corrections(findings, data_map, [Correction(field="remark", value="no")], TODAY)
    assert [one.reason for one in change.declined] == [NOT_EDITABLE]


async def leave(world: World, data_map: DataMap, plans: Sequence[RecordPlan]) -> None:
    """Execute *plans*, of one person each, at the same time, and what they leave in further rounds."""

    async def rounds(decided: RecordPlan) -> None:
        for _ in range(MOST_ROUNDS):
            refused = await execute(decided, world.stores)
            remains = await verify(decided, data_map, world.stores, decided.identities)
            if remains.clean:
                return
            again = await plan_again(Round(decided, refused, remains), data_map, world.stores, TODAY)
            decided = replace(again, identities=decided.identities)
        pytest.fail("the rounds of an erasure do not suffice")

    await asyncio.gather(*map(rounds, plans))


@pytest.mark.parametrize("objects", [False, True], ids=["scalars", "objects"])
@pytest.mark.parametrize("erasure", ["delete", "mask"])
async def test_last_of_the_people_who_leave_a_shared_document_at_once_erases_it(
    world: World, erasure: str, *, objects: bool
) -> None:
    data_map = trips("shared", objects=objects, erasure=erasure)
    people = [{"email": (email,)} for email in (KIM, BO, "lee@example.org")]
    emails = [email for one in people for email in one["email"]]
    held = [{"_id": n, "riders": riders(*emails, objects=objects), "note": "window"} for n in range(20)]
    await world.insert("desk.trips", *held)
    findings = [await gather(data_map, world.stores, one) for one in people]
    plans = [
        replace(plan(one, data_map, TODAY), identities=who) for one, who in zip(findings, people, strict=True)
    ]
    await leave(world, data_map, [RecordPlan.of_lines(one.lines()) for one in plans])
    left = await world.client[world.prefix + "desk"]["trips"].find().to_list()
    masked: list[Any] = [{"_id": n, "riders": [], "note": None} for n in range(20)]
    assert left == ([] if erasure == "delete" else masked)


TICKETS = """
      - name: tickets
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: trip
            fides_meta: { references: [ { dataset: desk, field: trips._id, direction: from } ] }
"""


async def test_key_of_a_shared_document_leads_to_no_records_of_others(world: World) -> None:
    data_map = trips("shared", more=TICKETS)
    await world.insert("desk.trips", {"_id": 1, "riders": [KIM, BO]})
    await world.insert("desk.tickets", {"_id": 7, "trip": 1})
    findings = await gather(data_map, world.stores, PERSON)
    assert [item.collection.name for item in findings.found] == ["trips"]


@pytest.mark.parametrize(
    ("emails", "disposition", "reason"),
    [((KIM, BO), Disposition.UNCHANGED, NOT_MARKABLE), ((KIM,), Disposition.MARKED, None)],
    ids=["with another", "alone"],
)
async def test_shared_document_is_restricted_if_no_other_person_is_in_it(
    world: World, emails: tuple[str, ...], disposition: Disposition, reason: str | None
) -> None:
    data_map = trips("shared")
    await world.insert("desk.trips", {"_id": 1, "riders": riders(*emails)})
    decided = plan_marks(await gather(data_map, world.stores, PERSON), data_map, TODAY, Right.RESTRICTION)
    assert [(step.disposition, step.reason) for step in decided.steps] == [(disposition, reason)]
    assert await execute_changes(decided, world.stores) == ()
    restricted = (await world.get("desk.trips", _id=1)).get("restricted")
    assert restricted is (True if disposition is Disposition.MARKED else None)


@pytest.mark.parametrize("emails", [(KIM, BO), (KIM,)], ids=["with another", "alone"])
async def test_correction_of_a_shared_document_goes_to_staff_if_another_person_is_in_it(
    world: World, emails: tuple[str, ...]
) -> None:
    data_map = trips("shared")
    await world.insert("desk.trips", {"_id": 1, "riders": riders(*emails), "note": "window"})
    findings = await gather(data_map, world.stores, PERSON)
    change = plan_corrections(findings, data_map, [Correction(field="note", value="aisle")], TODAY)
    await execute_changes(change.plan, world.stores)
    alone = len(emails) == 1
    assert [one.reason for one in change.declined] == ([] if alone else [NOT_EDITABLE])
    assert (await world.get("desk.trips", _id=1))["note"] == ("aisle" if alone else "window")


async def test_certificate_counts_documents_that_stay_for_other_people(world: World) -> None:
    data_map = trips("shared")
    await world.insert("desk.trips", {"_id": 1, "riders": [KIM, BO]}, {"_id": 2, "riders": [KIM]})
    decided = await erased(world, data_map)
    remains = await verify(decided, data_map, world.stores, PERSON)
    now = datetime.now(UTC)
    made = certificate(decided, remains, (), data_map, Issue("1", "r", "Desk", now, now))
    (handled,) = made.handled
    assert (handled.erased, handled.parted) == (2, 1)
    assert made.second_look == SecondLook(now, 1, 0)
