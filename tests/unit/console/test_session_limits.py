"""Limits of sessions and forms: idle time, size, passwords, and the end of a session."""

import hashlib
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import Response

from services.console.context import MOST_OF_ACCOUNT, PASSWORDS_PER_HOUR, ConsoleParts
from services.console.decisions.forms import DecisionDraft
from services.console.decisions.submission import StepUp, WrongPassword, decide
from services.console.domain import HistoryEntry
from services.console.http.app import create_app
from services.console.http.client_networks import PRESENT
from services.console.http.guard import SessionGuard, Visitor
from services.console.settings import ConsoleSettings
from services.console.signin.accounts import StaffMember
from services.console.signin.local import sign_out
from services.console.signin.sessions import ConsoleSession, UnlockedKey
from shared.contract.events import WithdrawalDecided
from shared.law.library import EXAMPLE, company
from shared.runtime.staff_api import StaffApiProblem
from shared.vocabulary import StaffRole

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
CASE = "ab" * 16
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
    headers: Mapping[str, str] = field(default_factory=dict)

    async def session(self, token: str, now: datetime, *, used: bool = True) -> ConsoleSession | None:
        del token, now
        self.calls.append(f"used: {used}")
        return UNLOCKED if self.known else None

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
        self.calls.append(f"salt of {account} for {PRESENT.get() or 'nobody'}")
        return b"0" * 16

    async def key(self, password: str, salt: bytes) -> Ed25519PrivateKey:
        """Return a key at once, in place of one derived from *password*."""
        return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(salt + password.encode()).digest())

    async def of(self, cases: Sequence[str]) -> dict[str, list[HistoryEntry]]:
        return {case: [] for case in cases}

    async def shown(self, case: str) -> list[HistoryEntry]:
        del case
        return []

    async def response(self, method: str, path: str, bearer: str, **body: Any) -> httpx.Response:
        del bearer
        self.calls.append(f"{method} {path}")
        self.headers = body.get("headers", {})
        raise StaffApiProblem(409, "not now")

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
    del parts["passwords"], parts["sign_ins"], parts["wrong_codes"], parts["uploads"]
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


async def test_forms_with_a_file_are_limited_for_each_account() -> None:
    one = Parts()
    parts = parts_of(one)
    parts.uploads.take("dana.muster", MOST_OF_ACCOUNT - 100)
    transport = httpx.ASGITransport(create_app(parts), raise_app_exceptions=False)
    headers = {"origin": "http://console.test", "cookie": "habeas-console=token"}
    async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as http:
        files = {"file": ("note.pdf", b"%PDF-1.7")}
        answer = await http.post(f"/requests/{CASE}/files", files=files, headers=headers)
    assert (answer.status_code, [call for call in one.calls if call.startswith("POST")]) == (503, [])


@pytest.mark.parametrize(("ended", "called"), [(True, []), (False, [f"POST /v1/staff/cases/{CASE}/notes"])])
async def test_form_of_a_session_that_has_ended_meanwhile_calls_nothing(
    ended: bool, called: list[str]
) -> None:
    """Held bodies of one account would make the console show an ended bearer at intake, again and again."""
    one = Parts()
    fields = urlencode({"form": UNLOCKED.form_token, "text": "A note."}).encode()

    async def body() -> AsyncIterator[bytes]:
        yield fields[:9]
        one.known = not ended
        yield fields[9:]

    headers = {"content-length": str(len(fields)), "origin": "http://console.test"}
    headers |= {"content-type": "application/x-www-form-urlencoded"}
    async with client_of(one) as http:
        answer = await http.post(f"/requests/{CASE}/notes", content=body(), headers=headers)
    assert answer.status_code == (403 if ended else 409)
    assert [call for call in one.calls if call.startswith("POST")] == called


@pytest.mark.slow
@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        pytest.param({"sec-fetch-site": "cross-site"}, False, id="of another site"),
        pytest.param({"origin": "http://console.test"}, True, id="of this origin"),
        pytest.param({"sec-fetch-site": "same-site"}, False, id="of another host of the site"),
        pytest.param({"origin": "http://other.example"}, False, id="of another origin"),
        pytest.param({"origin": "null"}, False, id="of no origin"),
        pytest.param({"sec-fetch-site": "same-origin"}, True, id="of this site"),
    ],
)
@pytest.mark.parametrize("path", ["/sign-in", f"/requests/{CASE}/notes"])
async def test_form_of_another_site_is_refused_even_with_its_token(
    path: str, headers: dict[str, str], taken: bool
) -> None:
    one = Parts()
    sign_in = {"account": "dana.muster", "password": "a password", "code": "123456"}
    async with client_of(one) as http:
        answer = await http.post(
            path, data={"form": UNLOCKED.form_token, "text": "A note.", **sign_in}, headers=headers
        )
    made = [call for call in one.calls if call.startswith(("POST", "salt"))]
    assert (answer.status_code != 403, bool(made)) == (taken, taken)


async def test_pages_run_no_scripts_of_others_and_stand_in_no_frame() -> None:
    async with client_of(Parts(known=False)) as http:
        answer = await http.get("/sign-in")
    policy = answer.headers["content-security-policy"]
    for rule in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert rule in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("url", "cookie", "secure"),
    [
        ("https://console.example", "__Host-habeas-console=token", True),
        ("http://127.0.0.1:8090", "habeas-console=token", False),
    ],
)
def test_cookie_of_a_session_is_read_by_no_script_and_sent_by_no_other_site(
    url: str, cookie: str, *, secure: bool
) -> None:
    parts = parts_of(Parts())
    guard = SessionGuard(replace(parts, settings=parts.settings.model_copy(update={"console_url": url})))
    guard.keep(answer := Response(), BY_PROVIDER)
    first, *rest = answer.headers["set-cookie"].split("; ")
    assert first == cookie
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(rest)
    assert ("Secure" in rest) is secure


@pytest.mark.slow
@pytest.mark.parametrize("token", ["", BY_PROVIDER.token, "0" * 64])
async def test_form_without_the_token_of_its_session_is_refused(token: str) -> None:
    one = Parts()
    async with client_of(one) as http:
        answer = await http.post(
            f"/requests/{CASE}/notes",
            data={"form": token, "text": "A note."},
            headers={"sec-fetch-site": "same-origin"},
        )
    assert answer.status_code == 403
    assert [call for call in one.calls if call.startswith("POST")] == []


@pytest.mark.parametrize(
    ("address", "network"), [("203.0.113.5", "203.0.113.5"), ("2001:db8::7", "2001:db8::/64")]
)
async def test_call_at_intake_counts_for_the_network_of_the_client(address: str, network: str) -> None:
    one, entered = Parts(), {"account": "dana.muster", "password": "a password", "code": "123456"}
    transport = httpx.ASGITransport(
        create_app(parts_of(one)), raise_app_exceptions=False, client=(address, 5)
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as http:
        await http.post("/sign-in", data=entered, headers={"origin": "http://console.test"})
        await http.post("/api/v1/sessions", json=entered)
    assert one.calls == [f"salt of dana.muster for {network}"] * 2


@pytest.mark.slow
async def test_page_of_a_case_that_has_moved_on_links_the_case() -> None:
    form = {"form": UNLOCKED.form_token, "text": "A note."}
    async with client_of(Parts()) as http:
        answer = await http.post(f"/requests/{CASE}/notes", data=form)
    assert (answer.status_code, f'href="/requests/{CASE}"' in answer.text) == (409, True)


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


async def test_file_of_a_form_is_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    spooled: list[object] = []
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", spooled.append)
    one = Parts()
    async with client_of(one) as http:
        await http.post(
            f"/requests/{CASE}/files",
            data={"form": UNLOCKED.form_token},
            files={"file": ("scan.pdf", b"%PDF-" + bytes(2 << 20))},
            headers={"origin": "http://console.test"},
        )
    assert f"POST /v1/staff/cases/{CASE}/files" in one.calls
    assert spooled == []


async def test_broken_form_with_a_file_is_refused() -> None:
    headers = {"origin": "http://console.test", "content-type": "multipart/form-data"}
    async with client_of(Parts()) as http:
        answer = await http.post(f"/requests/{CASE}/files", content=b"x", headers=headers)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "header", ['attachment; filename="Größe.pdf"', "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe.pdf"]
)
async def test_name_of_a_file_reaches_intake_in_ascii(header: str) -> None:
    one = Parts()
    async with client_of(one) as http:
        headers = {b"Content-Disposition": header.encode("latin-1"), b"Authorization": b"Bearer token"}
        answer = await http.post(f"/api/v1/cases/{CASE}/files", content=b"%PDF-", headers=headers)
    assert answer.status_code < 500
    assert one.headers == {"Content-Disposition": "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe.pdf"}
