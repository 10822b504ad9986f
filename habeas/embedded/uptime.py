"""The installation of ``habeas up``."""

import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from dotenv import dotenv_values
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from habeas.client import accounts
from habeas.client.engine import opened
from habeas.client.exports import exported, live, require_readable
from habeas.client.stores import (
    DEFAULT,
    is_url,
    mapped_databases,
    require_usable,
    server,
    store_urls,
    text_in,
)
from habeas.embedded import store_record
from habeas.embedded.company import fill, generate, holds_company
from habeas.embedded.fill_record import fill_once
from habeas.embedded.installation import (
    CREDENTIALS,
    EXAMPLE_MAP,
    Installation,
    claimed,
    run_until_stopped,
    stop_signal,
    until_stopped,
)
from habeas.embedded.parts.database import Database
from habeas.embedded.stack import Stack, StackPart
from habeas.embedded.verification import verify_daily
from services.fulfillment.map_check import check
from shared.errors import ConfigurationError
from shared.law.library import company
from shared.runtime import log
from shared.runtime.settings import duration
from shared.runtime.variables import FILE
from shared.runtime.worker import until_one_ends

SEED = 1
PEOPLE = 2_000
EXAMPLE_COMPANY = "the example company"
"""Name of its records as the source of a filling."""
FILES_OF_COMPOSE = {
    "HABEAS_COMPANY_FILE": "HABEAS_COMPANY",
    "HABEAS_DATAMAP_FOLDER": "HABEAS_DATAMAP",
    "HABEAS_TRUSTED_CA_FILE": "HABEAS_TRUSTED_CA",
}
"""Variables of ``.env`` for docker compose, and the settings of services that they stand for."""
T = TypeVar("T")
Announce: TypeAlias = Callable[[Mapping[str, Any]], None]
"""Gets each state of a run, for programs: running with its addresses, done, stopped."""
STOPPED = MappingProxyType({"state": "stopped"})
STALLED_AFTER = "HABEAS_STALLED_AFTER"
PATHS = ("HABEAS_COMPANY", "HABEAS_DATAMAP")


def unannounced(_state: Mapping[str, Any]) -> None:
    """Pass a state to no program."""


@dataclass(frozen=True, slots=True)
class OwnSettings:
    """The settings of ``habeas up``: options precede the environment, which precedes the file."""

    stores: Mapping[str, str] | None = None
    """Names and URLs."""
    company: Path | None = None
    datamap: Path | None = None
    env_file: Path | None = None
    """A ``.env``, as docker compose reads it."""
    port_base: int | None = None

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return all settings with absolute paths; *variables* are those of the process."""
        options = {
            "HABEAS_STORES": json.dumps(self.stores) if self.stores else None,
            "HABEAS_COMPANY": self.company,
            "HABEAS_DATAMAP": self.datamap,
        }
        given = {name: str(value) for name, value in options.items() if value is not None}
        found: dict[str, str] = {**_of_file(self.env_file), **variables, **given}
        for name, value in found.items():
            if name in PATHS or (name.startswith("HABEAS_") and name.endswith(FILE)):
                found[name] = str(Path(value).absolute()) if Path(value).exists() else value
        if found.get("HABEAS_STORES"):
            found["HABEAS_STORES"] = json.dumps(store_urls(found["HABEAS_STORES"]))
        return found


@dataclass(frozen=True, slots=True)
class StoreContents:
    """The records that the embedded database is filled with."""

    sample: bool = True
    """Whether the customers of the fictional company; with its own data map alone."""
    data: str | None = None
    """Exports in a file or folder (see :mod:`habeas.client.exports`), or a MongoDB to copy."""


def _of_file(file: Path | None) -> dict[str, str]:
    """Return the settings in a ``.env``; its paths are relative to it."""
    if file is None:
        return {}
    text = text_in(str(file), "--env-file")
    if text is None:
        raise ConfigurationError(f"--env-file: {file} is no file")
    known = dotenv_values(stream=StringIO(text), interpolate=False)
    values = {name: value for name, value in known.items() if value}
    paths = {
        setting: str(file.absolute().parent / values.pop(name))
        for name, setting in FILES_OF_COMPOSE.items()
        if name in values
    }
    return {**values, **paths}


async def require_sound(environment: Mapping[str, str]) -> None:
    """
    Check the company, the data map and the stores of *environment* before anything starts.

    Raises:
        ConfigurationError: A setting is wrong; the message names the place and the remedy.
        InvalidDataMap: The data map is invalid.
    """
    if environment.get("HABEAS_COMPANY"):
        _read_company(environment["HABEAS_COMPANY"])
    data_map = environment.get("HABEAS_DATAMAP")
    mapped = mapped_databases(Path(data_map)) if data_map else {}
    urls = json.loads(environment.get("HABEAS_STORES") or "{}")
    if DEFAULT in urls and not data_map:
        raise ConfigurationError(
            "--stores: name the data map of this database with --map DIR; "
            "`habeas map draft --stores URL --out DIR` proposes one"
        )
    await require_usable(urls, mapped)


async def watch_stalled(installation: Installation, after: timedelta) -> None:
    """
    Have facts that no service has handled *after* a time published again, for ever.

    The log goes to the error stream.
    """
    from habeas.client.upkeep import watching  # noqa: PLC0415  imports the handlers of all services

    log.configure(level="warning", form="console", announced=True)
    stack, prefix = installation.stack, installation.database_prefix
    async with watching(stack.mongo_url, stack.amqp_url, prefix, after) as (watch, _):
        await watch.run()


def _read_company(file: str) -> None:
    try:
        company(file)
    except ConfigurationError as error:
        remedy = "`policies/company.yaml` is an example"
        raise ConfigurationError(f"--company or HABEAS_COMPANY: {error}; {remedy}") from None


async def up(
    state: Path,
    out: Console,
    contents: StoreContents,
    settings: OwnSettings,
    announce: Announce = unannounced,
) -> None:
    """
    Start everything in the folder *state*, print its addresses, and keep it up until it is stopped.

    *announce* gets them, too, and is called again at the end.
    """
    environment = settings.environment(os.environ)
    after = duration(STALLED_AFTER, environment.get(STALLED_AFTER, "PT10M"))
    with claimed(state):
        await require_sound(environment)
        if contents.data is not None:
            await require_readable(contents.data)
        installation = Installation(state, port_base=settings.port_base, environment=environment)
        fill = partial(fill_stores, installation.stack.database, installation.environment, contents, out)
        await started(installation, out, fill)
        stopping = stop_signal()
        try:
            describe(installation, out, announce)
            if environment.get("HABEAS_STORES"):
                await report_misfit(installation.environment, installation.stack.mongo_url, out)
            await until_one_ends(
                run_until_stopped(installation, stopping),
                verify_daily(installation, out),
                watch_stalled(installation, after),
            )
        finally:
            with out.status("stopping"):
                await installation.__aexit__(None, None, None)
        announce(STOPPED)


async def started(installation: Installation, out: Console, fill: Callable[[], Awaitable[T]]) -> T:
    """Start all, with the data that *fill* stores before the services; return its result."""
    with out.status("starting a broker, a database, a mail catcher and the services") as status:
        await installation.stack.__aenter__()
        status.stop()
        try:
            filled = await fill()
            status.start()
            await installation.start_services()
        except BaseException:
            await installation.stack.stop()
            raise
    return filled


async def up_database(
    state: Path, out: Console, data: str | None, port_base: int | None, announce: Announce = unannounced
) -> None:
    """Start a database alone in the folder *state* and fill it with *data*; return when it is stopped."""
    with claimed(state):
        if data is not None:
            await require_readable(data)
        stack = Stack(state, port_base)
        try:
            with out.status("starting a database"):
                await stack.start(StackPart.DATABASE)
            url_file = accounts.keep_administrator(state / CREDENTIALS, stack.mongo_url)
            if data is not None:
                await load_once(stack.database, data, out)
            database = _database(stack.mongo_url, url_file)
            _describe_database(database, out)
            out.print("  stop with Ctrl-C")
            announce({"state": "running", **database})
            await until_stopped(lambda: stack.runs(StackPart.DATABASE), stack.database.folder, stop_signal())
        finally:
            await stack.stop()
        announce(STOPPED)


async def report_misfit(environment: Mapping[str, str], embedded: str, out: Console) -> None:
    """Compare the data map with the operator's stores; print the first error, and their number."""
    with out.status("comparing the data map with your data"):
        urls = {DEFAULT: embedded, **json.loads(environment["HABEAS_STORES"])}
        async with opened(Path(environment["HABEAS_DATAMAP"]), urls) as engine:
            wrong = [flaw for flaw in await check(engine.data_map, engine.stores) if flaw.severity == "wrong"]
    if wrong:
        number = f"{len(wrong)} place{'s' * (len(wrong) > 1)}"
        out.print(f"  wrong      the data map does not fit your data in {number}: answers would be wrong.")
        out.print(f"             {wrong[0]}")
        out.print("             `habeas map check` lists all")


async def fill_stores(
    database: Database, environment: Mapping[str, str], contents: StoreContents, out: Console
) -> None:
    """Store *contents* in the embedded *database*, each source once: no restart brings erased people back."""
    own = contents.data is not None or environment.get("HABEAS_STORES")
    if contents.sample and not own and environment["HABEAS_DATAMAP"] == str(EXAMPLE_MAP):
        fill = partial(fill_company, database.url, out)
        await fill_once(database.folder, EXAMPLE_COMPANY, fill, partial(holds_company, database.url))
    if contents.data is not None:
        await load_once(database, contents.data, out, Path(environment["HABEAS_DATAMAP"]))


async def load_once(database: Database, data: str, out: Console, datamap: Path | None = None) -> None:
    """Store the documents of *data* in the embedded *database*, unless an earlier start did so."""
    source = _source(data)
    fill = partial(load, database.url, data, out, datamap)
    if not await fill_once(database.folder, source, fill, _never):
        out.print(f"  data       {source} was stored by an earlier start, and is not stored again")


def _source(data: str) -> str:
    """Return the name of exports or of a database, without credentials."""
    return store_record.place(data) if is_url(data) else str(Path(data).absolute())


async def _never() -> bool:
    return False


def describe(installation: Installation, out: Console, announce: Announce) -> None:
    """Print all addresses; *announce* gets them with their names."""
    found = addresses(installation)
    out.print(f"  API        {found['docs']}")
    out.print(f"  console    {found['console']} (for staff: `habeas staff add` makes an account)")
    out.print(f"  letters    {found['letters']}")
    _describe_database(found, out)
    for name, place in found["stores"].items():
        out.print(f"  your data  {place} (store {name}): erasures change it at once")
    out.print(f"  data map   {found['data_map']}")
    out.print(f"  company    {found['company']}")
    out.print(f"  settings   {found['settings']} (secrets of accounts: the folder {CREDENTIALS} beside it)")
    out.print(f"  log        {found['log']}")
    out.print("  stop with Ctrl-C")
    announce({"state": "running", **found})


def _database(url: str, url_file: Path) -> dict[str, str]:
    """Return the server of *url* and the file with the URL, which names a password."""
    return {"database": server(url), "database_url_file": str(url_file.absolute())}


def _describe_database(found: Mapping[str, Any], out: Console) -> None:
    out.print(f"  database   {found['database']} (its URL with the password: {found['database_url_file']})")


def addresses(installation: Installation) -> dict[str, Any]:
    """Return the addresses and files of a running installation."""
    stores = json.loads(installation.environment.get("HABEAS_STORES") or "{}")
    return {
        "api": installation.url,
        "docs": f"{installation.url}/docs",
        "console": installation.console_url,
        "letters": str(installation.stack.mail_folder),
        **_database(installation.stack.mongo_url, installation.database_url_file),
        "stores": {name: server(url) for name, url in stores.items()},
        "data_map": installation.environment["HABEAS_DATAMAP"],
        "company": company(installation.environment["HABEAS_COMPANY"]).name,
        "settings": str(installation.settings_file),
        "log": str(installation.log),
    }


async def load(mongo_url: str, data: str, out: Console, datamap: Path | None = None) -> Counter[str]:
    """
    Store the documents of *data* in the database at *mongo_url*; return their number by database.

    Files outside a folder of a database belong to the only one of *datamap*, or to one named as their folder.
    """
    mapped = mapped_databases(datamap).get(DEFAULT, set()) if datamap else set()
    stored = Counter[str]()
    with out.status("storing documents") as status:

        def show(place: str, more: int) -> None:
            stored[place.partition(".")[0]] += more
            status.update(f"storing documents of {place}: {stored.total():,} in all")

        only = next(iter(mapped)) if len(mapped) == 1 else None
        records = live(data) if is_url(data) else exported(Path(data), only)
        await fill(mongo_url, records, index=False, progress=show)
    return stored


async def fill_company(mongo_url: str, out: Console) -> int:
    """Fill the store with the fictional company's records; return how many there are."""
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn())
    records = list(generate(SEED, PEOPLE, today=datetime.now(UTC).date()))
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("storing records", total=len(records))
        return await fill(mongo_url, records, progress=lambda _, stored: progress.advance(task, stored))
