"""Every route of the console, with every role: the table names who may use it."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount

from services.console.api.app import PATH, create_api
from services.console.context import ConsoleParts
from services.console.http.app import create_app
from services.console.http.permissions import WORK_ROLES, ConsoleAction
from services.console.pages.sign_in import CALLBACK
from services.console.settings import ConsoleSettings
from services.console.signin.accounts import StaffMember
from services.console.signin.sessions import ConsoleSession, UnlockedKey
from services.console.state import WaitKind
from services.intake.http.description import calls_of
from shared.contract.events import StopDecided
from shared.errors import StoreUnavailable
from shared.law.library import EXAMPLE, company
from shared.vocabulary import StaffRole

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
UNTIL = NOW + timedelta(hours=1)
UNLOCKED = UnlockedKey(Ed25519PrivateKey.generate(), "bearer", UNTIL)
SESSION = ConsoleSession("token", "dana.muster", b"key", NOW, UNTIL, UNLOCKED)
CASE = "ab" * 16
PUBLIC: frozenset[tuple[str, str]] = frozenset(
    {
        ("GET", "/console.css"),
        ("GET", "/console.js"),
        ("GET", "/sign-in"),
        ("POST", "/sign-in"),
        ("GET", "/sign-in/provider"),
        ("GET", CALLBACK),
        ("POST", "/sign-out"),
    }
)
"""Routes that need no session."""
NEEDED: Mapping[tuple[str, str], ConsoleAction] = {
    ("GET", "/"): ConsoleAction.LIST,
    ("GET", "/requests"): ConsoleAction.LIST,
    ("GET", "/requests.csv"): ConsoleAction.LIST,
    ("POST", "/bulk"): ConsoleAction.WORK,
    ("POST", "/bulk/owner"): ConsoleAction.WORK,
    ("POST", "/bulk/decide"): ConsoleAction.DECIDE,
    ("POST", "/search"): ConsoleAction.WORK,
    ("POST", "/views"): ConsoleAction.LIST,
    ("POST", "/views/delete"): ConsoleAction.LIST,
    ("GET", "/requests/{case}"): ConsoleAction.LIST,
    ("GET", "/requests/{case}/decisions/{name}"): ConsoleAction.DECIDE,
    ("POST", "/requests/{case}/decisions/{name}"): ConsoleAction.DECIDE,
    ("GET", "/requests/{case}/content"): ConsoleAction.OPEN,
    ("POST", "/requests/{case}/content"): ConsoleAction.OPEN,
    ("GET", "/requests/{case}/content/{item}"): ConsoleAction.OPEN,
    ("GET", "/requests/{case}/package"): ConsoleAction.DECIDE,
    ("POST", "/requests/{case}/package"): ConsoleAction.DECIDE,
    ("POST", "/requests/{case}/owner"): ConsoleAction.WORK,
    ("POST", "/requests/{case}/notes"): ConsoleAction.WORK,
    ("POST", "/requests/{case}/files"): ConsoleAction.WORK,
    ("GET", "/holds"): ConsoleAction.LIST,
    ("POST", "/holds"): ConsoleAction.HOLD,
    ("GET", "/counts"): ConsoleAction.LIST,
    ("GET", "/figures"): ConsoleAction.FIGURES,
    ("GET", "/figures.csv"): ConsoleAction.FIGURES,
    ("GET", "/register.csv"): ConsoleAction.FIGURES,
    ("GET", "/audit"): ConsoleAction.AUDIT,
    ("GET", "/audit.csv"): ConsoleAction.AUDIT,
    ("GET", "/requests/{case}/audit"): ConsoleAction.AUDIT,
    ("POST", "/requests/{case}/audit"): ConsoleAction.AUDIT,
    ("GET", "/system"): ConsoleAction.SYSTEM,
    ("GET", "/system/map.svg"): ConsoleAction.SYSTEM,
    ("POST", "/system/parked/{action}"): ConsoleAction.REPAIR,
    ("GET", "/breaches"): ConsoleAction.BREACH,
    ("GET", "/breaches.csv"): ConsoleAction.BREACH,
    ("GET", "/breaches/new"): ConsoleAction.STEER_BREACH,
    ("POST", "/breaches/new"): ConsoleAction.STEER_BREACH,
    ("GET", "/breaches/{incident}"): ConsoleAction.BREACH,
    ("GET", "/breaches/{incident}/live"): ConsoleAction.BREACH,
    ("GET", "/breaches/{incident}/content/{item}"): ConsoleAction.STEER_BREACH,
    ("POST", "/breaches/{incident}/decisions/{name}"): ConsoleAction.STEER_BREACH,
}
"""Route → the action that it needs; a new route needs an entry here."""
CLOSING = {"type": StopDecided.TYPE, "data": {"request_id": CASE, "resume": False}}
PUBLIC_OF_API = frozenset({("POST", "/sessions")})
NEEDED_OF_API: Mapping[tuple[str, str], ConsoleAction] = {
    ("GET", "/sessions/current"): ConsoleAction.LIST,
    ("DELETE", "/sessions/current"): ConsoleAction.LIST,
    ("GET", "/inbox"): ConsoleAction.LIST,
    ("GET", "/cases"): ConsoleAction.LIST,
    ("POST", "/search"): ConsoleAction.WORK,
    ("GET", "/cases/{case}"): ConsoleAction.LIST,
    ("POST", "/cases/{case}/decisions/{name}"): ConsoleAction.DECIDE,
    ("POST", "/cases/{case}/owner"): ConsoleAction.WORK,
    ("POST", "/cases/{case}/notes"): ConsoleAction.WORK,
    ("POST", "/cases/{case}/content"): ConsoleAction.OPEN,
    ("GET", "/cases/{case}/content"): ConsoleAction.OPEN,
    ("GET", "/cases/{case}/content/{item}"): ConsoleAction.OPEN,
    ("POST", "/decisions"): ConsoleAction.LIST,
    ("POST", "/decisions/package"): ConsoleAction.DECIDE,
    ("GET", "/decisions/{decision}"): ConsoleAction.LIST,
    ("POST", "/cases/{case}/files"): ConsoleAction.WORK,
    ("POST", "/bulk"): ConsoleAction.WORK,
    ("POST", "/bulk/owner"): ConsoleAction.WORK,
    ("POST", "/bulk/decisions/{name}"): ConsoleAction.DECIDE,
    ("GET", "/cases/{case}/package"): ConsoleAction.DECIDE,
    ("POST", "/cases/{case}/package"): ConsoleAction.DECIDE,
    ("GET", "/views"): ConsoleAction.LIST,
    ("POST", "/views"): ConsoleAction.LIST,
    ("DELETE", "/views/{view}"): ConsoleAction.LIST,
    ("GET", "/openings"): ConsoleAction.AUDIT,
    ("GET", "/recipients"): ConsoleAction.LIST,
    ("GET", "/holds"): ConsoleAction.LIST,
    ("POST", "/cases/{case}/trail"): ConsoleAction.AUDIT,
    ("GET", "/incidents"): ConsoleAction.BREACH,
    ("GET", "/incidents/{incident}"): ConsoleAction.BREACH,
    ("POST", "/incidents/{incident}/decisions/{name}"): ConsoleAction.STEER_BREACH,
    ("GET", "/incidents/{incident}/content/{item}"): ConsoleAction.STEER_BREACH,
    ("GET", "/figures"): ConsoleAction.FIGURES,
    ("GET", "/figures/laws"): ConsoleAction.FIGURES,
    ("GET", "/register"): ConsoleAction.FIGURES,
    ("GET", "/system"): ConsoleAction.SYSTEM,
    ("POST", "/system/parked/{action}"): ConsoleAction.REPAIR,
}
"""Route of the API → the action that it needs."""
BODIES: Mapping[str, Mapping[str, Any]] = {
    "/search": {"mailbox": "kim@example.org"},
    "/cases/{case}/decisions/{name}": {},
    "/decisions": {"code": "123456", "decisions": [CLOSING]},
    "/decisions/package": {"code": "123456", "decisions": [CLOSING]},
    "/cases/{case}/owner": {"owner": None},
    "/cases/{case}/notes": {"text": "called"},
    "/cases/{case}/content": {"reason": "review", "code": "123456"},
    "/cases/{case}/package": {"listing": "listing_1", "code": "123456"},
    "/cases/{case}/trail": {},
    "/cases/{case}/files": {},
    "/bulk": {"cases": [CASE]},
    "/bulk/owner": {"cases": [CASE], "owner": None},
    "/bulk/decisions/{name}": {"cases": [CASE], "code": "123456"},
    "/views": {"name": "late", "filters": {"due": "late"}},
    "/incidents/{incident}/decisions/{name}": {"code": "123456"},
    "/system/parked/{action}": {"service": "intake", "digest": "0", "reason": "known", "code": "123456"},
}
SIGN_IN = "/sign-in"
VIEWER, AGENT, APPROVER = StaffRole.VIEWER, StaffRole.AGENT, StaffRole.APPROVER
OFFICER, AUDITOR, ADMIN = StaffRole.INCIDENT_OFFICER, StaffRole.AUDITOR, StaffRole.ADMIN
ALL_ROLES = {VIEWER, AGENT, APPROVER, OFFICER, AUDITOR, ADMIN}
ROLES: Mapping[ConsoleAction, set[StaffRole]] = {
    ConsoleAction.LIST: ALL_ROLES,
    ConsoleAction.OPEN: {AGENT, APPROVER},
    ConsoleAction.WORK: {AGENT, APPROVER, OFFICER},
    ConsoleAction.DECIDE: {AGENT, APPROVER},
    ConsoleAction.HOLD: {APPROVER},
    ConsoleAction.BREACH: ALL_ROLES,
    ConsoleAction.STEER_BREACH: {OFFICER},
    ConsoleAction.FIGURES: ALL_ROLES,
    ConsoleAction.AUDIT: {APPROVER, AUDITOR, ADMIN},
    ConsoleAction.SYSTEM: {AUDITOR, ADMIN},
    ConsoleAction.REPAIR: {ADMIN},
}
"""Action → the roles that may do it, as `docs/desk.md` states them."""


class Nothing:
    """A part that cannot be reached: whatever passes the guard ends here."""

    def __getattr__(self, name: str) -> Any:
        raise StoreUnavailable(name)


@dataclass
class OneAccount:
    """The session and the account of one person."""

    roles: frozenset[StaffRole]

    async def session(self, token: str, now: datetime, *, used: bool = True) -> ConsoleSession | None:
        del now, used
        return SESSION if token == SESSION.token else None

    async def member(self, name: str) -> StaffMember:
        return StaffMember(name, "", self.roles, SESSION.public_key)


def parts_of(*roles: StaffRole) -> ConsoleParts:
    """Return the parts of a console whose one account has *roles*; nothing behind the guard answers."""
    one = OneAccount(frozenset(roles))
    settings = ConsoleSettings.model_construct(console_url="http://console.test", company=company(EXAMPLE))
    given = {"sessions": one, "accounts": one, "settings": settings, "clock": lambda: NOW}
    parts: dict[str, Any] = {name: Nothing() for name in ConsoleParts.__dataclass_fields__}
    return ConsoleParts(**{**parts, **given})


@cache
def app_of(*roles: StaffRole) -> FastAPI:
    """Return the application for an account with *roles*; it keeps no state between tests."""
    return create_app(parts_of(*roles))


def routes(known: Sequence[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Yield method and path of each route but those of the API."""
    for route in known:
        if isinstance(route, Mount):
            continue
        if (included := getattr(route, "original_router", None)) is not None:
            yield from routes(included.routes)
        else:
            assert isinstance(route, APIRoute)
            yield from ((method, route.path) for method in route.methods or ())


async def _status(method: str, path: str, token: str, *roles: StaffRole) -> tuple[int, str]:
    transport = httpx.ASGITransport(app_of(*roles), raise_app_exceptions=False)
    address = path.replace("{case}", CASE).replace("{incident}", CASE)
    async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as client:
        client.cookies.set("habeas-console", token)
        form = {"data": {"form": SESSION.form_token}} if method == "POST" else {}
        answer = await client.request(method, address, **cast(Any, form))
        return answer.status_code, answer.headers.get("location", "")


@pytest.mark.slow
def test_every_route_has_an_entry_in_the_table() -> None:
    assert set(routes(create_app(parts_of()).routes)) == PUBLIC | NEEDED.keys()


@pytest.mark.slow
def test_every_route_of_the_api_has_an_entry_in_the_table() -> None:
    known = {(method.upper(), path) for path, method, _ in calls_of(create_api(parts_of()).openapi())}
    assert known == PUBLIC_OF_API | NEEDED_OF_API.keys()


def test_every_kind_of_work_has_roles() -> None:
    assert WORK_ROLES.keys() == set(WaitKind)


@pytest.mark.slow
@pytest.mark.parametrize("role", StaffRole)
@pytest.mark.parametrize("route", NEEDED, ids=" ".join)
async def test_route_is_open_to_the_roles_of_its_action_alone(
    route: tuple[str, str], role: StaffRole
) -> None:
    status, location = await _status(*route, SESSION.token, role)
    assert not location.startswith(SIGN_IN)
    assert (status != 403) == (role in ROLES[NEEDED[route]])


@pytest.mark.slow
@pytest.mark.parametrize("route", NEEDED, ids=" ".join)
async def test_route_needs_a_session(route: tuple[str, str]) -> None:
    status, location = await _status(*route, "another token", *StaffRole)
    assert status == 403 or location.startswith(SIGN_IN)


async def _answer(method: str, path: str, headers: Mapping[str, str], *roles: StaffRole) -> httpx.Response:
    transport = httpx.ASGITransport(app_of(*roles), raise_app_exceptions=False)
    address = f"{PATH}{path}".format(
        case=CASE,
        incident=CASE,
        decision=CASE,
        name="approve",
        item="submission",
        view="0",
        action="discard",
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as client:
        return await client.request(method, address, headers=headers, json=BODIES.get(path))


@pytest.mark.slow
@pytest.mark.parametrize("role", StaffRole)
@pytest.mark.parametrize("route", NEEDED_OF_API, ids=" ".join)
async def test_route_of_the_api_is_open_to_the_roles_of_its_action_alone(
    route: tuple[str, str], role: StaffRole
) -> None:
    answer = await _answer(*route, {"Authorization": f"Bearer {SESSION.token}"}, role)
    assert answer.status_code not in {401, 422}
    assert (answer.status_code != 403) == (role in ROLES[NEEDED_OF_API[route]])
    if answer.is_error:
        assert is_problem(answer)


@pytest.mark.slow
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"Authorization": "Bearer another"}, id="another bearer"),
        pytest.param({"Authorization": f"Basic {SESSION.token}"}, id="another scheme"),
        pytest.param({"Cookie": f"habeas-console={SESSION.token}"}, id="the cookie of the pages"),
    ],
)
@pytest.mark.parametrize("route", NEEDED_OF_API, ids=" ".join)
async def test_api_accepts_the_bearer_of_a_session_alone(
    route: tuple[str, str], headers: Mapping[str, str]
) -> None:
    answer = await _answer(*route, headers, *StaffRole)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert is_problem(answer)


async def test_pages_do_not_accept_the_bearer() -> None:
    transport = httpx.ASGITransport(app_of(*StaffRole), raise_app_exceptions=False)
    bearer = {"Authorization": f"Bearer {SESSION.token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as client:
        answer = await client.get("/requests", headers=bearer)
    assert answer.headers["location"].startswith(SIGN_IN)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        pytest.param("GET", "/nothing", b"", 404, id="no such path"),
        pytest.param("PUT", "/sessions", b"", 405, id="another method"),
        pytest.param("POST", "/sessions", b"{", 422, id="no JSON"),
        pytest.param("POST", "/sessions", b'{"account": "dana.muster"}', 422, id="fields are missing"),
        pytest.param("GET", "/cases?stages=referred", b"", 422, id="an unknown filter"),
        pytest.param("GET", "/cases?waiting=nothing", b"", 422, id="an unknown kind of work"),
        pytest.param("GET", "/cases?from=2026-02-30", b"", 400, id="no day"),
        pytest.param("GET", "/cases?text=kim@example.org", b"", 422, id="a mail address"),
        pytest.param("GET", "/figures?by=colour", b"", 400, id="no field of figures"),
        pytest.param("POST", "/search", b"x" * 300_000, 413, id="a large body"),
        pytest.param("GET", "/cases", b"", 503, id="the database is away"),
    ],
)
async def test_each_error_of_the_api_is_a_problem(method: str, path: str, body: bytes, status: int) -> None:
    transport = httpx.ASGITransport(app_of(*StaffRole), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {SESSION.token}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as client:
        answer = await client.request(method, f"{PATH}{path}", content=body, headers=headers)
    assert answer.status_code == status
    assert is_problem(answer)
    assert is_private(answer)


@pytest.mark.slow
async def test_body_in_chunks_is_refused_by_the_api() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"account": "dana.muster", "password": "", "code": ""}'

    transport = httpx.ASGITransport(app_of(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as client:
        answer = await client.post(f"{PATH}/sessions", content=body())
    assert (answer.status_code, is_problem(answer)) == (413, True)


@pytest.mark.slow
async def test_answer_and_error_of_the_program_are_private() -> None:
    transport = httpx.ASGITransport(create_api(parts_of(*StaffRole)), raise_app_exceptions=False)
    bearer = {"Authorization": f"Bearer {SESSION.token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as client:
        known = await client.get("/sessions/current", headers=bearer)
    assert (known.status_code, is_private(known)) == (200, True)
    api = create_api(parts_of(*StaffRole))
    api.add_api_route("/broken", lambda: 1 // 0)
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as client:
        broken = await client.get("/broken")
    assert (broken.status_code, is_private(broken)) == (500, True)


def is_private(answer: httpx.Response) -> bool:
    """Return whether no cache keeps *answer*, and its type counts."""
    wanted = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return wanted.items() <= dict(answer.headers).items()


def is_problem(answer: httpx.Response) -> bool:
    """Return whether *answer* is a problem document."""
    media = answer.headers["content-type"]
    return media == "application/problem+json" and answer.json()["status"] == answer.status_code
