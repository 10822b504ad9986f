"""Verbs about erasures, the erasure journal and the suppression list."""

import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from habeas.cli.options import (
    STATE,
    AsJson,
    MapFolder,
    State,
    Stores,
    case_of,
    controller,
    existing,
    map_folder_of,
    out,
    prefix_of,
    root_key,
    run,
    setting,
    settings,
    show_plan,
    signer,
    stores_of,
)

if TYPE_CHECKING:
    from habeas.client.erasures import ErasureRecords
    from services.fulfillment.datamap.model import DataMap
    from services.fulfillment.erasure.deferred import DueRecords, Purging
    from services.fulfillment.erasure.journal.returned import ScanProgress as Report
    from services.fulfillment.erasure.steps import RecordPlan

app = typer.Typer(help="Erasures: list them, and repeat them after a backup was restored.")
stop_list = typer.Typer(help="People on the suppression list.")

Since = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only erasures since then (UTC)."),
]


@app.command("list")
def list_(since: Since = None, state: State = STATE, as_json: AsJson = False) -> None:
    """List the erasures in the journal, the latest first."""
    from habeas.client import erasures  # noqa: PLC0415

    async def work() -> list[dict[str, Any]]:
        async with open_erasure_records(state) as memory:
            return await erasures.listed(memory, _moment(since))

    found = run(work())
    if as_json:
        print(json.dumps(found))
        return
    for row in found:
        out.print(f"{row['erasure']}  {row['at']}", markup=False)
        for key, records in row["collections"].items():
            out.print(f"    {records:>9} {key}", markup=False)
    if not found:
        out.print("the erasure journal is empty")


@app.command()
def plan(
    request_id: Annotated[str, typer.Argument(help="Id of the request.")],
    ids: Annotated[bool, typer.Option(help="Print the ids of all records, not only of a few.")] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Show the erasure plan of a request."""

    async def work() -> "RecordPlan":
        async with case_of(request_id, state) as case:
            return await case.plan()

    show_plan(run(work()), as_json=as_json, ids=ids)


@app.command()
def retry(
    request_id: Annotated[str, typer.Argument(help="Id of the request.")], state: State = STATE
) -> None:
    """Retry records that a store refused to erase, once the cause is gone."""
    from habeas.client import requests  # noqa: PLC0415
    from shared.contract.events import ErasureRetried  # noqa: PLC0415

    fact = requests.fact(ErasureRetried, request_id=request_id)
    run(requests.announce(setting("AMQP_URL", state), fact))
    out.print(f"tried again; ask with `habeas status {request_id}`")


@app.command()
def purge(
    dry_run: Annotated[bool, typer.Option(help="List due records and change nothing.")] = False,
    folder: Annotated[Path | None, typer.Option("--out", help="Write the certificates here.")] = None,
    map_folder: MapFolder = None,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Erase records at the end of their retention, and retry refused ones; fulfillment does it daily."""
    from services.fulfillment.datamap.reader import load  # noqa: PLC0415

    data_map, urls = load(map_folder_of(map_folder, state)), stores_of(stores, state)
    today, purged = datetime.now(UTC).date(), []
    certificates: dict[str, bytes | None] = {}

    async def work() -> None:
        async with open_erasure_records(state) as memory, _purging(memory, data_map, urls, state) as purging:
            async for item in purging.due(today):
                purged.append(item.summary())
                if not dry_run and not item.idle:
                    certificates[item.erasure] = await _purged(item, purging, state)

    run(work())
    for erasure, certificate in certificates.items():
        if folder is not None and certificate is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{erasure}-{today}.json").write_bytes(certificate)
    if as_json:
        print(json.dumps(purged))
        return
    for item in purged:
        counts = ", ".join(f"{count} {name}" for name, count in item["records"].items())
        out.print(f"{item['erasure']}  {'is tried again' if item['retried'] else counts}")
    out.print(f"{len(purged)} erasures had due records")


async def _purged(item: "DueRecords", purging: "Purging", state: Path) -> bytes | None:
    """Erase due records; return the certificate, unless the service does it."""
    from habeas.client import requests  # noqa: PLC0415
    from shared.contract.events import ErasureRetried  # noqa: PLC0415

    if item.retried:
        fact = requests.fact(ErasureRetried, request_id=item.erasure)
        await requests.announce(setting("AMQP_URL", state), fact)
        return None
    return await purging.purge(item)


@asynccontextmanager
async def _purging(
    memory: "ErasureRecords", data_map: "DataMap", urls: Mapping[str, str], state: Path
) -> "AsyncIterator[Purging]":
    """Open the purge by the registers of *memory*."""
    from habeas.client import engine  # noqa: PLC0415

    async with engine.connected(urls) as stores:
        yield memory.purging(data_map, stores, controller=controller(state), signer=signer(state))


@app.command()
def replay(
    since: Since = None,
    store: Annotated[str | None, typer.Option(help="Only in this store of HABEAS_STORES.")] = None,
    dry_run: Annotated[bool, typer.Option(help="List returned records and change nothing.")] = False,
    map_folder: MapFolder = None,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Erase records again that a restored backup has brought back. Exits 1 if any is left."""
    from habeas.client import erasures  # noqa: PLC0415
    from services.fulfillment.datamap.reader import load  # noqa: PLC0415
    from services.fulfillment.erasure.journal.replay import ReplayScope  # noqa: PLC0415

    data_map, urls = load(map_folder_of(map_folder, state)), stores_of(stores, state)
    scope = ReplayScope(_moment(since), store, dry_run)

    async def work() -> Any:
        async with open_erasure_records(state) as memory:
            with _progress() as report:
                return await erasures.replay(memory, data_map, urls, scope, report)

    report = run(work())
    if as_json:
        print(json.dumps(report.plain()))
    else:
        out.print(erasures.table_of_report(report) if report.collections else "no record has come back")
        for remark in erasures.remarks(report):
            out.print(remark)
    raise typer.Exit(0 if report.done else 1)


@stop_list.command("filter")
def filter_(
    file: Annotated[Path, typer.Argument(help="An identity a line; - reads standard input.")] = Path("-"),
    identity: Annotated[
        str, typer.Option(help="Identity in the lines, by its name in the data map.")
    ] = "email",
    purpose: Annotated[str, typer.Option(help="erased, marketing, consent, sale, sensitive")] = "erased",
    state: State = STATE,
) -> None:
    """Print the lines of people who are not on the suppression list, for an import."""
    from habeas.client import erasures  # noqa: PLC0415

    wanted, lines = erasures.purpose_of(purpose), _lines(file)

    async def work() -> None:
        async with open_erasure_records(state) as memory:
            async for line in erasures.unlisted_lines(memory, lines, identity=identity, purpose=wanted):
                print(line)

    run(work())


@asynccontextmanager
async def open_erasure_records(state: Path) -> "AsyncIterator[ErasureRecords]":
    """Open the erasure records of the installation. Raises ConfigurationError if a setting is missing."""
    from habeas.client import erasures  # noqa: PLC0415

    master_key = root_key(state)
    keep = erasures.kept_for(settings(state).get("HABEAS_BACKUP_RETENTION"))
    async with erasures.memory(setting("MONGO_URL", state), prefix_of(state), master_key, keep) as memory:
        yield memory


def _lines(file: Path) -> Iterator[str]:
    """Yield the lines of *file*; those of standard input for ``-``."""
    if str(file) == "-":
        yield from sys.stdin
        return
    with existing(file).open(encoding="utf-8") as lines:
        yield from lines


def _moment(day: datetime | None) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) if day is None else day.replace(tzinfo=UTC)


@contextmanager
def _progress() -> "Iterator[Report]":
    """Show progress on the error stream, so that the output is the report alone."""
    count = TextColumn("{task.completed:.0f}")
    columns = (SpinnerColumn(), TextColumn("{task.description}"), count, TimeElapsedColumn())
    tasks: dict[str, Any] = {}
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:

        def report(what: str, by: int) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(what, total=None)
            shown.advance(tasks[what], by)

        yield report
