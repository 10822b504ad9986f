"""Clients of Fides, and the business that they call: a Privacy Center, and scripts with a token."""

import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, cast

from httpx import AsyncClient, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.intake.channels.fides.api import FidesContext, fides_app
from services.intake.channels.fides.clients import Client, Clients, ClientScope, FidesTokenPort
from services.intake.channels.fides.consents import Consents
from services.intake.channels.fides.filters import EntryRange
from services.intake.channels.fides.requests import DATA_USES, DEFAULTS, FidesPolicies
from services.intake.channels.fides.responses import FidesEntry
from services.intake.channels.fides.reviews import Reviews
from services.intake.channels.fides.service import FidesService
from services.intake.http.failed_attempts import FailedAttempts
from shared.law import Right
from shared.runtime.client_limits import Allowance
from tests.unit.fakes import PRACTICE, Office
from tests.unit.intake_api import FORGIVING, Behind, client_of

ROOT = "https://privacy.example.com"
BASE = "/fides/api/v1"
ORIGIN = "https://center.example.com"
SECRETS = {name: f"the secret of the {name}" for name in ("scripts", "readers", "reviewers", "watchers")}
ACCOUNT: Any = {"account": "fides.reviewers", "key": base64.b64encode(bytes(32)).decode()}
CLIENTS = {
    "scripts": Client(secret=SECRETS["scripts"], scopes=frozenset(ClientScope), **ACCOUNT),
    "readers": Client(secret=SECRETS["readers"], scopes=frozenset({ClientScope.READ})),
    "reviewers": Client(
        secret=SECRETS["reviewers"], scopes=frozenset({ClientScope.READ, ClientScope.REVIEW}), **ACCOUNT
    ),
    "watchers": Client(secret=SECRETS["watchers"], scopes=frozenset({ClientScope.READ, ClientScope.REVIEW})),
}
POLICIES = FidesPolicies(
    {**DEFAULTS, "no_mail": "direct_marketing", "leave_me": Right.CONSENT_WITHDRAWAL}, DATA_USES
)
EMAIL = "ottilie.quastenflosser@example.org"


@dataclass
class MemoryTokens:
    """What :class:`services.intake.channels.fides.clients.FidesTokens` promises, in memory."""

    tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    async def issue(self, client_id: str, expires_at: datetime) -> str:
        token = f"token-{len(self.tokens)}"
        self.tokens[token] = client_id, expires_at
        return token

    async def holder(self, token: str, now: datetime) -> str | None:
        client, until = self.tokens.get(token, ("", now))
        return client if now < until else None


@dataclass
class MemoryLedger:
    """
    What :class:`services.intake.channels.fides.ledger.FidesLedger` promises, in memory; a batch holds
    two.
    """

    entries: dict[str, FidesEntry] = field(default_factory=dict)

    async def add(self, entry: FidesEntry) -> None:
        self.entries.setdefault(entry.case, entry)

    async def entry(self, case_id: str) -> FidesEntry | None:
        return self.entries.get(case_id)

    async def count(self, between: EntryRange) -> int:
        return len(self._of(between))

    async def batches(self, between: EntryRange, *, skip: int = 0) -> AsyncIterator[list[FidesEntry]]:
        wanted = self._of(between)[skip:]
        for at in range(0, len(wanted), 2):
            yield wanted[at : at + 2]

    def _of(self, between: EntryRange) -> list[FidesEntry]:
        after, before = between.after, between.before
        wanted = [
            one
            for one in self.entries.values()
            if (after is None or one.at > after) and (before is None or one.at < before)
        ]
        return sorted(wanted, key=lambda one: (one.at, one.case), reverse=not between.oldest_first)


@dataclass
class MemoryOpenConsents:
    """What :class:`services.intake.channels.fides.consents.OpenConsents` promises, in memory."""

    until: dict[str, datetime] = field(default_factory=dict)

    async def add(self, consent_id: str, expires_at: datetime) -> None:
        self.until[consent_id] = expires_at

    async def is_open(self, consent_id: str, now: datetime) -> bool:
        return consent_id in self.until and now < self.until[consent_id]


@dataclass
class Calling:
    """Somebody who calls, with a token or without."""

    office: Office
    http: AsyncClient
    ledger: MemoryLedger
    desk: FidesService
    token: str = ""

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def call(self, method: str, path: str, body: Any = None, **params: Any) -> Response:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        return await self.http.request(
            method, f"{BASE}{path}", content=content, params=params, headers=self.bearer
        )

    async def log_in(self, name: str = "scripts") -> None:
        form = {"grant_type": "client_credentials", "client_id": name, "client_secret": SECRETS[name]}
        answer = await self.http.post(f"{BASE}/oauth/token", data=form)
        self.token = answer.raise_for_status().json()["access_token"]

    async def create(self, *items: Any, authenticated: bool = False) -> dict[str, Any]:
        path = "/privacy-request" + ("/authenticated" if authenticated else "")
        answer = await self.call("POST", path, list(items))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        assert set(found) == {"succeeded", "failed"}
        return found

    async def made(self, *, authenticated: bool = False, **changes: Any) -> str:
        """Make a request and let the services work; return what clients call it."""
        found = await self.create(item(**changes), authenticated=authenticated)
        assert found["failed"] == []
        await self.office.work()
        return str(found["succeeded"][0]["id"])

    async def search(self, page: int | None = None, size: int | None = None, **wanted: Any) -> dict[str, Any]:
        params = {name: value for name, value in (("page", page), ("size", size)) if value is not None}
        answer = await self.call("POST", "/privacy-request/search", wanted, **params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def shown(self, name: str, **wanted: Any) -> dict[str, Any]:
        (found,) = (await self.search(request_id=name, **wanted))["items"]
        return dict(found)

    def code_of(self, name: str) -> str:
        """Return the digits that were mailed."""
        held = self.office.sealed(hex_of(name))
        return next(value.decode() for key, value in held.items() if key.startswith("code_"))


CONTEXT: ContextVar[FidesContext] = ContextVar("CONTEXT")


@cache
def business() -> ASGIApp:
    """Return the application that clients call, made once for all tests."""

    def clock() -> datetime:
        return CONTEXT.get().clients.clock()

    clients = Clients(
        CLIENTS,
        cast("FidesTokenPort", Behind(lambda: CONTEXT.get().clients.tokens)),
        clock,
        cast("FailedAttempts", Behind(lambda: CONTEXT.get().clients.attempts)),
    )
    served = FidesContext(
        cast("FidesService", Behind(lambda: CONTEXT.get().service)),
        cast("Reviews", Behind(lambda: CONTEXT.get().reviews)),
        cast("Consents", Behind(lambda: CONTEXT.get().consents)),
        clients,
        cast("Allowance", Behind(lambda: CONTEXT.get().public)),
    )
    return fides_app(served, frozenset({ORIGIN}))


@asynccontextmanager
async def calling(
    office: Office,
    *,
    per_hour: int = 1000,
    policies: FidesPolicies = POLICIES,
    attempts: FailedAttempts = FORGIVING,
) -> AsyncIterator[Calling]:
    """Let clients call the business."""
    ledger, public = MemoryLedger(), Allowance(per_hour)
    desk = FidesService(office.requests, ledger, policies, PRACTICE, ROOT, office.work)
    clients = Clients(CLIENTS, MemoryTokens(), office.clock)
    context = FidesContext(
        desk, Reviews(desk, CLIENTS), Consents(desk, MemoryOpenConsents()), clients, public
    )

    async def fides(scope: Scope, receive: Receive, send: Send) -> None:
        CONTEXT.set(context)
        await business()(scope, receive, send)

    async with client_of(office.requests, public=public, attempts=attempts, fides=fides) as http:
        yield Calling(office, http, ledger, desk)


def item(**changes: Any) -> dict[str, Any]:
    """Return a request as a Privacy Center sends it; None takes a field away."""
    whole = {
        "identity": {"email": EMAIL, "phone_number": None},
        "policy_key": "default_access_policy",
        "property_id": None,
        "source": "Privacy Center",
        "location": "de",
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def hex_of(name: str) -> str:
    return name.partition("_")[2].replace("-", "")


def assert_detail(response: Response, status: int) -> str:
    """Check that *response* is an error as clients read it, and return what it says."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert set(response.json()) == {"detail"}
    return str(response.json()["detail"])


def assert_flaws(response: Response, *where: Sequence[Any]) -> None:
    """Check that *response* says what is wrong at *where*, and nothing of what was sent."""
    assert response.status_code == 422, response.text
    flaws = response.json()["detail"]
    assert all(set(flaw) == {"loc", "msg", "type"} for flaw in flaws)
    assert {tuple(flaw["loc"]) for flaw in flaws} == {tuple(one) for one in where}
