"""Facts that cross one another, and the outcome of a request's records."""

from dataclasses import replace
from datetime import date
from functools import reduce

import pytest

from services.fulfillment.datamap.model import CollectionPlace
from services.fulfillment.domain import NOT_CHANGEABLE
from services.fulfillment.erasure.steps import Disposition, Mask, RecordPlan, RecordStep
from services.fulfillment.state import (
    FulfillmentCase,
    FulfillmentStatus,
    evolve,
    outcome_of_disclosure,
    outcome_of_erasure,
    united,
)
from shared.contract.answer import Answer, WithheldGroup
from shared.contract.events import (
    ChangePlanned,
    ErasurePlanned,
    Fact,
    IdentityClaimed,
    LiftingReason,
    Outcome,
    RequestFulfilled,
    RequestReferred,
    RequestWithdrawn,
    RestrictionAnnounced,
    SubjectRestricted,
    SubjectUnrestricted,
)
from shared.errors import IllegalTransition
from shared.law import Regulation, Right

CASE = "a" * 32
PLANNED = ErasurePlanned(
    request_id=CASE,
    plan="plan_0",
    regulation=Regulation.GDPR,
    received_on=date(2026, 11, 25),
)
ERASED = RequestFulfilled(answer="answer", request_id=CASE, right=Right.ERASURE, outcome=Outcome.GRANTED)
WITHDRAWN = RequestWithdrawn(request_id=CASE)
REFERRED = RequestReferred(request_id=CASE, right=Right.RECTIFICATION, reason="by_staff")
CHANGE = ChangePlanned(
    request_id=CASE,
    right=Right.RESTRICTION,
    plan="change_0",
    regulation=Regulation.GDPR,
    received_on=date(2026, 11, 25),
)
RESTRICTED = SubjectRestricted(request_id=CASE, identifiers={})
ANNOUNCED = RestrictionAnnounced(request_id=CASE, reason=LiftingReason.PERSON_ASKS)
UNRESTRICTED = SubjectUnrestricted(request_id=CASE, identifiers={})
CLAIMED = IdentityClaimed(request_id=CASE, proofs=())


def after(*facts: Fact) -> FulfillmentStatus:
    return reduce(evolve, facts, FulfillmentCase()).status


def test_request_withdrawn_before_the_plan_has_no_effect() -> None:
    assert after(WITHDRAWN) is FulfillmentStatus.WITHDRAWN
    with pytest.raises(IllegalTransition):
        after(WITHDRAWN, ERASED)


def test_started_erasure_is_finished_and_reported_despite_a_withdrawal() -> None:
    assert after(PLANNED, WITHDRAWN) is FulfillmentStatus.EXECUTING
    assert after(PLANNED, WITHDRAWN, ERASED) is FulfillmentStatus.FULFILLED


def test_started_marks_are_finished_and_reported_despite_a_withdrawal() -> None:
    assert after(CHANGE, WITHDRAWN, ERASED, RESTRICTED) is FulfillmentStatus.FULFILLED
    known = reduce(evolve, (CHANGE, WITHDRAWN), FulfillmentCase())
    assert known.change == "change_0"


@pytest.mark.parametrize(
    "before",
    [(CHANGE, ERASED), (CHANGE, REFERRED), (CHANGE, REFERRED, RESTRICTED, WITHDRAWN)],
    ids=["answered", "being weighed", "taken back while it was weighed"],
)
def test_a_restriction_can_be_lifted_as_long_as_it_is_there(before: tuple[Fact, ...]) -> None:
    assert after(*before, ANNOUNCED, UNRESTRICTED) is after(*before)


@pytest.mark.parametrize(
    "before", [(PLANNED,), (ERASED,), (REFERRED,)], ids=["planned", "fulfilled", "referred"]
)
def test_a_claim_that_comes_after_the_decision_changes_nothing(before: tuple[Fact, ...]) -> None:
    assert after(*before, CLAIMED) is after(*before)


def test_last_plan_of_a_record_counts() -> None:
    erased = RecordStep(
        "shop.users", CollectionPlace("default", "shop", "users"), {"_id": 1}, Disposition.ERASED, ()
    )
    held = replace(erased, disposition=Disposition.RETAINED, reason="legal_hold")
    other = replace(erased, id={"_id": 2})
    first = RecordPlan("v", date(2026, 11, 25), ("user",), (erased, other), (("shop.users",),))
    whole = united([first, replace(first, steps=(held,))])
    assert list(whole.steps) == [held, other]
    assert outcome_of_erasure(whole) is Outcome.PARTLY_GRANTED


def test_unchangeable_rest_does_not_hide_an_earlier_change() -> None:
    place, masks = CollectionPlace("default", "shop", "users"), (Mask("name", (), None),)
    masked = RecordStep("shop.users", place, {"_id": 1}, Disposition.MASKED, (), masks=masks, left=("badge",))
    rest = replace(masked, disposition=Disposition.LEFT, masks=(), reason=NOT_CHANGEABLE)
    first = RecordPlan("v", date(2026, 11, 25), ("user",), (masked,), (("shop.users",),))
    assert list(united([first, replace(first, steps=(rest,))]).steps) == [masked]


def test_plan_without_changes_does_not_hide_an_earlier_change() -> None:
    place, masks = CollectionPlace("default", "shop", "users"), (Mask("name", (), None),)
    masked = RecordStep("shop.users", place, {"_id": 1}, Disposition.MASKED, (), masks=masks)
    nothing = replace(masked, disposition=Disposition.UNCHANGED, masks=())
    first = RecordPlan("v", date(2026, 11, 25), ("user",), (masked,), (("shop.users",),))
    assert list(united([first, replace(first, steps=(nothing,))]).steps) == [masked]


@pytest.mark.parametrize("reason", ["never_disclosed", "masked_value", "third_party_rights"])
def test_withheld_or_masked_data_makes_access_partial(reason: str) -> None:
    group = WithheldGroup(label="Password", reason=reason)
    assert outcome_of_disclosure(Answer(withheld=(group,))) is Outcome.PARTLY_GRANTED
    assert outcome_of_disclosure(Answer()) is Outcome.GRANTED
