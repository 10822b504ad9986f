"""Facts about the verification of identities: proofs, evidence, decisions."""

from datetime import date, datetime

from shared.contract.events.base import Code, Decision, Fact, PolicyId
from shared.contract.events.requests import ProofRef
from shared.law.terms import Regulation, Right
from shared.vocabulary import Assurance, Evidence, ProofKind, ProofObjection, Requester, StaffRole, Verdict


class ProofReceived(Fact):
    """Proofs of identity arrived and lie sealed in the vault."""

    TYPE = "habeas.proof.received.v1"

    proofs: tuple[ProofRef, ...]


class ProofRefused(Fact):
    """A proof did not convince; the person may try again unless no try is left."""

    TYPE = "habeas.proof.refused.v1"

    reason: Code
    tries_left: int
    spends_code: bool = True
    """Whether a try at the mailed code was used up."""


class IdentityChallenged(Fact):
    """The person is asked to prove their identity: by a code that is mailed, or by *wanted* evidence."""

    TYPE = "habeas.identity.challenged.v1"

    kind: ProofKind | None = None
    """Set where a code is mailed."""
    ref: Code | None = None
    """Where the code to be mailed lies sealed."""
    expires_at: datetime
    """When the code expires, or when the request lapses."""
    wanted: tuple[tuple[Evidence, ...], ...] = ()
    """Ways to prove it, the least intrusive first: the missing evidence of each."""
    refused_for: Code | None = None
    """Why the last proof has not convinced; no more is said than the person can do something about."""
    paused: bool = False
    """Whether the period may stand still until it comes."""
    acknowledges: bool = False
    """Whether the letter with the code confirms the receipt of the request as well."""
    renewed: bool = False
    """Whether the staff has looked at the proofs and asks for another: none is in review any more."""


class IdentityAssessed(Fact):
    """A request that needs proof was assessed; its receipt is confirmed in a letter of its own."""

    TYPE = "habeas.identity.assessed.v1"


class IdentityReminded(Fact):
    """The proof that the person was asked for has not come yet; they are reminded."""

    TYPE = "habeas.identity.reminded.v1"

    expires_at: datetime
    """When the request lapses."""
    wanted: tuple[tuple[Evidence, ...], ...]
    paused: bool = False
    """Whether the period may stand still until it comes."""


class ProofPresented(Fact):
    """A document arrived; examining it takes time."""

    TYPE = "habeas.proof.presented.v1"

    proof: ProofRef


class TokenPresented(Fact):
    """A token of the company's log-in arrived; its issuer's keys are asked for."""

    TYPE = "habeas.token.presented.v1"

    proof: ProofRef


class ProofExamined(Fact):
    """A document or a token was examined. The findings lie sealed."""

    TYPE = "habeas.proof.examined.v1"

    proof: ProofRef
    verdict: Verdict
    reasons: tuple[Code, ...] = ()
    identities: tuple[Code, ...] = ()
    """Names of the identities of the request that it proves."""
    report: Code | None = None
    """Name in the vault of the examination's report, for the staff."""


class IdentityReviewNeeded(Fact):
    """A person must look at a proof and decide."""

    TYPE = "habeas.identity.review_needed.v1"

    reasons: tuple[Code, ...]
    report: Code | None = None
    level: Assurance | None = None
    """The level of assurance that the request needs; None before this release."""
    grounds: tuple[Code, ...] = ()
    """Why it needs that level."""
    held: tuple[Evidence, ...] = ()
    """The evidence that has convinced so far."""


class IdentityDecided(Decision):
    """The privacy staff decides whether the requester is the data subject."""

    TYPE = "habeas.identity.decided.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    verified: bool
    reason: Code
    identities: tuple[Code, ...] = ()
    """Names of the identities that are the person's; required."""


class ProofAskedAgain(Decision):
    """The privacy staff has looked at the proofs, and asks the person for another one."""

    TYPE = "habeas.proof.asked_again.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    reason: ProofObjection


class EvidenceAsked(Decision):
    """An account of the privacy staff asks to look at sealed proofs."""

    TYPE = "habeas.evidence.asked.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    reason: Code
    refs: tuple[Code, ...]


class EvidenceShown(Fact):
    """The privacy staff is shown sealed proofs."""

    TYPE = "habeas.evidence.shown.v1"

    by: Code
    reason: Code
    refs: tuple[Code, ...]
    proofs: tuple[ProofRef, ...] = ()
    """Documents, of which pictures are drawn, and claimed data points; none where the command shows them."""
    until: datetime | None = None
    """Until when they are shown; None where the command shows them."""


class EvidenceDestroyed(Fact):
    """Sealed proofs were destroyed, because the decision has been made."""

    TYPE = "habeas.evidence.destroyed.v1"

    refs: tuple[Code, ...]


class RequestLapsed(Fact):
    """The person has not sent the requested proof or answer in time."""

    TYPE = "habeas.request.lapsed.v1"


class TimeCame(Fact):
    """A moment has come that was waited for."""

    TYPE = "habeas.time.came.v1"

    name: Code


class IdentityClaimed(Fact):
    """The person claims data points that the records may confirm."""

    TYPE = "habeas.identity.claimed.v1"

    proofs: tuple[ProofRef, ...]


class IdentityCompared(Fact):
    """Claimed data points were compared with the records held; those that agreed are not named."""

    TYPE = "habeas.identity.compared.v1"

    agreed: int
    claimed: int
    groups: int = 0
    """How many independent things agree: name and birthday together are one, a name alone is none."""
    private: bool = False
    """Whether one of them stands in no directory."""
    identities: tuple[Code, ...] = ()
    """Names of the identities the records were found by."""
    proofs: tuple[Code, ...] = ()
    """Where the claims lie sealed."""


class IdentityVerified(Fact):
    """The requester is the data subject, as surely as this request needs."""

    TYPE = "habeas.identity.verified.v1"

    right: Right
    regulation: Regulation
    received_on: date
    assurance: Assurance
    proven: tuple[Code, ...] | None = None
    """Names of the identities proven to be the requester's; all identities of the request when None."""
    reasons: tuple[Code, ...]
    deciders: tuple[Code, ...] = ()
    """Staff accounts that decided it; none of them may approve the erasure."""
    laws: tuple[PolicyId, ...] = ()
    """
    All laws that protect the person, in their editions: they decide on fees. None for a
    controller's request: its fee is not the person's to pay, nor any of these laws' business.
    """
    stricter: Regulation | None = None
    """Written by 0.1.0 alone: the regulation that decided how much proof was needed."""
    requester: Requester = Requester.PERSON
    at_once: bool = False
    """Whether a controller has its erasure begin without the window."""
    wait_until: datetime | None = None
    """Until when the person's agreement to a fee can be waited for; None: the laws set no end."""
    windows_until: datetime | None = None
    """When a window of more than a day must have ended, so that the answer is in time; None: not stated."""


class IdentityRefused(Fact):
    """The requester's identity could not be established, or the request is refused before it was proven."""

    TYPE = "habeas.identity.refused.v1"

    reasons: tuple[Code, ...]
    deciders: tuple[Code, ...] = ()
    """The staff accounts that decided it; they do not decide on an appeal."""
    explanation: Code | None = None
    """Name, in the vault, of the staff's text to the person."""
