"""
Handler of presented ID tokens of the company's own log-in (OpenID Connect Core 1.0, sections 2 and 3.1.3.7).

The moment of the log-in (``auth_time``) is required, for which the client asks with ``max_age``; the moment
when the token was issued says nothing of the person.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from string import ascii_lowercase, ascii_uppercase
from typing import Any

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
from shared.runtime.tokens import CLOCKS_DIFFER_S, ExpectedToken, TokenRefused, verified_claims

ALGORITHMS = ("RS256", "ES256")
REQUIRED = ("exp", "iat", "sub", "nonce")
CLOCKS_DIFFER = timedelta(seconds=CLOCKS_DIFFER_S)
MOST_AGE = timedelta(minutes=10)
"""Longest time since the log-in, as re-authentication demands (11 CCR § 7061(a))."""
EMAIL = "email"
LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
"""
Capitals of ASCII alone make no other mailbox (RFC 4343 for domains, and by custom before the ``@``).

Unicode's folding would make one mailbox of two, such as ``straße`` and ``strasse``: which local parts are the
same is for their host to say (RFC 5321, section 2.4).
"""


@dataclass(frozen=True, slots=True)
class Login:
    """The claims of a token."""

    subject: str
    email: str | None
    """None unless the issuer has verified it."""


@dataclass(frozen=True, slots=True)
class LoginState:
    """The state of a case."""

    refs: frozenset[Code] = frozenset()


def evolve(known: LoginState, fact: Fact) -> LoginState:
    """Return *known* after *fact*. Raises IllegalTransition if it is about no token."""
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
        return [_token_refused(event.proof, "proof_destroyed", ctx)]


SUBSCRIPTIONS = (on(TokenPresented, examine), on(RequestPurged, forget))


async def _examined(proof: ProofRef, ctx: LoginContext) -> ProofExamined:
    token = IdToken.model_validate_json(await ctx.vault.open(ctx.case_id, proof.ref)).token
    if ctx.keys is None:
        return _token_refused(proof, "token_issuer", ctx)
    try:
        login = await check(token, ctx.keys, ctx.client, nonce=ctx.case_id, now=ctx.now)
    except TokenRefused as error:
        return _token_refused(proof, error.code, ctx)
    content = await ctx.vault.open(ctx.case_id, SUBMISSION)
    proves = _proves(login, RequestSubmitted.model_validate_json(content).subject, ctx.identity)
    if not proves:
        return _token_refused(proof, "token_subject_mismatch", ctx)
    return ProofExamined(request_id=ctx.case_id, proof=proof, verdict=Verdict.CONVINCING, identities=proves)


def _proves(login: Login, subject: Subject, identity: str) -> tuple[Code, ...]:
    """
    Return the names of the identities of the request that *login* is of.

    None, if the log-in has another verified mailbox than the request: letters would go to a third party.
    """
    email = login.email is not None and login.email.translate(LOWER) == (subject.email or "").translate(LOWER)
    if login.email is not None and subject.email and not email:
        return ()
    account = bool(identity) and subject.identifiers.get(identity) == login.subject
    return (*((EMAIL,) if email else ()), *((identity,) if account else ()))


def _token_refused(proof: ProofRef, reason: Code, ctx: LoginContext) -> ProofExamined:
    return ProofExamined(request_id=ctx.case_id, proof=proof, verdict=Verdict.REFUSED, reasons=(reason,))


async def check(token: str, keys: KeySet, client: str, nonce: str, now: datetime) -> Login:
    """
    Return the claims of *token*, if the issuer made it for *client* and this case's *nonce*.

    Raises TokenRefused if it is not valid, or IssuerUnavailable if the issuer's keys are unavailable now.
    """
    claims = await verified_claims(token, ExpectedToken(keys, (client,), REQUIRED, ALGORITHMS))
    # OpenID Connect Core 1.0, section 3.1.3.7: points 11, 4 and 5, 13.
    if claims["nonce"] != nonce:
        raise TokenRefused("token_nonce")
    if ("azp" in claims or isinstance(claims["aud"], list)) and claims.get("azp") != client:
        raise TokenRefused("token_audience")
    if not _just_now(claims.get("auth_time"), now):
        raise TokenRefused("token_auth_time")
    email = str(claims["email"]) if claims.get("email") and claims.get("email_verified") is True else None
    return Login(str(claims["sub"]), email)


def _just_now(auth_time: Any, now: datetime) -> bool:
    """
    Return whether the person logged in at most :data:`MOST_AGE` ago, and not in the future.

    The time of issue does not say so: a session of last year is renewed in silence, and its tokens are new.
    """
    if not isinstance(auth_time, int | float):
        return False
    earliest, latest = now - MOST_AGE - CLOCKS_DIFFER, now + CLOCKS_DIFFER
    # Compared as it is: no number is too large for that, and NaN is nowhere between.
    return earliest.timestamp() <= auth_time <= latest.timestamp()
