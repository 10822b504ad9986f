"""A withdrawn consent proposes an erasure; staff record what the person answers by telephone or post."""

import pytest

from services.intake.domain import request_id
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    DecisionRefused,
    ErasureProposalDecided,
    OfflineManner,
    Outcome,
    RequestFulfilled,
    RequestReceived,
    RequestRenewed,
    RequestSubmitted,
)
from shared.law import Right
from tests.unit.fakes import REQUEST_KEY, SOURCE, Office, request

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
ACCEPTED = ErasureProposalDecided(request_id=CASE, by="anna", accepted=True, manner=OfflineManner.TELEPHONE)


async def withdrawn(*, erasable: bool = True) -> Office:
    """Return an office in which a consent was withdrawn, on which data rested alone if *erasable*."""
    office = Office()
    await office.submit(request(right="consent_withdrawal"))
    right, outcome = Right.CONSENT_WITHDRAWAL, Outcome.GRANTED
    await office.tell(
        RequestFulfilled(request_id=CASE, right=right, outcome=outcome, answer="answer_1", erasable=erasable)
    )
    return office


async def test_accepted_proposal_registers_an_erasure_of_what_rested_on_consent() -> None:
    office = await withdrawn()
    await office.tell(ACCEPTED, service="intake")
    renewed = office.the(RequestRenewed)
    [erasure] = [one for one in office.facts(RequestReceived) if one.request_id == renewed.request_id]
    assert (erasure.right, erasure.follows, erasure.source) == (Right.ERASURE, CASE, "habeas/telephone")
    submitted = RequestSubmitted.model_validate_json(office.sealed(renewed.request_id)[SUBMISSION])
    assert submitted.details.scope == ("consent",)
    assert not (await office.requests.case(CASE)).proposes_erasure
    await office.tell(ACCEPTED.model_copy(update={"by": "bert"}), service="intake")
    assert office.the(DecisionRefused).reason == "no_proposal"
    assert len(office.facts(RequestRenewed)) == 1


async def test_declined_proposal_is_recorded_and_registers_nothing() -> None:
    office = await withdrawn()
    assert (await office.requests.case(CASE)).proposes_erasure
    assert any(name.startswith("erasure_proposed") for _, name in office.deadlines.moments)
    await office.tell(ACCEPTED.model_copy(update={"accepted": False}), service="intake")
    assert not office.facts(RequestRenewed)
    assert not (await office.requests.case(CASE)).proposes_erasure


@pytest.mark.parametrize("erasable", [False])
async def test_withdrawal_without_data_on_consent_alone_proposes_nothing(*, erasable: bool) -> None:
    office = await withdrawn(erasable=erasable)
    await office.tell(ACCEPTED, service="intake")
    assert office.the(DecisionRefused).reason == "no_proposal"
