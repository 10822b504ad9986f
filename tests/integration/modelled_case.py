"""
The life of a case as the public contract has it: status, letters, last days, records. Pure.

The state machine of ``test_case_life`` compares the services with it after each step.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.contract.codes import LIFETIME, MOST_ISSUED, TRIES
from shared.contract.events import LetterKind, Outcome
from shared.contract.status import RequestStatus
from shared.law import (
    DeadlineCalculator,
    ProtectedPerson,
    Right,
    Role,
    TimedDuty,
    applicable,
    end_of,
    strictest,
)
from shared.law.calendars import calendar_named
from shared.law.company import CompanyProfile
from shared.law.library import policies

DAY = timedelta(days=1)
WINDOW = DAY
PATIENCE = 10 * DAY
PACKAGE_LIFETIME = 14 * DAY
APPROVERS = 2
"""Accounts that must approve an erasure; as many answer a request by hand."""
REMINDED_BEFORE = 7 * DAY
"""Time before the end of a package at which the person is reminded of it."""
NEXT_LATE_LETTER = 7 * DAY
"""After the letter about a late answer another one follows, unless there is an answer."""
DISCLOSING = (Right.ACCESS, Right.PORTABILITY, Right.KNOW_CATEGORIES)
PROOFLESS = (Right.OPT_OUT_OF_SALE, Right.LIMIT_SENSITIVE_USE, Right.CONSENT_WITHDRAWAL)
REFERRED = (Right.OBJECTION, Right.RESTRICTION, Right.RECTIFICATION)
"""The data map says nothing about them: the staff answers by hand."""


@dataclass
class ModelledShop:
    """The records of the shop, and what stands between them and an erasure."""

    erased: set[str] = field(default_factory=set)
    """People whose record is gone."""
    hold: str = ""
    """The hold that keeps all records."""
    firsts: dict[tuple[str, str, Right], "ModelledCase"] = field(default_factory=dict)
    """Person, name as it was written and right → the request that others repeat."""


@dataclass
class ModelledCase:
    """A request as the contract has it."""

    id: str
    shop: ModelledShop
    person: str
    right: Right
    received_at: datetime
    due_on: date
    reference: str = ""
    """Empty: it was made of another request, and the shop knows nothing of it."""
    body: bytes = b""
    """The event by which it was submitted."""
    status: RequestStatus = RequestStatus.CHALLENGED
    letters: Counter[str] = field(default_factory=Counter)
    codes: int = 0
    void_codes: int = 0
    """Codes that a stop has made void: they are none of the three."""
    tries: int = TRIES
    code_until: datetime | None = None
    """The end of the code of the newest letter; None: it is void."""
    lapses_at: datetime | None = None
    reminded_at: datetime | None = None
    """When the person is reminded of the proof."""
    approvals: set[str] = field(default_factory=set)
    """Accounts that approve of its erasure."""
    erased_at: datetime | None = None
    """When the window of the erasure ends."""
    late_at: datetime | None = None
    """When a letter says that the answer is late."""
    expiring_at: datetime | None = None
    """When a letter says that the package expires."""
    extended: bool = False
    stopped: bool = False
    """Whether nothing goes on until the staff decides; the time that the law gives goes on."""
    hold: str = ""
    """The hold that keeps the record from this erasure."""
    retained: bool = False
    """Whether a hold kept the record when the erasure was planned: only the daily job takes it up again."""
    complaint: bool = False
    """Whether one is open."""
    refused_by: set[str] = field(default_factory=set)
    """Accounts that refuse it before its proof."""
    answers: dict[str, Outcome] = field(default_factory=dict)
    """Account → the last answer that it gives by hand."""

    @property
    def open(self) -> bool:
        """Whether it is not answered yet."""
        return self.status is not RequestStatus.CLOSED

    @property
    def challenged(self) -> bool:
        """Whether its proof is awaited."""
        return self.status is RequestStatus.CHALLENGED

    @property
    def codes_used_up(self) -> bool:
        """Whether no other code is mailed."""
        return self.codes - self.void_codes == MOST_ISSUED

    @property
    def awaits_approval(self) -> bool:
        """Whether others have to approve of its erasure."""
        planned = self.status is RequestStatus.VERIFIED and self.erased_at is None
        return planned and len(self.approvals) < APPROVERS

    def code_counts(self, now: datetime) -> bool:
        """Return whether the code of the newest letter proves the mailbox *now*."""
        return not self.stopped and self.code_until is not None and now < self.code_until

    # --- what people and staff do ---------------------------------------------------------------------------

    def begin(self, zone: ZoneInfo) -> None:
        """Begin it: what needs no proof is done at once, for the rest a code is mailed."""
        if self.right in PROOFLESS:
            self.letters[LetterKind.ACKNOWLEDGEMENT] += 1
            self.close(LetterKind.OUTCOME)
        else:
            self.lapses_at, self.late_at = self.received_at + PATIENCE, end_of(self.due_on, zone)
            self._mail_code(self.received_at)

    def repeats(self, first: "ModelledCase", today: date) -> bool:
        """Return whether the answer to *first*, which asks for the same, answers it in time."""
        return not first.stopped and self._comes_in_time(first, today)

    def merges(self, first: "ModelledCase", today: date) -> bool:
        """Return whether the staff may merge it with *first*, of the same person."""
        earlier = first.right is self.right and first.received_at <= self.received_at
        return self.challenged and not self.stopped and earlier and self._comes_in_time(first, today)

    def _comes_in_time(self, first: "ModelledCase", today: date) -> bool:
        return first.open and today <= first.due_on <= self.due_on

    def _mail_code(self, now: datetime) -> None:
        """Mail another code; half-way to the end of the wait a reminder follows."""
        assert self.lapses_at is not None
        self.codes += 1
        self.letters[LetterKind.CODE] += 1
        self.tries, self.code_until = TRIES, now + LIFETIME
        self.reminded_at = _stored(now + (self.lapses_at - now) / 2)

    def offer(self, now: datetime, *, correct: bool) -> None:
        """Offer a code. Without one that counts the last one has ended the tries."""
        if self.code_counts(now):
            self.tries -= not correct
            if correct:
                self._prove(now)
        elif not self.stopped and self.codes_used_up:
            self.close(LetterKind.REFUSAL)

    def ask_again(self, now: datetime) -> None:
        """Ask for another code: there are three."""
        if self.stopped:
            return
        if self.codes_used_up:
            self.close(LetterKind.REFUSAL)
        else:
            self._mail_code(now)

    def _prove(self, now: datetime) -> None:
        self.lapses_at = self.reminded_at = None
        if self.person in self.shop.erased:
            self.close(LetterKind.OUTCOME)
        elif self.right in DISCLOSING:
            self.close(LetterKind.OUTCOME)
            self.expiring_at = now + PACKAGE_LIFETIME - REMINDED_BEFORE
        elif self.right in REFERRED:
            self.status = RequestStatus.REFERRED
        else:
            self.status, self.retained = RequestStatus.VERIFIED, bool(self.shop.hold)
            if self.retained:  # there is nothing to approve of
                self._schedule(now)

    def approve(self, by: str, now: datetime) -> None:
        """Let the account *by* approve of the erasure; with the last approval its window begins."""
        if self.awaits_approval:
            self.approvals.add(by)
            if len(self.approvals) == APPROVERS and not self.stopped:
                self._schedule(now)

    def answer_by_hand(self, by: str, outcome: Outcome) -> None:
        """Let the account *by* give an answer; the same one by another account is sent."""
        if self.stopped or self.status not in {RequestStatus.VERIFIED, RequestStatus.REFERRED}:
            return
        self.answers[by] = outcome
        if list(self.answers.values()).count(outcome) == APPROVERS:
            self.close(LetterKind.OUTCOME)

    def refuse_unproven(self, by: str) -> None:
        """Let the account *by* refuse a request before its proof; it needs another one."""
        if self.challenged and not self.stopped:
            self.refused_by.add(by)
            if len(self.refused_by) == APPROVERS:
                self.close(LetterKind.REFUSAL)

    def stop(self) -> None:
        """Stop it: the code of the newest letter is void."""
        self.void_codes += self.challenged and not self.stopped
        self.stopped, self.code_until = True, None

    def release(self, now: datetime) -> None:
        """Let it go on: what came due meanwhile happens."""
        self.stopped = False
        if self.challenged and self.lapses_at is not None and self.lapses_at <= now:
            self.close(LetterKind.REFUSAL)
        elif self.challenged:
            self._mail_code(now)
        elif self.erased_at is not None and self.erased_at <= now:
            self._erase()
        elif self.erased_at is None and self.open and len(self.approvals) == APPROVERS:
            self._schedule(now)

    def close(self, letter: LetterKind) -> None:
        """End it with *letter*."""
        self.letters[letter] += 1
        self.status = RequestStatus.CLOSED
        self.lapses_at = self.reminded_at = self.erased_at = self.late_at = None

    def _schedule(self, now: datetime) -> None:
        self.letters[LetterKind.ERASURE_SCHEDULED] += 1
        self.erased_at = now + WINDOW

    def _erase(self) -> None:
        if not (self.hold or self.shop.hold or self.retained):
            self.shop.erased.add(self.person)
        self.close(LetterKind.OUTCOME)

    # --- what time does -------------------------------------------------------------------------------------

    def moments(self) -> Iterator[datetime]:
        """Yield the moments at which something happens by itself."""
        goes_on = () if self.stopped else (self.lapses_at, self.erased_at)
        moments = (*goes_on, self.reminded_at, self.late_at, self.expiring_at)
        yield from (moment for moment in moments if moment is not None)

    def happens(self, now: datetime, zone: ZoneInfo) -> None:
        """Let what is due *now* happen."""
        if self.reminded_at == now:
            self.letters[LetterKind.REMINDER] += not self.stopped
            self.reminded_at = None
        if self.lapses_at == now and not self.stopped:
            self.close(LetterKind.REFUSAL)
        if self.erased_at == now and not self.stopped:
            self._erase()
        if self.late_at == now:
            self.letters[LetterKind.LATE] += 1
            self.late_at = end_of(self._announced(now).astimezone(zone).date(), zone)
        if self.expiring_at == now:
            self.letters[LetterKind.PACKAGE_EXPIRING] += 1
            self.expiring_at = None

    def _announced(self, now: datetime) -> datetime:
        """Return the day that the letter about a late answer names."""
        waits = self.erased_at is not None and now < self.erased_at and not self.stopped
        return self.erased_at + DAY if waits and self.erased_at else now + NEXT_LATE_LETTER


class LawLibrary:
    """Last days by the law alone."""

    def __init__(self, profile: CompanyProfile) -> None:
        self.company = profile

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the company."""
        return self.company.zone

    def day(self, moment: datetime) -> date:
        """Return the day of *moment* at the company."""
        return moment.astimezone(self.zone).date()

    def last_day(self, right: Right, received_at: datetime, duty: TimedDuty = TimedDuty.ANSWER) -> date:
        """Return the last day for *duty*, of a person in Germany."""
        day = self.day(received_at)
        laws = applicable(policies(), self.company, ProtectedPerson("DE", Role.CONSUMER, None), day)
        counted = strictest(laws, duty, right, DeadlineCalculator(self.company, calendar_named, received_at))
        assert counted is not None
        return counted.last.due_on


def _stored(moment: datetime) -> datetime:
    """Return *moment* as the database keeps it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
