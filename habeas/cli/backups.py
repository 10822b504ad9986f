"""Verbs that back up and restore Habeas' own databases."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from habeas.cli import client
from habeas.cli.options import STATE, AsJson, InstallationState, State, output, run
from shared.runtime.accounts import TOPOLOGY

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from habeas.client.backups import BackupExtent, BackupFolders
    from shared.runtime.mongo import Client

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
    of HABEAS_CREDENTIALS, or HABEAS_MONGO_URL. A manifest lists the files, sealed if the key ring of the
    command, or HABEAS_MASTER_KEY, is there.
    """
    key = _key(state)

    async def work(mongo: "Client") -> "BackupExtent":
        return await client.backups.back_up(mongo, state.prefix, _folders(folder, keys), key=key)

    report("backed up", _carried_out(work, state), as_json=as_json)


@app.command()
def restore(
    folder: Annotated[Path, Argument(help="The folder of a backup.")],
    keys: KeysFolder,
    unsealed: Annotated[
        bool,
        Option(
            "--unsealed", help="Restore a backup without a manifest, or without a seal of this master key."
        ),
    ] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Restore a backup into empty databases, while no service runs.

    A file that is missing, added or changed since the backup ends it, before anything is written. Then start
    the services; docs/how-to/restore.md lists what else there is to do.
    """
    key = _key(state)

    async def work(mongo: "Client") -> "BackupExtent":
        folders = _folders(folder, keys)
        return await client.backups.restore(mongo, state.prefix, folders, key, unsealed=unsealed)

    report("restored", _carried_out(work, state), as_json=as_json)


def _folders(folder: Path, keys: Path) -> "BackupFolders":
    folders: BackupFolders = client.backups.BackupFolders(folder, keys)
    return folders


def _key(state: InstallationState) -> bytes | None:
    """Return the key of manifests; None where the process has none, as in the container of `topology`."""
    if not state.settings().get("HABEAS_MASTER_KEY"):
        return None
    key: bytes = client.backup_manifest.manifest_key(state.root_key())
    return key


def _carried_out(
    work: "Callable[[Client], Coroutine[Any, Any, BackupExtent]]", state: InstallationState
) -> "BackupExtent":
    from shared.runtime.mongo import connect  # noqa: PLC0415

    async def connected() -> "BackupExtent":
        with closing(connect(state.setting("MONGO_URL", TOPOLOGY), app_name="habeas command")) as mongo:
            return await work(mongo)

    return run(connected())


def report(done: str, extent: "BackupExtent", *, as_json: bool) -> None:
    """Print the extent of a backup."""
    at = extent.at.isoformat(timespec="seconds")
    seal = "with a seal" if extent.sealed else "without a seal"
    text = f"{extent.files} collections, {extent.bytes_} bytes {done} {seal}, as of {at}"
    plain = {"at": at, "collections": extent.files, "bytes": extent.bytes_, "sealed": extent.sealed}
    output(plain, text, as_json=as_json)
