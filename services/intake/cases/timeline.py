"""
The timeline of a request, for the requester. Pure.

It is built from the facts of the case alone, so it holds no personal data.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from services.intake.domain import (
    CaseStatus,
    status_after,
)
from shared.contract import events
from shared.contract.events import Assurance, DeliveryAction, Fact, LetterKind, ProofKind, Remedy
from shared.contract.register import NO_ADDRESS
from shared.contract.status import TimelineKind
from shared.law import TimedDuty


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """An entry of the timeline."""

    at: datetime
    what: TimelineKind
    letter: LetterKind | None = None
    until: date | None = None
    acknowledges: bool = False
    """Whether the letter confirms the receipt of the request as well."""


KIND_OF_FACT: dict[type[Fact], TimelineKind] = {
    events.IdentityReviewNeeded: TimelineKind.IN_REVIEW,
    events.IdentityVerified: TimelineKind.VERIFIED,
    events.RequestReferred: TimelineKind.REFERRED,
    events.RequestDuplicated: TimelineKind.DUPLICATE,
    events.RequestForwarded: TimelineKind.FORWARDED,
    events.RequestWithdrawn: TimelineKind.WITHDRAWN,
    events.DueMoved: TimelineKind.DUE_MOVED,
    events.RequestExtended: TimelineKind.EXTENDED,
    events.DeadlineMissed: TimelineKind.LATE,
    events.FeeQuoted: TimelineKind.FEE_QUOTED,
    events.FeeAgreed: TimelineKind.FEE_AGREED,
    events.ScopeAsked: TimelineKind.SCOPE_ASKED,
    events.ScopeAnswered: TimelineKind.SCOPE_ANSWERED,
    events.RequestFulfilled: TimelineKind.ANSWERED,
    events.IdentityRefused: TimelineKind.REFUSED,
    events.AnswerDelivered: TimelineKind.DELIVERED,
    events.PackageExpired: TimelineKind.PACKAGE_EXPIRED,
    events.RequestStopped: TimelineKind.STOPPED,
    events.RequestReleased: TimelineKind.RELEASED,
}
"""Facts that always make an entry if they change something."""
OVER = frozenset({CaseStatus.WITHDRAWN, CaseStatus.CLOSED})
"""Statuses in which a late decision has no effect."""
OVERTAKEN = (events.IdentityVerified, events.IdentityRefused, events.RequestReferred, events.ProofRefused)
NO_REFUSALS = frozenset({"too_many_codes", "not_needed"})
"""Reasons that do not reject a proof."""
APPEALS = {Remedy.APPEAL: TimelineKind.APPEALED, Remedy.COMPLAINT: TimelineKind.COMPLAINED}
ANSWERS = {Remedy.APPEAL: TimelineKind.APPEAL_DECIDED, Remedy.COMPLAINT: TimelineKind.COMPLAINT_DECIDED}


def timeline_of(facts: Iterable[tuple[datetime, Fact]]) -> tuple[TimelineEntry, ...]:
    """Return the timeline of a case by its dated *facts*, oldest first; in the order of record."""
    status, entries, awaited = CaseStatus.UNKNOWN, list[TimelineEntry](), False
    missed = set[date]()
    for at, fact in facts:
        repeated = isinstance(fact, events.DeadlineMissed) and fact.due_on in missed
        if not (repeated or (status in OVER and isinstance(fact, OVERTAKEN))):
            entries += _entries(at, fact)
        if isinstance(fact, events.DeadlineMissed) and fact.duty is TimedDuty.ANSWER:
            missed.add(fact.due_on)
        if isinstance(fact, events.RequestResumed) and awaited:
            entries.append(TimelineEntry(fact.at, TimelineKind.PROOF_CAME))
        if isinstance(fact, events.RequestPaused | events.ProofReceived | events.RequestResumed):
            awaited = isinstance(fact, events.RequestPaused)  # some proofs go to the verifier alone
        status = status_after(status, fact)
    return tuple(sorted(dict.fromkeys(entries), key=lambda entry: entry.at))


def _entries(at: datetime, fact: Fact) -> Iterator[TimelineEntry]:
    match fact:
        case events.RequestReceived():
            yield TimelineEntry(fact.received_at, TimelineKind.RECEIVED)
        case events.NoticeSent() | events.NoticeFailed() | events.NoticeReported():
            yield from _of_letter(at, fact)
        case events.IdentityChallenged() | events.ProofReceived() | events.ProofRefused():
            yield from _of_proof(at, fact)
        case (
            events.DueMoved()
            | events.RequestExtended()
            | events.DeadlineMissed(duty=TimedDuty.ANSWER, awaits_person=False)
        ):
            yield TimelineEntry(at, KIND_OF_FACT[type(fact)], until=fact.due_on)
        case events.AppealReceived():
            yield TimelineEntry(at, APPEALS[fact.remedy], until=fact.due_on)
        case events.AppealAnswered():
            yield TimelineEntry(at, ANSWERS[fact.remedy])
        case events.PackageFetched() if not fact.continued:
            yield TimelineEntry(at, TimelineKind.DOWNLOADED)
        case (
            events.IdentityVerified(assurance=Assurance.NONE_NEEDED)
            | events.DeadlineMissed()
            | events.ScopeAnswered(silent=True)
        ):
            pass
        case _:
            if kind := KIND_OF_FACT.get(type(fact)):
                yield TimelineEntry(at, kind)


def _of_letter(
    at: datetime, fact: events.NoticeSent | events.NoticeFailed | events.NoticeReported
) -> Iterator[TimelineEntry]:
    match fact:
        case _ if fact.letter in {LetterKind.NAMED_MAILBOX, LetterKind.ALIAS_CODE}:
            pass  # it went to another person
        case events.NoticeSent():
            yield TimelineEntry(at, TimelineKind.LETTER_SENT, fact.letter, acknowledges=fact.acknowledges)
        case events.NoticeFailed() if fact.reason != NO_ADDRESS:
            yield TimelineEntry(at, TimelineKind.LETTER_RETURNED, fact.letter, acknowledges=fact.acknowledges)
        case events.NoticeReported() if fact.action is DeliveryAction.FAILED:
            yield TimelineEntry(at, TimelineKind.LETTER_RETURNED, fact.letter, acknowledges=fact.acknowledges)
        case _:
            pass


def _of_proof(
    at: datetime, fact: events.IdentityChallenged | events.ProofReceived | events.ProofRefused
) -> Iterator[TimelineEntry]:
    """A code has its letter's entry, and asking for another one is no proof."""
    match fact:
        case events.ProofRefused(reason=reason) if reason not in NO_REFUSALS:
            yield TimelineEntry(at, TimelineKind.PROOF_REFUSED)
        case events.IdentityChallenged(kind=None, refused_for=None):
            yield TimelineEntry(at, TimelineKind.PROOF_ASKED)
        case events.ProofReceived() if any(proof.kind is not ProofKind.NEW_CODE for proof in fact.proofs):
            yield TimelineEntry(at, TimelineKind.PROOF_CAME)
        case _:
            pass
