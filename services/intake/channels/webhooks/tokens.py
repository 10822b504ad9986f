"""
Checks tokens that a platform signs with its own key (JWS, RFC 7515; JWT, RFC 7519).

Issuer, audience and algorithms are ours to say; keys come from the issuer alone (``shared.runtime.jwks``).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from shared.runtime.jwks import KeySet, UnknownKey

ALGORITHMS = ("RS256",)
CLOCKS_DIFFER_S = 60


class TokenNotAccepted(Exception):
    """A token cannot be believed."""

    code = "invalid_request"
    """What RFC 8935 section 2.4 calls it."""


class WrongKey(TokenNotAccepted):
    """It is signed with no key of the issuer's, or not so that it can be checked."""

    code = "invalid_key"


class WrongIssuer(TokenNotAccepted):
    """Somebody else has made it."""

    code = "invalid_issuer"


class WrongAudience(TokenNotAccepted):
    """It is meant for somebody else."""

    code = "invalid_audience"


@dataclass(frozen=True, slots=True)
class ExpectedToken:
    """Who a token must be from and for."""

    keys: KeySet
    audiences: Collection[str]
    required: tuple[str, ...]
    """Claims that must stand in it."""


async def claims_of(token: str, expected: ExpectedToken) -> Mapping[str, Any]:
    """
    Return what *token* says, if it is the issuer's, for us, and good now.

    Raises:
        NotBelieved: It is not.
        IssuerUnavailable: The issuer's keys cannot be had now.
    """
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise WrongKey("there is no token that reads") from None
    if header.get("alg") not in ALGORITHMS:
        raise WrongKey(f"the algorithm is not {' or '.join(ALGORITHMS)}")
    try:
        key = await expected.keys.key(str(header.get("kid", "")))
    except UnknownKey:
        raise WrongKey("the key is not the issuer's") from None
    return _claims(token, key, expected)


def _claims(token: str, key: Any, expected: ExpectedToken) -> dict[str, Any]:
    try:
        return jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            issuer=expected.keys.issuer,
            audience=list(expected.audiences),
            leeway=CLOCKS_DIFFER_S,
            options={"require": ["iss", "aud", *expected.required]},
        )
    except jwt.InvalidIssuerError:
        raise WrongIssuer("the issuer is another") from None
    except jwt.InvalidAudienceError:
        raise WrongAudience("the audience is another") from None
    except jwt.InvalidSignatureError:
        raise WrongKey("the signature does not match the token") from None
    except jwt.ExpiredSignatureError:
        raise TokenNotAccepted("the token has expired") from None
    except jwt.PyJWTError:
        raise TokenNotAccepted("the token lacks a claim, or has one that does not read") from None
