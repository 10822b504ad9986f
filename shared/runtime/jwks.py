"""
Public keys of an issuer (JSON Web Key Set, RFC 7517): fetched when needed, kept for a while.

Where they lie is ours to say, or the issuer's configuration; a token's own statement (``jku``, ``x5u``,
``jwk``) is never looked at. They are fetched by TLS alone, or from this very machine; an issuer
outside may name no address inside.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx
import jwt

from shared.errors import TransientError
from shared.runtime.hosts import is_local
from shared.runtime.safe_http import NOT_PACKED, NotAllowed, addresses_of, is_public
from shared.runtime.tls import cause_of

KEYS_KNOWN_FOR_S = 600.0
LOOK_AGAIN_AFTER_S = 30.0
"""
A token that names an unknown key makes us look for new keys, but not more often than this; nor do we look
again sooner after a failure.
"""
MOST_BYTES = 256 << 10
ISSUER_TIMEOUT_S = 10.0


class IssuerUnavailable(TransientError):
    """The issuer's keys cannot be had now."""


class UnknownKey(Exception):
    """The issuer has no such key."""


@dataclass
class KeySet:
    """The public keys of one issuer, fetched when they are needed and not known."""

    issuer: str
    http: httpx.AsyncClient = field(repr=False)
    clock: Callable[[], float] = time.monotonic
    url: str = ""
    """Where the keys lie; empty: the issuer's configuration says so (OpenID Connect Discovery 1.0)."""
    resolve: Callable[[httpx.URL], Awaitable[Sequence[str]]] = field(default=addresses_of, repr=False)
    _keys: dict[str, Any] = field(default_factory=dict)
    _fetched_at: float = -KEYS_KNOWN_FOR_S
    _failed_at: float | None = None
    _fetching: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> Any:
        """
        Return the key called *kid*.

        Raises:
            UnknownKey: The issuer has no such key.
            IssuerUnavailable: The issuer does not say.
        """
        age = self.clock() - self._fetched_at
        if age > KEYS_KNOWN_FOR_S or (kid not in self._keys and age > LOOK_AGAIN_AFTER_S):
            await self._fetch_once()
        if kid not in self._keys:
            raise UnknownKey("the issuer has no such key")
        return self._keys[kid]

    async def _fetch_once(self) -> None:
        """Fetch the keys; calls that come meanwhile wait for the same answer."""
        if self._failed_at is not None and self.clock() - self._failed_at <= LOOK_AGAIN_AFTER_S:
            raise IssuerUnavailable("the issuer did not say a moment ago")
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._ended)
        # One waiting call may be cancelled; the others still want the keys.
        await asyncio.shield(self._fetching)

    def _ended(self, fetching: asyncio.Task[None]) -> None:
        self._fetching = None
        # Retrieve the exception, also when no call waits any more.
        failed = not fetching.cancelled() and fetching.exception() is not None
        self._failed_at = self.clock() if failed else None

    async def _fetch(self) -> None:
        found = await self._json(self.url or await self.endpoint("jwks_uri"))
        listed = found.get("keys")
        if not isinstance(listed, list):
            raise IssuerUnavailable("the issuer's keys do not read")
        keys = (_key(one) for one in listed)
        self._keys = {key.key_id: key for key in keys if key is not None and key.key_id}
        self._fetched_at = self.clock()

    async def endpoint(self, name: str) -> str:
        """
        Return the address *name* of the issuer's configuration (OpenID Connect Discovery 1.0, section 3).

        Raises:
            IssuerUnavailable: The issuer does not say, or names one that may not be used.
        """
        configuration = await self._json(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if configuration.get("issuer") != self.issuer:
            raise IssuerUnavailable("the issuer's configuration speaks of another issuer")
        url = str(configuration.get(name, ""))
        await self._check_external(url)
        return url

    async def _check_external(self, url: str) -> None:
        """Refuse an internal address of an external issuer; an internal issuer may have one."""
        _must_be_unchanged(url)
        if await self._is_outside(self.issuer) and not await self._is_outside(url):
            raise IssuerUnavailable("the issuer's keys lie inside")

    async def _is_outside(self, url: str) -> bool:
        try:
            return all(map(is_public, await self.resolve(httpx.URL(url))))
        except (NotAllowed, OSError):
            raise IssuerUnavailable("a host of the issuer is not known") from None

    async def _json(self, url: str) -> Mapping[str, Any]:
        _must_be_unchanged(url)
        try:
            found = json.loads(await self._body(url))
        except httpx.HTTPError as error:
            raise IssuerUnavailable(f"the issuer does not answer: {cause_of(error)}") from None
        except (ValueError, RecursionError):
            raise IssuerUnavailable("the issuer answers no JSON") from None
        if not isinstance(found, dict):
            raise IssuerUnavailable("the issuer answers something else")
        return found

    async def _body(self, url: str) -> bytes:
        body = bytearray()
        async with self.http.stream("GET", url, headers=NOT_PACKED, follow_redirects=False) as answer:
            if answer.status_code != HTTPStatus.OK:
                raise IssuerUnavailable(f"the issuer answers {answer.status_code}")
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    raise IssuerUnavailable("the issuer answers too much")
        return bytes(body)


def _must_be_unchanged(url: str) -> None:
    if not _unchanged_on_the_way(url):
        raise IssuerUnavailable("an address of the issuer is not https")


def _unchanged_on_the_way(url: str) -> bool:
    """
    Return whether the content of *url* cannot be changed on the way: by TLS, or as there is no way.

    Source:
        OpenID Connect Discovery 1.0, section 3: ``jwks_uri`` must use ``https``.
    """
    try:
        parsed = httpx.URL(url)
        host = parsed.host  # of a name that is no IDNA there is none: that is a UnicodeError
    except (httpx.InvalidURL, UnicodeError):
        return False
    return bool(host) and (parsed.scheme == "https" or (parsed.scheme == "http" and is_local(host)))


def _key(written: Any) -> jwt.PyJWK | None:
    """Return a key; None for one of a kind that we do not know, which is passed over (RFC 7517 section 5)."""
    try:
        return jwt.PyJWK(written) if written.get("use", "sig") == "sig" else None
    except (jwt.PyJWTError, AttributeError, KeyError, TypeError, ValueError):
        return None
