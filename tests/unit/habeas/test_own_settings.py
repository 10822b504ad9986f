"""`habeas up` uses the operator's stores, company and data map; its ports stay; one runs in a folder."""

import asyncio
import json
import os
import socket
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from habeas.cli import app
from habeas.client.stores import server, store_urls
from habeas.embedded import uptime
from habeas.embedded.installation import ENVIRONMENT, Installation, claimed
from habeas.embedded.parts.ports import HOST
from habeas.embedded.uptime import OwnSettings, StoreContents, require_sound, up
from shared.errors import ConfigurationError, InvalidDataMap

URL = "mongodb://reader:sesame@shop.example.org:27017/?tls=true"
COMPANY = """\
name: Example, Inc.
established_in: FR
zone: Europe/Paris
authority: {name: CNIL, url: "https://www.cnil.fr"}
contact: privacy@shop.example
"""


def test_url_stands_for_the_default_store() -> None:
    assert store_urls(URL) == {"default": URL}
    assert store_urls(json.dumps({"default": URL, "crm": URL})) == {"default": URL, "crm": URL}


@pytest.mark.parametrize("text", ["shop.example.org:27017", "{", "[]", '{"default": 1}', '{"x": "http://y"}'])
def test_wrong_stores_are_refused_with_the_option_and_an_example(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^--stores: .*mongodb://"):
        store_urls(text, "--stores")


@pytest.mark.parametrize("url", [URL, "mongodb://shop:ses@me/word?x@shop.example.org:27017/?tls=true"])
def test_messages_name_the_server_without_its_credentials(url: str) -> None:
    assert server(url) == "shop.example.org:27017"


def test_options_precede_the_environment_which_precedes_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").touch(mode=0o600)
    (tmp_path / ".env").write_text(
        f"HABEAS_STORES='{URL}'\nHABEAS_COMPANY_FILE=./company.yaml\nHABEAS_LOG_LEVEL=debug\nHABEAS_GRACE=\n"
    )
    settings = OwnSettings(stores={"default": "mongodb://option.example/"}, env_file=tmp_path / ".env")
    found = settings.environment({"HABEAS_STORES": URL, "HABEAS_LOG_LEVEL": "error"})
    assert found == {
        "HABEAS_STORES": '{"default": "mongodb://option.example/"}',
        "HABEAS_COMPANY": str(tmp_path / "company.yaml"),
        "HABEAS_LOG_LEVEL": "error",
    }


def test_file_of_settings_that_others_can_read_is_refused_with_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"HABEAS_STORES='{URL}'\n")
    file.chmod(0o640)
    with pytest.raises(ConfigurationError, match=f"^--env-file: .*: run `chmod 600 {file}`") as caught:
        OwnSettings(env_file=file).environment({})
    assert "sesame" not in str(caught.value)


def test_relative_paths_are_those_of_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "datamap").mkdir()
    (tmp_path / "key").touch()
    found = OwnSettings(datamap=Path("datamap")).environment({"HABEAS_MASTER_KEY_FILE": "key"})
    assert found == {
        "HABEAS_DATAMAP": str(tmp_path / "datamap"),
        "HABEAS_MASTER_KEY_FILE": str(tmp_path / "key"),
    }


def test_company_file_names_the_sender_of_letters(tmp_path: Path) -> None:
    (tmp_path / "company.yaml").write_text(COMPANY)
    settings = OwnSettings(company=tmp_path / "company.yaml")
    environment = Installation(tmp_path / "state", environment=settings.environment({})).environment
    assert environment["HABEAS_MAIL_FROM"] == '"Example, Inc." <privacy@shop.example>'
    assert environment["HABEAS_MAIL_BOUNCES"] == "bounces@shop.example"


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (OwnSettings(company=Path("none.yaml")), ConfigurationError, r"^--company .*none\.yaml: .*example"),
        (OwnSettings(datamap=Path("none")), InvalidDataMap, r"^none: no such folder; .*--map"),
        (
            OwnSettings(stores={"default": URL}),
            ConfigurationError,
            r"^--stores: .*--map DIR; `habeas map draft",
        ),
        (OwnSettings(env_file=Path("none.env")), ConfigurationError, r"^--env-file: none\.env"),
    ],
)
async def test_wrong_setting_stops_the_start_before_any_part_runs(
    tmp_path: Path, settings: OwnSettings, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        await up(tmp_path / "state", Console(), StoreContents(), settings)
    assert "sesame" not in str(caught.value)
    assert not (tmp_path / "state" / "stack.json").exists()


async def test_start_without_own_settings_is_sound() -> None:
    await require_sound({})


def test_ports_of_all_servers_stay_at_the_next_start(tmp_path: Path) -> None:
    first, second = Installation(tmp_path), Installation(tmp_path)
    assert (second.url, second.ops_url) == (first.url, first.ops_url)
    assert second.environment == first.environment
    assert second.stack.mongo_url == first.stack.mongo_url


def test_folder_of_the_first_release_keeps_its_ports(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    Installation(tmp_path)
    known = json.loads(path.read_text())
    path.write_text(json.dumps({**known, "ports": known["ports"][:4]}))
    Installation(tmp_path)
    again = json.loads(path.read_text())
    assert (len(again["ports"]), again["ports"][:4]) == (8, known["ports"][:4])


def test_port_taken_by_another_program_is_named(tmp_path: Path) -> None:
    port = int(Installation(tmp_path).url.rpartition(":")[2])
    with (
        socket.create_server((HOST, port)),
        pytest.raises(
            ConfigurationError, match=f"port {port} of {HOST}, for the API, is in use: .*--port-base"
        ),
    ):
        Installation(tmp_path)


def test_second_start_in_a_folder_names_the_first_one(tmp_path: Path) -> None:
    with claimed(tmp_path):
        with pytest.raises(ConfigurationError, match="already: use it"), claimed(tmp_path):
            pass
        (tmp_path / ENVIRONMENT).write_text("HABEAS_HTTP_HOST=0.0.0.0\nHABEAS_HTTP_PORT=28304\n")
        refused = pytest.raises(ConfigurationError, match=r"at http://127\.0\.0\.1:28304/docs: ")
        with refused as caught, claimed(tmp_path):
            pass
    assert f"`kill {os.getpid()}`" in str(caught.value)
    with claimed(tmp_path):
        """The folder is free again."""


@pytest.mark.parametrize("option", ["--stores", "--company", "--map", "--env-file"])
def test_database_alone_refuses_settings_of_services(option: str) -> None:
    result = CliRunner().invoke(app, ["up", "--database-only", option, "x"])
    assert str(result.exception).startswith("--database-only: starts no service; leave out --stores")


async def test_refused_second_start_changes_no_file(tmp_path: Path) -> None:
    Installation(tmp_path)
    before = (tmp_path / "stack.json").read_text()
    with claimed(tmp_path), pytest.raises(ConfigurationError, match="already"):
        await up(tmp_path, Console(), StoreContents(), OwnSettings(port_base=28_300))
    assert (tmp_path / "stack.json").read_text() == before


async def test_wrong_time_of_the_watch_is_refused_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.touch(mode=0o600)
    file.write_text("HABEAS_STALLED_AFTER=soon\n")
    with pytest.raises(ConfigurationError, match=r"^HABEAS_STALLED_AFTER: must be a duration, like PT10M$"):
        await up(tmp_path / "state", Console(), StoreContents(), OwnSettings(env_file=file))
    assert not (tmp_path / "state").exists()


async def test_error_of_a_work_beside_the_services_ends_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def passes(*_: object) -> None:
        await asyncio.sleep(0)

    async def fails(*_: object) -> None:
        raise ConfigurationError("the watch ended")

    async def lasts(*_: object) -> None:
        await asyncio.Event().wait()

    for name in ("run_until_stopped", "verify_daily"):
        monkeypatch.setattr(uptime, name, lasts)
    monkeypatch.setattr(uptime, "started", passes)
    monkeypatch.setattr(uptime, "watch_stalled", fails)
    monkeypatch.setattr(uptime, "describe", lambda *_: None)
    with pytest.raises(ConfigurationError, match="the watch ended"):
        await up(tmp_path, Console(quiet=True), StoreContents(), OwnSettings())
