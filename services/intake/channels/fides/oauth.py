"""Authentication of clients: a secret gives a token for a while (RFC 6749 section 4.4)."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol

from fastapi import FastAPI, Request

from services.intake.channels.fides.clients import Client, ClientScope, shows_secret
from services.intake.channels.fides.errors import FidesCallRefused
from services.intake.channels.fides.tokens import LIFETIME
from services.intake.http import uploads
from services.intake.http.failed_attempts import FailedAttempts, network_of_client

GRANT = "client_credentials"
NOT_KNOWN = "Authentication Failure"
MOST_FIELDS = 10


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
        """
        Return a new token for a client that presents its secret from *network*.

        Raises:
            FidesCallRefused: The secret is wrong, or the client unknown: the answer is the same.
            TooManyAttempts: Too many wrong secrets.
        """
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
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            shown = token.strip() if scheme.lower() == "bearer" else ""
            client_id = await self.tokens.holder(shown, self.clock()) if shown else None
            if client_id is None or client_id not in self.known:
                raise FidesCallRefused(
                    HTTPStatus.UNAUTHORIZED, "A bearer token is needed that has not expired."
                )
            if scope not in self.known[client_id].scopes:
                raise FidesCallRefused(
                    HTTPStatus.FORBIDDEN, f"Not authorized for this action: {scope} is needed."
                )
            return client_id

        return caller


def token_route(app: FastAPI, path: str, clients: Clients) -> None:
    """Add the token route at *path*: for a form of either type, or HTTP Basic."""

    @app.post(path)
    async def token(request: Request) -> dict[str, Any]:
        uploads.must_be_utf8(request)
        form = await request.form(max_files=0, max_fields=MOST_FIELDS)
        said = {name: value for name, value in form.items() if isinstance(value, str)}
        if said.get("grant_type", GRANT) != GRANT:
            raise FidesCallRefused(HTTPStatus.BAD_REQUEST, f"unsupported_grant_type: only {GRANT} is served")
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
