"""Verbs that back up and restore Habeas' own databases."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from habeas.cli import client
from habeas.cli.options import STATE, AsJson, State, output, run
from shared.runtime.accounts import TOPOLOGY

if TYPE_CHECKING:
    from habeas.client.backups import BackupExtent

app = typer.Typer()
KeysFolder = Annotated[
    Path, Option("--keys", help="Folder of the keys of cases: keep it apart, and for less long.")
]


@app.command()
def backup(
    folder: Annotated[Path, Argument(help="A new folder for everything but the keys.")],
    keys: KeysFolder,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Back up Habeas' own databases, all of one moment, while services run.

    Content of cases is sealed, and opens with the keys and the master key alone. Uses the account `topology`
    of HABEAS_CREDENTIALS, or HABEAS_MONGO_URL.
    """
    report("backed up", _carried_out("back_up", folder, keys, state), as_json=as_json)


@app.command()
def restore(
    folder: Annotated[Path, Argument(help="The folder of a backup.")],
    keys: KeysFolder,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Restore a backup into empty databases, while no service runs.

    Then start the services; docs/how-to/restore.md lists what else there is to do.
    """
    report("restored", _carried_out("restore", folder, keys, state), as_json=as_json)


def _carried_out(verb: str, folder: Path, keys: Path, state: State) -> "BackupExtent":
    from shared.runtime.mongo import connect  # noqa: PLC0415

    async def work() -> "BackupExtent":
        with closing(connect(state.setting("MONGO_URL", TOPOLOGY), app_name="habeas command")) as mongo:
            folders = client.backups.BackupFolders(folder, keys)
            extent: BackupExtent = await getattr(client.backups, verb)(mongo, state.prefix, folders)
            return extent

    return run(work())


def report(done: str, extent: "BackupExtent", *, as_json: bool) -> None:
    """Print the extent of a backup."""
    at = extent.at.isoformat(timespec="seconds")
    text = f"{extent.files} collections, {extent.bytes_} bytes {done}, as of {at}"
    output({"at": at, "collections": extent.files, "bytes": extent.bytes_}, text, as_json=as_json)
