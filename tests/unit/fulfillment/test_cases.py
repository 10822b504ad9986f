"""What fulfillment still does, and what not, when a request is withdrawn."""

from datetime import date
from functools import reduce

import pytest

from services.fulfillment.cases import Fulfilment, Status, evolve
from shared.errors import IllegalTransition
from shared.events import ErasurePlanned, Fact, Outcome, RequestFulfilled, RequestWithdrawn
from shared.law import Regulation, Right

CASE = "a" * 32
PLANNED = ErasurePlanned(
    identities=("email",),
    request_id=CASE,
    plan="plan_0",
    regulation=Regulation.GDPR,
    received_on=date(2026, 11, 25),
)
ERASED = RequestFulfilled(answer="answer", request_id=CASE, right=Right.ERASURE, outcome=Outcome.GRANTED)
WITHDRAWN = RequestWithdrawn(request_id=CASE)


def after(*facts: Fact) -> Status:
    return reduce(evolve, facts, Fulfilment()).status


def test_nothing_is_done_for_a_request_that_was_withdrawn_before_anything_was_planned() -> None:
    assert after(WITHDRAWN) is Status.WITHDRAWN
    with pytest.raises(IllegalTransition):
        after(WITHDRAWN, ERASED)


def test_an_erasure_that_may_have_begun_is_finished_and_told_though_the_request_is_withdrawn() -> None:
    assert after(PLANNED, WITHDRAWN) is Status.PLANNED
    assert after(PLANNED, WITHDRAWN, ERASED) is Status.FULFILLED
