"""Of a customer's end users, and of who asks for the same again, the verifier asks and decides nothing."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import structlog

from services.intake.cases.errors import NotPossibleNow
from services.intake.domain import CaseStatus, request_id
from services.verifier.domain import ProofSpent
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    EvidenceDestroyed,
    IdentityChallenged,
    IdentityDecided,
    IdentityRefused,
    IdentityVerified,
    NewCode,
    ProofKind,
    ProofReceived,
    ProofRef,
    ProofRefused,
    RequestSubmitted,
    TimeCame,
)
from tests.unit.fakes import REQUEST_KEY, SOURCE, Office, request

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
CUSTOMER = {"name": "Example Shop", "email": "privacy@shop.example.com"}
CLAIM = {"kind": "data_points", "points": {"customer_no": "K-7741-Q"}}
ASKED = (IdentityChallenged, IdentityRefused, IdentityVerified, ProofRefused)
Elsewhere = Callable[[], Awaitable[tuple[Office, dict[str, Any]]]]


async def of_an_end_user() -> tuple[Office, dict[str, Any]]:
    return Office(), request(role="end_user", controller=CUSTOMER)


async def of_an_end_user_without_named_customer() -> tuple[Office, dict[str, Any]]:
    return Office(), request(role="end_user")


async def of_who_asks_again() -> tuple[Office, dict[str, Any]]:
    office = Office()
    await office.submit(request(reference="r-0"), id_="0")
    return office, request()


elsewhere = pytest.mark.parametrize(
    "made", [of_an_end_user, of_an_end_user_without_named_customer, of_who_asks_again]
)


def asked(office: Office) -> list[object]:
    """Return the verifier's facts of the request."""
    return [fact for kind in ASKED for fact in office.facts(kind) if fact.request_id == CASE]


@elsewhere
@pytest.mark.parametrize("verified", [True, False])
async def test_the_staff_decides_nothing_about_it(made: Elsewhere, verified: bool) -> None:
    office, data = await made()
    await office.submit(data)
    before = (await office.requests.case(CASE)).status
    decided = IdentityDecided(
        request_id=CASE, by="dana.muster", verified=verified, identities=("email",), reason="looked_at"
    )
    with structlog.testing.capture_logs() as said:
        await office.tell(decided, service="console")
    refused = [line["reason"] for line in said if line["event"] == "decision refused"]
    assert refused == ["identity_decided"]
    assert asked(office) == []
    assert (await office.requests.case(CASE)).status is before


@elsewhere
async def test_proof_for_a_request_proven_elsewhere_is_refused(made: Elsewhere) -> None:
    office, data = await made()
    case = await office.requests.lodge(RequestSubmitted.model_validate(data), SOURCE)
    with pytest.raises(NotPossibleNow):
        await office.requests.prove(case, [NewCode(kind="new_code")])
    assert not any(name.startswith("proof_") for name in office.sealed(CASE))


@elsewhere
async def test_proof_that_crosses_a_request_proven_elsewhere_is_destroyed(made: Elsewhere) -> None:
    office, data = await made()
    case = await office.requests.lodge(RequestSubmitted.model_validate(data), SOURCE)
    await office.work()
    await office.vault.seal(case, "proof_late", b"{}")
    late = ProofRef(kind=ProofKind.NEW_CODE, ref="proof_late")
    await office.tell(ProofReceived(request_id=case, proofs=(late,)), service="intake")
    await office.wait(timedelta(seconds=10))
    assert asked(office) == []
    assert ("proof_late",) in [fact.refs for fact in office.facts(EvidenceDestroyed)]
    assert not any(name.startswith(("proof_", "code_")) for name in office.sealed(case))
    assert (await office.requests.case(case)).status not in {CaseStatus.CHALLENGED, CaseStatus.REFUSED}
    assert office.broker.parked("intake") + office.broker.parked("verifier") == []


async def test_a_proof_that_came_along_with_an_end_users_request_is_destroyed() -> None:
    office = Office()
    await office.submit(request(role="end_user", controller=CUSTOMER, proofs=[CLAIM]))
    assert len(office.records(ProofSpent)[0].refs) == 1
    assert office.the(EvidenceDestroyed).refs == office.records(ProofSpent)[0].refs
    assert SUBMISSION in office.sealed(CASE)
    assert not any(name.startswith("proof_") for name in office.sealed(CASE))


@elsewhere
async def test_request_neither_lapses_nor_is_reminded_of(made: Elsewhere) -> None:
    office, data = await made()
    await office.submit(data)
    assert not any(case == CASE for case, _ in office.timers.moments)
    for moment in ("proof_reminder", "proof_lapse"):
        await office.tell(TimeCame(request_id=CASE, name=moment), service="verifier")
    assert asked(office) == []
