"""Callers of the HTTP API: their keys, and the limits of the requests and bodies that they send."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi import HTTPException, Request
from pydantic import SecretStr
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.intake.channels.csv import upload
from services.intake.domain import PUBLIC_SOURCE
from services.intake.http import staff_actions, staff_decisions, uploads
from services.intake.http.failed_attempts import (
    BEHIND_CONSOLE,
    FailedAttempts,
    network_behind,
    network_of_client,
)
from shared.contract.envelope import MAX_BODY
from shared.contract.events import MOST_DOCUMENT_BYTES, SESSION_ID
from shared.contract.sources import Source
from shared.contract.staff import session_token
from shared.runtime.client_limits import HOUR_S, Allowance, BytesInFlight, network_of
from shared.runtime.http_problems import problem

TOO_MANY_WRONG = "Too many wrong credentials came from this address; try again in an hour."
STAFF = "/v1/staff/"
"""Beginning of the paths that accept secrets of staff sessions alone."""
TOKENS = "/oauth/token"
"""End of the paths of secrets in a form."""
TOO_MANY = "Too many requests from this address."
MOST_IN_FLIGHT = 96 << 20
"""Bytes of unfinished bodies in one process; a form takes about three times as much memory."""
MOST_OF_ONE = MOST_IN_FLIGHT // 2

UPLOADING = re.compile(r"/v1/requests/[0-9a-f]{32}/proofs|/requests/[0-9a-f]{32}/documents")
"""Paths for documents."""


@dataclass(frozen=True, slots=True)
class Callers:
    """The callers that may lodge requests: upstream systems by key, people within the public limit."""

    keys: Mapping[Source, SecretStr]
    public: Allowance
    """The limit of requests without a key: once it is reached, no body is read."""
    console: str = field(default="", repr=False)
    """Credential of the console (shared.runtime.console_credential)."""
    in_flight: BytesInFlight = field(default_factory=lambda: BytesInFlight(MOST_IN_FLIGHT, MOST_OF_ONE))
    attempts: FailedAttempts = field(default_factory=FailedAttempts)

    def source_of(self, request: Request) -> Source:
        """Return the CloudEvents source of the caller; refuse a wrong key, or one request above the limit."""
        if "authorization" in request.headers:
            return self.system(request)
        if not self.public.take(network_of_client(request)):
            raise HTTPException(429, TOO_MANY, {"Retry-After": "3600"})
        return PUBLIC_SOURCE

    def system(self, request: Request) -> Source:
        """Return the CloudEvents source of the calling upstream system; answer 401 without a known key."""
        scheme, _, offered = request.headers.get("authorization", "").partition(" ")
        shown = offered.strip().encode()
        keys = {source: key.get_secret_value().encode() for source, key in self.keys.items()}
        # Each key is compared, for constant time.
        fitting = [source for source, key in keys.items() if hmac.compare_digest(key, shown)]
        if fitting and scheme.lower() == "bearer":
            return fitting[0]
        raise HTTPException(401, "This API key is not known.", {"WWW-Authenticate": "Bearer"})


@dataclass(frozen=True, slots=True)
class SmallBodies:
    """
    Refuses bodies over the limit of the bus before they are in memory; proofs have their own limit.

    A form with files is moved from memory to a disk above the same size: none gets there. The bodies of all
    requests together are limited, and those of one client.
    """

    app: ASGIApp
    callers: Callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the received bytes."""
        limit, client = _limit_of(scope.get("path", "")), network_of((scope.get("client") or ("",))[0])
        seen = held = 0
        lodges = scope.get("path") == "/v1/requests" and scope.get("method") == "POST"
        public = lodges and all(name != b"authorization" for name, _ in scope["headers"])
        refused = public and not self.callers.public.left(client)

        async def counted() -> Message:
            nonlocal seen, held
            if refused:
                raise HTTPException(429, TOO_MANY, {"Retry-After": "3600"})
            message = await receive()
            size = len(message.get("body", b""))
            seen += size
            if seen > limit:
                raise HTTPException(413, f"The body is larger than {limit} bytes.")
            if not self.callers.in_flight.take(client, size):
                raise HTTPException(503, "Too much is being uploaded. Try again.", {"Retry-After": "60"})
            held += size
            return message

        try:
            await self.app(scope, counted, send)
        finally:
            self.callers.in_flight.give_back(client, held)


def _limit_of(path: str) -> int:
    """Return the limit of a body in bytes."""
    if path == upload.PATH:
        return upload.MOST_BYTES
    if path == staff_decisions.PACKAGE_PATH:
        return staff_decisions.MOST_WITH_PACKAGE
    if staff_actions.FILES.fullmatch(path):
        return MOST_DOCUMENT_BYTES
    return uploads.MOST_BODY if UPLOADING.fullmatch(path) else MAX_BODY


@dataclass(frozen=True, slots=True)
class AttemptLimit:
    """
    Answers 429 to a network with too many refused credentials, before any comparison.

    Secrets of staff sessions that the console passes on for its clients count for each secret alone: an ended
    one, shown again and again, stops no colleague in the same network.
    """

    app: ASGIApp
    callers: Callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count 401 answers to requests with a credential."""
        if scope["type"] != "http" or not _shows_credential(scope):
            await self.app(scope, receive, send)
            return
        connection, failed = HTTPConnection(scope), self.callers.attempts
        counts, network = _counted(connection, network_behind(connection, self.callers.console), failed)
        if network and not counts.left(network):
            refused = problem(HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY_WRONG, {"Retry-After": str(int(HOUR_S))})
            await refused(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if network and message.get("status") == HTTPStatus.UNAUTHORIZED:
                counts.take(network)
            await send(message)

        await self.app(scope, receive, counted)


def _counted(connection: HTTPConnection, network: str, failed: FailedAttempts) -> tuple[Allowance, str]:
    """Return the allowance that a refused credential uses up, and the name that it counts for."""
    if not network.startswith(BEHIND_CONSOLE) or not str(connection.scope["path"]).startswith(STAFF):
        return failed.of_networks, network
    secret = connection.headers.get("authorization", "").partition(" ")[2].strip()
    return failed.of_sessions, f"{network} {session_token(secret)[:SESSION_ID]}"


def _shows_credential(scope: Scope) -> bool:
    named = any(name == b"authorization" for name, _ in scope["headers"])
    return named or str(scope["path"]).endswith(TOKENS)
