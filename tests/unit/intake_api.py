"""The HTTP API of an office, and what its problems look like."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from hashlib import sha256
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from services.intake.cases.service import RequestService
from services.intake.channels.unsubscribe.links import UnsubscribeLinks
from services.intake.domain import request_id
from services.intake.http.api import create_app
from services.intake.http.callers import Callers
from services.intake.http.failed_attempts import FailedAttempts
from services.intake.pages.csrf import CsrfGuard
from services.intake.pages.linked_pages import stop_page
from services.intake.pages.site import Site
from shared.contract.answer import PackageFacts, facts_of
from shared.contract.events import Evidence, Fact, IdentityChallenged, Outcome, RequestFulfilled
from shared.law import Right
from shared.runtime.client_limits import Allowance
from tests.unit.fakes import (
    PRACTICE,
    REQUEST_KEY,
    SOURCE,
    Office,
    request,
)

API_KEY = "0123456789abcdef0123456789abcdef"
BEARER = {"Authorization": f"Bearer {API_KEY}"}
CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
PACKAGE = b"PK\x03\x04" + b"x" * 3_000_000
FACTS = PackageFacts(size=len(PACKAGE), sha256=sha256(PACKAGE).hexdigest()).model_dump_json().encode()
UNKNOWN = "0" * 32
ROOT = "https://privacy.example.com"
MASTER_KEY = b"m" * 32
LINKS = UnsubscribeLinks(MASTER_KEY, ROOT)
STOP_KEY = b"s" * 32
UNLIMITED, CLOSED = Allowance(10**9), Allowance(0)
SITE = Site(PRACTICE.company, CsrfGuard(b"f" * 32, ROOT, UNLIMITED))


FORGIVING = FailedAttempts(Allowance(10**9), Allowance(10**9))


def app_of(
    requests: RequestService,
    public: Allowance = UNLIMITED,
    protocols: Mapping[str, ASGIApp] | None = None,
    attempts: FailedAttempts | None = None,
) -> FastAPI:
    callers = Callers({SOURCE: SecretStr(API_KEY)}, public, attempts=attempts or FailedAttempts())
    app = create_app(requests, callers, SITE, protocols=protocols, links=LINKS)
    app.include_router(stop_page(requests, SITE, STOP_KEY))
    return app


@dataclass(frozen=True)
class Behind:
    """Whatever a test has there: the application that stands on it is put together once."""

    get: Callable[[], Any]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.get(), name)


SERVICE: ContextVar[RequestService] = ContextVar("SERVICE")
PUBLIC: ContextVar[Allowance] = ContextVar("PUBLIC")
ATTEMPTS: ContextVar[FailedAttempts] = ContextVar("ATTEMPTS")
PROTOCOL: ContextVar[ASGIApp] = ContextVar("PROTOCOL")


async def _protocol(scope: Scope, receive: Receive, send: Send) -> None:
    await PROTOCOL.get()(scope, receive, send)


@cache
def api(_site: int, path: str = "") -> FastAPI:
    """Return the API, with whichever protocol a test has at *path*."""
    protocols = {path: _protocol} if path else None
    attempts = cast("FailedAttempts", Behind(ATTEMPTS.get))
    return app_of(
        cast("RequestService", Behind(SERVICE.get)),
        cast("Allowance", Behind(PUBLIC.get)),
        protocols,
        attempts,
    )


def client_of(
    requests: RequestService,
    *,
    public: Allowance = UNLIMITED,
    attempts: FailedAttempts = FORGIVING,
    **protocol: ASGIApp,
) -> AsyncClient:
    """
    Return a client of the API on *requests*.

    Args:
        requests: The service that the API calls.
        public: How often strangers may ask.
        attempts: Counts wrong credentials.
        protocol: One application, by the name of the path that it is mounted at.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        SERVICE.set(requests)
        ATTEMPTS.set(attempts)
        PUBLIC.set(public)
        for mounted in protocol.values():
            PROTOCOL.set(mounted)
        await api(id(SITE), *(f"/{name}" for name in protocol))(scope, receive, send)

    return AsyncClient(transport=ASGITransport(app), base_url=ROOT)


@asynccontextmanager
async def served(requests: RequestService) -> AsyncIterator[str]:
    """Serve the API on a real port, for what only a real connection can do; yield its URL."""
    server = uvicorn.Server(uvicorn.Config(app_of(requests), port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - a flag is all that uvicorn has
        await asyncio.sleep(0)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


def form(**changes: Any) -> dict[str, Any]:
    data = request(**changes)
    del data["reference"]
    return data


async def answered() -> Office:
    office = Office(trusted={SOURCE})
    await office.submit(request())
    office.vault.items[CASE] |= {"package": PACKAGE, facts_of("package"): FACTS}
    outcome = RequestFulfilled(
        answer="answer", request_id=CASE, right=Right.ACCESS, outcome=Outcome.GRANTED, package="package"
    )
    await office.tell(outcome)
    return office


async def asked(*ways: tuple[Evidence, ...], after: tuple[Fact, ...] = (), **changes: Any) -> Office:
    """Return an office that has asked for one of *ways* to show who asks, and heard what came *after*."""
    office = Office()
    await office.submit(request(**changes))
    expires_at = office.clock() + timedelta(days=30)
    challenged = IdentityChallenged(request_id=CASE, expires_at=expires_at, wanted=ways)
    await office.tell(challenged, *after, service="verifier")
    return office


def assert_problem(response: Response, status: int) -> dict[str, Any]:
    """Check that *response* is a problem as RFC 9457 wants it, and return it."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    return problem
