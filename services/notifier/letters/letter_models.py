"""
The contents of each kind of letter: one dataclass of facts per kind, named like its template.

Optional facts are optional for a reason that stands with them; everything else must be given.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from enum import StrEnum
from typing import ClassVar, Literal, TypeAlias

from services.notifier.letters.reasons import ReasonCode
from shared.contract.events import Evidence, ExtensionReason, Outcome
from shared.law import FeeReason, Money, Right

Answer: TypeAlias = Literal[Outcome.GRANTED, Outcome.PARTLY_GRANTED, Outcome.NOTHING_HELD]
"""How a request ended that was not refused as a whole; see ``RefusalLetter`` for those that were."""

Deed: TypeAlias = Literal[
    Right.RECTIFICATION,
    Right.RESTRICTION,
    Right.OBJECTION,
    Right.CONSENT_WITHDRAWAL,
    Right.OPT_OUT_OF_SALE,
    Right.LIMIT_SENSITIVE_USE,
]
"""A right that is answered by doing something; the others are answered with data or erasure."""


class IdentityCheck(StrEnum):
    """The check that a request comes from the person it is about."""

    CODE = "code"
    DATA_POINTS = "data_points"
    FURTHER_PROOF = "further_proof"
    IF_NEEDED = "if_needed"
    """Not decided yet; the person hears of it separately."""
    BY_THE_PERSON = "by_the_person"
    """The letter goes to an agent: the person that the request is about may be asked to confirm it."""
    NONE = "none"


class CodePurpose(StrEnum):
    """The purpose of a code."""

    IDENTITY = "identity"
    DOWNLOAD = "download"


class Setback(StrEnum):
    """Why a proof has not convinced."""

    DOCUMENT_UNREADABLE = "document_unreadable"
    DOCUMENT_NOT_ACCEPTED = "document_not_accepted"
    LOG_IN_FAILED = "log_in_failed"
    CODE_BY_MAIL = "code_by_mail"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Sender:
    """The controller as it shows itself in every letter."""

    name: str
    """The mailbox's display name: the name that people know it by."""
    address: str
    company: str = ""
    """Its legal name, where that is another."""
    reply_to: str = ""
    contact: str = ""
    """Where questions and objections go; the reply address when empty."""
    postal_address: tuple[str, ...] = ()
    data_protection_officer: str = ""
    privacy_policy_url: str = ""
    complaint_url: str = ""
    opt_out_url: str = ""
    """Where a consumer stops the sale and sharing of data; empty for a controller that does neither."""
    products: tuple[str, ...] = ()
    """Names of products that people know."""
    affiliates: tuple[str, ...] = ()
    """Companies that it answers for as well."""
    zone: tzinfo = UTC
    """Zone of the times of day in letters."""

    @property
    def legal_name(self) -> str:
        """
        The company responsible for the data.

        Law:
            GDPR Art. 13(1)(a); Cal. Civ. Code § 1798.82(d)(2)(A): the name of the business.
        """
        return self.company or self.name

    @property
    def contact_address(self) -> str:
        """The address that a letter gives for questions."""
        return self.contact or self.reply_to or self.address


@dataclass(frozen=True, slots=True)
class AuthorityContact:
    """The body that complaints go to."""

    name: str
    url: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """A group of records, named so that the person understands it."""

    label: str
    records: int


@dataclass(frozen=True, slots=True)
class WithheldItem:
    """A kind of data that is held but not in the package."""

    label: str
    reason: ReasonCode
    citation: str = ""
    """Provision; when empty, the one that belongs to the reason."""


@dataclass(frozen=True, slots=True)
class RetainedGroup:
    """A group of records that an erasure left, and until when."""

    label: str
    records: int
    reason: ReasonCode
    citation: str = ""
    """Provision; when empty, the one that belongs to the reason."""
    until: date | None = None
    """Last day; None when the reason has no known end (a legal hold)."""
    first: date | None = None
    """Last day of the first record, where they have several."""


@dataclass(frozen=True, slots=True)
class UnmarkedGroup:
    """A group of records that should have been marked and are not."""

    label: str
    records: int
    reason: ReasonCode


@dataclass(frozen=True, slots=True)
class CorrectedItem:
    """A value that was corrected."""

    label: str
    before: str = ""
    """Empty where nothing stood there, or where it is a secret."""
    after: str = ""
    """Empty where it is a secret."""


@dataclass(frozen=True, slots=True)
class DeclinedItem:
    """A correction that was not made."""

    label: str
    reason: ReasonCode


@dataclass(frozen=True, slots=True)
class PackageLetter:
    """The link to the data package, and its last day."""

    url: str
    expires_at: datetime
    contents: tuple[LetterGroup, ...]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A request has arrived."""

    kind: ClassVar[str] = "acknowledgement"
    right: Right
    received_on: date
    due_on: date
    identity: IdentityCheck


@dataclass(frozen=True, slots=True)
class Representative:
    """A representative, and the right that they ask for."""

    right: Right
    name: str = ""
    """Empty where it is none that a letter may show."""
    parent: bool = False
    """Whether they say to be the parent or guardian."""


@dataclass(frozen=True, slots=True)
class RequestReceipt:
    """The receipt of a request, confirmed in the letter with its code."""

    received_on: date
    due_on: date


@dataclass(frozen=True, slots=True)
class CodeLetter:
    """A one-time code."""

    kind: ClassVar[str] = "code"
    code: str
    expires_at: datetime
    purpose: CodePurpose
    url: str = ""
    """Page where it is entered; empty when the request came through a system that asks for it itself."""
    more: bool = False
    """Whether the code alone is not enough."""
    representative: Representative | None = None
    """The representative, if any: the code confirms their permission."""
    right: Right | None = None
    """The right that the code confirms; None for a code that opens a package."""
    recipient: str = ""
    """Host name of the controller that the data is sent to; empty where it is sent to none."""
    receipt: RequestReceipt | None = None
    """The receipt, where the letter is the acknowledgement as well."""


@dataclass(frozen=True, slots=True)
class ProofOption:
    """A proof that would establish the identity."""

    ways: tuple[tuple[Evidence, ...], ...]
    """Each is enough; the least intrusive first."""
    answer_by: datetime
    url: str
    clock_stands: bool = False
    """Whether the time for the answer stands still meanwhile; said only where every law allows it."""
    representative: Representative | None = None
    """The representative, if any."""


@dataclass(frozen=True, slots=True)
class ProofWanted:
    """More is needed to establish the identity."""

    kind: ClassVar[str] = "proof_wanted"
    right: Right
    received_on: date
    wanted: ProofOption
    setback: Setback | None = None
    """Why the last proof has not convinced."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """The requested proof has not come yet."""

    kind: ClassVar[str] = "reminder"
    right: Right
    received_on: date
    wanted: ProofOption


@dataclass(frozen=True, slots=True)
class Clarification:
    """A mail came in with an unclear request."""

    kind: ClassVar[str] = "clarification"
    received_on: date
    rights: tuple[Right, ...]
    """Rights that may be meant; all that are offered where nothing is known."""
    url: str
    """Where they can ask with a form."""


@dataclass(frozen=True, slots=True)
class InReview:
    """The staff examines a proof that a machine could not decide on."""

    kind: ClassVar[str] = "in_review"
    right: Right
    received_on: date
    url: str


class Hindrance(StrEnum):
    """The reason why a package did not go to another controller."""

    NOT_ALLOWED = "not_allowed"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class TransferItem:
    """The result of sending the package on to another controller."""

    to: str
    """Host name of the receiver; empty where the address was none."""
    hindrance: Hindrance | None = None
    """None when they have it."""


@dataclass(frozen=True, slots=True)
class AccessOutcome:
    """The answer to a request for access, portability or categories."""

    kind: ClassVar[str] = "access"
    outcome: Answer
    right: Right
    received_on: date
    package: PackageLetter | None = None
    """None only when nothing is held."""
    withheld: tuple[WithheldItem, ...] = ()
    searched: tuple[str, ...] = ()
    """Stores that were searched; for an answer that nothing is held."""
    unconfirmed: bool = False
    """Whether their records name an identity that is not verified, by which nothing was searched."""
    blacked_out: tuple[LetterGroup, ...] = ()
    """Other people's data that was made illegible, and how often."""
    categories: tuple[str, ...] = ()
    """Kinds of data that are held, where the package states these and holds no data."""
    transfer: TransferItem | None = None


@dataclass(frozen=True, slots=True)
class ErasureOutcome:
    """The answer to a request for erasure."""

    kind: ClassVar[str] = "erasure"
    outcome: Answer
    received_on: date
    completed_on: date
    certificate: str
    """Its number; empty for an answer without one."""
    erased: tuple[LetterGroup, ...] = ()
    masked: tuple[LetterGroup, ...] = ()
    """Records that stay without the details that pointed to the person."""
    kept: tuple[RetainedGroup, ...] = ()
    recipients: tuple[str, ...] = ()
    """Recipients that had the data from us and are notified."""
    by_hand: tuple[str, ...] = ()
    """Recipients that had it as well, to be notified by other means."""
    searched: tuple[str, ...] = ()
    """Stores that were searched; for an answer that nothing is held."""
    unconfirmed: bool = False
    """Whether their records name an identity that is not verified, by which nothing was searched."""
    package: PackageLetter | None = None
    """A copy, requested before the erasure."""

    @property
    def right(self) -> Right:
        """The right that was exercised."""
        return Right.ERASURE


@dataclass(frozen=True, slots=True)
class ErasureAnnounced:
    """An erasure is planned, and can be stopped until it begins."""

    kind: ClassVar[str] = "erasure_scheduled"
    received_on: date
    begins_at: datetime
    url: str
    """Where the person stops it."""

    @property
    def right(self) -> Right:
        """The right that was exercised."""
        return Right.ERASURE


@dataclass(frozen=True, slots=True)
class RequestDone:
    """A wish is carried out that hands over no data and erases none."""

    kind: ClassVar[str] = "done"
    right: Deed
    received_on: date
    done_on: date
    recipients: tuple[str, ...] = ()
    """Recipients that had the data from us and are notified."""
    by_hand: tuple[str, ...] = ()
    """Recipients that had it as well, to be notified by other means."""
    outcome: Answer = Outcome.GRANTED
    marked: tuple[LetterGroup, ...] = ()
    left: tuple[UnmarkedGroup, ...] = ()
    corrected: tuple[CorrectedItem, ...] = ()
    declined: tuple[DeclinedItem, ...] = ()
    statement_kept: bool = False
    """Whether the person's statement is kept with the uncorrected records."""
    searched: tuple[str, ...] = ()
    """Stores that were searched; for an answer that nothing is held."""
    unconfirmed: bool = False
    """Whether their records name an identity that is not verified, by which nothing was searched."""


@dataclass(frozen=True, slots=True)
class RefusalLetter:
    """A request is refused as a whole."""

    kind: ClassVar[str] = "refusal"
    right: Right
    received_on: date
    reasons: tuple[ReasonCode, ...]
    kept: tuple[RetainedGroup, ...] = ()
    """Data in the scope of the erasure that must stay, and until when."""
    package: PackageLetter | None = None
    """A copy, requested with the erasure."""
    declined: tuple[DeclinedItem, ...] = ()
    """Corrections, one by one."""
    statement_kept: bool = False
    """Whether the person's statement is kept with the uncorrected records."""


@dataclass(frozen=True, slots=True)
class Weighing:
    """An objection is looked at by people; until they have decided, the data is only stored."""

    kind: ClassVar[str] = "weighing"
    right: Right
    received_on: date


@dataclass(frozen=True, slots=True)
class Lifting:
    """A restriction is about to be lifted."""

    kind: ClassVar[str] = "lifting"
    right: Right
    received_on: date
    reason: ReasonCode


@dataclass(frozen=True, slots=True)
class NamedMailbox:
    """Another person's request names the reader's mailbox."""

    kind: ClassVar[str] = "named_mailbox"
    right: Right


@dataclass(frozen=True, slots=True)
class AliasCode:
    """A code by which the reader confirms that a request from another address is theirs."""

    kind: ClassVar[str] = "alias_code"
    code: str
    expires_at: datetime
    right: Right


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The person has withdrawn the request."""

    kind: ClassVar[str] = "withdrawn"
    right: Right
    received_on: date
    withdrawn_on: date
    deemed: bool = False
    """Whether they were informed of a fee, and have not agreed to it in time."""
    stopped: bool = False
    """Whether the privacy staff ended it after it was stopped."""


@dataclass(frozen=True, slots=True)
class Extension:
    """The answer takes longer, as the law allows; announced before the first due day."""

    kind: ClassVar[str] = "extension"
    right: Right
    received_on: date
    promised_on: date
    """The last day without the extension."""
    due_on: date
    """The last day now."""
    reason: ExtensionReason


@dataclass(frozen=True, slots=True)
class OverdueLetter:
    """The last day is over and the answer is not sent."""

    kind: ClassVar[str] = "late"
    right: Right
    received_on: date
    promised_on: date
    """The day that was missed."""
    expected_on: date | None = None
    """When the answer comes; None if not known yet."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The person has asked for the same before, and it is not answered yet."""

    kind: ClassVar[str] = "duplicate"
    right: Right
    received_on: date
    first_received_on: date
    first_reference: str
    due_on: date
    """The last day for the first request: that one is answered."""
    url: str
    """Where the person sees how the first request stands."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """We hold the data for a customer of ours, which decides; the request was passed on."""

    kind: ClassVar[str] = "forwarded"
    right: Right
    received_on: date
    forwarded_on: date
    controller: str = ""
    """The customer that decides; empty where we may not name it."""


@dataclass(frozen=True, slots=True)
class ForwardedToController:
    """To the customer that decides: a request came in, and here is the link to it."""

    kind: ClassVar[str] = "forwarded_to_controller"
    right: Right
    received_on: date
    url: str
    """Where the customer fetches the request: the letter itself reveals nothing of the person."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class FeeQuotedLetter:
    """The request costs something; the person decides whether they want that."""

    kind: ClassVar[str] = "fee_quoted"
    right: Right
    received_on: date
    fee: Money
    reason: FeeReason
    answer_by: date
    """Without agreement by then the request counts as withdrawn."""
    url: str
    """Where the person agrees or withdraws."""


@dataclass(frozen=True, slots=True)
class PackageExpiringLetter:
    """The data package was not fetched, and will be deleted."""

    kind: ClassVar[str] = "package_expiring"
    right: Right
    received_on: date
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AppealReceivedLetter:
    """The person has appealed."""

    kind: ClassVar[str] = "appeal_received"
    right: Right
    received_on: date
    appealed_on: date
    due_on: date


@dataclass(frozen=True, slots=True)
class AppealDecidedLetter:
    """Another person has reviewed the answer."""

    kind: ClassVar[str] = "appeal_decided"
    right: Right
    received_on: date
    appealed_on: date
    granted: bool
    """Whether the person was right; then the answer follows in a letter of its own."""
    reasons: tuple[ReasonCode, ...] = ()
    explanation: str = ""
    """The decider's explanation to the person."""


@dataclass(frozen=True, slots=True)
class ComplaintReceived:
    """The person has complained to us."""

    kind: ClassVar[str] = "complaint_received"
    right: Right
    received_on: date
    complained_on: date
    answer_by: date | None = None
    """When they hear from us at the latest, where we can say."""


@dataclass(frozen=True, slots=True)
class ComplaintDecided:
    """The result of the complaint."""

    kind: ClassVar[str] = "complaint_decided"
    right: Right
    received_on: date
    complained_on: date
    upheld: bool
    """Whether the person was right; the explanation states the remedy."""
    reasons: tuple[ReasonCode, ...] = ()
    explanation: str = ""
    """The decider's explanation to the person."""


Facts: TypeAlias = (
    Acknowledgement
    | CodeLetter
    | ProofWanted
    | Reminder
    | InReview
    | Clarification
    | AccessOutcome
    | ErasureAnnounced
    | ErasureOutcome
    | RequestDone
    | RefusalLetter
    | Withdrawn
    | NamedMailbox
    | AliasCode
    | Weighing
    | Lifting
    | Extension
    | OverdueLetter
    | Duplicate
    | Forwarded
    | ForwardedToController
    | FeeQuotedLetter
    | PackageExpiringLetter
    | AppealReceivedLetter
    | AppealDecidedLetter
    | ComplaintReceived
    | ComplaintDecided
)
