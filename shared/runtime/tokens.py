"""
Verification of signed tokens of an issuer (JWS, RFC 7515; JWT, RFC 7519), by PyJWT.

Issuer, audience and algorithms are configured, and keys come from the issuer alone: a token's own statement
about its key (``jku``, ``x5u``, ``jwk``) is ignored.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from shared.runtime.jwks import KeySet, UnknownKey

CLOCKS_DIFFER_S = 60


class TokenRefused(Exception):
    """A token proves nothing; the code states the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class ExpectedToken:
    """The properties that a token must have."""

    keys: KeySet
    """The issuer's keys."""
    audiences: Collection[str]
    """The token names at least one of them."""
    required: tuple[str, ...]
    """Required claims."""
    algorithms: tuple[str, ...] = ("RS256",)


async def verified_claims(token: str, expected: ExpectedToken) -> Mapping[str, Any]:
    """
    Return the claims of *token*: it is the issuer's, for this company, and valid now.

    Raises:
        TokenRefused: It is not.
        IssuerUnavailable: The issuer's keys are unavailable now.
    """
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in expected.algorithms:
            raise TokenRefused("token_alg")
        key = await expected.keys.key(str(header.get("kid", "")))
    except (jwt.PyJWTError, UnicodeError, UnknownKey):  # half of a pair of surrogates has no bytes
        raise TokenRefused("token_signature") from None
    try:
        return jwt.decode(
            token,
            key,
            algorithms=expected.algorithms,
            issuer=expected.keys.issuer,
            audience=expected.audiences,
            leeway=CLOCKS_DIFFER_S,
            options={"require": ["iss", "aud", *expected.required]},
        )
    except jwt.PyJWTError as error:
        raise TokenRefused(_code(error)) from None


def _code(error: jwt.PyJWTError) -> str:
    return next((code for kind, code in _CODES if isinstance(error, kind)), "token_incomplete")


_CODES: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.InvalidSignatureError, "token_signature"),
    (jwt.ExpiredSignatureError, "token_expired"),
    (jwt.InvalidAudienceError, "token_audience"),
    (jwt.InvalidIssuerError, "token_issuer"),
    (jwt.ImmatureSignatureError, "token_iat"),
    (jwt.InvalidIssuedAtError, "token_iat"),
    (jwt.InvalidAlgorithmError, "token_alg"),
)
