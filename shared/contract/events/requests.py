"""Facts about requests: registration, time limits, stops, withdrawals, appeals, closing."""

from datetime import date, datetime
from typing import Annotated

from pydantic import (
    AwareDatetime,
    Field,
    StringConstraints,
    model_validator,
)

from shared.contract.events.base import (
    Code,
    Country,
    Decision,
    EventPart,
    Fact,
    PolicyId,
    ReasonedDecision,
    RequestId,
)
from shared.contract.events.submissions import SubmissionError
from shared.law.policies import TimedDuty
from shared.law.terms import Regulation, Right, Role
from shared.vocabulary import (
    Evidence,
    ExtensionReason,
    MessageOutcome,
    OfflineManner,
    Outcome,
    ProofKind,
    ProofSlot,
    Remedy,
    ReopeningReason,
    Requester,
    SenderCheck,
    StaffRole,
    StopReason,
)


class ProofRef(EventPart):
    """The place of a sealed proof in the vault, and its kind."""

    kind: ProofKind
    ref: Code
    slot: ProofSlot | None = None
    """The claim that it is to prove, if it is a document."""
    media_type: Annotated[str, StringConstraints(max_length=80)] = ""
    sender: SenderCheck | None = None
    """Our mail server's checks of its sender, if it came as a reply by mail."""


class InquiryLodged(Fact):
    """A mail with an unclear request came in; it lies sealed, and its sender is asked."""

    TYPE = "habeas.inquiry.lodged.v1"

    inquiry: Code
    """Name in the vault of its sender and the time."""
    received_on: date
    laws: tuple[PolicyId, ...]
    """The laws that protect the requester, as far as the mail shows."""
    due_on: date | None = None
    """The earliest last day for an answer, by the laws and rights that the mail may be about."""


class InquiryReminded(Fact):
    """The sender of a mail with an unclear request has not answered, and is asked once more."""

    TYPE = "habeas.inquiry.reminded.v1"

    inquiry: Code
    """Name in the vault of its sender and the time."""
    received_on: date
    laws: tuple[PolicyId, ...]
    """The laws that protect the requester, as far as the mail shows."""


class MessageLodged(Fact):
    """A mail that only the staff can handle came in and lies sealed."""

    TYPE = "habeas.message.lodged.v1"
    TERMINAL = True

    message: Code
    """Where it lies sealed."""
    reason: Code
    """Why nothing else was made of it."""
    own: bool
    """Whether it is about a request and from that request's address, as far as the mail server says."""
    due_on: date | None = None
    """The earliest last day for an answer to a mail with an unclear request; None for others."""


class MessageHandled(Decision):
    """The privacy staff has handled a mail that waited for it."""

    TYPE = "habeas.message.handled.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})
    OF_REQUEST = False

    message: Code
    """Where it lies sealed."""
    outcome: MessageOutcome
    registered_as: RequestId | None = None
    """The request that was registered for it; only with the outcome ``registered``."""


class LastDay(EventPart):
    """The last day of a duty, and the law that sets it."""

    duty: TimedDuty
    policy: PolicyId
    on: date


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
    meant_for: date | None = None
    """The day by which that is meant to be done."""


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


class ContentOpened(Decision):
    """A staff account opens sealed content of a request; the journal records it before it is read."""

    TYPE = "habeas.content.opened.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    item: Code
    """
    Name of the content in the vault: the submission, or the statement of an appeal.

    With `everything`, the account may read all content of the request for fifteen minutes.
    """
    reason: Code
    """Why it is read."""


class PermissionGranted(Decision):
    """An account may read the content of a customer's end user, in one request, until a time."""

    TYPE = "habeas.permission.granted.v1"
    ROLES = frozenset({StaffRole.APPROVER})

    account: Code
    """The account that may read; another one grants it."""
    until: AwareDatetime
    reason: Code
    """Why it is to be read."""


class PermissionRevoked(ReasonedDecision):
    """An account may no longer read the content of a customer's end user in one request."""

    TYPE = "habeas.permission.revoked.v1"
    ROLES = frozenset({StaffRole.APPROVER})

    account: Code


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
    scope: tuple[Code, ...] = ()
    """What it is limited to; empty: as the first one."""
    manner: OfflineManner | None = None
    """How the person asked for it, if they accepted a proposal."""
    reopened: bool = False
    """Whether the staff takes up a request again that has ended."""

    @property
    def cases(self) -> tuple[str, ...]:
        """Both requests: it ends the appeal of one, and begins the other."""
        return (self.request_id, self.follows)


class ReopeningDecided(Decision):
    """The privacy staff takes up a request again that has ended, as a new one that follows it."""

    TYPE = "habeas.reopening.decided.v1"
    ROLES = frozenset({StaffRole.APPROVER})

    reason: ReopeningReason


class ErasureProposalDecided(ReasonedDecision):
    """The privacy staff records whether the person wants data erased that rested on a withdrawn consent."""

    TYPE = "habeas.proposal.decided.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    accepted: bool
    """Whether they do: then an erasure limited to that data is registered, and needs proof like any other."""
    manner: OfflineManner
    """How they answered."""


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
    country: Country | None = None
    """The country of residence, as far as it is stated."""
    at_once: bool = False
    """Whether a controller has its erasure begin without the window; no submission can."""
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
    full_values: bool = False
    """Whether sensitive values are wanted in full, which needs more proof."""
    role: Role = Role.CONSUMER
    """An end user's request is not answered here, but forwarded to the customer; see below."""
    repeats: RequestId | None = None
    """The open request that asks for the same: that one is answered, and this one is not."""
    withdrawn: bool = False
    """Whether a withdrawal that came before it ends it at once: no proof is asked for."""
    incident: Code | None = None
    """The declared incident during which it came."""
    stricter: Regulation | None = None
    """Written by 0.1.0 alone: the regulation that decided how much proof was needed."""
    not_accepted: tuple[PolicyId, ...] = ()
    """
    Laws that protect the person and judge nothing, because their deadlines were not read and the operator has
    not accepted them: the staff considers them.
    """

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


class RequestRejected(Fact):
    """A submission could not be read. It is set aside sealed; its publisher can see why."""

    TYPE = "habeas.request.rejected.v1"
    TERMINAL = True

    publisher_source: str | None
    """The source of the rejected event, keyed if its broker user may not use it."""
    publisher_id: str | None
    """The id of the rejected event, keyed where it could be personal data."""
    errors: tuple[SubmissionError, ...]


class SubmissionHandled(Decision):
    """The privacy staff has handled a submission that was set aside."""

    TYPE = "habeas.submission.handled.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})
    OF_REQUEST = False

    outcome: MessageOutcome


class RequestTaken(Decision):
    """A staff account records a request that was made by telephone, by post or in person."""

    TYPE = "habeas.request.taken.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    manner: OfflineManner
    received_at: AwareDatetime
    """When it was made: its clock runs from there."""
    content: Code
    """Name, in the vault, of the request as the staff wrote it down."""


class ForwardingDecided(Decision):
    """The privacy staff says which customer decides about the data of an end user."""

    TYPE = "habeas.forwarding.decided.v1"
    ROLES = frozenset({StaffRole.AGENT})

    controller: Code
    """Where the customer's name and address lie sealed."""
    reason: Code | None = None
    """Why it is this customer that decides."""


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


class StopDecided(ReasonedDecision):
    """The privacy staff decides about a stopped request: it goes on, or it ends without an answer."""

    TYPE = "habeas.stop.decided.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    resume: bool
    """Whether the request goes on; else it ends."""


class PauseDecided(ReasonedDecision):
    """The privacy staff pauses an open request: nothing goes on until it continues, and the clock runs."""

    TYPE = "habeas.pause.decided.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})


class DuplicateDecided(ReasonedDecision):
    """The privacy staff merges a request with an earlier open one of the same person, which is answered."""

    TYPE = "habeas.duplicate.decided.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    first: RequestId
    """The request that is answered."""


class WithdrawalDecided(ReasonedDecision):
    """The privacy staff takes a request back, as the person has asked them to."""

    TYPE = "habeas.withdrawal.decided.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})


class RequestReleased(Fact):
    """A stopped request goes on, as the privacy staff decided."""

    TYPE = "habeas.request.released.v1"


class RequestClosed(Fact):
    """The answer was sent; nothing is left to do."""

    TYPE = "habeas.request.closed.v1"
    TERMINAL = True

    outcome: Outcome | None = None


class RequestPurged(Fact):
    """The record of a request need not be kept any longer: services forget the case."""

    TYPE = "habeas.request.purged.v1"


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


class NarrowingDecided(Decision):
    """The privacy staff asks, once, which data a request means; or records the person's answer to that."""

    TYPE = "habeas.narrowing.decided.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    because: Code = "large_quantity"
    """Why it is asked, for the record; the letter is the same for every reason."""
    answered: bool = False
    """Whether it records the answer of the person, by telephone or by letter."""
    scope: Code | None = None
    """Name, in the vault, of the data that the person named, one entry a line; None: everything is meant."""

    @model_validator(mode="after")
    def _names_scope_in_answer(self) -> "NarrowingDecided":
        if self.scope is not None and not self.answered:
            raise ValueError("only an answer of the person has a scope")
        return self


class ScopeAsked(Fact):
    """The person is asked which data the request means; without an answer all of it is answered."""

    TYPE = "habeas.scope.asked.v1"

    asked_at: datetime
    until: datetime
    """When the request is answered in full, without an answer."""
    answer_by: date
    """The last day before that."""
    due_on: date
    """The last day for the answer to the request, if the person does not answer."""


class ScopeAnswered(Fact):
    """The person named the data that the request means, or wants everything, or did not answer in time."""

    TYPE = "habeas.scope.answered.v1"

    scope: Code | None = None
    """Name, in the vault, of the named data, one entry a line; None: everything."""
    silent: bool = False
    """Whether the time to answer is over."""
    by: Code | None = None
    """The staff account that recorded the answer."""


class AnswerExpected(ReasonedDecision):
    """The privacy staff states the day by which a late answer comes; the person is notified."""

    TYPE = "habeas.answer.expected.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    on: date


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
            raise ValueError("until: must not be before since")
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


class DueMoved(Fact):
    """The last day for an answer moved, because the clock was paused."""

    TYPE = "habeas.intake.due_moved.v1"
    TERMINAL = True

    days: int
    """In total, since the receipt."""
    due_on: date
    meant_for: date
    """The target day of the answer."""
    policy: PolicyId
    """The law that sets the day."""
    scope_days: int = 0
    """Days besides, since the person was asked which data is meant."""


class AnswerDelivered(Decision):
    """The privacy staff has handed over an answer by other means, because the letter did not arrive."""

    TYPE = "habeas.answer.delivered.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    way: Code
    """How: ``post``, ``phone``, ``in_person`` …"""


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
    awaits_person: bool = False
    """Whether the company waits for the person: then no letter apologises for the delay."""
    expected_on: date | None = None
    """The day by which the person gets the answer, or a letter with a new day; None if no letter is due."""
