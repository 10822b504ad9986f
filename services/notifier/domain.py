"""Decisions of the notifier: the letter that a fact calls for. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.notifier.letters.letter_models import AuthorityContact, IdentityCheck
from shared.contract.events import (
    Fact,
    IdentityRefused,
    InquiryLodged,
    NoticeFailed,
    NoticeSent,
    ProofKind,
    RequestFulfilled,
    RequestReceived,
    RequestWithdrawn,
    RestrictionAnnounced,
    SubjectRestricted,
)
from shared.errors import TooEarly
from shared.law import Policy, needs_proof


@dataclass(frozen=True, slots=True)
class Correspondence:
    """The notifier's state of a request."""

    request: RequestReceived | None = None
    restricted: bool = False
    """Whether the person's data is restricted, and the end not announced yet."""
    inquired: bool = False
    """Whether a mail came in that is no request yet."""
    settled: bool = False
    """Whether it is decided, or was taken back: no proof is waited for."""


def evolve(known: Correspondence, fact: Fact) -> Correspondence:
    """
    Return the state after *fact*.

    Raises:
        TooEarly: The request itself has not been acknowledged yet: letters keep their order.
    """
    if isinstance(fact, RequestReceived):
        return replace(known, request=fact)
    if isinstance(fact, InquiryLodged):
        return replace(known, inquired=True)
    if known.request is None and known.inquired and isinstance(fact, NoticeSent | NoticeFailed):
        return known  # of the letter that asks back
    if known.request is None:
        raise TooEarly(f"{fact.TYPE} came before its request was acknowledged")
    match fact:
        case SubjectRestricted():
            return replace(known, restricted=True)
        case RestrictionAnnounced():
            return replace(known, restricted=False)
        case IdentityRefused() | RequestFulfilled() | RequestWithdrawn():
            return replace(known, settled=True)
        case _:
            return known


def authorities(laws: Iterable[Policy], lead: AuthorityContact) -> tuple[AuthorityContact, ...]:
    """
    Return for each of *laws* the body that complaints go to.

    Law:
        GDPR Art. 12(4), 77: *lead*, that of the establishment, or any other of the person's choice.
        Elsewhere: the one that the policy names.
    """
    return tuple(
        AuthorityContact(law.authority.name, law.authority.url) if law.authority else lead for law in laws
    )


def identity_check(request: RequestReceived) -> IdentityCheck:
    """Return the check of the requester's identity, as far as an acknowledgement can state it."""
    if not needs_proof(request.right, direct_marketing=request.direct_marketing):
        return IdentityCheck.NONE
    if any(proof.kind is ProofKind.DATA_POINTS for proof in request.proofs):
        return IdentityCheck.DATA_POINTS
    return IdentityCheck.IF_NEEDED
