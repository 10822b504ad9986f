"""
The contents of each kind of letter: one dataclass of facts per kind, named like its template.

Optional facts are optional for a reason that stands with them; everything else must be given. The
``recipients`` of an *answer* are notified; those ``by_hand``, by other means.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from enum import StrEnum
from typing import ClassVar, Literal, TypeAlias

from shared.contract.answer import Answer, AnswerGroup
from shared.contract.events import Evidence, ExtensionReason, Outcome
from shared.law import FeeReason, Money, ReasonCode, Right
from shared.law.company import Brand
from shared.pages.translation import mark as _

AnswerOutcome: TypeAlias = Literal[Outcome.GRANTED, Outcome.PARTLY_GRANTED, Outcome.NOTHING_HELD]
"""How a request ended that was not refused as a whole; see ``RefusalLetter`` for those that were."""

HandOutcome: TypeAlias = Literal[Outcome.GRANTED, Outcome.PARTLY_GRANTED]
"""How the staff answered a request by hand."""

Deed: TypeAlias = Literal[
    Right.RECTIFICATION,
    Right.RESTRICTION,
    Right.OBJECTION,
    Right.CONSENT_WITHDRAWAL,
    Right.OPT_OUT_OF_SALE,
    Right.LIMIT_SENSITIVE_USE,
]
"""A right that is answered by doing something; the others are answered with data or erasure."""

NOTHING = Answer()


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
    DOCUMENT_NOT_DECRYPTED = "document_not_decrypted"
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
    """Where a consumer stops the sale and sharing of data."""
    products: tuple[str, ...] = ()
    """Names of products that people know."""
    affiliates: tuple[str, ...] = ()
    """Companies that it answers for as well."""
    zone: tzinfo = UTC
    """Zone of the times of day in letters."""
    colour: str = Brand().colour
    """Of links and buttons."""
    dark_colour: str = Brand().by_night
    """The same in dark mode."""
    logo: bytes = field(default=b"", repr=False)
    """A PNG, JPEG or GIF that stands in place of the name; empty: the name does."""

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
class LetterFacts:
    """The facts of one kind of letter."""

    kind: ClassVar[str] = ""
    """Name of its template."""
    title: ClassVar[str] = ""
    """Subject and heading, where all letters of the kind have the same; marked for translation."""

    def __init_subclass__(cls, *, kind: str = "", title: str = "") -> None:
        # A dataclass with slots is made twice, and named once.
        cls.kind, cls.title = kind or cls.kind, title or cls.title


@dataclass(frozen=True, slots=True)
class RequestLetter(LetterFacts):
    """The facts of a letter about the exercise of a right."""

    right: Right
    received_on: date


@dataclass(frozen=True, slots=True)
class AuthorityContact:
    """The body that complaints go to."""

    name: str
    url: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class PackageLetter:
    """The link to the data package, and its last day."""

    url: str
    expires_at: datetime
    contents: tuple[AnswerGroup, ...]


@dataclass(frozen=True, slots=True)
class Acknowledgement(RequestLetter, kind="acknowledgement", title=_("We received your request")):
    """A request has arrived."""

    due_on: date
    identity: IdentityCheck
    direct_marketing: bool = False
    """Whether it objects to direct marketing: that cannot be refused (GDPR Art. 21(3))."""


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
class CodeLetter(LetterFacts, kind="code"):
    """A one-time code."""

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
class ProofWanted(RequestLetter, kind="proof_wanted", title=_("We need to confirm that it is you")):
    """More is needed to establish the identity."""

    wanted: ProofOption
    setback: Setback | None = None
    """Why the last proof has not convinced."""


@dataclass(frozen=True, slots=True)
class Reminder(RequestLetter, kind="reminder", title=_("Your request still waits for you")):
    """The requested proof has not come yet."""

    wanted: ProofOption


@dataclass(frozen=True, slots=True)
class Clarification(LetterFacts, kind="clarification", title=_("What would you like us to do?")):
    """A mail came in with an unclear request."""

    received_on: date
    rights: tuple[Right, ...]
    """Rights that may be meant; all that are offered where nothing is known."""
    url: str
    """Where they can ask with a form."""


@dataclass(frozen=True, slots=True)
class InReview(RequestLetter, kind="in_review", title=_("Our staff is checking your proof")):
    """The staff examines a proof that a machine could not decide on."""

    url: str


@dataclass(frozen=True, slots=True)
class AccessOutcome(RequestLetter, kind="access"):
    """The answer to a request for access, portability or categories."""

    outcome: AnswerOutcome
    answer: Answer = NOTHING
    package: PackageLetter | None = None
    """None only when nothing is held."""


@dataclass(frozen=True, slots=True)
class ErasureOutcome(LetterFacts, kind="erasure"):
    """The answer to a request for erasure."""

    right: ClassVar[Right] = Right.ERASURE
    outcome: AnswerOutcome
    received_on: date
    completed_on: date
    certificate: str
    """Its number; empty for an answer without one."""
    answer: Answer = NOTHING
    package: PackageLetter | None = None
    """A copy, requested before the erasure."""

    @property
    def erased(self) -> bool:
        """Whether any record was erased, or lost the person's details."""
        return bool(self.answer.erased or self.answer.masked)


@dataclass(frozen=True, slots=True)
class AnswerTotals:
    """The numbers in the summary at the top of a long letter."""

    erased: int
    masked: int
    kept: int
    disclosed: int
    withheld: int
    """Kinds of data that are not in the package."""


def totals_of(facts: LetterFacts) -> AnswerTotals | None:
    """Return the numbers for the summary of *facts*; None for a letter without a summary."""
    if not isinstance(facts, ErasureOutcome | AccessOutcome) or facts.outcome is Outcome.NOTHING_HELD:
        return None
    answer = facts.answer
    return AnswerTotals(
        erased=sum(group.records for group in answer.erased),
        masked=sum(group.records for group in answer.masked),
        kept=sum(group.records for group in answer.kept),
        disclosed=sum(group.records for group in answer.disclosed),
        withheld=len({one.label for one in answer.withheld if one.reason != ReasonCode.MASKED_VALUE}),
    )


@dataclass(frozen=True, slots=True)
class ErasureAnnounced(LetterFacts, kind="erasure_scheduled", title=_("We will soon erase your data")):
    """An erasure is planned, and can be stopped until it begins."""

    right: ClassVar[Right] = Right.ERASURE
    received_on: date
    begins_at: datetime
    url: str
    """Where the person stops it."""
    contract: bool = False
    """Whether records stay because a running contract with the person needs them."""


@dataclass(frozen=True, slots=True)
class ConsentScheduled(LetterFacts, kind="consent_scheduled", title=_("Your withdrawal of consent")):
    """A consent that services depend on ends at the end of a window, and the person can undo that."""

    right: ClassVar[Right] = Right.CONSENT_WITHDRAWAL
    received_on: date
    ends_at: datetime
    url: str
    """Where the person undoes it."""


@dataclass(frozen=True, slots=True)
class RequestDone(RequestLetter, kind="done"):
    """A wish is carried out that hands over no data and erases none."""

    right: Deed
    done_on: date
    outcome: AnswerOutcome = Outcome.GRANTED
    answer: Answer = NOTHING
    erase_url: str = ""
    """Where the person has data erased that rested on a withdrawn consent alone."""

    @property
    def outstanding(self) -> bool:
        """Whether recipients are still to be notified."""
        return bool(self.answer.recipients or self.answer.by_hand)


@dataclass(frozen=True, slots=True)
class AnswerByHand(RequestLetter, kind="by_hand", title=_("Our answer to your request")):
    """The privacy staff answered a request that no service could answer."""

    outcome: HandOutcome
    explanation: str
    """The staff's answer to the person."""
    reasons: tuple[ReasonCode, ...] = ()
    """Why it was granted in part only."""
    package: PackageLetter | None = None
    """The files of the answer."""


@dataclass(frozen=True, slots=True)
class RefusalLetter(RequestLetter, kind="refusal", title=_("We cannot do what you asked for")):
    """A request is refused as a whole."""

    reasons: tuple[ReasonCode, ...]
    answer: Answer = NOTHING
    """Data in the scope of an erasure that must stay, and corrections, one by one."""
    package: PackageLetter | None = None
    """A copy, requested with the erasure."""
    explanation: str = ""
    """The staff's explanation to the person."""


@dataclass(frozen=True, slots=True)
class Weighing(RequestLetter, kind="weighing", title=_("We are considering your objection")):
    """An objection, or a disputed value, is looked at by people; until then the data is only stored."""

    answer: Answer = field(default_factory=Answer)
    """What is done already, and what is disputed."""
    due_on: date | None = None
    """The last day for the answer; None while a pause may have moved it."""


@dataclass(frozen=True, slots=True)
class Lifting(RequestLetter, kind="lifting", title=_("We will end the restriction of your data")):
    """A restriction is about to be lifted."""

    reason: ReasonCode


@dataclass(frozen=True, slots=True)
class NamedMailbox(
    LetterFacts, kind="named_mailbox", title=_("A request about data with your email address")
):
    """Another person's request names the reader's mailbox."""

    right: Right


@dataclass(frozen=True, slots=True)
class AliasCode(LetterFacts, kind="alias_code", title=_("Is this request yours?")):
    """A code by which the reader confirms that a request from another address is theirs."""

    code: str
    expires_at: datetime
    right: Right


@dataclass(frozen=True, slots=True)
class Withdrawn(RequestLetter, kind="withdrawn", title=_("We stopped working on your request")):
    """The person has withdrawn the request."""

    withdrawn_on: date
    deemed: bool = False
    """Whether they were informed of a fee, and have not agreed to it in time."""
    stopped: bool = False
    """Whether the privacy staff ended it after it was stopped."""


@dataclass(frozen=True, slots=True)
class Extension(RequestLetter, kind="extension", title=_("We need more time for your request")):
    """The answer takes longer, as the law allows; announced before the first due day."""

    promised_on: date
    """The last day without the extension."""
    due_on: date
    """The last day now."""
    reason: ExtensionReason


@dataclass(frozen=True, slots=True)
class OverdueLetter(RequestLetter, kind="late", title=_("We are late with our answer")):
    """The last day is over and the answer is not sent."""

    promised_on: date
    """The day that was missed."""
    expected_on: date | None = None
    """When the answer, or a letter with a new day, comes at the latest; None in reports of version 0.1.0."""


@dataclass(frozen=True, slots=True)
class Duplicate(RequestLetter, kind="duplicate", title=_("We are already working on the same request")):
    """The person has asked for the same before, and it is not answered yet."""

    first_received_on: date
    first_reference: str
    due_on: date
    """The last day for the first request: that one is answered."""
    url: str
    """Where the person sees how the first request stands."""


@dataclass(frozen=True, slots=True)
class Forwarded(RequestLetter, kind="forwarded", title=_("We passed your request on")):
    """We hold the data for a customer of ours, which decides; the request was passed on."""

    forwarded_on: date
    controller: str = ""
    """The customer that decides; empty where we may not name it."""


@dataclass(frozen=True, slots=True)
class ForwardedToController(
    RequestLetter, kind="forwarded_to_controller", title=_("A request about data that you keep with us")
):
    """To the customer that decides: a request came in, and here is the link to it."""

    url: str
    """Where the customer fetches the request: the letter itself reveals nothing of the person."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class FeeQuotedLetter(RequestLetter, kind="fee_quoted", title=_("There would be a fee for your request")):
    """The request costs something; the person decides whether they want that."""

    fee: Money
    reason: FeeReason
    answer_by: date
    """Without agreement by then the request counts as withdrawn."""
    url: str
    """Where the person agrees or withdraws."""


@dataclass(frozen=True, slots=True)
class ScopeAskedLetter(RequestLetter, kind="scope_asked", title=_("Which of your data do you mean?")):
    """The request covers all data; the person can limit it, and need not."""

    answer_by: date
    """Without an answer by then, the request is answered in full."""
    due_on: date
    """The last day for the answer, without an answer of the person."""
    url: str
    """Where the person names the data."""


@dataclass(frozen=True, slots=True)
class PackageExpiringLetter(
    RequestLetter, kind="package_expiring", title=_("Your data package will soon be deleted")
):
    """The data package was not fetched, and will be deleted."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AppealReceivedLetter(RequestLetter, kind="appeal_received", title=_("We received your appeal")):
    """The person has appealed."""

    appealed_on: date
    due_on: date


@dataclass(frozen=True, slots=True)
class AppealDecidedLetter(RequestLetter, kind="appeal_decided"):
    """Another person has reviewed the answer."""

    appealed_on: date
    granted: bool
    """Whether the person was right; then the answer follows in a letter of its own."""
    reasons: tuple[ReasonCode, ...] = ()
    explanation: str = ""
    """The decider's explanation to the person."""


@dataclass(frozen=True, slots=True)
class ComplaintReceived(RequestLetter, kind="complaint_received", title=_("We received your complaint")):
    """The person has complained to us."""

    complained_on: date
    answer_by: date | None = None
    """When they hear from us at the latest, where we can say."""


@dataclass(frozen=True, slots=True)
class ComplaintDecided(RequestLetter, kind="complaint_decided", title=_("The result of your complaint")):
    """The result of the complaint."""

    complained_on: date
    upheld: bool
    """Whether the person was right; the explanation states the remedy."""
    reasons: tuple[ReasonCode, ...] = ()
    explanation: str = ""
    """The decider's explanation to the person."""


@dataclass(frozen=True, slots=True)
class StaffMessage(RequestLetter, kind="message", title=_("A message about your request")):
    """The privacy staff writes to the person."""

    text: str
    """In the words of the staff."""


def answer_kind(right: Right) -> str:
    """Return the kind of the letter that answers a request for *right*."""
    match right:
        case Right.ERASURE:
            return ErasureOutcome.kind
        case Right.ACCESS | Right.PORTABILITY | Right.KNOW_CATEGORIES:
            return AccessOutcome.kind
        case _:
            return RequestDone.kind


def acknowledges_receipt(facts: LetterFacts) -> bool:
    """Return whether the letter confirms the receipt of the request as well."""
    return isinstance(facts, CodeLetter) and facts.receipt is not None


def form_of(facts: LetterFacts) -> str:
    """Return the kind of *facts* in policies; an answer by hand has that of any answer to the right."""
    return answer_kind(facts.right) if isinstance(facts, AnswerByHand) else facts.kind
