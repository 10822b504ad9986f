"""
What intake decides: which law governs a request, when its answer is due, and what can happen to a case.

Pure. The life of a case is one table, :data:`TRANSITIONS`; what is not in it is an error.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import ClassVar
from zoneinfo import ZoneInfo

from shared.codes import TRIES, IssuedCode
from shared.errors import IllegalTransition, TooEarly
from shared.events import (
    Code,
    DeadlineApproaching,
    DeadlineCame,
    DeadlineMissed,
    Evidence,
    Fact,
    IdentityChallenged,
    IdentityRefused,
    IdentityReviewNeeded,
    IdentityVerified,
    LetterKind,
    NoticeFailed,
    NoticeSent,
    Outcome,
    PackageCodeIssued,
    PackageFetched,
    ProofReceived,
    ProofRef,
    ProofRefused,
    RecipientAcknowledged,
    RecipientFailed,
    Record,
    RequestClosed,
    Requester,
    RequestFulfilled,
    RequestLodged,
    RequestPaused,
    RequestReceived,
    RequestReferred,
    RequestRejected,
    RequestResumed,
    RequestSubmitted,
    RequestWithdrawn,
    WithdrawalLodged,
)
from shared.law import (
    Calendar,
    Policies,
    Regulation,
    choose_regulation,
    due,
    due_after_pauses,
    internal_due,
)

NO_ADDRESS = "no_address"
"""Why a letter cannot be sent to somebody who has named no address."""
APPROACHING, MISSED = "deadline_approaching", "deadline_missed"
"""What moments are called: the day by which the answer was meant, and the end of the last day."""
EARLIEST_RECEIPT = datetime(2018, 5, 25, tzinfo=UTC)
"""No law served here is older (GDPR Art. 99(2)): a request dated before it comes from a wrong clock."""


class Status(StrEnum):
    """Where a case stands."""

    UNKNOWN = "unknown"
    RECEIVED = "received"
    CHALLENGED = "challenged"
    VERIFIED = "verified"
    REFERRED = "referred"
    REFUSED = "refused"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"


class PackageCodeKept(Record):
    """A code that opens the package was drawn; this is its digest."""

    TYPE: ClassVar[str] = "habeas.package.code_kept.v1"

    digest: str
    expires_at: datetime


class PackageCodeRefused(Record):
    """A wrong code was offered for the package."""

    TYPE: ClassVar[str] = "habeas.package.code_refused.v1"


class DueMoved(Record):
    """The clock stood still for some days, so the answer is due later."""

    TYPE: ClassVar[str] = "habeas.intake.due_moved.v1"

    days: int
    """In all, since the request was received."""
    due_on: date


RECORDS = (PackageCodeKept, PackageCodeRefused, DueMoved)

S = Status
_AWAITING_PROOF: Mapping[type[Fact], Status] = {
    IdentityChallenged: S.CHALLENGED,
    ProofRefused: S.CHALLENGED,
    IdentityVerified: S.VERIFIED,
    IdentityRefused: S.REFUSED,
    RequestWithdrawn: S.WITHDRAWN,
}
TRANSITIONS: Mapping[Status, Mapping[type[Fact], Status]] = {
    S.UNKNOWN: {RequestReceived: S.RECEIVED},
    S.RECEIVED: _AWAITING_PROOF,
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
        RequestWithdrawn: S.WITHDRAWN,
        IdentityChallenged: S.REFERRED,
        ProofRefused: S.REFERRED,
    },
    S.REFUSED: {RequestClosed: S.CLOSED, IdentityChallenged: S.REFUSED, ProofRefused: S.REFUSED},
    S.ANSWERED: {
        RequestClosed: S.CLOSED,
        IdentityChallenged: S.ANSWERED,
        ProofRefused: S.ANSWERED,
        IdentityVerified: S.ANSWERED,
    },
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
}
"""Status → fact → status. A fact that is in no row of a status is an :class:`IllegalTransition`."""
PRESUMES_PROOF: frozenset[type[Fact]] = frozenset({RequestFulfilled, RequestReferred})
"""Facts that follow from a verified identity, and overtake it where deliveries are repeated after a crash."""
CLOSED_BY: Mapping[Status, LetterKind] = {
    S.REFUSED: LetterKind.REFUSAL,
    S.ANSWERED: LetterKind.OUTCOME,
    S.WITHDRAWN: LetterKind.WITHDRAWN,
}
"""The letter after which nothing is left to do. Where two decisions crossed, both letters are written."""
REMARKS: frozenset[type[Fact]] = frozenset(
    {
        DeadlineApproaching,
        DeadlineCame,
        DeadlineMissed,
        DueMoved,
        IdentityReviewNeeded,
        NoticeFailed,
        NoticeSent,
        PackageCodeIssued,
        PackageCodeKept,
        PackageCodeRefused,
        PackageFetched,
        ProofReceived,
        RecipientAcknowledged,
        RecipientFailed,
        RequestLodged,
        RequestPaused,
        RequestRejected,
        RequestResumed,
        WithdrawalLodged,
    }
)
"""Facts that belong to a case and leave its status as it is."""


@dataclass(frozen=True, slots=True)
class Case:
    """What intake knows of a request."""

    status: Status = Status.UNKNOWN
    received: RequestReceived | None = None
    fulfilled: RequestFulfilled | None = None
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
    """When the answer is due because it did."""
    undelivered: tuple[LetterKind, ...] = ()
    """Letters that no mail server will take."""
    addressless: bool = False
    """Whether there is no address to send letters to: the answer is read on the request's page."""
    untold: tuple[str, ...] = ()
    """Recipients of the person's data that could not be told what became of it."""
    package_code: IssuedCode | None = None
    opened_by: IssuedCode | None = None
    """The code that opened the package last; it goes on with a download that was cut off."""
    opened_ref: int = 0
    """Which of the codes that was."""
    package_codes: int = 0
    downloads: int = 0

    @property
    def due_on(self) -> date | None:
        """The last day for the answer."""
        return self.moved_to or (self.received.due_on if self.received else None)

    @property
    def awaits_proof(self) -> bool:
        """Whether a proof of identity can still change anything."""
        return self.status in {Status.RECEIVED, Status.CHALLENGED}

    @property
    def unanswered(self) -> bool:
        """
        Whether the duty to answer is open: it ends when the last letter is sent, not at the decision.

        Where there is nobody to write to, it ends when the answer can be read.
        """
        ended = {Status.CLOSED, Status.WITHDRAWN} | ({*CLOSED_BY} if self.addressless else set())
        return self.status not in ended

    @property
    def meant_for(self) -> date | None:
        """The day by which the answer is meant to be sent; it moves as the last day does."""
        if self.received is None:
            return None
        return self.received.internal_due_on + timedelta(days=self.paused_days)

    def is_closed_by(self, letter: LetterKind) -> bool:
        """Whether *letter* was the last thing outstanding."""
        return CLOSED_BY.get(self.status) is letter

    def is_overtaken_by(self, letter: LetterKind) -> bool:
        """Whether *letter* tells of something that has not been heard of here yet."""
        if letter is LetterKind.OUTCOME:
            return self.fulfilled is None
        settled = self.status in CLOSED_BY or self.status is Status.CLOSED
        return letter in CLOSED_BY.values() and not settled

    @property
    def withdrawable(self) -> bool:
        """Whether the request can be taken back: it is not answered yet."""
        return self.status in {Status.RECEIVED, Status.CHALLENGED, Status.VERIFIED, Status.REFERRED}


def evolve(case: Case, fact: Fact) -> Case:
    """
    Return *case* after *fact*.

    Raises:
        TooEarly: The request itself, or what *fact* follows from, has not arrived yet.
        IllegalTransition: *fact* cannot happen to a case in this status.
    """
    return _noted(replace(case, status=_status_after(case.status, fact)), fact)


def _status_after(status: Status, fact: Fact) -> Status:
    if type(fact) in REMARKS:
        return status
    if status is Status.UNKNOWN and not isinstance(fact, RequestReceived):
        raise TooEarly(f"{fact.TYPE} came before its request")
    if type(fact) in PRESUMES_PROOF and status in {Status.RECEIVED, Status.CHALLENGED}:
        raise TooEarly(f"{fact.TYPE} came before it was heard that the requester is verified")
    try:
        return TRANSITIONS[status][type(fact)]
    except KeyError:
        raise IllegalTransition(f"{fact.TYPE} cannot happen to a request that is {status}") from None


def _noted(case: Case, fact: Fact) -> Case:
    match fact:
        case RequestReceived():
            return replace(case, received=fact)
        case RequestFulfilled():
            return replace(case, fulfilled=fact)
        case IdentityRefused() if case.status is Status.REFUSED:
            return replace(case, refused_for=fact.reasons)
        case IdentityChallenged() | ProofRefused() | IdentityReviewNeeded():
            return _proof_noted(case, fact)
        case RequestPaused() | RequestResumed() | DueMoved():
            return _clock_noted(case, fact)
        case NoticeFailed():
            nowhere = case.addressless or fact.reason == NO_ADDRESS
            return replace(case, undelivered=(*case.undelivered, fact.letter), addressless=nowhere)
        case RecipientFailed():
            return replace(case, untold=tuple(dict.fromkeys((*case.untold, fact.recipient))))
        case RecipientAcknowledged():
            return replace(case, untold=tuple(name for name in case.untold if name != fact.recipient))
        case PackageCodeKept() | PackageCodeRefused() | PackageFetched():
            return _package_noted(case, fact)
        case _:
            return case


def _clock_noted(case: Case, fact: RequestPaused | RequestResumed | DueMoved) -> Case:
    match fact:
        case RequestPaused():
            return replace(case, paused_since=fact.since)
        case RequestResumed():
            return replace(case, paused_since=None)
        case DueMoved():
            return replace(case, paused_days=fact.days, moved_to=fact.due_on)


def _proof_noted(case: Case, fact: IdentityChallenged | ProofRefused | IdentityReviewNeeded) -> Case:
    match fact:
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


def _package_noted(case: Case, fact: PackageCodeKept | PackageCodeRefused | PackageFetched) -> Case:
    match fact:
        case PackageCodeKept():
            code = IssuedCode(fact.digest, fact.expires_at)
            return replace(case, package_code=code, package_codes=case.package_codes + 1)
        case PackageCodeRefused() if case.package_code is not None:
            return replace(case, package_code=case.package_code.tried())
        case PackageFetched() if not fact.continued:
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


@dataclass(frozen=True, slots=True)
class Practice:
    """How this company counts days: what the law leaves to it."""

    zone: ZoneInfo
    """Where requests are answered; days begin and end there."""
    calendars: Mapping[Regulation, Calendar]
    policies: Policies
    """What the laws say; a case keeps the edition that it began with."""
    margin: timedelta | None = None
    """How long before the statutory day the answer should be ready."""
    floor: Regulation = Regulation.GDPR
    """The law granted to those whose own gives no such right."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where a submission came from, and when."""

    case: str
    source: str
    occurred_at: datetime
    now: datetime
    proofs: tuple[ProofRef, ...] = field(default=())


def receive(request: RequestSubmitted, arrival: Arrival, practice: Practice) -> RequestReceived:
    """
    Decide which law governs *request* and when it is due.

    A time of receipt that lies in the future is a clock that goes wrong: the clock of the law starts now.
    One from before there was a law to ask under is taken for the law's first day.

    Law:
        GDPR Art. 12(3), Reg. 1182/71; UK GDPR Art. 12A; Cal. Civ. Code § 1798.130(a)(2)(A) (``shared.law``).
    """
    residence = request.residence
    regulation = choose_regulation(
        residence.country if residence else None,
        residence.subdivision if residence else None,
        request.regulation,
        floor=practice.floor,
    )
    received_at = max(EARLIEST_RECEIPT, min(request.received_at or arrival.occurred_at, arrival.now))
    policy = practice.policies.governing(regulation, received_at.astimezone(practice.zone).date())
    legal = due(policy.answer(request.right), received_at, practice.zone, practice.calendars[regulation])
    return RequestReceived(
        request_id=arrival.case,
        right=request.right,
        regulation=regulation,
        policy=policy.id,
        source=arrival.source,
        received_at=received_at,
        received_on=legal.received_on,
        due_on=legal.due_on,
        internal_due_on=internal_due(legal, margin=practice.margin),
        proofs=arrival.proofs,
        direct_marketing=request.direct_marketing,
        requester=_requester(request),
        reachable=request.subject.email is not None,
    )


def resumed(case: Case, at: datetime, practice: Practice) -> DueMoved | None:
    """Return when the answer is due now that the clock of *case* runs again; None where nothing moves."""
    if case.received is None or case.paused_since is None:
        return None
    received = case.received
    policy, calendar = practice.policies.named(received.policy), practice.calendars[received.regulation]
    since, until = (moment.astimezone(practice.zone).date() for moment in (case.paused_since, at))
    days = case.paused_days + (until - since).days
    due_on = due_after_pauses(policy, received.right, received.due_on, days, calendar)
    if due_on == case.due_on:
        return None
    return DueMoved(request_id=received.request_id, days=days, due_on=due_on)


def stands_still(case: Case, policies: Policies) -> bool:
    """Tell whether the clock of *case* stands still now: its law must let it, not only proof be awaited."""
    if case.received is None or case.paused_since is None:
        return False
    return policies.named(case.received.policy).stands_still_for("identity")


def looked_at_again(kind: str, case: Case, now: datetime, practice: Practice) -> datetime | None:
    """Return when to look again at a day of *case* that has moved meanwhile; None where it has come."""
    if stands_still(case, practice.policies):
        return now + timedelta(days=1)
    day = case.meant_for if kind == APPROACHING else case.due_on
    if day is None:
        return None
    comes = begin_of(day, practice.zone) if kind == APPROACHING else end_of(day, practice.zone)
    return comes if now < comes else None


def begin_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which *day* begins in *zone*."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which *day* is over in *zone*."""
    return begin_of(day + timedelta(days=1), zone)


def _requester(request: RequestSubmitted) -> Requester:
    if request.agent is None:
        return Requester.PERSON
    return Requester.PARENT if request.agent.parent else Requester.AGENT


def outcome_of(case: Case) -> Outcome | None:
    """Return what the person was told; none for a withdrawn request."""
    if case.fulfilled is not None:
        return case.fulfilled.outcome
    return Outcome.REFUSED if case.refused_for else None
