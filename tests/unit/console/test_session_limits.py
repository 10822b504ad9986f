"""Limits of sessions and forms: idle time, size, passwords, and the end of a session."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.console.context import PASSWORDS_PER_HOUR, ConsoleParts
from services.console.decisions.forms import DecisionDraft
from services.console.decisions.submission import StepUp, WrongPassword, decide
from services.console.http.app import create_app
from services.console.http.guard import Visitor
from services.console.settings import ConsoleSettings
from services.console.signin.accounts import StaffMember
from services.console.signin.local import sign_out
from services.console.signin.sessions import ConsoleSession, UnlockedKey
from shared.contract.events import WithdrawalDecided
from shared.law.library import EXAMPLE, company
from shared.runtime.staff_api import StaffApiProblem
from shared.vocabulary import StaffRole

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
UNTIL = NOW + timedelta(hours=1)
BY_PROVIDER = ConsoleSession("token", "dana.muster", b"key", NOW, UNTIL)
UNLOCKED = ConsoleSession(
    "token", "dana.muster", b"key", NOW, UNTIL, UnlockedKey(Ed25519PrivateKey.generate(), "bearer", UNTIL)
)
MEMBER = StaffMember("dana.muster", "", frozenset(StaffRole), b"key")


@dataclass
class Parts:
    """Sessions, accounts and intake of one account; they remember the calls."""

    calls: list[str] = field(default_factory=list)
    ended_at_intake: bool = False
    known: bool = True

    async def session(self, token: str, now: datetime, *, used: bool = True) -> ConsoleSession:
        del token, now
        self.calls.append(f"used: {used}")
        return UNLOCKED

    async def member(self, name: str) -> StaffMember:
        del name
        return MEMBER

    async def end(self, session: ConsoleSession) -> bool:
        del session
        ended, self.known = self.known, False
        return ended

    def for_client(self, network: str) -> "Parts":
        del network
        return self

    async def salt(self, account: str) -> bytes:
        self.calls.append(f"salt of {account}")
        return b"0" * 16

    async def call(self, method: str, path: str, bearer: str) -> dict[str, Any]:
        del bearer
        self.calls.append(f"{method} {path}")
        if self.ended_at_intake:
            raise StaffApiProblem(401, "this session has ended")
        return {}


def parts_of(one: Parts) -> ConsoleParts:
    """Return a console whose sessions, accounts and intake are *one*."""
    settings = ConsoleSettings.model_construct(console_url="http://console.test", company=company(EXAMPLE))
    parts: dict[str, Any] = dict.fromkeys(ConsoleParts.__dataclass_fields__, one)
    del parts["passwords"], parts["sign_ins"], parts["keys"]
    return ConsoleParts(**{**parts, "settings": settings, "clock": lambda: NOW, "provider": None})


def client_of(one: Parts) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(parts_of(one)), raise_app_exceptions=False)
    cookies = {"habeas-console": "token"}
    return httpx.AsyncClient(transport=transport, base_url="http://console.test", cookies=cookies)


@pytest.mark.parametrize(
    ("path", "used"),
    [("/counts", False), (f"/breaches/{'ab' * 16}/live", False), ("/breaches.csv", True)],
)
async def test_stream_of_an_open_page_does_not_keep_an_idle_session_alive(path: str, used: bool) -> None:
    one = Parts()
    async with client_of(one) as http:
        await http.get(path)
    assert one.calls[0] == f"used: {used}"


@pytest.mark.parametrize("headers", [{}, {"content-length": "10", "transfer-encoding": "chunked"}])
async def test_form_in_chunks_is_refused_whatever_size_it_states(headers: dict[str, str]) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"account=dana.muster"

    form = {"content-type": "application/x-www-form-urlencoded"}
    async with client_of(Parts()) as http:
        assert (await http.post("/sign-in", content=body(), headers=form | headers)).status_code == 413


async def test_passwords_in_a_session_of_the_provider_are_limited() -> None:
    one = Parts()
    parts, visitor = parts_of(one), Visitor(BY_PROVIDER, MEMBER)
    draft = DecisionDraft(WithdrawalDecided(request_id="ab" * 16, by="dana.muster"))
    for _ in range(PASSWORDS_PER_HOUR + 3):
        with pytest.raises(WrongPassword):
            await decide(parts, visitor, draft, StepUp("123456", "a guess of a thief"))
    assert len(one.calls) == PASSWORDS_PER_HOUR


async def test_session_is_ended_at_intake_once() -> None:
    """Intake counts a bearer that has ended as a wrong one."""
    one = Parts()
    for _ in range(2):
        await sign_out(parts_of(one), UNLOCKED)
    assert one.calls == ["DELETE /v1/staff/session"]


async def test_session_that_has_ended_at_intake_is_signed_out_here() -> None:
    one = Parts(ended_at_intake=True)
    await sign_out(parts_of(one), UNLOCKED)
    assert (one.calls, one.known) == (["DELETE /v1/staff/session"], False)
