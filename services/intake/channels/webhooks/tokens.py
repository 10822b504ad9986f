"""
Checks of tokens signed with a platform's own key (JWS, RFC 7515; JWT, RFC 7519).

Issuer, audience and algorithms are configured; keys come from the issuer alone (``shared.runtime.jwks``).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from shared.runtime.jwks import KeySet, UnknownKey

ALGORITHMS = ("RS256",)
CLOCKS_DIFFER_S = 60


class TokenNotAccepted(Exception):
    """A token is not accepted."""

    code = "invalid_request"
    """The error code of RFC 8935 section 2.4."""


class WrongKey(TokenNotAccepted):
    """It has no valid signature by a key of the issuer."""

    code = "invalid_key"


class WrongIssuer(TokenNotAccepted):
    """It has another issuer."""

    code = "invalid_issuer"


class WrongAudience(TokenNotAccepted):
    """It has another audience."""

    code = "invalid_audience"


@dataclass(frozen=True, slots=True)
class ExpectedToken:
    """The issuer and audience that a token must have."""

    keys: KeySet
    audiences: Collection[str]
    required: tuple[str, ...]
    """Required claims."""


async def claims_of(token: str, expected: ExpectedToken) -> Mapping[str, Any]:
    """
    Return the claims of *token*, if it is from the issuer, for this company, and valid now.

    Raises:
        NotBelieved: It is not.
        IssuerUnavailable: The issuer's keys are unavailable now.
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
