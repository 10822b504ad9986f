"""Fees for answers: nothing is disclosed before the agreement, and the first copy is free."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.handlers import answer, answer_after_fee
from services.fulfillment.package.copies import content_of
from services.fulfillment.package.handlers import decide_fee
from services.fulfillment.state import TRANSITIONS, FulfillmentCase, FulfillmentStatus, evolve
from shared.contract.events import (
    ErasurePlanned,
    Fact,
    FeeAgreed,
    FeeDecided,
    FeeQuoted,
    IdentityVerified,
    Outcome,
    RequestFulfilled,
    RequestReferred,
    RequestWithdrawn,
)
from shared.errors import IllegalTransition, RefusedDecision
from shared.law import FeeReason, GivenCopies, Money, Regulation, Right
from tests.unit.fulfillment.handler_fakes import CASE, HOUSE, NOW, Counter, stage
from tests.unit.fulfillment.test_disclosure import HELD, MAP, findings, record

FEE = Money(amount=Decimal("12.50"), currency="EUR")
CHARGING = replace(HOUSE, further_copy_fee=FEE)
GDPR = ("gdpr@2018-05-25",)
AGAIN = GivenCopies(total=1, same=1)
AGREED = FeeAgreed(request_id=CASE)


async def asked(
    before: GivenCopies = AGAIN, right: Right = Right.ACCESS, laws: tuple[str, ...] = GDPR, **parts: Any
) -> tuple[IdentityVerified, FulfillmentContext]:
    """Return a verified request of a person with the copies *before*."""
    event, ctx = await stage(MAP, HELD, right)
    ctx = replace(ctx, house=CHARGING, copies=Counter(before=before))
    return event.model_copy(update={"laws": laws}), replace(ctx, **parts)


def knowing(ctx: FulfillmentContext, *facts: Fact) -> FulfillmentContext:
    known = FulfillmentCase()
    for fact in facts:
        known = evolve(known, fact)
    return replace(ctx, known=known)


def wanted(reason: FeeReason, amount: str = "20", currency: str = "EUR") -> FeeDecided:
    fee = Money(amount=Decimal(amount), currency=currency)
    return FeeDecided(request_id=CASE, by="anna", fee=fee, reason=reason)


async def test_the_first_copy_costs_nothing() -> None:
    [fact] = await answer(*await asked(GivenCopies()))
    assert isinstance(fact, RequestFulfilled)
    assert fact.package


async def test_a_further_copy_is_quoted_and_nothing_is_handed_over() -> None:
    event, ctx = await asked()
    [quoted] = await answer(event, ctx)
    assert quoted == FeeQuoted(
        request_id=CASE, fee=FEE, reason=FeeReason.FURTHER_COPY, answer_by=NOW.date() + timedelta(days=10)
    )
    assert isinstance(ctx.copies, Counter)
    assert not ctx.copies.cases


@pytest.mark.parametrize(
    ("left", "days"),
    [
        pytest.param(timedelta(days=4), 4, id="the law leaves four"),
        pytest.param(timedelta(days=40), 10, id="the law leaves more"),
    ],
)
async def test_fee_letter_names_a_day_for_which_the_law_leaves_time(left: timedelta, days: int) -> None:
    event, ctx = await asked()
    [quoted] = await answer(event.model_copy(update={"wait_until": NOW + left}), ctx)
    assert isinstance(quoted, FeeQuoted)
    assert quoted.answer_by == NOW.date() + timedelta(days=days)


async def test_further_copy_is_free_where_the_law_leaves_no_time_to_agree() -> None:
    event, ctx = await asked()
    [fact] = await answer(event.model_copy(update={"wait_until": NOW + timedelta(hours=23)}), ctx)
    assert isinstance(fact, RequestFulfilled)


async def test_fee_that_the_staff_decides_after_the_time_to_wait_leaves_ten_days() -> None:
    event, ctx = await asked(GivenCopies())
    late = event.model_copy(update={"wait_until": NOW - timedelta(days=1)})
    [quoted] = await decide_fee(wanted(FeeReason.EXCESSIVE), knowing(ctx, late))
    assert isinstance(quoted, FeeQuoted)
    assert quoted.answer_by == NOW.date() + timedelta(days=10)


async def test_a_company_that_takes_no_fee_hands_over_any_number_of_copies() -> None:
    [fact] = await answer(*await asked(GivenCopies(9, 9), house=HOUSE))
    assert isinstance(fact, RequestFulfilled)


@pytest.mark.parametrize("right", [Right.PORTABILITY, Right.KNOW_CATEGORIES, Right.ERASURE])
async def test_nothing_but_a_copy_costs_anything_by_itself(right: Right) -> None:
    [fact] = await answer(*await asked(GivenCopies(9, 9), right))
    assert isinstance(fact, RequestFulfilled | ErasurePlanned)


async def test_agreement_to_a_fee_leads_to_the_answer_without_further_fees() -> None:
    event, ctx = await asked()
    [quoted] = await answer(event, ctx)
    [fact] = await answer_after_fee(AGREED, knowing(ctx, event, quoted))
    assert isinstance(fact, RequestFulfilled)
    assert (fact.outcome, bool(fact.package)) == (Outcome.GRANTED, True)
    assert evolve(knowing(ctx, event, quoted, AGREED).known, fact).status is FulfillmentStatus.FULFILLED


@pytest.mark.parametrize(
    "fact",
    [
        RequestFulfilled(request_id=CASE, right=Right.ACCESS, outcome=Outcome.GRANTED, answer="answer"),
        ErasurePlanned(
            request_id=CASE, plan="plan", regulation=Regulation.GDPR, received_on=date(2026, 11, 25)
        ),
        RequestReferred(request_id=CASE, right=Right.ACCESS, reason="by_staff"),
    ],
    ids=lambda fact: fact.TYPE,
)
async def test_no_answer_is_given_before_the_agreement_to_a_fee(fact: Fact) -> None:
    event, ctx = await asked()
    [quoted] = await answer(event, ctx)
    with pytest.raises(IllegalTransition):
        evolve(knowing(ctx, event, quoted).known, fact)
    assert set(TRANSITIONS[FulfillmentStatus.QUOTED].values()) == {
        FulfillmentStatus.QUOTED,
        FulfillmentStatus.UNDECIDED,
        FulfillmentStatus.WITHDRAWN,
    }


async def test_agreement_after_a_withdrawal_changes_nothing() -> None:
    event, ctx = await asked()
    [quoted] = await answer(event, ctx)
    gone = knowing(ctx, event, quoted, RequestWithdrawn(request_id=CASE))
    assert not await answer_after_fee(AGREED, gone)
    assert evolve(gone.known, AGREED).withdrawn


@pytest.mark.parametrize("right", [Right.ACCESS, Right.ERASURE])
async def test_staff_may_quote_a_fee_before_the_identity_is_proven(right: Right) -> None:
    event, ctx = await asked(GivenCopies(), right)
    decided = wanted(FeeReason.EXCESSIVE)
    assert not await decide_fee(decided, ctx)
    [quoted] = await answer(event, knowing(ctx, decided))
    assert isinstance(quoted, FeeQuoted)
    assert (quoted.fee, quoted.reason, quoted.by) == (decided.fee, decided.reason, "anna")
    [fact] = await answer_after_fee(AGREED, knowing(ctx, decided, event, quoted))
    assert isinstance(fact, RequestFulfilled | ErasurePlanned)


async def test_request_referred_to_the_staff_is_quoted_at_once() -> None:
    event, ctx = await asked()
    referred = RequestReferred(request_id=CASE, right=Right.ACCESS, reason="by_staff")
    theirs, decided = knowing(ctx, event, referred), wanted(FeeReason.MANIFESTLY_UNFOUNDED)
    [quoted] = await decide_fee(decided, theirs)
    assert isinstance(quoted, FeeQuoted)
    assert not await answer_after_fee(AGREED, knowing(ctx, event, referred, decided, quoted))


@pytest.mark.parametrize(
    ("laws", "decided"),
    [
        pytest.param(("ch-fadp@2023-09-01",), wanted(FeeReason.EXCESSIVE), id="no ground of that law"),
        pytest.param(
            ("ch-fadp@2023-09-01",), wanted(FeeReason.EFFORT, "300.01", "CHF"), id="more than it allows"
        ),
        pytest.param(GDPR, wanted(FeeReason.FURTHER_COPY), id="copies are counted, not decided about"),
        pytest.param((), wanted(FeeReason.EXCESSIVE), id="an identity verified before laws were stated"),
    ],
)
async def test_a_fee_that_a_law_forbids_is_not_quoted_and_the_answer_is_free(
    laws: tuple[str, ...], decided: FeeDecided
) -> None:
    event, ctx = await asked(GivenCopies(), laws=laws)
    [fact] = await answer(event, knowing(ctx, decided))
    assert isinstance(fact, RequestFulfilled)
    with pytest.raises(RefusedDecision, match="fee_unlawful"):
        await decide_fee(decided, knowing(ctx, event))


async def test_request_has_at_most_one_fee_and_none_after_the_answer() -> None:
    event, ctx = await asked()
    [quoted] = await answer(event, ctx)
    again = wanted(FeeReason.EXCESSIVE)
    answered = RequestFulfilled(request_id=CASE, right=Right.ACCESS, outcome=Outcome.GRANTED, answer="answer")
    for known in (quoted, answered):
        with pytest.raises(RefusedDecision, match="fee_too_late"):
            await decide_fee(again, knowing(ctx, event, known))


@pytest.mark.parametrize("status", FulfillmentStatus)
def test_a_decision_about_a_fee_is_heard_whenever_it_comes(status: FulfillmentStatus) -> None:
    assert evolve(FulfillmentCase(status=status), wanted(FeeReason.EXCESSIVE)).status is status


def test_copies_are_compared_regardless_of_order() -> None:
    one, two = record("shop.users", score=17), record("shop.invoices", total=9_999)
    same = content_of(findings(one, two))
    assert same == content_of(findings(two, one))
    assert same != content_of(findings(one, record("shop.invoices", total=10_000)))
    assert same != content_of(findings(one))
