"""Lists of the work that waits for the staff, from answers of the console."""

import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from habeas.client import waiting_work
from habeas.client.console_api import (
    SIGN_IN_AGAIN,
    ConsoleClient,
    ConsoleLogin,
    ConsoleRefusal,
    ConsoleUnavailable,
    LoginFile,
    login,
)
from shared.errors import ConfigurationError

NOW = datetime(2026, 3, 9, 10, tzinfo=UTC)
CASE: Mapping[str, Any] = {
    "id": "a" * 32,
    "stage": "referred",
    "right": "erasure",
    "laws": ["gdpr@2018-05-25"],
    "received_on": "2026-03-02",
    "due_on": "2026-04-02",
}
LOGIN = ConsoleLogin("https://console.example.com", "anna", "2026-03-09T18:00:00Z", "4f0c")


def waiting(kind: str, reason: str | None = None, due_on: str | None = None) -> dict[str, Any]:
    return {"kind": kind, "since": "2026-03-08T23:30:00Z", "reason": reason, "due_on": due_on, "by": []}


def case(*waits: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    return {**CASE, "waits": list(waits), **changes}


@pytest.mark.parametrize(
    ("waits", "waits_for", "verbs"),
    [
        pytest.param(
            [waiting("referred", "erasure_ground_claimed")],
            "referred",
            "request ground, request answer, request refuse, request nothing-held",
            id="a claimed ground is decided first",
        ),
        pytest.param(
            [waiting("referred", "by_staff"), waiting("stopped", "not_me")],
            "stopped: not_me",
            "request resume, request close",
            id="a stop comes before all else",
        ),
        pytest.param(
            [waiting("undelivered")], "answer not delivered", "request delivered", id="it came back"
        ),
    ],
)
def test_row_of_a_request_names_its_next_step(
    waits: list[dict[str, Any]], waits_for: str, verbs: str
) -> None:
    row = waiting_work.request_row(case(*waits), date(2026, 3, 9))
    assert row is not None
    assert (row["waits_for"], row["verbs"], row["days_left"]) == (waits_for, verbs, 24)


def test_work_beside_the_answer_is_no_next_step() -> None:
    assert waiting_work.request_row(case(waiting("recipient")), date(2026, 3, 9))["waits_for"] is None


def answering(pages: Mapping[str, Mapping[str, Any]]) -> ConsoleClient:
    """Return a client whose console answers with *pages*, each by the mark that it begins after."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=pages[request.url.params.get("after", "")])

    transport = httpx.MockTransport(answer)
    return ConsoleClient(httpx.AsyncClient(transport=transport, base_url="https://console.example.com"))


async def test_appeals_of_all_pages_are_listed_by_their_last_day() -> None:
    undated = case(waiting("appeal", "complaint"), id="b" * 32)
    dated = case(waiting("appeal", "appeal", "2026-04-07"), id="c" * 32)
    console = answering({"": {"cases": [undated], "next": "mark"}, "mark": {"cases": [dated], "next": None}})
    found = await waiting_work.appeals(console, NOW)
    assert [(row["request"][0], row["remedy"], row["days_left"]) for row in found] == [
        ("c", "appeal", 29),
        ("b", "complaint", None),
    ]
    assert found[0]["received_on"] == "2026-03-08"


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (httpx.Response(401, json={}), ConfigurationError, SIGN_IN_AGAIN),
        (httpx.Response(503), ConsoleUnavailable, "the console answers 503"),
        (
            httpx.Response(403, json={"detail": "Your roles do not allow this."}),
            ConfigurationError,
            "Your roles do not allow this.",
        ),
    ],
)
async def test_refusal_of_the_console_is_an_error_of_the_verb(
    answer: httpx.Response, error: type[Exception], text: str
) -> None:
    transport = httpx.MockTransport(lambda _request: answer)
    console = ConsoleClient(httpx.AsyncClient(transport=transport, base_url="https://console.example.com"))
    with pytest.raises(error, match=text):
        await waiting_work.proposals(console)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(httpx.Response(302, headers={"Location": "/sign-in"}), "answers 302", id="moved"),
        pytest.param(httpx.Response(200, text="<html></html>"), "no console", id="a page"),
        pytest.param(httpx.Response(200, content=b"\xff\xfe"), "no console", id="bytes"),
        pytest.param(httpx.Response(200, json=[{"id": 1}]), "no console", id="a list"),
        pytest.param(httpx.Response(200, json={}), "no console", id="another object"),
    ],
)
async def test_answer_of_another_server_is_an_error_of_the_verb(
    answer: httpx.Response, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def opened(_console: str) -> AsyncIterator[ConsoleClient]:
        transport = httpx.MockTransport(lambda _request: answer)
        yield ConsoleClient(httpx.AsyncClient(transport=transport, base_url="https://console.example.com"))

    monkeypatch.setattr(ConsoleClient, "opened", opened)
    with pytest.raises(ConsoleUnavailable, match=error):
        await login("https://console.example.com", "anna", "drawn password", "000000")


@pytest.mark.parametrize("content", [b"[1]", b"{", b'"text"'])
async def test_refusal_without_a_problem_document_has_the_phrase_of_its_status(content: bytes) -> None:
    answer = httpx.Response(403, content=content, headers={"Content-Type": "application/json"})
    transport = httpx.MockTransport(lambda _request: answer)
    console = ConsoleClient(httpx.AsyncClient(transport=transport, base_url="https://console.example.com"))
    with pytest.raises(ConsoleRefusal, match="Forbidden"):
        await console.get("/cases")


@pytest.mark.parametrize("address", ["http://console.example.com", "console.example.com", "ftp://127.0.0.1"])
async def test_password_goes_over_tls_or_to_this_machine_alone(address: str) -> None:
    with pytest.raises(ConfigurationError, match="https://"):
        async with ConsoleClient.opened(address):
            pass


def test_login_file_is_private_and_keeps_one_session_for_each_console(tmp_path: Path) -> None:
    file = LoginFile(tmp_path / "habeas" / "logins.json")
    with pytest.raises(ConfigurationError, match="habeas login"):
        file.of()
    file.keep(LOGIN)
    assert file.of() == file.of(LOGIN.console) == LOGIN
    assert file.path.stat().st_mode & 0o777 == 0o600
    other = ConsoleLogin("http://127.0.0.1:8090", "anna", LOGIN.ends_at, "other")
    file.keep(other)
    with pytest.raises(ConfigurationError, match="HABEAS_CONSOLE_URL"):
        file.of()
    file.drop(LOGIN)
    assert file.of() == other
    assert LOGIN.token not in file.path.read_text()
    assert LOGIN.token not in repr(LOGIN)


def test_symbolic_link_in_the_place_of_the_login_file_is_replaced(tmp_path: Path) -> None:
    target, file = tmp_path / "target", LoginFile(tmp_path / "habeas" / "logins.json")
    target.write_text("{}", encoding="utf-8")
    target.chmod(0o644)
    file.path.parent.mkdir()
    file.path.symlink_to(target)
    file.keep(LOGIN)
    assert file.of() == LOGIN
    assert not file.path.is_symlink()
    assert (target.read_text(encoding="utf-8"), target.stat().st_mode & 0o777) == ("{}", 0o644)
    assert [*file.path.parent.iterdir()] == [file.path]


def test_new_login_file_follows_no_symbolic_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, file = tmp_path / "target", LoginFile(tmp_path / "habeas" / "logins.json")
    monkeypatch.setattr(secrets, "token_hex", lambda _size: "known")
    target.touch()
    file.path.parent.mkdir()
    file.path.with_name(".logins.json.known").symlink_to(target)
    with pytest.raises(ConfigurationError, match="File exists"):
        file.keep(LOGIN)
    assert target.read_text(encoding="utf-8") == ""


def test_login_file_stays_as_it_is_if_a_write_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = LoginFile(tmp_path / "habeas" / "logins.json")
    file.keep(LOGIN)

    def fail(_new: Path, _file: Path) -> None:
        raise OSError

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        file.drop(LOGIN)
    assert file.of() == LOGIN
    assert [*file.path.parent.iterdir()] == [file.path]


@pytest.mark.parametrize("mode", [0o720, 0o702])
def test_folder_of_logins_that_others_can_write_to_is_refused(mode: int, tmp_path: Path) -> None:
    file = LoginFile(tmp_path / "habeas" / "logins.json")
    file.keep(LOGIN)
    file.path.parent.chmod(mode)
    with pytest.raises(ConfigurationError, match="XDG_STATE_HOME"):
        file.of()
    file.path.unlink()
    with pytest.raises(ConfigurationError, match="XDG_STATE_HOME"):
        file.keep(LOGIN)
    assert [*file.path.parent.iterdir()] == []


def test_folder_of_logins_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = LoginFile(tmp_path / "habeas" / "logins.json")
    file.keep(LOGIN)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ConfigurationError, match="XDG_STATE_HOME"):
        file.of()
