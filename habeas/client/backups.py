"""
Backups of Habeas' own databases, all of one moment, and their restoration.

A backup is read in one snapshot of the database while services run, so that journals, vault and keys agree.
The keys go to a folder of their own: whoever has one of the two folders can open nothing. Files have the form
of mongodump; indexes are left out, for services make them at their start.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from habeas.client.backup_manifest import BackupManifest, FileDigest
from habeas.client.private_files import make_folder, open_private, require_own
from shared.contract import topology
from shared.errors import ConfigurationError
from shared.runtime.accounts import STAFF
from shared.runtime.mongo import (
    Client,
    Database,
    RawDocument,
    create_compressed,
    insert_new,
    raw_batches,
    raw_documents_in,
    snapshot,
    translated,
)

KEYS, VAULT, MIGRATIONS = "keys", "vault", "migrations"
OWN = (*topology.inboxes(), VAULT, STAFF, MIGRATIONS, KEYS)
"""Our databases, without the prefix of the installation."""
COMPLETE = "backup.json"
"""Written last: a folder without it is no whole backup."""
COLLECTION = re.compile(r"(?!system\.)(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.-]*(?<!\.)")
"""Name of a collection in a backup: services choose them, and a name becomes that of a file, and back."""
INSERTED_AT_ONCE = 1_000
MOST_BYTES = 16 << 20
"""Of one insertion."""


@dataclass(frozen=True, slots=True)
class BackupFolders:
    """The folder of a backup, and that of its keys."""

    content: Path
    keys: Path

    def of(self, database: str) -> Path:
        """Return the folder for *database*, a name without prefix."""
        return self.keys if database == KEYS else self.content

    def name_of(self, file: Path) -> str:
        """Return the name of *file* in the manifest, wherever the folders are."""
        within_keys = file.is_relative_to(self.keys)
        folder, first = (self.keys, "keys") if within_keys else (self.content, "content")
        return f"{first}/{file.relative_to(folder).as_posix()}"


@dataclass(frozen=True, slots=True)
class BackupExtent:
    """The extent of a backup."""

    at: datetime
    """When it was begun; it has everything that was written before."""
    bytes_: int
    files: int
    sealed: bool
    """Whether its manifest has a seal, made or verified with the installation's key."""


def sync(path: Path) -> None:
    """Have the disk store the file or folder *path*, so that a crash of the machine does not undo it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def back_up(
    client: Client,
    prefix: str,
    folders: BackupFolders,
    sync: Callable[[Path], None] = sync,
    key: bytes | None = None,
) -> BackupExtent:
    """
    Write all our databases as they are now; all is on the disk, by *sync*, before the backup is marked whole.

    The mark is its manifest, sealed with *key* if there is one.

    Raises:
        StoreUnavailable: The database does not answer.
        PermanentError: It took longer than the database keeps a moment.
        ConfigurationError: A folder has a backup already, belongs to others as well, or cannot be written;
            one folder has the other; or a collection has a name that may be none of a file.
    """
    _must_be_apart(folders)
    for folder in (folders.content, folders.keys):
        _must_be_new(folder)
    at, files = datetime.now(UTC), dict[str, FileDigest]()
    async with snapshot(client, "back up") as session:
        for name in OWN:  # before anything is written
            await _collections(client[f"{prefix}_{name}"])
        for name in OWN:
            database = client[f"{prefix}_{name}"]
            for collection in await _collections(database):
                file = folders.of(name) / database.name / f"{collection}.bson"
                files[folders.name_of(file)] = await _written(
                    file, raw_batches(database[collection], session)
                )
    await asyncio.to_thread(_sync_all, folders, sync)
    mark = BackupManifest(at, prefix, files).written(key)
    for folder in (folders.content, folders.keys):
        with _created(folder / COMPLETE) as out:
            out.write(mark.encode())
        sync(folder / COMPLETE)
        sync(folder)
    return BackupExtent(at, sum(one.bytes_ for one in files.values()), len(files), key is not None)


async def restore(
    client: Client, prefix: str, folders: BackupFolders, key: bytes | None = None, *, unsealed: bool = False
) -> BackupExtent:
    """
    Write a backup into our databases, which must be empty, and which no service uses meanwhile.

    The record of migrations that `habeas topology` has made there is replaced.

    Args:
        client: Of the administrator.
        prefix: First part of the names of our databases.
        folders: The backup.
        key: Verifies the seal of its manifest; without it, files are compared with the manifest alone.
        unsealed: Whether a manifest without a valid seal, and a backup without a manifest, will do.

    Raises:
        StoreUnavailable: The database does not answer.
        ConfigurationError: A folder has no whole backup, or what is no part of one; a file is missing, added
            or changed; the two are of different moments, the prefix is another, or a database has documents.
    """
    mark = _mark(folders, prefix)
    content = {f"{prefix}_{name}" for name in OWN if name != KEYS}
    files = [*_files(folders.content, content), *_files(folders.keys, {f"{prefix}_{KEYS}"})]
    found = {folders.name_of(file): file for file in files}
    await asyncio.to_thread(mark.require, found, key, unsealed=unsealed)
    await _must_be_empty(client, prefix)
    with translated("drop the record of migrations"):  # of a new installation, which has nothing to migrate
        await client.drop_database(f"{prefix}_{MIGRATIONS}")
    for file in files:
        collection = client[file.parent.name][file.stem]
        await create_compressed(collection)
        for documents in _portions(raw_documents_in(file)):
            await insert_new(collection, documents)
    sealed = bool(mark.seal) and key is not None and not unsealed
    return BackupExtent(mark.at, sum(file.stat().st_size for file in files), len(files), sealed)


def _sync_all(folders: BackupFolders, sync: Callable[[Path], None]) -> None:
    for folder in (folders.content, folders.keys):
        for path in (*folder.rglob("*"), folder, folder.parent):
            sync(path)


async def _collections(database: Database) -> list[str]:
    """Return the names of the collections to back up. Raises ConfigurationError if one may be no file's."""
    names = sorted(await database.list_collection_names())
    own = [name for name in names if not name.startswith("system.")]
    for name in own:
        if not COLLECTION.fullmatch(name):
            raise ConfigurationError(f"{database.name} has a collection {name!a}: drop it, or rename it")
    return own


async def _written(file: Path, batches: AsyncIterator[bytes]) -> FileDigest:
    """Write *batches* into a new *file*; return its size and digest. Raises as `_created`."""
    size, digest = 0, sha256()
    with _created(file) as out:
        async for batch in batches:
            size += out.write(batch)
            digest.update(batch)
    return FileDigest(size, digest.hexdigest())


@contextmanager
def _created(file: Path) -> Iterator[BinaryIO]:
    """Open a new file. Raises ConfigurationError if it cannot be made, or written to its end."""
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        with open(file, "xb", opener=open_private) as out:
            yield out
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written ({error.strerror})") from None


def _must_be_apart(folders: BackupFolders) -> None:
    content, keys = folders.content.resolve(), folders.keys.resolve()
    if content.is_relative_to(keys) or keys.is_relative_to(content):
        raise ConfigurationError(f"{folders.keys}: name a folder for keys apart from {folders.content}")


def _must_be_new(folder: Path) -> None:
    make_folder(folder)
    require_own(folder)
    if any(folder.iterdir()):
        raise ConfigurationError(f"{folder}: is not empty; name a new folder for each backup")


def _mark(folders: BackupFolders, prefix: str) -> BackupManifest:
    marks: list[str] = []
    for folder in (folders.content, folders.keys):
        try:
            marks.append((folder / COMPLETE).read_text(encoding="utf-8"))
            manifest = BackupManifest.read(marks[-1])
        except (OSError, ValueError):
            raise ConfigurationError(f"{folder}: has no whole backup") from None
    if marks[0] != marks[1]:
        raise ConfigurationError(
            f"{folders.content} and {folders.keys} are of different moments, or a {COMPLETE} was changed"
        )
    if manifest.prefix != prefix:
        raise ConfigurationError(f"the backup is of HABEAS_DATABASE_PREFIX {manifest.prefix}")
    return manifest


def _files(folder: Path, databases: Container[str]) -> list[Path]:
    """Return the files of collections. Raises ConfigurationError if *folder* has more than *databases*."""
    files = []
    for found in sorted(folder.rglob("*")):
        within = found.relative_to(folder)
        of_its_kind = found.is_dir() if within.name in databases else found.is_file()
        if found.is_symlink() or not of_its_kind or not _is_part(within, databases):
            raise ConfigurationError(f"{str(found)!a}: is no part of this backup; nothing is restored")
        if len(within.parts) > 1:
            files.append(found)
    return files


def _is_part(file: Path, databases: Container[str]) -> bool:
    """Tell whether *file*, within its folder, is the mark, a folder of *databases* or a file in one."""
    match file.parts:
        case [name]:
            return name == COMPLETE or name in databases
        case [_, _]:  # its folder has been looked at
            return file.suffix == ".bson" and COLLECTION.fullmatch(file.stem) is not None
        case _:
            return False


async def _must_be_empty(client: Client, prefix: str) -> None:
    with translated("look for documents"):
        for database in (client[f"{prefix}_{name}"] for name in OWN if name != MIGRATIONS):
            for collection in await database.list_collection_names():
                if await database[collection].find_one({}, {"_id": 1}) is not None:
                    raise ConfigurationError(f"{database.name} has documents: drop our databases first")


def _portions(documents: Iterable[RawDocument]) -> Iterator[list[RawDocument]]:
    """Yield *documents* in portions that one insertion takes."""
    portion: list[RawDocument] = []
    size = 0
    for document in documents:
        if portion and (len(portion) >= INSERTED_AT_ONCE or size + len(document.raw) > MOST_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(document)
        size += len(document.raw)
    if portion:
        yield portion
