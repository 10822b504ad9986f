"""What the verifier does when something arrives: it believes, asks, weighs proofs, and destroys them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from typing import Protocol

from services.verifier.domain import (
    MOST_CLAIMS,
    CodeIssued,
    Status,
    Verification,
    believed,
    convincing,
    evolve,
)
from shared.answer import SUBMISSION
from shared.codes import LIFETIME, MOST_ISSUED, Verdict, digest_of, draw_code, judge, uses_a_try
from shared.events import (
    Assurance,
    EmailCode,
    Fact,
    IdentityChallenged,
    IdentityClaimed,
    IdentityCompared,
    IdentityRefused,
    IdentityVerified,
    ProofKind,
    ProofReceived,
    ProofRef,
    ProofRefused,
    ProofSpent,
    RequestReceived,
    RequestSubmitted,
    RequestWithdrawn,
)
from shared.service import on

EMAIL = "email"
"""Name of the identity that a code to the mailbox proves."""


class Vault(Protocol):
    """Where personal data is sealed."""

    async def seal(self, case: str, item: str, content: bytes) -> bool:
        """Keep *content*, unless something is kept there already; return whether it is."""

    async def open(self, case: str, item: str) -> bytes:
        """Return what is kept."""

    async def discard(self, case: str, items: Sequence[str]) -> None:
        """Remove *items* for good."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """What a handler may know and use."""

    case_id: str
    known: Verification
    now: datetime
    vault: Vault = field(repr=False)
    key: bytes = field(repr=False)
    """Codes are hashed with it."""
    trusted: frozenset[str]
    """Sources whose log-in counts as proof."""

    def request(self) -> RequestReceived:
        """Return the request that is verified."""
        if self.known.request is None:
            raise AssertionError("a verification that is open has a request")
        return self.known.request


async def assess(event: RequestReceived, ctx: Verifier) -> Sequence[Fact]:
    """Believe the requester where nothing more is needed; else weigh the proofs that came along, or ask."""
    assurance = believed(event, ctx.trusted)
    facts: Sequence[Fact]
    if assurance is not None:
        facts = [_verified(event, assurance)]
    elif event.proofs and (claimed := _claims(event.proofs)):
        return [IdentityClaimed(request_id=ctx.case_id, proofs=claimed)]
    else:
        facts = await _challenge(ctx)
    return _with_evidence_spent(facts, evolve(ctx.known, event))


async def weigh(event: ProofReceived, ctx: Verifier) -> Sequence[Fact]:
    """Weigh proofs that came later."""
    known = evolve(ctx.known, event)
    if not known.open:
        return [_spent(ctx.case_id, known)]
    facts: list[Fact] = []
    for proof in event.proofs:
        if known.open:
            weighed = await _weighed(proof, replace(ctx, known=known))
            known = reduce(evolve, weighed, known)
            facts += weighed
    return _with_evidence_spent(facts, evolve(ctx.known, event))


async def decide_on_comparison(event: IdentityCompared, ctx: Verifier) -> Sequence[Fact]:
    """Decide on how many claimed data points agree with the records; else ask for a code."""
    if not ctx.known.open:
        return []
    known = evolve(ctx.known, event)
    assurance = convincing(event, ctx.request())
    if assurance is not None:
        facts: Sequence[Fact] = [_verified(ctx.request(), assurance, event.identities)]
    elif known.codes == 0:
        facts = await _challenge(replace(ctx, known=known))
    elif known.comparisons >= MOST_CLAIMS:
        facts = [_refused(replace(ctx, known=known), "details_do_not_match")]
    else:
        tries_left = MOST_CLAIMS - known.claims
        facts = [_proof_refused(ctx, "details_do_not_match", tries_left, spends_code=False)]
    return _with_evidence_spent(facts, known)


async def stop(event: RequestWithdrawn, ctx: Verifier) -> Sequence[Fact]:
    """Ask no more of somebody who has withdrawn the request."""
    known = evolve(ctx.known, event)
    return [_spent(ctx.case_id, known)] if known.evidence else []


async def destroy(event: ProofSpent, ctx: Verifier) -> Sequence[Fact]:
    """
    Destroy proofs and codes that have served.

    Law:
        GDPR Art. 5(1)(c), (e): no more and no longer than needed; EDPB Guidelines 01/2022 para. 79.
        11 CCR § 7060(e): data collected to verify is deleted as soon as it has served.
    """
    await ctx.vault.discard(ctx.case_id, event.refs)
    return []


SUBSCRIPTIONS = (
    on(RequestReceived, assess),
    on(ProofReceived, weigh),
    on(IdentityCompared, decide_on_comparison),
    on(RequestWithdrawn, stop),
    on(ProofSpent, destroy),
)


async def _weighed(proof: ProofRef, ctx: Verifier) -> Sequence[Fact]:
    match proof.kind:
        case ProofKind.EMAIL_CODE:
            return await _judge_code(proof, ctx)
        case ProofKind.NEW_CODE:
            return await _challenge(ctx)
        case ProofKind.DATA_POINTS if ctx.known.claims < MOST_CLAIMS:
            return [IdentityClaimed(request_id=ctx.case_id, proofs=(proof,))]
        case ProofKind.DATA_POINTS:
            # Not decided on: the last claim that counts is still being compared.
            return [_proof_refused(ctx, "details_do_not_match", 0, spends_code=False)]


async def _judge_code(proof: ProofRef, ctx: Verifier) -> Sequence[Fact]:
    offered = EmailCode.model_validate_json(await ctx.vault.open(ctx.case_id, proof.ref))
    digest = digest_of(offered.code, key=ctx.key, ref=f"{ctx.case_id}/{ctx.known.code_ref}")
    verdict = judge(ctx.known.code, digest, now=ctx.now)
    if verdict is Verdict.MATCHED:
        return [_verified(ctx.request(), Assurance.MAILBOX, (EMAIL,))]
    spent = uses_a_try(verdict)
    tries_left = (ctx.known.code.tries_left if ctx.known.code else 0) - spent
    used_up = tries_left <= 0 or verdict is Verdict.EXPIRED
    if used_up and ctx.known.codes >= MOST_ISSUED:
        return [_refused(ctx, "too_many_attempts")]
    return [_proof_refused(ctx, verdict, tries_left, spends_code=spent)]


async def _challenge(ctx: Verifier) -> Sequence[Fact]:
    """Have a code mailed to the address of the request, if it has one and codes are left."""
    submitted = RequestSubmitted.model_validate_json(await ctx.vault.open(ctx.case_id, SUBMISSION))
    if submitted.subject.email is None:
        return [_refused(ctx, "unidentifiable")]
    if ctx.known.codes >= MOST_ISSUED:
        return [_refused(ctx, "too_many_attempts")]
    ref = f"code_{ctx.known.codes}"
    expires_at = ctx.now + LIFETIME
    digest = await _new_code(ctx, ref)
    return [
        CodeIssued(request_id=ctx.case_id, ref=ref, digest=digest, expires_at=expires_at),
        IdentityChallenged(request_id=ctx.case_id, kind=ProofKind.EMAIL_CODE, ref=ref, expires_at=expires_at),
    ]


async def _new_code(ctx: Verifier, ref: str) -> str:
    """Draw a code and return its digest; after a crash in between, the code that was kept counts."""
    await ctx.vault.seal(ctx.case_id, ref, draw_code().encode())
    code = (await ctx.vault.open(ctx.case_id, ref)).decode()
    return digest_of(code, key=ctx.key, ref=f"{ctx.case_id}/{ref}")


def _claims(proofs: Sequence[ProofRef]) -> tuple[ProofRef, ...]:
    return tuple(proof for proof in proofs if proof.kind is ProofKind.DATA_POINTS)[:1]


def _with_evidence_spent(facts: Sequence[Fact], known: Verification) -> list[Fact]:
    """Add that the evidence has served, once one of *facts* decides."""
    known = reduce(evolve, facts, known)
    if known.status is Status.DECIDED and known.evidence and known.request is not None:
        return [*facts, _spent(known.request.request_id, known)]
    return list(facts)


def _spent(case_id: str, known: Verification) -> ProofSpent:
    return ProofSpent(request_id=case_id, refs=known.evidence)


def _verified(
    request: RequestReceived, assurance: Assurance, proven: tuple[str, ...] | None = None
) -> IdentityVerified:
    return IdentityVerified(
        request_id=request.request_id,
        right=request.right,
        regulation=request.regulation,
        received_on=request.received_on,
        assurance=assurance,
        proven=proven,
        reasons=(assurance.value,),
    )


def _refused(ctx: Verifier, reason: str) -> IdentityRefused | IdentityVerified:
    """Refuse the requester for *reason*, unless their proof is enough for the kinds of data at least."""
    if ctx.known.enough_for_categories is not None:
        return _verified(ctx.request(), Assurance.REASONABLE, ctx.known.enough_for_categories)
    return IdentityRefused(request_id=ctx.case_id, reasons=(reason,))


def _proof_refused(ctx: Verifier, reason: str, tries_left: int, *, spends_code: bool) -> ProofRefused:
    return ProofRefused(
        request_id=ctx.case_id, reason=reason, tries_left=max(tries_left, 0), spends_code=spends_code
    )
