"""Options that name databases take files; a password on the command line is warned of, or asked for."""

import json
import os
from collections.abc import Callable
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import pytest
import typer

from habeas.cli import passwords
from habeas.cli.store_urls import data_of, stores_of
from habeas.client.stores import has_password, lacks_password, with_password
from shared.errors import ConfigurationError

URL = "mongodb://reader:sesame@shop.example.org:27017/shop"
ASKED = "mongodb://reader@shop.example.org:27017/shop"


def shown(option: str, text: str) -> tuple[str, str]:
    """Return the URL that an option names, and the error stream."""
    errors = StringIO()
    with redirect_stderr(errors):
        found = stores_of(text) if option == "--stores" else {"data": data_of(text) or ""}
    [value] = found.values()
    return value, errors.getvalue()


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[str], str]:
    """Return a function that writes a file for its owner alone."""

    def write(text: str) -> str:
        path = tmp_path / "shop.url"
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize("text", [f"{URL}\n", json.dumps({"default": URL})])
def test_stores_in_a_file_of_their_owner_are_read_without_a_warning(
    secret: Callable[[str], str], text: str
) -> None:
    assert shown("--stores", secret(text)) == (URL, "")


def test_data_may_be_named_by_a_file_with_its_url(secret: Callable[[str], str], tmp_path: Path) -> None:
    assert shown("--data", secret(URL)) == (URL, "")
    (tmp_path / "customers.json").write_text("{}")
    assert shown("--data", str(tmp_path / "customers.json")) == (str(tmp_path / "customers.json"), "")


@pytest.mark.parametrize("option", ["--stores", "--data"])
def test_file_that_others_can_read_is_refused_with_the_remedy(
    secret: Callable[[str], str], option: str
) -> None:
    file = secret(URL)
    Path(file).chmod(0o640)
    with pytest.raises(ConfigurationError, match=f"^{option}: .*: run `chmod 600 {file}`"):
        shown(option, file)


def test_pipe_is_read_as_a_file() -> None:
    reader, writer = os.pipe()
    os.write(writer, URL.encode())
    os.close(writer)
    assert shown("--stores", f"/dev/fd/{reader}") == (URL, "")
    os.close(reader)


def test_folder_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with pytest.raises(ConfigurationError, match=f"^--stores: {tmp_path} cannot be read"):
        shown("--stores", str(tmp_path))


def test_file_without_stores_is_named(secret: Callable[[str], str]) -> None:
    file = secret("shop.example.org")
    with pytest.raises(ConfigurationError, match=f"^--stores: {file}: must be a URL"):
        shown("--stores", file)
    with pytest.raises(ConfigurationError, match=r"^--stores: must be a URL, .* or a file with one of them"):
        shown("--stores", "none.json")


@pytest.mark.parametrize(
    ("option", "text"), [("--stores", URL), ("--stores", json.dumps({"crm": URL})), ("--data", URL)]
)
def test_password_on_the_command_line_is_warned_of_in_one_line(option: str, text: str) -> None:
    _, errors = shown(option, text)
    [line] = errors.splitlines()
    assert line.startswith(f"habeas: {option}: other users of this machine see the password")
    assert "sesame" not in line


def test_url_without_a_user_needs_no_warning() -> None:
    assert shown("--stores", "mongodb://127.0.0.1:27017/?appName=a:b@c")[1] == ""


@pytest.mark.parametrize("option", ["--stores", "--data"])
def test_missing_password_is_asked_for_at_a_terminal(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[bool]()

    def answer(_question: str, *, hide_input: bool, err: bool) -> str:
        asked.append(hide_input and err)
        return "p@ss/word"

    monkeypatch.setattr(passwords, "has_console", lambda: True)
    monkeypatch.setattr(typer, "prompt", answer)
    value, errors = shown(option, ASKED)
    assert ("reader:p%40ss%2Fword@shop.example.org" in value, asked, errors) == (True, [True], "")


@pytest.mark.parametrize("option", ["--stores", "--data"])
def test_missing_password_without_a_terminal_names_the_file(
    option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "has_console", lambda: False)
    with pytest.raises(ConfigurationError, match=rf"^{option}: .*shop\.example\.org.*name a file"):
        shown(option, ASKED)


@pytest.mark.parametrize(
    ("url", "has", "lacks"),
    [
        (URL, True, False),
        (ASKED, False, True),
        ("mongodb://reader:@shop.example/", False, True),
        ("mongodb://reader@a.example:1,b.example:2/shop?tls=true", False, True),
        ("mongodb://CN=reader@shop.example/?authMechanism=MONGODB-X509", False, False),
        ("mongodb://reader@shop.example/?authMechanism=GSSAPI", False, False),
        ("mongodb://reader@shop.example/?authmechanism=SCRAM-SHA-256", False, True),
        ("mongodb+srv://shop.example/shop", False, False),
    ],
)
def test_urls_are_read_for_their_password(url: str, has: bool, lacks: bool) -> None:
    assert (has_password(url), lacks_password(url)) == (has, lacks)
    assert not lacks or has_password(with_password(url, "x"))
