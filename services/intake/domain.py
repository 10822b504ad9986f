"""
The events of a case, and its state.

Pure. The life of a case is one table, :data:`TRANSITIONS`; a transition that is not in it is an error.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

from shared.contract import events
from shared.contract.answer import RAW_MAIL
from shared.contract.codes import TRIES, IssuedCode
from shared.contract.events import (
    Code,
    DeliveryAction,
    Evidence,
    Fact,
    LetterKind,
    OfferedAliases,
    Outcome,
    PolicyId,
    ProofRef,
    Record,
    Requester,
    StopReason,
)
from shared.contract.events.breaches import BreachLodged
from shared.contract.register import NO_ADDRESS, OWED
from shared.contract.sources import MAIL, OFFLINE, ChannelSource, channel_source
from shared.errors import IllegalTransition, TooEarly
from shared.law import Right, Role, TimedDuty, needs_proof, whole_days

PUBLIC_SOURCE = channel_source(ChannelSource.HABEAS, "public")
"""CloudEvents source of requests without a key."""
GPC = channel_source(ChannelSource.HABEAS, "gpc")
"""CloudEvents source of browser signals (Global Privacy Control)."""
PUBLIC_SOURCES: frozenset[str] = frozenset({PUBLIC_SOURCE, MAIL, GPC, *OFFLINE})
"""Sources that accept requests from any sender, in any name."""
EMAIL = "email"
"""Name of the identity that is a mailbox, in the data map."""


class CaseStatus(StrEnum):
    """The status of a case."""

    UNKNOWN = "unknown"
    RECEIVED = "received"
    CHALLENGED = "challenged"
    VERIFIED = "verified"
    REFERRED = "referred"
    REFUSED = "refused"
    ANSWERED = "answered"
    FORWARDED = "forwarded"
    """To the customer that decides about the data."""
    DUPLICATE = "duplicate"
    """Of a request that is answered."""
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    PURGED = "purged"
    """Its record was purged after its retention; only its existence is known."""


class PackageCodeKept(Record):
    """A code for the package was issued; this is its digest."""

    TYPE: ClassVar[str] = "habeas.package.code_kept.v1"

    digest: str
    expires_at: datetime


class PackageCodeRefused(Record):
    """A wrong code was offered for the package."""

    TYPE: ClassVar[str] = "habeas.package.code_refused.v1"


class AliasCodeKept(Record):
    """The digest of a code that proves another mailbox."""

    TYPE: ClassVar[str] = "habeas.alias.code_kept.v1"

    digest: str
    expires_at: datetime
    aliases: Code
    """Name of the offered aliases in the vault."""
    number: int
    """Number of the alias that it proves."""


class AliasCodeRefused(Record):
    """A wrong code was offered for another mailbox."""

    TYPE: ClassVar[str] = "habeas.alias.code_refused.v1"


@dataclass(frozen=True, slots=True)
class Instruction:
    """The instruction of a controller with a checked credential."""

    at_once: bool = False
    """Whether its erasure begins without the window."""


class RequestLodged(Record):
    """How a request came, and by which channel; it lies sealed in the vault."""

    TYPE: ClassVar[str] = "habeas.request.lodged.v1"

    source: str
    occurred_at: datetime
    proofs: tuple[ProofRef, ...] = ()
    attested: tuple[Evidence, ...] = ()
    """Evidence attested by an agent with a checked signature."""
    instructed: bool = False
    """Whether it is the instruction of a controller with a checked credential."""
    at_once: bool = False
    """Whether the controller has its erasure begin without the window."""
    submitted: bool = False
    """Whether an upstream system published it as an event."""
    waited: bool = False
    """Whether it waited in the queue."""
    publisher_id: str | None = None
    """Id of the event of the upstream system, keyed where it could be personal data."""


class FollowUpKind(StrEnum):
    """Kinds of events about a request."""

    PROOFS = "proofs"
    WITHDRAWAL = "withdrawal"
    APPEAL = "appeal"


class FollowUpKept(Record):
    """A proof, a withdrawal or an appeal came before its request, and waits for it."""

    TYPE: ClassVar[str] = "habeas.follow_up.kept.v1"

    kind: FollowUpKind = FollowUpKind.WITHDRAWAL
    source: str
    publisher_id: str | None = None
    """Id of its event, keyed where it could be personal data."""
    at: datetime
    """When it came."""
    proofs: tuple[ProofRef, ...] = ()
    statement: Code | None = None
    """Name, in the vault, of the statement of an appeal."""

    @property
    def items(self) -> tuple[str, ...]:
        """The names of its content in the vault."""
        return (*(proof.ref for proof in self.proofs), *([self.statement] if self.statement else ()))


class ContentReadable(Record):
    """An account that opened a whole case may read all of its content until a time."""

    TYPE: ClassVar[str] = "habeas.content.readable.v1"

    by: Code
    until: datetime


class MailboxSearched(Record):
    """An account searched for the cases of a mailbox; the session is the case."""

    TYPE: ClassVar[str] = "habeas.mailbox.searched.v1"

    by: Code
    mailbox: str
    """Keyed hash of the address."""
    found: int


class ReferenceSearched(Record):
    """An account searched for the requests with a reference of a system; the session is the case."""

    TYPE: ClassVar[str] = "habeas.reference.searched.v1"

    by: Code
    reference: str
    """Its keyed form, which names no source."""
    found: int


RECORDS = (
    MailboxSearched,
    ReferenceSearched,
    ContentReadable,
    FollowUpKept,
    AliasCodeKept,
    AliasCodeRefused,
    PackageCodeKept,
    PackageCodeRefused,
    RequestLodged,
)

_AWAITING_PROOF: Mapping[type[Fact], CaseStatus] = {
    events.IdentityChallenged: CaseStatus.CHALLENGED,
    events.ProofRefused: CaseStatus.CHALLENGED,
    events.IdentityVerified: CaseStatus.VERIFIED,
    # They may overtake the note that the identity is verified.
    events.RequestFulfilled: CaseStatus.ANSWERED,
    events.RequestReferred: CaseStatus.REFERRED,
    events.IdentityRefused: CaseStatus.REFUSED,
    events.RequestWithdrawn: CaseStatus.WITHDRAWN,
    events.RequestDuplicated: CaseStatus.DUPLICATE,
}
TRANSITIONS: Mapping[CaseStatus, Mapping[type[Fact], CaseStatus]] = {
    CaseStatus.UNKNOWN: {
        events.RequestReceived: CaseStatus.RECEIVED,
        events.RequestPurged: CaseStatus.PURGED,
    },
    CaseStatus.RECEIVED: {
        **_AWAITING_PROOF,
        events.RequestForwarded: CaseStatus.FORWARDED,
    },
    CaseStatus.CHALLENGED: _AWAITING_PROOF,
    CaseStatus.VERIFIED: {
        events.RequestFulfilled: CaseStatus.ANSWERED,
        events.RequestReferred: CaseStatus.REFERRED,
        events.RequestWithdrawn: CaseStatus.WITHDRAWN,
        # A refused proof may still be in transit when the decision that overtook it arrives; so below.
        events.ProofRefused: CaseStatus.VERIFIED,
    },
    CaseStatus.REFERRED: {
        events.RequestFulfilled: CaseStatus.ANSWERED,
        events.RequestReferred: CaseStatus.REFERRED,
        events.RequestWithdrawn: CaseStatus.WITHDRAWN,
        events.ProofRefused: CaseStatus.REFERRED,
    },
    CaseStatus.REFUSED: {events.RequestClosed: CaseStatus.CLOSED, events.ProofRefused: CaseStatus.REFUSED},
    CaseStatus.ANSWERED: {
        events.RequestClosed: CaseStatus.CLOSED,
        events.RequestFulfilled: CaseStatus.ANSWERED,
        # It ends what waits for a window; the answer stands.
        events.RequestWithdrawn: CaseStatus.ANSWERED,
        events.ProofRefused: CaseStatus.ANSWERED,
    },
    CaseStatus.FORWARDED: {
        events.RequestForwarded: CaseStatus.FORWARDED,
        events.RequestClosed: CaseStatus.CLOSED,
    },
    # The decision of the staff may cross the proof of the identity.
    CaseStatus.DUPLICATE: {
        events.RequestClosed: CaseStatus.CLOSED,
        events.ProofRefused: CaseStatus.DUPLICATE,
        events.IdentityRefused: CaseStatus.DUPLICATE,
        events.RequestReferred: CaseStatus.DUPLICATE,
        events.RequestFulfilled: CaseStatus.ANSWERED,
    },
    # A withdrawal may cross a decision; a sent answer stands.
    CaseStatus.WITHDRAWN: {
        events.RequestClosed: CaseStatus.CLOSED,
        events.ProofRefused: CaseStatus.WITHDRAWN,
        events.IdentityRefused: CaseStatus.WITHDRAWN,
        events.RequestReferred: CaseStatus.WITHDRAWN,
        events.RequestFulfilled: CaseStatus.ANSWERED,
    },
    CaseStatus.CLOSED: {
        events.ProofRefused: CaseStatus.CLOSED,
        events.IdentityRefused: CaseStatus.CLOSED,
        events.RequestReferred: CaseStatus.CLOSED,
        events.RequestWithdrawn: CaseStatus.CLOSED,
        events.RequestFulfilled: CaseStatus.ANSWERED,
    },
    CaseStatus.PURGED: {events.RequestPurged: CaseStatus.PURGED},
}
"""Status → fact → status. A fact without an entry for a status is an :class:`IllegalTransition`."""
NOTED: frozenset[type[Fact]] = frozenset({events.IdentityChallenged, events.IdentityVerified})
"""Facts that are noted, so that they can come in any order; where they change nothing they are ignored."""
CLOSED_BY: Mapping[CaseStatus, LetterKind] = {
    CaseStatus.REFUSED: LetterKind.REFUSAL,
    CaseStatus.ANSWERED: LetterKind.OUTCOME,
    CaseStatus.WITHDRAWN: LetterKind.WITHDRAWN,
    CaseStatus.FORWARDED: LetterKind.FORWARDED,
    CaseStatus.DUPLICATE: LetterKind.DUPLICATE,
}
"""The last letter of a case. If two decisions crossed, both letters are written."""
UNDECIDED = frozenset({CaseStatus.RECEIVED, CaseStatus.CHALLENGED, CaseStatus.VERIFIED, CaseStatus.REFERRED})
"""Statuses in which the answer can still take longer, and the request be withdrawn."""
ANSWERED = frozenset({CaseStatus.ANSWERED, CaseStatus.REFUSED, CaseStatus.FORWARDED, CaseStatus.CLOSED})
"""Statuses with an answer to download."""
ASKING = frozenset({LetterKind.CODE, LetterKind.PROOF_WANTED, LetterKind.REMINDER, LetterKind.FEE_QUOTED})
"""Letters that ask the person for something."""
DECIDED_ELSEWHERE: frozenset[type[events.Decision]] = frozenset(
    {
        events.AliasConfirmed,
        events.CorrectionApproved,
        events.ErasureGroundDecided,
        events.EvidenceAsked,
        events.FeeDecided,
        events.HoldLifted,
        events.HoldPlaced,
        events.IdentityDecided,
        events.MessageWritten,
        events.ProofAskedAgain,
        events.PurgeApproved,
        events.RecipientRetried,
        events.ReferralDecided,
        events.RestrictionLifting,
        events.ValuesReleased,
    }
)
"""Decisions that other services act on: intake notes those about a request, for its trail."""
REMARKS: frozenset[type[Fact]] = DECIDED_ELSEWHERE | frozenset(
    {
        events.AliasCodeIssued,
        AliasCodeKept,
        AliasCodeRefused,
        events.AliasProven,
        events.AnswerDelivered,
        events.AnswerExpected,
        events.AppealAnswered,
        events.AppealDecided,
        events.AppealReceived,
        BreachLodged,
        events.BurstDeclared,
        events.CaseAssigned,
        events.CaseNoted,
        events.ContentOpened,
        ContentReadable,
        events.DeadlineApproaching,
        events.DecisionRefused,
        events.DeadlineCame,
        events.DeadlineMissed,
        events.DisclosureScheduled,
        events.DropMatched,
        events.DueMoved,
        events.DuplicateDecided,
        events.ErasureApproved,
        events.ErasurePlanned,
        events.ErasureProposalDecided,
        events.ErasureScheduled,
        events.EvidenceDestroyed,
        events.EvidenceShown,
        events.ExtensionDecided,
        events.FeeAgreed,
        events.FeeQuoted,
        events.FileAttached,
        FollowUpKept,
        events.CasesSearched,
        events.ForwardingDecided,
        events.ForwardingFetched,
        events.IdentityReminded,
        events.IdentityReviewNeeded,
        events.InquiryLodged,
        events.InquiryReminded,
        MailboxSearched,
        ReferenceSearched,
        events.MessageHandled,
        events.MessageLodged,
        events.MessageRepaired,
        events.NarrowingDecided,
        events.NoticeFailed,
        events.NoticeReported,
        events.NoticeSent,
        events.PackageCodeIssued,
        events.PackageExpired,
        events.PackageExpiring,
        PackageCodeKept,
        PackageCodeRefused,
        events.PackageFetched,
        events.PackageReviewed,
        events.PackageReviewNeeded,
        events.PauseDecided,
        events.PermissionGranted,
        events.PermissionRevoked,
        events.PreviewAsked,
        events.PreviewDrafted,
        events.ProofExamined,
        events.ProofReceived,
        events.RecipientAcknowledged,
        events.RecipientFailed,
        events.RecipientInformed,
        events.RequestExtended,
        events.RequestLapsed,
        RequestLodged,
        events.RequestPaused,
        events.RequestRejected,
        events.RequestReleased,
        events.ReopeningDecided,
        events.RequestRenewed,
        events.RequestResumed,
        events.RequestStopped,
        events.RequestTaken,
        events.ScopeAnswered,
        events.ScopeAsked,
        events.StaffSignedIn,
        events.StaffSignedOut,
        events.StopDecided,
        events.SubmissionHandled,
        events.SubjectUnrestricted,
        events.TrailExported,
        events.WithdrawalDecided,
    }
)
"""Facts of a case that do not change its status."""


@dataclass(frozen=True, slots=True)
class IntakeCase:
    """The state of a request in intake."""

    status: CaseStatus = CaseStatus.UNKNOWN
    received: events.RequestReceived | None = None
    fulfilled: events.RequestFulfilled | None = None
    forwarded: events.RequestForwarded | None = None
    duplicated: events.RequestDuplicated | None = None
    referred: events.RequestReferred | None = None
    """Why it waits, or waited, for the privacy staff."""
    refused_for: tuple[Code, ...] = ()
    tries_left: int | None = None
    codes: int = 0
    """Number of codes mailed to prove the mailbox."""
    wanted_until: datetime | None = None
    """When the request lapses without a proof of identity."""
    wanted: tuple[tuple[Evidence, ...], ...] = ()
    """The sufficient proofs, the least intrusive first: for each, the missing evidence."""
    proof_refused_for: Code | None = None
    """Why the last proof was not accepted."""
    in_review: bool = False
    paused_since: datetime | None = None
    """When proof was requested that has not come yet."""
    paused_days: int = 0
    scope_asked: events.ScopeAsked | None = None
    """The question which data is meant; there is one at most."""
    scope_answered: events.ScopeAnswered | None = None
    scope_overlap: int = 0
    """Days since the question that count as a pause for proof of identity."""
    scope_days: int = 0
    """Days of that question that moved the deadline."""
    moved_to: date | None = None
    """The deadline after a pause or an extension."""
    moved_by: PolicyId | None = None
    """The law that sets that day."""
    moved_target: date | None = None
    missed: frozenset[tuple[TimedDuty, date]] = frozenset()
    """Steps that were late, and reported so."""
    expected: date | None = None
    """The day that the staff has stated for a late answer."""
    announced: date | None = None
    """The day that the last letter about the delay has named: for the answer, or for another letter."""
    tell_by: date | None = None
    """The deadline before an extension: the person must be notified by then."""
    sent: frozenset[LetterKind] = frozenset()
    """Letters that the mail server accepted."""
    returned: frozenset[LetterKind] = frozenset()
    """Letters that came back, or that mail servers refuse."""
    delivered: bool = False
    """Whether the staff has delivered the answer by other means."""
    undelivered: tuple[LetterKind, ...] = ()
    """Letters that mail servers refuse."""
    addressless: bool = False
    """Whether letters are impossible and unnecessary: the answer is on the request's page."""
    unnotified: tuple[str, ...] = ()
    set_aside: bool = False
    """Whether a submission is set aside, and the staff has not handled it."""
    quoted: events.FeeQuoted | None = None
    agreed: bool = False
    proposal_decided: bool = False
    """Whether the person has answered the proposal to erase data that rested on a withdrawn consent."""
    erasure_at: datetime | None = None
    """When a planned erasure begins; until then it can be stopped."""
    disclosed_at: datetime | None = None
    """When records that name other mailboxes are disclosed; until then it can be stopped."""
    deciders: tuple[Code, ...] = ()
    """Staff accounts that decided that the requester is the person."""
    answer_deciders: frozenset[Code] = frozenset()
    """Staff accounts that decided on the answer: refused, approved or wrote it."""
    approvers: int = 0
    """How many accounts must approve a planned erasure."""
    approvals: frozenset[Code] = frozenset()
    """Accounts that have approved it."""
    review: events.PackageReviewNeeded | None = None
    """The package that waits for a review; a reviewed one has an answer, or gets a new listing."""
    package_code: IssuedCode | None = None
    opened_by: IssuedCode | None = None
    """The last code that opened the package; it resumes an interrupted download."""
    opened_ref: int = 0
    package_codes: int = 0
    downloads: int = 0
    appeals: tuple[events.AppealReceived, ...] = ()
    answered_appeals: int = 0
    permissions: tuple[events.PermissionGranted, ...] = ()
    """The last permission of each account to read the content; a revoked one is not among them."""
    openings: tuple[ContentReadable, ...] = ()
    """The last opening of the whole case by each account."""
    evidence_shown: events.EvidenceShown | None = None
    """The proofs that the verifier shows for the last opening."""
    stopped: StopReason | None = None
    """Why the request is stopped until the privacy staff decides; None if it is not."""
    stops: int = 0
    offer: OfferedAliases | None = None
    """Aliases in the records; they open no records before they are proven."""
    alias_asked: AliasCodeKept | None = None
    """The mailbox that the last code went to."""
    alias_code: IssuedCode | None = None
    alias_codes: int = 0
    aliases_proven: frozenset[tuple[Code, int]] = frozenset()
    inquiry: events.InquiryLodged | None = None
    """The question to the sender of an unclear mail, before it is a request."""
    follow_ups: tuple[FollowUpKept, ...] = ()
    """Events that came before the request and wait for it."""
    unmatched: tuple[str, ...] = ()
    """Names, in the vault, of the content of events that waited for a request in vain."""
    messages: tuple[events.MessageLodged, ...] = ()
    """Mails that only the staff can handle."""
    handled_messages: frozenset[Code] = frozenset()
    """Names of mails that the staff has handled."""
    reopened_as: events.RequestId | None = None
    """The request that takes this one up again, as the staff has decided."""
    session: events.StaffSignedIn | None = None
    """The session of a staff account that this journal case is, instead of a request."""
    signed_out: bool = False
    """Whether that session was ended before its time."""

    @property
    def awaits_approval(self) -> bool:
        """Whether a planned erasure needs an account's approval, or another one's."""
        return len(self.approvals) < self.approvers

    @property
    def provable_aliases(self) -> tuple[int, ...]:
        """
        The numbers of offered mailboxes that a code can prove: of an answer, or of a correction at the staff.

        There are none for a controller, for a parent (the records name the child's mailbox), and for an
        erasure after a copy: further records would be erased without a copy.
        """
        answered = self.fulfilled is not None and self.status in {CaseStatus.ANSWERED, CaseStatus.CLOSED}
        answered |= self.status is CaseStatus.REFERRED
        asks = self.received is not None and self.received.requester in {Requester.PERSON, Requester.AGENT}
        answer = self.fulfilled
        copied = answer is not None and answer.right is Right.ERASURE and answer.package is not None
        if not answered or not asks or self.offer is None or self.stopped or copied:
            return ()
        mailboxes = [n for n, name in enumerate(self.offer.identities, 1) if name == EMAIL]
        return tuple(n for n in mailboxes if (self.offer.ref, n) not in self.aliases_proven)

    @property
    def has_mail(self) -> bool:
        """Whether a mail lies in the case, which may be no request yet."""
        return bool(self.messages) or self.inquiry is not None

    @property
    def open_messages(self) -> tuple[events.MessageLodged, ...]:
        """Mails that wait for the staff."""
        return tuple(one for one in self.messages if one.message not in self.handled_messages)

    def may_handle(self, message: Code) -> bool:
        """Return whether *message* is a mail that the staff has not handled; one asked back is, too."""
        known = {one.message for one in self.messages} | ({RAW_MAIL} if self.inquiry else set())
        return message in known - self.handled_messages

    @property
    def of_end_user(self) -> bool:
        """Whether the content is a customer's: data that the company only processes (GDPR Art. 28)."""
        return self.received is not None and self.received.role is Role.END_USER

    def may_read(self, account: Code, at: datetime) -> bool:
        """Return whether *account* may read the content *at* a time: a customer's only with a permission."""
        permitted = any(one.account == account and at < one.until for one in self.permissions)
        return permitted or not self.of_end_user

    def opened_until(self, account: Code, at: datetime) -> datetime | None:
        """Return until when *account* may read all content, as of a time; None if it may not."""
        ends = (one.until for one in self.openings if one.by == account and at < one.until)
        return next(ends, None) if self.may_read(account, at) else None

    @property
    def open_appeal(self) -> events.AppealReceived | None:
        """The appeal or complaint without a decision; there is one at a time."""
        return self.appeals[-1] if len(self.appeals) > self.answered_appeals else None

    @property
    def forwardable(self) -> bool:
        """Whether a customer decides about the data and was not notified, or could not be."""
        forwarded = LetterKind.FORWARDED_TO_CONTROLLER in self.sent - self.returned
        waits = self.status is CaseStatus.RECEIVED or (self.status is CaseStatus.FORWARDED and not forwarded)
        return self.not_ours and waits

    @property
    def due_on(self) -> date | None:
        """The last day for the answer."""
        return self.moved_to or (self.received.due_on if self.received else None)

    @property
    def due_by(self) -> PolicyId | None:
        """The law that sets the last day."""
        days = self.received.last_days if self.received else ()
        first = next((day.policy for day in days if day.duty is TimedDuty.ANSWER), None)
        return self.moved_by or first

    @property
    def extended(self) -> bool:
        """Whether the deadline was extended."""
        return self.tell_by is not None

    @property
    def not_ours(self) -> bool:
        """Whether a customer decides about the data, not the company, and has not asked itself."""
        return self.received is not None and self.received.goes_to_customer

    @property
    def instructed(self) -> bool:
        """Whether the controller asks that decides about the data, and gets the answer."""
        return self.received is not None and self.received.requester is Requester.CONTROLLER

    @property
    def taken_at_its_word(self) -> bool:
        """Whether no identity is checked: the right needs no proof, or a customer decides about the data."""
        received = self.received
        proofless = received and not needs_proof(received.right, direct_marketing=received.direct_marketing)
        return self.not_ours or bool(proofless)

    @property
    def awaits_proof(self) -> bool:
        """Whether a proof of identity can still have an effect."""
        return self.status in {CaseStatus.RECEIVED, CaseStatus.CHALLENGED} and not self.not_ours

    @property
    def unanswered(self) -> bool:
        """
        Whether the duty to answer is open: it ends with the last letter, not with the decision.

        Without an address it ends when the answer can be read; after a returned letter, or if the staff wrote
        the answer, when it is delivered by other means. A duplicate is not answered itself.
        """
        if self.delivered or self.status in {CaseStatus.WITHDRAWN, CaseStatus.DUPLICATE}:
            return False
        if not self.returned.isdisjoint(OWED):
            return True
        readable = self.addressless and self.status in CLOSED_BY and not self.written_by_staff
        return self.status is not CaseStatus.CLOSED and not readable

    @property
    def written_by_staff(self) -> bool:
        """Whether the answer is a text of the staff: no page shows it."""
        return self.fulfilled is not None and self.fulfilled.explanation is not None

    @property
    def undeliverable(self) -> bool:
        """Whether the answer is still owed and no letter will bring it."""
        decided = self.status in CLOSED_BY or self.status is CaseStatus.CLOSED
        return decided and self.unanswered and (self.addressless or not self.returned.isdisjoint(OWED))

    @property
    def awaits_agreement(self) -> bool:
        """Whether the answer has a fee that the person has not agreed to yet."""
        return self.quoted is not None and not self.agreed and self.withdrawable

    @property
    def proposes_erasure(self) -> bool:
        """Whether a withdrawn consent proposes the erasure of what rested on it, and nothing was answered."""
        answered = self.status in {CaseStatus.ANSWERED, CaseStatus.CLOSED} and not self.proposal_decided
        return answered and self.fulfilled is not None and self.fulfilled.erasable

    @property
    def awaits_scope(self) -> bool:
        """Whether the person is asked which data is meant, and has not answered yet."""
        return self.scope_asked is not None and self.scope_answered is None and self.withdrawable

    @property
    def awaits_person(self) -> bool:
        """Whether nothing can be done before the person answers a letter, which has not come back."""
        if self.stopped is not None or not self.returned.isdisjoint(ASKING):
            return False
        challenged = self.status is CaseStatus.CHALLENGED and not self.in_review
        return challenged or (self.awaits_agreement and LetterKind.FEE_QUOTED in self.sent)

    @property
    def meant_for(self) -> date | None:
        """The target day of the answer; it moves with the last day."""
        return self.moved_target or (self.received.internal_due_on if self.received else None)

    def is_closed_by(self, letter: LetterKind) -> bool:
        """Whether *letter* was the last step."""
        return CLOSED_BY.get(self.status) is letter

    def is_overtaken_by(self, letter: LetterKind) -> bool:
        """Whether *letter* follows from a fact that has not arrived yet."""
        if letter is LetterKind.OUTCOME:
            return self.fulfilled is None
        settled = self.status in CLOSED_BY or self.status is CaseStatus.CLOSED
        return letter in CLOSED_BY.values() and not settled

    def is_answered_after(self, answer: events.RequestFulfilled) -> bool:
        """Whether *answer* comes late: a later one, which replaces it, has overtaken it."""
        return self.fulfilled is not None and answer.is_replaced_by(self.fulfilled)

    @property
    def withdrawable(self) -> bool:
        """Whether the request can be withdrawn: it has no answer yet."""
        return self.status in UNDECIDED

    def has_window(self, now: datetime) -> bool:
        """Return whether an erasure or a disclosure waits *now*, also one that is added to an answer."""
        return any(at is not None and now < at for at in (self.erasure_at, self.disclosed_at))

    def withdrawable_at(self, now: datetime) -> bool:
        """Return whether a withdrawal has an effect: on the request, or on an addition to its answer."""
        return self.withdrawable or (self.status in ANSWERED and self.has_window(now))

    def erased_after(self, now: datetime) -> datetime | None:
        """Return when a planned erasure begins that can be stopped *now*; None if there is none."""
        waits = self.withdrawable and self.erasure_at is not None and now < self.erasure_at
        return self.erasure_at if waits else None

    @property
    def answer_awaited(self) -> bool:
        """Whether the answer is still to come: the request goes on, and no letter of it failed."""
        on_its_way = self.status is CaseStatus.ANSWERED and LetterKind.OUTCOME not in self.undelivered
        return self.withdrawable or on_its_way


def evolve(case: IntakeCase, fact: Fact) -> IntakeCase:
    """Return *case* after *fact*; errors as of :func:`status_after`."""
    status = status_after(case.status, fact)
    if isinstance(fact, events.RequestFulfilled) and case.is_answered_after(fact):
        return replace(case, answer_deciders=case.answer_deciders.union(fact.deciders))
    return _note_request(replace(case, status=status), fact)


def status_after(status: CaseStatus, fact: Fact) -> CaseStatus:
    """
    Return the status of a case after *fact*.

    Raises:
        TooEarly: The request itself, or what *fact* follows from, has not arrived yet.
        IllegalTransition: *fact* cannot happen to a case in this status.
    """
    if type(fact) in REMARKS:
        return status
    if type(fact) in NOTED:
        return TRANSITIONS[status].get(type(fact), status)
    if status is CaseStatus.UNKNOWN and type(fact) not in TRANSITIONS[status]:
        raise TooEarly(f"{fact.TYPE} came before its request")
    try:
        return TRANSITIONS[status][type(fact)]
    except KeyError:
        raise IllegalTransition(f"{fact.TYPE} cannot happen to a request that is {status}") from None


def _note_request(case: IntakeCase, fact: Fact) -> IntakeCase:
    match fact:
        case events.RequestReceived():
            # A controller reads the answer where it asked; the person gets no letter.
            addressless = fact.requester is Requester.CONTROLLER
            return replace(case, received=fact, addressless=addressless, follow_ups=())
        case events.RequestFulfilled():
            offer = case.offer if fact.right is Right.ERASURE else fact.aliases
            decided = case.answer_deciders.union(fact.deciders)
            # An answer by the staff ends the windows before it. Other answers come after theirs, and may be
            # noted after the window of an alias, which the person can still stop.
            by_hand = fact.deciders and not case.fulfilled
            known = replace(case, erasure_at=None, disclosed_at=None) if by_hand else case
            return replace(known, fulfilled=fact, offer=offer, answer_deciders=decided, review=None)
        case events.RequestForwarded():
            return replace(case, forwarded=fact)
        case events.RequestDuplicated():
            return replace(case, duplicated=fact)
        case events.RequestReferred():
            return replace(case, offer=fact.aliases, referred=fact)
        case events.RequestWithdrawn():
            return replace(case, erasure_at=None, disclosed_at=None, review=None)
        case events.RequestStopped():
            return replace(case, stopped=fact.reason, stops=case.stops + 1)
        case events.RequestReleased():
            return replace(case, stopped=None)
        case events.RequestRenewed(reopened=True) if case.received is not None:
            again = fact.follows == case.received.request_id
            return replace(case, reopened_as=fact.request_id) if again else case
        case _:
            return _note_proof(case, fact)


def _note_proof(case: IntakeCase, fact: Fact) -> IntakeCase:
    match fact:
        case events.IdentityVerified():
            return replace(case, deciders=fact.deciders)
        case events.IdentityRefused():
            refused_for = fact.reasons if case.status is CaseStatus.REFUSED else case.refused_for
            decided = case.answer_deciders.union(fact.deciders)
            return replace(case, refused_for=refused_for, answer_deciders=decided)
        case events.IdentityChallenged(kind=None):
            asked = replace(case, wanted=fact.wanted, wanted_until=fact.expires_at)
            reviewed = case.in_review and not fact.renewed
            return replace(asked, proof_refused_for=fact.refused_for, in_review=reviewed)
        case events.IdentityChallenged():
            tries = TRIES if case.awaits_proof else case.tries_left
            return replace(
                case, wanted=fact.wanted, codes=case.codes + 1, tries_left=tries, proof_refused_for=None
            )
        case events.ProofRefused():
            return replace(case, tries_left=fact.tries_left, proof_refused_for=fact.reason)
        case events.IdentityReviewNeeded():
            return replace(case, in_review=True)
        case AliasCodeKept():
            code = IssuedCode(fact.digest, fact.expires_at)
            return replace(case, alias_asked=fact, alias_code=code, alias_codes=case.alias_codes + 1)
        case AliasCodeRefused():
            return replace(case, alias_code=case.alias_code and case.alias_code.tried())
        case events.AliasProven():
            proven = case.aliases_proven | {(fact.aliases, fact.number)}
            return replace(case, alias_asked=None, alias_code=None, aliases_proven=proven)
        case _:
            return _note_deadline(case, fact)


def _note_deadline(case: IntakeCase, fact: Fact) -> IntakeCase:
    match fact:
        case events.DeadlineMissed():
            announced = fact.expected_on if fact.duty is TimedDuty.ANSWER else case.announced
            return replace(case, missed=case.missed | {(fact.duty, fact.due_on)}, announced=announced)
        case events.RequestPaused():
            return replace(case, paused_since=fact.since)
        case events.RequestResumed():
            return replace(case, paused_since=None, scope_overlap=overlap_until(case, fact.at))
        case events.DueMoved() | events.RequestExtended():
            moved = replace(case, moved_to=fact.due_on, moved_by=fact.policy, moved_target=fact.meant_for)
            if isinstance(fact, events.DueMoved):
                return replace(moved, paused_days=fact.days, scope_days=fact.scope_days)
            return replace(moved, tell_by=fact.promised_on)
        case events.AppealReceived():
            return replace(case, appeals=(*case.appeals, fact))
        case events.AppealAnswered():
            return replace(case, answered_appeals=len(case.appeals))
        case _:
            return _note_question(case, fact)


def overlap_until(case: IntakeCase, at: datetime) -> int:
    """Return the days until *at* of an open question for the scope that a pause for proof counts as well."""
    if case.paused_since is None or case.scope_asked is None or not case.awaits_scope:
        return case.scope_overlap
    return case.scope_overlap + whole_days(max(case.paused_since, case.scope_asked.asked_at), at)


def _note_question(case: IntakeCase, fact: Fact) -> IntakeCase:
    match fact:
        case events.FeeQuoted():
            return replace(case, quoted=fact)
        case events.FeeAgreed():
            return replace(case, agreed=True)
        case events.ScopeAsked():
            return replace(case, scope_asked=fact)
        case events.ScopeAnswered():
            return replace(case, scope_answered=fact)
        case events.ErasureProposalDecided():
            return replace(case, proposal_decided=True)
        case events.PackageReviewNeeded():
            return replace(case, review=fact)
        case events.PermissionGranted() | events.PermissionRevoked():
            others = tuple(one for one in case.permissions if one.account != fact.account)
            granted = (fact,) if isinstance(fact, events.PermissionGranted) else ()
            return replace(case, permissions=others + granted)
        case ContentReadable():
            others_open = tuple(one for one in case.openings if one.by != fact.by)
            return replace(case, openings=(*others_open, fact))
        case events.EvidenceShown() if fact.until is not None:
            return replace(case, evidence_shown=fact)
        case _:
            return _note_effect(case, fact)


def _note_effect(case: IntakeCase, fact: Fact) -> IntakeCase:
    match fact:
        case events.AnswerExpected():
            return replace(case, expected=fact.on)
        case events.ErasurePlanned():
            needed = fact.approvers if fact.approval else 0
            return replace(case, approvers=needed, approvals=frozenset(), offer=fact.aliases, review=None)
        case events.ErasureApproved():
            decided = case.answer_deciders | {fact.by}
            return replace(case, approvals=case.approvals | {fact.by}, answer_deciders=decided)
        case events.ErasureScheduled():
            return replace(case, erasure_at=fact.at)
        case events.DisclosureScheduled():
            return replace(case, disclosed_at=fact.at)
        case PackageCodeKept():
            code = IssuedCode(fact.digest, fact.expires_at)
            return replace(case, package_code=code, package_codes=case.package_codes + 1)
        case PackageCodeRefused():
            return replace(case, package_code=case.package_code and case.package_code.tried())
        case events.PackageFetched():
            if not fact.continued and fact.by is None:
                spent = case.package_code
                case = replace(case, package_code=None, opened_by=spent, opened_ref=case.package_codes - 1)
            return replace(case, downloads=case.downloads + 1)
        case _:
            return _note_letter(case, fact)


def _note_letter(case: IntakeCase, fact: Fact) -> IntakeCase:
    match fact:
        case events.NoticeSent():
            return replace(case, sent=case.sent | fact.letters, returned=case.returned - fact.letters)
        case events.NoticeFailed():
            case = replace(case, undelivered=(*case.undelivered, *sorted(fact.letters)))
            if fact.reason == NO_ADDRESS:
                return replace(case, addressless=True)
            return replace(case, returned=case.returned | fact.letters)
        case events.NoticeReported(action=DeliveryAction.FAILED):
            return replace(case, returned=case.returned | fact.letters)
        case events.RecipientFailed():
            return replace(case, unnotified=tuple(dict.fromkeys((*case.unnotified, fact.recipient))))
        case events.RecipientAcknowledged() | events.RecipientInformed():
            return replace(case, unnotified=tuple(name for name in case.unnotified if name != fact.recipient))
        case events.AnswerDelivered() if case.status in ANSWERED:
            return replace(case, returned=frozenset(), delivered=True)
        case _:
            return _note_mail(case, fact)


def _note_mail(case: IntakeCase, fact: Fact) -> IntakeCase:
    match fact:
        case events.InquiryLodged():
            return replace(case, inquiry=fact)
        case FollowUpKept():
            return replace(case, follow_ups=(*case.follow_ups, fact))
        case events.SubmissionHandled():
            return replace(case, set_aside=False)
        case events.RequestRejected():
            rejected = (fact.publisher_source, fact.publisher_id)
            left = tuple(one for one in case.follow_ups if (one.source, one.publisher_id) != rejected)
            spent = (item for one in case.follow_ups if one not in left for item in one.items)
            return replace(case, follow_ups=left, unmatched=(*case.unmatched, *spent), set_aside=True)
        case events.MessageLodged():
            return replace(case, messages=(*case.messages, fact))
        case events.MessageHandled():
            return replace(case, handled_messages=case.handled_messages | {fact.message})
        case events.StaffSignedIn():
            return replace(case, session=fact)
        case events.StaffSignedOut():
            return replace(case, signed_out=True)
        case _:
            return case


def request_id(source: str, reference: str, *, key: bytes) -> str:
    """Return the id of the request with this pair: a keyed hash, as the id opens the status page."""
    return _keyed_id(f"{len(source)} {source} {reference}", key)


def incident_id(source: str, reference: str, *, key: bytes, drill: bool = False) -> str:
    """Return the id of the incident with the *reference* of *source*; a drill is another than a breach."""
    kind = "drill" if drill else "breach"  # the text of a request's id begins with a digit
    return _keyed_id(f"{kind} {len(source)} {source} {reference}", key)


def _keyed_id(text: str, key: bytes) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def outcome_of(case: IntakeCase) -> Outcome | None:
    """Return the outcome in the person's letter; None for a withdrawn request."""
    if case.fulfilled is not None:
        return case.fulfilled.outcome
    return Outcome.REFUSED if case.refused_for else None
