"""Verbs that start services and demonstrations."""

import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from habeas.cli import client
from habeas.cli.keys import key_ring, retired
from habeas.cli.options import (
    STATE,
    AsJson,
    InstallationState,
    MapFolder,
    State,
    Stores,
    console,
    output,
    run,
)
from habeas.cli.store_urls import data_of, stores_of
from habeas.cli.verification import copy_heads, verify_journals
from shared.errors import ConfigurationError, ErrorNet, reason_of
from shared.runtime.accounts import TOPOLOGY

if TYPE_CHECKING:
    from rich.console import Console

    from habeas.client.audit import AuditReport
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
    once: Annotated[
        bool, Option("--once", help="Do the daily work once, and end; with 1 if rows or heads do not fit.")
    ] = False,
    stalled_after: Annotated[
        str, Option(envvar="HABEAS_STALLED_AFTER", help="How long a case may stand: PT10M.")
    ] = "PT10M",
    ops_port: Annotated[
        int,
        Option(envvar="HABEAS_OPS_PORT", help="Port of /livez, /readyz and /metrics; 0 takes a free one."),
    ] = 0,
    host: Annotated[str, Option(envvar="HABEAS_HTTP_HOST", help="Address of the port.")] = "127.0.0.1",
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Each day destroy overdue master keys, copy the signed heads of the journals and verify these.

    Each minute compare the journals, and have facts that no service has handled published again. With --json,
    each day has a line on standard output; the log is on the error stream.
    """
    from shared.runtime.settings import duration  # noqa: PLC0415

    after = duration("--stalled-after", stalled_after)
    work = partial(_daily, heads, state, as_json=as_json)
    if once:
        if work().findings:
            raise typer.Exit(1)
        return
    from shared.runtime import log  # noqa: PLC0415

    level, form = (os.environ.get(f"HABEAS_LOG_{name}") for name in ("LEVEL", "FORMAT"))
    log.configure(level=level or "info", form="console" if form == "console" else "json", announced=True)
    mongo_url, amqp_url = (state.setting(name, TOPOLOGY) for name in ("MONGO_URL", "AMQP_URL"))

    async def keep_up() -> None:
        async with client.upkeep.watching(mongo_url, amqp_url, state.prefix, after) as (watch, checks):
            await client.upkeep.keep_up(watch, checks, partial(_try, work), host, ops_port)

    run(keep_up())


def _daily(heads: Path, state: InstallationState, *, as_json: bool) -> "AuditReport":
    """
    Destroy overdue keys, copy the heads and verify the journals; print all in one document.

    The journals are verified also where secrets are read-only; then the error is raised at the end.
    """
    with ErrorNet() as net:
        plain, text = retired(state)
    copied = copy_heads(heads, state, TOPOLOGY)
    report = verify_journals(heads, state, key_ring(state), TOPOLOGY)
    client.upkeep.note_verification(report.findings)
    verified = f"{copied} new heads in {heads}\n{client.audit.text_of(report)}"
    if net.error is not None:
        output({"heads": copied, "audit": report.plain()}, verified, as_json=as_json)
        raise net.error
    output(plain | {"heads": copied, "audit": report.plain()}, f"{text}\n{verified}", as_json=as_json)
    return report


def _try(work: Callable[[], "AuditReport"]) -> None:
    """Do *work*, and log its findings; any error is printed: what an attacker stored may end no upkeep."""
    with ErrorNet() as net:
        client.upkeep.log_findings(work().findings)
    if net.error is not None:
        print(f"habeas: {reason_of(net.error)}; the next attempt is in a day", file=sys.stderr)


@app.command()
def up(
    state: State = STATE,
    stores: Stores = None,
    company: Annotated[Path | None, Option(help="File of your company [HABEAS_COMPANY].")] = None,
    map_folder: MapFolder = None,
    env_file: Annotated[Path | None, Option(help="A .env with settings, as for docker compose.")] = None,
    port_base: PortBase = None,
    sample: Annotated[bool, Option(help="Fill a new store with a fictional company's customers.")] = True,
    data: Data = None,
    database_only: Annotated[
        bool, Option("--database-only", help="Start a database alone, to try --stores with.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """
    Start a broker, a database, a mail catcher and all services on this machine.

    Options precede the environment, which precedes the file. Ports stay the same at the next start.
    Data is stored at the first start: a later one brings no erased records back.
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

    It stores its data anew, also that of people erased before.
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
