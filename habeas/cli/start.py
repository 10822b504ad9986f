"""Verbs that start services and demonstrations."""

import importlib
import json
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from habeas.cli import client
from habeas.cli.keys import key_ring, retired
from habeas.cli.options import STATE, AsJson, MapFolder, State, Stores, console, output, run
from habeas.cli.store_urls import data_of, stores_of
from habeas.cli.verification import copy_heads, verify_journals
from shared.errors import ConfigurationError, HabeasError
from shared.runtime.accounts import TOPOLOGY

if TYPE_CHECKING:
    from rich.console import Console

    from habeas.embedded.uptime import Announce
    from shared.runtime.bootstrap import ServicePlan

app = typer.Typer()
Data = Annotated[
    str | None,
    Option(
        help="Your data, copied: files of mongoexport or mongodump, or a mongodb:// URL, or a file with it."
    ),
]
PortBase = Annotated[
    int | None, Option(help="First of eight ports; those of the last start, or free ones, if not given.")
]


@app.command()
def serve(
    services: Annotated[list[str], Argument(help="intake, verifier, fulfillment, notifier, console")],
    as_json: AsJson = False,
) -> None:
    """
    Run services in this process, with the settings in the environment.

    With --json, the start with its ports and the end are a line each on standard output, and the log goes to
    the error stream.
    """
    from habeas.embedded.installation import SERVICES  # noqa: PLC0415  each verb loads only what it needs
    from shared.runtime.bootstrap import main  # noqa: PLC0415

    unknown = ", ".join(sorted(set(services) - set(SERVICES)))
    if unknown:
        raise ConfigurationError(f"no service is called {unknown}; there are {', '.join(SERVICES)}")
    main([plan for name in dict.fromkeys(services) for plan in _plans(name)], announced=as_json)


def _plans(name: str) -> "Sequence[ServicePlan[Any]]":
    """Import a service only when it runs: other verbs need none of its libraries."""
    from services import __name__ as package  # noqa: PLC0415  the same

    return importlib.import_module(f"{package}.{name}.bootstrap").PLANS  # type: ignore[no-any-return]  # every service has them


@app.command()
def upkeep(
    heads: Annotated[Path, Option(help="Folder for copies of the signed heads of the journals.")],
    once: Annotated[bool, Option("--once", help="Do it once, and end.")] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Destroy overdue master keys, copy the signed heads of the journals and verify these, once a day.

    With --json, each day has a line on standard output.
    """
    while True:
        try:
            plain, text = retired(state)
            copied = copy_heads(heads, state, TOPOLOGY)
            report = verify_journals(heads, state, key_ring(state), TOPOLOGY)
            said = f"{text}\n{copied} new heads in {heads}\n{client.audit.text_of(report)}"
            output(plain | {"heads": copied, "audit": report.plain()}, said, as_json=as_json)
        except HabeasError as error:
            if once:
                raise
            print(f"habeas: {error}; the next attempt is in a day", file=sys.stderr)
        if once:
            return
        time.sleep(timedelta(days=1).total_seconds())


@app.command()
def up(
    state: State = STATE,
    stores: Stores = None,
    company: Annotated[Path | None, Option(help="File of your company [HABEAS_COMPANY].")] = None,
    map_folder: MapFolder = None,
    env_file: Annotated[Path | None, Option(help="A .env with settings, as for docker compose.")] = None,
    port_base: PortBase = None,
    sample: Annotated[bool, Option(help="Fill the store with a fictional company's customers.")] = True,
    data: Data = None,
    database_only: Annotated[
        bool, Option("--database-only", help="Start a database alone, to try --stores with.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """
    Start a broker, a database, a mail catcher and all services on this machine.

    Options precede the environment, which precedes the file. Ports stay the same at the next start.
    With --json, the addresses and the end are a line each on standard output.
    """
    from habeas.embedded.installation import require_extra  # noqa: PLC0415

    require_extra()
    from habeas.embedded import uptime  # noqa: PLC0415

    out, announce = _outputs(as_json=as_json)
    if database_only:
        if stores or company or map_folder or env_file:
            raise ConfigurationError(
                "--database-only: starts no service; leave out --stores, --company, --map and --env-file"
            )
        run(uptime.up_database(state.folder, out, data_of(data), port_base, announce))
        return
    contents = uptime.StoreContents(sample=sample, data=data_of(data))
    own = stores_of(stores) if stores else None
    settings = uptime.OwnSettings(own, company, map_folder, env_file, port_base)
    run(uptime.up(state.folder, out, contents, settings, announce))


@app.command()
def demo(
    state: State = STATE,
    keep: Annotated[bool, Option(help="Leave everything running afterwards.")] = False,
    data: Data = None,
    map_folder: MapFolder = None,
    identity: Annotated[list[str] | None, Option("--email", help="With --data: two people.")] = None,
    as_json: AsJson = False,
) -> None:
    """
    Run two requests through the whole pipeline: an access and an erasure.

    With --data, on a copy of your own data: the map is drafted and the people are chosen if not given.
    With --json, the steps are one document on standard output at the end.
    """
    from habeas.embedded.installation import require_extra  # noqa: PLC0415

    require_extra()
    from habeas.embedded import demo as story  # noqa: PLC0415

    setting = story.DemoSetting(data_of(data), map_folder, identity or [])
    run(story.run_demonstration(state.folder, *_outputs(as_json=as_json), setting, keep=keep))


def _outputs(*, as_json: bool) -> "tuple[Console, Announce]":
    """Return the console for lines, and the function for states: for programs, a line of JSON each."""
    if as_json:
        return console(sys.stderr), lambda state: print(
            json.dumps(dict(state), ensure_ascii=False), flush=True
        )
    return console(), lambda _: None
