"""One case over the API shows its proofs, its package, and the permissions that hold."""

from datetime import UTC, datetime, timedelta

from services.console.api.case_answers import IdentityAnswer, OneCaseAnswer, PermissionAnswer, ReviewAnswer
from shared.contract import events
from shared.contract.events import ProofKind, ProofRef
from shared.vocabulary import Assurance, Evidence, Outcome, RefusalGround, Verdict
from tests.unit.console.test_decision_offers import CASE, received, referred, view_of

UNTIL = datetime(2026, 3, 12, tzinfo=UTC)


def test_proofs_are_those_of_the_newest_review() -> None:
    proof = ProofRef(kind=ProofKind.DOCUMENT, ref="proof_1", slot="identity")
    view = view_of(
        [
            received(),
            events.ProofExamined(
                request_id=CASE, proof=proof, verdict=Verdict.UNCLEAR, reasons=("image_glare",)
            ),
            events.IdentityReviewNeeded(request_id=CASE, reasons=("unclear",)),
            events.IdentityReviewNeeded(
                request_id=CASE,
                reasons=("image_glare",),
                level=Assurance.REASONABLY_HIGH,
                grounds=("sensitive_data",),
                held=(Evidence.MAILBOX,),
            ),
        ]
    )
    shown = IdentityAnswer.of(view)
    assert shown is not None
    assert (shown.level, shown.because, shown.held) == ("reasonably_high", ("sensitive_data",), ("mailbox",))
    assert shown.review == ("image_glare",)
    assert [(one.slot, one.verdict) for one in shown.examined] == [("identity", "unclear")]
    assert IdentityAnswer.of(view_of([received()])) is None


def test_package_is_shown_with_the_reviews_of_its_listing_while_it_waits() -> None:
    listed = [
        events.PackageReviewNeeded(
            request_id=CASE, right="access", listing=f"listing_{number}", records=3, renewed=number > 1
        )
        for number in (1, 2)
    ]
    reviews = [events.PackageReviewed(request_id=CASE, by=f"ada{n}", listing=f"listing_{n}") for n in (1, 2)]
    shown = ReviewAnswer.of(view_of([received(), listed[0], reviews[0], listed[1], reviews[1]]))
    assert shown is not None
    assert (shown.listing, shown.renewed, [one.by for one in shown.reviews]) == ("listing_2", True, ["ada2"])
    assert ReviewAnswer.of(view_of([received()])) is None


def test_revoked_permission_is_left_out() -> None:
    granted = [
        events.PermissionGranted(
            request_id=CASE, by="ada", account=name, until=UNTIL + timedelta(hours=hours), reason="review"
        )
        for name, hours in (("bruno", 1), ("carla", 1), ("carla", 2))
    ]
    ended = events.PermissionRevoked(request_id=CASE, by="ada", account="bruno")
    [held] = PermissionAnswer.all(view_of([received(), *granted, ended]))
    assert (held.account, held.until) == ("carla", UNTIL + timedelta(hours=2))


def test_proposed_answer_is_shown_while_the_request_is_referred() -> None:
    decided = events.ReferralDecided(
        request_id=CASE, by="ada", outcome=Outcome.REFUSED, grounds=(RefusalGround.EXCESSIVE,)
    )
    shown = OneCaseAnswer.of(view_of([received(), referred(), decided]), [], [], [], [])
    assert shown.proposed is not None
    assert (shown.proposed.by, shown.proposed.grounds) == ("ada", ("excessive",))
    assert OneCaseAnswer.of(view_of([received()]), [], [], [], []).proposed is None
