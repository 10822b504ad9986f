"""
Checks ID tokens of the company's own log-in (OpenID Connect Core 1.0, sections 2 and 3.1.3.7).

The moment of the log-in (``auth_time``) is required, for which the client asks with ``max_age``; the moment
when the token was issued says nothing of the person.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.runtime.jwks import KeySet
from shared.runtime.tokens import CLOCKS_DIFFER_S, ExpectedToken, TokenRefused, verified_claims

ALGORITHMS = ("RS256", "ES256")
REQUIRED = ("exp", "iat", "sub", "nonce")
CLOCKS_DIFFER = timedelta(seconds=CLOCKS_DIFFER_S)
MOST_AGE = timedelta(minutes=10)
"""Longest time since the log-in, as re-authentication demands (11 CCR § 7061(a))."""


@dataclass(frozen=True, slots=True)
class Login:
    """The claims of a token."""

    subject: str
    email: str | None
    """None unless the issuer has verified it."""


async def check(token: str, keys: KeySet, client: str, nonce: str, now: datetime) -> Login:
    """
    Return the claims of *token*, if the issuer made it for *client* and this case's *nonce*.

    Raises:
        TokenRefused: It is not valid.
        IssuerUnavailable: The issuer's keys are unavailable now.
    """
    claims = await verified_claims(token, ExpectedToken(keys, (client,), REQUIRED, ALGORITHMS))
    _check_claims(claims, client, nonce, now)
    return Login(
        subject=str(claims["sub"]),
        email=str(claims["email"]) if claims.get("email") and claims.get("email_verified") is True else None,
    )


def _check_claims(claims: Mapping[str, Any], client: str, nonce: str, now: datetime) -> None:
    """
    Check the claims that a log-in alone has (OpenID Connect Core 1.0, section 3.1.3.7, points 4, 5, 11, 13).

    Raises:
        TokenRefused: One of them is invalid.
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

    The time of issue does not say so: a session of last year is renewed in silence, and its tokens are new.
    """
    if not isinstance(auth_time, int | float):
        return False
    earliest, latest = now - MOST_AGE - CLOCKS_DIFFER, now + CLOCKS_DIFFER
    # Compared as it is: no number is too large for that, and NaN is nowhere between.
    return earliest.timestamp() <= auth_time <= latest.timestamp()
