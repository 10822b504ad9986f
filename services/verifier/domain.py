"""
What the verifier decides: how sure it must be who asks, what it asks for, and what a proof is worth.

Pure. Nobody is asked for more than the risk needs: an opt-out needs no proof, a system that has logged the
person in is believed, and a code to the mailbox is enough where the answer goes to that mailbox.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from shared.codes import IssuedCode
from shared.errors import IllegalTransition, TooEarly
from shared.events import (
    Assurance,
    Code,
    Fact,
    IdentityChallenged,
    IdentityClaimed,
    IdentityCompared,
    IdentityRefused,
    IdentityVerified,
    ProofReceived,
    ProofRefused,
    ProofSpent,
    Record,
    RequestReceived,
    RequestWithdrawn,
)
from shared.law import Regulation, Right, needs_proof

POINTS_FOR_CATEGORIES = 2
MOST_CLAIMS = 3
"""Times a person may claim data points; each claim is a guess at what is held."""


class Status(StrEnum):
    """Where the verification of a request stands."""

    UNKNOWN = "unknown"
    OPEN = "open"
    DECIDED = "decided"


class CodeIssued(Record):
    """A code was drawn; this is its digest."""

    TYPE: ClassVar[str] = "habeas.verifier.code_issued.v1"

    ref: Code
    digest: str
    expires_at: datetime


RECORDS = (CodeIssued,)


@dataclass(frozen=True, slots=True)
class Verification:
    """What the verifier knows of a request."""

    status: Status = Status.UNKNOWN
    request: RequestReceived | None = None
    code: IssuedCode | None = None
    code_ref: Code = ""
    codes: int = 0
    claims: int = 0
    """Times that data points were claimed."""
    comparisons: int = 0
    """Claims that were compared with the records; the others are still on their way."""
    enough_for_categories: tuple[Code, ...] | None = None
    """Names of the identities that claimed data points agree with, well enough to tell kinds of data by."""
    evidence: tuple[Code, ...] = ()
    """Names of sealed proofs and codes that are still to be destroyed."""

    @property
    def open(self) -> bool:
        """Whether a proof can still change anything."""
        return self.status is Status.OPEN


S = Status
TRANSITIONS: Mapping[Status, Mapping[type[Fact], Status]] = {
    S.UNKNOWN: {RequestReceived: S.OPEN},
    S.OPEN: {
        IdentityChallenged: S.OPEN,
        IdentityClaimed: S.OPEN,
        IdentityCompared: S.OPEN,
        CodeIssued: S.OPEN,
        ProofReceived: S.OPEN,
        ProofRefused: S.OPEN,
        IdentityVerified: S.DECIDED,
        IdentityRefused: S.DECIDED,
        RequestWithdrawn: S.DECIDED,
    },
    # Whatever was on its way when the decision fell is noted, and its evidence destroyed.
    S.DECIDED: {
        IdentityCompared: S.DECIDED,
        ProofReceived: S.DECIDED,
        ProofSpent: S.DECIDED,
        RequestWithdrawn: S.DECIDED,
    },
}
"""Status → fact → status. A fact that is in no row of a status is an :class:`IllegalTransition`."""


def evolve(verification: Verification, fact: Fact) -> Verification:
    """
    Return *verification* after *fact*.

    Raises:
        TooEarly: The request itself has not arrived yet.
        IllegalTransition: *fact* cannot happen in this status.
    """
    if verification.status is Status.UNKNOWN and not isinstance(fact, RequestReceived):
        raise TooEarly(f"{fact.TYPE} came before its request")
    try:
        status = TRANSITIONS[verification.status][type(fact)]
    except KeyError:
        raise IllegalTransition(
            f"{fact.TYPE} cannot happen to a verification that is {verification.status}"
        ) from None
    return _noted(replace(verification, status=status), fact)


def _noted(known: Verification, fact: Fact) -> Verification:
    match fact:
        case RequestReceived():
            return replace(known, request=fact, evidence=tuple(proof.ref for proof in fact.proofs))
        case ProofReceived():
            return replace(known, evidence=(*known.evidence, *(proof.ref for proof in fact.proofs)))
        case CodeIssued():
            code = IssuedCode(fact.digest, fact.expires_at)
            evidence = (*known.evidence, fact.ref)
            return replace(known, code=code, code_ref=fact.ref, codes=known.codes + 1, evidence=evidence)
        case ProofRefused() if known.code is not None and fact.spends_code:
            return replace(known, code=known.code.tried())
        case IdentityClaimed():
            return replace(known, claims=known.claims + 1)
        case IdentityCompared():
            enough = (
                fact.identities if _is_enough_for_categories(fact, known) else known.enough_for_categories
            )
            return replace(known, comparisons=known.comparisons + 1, enough_for_categories=enough)
        case ProofSpent():
            return replace(known, evidence=tuple(ref for ref in known.evidence if ref not in fact.refs))
        case _:
            return known


def believed(request: RequestReceived, trusted: frozenset[str]) -> Assurance | None:
    """
    Return why *request* needs no proof of identity, or None when it does.

    Law:
        GDPR Art. 12(6): more may be asked for only where there are reasonable doubts.
        GDPR Art. 21(2)-(3): an objection to direct marketing is heeded at once.
        11 CCR § 7062(a): a business may rely on its own password-protected account.
    """
    if not needs_proof(request.right, direct_marketing=request.direct_marketing):
        return Assurance.NONE_NEEDED
    return Assurance.VOUCHED if request.source in trusted else None


def convincing(compared: IdentityCompared, request: RequestReceived) -> Assurance | None:
    """
    Return how sure the agreement of claimed data points makes, or None when it is not enough.

    Every claim must agree: one that does not is a doubt.

    Law:
        11 CCR § 7062(b): two data points make reasonably sure; (c): three and a signed declaration, which
        is not taken yet, for the specific pieces of information; so these need another proof.
        GDPR Art. 12(6), EDPB Guidelines 01/2022 para. 65: proportionate to what is disclosed.
    """
    if compared.agreed < compared.claimed or compared.agreed < _points_needed(request):
        return None
    if _wants_specific_pieces(request):
        return None
    return Assurance.REASONABLE


def _points_needed(request: RequestReceived) -> int:
    return 3 if request.right in {Right.ACCESS, Right.PORTABILITY, Right.ERASURE} else POINTS_FOR_CATEGORIES


def _is_enough_for_categories(compared: IdentityCompared, known: Verification) -> bool:
    """
    Tell whether a comparison that does not open the data itself makes sure enough to tell kinds of data.

    Law:
        11 CCR § 7024(a): who cannot be verified for the specific pieces is answered as if they had asked for
        the categories; § 7062(b): for these, two data points that agree are enough.
    """
    agrees = compared.agreed == compared.claimed >= POINTS_FOR_CATEGORIES
    return agrees and known.request is not None and _wants_specific_pieces(known.request)


def _wants_specific_pieces(request: RequestReceived) -> bool:
    return request.regulation is Regulation.CCPA and request.right in {Right.ACCESS, Right.PORTABILITY}
