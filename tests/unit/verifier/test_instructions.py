"""What a controller instructs is verified at once: it has found out who asks, and answers for it."""

import pytest

from services.intake.domain import Instruction
from services.verifier.assurance.levels import Sensitivity, Situation, provision_of, required
from shared.contract.events import (
    Assurance,
    IdentityChallenged,
    IdentityVerified,
    Requester,
    RequestReceived,
    RequestSubmitted,
)
from shared.contract.sources import ChannelSource, channel_source
from shared.law import PROOFLESS, Regulation, Right
from tests.unit.fakes import Office, law_of, request

SHOP = channel_source(ChannelSource.OPENDSR, "shop")


@pytest.mark.parametrize("regulation", [Regulation.GDPR, Regulation.CCPA])
@pytest.mark.parametrize("right", sorted(set(Right) - PROOFLESS))
def test_a_controller_is_asked_for_nothing(right: Right, regulation: Regulation) -> None:
    needed = required(
        Situation(right, law_of(regulation), Sensitivity.HIGH, Requester.CONTROLLER, reachable=False)
    )
    assert needed.level is Assurance.VOUCHED
    assert needed.reached(frozenset()) is not None
    assert needed.grounds == ("controller_instructs",)
    assert provision_of("controller_instructs", law_of(regulation))


async def test_stating_to_be_a_controller_makes_none() -> None:
    office = Office()
    said = request(role="end_user", subject={"identifiers": {"email": "a@example.org"}})
    await office.submit(said)
    assert office.the(RequestReceived).goes_to_customer
    assert office.facts(IdentityVerified) == []
    assert office.facts(IdentityChallenged) == []
    await office.submit(request(reference="r-2", instructed=True), id_="2")
    assert len(office.facts(RequestReceived)) == 1


async def test_instruction_unchecked_by_a_channel_is_none() -> None:
    office = Office()
    asked = RequestSubmitted.model_validate(request(role="end_user"))
    await office.requests.lodge(asked, SHOP)
    await office.work()
    assert office.facts(IdentityVerified) == []
    again = asked.model_copy(update={"reference": "r-2"})
    await office.requests.lodge(again, SHOP, instruction=Instruction())
    await office.work()
    assert office.the(IdentityVerified).reasons == ("vouched",)
    assert not office.the(IdentityVerified).at_once


async def test_instruction_at_once_is_verified_like_any_other() -> None:
    offices = [Office(), Office()]
    for office, at_once in zip(offices, (False, True), strict=True):
        asked = RequestSubmitted.model_validate(request(role="end_user"))
        await office.requests.lodge(asked, SHOP, instruction=Instruction(at_once=at_once))
        await office.work()
    usual, quick = (office.the(IdentityVerified) for office in offices)
    assert quick.at_once
    assert quick.model_copy(update={"at_once": False, "request_id": usual.request_id}) == usual


@pytest.mark.parametrize("right", ["erasure", "access"])
async def test_submission_cannot_skip_the_window(right: str) -> None:
    office = Office(trusted={"shop"})
    await office.submit(request(right=right, at_once=True, instructed=True))
    assert not any(one.at_once for one in office.facts(RequestReceived))
