from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habeas.event_samples import least
from services.intake.cases.clock import (
    Arrival,
    due_now,
    extended_deadline,
    judging_policies,
    received_request,
    resumed_deadline,
)
from services.intake.domain import (
    CLOSED_BY,
    DECIDED_ELSEWHERE,
    NOTED,
    REMARKS,
    TRANSITIONS,
    AliasCodeKept,
    AliasCodeRefused,
    CaseStatus,
    ContentReadable,
    FollowUpKept,
    IntakeCase,
    MailboxSearched,
    PackageCodeKept,
    PackageCodeRefused,
    ReferenceSearched,
    RequestLodged,
    evolve,
    outcome_of,
    request_id,
)
from services.intake.handlers import SUBSCRIPTIONS
from shared.contract.catalogue import catalogue
from shared.contract.codes import TRIES
from shared.contract.events import (
    AliasCodeIssued,
    AliasProven,
    AnswerDelivered,
    AnswerExpected,
    AppealAnswered,
    AppealDecided,
    AppealReceived,
    Assurance,
    BurstDeclared,
    CaseAssigned,
    CaseNoted,
    CasesSearched,
    ContentOpened,
    DeadlineApproaching,
    DeadlineCame,
    DeadlineMissed,
    Decision,
    DecisionRefused,
    DeliveryAction,
    DisclosureScheduled,
    DropMatched,
    DueMoved,
    DuplicateDecided,
    ErasureApproved,
    ErasurePlanned,
    ErasureProposalDecided,
    ErasureScheduled,
    EvidenceDestroyed,
    EvidenceShown,
    ExtensionDecided,
    ExtensionReason,
    Fact,
    FeeAgreed,
    FeeQuoted,
    FileAttached,
    ForwardingDecided,
    ForwardingFetched,
    IdentityChallenged,
    IdentityClaimed,
    IdentityRefused,
    IdentityReminded,
    IdentityReviewNeeded,
    IdentityVerified,
    InquiryLodged,
    InquiryReminded,
    LetterKind,
    MessageHandled,
    MessageLodged,
    MessageOutcome,
    MessageRepaired,
    NarrowingDecided,
    NoticeFailed,
    NoticeReported,
    NoticeSent,
    OfflineManner,
    Outcome,
    PackageCodeIssued,
    PackageExpired,
    PackageExpiring,
    PackageFetched,
    PackageReviewed,
    PackageReviewNeeded,
    PauseDecided,
    PermissionGranted,
    PermissionRevoked,
    PreviewAsked,
    PreviewDrafted,
    ProofExamined,
    ProofKind,
    ProofReceived,
    ProofRefused,
    RecipientAcknowledged,
    RecipientFailed,
    RecipientInformed,
    Remedy,
    ReopeningDecided,
    RequestClosed,
    RequestDuplicated,
    RequestExtended,
    RequestForwarded,
    RequestFulfilled,
    RequestLapsed,
    RequestPaused,
    RequestPurged,
    RequestReceived,
    RequestReferred,
    RequestRejected,
    RequestReleased,
    RequestRenewed,
    RequestResumed,
    RequestStopped,
    RequestSubmitted,
    RequestTaken,
    RequestWithdrawn,
    Residence,
    ScopeAnswered,
    ScopeAsked,
    StaffSignedIn,
    StaffSignedOut,
    StopDecided,
    StopReason,
    Subject,
    SubjectUnrestricted,
    SubmissionError,
    SubmissionHandled,
    TrailExported,
    WithdrawalDecided,
)
from shared.contract.events.breaches import BreachLodged, IncidentDecision
from shared.contract.topology import LISTENS
from shared.errors import IllegalTransition, TooEarly
from shared.law import ClockRules, FeeReason, Money, PolicyLibrary, Regulation, Right, Role, SourceStatus
from shared.law.library import policies
from tests.unit.fakes import ABROAD, NOW, PRACTICE, unread_deadlines

CASE = "c" * 32
RECEIVED = RequestReceived(
    request_id=CASE,
    right=Right.ACCESS,
    regulation=Regulation.GDPR,
    policy="gdpr@2018-05-25",
    source="shop.example.com",
    received_at=NOW,
    received_on=date(2026, 3, 5),
    due_on=date(2026, 4, 7),
    internal_due_on=date(2026, 4, 2),
)
CHALLENGED = IdentityChallenged(
    request_id=CASE, kind=ProofKind.EMAIL_CODE, ref="code_0", expires_at=NOW + timedelta(minutes=30)
)
VERIFIED = IdentityVerified(
    request_id=CASE,
    right=Right.ACCESS,
    regulation=Regulation.GDPR,
    received_on=date(2026, 3, 5),
    assurance=Assurance.MAILBOX,
    reasons=("mailbox",),
)
REFUSED = IdentityRefused(request_id=CASE, reasons=("too_many_attempts",))
PROOF_REFUSED = ProofRefused(request_id=CASE, reason="wrong_code", tries_left=2)
WITHDRAWN = RequestWithdrawn(request_id=CASE)
FULFILLED = RequestFulfilled(
    answer="answer", request_id=CASE, right=Right.ACCESS, outcome=Outcome.PARTLY_GRANTED, package="package"
)
REFERRED = RequestReferred(request_id=CASE, right=Right.ACCESS, reason="not_automated")
CLOSED = RequestClosed(request_id=CASE)
PLANNED = ErasurePlanned(
    request_id=CASE, plan="plan", regulation=Regulation.GDPR, received_on=date(2026, 3, 5), approval=True
)
APPROVED = ErasureApproved(request_id=CASE, by="second.person")
SCHEDULED = ErasureScheduled(request_id=CASE, at=datetime(2026, 3, 6, 9, 30, tzinfo=UTC))
HELD_BACK = DisclosureScheduled(request_id=CASE, at=SCHEDULED.at)
REVIEW = PackageReviewNeeded(request_id=CASE, right=Right.ACCESS, listing="listing_1", records=2)
KEPT = PackageCodeKept(request_id=CASE, digest="d" * 64, expires_at=NOW)
APPEAL = AppealReceived(
    request_id=CASE,
    remedy=Remedy.APPEAL,
    statement="appeal_1",
    received_on=date(2026, 3, 5),
    due_on=date(2026, 5, 1),
    policy="us-va@2023-01-01",
)
FORWARDED = RequestForwarded(
    request_id=CASE, controller="controller", link="link", digest="d" * 64, expires_at=NOW
)
DUPLICATED = RequestDuplicated(
    request_id=CASE, first="f" * 32, first_received_on=date(2026, 3, 1), due_on=date(2026, 4, 1)
)
EXAMPLES: dict[type[Fact], Fact] = {
    type(fact): fact
    for fact in [
        RECEIVED,
        CHALLENGED,
        VERIFIED,
        REFUSED,
        PROOF_REFUSED,
        WITHDRAWN,
        FULFILLED,
        REFERRED,
        CLOSED,
        PLANNED,
        APPROVED,
        SCHEDULED,
        HELD_BACK,
        REVIEW,
        KEPT,
        NoticeSent(request_id=CASE, letter=LetterKind.ACKNOWLEDGEMENT),
        NoticeFailed(request_id=CASE, letter=LetterKind.OUTCOME, reason="mail_refused"),
        RecipientFailed(request_id=CASE, recipient="Bank", notice="n", about="a", reason="refused"),
        RecipientAcknowledged(request_id=CASE, recipient="Bank", notice="n", about="a"),
        PackageCodeIssued(request_id=CASE, ref="package_code_0", expires_at=NOW),
        IdentityReviewNeeded(request_id=CASE, reasons=("unclear",)),
        RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW),
        RequestResumed(request_id=CASE, at=NOW),
        DeadlineCame(request_id=CASE, name="deadline_missed_20260407"),
        DeadlineApproaching(request_id=CASE, due_on=date(2026, 4, 7)),
        DeadlineMissed(request_id=CASE, due_on=date(2026, 4, 7)),
        FollowUpKept(request_id=CASE, source="shop.example", at=NOW),
        DueMoved(
            request_id=CASE,
            days=3,
            due_on=date(2026, 4, 10),
            meant_for=date(2026, 4, 5),
            policy="gdpr@2018-05-25",
        ),
        ExtensionDecided(request_id=CASE, by="anna", reason=ExtensionReason.COMPLEXITY),
        NarrowingDecided(request_id=CASE, by="anna"),
        ScopeAsked(
            request_id=CASE, asked_at=NOW, until=NOW, answer_by=date(2026, 3, 18), due_on=date(2026, 4, 7)
        ),
        ScopeAnswered(request_id=CASE),
        ErasureProposalDecided(request_id=CASE, by="anna", accepted=True, manner=OfflineManner.TELEPHONE),
        AnswerExpected(request_id=CASE, by="anna", on=date(2026, 4, 20)),
        RequestExtended(
            request_id=CASE,
            reason=ExtensionReason.COMPLEXITY,
            promised_on=date(2026, 4, 7),
            due_on=date(2026, 6, 5),
            meant_for=date(2026, 5, 28),
            policy="gdpr@2018-05-25",
        ),
        AnswerDelivered(request_id=CASE, by="anna", way="post"),
        FeeQuoted(
            request_id=CASE,
            fee=Money(amount=Decimal("12.50"), currency="EUR"),
            reason=FeeReason.FURTHER_COPY,
            answer_by=date(2026, 3, 18),
        ),
        FeeAgreed(request_id=CASE),
        NoticeReported(
            request_id=CASE, letter=LetterKind.OUTCOME, action=DeliveryAction.DELAYED, status="4.4.1"
        ),
        RequestRenewed(request_id=CASE, follows="f" * 32),
        ReopeningDecided(request_id=CASE, by="dana", reason="error"),
        PauseDecided(request_id=CASE, by="dana"),
        DuplicateDecided(request_id=CASE, by="dana", first="f" * 32),
        RequestStopped(request_id=CASE, reason=StopReason.NOT_ME),
        RequestReleased(request_id=CASE),
        StopDecided(request_id=CASE, by="dana", resume=True),
        WithdrawalDecided(request_id=CASE, by="dana"),
        PackageReviewed(request_id=CASE, by="dana", listing="listing_1"),
        PackageExpiring(request_id=CASE, expires_at=NOW),
        PackageExpired(request_id=CASE),
        FORWARDED,
        DUPLICATED,
        ForwardingDecided(request_id=CASE, by="anna", controller="written_1"),
        ForwardingFetched(request_id=CASE),
        APPEAL,
        AppealDecided(request_id=CASE, by="anna", granted=False, reasons=("legal_claims",)),
        RequestTaken(request_id=CASE, by="anna", manner="telephone", received_at=NOW, content="written_1"),
        ContentOpened(request_id=CASE, by="anna", item="submission", reason="review"),
        ContentReadable(request_id=CASE, by="anna", until=NOW),
        EvidenceShown(request_id=CASE, by="anna", reason="review", refs=(), until=NOW),
        PermissionGranted(request_id=CASE, by="bruno", account="anna", until=NOW, reason="review"),
        PermissionRevoked(request_id=CASE, by="bruno", account="anna"),
        PreviewAsked(request_id=CASE, preview="preview_1", type="habeas.fee.decided.v1"),
        PreviewDrafted(request_id=CASE, preview="preview_1"),
        AppealAnswered(request_id=CASE, remedy=Remedy.APPEAL, received_on=date(2026, 3, 5), granted=False),
        AliasCodeKept(request_id=CASE, digest="d" * 64, expires_at=NOW, aliases="aliases_1", number=1),
        AliasCodeIssued(request_id=CASE, ref="alias_code_0", mailbox="alias_mailbox_0_1", expires_at=NOW),
        AliasCodeRefused(request_id=CASE),
        AliasProven(request_id=CASE, aliases="aliases_1", number=1),
        PackageCodeRefused(request_id=CASE),
        PackageFetched(request_id=CASE),
        ProofReceived(request_id=CASE, proofs=()),
        RequestLodged(request_id=CASE, source="habeas/public", occurred_at=NOW),
        RequestRejected(
            request_id=CASE,
            publisher_source=None,
            publisher_id=None,
            errors=(SubmissionError(path="", message="no"),),
        ),
        BurstDeclared(request_id=CASE, by="dana", incident="breach", since=NOW, until=NOW),
        StaffSignedIn(request_id=CASE, by="dana", token=CASE * 2, until=NOW),
        StaffSignedOut(request_id=CASE, by="dana"),
        CaseAssigned(request_id=CASE, owner="dana", by="dana"),
        CaseNoted(request_id=CASE, note="note_1", by="dana"),
        FileAttached(request_id=CASE, item="file_1", media_type="application/pdf", by="dana"),
        TrailExported(request_id=CASE, by="alex"),
        EvidenceDestroyed(request_id=CASE, refs=("proof_1",)),
        IdentityReminded(request_id=CASE, expires_at=NOW, wanted=()),
        least(ProofExamined, request_id=CASE),
        RequestLapsed(request_id=CASE),
        DecisionRefused(
            request_id=CASE, decision="d", type="habeas.fee.decided.v1", account="dana", reason="role_missing"
        ),
        *(least(kind, request_id=CASE) for kind in DECIDED_ELSEWHERE),
        BreachLodged(request_id=CASE, declaration="breach_declared"),
        InquiryLodged(request_id=CASE, inquiry="inquiry", received_on=NOW.date(), laws=("gdpr@2018-05-25",)),
        MessageLodged(request_id=CASE, message="mail", reason="other", own=False),
        MessageHandled(request_id=CASE, by="anna", message="mail", outcome=MessageOutcome.ANSWERED),
        MailboxSearched(request_id=CASE, by="anna", mailbox="00", found=1),
        ReferenceSearched(request_id=CASE, by="anna", reference="hmac:00", found=1),
        CasesSearched(request_id=CASE, by="anna", found=1),
        MessageRepaired(request_id=CASE, by="anna", service="verifier", replayed=True, content="written_0"),
        SubmissionHandled(request_id=CASE, by="anna", outcome=MessageOutcome.ANSWERED),
        RecipientInformed(request_id=CASE, by="anna", recipient="Bank"),
        InquiryReminded(request_id=CASE, inquiry="inquiry", received_on=date(2026, 3, 5), laws=()),
        RequestPurged(request_id=CASE),
        SubjectUnrestricted(request_id=CASE, identifiers={}),
        DropMatched(request_id=CASE, matches="drop_found", found=1),
        # Facts that are none of intake's business.
        IdentityClaimed(request_id=CASE, proofs=()),
    ]
}
FACTS = st.sampled_from(list(EXAMPLES.values()))


def after(*story: Fact) -> IntakeCase:
    return reduce(evolve, story, IntakeCase())


@pytest.mark.parametrize("after", [FULFILLED, WITHDRAWN, PLANNED], ids=lambda fact: type(fact).__name__)
def test_package_waits_for_its_review_until_the_answer_or_the_end(after: Fact) -> None:
    case = reduce(evolve, (RECEIVED, VERIFIED, REVIEW), IntakeCase())
    assert (case.status, case.review) == (CaseStatus.VERIFIED, REVIEW)
    assert evolve(case, after).review is None


def test_submission_is_set_aside_until_the_staff_has_handled_it() -> None:
    rejected, handled = EXAMPLES[RequestRejected], EXAMPLES[SubmissionHandled]
    assert after(rejected).set_aside
    assert not after(rejected, handled).set_aside


def test_recipient_counts_as_notified_once_the_staff_has_informed_it() -> None:
    failed, informed = EXAMPLES[RecipientFailed], EXAMPLES[RecipientInformed]
    assert after(failed).unnotified == ("Bank",)
    assert after(failed, informed).unnotified == ()


def test_every_fact_that_intake_hears_has_an_example_here() -> None:
    heard = {s.event for s in SUBSCRIPTIONS if issubclass(s.event, Fact)}
    in_table = {fact for row in TRANSITIONS.values() for fact in row}
    assert heard | in_table | REMARKS <= set(EXAMPLES)


def test_every_decision_that_intake_does_not_hear_is_noted_for_trails() -> None:
    decisions = {kind for kind in catalogue() if issubclass(kind, Decision)}
    of_requests = {kind for kind in decisions if not issubclass(kind, IncidentDecision)}
    assert {kind for kind in of_requests if kind.TYPE not in LISTENS["intake"]} == DECIDED_ELSEWHERE


def test_every_status_has_its_row() -> None:
    assert set(TRANSITIONS) == set(CaseStatus)


@given(status=st.sampled_from(CaseStatus), fact=FACTS)
def test_every_fact_in_every_status_is_in_the_table_or_raises(status: CaseStatus, fact: Fact) -> None:
    case = IntakeCase(status=status)
    unchanged = status if type(fact) in NOTED else None
    expected = status if type(fact) in REMARKS else TRANSITIONS[status].get(type(fact), unchanged)
    if expected is None:
        with pytest.raises(TooEarly if status is CaseStatus.UNKNOWN else IllegalTransition):
            evolve(case, fact)
    else:
        assert evolve(case, fact).status is expected


@given(story=st.lists(FACTS, max_size=12))
def test_no_story_brings_a_case_back_to_life(story: Sequence[Fact]) -> None:
    case, seen = after(RECEIVED), [CaseStatus.RECEIVED]
    for fact in story:
        try:
            case = evolve(case, fact)
        except (IllegalTransition, TooEarly):
            continue
        seen.append(case.status)
    ended = [i for i, status in enumerate(seen) if status in {CaseStatus.REFUSED, CaseStatus.WITHDRAWN}]
    if ended:
        left = set(seen[ended[0] :])
        assert left <= {CaseStatus.REFUSED, CaseStatus.WITHDRAWN, CaseStatus.ANSWERED, CaseStatus.CLOSED}


@pytest.mark.parametrize(
    ("story", "status"),
    [
        pytest.param([VERIFIED], CaseStatus.VERIFIED, id="believed at once"),
        pytest.param([VERIFIED, CHALLENGED], CaseStatus.VERIFIED, id="late challenge, verified"),
        pytest.param([VERIFIED, REFERRED, CHALLENGED], CaseStatus.REFERRED, id="late challenge, referred"),
        pytest.param([VERIFIED, FULFILLED, CHALLENGED], CaseStatus.ANSWERED, id="late challenge, answered"),
        pytest.param([REFUSED, CHALLENGED], CaseStatus.REFUSED, id="late challenge, refused"),
        pytest.param(
            [CHALLENGED, WITHDRAWN, VERIFIED], CaseStatus.WITHDRAWN, id="withdrawal crosses verification"
        ),
        pytest.param([CHALLENGED, WITHDRAWN, REFUSED], CaseStatus.WITHDRAWN, id="withdrawal crosses refusal"),
        pytest.param([VERIFIED, WITHDRAWN, REFERRED], CaseStatus.WITHDRAWN, id="withdrawal crosses referral"),
        pytest.param([VERIFIED, WITHDRAWN, FULFILLED], CaseStatus.ANSWERED, id="withdrawal crosses answer"),
        pytest.param(
            [VERIFIED, WITHDRAWN, CLOSED, FULFILLED], CaseStatus.ANSWERED, id="answer after closing"
        ),
        pytest.param([VERIFIED, WITHDRAWN, CLOSED, FULFILLED, CLOSED], CaseStatus.CLOSED, id="closed twice"),
        pytest.param([WITHDRAWN, CLOSED, VERIFIED], CaseStatus.CLOSED, id="verification after closing"),
        pytest.param(
            [WITHDRAWN, FULFILLED, VERIFIED], CaseStatus.ANSWERED, id="verification after the answer"
        ),
    ],
)
def test_crossing_facts_lead_to_the_right_status(story: Sequence[Fact], status: CaseStatus) -> None:
    assert after(RECEIVED, *story).status is status


@pytest.mark.parametrize("fact", [FULFILLED, REFERRED])
@pytest.mark.parametrize("story", [[], [CHALLENGED]])
def test_answer_and_verification_may_come_in_any_order(story: Sequence[Fact], fact: Fact) -> None:
    answered = after(RECEIVED, *story, fact)
    assert answered.status in {CaseStatus.ANSWERED, CaseStatus.REFERRED}
    for overtaking in ([fact, VERIFIED], [VERIFIED, fact]):
        assert after(RECEIVED, *story, *overtaking).status is answered.status


def test_a_withdrawn_request_was_not_refused_by_what_crossed_it() -> None:
    case = after(RECEIVED, CHALLENGED, WITHDRAWN, REFUSED, CLOSED)
    assert outcome_of(case) is None
    assert case.refused_for == ()


def test_an_answer_that_crossed_a_withdrawal_stands() -> None:
    assert outcome_of(after(RECEIVED, VERIFIED, WITHDRAWN, FULFILLED)) is Outcome.PARTLY_GRANTED


def test_a_refusal_says_why() -> None:
    case = after(RECEIVED, CHALLENGED, REFUSED)
    assert (outcome_of(case), case.refused_for) == (Outcome.REFUSED, ("too_many_attempts",))


@pytest.mark.parametrize(
    "fact", [f for f in EXAMPLES.values() if type(f) not in TRANSITIONS[CaseStatus.UNKNOWN]]
)
def test_nothing_but_its_receipt_starts_a_case(fact: Fact) -> None:
    if type(fact) in REMARKS | NOTED:
        assert evolve(IntakeCase(), fact).status is CaseStatus.UNKNOWN
    else:
        with pytest.raises(TooEarly):
            evolve(IntakeCase(), fact)


def test_an_erasure_waits_for_approval_until_there_is_one_or_none_is_needed() -> None:
    verified = after(RECEIVED, VERIFIED)
    planned = evolve(verified, PLANNED)
    assert (verified.awaits_approval, planned.awaits_approval) == (False, True)
    assert not evolve(planned, APPROVED).awaits_approval
    two = evolve(verified, PLANNED.model_copy(update={"approvers": 2}))
    once = evolve(two, APPROVED)
    other = APPROVED.model_copy(update={"by": "third.person"})
    assert (once.awaits_approval, evolve(once, other).awaits_approval) == (True, False)
    assert evolve(once, APPROVED).awaits_approval, "one account counts once"
    again = evolve(evolve(once, other), PLANNED)
    assert (again.awaits_approval, evolve(again, APPROVED).awaits_approval) == (True, False)
    assert not evolve(planned, PLANNED.model_copy(update={"approval": False})).awaits_approval


def test_erasure_can_be_stopped_until_its_window_ends() -> None:
    waiting = evolve(IntakeCase(status=CaseStatus.VERIFIED), SCHEDULED)
    assert waiting.erased_after(SCHEDULED.at - timedelta(microseconds=1)) == SCHEDULED.at
    assert waiting.erased_after(SCHEDULED.at) is None
    stopped = evolve(waiting, RequestWithdrawn(request_id=CASE))
    assert stopped.erased_after(SCHEDULED.at - timedelta(days=1)) is None


def test_a_new_code_comes_with_new_tries() -> None:
    assert after(RECEIVED, CHALLENGED, PROOF_REFUSED).tries_left == 2
    assert after(RECEIVED, CHALLENGED, PROOF_REFUSED, CHALLENGED).tries_left == TRIES


@pytest.mark.parametrize(
    ("status", "letter"),
    [
        pytest.param(CaseStatus.ANSWERED, LetterKind.OUTCOME, id="answered"),
        pytest.param(CaseStatus.REFUSED, LetterKind.REFUSAL, id="refused"),
        pytest.param(CaseStatus.WITHDRAWN, LetterKind.WITHDRAWN, id="withdrawn"),
        pytest.param(CaseStatus.DUPLICATE, LetterKind.DUPLICATE, id="duplicate"),
    ],
)
def test_a_case_is_closed_by_its_own_letter_alone(status: CaseStatus, letter: LetterKind) -> None:
    assert [kind for kind in LetterKind if IntakeCase(status=status).is_closed_by(kind)] == [letter]


@pytest.mark.parametrize("status", sorted(set(CaseStatus) - CLOSED_BY.keys()))
def test_no_letter_closes_a_case_that_is_not_decided(status: CaseStatus) -> None:
    assert not any(IntakeCase(status=status).is_closed_by(kind) for kind in LetterKind)


def test_a_fetched_package_has_spent_its_code() -> None:
    case = after(RECEIVED, VERIFIED, FULFILLED, KEPT, EXAMPLES[PackageFetched])
    assert (case.package_code, case.package_codes, case.downloads) == (None, 1, 1)


# --- ids ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), min_size=2, max_size=2, unique=True))
def test_two_pairs_of_source_and_reference_never_share_an_id(pairs: list[tuple[str, str]]) -> None:
    one, other = (request_id(source, reference, key=b"k") for source, reference in pairs)
    assert one != other


def test_spaces_and_digits_cannot_make_two_pairs_look_alike() -> None:
    assert request_id("a b", "c", key=b"k") != request_id("a", "b c", key=b"k")
    assert request_id("1 a", "b", key=b"k") != request_id("1", "a b", key=b"k")


def test_the_same_pair_has_the_same_id_under_one_key_only() -> None:
    assert request_id("crm", "7", key=b"k") == request_id("crm", "7", key=b"k")
    assert request_id("crm", "7", key=b"k") != request_id("crm", "7", key=b"other")


# --- receipt ------------------------------------------------------------------------------------------


def submitted(residence: Residence | None = None, **changes: object) -> RequestSubmitted:
    request = RequestSubmitted(reference="r", right=Right.ACCESS, subject=Subject(), residence=residence)
    return request.model_copy(update=changes)


def received(
    request: RequestSubmitted,
    practice: ClockRules = PRACTICE,
    *,
    occurred_at: datetime = NOW,
    now: datetime = NOW,
) -> RequestReceived:
    return received_request(request, Arrival(CASE, "shop.example.com", occurred_at, now), practice)


@pytest.mark.parametrize(
    ("residence", "regulation", "due_on"),
    [
        # 5 April 2026 is Easter Sunday: the next working day is Tuesday in England, and Monday in New York.
        pytest.param(Residence(country="DE"), Regulation.GDPR, date(2026, 4, 6), id="Germany"),
        pytest.param(Residence(country="GB"), Regulation.UK_GDPR, date(2026, 4, 7), id="United Kingdom"),
        # 45 days from 5 March, that day included, end on Saturday 18 April: the Friday before.
        pytest.param(
            Residence(country="US", subdivision="CA"), Regulation.CCPA, date(2026, 4, 17), id="California"
        ),
        pytest.param(
            Residence(country="US", subdivision="TX"), Regulation.US_STATE, date(2026, 4, 17), id="Texas"
        ),
        pytest.param(None, Regulation.GDPR, date(2026, 4, 6), id="unknown: what everybody is granted"),
    ],
)
def test_residence_chooses_the_law_and_the_law_the_last_day(
    residence: Residence | None, regulation: Regulation, due_on: date
) -> None:
    fact = received(submitted(residence), ABROAD)
    assert (fact.regulation, fact.received_on, fact.due_on) == (regulation, date(2026, 3, 5), due_on)
    assert fact.received_on <= fact.internal_due_on <= fact.due_on


def test_a_regulation_that_is_invoked_prevails() -> None:
    request = submitted(Residence(country="DE"), regulation=Regulation.CCPA)
    assert received(request).regulation is Regulation.CCPA


@pytest.mark.parametrize(
    ("received_at", "occurred_at", "expected"),
    [
        pytest.param(None, NOW - timedelta(days=2), NOW - timedelta(days=2), id="the event's own time"),
        pytest.param(NOW - timedelta(days=9), NOW, NOW - timedelta(days=9), id="an earlier receipt"),
        pytest.param(NOW + timedelta(days=9), NOW, NOW, id="a receipt in the future"),
        pytest.param(None, NOW + timedelta(days=9), NOW, id="an event from the future"),
        pytest.param(
            datetime(1, 1, 1, tzinfo=UTC), NOW, datetime(2018, 5, 25, tzinfo=UTC), id="before there was a law"
        ),
    ],
)
def test_the_clock_of_the_law_starts_at_receipt_and_never_later_than_now(
    received_at: datetime | None, occurred_at: datetime, expected: datetime
) -> None:
    assert received(submitted(received_at=received_at), occurred_at=occurred_at).received_at == expected


@pytest.mark.slow
@given(st.datetimes(timezones=st.timezones()))
def test_any_time_of_receipt_has_a_due_date(received_at: datetime) -> None:
    fact = received(submitted(received_at=received_at))
    assert fact.received_at <= NOW
    assert fact.received_on < fact.due_on


def test_a_receipt_at_night_counts_for_the_day_it_is_where_the_answer_is_written() -> None:
    assert received(submitted(received_at=datetime(2026, 1, 30, 23, 30, tzinfo=UTC))).received_on == date(
        2026, 1, 31
    )


def test_a_recipient_not_notified_stays_listed_until_acknowledged() -> None:
    case = IntakeCase(status=CaseStatus.CLOSED)
    for name in ("Bank", "Courier", "Bank"):
        failed = RecipientFailed(request_id=CASE, recipient=name, notice="n", about="a", reason="refused")
        case = evolve(case, failed)
    assert case.unnotified == ("Bank", "Courier")
    case = evolve(case, RecipientAcknowledged(request_id=CASE, recipient="Bank", notice="n", about="a"))
    assert (case.unnotified, case.status) == (("Courier",), CaseStatus.CLOSED)


def test_request_names_the_laws_not_accepted() -> None:
    """Nothing unread judges it, and the staff can see it."""
    request = submitted(Residence(country="BR"), regulation=Regulation.LGPD)
    practice = replace(ABROAD, policies=unread_deadlines("br-lgpd"))
    fact = received(request, practice)
    assert (fact.laws, fact.not_accepted) == (("gdpr@2018-05-25",), ("br-lgpd@2020-09-18",))
    assert {day.policy for day in fact.last_days} == {"gdpr@2018-05-25"}
    accepted = received(request, replace(practice, policies=practice.policies.accepting(["br-lgpd"])))
    assert (accepted.laws, accepted.not_accepted) == (("br-lgpd@2020-09-18",), ())


def test_unread_edition_judges_no_complaint() -> None:
    begun = policies().named("gdpr@2018-05-25").model_copy(update={"model": None})
    periods = tuple(rule.model_copy(update={"read": SourceStatus.UNREAD}) for rule in begun.periods)
    later = begun.model_copy(update={"edition": date(2026, 3, 1), "periods": periods})
    practice = replace(PRACTICE, policies=PolicyLibrary([begun, later]))
    assert judging_policies(Remedy.COMPLAINT, RECEIVED, NOW, practice) == [practice.policies.named(begun.id)]


# --- the clock is paused -----------------------------------------------------------------------------


def paused(regulation: Regulation = Regulation.GDPR) -> IntakeCase:
    policy = policies().governing(regulation, RECEIVED.received_on).id
    received = RECEIVED.model_copy(update={"regulation": regulation, "policy": policy})
    asked = RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW)
    return reduce(evolve, [received, asked], IntakeCase())


@pytest.mark.parametrize(
    ("days", "due_on"),
    [
        pytest.param(1, date(2026, 4, 7), id="from Easter Sunday to Monday, which is a day off as well"),
        pytest.param(4, date(2026, 4, 9), id="to Thursday"),
        pytest.param(6, date(2026, 4, 13), id="to a Saturday, so to Monday"),
        pytest.param(0, None, id="the same day"),
    ],
)
@pytest.mark.parametrize("regulation", [Regulation.GDPR, Regulation.UK_GDPR])
def test_the_last_day_moves_by_as_long_as_proof_was_awaited(
    regulation: Regulation, days: int, due_on: date | None
) -> None:
    moved = resumed_deadline(paused(regulation), NOW + timedelta(days=days), PRACTICE)
    assert (None if moved is None else moved.due_on) == due_on


def test_in_california_the_clock_never_stands() -> None:
    assert resumed_deadline(paused(Regulation.CCPA), NOW + timedelta(days=9), PRACTICE) is None


def test_a_case_is_judged_to_its_end_by_the_edition_that_it_began_with() -> None:
    """Editions of the same day would differ in nothing but this: a pause that the later one does not know."""
    begun = policies().named("gdpr@2018-05-25").model_copy(update={"model": None})
    later = begun.model_copy(update={"edition": date(2026, 3, 1), "pauses": ()})
    practice = replace(PRACTICE, policies=PolicyLibrary([begun, later]))
    case = paused()
    assert resumed_deadline(case, NOW + timedelta(days=4), practice) is not None
    assert case.received is not None
    received = case.received.model_copy(update={"policy": later.id})
    assert resumed_deadline(replace(case, received=received), NOW + timedelta(days=4), practice) is None


def test_two_pauses_add_up_and_the_day_of_receipt_never_moves() -> None:
    case = paused()
    for number in range(2):
        moved = resumed_deadline(case, NOW + timedelta(days=10 * number + 3), PRACTICE)
        assert moved is not None
        back = RequestResumed(request_id=CASE, at=NOW)
        again = RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW + timedelta(days=10))
        case = reduce(evolve, [back, moved, again], case)
    assert (case.paused_days, case.due_on) == (6, date(2026, 4, 13))
    assert case.received is not None
    assert case.received.received_on == RECEIVED.received_on


def test_of_two_laws_the_one_that_knows_no_pause_holds_the_answer_to_its_day() -> None:
    received = RECEIVED.model_copy(update={"also": ("us-ca-ccpa@2026-01-01",)})
    asked = RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW)
    moved = resumed_deadline(
        reduce(evolve, [received, asked], IntakeCase()), NOW + timedelta(days=30), PRACTICE
    )
    assert moved is not None
    assert (moved.days, moved.due_on) == (30, date(2026, 4, 17))
    assert evolve(IntakeCase(received=received), moved).due_by == "us-ca-ccpa@2026-01-01"


@pytest.mark.parametrize(("hours", "days"), [(23, None), (24, 1), (47, 1)])
def test_part_of_a_day_moves_no_last_day(hours: int, days: int | None) -> None:
    moved = resumed_deadline(paused(), NOW + timedelta(hours=hours), PRACTICE)
    assert (moved and moved.days) == days


# --- several laws, and longer -----------------------------------------------------------------------------


def test_the_case_keeps_all_laws_that_protect_and_says_which_gave_which_day() -> None:
    fact = received(submitted(Residence(country="US", subdivision="CA")))
    assert fact.laws == ("us-ca-ccpa@2026-01-01", "gdpr@2018-05-25")
    assert [(day.duty, day.policy, day.on) for day in fact.last_days] == [
        ("answer", "gdpr@2018-05-25", date(2026, 4, 7)),
        ("extended answer", "us-ca-ccpa@2026-01-01", date(2026, 6, 2)),
        ("acknowledgement", "us-ca-ccpa@2026-01-01", date(2026, 3, 19)),
    ]
    assert fact.due_on == date(2026, 4, 7)


def test_employee_in_texas_has_the_rights_granted_to_all() -> None:
    texan = submitted(Residence(country="US", subdivision="TX"), role=Role.BUSINESS_CONTACT)
    assert received(texan, ABROAD).laws == ("gdpr@2018-05-25",)


def longer(case: IntakeCase, now: datetime = NOW) -> RequestExtended | None:
    return extended_deadline(case, ExtensionReason.COMPLEXITY, now, PRACTICE)


def test_an_answer_takes_two_months_longer_counted_from_receipt() -> None:
    fact = longer(evolve(IntakeCase(), RECEIVED))
    assert fact is not None
    assert (fact.due_on, fact.meant_for, fact.policy) == (
        date(2026, 6, 5),
        date(2026, 5, 28),
        "gdpr@2018-05-25",
    )
    case = reduce(evolve, [fact], evolve(IntakeCase(), RECEIVED))
    assert (case.due_on, case.meant_for, case.tell_by) == (fact.due_on, fact.meant_for, RECEIVED.due_on)


@pytest.mark.parametrize(
    ("facts", "now"),
    [
        pytest.param([], datetime(2026, 4, 7, 22, tzinfo=UTC), id="the first period is over"),
        pytest.param([VERIFIED, FULFILLED, CLOSED], NOW, id="it is answered"),
        pytest.param([WITHDRAWN], NOW, id="it was taken back"),
        pytest.param([EXAMPLES[RequestExtended]], NOW, id="it was extended before"),
    ],
)
def test_an_answer_is_not_put_off_when_it_may_not_be(facts: Sequence[Fact], now: datetime) -> None:
    assert longer(reduce(evolve, [RECEIVED, *facts], IntakeCase()), now) is None


@pytest.mark.parametrize("right", [Right.OPT_OUT_OF_SALE, Right.LIMIT_SENSITIVE_USE])
def test_an_opt_out_knows_no_extension(right: Right) -> None:
    fact = received(submitted(Residence(country="US", subdivision="CA"), right=right))
    assert longer(evolve(IntakeCase(), fact)) is None


def test_a_pause_moves_an_extended_answer_too() -> None:
    asked = RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW)
    case = reduce(evolve, [RECEIVED, EXAMPLES[RequestExtended], asked], IntakeCase())
    moved = resumed_deadline(case, NOW + timedelta(days=4), PRACTICE)
    assert moved is not None
    assert moved.due_on == date(2026, 6, 9)


# --- letters that come back -------------------------------------------------------------------------------

BOUNCE = NoticeFailed(request_id=CASE, letter=LetterKind.OUTCOME, reason="bounced")
SENT = NoticeSent(request_id=CASE, letter=LetterKind.OUTCOME)


def test_an_answer_that_came_back_is_owed_again_until_it_is_delivered() -> None:
    closed = reduce(evolve, [RECEIVED, VERIFIED, FULFILLED, SENT, CLOSED], IntakeCase())
    assert not closed.unanswered
    back = evolve(closed, BOUNCE)
    assert back.unanswered
    assert not evolve(back, SENT).unanswered
    assert not evolve(back, AnswerDelivered(request_id=CASE, by="anna", way="post")).unanswered


def test_another_letter_that_came_back_opens_nothing_again() -> None:
    closed = reduce(evolve, [RECEIVED, VERIFIED, FULFILLED, SENT, CLOSED], IntakeCase())
    receipt = BOUNCE.model_copy(update={"letter": LetterKind.ACKNOWLEDGEMENT})
    assert not evolve(closed, receipt).unanswered


def test_code_that_acknowledges_counts_as_both_letters() -> None:
    receipt, code = LetterKind.ACKNOWLEDGEMENT, LetterKind.CODE
    sent = NoticeSent(request_id=CASE, letter=code, acknowledges=True)
    failed = NoticeFailed(request_id=CASE, letter=code, acknowledges=True, reason="bounced")
    delivered = reduce(evolve, [RECEIVED, sent], IntakeCase())
    assert delivered.sent == {receipt, code}
    back = evolve(delivered, failed)
    assert back.returned == {receipt, code}
    assert set(back.undelivered) == {receipt, code}
    assert evolve(back, sent.model_copy(update={"acknowledges": False})).returned == {receipt}
    assert evolve(back, sent).returned == set()


@pytest.mark.parametrize("reason", ["mailbox_unknown", "mailbox_full", "mail_refused", "bounced"])
def test_an_answer_that_no_server_takes_when_it_is_sent_again_is_owed_again(reason: str) -> None:
    closed = reduce(evolve, [RECEIVED, VERIFIED, FULFILLED, SENT, CLOSED], IntakeCase())
    assert evolve(closed, BOUNCE.model_copy(update={"reason": reason})).unanswered


def test_returned_answer_is_owed_until_it_is_sent_again() -> None:
    closed = reduce(evolve, [RECEIVED, VERIFIED, FULFILLED, SENT, CLOSED], IntakeCase())
    reported = NoticeReported(
        request_id=CASE,
        letter=LetterKind.OUTCOME,
        action=DeliveryAction.FAILED,
        status="4.4.7",
        again=True,
    )
    assert evolve(closed, reported).unanswered
    assert not reduce(evolve, [reported, SENT], closed).unanswered
    delayed = reported.model_copy(update={"action": DeliveryAction.DELAYED})
    assert not evolve(closed, delayed).unanswered


def test_an_undecided_request_cannot_be_delivered() -> None:
    case = reduce(evolve, [RECEIVED, AnswerDelivered(request_id=CASE, by="anna", way="post")], IntakeCase())
    assert case.unanswered


def test_a_pause_that_one_law_knows_moves_the_day_while_it_lasts() -> None:
    received = RECEIVED.model_copy(update={"also": ("us-ca-ccpa@2026-01-01",)})
    asked = RequestPaused(request_id=CASE, reason="proof_wanted", since=NOW)
    case = reduce(evolve, [received, asked], IntakeCase())
    last = due_now(case, NOW + timedelta(days=4), PRACTICE)
    assert last is not None
    assert last.due_on == date(2026, 4, 9)
    last = due_now(case, NOW + timedelta(days=40), PRACTICE)
    assert last is not None
    assert last.due_on == date(2026, 4, 17), "California's own day"


def test_text_of_the_staff_is_owed_without_a_mailbox_until_it_is_delivered() -> None:
    fulfilled = RequestFulfilled(
        request_id=CASE, right=Right.ACCESS, outcome=Outcome.GRANTED, answer="answer_1"
    )
    by_hand = fulfilled.model_copy(update={"explanation": "written_1"})
    known = IntakeCase(status=CaseStatus.ANSWERED, addressless=True, fulfilled=fulfilled)
    assert not known.unanswered
    known = replace(known, fulfilled=by_hand)
    assert known.unanswered
    assert known.undeliverable
    handed = evolve(known, AnswerDelivered(request_id=CASE, by="anna", way="post"))
    assert not handed.unanswered
    assert not handed.undeliverable
