"""Verbs about the records of one person."""

import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from habeas.cli import client
from habeas.cli.erasures import open_erasure_records
from habeas.cli.options import (
    STATE,
    AsJson,
    Identities,
    MapFolder,
    State,
    Stores,
    fields,
    out,
    run,
    show_plan,
)
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from habeas.client.engine import OperatorEngine
    from habeas.client.erasures import ErasureRecords
    from services.fulfillment.erasure.completion import Completed

app = typer.Typer()
GO_ON = "remove the cause and run the command again; `habeas erasures purge` retries as well"


@app.command()
def gather(
    identity: Identities,
    folder: Annotated[Path | None, typer.Option("--out", help="Write the records into this folder.")] = None,
    map_folder: MapFolder = None,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Find every record of a person."""

    async def work() -> Any:
        async with client.engine.opened(state.data_map(map_folder), state.stores(stores)) as opened:
            person = client.engine.identities(identity)
            found = await opened.gather(person)
            _warn(opened, person)
            return found

    findings = run(work())
    if folder is not None:
        client.engine.write(findings, folder)
    found = client.engine.summary_of_findings(findings)
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
    ids: Annotated[bool, typer.Option(help="Print the ids of all records, not only of a few.")] = False,
    map_folder: MapFolder = None,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Erase every record of a person, as far as map and law allow, and certify it; exits 1 if any is left."""
    from services.fulfillment.recipients.directory import recipients_of  # noqa: PLC0415

    person = client.engine.identities(identity)
    if certificate is not None and not dry_run:
        _check_writable(certificate)

    async def work() -> "Completed | None":
        async with client.engine.opened(state.data_map(map_folder), state.stores(stores)) as opened:
            found = await opened.gather(person)
            _warn(opened, person)
            plan = await opened.plan(found)
            show_plan(plan, as_json=as_json, ids=ids)
            if dry_run or not (yes or typer.confirm("Erase?", err=True)):
                return None
            async with _memory(state) as memory:
                completed = await opened.erase(plan, person, state.controller(), state.signer(), memory)
            recipients = recipients_of(completed.plan, opened.data_map)
            _print_result(completed, recipients, certificate, memory is not None, as_json)
            return completed

    completed = run(work())
    left = [] if completed is None else client.engine.left_of(completed)
    if left:
        print(f"habeas: left: {'; '.join(left)}: {GO_ON}", file=sys.stderr)
        raise typer.Exit(1)


def _warn(opened: "OperatorEngine", person: Mapping[str, Sequence[str]]) -> None:
    """Warn about identities that the map does not know."""
    if unknown := opened.unknown(person):
        print(f"habeas: {opened.not_known(unknown)}", file=sys.stderr)


def _check_writable(file: Path) -> None:
    """Make sure that the certificate can be written, before anything is erased."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("ab").close()
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written ({error.strerror})") from None


def _print_result(
    completed: "Completed", recipients: Sequence[str], file: Path | None, kept: bool, as_json: bool
) -> None:
    """Print the result, the recipients to notify, and the place of the certificate."""
    issued = completed.certificate
    number = client.certificates.number_of(issued)
    if file is not None:
        client.certificates.write(issued, file, "en")
    if as_json:
        print(issued.decode())
        return
    counts = ", ".join(f"{records} {name}" for name, records in completed.plan.counts().items())
    remaining = "" if completed.plan.counts().get("left") else "; searched again: nothing is left"
    out.print(f"done: {counts or 'nothing was held'}{remaining}")
    if recipients:
        out.print("this verb notifies no recipient; these must erase it too (GDPR Art. 19):")
        fields({"": recipients})
    fetched = (
        f"habeas certificate fetch {number}" if kept else "kept nowhere; give --certificate FILE to have it"
    )
    out.print(f"certificate {number}: {file or fetched}")


@asynccontextmanager
async def _memory(state: State) -> "AsyncIterator[ErasureRecords | None]":
    """Open the erasure journal; warn if no database is set for it."""
    if "HABEAS_MONGO_URL" not in state.settings():
        note = "HABEAS_MONGO_URL is not set: this erasure will not be repeated after a backup is restored"
        print(f"habeas: {note}", file=sys.stderr)
        yield None
        return
    async with open_erasure_records(state) as memory:
        yield memory
