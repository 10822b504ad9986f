"""The state of a request, as the API answers it and clients read it."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import BaseModel

from shared.contract.events.base import Code, PolicyId, RequestId
from shared.law.terms import FeeReason, Money, Regulation, Right
from shared.vocabulary import Evidence, LetterKind, Outcome, Remedy, StopReason


class Lodged(BaseModel):
    """A lodged request."""

    id: str
    status_url: str


class TimelineKind(StrEnum):
    """Kinds of timeline entries."""

    RECEIVED = "received"
    PROOF_ASKED = "proof_asked"
    PROOF_CAME = "proof_came"
    PROOF_REFUSED = "proof_refused"
    IN_REVIEW = "in_review"
    VERIFIED = "verified"
    REFERRED = "referred"
    DUE_MOVED = "due_moved"
    EXTENDED = "extended"
    LATE = "late"
    FEE_QUOTED = "fee_quoted"
    FEE_AGREED = "fee_agreed"
    SCOPE_ASKED = "scope_asked"
    SCOPE_ANSWERED = "scope_answered"
    ANSWERED = "answered"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    FORWARDED = "forwarded"
    WITHDRAWN = "withdrawn"
    LETTER_SENT = "letter_sent"
    LETTER_RETURNED = "letter_returned"
    DELIVERED = "delivered"
    DOWNLOADED = "downloaded"
    PACKAGE_EXPIRED = "package_expired"
    APPEALED = "appealed"
    COMPLAINED = "complained"
    APPEAL_DECIDED = "appeal_decided"
    COMPLAINT_DECIDED = "complaint_decided"
    STOPPED = "stopped"
    RELEASED = "released"


class AnswerFee(BaseModel):
    """The fee for an answer; work begins after the person agrees."""

    fee: Money
    reason: FeeReason
    answer_by: date
    agreed: bool


class TimelineItem(BaseModel):
    """An entry in the timeline of a request."""

    at: datetime
    what: TimelineKind
    letter: LetterKind | None = None
    """The letter of the entry."""
    until: date | None = None
    """The deadline that it sets."""
    acknowledges: bool = False
    """Whether the letter confirms the receipt of the request as well."""


class RequestStatus(StrEnum):
    """How far a request is."""

    SUBMITTED = "submitted"
    """Lodged, and not registered yet."""
    RECEIVED = "received"
    CHALLENGED = "challenged"
    """Proof of identity is awaited."""
    VERIFIED = "verified"
    """The identity is proven, or needs no proof; the answer is being made."""
    REFERRED = "referred"
    """The staff decides."""
    REFUSED = "refused"
    ANSWERED = "answered"
    FORWARDED = "forwarded"
    DUPLICATE = "duplicate"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    """Ended; its letters are sent."""
    PURGED = "purged"


class StatusPage(BaseModel):
    """The state of a request. It holds no personal data: the id alone opens it."""

    id: str
    """The id of the request."""
    status: RequestStatus
    """How far it is: `submitted` before it is registered, `challenged` while proof of identity is awaited,
    `verified` while it is answered, `referred` while staff decides, `closed` once its letters are sent."""
    right: Right | None = None
    regulation: Regulation | None = None
    policy: PolicyId | None = None
    """The edition of the law that the request is judged by."""
    received_on: date | None = None
    """The day on which it reached the company."""
    due_on: date | None = None
    """The last day for the answer."""
    outcome: Outcome | None = None
    """The result, once it is answered."""
    reasons: list[str] = []
    """Why the identity was not established."""
    tries_left: int | None = None
    """How many codes may still be offered."""
    wanted: list[list[Evidence]] = []
    """The sufficient proofs of identity, the least intrusive first: for each, the missing evidence."""
    proof_refused_for: Code | None = None
    """Why the last proof was not accepted."""
    in_review: bool = False
    """Whether our staff checks a proof."""
    paused: bool = False
    """Whether a requested proof is missing."""
    stopped: StopReason | None = None
    """Why the request is stopped until our privacy staff decides."""
    appeal: Remedy | None = None
    """Whether an appeal or a complaint is open."""
    appeal_due_on: date | None = None
    follows: RequestId | None = None
    """The request that this one renews."""
    due_by: PolicyId | None = None
    """The law that sets the last day: the strictest of those that protect the person."""
    laws: list[PolicyId] = []
    """All laws that protect the person."""
    laws_not_accepted: list[PolicyId] = []
    """Laws that protect the person and judge nothing here: their deadlines were not read."""
    erasure_at: datetime | None = None
    """When a planned erasure begins; until then the request can be withdrawn."""
    fee: AnswerFee | None = None
    """What the answer costs."""
    scope_answer_by: date | None = None
    """While it is asked which data is meant: the last day to answer, before everything is answered."""
    extended: bool = False
    """Whether the deadline was extended."""
    undelivered: list[LetterKind] = []
    """Letters that mail servers refuse."""
    untold: list[str] = []
    """Recipients of the data that could not be notified (GDPR Art. 19)."""
    package_url: str | None = None
    """Where the package is downloaded, with a mailed code."""
    incomplete: bool = False
    """Whether the newest steps are missing here: a newer version recorded them, during an upgrade."""
    timeline: list[TimelineItem] = []
    """The timeline, oldest first."""
