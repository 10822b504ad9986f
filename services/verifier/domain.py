"""
The verifier's state of a request, its transitions, and the decisions from it. Pure.

Evidence is gained piece by piece, until one of the ways to the level that the request needs is complete
(``assurance``). Each kind of proof has an allowance; a requester that uses one up is refused, for guessing is
the only way to do so.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from services.verifier.assurance.levels import ProofWay, Requirement
from shared.contract.codes import MOST_ISSUED, IssuedCode
from shared.contract.drop import SOURCE as DROP
from shared.contract.events import (
    Assurance,
    Code,
    ContentOpened,
    EventPart,
    Evidence,
    EvidenceAsked,
    EvidenceDestroyed,
    EvidenceShown,
    Fact,
    IdentityAssessed,
    IdentityChallenged,
    IdentityClaimed,
    IdentityCompared,
    IdentityDecided,
    IdentityRefused,
    IdentityReminded,
    IdentityReviewNeeded,
    IdentityVerified,
    PreviewAsked,
    PreviewDrafted,
    ProofAskedAgain,
    ProofExamined,
    ProofKind,
    ProofPresented,
    ProofReceived,
    ProofRef,
    ProofRefused,
    ProofSlot,
    Record,
    ReferralDecided,
    RequestDuplicated,
    Requester,
    RequestLapsed,
    RequestPaused,
    RequestReceived,
    RequestReleased,
    RequestResumed,
    RequestStopped,
    RequestWithdrawn,
    Subject,
    TimeCame,
    TokenPresented,
    Verdict,
)
from shared.errors import IllegalTransition, TooEarly
from shared.law import opens_categories, whole_days
from shared.law.library import policies

POINTS_FOR_CATEGORIES = 2
MOST_CLAIMS = 3
"""Times a person may claim data points; each claim is a guess at the data held."""
MOST_EXAMINED = 6
ANOTHER_PERSON = frozenset({"name_mismatch", "dob_mismatch"})
"""Reasons for which a document is another person's. Once is a mistake; twice is an attempt."""
EMAIL = "email"
"""Name of the identity that a code to the mailbox proves."""
PHONE = "phone_number"
DOCUMENTED = "claim_of_documents"
"""Where the details lie sealed that documents confirm, to be compared with the records."""
CLAIM_NOTICE = "claim_notice_"
"""Prefix of the timers that report a claim that has not convinced; its number follows."""
TOO_MANY_CODES = "too_many_codes"
"""Reason for which a code is put off: its mailbox was sent as many as it may be."""
CODE_BY_MAIL = "code_by_mail"
"""Reason for which a code does not count: it came by mail, and the sender is not authenticated."""
UNDECIDED = frozenset(
    {
        "address_not_claimed", "address_partial", "bill_address_ambiguous", "bill_issuer_unknown",
        "documents_alone", "dob_unreadable", "expiry_unreadable", "image_blurred", "image_glare",
        "name_not_claimed", "name_partial", "needs_a_person", "print_alone", "print_unreadable",
        "reader_unavailable",
    }
)  # fmt: skip
"""Reasons for a review that name unreadable or unclear content; any other may mean forgery or theft."""


class VerificationStatus(StrEnum):
    """The status of a request's verification."""

    UNKNOWN = "unknown"
    OPEN = "open"
    DECIDED = "decided"


class CodeIssued(Record):
    """A code was drawn; this is its digest."""

    TYPE: ClassVar[str] = "habeas.verifier.code_issued.v1"

    ref: Code
    digest: str
    expires_at: datetime


class AssessedWay(EventPart):
    """One way to prove an identity."""

    level: Assurance
    evidence: tuple[Evidence, ...]


class Assessed(Record):
    """The level of assurance was decided, with its ways and reasons."""

    TYPE: ClassVar[str] = "habeas.verifier.assessed.v1"

    level: Assurance
    ways: tuple[AssessedWay, ...]
    grounds: tuple[Code, ...]
    lapses_at: datetime
    """When the company's patience ends, unless the identity is proven; the law may leave less time."""
    asked_at: datetime | None = None
    """When the wait for the person began."""

    @property
    def requirement(self) -> Requirement:
        """The decided requirement."""
        ways = tuple(ProofWay(way.level, frozenset(way.evidence)) for way in self.ways)
        return Requirement(self.level, ways, self.grounds)


class EvidenceGained(Record):
    """A proof has convinced."""

    TYPE: ClassVar[str] = "habeas.verifier.evidence_gained.v1"

    evidence: Evidence
    identities: tuple[Code, ...] = ()
    kept: Code | None = None
    """Name of the proof in the vault, where the law wants it kept (a declaration)."""
    attested: bool = False


class StaffAgreed(Record):
    """The privacy staff has decided for the requester; their confirmation is still missing."""

    TYPE: ClassVar[str] = "habeas.verifier.staff_agreed.v1"

    identities: tuple[Code, ...]
    reason: Code
    deciders: tuple[Code, ...]
    lapses_at: datetime | None = None
    """When the patience for the confirmation ends."""
    asked_at: datetime | None = None


class ReviewEnded(Record):
    """The privacy staff has looked at the proofs and asks for another; the person has time to send it."""

    TYPE: ClassVar[str] = "habeas.verifier.review_ended.v1"

    asked_at: datetime
    lapses_at: datetime
    """When the patience for it ends."""


class ProofSpent(Record):
    """Proofs and codes have served: their sealed copies are destroyed."""

    TYPE: ClassVar[str] = "habeas.verifier.proof_spent.v1"

    refs: tuple[Code, ...]
    kept: tuple[Code, ...] = ()
    reviewed: bool = False
    """Whether the staff was asked to look at one."""


RECORDS = (CodeIssued, Assessed, EvidenceGained, StaffAgreed, ReviewEnded, ProofSpent)
READABLE = frozenset({ProofKind.DOCUMENT, ProofKind.DATA_POINTS})
"""Kinds of proofs that the staff reads; the others are secrets, or judged at once."""
CONFIRMED = ((Evidence.CONFIRMATION,),)
"""The evidence that is requested where nothing else is missing."""
CHANNELS = frozenset({DROP, "meta", "apple", "risc"})
CHANNEL_PREFIXES = ("drp/", "shopify/")
"""Sources of intake's own channels with a contract that has the person confirm before the request."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The verifier's state of a request."""

    status: VerificationStatus = VerificationStatus.UNKNOWN
    request: RequestReceived | None = None
    requirement: Requirement | None = None
    held: Mapping[Evidence, tuple[Code, ...]] = field(default_factory=dict)
    """Convincing evidence → names of the identities that it proves."""
    attested: frozenset[Evidence] = frozenset()
    """The part of it that is an agent's word."""
    code: IssuedCode | None = None
    code_ref: Code = ""
    codes: int = 0
    void_codes: int = 0
    """Codes that could still be offered when the request was stopped: they are replaced after its release."""
    put_off: int = 0
    """Times that the next code was put off, because its mailbox was sent too many."""
    claims: int = 0
    comparisons: int = 0
    """Claims that were compared with the records, and weighed; the others are still on their way."""
    not_notified: int = 0
    """Claims that were compared in vain, and not reported to the person yet."""
    points_on_hold: ProofRef | None = None
    """The newest claim of data points, while the proof of the mailbox is awaited."""
    documented: bool = False
    """Whether the details that documents confirm were given out to be compared."""
    presented: int = 0
    """Documents and tokens that were given out to be examined."""
    examined: int = 0
    wanted: tuple[tuple[Evidence, ...], ...] | None = None
    asked: int = 0
    """Times that the person was asked for proof; each has its own reminder."""
    asked_at: datetime | None = None
    """When the wait for the person began; None before, and in rows of earlier versions."""
    lapses_at: datetime | None = None
    """When the company's patience ends; the law may leave less time."""
    pointed: bool = False
    """Whether the person was informed that a code by mail does not count, and where to enter it."""
    paused_since: datetime | None = None
    """Since when proof is awaited, with a clock that may stand still."""
    paused_days: int = 0
    stopped: bool = False
    """Whether no proof counts, because a reader of a letter or of a reply stopped the request."""
    kept: tuple[Code, ...] = ()
    mismatches: int = 0
    reviewed_for: tuple[Code, ...] = ()
    """Why the staff must look at a proof; empty if it need not."""
    proof_refused_for: Code | None = None
    """Why the last proof does not count; None once another one came."""
    unclear: tuple[Evidence, ...] = ()
    """The evidence of the proofs that the staff must look at, if they hold."""
    first_decision: IdentityDecided | None = None
    """The first of two staff decisions for the requester, and its identities."""
    refusals: tuple[ReferralDecided, ...] = ()
    """Refusals that accounts of the staff have decided; two must agree where two decide."""
    agreed: StaffAgreed | None = None
    """The decision of the staff, while the person's confirmation is awaited."""
    enough_for_categories: tuple[Code, ...] | None = None
    """Names of the identities that claimed data points agree with, well enough to disclose kinds of data."""
    evidence: tuple[Code, ...] = ()
    """Names of sealed proofs, reports and codes that are still to be destroyed."""
    readable: tuple[ProofRef, ...] = ()
    """All documents and claimed data points received, destroyed or not: the staff may read them."""
    shown_until: datetime | None = None
    """Until when they are shown to the staff."""

    @property
    def codes_used_up(self) -> bool:
        """Whether no other code is mailed: without a limit, new codes would be new tries."""
        return self.codes - self.void_codes >= MOST_ISSUED

    @property
    def open(self) -> bool:
        """Whether a proof can still change anything."""
        return self.status is VerificationStatus.OPEN

    @property
    def busy(self) -> bool:
        """Whether a proof is being compared or examined."""
        return self.comparisons < self.claims or self.examined < self.presented

    @property
    def paused(self) -> bool:
        """Whether the clock may stand still now."""
        return self.paused_since is not None


_WHILE_OPEN: tuple[type[Fact], ...] = (
    Assessed, CodeIssued, ContentOpened, EvidenceGained, StaffAgreed, EvidenceAsked, EvidenceShown,
    ProofAskedAgain, ReferralDecided, ReviewEnded,
    IdentityAssessed, IdentityChallenged, IdentityClaimed, IdentityCompared, IdentityDecided,
    IdentityReminded, IdentityReviewNeeded, ProofExamined, ProofPresented, TokenPresented, ProofReceived,
    ProofRefused, RequestLapsed, RequestPaused, RequestReleased, RequestResumed, RequestStopped, TimeCame,
    PreviewAsked, PreviewDrafted,
)  # fmt: skip
_DECIDING: tuple[type[Fact], ...] = (IdentityVerified, IdentityRefused, RequestDuplicated, RequestWithdrawn)
_AFTERWARDS: tuple[type[Fact], ...] = (
    ContentOpened, EvidenceDestroyed, EvidenceAsked, EvidenceShown, IdentityChallenged, IdentityCompared,
    IdentityDecided, ProofAskedAgain, ProofExamined, ProofReceived, ProofSpent, ReferralDecided,
    RequestDuplicated, RequestReleased,
    RequestStopped, RequestWithdrawn, TimeCame, PreviewAsked, PreviewDrafted,
)  # fmt: skip
"""Proofs that were on their way when the decision fell are noted, and their evidence destroyed."""
TRANSITIONS: Mapping[VerificationStatus, Mapping[type[Fact], VerificationStatus]] = {
    # Decided from the beginning where the identity is proven elsewhere.
    VerificationStatus.UNKNOWN: {
        RequestReceived: VerificationStatus.OPEN,
        ContentOpened: VerificationStatus.UNKNOWN,  # of a mail that is no request
        RequestStopped: VerificationStatus.UNKNOWN,
        RequestReleased: VerificationStatus.UNKNOWN,
    },
    VerificationStatus.OPEN: {
        **dict.fromkeys(_WHILE_OPEN, VerificationStatus.OPEN),
        **dict.fromkeys(_DECIDING, VerificationStatus.DECIDED),
    },
    VerificationStatus.DECIDED: dict.fromkeys(_AFTERWARDS, VerificationStatus.DECIDED),
}
"""Status → fact → status. A fact that is in no row of a status is an :class:`IllegalTransition`."""


def evolve(verification: Verification, fact: Fact) -> Verification:
    """
    Return *verification* after *fact*.

    Raises TooEarly if the request itself has not arrived yet, or IllegalTransition if *fact* cannot happen in
    this status.
    """
    row = TRANSITIONS[verification.status]
    if type(fact) in row:
        return _noted(replace(verification, status=row[type(fact)]), fact)
    if verification.status is VerificationStatus.UNKNOWN:
        raise TooEarly(f"{fact.TYPE} came before its request")
    raise IllegalTransition(f"{fact.TYPE} cannot happen to a verification that is {verification.status}")


def _noted(known: Verification, fact: Fact) -> Verification:
    match fact:
        case RequestReceived():
            status = VerificationStatus.DECIDED if proven_elsewhere(fact) else known.status
            evidence = tuple(proof.ref for proof in fact.proofs)
            hold, readable = _newest_points(fact.proofs, known), _readable(fact.proofs)
            received = replace(known, status=status, request=fact, readable=readable)
            return replace(received, evidence=evidence, points_on_hold=hold)
        case Assessed():
            return replace(
                known, requirement=fact.requirement, lapses_at=fact.lapses_at, asked_at=fact.asked_at
            )
        case EvidenceGained():
            return _gained(known, fact)
        case IdentityClaimed():
            documented = not known.documented and any(proof.ref == DOCUMENTED for proof in fact.proofs)
            hold = None if known.points_on_hold in fact.proofs else known.points_on_hold
            claimed = replace(known, claims=known.claims + 1, points_on_hold=hold)
            if not documented:
                return claimed
            return replace(claimed, documented=True, evidence=(*known.evidence, DOCUMENTED))
        case IdentityCompared():
            return _compared(known, fact)
        case IdentityReviewNeeded():
            return replace(known, reviewed_for=(*known.reviewed_for, *fact.reasons))
        case IdentityDecided() if fact.verified:
            return replace(known, first_decision=known.first_decision or fact)
        case IdentityChallenged():
            pointed = known.pointed or fact.refused_for == CODE_BY_MAIL
            return replace(known, wanted=fact.wanted, pointed=pointed, asked=known.asked + 1)
        case _:
            return _proof_noted(known, fact)


def _refusal_noted(known: Verification, fact: ProofRefused) -> Verification:
    if fact.reason == TOO_MANY_CODES:
        return replace(known, put_off=known.put_off + 1)
    if known.code is not None and fact.spends_code:
        return replace(known, code=known.code.tried())
    return known if fact.reason == "not_needed" else replace(known, proof_refused_for=fact.reason)


def _proof_noted(known: Verification, fact: Fact) -> Verification:
    match fact:
        case ProofReceived():
            evidence = (*known.evidence, *(proof.ref for proof in fact.proofs))
            readable = (*known.readable, *_readable(fact.proofs))
            hold = _newest_points(fact.proofs, known)
            came = replace(known, evidence=evidence, readable=readable, proof_refused_for=None)
            return replace(came, points_on_hold=hold)
        case CodeIssued():
            code, evidence = IssuedCode(fact.digest, fact.expires_at), (*known.evidence, fact.ref)
            issued = replace(known, code=code, code_ref=fact.ref, codes=known.codes + 1, put_off=0)
            return replace(issued, evidence=evidence)
        case StaffAgreed():
            lapses_at, asked_at = fact.lapses_at or known.lapses_at, fact.asked_at or known.asked_at
            return replace(known, agreed=fact, lapses_at=lapses_at, asked_at=asked_at)
        case ProofRefused():
            return _refusal_noted(known, fact)
        case ProofPresented() | TokenPresented():
            return replace(known, presented=known.presented + 1)
        case ProofExamined():
            return _examined(known, fact)
        case TimeCame() if fact.name.startswith(CLAIM_NOTICE) and known.not_notified:
            return replace(known, comparisons=known.comparisons + 1, not_notified=known.not_notified - 1)
        case ProofSpent():
            return replace(known, evidence=tuple(ref for ref in known.evidence if ref not in fact.refs))
        case _:
            return _halt_noted(known, fact)


def _halt_noted(known: Verification, fact: Fact) -> Verification:
    match fact:
        case RequestPaused():
            return replace(known, paused_since=fact.since)
        case RequestResumed():
            days = 0 if known.paused_since is None else whole_days(known.paused_since, fact.at)
            return replace(known, paused_since=None, paused_days=known.paused_days + days)
        case RequestStopped():
            # A code that was mailed before is void: its letter may be in the wrong hands.
            void = known.void_codes + (known.code is not None and known.code.tries_left > 0)
            return replace(known, stopped=True, code=None, points_on_hold=None, void_codes=void)
        case RequestReleased():
            return replace(known, stopped=False)
        case ReferralDecided() if fact.unproven:
            return replace(known, refusals=(*known.refusals, fact))
        case ReviewEnded():
            ended = replace(known, reviewed_for=(), unclear=(), first_decision=None)
            return replace(ended, asked_at=fact.asked_at, lapses_at=fact.lapses_at)
        case EvidenceShown() if fact.until is not None:
            return replace(known, shown_until=fact.until)
        case _:
            return known


def _readable(proofs: Sequence[ProofRef]) -> tuple[ProofRef, ...]:
    return tuple(proof for proof in proofs if proof.kind in READABLE)


def _newest_points(proofs: Sequence[ProofRef], known: Verification) -> ProofRef | None:
    """Return the last claim of data points in *proofs*, or the one on hold; None while no proof counts."""
    if known.stopped:
        return None
    points = (proof for proof in reversed(proofs) if proof.kind is ProofKind.DATA_POINTS)
    return next(points, known.points_on_hold)


def _examined(known: Verification, fact: ProofExamined) -> Verification:
    unclear = (GAINED_BY_SLOT[fact.proof.slot],) if fact.verdict is Verdict.UNCLEAR else ()
    reports = () if fact.report is None else (fact.report,)
    return replace(
        known,
        examined=known.examined + 1,
        mismatches=known.mismatches + bool(ANOTHER_PERSON.intersection(fact.reasons)),
        unclear=(*known.unclear, *unclear),
        evidence=(*known.evidence, *reports),
    )


def _gained(known: Verification, fact: EvidenceGained) -> Verification:
    enough = known.enough_for_categories
    if fact.evidence is Evidence.MAILBOX and known.request and may_have_categories(known.request):
        enough = fact.identities
    return replace(
        known,
        held={**known.held, fact.evidence: fact.identities},
        attested=known.attested | {fact.evidence} if fact.attested else known.attested - {fact.evidence},
        evidence=tuple(ref for ref in known.evidence if ref != fact.kept),
        kept=known.kept if fact.kept is None else (*known.kept, fact.kept),
        enough_for_categories=enough,
    )


def _compared(known: Verification, fact: IdentityCompared) -> Verification:
    if _is_enough_for_categories(fact, known):
        known = replace(known, enough_for_categories=fact.identities)
    if gained_by_comparison(fact, known) is not None or DOCUMENTED in fact.proofs:
        return replace(known, comparisons=known.comparisons + 1)
    return replace(known, not_notified=known.not_notified + 1)


def gained_by_comparison(compared: IdentityCompared, known: Verification) -> Evidence | None:
    """
    Return the evidence of agreeing claimed data points, or None where they are none.

    Every claim must agree: one that does not is a doubt. Independent data points count; one
    at least must stand in no directory. Values confirmed by documents must be those of the records, too.

    Law:
        11 CCR § 7062(b): two data points make reasonably sure; (c): three, with a signed declaration, do so
        to a reasonably high degree.
        GDPR Art. 12(6), EDPB Guidelines 01/2022 para. 65: proportionate to the disclosed data.
    """
    if compared.agreed < compared.claimed or not compared.agreed:
        return None
    if DOCUMENTED in compared.proofs:
        return Evidence.RECORDS if compared.agreed >= POINTS_FOR_CATEGORIES else None
    if not _reliable(compared, known):
        return None
    return Evidence.TWO_POINTS if compared.groups == POINTS_FOR_CATEGORIES else Evidence.THREE_POINTS


def _reliable(compared: IdentityCompared, known: Verification) -> bool:
    """
    Return whether all data points agree, and a neighbour does not know them all (11 CCR § 7062(b)).

    Beside the mailbox of the same records, values of a directory count as well.
    """
    mailbox = EMAIL in known.held.get(Evidence.MAILBOX, ()) and EMAIL in compared.identities
    return _all_agree(compared) and (compared.private or mailbox)


def _all_agree(compared: IdentityCompared) -> bool:
    return compared.agreed == compared.claimed and compared.groups >= POINTS_FOR_CATEGORIES


def comparison_waits(known: Verification) -> bool:
    """Return whether data points wait for the mailbox: else strangers learn whether data is held."""
    reachable = known.request is not None and known.request.reachable
    return reachable and Evidence.MAILBOX not in known.held


GAINED_BY_SLOT: Mapping[ProofSlot | None, Evidence] = {
    None: Evidence.ACCOUNT,
    ProofSlot.IDENTITY: Evidence.IDENTITY_DOCUMENT,
    ProofSlot.ADDRESS: Evidence.ADDRESS_DOCUMENT,
    ProofSlot.PERMISSION: Evidence.PERMISSION,
}
"""The evidence of a document, or of a token where there is no slot, once it convinces."""


def gained_by_examination(examined: ProofExamined) -> EvidenceGained | None:
    """Return the evidence of an examined proof, or None where it has not convinced."""
    if examined.verdict is not Verdict.CONVINCING:
        return None
    evidence = GAINED_BY_SLOT[examined.proof.slot]
    return EvidenceGained(request_id=examined.request_id, evidence=evidence, identities=examined.identities)


def completed(known: Verification) -> ProofWay | None:
    """
    Return the first way that is complete, or None.

    While the staff must look at a proof, only other evidence completes one: none of the kind that is looked
    at, and no documents held against the records. Where the proof may be forged or another person's, nothing
    does: reasons against the requester are not outweighed unseen.
    """
    if known.requirement is None or not UNDECIDED.issuperset(known.reviewed_for):
        return None
    doubtful = {Evidence.RECORDS, *known.unclear} if known.reviewed_for else set[Evidence]()
    ways = tuple(way for way in known.requirement.ways if way.evidence.isdisjoint(doubtful))
    return replace(known.requirement, ways=ways).reached(known.held.keys())


def proven(way: ProofWay, known: Verification) -> tuple[Code, ...] | None:
    """
    Return the names of the identities that *way* proves; none where an upstream system vouches for all.

    A mailbox or a log-in proves itself: further identities of the request may be another's, unless three
    independent things agree that a stranger cannot all know.
    """
    if not way.evidence - {Evidence.CONFIRMATION}:
        return None
    surest = way.evidence & {Evidence.MAILBOX, Evidence.ACCOUNT} or way.evidence
    surest |= {Evidence.THREE_POINTS}
    names = [name for evidence in Evidence if evidence in surest for name in known.held.get(evidence, ())]
    return tuple(dict.fromkeys(names))


def vouched_identities(subject: Subject, verifies: AbstractSet[str]) -> tuple[Code, ...]:
    """Return the identities of *subject* that a source vouches for which *verifies* these."""
    return tuple(sorted(stated_identities(subject) & verifies))


def stated_identities(subject: Subject) -> frozenset[str]:
    """Return the names of the identities of *subject*: its contacts and identifiers."""
    contacts = {EMAIL: subject.email, PHONE: subject.phone}
    return frozenset({*subject.identifiers, *(name for name, value in contacts.items() if value)})


def level_of(way: ProofWay, known: Verification) -> Assurance:
    """Return the level of *way*: an agent's word alone is vouched for, and not proven."""
    return Assurance.VOUCHED if way.evidence and way.evidence <= known.attested else way.level


def reasons_for(way: ProofWay, known: Verification) -> tuple[Code, ...]:
    """Return the reasons for which *way* has convinced."""
    attested = ("agent_attests",) if way.evidence & known.attested else ()
    return (*attested, *sorted(way.evidence)) or (way.level.value,)


def evidence_of_agent(request: RequestReceived, *, trusted: bool) -> tuple[EvidenceGained, ...]:
    """
    Return the evidence of an agent's word with a checked signature: the permission, which it states.

    The mailbox, too, of agents with checks of identity that the company trusts.

    Law:
        11 CCR § 7063(a): proof of the permission, and confirmation by the person, need not be asked for.
    """
    if request.requester is not Requester.AGENT:
        return ()
    counts = {Evidence.PERMISSION, Evidence.MAILBOX} if trusted else {Evidence.PERMISSION}
    return tuple(
        EvidenceGained(
            request_id=request.request_id,
            evidence=evidence,
            identities=(EMAIL,) if evidence is Evidence.MAILBOX else (),
            attested=True,
        )
        for evidence in request.attested
        if evidence in counts
    )


def wanted(known: Verification, *, logs_in: bool) -> tuple[tuple[Evidence, ...], ...]:
    """Return the ways that the person has left, least intrusive first; *logs_in*: a log-in can be asked."""
    if known.requirement is None:
        return ()
    missing = [
        tuple(one for one in way.missing(known.held.keys()) if one is not Evidence.RECORDS)
        for way in known.requirement.ways
        if logs_in or Evidence.ACCOUNT not in way.evidence
    ]
    if known.agreed or (Evidence.CONFIRMATION,) in missing:
        return CONFIRMED
    return tuple(dict.fromkeys(one for one in missing if one))


def confirmable(known: Verification) -> bool:
    """Return whether a confirmation without a code counts: none can be mailed, or the staff has decided."""
    unreachable = known.request is not None and not known.request.reachable
    return known.wanted == CONFIRMED and (unreachable or known.agreed is not None)


def confirmed_elsewhere(request: RequestReceived, confirming: AbstractSet[str]) -> bool:
    """
    Return whether the person has confirmed the request where it was made.

    The controller answers for its instructions; the State and the platforms ask the person by contract; of
    an authorised agent, the signed permission names the right. Other sources are listed by the company.
    """
    return (
        request.requester is Requester.CONTROLLER
        or request.source in confirming | CHANNELS
        or request.source.startswith(CHANNEL_PREFIXES)
    )


def only_records_missing(known: Verification) -> bool:
    """Return whether documents have convinced, and their details are still to be held against the records."""
    ways = known.requirement.ways if known.requirement else ()
    held = {*known.held, Evidence.CONFIRMATION}
    return any(way.missing(held) == (Evidence.RECORDS,) for way in ways)


def _is_enough_for_categories(compared: IdentityCompared, known: Verification) -> bool:
    """
    Return whether a comparison that does not open the data itself is enough to disclose kinds of data.

    Law:
        11 CCR § 7024(a): a requester not verified for specific pieces is answered as if they had asked for
        the categories; § 7062(b): for these, two data points that agree are enough.
    """
    enough = _all_agree(compared) if DOCUMENTED in compared.proofs else _reliable(compared, known)
    return enough and known.request is not None and may_have_categories(known.request)


def proven_elsewhere(request: RequestReceived) -> bool:
    """Return whether no proof is needed here: a customer asks (GDPR Art. 28(3)(e)), or it is settled."""
    return request.goes_to_customer or request.repeats is not None or request.withdrawn


def proven_by_code(request: RequestReceived) -> tuple[Code, ...]:
    """Return the identities of the person that a code proves: none if it was mailed to the parent."""
    return () if request.requester is Requester.PARENT else (EMAIL,)


def may_have_categories(request: RequestReceived) -> bool:
    """Return whether weak proof is enough for kinds of data: 11 CCR § 7024(a), not of a parent: § 7070(c)."""
    laws = map(policies().named, request.laws)
    return request.requester is not Requester.PARENT and opens_categories(laws, request.right)
