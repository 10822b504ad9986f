"""
Checks ID tokens of the company's own log-in (OpenID Connect Core 1.0, sections 2 and 3.1.3.7).

Issuer, audience and algorithms are ours to say, and keys come from the issuer alone: what a token says about
where its key lies (``jku``, ``x5u``, ``jwk``) is never looked at. When the person logged in (``auth_time``)
must stand in it, for which the client asks with ``max_age``; when it was issued says nothing of the person.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt

from shared.runtime.jwks import KeySet, UnknownKey

ALGORITHMS = ("RS256", "ES256")
CLOCKS_DIFFER = timedelta(minutes=1)
MOST_AGE = timedelta(minutes=10)
"""How long ago the person may have logged in: as re-authentication demands (11 CCR § 7061(a))."""


class TokenRefused(Exception):
    """A token does not prove anything; the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Login:
    """The claims of a token."""

    subject: str
    email: str | None
    """None unless the issuer has verified it."""


async def check(token: str, keys: KeySet, client: str, nonce: str, now: datetime) -> Login:
    """
    Return the claims of *token*, if it can be believed.

    Args:
        token: As the issuer made it.
        keys: The issuer's.
        client: The client that the token must be meant for.
        nonce: The value that the token must repeat: it was requested in this case.
        now: The present moment.

    Raises:
        TokenRefused: It cannot be believed.
        IssuerUnavailable: The issuer's keys cannot be had now.
    """
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise TokenRefused("token_signature") from None
    if header.get("alg") not in ALGORITHMS:
        raise TokenRefused("token_alg")
    try:
        key = await keys.key(str(header.get("kid", "")))
    except UnknownKey:
        raise TokenRefused("token_signature") from None
    claims = _claims(token, key, keys.issuer, client)
    _check_claims(claims, client, nonce, now)
    return Login(
        subject=str(claims["sub"]),
        email=str(claims["email"]) if claims.get("email") and claims.get("email_verified") is True else None,
    )


def _claims(token: str, key: Any, issuer: str, client: str) -> dict[str, Any]:
    try:
        return jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            issuer=issuer,
            audience=client,
            leeway=CLOCKS_DIFFER,
            options={"require": ["exp", "iat", "sub", "aud", "iss", "nonce"]},
        )
    except jwt.PyJWTError as error:
        raise TokenRefused(_code(error)) from None


def _code(error: jwt.PyJWTError) -> str:
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return "token_signature"


_CODES: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "token_expired"),
    (jwt.InvalidAudienceError, "token_audience"),
    (jwt.InvalidIssuerError, "token_issuer"),
    (jwt.ImmatureSignatureError, "token_iat"),
    (jwt.InvalidIssuedAtError, "token_iat"),
    (jwt.MissingRequiredClaimError, "token_incomplete"),
    (jwt.InvalidAlgorithmError, "token_alg"),
)


def _check_claims(claims: Mapping[str, Any], client: str, nonce: str, now: datetime) -> None:
    """
    Check the claims that the library leaves to us.

    Source:
        OpenID Connect Core 1.0, section 3.1.3.7: points 4 and 5 for ``azp``, 11 for ``nonce``, 13 for
        ``auth_time``.

    Raises:
        TokenRefused: One of them is not as it must be.
    """
    if claims["nonce"] != nonce:
        raise TokenRefused("token_nonce")
    if ("azp" in claims or isinstance(claims["aud"], list)) and claims.get("azp") != client:
        raise TokenRefused("token_audience")
    if not _just_now(claims.get("auth_time"), now):
        raise TokenRefused("token_auth_time")


def _just_now(auth_time: Any, now: datetime) -> bool:
    """
    Return whether the person logged in at most :data:`MOST_AGE` ago, and not in the future.

    When the token was issued does not say so: a session of last year is renewed in silence, and then its
    tokens are new.
    """
    if not isinstance(auth_time, int | float):
        return False
    earliest, latest = now - MOST_AGE - CLOCKS_DIFFER, now + CLOCKS_DIFFER
    # Compared as it is: no number is too large for that, and NaN is nowhere between.
    return earliest.timestamp() <= auth_time <= latest.timestamp()
