"""Only California's DROP itself asks without proof: the source cannot be forged."""

import pytest

from shared.contract.drop import SOURCE
from shared.contract.events import (
    IdentityVerified,
    RequestReceived,
    RequestRejected,
    RequestSubmitted,
    Residence,
    Subject,
)
from shared.law import Regulation, Right
from tests.unit.fakes import SOURCE as SHOP
from tests.unit.fakes import Office, request


def of_the_state(right: Right) -> RequestSubmitted:
    return RequestSubmitted(
        reference="batch/id/0",
        right=right,
        subject=Subject(identifiers={"email": "anna@example.org"}),
        residence=Residence(country="US", subdivision="CA"),
        regulation=Regulation.CCPA,
    )


@pytest.mark.parametrize("right", [Right.ERASURE, Right.OPT_OUT_OF_SALE])
async def test_requests_of_the_state_need_no_proof(right: Right) -> None:
    office = Office()
    await office.requests.lodge(of_the_state(right), SOURCE)
    await office.work()
    verified = office.the(IdentityVerified)
    assert (verified.right, verified.regulation, verified.proven) == (right, Regulation.CCPA, None)


async def test_the_same_request_of_another_source_waits() -> None:
    office = Office()
    await office.requests.lodge(of_the_state(Right.ERASURE), SHOP)
    await office.work()
    assert not office.facts(IdentityVerified)


async def test_a_published_request_cannot_claim_to_be_from_the_state() -> None:
    office = Office()
    await office.submit(request(right="erasure"), source=SOURCE)
    assert office.the(RequestRejected).errors[0].path == "source"
    assert not office.facts(RequestReceived)
