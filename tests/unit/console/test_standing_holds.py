"""Holds that stand are marked on the case, on the opened plan, and where an erasure is approved."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import httpx
import pytest

from services.console.decisions.standing_holds import own_holds
from services.console.read_model.holds import PlacedHold
from shared.contract import events
from shared.contract.events import Fact
from shared.law import Right
from shared.vocabulary import HoldScope
from tests.unit.console.test_decision_offers import (
    CASE,
    HELD,
    OTHER,
    PLANNED,
    START,
    VERIFIED,
    received,
    view_of,
)
from tests.unit.console.test_long_lists import content_with
from tests.unit.console.test_package_page import OneReview, client_of

ERASURE = (received(Right.ERASURE), VERIFIED, PLANNED)
LIFTED = events.HoldLifted(request_id=CASE, by=OTHER, hold="ef" * 16, reason="claim_ended")
PLAN = {"erased": [{"label": "Orders", "records": 7}]}
ELSEWHERE = PlacedHold("1", "1" * 32, "1" * 32, HoldScope.PERSON, "claim_8", OTHER, START)
ON_COLLECTION = replace(ELSEWHERE, scope=HoldScope.COLLECTION, collection="shop.orders")
OWN = "A legal hold stands."
PEOPLE = "on the people of other requests"


@dataclass
class PlannedErasure(OneReview):
    """An erasure that waits for its approval, and the standing holds of all cases."""

    facts: Sequence[Fact] = ERASURE
    holds: Sequence[PlacedHold] = ()

    async def standing(self, _today: date) -> Sequence[PlacedHold]:
        return self.holds

    async def response(self, *_: object) -> httpx.Response:
        return httpx.Response(200, json=content_with(plan=PLAN))


async def pages_of(case: PlannedErasure) -> list[str]:
    """Return the pages of the case, of its content, and of its approval."""
    async with client_of(case, holds=case) as http:
        paths = ("", "/content", "/decisions/approve-erasure")
        return [(await http.get(f"/requests/{CASE}{path}")).text for path in paths]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("facts", "holds", "stated"),
    [
        ((*ERASURE, HELD), (), {OWN}),
        ((*ERASURE, HELD, LIFTED), (), set()),
        (ERASURE, (ELSEWHERE,), {PEOPLE}),
        (ERASURE, (replace(ELSEWHERE, scope=HoldScope.REQUEST),), set()),
        (ERASURE, (ON_COLLECTION,), {"shop.orders"}),
        (ERASURE, (), set()),
    ],
    ids=["own", "lifted", "person elsewhere", "request elsewhere", "collection", "none"],
)
async def test_standing_holds_are_stated_beside_the_plan_and_its_approval(
    facts: Sequence[Fact], holds: Sequence[PlacedHold], stated: set[str]
) -> None:
    case, content, approval = await pages_of(PlannedErasure(facts=facts, holds=holds))
    plan = content.partition("<h2>Erasure plan</h2>")[2].partition("To erase")[0]
    for page in (case, plan, approval):
        assert {one for one in (OWN, PEOPLE, "shop.orders") if one in page} == stated


@pytest.mark.slow
async def test_case_states_the_first_approval_of_two_and_links_to_the_request_that_follows() -> None:
    planned = PLANNED.model_copy(update={"approvers": 2})
    approved = events.ErasureApproved(request_id=CASE, by="pia.second")
    first, both = (
        PlannedErasure(facts=(*ERASURE[:2], planned)),
        PlannedErasure(facts=(*ERASURE[:2], planned, approved)),
    )
    assert "Approved by" not in (await pages_of(first))[0]
    page = (await pages_of(both))[0]
    assert "Approved by pia.second: 1 of 2." in page
    assert f'href="/requests/{"cd" * 16}"' in page


@pytest.mark.parametrize("days", [0, 1])
def test_own_hold_stands_until_its_last_day_is_over(days: int) -> None:
    until = START.date() + timedelta(days=days)
    view = view_of((*ERASURE, HELD.model_copy(update={"until": until})))
    assert len(own_holds(replace(view, today=START.date()))) == 1
    assert own_holds(replace(view, today=until + timedelta(days=1))) == []


def test_row_has_the_last_day_of_its_standing_holds() -> None:
    """The list marks it until then; a hold on a collection is no hold on the case."""
    day = START.date()
    shorter = HELD.model_copy(update={"until": day, "hold": "cd" * 16})
    assert view_of(ERASURE).row.held_until is None
    assert view_of((*ERASURE, shorter)).row.held_until == day
    assert view_of((*ERASURE, shorter, HELD)).row.held_until == date.max
    assert view_of((*ERASURE, shorter, HELD, LIFTED)).row.held_until == day
