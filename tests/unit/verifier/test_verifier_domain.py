from collections.abc import Sequence
from datetime import date, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verifier.domain import (
    TRANSITIONS,
    Assessed,
    AssessedWay,
    CodeIssued,
    EvidenceGained,
    ProofSpent,
    ReviewEnded,
    StaffAgreed,
    Verification,
    VerificationStatus,
    completed,
    evolve,
)
from services.verifier.handlers import SUBSCRIPTIONS
from shared.contract.codes import TRIES
from shared.contract.events import (
    Assurance,
    ContentOpened,
    Evidence,
    EvidenceAsked,
    EvidenceDestroyed,
    EvidenceShown,
    Fact,
    IdentityAssessed,
    IdentityChallenged,
    IdentityClaimed,
    IdentityCompared,
    IdentityDecided,
    IdentityRefused,
    IdentityReminded,
    IdentityReviewNeeded,
    IdentityVerified,
    PreviewAsked,
    PreviewDrafted,
    ProofAskedAgain,
    ProofExamined,
    ProofKind,
    ProofPresented,
    ProofReceived,
    ProofRef,
    ProofRefused,
    ProofSlot,
    ReferralDecided,
    RequestClosed,
    RequestDuplicated,
    RequestLapsed,
    RequestPaused,
    RequestPurged,
    RequestReceived,
    RequestReleased,
    RequestResumed,
    RequestStopped,
    RequestWithdrawn,
    StopReason,
    TimeCame,
    TokenPresented,
    Verdict,
)
from shared.errors import IllegalTransition, TooEarly
from shared.law import Regulation, Right
from tests.unit.fakes import NOW, SOURCE

CASE = "c" * 32


def received(
    right: Right = Right.ACCESS,
    regulation: Regulation = Regulation.GDPR,
    source: str = SOURCE,
    proofs: tuple[ProofRef, ...] = (),
) -> RequestReceived:
    return RequestReceived(
        request_id=CASE,
        right=right,
        regulation=regulation,
        policy="gdpr@2018-05-25",
        source=source,
        received_at=NOW,
        received_on=date(2026, 3, 5),
        due_on=date(2026, 4, 7),
        internal_due_on=date(2026, 4, 2),
        proofs=proofs,
    )


RECEIVED = received()
PROOF = ProofRef(kind=ProofKind.EMAIL_CODE, ref="proof_1")
OFFERED = ProofReceived(request_id=CASE, proofs=(PROOF,))
ISSUED = CodeIssued(request_id=CASE, ref="code_0", digest="d" * 64, expires_at=NOW + timedelta(minutes=30))
WRONG = ProofRefused(request_id=CASE, reason="wrong_code", tries_left=4)
VERIFIED = IdentityVerified(
    request_id=CASE,
    right=Right.ACCESS,
    regulation=Regulation.GDPR,
    received_on=date(2026, 3, 5),
    assurance=Assurance.MAILBOX,
    reasons=("mailbox",),
)
EXAMPLES: dict[type[Fact], Fact] = {
    type(fact): fact
    for fact in [
        RECEIVED,
        OFFERED,
        ISSUED,
        WRONG,
        VERIFIED,
        IdentityChallenged(request_id=CASE, kind=ProofKind.EMAIL_CODE, ref="code_0", expires_at=NOW),
        Assessed(request_id=CASE, level=Assurance.MAILBOX, ways=(), grounds=(), lapses_at=NOW),
        EvidenceGained(request_id=CASE, evidence=Evidence.TWO_POINTS),
        EvidenceDestroyed(request_id=CASE, refs=()),
        RequestPurged(request_id=CASE),
        EvidenceAsked(request_id=CASE, by="dana", reason="review", refs=(), code="287082"),
        EvidenceShown(request_id=CASE, by="dana", reason="review", refs=()),
        ContentOpened(request_id=CASE, by="dana", item="everything", reason="review"),
        StaffAgreed(request_id=CASE, identities=("email",), reason="looked_at", deciders=("dana",)),
        IdentityDecided(request_id=CASE, verified=True, by="dana", reason="seen"),
        IdentityAssessed(request_id=CASE),
        IdentityReminded(request_id=CASE, expires_at=NOW, wanted=()),
        IdentityReviewNeeded(request_id=CASE, reasons=("unclear",)),
        ProofAskedAgain(request_id=CASE, by="dana", reason="other"),
        ReferralDecided(request_id=CASE, by="dana", outcome="refused", unproven=True),
        RequestDuplicated(request_id=CASE, first="b" * 32, first_received_on=NOW.date(), due_on=NOW.date()),
        ReviewEnded(request_id=CASE, asked_at=NOW, lapses_at=NOW),
        PreviewAsked(request_id=CASE, preview="preview_1", type="habeas.identity.decided.v1"),
        PreviewDrafted(request_id=CASE, preview="preview_1"),
        ProofExamined(request_id=CASE, proof=PROOF, verdict=Verdict.UNCLEAR),
        ProofPresented(request_id=CASE, proof=PROOF),
        TokenPresented(request_id=CASE, proof=PROOF),
        RequestLapsed(request_id=CASE),
        RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW),
        RequestResumed(request_id=CASE, at=NOW),
        TimeCame(request_id=CASE, name="proof_lapse"),
        IdentityClaimed(request_id=CASE, proofs=()),
        IdentityCompared(request_id=CASE, agreed=0, claimed=1),
        IdentityRefused(request_id=CASE, reasons=("unidentifiable",)),
        ProofSpent(request_id=CASE, refs=("proof_1",)),
        RequestWithdrawn(request_id=CASE),
        RequestStopped(request_id=CASE, reason=StopReason.NOT_ME),
        RequestReleased(request_id=CASE),
        RequestClosed(request_id=CASE),
    ]
}
FACTS = st.sampled_from(list(EXAMPLES.values()))


def after(*story: Fact) -> Verification:
    return reduce(evolve, story, Verification())


def test_every_fact_that_the_verifier_hears_has_an_example_here() -> None:
    heard = {subscription.event for subscription in SUBSCRIPTIONS}
    assert heard | {fact for row in TRANSITIONS.values() for fact in row} <= set(EXAMPLES)


@given(status=st.sampled_from(VerificationStatus), fact=FACTS)
def test_every_fact_in_every_status_is_in_the_table_or_raises(status: VerificationStatus, fact: Fact) -> None:
    known = Verification(status=status)
    expected = TRANSITIONS[status].get(type(fact))
    if expected is None:
        with pytest.raises(TooEarly if status is VerificationStatus.UNKNOWN else IllegalTransition):
            evolve(known, fact)
    else:
        assert evolve(known, fact).status is expected


@given(story=st.lists(FACTS, max_size=10))
def test_decision_is_final(story: Sequence[Fact]) -> None:
    known, decided = after(RECEIVED), False
    for fact in story:
        try:
            known = evolve(known, fact)
        except IllegalTransition:
            continue
        decided = decided or known.status is VerificationStatus.DECIDED
        assert known.open is not decided


@pytest.mark.parametrize(
    "fact", [f for f in EXAMPLES.values() if type(f) not in TRANSITIONS[VerificationStatus.UNKNOWN]]
)
def test_nothing_comes_before_the_request(fact: Fact) -> None:
    with pytest.raises(TooEarly):
        evolve(Verification(), fact)


@pytest.mark.parametrize(
    "late", [OFFERED, EXAMPLES[IdentityCompared], EXAMPLES[RequestWithdrawn], EXAMPLES[ProofSpent]]
)
def test_proof_on_its_way_during_the_decision_is_noted(late: Fact) -> None:
    assert after(RECEIVED, VERIFIED, late).status is VerificationStatus.DECIDED


def test_a_new_code_comes_with_new_tries_and_voids_the_old() -> None:
    known = after(RECEIVED, ISSUED, *[WRONG] * TRIES)
    assert known.code is not None
    assert known.code.tries_left == 0
    renewed = evolve(known, ISSUED.model_copy(update={"ref": "code_1", "digest": "e" * 64}))
    assert renewed.code is not None
    assert (renewed.code.tries_left, renewed.code.digest, renewed.codes) == (TRIES, "e" * 64, 2)


def test_a_claim_that_does_not_agree_costs_no_try_at_the_code() -> None:
    known = after(RECEIVED, ISSUED, WRONG.model_copy(update={"spends_code": False}))
    assert known.code is not None
    assert known.code.tries_left == TRIES


def test_evidence_is_all_that_is_sealed_and_not_yet_destroyed() -> None:
    claimed = ProofRef(kind=ProofKind.DATA_POINTS, ref="proof_0")
    known = after(received(proofs=(claimed,)), ISSUED, OFFERED, VERIFIED)
    assert known.evidence == ("proof_0", "code_0", "proof_1")
    assert evolve(known, ProofSpent(request_id=CASE, refs=("proof_0", "code_0"))).evidence == ("proof_1",)


def test_a_code_that_was_put_off_is_not_any_more_once_it_is_mailed() -> None:
    put_off = WRONG.model_copy(update={"reason": "too_many_codes", "spends_code": False})
    known = after(RECEIVED, put_off, put_off)
    assert (known.put_off, known.code) == (2, None)
    assert evolve(known, ISSUED).put_off == 0


# --- which way is complete ------------------------------------------------------------------------------

E = Evidence
NEEDED = Assessed(
    request_id=CASE,
    level=Assurance.REASONABLY_HIGH,
    ways=tuple(
        AssessedWay(level=Assurance.REASONABLY_HIGH, evidence=way)
        for way in [
            (E.MAILBOX, E.IDENTITY_DOCUMENT),
            (E.IDENTITY_DOCUMENT, E.ADDRESS_DOCUMENT, E.RECORDS),
            (E.MAILBOX, E.TWO_POINTS),
        ]
    ),
    grounds=(),
    lapses_at=NOW,
)


def in_review(slot: ProofSlot, *reasons: str) -> tuple[Fact, Fact]:
    proof = ProofRef(kind=ProofKind.DOCUMENT, ref="proof_2", slot=slot)
    return (
        ProofExamined(request_id=CASE, proof=proof, verdict=Verdict.UNCLEAR, reasons=reasons),
        IdentityReviewNeeded(request_id=CASE, reasons=reasons),
    )


def found(story: Sequence[Fact], *gained: Evidence) -> set[Evidence] | None:
    """Return the evidence of the way that is complete after *story*, where *gained* has convinced."""
    evidence = [EvidenceGained(request_id=CASE, evidence=one) for one in gained]
    way = completed(after(RECEIVED, NEEDED, *evidence, *story))
    return None if way is None else set(way.evidence)


def test_without_a_review_the_first_way_that_is_complete_counts() -> None:
    assert found((), E.MAILBOX) is None
    assert found((), E.MAILBOX, E.TWO_POINTS, E.IDENTITY_DOCUMENT) == {E.MAILBOX, E.IDENTITY_DOCUMENT}


def test_a_bill_that_a_person_looks_at_keeps_no_passport_from_counting() -> None:
    doubt = in_review(ProofSlot.ADDRESS, "bill_issuer_unknown")
    assert found(doubt, E.MAILBOX, E.IDENTITY_DOCUMENT) == {E.MAILBOX, E.IDENTITY_DOCUMENT}


def test_a_passport_that_a_person_looks_at_is_not_made_good_by_another() -> None:
    doubt = in_review(ProofSlot.IDENTITY, "name_partial")
    assert found(doubt, E.MAILBOX, E.IDENTITY_DOCUMENT) is None
    assert found(doubt, E.MAILBOX, E.IDENTITY_DOCUMENT, E.TWO_POINTS) == {E.MAILBOX, E.TWO_POINTS}


def test_documents_alone_stay_for_a_person_to_look_at() -> None:
    alone = IdentityReviewNeeded(request_id=CASE, reasons=("documents_alone",))
    papers = (E.IDENTITY_DOCUMENT, E.ADDRESS_DOCUMENT, E.RECORDS)
    assert found((), *papers) == set(papers)
    assert found([alone], *papers) is None
    assert found([alone], *papers, E.MAILBOX, E.TWO_POINTS) == {E.MAILBOX, E.IDENTITY_DOCUMENT}


@pytest.mark.parametrize("reason", ["records_differ", "dob_mismatch", "evidence_reused_other_person", "new"])
def test_nothing_is_complete_while_the_staff_examines_a_possible_forgery(reason: str) -> None:
    doubt = [*in_review(ProofSlot.ADDRESS, "bill_issuer_unknown"), *in_review(ProofSlot.ADDRESS, reason)]
    assert found(doubt, E.MAILBOX, E.TWO_POINTS) is None
