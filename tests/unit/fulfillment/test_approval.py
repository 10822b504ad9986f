"""Approval of erasures by a second person, stops and retries."""

from dataclasses import replace
from datetime import date
from functools import reduce
from typing import Any

import pytest

from services.fulfillment.datamap.model import CollectionPlace
from services.fulfillment.domain import NOT_CHANGEABLE
from services.fulfillment.erasure.steps import Disposition, Mask, RecordPlan, RecordStep
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.settings import FulfillmentSettings
from services.fulfillment.state import (
    FulfillmentCase,
    FulfillmentStatus,
    evolve,
    needs_approval,
    needs_approval_again,
    outcome_of_erasure,
)
from shared.contract.events import (
    ErasureApproved,
    ErasurePlanned,
    ErasureRetried,
    Fact,
    Outcome,
    RequestFulfilled,
    RequestWithdrawn,
)
from shared.law import Regulation, Right

CASE = "a" * 32
PROPOSED = ErasurePlanned(
    request_id=CASE,
    plan="plan_0",
    regulation=Regulation.GDPR,
    received_on=date(2026, 11, 25),
    approval=True,
)
PLANNED = PROPOSED.model_copy(update={"approval": False})
AGAIN = PLANNED.model_copy(update={"plan": "plan_1"})
APPROVED = ErasureApproved(request_id=CASE, by="second.person")
OTHER = ErasureApproved(request_id=CASE, by="third.person")
RETRIED = ErasureRetried(request_id=CASE)
WITHDRAWN = RequestWithdrawn(request_id=CASE)
PARTLY = RequestFulfilled(
    answer="answer",
    request_id=CASE,
    right=Right.ERASURE,
    outcome=Outcome.PARTLY_GRANTED,
    dispositions={"left": 1},
)
STEP = RecordStep(
    "shop.users",
    CollectionPlace("default", "shop", "users"),
    {"_id": 1},
    Disposition.ERASED,
    (OwnershipMatch("email", None, ("a",)),),
    deleted=True,
)
NEW = replace(STEP, id={"_id": 2})
MASKED = replace(STEP, deleted=False, masks=(Mask("email", (), None),))
KEPT = replace(STEP, disposition=Disposition.RETAINED, deleted=False, reason="retention_duty")
LEFT = replace(STEP, disposition=Disposition.LEFT, reason="store_rules")


def after(*facts: Fact) -> FulfillmentCase:
    return reduce(evolve, facts, FulfillmentCase())


def plan(*steps: RecordStep) -> RecordPlan:
    return RecordPlan("v", date(2026, 11, 25), ("user",), steps, (("shop.users",),))


@pytest.mark.parametrize(
    ("above", "wanted"),
    [
        pytest.param(None, False, id="never"),
        pytest.param(0, True, id="always"),
        pytest.param(1, True, id="two are more than one"),
        pytest.param(2, False, id="two are not more than two"),
    ],
)
def test_a_second_person_is_asked_for_more_than_so_many_changes(above: int | None, *, wanted: bool) -> None:
    assert needs_approval(plan(STEP, STEP, KEPT), above) is wanted


@pytest.mark.parametrize(
    ("steps", "above", "wanted"),
    [
        pytest.param((NEW,), 0, True, id="an unapproved record"),
        pytest.param((NEW,), 1, True, id="two in all are more than one"),
        pytest.param((NEW,), 2, False, id="two in all are not more than two"),
        pytest.param((NEW,), None, False, id="never"),
        pytest.param((STEP,), 0, False, id="the same record once more"),
        pytest.param((MASKED,), 0, True, id="approved of otherwise"),
        pytest.param((replace(NEW, deleted=False),), 0, False, id="nothing is changed"),
    ],
)
def test_later_round_with_unapproved_records_needs_approval(
    steps: tuple[RecordStep, ...], above: int | None, *, wanted: bool
) -> None:
    assert needs_approval_again(plan(*steps), [plan(STEP)], above) is wanted


def test_record_released_from_a_hold_counts_as_new() -> None:
    assert needs_approval_again(plan(STEP), [plan(KEPT)], 0)


def test_records_that_wait_after_the_start_are_certified_despite_a_withdrawal() -> None:
    more = AGAIN.model_copy(update={"approval": True})
    waiting = after(PROPOSED, APPROVED, more)
    assert (waiting.status, waiting.rounds) == (FulfillmentStatus.AWAITING_FURTHER_APPROVAL, 2)
    assert after(PROPOSED, APPROVED, more, more, WITHDRAWN, RETRIED) == waiting
    assert after(PROPOSED, APPROVED, more, OTHER).status is FulfillmentStatus.EXECUTING
    assert after(PROPOSED, APPROVED, more, OTHER, PARTLY).status is FulfillmentStatus.FULFILLED
    assert after(PLANNED, PARTLY, RETRIED, more).status is FulfillmentStatus.AWAITING_FURTHER_APPROVAL


def test_plan_without_changes_needs_no_approval() -> None:
    assert not needs_approval(plan(KEPT), 0)


def test_withdrawal_stops_a_proposed_erasure_and_no_approved_one() -> None:
    assert after(PROPOSED, WITHDRAWN).status is FulfillmentStatus.WITHDRAWN
    assert after(PROPOSED, WITHDRAWN, APPROVED).status is FulfillmentStatus.WITHDRAWN
    assert after(PROPOSED, APPROVED, WITHDRAWN).status is FulfillmentStatus.EXECUTING


def test_redelivered_plan_changes_nothing() -> None:
    assert after(PROPOSED, PROPOSED) == after(PROPOSED)
    assert after(PROPOSED, APPROVED, PARTLY, PROPOSED).status is FulfillmentStatus.FULFILLED


def test_first_approval_is_recorded() -> None:
    assert after(PROPOSED, APPROVED, OTHER).approved_by == ("second.person",)


def test_erasure_waits_for_two_accounts_where_two_must_approve() -> None:
    two = PROPOSED.model_copy(update={"approvers": 2})
    first = after(two, APPROVED)
    assert (first.status, first.approvals) == (
        FulfillmentStatus.AWAITING_APPROVAL,
        frozenset({"second.person"}),
    )
    assert after(two, APPROVED, APPROVED).status is FulfillmentStatus.AWAITING_APPROVAL
    assert after(two, APPROVED, two) == first
    both = after(two, APPROVED, OTHER)
    assert (both.status, both.approved_by) == (FulfillmentStatus.EXECUTING, ("second.person", "third.person"))
    again = two.model_copy(update={"plan": "plan_1"})
    assert after(two, APPROVED, OTHER, again, OTHER).status is FulfillmentStatus.AWAITING_FURTHER_APPROVAL


def test_retry_has_its_own_rounds() -> None:
    assert after(PLANNED, AGAIN).rounds == 2
    assert after(PLANNED, AGAIN, PARTLY).rounds == 0
    tried = after(PLANNED, PARTLY, RETRIED, AGAIN)
    assert (tried.status, tried.rounds, tried.plans) == (FulfillmentStatus.EXECUTING, 1, ("plan_0", "plan_1"))


@pytest.mark.parametrize(
    "steps", [(STEP, LEFT), (LEFT,), (LEFT, KEPT)], ids=["some", "all", "all that was to go"]
)
def test_remaining_records_make_an_erasure_partial(steps: tuple[RecordStep, ...]) -> None:
    assert outcome_of_erasure(plan(*steps)) is Outcome.PARTLY_GRANTED


def test_erasure_of_records_that_cannot_be_changed_is_refused() -> None:
    """No later try erases them: the map forbids it."""
    unchangeable = replace(LEFT, reason=NOT_CHANGEABLE)
    assert outcome_of_erasure(plan(unchangeable)) is Outcome.REFUSED
    assert outcome_of_erasure(plan(unchangeable, KEPT)) is Outcome.REFUSED
    assert outcome_of_erasure(plan(unchangeable, STEP)) is Outcome.PARTLY_GRANTED
    assert outcome_of_erasure(plan(unchangeable, LEFT)) is Outcome.PARTLY_GRANTED


def test_remaining_mentions_make_an_erasure_partial() -> None:
    assert outcome_of_erasure(plan(STEP)) is Outcome.GRANTED
    assert outcome_of_erasure(plan(STEP), mentions=1) is Outcome.PARTLY_GRANTED


@pytest.mark.parametrize(("approval", "accepted"), [("never", False), ("always", True), ("above:100", True)])
def test_two_approvers_need_erasures_to_approve(approval: str, accepted: bool) -> None:
    """Nothing waits for an approval otherwise, and the second setting would have no effect."""
    given: dict[str, Any] = {"datamap": ".", "mail_from": "a@example.com", "erasure_approval": approval}
    given |= {
        "amqp_url": "amqp://broker.test",
        "mongo_url": "mongodb://store.test",
        "master_key": "A" * 43 + "=",
    }
    if accepted:
        assert FulfillmentSettings(**given, erasure_approvers=2).erasure_approvers == 2
    else:
        with pytest.raises(ValueError, match="HABEAS_ERASURE_APPROVAL"):
            FulfillmentSettings(**given, erasure_approvers=2)
