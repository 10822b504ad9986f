from typing import Any

import pytest

from services.intake.domain import request_id
from services.verifier.domain import ProofSpent
from services.verifier.handlers import LAPSE
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    DecisionRefused,
    EvidenceAsked,
    EvidenceDestroyed,
    EvidenceShown,
    IdentityCompared,
    IdentityDecided,
    IdentityVerified,
    ProofKind,
    ProofReceived,
    ProofRef,
)
from tests.unit.fakes import REQUEST_KEY, SOURCE, Office, request, submission, wrong

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
NEW_CODE = {"kind": "new_code"}
CLAIM = {"kind": "data_points", "points": {"customer_no": "K-7741-Q", "city": "Berlin", "plan": "L"}}


def code(digits: str) -> dict[str, str]:
    return {"kind": "email_code", "code": digits}


async def opened(**changes: Any) -> Office:
    """Return an office with a request that waits for proof."""
    office = Office()
    await office.submit(request(**changes))
    return office


async def compared(office: Office, agreed: int, claimed: int = 3) -> None:
    await office.compare(IdentityCompared(request_id=CASE, agreed=agreed, claimed=claimed))


# --- destroying ---------------------------------------------------------------------------------------


def spent(office: Office) -> list[str]:
    return [ref for fact in office.records(ProofSpent) for ref in fact.refs]


@pytest.mark.parametrize("how", ["verified", "refused", "withdrawn"])
async def test_at_the_decision_all_evidence_is_destroyed_and_the_request_is_kept(how: str) -> None:
    office = await opened(proofs=[CLAIM])
    await compared(office, 0)
    right = office.code_of(CASE, "code_0")
    await office.offer(code(wrong(right)), id_="wrong")
    assert len(office.sealed(CASE)) == 4
    if how == "verified":
        await office.offer(code(right), id_="right")
    elif how == "refused":
        await office.offer(NEW_CODE, NEW_CODE, NEW_CODE, id_="many")
    else:
        await office.broker.publish([submission("request.withdrawn", {"reference": "r-1"}, id_="w")])
        await office.work()
    assert set(office.sealed(CASE)) == {SUBMISSION}
    assert len(spent(office)) == len(set(spent(office)))
    assert len(office.records(ProofSpent)) == 1


async def test_nothing_is_destroyed_before_the_decision() -> None:
    office = await opened(proofs=[CLAIM])
    await compared(office, 0)
    await office.offer(code(wrong(office.code_of(CASE, "code_0"))), id_="p")
    assert office.records(ProofSpent) == []


async def test_a_proof_that_arrives_after_the_decision_is_destroyed_alone() -> None:
    office = await opened()
    await office.offer(code(office.code_of(CASE, "code_0")), id_="p")
    before = spent(office)
    await office.vault.seal(CASE, "proof_late", b"{}")
    late = ProofRef(kind=ProofKind.EMAIL_CODE, ref="proof_late")
    await office.tell(ProofReceived(request_id=CASE, proofs=(late,)), service="intake")
    assert spent(office) == [*before, "proof_late"]
    assert set(office.sealed(CASE)) == {SUBMISSION}


async def test_request_without_proofs_has_nothing_to_destroy() -> None:
    office = Office(trusted={SOURCE})
    await office.submit(request())
    assert [*office.records(ProofSpent), *office.facts(EvidenceDestroyed)] == []


@pytest.mark.parametrize("how", ["lapsed", "refused by staff", "withdrawn"])
async def test_unannounced_proof_is_destroyed_where_no_other_came(how: str) -> None:
    """The broker was away when it was sealed."""
    office = Office()
    await office.vault.create(CASE)
    await office.vault.seal(CASE, "proof_orphan", b"a picture")
    await office.submit(request(subject={"name": "Ottilie Quastenflosser"}))
    if how == "lapsed":
        await office.fire(LAPSE, CASE)
    elif how == "refused by staff":
        no = IdentityDecided(request_id=CASE, verified=False, by="dana.muster", reason="looked_at")
        await office.tell(no, service="console")
    elif how == "withdrawn":
        await office.broker.publish([submission("request.withdrawn", {"reference": "r-1"}, id_="w")])
        await office.work()
    assert office.records(ProofSpent)[0].refs == ()
    assert office.facts(EvidenceDestroyed) == []
    assert set(office.sealed(CASE)) == {SUBMISSION}


async def test_withdrawal_after_the_decision_destroys_unannounced_proofs() -> None:
    office = Office(trusted={SOURCE})
    await office.submit(request())
    await office.vault.seal(CASE, "proof_orphan", b"a picture")
    await office.broker.publish([submission("request.withdrawn", {"reference": "r-1"}, id_="w")])
    await office.work()
    assert set(office.sealed(CASE)) == {SUBMISSION}


async def test_proof_sealed_after_the_decision_and_never_announced_is_destroyed_at_the_end_of_the_wait() -> (
    None
):
    """Intake was killed between the upload and its announcement."""
    office = await opened()
    await office.offer(code(office.code_of(CASE, "code_0")), id_="p")
    await office.vault.seal(CASE, "proof_orphan", b"a picture")
    await office.fire(LAPSE, CASE)
    assert set(office.sealed(CASE)) == {SUBMISSION}


async def test_a_withdrawal_that_crosses_the_decision_destroys_nothing_twice() -> None:
    office = await opened()
    messages = [
        submission("request.withdrawn", {"reference": "r-1"}, id_="w"),
        submission(
            "proof.submitted",
            {"reference": "r-1", "proofs": [code(office.code_of(CASE, "code_0"))]},
            id_="p",
        ),
    ]
    await office.broker.publish(list(reversed(messages)))
    await office.work()
    assert office.facts(IdentityVerified)
    assert len(spent(office)) == len(set(spent(office)))
    assert set(office.sealed(CASE)) == {SUBMISSION}
    assert office.broker.parked("intake") + office.broker.parked("verifier") == []


async def test_a_proof_before_its_request_waits() -> None:
    office = Office()
    late = ProofRef(kind=ProofKind.EMAIL_CODE, ref="proof_early")
    await office.tell(ProofReceived(request_id=CASE, proofs=(late,)), service="intake")
    assert len(office.broker.waiting()) == 1
    assert office.broker.parked("verifier") == []


# --- showing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("against", [None, "code_wrong"])
async def test_look_at_proofs_is_on_record_or_the_reason_against_it(against: str | None) -> None:
    office = await opened()
    office.staff.against = against
    look: Any = {"request_id": CASE, "by": "dana.muster", "reason": "review", "refs": ("proof_1",)}
    await office.tell(EvidenceAsked(**look), service="console")
    assert office.facts(EvidenceShown) == ([] if against else [EvidenceShown(**look)])
    assert [fact.reason for fact in office.facts(DecisionRefused)] == ([against] if against else [])
