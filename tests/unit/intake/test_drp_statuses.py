"""Every state of a case as the Data Rights Protocol says it, and the rules that each status keeps."""

from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.channels.drp.statuses import (
    FINAL,
    NOT_SERVED,
    DrpReason,
    DrpRequestFacts,
    DrpStatus,
    expected_by,
    report_of,
    status_object,
)
from services.intake.domain import CaseStatus, IntakeCase, evolve
from shared.contract.events import (
    Assurance,
    DueMoved,
    Evidence,
    ExtensionReason,
    Fact,
    IdentityChallenged,
    IdentityRefused,
    IdentityReviewNeeded,
    IdentityVerified,
    Outcome,
    ProofKind,
    RequestClosed,
    RequestExtended,
    RequestFulfilled,
    RequestPaused,
    RequestReceived,
    RequestReferred,
    RequestResumed,
    RequestWithdrawn,
)
from shared.law import Regulation, Right

CASE = "c" * 32
AT = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
LAPSE = AT + timedelta(days=30)
LINKS = "https://privacy.example.com/page", "https://privacy.example.com/verification"
ASKED = DrpRequestFacts(CASE, "their-7", AT, AT + timedelta(days=45), AT + timedelta(days=1098), *LINKS)
RECEIVED = RequestReceived(
    request_id=CASE,
    right=Right.ERASURE,
    regulation=Regulation.CCPA,
    policy="us-ca-ccpa@2026-01-01",
    source="drp/AGENT_ONE",
    received_at=AT,
    received_on=AT.date(),
    due_on=date(2026, 4, 18),
    internal_due_on=date(2026, 4, 13),
)
CODE = IdentityChallenged(
    request_id=CASE, kind=ProofKind.EMAIL_CODE, ref="code_0", expires_at=AT + timedelta(minutes=30)
)
WANTED = IdentityChallenged(request_id=CASE, expires_at=LAPSE, wanted=((Evidence.TWO_POINTS,),))
REVIEW = IdentityReviewNeeded(request_id=CASE, reasons=("needs_a_person",))
VERIFIED = IdentityVerified(
    request_id=CASE,
    right=Right.ERASURE,
    regulation=Regulation.CCPA,
    received_on=AT.date(),
    assurance=Assurance.VOUCHED,
    reasons=("mailbox",),
)
WITHDRAWN = RequestWithdrawn(request_id=CASE)
CLOSED = RequestClosed(request_id=CASE)
MOVED = DueMoved(
    request_id=CASE,
    days=4,
    due_on=date(2026, 4, 22),
    meant_for=date(2026, 4, 17),
    policy="us-ca-ccpa@2026-01-01",
)
PAUSED = RequestPaused(request_id=CASE, reason="proof_wanted", since=AT)
RESUMED = RequestResumed(request_id=CASE, at=AT + timedelta(days=4))
EXTENDED = RequestExtended(
    request_id=CASE,
    reason=ExtensionReason.COMPLEXITY,
    promised_on=date(2026, 4, 7),
    due_on=date(2026, 6, 2),
    meant_for=date(2026, 5, 28),
    policy="us-ca-ccpa@2026-01-01",
)
REFERRED = RequestReferred(request_id=CASE, right=Right.ERASURE, reason="by_staff")
S, R = DrpStatus, DrpReason


def refused(*reasons: str) -> IdentityRefused:
    return IdentityRefused(request_id=CASE, reasons=reasons)


def answered(outcome: Outcome, **more: Any) -> RequestFulfilled:
    return RequestFulfilled(request_id=CASE, right=Right.ERASURE, outcome=outcome, answer="answer", **more)


def status(*facts: Fact, revoked: bool = False) -> dict[str, Any]:
    case = reduce(evolve, facts, IntakeCase())
    found = status_object(ASKED, report_of(case, ASKED, revoked=revoked))
    assert_fits(found)
    return found


def assert_fits(found: dict[str, Any]) -> None:
    """Check the rules that the protocol has for each status, and what its agents look for beyond."""
    assert found["request_id"] == CASE
    assert found["agent_request_id"] == "their-7"
    standing, reason = found["status"], found["reason"]
    assert {"reason", "received_at", "expected_by", "processing_details"} <= set(found)
    for name in ("received_at", "expected_by", "expires_at"):
        assert name not in found or found[name].endswith(".000+00:00")
    assert (standing is S.DENIED) <= (reason is not None and bool(found["processing_details"]))
    assert (reason is not None) <= (standing is S.DENIED or reason is R.NEED_USER_VERIFICATION)
    verifying = reason is R.NEED_USER_VERIFICATION
    assert verifying is ("user_verification_url" in found)
    assert verifying <= (standing is S.IN_PROGRESS)
    assert (standing is S.IN_PROGRESS) <= ("expires_at" in found)
    assert (standing is S.FULFILLED) is ("results_url" in found)
    assert (standing is S.FULFILLED) <= ("expires_at" in found)


G, P = Outcome.GRANTED, Outcome.PARTLY_GRANTED


@pytest.mark.parametrize(
    ("facts", "standing", "reason"),
    [
        pytest.param([], S.OPEN, None, id="lodged"),
        pytest.param([RECEIVED], S.OPEN, None, id="received"),
        pytest.param([RECEIVED, CODE], S.IN_PROGRESS, R.NEED_USER_VERIFICATION, id="a code is mailed"),
        pytest.param([RECEIVED, WANTED], S.IN_PROGRESS, R.NEED_USER_VERIFICATION, id="proof is wanted"),
        pytest.param([RECEIVED, WANTED, REVIEW], S.IN_PROGRESS, None, id="the staff looks at a proof"),
        pytest.param([RECEIVED, VERIFIED], S.IN_PROGRESS, None, id="verified"),
        pytest.param([RECEIVED, VERIFIED, REFERRED], S.IN_PROGRESS, None, id="the staff answers"),
        pytest.param([RECEIVED, VERIFIED, answered(G)], S.FULFILLED, None, id="granted"),
        pytest.param([RECEIVED, VERIFIED, answered(P), CLOSED], S.FULFILLED, None, id="in part, closed"),
        pytest.param(
            [RECEIVED, VERIFIED, answered(Outcome.NOTHING_HELD)], S.DENIED, R.NO_MATCH, id="nothing held"
        ),
        pytest.param(
            [RECEIVED, VERIFIED, answered(Outcome.REFUSED, reasons={"retention_duty": 3})],
            S.DENIED, R.CLAIM_NOT_COVERED, id="all is kept",
        ),
        pytest.param(
            [RECEIVED, VERIFIED, answered(Outcome.REFUSED, reasons={"excessive": 1})],
            S.DENIED, R.TOO_MANY_REQUESTS, id="asked too often",
        ),
        pytest.param(
            [RECEIVED, WANTED, refused("details_do_not_match")],
            S.DENIED, R.INSUFFICIENT_VERIFICATION, id="not proven",
        ),
        pytest.param(
            [RECEIVED, WANTED, refused("unidentifiable"), CLOSED],
            S.DENIED, R.INSUFFICIENT_VERIFICATION, id="not proven, closed",
        ),
        pytest.param([RECEIVED, WANTED, refused("not_proven_in_time")], S.EXPIRED, None, id="lapsed"),
        pytest.param([RECEIVED, WITHDRAWN], S.REVOKED, None, id="withdrawn"),
        pytest.param([RECEIVED, VERIFIED, WITHDRAWN, CLOSED], S.REVOKED, None, id="withdrawn, closed"),
        pytest.param(
            [RECEIVED, VERIFIED, WITHDRAWN, answered(G)], S.FULFILLED, None, id="answered all the same"
        ),
    ],
)  # fmt: skip
def test_every_state_of_a_case_has_its_status(
    facts: list[Fact], standing: DrpStatus, reason: DrpReason | None
) -> None:
    found = status(*facts)
    assert (found["status"], found["reason"]) == (standing, reason)


@pytest.mark.parametrize(
    ("facts", "standing"),
    [
        pytest.param([], S.REVOKED, id="lodged"),
        pytest.param([RECEIVED, WANTED], S.REVOKED, id="proof is wanted"),
        pytest.param([RECEIVED, VERIFIED], S.REVOKED, id="verified"),
        pytest.param([RECEIVED, VERIFIED, answered(G)], S.FULFILLED, id="too late"),
        pytest.param([RECEIVED, WANTED, refused("too_many_attempts")], S.DENIED, id="denied before"),
    ],
)
def test_a_withdrawal_by_an_agent_is_revoked_unless_ended(facts: list[Fact], standing: DrpStatus) -> None:
    assert status(*facts, revoked=True)["status"] is standing


def test_the_results_are_good_as_long_as_the_package_is() -> None:
    until = AT + timedelta(days=30)
    found = status(RECEIVED, VERIFIED, answered(G, package="package", package_expires_at=until))
    assert found["expires_at"] == until.isoformat(timespec="milliseconds")
    assert found["results_url"] == ASKED.page


def test_retained_and_withheld_data_make_the_answer_partial() -> None:
    assert status(RECEIVED, VERIFIED, answered(G))["processing_details"] is None
    assert "kept" in status(RECEIVED, VERIFIED, answered(P))["processing_details"]


def test_proof_may_come_as_long_as_the_request_does_not_lapse() -> None:
    assert status(RECEIVED, WANTED)["expires_at"] == LAPSE.isoformat(timespec="milliseconds")
    assert status(RECEIVED, CODE)["expires_at"] == ASKED.expected_by.isoformat(timespec="milliseconds")


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        pytest.param([PAUSED, RESUMED, MOVED, VERIFIED], "4 days", id="the clock stood still"),
        pytest.param([VERIFIED, EXTENDED], "longer", id="extended"),
    ],
)
def test_a_later_day_says_why_it_is_later(facts: list[Fact], word: str) -> None:
    case = reduce(evolve, [RECEIVED, *facts], IntakeCase())
    assert word in status(RECEIVED, *facts)["processing_details"]
    before = expected_by(reduce(evolve, [RECEIVED], IntakeCase()), ZoneInfo("UTC"))
    after = expected_by(case, ZoneInfo("UTC"))
    assert before is not None
    assert after is not None
    assert after > before


def test_the_answer_is_expected_by_the_end_of_its_last_day() -> None:
    by = expected_by(reduce(evolve, [RECEIVED], IntakeCase()), ZoneInfo("America/Los_Angeles"))
    assert by == datetime(2026, 4, 18, 23, 59, 59, tzinfo=ZoneInfo("America/Los_Angeles"))
    assert expected_by(IntakeCase(), ZoneInfo("UTC")) is None


def test_a_request_without_the_agents_number_has_none() -> None:
    asked = DrpRequestFacts(CASE, None, AT, AT, AT, *LINKS)
    assert "agent_request_id" not in status_object(asked, NOT_SERVED)


@given(st.sampled_from(CaseStatus), st.booleans(), st.booleans())
def test_every_status_that_there_is_fits(state: CaseStatus, in_review: bool, revoked: bool) -> None:
    case = IntakeCase(status=state, received=RECEIVED, in_review=in_review)
    reported = report_of(case, ASKED, revoked=revoked)
    found = status_object(ASKED, reported)
    assert reported.final is (found["status"] in FINAL)
    if state not in {CaseStatus.REFUSED, CaseStatus.ANSWERED}:
        assert_fits(found)
