"""Requests that are limited to some data: what an answer holds, and what an erasure leaves."""

from dataclasses import replace
from functools import reduce
from typing import Any

import pytest

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.datamap.model import PERSONAL
from services.fulfillment.erasure.planner import plan
from services.fulfillment.erasure.steps import RecordPlan
from services.fulfillment.handlers import answer, answer_in_scope, answer_specified, disclose
from services.fulfillment.search.scope import scope_of, within
from services.fulfillment.state import FulfillmentCase, evolve, outcome_of_erasure
from shared.contract.answer import Answer
from shared.contract.events import (
    DisclosureDue,
    DisclosureScheduled,
    ErasurePlanned,
    Outcome,
    RequestFulfilled,
    RequestReferred,
    RequestStopped,
    ScopeAnswered,
    ScopeAsked,
    StopReason,
)
from shared.law import DIRECT_MARKETING, Right
from tests.unit.fulfillment.handler_fakes import CASE, NOW, stage
from tests.unit.fulfillment.test_contracts import PEOPLE, found
from tests.unit.fulfillment.test_disclosure import findings
from tests.unit.fulfillment.test_domain import TODAY

HELD = findings(found("customers", bank="XX00"), found("visits"), data_map=PEOPLE)


@pytest.mark.parametrize(
    ("entry", "areas", "categories", "unknown"),
    [
        ("shop.visits", ("shop.visits",), (), ()),
        (" Visits ", ("shop.visits",), (), ()),
        ("shop", ("shop.rentals", "shop.customers", "shop.visits"), (), ()),
        ("user.financial", (), ("user.financial",), ()),
        ("user", (), ("user",), ()),
        ("user.location", (), (), ("user.location",)),
        ("my old letters", (), (), ("my old letters",)),
        (DIRECT_MARKETING, (), (), ()),
    ],
)
def test_scope_names_areas_or_categories_of_the_map(
    entry: str, areas: tuple[str, ...], categories: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    scope = scope_of([entry], PEOPLE)
    assert (scope.areas, scope.categories, scope.unknown) == (areas, categories, unknown)


@pytest.mark.parametrize("entries", [[], ["my old letters"], ["visits", "my old letters"]])
def test_request_is_answered_as_a_whole_where_its_scope_is_unknown(entries: list[str]) -> None:
    assert within(scope_of(entries, PEOPLE), HELD, PEOPLE) is HELD


def test_category_limits_an_area_to_its_fields() -> None:
    scope = scope_of(["user.financial"], PEOPLE)
    assert [one.collection.name for one in within(scope, HELD, PEOPLE).found] == ["customers"]
    assert scope.left_out(PEOPLE.by_key["shop.customers"]) == {"email"}


async def disclosed(*scope: str) -> tuple[RequestFulfilled, Answer]:
    event, ctx = await stage(PEOPLE, HELD, Right.ACCESS, scope=list(scope))
    *_, fulfilled = await answer(event, ctx)
    assert isinstance(fulfilled, RequestFulfilled)
    return fulfilled, Answer.model_validate_json(await ctx.vault.open(CASE, fulfilled.answer))


async def test_access_discloses_the_scope_alone_and_names_it() -> None:
    fulfilled, content = await disclosed("visits")
    assert fulfilled.outcome is Outcome.GRANTED
    assert [group.label for group in content.disclosed] == ["Visits"]
    assert content.scope == ("Visits",)
    _, whole = await disclosed()
    assert [group.label for group in whole.disclosed] == ["Customers", "Visits"]
    assert whole.scope == ()


async def test_scope_without_records_is_answered_as_nothing_held() -> None:
    fulfilled, content = await disclosed("rentals")
    assert fulfilled.outcome is Outcome.NOTHING_HELD
    assert content.scope == ("Rentals",)


async def erasure(*scope: str) -> Any:
    event, ctx = await stage(PEOPLE, HELD, Right.ERASURE, scope=list(scope))
    *_, fact = await answer(event, ctx)
    if not isinstance(fact, ErasurePlanned):
        return fact
    return RecordPlan.of_lines([line async for line in ctx.opened_lines(fact.plan)])


async def test_erasure_leaves_records_outside_its_scope() -> None:
    decided = await erasure("visits")
    assert [(step.key, step.disposition.value, step.reason) for step in decided.steps] == [
        ("shop.customers", "unchanged", "out_of_scope"),
        ("shop.visits", "erased", None),
    ]
    assert decided.limited
    assert outcome_of_erasure(decided) is Outcome.GRANTED


async def test_erasure_of_a_category_removes_its_fields_alone() -> None:
    decided = await erasure("user.financial")
    assert [[mask.path for mask in step.masks] for step in decided.steps] == [["bank"], []]
    assert not any(step.deleted for step in decided.steps)


@pytest.mark.parametrize(
    "scope", [("my old letters",), ("visits", "my old letters"), ("visits", "user.financial")]
)
async def test_erasure_with_an_unclear_scope_waits_for_staff(scope: tuple[str, ...]) -> None:
    referred = await erasure(*scope)
    assert isinstance(referred, RequestReferred)
    assert referred.reason == "scope_unclear"


async def test_erasure_without_a_scope_covers_everything() -> None:
    decided = await erasure()
    assert {step.disposition.value for step in decided.steps} == {"erased"}
    assert (decided.targets, decided.limited) == (PERSONAL, False)


def test_refusal_of_all_records_in_scope_is_a_refusal() -> None:
    kept = plan(
        findings(found("rentals", status="running"), found("visits"), data_map=PEOPLE),
        PEOPLE,
        TODAY,
        areas=["shop.rentals"],
    )
    assert outcome_of_erasure(kept) is Outcome.REFUSED


ASKED = ScopeAsked(request_id=CASE, asked_at=NOW, until=NOW, answer_by=NOW.date(), due_on=NOW.date())


async def waiting(*scope: str) -> tuple[ScopeAnswered, FulfillmentContext]:
    """Return the answer to the question for the scope, and the context of the request that waits for it."""
    event, ctx = await stage(PEOPLE, HELD, Right.ACCESS)
    ctx = replace(ctx, known=evolve(FulfillmentCase(), ASKED))
    assert await answer(event, ctx) == [], "nothing is disclosed before the answer"
    ctx = replace(ctx, known=evolve(ctx.known, event))
    if scope:
        await ctx.vault.seal(CASE, "scope_1", "\n".join(scope).encode())
    return ScopeAnswered(request_id=CASE, scope="scope_1" if scope else None), ctx


@pytest.mark.parametrize(
    ("scope", "labels"),
    [
        pytest.param(["visits"], ["Visits"], id="a part"),
        pytest.param([], ["Customers", "Visits"], id="everything, or silence"),
        pytest.param(["my old letters"], ["Customers", "Visits"], id="words that the map does not know"),
    ],
)
async def test_answered_scope_limits_the_copy(scope: list[str], labels: list[str]) -> None:
    event, ctx = await waiting(*scope)
    *_, fulfilled = await answer_in_scope(event, ctx)
    assert isinstance(fulfilled, RequestFulfilled)
    content = Answer.model_validate_json(await ctx.vault.open(CASE, fulfilled.answer))
    assert [group.label for group in content.disclosed] == labels


async def test_question_for_the_scope_holds_a_disclosure_at_the_end_of_its_window() -> None:
    _, ctx = await waiting()
    scheduled = DisclosureScheduled(request_id=CASE, at=NOW)
    ctx = replace(ctx, known=evolve(ctx.known, scheduled))
    assert await disclose(DisclosureDue(request_id=CASE, name="disclosure_window"), ctx) == []


async def test_scope_answered_while_stopped_is_held() -> None:
    event, ctx = await waiting("visits")
    stopped = evolve(ctx.known, RequestStopped(request_id=CASE, reason=StopReason.NOT_ME))
    after = evolve(stopped, event)
    assert after.held == (event,)
    [*_, fulfilled] = await answer_specified(event, replace(ctx, known=replace(after, stopped=False)))
    assert isinstance(fulfilled, RequestFulfilled)


async def test_scope_of_an_answered_request_changes_nothing() -> None:
    event, ctx = await waiting("visits")
    facts = await answer_in_scope(event, ctx)
    answered = replace(ctx, known=reduce(evolve, [event, *facts], ctx.known))
    assert await answer_in_scope(event, answered) == []
