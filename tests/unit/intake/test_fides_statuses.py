"""Every state of a case as clients of Fides read it."""

from datetime import timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.channels.fides.requests import (
    DATA_USES,
    DEFAULTS,
    FidesAction,
    FidesPolicies,
    action_of,
    policy_object,
    right_of,
)
from services.intake.channels.fides.responses import FidesStatus, ObservedRequest, days_left, status_of
from services.intake.domain import CaseStatus as Standing
from services.intake.domain import IntakeCase, evolve
from shared.contract.events import (
    Assurance,
    ErasureApproved,
    ErasurePlanned,
    Fact,
    FeeQuoted,
    IdentityChallenged,
    IdentityRefused,
    IdentityReviewNeeded,
    IdentityVerified,
    NoticeFailed,
    Outcome,
    ProofRefused,
    RequestClosed,
    RequestDuplicated,
    RequestForwarded,
    RequestFulfilled,
    RequestPurged,
    RequestReceived,
    RequestReferred,
    RequestWithdrawn,
)
from shared.law import FeeReason, Money, Regulation, Right
from tests.unit.fakes import NOW

CASE = "c" * 32
TODAY = NOW.date()
RECEIVED = RequestReceived(
    request_id=CASE,
    right=Right.ERASURE,
    regulation=Regulation.GDPR,
    policy="gdpr@2018-05-25",
    source="habeas/public",
    received_at=NOW,
    received_on=TODAY,
    due_on=TODAY + timedelta(days=31),
    internal_due_on=TODAY + timedelta(days=25),
)
CHALLENGED = IdentityChallenged(request_id=CASE, expires_at=NOW + timedelta(days=30))
REVIEW = IdentityReviewNeeded(request_id=CASE, reasons=("unclear",))
VERIFIED = IdentityVerified(
    request_id=CASE,
    right=Right.ERASURE,
    regulation=Regulation.GDPR,
    received_on=TODAY,
    assurance=Assurance.MAILBOX,
    reasons=("mailbox",),
)
PLANNED = ErasurePlanned(
    request_id=CASE, plan="plan", regulation=Regulation.GDPR, received_on=TODAY, approval=True
)
APPROVED = ErasureApproved(request_id=CASE, by="second.person")
QUOTED = FeeQuoted(
    request_id=CASE,
    fee=Money(amount="10.00", currency="EUR"),
    reason=FeeReason.EXCESSIVE,
    answer_by=TODAY + timedelta(days=10),
)
WITHDRAWN, CLOSED = RequestWithdrawn(request_id=CASE), RequestClosed(request_id=CASE)
DUPLICATED = RequestDuplicated(
    request_id=CASE, first="d" * 32, first_received_on=TODAY, due_on=TODAY + timedelta(days=31)
)
FORWARDED = RequestForwarded(request_id=CASE, controller="c", link="l", digest="d", expires_at=NOW)
REFERRED = RequestReferred(request_id=CASE, right=Right.ERASURE, reason="not_automated")


def fulfilled(outcome: Outcome) -> RequestFulfilled:
    return RequestFulfilled(request_id=CASE, right=Right.ERASURE, outcome=outcome, answer="answer")


def refused(reason: str) -> IdentityRefused:
    return IdentityRefused(request_id=CASE, reasons=(reason,))


@pytest.mark.parametrize(
    ("story", "status"),
    [
        pytest.param([], FidesStatus.IDENTITY_UNVERIFIED, id="lodged"),
        pytest.param([RECEIVED], FidesStatus.IDENTITY_UNVERIFIED, id="received"),
        pytest.param([RECEIVED, CHALLENGED], FidesStatus.IDENTITY_UNVERIFIED, id="challenged"),
        pytest.param([RECEIVED, CHALLENGED, REVIEW], FidesStatus.PENDING, id="in review"),
        pytest.param([RECEIVED, VERIFIED], FidesStatus.IN_PROCESSING, id="verified"),
        pytest.param([RECEIVED, VERIFIED, PLANNED], FidesStatus.PENDING, id="awaits approval"),
        pytest.param([RECEIVED, VERIFIED, PLANNED, APPROVED], FidesStatus.IN_PROCESSING, id="approved"),
        pytest.param([RECEIVED, VERIFIED, QUOTED], FidesStatus.PAUSED, id="awaits agreement"),
        pytest.param([RECEIVED, VERIFIED, REFERRED], FidesStatus.REQUIRES_INPUT, id="referred"),
        pytest.param([RECEIVED, VERIFIED, fulfilled(Outcome.GRANTED)], FidesStatus.COMPLETE, id="granted"),
        pytest.param(
            [RECEIVED, VERIFIED, fulfilled(Outcome.PARTLY_GRANTED)], FidesStatus.COMPLETE, id="in part"
        ),
        pytest.param(
            [RECEIVED, VERIFIED, fulfilled(Outcome.NOTHING_HELD)], FidesStatus.COMPLETE, id="nothing held"
        ),
        pytest.param(
            [RECEIVED, VERIFIED, fulfilled(Outcome.REFUSED)], FidesStatus.DENIED, id="refused by law"
        ),
        pytest.param(
            [RECEIVED, VERIFIED, fulfilled(Outcome.GRANTED), CLOSED],
            FidesStatus.COMPLETE,
            id="granted, closed",
        ),
        pytest.param([RECEIVED, refused("too_many_attempts")], FidesStatus.DENIED, id="not established"),
        pytest.param(
            [RECEIVED, refused("too_many_attempts"), CLOSED], FidesStatus.DENIED, id="refused, closed"
        ),
        pytest.param([RECEIVED, refused("not_proven_in_time")], FidesStatus.CANCELED, id="lapsed"),
        pytest.param([RECEIVED, WITHDRAWN], FidesStatus.CANCELED, id="withdrawn"),
        pytest.param([RECEIVED, WITHDRAWN, CLOSED], FidesStatus.CANCELED, id="withdrawn, closed"),
        pytest.param([RECEIVED, DUPLICATED], FidesStatus.DUPLICATE, id="duplicate"),
        pytest.param([RECEIVED, DUPLICATED, CLOSED], FidesStatus.DUPLICATE, id="duplicate, closed"),
        pytest.param([RECEIVED, FORWARDED], FidesStatus.PENDING_EXTERNAL, id="forwarded"),
        pytest.param([RECEIVED, FORWARDED, CLOSED], FidesStatus.COMPLETE, id="forwarded, closed"),
        pytest.param([RequestPurged(request_id=CASE)], FidesStatus.CANCELED, id="purged"),
    ],
)
def test_where_a_request_stands(story: list[Fact], status: FidesStatus) -> None:
    assert status_of(reduce(evolve, story, IntakeCase()), asks_for_proof=True) is status


@pytest.mark.parametrize("story", [[], [RECEIVED]])
def test_a_request_without_required_proof_asks_for_none(story: list[Fact]) -> None:
    assert status_of(reduce(evolve, story, IntakeCase()), asks_for_proof=False) is FidesStatus.PENDING


@given(st.sampled_from(Standing), st.booleans(), st.booleans())
def test_every_status_of_a_case_has_a_word(standing: Standing, asks: bool, review: bool) -> None:
    assert status_of(IntakeCase(status=standing, in_review=review), asks_for_proof=asks) in FidesStatus


def test_days_are_counted_until_the_answer() -> None:
    open_ = reduce(evolve, [RECEIVED, VERIFIED], IntakeCase())
    assert days_left(IntakeCase(), TODAY) is None
    assert days_left(open_, TODAY) == 31
    assert days_left(open_, TODAY + timedelta(days=32)) == -1
    assert days_left(evolve(open_, fulfilled(Outcome.GRANTED)), TODAY) is None


def test_moments_are_those_at_which_it_was_written_down() -> None:
    at = [NOW + timedelta(hours=hour) for hour in range(5)]
    staff = VERIFIED.model_copy(update={"reasons": ("decided_by_staff", "reviewed")})
    wrong = ProofRefused(request_id=CASE, reason="wrong_code", tries_left=4)
    story = [RECEIVED, CHALLENGED, wrong, staff, fulfilled(Outcome.GRANTED)]
    seen = ObservedRequest.of(zip(at, story, strict=True))
    assert (seen.verified_at, seen.reviewed_at, seen.finished_at) == (at[3], at[3], at[4])
    assert ObservedRequest.of([(NOW, RECEIVED), (NOW, VERIFIED)]).reviewed_at is None
    assert seen.answers == (CHALLENGED, wrong)
    assert [step.status for step in seen.steps] == [
        "complete",
        "awaiting_processing",
        "awaiting_processing",
        "complete",
        "complete",
    ]


def test_an_undeliverable_letter_is_an_error_in_the_log() -> None:
    failed: Any = NoticeFailed(request_id=CASE, letter="outcome", reason="refused")
    assert ObservedRequest.of([(NOW, RECEIVED), (NOW, failed)]).steps[-1].status == "error"


@pytest.mark.parametrize("right", Right)
def test_each_right_is_an_action(right: Right) -> None:
    actions = {
        Right.ACCESS: FidesAction.ACCESS,
        Right.PORTABILITY: FidesAction.ACCESS,
        Right.KNOW_CATEGORIES: FidesAction.ACCESS,
        Right.ERASURE: FidesAction.ERASURE,
        Right.RECTIFICATION: FidesAction.UPDATE,
    }
    assert right_of(right) is right
    assert action_of(right) is actions.get(right, FidesAction.CONSENT)
    assert policy_object("key", right)["rules"][0]["action_type"] == action_of(right)


def test_direct_marketing_is_objected_to() -> None:
    assert right_of("direct_marketing") is Right.OBJECTION
    assert action_of("direct_marketing") is FidesAction.CONSENT


def test_of_two_uses_the_narrower_counts_and_else_the_policy() -> None:
    policies = FidesPolicies(DEFAULTS, {**DATA_USES, "marketing": Right.CONSENT_WITHDRAWAL})
    key = "default_consent_policy"
    assert policies.opting_out("marketing.communications.email", key) == "direct_marketing"
    assert policies.opting_out("marketing.advertising", key) is Right.CONSENT_WITHDRAWAL
    assert policies.opting_out("marketing_of_others", key) is Right.OPT_OUT_OF_SALE
    assert policies.opting_out("analytics", "odd") is None
