"""Handler of presented log-in tokens: it checks them with the issuer's keys."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from string import ascii_lowercase, ascii_uppercase

from services.verifier.login.tokens import Login, check
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    Code,
    Fact,
    IdToken,
    ProofExamined,
    ProofRef,
    RequestPurged,
    RequestSubmitted,
    Subject,
    TokenPresented,
    Verdict,
)
from shared.contract.ports import VaultPort
from shared.errors import Destroyed, IllegalTransition
from shared.runtime.jwks import KeySet
from shared.runtime.service import forget, on
from shared.runtime.tokens import TokenRefused

EMAIL = "email"
LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
"""
Capitals of ASCII alone make no other mailbox (RFC 4343 for domains, and by custom before the ``@``).

Unicode's folding would make one mailbox of two, such as ``straße`` and ``strasse``: which local parts are the
same is for their host to say (RFC 5321, section 2.4).
"""


@dataclass(frozen=True, slots=True)
class LoginState:
    """The state of a case."""

    refs: frozenset[Code] = frozenset()
    """Names of the tokens that were reported on."""


def evolve(known: LoginState, fact: Fact) -> LoginState:
    """
    Return *known* after *fact*.

    Raises:
        IllegalTransition: It is about no token.
    """
    match fact:
        case TokenPresented():
            return known
        case ProofExamined():
            return LoginState(known.refs | {fact.proof.ref})
        case _:
            raise IllegalTransition(f"{fact.TYPE} is about no token")


@dataclass(frozen=True, slots=True)
class LoginContext:
    """The context of a handler."""

    case_id: str
    known: LoginState
    now: datetime
    vault: VaultPort = field(repr=False)
    keys: KeySet | None = field(repr=False)
    client: str
    """Audience of the log-in's tokens."""
    identity: str
    """Identity of the data map that the log-in calls ``sub``; empty: none."""


async def examine(event: TokenPresented, ctx: LoginContext) -> Sequence[Fact]:
    """Check a token; one that is destroyed by now has served."""
    if event.proof.ref in ctx.known.refs:
        return []
    try:
        return [await _examined(event.proof, ctx)]
    except (KeyError, Destroyed):
        return [_token_examined(event.proof, Verdict.REFUSED, ctx, reasons=("proof_destroyed",))]


SUBSCRIPTIONS = (on(TokenPresented, examine), on(RequestPurged, forget))


async def _examined(proof: ProofRef, ctx: LoginContext) -> ProofExamined:
    token = IdToken.model_validate_json(await ctx.vault.open(ctx.case_id, proof.ref)).token
    if ctx.keys is None:
        return _token_examined(proof, Verdict.REFUSED, ctx, reasons=("token_issuer",))
    try:
        login = await check(token, ctx.keys, ctx.client, nonce=ctx.case_id, now=ctx.now)
    except TokenRefused as error:
        return _token_examined(proof, Verdict.REFUSED, ctx, reasons=(error.code,))
    content = await ctx.vault.open(ctx.case_id, SUBMISSION)
    proves = _proves(login, RequestSubmitted.model_validate_json(content).subject, ctx.identity)
    if not proves:
        return _token_examined(proof, Verdict.REFUSED, ctx, reasons=("token_subject_mismatch",))
    return _token_examined(proof, Verdict.CONVINCING, ctx, identities=proves)


def _proves(login: Login, subject: Subject, identity: str) -> tuple[Code, ...]:
    """Return the names of the identities of the request that *login* is of."""
    email = login.email is not None and login.email.translate(LOWER) == (subject.email or "").translate(LOWER)
    account = bool(identity) and subject.identifiers.get(identity) == login.subject
    return (*((EMAIL,) if email else ()), *((identity,) if account else ()))


def _token_examined(
    proof: ProofRef,
    verdict: Verdict,
    ctx: LoginContext,
    *,
    reasons: tuple[Code, ...] = (),
    identities: tuple[Code, ...] = (),
) -> ProofExamined:
    return ProofExamined(
        request_id=ctx.case_id, proof=proof, verdict=verdict, reasons=reasons, identities=identities
    )
