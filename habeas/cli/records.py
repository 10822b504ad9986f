"""Verbs about the records of one person."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from habeas.cli.erasures import remembering
from habeas.cli.options import (
    STATE,
    AsJson,
    Identities,
    MapFolder,
    State,
    Stores,
    controller,
    map_folder_of,
    out,
    run,
    settings,
    show_plan,
    signer,
    stores_of,
)

if TYPE_CHECKING:
    from habeas.erasures import Memory

app = typer.Typer()


@app.command()
def gather(
    identity: Identities,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Write what was found into this folder.")
    ] = None,
    map_folder: MapFolder = None,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Find every record of a person."""
    from habeas import engine  # noqa: PLC0415

    async def work() -> Any:
        async with engine.opened(map_folder_of(map_folder, state), stores_of(stores, state)) as opened:
            return await opened.gather(engine.identities(identity))

    findings = run(work())
    if folder is not None:
        engine.write(findings, folder)
    found = engine.summary_of_findings(findings)
    if as_json:
        print(json.dumps(found))
        return
    table = Table("collection", "", "records", title=found["answer"].replace("_", " "))
    for key, part in found["collections"].items():
        table.add_row(key, part["status"], str(part["found"]))
    out.print(table)


@app.command()
def erase(
    identity: Identities,
    dry_run: Annotated[bool, typer.Option(help="Print the plan and change nothing.")] = False,
    yes: Annotated[bool, typer.Option(help="Erase without asking.")] = False,
    certificate: Annotated[
        Path | None, typer.Option(help="Write the certificate into this file, and a page beside it.")
    ] = None,
    map_folder: MapFolder = None,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Erase every record of a person, as far as the map and the law allow, and certify it."""
    from habeas import certificates, engine  # noqa: PLC0415

    person = engine.identities(identity)

    async def work() -> bytes | None:
        async with engine.opened(map_folder_of(map_folder, state), stores_of(stores, state)) as opened:
            plan = opened.plan(await opened.gather(person))
            show_plan(engine.summary_of_plan(plan), as_json=as_json)
            if dry_run or not (yes or typer.confirm("Erase?", err=True)):
                return None
            async with _memory(state) as memory:
                return await opened.erase(
                    plan, person, controller=controller(state), signer=signer(state), memory=memory
                )

    issued = run(work())
    if issued is not None:
        if certificate is not None:
            certificates.write(issued, certificate, "en")
        print(issued.decode())


@asynccontextmanager
async def _memory(state: Path) -> "AsyncIterator[Memory | None]":
    """Open what an erasure leaves an entry in; where no database is named for it, say so and do without."""
    if "HABEAS_MONGO_URL" not in settings(state):
        note = "HABEAS_MONGO_URL is not set: after a backup is restored, nothing will know of this erasure"
        print(f"habeas: {note}", file=sys.stderr)
        yield None
        return
    async with remembering(state) as memory:
        yield memory
