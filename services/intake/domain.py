"""
What can happen to a case, and what is known of it.

Pure. The life of a case is one table, :data:`TRANSITIONS`; what is not in it is an error.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

from shared.contract.breaches import BreachLodged
from shared.contract.codes import TRIES, IssuedCode
from shared.contract.events import (
    AgreementLodged,
    AnswerDelivered,
    AppealAnswered,
    AppealDecided,
    AppealLodged,
    AppealReceived,
    BurstDeclared,
    Code,
    DeadlineApproaching,
    DeadlineCame,
    DeadlineMissed,
    DeliveryAction,
    DropMatched,
    ErasureApproved,
    ErasurePlanned,
    ErasureScheduled,
    Evidence,
    ExtensionDecided,
    Fact,
    FeeAgreed,
    FeeQuoted,
    ForwardingDecided,
    ForwardingFetched,
    IdentityChallenged,
    IdentityRefused,
    IdentityReviewNeeded,
    IdentityVerified,
    InquiryLodged,
    LetterKind,
    MessageLodged,
    NoticeFailed,
    NoticeReported,
    NoticeSent,
    Outcome,
    PackageCodeIssued,
    PackageExpired,
    PackageExpiring,
    PackageFetched,
    PolicyId,
    ProofReceived,
    ProofRefused,
    RecipientAcknowledged,
    RecipientFailed,
    Record,
    RequestClosed,
    RequestDuplicated,
    Requester,
    RequestExtended,
    RequestForwarded,
    RequestFulfilled,
    RequestLodged,
    RequestPaused,
    RequestPurged,
    RequestReceived,
    RequestReferred,
    RequestRejected,
    RequestReleased,
    RequestRenewed,
    RequestResumed,
    RequestStopped,
    RequestWithdrawn,
    StopDecided,
    StopReason,
    SubjectUnrestricted,
    WithdrawalDecided,
    WithdrawalLodged,
)
from shared.contract.sources import ChannelSource, channel_source
from shared.errors import IllegalTransition, TooEarly
from shared.law import TimedDuty, needs_proof

OWN_DOOR = "habeas/"
"""What the source of a request begins with that no upstream system has passed on."""
PUBLIC_DOOR = channel_source(ChannelSource.HABEAS, "public")
"""CloudEvents source of what people lodge without a key."""
MAIL = channel_source(ChannelSource.HABEAS, "mail")
"""CloudEvents source of what people ask by mail."""
GPC = channel_source(ChannelSource.HABEAS, "gpc")
"""CloudEvents source of what browsers ask by a signal (Global Privacy Control)."""
PUBLIC_DOORS: frozenset[str] = frozenset({PUBLIC_DOOR, MAIL, GPC})
"""Sources behind which anybody may ask in anybody's name."""
NO_ADDRESS = "no_address"
"""Why a letter cannot be sent to somebody who has named no address."""


class CaseStatus(StrEnum):
    """Where a case stands."""

    UNKNOWN = "unknown"
    RECEIVED = "received"
    CHALLENGED = "challenged"
    VERIFIED = "verified"
    REFERRED = "referred"
    REFUSED = "refused"
    ANSWERED = "answered"
    FORWARDED = "forwarded"
    """To the customer who decides about the data."""
    DUPLICATE = "duplicate"
    """Of a request that is answered."""
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    PURGED = "purged"
    """Its record was kept long enough; only that it was there is still known."""


class PackageCodeKept(Record):
    """A code that opens the package was drawn; this is its digest."""

    TYPE: ClassVar[str] = "habeas.package.code_kept.v1"

    digest: str
    expires_at: datetime


class PackageCodeRefused(Record):
    """A wrong code was offered for the package."""

    TYPE: ClassVar[str] = "habeas.package.code_refused.v1"


class DueMoved(Record):
    """The clock stood still for some days; when the answer is due since."""

    TYPE: ClassVar[str] = "habeas.intake.due_moved.v1"

    days: int
    """In all, since the request was received."""
    due_on: date
    meant_for: date
    """The day by which the answer is meant to be sent."""
    policy: PolicyId
    """The law that sets the day."""


RECORDS = (PackageCodeKept, PackageCodeRefused, DueMoved)

S = CaseStatus
_AWAITING_PROOF: Mapping[type[Fact], CaseStatus] = {
    IdentityChallenged: S.CHALLENGED,
    ProofRefused: S.CHALLENGED,
    IdentityVerified: S.VERIFIED,
    IdentityRefused: S.REFUSED,
    RequestWithdrawn: S.WITHDRAWN,
}
TRANSITIONS: Mapping[CaseStatus, Mapping[type[Fact], CaseStatus]] = {
    S.UNKNOWN: {RequestReceived: S.RECEIVED, RequestPurged: S.PURGED},
    S.RECEIVED: {**_AWAITING_PROOF, RequestForwarded: S.FORWARDED, RequestDuplicated: S.DUPLICATE},
    S.CHALLENGED: _AWAITING_PROOF,
    S.VERIFIED: {
        RequestFulfilled: S.ANSWERED,
        RequestReferred: S.REFERRED,
        RequestWithdrawn: S.WITHDRAWN,
        # A challenge may still be on its way when the decision that overtook it comes in; so below.
        IdentityChallenged: S.VERIFIED,
        ProofRefused: S.VERIFIED,
    },
    S.REFERRED: {
        RequestFulfilled: S.ANSWERED,
        RequestReferred: S.REFERRED,
        RequestWithdrawn: S.WITHDRAWN,
        IdentityChallenged: S.REFERRED,
        ProofRefused: S.REFERRED,
    },
    S.REFUSED: {RequestClosed: S.CLOSED, IdentityChallenged: S.REFUSED, ProofRefused: S.REFUSED},
    S.ANSWERED: {
        RequestClosed: S.CLOSED,
        RequestFulfilled: S.ANSWERED,
        IdentityChallenged: S.ANSWERED,
        ProofRefused: S.ANSWERED,
        IdentityVerified: S.ANSWERED,
    },
    S.FORWARDED: {RequestForwarded: S.FORWARDED, RequestClosed: S.CLOSED},
    S.DUPLICATE: {RequestClosed: S.CLOSED},
    # A withdrawal crosses what was decided before it was heard; an answer that was given stands.
    S.WITHDRAWN: {
        RequestClosed: S.CLOSED,
        IdentityChallenged: S.WITHDRAWN,
        ProofRefused: S.WITHDRAWN,
        IdentityVerified: S.WITHDRAWN,
        IdentityRefused: S.WITHDRAWN,
        RequestReferred: S.WITHDRAWN,
        RequestFulfilled: S.ANSWERED,
    },
    S.CLOSED: {
        IdentityChallenged: S.CLOSED,
        ProofRefused: S.CLOSED,
        IdentityVerified: S.CLOSED,
        IdentityRefused: S.CLOSED,
        RequestReferred: S.CLOSED,
        RequestFulfilled: S.ANSWERED,
    },
    S.PURGED: {RequestPurged: S.PURGED},
}
"""Status → fact → status. A fact that is in no row of a status is an :class:`IllegalTransition`."""
PRESUMES_PROOF: frozenset[type[Fact]] = frozenset({RequestFulfilled, RequestReferred})
"""Facts that follow from a verified identity, and overtake it where deliveries are repeated after a crash."""
CLOSED_BY: Mapping[CaseStatus, LetterKind] = {
    S.REFUSED: LetterKind.REFUSAL,
    S.ANSWERED: LetterKind.OUTCOME,
    S.WITHDRAWN: LetterKind.WITHDRAWN,
    S.FORWARDED: LetterKind.FORWARDED,
    S.DUPLICATE: LetterKind.DUPLICATE,
}
"""The letter after which nothing is left to do. Where two decisions crossed, both letters are written."""
ANSWERED = frozenset({CaseStatus.ANSWERED, CaseStatus.REFUSED, CaseStatus.FORWARDED, CaseStatus.CLOSED})
"""Where a case stands of which there is something to hand over."""
OWED = frozenset({LetterKind.OUTCOME, LetterKind.REFUSAL, LetterKind.FORWARDED_TO_CONTROLLER})
"""Letters that the law demands to arrive."""
REMARKS: frozenset[type[Fact]] = frozenset(
    {
        AgreementLodged,
        AnswerDelivered,
        AppealAnswered,
        AppealDecided,
        AppealLodged,
        AppealReceived,
        BreachLodged,
        BurstDeclared,
        DeadlineApproaching,
        DeadlineCame,
        DeadlineMissed,
        DropMatched,
        DueMoved,
        ErasureApproved,
        ErasurePlanned,
        ErasureScheduled,
        ExtensionDecided,
        FeeAgreed,
        FeeQuoted,
        ForwardingDecided,
        ForwardingFetched,
        IdentityReviewNeeded,
        InquiryLodged,
        MessageLodged,
        NoticeFailed,
        NoticeReported,
        NoticeSent,
        PackageCodeIssued,
        PackageExpired,
        PackageExpiring,
        PackageCodeKept,
        PackageCodeRefused,
        PackageFetched,
        ProofReceived,
        RecipientAcknowledged,
        RecipientFailed,
        RequestExtended,
        RequestLodged,
        RequestPaused,
        RequestRejected,
        RequestReleased,
        RequestRenewed,
        RequestResumed,
        RequestStopped,
        StopDecided,
        SubjectUnrestricted,
        WithdrawalDecided,
        WithdrawalLodged,
    }
)
"""Facts that belong to a case and leave its status as it is."""


@dataclass(frozen=True, slots=True)
class IntakeCase:
    """What intake knows of a request."""

    status: CaseStatus = CaseStatus.UNKNOWN
    received: RequestReceived | None = None
    fulfilled: RequestFulfilled | None = None
    forwarded: RequestForwarded | None = None
    duplicated: RequestDuplicated | None = None
    refused_for: tuple[Code, ...] = ()
    tries_left: int | None = None
    codes: int = 0
    """Codes that were mailed to prove the mailbox."""
    wanted_until: datetime | None = None
    """When the request lapses unless it is proven who asks."""
    wanted: tuple[tuple[Evidence, ...], ...] = ()
    """Ways to prove who asks, the least intrusive first: what is still missing for each."""
    proof_refused_for: Code | None = None
    """Why the last proof has not convinced."""
    in_review: bool = False
    """Whether the staff looks at a proof."""
    paused_since: datetime | None = None
    """When the person was asked for proof, which has not come yet."""
    paused_days: int = 0
    """How long the clock stood still before, in all."""
    moved_to: date | None = None
    """When the answer is due because it did, or because of an extension."""
    moved_by: PolicyId | None = None
    """The law that sets that day."""
    moved_target: date | None = None
    """By when it is meant to be sent, then."""
    missed: frozenset[tuple[TimedDuty, date]] = frozenset()
    """What was not done in time, and is told."""
    tell_by: date | None = None
    """When the answer was due before an extension: by then the person is told of it."""
    sent: frozenset[LetterKind] = frozenset()
    """Letters that the mail server has taken."""
    returned: frozenset[LetterKind] = frozenset()
    """Letters that came back, or that no mail server will take."""
    delivered: bool = False
    """Whether the staff has handed over the answer by other means."""
    undelivered: tuple[LetterKind, ...] = ()
    """Letters that no mail server will take."""
    addressless: bool = False
    """Whether no letters can be sent, nor need be: the answer is read where the request stands."""
    unnotified: tuple[str, ...] = ()
    """Recipients of the person's data that could not be told what became of it."""
    quoted: FeeQuoted | None = None
    """What the answer costs, as the person was told."""
    agreed: bool = False
    """Whether the person agrees to that."""
    erasure_at: datetime | None = None
    """When a planned erasure begins; until then it can be stopped."""
    deciders: tuple[Code, ...] = ()
    """Staff accounts that decided that the requester is the person."""
    awaits_approval: bool = False
    """Whether an erasure is planned that a second person must approve of."""
    package_code: IssuedCode | None = None
    opened_by: IssuedCode | None = None
    """The code that opened the package last; it goes on with a download that was cut off."""
    opened_ref: int = 0
    """Which of the codes that was."""
    package_codes: int = 0
    downloads: int = 0
    appeals: tuple[AppealReceived, ...] = ()
    answered_appeals: int = 0
    stopped: StopReason | None = None
    """Why the request is stopped until the privacy staff decides; None if it is not."""
    stops: int = 0
    """Times that it was stopped."""

    @property
    def open_appeal(self) -> AppealReceived | None:
        """The appeal or complaint that is not decided yet; there is one at a time."""
        return self.appeals[-1] if len(self.appeals) > self.answered_appeals else None

    @property
    def forwardable(self) -> bool:
        """Whether a customer decides about the data who has not been told yet, or could not be."""
        forwarded = LetterKind.FORWARDED_TO_CONTROLLER in self.sent - self.returned
        waits = self.status is CaseStatus.RECEIVED or (self.status is CaseStatus.FORWARDED and not forwarded)
        return self.not_ours and waits

    @property
    def due_on(self) -> date | None:
        """The last day for the answer."""
        return self.moved_to or (self.received.due_on if self.received else None)

    @property
    def due_by(self) -> PolicyId | None:
        """The law that the last day for the answer is of."""
        days = self.received.last_days if self.received else ()
        first = next((day.policy for day in days if day.duty is TimedDuty.ANSWER), None)
        return self.moved_by or first

    @property
    def extended(self) -> bool:
        """Whether the answer takes longer than the first period."""
        return self.tell_by is not None

    @property
    def not_ours(self) -> bool:
        """Whether a customer decides about the data, and not the company, and has not asked for this."""
        return self.received is not None and self.received.goes_to_customer

    @property
    def instructed(self) -> bool:
        """Whether the controller asks who decides about the data, and is who gets the answer."""
        return self.received is not None and self.received.requester is Requester.CONTROLLER

    @property
    def taken_at_its_word(self) -> bool:
        """Whether nobody checks who asks: the right needs no proof, or a customer decides about the data."""
        received = self.received
        proofless = received and not needs_proof(received.right, direct_marketing=received.direct_marketing)
        return self.not_ours or bool(proofless)

    @property
    def awaits_proof(self) -> bool:
        """Whether a proof of identity can still change anything."""
        return self.status in {CaseStatus.RECEIVED, CaseStatus.CHALLENGED} and not self.not_ours

    @property
    def unanswered(self) -> bool:
        """
        Whether the duty to answer is open: it ends when the last letter is sent, not at the decision.

        Where there is nobody to write to, it ends when the answer can be read; where the letter came back,
        it is open again until the answer is delivered by other means. A duplicate is not answered itself.
        """
        if self.delivered or self.status in {CaseStatus.WITHDRAWN, CaseStatus.DUPLICATE}:
            return False
        if not self.returned.isdisjoint(OWED):
            return True
        return self.status is not CaseStatus.CLOSED and not (self.addressless and self.status in CLOSED_BY)

    @property
    def awaits_agreement(self) -> bool:
        """Whether the answer costs something, and the person has still to say whether they want it."""
        return self.quoted is not None and not self.agreed and self.withdrawable

    @property
    def fee_notified(self) -> bool:
        """Whether the person was told what the answer costs, and that silence takes the request back."""
        return LetterKind.FEE_QUOTED in self.sent - self.returned

    @property
    def meant_for(self) -> date | None:
        """The day by which the answer is meant to be sent; it moves as the last day does."""
        return self.moved_target or (self.received.internal_due_on if self.received else None)

    def is_closed_by(self, letter: LetterKind) -> bool:
        """Whether *letter* was the last thing outstanding."""
        return CLOSED_BY.get(self.status) is letter

    def is_overtaken_by(self, letter: LetterKind) -> bool:
        """Whether *letter* tells of something that has not been heard of here yet."""
        if letter is LetterKind.OUTCOME:
            return self.fulfilled is None
        settled = self.status in CLOSED_BY or self.status is CaseStatus.CLOSED
        return letter in CLOSED_BY.values() and not settled

    @property
    def withdrawable(self) -> bool:
        """Whether the request can be taken back: it is not answered yet."""
        return self.status in {
            CaseStatus.RECEIVED,
            CaseStatus.CHALLENGED,
            CaseStatus.VERIFIED,
            CaseStatus.REFERRED,
        }

    def erased_after(self, now: datetime) -> datetime | None:
        """Return when a planned erasure begins that can still be stopped *now*; None where there is none."""
        waits = self.withdrawable and self.erasure_at is not None and now < self.erasure_at
        return self.erasure_at if waits else None

    @property
    def answer_awaited(self) -> bool:
        """Whether the answer is still to come: nothing has ended the request, and no letter of it failed."""
        on_its_way = self.status is CaseStatus.ANSWERED and LetterKind.OUTCOME not in self.undelivered
        return self.withdrawable or on_its_way


def evolve(case: IntakeCase, fact: Fact) -> IntakeCase:
    """
    Return *case* after *fact*.

    Raises:
        TooEarly: The request itself, or what *fact* follows from, has not arrived yet.
        IllegalTransition: *fact* cannot happen to a case in this status.
    """
    return _noted(replace(case, status=status_after(case.status, fact)), fact)


def status_after(status: CaseStatus, fact: Fact) -> CaseStatus:
    """
    Return where a case stands after *fact*.

    Raises:
        TooEarly: The request itself, or what *fact* follows from, has not arrived yet.
        IllegalTransition: *fact* cannot happen to a case in this status.
    """
    if type(fact) in REMARKS:
        return status
    if status is CaseStatus.UNKNOWN and type(fact) not in TRANSITIONS[status]:
        raise TooEarly(f"{fact.TYPE} came before its request")
    if type(fact) in PRESUMES_PROOF and status in {CaseStatus.RECEIVED, CaseStatus.CHALLENGED}:
        raise TooEarly(f"{fact.TYPE} came before it was heard that the requester is verified")
    try:
        return TRANSITIONS[status][type(fact)]
    except KeyError:
        raise IllegalTransition(f"{fact.TYPE} cannot happen to a request that is {status}") from None


def _noted(case: IntakeCase, fact: Fact) -> IntakeCase:
    match fact:
        case RequestReceived():
            # A controller reads the answer where it asked; nobody writes to the person in its place.
            return replace(case, received=fact, addressless=fact.requester is Requester.CONTROLLER)
        case RequestFulfilled() | RequestForwarded() | RequestDuplicated():
            return _decision_noted(case, fact)
        case IdentityChallenged() | ProofRefused() | IdentityReviewNeeded() | IdentityRefused():
            return _proof_noted(case, fact)
        case RequestPaused() | RequestResumed() | DueMoved() | RequestExtended() | DeadlineMissed():
            return _clock_noted(case, fact)
        case NoticeSent() | NoticeFailed() | NoticeReported() | AnswerDelivered():
            return _letter_noted(case, fact)
        case RecipientFailed() | RecipientAcknowledged():
            return _recipient_noted(case, fact)
        case PackageCodeKept() | PackageCodeRefused() | PackageFetched():
            return _package_noted(case, fact)
        case AppealReceived() | AppealAnswered():
            return _appeal_noted(case, fact)
        case _:
            return _staff_noted(case, fact)


def _staff_noted(case: IntakeCase, fact: Fact) -> IntakeCase:
    match fact:
        case IdentityVerified():
            return replace(case, deciders=fact.deciders)
        case FeeQuoted() | FeeAgreed() | ErasurePlanned() | ErasureApproved() | ErasureScheduled():
            return _consent_noted(case, fact)
        case RequestStopped() | RequestReleased():
            return _stop_noted(case, fact)
        case _:
            return case


def _stop_noted(case: IntakeCase, fact: RequestStopped | RequestReleased) -> IntakeCase:
    match fact:
        case RequestStopped():
            return replace(case, stopped=fact.reason, stops=case.stops + 1)
        case RequestReleased():
            return replace(case, stopped=None)


def _decision_noted(
    case: IntakeCase, fact: RequestFulfilled | RequestForwarded | RequestDuplicated
) -> IntakeCase:
    match fact:
        case RequestFulfilled():
            return replace(case, fulfilled=fact)
        case RequestForwarded():
            return replace(case, forwarded=fact)
        case RequestDuplicated():
            return replace(case, duplicated=fact)


def _recipient_noted(case: IntakeCase, fact: RecipientFailed | RecipientAcknowledged) -> IntakeCase:
    match fact:
        case RecipientFailed():
            return replace(case, unnotified=tuple(dict.fromkeys((*case.unnotified, fact.recipient))))
        case RecipientAcknowledged():
            return replace(case, unnotified=tuple(name for name in case.unnotified if name != fact.recipient))


def _appeal_noted(case: IntakeCase, fact: AppealReceived | AppealAnswered) -> IntakeCase:
    match fact:
        case AppealReceived():
            return replace(case, appeals=(*case.appeals, fact))
        case AppealAnswered():
            return replace(case, answered_appeals=len(case.appeals))


def _consent_noted(
    case: IntakeCase, fact: FeeQuoted | FeeAgreed | ErasurePlanned | ErasureApproved | ErasureScheduled
) -> IntakeCase:
    match fact:
        case ErasureScheduled():
            return replace(case, erasure_at=fact.at)
        case ErasurePlanned():
            return replace(case, awaits_approval=fact.approval)
        case ErasureApproved():
            return replace(case, awaits_approval=False)
        case FeeQuoted():
            return replace(case, quoted=fact)
        case FeeAgreed():
            return replace(case, agreed=True)


def _letter_noted(
    case: IntakeCase, fact: NoticeSent | NoticeFailed | NoticeReported | AnswerDelivered
) -> IntakeCase:
    match fact:
        case NoticeSent():
            return replace(case, sent=case.sent | {fact.letter}, returned=case.returned - {fact.letter})
        case NoticeFailed():
            nowhere = case.addressless or fact.reason == NO_ADDRESS
            case = replace(case, undelivered=(*case.undelivered, fact.letter), addressless=nowhere)
            return case if fact.reason == NO_ADDRESS else _came_back(case, fact.letter)
        case NoticeReported():
            return _came_back(case, fact.letter) if fact.action is DeliveryAction.FAILED else case
        case AnswerDelivered() if case.status in ANSWERED:
            return replace(case, returned=frozenset(), delivered=True)
        case AnswerDelivered():
            return case


def _came_back(case: IntakeCase, letter: LetterKind) -> IntakeCase:
    return replace(case, returned=case.returned | {letter})


def _clock_noted(
    case: IntakeCase, fact: RequestPaused | RequestResumed | DueMoved | RequestExtended | DeadlineMissed
) -> IntakeCase:
    match fact:
        case DeadlineMissed():
            return replace(case, missed=case.missed | {(fact.duty, fact.due_on)})
        case RequestPaused():
            return replace(case, paused_since=fact.since)
        case RequestResumed():
            return replace(case, paused_since=None)
        case DueMoved():
            return replace(_moved(case, fact), paused_days=fact.days)
        case RequestExtended():
            return replace(_moved(case, fact), tell_by=fact.promised_on)


def _moved(case: IntakeCase, fact: DueMoved | RequestExtended) -> IntakeCase:
    return replace(case, moved_to=fact.due_on, moved_by=fact.policy, moved_target=fact.meant_for)


def _proof_noted(
    case: IntakeCase, fact: IdentityChallenged | ProofRefused | IdentityReviewNeeded | IdentityRefused
) -> IntakeCase:
    match fact:
        case IdentityRefused():
            return replace(case, refused_for=fact.reasons) if case.status is CaseStatus.REFUSED else case
        case IdentityChallenged(kind=None):
            return replace(
                case, wanted=fact.wanted, wanted_until=fact.expires_at, proof_refused_for=fact.refused_for
            )
        case IdentityChallenged():
            tries = TRIES if case.awaits_proof else case.tries_left
            return replace(
                case, wanted=fact.wanted, codes=case.codes + 1, tries_left=tries, proof_refused_for=None
            )
        case ProofRefused():
            return replace(case, tries_left=fact.tries_left, proof_refused_for=fact.reason)
        case IdentityReviewNeeded():
            return replace(case, in_review=True)


def _package_noted(
    case: IntakeCase, fact: PackageCodeKept | PackageCodeRefused | PackageFetched
) -> IntakeCase:
    match fact:
        case PackageCodeKept():
            code = IssuedCode(fact.digest, fact.expires_at)
            return replace(case, package_code=code, package_codes=case.package_codes + 1)
        case PackageCodeRefused() if case.package_code is not None:
            return replace(case, package_code=case.package_code.tried())
        case PackageFetched() if not fact.continued and fact.by is None:
            return replace(
                case,
                package_code=None,
                opened_by=case.package_code,
                opened_ref=case.package_codes - 1,
                downloads=case.downloads + 1,
            )
        case PackageFetched():
            return replace(case, downloads=case.downloads + 1)
        case _:
            return case


def request_id(source: str, reference: str, *, key: bytes) -> str:
    """
    Return the id of the request that *source* calls *reference*: the same pair gives the same id.

    It is a keyed hash: who knows a reference cannot work out the id, which opens the status page.
    """
    text = f"{len(source)} {source} {reference}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def incident_id(source: str, reference: str, *, key: bytes) -> str:
    """Return the id of the incident that *source* calls *reference*; never that of a request."""
    text = f"breach {len(source)} {source} {reference}"  # what a request is hashed from begins with a digit
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def outcome_of(case: IntakeCase) -> Outcome | None:
    """Return what the person was told; none for a withdrawn request."""
    if case.fulfilled is not None:
        return case.fulfilled.outcome
    return Outcome.REFUSED if case.refused_for else None
