"""A request that has ended is taken up again, once, as a new one that follows it."""

from datetime import timedelta

import pytest

from services.intake.domain import request_id
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    DecisionRefused,
    Fact,
    IdentityChallenged,
    IdentityRefused,
    IdentityReviewNeeded,
    ReopeningDecided,
    ReopeningReason,
    RequestReceived,
    RequestRenewed,
    RequestWithdrawn,
)
from tests.unit.fakes import NOW, REQUEST_KEY, SOURCE, Office, request

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
REOPENED = ReopeningDecided(request_id=CASE, by="omar.sample", reason=ReopeningReason.NEW_FACTS)
REFUSED = IdentityRefused(request_id=CASE, reasons=("forged",))


async def ended(*facts: Fact, **changes: object) -> Office:
    office = Office()
    await office.submit(request(**changes))
    for fact in facts:
        await office.requests.record(CASE, fact)
    return office


@pytest.mark.parametrize("fact", [REFUSED, RequestWithdrawn(request_id=CASE)], ids=["refused", "withdrawn"])
async def test_reopened_request_is_a_new_one_with_the_same_submission_and_a_fresh_clock(fact: Fact) -> None:
    office = await ended(fact)
    await office.tell(REOPENED, service="intake")
    first, second = office.facts(RequestReceived)
    assert (second.follows, second.right, second.source) == (CASE, first.right, "habeas/reopened")
    assert second.received_at >= NOW
    sealed = office.sealed(second.request_id)[SUBMISSION]
    assert sealed == office.sealed(CASE)[SUBMISSION]


async def test_request_is_taken_up_again_only_once() -> None:
    office = await ended(REFUSED)
    await office.tell(REOPENED, service="intake")
    await office.tell(REOPENED.model_copy(update={"by": "dana.muster"}), service="intake")
    assert office.the(DecisionRefused).reason == "reopened_before"
    assert len(office.facts(RequestRenewed)) == 1


async def test_open_request_is_not_taken_up_again() -> None:
    office = await ended()
    await office.tell(REOPENED, service="intake")
    assert office.the(DecisionRefused).reason == "not_ended"


async def test_request_with_an_open_appeal_is_not_taken_up_again() -> None:
    office = await ended(REFUSED, residence={"country": "DE"})
    await office.requests.appeal(CASE, "I disagree")
    await office.tell(REOPENED, service="intake")
    assert office.the(DecisionRefused).reason == "appeal_open"


async def test_proof_is_no_longer_in_review_once_the_staff_asks_for_another() -> None:
    office = await ended(IdentityReviewNeeded(request_id=CASE, reasons=("unclear",)))
    again = IdentityChallenged(request_id=CASE, expires_at=NOW, refused_for="document_unreadable")
    await office.tell(again, service="verifier")
    assert (await office.requests.case(CASE)).in_review
    office.clock.move(timedelta(minutes=1))
    await office.tell(again.model_copy(update={"renewed": True}), service="verifier")
    assert not (await office.requests.case(CASE)).in_review
