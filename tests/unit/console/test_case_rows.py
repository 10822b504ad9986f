"""The row of a case follows from the set of its facts, in whatever order they were delivered."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console import labels
from services.console.domain import HistoryEntry, row_of
from services.console.state import CaseKind, CaseRow, CaseStage, WaitKind
from shared.contract import events
from shared.contract.correlation import Correlation
from shared.contract.events import Fact
from shared.law import Regulation, Right, Role
from shared.vocabulary import LetterKind, Outcome, Remedy

CASE = "ab" * 16
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DUE = date(2026, 4, 2)
RECEIVED = events.RequestReceived(
    request_id=CASE,
    right=Right.ERASURE,
    regulation=Regulation.GDPR,
    policy="gdpr@2018-05-25",
    source="shop.example",
    received_at=START,
    received_on=START.date(),
    due_on=DUE,
    internal_due_on=date(2026, 3, 25),
    country="DE",
)
CHALLENGED = events.IdentityChallenged(request_id=CASE, expires_at=START)
VERIFIED = events.IdentityVerified(
    request_id=CASE,
    right=Right.ERASURE,
    regulation=Regulation.GDPR,
    received_on=START.date(),
    assurance="mailbox",
    reasons=(),
    deciders=("dana.muster",),
)
PLANNED = events.ErasurePlanned(
    request_id=CASE, plan="erasure_plan", regulation=Regulation.GDPR, received_on=START.date(), approval=True
)
APPROVED = events.ErasureApproved(request_id=CASE, by="omar.sample")
FULFILLED = events.RequestFulfilled(
    request_id=CASE, right=Right.ERASURE, outcome=Outcome.GRANTED, answer="answer", dispositions={"erased": 3}
)
SENT = events.NoticeSent(request_id=CASE, letter=LetterKind.OUTCOME)
CLOSED = events.RequestClosed(request_id=CASE, outcome=Outcome.GRANTED)
REFERRED = events.RequestReferred(request_id=CASE, right=Right.ERASURE, reason="nothing_declared")
FORWARDED = events.RequestForwarded(
    request_id=CASE, controller="controller_1", link="link_1", digest="00", expires_at=START
)
DUPLICATED = events.RequestDuplicated(
    request_id=CASE, first="cd" * 16, first_received_on=START.date(), due_on=DUE
)
RETURNED = events.NoticeReported(
    request_id=CASE, letter=LetterKind.OUTCOME, action=events.DeliveryAction.FAILED, status="5.1.1"
)
APPEALED = events.AppealReceived(
    request_id=CASE,
    remedy=Remedy.APPEAL,
    statement="statement_1",
    received_on=START.date(),
    due_on=date(2026, 6, 1),
    policy=None,
)
WHOLE: Sequence[Fact] = (RECEIVED, CHALLENGED, VERIFIED, PLANNED, APPROVED, FULFILLED, SENT, CLOSED)


def history(*facts: Fact) -> list[HistoryEntry]:
    """Return *facts*, an hour apart."""
    return [
        HistoryEntry(f"{number:032x}", START + timedelta(hours=number), fact)
        for number, fact in enumerate(facts)
    ]


def test_review_ends_when_the_staff_asks_for_another_proof() -> None:
    doubted = events.IdentityReviewNeeded(request_id=CASE, reasons=("unclear",))
    assert row(RECEIVED, CHALLENGED, doubted, CHALLENGED).waiting == (WaitKind.DOCUMENT,)
    assert row(RECEIVED, doubted, CHALLENGED.model_copy(update={"renewed": True})).waiting == ()


def row(*facts: Fact) -> CaseRow:
    found = row_of(CASE, history(*facts))
    assert found is not None
    return found


def waits(*facts: Fact) -> list[WaitKind]:
    return [wait.kind for wait in row(*facts).waits]


def test_finished_erasure_has_its_stage_outcome_and_times() -> None:
    found = row(*WHOLE)
    assert (found.kind, found.stage, found.outcome) == (CaseKind.REQUEST, CaseStage.CLOSED, "granted")
    assert (found.right, found.law, found.country, found.due_on) == ("erasure", "gdpr@2018-05-25", "DE", DUE)
    assert (found.answered_at, found.sent_at) == (START + timedelta(hours=5), START + timedelta(hours=6))
    assert found.deciders == ("dana.muster", "omar.sample")
    assert not found.open
    assert not found.waits


@pytest.mark.parametrize(
    ("fact", "outcome"),
    [
        (events.IdentityRefused(request_id=CASE, reasons=("not_proven_in_time",)), "lapsed"),
        (events.IdentityRefused(request_id=CASE, reasons=("excessive",)), "refused"),
        (DUPLICATED, "duplicate"),
        (events.RequestWithdrawn(request_id=CASE), "withdrawn"),
        (FORWARDED, "forwarded"),
        (FULFILLED.model_copy(update={"outcome": Outcome.NOTHING_HELD}), "nothing_held"),
    ],
)
def test_closed_case_keeps_the_outcome_that_lists_are_filtered_by(fact: Fact, outcome: str) -> None:
    found = row(RECEIVED, fact, CLOSED)
    assert (found.stage, found.outcome) == (CaseStage.CLOSED, outcome)
    assert row(RECEIVED).outcome is None
    assert outcome in labels.OUTCOMES


@given(st.permutations(history(*WHOLE)))
def test_order_of_deliveries_changes_nothing(shuffled: list[HistoryEntry]) -> None:
    assert row_of(CASE, shuffled) == row_of(CASE, history(*WHOLE))


@pytest.mark.parametrize("facts", [WHOLE[:count] for count in range(1, len(WHOLE) + 1)])
def test_stored_row_reads_as_it_was_written(facts: Sequence[Fact]) -> None:
    found = row(*facts)
    assert CaseRow.read(found.document()) == found


def test_accepted_proof_waits_no_more_once_the_person_has_to_confirm() -> None:
    doubted = events.IdentityReviewNeeded(request_id=CASE, reasons=("unclear",))
    accepted = events.IdentityDecided(
        request_id=CASE, by="omar.sample", verified=True, reason="looked_at", identities=("email",)
    )
    assert waits(RECEIVED, CHALLENGED, doubted, CHALLENGED) == [WaitKind.DOCUMENT]
    assert waits(RECEIVED, CHALLENGED, doubted, accepted) == [WaitKind.DOCUMENT]
    assert waits(RECEIVED, CHALLENGED, doubted, accepted, CHALLENGED) == []


def test_planned_erasure_waits_for_an_account_that_has_not_decided() -> None:
    [wait] = row(*WHOLE[:4]).waits
    assert (wait.kind, wait.due_on, wait.by) == (WaitKind.APPROVAL, DUE, ("dana.muster",))
    assert waits(*WHOLE[:5]) == []


def test_erasure_that_two_must_approve_waits_for_an_account_that_has_not() -> None:
    planned = PLANNED.model_copy(update={"approvers": 2})
    [wait] = row(RECEIVED, CHALLENGED, VERIFIED, planned, APPROVED).waits
    assert (wait.kind, wait.by) == (WaitKind.APPROVAL, ("dana.muster", "omar.sample"))
    other = APPROVED.model_copy(update={"by": "ines.beispiel"})
    assert waits(RECEIVED, CHALLENGED, VERIFIED, planned, APPROVED, other) == []


def test_referred_request_waits_with_its_reason_until_it_is_answered() -> None:
    [wait] = row(RECEIVED, REFERRED).waits
    assert (wait.kind, wait.reason, wait.due_on) == (WaitKind.REFERRED, "nothing_declared", DUE)
    assert waits(RECEIVED, REFERRED, FULFILLED) == []


def test_package_waits_for_its_review_until_it_is_sent() -> None:
    listed = events.PackageReviewNeeded(request_id=CASE, right="access", listing="listing_1", records=2)
    first = events.PackageReviewed(request_id=CASE, by="dana.muster", listing="listing_1")
    again = listed.model_copy(update={"listing": "listing_2", "renewed": True})
    [wait] = row(RECEIVED, VERIFIED, listed, first).waits
    assert (wait.kind, wait.due_on, wait.by) == (WaitKind.PACKAGE, DUE, ("dana.muster",))
    [wait] = row(RECEIVED, VERIFIED, listed, first, again).waits
    assert (wait.reason, wait.by) == ("records_changed", ())
    for after in (FULFILLED, events.RequestWithdrawn(request_id=CASE)):
        assert waits(RECEIVED, VERIFIED, listed, after) == []


def test_proof_waits_for_a_second_account_after_the_first_decision() -> None:
    needed = events.IdentityReviewNeeded(request_id=CASE, reasons=("blurred",))
    first = events.IdentityDecided(request_id=CASE, by="dana.muster", verified=True, reason="seen")
    [wait] = row(RECEIVED, CHALLENGED, needed, first).waits
    assert (wait.kind, wait.reason, wait.by) == (WaitKind.DOCUMENT, "second_decider", ("dana.muster",))
    assert waits(RECEIVED, CHALLENGED, needed, first, VERIFIED) == []


def test_answer_that_came_back_is_owed_although_the_request_is_closed() -> None:
    found = row(*WHOLE, RETURNED)
    assert [wait.kind for wait in found.waits] == [WaitKind.UNDELIVERED]
    assert found.open
    delivered = events.AnswerDelivered(request_id=CASE, by="dana.muster", way="post")
    assert not row(*WHOLE, RETURNED, delivered).open


def test_appeal_waits_with_its_own_last_day() -> None:
    [wait] = row(*WHOLE, APPEALED).waits
    assert (wait.kind, wait.due_on) == (WaitKind.APPEAL, date(2026, 6, 1))
    answered = events.AppealAnswered(
        request_id=CASE, remedy=Remedy.APPEAL, received_on=START.date(), granted=True
    )
    assert waits(*WHOLE, APPEALED, answered) == []


def test_request_of_an_end_user_waits_until_its_customer_is_named() -> None:
    of_end_user = RECEIVED.model_copy(update={"role": Role.END_USER})
    assert waits(of_end_user) == [WaitKind.FORWARD]
    assert waits(of_end_user, FORWARDED) == []


def test_recipient_and_mail_and_stop_wait_until_each_is_done() -> None:
    failed = events.RecipientFailed(
        request_id=CASE, recipient="Mailer", notice="n1", about="habeas.subject.erased.v1", reason="refused"
    )
    acknowledged = events.RecipientAcknowledged(
        request_id=CASE, recipient="Mailer", notice="n1", about="habeas.subject.erased.v1"
    )
    lodged = events.MessageLodged(request_id=CASE, message="reply_1", reason="unclear", own=True)
    handled = events.MessageHandled(
        request_id=CASE, by="dana.muster", message="reply_1", outcome=events.MessageOutcome.ANSWERED
    )
    stopped = events.RequestStopped(request_id=CASE, reason=events.StopReason.NOT_ME)
    released = events.RequestReleased(request_id=CASE)
    assert set(waits(RECEIVED, failed, lodged, stopped)) == {
        WaitKind.RECIPIENT,
        WaitKind.MAIL,
        WaitKind.STOPPED,
    }
    assert waits(RECEIVED, failed, lodged, stopped, acknowledged, handled, released) == []


def test_work_of_a_stopped_request_waits_again_once_it_continues() -> None:
    referred = events.RequestReferred(request_id=CASE, right=Right.ACCESS, reason="unclear")
    stopped = events.RequestStopped(request_id=CASE, reason=events.StopReason.PAUSED_BY_STAFF)
    released = events.RequestReleased(request_id=CASE)
    assert waits(RECEIVED, referred, stopped) == [WaitKind.STOPPED]
    assert waits(RECEIVED, referred, stopped, released) == [WaitKind.REFERRED]


@pytest.mark.parametrize("ending", [events.RecipientInformed, events.RecipientRetried])
def test_recipient_no_longer_waits_once_staff_has_handled_it(ending: type[Fact]) -> None:
    failed = events.RecipientFailed(
        request_id=CASE, recipient="Mailer", notice="n1", about="habeas.subject.erased.v1", reason="refused"
    )
    done = ending.model_validate({"request_id": CASE, "recipient": "Mailer", "by": "dana.muster"})
    assert waits(RECEIVED, failed, done) == []
    assert waits(RECEIVED, done, failed) == [WaitKind.RECIPIENT]


def test_submission_waits_until_staff_has_handled_it() -> None:
    rejected = events.RequestRejected(
        request_id=CASE, publisher_source="shop.example", publisher_id=None, errors=()
    )
    handled = events.SubmissionHandled(
        request_id=CASE, by="dana.muster", outcome=events.MessageOutcome.ANSWERED
    )
    assert (row(rejected).kind, waits(rejected)) == (CaseKind.SUBMISSION, [WaitKind.SUBMISSION])
    assert waits(rejected, handled) == []


def test_proposed_purge_waits_for_a_second_account() -> None:
    purge = {"request_id": CASE, "collection": "shop.orders", "day": DUE, "version": "0" * 64, "records": 3}
    first, second = (
        events.PurgeApproved.model_validate({**purge, "by": by}) for by in ("dana.muster", "omar.sample")
    )
    proposed = events.PurgeProposed.model_validate(purge)
    for story in ((first, proposed), (proposed, first)):  # clocks of two machines differ
        [wait] = row(*story).waits
        assert (wait.kind, wait.reason, wait.by) == (WaitKind.PURGE, "shop.orders", ("dana.muster",))
        assert waits(*story, second) == []
    assert (row(first, proposed).kind, row(first, proposed).open) == (CaseKind.PURGE, False)


def test_mail_that_is_no_request_has_a_row_of_its_own() -> None:
    lodged = events.MessageLodged(request_id=CASE, message="mail", reason="no_sender", own=False, due_on=DUE)
    found = row(lodged)
    assert (found.kind, found.next_due) == (CaseKind.MAIL, DUE)


def test_decision_that_a_service_refused_has_no_effect_on_the_row() -> None:
    approved, refused = APPROVED, f"{4:032x}"
    refusal = events.DecisionRefused(
        request_id=CASE, decision=refused, type=APPROVED.TYPE, account="omar.sample", reason="role_missing"
    )
    assert waits(*WHOLE[:4], approved, refusal) == [WaitKind.APPROVAL]


def test_time_of_a_decision_is_that_of_its_signature_for_every_reader() -> None:
    """The row of a consumer is written later than the event was published."""
    from services.console.domain import time_of  # noqa: PLC0415

    proof = events.StaffProof(account="omar.sample", at=START, nonce="0" * 32, signature="0" * 128)
    signed = APPROVED.model_copy(update={"proof": proof})
    assert time_of(signed, START + timedelta(hours=1)) == START
    assert time_of(RECEIVED, START + timedelta(hours=1)) == START + timedelta(hours=1)


def test_purged_case_has_no_row() -> None:
    assert row_of(CASE, history(*WHOLE, events.RequestPurged(request_id=CASE))) is None


def test_reference_of_the_publisher_comes_from_the_receipt_alone() -> None:
    receipt, *others = history(*WHOLE)
    named = HistoryEntry(receipt.id, receipt.at, receipt.fact, Correlation("shop.example", "order-7"))
    found = row_of(CASE, [named, *others])
    assert found is not None
    assert found.reference == "order-7"


def test_last_assignment_is_the_owner() -> None:
    first = events.CaseAssigned(request_id=CASE, owner="dana.muster", by="omar.sample")
    second = events.CaseAssigned(request_id=CASE, owner=None, by="dana.muster")
    assert row(RECEIVED, first).owner == "dana.muster"
    assert row(RECEIVED, first, second).owner is None
