"""
The row of a case follows from its facts.

Pure. The facts of a case are a set, sorted by time and id; order and repetition of deliveries change
nothing. So a read model that is built from the journals equals the live one (docs/adr/0038-console.md).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, TypeVar

from services.console.incidents import BreachRoom, room_of
from services.console.state import CaseKind, CaseRow, CaseStage, LetterFate, Wait, WaitKind
from shared.contract import events
from shared.contract.answer import RAW_MAIL
from shared.contract.correlation import Correlation
from shared.contract.events import DeliveryAction, Fact, LetterKind, RequestPurged, StaffProof, breaches
from shared.contract.register import NO_ADDRESS, NOT_PROVEN, OWED, RequestResult
from shared.law import Role, TimedDuty
from shared.vocabulary import Requester

UNDECIDED = frozenset({CaseStage.RECEIVED, CaseStage.CHALLENGED, CaseStage.VERIFIED, CaseStage.REFERRED})
"""Stages in which the person can still be asked for something."""
PURGE_DECIDERS = 2
"""Accounts that approve a purge which was proposed first."""
UNOBSERVED: frozenset[type[Fact]] = frozenset(
    {
        breaches.BreachNoticeReturned,
        breaches.BreachTimeCame,
        breaches.ChunkDue,
        breaches.FilingsAsked,
        breaches.SamplesAsked,
        events.DeadlineCame,
        events.DisclosureDue,
        events.ErasureDue,
        events.ErasureRetried,
        events.TimeCame,
    }
)
"""Facts that steer services and report nothing; an incident may have thousands."""
ACTOR = "by"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A fact of a case."""

    id: str
    """Id of its event."""
    at: datetime
    fact: Fact
    correlation: Correlation | None = None

    @property
    def actor(self) -> str | None:
        """The staff account that signed it or acted; None for the services themselves."""
        by = getattr(self.fact, ACTOR, None)
        return by if isinstance(by, str) else None


def time_of(fact: Fact, recorded_at: datetime) -> datetime:
    """Return the time of *fact*: a decision's is that of its signature, the same wherever it is read."""
    proof = getattr(fact, "proof", None)
    return proof.at if isinstance(proof, StaffProof) else recorded_at


def in_order(history: Iterable[HistoryEntry]) -> list[HistoryEntry]:
    """Return *history* by time, without the decisions that a service refused."""
    known = list(history)
    refused = refusals_in(known)
    return sorted((one for one in known if one.id not in refused), key=lambda one: (one.at, one.id))


def refusals_in(history: Iterable[HistoryEntry]) -> set[str]:
    """Return the ids of the decisions that a service refused."""
    return {one.fact.decision for one in history if isinstance(one.fact, events.DecisionRefused)}


def is_purged(history: Iterable[HistoryEntry]) -> bool:
    """Return whether the case is purged: nothing of it is shown any more."""
    return any(isinstance(one.fact, RequestPurged) for one in history)


@dataclass(slots=True)
class _RowDraft:
    """A row in the making, and the values that only its waits depend on."""

    row: CaseRow
    review: Wait | None = None
    approval: Wait | None = None
    approvals_left: int = 1
    referral: Wait | None = None
    package: Wait | None = None
    appeal: Wait | None = None
    forward: Wait | None = None
    proposal: Wait | None = None
    stop: Wait | None = None
    mails: dict[str, Wait] = field(default_factory=dict)
    asked_back: bool = False
    """Whether the sender of an unclear mail was asked, and no account has handled it."""
    submissions: list[Wait] = field(default_factory=list)
    purge: Wait | None = None
    recipients: dict[str, Wait] = field(default_factory=dict)
    returned: dict[LetterKind, datetime] = field(default_factory=dict)
    addressless: bool = False
    delivered: bool = False
    held: dict[str, date] = field(default_factory=dict)
    """Hold on the request or its person → its last day."""
    written: bool = False
    """Whether the answer is a text of the staff: no page shows it."""


F = TypeVar("F", bound=Fact)
_Step = Callable[[_RowDraft, Any, datetime], None]
_STEPS: dict[type[Fact], _Step] = {}


def _on(*kinds: type[Fact]) -> Callable[[_Step], _Step]:
    def registered(step: _Step) -> _Step:
        _STEPS.update(dict.fromkeys(kinds, step))
        return step

    return registered


def row_of(case: str, history: Iterable[HistoryEntry]) -> CaseRow | None:
    """Return the row of *case*; None if lists do not show it: it is purged, or no case of the staff."""
    known = list(history)
    ordered = in_order(known)
    kind = _kind_of(ordered)
    if kind is None or is_purged(known):
        return None
    draft = _RowDraft(CaseRow(case, kind, ordered[0].at, ordered[-1].at))
    for entry in ordered:
        step = _STEPS.get(type(entry.fact))
        if step is not None:
            step(draft, entry.fact, entry.at)
        if isinstance(entry.fact, events.RequestReceived) and entry.correlation is not None:
            draft.row.reference = entry.correlation.reference
    if kind is CaseKind.INCIDENT:
        return _of_incident(draft.row, room_of(case, ((one.at, one.fact) for one in ordered)))
    return _finished(draft)


def _of_incident(row: CaseRow, room: BreachRoom) -> CaseRow:
    """Return the *row* of an incident: it is open while a clock runs."""
    due = room.next_due
    row.open, row.due_on, row.waits = bool(room.running), due and due.date(), tuple(room.waits())
    return row


_KINDS: Mapping[type[Fact], CaseKind] = {
    events.RequestReceived: CaseKind.REQUEST,
    breaches.BreachRegistered: CaseKind.INCIDENT,
    events.InquiryLodged: CaseKind.MAIL,
    events.MessageLodged: CaseKind.MAIL,
    events.RequestRejected: CaseKind.SUBMISSION,
    events.PurgeProposed: CaseKind.PURGE,
    events.HoldPlaced: CaseKind.HOLD,
}
"""Fact → kind of its case; of several the first in this order counts."""


def _kind_of(history: Sequence[HistoryEntry]) -> CaseKind | None:
    found = {type(one.fact) for one in history}
    return next((kind for fact, kind in _KINDS.items() if fact in found), None)


# --- registration and time limits -------------------------------------------------------------------------


@_on(events.RequestReceived)
def _received(draft: _RowDraft, fact: events.RequestReceived, at: datetime) -> None:
    row = draft.row
    row.stage = CaseStage.RECEIVED
    row.right, row.law, row.laws = fact.right.value, fact.policy, fact.laws
    row.not_accepted = fact.not_accepted
    row.country, row.source, row.incident = fact.country, fact.source, fact.incident
    row.role, row.requester = fact.role.value, fact.requester.value
    row.follows, row.repeats = fact.follows, fact.repeats
    row.received_at, row.received_on = fact.received_at, fact.received_on
    row.due_on, row.meant_for = fact.due_on, fact.internal_due_on
    answers = (day.policy for day in fact.last_days if day.duty is TimedDuty.ANSWER)
    row.due_law = next(answers, fact.policy)
    if fact.role is Role.END_USER and fact.requester is not Requester.CONTROLLER:
        draft.forward = Wait(WaitKind.FORWARD, at, fact.due_on)


@_on(events.DueMoved, events.RequestExtended)
def _moved(draft: _RowDraft, fact: events.DueMoved | events.RequestExtended, _at: datetime) -> None:
    row = draft.row
    row.due_on, row.meant_for, row.due_law = fact.due_on, fact.meant_for, fact.policy
    if isinstance(fact, events.RequestExtended):
        row.promised_on, row.extension = fact.promised_on, fact.reason.value


@_on(events.RequestPaused)
def _paused(draft: _RowDraft, fact: events.RequestPaused, _at: datetime) -> None:
    draft.row.paused_since = fact.since


@_on(events.RequestResumed)
def _resumed(draft: _RowDraft, _fact: events.RequestResumed, _at: datetime) -> None:
    draft.row.paused_since = None


@_on(events.ScopeAsked)
def _scope_asked(draft: _RowDraft, fact: events.ScopeAsked, _at: datetime) -> None:
    draft.row.scope_asked_at = fact.asked_at


@_on(events.ScopeAnswered)
def _scope_answered(draft: _RowDraft, _fact: events.ScopeAnswered, _at: datetime) -> None:
    draft.row.scope_asked_at = None


@_on(events.DeadlineMissed)
def _missed(draft: _RowDraft, fact: events.DeadlineMissed, _at: datetime) -> None:
    if fact.duty is TimedDuty.ANSWER:
        draft.row.missed_on = fact.due_on


@_on(events.AnswerExpected)
def _expected(draft: _RowDraft, fact: events.AnswerExpected, _at: datetime) -> None:
    draft.row.expected_on = fact.on


@_on(events.RequestStopped)
def _stopped(draft: _RowDraft, fact: events.RequestStopped, at: datetime) -> None:
    draft.row.stopped = fact.reason.value
    draft.stop = Wait(WaitKind.STOPPED, at, reason=fact.reason.value)


@_on(events.RequestReleased)
def _released(draft: _RowDraft, _fact: events.RequestReleased, _at: datetime) -> None:
    draft.row.stopped = draft.stop = None


@_on(events.CaseAssigned)
def _assigned(draft: _RowDraft, fact: events.CaseAssigned, _at: datetime) -> None:
    draft.row.owner = fact.owner


# --- identity ---------------------------------------------------------------------------------------------


@_on(events.IdentityChallenged)
def _challenged(draft: _RowDraft, fact: events.IdentityChallenged, _at: datetime) -> None:
    if fact.renewed:
        draft.review = None
    if draft.row.stage is CaseStage.RECEIVED:
        draft.row.stage = CaseStage.CHALLENGED
    if draft.review is not None and draft.review.by:  # the proof is accepted, and the person has to do more
        draft.review = None


@_on(events.IdentityReviewNeeded)
def _review_needed(draft: _RowDraft, fact: events.IdentityReviewNeeded, at: datetime) -> None:
    since = draft.review.since if draft.review else at
    by = draft.review.by if draft.review else ()
    draft.review = Wait(WaitKind.DOCUMENT, since, reason=", ".join(fact.reasons), by=by)


@_on(events.IdentityDecided)
def _identity_decided(draft: _RowDraft, fact: events.IdentityDecided, _at: datetime) -> None:
    if fact.verified and draft.review is not None:
        waits = draft.review
        draft.review = Wait(waits.kind, waits.since, waits.due_on, "second_decider", (*waits.by, fact.by))


@_on(events.IdentityVerified)
def _verified(draft: _RowDraft, fact: events.IdentityVerified, _at: datetime) -> None:
    draft.review = draft.referral = None
    _decided_by(draft, fact.deciders)
    if draft.row.stage in {CaseStage.RECEIVED, CaseStage.CHALLENGED}:
        draft.row.stage = CaseStage.VERIFIED


@_on(events.IdentityRefused)
def _refused(draft: _RowDraft, fact: events.IdentityRefused, at: datetime) -> None:
    row = draft.row
    _decided_by(draft, fact.deciders)
    lapsed = NOT_PROVEN in fact.reasons
    row.stage, row.grounds = CaseStage.REFUSED, tuple(fact.reasons)
    row.outcome = (RequestResult.LAPSED if lapsed else RequestResult.REFUSED).value
    row.answered_at = row.answered_at or at
    draft.referral, draft.review, draft.written = None, None, fact.explanation is not None


# --- answers ----------------------------------------------------------------------------------------------


@_on(events.ErasurePlanned)
def _planned(draft: _RowDraft, fact: events.ErasurePlanned, at: datetime) -> None:
    waits = Wait(WaitKind.APPROVAL, at, by=draft.row.deciders)
    draft.approval = waits if fact.approval else None
    draft.approvals_left = fact.approvers
    draft.package = None


@_on(events.ErasureApproved)
def _approved(draft: _RowDraft, fact: events.ErasureApproved, _at: datetime) -> None:
    waits, draft.approvals_left = draft.approval, draft.approvals_left - 1
    if waits is not None and draft.approvals_left > 0:
        draft.approval = Wait(waits.kind, waits.since, waits.due_on, waits.reason, (*waits.by, fact.by))
    else:
        draft.approval = None
    _decided_by(draft, (fact.by,))


@_on(events.RequestReferred)
def _referred(draft: _RowDraft, fact: events.RequestReferred, at: datetime) -> None:
    if draft.row.stage in {CaseStage.WITHDRAWN, CaseStage.CLOSED}:
        return
    draft.row.stage = CaseStage.REFERRED
    draft.referral = Wait(WaitKind.REFERRED, at, reason=fact.reason)


@_on(events.ReferralDecided)
def _referral_decided(draft: _RowDraft, fact: events.ReferralDecided, at: datetime) -> None:
    waits = draft.referral or Wait(WaitKind.REFERRED, at, reason="second_decider")
    draft.referral = replace(waits, by=(fact.by,))


@_on(events.PackageReviewNeeded)
def _package_listed(draft: _RowDraft, fact: events.PackageReviewNeeded, at: datetime) -> None:
    draft.package = Wait(WaitKind.PACKAGE, at, reason="records_changed" if fact.renewed else None)


@_on(events.PackageReviewed)
def _package_reviewed(draft: _RowDraft, fact: events.PackageReviewed, _at: datetime) -> None:
    waits = draft.package
    if waits is not None:
        draft.package = Wait(waits.kind, waits.since, waits.due_on, waits.reason, (fact.by,))


@_on(events.RequestFulfilled)
def _fulfilled(draft: _RowDraft, fact: events.RequestFulfilled, at: datetime) -> None:
    row = draft.row
    row.stage, row.outcome = CaseStage.ANSWERED, fact.outcome.value
    row.grounds, row.dispositions = tuple(sorted(fact.reasons)), dict(fact.dispositions)
    row.holds = fact.holds
    row.answered_at = row.answered_at or at
    draft.referral = draft.approval = draft.package = None
    draft.written = fact.explanation is not None
    draft.proposal = Wait(WaitKind.PROPOSAL, at) if fact.erasable else None
    _decided_by(draft, fact.deciders)


@_on(events.ErasureProposalDecided)
def _proposal_decided(draft: _RowDraft, _fact: events.ErasureProposalDecided, _at: datetime) -> None:
    draft.proposal = None


@_on(events.RequestWithdrawn)
def _withdrawn(draft: _RowDraft, _fact: events.RequestWithdrawn, at: datetime) -> None:
    row = draft.row
    if row.stage in {CaseStage.ANSWERED, CaseStage.CLOSED}:
        return
    row.stage, row.answered_at, row.stopped = CaseStage.WITHDRAWN, at, None
    row.outcome = RequestResult.WITHDRAWN.value
    draft.referral = draft.approval = draft.forward = draft.stop = draft.review = draft.package = None


@_on(events.RequestDuplicated)
def _duplicated(draft: _RowDraft, fact: events.RequestDuplicated, at: datetime) -> None:
    draft.row.stage, draft.row.answered_at = CaseStage.DUPLICATE, at
    draft.row.outcome = RequestResult.DUPLICATE.value
    draft.row.repeats, draft.review, draft.referral = fact.first, None, None


@_on(events.RequestForwarded)
def _forwarded(draft: _RowDraft, _fact: events.RequestForwarded, at: datetime) -> None:
    draft.row.stage, draft.row.answered_at = CaseStage.FORWARDED, at
    draft.row.outcome = RequestResult.FORWARDED.value
    draft.forward = None


@_on(events.RequestClosed)
def _closed(draft: _RowDraft, _fact: events.RequestClosed, at: datetime) -> None:
    draft.row.stage, draft.row.closed_at = CaseStage.CLOSED, at


@_on(events.AppealReceived)
def _appealed(draft: _RowDraft, fact: events.AppealReceived, at: datetime) -> None:
    draft.appeal = Wait(WaitKind.APPEAL, at, fact.due_on, fact.remedy.value, draft.row.deciders)


@_on(events.AppealAnswered)
def _appeal_answered(draft: _RowDraft, _fact: events.AppealAnswered, _at: datetime) -> None:
    draft.appeal = None


# --- letters, mails, recipients -----------------------------------------------------------------------------


@_on(events.NoticeSent)
def _sent(draft: _RowDraft, fact: events.NoticeSent, at: datetime) -> None:
    kept = getattr(fact, "kept", None)
    draft.row.letters += (LetterFate(fact.letter.value, at, "sent", kept=kept),)
    for letter in fact.letters:
        draft.returned.pop(letter, None)
    if fact.letter in {LetterKind.OUTCOME, LetterKind.REFUSAL}:
        draft.row.sent_at = draft.row.sent_at or at


@_on(events.NoticeFailed)
def _failed(draft: _RowDraft, fact: events.NoticeFailed, at: datetime) -> None:
    draft.row.letters += (LetterFate(fact.letter.value, at, "failed", fact.reason),)
    if fact.reason == NO_ADDRESS:
        draft.addressless = True
    else:
        draft.returned.update(dict.fromkeys(fact.letters, at))


@_on(events.NoticeReported)
def _reported(draft: _RowDraft, fact: events.NoticeReported, at: datetime) -> None:
    if fact.action is DeliveryAction.FAILED:
        draft.row.letters += (LetterFate(fact.letter.value, at, "returned", fact.status),)
        draft.returned.update(dict.fromkeys(fact.letters, at))


@_on(events.AnswerDelivered)
def _delivered(draft: _RowDraft, _fact: events.AnswerDelivered, at: datetime) -> None:
    draft.delivered = True
    draft.row.sent_at = draft.row.sent_at or at
    draft.returned.clear()


@_on(events.RecipientFailed)
def _recipient_failed(draft: _RowDraft, fact: events.RecipientFailed, at: datetime) -> None:
    draft.recipients[fact.recipient] = Wait(WaitKind.RECIPIENT, at, reason=fact.recipient)


@_on(events.RecipientAcknowledged, events.RecipientInformed, events.RecipientRetried)
def _recipient_notified(
    draft: _RowDraft,
    fact: events.RecipientAcknowledged | events.RecipientInformed | events.RecipientRetried,
    _at: datetime,
) -> None:
    draft.recipients.pop(fact.recipient, None)


@_on(events.InquiryLodged)
def _inquiry_lodged(draft: _RowDraft, fact: events.InquiryLodged, _at: datetime) -> None:
    draft.asked_back = True
    if draft.row.kind is CaseKind.MAIL:
        draft.row.received_on, draft.row.due_on = fact.received_on, fact.due_on


@_on(events.MessageLodged)
def _mail_lodged(draft: _RowDraft, fact: events.MessageLodged, at: datetime) -> None:
    draft.mails[fact.message] = Wait(
        WaitKind.MAIL, at, fact.due_on, fact.reason, item=fact.message, own=fact.own
    )


@_on(events.MessageHandled)
def _mail_handled(draft: _RowDraft, fact: events.MessageHandled, _at: datetime) -> None:
    draft.mails.pop(fact.message, None)
    if fact.message == RAW_MAIL:
        draft.asked_back = False


@_on(events.RequestRejected)
def _rejected(draft: _RowDraft, fact: events.RequestRejected, at: datetime) -> None:
    draft.submissions.append(Wait(WaitKind.SUBMISSION, at, reason=fact.publisher_source))


@_on(events.SubmissionHandled)
def _submission_handled(draft: _RowDraft, _fact: events.SubmissionHandled, _at: datetime) -> None:
    draft.submissions.clear()


@_on(events.PurgeProposed)
def _purge_proposed(draft: _RowDraft, fact: events.PurgeProposed, at: datetime) -> None:
    draft.purge = Wait(WaitKind.PURGE, at, reason=fact.collection)


@_on(events.PurgeApproved)
def _purge_approved(draft: _RowDraft, fact: events.PurgeApproved, _at: datetime) -> None:
    _decided_by(draft, (fact.by,))


@_on(events.HoldPlaced)
def _hold_placed(draft: _RowDraft, fact: events.HoldPlaced, _at: datetime) -> None:
    if fact.of_request:
        draft.held[fact.hold] = fact.until or date.max


@_on(events.HoldLifted)
def _hold_lifted(draft: _RowDraft, fact: events.HoldLifted, _at: datetime) -> None:
    draft.held.pop(fact.hold, None)


# --- the end ------------------------------------------------------------------------------------------------


def _decided_by(draft: _RowDraft, accounts: Iterable[str]) -> None:
    draft.row.deciders = tuple(dict.fromkeys((*draft.row.deciders, *accounts)))


def _finished(draft: _RowDraft) -> CaseRow:
    row = draft.row
    owed = not OWED.isdisjoint(draft.returned)
    if row.stage not in UNDECIDED:
        row.scope_asked_at = None
    row.held_until = max(draft.held.values(), default=None)
    if row.kind is CaseKind.MAIL:
        row.open = draft.asked_back
    else:
        row.open = row.kind is CaseKind.REQUEST and _is_open(draft, owed=owed)
    held = [draft.review, draft.approval, draft.referral, draft.package]
    first = [draft.stop] if draft.stop else held
    waits = [*first, draft.forward, *_others(draft, owed)]
    row.waits = tuple(_dated(wait, row) for wait in waits if wait is not None)
    return row


def _is_open(draft: _RowDraft, *, owed: bool) -> bool:
    """Return whether the duty to answer is open: it ends with the last letter, not with the decision."""
    stage = draft.row.stage
    if draft.delivered or stage in {CaseStage.WITHDRAWN, CaseStage.DUPLICATE}:
        return False
    decided = stage in {CaseStage.ANSWERED, CaseStage.REFUSED, CaseStage.FORWARDED}
    readable = draft.addressless and decided and not draft.written
    return owed or not (readable or stage is CaseStage.CLOSED)


def _others(draft: _RowDraft, owed: bool) -> Iterable[Wait | None]:
    yield draft.appeal
    if owed:
        since = min(at for letter, at in draft.returned.items() if letter in OWED)
        yield Wait(WaitKind.UNDELIVERED, since)
    elif draft.addressless and draft.written and not draft.delivered and draft.row.answered_at:
        yield Wait(WaitKind.UNDELIVERED, draft.row.answered_at)
    yield draft.proposal
    yield from draft.mails.values()
    yield from draft.recipients.values()
    yield from draft.submissions
    if draft.purge is not None and len(draft.row.deciders) < PURGE_DECIDERS:
        yield replace(draft.purge, by=draft.row.deciders)


def _dated(wait: Wait, row: CaseRow) -> Wait:
    """Return *wait* with the last day of the answer, if it has none and holds the answer up."""
    holding = {WaitKind.DOCUMENT, WaitKind.APPROVAL, WaitKind.REFERRED, WaitKind.FORWARD}
    holding |= {WaitKind.STOPPED, WaitKind.UNDELIVERED, WaitKind.PACKAGE}
    due = _later(wait.due_on, row.due_on) if wait.kind in holding else wait.due_on
    return replace(wait, due_on=due)


def _later(first: date | None, second: date | None) -> date | None:
    days = [day for day in (first, second) if day is not None]
    return max(days, default=None)
