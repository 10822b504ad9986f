"""Decisions of the notifier: the letter that a fact calls for. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from services.notifier.letters.letter_models import (
    AuthorityContact,
    CodeLetter,
    CodePurpose,
    IdentityCheck,
    LetterFacts,
)
from shared.contract.correspondents import acknowledged_after_assessment
from shared.contract.events import (
    ErasureScheduled,
    Fact,
    FeeQuoted,
    IdentityAssessed,
    IdentityChallenged,
    IdentityRefused,
    InquiryLodged,
    LetterKind,
    MailboxNamed,
    NoticeFact,
    ProofKind,
    RequestExtended,
    RequestFulfilled,
    RequestReceived,
    RequestWithdrawn,
    RestrictionAnnounced,
    SubjectRestricted,
)
from shared.law import Policy, needs_proof

AFTER_PROOF = frozenset(
    {
        LetterKind.ERASURE_SCHEDULED,
        LetterKind.FEE_QUOTED,
        LetterKind.LIFTING,
        LetterKind.OUTCOME,
        LetterKind.PACKAGE_EXPIRING,
        LetterKind.WEIGHING,
    }
)
"""Letters that are written only after a proof, if the right needs one."""


UNLIMITED = frozenset({LetterKind.FORWARDED_TO_CONTROLLER, LetterKind.MESSAGE})
"""Letters without a limit: the customer must get each request, and the staff writes each message itself."""


class LetterCount(StrEnum):
    """Kinds of letters with a limit per mailbox and day of their own."""

    UNPROVEN = "unproven"
    """About requests without a proof, also where none is needed."""
    NOTICES = "notices"
    """To the owner of another mailbox in the records: a flood of other letters must not block them."""


@dataclass(frozen=True, slots=True)
class Correspondence:
    """The notifier's state of a request."""

    request: RequestReceived | None = None
    due_on: date | None = None
    """The last day for the answer; None while a pause may have moved it."""
    assessed: bool = False
    """Whether the acknowledgement is sent, or on its way with a code, if it waits for the assessment."""
    restricted: bool = False
    """Whether the person's data is restricted, and the end not announced yet."""
    inquired: bool = False
    """Whether a mail arrived that is not a request yet."""
    proven: bool = False
    """Whether a fact shows that the requester is proven."""
    settled: bool = False
    """Whether it is decided or withdrawn, so that no proof is pending."""

    @property
    def acknowledged(self) -> bool:
        """Whether no acknowledgement is pending that other letters have to wait for."""
        request = self.request
        return request is not None and (self.assessed or not acknowledged_after_assessment(request))


def evolve(known: Correspondence, fact: Fact) -> Correspondence:
    """Return the state after *fact*."""
    match fact:
        case RequestReceived():
            return replace(known, request=fact, due_on=fact.due_on)
        case RequestExtended():
            return replace(known, due_on=fact.due_on)
        case IdentityChallenged(paused=True):
            return replace(known, due_on=None)
        case InquiryLodged():
            return replace(known, inquired=True)
        case IdentityAssessed() | IdentityChallenged(acknowledges=True):
            return replace(known, assessed=True)
        case NoticeFact() if LetterKind.ACKNOWLEDGEMENT in fact.letters:  # 0.1.0 waited for no assessment
            return replace(known, assessed=True)
        case ErasureScheduled() | FeeQuoted() | MailboxNamed():
            return replace(known, proven=True)
        case SubjectRestricted() | RestrictionAnnounced():
            return replace(known, restricted=isinstance(fact, SubjectRestricted))
        case RequestFulfilled() | IdentityRefused() | RequestWithdrawn():
            proven = known.proven or isinstance(fact, RequestFulfilled)
            return replace(known, settled=True, proven=proven)
        case _:
            return known


def count_of(letter: LetterKind, facts: LetterFacts, known: Correspondence) -> LetterCount | None:
    """
    Return the limit for *letter* with *facts*; None if it has no limit.

    Every letter that a stranger can cause has a limit: of a request without a proof, and to mailboxes that a
    requester can write into records. A request is carried out, and its page answers it, even if its letters
    are not sent.
    """
    if letter is LetterKind.NAMED_MAILBOX:
        return LetterCount.NOTICES
    if letter in UNLIMITED:
        return None
    if letter is LetterKind.ALIAS_CODE or not _is_proven(letter, facts, known):
        return LetterCount.UNPROVEN
    return None


def _is_proven(letter: LetterKind, facts: LetterFacts, known: Correspondence) -> bool:
    """Return whether *letter* is about a request that needed a proof and got it."""
    request = known.request
    if request is None or not needs_proof(request.right, direct_marketing=request.direct_marketing):
        return False
    opens_package = isinstance(facts, CodeLetter) and facts.purpose is CodePurpose.DOWNLOAD
    return known.proven or opens_package or letter in AFTER_PROOF


def authorities(laws: Iterable[Policy], lead: AuthorityContact, locale: str) -> tuple[AuthorityContact, ...]:
    """
    Return for each of *laws* the body that complaints go to, by its name in the language of *locale*.

    Law:
        GDPR Art. 12(4), 77: *lead*, that of the establishment, or any other of the person's choice.
        Elsewhere: the one that the policy names.
    """
    return tuple(
        AuthorityContact(law.authority.name_in(locale), law.authority.url) if law.authority else lead
        for law in laws
    )


def identity_check(request: RequestReceived) -> IdentityCheck:
    """Return the check of the requester's identity, as far as an acknowledgement can state it."""
    if not needs_proof(request.right, direct_marketing=request.direct_marketing):
        return IdentityCheck.NONE
    if any(proof.kind is ProofKind.DATA_POINTS for proof in request.proofs):
        return IdentityCheck.DATA_POINTS
    return IdentityCheck.IF_NEEDED
