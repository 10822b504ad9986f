"""
The register: what it says of a request, and how a request is counted once its record is gone. Pure.

An entry follows from what intake's journal tells and holds no personal data. A request that was ended long
enough ago is counted, as :class:`CountedRequest`, and forgotten; what somebody may still need of it keeps it.

Law:
    11 CCR § 7101(a)-(b): 24 months; date, nature and manner of the request, date and nature of the response,
    basis of a denial.
    4 CCR 904-3 Rule 6.11: the same for Colorado, with the existence and the result of an appeal.
    GDPR Art. 5(2): the controller can show what was done.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from enum import StrEnum
from typing import Any, TypeAlias

from services.intake.domain import MAIL, NO_ADDRESS, OWED, OWN_DOOR, DueMoved
from shared.contract.events import (
    AnswerDelivered,
    AppealAnswered,
    AppealReceived,
    Code,
    DeadlineMissed,
    DeliveryAction,
    Fact,
    IdentityRefused,
    InquiryLodged,
    LetterKind,
    MessageLodged,
    NoticeFailed,
    NoticeReported,
    NoticeSent,
    Outcome,
    PolicyId,
    Remedy,
    RequestClosed,
    RequestDuplicated,
    Requester,
    RequestExtended,
    RequestForwarded,
    RequestFulfilled,
    RequestLodged,
    RequestPurged,
    RequestReceived,
    RequestRejected,
    RequestRenewed,
    RequestWithdrawn,
    SubjectUnrestricted,
)
from shared.law import Right, TimedDuty

NOT_PROVEN = "not_proven_in_time"
"""Why a request lapses."""
Decision: TypeAlias = (
    RequestFulfilled | RequestForwarded | RequestDuplicated | IdentityRefused | RequestWithdrawn
)
ENTRY_FACTS: tuple[type[Fact], ...] = (
    AnswerDelivered,
    AppealAnswered,
    AppealReceived,
    DeadlineMissed,
    DueMoved,
    IdentityRefused,
    InquiryLodged,
    MessageLodged,
    NoticeFailed,
    RequestClosed,
    RequestDuplicated,
    RequestExtended,
    RequestForwarded,
    RequestFulfilled,
    RequestLodged,
    RequestPurged,
    RequestReceived,
    RequestRejected,
    RequestRenewed,
    RequestWithdrawn,
    SubjectUnrestricted,
)
"""Facts that an entry follows from, with letters that were sent of the kinds ``OWED``."""


class RequestManner(StrEnum):
    """How a request was made."""

    WEB = "web"
    """By the person, at Habeas' own page or API."""
    MAIL = "mail"
    """By the person, by mail."""
    API = "api"
    """By an upstream system, over the API."""
    EVENT = "event"
    """By an upstream system, as an event."""
    APPEAL = "appeal"
    """An appeal against an earlier answer was granted."""
    COMPANION = "companion"
    """By nobody: it goes with the request of a child."""


class RequestResult(StrEnum):
    """What became of a request."""

    OPEN = "open"
    GRANTED = "granted"
    PARTLY_GRANTED = "partly_granted"
    REFUSED = "refused"
    LAPSED = "lapsed"
    """It was refused because nobody proved in time who asks."""
    NOTHING_HELD = "nothing_held"
    FORWARDED = "forwarded"
    """To the customer who decides about the data."""
    DUPLICATE = "duplicate"
    """The same had been asked for before, and was answered there."""
    WITHDRAWN = "withdrawn"


class RetentionReason(StrEnum):
    """Why a case is still needed, though it is closed."""

    RESTRICTED = "restricted"
    """Before the restriction is lifted the person must be told (GDPR Art. 18(3))."""
    STATEMENT = "statement"
    """A correction was declined; what the person has stated stays with the data (11 CCR § 7023(f))."""
    LEFT = "left"
    """Records are left that the erasure still has to reach."""


@dataclass(frozen=True, slots=True)
class Appeal:
    """An appeal against an answer, or a complaint."""

    remedy: Remedy
    received_on: date
    due_on: date | None
    answered_at: datetime | None = None
    granted: bool | None = None
    """None while it is not decided."""

    def seen_from(self, zone: tzinfo) -> "Appeal":
        """Return it with days as they are in *zone*."""
        return replace(self, answered_at=self.answered_at and self.answered_at.astimezone(zone))

    def __str__(self) -> str:
        """Return all of it in words."""
        on = f" {self.answered_at.date()}" if self.answered_at else ""
        result = {None: "open", True: "granted", False: "denied"}[self.granted]
        return f"{self.remedy} of {self.received_on}: {result}{on}"


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """What the register says of one request."""

    request: str
    right: Right
    policy: PolicyId
    also: tuple[PolicyId, ...]
    manner: RequestManner
    source: str
    requester: Requester
    received_on: date
    due_on: date
    extended: bool
    paused_days: int
    """Days by which pauses have moved the last day."""
    result: RequestResult
    grounds: tuple[Code, ...]
    """Why it was denied, in whole or in part."""
    answered_on: date | None
    late: bool
    """Whether the last day passed before the answer was sent."""
    ended_at: datetime | None
    """When nothing was left to do."""
    standing: RetentionReason | None
    """Why the case is needed all the same."""
    appeals: tuple[Appeal, ...]
    incident: Code | None
    """The declared incident in whose time it came."""

    @property
    def days(self) -> int | None:
        """Calendar days from receipt to answer."""
        return None if self.answered_on is None else (self.answered_on - self.received_on).days

    def plain(self) -> dict[str, Any]:
        """Return what the register must say as plain values, in the order in which it is read."""
        return {
            "request": self.request,
            "received_on": self.received_on.isoformat(),
            "right": self.right.value,
            "law": self.policy,
            "also": list(self.also),
            "manner": self.manner.value,
            "source": self.source,
            "requester": self.requester.value,
            "due_on": self.due_on.isoformat(),
            "extended": self.extended,
            "paused_days": self.paused_days,
            "answered_on": self.answered_on and self.answered_on.isoformat(),
            "days": self.days,
            "result": self.result.value,
            "grounds": list(self.grounds),
            "late": self.late,
            "appeals": [str(appeal) for appeal in self.appeals],
            "ended_at": self.ended_at and self.ended_at.isoformat(),
            "kept_for": self.standing and self.standing.value,
            "incident": self.incident,
        }


@dataclass(frozen=True, slots=True, order=True)
class CountedRequest:
    """All that is kept of a request in the end. Requests of which it is the same are only counted."""

    year: int
    law: str
    right: Right
    result: RequestResult
    grounds: tuple[Code, ...]
    late: bool
    days: int | None

    @property
    def key(self) -> str:
        """What tells it from all others."""
        days = "-" if self.days is None else self.days
        late = "late" if self.late else "in_time"
        return f"{self.year}/{self.law}/{self.right}/{self.result}/{'+'.join(self.grounds)}/{late}/{days}"


def laws_of(entry: RegisterEntry) -> tuple[str, ...]:
    """Return the laws that protect the person, whatever the edition; first the one it is answered under."""
    return tuple(dict.fromkeys(policy.partition("@")[0] for policy in (entry.policy, *entry.also)))


def counted(entry: RegisterEntry) -> Iterator[CountedRequest]:
    """Yield what *entry* is counted as: once under each law that protects the person."""
    for law in laws_of(entry):
        yield CountedRequest(
            entry.received_on.year, law, entry.right, entry.result, entry.grounds, entry.late, entry.days
        )


@dataclass(slots=True)
class CaseHistory:
    """What the facts of one case tell, gathered one by one."""

    received: RequestReceived | None = None
    manner: RequestManner = RequestManner.EVENT
    rejected_at: datetime | None = None
    written_at: datetime | None = None
    """When a mail came in of which nothing, or no request yet, was made."""
    fulfilled: RequestFulfilled | None = None
    forwarded: bool = False
    repeats: bool = False
    """Whether another that was open asked for the same."""
    refused: IdentityRefused | None = None
    withdrawn_at: datetime | None = None
    decided_at: datetime | None = None
    answered_at: datetime | None = None
    closed_at: datetime | None = None
    delivered_at: datetime | None = None
    returned: frozenset[LetterKind] = frozenset()
    """Letters that the law demands to arrive, and that came back."""
    due_on: date | None = None
    extended: bool = False
    paused_days: int = 0
    missed: bool = False
    addressless: bool = False
    unrestricted: bool = False
    purged: bool = False
    appeals: tuple[Appeal, ...] = ()
    appeal_ended_at: datetime | None = None

    @classmethod
    def of(cls, facts: Iterable[tuple[datetime, Fact]]) -> "CaseHistory":
        """Return the story of a case: its facts, oldest first, each with the moment it was written down."""
        story = cls()
        for at, fact in facts:
            story.note(fact, at)
        return story

    def note(self, fact: Fact, at: datetime) -> None:
        """Take in one more fact; what adds nothing to the register is passed over."""
        match fact:
            case RequestReceived() | RequestLodged() | RequestRenewed():
                self._note_beginning(fact)
            case (
                RequestFulfilled()
                | RequestForwarded()
                | RequestDuplicated()
                | IdentityRefused()
                | RequestWithdrawn()
            ):
                self._note_decision(fact, at)
            case RequestClosed():
                self._note_closed(at)
            case NoticeSent() | NoticeFailed() | NoticeReported() | AnswerDelivered():
                self._note_letter(fact, at)
            case DueMoved() | RequestExtended():
                self._note_last_day(fact)
            case AppealReceived() | AppealAnswered():
                self._note_appeal(fact, at)
            case RequestRejected() if self.received is None:
                self.rejected_at = at
            case InquiryLodged() | MessageLodged():
                self.written_at = at
            case _:
                self._note_remark(fact)

    def _note_beginning(self, fact: RequestReceived | RequestLodged | RequestRenewed) -> None:
        """What renews a request is told in the earlier case as well, where it begins nothing."""
        match fact:
            case RequestReceived():
                self.received, self.due_on = fact, fact.due_on
                self.addressless = fact.requester is Requester.CONTROLLER
            case RequestLodged(source=source) if source == MAIL and not fact.waited:
                self.manner = RequestManner.MAIL
            case RequestLodged() if not fact.waited:  # that was told when it came
                self.manner = RequestManner.WEB if fact.source.startswith(OWN_DOOR) else RequestManner.API
            case RequestRenewed() if self.received is None:
                self.manner = RequestManner.COMPANION if fact.right else RequestManner.APPEAL
            case _:
                pass

    def _note_decision(self, fact: Decision, at: datetime) -> None:
        """Only an answer of fulfillment undoes what was decided: it crossed a withdrawal, or is better."""
        if isinstance(fact, RequestFulfilled):
            self.fulfilled, self.decided_at, self.closed_at = fact, at, None
        elif self.decided_at is None:
            self.decided_at = at
            self.forwarded = isinstance(fact, RequestForwarded)
            self.repeats = isinstance(fact, RequestDuplicated)
            self.refused = fact if isinstance(fact, IdentityRefused) else None
            self.withdrawn_at = at if isinstance(fact, RequestWithdrawn) else None

    def _note_closed(self, at: datetime) -> None:
        """A case is closed by the letter that says what was decided: that is when it was answered."""
        self.closed_at = at
        if not self.withdrawn:
            self.answered_at = self.answered_at or at

    def _note_letter(
        self, fact: NoticeSent | NoticeFailed | NoticeReported | AnswerDelivered, at: datetime
    ) -> None:
        """A letter that came back has answered nothing; what answers then is the next one, or the staff."""
        match fact:
            case NoticeSent() if fact.letter in self.returned:
                self.returned -= {fact.letter}
                self.answered_at = at
            case NoticeFailed() if fact.reason == NO_ADDRESS:
                self.addressless = True
            case NoticeReported() if fact.action is not DeliveryAction.FAILED:
                pass
            case NoticeFailed() | NoticeReported() if self.delivered_at is not None:
                self.answered_at = self.delivered_at
            case NoticeFailed() | NoticeReported():
                self.returned |= {fact.letter} & OWED
            case AnswerDelivered() if self.decided_at is not None:
                self.answered_at = at if self.returned or not self.answered_at else self.answered_at
                self.delivered_at, self.returned = self.delivered_at or at, frozenset()
            case _:
                pass

    def _note_last_day(self, fact: DueMoved | RequestExtended) -> None:
        self.due_on = fact.due_on
        match fact:
            case DueMoved():
                self.paused_days = fact.days
            case RequestExtended():
                self.extended = True

    def _note_appeal(self, fact: AppealReceived | AppealAnswered, at: datetime) -> None:
        match fact:
            case AppealReceived():
                self.appeals += (Appeal(fact.remedy, fact.received_on, fact.due_on),)
            case AppealAnswered():
                self.appeal_ended_at = at
                last = replace(self.appeals[-1], answered_at=at, granted=fact.granted)
                self.appeals = (*self.appeals[:-1], last)

    def _note_remark(self, fact: Fact) -> None:
        match fact:
            case DeadlineMissed(duty=TimedDuty.ANSWER):
                self.missed = True
            case SubjectUnrestricted():
                self.unrestricted = True
            case RequestPurged():
                self.purged = True
            case _:
                pass

    @property
    def withdrawn(self) -> bool:
        """Whether it was taken back before it was answered."""
        return self.withdrawn_at is not None and self.fulfilled is None

    @property
    def duplicate(self) -> bool:
        """Whether another request was answered in its place."""
        return self.repeats and self.fulfilled is None

    @property
    def _answered_at(self) -> datetime | None:
        """When the answer was sent; where there is no address, when it could be read."""
        if self.withdrawn or self.duplicate or self.returned:
            return None
        return self.answered_at or (self.decided_at if self.addressless else None)

    @property
    def result(self) -> RequestResult:
        """What became of the request; it is open until the answer is sent."""
        if self.withdrawn:
            return RequestResult.WITHDRAWN
        if self.duplicate:
            return RequestResult.DUPLICATE
        if self._answered_at is None:
            return RequestResult.OPEN
        if self.fulfilled is not None:
            return RequestResult(self.fulfilled.outcome.value)
        if self.forwarded:
            return RequestResult.FORWARDED
        lapsed = self.refused is not None and NOT_PROVEN in self.refused.reasons
        return RequestResult.LAPSED if lapsed else RequestResult.REFUSED

    @property
    def grounds(self) -> tuple[Code, ...]:
        """Why it was denied, in whole or in part."""
        if self.fulfilled is None:
            reasons: Iterable[Code] = self.refused.reasons if self.refused and not self.withdrawn else ()
        else:
            denied = self.fulfilled.outcome in {Outcome.REFUSED, Outcome.PARTLY_GRANTED}
            reasons = self.fulfilled.reasons if denied else ()
        return tuple(sorted(set(reasons)))

    @property
    def ended_at(self) -> datetime | None:
        """When nothing was left to do; None while something is."""
        if self.received is None:
            return self.rejected_at or self.written_at
        if self.result is RequestResult.OPEN or any(appeal.granted is None for appeal in self.appeals):
            return None
        decided = self.addressless or self.withdrawn or self.duplicate
        over = self.decided_at if decided else self.delivered_at
        ends = [at for at in (self.closed_at or over, self.answered_at, self.appeal_ended_at) if at]
        return max(ends) if self.closed_at or over else None

    @property
    def standing(self) -> RetentionReason | None:
        """Why the case is still needed, once it is ended."""
        if self.received is None or self.fulfilled is None:
            return None
        right, done = self.received.right, self.fulfilled.dispositions
        if done.get("left"):
            return RetentionReason.LEFT
        if self.fulfilled.statement_kept:
            return RetentionReason.STATEMENT
        weighed = right is Right.OBJECTION and not self.received.direct_marketing
        if (weighed or right is Right.RESTRICTION) and done.get("marked") and not self.unrestricted:
            return RetentionReason.RESTRICTED
        return None

    def entry(self, zone: tzinfo) -> RegisterEntry | None:
        """Return what the register says, with days as they are in *zone*; None where nobody has asked."""
        received = self.received
        if received is None:
            return None
        answered_on = self._answered_at.astimezone(zone).date() if self._answered_at else None
        due_on = self.due_on or received.due_on
        return RegisterEntry(
            request=received.request_id,
            right=received.right,
            policy=received.policy,
            also=received.also,
            manner=self.manner,
            source=received.source,
            requester=received.requester,
            received_on=received.received_on,
            due_on=due_on,
            extended=self.extended,
            paused_days=self.paused_days,
            result=self.result,
            grounds=self.grounds,
            answered_on=answered_on,
            late=answered_on > due_on if answered_on else self.missed and not self.withdrawn,
            ended_at=self.ended_at,
            standing=self.standing,
            appeals=tuple(appeal.seen_from(zone) for appeal in self.appeals),
            incident=received.incident,
        )


def may_be_purged(story: CaseHistory, before: datetime) -> bool:
    """
    Tell whether the record of a case need not be kept: it ended *before*, and nobody needs it.

    Law:
        11 CCR § 7101(a): records are kept for at least 24 months.
        GDPR Art. 5(1)(e): and no longer than they are needed.
    """
    return story.ended_at is not None and story.ended_at < before and story.standing is None
