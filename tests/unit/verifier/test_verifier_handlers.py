from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import reduce
from typing import Any

import pytest

from services.intake.domain import request_id
from services.verifier.context import AssuranceRules, VerifierContext
from services.verifier.domain import CodeIssued, Verification, evolve
from services.verifier.handlers import LAPSE, assess, weigh
from shared.contract.codes import LIFETIME, MOST_ISSUED, TRIES, digest_of
from shared.contract.events import (
    Assurance,
    Fact,
    IdentityChallenged,
    IdentityClaimed,
    IdentityCompared,
    IdentityRefused,
    IdentityVerified,
    ProofKind,
    ProofReceived,
    ProofRef,
    ProofRefused,
    RequestReceived,
)
from tests.unit.fakes import NOW, PERSON, PRACTICE, REQUEST_KEY, SOURCE, VERIFIER_KEY, Office, request, wrong

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
NEW_CODE = {"kind": "new_code"}
UNREACHABLE = {"name": PERSON["name"], "identifiers": PERSON["identifiers"]}
CLAIM = {"kind": "data_points", "points": {"customer_no": "K-7741-Q", "city": "Berlin", "plan": "L"}}


def code(digits: str) -> dict[str, str]:
    return {"kind": "email_code", "code": digits}


async def opened(**changes: Any) -> Office:
    """Return an office with a request that waits for proof."""
    office = Office()
    await office.submit(request(**changes))
    return office


async def compared(office: Office, agreed: int, claimed: int = 3) -> None:
    await office.compare(
        IdentityCompared(request_id=CASE, agreed=agreed, claimed=claimed, groups=agreed, private=True)
    )


def reasons(office: Office) -> list[str]:
    return [fact.reason for fact in office.facts(ProofRefused)]


def decided(office: Office) -> bool:
    return bool(office.facts(IdentityVerified) or office.facts(IdentityRefused))


# --- believing ----------------------------------------------------------------------------------------


async def test_trusted_system_vouches_and_no_proof_is_requested() -> None:
    office = Office(trusted={SOURCE})
    await office.submit(request())
    assert office.the(IdentityVerified).assurance is Assurance.VOUCHED
    assert office.facts(IdentityChallenged) == []


@pytest.mark.parametrize("right", ["opt_out_of_sale", "limit_sensitive_use", "consent_withdrawal"])
async def test_request_for_less_use_needs_no_proof_and_no_mailbox(right: str) -> None:
    office = await opened(right=right, subject={"name": "Ottilie Quastenflosser"})
    assert office.the(IdentityVerified).assurance is Assurance.NONE_NEEDED


async def test_an_objection_to_direct_marketing_is_heeded_without_proof() -> None:
    """GDPR Art. 21(2)-(3)."""
    office = await opened(right="objection", details={"scope": ["direct_marketing"]})
    assert office.the(IdentityVerified).assurance is Assurance.NONE_NEEDED
    assert office.facts(IdentityChallenged) == []


@pytest.mark.parametrize("scope", [[], ["direct_marketing", "profiling"], ["profiling"]], ids=len)
async def test_an_objection_to_more_than_direct_marketing_needs_proof(scope: list[str]) -> None:
    office = await opened(right="objection", details={"scope": scope})
    assert office.facts(IdentityVerified) == []
    assert office.the(IdentityChallenged)


async def test_nothing_but_an_objection_hides_behind_direct_marketing() -> None:
    office = await opened(right="access", details={"scope": ["direct_marketing"]})
    assert office.facts(IdentityVerified) == []


async def test_without_a_mailbox_knowledge_or_documents_are_requested() -> None:
    office = await opened(subject={"name": "Ottilie Quastenflosser"})
    challenged = office.the(IdentityChallenged)
    assert (challenged.kind, challenged.ref) == (None, None)
    assert challenged.wanted == (("three_points",), ("identity_document", "address_document"))
    assert not decided(office)


# --- the code -----------------------------------------------------------------------------------------


async def test_an_unknown_requester_is_asked_for_a_code() -> None:
    office = await opened()
    challenge = office.the(IdentityChallenged)
    assert (challenge.kind, challenge.ref) == (ProofKind.EMAIL_CODE, "code_0")
    assert challenge.expires_at == NOW + LIFETIME
    assert not decided(office)


async def test_the_right_code_proves_the_mailbox() -> None:
    office = await opened()
    await office.offer(code(office.code_of(CASE, "code_0")), id_="p")
    assert office.the(IdentityVerified).assurance is Assurance.MAILBOX


async def test_five_wrong_codes_make_the_right_one_worthless() -> None:
    office = await opened()
    right = office.code_of(CASE, "code_0")
    for n in range(TRIES):
        await office.offer(code(wrong(right)), id_=f"p{n}")
    await office.offer(code(right), id_="right")
    assert [fact.tries_left for fact in office.facts(ProofRefused)] == [4, 3, 2, 1, 0, 0]
    assert reasons(office) == ["wrong_code"] * TRIES + ["too_many_attempts"]
    assert not decided(office)


async def test_five_wrong_codes_in_one_message_are_five_tries() -> None:
    office = await opened()
    right = office.code_of(CASE, "code_0")
    await office.offer(*[code(wrong(right))] * TRIES, code(right), id_="p")
    assert reasons(office) == ["wrong_code"] * TRIES + ["too_many_attempts"]
    assert not decided(office)


@pytest.mark.parametrize(
    ("late", "verified"),
    [
        pytest.param(LIFETIME - timedelta(milliseconds=1), True, id="at the last moment"),
        pytest.param(LIFETIME, False, id="at its very instant"),
    ],
)
async def test_a_code_expires_at_its_instant(late: timedelta, verified: bool) -> None:
    office = await opened()
    office.clock.move(late)
    await office.offer(code(office.code_of(CASE, "code_0")), id_="p")
    assert bool(office.facts(IdentityVerified)) is verified
    assert reasons(office) == ([] if verified else ["code_expired"])


async def test_an_expired_code_costs_no_try() -> None:
    office = await opened()
    office.clock.move(LIFETIME)
    await office.offer(code(office.code_of(CASE, "code_0")), id_="p")
    assert office.the(ProofRefused).spends_code is False


async def test_a_new_code_makes_the_old_one_worthless() -> None:
    office = await opened()
    old = office.code_of(CASE, "code_0")
    await office.offer(NEW_CODE, id_="n")
    new = office.code_of(CASE, "code_1")
    if old != new:
        await office.offer(code(old), id_="old")
        assert reasons(office) == ["wrong_code"]
    await office.offer(code(new), id_="new")
    assert office.facts(IdentityVerified)


async def test_codes_run_out_and_with_them_the_tries() -> None:
    office = await opened()
    for n in range(MOST_ISSUED - 1):
        await office.offer(NEW_CODE, id_=f"n{n}")
    assert not decided(office)
    await office.offer(NEW_CODE, id_="one too many")
    assert office.the(IdentityRefused).reasons == ("too_many_attempts",)
    assert len(office.facts(IdentityChallenged)) == MOST_ISSUED


@pytest.mark.slow
async def test_a_guesser_has_no_more_than_five_tries_at_three_codes() -> None:
    office = await opened()
    tries = 0
    for n in range(MOST_ISSUED):
        while not decided(office):
            await office.offer(code(wrong(office.code_of(CASE, f"code_{n}"))), id_=f"p{tries}")
            tries += 1
            if tries % TRIES == 0:
                break
        if not decided(office):
            await office.offer(NEW_CODE, id_=f"n{n}")
    assert tries == MOST_ISSUED * TRIES
    assert office.the(IdentityRefused).reasons == ("too_many_attempts",)


async def test_the_last_code_expired_leaves_nothing_to_wait_for() -> None:
    office = await opened()
    for n in range(MOST_ISSUED - 1):
        await office.offer(NEW_CODE, id_=f"n{n}")
    office.clock.move(LIFETIME)
    await office.offer(code(office.code_of(CASE, f"code_{MOST_ISSUED - 1}")), id_="p")
    assert office.the(IdentityRefused).reasons == ("too_many_attempts",)


async def test_journal_keeps_no_code_in_clear() -> None:
    office, other = await opened(), Office()
    await other.submit(request(reference="r-2"))
    (mine,), (theirs,) = (
        [f for row in o.journals["verifier"].rows.values() for f in row.facts if isinstance(f, CodeIssued)]
        for o in (office, other)
    )
    digits = office.code_of(CASE, "code_0")
    assert digits != mine.digest
    assert len(mine.digest) == 64
    assert theirs.digest != digest_of(digits, key=VERIFIER_KEY, ref=f"{CASE}/code_0")
    assert mine.digest == digest_of(digits, key=VERIFIER_KEY, ref=f"{CASE}/code_0")
    assert mine.digest != digest_of(digits, key=VERIFIER_KEY, ref=f"{theirs.request_id}/code_0")


def context(office: Office, known: Verification) -> VerifierContext:
    return VerifierContext(
        case_id=CASE,
        event_id="e" * 32,
        known=known,
        now=NOW,
        vault=office.vault,
        timers=office.timers,
        allowances=office.allowances,
        key=VERIFIER_KEY,
        practice=AssuranceRules(clock=PRACTICE),
    )


async def test_after_a_crash_between_seal_and_row_the_same_code_counts() -> None:
    office = await opened()
    await office.vault.discard(CASE, ["code_0"])  # as if nothing had been handled yet
    event = office.the(RequestReceived)
    first = await assess(event, context(office, Verification()))
    kept = office.code_of(CASE, "code_0")
    second = await assess(event, context(office, Verification()))
    assert list(first) == list(second)
    assert office.code_of(CASE, "code_0") == kept


async def test_after_a_crash_a_new_code_is_the_one_that_was_kept() -> None:
    office = await opened()
    event = office.the(RequestReceived)
    known = reduce(
        evolve, await assess(event, context(office, Verification())), evolve(Verification(), event)
    )
    wish = ProofReceived(request_id=CASE, proofs=(ProofRef(kind=ProofKind.NEW_CODE, ref="proof_1"),))
    first = await weigh(wish, context(office, known))
    later = replace(context(office, known), now=NOW + timedelta(seconds=7))
    second = await weigh(wish, later)
    assert digests(first) == digests(second)
    assert len(digests(first)) == 1


def digests(facts: Sequence[Fact]) -> list[str]:
    return [fact.digest for fact in facts if isinstance(fact, CodeIssued)]


# --- data points --------------------------------------------------------------------------------------


async def test_claims_that_came_along_are_compared_before_proof_is_requested() -> None:
    office = await opened(subject=UNREACHABLE, proofs=[CLAIM])
    assert office.the(IdentityClaimed).proofs == office.the(RequestReceived).proofs
    assert office.facts(IdentityChallenged) == []


async def test_claims_that_agree_prove_enough_to_correct() -> None:
    office = await opened(right="rectification", subject=UNREACHABLE, proofs=[CLAIM])
    await compared(office, 3)
    assert office.the(IdentityVerified).assurance is Assurance.REASONABLE


async def test_claims_that_do_not_agree_lead_to_a_code_which_still_proves_the_mailbox() -> None:
    office = await opened(proofs=[CLAIM])
    await compared(office, 2)
    assert not decided(office)
    await office.offer(code(office.code_of(CASE, "code_0")), id_="p")
    assert office.the(IdentityVerified).assurance is Assurance.MAILBOX


@pytest.mark.parametrize("agreed", [0, 1, 2])
async def test_how_many_claims_agree_is_never_said(agreed: int) -> None:
    office = await opened(subject=UNREACHABLE)
    await office.offer(CLAIM, id_="c")
    await compared(office, agreed)
    refused = office.the(ProofRefused)
    assert refused.model_dump(exclude={"request_id"}) == {
        "reason": "details_do_not_match",
        "tries_left": 2,
        "spends_code": False,
    }


@pytest.mark.slow
async def test_three_claims_may_be_made() -> None:
    office = await opened(subject=UNREACHABLE)
    for n in range(3):
        assert not decided(office)
        await office.offer(CLAIM, id_=f"c{n}")
        await compared(office, 0)
    assert office.the(IdentityRefused).reasons == ("details_do_not_match",)


async def test_a_claim_too_many_does_not_spoil_one_that_is_still_compared() -> None:
    office = await opened(right="rectification", subject=UNREACHABLE)
    await office.offer(CLAIM, CLAIM, CLAIM, CLAIM, id_="c")
    assert len(office.facts(IdentityClaimed)) == 3
    await compared(office, 0)
    await compared(office, 1)
    assert not decided(office)
    await compared(office, 3)
    assert office.the(IdentityVerified).assurance is Assurance.REASONABLE


async def test_a_comparison_after_the_decision_changes_nothing() -> None:
    office = await opened()
    await office.offer(CLAIM, id_="c")
    await office.offer(code(office.code_of(CASE, "code_0")), id_="p")
    await compared(office, 0)
    assert len(office.facts(IdentityVerified)) == 1
    assert office.facts(IdentityRefused) == []
    assert office.broker.parked("verifier") == []


async def test_california_asks_for_a_code_however_many_claims_agree() -> None:
    office = await opened(residence={"country": "US", "subdivision": "CA"}, proofs=[CLAIM])
    await compared(office, 3)
    assert not decided(office)
    assert office.facts(IdentityChallenged)


# --- California: kinds of data instead of the data ------------------------------------------------------

CALIFORNIA = {"country": "US", "subdivision": "CA"}


@pytest.mark.slow
async def test_proof_too_weak_for_the_data_discloses_its_kinds() -> None:
    """11 CCR § 7024(a)."""
    office = await opened(residence=CALIFORNIA, proofs=[CLAIM])
    await office.compare(
        IdentityCompared(
            request_id=CASE, agreed=3, claimed=3, groups=3, private=True, identities=("customer_no",)
        )
    )
    for number in range(MOST_ISSUED):
        if number:
            await office.offer(NEW_CODE, id_=f"new {number}")
        right = office.code_of(CASE, f"code_{number}")
        for attempt in range(TRIES):
            await office.offer(code(wrong(right)), id_=f"{number} {attempt}")
    verified = office.the(IdentityVerified)
    assert (verified.assurance, verified.proven) == (Assurance.REASONABLE, ("customer_no",))
    assert office.facts(IdentityRefused) == []


async def test_without_a_mailbox_the_claims_that_agree_are_enough_for_the_kinds_of_data() -> None:
    subject = {"name": "Ottilie Quastenflosser"}
    office = await opened(residence=CALIFORNIA, subject=subject, proofs=[CLAIM])
    await compared(office, agreed=3)
    assert office.the(IdentityChallenged).wanted[0] == ("declaration",)
    await office.fire(LAPSE, CASE)
    assert office.the(IdentityVerified).assurance is Assurance.REASONABLE


@pytest.mark.parametrize(("agreed", "claimed"), [(2, 3), (1, 1), (0, 3)])
async def test_claims_that_leave_a_doubt_are_not_even_enough_for_the_kinds_of_data(
    agreed: int, claimed: int
) -> None:
    subject = {"name": "Ottilie Quastenflosser"}
    office = await opened(residence=CALIFORNIA, subject=subject, proofs=[CLAIM])
    await compared(office, agreed, claimed)
    assert not decided(office)
    await office.fire(LAPSE, CASE)
    assert office.facts(IdentityVerified) == []
    assert office.the(IdentityRefused).reasons == ("not_proven_in_time",)


async def test_in_europe_there_is_no_such_half_way() -> None:
    subject = {"name": "Ottilie Quastenflosser"}
    office = await opened(subject=subject, proofs=[CLAIM])
    await compared(office, agreed=2, claimed=2)
    assert office.facts(IdentityVerified) == []
