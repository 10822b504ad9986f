"""Each mistake of a newcomer that docs/how-to/troubleshoot.md lists produces the message shown there."""

import os
import re
import runpy
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError
from rich.console import Console
from typer.testing import CliRunner

from habeas.cli import app
from habeas.client import stores
from habeas.client.exports import require_readable
from habeas.embedded import store_record, uptime
from habeas.embedded.installation import ENVIRONMENT, Installation, claimed
from habeas.embedded.parts.broker import Broker
from habeas.embedded.parts.ports import HOST
from habeas.embedded.uptime import OwnSettings, StoreContents, up
from services.fulfillment.datamap.yaml_loader import MapError
from shared import extras
from shared.errors import ConfigurationError, HabeasError
from shared.runtime.mongo import translated
from tests.unit.pages import ROOT, rows

PAGE = "docs/how-to/troubleshoot.md"
HEADINGS = ("Your database", "Your files", "This machine")
MAP = ROOT / "datamaps" / "example"
URL = "mongodb://reader:sesame@shop.example:27017/"
READS = [{"resource": {"db": "", "collection": ""}, "actions": ["find"]}]
NO_SERVER = ServerSelectionTimeoutError(
    "shop.example:27017: [Errno 111] Connection refused (configured timeouts: connectTimeoutMS: 20000.0ms), "
    "Timeout: 5.0s, Topology Description: <TopologyDescription id: 1>"
)

Mistake = Callable[[], Awaitable[None] | None]


class Newcomer:
    """A newcomer in an empty folder *home*, who makes the mistakes of the page."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.patch = monkeypatch
        monkeypatch.chdir(home)

    async def start(self, **settings: Any) -> None:
        await up(self.home / "state", Console(), StoreContents(), OwnSettings(**settings))

    async def meet(self, databases: Callable[[], list[str]], privileges: Any = None) -> None:
        """Start with a database server that answers with *databases* and *privileges*."""

        async def existing(_client: object) -> list[str]:
            return databases()

        async def allowed(_client: object) -> Any:
            return privileges

        self.patch.setattr(stores, "existing", existing)
        self.patch.setattr(stores, "_privileges", allowed)
        await self.start(stores={"default": URL}, datamap=MAP)

    async def damage_map(self) -> None:
        (self.home / "datamap").mkdir()
        reference = "fides_meta: {references: [{dataset: shop, field: customers._id}]}"
        (self.home / "datamap" / "shop.yml").write_text(
            "dataset: [{fides_key: shop, collections: [{name: orders, fields: "
            f"[{{name: customer, data_categories: [user], {reference}}}]}}]}}]"
        )
        await self.start(datamap=self.home / "datamap")

    async def rename_collection(self) -> None:
        error = MapError("shop.yml:14", "the database `shop` has a collection `invoices`", "declare it")

        async def checked(*_: object) -> list[MapError]:
            return [error, replace(error, remark=True)]

        self.patch.setattr(uptime, "check", checked)
        out = Console(record=True, width=200)
        environment = {"HABEAS_STORES": "{}", "HABEAS_DATAMAP": str(MAP)}
        await uptime.report_misfit(environment, URL, out)
        raise ConfigurationError(" ".join(out.export_text().split()).removeprefix("wrong "))

    def change_stores(self) -> None:
        store_record.record(self.home, store_record.places({"default": URL}))
        Installation(self.home, environment={"HABEAS_STORES": '{"default": "mongodb://crm.example/"}'})

    def share_file(self) -> None:
        (self.home / "shop.url").write_text(URL)
        (self.home / "shop.url").chmod(0o644)
        self.type("init", "--stores", "shop.url")

    async def export_sheet(self) -> None:
        (self.home / "customers.csv").touch()
        await require_readable(".")

    def repeat_init(self) -> None:
        (self.home / "datamap").mkdir()
        self.type("init", "--stores", URL)

    def type(self, *words: str) -> None:
        result = CliRunner().invoke(app, words)
        assert result.exception is not None
        raise result.exception

    def install_without_extra(self) -> None:
        self.patch.setattr(extras, "EXTRAS", {"embedded": ("habeas_has_no_such_module.db",)})
        self.type("demo")

    def take_port(self) -> None:
        port = int(Installation(self.home).url.rpartition(":")[2])
        with socket.create_server((HOST, port)):
            Installation(self.home)

    def start_twice(self) -> None:
        (self.home / ENVIRONMENT).write_text("HABEAS_HTTP_PORT=28304\n")
        with claimed(self.home), claimed(self.home):
            pass

    def share_state(self) -> None:
        self.home.chmod(0o775)
        with claimed(self.home):
            pass

    def take_state_of_another(self) -> None:
        self.patch.setattr(os, "geteuid", lambda: self.home.stat().st_uid + 1)
        with claimed(self.home):
            pass

    async def lack_broker(self) -> None:
        await Broker(self.home, 1, 2, "node", "sesame", self.home / "none").start()

    def ask_elsewhere(self) -> None:
        for name in [name for name in os.environ if name.startswith("HABEAS_")]:
            self.patch.delenv(name)
        self.type("dead-letters")

    def run_old_python(self) -> None:
        self.patch.setattr(sys, "version_info", (3, 10, 12))
        runpy.run_module("habeas", run_name="__main__")

    @property
    def mistakes(self) -> dict[str, Mistake]:
        """Every row of the page."""
        return {
            "`--stores` is no URL": lambda: self.type("init", "--stores", "shop.example:27017"),
            "a password with `@`, `/` or `:`": lambda: self.start(
                stores={"default": "mongodb://r:s@/x@shop/"}, datamap=MAP
            ),
            "MongoDB does not run, or not there": lambda: self.meet(raising(NO_SERVER)),
            "wrong user or password": lambda: self.meet(raising(OperationFailure("", 18))),
            "the user reads, and may not write": lambda: self.meet(
                lambda: ["billing", "ops", "portal"], READS
            ),
            "wrong name, or an empty database": lambda: self.meet(lambda: ["Billing"]),
            "the data of the demonstration is not there": lambda: require_readable("none"),
            "exports as CSV": self.export_sheet,
            "your database with the map of the sample": lambda: self.start(stores={"default": URL}),
            "wrong path of the data map": lambda: self.start(datamap=Path("none")),
            "a map that refers to something missing": self.damage_map,
            "a map that does not fit the data": self.rename_collection,
            "other stores in a folder that was started before": self.change_stores,
            "others may read the file of `--stores`": self.share_file,
            "no company file": lambda: self.start(company=Path("none.yaml")),
            "`habeas init` for the second time": self.repeat_init,
            "installed without the extra": self.install_without_extra,
            "no RabbitMQ": self.lack_broker,
            "a port is taken": self.take_port,
            "started twice": self.start_twice,
            "a verb in another folder": self.ask_elsewhere,
            "others may write to the state folder": self.share_state,
            "a state folder of another user": self.take_state_of_another,
            "an old Python": self.run_old_python,
        }


def raising(error: Exception) -> Callable[[], list[str]]:
    """Return a function that fails as a call of the driver with *error* does."""

    def call() -> list[str]:
        with translated("list the databases"):
            raise error

    return call


def shown() -> dict[str, str]:
    """Return the mistakes of the page with their messages."""
    return {row[0]: row[1].strip("`") for heading in HEADINGS for row in rows(PAGE, heading)}


@contextmanager
def caught() -> Iterator[list[str]]:
    """Catch the error of a mistake, and add its message to the list."""
    messages: list[str] = []
    try:
        yield messages
    except (HabeasError, SystemExit) as error:
        messages.append(str(error))


@pytest.mark.slow
@pytest.mark.parametrize("mistake", shown())
async def test_mistake_produces_the_message_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: str
) -> None:
    with caught() as messages:
        done = Newcomer(tmp_path, monkeypatch).mistakes[mistake]()
        if done is not None:
            await done
    [message] = messages
    pattern = ".*".join(map(re.escape, shown()[mistake].split("…")))
    assert re.fullmatch(pattern, message), f"{message}\nis not\n{shown()[mistake]}"
    assert "sesame" not in message


def test_every_mistake_has_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown().keys() == Newcomer(tmp_path, monkeypatch).mistakes.keys()


def test_oldest_python_is_that_of_the_package() -> None:
    found = runpy.run_path(str(ROOT / "habeas" / "__main__.py"), run_name="read")["OLDEST"]
    assert f'requires-python = ">={found[0]}.{found[1]},' in (ROOT / "pyproject.toml").read_text()
