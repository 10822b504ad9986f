"""
Authorised agents, and the business that they call by the Data Rights Protocol.

They sign with libsodium, as the protocol says it; what checks their signatures is another library.
"""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

from httpx import AsyncClient, Response
from nacl.signing import SigningKey
from starlette.types import ASGIApp, Receive, Scope, Send

from services.intake.channels.drp.agents import ListedAgent
from services.intake.channels.drp.api import drp_app
from services.intake.channels.drp.messages import SIGNATURE_BYTES
from services.intake.channels.drp.service import DrpService
from services.intake.http.callbacks import LEASE, CallbackProtocol, WatchedRequest
from tests.unit.fakes import PRACTICE, Office
from tests.unit.intake_api import Behind, client_of

BUSINESS = "EXAMPLE_NETWORKS_01"
ROOT = "https://privacy.example.com"
KEYS = {name: SigningKey(bytes([number]) * 32) for number, name in enumerate(("ONE", "TWO", "STRANGER"))}
REQUESTS = "/drp/v1/data-rights-request"


def listed(name: str) -> dict[str, str]:
    """Return the entry of an agent in the service directory."""
    return {
        "id": f"AGENT_{name}",
        "name": f"Agency {name.title()}",
        "verify_key": base64.b64encode(bytes(KEYS[name].verify_key)).decode(),
        "web_url": f"https://{name.lower()}.agency.example",
        "identity_assurance_url": f"https://{name.lower()}.agency.example/assurance",
        "technical_contact": f"tech@{name.lower()}.agency.example",
        "business_contact": f"people@{name.lower()}.agency.example",
    }


LISTED = {f"AGENT_{name}": ListedAgent.model_validate(listed(name)) for name in ("ONE", "TWO")}


@dataclass
class Tokens:
    """What :class:`services.intake.channels.drp.agents.DrpTokens` promises, in memory."""

    tokens: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    async def issue(self, agent: str, message: str, expires_at: datetime) -> str | None:
        del expires_at
        if message in self.used:
            return None
        self.used.add(message)
        self.tokens[agent] = f"token-{agent}-{len(self.used)}"
        return self.tokens[agent]

    async def holder(self, token: str) -> str | None:
        return next((agent for agent, kept in self.tokens.items() if kept == token), None)


@dataclass
class Watch:
    """What :class:`services.intake.http.callbacks.WatchedRequests` promises, in memory."""

    watched: dict[str, tuple[datetime, WatchedRequest]] = field(default_factory=dict)

    async def add(self, name: str, now: datetime) -> None:
        self.watched.setdefault(name, (now, WatchedRequest(name, now)))

    async def take(self, now: datetime) -> WatchedRequest | None:
        due = [one for at, one in self.watched.values() if at <= now]
        if due:
            self.watched[due[0].name] = now + LEASE, due[0]
        return due[0] if due else None

    async def look_again(self, watched: WatchedRequest, at: datetime) -> None:
        self.watched[watched.name] = at, watched

    async def end(self, name: str) -> None:
        del self.watched[name]


async def look(telling: CallbackProtocol) -> None:
    """Look at all requests that it is time to look at, one after another."""
    while (watched := await telling.watch.take(telling.clock())) is not None:
        await telling.look(watched)


def desk_of(office: Office) -> DrpService:
    return DrpService(office.requests, Tokens(), Watch(), LISTED, BUSINESS, PRACTICE, ROOT)


DESK: ContextVar[DrpService] = ContextVar("DESK")


@cache
def business() -> ASGIApp:
    """Return the application that agents call, made once for all tests."""
    return drp_app(cast("DrpService", Behind(DESK.get)))


@asynccontextmanager
async def calling(
    office: Office, name: str = "ONE", *, desk: DrpService | None = None
) -> AsyncIterator["Calling"]:
    """Let the agent called *name* call the business, with a token once it has set one up."""
    called = desk or desk_of(office)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        DESK.set(called)
        await business()(scope, receive, send)

    async with client_of(office.requests, drp=app) as http:
        yield Calling(office, http, name)


@dataclass
class Calling:
    """An agent that calls."""

    office: Office
    http: AsyncClient
    name: str = "ONE"
    token: str = ""

    @property
    def id(self) -> str:
        return f"AGENT_{self.name}"

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def times(
        self, *, issued: timedelta = timedelta(), lasts: timedelta = timedelta(minutes=15)
    ) -> dict[str, str]:
        issued_at = self.office.clock() + issued
        return {
            "issued-at": issued_at.isoformat(timespec="milliseconds"),
            "expires-at": (issued_at + lasts).isoformat(timespec="milliseconds"),
        }

    def set_up_message(self, **changes: Any) -> dict[str, Any]:
        who = {"agent-id": self.id, "business-id": BUSINESS, "drp.version": "1.0"}
        return changed({**who, **self.times()}, changes)

    def exercise_message(self, **changes: Any) -> dict[str, Any]:
        return changed({**self.set_up_message(), **PERSON, "exercise": "deletion", "regime": "ccpa"}, changes)

    def signed(self, message: Any, *, by: str | None = None) -> bytes:
        content = message if isinstance(message, bytes) else json.dumps(message).encode()
        return base64.b64encode(KEYS[by or self.name].sign(content))

    async def set_up(self, body: bytes | None = None, *, agent: str | None = None) -> Response:
        """Set a pair-wise key up and keep the token, if there is one."""
        content = self.signed(self.set_up_message()) if body is None else body
        answer = await self.post(f"/drp/v1/agent/{agent or self.id}", content)
        if answer.status_code == 200:
            self.token = answer.json()["token"]
        return answer

    async def exercise(self, body: bytes | None = None, /, **changes: Any) -> Response:
        content = self.signed(self.exercise_message(**changes)) if body is None else body
        return await self.post(REQUESTS, content, headers=self.bearer)

    async def made(self, **changes: Any) -> str:
        """Exercise a right and let the services work; return the request's id."""
        answer = await self.exercise(**changes)
        assert answer.status_code == 200, answer.text
        await self.office.work()
        return str(answer.json()["request_id"])

    async def status(self, request_id: str) -> dict[str, Any]:
        answer = await self.http.get(f"{REQUESTS}/{request_id}", headers=self.bearer)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def revoke(self, request_id: str, body: bytes | None = None) -> Response:
        content = self.signed({"reason": "changed their mind"}) if body is None else body
        # As one client does: without any Content-Type.
        return await self.http.request(
            "DELETE", f"{REQUESTS}/{request_id}", content=content, headers=self.bearer
        )

    async def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        return await self.http.post(
            path, content=body, headers={"Content-Type": "text/plain", **(headers or {})}
        )


PERSON: dict[str, Any] = {
    "name": "Quastenflosser, Ottilie",
    "email": "ottilie.quastenflosser@example.org",
    "email_verified": True,
    "phone_number": "+14155550147",
    "phone_number_verified": True,
    "address": {
        "street_address": "1 Example Road\n",
        "locality": "Sacramento",
        "region": "CA",
        "postal_code": "94203",
    },
    "address_verified": False,
    "relationships": ["customer"],
    "a-claim-of-their-own": {"nested": 1},
}


def changed(message: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return *message* with *changes*, spelt with ``_`` for ``-``; None takes a field away."""
    spelt = {name: name.replace("_", "-") for name in ("agent_id", "business_id", "issued_at", "expires_at")}
    spelt |= {"agent_request_id": "agent-request-id", "version": "drp.version"}
    named = {spelt.get(name, name): value for name, value in changes.items()}
    return {name: value for name, value in {**message, **named}.items() if value is not None}


def assert_error(response: Response, status: int, *, fatal: bool) -> dict[str, Any]:
    """Check that *response* is an error as the protocol wants it, and return it."""
    error: dict[str, Any] = response.json()
    assert response.status_code == status, error
    assert response.headers["content-type"] == "application/json"
    assert error["code"] == str(status)
    assert error["message"]
    assert error.get("fatal", False) is fatal
    assert set(error) <= {"code", "message", "fatal"}
    return error


def flipped(body: bytes, *, at: int = SIGNATURE_BYTES + 5) -> bytes:
    """Return *body* with one bit of what was signed turned."""
    signed = bytearray(base64.b64decode(body))
    signed[at] ^= 1
    return base64.b64encode(bytes(signed))
