"""
The timeline of a request, for the requester. Pure.

It is built from the facts of the case alone, so it holds no personal data.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from services.intake.domain import NO_ADDRESS, CaseStatus, DueMoved, status_after
from shared.contract.events import (
    AnswerDelivered,
    AppealAnswered,
    AppealReceived,
    Assurance,
    DeadlineMissed,
    DeliveryAction,
    Fact,
    FeeAgreed,
    FeeQuoted,
    IdentityChallenged,
    IdentityRefused,
    IdentityReviewNeeded,
    IdentityVerified,
    LetterKind,
    NoticeFailed,
    NoticeReported,
    NoticeSent,
    PackageExpired,
    PackageFetched,
    ProofKind,
    ProofReceived,
    ProofRefused,
    Remedy,
    RequestDuplicated,
    RequestExtended,
    RequestForwarded,
    RequestFulfilled,
    RequestPaused,
    RequestReceived,
    RequestReferred,
    RequestReleased,
    RequestResumed,
    RequestStopped,
    RequestWithdrawn,
)
from shared.law import TimedDuty


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


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """An entry of the timeline."""

    at: datetime
    what: TimelineKind
    letter: LetterKind | None = None
    """The kind of the letter, if it is about one."""
    until: date | None = None
    """The deadline that it sets."""
    acknowledges: bool = False
    """Whether the letter confirms the receipt of the request as well."""


KIND_OF_FACT: dict[type[Fact], TimelineKind] = {
    IdentityReviewNeeded: TimelineKind.IN_REVIEW,
    IdentityVerified: TimelineKind.VERIFIED,
    RequestReferred: TimelineKind.REFERRED,
    RequestDuplicated: TimelineKind.DUPLICATE,
    RequestForwarded: TimelineKind.FORWARDED,
    RequestWithdrawn: TimelineKind.WITHDRAWN,
    FeeQuoted: TimelineKind.FEE_QUOTED,
    FeeAgreed: TimelineKind.FEE_AGREED,
    RequestFulfilled: TimelineKind.ANSWERED,
    IdentityRefused: TimelineKind.REFUSED,
    AnswerDelivered: TimelineKind.DELIVERED,
    PackageExpired: TimelineKind.PACKAGE_EXPIRED,
    RequestStopped: TimelineKind.STOPPED,
    RequestReleased: TimelineKind.RELEASED,
}
"""Facts that always make an entry if they change something."""
OVER = frozenset({CaseStatus.WITHDRAWN, CaseStatus.CLOSED})
"""Statuses in which a late decision has no effect."""
OVERTAKEN = (IdentityVerified, IdentityRefused, RequestReferred, ProofRefused)
NO_REFUSALS = frozenset({"too_many_codes", "not_needed"})
"""Reasons that do not reject a proof."""
APPEALS = {Remedy.APPEAL: TimelineKind.APPEALED, Remedy.COMPLAINT: TimelineKind.COMPLAINED}
ANSWERS = {Remedy.APPEAL: TimelineKind.APPEAL_DECIDED, Remedy.COMPLAINT: TimelineKind.COMPLAINT_DECIDED}


def timeline_of(facts: Iterable[tuple[datetime, Fact]]) -> tuple[TimelineEntry, ...]:
    """
    Return the timeline, oldest first; entries of one moment in the order of record.

    Args:
        facts: Those of one case, oldest first, each with the moment at which it was written down.
    """
    status, entries, awaited = CaseStatus.UNKNOWN, list[TimelineEntry](), False
    for at, fact in facts:
        if not (status in OVER and isinstance(fact, OVERTAKEN)):
            entries += _entries(at, fact)
        if isinstance(fact, RequestResumed) and awaited:
            entries.append(TimelineEntry(fact.at, TimelineKind.PROOF_CAME))
        awaited = _awaited(fact, before=awaited)
        status = status_after(status, fact)
    return tuple(sorted(dict.fromkeys(entries), key=lambda entry: entry.at))


def _awaited(fact: Fact, *, before: bool) -> bool:
    """Return whether a proof is awaited that the facts do not mention: some go to the verifier alone."""
    match fact:
        case RequestPaused():
            return True
        case ProofReceived() | RequestResumed():
            return False
        case _:
            return before


def _entries(at: datetime, fact: Fact) -> Iterator[TimelineEntry]:
    match fact:
        case RequestReceived():
            yield TimelineEntry(fact.received_at, TimelineKind.RECEIVED)
        case NoticeSent() | NoticeFailed() | NoticeReported():
            yield from _of_letter(at, fact)
        case IdentityChallenged() | ProofReceived() | ProofRefused():
            yield from _of_proof(at, fact)
        case DueMoved() | RequestExtended() | DeadlineMissed():
            yield from _of_clock(at, fact)
        case AppealReceived():
            yield TimelineEntry(at, APPEALS[fact.remedy], until=fact.due_on)
        case AppealAnswered():
            yield TimelineEntry(at, ANSWERS[fact.remedy])
        case PackageFetched() if not fact.continued:
            yield TimelineEntry(at, TimelineKind.DOWNLOADED)
        case IdentityVerified(assurance=Assurance.NONE_NEEDED):
            pass
        case _ if type(fact) in KIND_OF_FACT:
            yield TimelineEntry(at, KIND_OF_FACT[type(fact)])
        case _:
            pass


def _of_letter(at: datetime, fact: NoticeSent | NoticeFailed | NoticeReported) -> Iterator[TimelineEntry]:
    match fact:
        case _ if fact.letter in {LetterKind.NAMED_MAILBOX, LetterKind.ALIAS_CODE}:
            pass  # it went to another person
        case NoticeSent():
            yield TimelineEntry(at, TimelineKind.LETTER_SENT, fact.letter, acknowledges=fact.acknowledges)
        case NoticeFailed() if fact.reason != NO_ADDRESS:
            yield TimelineEntry(at, TimelineKind.LETTER_RETURNED, fact.letter, acknowledges=fact.acknowledges)
        case NoticeReported() if fact.action is DeliveryAction.FAILED:
            yield TimelineEntry(at, TimelineKind.LETTER_RETURNED, fact.letter, acknowledges=fact.acknowledges)
        case _:
            pass


def _of_proof(
    at: datetime, fact: IdentityChallenged | ProofReceived | ProofRefused
) -> Iterator[TimelineEntry]:
    """A code has its letter's entry, and asking for another one is no proof."""
    match fact:
        case ProofRefused(reason=reason) if reason not in NO_REFUSALS:
            yield TimelineEntry(at, TimelineKind.PROOF_REFUSED)
        case IdentityChallenged(kind=None, refused_for=None):
            yield TimelineEntry(at, TimelineKind.PROOF_ASKED)
        case ProofReceived() if any(proof.kind is not ProofKind.NEW_CODE for proof in fact.proofs):
            yield TimelineEntry(at, TimelineKind.PROOF_CAME)
        case _:
            pass


def _of_clock(at: datetime, fact: DueMoved | RequestExtended | DeadlineMissed) -> Iterator[TimelineEntry]:
    match fact:
        case DueMoved():
            yield TimelineEntry(at, TimelineKind.DUE_MOVED, until=fact.due_on)
        case RequestExtended():
            yield TimelineEntry(at, TimelineKind.EXTENDED, until=fact.due_on)
        case DeadlineMissed(duty=TimedDuty.ANSWER):
            yield TimelineEntry(at, TimelineKind.LATE, until=fact.due_on)
        case _:
            pass
