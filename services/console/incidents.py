"""
The breach room of an incident follows from its facts. Pure.

The register of incidents states phases and duties itself (``habeas.breach.stated.v1``): the console repeats
no rule of theirs, but the one that explains why an account may not approve.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

from services.console.state import Wait, WaitKind
from shared.contract.events import Fact, breaches
from shared.contract.events.breaches import CheckedLetter, StatedDuty, StatedPhase

BY_LETTER = frozenset({"people", "controller"})
"""Recipients of letters; the staff reports to all others."""
WAITING = frozenset({"scoped", "approved"})
OUT = frozenset({"released", "notified"})
WITHDRAWN, APPROVED = "withdrawn", "approved"
NO_LAW = "none"
LANGUAGES = "%(languages)s"
"""Stands for the language of a letter in a statement that it lacks."""
ALL = 100
MINUTE = timedelta(minutes=1)
AT_LEAST = 2
"""Reports of which a rate is made."""
OPEN_FOR = timedelta(minutes=15)


class CampaignMode(StrEnum):
    """The last order of the staff about notices that go out."""

    ON = "on"
    PAUSED = "paused"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class ReportedProgress:
    """The batches of a phase that were through at a moment, and the letters sent until then."""

    at: datetime
    through: int
    sent: int


@dataclass(frozen=True, slots=True)
class NoticeRate:
    """How fast the notices of a phase go out, between the last two reports of their progress."""

    at: datetime
    """When the last one was made."""
    through: int
    """Batches that are done."""
    batches: int
    per_minute: int
    """Letters a minute."""
    minutes: int
    """Minutes that the other batches take at this rate."""


@dataclass(slots=True)
class NoticePhase:
    """A phase of an incident: one declaration, and its notices."""

    number: int
    declaration: str
    declared_by: str | None
    aware_at: datetime
    stated: StatedPhase
    scoped: breaches.BreachScoped | None = None
    checked: breaches.NoticesChecked | None = None
    samples: dict[str, tuple[CheckedLetter, ...]] = field(default_factory=dict)
    """Language that an opening asked for → samples of the letters in it."""
    progress: breaches.CampaignProgressed | None = None
    reports: list[ReportedProgress] = field(default_factory=list)
    """The release of its notices, and each further report of their progress."""
    notified: breaches.BreachNotified | None = None
    recounted: breaches.BreachRecounted | None = None

    @property
    def waits(self) -> bool:
        """Whether its notices wait for an approval."""
        has_letters = self.scoped is not None and self.scoped.chunks > 0
        return has_letters and self.stated.status in WAITING and not self.stated.seconded

    @property
    def is_out(self) -> bool:
        """Whether its notices are released."""
        return self.stated.status in OUT

    @property
    def counts(self) -> Mapping[str, int]:
        """The letters so far: sent, failed, doubtful, and people notified by another phase."""
        known = self.recounted or self.notified or self.progress
        names = ("sent", "failed", "doubtful", "elsewhere")
        return {name: getattr(known, name, 0) for name in names}

    @property
    def percent(self) -> int:
        """How much of its batches is through."""
        if self.notified is not None:
            return ALL
        return 0 if self.progress is None else ALL * self.progress.through // self.progress.chunks

    @property
    def pace(self) -> NoticeRate | None:
        """How fast its notices go out; None before the first report, and once all are out."""
        if self.notified is not None or self.progress is None or len(self.reports) < AT_LEAST:
            return None
        before, last = self.reports[-2:]
        minutes, left = (last.at - before.at) / MINUTE, self.progress.chunks - last.through
        return NoticeRate(
            last.at,
            last.through,
            self.progress.chunks,
            round((last.sent - before.sent) / minutes),
            ceil(left * minutes / (last.through - before.through)),
        )

    def note_progress(self, at: datetime, fact: breaches.CampaignProgressed) -> None:
        """Note a report of the progress; one that was overtaken by a later one counts for nothing."""
        if self.progress is not None and fact.through < self.progress.through:
            return
        self.progress = fact
        if self.reports and at > self.reports[-1].at and fact.through > self.reports[-1].through:
            self.reports.append(ReportedProgress(at, fact.through, fact.sent))

    @property
    def groups(self) -> Sequence[breaches.AffectedGroup]:
        """The people affected, as far as they are found."""
        return () if self.scoped is None else self.scoped.groups

    @property
    def unreachable(self) -> int:
        """People to notify without a mail address."""
        return sum(group.unreachable for group in self.groups if group.laws)

    @property
    def by_law(self) -> Mapping[str, int]:
        """People by the law that demands their notice, the first of several."""
        counted: Counter[str] = Counter()
        for group in self.groups:
            counted[group.laws[0] if group.laws else NO_LAW] += group.people + group.again
        return +counted

    @property
    def by_language(self) -> Mapping[str, int]:
        """People to notify by language."""
        counted: Counter[str] = Counter()
        for group in self.groups:
            counted[group.language] += group.people + group.again if group.laws else 0
        return +counted

    @property
    def is_empty(self) -> bool:
        """Whether its people are searched, and no person, customer or record was found."""
        scope = self.scoped
        return scope is not None and not (self.by_law or scope.customers or scope.unnamed)

    @property
    def letters(self) -> Sequence[CheckedLetter]:
        """The kinds of letters."""
        return () if self.checked is None else self.checked.letters


@dataclass(frozen=True, slots=True)
class MissingGroup:
    """A statement that letters lack, in one language or several."""

    says: str
    provision: str
    laws: tuple[str, ...]
    """Editions of the laws of these letters."""


@dataclass(slots=True)
class BreachRoom:
    """An incident, as the breach room shows it."""

    id: str
    phases: list[NoticePhase] = field(default_factory=list)
    stated: breaches.IncidentStated | None = None
    drill: bool = False
    mode: CampaignMode = CampaignMode.ON
    steps: int = 0
    """Its facts but the progress of notices: a page with fewer is old."""
    opened: dict[str, datetime] = field(default_factory=dict)
    """Account → when it opened the sealed content last."""
    asked: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    """Account → when it asked last for the notices to an address, and the name of that."""
    proven: dict[str, breaches.NoticesProven] = field(default_factory=dict)
    """Name of an address → its notices, as they were found."""
    unreached: breaches.UnreachedListed | None = None
    """The last list of people not reached."""
    written: breaches.FilingsWritten | None = None
    """Documents and waiting letters that were written at the last opening."""
    written_at: datetime | None = None

    @property
    def filings(self) -> Sequence[breaches.WrittenFiling]:
        """The documents and texts of the last opening."""
        return () if self.written is None else self.written.filings

    @property
    def files(self) -> Sequence[breaches.FilingFile]:
        """The files beside them."""
        return () if self.written is None else self.written.files

    @property
    def waiting_letters(self) -> Sequence[breaches.WrittenLetter]:
        """The kinds of letters that wait, as mails."""
        return () if self.written is None else self.written.letters

    @property
    def duties(self) -> Sequence[StatedDuty]:
        """The duties that apply."""
        return () if self.stated is None else self.stated.duties

    @property
    def running(self) -> Sequence[StatedDuty]:
        """The open duties: the earliest end first, those without a number of days last."""
        found = [one for one in self.duties if one.owed and one.done_at is None and one.withdrawn is None]
        return sorted(found, key=lambda one: (one.due_at is None, one.due_at or one.clock, one.clock))

    @property
    def ended(self) -> Sequence[StatedDuty]:
        """The duties that are done or were withdrawn."""
        running = {one.clock for one in self.running}
        return [one for one in self.duties if one.clock not in running]

    @property
    def reportable(self) -> Sequence[StatedDuty]:
        """The open duties that the staff does: all but those done by letters."""
        return [one for one in self.running if one.recipient not in BY_LETTER]

    @property
    def next_due(self) -> datetime | None:
        """The end of the earliest clock."""
        return next((one.due_at for one in self.running if one.due_at is not None), None)

    @property
    def standing(self) -> Sequence[NoticePhase]:
        """The phases that were not withdrawn."""
        return [one for one in self.phases if one.stated.status != WITHDRAWN]

    @property
    def approvable(self) -> NoticePhase | None:
        """The phase that an approval names: the newest with known people; earlier ones go with it."""
        known = [one for one in self.standing if one.scoped is not None]
        aborted = self.stated is not None and self.stated.aborted
        return known[-1] if known and not aborted and any(one.waits for one in known) else None

    @property
    def released_together(self) -> Sequence[NoticePhase]:
        """The phases that the next approval is about."""
        newest = self.approvable
        return [] if newest is None else [one for one in self.standing if one.waits]

    @property
    def lacks(self) -> bool:
        """Whether a letter of the next approval lacks a statement."""
        return bool(self.missing)

    @property
    def missing(self) -> Sequence[MissingGroup]:
        """The statements that letters of the next approval lack; one of several languages stands once."""
        found: dict[tuple[str, str], list[CheckedLetter]] = {}
        for letter in (letter for phase in self.released_together for letter in phase.letters):
            for lack in letter.lacks:
                key = lack.says.replace(repr(letter.language), LANGUAGES), lack.provision
                found.setdefault(key, []).append(letter)
        return [_missing(says, provision, letters) for (says, provision), letters in found.items()]

    @property
    def is_out(self) -> bool:
        """Whether notices are released."""
        return any(one.is_out for one in self.phases)

    @property
    def is_going_out(self) -> bool:
        """Whether notices go out at this time."""
        return any(one.is_out and one.notified is None for one in self.phases)

    @property
    def goes_on(self) -> bool:
        """Whether a phase is not withdrawn, and its notices are not all out."""
        return any(one.notified is None for one in self.standing)

    def is_open(self, account: str, now: datetime) -> bool:
        """Return whether *account* may read the sealed content at *now*."""
        at = self.opened.get(account)
        return at is not None and now < at + OPEN_FOR

    def proof_for(self, account: str, now: datetime) -> breaches.NoticesProven | None:
        """Return the notices that *account* asked for, while it may read them at *now*."""
        at, address = self.asked.get(account, (now - OPEN_FOR, ""))
        return self.proven.get(address) if now < at + OPEN_FOR else None

    def held(self, now: datetime) -> bool:
        """Return whether an authority holds the notices at *now*."""
        until = None if self.stated is None else self.stated.held_until
        return until is not None and now < until

    def waits(self) -> Iterator[Wait]:
        """Yield the work for the staff: approvals, and reports with a running clock."""
        due = self.next_due
        for phase in self.released_together:
            stated = phase.stated
            by = tuple(filter(None, (phase.declared_by, *stated.approved_by)))
            since = phase.aware_at
            yield Wait(WaitKind.RELEASE, since, due and due.date(), f"phase {phase.number}", by)
        for duty in self.reportable:
            if duty.begun:
                day = duty.due_at and duty.due_at.date()
                yield Wait(WaitKind.REPORT, self.phases[0].aware_at, day, duty.clock)


def _missing(says: str, provision: str, letters: Sequence[CheckedLetter]) -> MissingGroup:
    languages = ", ".join(sorted({one.language for one in letters}))
    laws = dict.fromkeys(law for one in letters for law in one.laws[:1])
    return MissingGroup(says.replace(LANGUAGES, languages), provision, tuple(laws))


def room_of(case: str, history: Iterable[tuple[datetime, Fact]]) -> BreachRoom:
    """Return the room of the incident *case*, after the facts in *history*, the oldest first."""
    room = BreachRoom(case)
    for at, fact in history:
        if isinstance(fact, breaches.BreachOpened):
            room.opened[fact.by] = at
        room.steps += not isinstance(fact, breaches.CampaignProgressed)
        _note(room, at, fact)
    for stated in () if room.stated is None else room.stated.phases:
        if (phase := _phase(room, stated.phase)) is not None:
            phase.stated = stated
    return room


def _note(room: BreachRoom, at: datetime, fact: Fact) -> None:
    match fact:
        case breaches.BreachRegistered():
            room.drill = room.drill or fact.drill
            stated = StatedPhase(phase=fact.phase, status="registered")
            known = NoticePhase(fact.phase, fact.declaration, fact.by, fact.aware_at, stated)
            others = [one for one in room.phases if one.number != fact.phase]
            room.phases = sorted([*others, known], key=lambda one: one.number)
        case breaches.IncidentStated():
            room.stated = fact
        case breaches.NoticeProofAsked():
            room.asked[fact.by] = at, fact.address
        case breaches.NoticesProven():
            room.proven[fact.address] = fact
        case breaches.UnreachedListed():
            room.unreached = fact
        case breaches.FilingsWritten():
            room.written, room.written_at = fact, at
        case breaches.CampaignPaused() | breaches.CampaignResumed() | breaches.CampaignAborted():
            room.mode = CampaignMode.ABORTED if room.mode is CampaignMode.ABORTED else _MODES[type(fact)]
        case _:
            _note_phase(room, at, fact)


_MODES: Mapping[type[Fact], CampaignMode] = {
    breaches.CampaignPaused: CampaignMode.PAUSED,
    breaches.CampaignResumed: CampaignMode.ON,
    breaches.CampaignAborted: CampaignMode.ABORTED,
}


def _note_phase(room: BreachRoom, at: datetime, fact: Fact) -> None:
    phase = _phase(room, getattr(fact, "phase", 0))
    if phase is None:
        return
    match fact:
        case breaches.BreachScoped():
            phase.scoped = fact
        case breaches.NoticesChecked() if fact.language is not None:
            phase.samples[fact.language] = fact.letters
        case breaches.NoticesChecked():
            phase.checked = fact
        case breaches.NoticesReleased():
            phase.reports = [ReportedProgress(at, 0, 0)]
        case breaches.CampaignProgressed():
            phase.note_progress(at, fact)
        case breaches.BreachNotified():
            phase.notified = fact
        case breaches.BreachRecounted():
            phase.recounted = fact
        case _:
            pass


def _phase(room: BreachRoom, number: int) -> NoticePhase | None:
    return next((one for one in room.phases if one.number == number), None)


class ApprovalRefusal(StrEnum):
    """Why an account may not approve the notices."""

    NOTHING = "nothing"
    OTHER = "other"
    DECLARED = "declared"
    APPROVED = "approved"


def approval_refusal(room: BreachRoom, number: int, declaration: str, by: str) -> ApprovalRefusal | None:
    """Return why *by*, after reading *declaration*, may not approve phase *number*; None if it may."""
    phase = room.approvable
    if phase is None:
        return ApprovalRefusal.NOTHING
    if (phase.number, phase.declaration) != (number, declaration):
        return ApprovalRefusal.OTHER
    if by == phase.declared_by:
        return ApprovalRefusal.DECLARED
    if by in phase.stated.approved_by and not phase.stated.seconded:
        return ApprovalRefusal.APPROVED
    return None
