"""Documents, log-ins, declarations, agents, staff and time: what the verifier makes of each."""

import base64
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.intake.domain import request_id
from services.verifier.assurance.levels import Sensitivity
from services.verifier.documents.examiner.domain import Examination
from services.verifier.documents.examiner.handlers import ExaminerContext, examine
from services.verifier.documents.examiner.reuse import PresentedDocuments
from services.verifier.documents.sandbox import DocumentWorker
from services.verifier.domain import DOCUMENTED, MOST_EXAMINED, ProofSpent
from services.verifier.handlers import LAPSE, REMINDER
from shared.contract.answer import SUBMISSION
from shared.contract.codes import MOST_ISSUED
from shared.contract.declarations import CURRENT, TEXTS
from shared.contract.events import (
    Assurance,
    DataPoints,
    EvidenceDestroyed,
    Fact,
    IdentityChallenged,
    IdentityClaimed,
    IdentityCompared,
    IdentityDecided,
    IdentityRefused,
    IdentityReminded,
    IdentityReviewNeeded,
    IdentityVerified,
    Outcome,
    PreviewAsked,
    PreviewDrafted,
    ProofAskedAgain,
    ProofExamined,
    ProofObjection,
    ProofPresented,
    ProofRefused,
    ReferralDecided,
    RequestLapsed,
    RequestPaused,
    RequestReleased,
    RequestResumed,
    RequestStopped,
    TimeCame,
    TokenPresented,
    Verdict,
)
from shared.contract.previews import DECISION, DRAFT, PreviewVault, packed_facts
from shared.contract.staff import salted, written_item
from tests.unit.fakes import NOW, PERSON, REQUEST_KEY, SOURCE, TARGET_DAY, Office, request

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
CALIFORNIA = {"country": "US", "subdivision": "CA"}
CLAIM = {"kind": "data_points", "points": {"customer_no": "K-7741-Q", "city": "Berlin", "plan": "L"}}
THREE_AGREE = IdentityCompared(
    request_id=CASE, agreed=3, claimed=3, groups=3, private=True, identities=("customer_no",)
)
TOKEN = {"kind": "id_token", "token": "aaaa.bbbb.cccc"}
STRANGER = {"name": "Ottilie Quastenflosser", "postal_address": {"postal_code": "10115", "country": "DE"}}


def document(slot: str) -> dict[str, str]:
    picture = base64.b64encode(b"\xff\xd8 a picture").decode()
    return {"kind": "document", "slot": slot, "media_type": "image/jpeg", "content": picture}


def declaration(**changes: Any) -> dict[str, Any]:
    signed = {"text": TEXTS[CURRENT], "name": PERSON["name"], "signed_at": NOW.isoformat()}
    return {"kind": "declaration", **signed, **changes}


async def opened(*, sensitivity: Sensitivity = Sensitivity.HIGH, **changes: Any) -> Office:
    """Return an office with a request for data that would do harm in the wrong hands."""
    verifying = {key: changes.pop(key) for key in ("logs_in", "four_eyes") if key in changes}
    office = Office(sensitivity=sensitivity, **verifying)
    await office.submit(request(**changes))
    return office


async def coded(office: Office) -> None:
    """Prove the mailbox."""
    await office.offer({"kind": "email_code", "code": office.code_of(CASE, "code_0")}, id_="code")


async def examined(office: Office, verdict: Verdict, *reasons: str, number: int = -1, **more: Any) -> None:
    """Let the examiner say what came of a proof: of the last one, unless another is named."""
    presented: list[ProofPresented | TokenPresented] = [
        *office.facts(ProofPresented), *office.facts(TokenPresented),
    ]  # fmt: skip
    proof = presented[number].proof
    fact = ProofExamined(request_id=CASE, proof=proof, verdict=verdict, reasons=reasons, **more)
    await office.tell(fact, service="examiner")


# --- documents ----------------------------------------------------------------------------------------


async def test_a_mailbox_is_not_enough_for_sensitive_data_and_the_rest_is_asked_for() -> None:
    office = await opened()
    await coded(office)
    challenged = office.facts(IdentityChallenged)[-1]
    assert challenged.kind is None
    assert challenged.wanted == (
        ("two_points",), ("identity_document",),
    )  # fmt: skip
    assert challenged.expires_at == NOW + timedelta(days=30)
    assert office.the(RequestPaused).reason == "proof_wanted"
    assert office.facts(IdentityVerified) == []


async def test_a_document_that_convinces_completes_the_way() -> None:
    office = await opened()
    await coded(office)
    await office.offer(document("identity"), id_="d")
    assert office.the(RequestResumed)
    assert office.the(ProofPresented).proof.slot == "identity"
    await examined(office, Verdict.CONVINCING)
    verified = office.the(IdentityVerified)
    assert (verified.assurance, verified.proven) == (Assurance.REASONABLY_HIGH, ("email",))
    assert verified.reasons == ("identity_document", "mailbox")


async def test_a_document_alone_opens_nothing() -> None:
    office = await opened()
    await office.offer(document("identity"), id_="d")
    await examined(office, Verdict.CONVINCING)
    assert office.facts(IdentityVerified) == []


async def test_without_a_mailbox_the_records_must_agree_with_the_documents() -> None:
    """A genuine passport opens no other person's records."""
    office = await opened(subject=STRANGER)
    await office.offer(document("identity"), document("address"), id_="d")
    await examined(office, Verdict.CONVINCING, number=0)
    await examined(office, Verdict.CONVINCING, number=1)
    assert [proof.ref for proof in office.the(IdentityClaimed).proofs] == [DOCUMENTED]
    claim = DataPoints.model_validate_json(office.sealed(CASE)[DOCUMENTED])
    assert claim.points == {
        "user.name": "Ottilie Quastenflosser", "user.contact.address.postal_code": "10115",
    }  # fmt: skip
    assert office.facts(IdentityVerified) == []
    agrees = IdentityCompared(
        request_id=CASE, agreed=2, claimed=2, identities=("customer_no",), proofs=(DOCUMENTED,)
    )
    await office.tell(agrees)
    # Papers can be drawn: where nothing else supports the requester, the staff looks.
    review = office.the(IdentityReviewNeeded)
    assert review.reasons == ("documents_alone",)
    assert (review.level, "identity_document" in review.held) == ("reasonably_high", True)
    assert review.grounds
    assert office.facts(IdentityVerified) == []


async def test_records_that_differ_from_the_documents_are_for_a_person_to_look_at() -> None:
    office = await opened(subject=STRANGER)
    await office.offer(document("identity"), document("address"), id_="d")
    await examined(office, Verdict.CONVINCING, number=0)
    await examined(office, Verdict.CONVINCING, number=1)
    await office.compare(IdentityCompared(request_id=CASE, agreed=1, claimed=2, proofs=(DOCUMENTED,)))
    assert office.the(IdentityReviewNeeded).reasons == ("records_differ",)
    assert not office.facts(IdentityVerified)
    assert not office.facts(IdentityRefused)


@pytest.mark.parametrize(
    ("reason", "reported"),
    [
        ("image_blurred", "document_unreadable"),
        ("file_active_content", "document_unreadable"),
        ("mrz_not_found", "document_unreadable"),
        ("name_mismatch", "document_not_accepted"),
        ("dob_mismatch", "document_not_accepted"),
        ("doc_expired", "document_not_accepted"),
    ],
)
async def test_person_learns_remediable_faults_and_never_differences(reason: str, reported: str) -> None:
    office = await opened()
    await coded(office)
    await office.offer(document("identity"), id_="d")
    await examined(office, Verdict.REFUSED, reason)
    assert office.the(ProofRefused).reason == reported
    assert office.facts(IdentityChallenged)[-1].refused_for == reported
    assert reason not in office.the(ProofRefused).model_dump_json()


@pytest.mark.slow
async def test_documents_are_examined_so_many_times_and_no_more() -> None:
    office = await opened()
    for number in range(MOST_EXAMINED):
        await office.offer(document("identity"), id_=f"d{number}")
        await examined(office, Verdict.REFUSED, "image_blurred")
    assert office.the(IdentityRefused).reasons == ("proof_not_convincing",)
    assert len(office.facts(ProofPresented)) == MOST_EXAMINED


async def test_a_refused_document_spoils_no_other_proof() -> None:
    office = await opened()
    await office.offer(document("identity"), id_="d")
    await examined(office, Verdict.REFUSED, "name_mismatch")
    await coded(office)
    await office.offer(CLAIM, id_="c")
    await office.compare(IdentityCompared(request_id=CASE, agreed=3, claimed=3, groups=3, private=True))
    assert office.the(IdentityVerified)


async def test_at_the_decision_documents_and_reports_are_destroyed_and_that_is_on_record() -> None:
    office = await opened()
    await coded(office)
    await office.offer(document("identity"), id_="d")
    await office.vault.seal(CASE, "report_1", b"what was read")
    await examined(office, Verdict.CONVINCING, report="report_1")
    assert set(office.sealed(CASE)) == {SUBMISSION}
    destroyed = office.the(EvidenceDestroyed).refs
    assert {"report_1", office.facts(ProofPresented)[0].proof.ref} <= set(destroyed)


# --- the company's own log-in -------------------------------------------------------------------------


async def test_a_log_in_is_enough_for_anything() -> None:
    office = await opened(logs_in=True)
    assert office.the(IdentityChallenged).wanted[0] == ("account",)
    await office.offer(TOKEN, id_="t")
    await examined(office, Verdict.CONVINCING, identities=("email", "customer_no"))
    verified = office.the(IdentityVerified)
    assert (verified.assurance, verified.proven) == (Assurance.ACCOUNT, ("email", "customer_no"))


async def test_log_in_is_not_requested_where_there_is_none() -> None:
    office = await opened()
    assert all("account" not in way for way in office.the(IdentityChallenged).wanted)


# --- California: the declaration ----------------------------------------------------------------------


async def test_three_points_and_a_declaration_open_the_data() -> None:
    """11 CCR § 7062(c)."""
    office = await opened(residence=CALIFORNIA, proofs=[CLAIM, declaration()])
    assert office.facts(IdentityVerified) == []
    await office.compare(THREE_AGREE)
    assert office.facts(IdentityVerified) == []  # what is handed over goes to the mailbox
    await coded(office)
    verified = office.the(IdentityVerified)
    assert (verified.assurance, verified.proven) == (Assurance.REASONABLY_HIGH, ("email", "customer_no"))


async def test_a_request_without_a_name_is_declared_by_any_name() -> None:
    """The clients of Fides state none: their declarations were refused for ever."""
    office = await opened(
        residence=CALIFORNIA, subject={"email": PERSON["email"]}, proofs=[CLAIM, declaration()]
    )
    await office.compare(THREE_AGREE)
    await coded(office)
    assert office.the(IdentityVerified).assurance is Assurance.REASONABLY_HIGH


async def test_a_declaration_that_is_signed_with_no_word_does_not_count() -> None:
    subject = {"email": PERSON["email"]}
    office = await opened(residence=CALIFORNIA, subject=subject, proofs=[declaration(name=".")])
    assert office.the(ProofRefused).reason == "decl_name_mismatch"


async def test_the_next_question_repeats_why_the_last_proof_does_not_count() -> None:
    office = await opened(residence=CALIFORNIA)
    await coded(office)
    await office.offer(CLAIM, declaration(name="Bertolt Quastenflosser"), id_="c")
    await office.compare(THREE_AGREE)
    assert office.facts(IdentityChallenged)[-1].refused_for == "decl_name_mismatch"
    await office.offer(declaration(), id_="d")
    assert office.the(IdentityVerified)


async def test_question_for_a_confirmation_names_no_refused_proof() -> None:
    office = await opened(right="erasure", subject=STRANGER, sensitivity=Sensitivity.ORDINARY)
    await office.offer(CLAIM, declaration(name="Bertolt Quastenflosser"), id_="c")
    await office.compare(THREE_AGREE)
    asked = office.facts(IdentityChallenged)[-1]
    assert (asked.wanted, asked.refused_for) == ((("confirmation",),), None)


async def test_a_declaration_that_counts_is_kept_when_everything_else_is_destroyed() -> None:
    office = await opened(residence=CALIFORNIA, proofs=[CLAIM, declaration()])
    await office.compare(THREE_AGREE)
    await coded(office)
    kept = [content for name, content in office.sealed(CASE).items() if name != SUBMISSION]
    assert len(kept) == 1
    assert b"perjury" in kept[0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"text": "I promise."}, "decl_text_version"),
        ({"name": "Bertolt Quastenflosser"}, "decl_name_mismatch"),
        ({"name": "."}, "decl_name_mismatch"),
        ({"signed_at": (NOW - timedelta(days=31)).isoformat()}, "decl_stale"),
        ({"signed_at": (NOW + timedelta(hours=1)).isoformat()}, "decl_stale"),
    ],
)
async def test_a_declaration_that_is_none_does_not_count(changes: dict[str, str], reason: str) -> None:
    office = await opened(residence=CALIFORNIA, proofs=[declaration(**changes)])
    assert office.the(ProofRefused).reason == reason


@pytest.mark.parametrize("named", [None, "gdpr", "uk_gdpr", "lgpd", "us_state"])
async def test_california_mailbox_alone_opens_categories_if_no_more_proof_comes(
    named: str | None,
) -> None:
    """11 CCR § 7024(a); for any law that the request names."""
    office = await opened(sensitivity=Sensitivity.ORDINARY, residence=CALIFORNIA, regulation=named)
    await coded(office)
    assert office.facts(IdentityVerified) == []
    await office.fire(LAPSE, CASE)
    verified = office.the(IdentityVerified)
    assert (verified.assurance, verified.proven) == (Assurance.REASONABLE, ("email",))
    assert "us-ca-ccpa" in {law.partition("@")[0] for law in verified.laws}


# --- somebody else asks -------------------------------------------------------------------------------

AGENT = {"name": "Rights Agency", "email": "agent@agency.example", "permission": "Signed by O. Q."}


async def test_the_person_confirms_an_agents_request_by_their_own_mailbox() -> None:
    """11 CCR § 7063(a)(2)."""
    office = await opened(sensitivity=Sensitivity.ORDINARY, agent=AGENT)
    await coded(office)
    assert office.the(IdentityVerified).assurance is Assurance.MAILBOX
    assert [spent.reviewed for spent in office.records(ProofSpent)] == [False]


async def test_a_written_permission_is_looked_at_by_a_person() -> None:
    office = await opened(sensitivity=Sensitivity.ORDINARY, agent=AGENT, subject=STRANGER)
    await office.offer(document("permission"), id_="p")
    await examined(office, Verdict.UNCLEAR, "needs_a_person", report="report_1")
    assert office.the(IdentityReviewNeeded).report == "report_1"


# --- the staff ----------------------------------------------------------------------------------------


async def in_review(**changes: Any) -> Office:
    office = await opened(**changes)
    await office.offer(document("identity"), id_="d")
    await examined(office, Verdict.UNCLEAR, "name_partial")
    return office


def decision(*, verified: bool, by: str = "dana.muster") -> IdentityDecided:
    return IdentityDecided(
        request_id=CASE, verified=verified, by=by, reason="looked_at", identities=("email",)
    )


async def test_during_review_no_more_is_requested_and_nothing_lapses() -> None:
    office = await in_review()
    asked = len(office.facts(IdentityChallenged))
    for name in (REMINDER, LAPSE):
        await office.tell(TimeCame(request_id=CASE, name=name), service="verifier")
    assert len(office.facts(IdentityChallenged)) == asked
    assert not office.facts(IdentityReminded)
    assert not office.facts(RequestLapsed)


@pytest.mark.parametrize("verified", [True, False])
async def test_the_staff_decides(verified: bool) -> None:
    office = await in_review()
    await office.tell(decision(verified=verified), service="console")
    if verified:
        assert office.the(IdentityVerified).proven == ("email",)
        assert "decided_by_staff" in office.the(IdentityVerified).reasons
    else:
        assert office.the(IdentityRefused).reasons == ("looked_at",)
    assert office.the(EvidenceDestroyed)
    assert [spent.reviewed for spent in office.records(ProofSpent)] == [True]


async def test_two_must_decide_for_the_requester_where_that_is_the_practice() -> None:
    office = await in_review(four_eyes=True)
    await office.tell(decision(verified=True), service="console")
    await office.tell(decision(verified=True), service="console")
    assert office.facts(IdentityVerified) == []
    await office.tell(decision(verified=True, by="robin.muster"), service="console")
    assert office.the(IdentityVerified)


async def test_second_decision_without_an_identity_of_the_first_is_refused() -> None:
    subject = {"name": "Ada Muster", "email": "ada@example.org", "phone": "+49 30 5550100"}
    office = await in_review(four_eyes=True, subject=subject)
    await office.tell(decision(verified=True), service="console")
    other = decision(verified=True, by="robin.muster").model_copy(update={"identities": ("phone_number",)})
    await office.tell(other, service="console")
    assert office.facts(IdentityVerified) == []
    assert [one.reason for one in office.staff.outcomes] == [None, "identities_differ"]


@pytest.mark.parametrize("names", [("phone",), ("email", "loyalty_no")])
async def test_decision_with_an_identity_that_the_request_lacks_is_refused(names: tuple[str, ...]) -> None:
    office = await in_review()
    unknown = decision(verified=True).model_copy(update={"identities": names})
    await office.tell(unknown, service="console")
    assert office.facts(IdentityVerified) == []
    assert [one.reason for one in office.staff.outcomes] == ["identity_not_stated"]
    await office.tell(decision(verified=True), service="console")
    assert office.the(IdentityVerified)


async def test_one_is_enough_to_decide_against_the_requester() -> None:
    office = await in_review(four_eyes=True)
    await office.tell(decision(verified=False), service="console")
    assert office.the(IdentityRefused)


async def test_previewed_refusal_drafts_the_letter_and_leaves_proofs_and_state() -> None:
    office = await in_review(four_eyes=True)
    place = PreviewVault(office.vault, "preview_0123456789abcdef")
    await place.seal(CASE, DECISION, packed_facts([decision(verified=False)]))
    before = office.sealed(CASE).keys() | {place.own(DRAFT)}
    asked = PreviewAsked(request_id=CASE, preview=place.preview, type=IdentityDecided.TYPE)
    await office.tell(asked, service="intake")
    assert office.the(PreviewDrafted).preview == place.preview
    drafted = await place.facts(CASE) or []
    assert [type(fact) for fact in drafted if isinstance(fact, IdentityRefused)] == [IdentityRefused]
    assert office.facts(IdentityRefused) == []
    assert office.sealed(CASE).keys() == before
    await office.tell(decision(verified=False), service="console")
    assert office.the(IdentityRefused)


AGAIN = ProofAskedAgain(request_id=CASE, by="dana.muster", reason=ProofObjection.UNREADABLE)


@pytest.mark.slow
async def test_staff_asks_for_another_proof_with_its_reason_and_a_wait_of_its_own() -> None:
    office = await in_review()
    await coded(office)
    office.clock.move(timedelta(days=31))
    await office.tell(AGAIN, service="console")
    challenged = office.facts(IdentityChallenged)[-1]
    assert (challenged.renewed, challenged.refused_for) == (True, "document_unreadable")
    assert ("identity_document",) in challenged.wanted
    assert challenged.expires_at >= office.clock() + timedelta(days=1)
    assert office.facts(RequestPaused) == [], "the company has not asked at once"
    await office.offer(document("identity"), id_="d2")
    await examined(office, Verdict.CONVINCING)
    assert office.the(IdentityVerified)


async def test_request_lapses_if_the_other_proof_does_not_come() -> None:
    office = await in_review()
    await office.tell(AGAIN, service="console")
    lapses_at = office.facts(IdentityChallenged)[-1].expires_at
    office.clock.move(lapses_at - NOW)
    await office.tell(TimeCame(request_id=CASE, name=f"{LAPSE}_{lapses_at:%Y%m%d%H%M%S}"), service="verifier")
    assert office.the(RequestLapsed)


async def test_first_of_two_decisions_is_void_once_another_proof_is_asked_for() -> None:
    office = await in_review(four_eyes=True)
    await office.tell(decision(verified=True), service="console")
    await office.tell(AGAIN, service="console")
    await office.tell(decision(verified=True, by="robin.muster"), service="console")
    assert office.facts(IdentityVerified) == []


async def test_another_proof_is_not_asked_for_where_none_would_count() -> None:
    office = await in_review()
    await office.offer(document("identity"), id_="d2")
    await office.tell(AGAIN, service="console")
    await examined(office, Verdict.UNCLEAR, "name_partial")
    await office.tell(RequestStopped(request_id=CASE, reason="not_me"), service="intake")
    await office.tell(AGAIN, service="console")
    await office.tell(RequestReleased(request_id=CASE), service="intake")
    await office.tell(decision(verified=False), service="console")
    await office.tell(AGAIN, service="console")
    reasons = [one.reason for one in office.staff.outcomes]
    assert reasons == ["proof_under_way", "request_stopped", None, "identity_decided"]


def refusal(by: str = "dana.muster", **more: Any) -> ReferralDecided:
    content: dict[str, Any] = {"outcome": Outcome.REFUSED, "grounds": ("excessive",), "unproven": True}
    return ReferralDecided(request_id=CASE, by=by, **(content | more))


async def test_request_is_refused_on_a_ground_before_its_identity_is_proven() -> None:
    office, text = await in_review(), salted(b"You asked daily.", b"s" * 16)
    await office.vault.seal(CASE, written_item(text), text)
    await office.tell(refusal(explanation=written_item(text)), service="console")
    refused = office.the(IdentityRefused)
    assert (refused.reasons, refused.deciders) == (("excessive",), ("dana.muster",))
    assert refused.explanation == written_item(text)
    assert office.facts(EvidenceDestroyed), "the evidence has served"


async def test_second_account_makes_the_same_refusal_where_two_decide() -> None:
    office = await in_review(four_eyes=True)
    await office.tell(refusal(), service="console")
    await office.tell(refusal("robin.muster", grounds=("manifestly_unfounded",)), service="console")
    assert office.facts(IdentityRefused) == []
    await office.tell(refusal(), service="console")
    await office.tell(refusal("robin.muster"), service="console")
    assert office.the(IdentityRefused).deciders == ("dana.muster", "robin.muster")
    assert office.staff.outcomes[-2].reason == "decider_decided_before"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"outcome": Outcome.NOTHING_HELD, "grounds": ()}, "incomplete"),
        ({"grounds": ()}, "incomplete"),
        ({"grounds": ("professional_secrecy",)}, "ground_unlawful"),
        ({"grounds": ("grounds_prevail",)}, "ground_unlawful"),
        ({"explanation": "written_" + "0" * 64}, "text_differs"),
        ({"unproven": False}, None),
    ],
)
async def test_request_without_proof_is_only_refused_and_on_a_ground_of_its_laws(
    more: dict[str, Any], reason: str | None
) -> None:
    office = await in_review()
    await office.tell(refusal(**more), service="console")
    assert office.staff.outcomes[-1].reason == reason
    assert office.facts(IdentityRefused) == []


async def test_request_with_a_decided_identity_is_not_refused_by_the_verifier() -> None:
    office = await in_review()
    await office.tell(decision(verified=True), service="console")
    await office.tell(refusal(), service="console")
    assert office.staff.outcomes[-1].reason == "identity_decided"


async def test_previewed_question_for_another_proof_changes_nothing() -> None:
    office = await in_review()
    place = PreviewVault(office.vault, "preview_0123456789abcdef")
    await place.seal(CASE, DECISION, packed_facts([AGAIN]))
    asked = len(office.facts(IdentityChallenged))
    preview = PreviewAsked(request_id=CASE, preview=place.preview, type=ProofAskedAgain.TYPE)
    await office.tell(preview, service="intake")
    drafted = await place.facts(CASE) or []
    assert [fact.renewed for fact in drafted if isinstance(fact, IdentityChallenged)] == [True]
    assert len(office.facts(IdentityChallenged)) == asked


async def test_refused_document_beside_one_in_review_is_reported_without_a_new_request() -> None:
    office = await in_review()
    asked = len(office.facts(IdentityChallenged))
    await office.offer(document("identity"), id_="d2")
    await examined(office, Verdict.REFUSED, "image_blurred", number=1)
    assert office.the(ProofRefused).reason == "document_unreadable"
    assert len(office.facts(IdentityChallenged)) == asked
    assert office.facts(RequestPaused) == []


async def test_returned_code_during_a_review_leads_to_no_question_and_no_lapse() -> None:
    office = await in_review()
    asked = len(office.facts(IdentityChallenged))
    await coded(office)
    office.clock.move(timedelta(days=31))
    await compare_points(office, 0, private=False)
    assert len(office.facts(IdentityChallenged)) == asked
    assert office.facts(RequestLapsed) == []


async def test_unreadable_document_does_not_block_a_log_in() -> None:
    office = await in_review(logs_in=True)
    await office.offer(TOKEN, id_="t")
    await examined(office, Verdict.CONVINCING, identities=("email",))
    assert office.the(IdentityVerified).assurance is Assurance.ACCOUNT
    assert set(office.sealed(CASE)) == {SUBMISSION}


async def test_unreadable_document_does_not_block_mailbox_and_details() -> None:
    office = await in_review()
    await coded(office)
    assert office.facts(IdentityVerified) == []
    await compare_points(office, 2, private=True)
    assert office.the(IdentityVerified).reasons == ("mailbox", "two_points")


@pytest.mark.parametrize("slot", ["identity", "address"])
async def test_document_goes_to_staff_where_the_reader_does_not_start_and_other_proofs_suffice(
    slot: str,
) -> None:
    office = await opened(subject=STRANGER, logs_in=True)
    await office.offer(document(slot), id_="d")
    await office.tell(*await without_reader(office), service="examiner")
    assert office.the(IdentityReviewNeeded).reasons == ("reader_unavailable",)
    assert office.facts(ProofRefused) == []
    await office.offer(TOKEN, id_="t")
    await examined(office, Verdict.CONVINCING, identities=("email",))
    assert office.the(IdentityVerified).assurance is Assurance.ACCOUNT


async def without_reader(office: Office) -> Sequence[Fact]:
    """Return the examiner's facts on the last document, while no process to read it can start."""
    async with DocumentWorker(command=("/nonexistent",)) as sandbox:
        ctx = ExaminerContext(
            case_id=CASE,
            known=Examination(),
            now=NOW,
            vault=office.vault,
            sandbox=sandbox,
            scanner=None,
            presented=PresentedDocuments({"documents": None}, b"key"),  # type: ignore[arg-type] # not reached
            zone=ZoneInfo("UTC"),
            bill_age=timedelta(days=90),
        )
        return await examine(office.facts(ProofPresented)[-1], ctx)


async def test_another_document_does_not_decide_in_place_of_one_that_a_person_looks_at() -> None:
    office = await in_review()
    await coded(office)
    await office.offer(document("identity"), id_="d2")
    await examined(office, Verdict.CONVINCING, number=1)
    assert office.facts(IdentityVerified) == []


@pytest.mark.parametrize(
    "reasons",
    [
        ("evidence_reused_other_person",),
        ("velocity_exceeded",),
        ("mrz_check_digit_invalid.number",),
        ("specimen_document",),
        ("name_partial", "mrz_check_digit_invalid.number"),
        (),
        ("a_reason_that_is_new",),
    ],
)
async def test_possible_forgery_is_decided_by_a_person_alone(reasons: tuple[str, ...]) -> None:
    office = await opened(logs_in=True)
    await office.offer(document("identity"), id_="d")
    await examined(office, Verdict.UNCLEAR, *reasons)
    await office.offer(TOKEN, id_="t")
    await examined(office, Verdict.CONVINCING, identities=("email",))
    assert office.facts(IdentityVerified) == []


async def test_possible_forgery_is_not_forgotten_after_an_unreadable_proof() -> None:
    office = await opened(logs_in=True)
    for number, reason in enumerate(["evidence_reused_other_person", "name_partial"]):
        await office.offer(document("identity"), id_=f"d{number}")
        await examined(office, Verdict.UNCLEAR, reason, number=number)
    await office.offer(TOKEN, id_="t")
    await examined(office, Verdict.CONVINCING, identities=("email",))
    assert office.facts(IdentityVerified) == []


async def test_a_decision_after_the_decision_changes_nothing() -> None:
    office = await in_review()
    await office.tell(decision(verified=False), decision(verified=True), service="console")
    assert office.facts(IdentityVerified) == []
    assert office.broker.parked("verifier") == []


# --- time ---------------------------------------------------------------------------------------------


async def test_the_person_is_reminded_half_way_and_then_the_request_lapses() -> None:
    office = await opened()
    assert office.timers.moments == {
        (CASE, "proof_reminder_1"): NOW + (TARGET_DAY - NOW) / 2,
        (CASE, "proof_lapse_20260401220000"): TARGET_DAY,
    }
    await office.fire(REMINDER, CASE)
    assert office.the(IdentityReminded).expires_at == TARGET_DAY
    await office.fire(LAPSE, CASE)
    assert office.the(RequestLapsed)
    assert office.the(IdentityRefused).reasons == ("not_proven_in_time",)
    assert set(office.sealed(CASE)) == {SUBMISSION}


async def test_another_challenge_does_not_put_the_end_off() -> None:
    office = await opened()
    office.clock.move(timedelta(days=10))
    await office.offer({"kind": "new_code"}, id_="n")
    assert {at for (_, name), at in office.timers.moments.items() if name.startswith(LAPSE)} == {TARGET_DAY}


async def test_code_that_a_stop_voids_is_replaced_and_is_none_of_the_three() -> None:
    office = await opened(sensitivity=Sensitivity.ORDINARY)
    await office.offer({"kind": "new_code"}, id_="n1")
    await office.offer({"kind": "new_code"}, id_="n2")
    await office.tell(RequestStopped(request_id=CASE, reason="not_me"), service="intake")
    await office.tell(RequestReleased(request_id=CASE), service="intake")
    await office.offer({"kind": "email_code", "code": office.code_of(CASE, "code_3")}, id_="code")
    assert office.the(IdentityVerified)


async def test_after_a_release_a_request_has_no_more_than_three_codes_that_count() -> None:
    office = await opened(sensitivity=Sensitivity.ORDINARY)
    await office.tell(RequestStopped(request_id=CASE, reason="not_me"), service="intake")
    await office.tell(RequestReleased(request_id=CASE), service="intake")
    for number in range(MOST_ISSUED):
        assert office.facts(IdentityRefused) == []
        await office.offer({"kind": "new_code"}, id_=f"n{number}")
    assert office.the(IdentityRefused).reasons == ("too_many_attempts",)


@pytest.mark.parametrize("name", [REMINDER, LAPSE])
async def test_a_moment_after_the_decision_is_nothing(name: str) -> None:
    office = await opened(sensitivity=Sensitivity.ORDINARY)
    await coded(office)
    await office.tell(TimeCame(request_id=CASE, name=name), service="verifier")
    assert not office.facts(IdentityReminded)
    assert not office.facts(RequestLapsed)
    assert not office.facts(IdentityRefused)
    assert office.broker.parked("verifier") == []


async def test_nothing_lapses_while_a_proof_is_examined() -> None:
    office = await opened()
    await office.offer(document("identity"), id_="d")
    await office.fire(LAPSE, CASE)
    assert office.facts(IdentityRefused) == []


def clock(office: Office) -> list[type]:
    """Return what stopped and started the clock, and what decided."""
    kinds = RequestPaused | RequestResumed | IdentityVerified | IdentityRefused
    return [type(event) for event in office.events() if isinstance(event, kinds)]


@pytest.mark.parametrize("verified", [True, False])
async def test_where_the_staff_decides_while_the_clock_stands_still_it_runs_again_first(
    verified: bool,
) -> None:
    office = await opened()
    await coded(office)
    office.clock.move(timedelta(days=10))
    await office.tell(decision(verified=verified), service="console")
    assert clock(office) == [RequestPaused, RequestResumed, IdentityVerified if verified else IdentityRefused]
    assert office.the(RequestResumed).at == NOW + timedelta(days=10)
    assert office.broker.parked("intake") == []


async def test_where_a_request_lapses_while_the_clock_stands_still_it_runs_again_first() -> None:
    office = await opened()
    await coded(office)
    office.clock.move(timedelta(days=30))
    await office.fire(LAPSE, CASE)
    assert clock(office) == [RequestPaused, RequestResumed, IdentityRefused]
    assert office.the(RequestResumed).at == NOW + timedelta(days=30)


async def test_where_the_clock_runs_a_decision_does_not_start_it() -> None:
    office = await in_review()
    await office.tell(decision(verified=True), service="console")
    assert clock(office) == [IdentityVerified]


async def test_the_clock_stands_still_once_however_often_is_asked() -> None:
    office = await opened()
    await coded(office)
    await office.offer(CLAIM, id_="c")
    await office.compare(IdentityCompared(request_id=CASE, agreed=0, claimed=3))
    stops = [type(event) for event in office.events() if isinstance(event, RequestPaused | RequestResumed)]
    assert stops == [RequestPaused, RequestResumed]


# --- what a stranger tries ------------------------------------------------------------------------------


async def compare_points(
    office: Office, groups: int, *, private: bool, identities: tuple[str, ...] = ("email",)
) -> None:
    await office.offer(CLAIM, id_=f"c{groups}{private}")
    await office.compare(
        IdentityCompared(
            request_id=CASE, agreed=3, claimed=3, groups=groups, private=private, identities=identities
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("residence", [{"country": "DE"}, CALIFORNIA], ids=["Germany", "California"])
@pytest.mark.parametrize(
    "right",
    [
        "access", "portability", "erasure", "rectification", "restriction", "objection", "know_categories",
    ],
)  # fmt: skip
async def test_a_neighbours_knowledge_opens_and_changes_nothing(
    right: str, residence: dict[str, str]
) -> None:
    """Name, address and telephone number, with a mailbox that can be asked or without one."""
    for subject in (PERSON, STRANGER):
        office = await opened(
            sensitivity=Sensitivity.ORDINARY, right=right, residence=residence, subject=subject
        )
        for groups in (0, 1, 3):
            await compare_points(office, groups, private=False)
        assert office.facts(IdentityVerified) == []


async def test_a_name_in_two_fields_is_no_proof_at_all() -> None:
    office = await opened(sensitivity=Sensitivity.ORDINARY, right="erasure", residence=CALIFORNIA)
    await compare_points(office, 0, private=False)
    assert office.facts(IdentityVerified) == []


async def test_beside_a_proven_mailbox_a_neighbours_knowledge_counts() -> None:
    office = await opened(residence=CALIFORNIA, proofs=[declaration()])
    await coded(office)
    await compare_points(office, 2, private=False, identities=("phone_number",))
    assert office.facts(IdentityVerified) == [], "the records are not those of the mailbox"
    await compare_points(office, 2, private=False)
    assert office.the(IdentityVerified).proven == ("email",)


async def test_needless_document_is_not_looked_at() -> None:
    office = await opened(sensitivity=Sensitivity.ORDINARY)
    await office.offer(document("identity"), id_="d")
    assert office.facts(ProofPresented) == []
    assert office.the(ProofRefused).reason == "not_needed"


async def test_while_a_person_must_look_nothing_else_decides() -> None:
    office = await opened()
    await coded(office)
    await office.offer(document("identity"), id_="d1")
    await examined(office, Verdict.UNCLEAR, "evidence_reused_other_person")
    await office.offer(document("identity"), id_="d2")
    await examined(office, Verdict.CONVINCING)
    assert office.facts(IdentityVerified) == []


async def test_papers_of_two_other_people_are_for_a_person_to_look_at() -> None:
    office = await opened()
    await coded(office)
    for number in range(2):
        await office.offer(document("identity"), id_=f"d{number}")
        await examined(office, Verdict.REFUSED, "name_mismatch")
    assert office.the(IdentityReviewNeeded)


async def test_of_two_deciders_both_must_mean_the_same_identity() -> None:
    office = await in_review(four_eyes=True)
    await office.tell(decision(verified=True), service="console")
    other = decision(verified=True, by="robin.muster").model_copy(update={"identities": ("phone_number",)})
    await office.tell(other, service="console")
    assert office.facts(IdentityVerified) == []


async def test_decision_without_identities_decides_nothing() -> None:
    office = await in_review()
    await office.tell(decision(verified=True).model_copy(update={"identities": ()}), service="console")
    assert office.facts(IdentityVerified) == []


async def test_a_request_lapses_with_the_next_that_happens_where_the_moment_was_missed() -> None:
    office = await opened()
    await office.offer(document("identity"), id_="d")
    office.clock.move(timedelta(days=31))
    await office.fire(LAPSE, CASE)
    assert office.facts(IdentityRefused) == []
    await examined(office, Verdict.REFUSED, "image_blurred")
    assert office.the(IdentityRefused).reasons == ("not_proven_in_time",)


async def test_late_request_for_proof_does_not_stop_the_clock() -> None:
    office = await opened()
    office.clock.move(timedelta(days=4))
    await office.offer({"kind": "new_code"}, id_="n")
    await office.offer({"kind": "email_code", "code": office.code_of(CASE, "code_1")}, id_="code")
    assert office.facts(IdentityChallenged)[-1].kind is None
    assert office.facts(RequestPaused) == []


async def test_a_mailbox_is_not_flooded_by_many_requests_that_name_it() -> None:
    office = Office()
    office.allowances.left = 1
    await office.submit(request())
    await office.submit(request(reference="r-2", right="erasure"), id_="2")
    assert len([fact for fact in office.facts(IdentityChallenged) if fact.ref]) == 1
    assert office.the(ProofRefused).reason == "too_many_codes"


async def test_unannounced_proof_is_destroyed_with_the_others() -> None:
    office = await opened()
    await office.vault.seal(CASE, "proof_orphan", b"a picture")
    await coded(office)
    await office.offer(document("identity"), id_="d")
    await examined(office, Verdict.CONVINCING)
    assert set(office.sealed(CASE)) == {SUBMISSION}
