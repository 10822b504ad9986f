"""Every route of the console, with every role: the table names who may use it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from services.console.context import ConsoleParts
from services.console.http.app import create_app
from services.console.http.permissions import PERMITTED, WORK_ROLES, ConsoleAction
from services.console.pages.sign_in import CALLBACK
from services.console.settings import ConsoleSettings
from services.console.signin.accounts import StaffMember
from services.console.signin.sessions import ConsoleSession, UnlockedKey
from services.console.state import WaitKind
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
    ("GET", "/counts"): ConsoleAction.LIST,
    ("GET", "/figures"): ConsoleAction.FIGURES,
    ("GET", "/figures.csv"): ConsoleAction.FIGURES,
    ("GET", "/audit"): ConsoleAction.AUDIT,
    ("GET", "/audit.csv"): ConsoleAction.AUDIT,
    ("GET", "/requests/{case}/audit"): ConsoleAction.AUDIT,
    ("POST", "/requests/{case}/audit"): ConsoleAction.AUDIT,
    ("GET", "/system"): ConsoleAction.SYSTEM,
    ("GET", "/system/map.svg"): ConsoleAction.SYSTEM,
    ("POST", "/system/parked/{action}"): ConsoleAction.REPAIR,
    ("GET", "/breaches"): ConsoleAction.BREACH,
    ("GET", "/breaches.csv"): ConsoleAction.BREACH,
    ("GET", "/breaches/{incident}"): ConsoleAction.BREACH,
    ("GET", "/breaches/{incident}/live"): ConsoleAction.BREACH,
    ("GET", "/breaches/{incident}/content/{item}"): ConsoleAction.STEER_BREACH,
    ("POST", "/breaches/{incident}/decisions/{name}"): ConsoleAction.STEER_BREACH,
}
"""Route → the action that it needs; a new route needs an entry here."""
SIGN_IN = "/sign-in"


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


def routes(known: Sequence[BaseRoute]) -> Iterator[tuple[str, str]]:
    for route in known:
        if (included := getattr(route, "original_router", None)) is not None:
            yield from routes(included.routes)
        else:
            assert isinstance(route, APIRoute)
            yield from ((method, route.path) for method in route.methods or ())


async def _status(method: str, path: str, token: str, *roles: StaffRole) -> tuple[int, str]:
    transport = httpx.ASGITransport(create_app(parts_of(*roles)), raise_app_exceptions=False)
    address = path.replace("{case}", CASE).replace("{incident}", CASE)
    async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as client:
        client.cookies.set("habeas-console", token)
        form = {"data": {"form": SESSION.form_token}} if method == "POST" else {}
        answer = await client.request(method, address, **cast(Any, form))
        return answer.status_code, answer.headers.get("location", "")


def test_every_route_has_an_entry_in_the_table() -> None:
    assert set(routes(create_app(parts_of()).routes)) == PUBLIC | NEEDED.keys()


def test_every_kind_of_work_has_roles() -> None:
    assert WORK_ROLES.keys() == set(WaitKind)


@pytest.mark.parametrize("role", StaffRole)
@pytest.mark.parametrize("route", NEEDED, ids=" ".join)
async def test_route_is_open_to_the_roles_of_its_action_alone(
    route: tuple[str, str], role: StaffRole
) -> None:
    status, location = await _status(*route, SESSION.token, role)
    assert not location.startswith(SIGN_IN)
    assert (status != 403) == (role in PERMITTED[NEEDED[route]])


@pytest.mark.parametrize("route", NEEDED, ids=" ".join)
async def test_route_needs_a_session(route: tuple[str, str]) -> None:
    status, location = await _status(*route, "another token", *StaffRole)
    assert status == 403 or location.startswith(SIGN_IN)
