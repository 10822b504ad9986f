"""Vocabularies and base classes of events."""

import unicodedata
from enum import StrEnum
from functools import partial
from typing import Annotated, ClassVar, TypeAlias

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    StringConstraints,
)

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
    CONSENT_SCHEDULED = "consent_scheduled"
    PROOF_WANTED = "proof_wanted"
    REMINDER = "reminder"
    CLARIFICATION = "clarification"
    IN_REVIEW = "in_review"
    DUPLICATE = "duplicate"
    FORWARDED = "forwarded"
    FORWARDED_TO_CONTROLLER = "forwarded_to_controller"
    FEE_QUOTED = "fee_quoted"
    SCOPE_ASKED = "scope_asked"
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


class OfflineManner(StrEnum):
    """The ways in which the staff is asked in person."""

    TELEPHONE = "telephone"
    POST = "post"
    IN_PERSON = "in_person"


class MessageOutcome(StrEnum):
    """Why a mail no longer waits for the staff."""

    ANSWERED = "answered"
    NOT_A_REQUEST = "not_a_request"
    REGISTERED = "registered"
    """As a request of its own."""


class RefusalGround(StrEnum):
    """Grounds on which the staff refuses a request that waits for it; letters cite the provision."""

    MANIFESTLY_UNFOUNDED = "manifestly_unfounded"
    EXCESSIVE = "excessive"
    LEGAL_CLAIMS = "legal_claims"
    RETENTION_DUTY = "retention_duty"
    CONTRACT = "contract"
    SECURITY = "security"
    FREE_EXPRESSION = "free_expression"
    PUBLIC_INTEREST = "public_interest"
    RESEARCH = "research"
    THIRD_PARTY_RIGHTS = "third_party_rights"
    PROFESSIONAL_SECRECY = "professional_secrecy"
    NOT_EDITABLE = "not_editable"
    ACCURACY_VERIFIED = "accuracy_verified"
    GROUNDS_PREVAIL = "grounds_prevail"
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

    model_config = ConfigDict(frozen=True, defer_build=True, extra="ignore", hide_input_in_errors=True)

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

    model_config = ConfigDict(frozen=True, defer_build=True, extra="ignore", hide_input_in_errors=True)


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
    """Whether it is about a request; else about an incident, a purge or a mail."""

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
