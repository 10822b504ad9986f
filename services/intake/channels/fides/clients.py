"""
The clients of Fides, their permissions and tokens.

A secret gives a token for a while (RFC 6749 section 4.4). Tokens are kept in the database, for all replicas
and after a restart; as a keyed hash, so that reading the database does not allow calls.

Raises:
    FidesCallRefused: A secret is wrong, or the client unknown (the same answer), or not permitted to do it.
    TooManyAttempts: Too many wrong secrets.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from services.intake.channels.fides.bodies import FidesCallRefused, bad_request
from services.intake.channels.protocols import bearer_token
from services.intake.domain import PUBLIC_SOURCE
from services.intake.http import uploads
from services.intake.http.failed_attempts import FailedAttempts, network_of_client
from shared.contract.events import Code, Decision
from shared.contract.sources import ChannelSource, Source, channel_source
from shared.contract.staff import signed
from shared.runtime.mongo import Database, insert_new, translated

SECRET_CHARACTERS = 16
"""Shorter secrets can be guessed."""
KEY_BYTES, TOKEN_BYTES = 32, 32
LIFETIME = timedelta(hours=1)
GRANT = "client_credentials"
NOT_KNOWN = "Authentication Failure"
MOST_FIELDS = 10


class ClientScope(StrEnum):
    """A permission of a client."""

    CREATE = "privacy-request:create"
    READ = "privacy-request:read"
    REVIEW = "privacy-request:review"
    ACCESS_RESULTS = "privacy-request-access-results:read"


def _a_key(key: SecretStr) -> SecretStr:
    try:
        seed = base64.b64decode(key.get_secret_value(), validate=True)
    except binascii.Error:
        seed = b""
    if len(seed) != KEY_BYTES:
        raise ValueError(f"must be base64 of {KEY_BYTES} bytes")
    return key


class Client(BaseModel):
    """A system with its own credentials."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    secret: Annotated[SecretStr, Field(min_length=SECRET_CHARACTERS)]
    scopes: frozenset[ClientScope]
    account: Code | None = None
    """Staff account of a program that the client decides as; without one it decides nothing."""
    key: Annotated[SecretStr, AfterValidator(_a_key)] | None = None
    """Key of that account: base64 of 32 bytes, as `habeas staff add-program` prints it."""

    @model_validator(mode="after")
    def _has_both(self) -> "Client":
        if (self.account is None) is not (self.key is None):
            raise ValueError("account and key belong together")
        return self

    def signed(self, decision: Decision, nonce: str, now: datetime) -> Decision:
        """Return *decision*, signed by the client's account. Raises ValueError: it has none."""
        if self.account is None or self.key is None:
            raise ValueError("the client has no staff account")
        seed = base64.b64decode(self.key.get_secret_value())
        own = decision.model_copy(update={"by": self.account})
        return signed(own, Ed25519PrivateKey.from_private_bytes(seed), at=now, nonce=nonce)


def source_of(client_id: str | None) -> Source:
    """Return the CloudEvents source of the client's requests; None: a caller without a token."""
    return PUBLIC_SOURCE if client_id is None else channel_source(ChannelSource.FIDES, client_id)


def shows_secret(clients: Mapping[str, Client], client_id: str, secret: str) -> bool:
    """Return whether *secret* is the client's, in constant time."""
    client = clients.get(client_id)
    right = client.secret.get_secret_value() if client else ""
    return hmac.compare_digest(right.encode(), secret.encode("utf-8", "surrogatepass")) and client is not None


class FidesTokens:
    """The tokens of clients; one client may have several."""

    def __init__(self, database: Database, key: bytes) -> None:
        self._tokens = database["fides_tokens"]
        self._key = key

    async def prepare(self) -> None:
        """Create the index that expires them."""
        with translated("index the tokens of clients"):
            await self._tokens.create_index("expires_at", expireAfterSeconds=0)

    async def issue(self, client_id: str, expires_at: datetime) -> str:
        """Return a new token for a client, good until *expires_at*."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        kept = {"_id": self._hashed(token), "client": client_id, "expires_at": expires_at}
        await insert_new(self._tokens, [kept])
        return token

    async def holder(self, token: str, now: datetime) -> str | None:
        """Return the client with the token; None if it is unknown, or expired by *now*."""
        with translated("find a token of a client"):
            found = await self._tokens.find_one({"_id": self._hashed(token)})
        return None if found is None or found["expires_at"] <= now else str(found["client"])

    def _hashed(self, token: str) -> str:
        return hmac.new(self._key, token.encode("utf-8", "surrogatepass"), sha256).hexdigest()


class FidesTokenPort(Protocol):
    """The clients of bearer tokens."""

    async def issue(self, client_id: str, expires_at: datetime) -> str:
        """Return a new token for a client, good until *expires_at*."""

    async def holder(self, token: str, now: datetime) -> str | None:
        """Return the client with the token; None if it is unknown, or expired by *now*."""


@dataclass(frozen=True, slots=True)
class Clients:
    """The configured clients."""

    known: Mapping[str, Client]
    tokens: FidesTokenPort
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    attempts: FailedAttempts = field(default_factory=FailedAttempts)

    async def token(self, client_id: str, secret: str, network: str) -> dict[str, Any]:
        """Return a new token for a client that presents its secret from *network*."""
        right = partial(shows_secret, self.known, client_id, secret)
        if not self.attempts.shown(client_id, network, lambda: right() or None):
            raise FidesCallRefused(HTTPStatus.UNAUTHORIZED, NOT_KNOWN)
        expires_at = self.clock() + LIFETIME
        return {
            "access_token": await self.tokens.issue(client_id, expires_at),
            "token_type": "Bearer",
            "expires_in": int(LIFETIME.total_seconds()),
            "expires_at": expires_at.isoformat(),
        }

    def may(self, scope: ClientScope) -> Callable[[Request], Awaitable[str]]:
        """Return a dependency that identifies the calling client and requires *scope*."""

        async def caller(request: Request) -> str:
            shown = bearer_token(request)
            client_id = await self.tokens.holder(shown, self.clock()) if shown else None
            if client_id is None or client_id not in self.known:
                message = "A bearer token is needed that has not expired."
                raise FidesCallRefused(HTTPStatus.UNAUTHORIZED, message)
            if scope not in self.known[client_id].scopes:
                message = f"Not authorized for this action: {scope} is needed."
                raise FidesCallRefused(HTTPStatus.FORBIDDEN, message)
            return client_id

        return caller


def token_route(app: FastAPI, path: str, clients: Clients, **described: Any) -> None:
    """Add the token route at *path*: for a form of either type, or HTTP Basic."""

    @app.post(path, response_model=None, **described)
    async def token(request: Request) -> dict[str, Any]:
        """Return a token for a client that presents its secret in a form, or by HTTP Basic."""
        uploads.must_be_utf8(request)
        form = await request.form(max_files=0, max_fields=MOST_FIELDS)
        said = {name: value for name, value in form.items() if isinstance(value, str)}
        if said.get("grant_type", GRANT) != GRANT:
            raise bad_request(f"unsupported_grant_type: only {GRANT} is served")
        client_id, secret = said.get("client_id"), said.get("client_secret")
        if not (client_id and secret):
            client_id, secret = _basic(request.headers.get("authorization", ""))
        return await clients.token(client_id, secret, network_of_client(request))


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        shown = base64.b64decode(encoded.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        shown = ""
    client_id, _, secret = shown.partition(":")
    return client_id, secret
