"""The installation of ``habeas up``."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from habeas.client.collections import documents
from habeas.embedded.company import fill, generate
from habeas.embedded.installation import EXAMPLE_MAP, Installation, run_until_stopped

SEED = 1
PEOPLE = 2_000


@dataclass(frozen=True, slots=True)
class StoreContents:
    """The records that a store is filled with."""

    company: bool = True
    """Whether the customers of the fictional company; with its own data map only."""
    data: Path | None = None
    """Folder of documents, see :func:`documents`."""


async def up(
    state: Path, out: Console, contents: StoreContents, *, port_base: int | None, datamap: Path | None
) -> None:
    """Start everything in the folder *state*, print its addresses, and keep it up until it is stopped."""
    with out.status("starting a broker, a database, a mail catcher and the services"):
        installation = Installation(state, datamap=datamap, port_base=port_base, environment=os.environ)
        await installation.__aenter__()
    try:
        if contents.company and installation.environment["HABEAS_DATAMAP"] == str(EXAMPLE_MAP):
            await fill_company(installation.stack.mongo_url, out)
        if contents.data is not None:
            await fill(installation.stack.mongo_url, documents(contents.data), index=False)
        describe(installation, out)
        await run_until_stopped(installation)
    finally:
        with out.status("stopping"):
            await installation.__aexit__(None, None, None)


def describe(installation: Installation, out: Console) -> None:
    """Print all addresses."""
    out.print(f"  API        {installation.url}/docs")
    out.print(f"  letters    {installation.stack.mail_folder}")
    out.print(f"  database   {installation.stack.mongo_url}")
    out.print(f"  settings   {installation.settings_file} (with the broker's URL and all secrets)")
    out.print(f"  log        {installation.log}")
    out.print("  stop with Ctrl-C")


async def fill_company(mongo_url: str, out: Console) -> int:
    """Fill the store with the fictional company's records; return how many there are."""
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn())
    records = list(generate(SEED, PEOPLE, today=datetime.now(UTC).date()))
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("storing records", total=len(records))
        return await fill(mongo_url, records, progress=lambda _, stored: progress.advance(task, stored))
