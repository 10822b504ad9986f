"""The address that `habeas login` sends a password to."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from habeas.cli import app, client, login
from habeas.client.console_api import ConsoleLogin, LoginFile

FOREIGN = "https://console.example.net"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Return the addresses that sign-ins go to, with a folder that names another console than ours."""
    addresses: list[str] = []

    async def sign_in(console: str, account: str, _password: str, _code: str) -> ConsoleLogin:
        addresses.append(console)
        return ConsoleLogin(console, account, "2026-03-09T18:00:00Z", "4f0c")

    monkeypatch.setattr(client.console_api, "login", sign_in)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "logins"))
    monkeypatch.setenv("HABEAS_STAFF_PASSWORD", "drawn password")
    monkeypatch.delenv("HABEAS_CONSOLE_URL", raising=False)
    remembered(tmp_path, FOREIGN)
    return addresses


def remembered(state: Path, console: str) -> None:
    (state / "environment").write_text(f"HABEAS_CONSOLE_URL={console}\n", encoding="utf-8")


def sign_in(state: Path, *options: str, answer: str = "") -> Any:
    words = ["login", "--state", str(state), "--as", "anna", "--code", "000000", *options]
    return CliRunner().invoke(app, words, input=answer)


def test_address_that_a_folder_names_is_confirmed_before_its_first_use(
    tmp_path: Path, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "has_terminal", lambda: True)
    refused = sign_in(tmp_path, answer="n\n")
    assert (refused.exit_code, sent) == (1, [])
    assert FOREIGN in refused.output
    for answer in ("y\n", ""):  # the second one is not asked
        assert sign_in(tmp_path, answer=answer).exit_code == 0
    assert sent == [FOREIGN] * 2


def test_address_that_a_folder_names_needs_a_terminal(tmp_path: Path, sent: list[str]) -> None:
    assert "--console" in str(sign_in(tmp_path).exception)
    assert sent == []


def test_address_of_an_option_or_the_environment_needs_no_confirmation(
    tmp_path: Path, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sign_in(tmp_path, "--console", FOREIGN).exit_code == 0
    LoginFile().path.unlink()
    monkeypatch.setenv("HABEAS_CONSOLE_URL", "https://desk.example.com")
    assert sign_in(tmp_path).exit_code == 0
    assert sent == [FOREIGN, "https://desk.example.com"]


def test_address_of_this_machine_needs_no_confirmation(tmp_path: Path, sent: list[str]) -> None:
    remembered(tmp_path, "http://127.0.0.1:8090")
    assert sign_in(tmp_path).exit_code == 0
    assert sent == ["http://127.0.0.1:8090"]


def test_prompt_for_the_password_names_the_address(
    tmp_path: Path, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.delenv("HABEAS_STAFF_PASSWORD")

    def answered(question: str, _missing: str) -> str:
        asked.append(question)
        return "drawn password"

    monkeypatch.setattr(login, "asked_password", answered)
    assert sign_in(tmp_path, "--console", FOREIGN).exit_code == 0
    assert asked == [f"Password for {FOREIGN}"]
    assert sent == [FOREIGN]
