from collections.abc import Sequence
from datetime import date, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verifier.domain import (
    TRANSITIONS,
    CodeIssued,
    Status,
    Verification,
    believed,
    convincing,
    evolve,
)
from services.verifier.handlers import SUBSCRIPTIONS
from shared.codes import TRIES
from shared.errors import IllegalTransition, TooEarly
from shared.events import (
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
    ProofSpent,
    RequestClosed,
    RequestReceived,
    RequestWithdrawn,
)
from shared.law import PROOFLESS, Regulation, Right
from tests.unit.fakes import NOW, SOURCE

CASE = "c" * 32
TRUSTED = frozenset({SOURCE})


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
        IdentityClaimed(request_id=CASE, proofs=()),
        IdentityCompared(request_id=CASE, agreed=0, claimed=1),
        IdentityRefused(request_id=CASE, reasons=("unidentifiable",)),
        ProofSpent(request_id=CASE, refs=("proof_1",)),
        RequestWithdrawn(request_id=CASE),
        RequestClosed(request_id=CASE),
    ]
}
FACTS = st.sampled_from(list(EXAMPLES.values()))


def after(*story: Fact) -> Verification:
    return reduce(evolve, story, Verification())


def test_every_fact_that_the_verifier_hears_has_an_example_here() -> None:
    heard = {subscription.event for subscription in SUBSCRIPTIONS}
    assert heard | {fact for row in TRANSITIONS.values() for fact in row} <= set(EXAMPLES)


@given(status=st.sampled_from(Status), fact=FACTS)
def test_every_fact_in_every_status_is_in_the_table_or_raises(status: Status, fact: Fact) -> None:
    known = Verification(status=status)
    expected = TRANSITIONS[status].get(type(fact))
    if expected is None:
        with pytest.raises(TooEarly if status is Status.UNKNOWN else IllegalTransition):
            evolve(known, fact)
    else:
        assert evolve(known, fact).status is expected


@given(story=st.lists(FACTS, max_size=10))
def test_what_is_decided_stays_decided(story: Sequence[Fact]) -> None:
    known, decided = after(RECEIVED), False
    for fact in story:
        try:
            known = evolve(known, fact)
        except IllegalTransition:
            continue
        decided = decided or known.status is Status.DECIDED
        assert known.open is not decided


@pytest.mark.parametrize("fact", [f for f in EXAMPLES.values() if not isinstance(f, RequestReceived)])
def test_nothing_comes_before_the_request(fact: Fact) -> None:
    with pytest.raises(TooEarly):
        evolve(Verification(), fact)


@pytest.mark.parametrize(
    "late", [OFFERED, EXAMPLES[IdentityCompared], EXAMPLES[RequestWithdrawn], EXAMPLES[ProofSpent]]
)
def test_what_was_on_its_way_when_the_decision_fell_is_taken_note_of(late: Fact) -> None:
    assert after(RECEIVED, VERIFIED, late).status is Status.DECIDED


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


# --- who is believed ----------------------------------------------------------------------------------


@pytest.mark.parametrize("right", sorted(PROOFLESS))
def test_less_use_of_data_needs_no_proof_whoever_asks(right: Right) -> None:
    assert believed(received(right, source="habeas/public"), TRUSTED) is Assurance.NONE_NEEDED


@pytest.mark.parametrize("right", sorted(set(Right) - PROOFLESS))
def test_a_trusted_system_vouches_and_another_does_not(right: Right) -> None:
    assert believed(received(right), TRUSTED) is Assurance.VOUCHED
    assert believed(received(right, source="habeas/public"), TRUSTED) is None
    assert believed(received(right), frozenset()) is None


@pytest.mark.parametrize("source", ["shop.example.co", "shop.example.com ", "SHOP.example.com", "", "shop"])
def test_a_name_that_only_looks_like_a_trusted_one_is_not_trusted(source: str) -> None:
    assert believed(received(source=source), TRUSTED) is None


# --- data points --------------------------------------------------------------------------------------


def worth(agreed: int, claimed: int, right: Right, regulation: Regulation) -> Assurance | None:
    return convincing(
        IdentityCompared(request_id=CASE, agreed=agreed, claimed=claimed), received(right, regulation)
    )


THREE = [Right.ACCESS, Right.PORTABILITY, Right.ERASURE]
GDPR = [Regulation.GDPR, Regulation.UK_GDPR]


@pytest.mark.parametrize("right", sorted(Right))
@pytest.mark.parametrize("regulation", GDPR)
def test_so_many_data_points_are_needed(right: Right, regulation: Regulation) -> None:
    needed = 3 if right in THREE else 2
    assert worth(needed, needed, right, regulation) is Assurance.REASONABLE
    assert worth(needed - 1, needed - 1, right, regulation) is None


@pytest.mark.parametrize("right", [Right.ACCESS, Right.PORTABILITY])
def test_california_wants_a_declaration_besides_data_points_for_specific_pieces(right: Right) -> None:
    assert worth(20, 20, right, Regulation.CCPA) is None


@pytest.mark.parametrize(
    ("right", "needed"),
    [
        pytest.param(Right.KNOW_CATEGORIES, 2, id="categories"),
        pytest.param(Right.RECTIFICATION, 2, id="rectification"),
        pytest.param(Right.ERASURE, 3, id="erasure"),
    ],
)
def test_california_is_reasonably_sure_for_the_rest(right: Right, needed: int) -> None:
    assert worth(needed, needed, right, Regulation.CCPA) is Assurance.REASONABLE
    assert worth(needed - 1, needed - 1, right, Regulation.CCPA) is None


@given(
    claimed=st.integers(1, 20),
    missed=st.integers(1, 20),
    right=st.sampled_from(Right),
    regulation=st.sampled_from(Regulation),
)
def test_one_claim_that_does_not_agree_is_a_doubt(
    claimed: int, missed: int, right: Right, regulation: Regulation
) -> None:
    assert worth(max(claimed - missed, 0), claimed, right, regulation) is None
