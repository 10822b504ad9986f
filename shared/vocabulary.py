"""
Closed vocabularies of the law and of events, as enumerations without a library.

The choices of the command's options are made of them, and `--help` imports no more than that.
"""

from collections.abc import Mapping
from enum import StrEnum


class Right(StrEnum):
    """A right of a data subject (CCPA: consumer)."""

    ACCESS = "access"
    PORTABILITY = "portability"
    ERASURE = "erasure"
    RECTIFICATION = "rectification"
    RESTRICTION = "restriction"
    OBJECTION = "objection"
    CONSENT_WITHDRAWAL = "consent_withdrawal"
    KNOW_CATEGORIES = "know_categories"
    OPT_OUT_OF_SALE = "opt_out_of_sale"
    LIMIT_SENSITIVE_USE = "limit_sensitive_use"


class FeeReason(StrEnum):
    """The reason for a fee."""

    FURTHER_COPY = "further_copy"
    EXCESSIVE = "excessive"
    MANIFESTLY_UNFOUNDED = "manifestly_unfounded"
    EFFORT = "effort"
    """The answer takes out-of-the-way effort, where the law lets that be paid for."""
    TRANSCRIPTION = "transcription"


class LetterForm(StrEnum):
    """A letter, as its template is called."""

    ACKNOWLEDGEMENT = "acknowledgement"
    CODE = "code"
    PROOF_WANTED = "proof_wanted"
    REMINDER = "reminder"
    CLARIFICATION = "clarification"
    IN_REVIEW = "in_review"
    DUPLICATE = "duplicate"
    FORWARDED = "forwarded"
    FORWARDED_TO_CONTROLLER = "forwarded_to_controller"
    FEE_QUOTED = "fee_quoted"
    SCOPE_ASKED = "scope_asked"
    EXTENSION = "extension"
    LATE = "late"
    ACCESS = "access"
    ERASURE_SCHEDULED = "erasure_scheduled"
    CONSENT_SCHEDULED = "consent_scheduled"
    ERASURE = "erasure"
    DONE = "done"
    REFUSAL = "refusal"
    PACKAGE_EXPIRING = "package_expiring"
    WEIGHING = "weighing"
    LIFTING = "lifting"
    APPEAL_RECEIVED = "appeal_received"
    APPEAL_DECIDED = "appeal_decided"
    COMPLAINT_RECEIVED = "complaint_received"
    COMPLAINT_DECIDED = "complaint_decided"
    MESSAGE = "message"
    WITHDRAWN = "withdrawn"
    NAMED_MAILBOX = "named_mailbox"
    ALIAS_CODE = "alias_code"


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
    MESSAGE = "message"
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


class ProofObjection(StrEnum):
    """Why the staff asks for another proof; no more is said than the person can do something about."""

    UNREADABLE = "document_unreadable"
    NOT_ACCEPTED = "document_not_accepted"
    NOT_CONVINCING = "other"


class ReopeningReason(StrEnum):
    """Why a request that has ended is taken up again."""

    NEW_FACTS = "new_facts"
    ERROR = "error"
    """Ours."""
    PERSON_ASKS = "person_asks"


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


RIGHTS_OF_GROUNDS: Mapping[RefusalGround, frozenset[Right]] = {
    RefusalGround.LEGAL_CLAIMS: frozenset({Right.ERASURE, Right.OBJECTION}),
    RefusalGround.RETENTION_DUTY: frozenset({Right.ERASURE}),
    RefusalGround.CONTRACT: frozenset({Right.ERASURE}),
    RefusalGround.SECURITY: frozenset({Right.ERASURE}),
    RefusalGround.FREE_EXPRESSION: frozenset({Right.ERASURE}),
    RefusalGround.PUBLIC_INTEREST: frozenset({Right.ERASURE, Right.OBJECTION, Right.PORTABILITY}),
    RefusalGround.RESEARCH: frozenset({Right.ERASURE, Right.OBJECTION}),
    RefusalGround.THIRD_PARTY_RIGHTS: frozenset({Right.ACCESS, Right.PORTABILITY}),
    RefusalGround.PROFESSIONAL_SECRECY: frozenset({Right.ACCESS, Right.PORTABILITY}),
    RefusalGround.NOT_EDITABLE: frozenset({Right.RECTIFICATION}),
    RefusalGround.ACCURACY_VERIFIED: frozenset({Right.RECTIFICATION, Right.RESTRICTION}),
    RefusalGround.GROUNDS_PREVAIL: frozenset({Right.OBJECTION, Right.RESTRICTION}),
}
"""
Rights that a ground is an exception from; grounds that are not named here are exceptions from every right.

Law: GDPR Art. 15(4), 17(3), 18(1)(a) and (d), 20(3)-(4), 21(1) and (6); Cal. Civ. Code 1798.105(d).
"""


class WithholdingGround(StrEnum):
    """Grounds on which the staff withholds values from a package; the law of the answer has the provision."""

    THIRD_PARTY_RIGHTS = "third_party_rights"
    PROFESSIONAL_SECRECY = "professional_secrecy"


class HoldScope(StrEnum):
    """The records that a legal hold keeps."""

    REQUEST = "request"
    """Those that the erasure of a request finds."""
    PERSON = "person"
    """Those of the person of a request, whichever request or purge finds them."""
    COLLECTION = "collection"


class ExtensionReason(StrEnum):
    """Why an answer needs more time (GDPR Art. 12(3))."""

    COMPLEXITY = "complexity"
    NUMBER_OF_REQUESTS = "number_of_requests"


class ReferralReason(StrEnum):
    """Why a request is referred to the privacy staff; other reasons are those of letters."""

    BY_STAFF = "by_staff"
    """The staff exercises the right by hand."""
    NOTHING_DECLARED = "nothing_declared"
    """The request contains no identity of the data map: nothing was searched."""
    NOTHING_NAMED = "nothing_named"
    """A correction is requested without a field and value: the staff must read the person's text."""
    UNSURE = "unsure"
    """The proof of identity would not suffice for a disclosure, so it does not suffice for a change."""
    IDENTITY_CHANGE = "identity_change_needs_proof"
    """A correction would change a searched identity; the new value must be proven to be the person's."""
    TO_BE_WEIGHED = "to_be_weighed"
    """Whether compelling grounds override an objection is for the staff to decide (GDPR Art. 21(1))."""
    ACCURACY_DISPUTED = "accuracy_disputed"
    """A correction concerns a value that no request may change; the staff verifies whether it is accurate."""
    SCOPE_UNCLEAR = "scope_unclear"
    """An erasure is limited to data that the map does not know by that name; no guess can be undone."""
    GROUND_CLAIMED = "erasure_ground_claimed"
    """A ground is claimed that the map does not show, and data would stay without it (Art. 17(1)(d), (e))."""
    MANY_MAILBOXES = "many_mailboxes"
    """The records name more other mailboxes than are notified; the staff decides."""


class StopReason(StrEnum):
    """Why a request is stopped until the privacy staff decides."""

    NOT_ME = "not_me"
    """The link in a letter was used: its reader did not make the request."""
    UNCLEAR_REPLY = "unclear_reply"
    """A reply to a letter says something that only a person can judge."""
    MAILBOX_UNREACHABLE = "mailbox_unreachable"
    """The notice to another mailbox in the records could not be delivered: its owner cannot object."""
    PAUSED_BY_STAFF = "paused_by_staff"
    """The privacy staff has paused it."""


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
