"""Events that would disclose, erase or change data are held while a request is stopped."""

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import date

import pytest

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.erasure.window import releases
from services.fulfillment.handlers import RELEASED, SUBSCRIPTIONS
from services.fulfillment.state import HELD, FulfillmentCase, FulfillmentStatus, evolve
from shared.contract.events import (
    AliasProven,
    Assurance,
    ChangePlanned,
    DisclosureDue,
    ErasureApproved,
    ErasureDue,
    ErasurePlanned,
    ErasureRetried,
    Fact,
    FeeAgreed,
    IdentityVerified,
    Outcome,
    RequestFulfilled,
    RequestReleased,
    RequestStopped,
    RequestWithdrawn,
    ScopeAnswered,
    StopReason,
    TransferOrdered,
)
from shared.errors import RefusedDecision
from shared.law import Regulation, Right
from tests.runtime_fakes import MemoryVault
from tests.unit.fulfillment.handler_fakes import CASE, around

DAY = date(2026, 11, 25)
STOPPED = RequestStopped(request_id=CASE, reason=StopReason.NOT_ME)
RELEASE = RequestReleased(request_id=CASE)
PLANNED = ErasurePlanned(
    request_id=CASE, plan="plan_1", regulation=Regulation.GDPR, received_on=DAY, approval=False
)
FACTS: Sequence[Fact] = (
    IdentityVerified(
        request_id=CASE,
        right=Right.ACCESS,
        regulation=Regulation.GDPR,
        received_on=DAY,
        assurance=Assurance.MAILBOX,
        reasons=("mailbox",),
    ),
    AliasProven(request_id=CASE, aliases="aliases_1", number=1),
    FeeAgreed(request_id=CASE),
    PLANNED,
    ErasureApproved(request_id=CASE, by="dana.muster"),
    ErasureRetried(request_id=CASE),
    ErasureDue(request_id=CASE, name="erasure_window"),
    DisclosureDue(request_id=CASE, name="disclosure_window_1"),
    ChangePlanned(
        request_id=CASE, right=Right.RECTIFICATION, plan="plan_2", regulation=Regulation.GDPR, received_on=DAY
    ),
    ScopeAnswered(request_id=CASE, silent=True),
    TransferOrdered(request_id=CASE, outcome=Outcome.GRANTED, answer="answer", package="package"),
)


def after(*facts: Fact, known: FulfillmentCase | None = None) -> FulfillmentCase:
    state = known or FulfillmentCase()
    for fact in facts:
        state = evolve(state, fact)
    return state


def test_every_event_that_acts_is_held_and_released() -> None:
    assert HELD == {type(fact) for fact in FACTS} == set(RELEASED)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
async def test_handler_of_a_stopped_request_touches_no_store(fact: Fact) -> None:
    vault = MemoryVault()
    await vault.create(CASE)
    [handler] = [one.handler for one in SUBSCRIPTIONS if one.event is type(fact)]
    known = FulfillmentCase(status=FulfillmentStatus.EXECUTING, stopped=True)
    refused = isinstance(fact, ErasureApproved)  # no erasure waits for it
    with pytest.raises(RefusedDecision) if refused else nullcontext():
        assert await handler(fact, around(known=known, vault=vault)) == []


async def test_release_runs_held_events_once_in_order() -> None:
    ran: list[Fact] = []

    async def act(event: Fact, ctx: FulfillmentContext) -> Sequence[Fact]:
        assert not ctx.known.stopped
        ran.append(event)
        return [PLANNED] if isinstance(event, IdentityVerified) else []

    known = after(STOPPED, FACTS[0], known=FulfillmentCase())
    release = releases(dict.fromkeys(HELD, act))
    assert await release(RELEASE, around(known=known)) == [PLANNED]
    assert ran == [FACTS[0]]
    assert after(RELEASE, known=known).held == ()
    assert await release(RELEASE, around(known=after(RELEASE, known=known))) == []


def test_events_are_held_only_while_stopped() -> None:
    assert after(FACTS[0]).held == ()
    assert after(STOPPED, FACTS[0]).held == (FACTS[0],)
    assert after(STOPPED, STOPPED, FACTS[0]).held == (FACTS[0],), "a second stop loses nothing"


def test_withdrawal_ends_a_plan_that_was_held_and_none_that_has_begun() -> None:
    withdrawn = RequestWithdrawn(request_id=CASE, stopped=True)
    assert after(FACTS[0], PLANNED, STOPPED, PLANNED, withdrawn).status is FulfillmentStatus.WITHDRAWN
    assert after(FACTS[0], PLANNED, PLANNED, STOPPED, withdrawn).status is FulfillmentStatus.EXECUTING
    fulfilled = RequestFulfilled(
        request_id=CASE, right=Right.ERASURE, outcome=Outcome.GRANTED, answer="answer"
    )
    again = PLANNED.model_copy(update={"plan": "plan_9"})
    begun = after(FACTS[0], PLANNED, PLANNED, fulfilled, again, STOPPED, again, withdrawn)
    assert begun.status is FulfillmentStatus.EXECUTING, "what was erased must be certified"


def test_stop_after_the_answer_changes_no_status() -> None:
    fulfilled = RequestFulfilled(
        request_id=CASE, right=Right.ACCESS, outcome=Outcome.GRANTED, answer="answer"
    )
    assert after(FACTS[0], fulfilled, STOPPED).status is FulfillmentStatus.FULFILLED
