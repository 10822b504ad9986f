"""The API of one office with every channel, and what opens each: credentials, and ids of requests."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, MockTransport
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.intake.channels.drp.api import drp_app
from services.intake.channels.fides.api import FidesContext, fides_app
from services.intake.channels.fides.clients import Clients
from services.intake.channels.fides.consents import Consents
from services.intake.channels.fides.reviews import Reviews
from services.intake.channels.fides.service import FidesService
from services.intake.channels.opendsr.api import opendsr_app
from services.intake.channels.webhooks import apple, risc
from services.intake.channels.webhooks.service import WebhookService, webhooks_app
from services.intake.http.staff_actions import StaffActions, action_routes
from services.intake.http.staff_decisions import StaffDecisions, staff_decisions
from services.intake.http.staff_search import StaffSearch, search_routes
from services.intake.http.staff_sessions import StaffSessions, session_routes
from shared.runtime.jwks import KeySet
from shared.runtime.tokens import ExpectedToken
from tests.unit import agents, controllers, fides_clients, platforms
from tests.unit.fakes import PRACTICE, Office
from tests.unit.intake_api import BEARER, CASE, FORGIVING, ROOT, UNLIMITED, answered, app_of

TOKEN = "an opaque token"
SHOPIFY = "/webhooks/shopify"
AT_ONCE = partial(asyncio.sleep, 0)
"""Waits for nothing: each call of a test has an event loop of its own."""


@dataclass(frozen=True, slots=True)
class EveryChannel:
    """An office that serves every channel."""

    office: Office
    app: ASGIApp
    ids: Mapping[str, Sequence[str]]
    """Tag → ids of requests that its calls may name."""

    def credential(self, tag: str) -> Mapping[str, str]:
        """Return the headers that open the channel *tag*."""
        return HEADERS.get(tag, BEARER)


class _Register:
    """Finds no fault in any decision."""

    def salt(self, name: str) -> bytes:
        return name.encode()

    async def account(self, _name: str) -> None:
        return None

    async def accounts(self) -> AsyncIterator[Any]:
        for account in list[Any]():
            yield account

    async def flaw(self, *_decision: Any) -> None:
        return None

    async def outcomes(self, _event_id: str) -> Sequence[Any]:
        return ()


class _NoIncidents:
    """Knows no incident."""

    async def cases_between(self, _first: str, _last: str) -> list[str]:
        return []


@dataclass(frozen=True, slots=True)
class _SignedByShopify:
    """Signs the bodies of Shopify's webhooks, as the platform does."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") != SHOPIFY:
            await self.app(scope, receive, send)
            return
        body, more = bytearray(), True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        signed = (b"x-shopify-hmac-sha256", platforms.hmac_of(bytes(body)).encode())
        others = [header for header in scope["headers"] if header[0] != signed[0]]

        async def whole() -> Message:
            return {"type": "http.request", "body": bytes(body)}

        await self.app({**scope, "headers": [*others, signed]}, whole, send)


async def every_channel() -> EveryChannel:
    """Return an office with a request by each channel, on one application."""
    office = await answered()
    office.requests = replace(office.requests, acts=UNLIMITED)
    protocols = {
        "/drp": drp_app(_business(office)),
        "/opendsr": opendsr_app(controllers.desk_of(office, per_hour=10**9)),
        "/fides": _fides(office),
        "/webhooks": webhooks_app(_webhooks(office)),
    }
    app = app_of(office.requests, protocols=protocols, attempts=FORGIVING)
    register: Any = _Register()
    incidents: Any = _NoIncidents()
    staff = StaffDecisions(office.requests, register, office.clock, UNLIMITED, incidents)
    app.include_router(staff_decisions(staff, ROOT))
    sessions = StaffSessions(office.requests, register, office.clock)
    app.include_router(session_routes(sessions))
    app.include_router(action_routes(StaffActions(office.requests, sessions, UNLIMITED)))
    app.include_router(search_routes(StaffSearch(sessions, office.requesters, UNLIMITED)))
    signed = _SignedByShopify(app)
    async with AsyncClient(transport=ASGITransport(signed), base_url=ROOT) as http:
        return EveryChannel(office, signed, await _ids(office, http))


def _business(office: Office) -> Any:
    tokens = agents.Tokens(tokens={"AGENT_ONE": TOKEN})
    return replace(agents.desk_of(office), tokens=tokens)


def _fides(office: Office) -> FastAPI:
    tokens = fides_clients.MemoryTokens({TOKEN: ("scripts", datetime.max.replace(tzinfo=UTC))})
    service = FidesService(
        office.requests, fides_clients.MemoryLedger(), fides_clients.POLICIES, PRACTICE, ROOT, AT_ONCE
    )
    reviews = Reviews(service, fides_clients.CLIENTS)
    consents = Consents(service, fides_clients.MemoryOpenConsents())
    clients = Clients(fides_clients.CLIENTS, tokens, office.clock)
    return fides_app(FidesContext(service, reviews, consents, clients, UNLIMITED))


def _webhooks(office: Office) -> WebhookService:
    keys = KeySet(apple.ISSUER, AsyncClient(transport=MockTransport(platforms.SIGNER.answer)), url=apple.KEYS)
    expected = ExpectedToken(keys, frozenset({platforms.CLIENT}), apple.REQUIRED)
    issuer = ExpectedToken(
        replace(keys, issuer=platforms.ISSUER), frozenset({platforms.CLIENT}), risc.REQUIRED
    )
    return WebhookService(office.requests, (platforms.SHOPIFY,), (platforms.META,), expected, issuer, ROOT)


async def _ids(office: Office, http: AsyncClient) -> Mapping[str, Sequence[str]]:
    """Make a request by each channel; return the ids by tag."""
    agent = agents.Calling(office, http, token=TOKEN)
    controller = controllers.Calling(office, controllers.desk_of(office), http)
    item = {"identity": {"email": fides_clients.EMAIL}, "policy_key": "default_access_policy"}
    made = await http.post("/fides/api/v1/privacy-request", json=[item])
    begun = await http.post("/fides/api/v1/consent-request", json={"identity": item["identity"]})
    return {
        "requests": [CASE],
        "drp": [await agent.made(), "AGENT_ONE"],
        "opendsr": [
            await controller.made(version, subject_request_type=kind)
            for version, kind in (("1", "erasure"), ("2", "access"), ("3", "portability"))
        ],
        "fides": [made.json()["succeeded"][0]["id"], begun.json()["consent_request_id"]],
    }


def _basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


HEADERS: Mapping[str, Mapping[str, str]] = {
    "drp": {"Authorization": f"Bearer {TOKEN}"},
    "fides": {"Authorization": f"Bearer {TOKEN}"},
    "opendsr": _basic(f"shop-key:{controllers.SECRETS['shop']}"),
}
