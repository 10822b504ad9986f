"""Keys of accounts are derived by few threads, however many strangers try to sign in."""

import asyncio
import threading
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.console.api.app import PATH
from services.console.decisions.forms import DecisionDraft
from services.console.decisions.submission import StepUp, decide
from services.console.http.app import create_app
from services.console.http.guard import Visitor
from services.console.signin import keys
from services.console.signin.keys import AT_ONCE, MOST_WAITING, KeyDerivation, KeysBusy
from shared.contract.events import WithdrawalDecided
from tests.unit.console.test_session_limits import BY_PROVIDER, MEMBER, Parts, parts_of

MOST, WITHIN_S = AT_ONCE + MOST_WAITING, 60


@dataclass
class SlowKeys:
    """Derivations that take until they are let go."""

    let_go: threading.Event = field(default_factory=threading.Event)
    running: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, *_: object) -> Ed25519PrivateKey:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.let_go.wait(300)
        with self.lock:
            self.running -= 1
        return Ed25519PrivateKey.generate()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Any:
    known = SlowKeys()
    monkeypatch.setattr(keys, "private_key", known)
    yield known
    known.let_go.set()


async def begun(derivation: KeyDerivation, calls: int) -> list[asyncio.Task[Ed25519PrivateKey]]:
    """Return *calls* that wait for their key."""
    tasks = [asyncio.create_task(derivation.key("password", b"0" * 16)) for _ in range(calls)]
    await asyncio.sleep(0)
    return tasks


async def test_few_keys_are_derived_at_once_few_wait_and_the_next_is_refused(slow: SlowKeys) -> None:
    derivation = KeyDerivation()
    waiting = await begun(derivation, MOST)
    with pytest.raises(KeysBusy):
        async with asyncio.timeout(WITHIN_S):
            await derivation.key("password", b"0" * 16)
    slow.let_go.set()
    assert len(await asyncio.gather(*waiting)) == MOST
    assert slow.most <= AT_ONCE
    await derivation.key("password", b"0" * 16)


async def test_callers_that_have_gone_do_not_let_more_derivations_run(slow: SlowKeys) -> None:
    derivation = KeyDerivation()
    for _ in range(3):
        for task in await begun(derivation, AT_ONCE):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    slow.let_go.set()
    await derivation.key("password", b"0" * 16)
    assert slow.most <= AT_ONCE


@pytest.mark.slow
async def test_pages_and_api_ask_to_try_again_while_too_many_passwords_are_checked(slow: SlowKeys) -> None:
    parts = replace(parts_of(Parts()), keys=KeyDerivation())
    waiting = await begun(parts.keys, MOST)
    transport = httpx.ASGITransport(create_app(parts), raise_app_exceptions=False)
    given = {"account": "dana.muster", "password": "a guess", "code": "123456"}
    async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as http:
        page = await http.post("/sign-in", data=given)
        answer = await http.post(f"{PATH}/sessions", json=given)
    assert (page.status_code, "Too many sign-ins" in page.text) == (503, True)
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    slow.let_go.set()
    await asyncio.gather(*waiting)


@pytest.mark.slow
async def test_password_of_a_decision_waits_in_the_same_queue(slow: SlowKeys) -> None:
    parts, visitor = replace(parts_of(Parts()), keys=KeyDerivation()), Visitor(BY_PROVIDER, MEMBER)
    waiting = await begun(parts.keys, MOST)
    draft = DecisionDraft(WithdrawalDecided(request_id="ab" * 16, by="dana.muster"))
    with pytest.raises(KeysBusy):
        async with asyncio.timeout(WITHIN_S):
            await decide(parts, visitor, draft, StepUp("123456", "a password"))
    slow.let_go.set()
    await asyncio.gather(*waiting)
