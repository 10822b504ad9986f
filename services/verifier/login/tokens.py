"""
Checks ID tokens of the company's own log-in (OpenID Connect Core 1.0, sections 2 and 3.1.3.7).

Issuer, audience and algorithms are ours to say, and keys come from the issuer alone: what a token says about
where its key lies (``jku``, ``x5u``, ``jwk``) is never looked at. When the person logged in (``auth_time``)
must stand in it, for which the client asks with ``max_age``; when it was issued says nothing of the person.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

import httpx
import jwt

from shared.errors import TransientError

ALGORITHMS = ("RS256", "ES256")
CLOCKS_DIFFER = timedelta(minutes=1)
MOST_AGE = timedelta(minutes=10)
"""How long ago the person may have logged in: that is what re-authentication means (11 CCR § 7061(a))."""
KEYS_KNOWN_FOR_S = 600.0
LOOK_AGAIN_AFTER_S = 30.0
"""A token that names a key nobody knows makes us look for new keys, but not more often than this."""
MOST_BYTES = 256 << 10


class IssuerUnavailable(TransientError):
    """The issuer's keys cannot be had now."""


class TokenRefused(Exception):
    """A token does not prove anything; the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Login:
    """What a token says."""

    subject: str
    email: str | None
    """None unless the issuer has verified it."""


@dataclass
class Keys:
    """The public keys of one issuer, fetched when they are needed and not known."""

    issuer: str
    http: httpx.AsyncClient = field(repr=False)
    clock: Callable[[], float] = time.monotonic
    _keys: dict[str, Any] = field(default_factory=dict)
    _fetched_at: float = -KEYS_KNOWN_FOR_S

    async def key(self, kid: str) -> Any:
        """
        Return the key called *kid*.

        Raises:
            TokenRefused: The issuer has no such key.
            IssuerUnavailable: The issuer does not say.
        """
        age = self.clock() - self._fetched_at
        if age > KEYS_KNOWN_FOR_S or (kid not in self._keys and age > LOOK_AGAIN_AFTER_S):
            self._keys = await self._fetched()
            self._fetched_at = self.clock()
        if kid not in self._keys:
            raise TokenRefused("token_signature")
        return self._keys[kid]

    async def _fetched(self) -> dict[str, Any]:
        configuration = await self._json(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if configuration.get("issuer") != self.issuer:
            raise IssuerUnavailable("the log-in's configuration speaks of another issuer")
        found = await self._json(str(configuration.get("jwks_uri", "")))
        listed = found.get("keys")
        if not isinstance(listed, list):
            raise IssuerUnavailable("the log-in's keys do not read")
        keys = (_key(one) for one in listed)
        return {key.key_id: key for key in keys if key is not None and key.key_id}

    async def _json(self, url: str) -> Mapping[str, Any]:
        if not _unchanged_on_the_way(url):
            raise IssuerUnavailable("an address of the log-in is not https")
        try:
            answer = await self.http.get(url, follow_redirects=False)
        except httpx.HTTPError:
            raise IssuerUnavailable("the log-in does not answer") from None
        if answer.status_code != HTTPStatus.OK or len(answer.content) > MOST_BYTES:
            raise IssuerUnavailable(f"the log-in answers {answer.status_code}")
        try:
            found = answer.json()
        except ValueError:
            raise IssuerUnavailable("the log-in answers no JSON") from None
        if not isinstance(found, dict):
            raise IssuerUnavailable("the log-in answers something else")
        return found


def _unchanged_on_the_way(url: str) -> bool:
    """
    Tell whether nobody on the way can change what is read from *url*: by TLS, or as there is no way.

    Source:
        OpenID Connect Discovery 1.0, section 3: ``jwks_uri`` must use ``https``.
    """
    try:
        parsed = httpx.URL(url)
        host = parsed.host  # of a name that is no IDNA there is none: that is a UnicodeError
    except (httpx.InvalidURL, UnicodeError):
        return False
    return bool(host) and (parsed.scheme == "https" or (parsed.scheme == "http" and _here(host)))


def _here(host: str) -> bool:
    """Tell whether *host* is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _key(written: Any) -> jwt.PyJWK | None:
    """Return a key; None for one of a kind that we do not know, which is passed over (RFC 7517 section 5)."""
    try:
        return jwt.PyJWK(written) if written.get("use", "sig") == "sig" else None
    except (jwt.PyJWTError, AttributeError, KeyError, TypeError, ValueError):
        return None


async def check(token: str, keys: Keys, client: str, nonce: str, now: datetime) -> Login:
    """
    Return what *token* says, if it can be believed.

    Args:
        token: As the issuer made it.
        keys: The issuer's.
        client: Who the token must be meant for.
        nonce: What the token must repeat: it was asked for in this case.
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
    key = await keys.key(str(header.get("kid", "")))
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
    Check what the library leaves to us.

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
    Tell whether the person logged in at most :data:`MOST_AGE` ago, and not in the future.

    When the token was issued does not say so: a session of last year is renewed in silence, and then its
    tokens are new.
    """
    if not isinstance(auth_time, int | float):
        return False
    earliest, latest = now - MOST_AGE - CLOCKS_DIFFER, now + CLOCKS_DIFFER
    # Compared as it is: no number is too large for that, and NaN is nowhere between.
    return earliest.timestamp() <= auth_time <= latest.timestamp()
