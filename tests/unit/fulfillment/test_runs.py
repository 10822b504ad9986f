"""Runs of steps: alike steps are stored as one and read back as many."""

from base64 import b64encode
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.fulfillment.datamap.model import CollectionPlace
from services.fulfillment.erasure.steps import (
    LONGEST_RUN,
    Disposition,
    Mask,
    Pull,
    RecordPlan,
    RecordStep,
    Steps,
    alike,
    as_document,
    of_document,
    runs_of,
    steps_in,
)
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.stores.operations import deletions
from shared.runtime.mongo import Int64, from_bson, to_bson

KIM = OwnershipMatch("email", None, ("kim@example.org",))
STEP = RecordStep(
    "desk.notes",
    CollectionPlace("default", "desk", "notes"),
    {"_id": 0},
    Disposition.ERASED,
    (KIM,),
    hold=("held", True),
    deleted=True,
)


def many(number: int) -> list[RecordStep]:
    return [replace(STEP, id={"_id": n}) for n in range(number)]


def test_steps_that_differ_in_the_key_alone_are_one_run() -> None:
    steps = Steps(runs_of(many(LONGEST_RUN)))
    assert len(steps.runs) == 1
    assert steps == many(LONGEST_RUN)
    assert list(alike(steps)) == [(STEP, LONGEST_RUN)]
    assert steps[-1].id == {"_id": LONGEST_RUN - 1}


@pytest.mark.slow
def test_a_run_ends_where_a_line_would_grow_too_long() -> None:
    steps = Steps(runs_of(many(2 * LONGEST_RUN + 1)))
    assert [len(run) for run in steps.runs] == [LONGEST_RUN, LONGEST_RUN, 1]
    assert steps[LONGEST_RUN].id == {"_id": LONGEST_RUN}
    assert steps[2 * LONGEST_RUN :] == (replace(STEP, id={"_id": 2 * LONGEST_RUN}),)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"deleted": False}, id="another fate"),
        pytest.param({"guard": (OwnershipMatch("email", None, ("bo@example.org",)),)}, id="another reason"),
        pytest.param({"hold": ("held", 1)}, id="a hold of another type"),
        pytest.param({"masks": (Mask("a", (), None),)}, id="a mask"),
        pytest.param({"until": date(2030, 1, 1)}, id="another day"),
        pytest.param({"id": {"number": 2}}, id="another kind of key"),
        pytest.param({"key": "desk.people"}, id="another collection"),
    ],
)
def test_steps_with_other_differences_are_not_alike(change: dict[str, Any]) -> None:
    other = replace(STEP, **{"id": {"_id": 2}, **change})
    steps = Steps(runs_of([STEP, other]))
    assert len(steps.runs) == 2
    assert list(steps) == [STEP, other]


@pytest.mark.parametrize("value", [1, True, 1.0, Int64(1)])
def test_a_mask_keeps_its_type(value: Any) -> None:
    steps = [replace(STEP, id={"_id": n}, masks=(Mask("a", (), mask),)) for n, mask in enumerate((1, value))]
    plan = RecordPlan("v", date(2026, 11, 25), (), Steps(runs_of(steps)), ())
    again = RecordPlan.of_lines(plan.lines()).steps
    assert [type(step.masks[0].value) for step in again] == [int, type(value)]


@pytest.mark.slow
def test_a_plan_of_many_records_is_written_in_few_lines_and_read_again() -> None:
    plan = RecordPlan("v", date(2026, 11, 25), (), Steps(runs_of(many(5_000))), (("desk.notes",),))
    assert len(list(plan.lines())) == 6
    assert RecordPlan.of_lines(plan.lines()) == plan
    assert RecordPlan.of_lines(replace(plan, steps=tuple(many(5_000))).lines()) == plan
    assert plan.counts() == {"erased": 5_000}
    assert plan.changes == 5_000


def test_steps_are_taken_by_collection() -> None:
    other = replace(STEP, key="desk.people", id={"_id": 7})
    for steps in (Steps(runs_of([*many(3), other])), (*many(3), other)):
        assert [step.id["_id"] for step in steps_in(steps, "desk.people")] == [7]


def test_a_key_of_several_parts_comes_back_whole_and_an_old_plan_is_read() -> None:
    key = OwnershipMatch("who.t", "who", ("acme",), (("who.n", 1),), ("who",))
    step = replace(STEP, guard=(key,), deleted=False, pulls=(Pull(key, ()),))
    assert of_document(from_bson(to_bson(as_document(step)))[0]) == step
    old = as_document(STEP)
    assert "others" not in old["guard"][0]
    assert of_document(old) == STEP


def test_plan_of_an_earlier_version_is_read_one_step_a_line() -> None:
    mask = Mask("a", (), None)
    steps = [replace(STEP, id={"_id": n, "part": "x"}, deleted=False, masks=(mask,)) for n in (1, 2)]
    plan = RecordPlan("v", date(2026, 11, 25), (), steps, (("desk.notes",),))
    first, *_ = plan.lines()
    old = list(map(as_document, steps))
    for document in old:
        del document["sets"], document["masks"][0]["single"]
    lines = [b64encode(to_bson(document)).decode() for document in old]
    assert list(RecordPlan.of_lines([first, *lines]).steps) == steps


def test_records_with_different_keys_of_several_parts_are_not_deleted_as_one() -> None:
    steps = [
        replace(STEP, id={"_id": n}, guard=(OwnershipMatch("t", None, ("acme",), (("n", n),)),))
        for n in (1, 2, 1)
    ]
    assert sorted(len(some) for some, _ in deletions(steps)) == [1, 2]
