"""
The register: its entry for a request, and the counts that remain after the record is purged. Pure.

An entry follows from the facts of a case, in intake as in the console, and holds no personal data. A request
that ended long enough ago becomes a :class:`CountedRequest` and is purged, unless a reason to retain it
remains.

Law:
    11 CCR § 7101(a)-(b): 24 months; date, nature and manner of the request, date and nature of the response,
    basis of a denial.
    4 CCR 904-3 Rule 6.11: the same for Colorado, with the existence and the result of an appeal.
    GDPR Art. 5(2): the controller can show what was done.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from enum import StrEnum
from typing import Any, TypeAlias

from shared.contract import events
from shared.contract.events import Code, DeliveryAction, Fact, LetterKind, Outcome, Remedy, Requester
from shared.contract.sources import MAIL, OFFLINE, OWN_SOURCES
from shared.law import Right, TimedDuty

NOT_PROVEN = "not_proven_in_time"
"""The reason of a lapsed request."""
Decision: TypeAlias = (
    events.RequestForwarded | events.RequestDuplicated | events.IdentityRefused | events.RequestWithdrawn
)
OWED = frozenset({LetterKind.OUTCOME, LetterKind.REFUSAL, LetterKind.FORWARDED_TO_CONTROLLER})
"""Letters that the law requires to arrive."""
NO_ADDRESS = "no_address"
"""Reason of a letter without an address."""


class RequestManner(StrEnum):
    """The way in which a request was made."""

    WEB = "web"
    """By the person, on a page or by Habeas' API."""
    MAIL = "mail"
    """By the person, by mail."""
    API = "api"
    """By an upstream system, over the API."""
    EVENT = "event"
    """By an upstream system, as an event."""
    APPEAL = "appeal"
    """An appeal against an earlier answer was granted."""
    REOPENED = "reopened"
    """The staff took up a request again that had ended."""
    COMPANION = "companion"
    """By Habeas: it accompanies a child's request."""
    TELEPHONE = "telephone"
    POST = "post"
    IN_PERSON = "in_person"


class RequestResult(StrEnum):
    """The result of a request."""

    OPEN = "open"
    GRANTED = "granted"
    PARTLY_GRANTED = "partly_granted"
    REFUSED = "refused"
    LAPSED = "lapsed"
    """It was refused because the identity was not proven in time."""
    NOTHING_HELD = "nothing_held"
    FORWARDED = "forwarded"
    """Sent to the customer that decides about the data."""
    DUPLICATE = "duplicate"
    """An earlier request asked for the same, and was answered."""
    WITHDRAWN = "withdrawn"


DENIED = frozenset({RequestResult.REFUSED, RequestResult.LAPSED})
"""Results without any effect, other than withdrawals."""
RESPONSES = DENIED | {RequestResult.GRANTED, RequestResult.PARTLY_GRANTED, RequestResult.NOTHING_HELD}
"""Results by which a request is answered in substance."""


class RetentionReason(StrEnum):
    """The reason to retain a closed case."""

    RESTRICTED = "restricted"
    """Before the restriction is lifted the person must be notified (GDPR Art. 18(3))."""
    STATEMENT = "statement"
    """A correction was declined; the person's statement stays with the data (11 CCR § 7023(f))."""
    HELD = "held"
    """A legal hold stands on the request or its person; it is lifted on the case."""
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

    def __str__(self) -> str:
        """Return all of it as a text."""
        on = f" {self.answered_at.date()}" if self.answered_at else ""
        result = {None: "open", True: "granted", False: "denied"}[self.granted]
        return f"{self.remedy} of {self.received_on}: {result}{on}"


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """The entry of one request in the register."""

    received: events.RequestReceived
    manner: RequestManner
    due_on: date
    extended: bool
    paused_days: int
    """Days by which pauses have moved the last day."""
    result: RequestResult
    grounds: tuple[Code, ...]
    """The reasons for a denial, in whole or in part."""
    answered_on: date | None
    late: bool
    """Whether the last day passed before the answer was sent."""
    ended_at: datetime | None
    """When the last step was done."""
    standing: RetentionReason | None
    appeals: tuple[Appeal, ...]

    @property
    def days(self) -> int | None:
        """Calendar days from receipt to answer."""
        return None if self.answered_on is None else (self.answered_on - self.received.received_on).days

    def plain(self) -> dict[str, Any]:
        """Return the required fields as plain values, in reading order."""
        received = self.received
        return {
            "request": received.request_id,
            "received_on": received.received_on.isoformat(),
            "right": received.right.value,
            "law": received.policy,
            "also": list(received.also),
            "manner": self.manner.value,
            "source": received.source,
            "requester": received.requester.value,
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
            "incident": received.incident,
        }


@dataclass(frozen=True, slots=True, order=True)
class CountedRequest:
    """What remains of a purged request; equal ones are only counted."""

    year: int
    law: str
    right: Right
    result: RequestResult
    grounds: tuple[Code, ...]
    late: bool
    days: int | None

    @property
    def key(self) -> str:
        """The key that distinguishes it from all others."""
        days = "-" if self.days is None else self.days
        late = "late" if self.late else "in_time"
        return f"{self.year}/{self.law}/{self.right}/{self.result}/{'+'.join(self.grounds)}/{late}/{days}"


def laws_of(entry: RegisterEntry) -> tuple[str, ...]:
    """Return the laws that protect the person, without editions; first the one of the answer."""
    return tuple(dict.fromkeys(policy.partition("@")[0] for policy in entry.received.laws))


def counted(entry: RegisterEntry) -> Iterator[CountedRequest]:
    """Yield the counts of *entry*: one under each law that protects the person."""
    year, right = entry.received.received_on.year, entry.received.right
    for law in laws_of(entry):
        yield CountedRequest(year, law, right, entry.result, entry.grounds, entry.late, entry.days)


@dataclass(slots=True)
class CaseHistory:
    """The history of one case, collected fact by fact."""

    as_event: bool = False
    """Whether an upstream system published the request as an event."""
    received: events.RequestReceived | None = None
    renewal: RequestManner | None = None
    """How the request came, if it was made of an earlier one."""
    rejected_at: datetime | None = None
    written_at: datetime | None = None
    """When a mail came in that made no request yet, or none at all."""
    fulfilled: events.RequestFulfilled | None = None
    forwarded: bool = False
    repeats: bool = False
    """Whether it is a duplicate of an open request."""
    refused: events.IdentityRefused | None = None
    withdrawn_at: datetime | None = None
    decided_at: datetime | None = None
    answered_at: datetime | None = None
    closed_at: datetime | None = None
    delivered_at: datetime | None = None
    returned: frozenset[LetterKind] = frozenset()
    """Returned letters that the law requires to arrive."""
    due_on: date | None = None
    extended: bool = False
    paused_days: int = 0
    missed: bool = False
    addressless: bool = False
    unrestricted: bool = False
    purged: bool = False
    session_ended_at: datetime | None = None
    """When a session of a staff account ended: then the case is no request."""
    appeals: tuple[Appeal, ...] = ()
    appeal_ended_at: datetime | None = None
    holds: dict[str, date] = field(default_factory=dict)
    """Hold on the request or its person → its last day; the last of all if it has none."""

    @classmethod
    def of(cls, facts: Iterable[tuple[datetime, Fact]], *, as_event: bool = False) -> "CaseHistory":
        """Return the history of a case from its facts, oldest first, each with its time of record."""
        history = cls(as_event)
        for at, fact in facts:
            history.note(fact, at)
        return history

    def note(self, fact: Fact, at: datetime) -> None:
        """Add one more fact; facts without effect on the register are skipped."""
        match fact:
            case events.RequestReceived():
                self.received, self.due_on = fact, fact.due_on
                self.addressless = fact.requester is Requester.CONTROLLER
            case events.RequestRenewed() if self.received is None:  # the earlier case has it as well
                self.renewal = _manner_of_renewal(fact)
            case events.RequestRejected() if self.received is None:
                self.rejected_at = at
            case events.InquiryLodged() | events.MessageLodged():
                self.written_at = at
            case events.StaffSignedIn() if self.received is None:
                self.session_ended_at = fact.until
            case events.RequestFulfilled():  # it crossed a withdrawal, or is better than the first decision
                self.fulfilled, self.decided_at, self.closed_at = fact, at, None
            case (
                events.RequestForwarded()
                | events.RequestDuplicated()
                | events.IdentityRefused()
                | events.RequestWithdrawn()
            ):
                self._note_decision(fact, at)
            case events.RequestClosed():  # by the letter with the decision: that is the time of the answer
                self.closed_at = at
                self.answered_at = self.answered_at if self.withdrawn else self.answered_at or at
            case _:
                self._note_later(fact, at)

    def _note_decision(self, fact: Decision, at: datetime) -> None:
        if self.decided_at is None:
            self.decided_at = at
            self.forwarded = isinstance(fact, events.RequestForwarded)
            self.repeats = isinstance(fact, events.RequestDuplicated)
            self.refused = fact if isinstance(fact, events.IdentityRefused) else None
            self.withdrawn_at = at if isinstance(fact, events.RequestWithdrawn) else None

    def _note_later(self, fact: Fact, at: datetime) -> None:
        match fact:
            case events.DueMoved():
                self.due_on, self.paused_days = fact.due_on, fact.days + fact.scope_days
            case events.RequestExtended():
                self.due_on, self.extended = fact.due_on, True
            case events.AppealReceived():
                self.appeals += (Appeal(fact.remedy, fact.received_on, fact.due_on),)
            case events.AppealAnswered():
                last = replace(self.appeals[-1], answered_at=at, granted=fact.granted)
                self.appeals, self.appeal_ended_at = (*self.appeals[:-1], last), at
            case events.DeadlineMissed(duty=TimedDuty.ANSWER):
                self.missed = True
            case events.HoldPlaced() if fact.of_request:
                self.holds[fact.hold] = fact.until or date.max
            case events.HoldLifted():
                self.holds.pop(fact.hold, None)
            case events.SubjectUnrestricted():
                self.unrestricted = True
            case events.RequestPurged():
                self.purged = True
            case _:
                self._note_letter(fact, at)

    def _note_letter(self, fact: Fact, at: datetime) -> None:
        """A returned letter has answered nothing; the next one, or the staff, does."""
        match fact:
            case events.NoticeSent() if fact.letter in self.returned:
                self.returned -= {fact.letter}
                self.answered_at = at
            case events.NoticeFailed() if fact.reason == NO_ADDRESS:
                self.addressless = True
            case events.NoticeFailed() | events.NoticeReported(action=DeliveryAction.FAILED):
                if self.delivered_at is None:
                    self.returned |= {fact.letter} & OWED
                else:
                    self.answered_at = self.delivered_at
            case events.AnswerDelivered() if self.decided_at is not None:
                self.answered_at = at if self.returned or not self.answered_at else self.answered_at
                self.delivered_at, self.returned = self.delivered_at or at, frozenset()
            case _:
                pass

    @property
    def withdrawn(self) -> bool:
        """Whether it was withdrawn before the answer."""
        return self.withdrawn_at is not None and self.fulfilled is None

    @property
    def duplicate(self) -> bool:
        """Whether another request was answered in its place."""
        return self.repeats and self.fulfilled is None

    @property
    def _answered_at(self) -> datetime | None:
        """When the answer was sent; without an address, when it could be read: a text of the staff cannot."""
        if self.withdrawn or self.duplicate or self.returned:
            return None
        by_hand = self.fulfilled is not None and self.fulfilled.explanation is not None
        return self.answered_at or (self.decided_at if self.addressless and not by_hand else None)

    @property
    def result(self) -> RequestResult:
        """The result of the request; open until the answer is sent."""
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
        """The reasons for a denial, in whole or in part."""
        if self.fulfilled is None:
            reasons: Iterable[Code] = self.refused.reasons if self.refused and not self.withdrawn else ()
        else:
            denied = self.fulfilled.outcome in {Outcome.REFUSED, Outcome.PARTLY_GRANTED}
            reasons = self.fulfilled.reasons if denied else ()
        return tuple(sorted(set(reasons)))

    @property
    def ended_at(self) -> datetime | None:
        """When the last step was done; None while one is open."""
        if self.received is None:
            return self.rejected_at or self.written_at or self.session_ended_at
        if self.result is RequestResult.OPEN or any(appeal.granted is None for appeal in self.appeals):
            return None
        decided = self.addressless or self.withdrawn or self.duplicate
        over = self.decided_at if decided else self.delivered_at
        ends = [at for at in (self.closed_at or over, self.answered_at, self.appeal_ended_at) if at]
        return max(ends) if self.closed_at or over else None

    @property
    def standing(self) -> RetentionReason | None:
        """The reason to retain the ended case."""
        if date.max in self.holds.values():
            return RetentionReason.HELD
        if self.received is None or self.fulfilled is None:
            return None
        right, done = self.received.right, self.fulfilled.dispositions
        if done.get("left"):
            return RetentionReason.LEFT
        if self.fulfilled.statement_kept:
            return RetentionReason.STATEMENT
        weighed = right is Right.OBJECTION and not self.received.direct_marketing
        restricts = weighed or right in {Right.RESTRICTION, Right.RECTIFICATION}
        if restricts and done.get("marked") and not self.unrestricted:
            return RetentionReason.RESTRICTED
        return None

    def entry(self, zone: tzinfo) -> RegisterEntry | None:
        """Return the entry in the register, with days in *zone*; None if there is no request."""
        received = self.received
        if received is None:
            return None
        answered_on = self._answered_at.astimezone(zone).date() if self._answered_at else None
        due_on = self.due_on or received.due_on
        return RegisterEntry(
            received=received,
            manner=self.renewal or _manner_of(received.source, as_event=self.as_event),
            due_on=due_on,
            extended=self.extended,
            paused_days=self.paused_days,
            result=self.result,
            grounds=self.grounds,
            answered_on=answered_on,
            late=answered_on > due_on if answered_on else self.missed and not self.withdrawn,
            ended_at=self.ended_at,
            standing=self.standing,
            appeals=tuple(
                replace(one, answered_at=one.answered_at and one.answered_at.astimezone(zone))
                for one in self.appeals
            ),
        )


def _manner_of_renewal(renewed: events.RequestRenewed) -> RequestManner:
    if renewed.manner:
        return RequestManner(renewed.manner)
    if renewed.reopened:
        return RequestManner.REOPENED
    return RequestManner.COMPANION if renewed.right else RequestManner.APPEAL


def _manner_of(source: str, *, as_event: bool) -> RequestManner:
    if as_event:
        return RequestManner.EVENT
    if source == MAIL:
        return RequestManner.MAIL
    if source in OFFLINE:
        return RequestManner(OFFLINE[source].value)
    return RequestManner.WEB if source.startswith(OWN_SOURCES) else RequestManner.API


def may_be_purged(history: CaseHistory, before: datetime) -> bool:
    """
    Return whether the record of a case may be purged: it ended *before*, and no reason to retain it remains.

    The last day of a legal hold is an end as well.

    Law:
        11 CCR § 7101(a): records are kept for at least 24 months.
        GDPR Art. 5(1)(e): and no longer than necessary.
    """
    ended = history.ended_at is not None and history.ended_at < before
    held = any(last >= before.date() for last in history.holds.values())
    return ended and not held and history.standing is None and not history.purged
