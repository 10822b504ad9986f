"""
Events about requests, their types and fields. No fact holds personal data.

A *fact* says what happened, in the past tense; a service publishes it and others act on it. A
*submission* comes from an upstream system and carries personal data: it is sealed on arrival and goes
no further. A *record* stays in its service's own journal. The envelope around each is
``shared.contract.envelope``'s business.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.contract.codes import MOST_TYPED, TYPED
from shared.law import DIRECT_MARKETING, FeeReason, Money, Regulation, Right, Role, TimedDuty

RequestId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Code: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.]{1,80}$")]
"""A reason, kind or name from a closed vocabulary; free text does not fit in."""
PolicyId: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}@[0-9]{4}-[0-9]{2}-[0-9]{2}$")
]
"""A law and the first day of its edition."""
Text: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
LongText: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)
]
Mailbox: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=r"^[^@\s<>,;]{1,64}@[^@\s<>,;]{1,255}$"),
    AfterValidator(partial(unicodedata.normalize, "NFC")),
]
"""A mail address in NFC: records are searched by the characters that a letter is sent to."""
Country: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Locale: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")]


class Outcome(StrEnum):
    """The outcome in the answer to the data subject."""

    GRANTED = "granted"
    PARTLY_GRANTED = "partly_granted"
    REFUSED = "refused"
    NOTHING_HELD = "nothing_held"


class Assurance(StrEnum):
    """How surely the requester is the data subject."""

    NONE_NEEDED = "none_needed"
    VOUCHED = "vouched"
    ACCOUNT = "account"
    """The person logged in to the company's own account."""
    MAILBOX = "mailbox"
    REASONABLE = "reasonable"
    REASONABLY_HIGH = "reasonably_high"


class Evidence(StrEnum):
    """Evidence that the requester is the data subject."""

    ACCOUNT = "account"
    MAILBOX = "mailbox"
    TWO_POINTS = "two_points"
    THREE_POINTS = "three_points"
    DECLARATION = "declaration"
    """Signed under penalty of perjury."""
    IDENTITY_DOCUMENT = "identity_document"
    ADDRESS_DOCUMENT = "address_document"
    PERMISSION = "permission"
    """The person's, for an agent to act."""
    CONFIRMATION = "confirmation"
    """The person's, informed of its effect: an erasure, or a transfer to a named recipient."""
    RECORDS = "records"
    """The records held agree with the documents."""


class Requester(StrEnum):
    """Role of the requester."""

    PERSON = "person"
    AGENT = "agent"
    PARENT = "parent"
    CONTROLLER = "controller"
    """The customer that decides about the data, as its own instruction to the company."""


class ProofKind(StrEnum):
    """Kinds of proof that a requester may offer."""

    EMAIL_CODE = "email_code"
    NEW_CODE = "new_code"
    DATA_POINTS = "data_points"
    ID_TOKEN = "id_token"  # noqa: S105 - no password
    DOCUMENT = "document"
    DECLARATION = "declaration"
    CONFIRMATION = "confirmation"


class ProofSlot(StrEnum):
    """The claim that a document is to prove."""

    IDENTITY = "identity"
    ADDRESS = "address"
    PERMISSION = "permission"


class SenderCheck(StrEnum):
    """Our mail server's checks of the sender of a proof that came by mail."""

    AUTHENTICATED = "authenticated"
    UNKNOWN = "unknown"
    """Nothing: a code does not count then."""


class Verdict(StrEnum):
    """The verdict on an examined proof."""

    CONVINCING = "convincing"
    UNCLEAR = "unclear"
    """A person must look at it."""
    REFUSED = "refused"


class LetterKind(StrEnum):
    """Kinds of letters that the notifier writes."""

    ACKNOWLEDGEMENT = "acknowledgement"
    CODE = "code"
    EXTENSION = "extension"
    OUTCOME = "outcome"
    REFUSAL = "refusal"
    WITHDRAWN = "withdrawn"
    WEIGHING = "weighing"
    LIFTING = "lifting"
    ERASURE_SCHEDULED = "erasure_scheduled"
    PROOF_WANTED = "proof_wanted"
    REMINDER = "reminder"
    CLARIFICATION = "clarification"
    IN_REVIEW = "in_review"
    DUPLICATE = "duplicate"
    FORWARDED = "forwarded"
    FORWARDED_TO_CONTROLLER = "forwarded_to_controller"
    FEE_QUOTED = "fee_quoted"
    LATE = "late"
    PACKAGE_EXPIRING = "package_expiring"
    APPEAL_RECEIVED = "appeal_received"
    APPEAL_DECIDED = "appeal_decided"
    COMPLAINT_RECEIVED = "complaint_received"
    COMPLAINT_DECIDED = "complaint_decided"
    NAMED_MAILBOX = "named_mailbox"
    ALIAS_CODE = "alias_code"


class DeliveryAction(StrEnum):
    """A mail server's report on a letter (RFC 3464 section 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"


class LiftingReason(StrEnum):
    """Why a restriction ends."""

    ACCURACY_VERIFIED = "accuracy_verified"
    GROUNDS_PREVAIL = "grounds_prevail"
    NO_LONGER_NEEDED = "no_longer_needed"
    PERSON_ASKS = "person_asks"


class RefusalReason(StrEnum):
    """Why the staff cannot establish the requester's identity."""

    IDENTITY_NOT_ESTABLISHED = "identity_not_established"
    PERMISSION_NOT_SHOWN = "permission_not_shown"
    PROOF_NOT_CONVINCING = "proof_not_convincing"
    UNIDENTIFIABLE = "unidentifiable"


class ExtensionReason(StrEnum):
    """Why an answer needs more time (GDPR Art. 12(3))."""

    COMPLEXITY = "complexity"
    NUMBER_OF_REQUESTS = "number_of_requests"


class StopReason(StrEnum):
    """Why a request is stopped until the privacy staff decides."""

    NOT_ME = "not_me"
    """The link in a letter was used: its reader did not make the request."""
    UNCLEAR_REPLY = "unclear_reply"
    """A reply to a letter says something that only a person can judge."""
    MAILBOX_UNREACHABLE = "mailbox_unreachable"
    """The notice to another mailbox in the records could not be delivered: its owner cannot object."""


class Remedy(StrEnum):
    """Remedies against an answer."""

    APPEAL = "appeal"
    """To the controller; the law sets a time for its decision."""
    COMPLAINT = "complaint"
    """To the controller."""


class StaffRole(StrEnum):
    """Groups of decisions that a staff account may make."""

    VIEWER = "viewer"
    AGENT = "agent"
    APPROVER = "approver"
    INCIDENT_OFFICER = "incident_officer"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Event(BaseModel):
    """A message that a handler can receive. Readers ignore unknown fields, so adding one is compatible."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    TYPE: ClassVar[str]
    EXCHANGE: ClassVar[str]


class Fact(Event):
    """Something that happened, for the consumers of ``habeas.events``."""

    EXCHANGE: ClassVar[str] = "habeas.events"
    PUBLISHED: ClassVar[bool] = True
    TERMINAL: ClassVar[bool] = False
    """Whether no service of ours consumes it: it is for upstream systems and may find no queue."""

    request_id: RequestId

    @property
    def case(self) -> str:
        """The case in which it is handled, one event after the other."""
        return self.request_id

    @property
    def cases(self) -> tuple[str, ...]:
        """The cases that it speaks of."""
        return (self.request_id,) if self.case == self.request_id else (self.request_id, self.case)


class Record(Fact):
    """A fact that only its own service needs to remember: journalled, never published."""

    PUBLISHED: ClassVar[bool] = False


class EventPart(BaseModel):
    """A piece of an event."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class StaffProof(EventPart):
    """Proof that a staff account made a decision: a signature over all of it, and a one-time code."""

    account: Code
    at: AwareDatetime
    """When it was signed; the code belongs to this moment."""
    nonce: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    code: Annotated[str, StringConstraints(pattern=r"^([0-9]{6})?$")] = ""
    """From the second factor (RFC 6238); it counts once. Empty for the account of a program."""
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]
    """Ed25519, by the key that follows from the account's password."""


class Decision(Fact):
    """
    A decision of the privacy staff.

    The runtime of each service that acts on it verifies the proof before the handler runs
    (shared.contract.staff).
    """

    ROLES: ClassVar[frozenset[StaffRole]]
    """Roles of which the account needs one."""
    OF_REQUEST: ClassVar[bool] = True
    """Whether it is about a request; else about an incident."""

    by: Code
    """Name of the account."""
    proof: StaffProof | None = None


class DecisionRefused(Fact):
    """A service refused a decision of the staff: its proof, its account or the case does not allow it."""

    TYPE = "habeas.decision.refused.v1"
    TERMINAL = True

    decision: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """Id of the refused event."""
    type: Code
    """Type of the refused event."""
    account: Code
    reason: Code


# --- submissions of upstream systems: personal data, strict, sealed on arrival ---------------------------


class Strict(BaseModel):
    """A piece of a submission: an unknown key is an error, so that a typing slip is not lost silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Submission(Event):
    """A message of an upstream system to ``habeas.requests``."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    EXCHANGE: ClassVar[str] = "habeas.requests"


class PostalAddress(Strict):
    """A person's address."""

    lines: tuple[Text, ...] = ()
    city: Text | None = None
    region: Text | None = None
    postal_code: Text | None = None
    country: Country | None = None


CONTACTS: Mapping[str, str] = MappingProxyType({"email": "email", "phone_number": "phone", "phone": "phone"})
"""Identifiers that mean the same as a field of a subject, and the field."""


class Subject(Strict):
    """The person the data is about, as the requester describes them."""

    name: Text | None = None
    email: Mailbox | None = None
    phone: Text | None = None
    postal_address: PostalAddress | None = None
    date_of_birth: date | None = None
    identifiers: dict[Code, Text] = Field(default_factory=dict, max_length=50)
    """`email`, `phone_number` and `phone` among them are moved to the fields `email` and `phone`."""

    @model_validator(mode="before")
    @classmethod
    def _contacts_moved(cls, content: Any) -> Any:
        """
        Move a mailbox and a telephone number from the identifiers to their fields.

        The mailbox that the search uses is then the one that gets codes and letters.

        Raises:
            ValidationError: The field holds another value.
        """
        identifiers = content.get("identifiers") if isinstance(content, Mapping) else None
        if not isinstance(identifiers, Mapping) or CONTACTS.keys().isdisjoint(identifiers):
            return content
        moved, rest = dict(content), dict(identifiers)
        for name in filter(rest.__contains__, CONTACTS):
            field, value = CONTACTS[name], rest.pop(name)
            if moved.get(field) is None:
                moved[field] = value
            elif _contact(field, moved[field]) != _contact(field, value):
                raise _contradiction(cls.__name__, name, field)
        return moved | {"identifiers": rest}


def _contact(field: str, value: object) -> str:
    """Return a mailbox or a telephone number in a normal form for comparison."""
    return re.sub(r"\D", "", str(value)) if field == "phone" else str(value).strip().lower()


def _contradiction(title: str, name: str, field: str) -> ValidationError:
    error = PydanticCustomError("contradiction", "must not differ from the field {field}", {"field": field})
    return ValidationError.from_exception_data(
        title, [InitErrorDetails(type=error, loc=("identifiers", name), input=None)]
    )


class Residence(Strict):
    """The person's legal residence; it chooses the regulation."""

    country: Country
    subdivision: Code | Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,3}$")] | None = None


class Correction(Strict):
    """One field that the person wants changed, and the value it should have."""

    field: Text
    value: LongText


class Details(Strict):
    """Further statements of the person."""

    statement: LongText | None = None
    scope: tuple[Text, ...] = ()
    corrections: tuple[Correction, ...] = ()
    transfer_to: Text | None = None
    with_copy: bool = False
    """An erasure only: hand over a copy first. Nothing is erased before the copy is safe."""


class Agent(Strict):
    """An agent acting on the person's behalf, and the permission they show."""

    name: Text
    email: Text
    permission: LongText
    parent: bool = False
    """Whether it is a parent, or a guardian, acting for a child."""


class Controller(Strict):
    """A customer for which the company holds a person's data, and that decides about it."""

    name: Text
    email: Mailbox


class EmailCode(Strict):
    """The code that was mailed: six digits, or eight letters for an erasure or a transfer."""

    kind: Literal["email_code"]
    code: Annotated[str, StringConstraints(max_length=MOST_TYPED, pattern=TYPED)]


class Confirmation(Strict):
    """
    The person's confirmation of an erasure or a transfer, after right, consequence and recipient were shown.

    It counts once everything else is proven, and only where no code can be mailed.
    """

    kind: Literal["confirmation"]
    right: Right
    """The confirmed right; it must be the right of the request."""


class NewCode(Strict):
    """A wish for another code, because the first expired or never arrived."""

    kind: Literal["new_code"]


MOST_DOCUMENT_BYTES = 10 << 20
"""As many as a photo of a telephone has, in the best quality."""


class DataPoints(Strict):
    """Claims about data held, to be compared with the records: field name of the data map → value."""

    kind: Literal["data_points"]
    points: dict[Code, Text] = Field(min_length=1, max_length=20)


class IdToken(Strict):
    """The claims of the company's own log-in about the person (OpenID Connect Core § 2)."""

    kind: Literal["id_token"]
    token: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+){2}$", max_length=8_192)
    ]


def _no_larger_than_a_document(content: bytes) -> bytes:
    if len(content) > MOST_DOCUMENT_BYTES:
        raise ValueError(f"must be at most {MOST_DOCUMENT_BYTES} bytes")
    return content


class Document(Strict):
    """A picture or a PDF of a document."""

    kind: Literal["document"]
    slot: ProofSlot
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]{1,60}$")]
    content: Annotated[Base64Bytes, AfterValidator(_no_larger_than_a_document)] = Field(
        min_length=1, max_length=MOST_DOCUMENT_BYTES * 4 // 3 + 4
    )
    """Base64; that limit counts before it is decoded."""


class Declaration(Strict):
    """The statement that the person signs under penalty of perjury."""

    kind: Literal["declaration"]
    text: LongText
    name: Text
    """The signature: the person's name, as they typed it."""
    signed_at: AwareDatetime


MOST_PROOFS = 10
Proof: TypeAlias = Annotated[
    EmailCode | NewCode | DataPoints | IdToken | Document | Declaration | Confirmation,
    Field(discriminator="kind"),
]


class RequestSubmitted(Submission):
    """A person asks; an upstream system passes it on."""

    TYPE = "habeas.request.submitted.v1"

    reference: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """Unique per CloudEvents source: the same pair again is the same request."""
    right: Right
    subject: Subject
    residence: Residence | None = None
    regulation: Regulation | None = None
    role: Role = Role.CONSUMER
    """The person's role towards the company; some laws do not protect people at work."""
    child: bool = False
    """Whether the person is a child, regardless of their date of birth."""
    controller: Controller | None = None
    """The customer that decides about the data of an end user, where the publisher knows it."""
    locale: Locale | None = None
    received_at: AwareDatetime | None = None
    """When the request reached the company; the event's own time when left out."""
    details: Details = Details()
    agent: Agent | None = None
    proofs: tuple[Proof, ...] = Field(default=(), max_length=MOST_PROOFS)

    @property
    def direct_marketing(self) -> bool:
        """Whether it is an objection to direct marketing, and to nothing else."""
        return self.right is Right.OBJECTION and set(self.details.scope) == {DIRECT_MARKETING}


class ProofSubmitted(Submission):
    """A person offers proof of identity for a request made before."""

    TYPE = "habeas.proof.submitted.v1"

    request: RequestId | None = None
    reference: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    proofs: tuple[Proof, ...] = Field(min_length=1, max_length=MOST_PROOFS)


class WithdrawalSubmitted(Submission):
    """A person takes a request back."""

    TYPE = "habeas.request.withdrawn.v1"

    request: RequestId | None = None
    reference: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    reason: LongText | None = None


class AppealSubmitted(Submission):
    """A person disagrees with an answer, or with how their request is dealt with."""

    TYPE = "habeas.appeal.submitted.v1"

    request: RequestId | None = None
    reference: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    statement: LongText
    """The person's words."""


class UnreadableSubmission(Submission):
    """A message on ``habeas.requests`` that could not be read or handled: it is set aside, sealed."""

    body: bytes
    flaws: tuple["SubmissionError", ...]
    publisher_source: str | None
    publisher_id: str | None


# --- facts: references only ---------------------------------------------------------------------------


class ProofRef(EventPart):
    """The place of a sealed proof in the vault, and its kind."""

    kind: ProofKind
    ref: Code
    slot: ProofSlot | None = None
    """The claim that it is to prove, if it is a document."""
    media_type: Annotated[str, StringConstraints(max_length=80)] = ""
    sender: SenderCheck | None = None
    """Our mail server's checks of its sender, if it came as a reply by mail."""


class RequestLodged(Fact):
    """A request came in by HTTP and lies sealed in the vault; intake has still to register it."""

    TYPE = "habeas.request.lodged.v1"

    source: str
    occurred_at: datetime
    proofs: tuple[ProofRef, ...] = ()
    attested: tuple[Evidence, ...] = ()
    """Evidence attested by an agent with a checked signature."""
    instructed: bool = False
    """Whether it is the instruction of a controller with a checked credential."""
    waited: bool = False
    """Whether it had to wait its turn, and it is its turn now."""


class WithdrawalLodged(Fact):
    """A person took a request back by HTTP; intake has still to decide whether it can be."""

    TYPE = "habeas.withdrawal.lodged.v1"


class DropListed(Fact):
    """Lists of hashed identifiers were fetched from California's DROP and lie sealed in the vault."""

    TYPE = "habeas.drop.listed.v1"

    lists: tuple[Code, ...] = ()
    """Their names in the vault; none for a new look-up of earlier lists only."""


class DropMatched(Fact):
    """The hashes that California's DROP has listed were looked up in all stores."""

    TYPE = "habeas.drop.matched.v1"

    matches: Code
    """Name in the vault of the people found for the first time."""
    found: int
    """How many that are."""


class InquiryLodged(Fact):
    """A mail with an unclear request came in; it lies sealed, and its sender is asked."""

    TYPE = "habeas.inquiry.lodged.v1"

    inquiry: Code
    """Name in the vault of its sender and the time."""
    received_on: date
    laws: tuple[PolicyId, ...]
    """The laws that protect the requester, as far as the mail shows."""


class MessageLodged(Fact):
    """A mail that only the staff can handle came in and lies sealed."""

    TYPE = "habeas.message.lodged.v1"

    message: Code
    """Where it lies sealed."""
    reason: Code
    """Why nothing else was made of it."""
    own: bool
    """Whether it is about a request and from that request's address, as far as the mail server says."""


class LastDay(EventPart):
    """The last day of a duty, and the law that sets it."""

    duty: TimedDuty
    policy: PolicyId
    on: date


class AppealLodged(Fact):
    """An appeal came in by HTTP and lies sealed in the vault; intake has still to register it."""

    TYPE = "habeas.appeal.lodged.v1"

    statement: Code
    """Name of the statement in the vault."""


class AppealReceived(Fact):
    """The person appeals against an answer, or complains."""

    TYPE = "habeas.appeal.received.v1"

    remedy: Remedy
    statement: Code
    """Name of the statement in the vault."""
    received_on: date
    due_on: date | None
    """The last day for a decision on an appeal, or for confirming a complaint; None where no law sets one."""
    policy: PolicyId | None
    """The law that sets it."""


class AppealDecided(Decision):
    """The privacy staff has looked at it again."""

    TYPE = "habeas.appeal.decided.v1"
    ROLES = frozenset({StaffRole.APPROVER})

    granted: bool
    reasons: tuple[Code, ...] = ()
    explanation: Code | None = None
    """Name, in the vault, of their text to the person."""

    @model_validator(mode="after")
    def _has_reason(self) -> "AppealDecided":
        if not (self.granted or self.reasons or self.explanation):
            raise ValueError("a decision that does not grant needs a reason or an explanation")
        return self


class AppealAnswered(Fact):
    """An appeal or a complaint is decided; the person is notified."""

    TYPE = "habeas.appeal.answered.v1"

    remedy: Remedy
    received_on: date
    granted: bool
    reasons: tuple[Code, ...] = ()
    explanation: Code | None = None
    """Name, in the vault, of the staff's text to the person."""
    renewed: RequestId | None = None
    """The request that takes the first one up again, where it is granted."""


class RequestRenewed(Fact):
    """A request is to be made of another one that was received; intake has still to register it."""

    TYPE = "habeas.request.renewed.v1"

    follows: RequestId
    """The first one."""
    right: Right | None = None
    """None: that of the first one, which is taken up again because an appeal was granted."""

    @property
    def cases(self) -> tuple[str, ...]:
        """Both requests: it ends the appeal of one, and begins the other."""
        return (self.request_id, self.follows)


class RequestReceived(Fact):
    """A request is registered: its clock runs."""

    TYPE = "habeas.request.received.v1"

    right: Right
    regulation: Regulation
    policy: PolicyId
    """The edition, in force on the day of receipt, of the law that it is answered under, to its end."""
    also: tuple[PolicyId, ...] = ()
    """Other laws that protect the person as well: of each value the strictest counts."""
    last_days: tuple[LastDay, ...] = ()
    """The strictest days, and which law each is of."""
    source: str
    """CloudEvents source of the upstream system, or Habeas' own door."""
    received_at: datetime
    received_on: date
    due_on: date
    internal_due_on: date
    proofs: tuple[ProofRef, ...] = ()
    direct_marketing: bool = False
    """Whether it is an objection to direct marketing alone: that needs no proof and no reasons."""
    requester: Requester = Requester.PERSON
    """Role of the requester; no submission can claim to be a controller's."""
    attested: tuple[Evidence, ...] = ()
    """Evidence attested by an agent with a checked signature; no submission can claim it itself."""
    reachable: bool = True
    """Whether the request names a mailbox that codes go to: the person's, or of a child the parent's."""
    transfers: bool = False
    """Whether the data is to be sent to another controller."""
    follows: RequestId | None = None
    """The request that this one takes up again, or goes with."""
    child: bool = False
    """Whether the person is a child by a law that protects them."""
    role: Role = Role.CONSUMER
    """An end user's request is not answered here, but forwarded to the customer; see below."""
    repeats: RequestId | None = None
    """The open request that asks for the same: that one is answered, and this one is not."""
    incident: Code | None = None
    """The declared incident during which it came."""
    stricter: Regulation | None = None
    """The regulation that decides how much proof is needed, where it is another than *regulation*."""

    @property
    def proof_regulation(self) -> Regulation:
        """The regulation that decides how much proof is needed."""
        return self.stricter or self.regulation

    @property
    def irreversible(self) -> bool:
        """Whether granting it cannot be undone: an erasure, or a transfer to another controller."""
        return self.right is Right.ERASURE or self.transfers

    @property
    def laws(self) -> tuple[PolicyId, ...]:
        """All laws that protect the person; the one that the request is answered under is the first."""
        return (self.policy, *self.also)

    @property
    def goes_to_customer(self) -> bool:
        """
        Whether a customer that has not asked for this decides about the data: the request goes to them.

        Law:
            GDPR Art. 28(3)(a), (e): a processor does nothing with the data on its own, and what the
            controller instructs it to.
        """
        return self.role is Role.END_USER and self.requester is not Requester.CONTROLLER


class SubmissionError(EventPart):
    """An error of a submission, and its place; never the value."""

    path: str
    message: str

    def __str__(self) -> str:
        """Return both in one line."""
        return f"{self.path}: {self.message}" if self.path else self.message


class RequestRejected(Fact):
    """A submission could not be read. It is set aside sealed; its publisher can see why."""

    TYPE = "habeas.request.rejected.v1"
    TERMINAL = True

    publisher_source: str | None
    publisher_id: str | None
    errors: tuple[SubmissionError, ...]


class ForwardingDecided(Decision):
    """The privacy staff says which customer decides about the data of an end user."""

    TYPE = "habeas.forwarding.decided.v1"
    ROLES = frozenset({StaffRole.AGENT})

    controller: Code
    """Where the customer's name and address lie sealed."""


class RequestForwarded(Fact):
    """An end user's request goes to the customer that decides about the data; both are notified."""

    TYPE = "habeas.request.forwarded.v1"

    controller: Code
    """Where the customer's name and address lie sealed."""
    link: Code
    """Where the secret part lies sealed of the link under which the customer fetches the request."""
    digest: str
    """Of that secret part."""
    expires_at: datetime


class ControllerNotified(Fact):
    """The customer that decides about the data was notified of a request for it; now the person is."""

    TYPE = "habeas.controller.told.v1"

    controller: Code
    """Where the customer's name and address lie sealed."""


class RequestDuplicated(Fact):
    """A request asks for the same as one that is not answered yet; that one is answered."""

    TYPE = "habeas.request.duplicated.v1"

    first: RequestId
    first_received_on: date
    due_on: date
    """The last day for the first."""


class ForwardingFetched(Fact):
    """The customer has fetched a request that was forwarded to them."""

    TYPE = "habeas.forwarding.fetched.v1"
    TERMINAL = True


class RequestWithdrawn(Fact):
    """The person took the request back."""

    TYPE = "habeas.request.withdrawn.v1"

    deemed: bool = False
    """Whether they did so by not agreeing to a fee in time, as announced."""
    stopped: bool = False
    """Whether the privacy staff ended it, because it was stopped by a reader of a letter."""


class RequestStopped(Fact):
    """A request is stopped: no proof counts, nothing is disclosed or erased until the staff decides."""

    TYPE = "habeas.request.stopped.v1"

    reason: StopReason


class StopDecided(Decision):
    """The privacy staff decides about a stopped request: it goes on, or it ends without an answer."""

    TYPE = "habeas.stop.decided.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    resume: bool
    """Whether the request goes on; else it ends."""


class WithdrawalDecided(Decision):
    """The privacy staff takes a request back, as the person has asked them to."""

    TYPE = "habeas.withdrawal.decided.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})


class RequestReleased(Fact):
    """A stopped request goes on, as the privacy staff decided."""

    TYPE = "habeas.request.released.v1"


class OfferedAliases(EventPart):
    """Identities that the person's records name and nothing verifies; nothing was searched by them."""

    ref: Code
    """Name of the values in the vault."""
    identities: tuple[Code, ...]
    """Names of the identities; the first one is number 1."""


class RequestFulfilled(Fact):
    """A request is answered, in whole or in part, or lawfully not at all."""

    TYPE = "habeas.request.fulfilled.v1"

    right: Right
    outcome: Outcome
    dispositions: dict[str, int] = {}
    """Records per disposition: disclosed, erased, masked, retained."""
    reasons: dict[str, int] = {}
    """Records per reason code, where they were withheld or retained."""
    answer: Code
    """Name of the answer in the vault."""
    package: Code | None = None
    """Name of the package in the vault."""
    package_expires_at: datetime | None = None
    certificate: Code | None = None
    """Name of the erasure certificate in the vault."""
    mentions: Code | None = None
    """Name in the vault of the places that still name the person after an erasure."""
    statement_kept: bool = False
    """Whether a statement of the person's is kept with the uncorrected records."""
    aliases: OfferedAliases | None = None
    """Further identities that the disclosed records name; they open nothing before they are confirmed."""


class RequestReferred(Fact):
    """A request waits for the privacy staff: no service can answer it by itself."""

    TYPE = "habeas.request.referred.v1"

    right: Right
    reason: Code
    aliases: OfferedAliases | None = None
    """The new mailbox that a correction would enter; it can be proven instead of approved."""


class MailboxNamed(Fact):
    """Records that a request discloses, erases or changes name another mailbox; its owner is notified."""

    TYPE = "habeas.mailbox.named.v1"

    right: Right
    ref: Code
    """Name of the address in the vault."""


class RequestClosed(Fact):
    """The answer was sent; nothing is left to do."""

    TYPE = "habeas.request.closed.v1"
    TERMINAL = True

    outcome: Outcome | None = None


class RequestPurged(Fact):
    """The record of a request need not be kept any longer: services forget the case."""

    TYPE = "habeas.request.purged.v1"


class ProofReceived(Fact):
    """Proofs of identity arrived and lie sealed in the vault."""

    TYPE = "habeas.proof.received.v1"

    proofs: tuple[ProofRef, ...]


class ProofRefused(Fact):
    """A proof did not convince; the person may try again unless no try is left."""

    TYPE = "habeas.proof.refused.v1"

    reason: Code
    tries_left: int
    spends_code: bool = True
    """Whether a try at the mailed code was used up."""


class ProofSpent(Fact):
    """Proofs and codes have served; their sealed copies are to be destroyed."""

    TYPE = "habeas.proof.spent.v1"

    refs: tuple[Code, ...]


class IdentityChallenged(Fact):
    """The person is asked to prove their identity: by a code that is mailed, or by *wanted* evidence."""

    TYPE = "habeas.identity.challenged.v1"

    kind: ProofKind | None = None
    """Set where a code is mailed."""
    ref: Code | None = None
    """Where the code to be mailed lies sealed."""
    expires_at: datetime
    """When the code expires, or when the request lapses."""
    wanted: tuple[tuple[Evidence, ...], ...] = ()
    """Ways to prove it, the least intrusive first: the missing evidence of each."""
    refused_for: Code | None = None
    """Why the last proof has not convinced; no more is said than the person can do something about."""
    paused: bool = False
    """Whether the period may stand still until it comes."""


class IdentityReminded(Fact):
    """The proof that the person was asked for has not come yet; they are reminded."""

    TYPE = "habeas.identity.reminded.v1"

    expires_at: datetime
    """When the request lapses."""
    wanted: tuple[tuple[Evidence, ...], ...]
    paused: bool = False
    """Whether the period may stand still until it comes."""


class ProofPresented(Fact):
    """A document arrived; examining it takes time."""

    TYPE = "habeas.proof.presented.v1"

    proof: ProofRef


class TokenPresented(Fact):
    """A token of the company's log-in arrived; its issuer's keys are asked for."""

    TYPE = "habeas.token.presented.v1"

    proof: ProofRef


class ProofExamined(Fact):
    """A document or a token was examined. The findings lie sealed."""

    TYPE = "habeas.proof.examined.v1"

    proof: ProofRef
    verdict: Verdict
    reasons: tuple[Code, ...] = ()
    identities: tuple[Code, ...] = ()
    """Names of the identities of the request that it proves."""
    report: Code | None = None
    """Name in the vault of the examination's report, for the staff."""


class IdentityReviewNeeded(Fact):
    """A person must look at a proof and decide."""

    TYPE = "habeas.identity.review_needed.v1"

    reasons: tuple[Code, ...]
    report: Code | None = None


class IdentityDecided(Decision):
    """The privacy staff decides whether the requester is the data subject."""

    TYPE = "habeas.identity.decided.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    verified: bool
    reason: Code
    identities: tuple[Code, ...] = ()
    """Names of the identities that are the person's; required."""


class EvidenceAsked(Decision):
    """An account of the privacy staff asks to look at sealed proofs."""

    TYPE = "habeas.evidence.asked.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    reason: Code
    refs: tuple[Code, ...]


class EvidenceShown(Fact):
    """The privacy staff was shown sealed proofs."""

    TYPE = "habeas.evidence.shown.v1"
    TERMINAL = True

    by: Code
    reason: Code
    refs: tuple[Code, ...]


class EvidenceDestroyed(Fact):
    """Sealed proofs were destroyed, because the decision has been made."""

    TYPE = "habeas.evidence.destroyed.v1"
    TERMINAL = True

    refs: tuple[Code, ...]


class RequestPaused(Fact):
    """The person was asked for proof: until it comes, the time that the law gives may stand still."""

    TYPE = "habeas.request.paused.v1"

    reason: Code
    since: datetime


class RequestResumed(Fact):
    """The person has sent the requested proof or answer."""

    TYPE = "habeas.request.resumed.v1"

    at: datetime


class ExtensionDecided(Decision):
    """The privacy staff needs longer for an answer."""

    TYPE = "habeas.extension.decided.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    reason: ExtensionReason


class BurstDeclared(Decision):
    """The privacy staff expects a storm of requests; those that come in the incident's time are marked."""

    TYPE = "habeas.burst.declared.v1"
    ROLES = frozenset({StaffRole.INCIDENT_OFFICER})
    OF_REQUEST = False

    incident: Code
    """The company's name of the incident; ``request_id`` follows from it, because it is of no request."""
    since: AwareDatetime
    until: AwareDatetime
    """Requests that are received from *since* on and before this are marked."""
    source: str | None = None
    """The system that they come from; every one where none is named."""
    per_hour: int | None = Field(default=None, ge=1)
    """How many of them begin in an hour; the others wait their turn."""

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "BurstDeclared":
        if self.until < self.since:
            raise ValueError("it must not end before it begins")
        return self


class RequestExtended(Fact):
    """The answer is due later; the person is notified of it, with the reason, before the first due day."""

    TYPE = "habeas.request.extended.v1"

    reason: ExtensionReason
    promised_on: date
    """When the answer was due before."""
    due_on: date
    meant_for: date
    """The day by which the answer is meant to be sent."""
    policy: PolicyId
    """The law that sets the day."""


class AnswerDelivered(Decision):
    """The privacy staff has handed over an answer by other means, because the letter did not arrive."""

    TYPE = "habeas.answer.delivered.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    way: Code
    """How: ``post``, ``phone``, ``in_person`` …"""


class RequestLapsed(Fact):
    """The person has not sent the requested proof or answer in time."""

    TYPE = "habeas.request.lapsed.v1"
    TERMINAL = True


class TimeCame(Fact):
    """A moment has come that was waited for."""

    TYPE = "habeas.time.came.v1"

    name: Code


class DeadlineCame(Fact):
    """A day has come that the answer to a request is measured by."""

    TYPE = "habeas.deadline.came.v1"

    name: Code


class DeadlineApproaching(Fact):
    """The day has come by which something was meant to be done, and it is not."""

    TYPE = "habeas.deadline.approaching.v1"
    TERMINAL = True

    duty: TimedDuty = TimedDuty.ANSWER
    due_on: date


class DeadlineMissed(Fact):
    """The last day is over, and its duty is not done."""

    TYPE = "habeas.deadline.missed.v1"

    duty: TimedDuty = TimedDuty.ANSWER
    due_on: date


class FeeDecided(Decision):
    """The privacy staff decides on a fee, with its ground."""

    TYPE = "habeas.fee.decided.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    fee: Money
    reason: FeeReason


class FeeQuoted(Fact):
    """An answer has a fee: the person learns the amount and the reason; work waits for their agreement."""

    TYPE = "habeas.fee.quoted.v1"

    fee: Money
    reason: FeeReason
    by: Code | None = None
    """The deciding staff account; None for a further copy, which has the company's price."""
    answer_by: date
    """The last day to agree; after it the request counts as taken back."""


class AgreementLodged(Fact):
    """A person agreed to a fee by HTTP; intake has still to decide whether that comes in time."""

    TYPE = "habeas.agreement.lodged.v1"


class FeeAgreed(Fact):
    """The person agrees to the fee that was quoted: the request is answered now."""

    TYPE = "habeas.fee.agreed.v1"


class IdentityClaimed(Fact):
    """The person claims data points that the records may confirm."""

    TYPE = "habeas.identity.claimed.v1"

    proofs: tuple[ProofRef, ...]


class IdentityCompared(Fact):
    """Claimed data points were compared with the records held; those that agreed are not named."""

    TYPE = "habeas.identity.compared.v1"

    agreed: int
    claimed: int
    groups: int = 0
    """How many independent things agree: name and birthday together are one, a name alone is none."""
    private: bool = False
    """Whether one of them stands in no directory."""
    identities: tuple[Code, ...] = ()
    """Names of the identities the records were found by."""
    proofs: tuple[Code, ...] = ()
    """Where the claims lie sealed."""


class IdentityVerified(Fact):
    """The requester is the data subject, as surely as this request needs."""

    TYPE = "habeas.identity.verified.v1"

    right: Right
    regulation: Regulation
    received_on: date
    assurance: Assurance
    proven: tuple[Code, ...] | None = None
    """Names of the identities proven to be the requester's; all identities of the request when None."""
    reasons: tuple[Code, ...]
    deciders: tuple[Code, ...] = ()
    """Staff accounts that decided it; none of them may approve the erasure."""
    laws: tuple[PolicyId, ...] = ()
    """
    All laws that protect the person, in their editions: they decide on fees. None for a
    controller's request: its fee is not the person's to pay, nor any of these laws' business.
    """
    stricter: Regulation | None = None
    """The regulation that decided how much proof was needed, where it is another than *regulation*."""
    requester: Requester = Requester.PERSON

    @property
    def proof_regulation(self) -> Regulation:
        """The regulation that decided how much proof was needed."""
        return self.stricter or self.regulation


class IdentityRefused(Fact):
    """The requester's identity could not be established."""

    TYPE = "habeas.identity.refused.v1"

    reasons: tuple[Code, ...]


class ErasurePlanned(Fact):
    """The steps of an erasure are decided and lie sealed in the vault."""

    TYPE = "habeas.erasure.planned.v1"

    plan: Code
    """Name of the plan in the vault."""
    package: Code | None = None
    """Name of the copy in the vault, where one was wanted first."""
    regulation: Regulation
    received_on: date
    approval: bool = False
    """Whether nothing may be written before a second person approves of it."""
    aliases: OfferedAliases | None = None
    """Further identities that the records to erase name; they open nothing before they are confirmed."""


class ErasureApproved(Decision):
    """A second person approves of a planned erasure."""

    TYPE = "habeas.erasure.approved.v1"
    ROLES = frozenset({StaffRole.APPROVER})


class AliasConfirmed(Decision):
    """The privacy staff confirms that an identity, which the person's records name, is the person's."""

    TYPE = "habeas.alias.confirmed.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    aliases: Code
    """Name of the offered aliases in the vault."""
    number: Annotated[int, Field(ge=1)]
    """Number of the alias; 1 is the first."""


class CorrectionApproved(Decision):
    """The privacy staff approves a correction of an identity; it waited until the new value was proven."""

    TYPE = "habeas.correction.approved.v1"
    ROLES = frozenset({StaffRole.APPROVER})


class ErasureScheduled(Fact):
    """A planned erasure waits for its window to end; until then it can be stopped."""

    TYPE = "habeas.erasure.scheduled.v1"

    at: datetime
    """When the window ends and the erasure begins."""
    letter: bool = True
    """Whether a letter announces it; not where the person was asked for a separate confirmation."""


class ErasureDue(Fact):
    """The window of a planned erasure has ended."""

    TYPE = "habeas.erasure.due.v1"

    name: Code


class ErasureRetried(Fact):
    """The remains of an erasure are to be erased again."""

    TYPE = "habeas.erasure.retried.v1"


class DisclosureScheduled(Fact):
    """A disclosure waits: its records name other mailboxes, and until the window ends it can be stopped."""

    TYPE = "habeas.disclosure.scheduled.v1"

    at: datetime
    """When the window ends and the records are disclosed."""


class DisclosureDue(Fact):
    """The window before a disclosure has ended."""

    TYPE = "habeas.disclosure.due.v1"

    name: Code


class TransferOrdered(Fact):
    """A package lies ready that the person wants sent to another controller (GDPR Art. 20(2))."""

    TYPE = "habeas.transfer.ordered.v1"

    outcome: Outcome
    dispositions: dict[str, int] = {}
    reasons: dict[str, int] = {}
    answer: Code
    """Name of the answer in the vault."""
    package: Code
    """Name of the package in the vault."""
    aliases: OfferedAliases | None = None
    """Aliases in the disclosed records; they open no records before they are confirmed."""


class SubjectErased(Fact):
    """A person's data was erased; recipients of that data must erase it too (GDPR Art. 19)."""

    TYPE = "habeas.subject.erased.v1"
    TERMINAL = True

    identifiers: dict[str, str]
    """Identifier name → keyed hash agreed with the recipients."""


class ChangePlanned(Fact):
    """The records to mark or correct are decided and lie sealed in the vault."""

    TYPE = "habeas.change.planned.v1"

    right: Right
    plan: Code
    """Name of the plan in the vault."""
    regulation: Regulation
    received_on: date


class SubjectRectified(Fact):
    """A person's data was corrected; recipients of that data must correct it too (GDPR Art. 19)."""

    TYPE = "habeas.subject.rectified.v1"
    TERMINAL = True

    identifiers: dict[str, str]
    """Identifier name → keyed hash agreed with the recipients."""
    fields: tuple[str, ...]
    """Paths of the data map. The values are not said here: a recipient asks for them."""


class SubjectRestricted(Fact):
    """A person's data is only stored from now on; recipients of that data must do the same (GDPR Art. 19)."""

    TYPE = "habeas.subject.restricted.v1"

    identifiers: dict[str, str]


class SubjectUnrestricted(Fact):
    """The restriction of a person's data has ended, and the person was notified before (GDPR Art. 18(3))."""

    TYPE = "habeas.subject.unrestricted.v1"

    identifiers: dict[str, str]


class SubjectOptedOut(Fact):
    """A person's data may no longer be sold or shared, or, if sensitive, be used for more than is needed."""

    TYPE = "habeas.subject.opted_out.v1"
    TERMINAL = True

    right: Right
    """To opt out of sale, or to limit the use of sensitive data."""
    identifiers: dict[str, str]


class SubjectObjected(Fact):
    """A person objects to the use of their data; direct marketing stops at once (GDPR Art. 21(3))."""

    TYPE = "habeas.subject.objected.v1"
    TERMINAL = True

    identifiers: dict[str, str]


class SubjectConsentWithdrawn(Fact):
    """A person withdrew consent; processing based on it alone stops (GDPR Art. 7(3))."""

    TYPE = "habeas.subject.consent_withdrawn.v1"
    TERMINAL = True

    identifiers: dict[str, str]


class RecipientConcerned(Fact):
    """A recipient must learn of changes to a person's data; consumers of events have learned of them now."""

    TYPE = "habeas.recipient.concerned.v1"

    recipient: Text
    """Its name in the data map."""
    notice: Code
    """Id of the message, the same for every attempt to send it."""
    about: Code
    """Type of the fact that it must hear of."""
    identifiers: dict[str, str]
    """Identifier name → keyed hash agreed with this recipient."""
    fields: tuple[str, ...] = ()
    """Paths of the data map, after a correction: values that the recipient has to fetch."""


class RecipientNotified(Fact):
    """No webhook is agreed with a recipient: the event that names it is its only notice."""

    TYPE = "habeas.recipient.notified.v1"
    TERMINAL = True

    recipient: Text
    notice: Code
    about: Code


class RecipientAcknowledged(Fact):
    """A recipient's webhook has taken the message."""

    TYPE = "habeas.recipient.acknowledged.v1"

    recipient: Text
    notice: Code
    about: Code


class RecipientFailed(Fact):
    """A recipient could not be notified, after all tries; the staff must do it by other means."""

    TYPE = "habeas.recipient.failed.v1"

    recipient: Text
    notice: Code
    about: Code
    reason: Code


class RestrictionLifting(Decision):
    """The privacy staff wants to lift a restriction; the person is notified first (GDPR Art. 18(3))."""

    TYPE = "habeas.restriction.lifting.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    reason: LiftingReason


class RestrictionAnnounced(Fact):
    """The person was notified that the restriction is lifted; now it may be."""

    TYPE = "habeas.restriction.announced.v1"

    reason: LiftingReason


class AliasCodeIssued(Fact):
    """The person asked for a code that proves another mailbox in the records; it is mailed there."""

    TYPE = "habeas.alias.code_issued.v1"

    ref: Code
    """Name of the code in the vault."""
    mailbox: Code
    """Name in the vault of the recipient's mailbox."""
    expires_at: datetime


class AliasProven(Fact):
    """Another mailbox in the person's records was proven by the code sent to it."""

    TYPE = "habeas.alias.proven.v1"

    aliases: Code
    """Name of the offered aliases in the vault."""
    number: Annotated[int, Field(ge=1)]
    """Number of the alias; 1 is the first."""


class PackageCodeIssued(Fact):
    """The package was asked for; a fresh code is to be mailed to the data subject."""

    TYPE = "habeas.package.code_issued.v1"

    ref: Code
    expires_at: datetime


class PackageFetched(Fact):
    """The package was downloaded: with a valid code, or by the controller that asked for it."""

    TYPE = "habeas.package.fetched.v1"
    TERMINAL = True

    by: str | None = None
    """Source of the controller that showed its credential; None where a code was shown."""

    continued: bool = False
    """Whether it went on with a download that was cut off."""


class PackageExpiring(Fact):
    """A package that was not fetched is kept for a few days more; the person is notified."""

    TYPE = "habeas.package.expiring.v1"

    expires_at: datetime


class PackageExpired(Fact):
    """A package is destroyed: it was kept as long as was promised."""

    TYPE = "habeas.package.expired.v1"
    TERMINAL = True


class NoticeSent(Fact):
    """A mail server accepted a letter."""

    TYPE = "habeas.notice.sent.v1"

    letter: LetterKind
    doubtful: bool = False
    """A crash made it unknown whether an earlier copy had been accepted: same Message-ID, maybe twice."""


class NoticeFailed(Fact):
    """A letter cannot reach the person: no mail server takes it, it came back, or there is no address."""

    TYPE = "habeas.notice.failed.v1"

    letter: LetterKind
    reason: Code


class NoticeReported(Fact):
    """A mail server reports on a letter that was sent."""

    TYPE = "habeas.notice.reported.v1"

    letter: LetterKind
    action: DeliveryAction
    status: Code
    """Enhanced status code (RFC 3463): `5.1.1`."""
    again: bool = False
    """Whether the letter came back for a cause that may pass, and is sent once more."""


UnreadableSubmission.model_rebuild()
