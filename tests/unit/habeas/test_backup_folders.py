"""Folders of a backup: apart, their owner's alone, and with nothing that leads out of our databases."""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from habeas.client.backups import COMPLETE, BackupFolders, back_up, restore
from shared.errors import ConfigurationError
from shared.runtime.mongo import Client, connect


@pytest.fixture
def absent() -> Iterator[Client]:
    """Return a client of a database that does not answer: a rule must hold before it is asked."""
    url = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=1"
    with closing(connect(url, app_name="test")) as client:
        yield client


@pytest.fixture
def folders(tmp_path: Path) -> BackupFolders:
    """Return the folders of a whole backup without collections."""
    folders = BackupFolders(tmp_path / "content", tmp_path / "keys")
    for folder in (folders.content, folders.keys):
        folder.mkdir()
        mark = {"at": "2026-11-20T00:00:00+00:00", "prefix": "habeas"}
        (folder / COMPLETE).write_text(json.dumps(mark), encoding="utf-8")
    return folders


@pytest.mark.parametrize(("content", "keys"), [("one", "one"), ("one", "one/keys"), ("one/content", "one")])
async def test_keys_are_not_backed_up_into_the_folder_of_the_content(
    absent: Client, tmp_path: Path, content: str, keys: str
) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(ConfigurationError, match="name a folder for keys apart from"):
        await back_up(absent, "habeas", BackupFolders(tmp_path / content, tmp_path / "link" / keys))
    assert not any((tmp_path / name).exists() for name in (content, keys))


@pytest.mark.parametrize("mode", [0o710, 0o701, 0o750, 0o707])
@pytest.mark.parametrize("name", ["content", "keys"])
async def test_folder_that_others_can_reach_gets_no_backup(
    absent: Client, tmp_path: Path, name: str, mode: int
) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name).chmod(mode)
    with pytest.raises(ConfigurationError, match=f"others have access to it; run `chmod go= .*/{name}`"):
        await back_up(absent, "habeas", BackupFolders(tmp_path / "content", tmp_path / "keys"))


async def test_folder_of_another_user_gets_no_backup(
    absent: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: user)
    (tmp_path / "content").mkdir(mode=0o700)
    with pytest.raises(ConfigurationError, match="content: others have access to it"):
        await back_up(absent, "habeas", BackupFolders(tmp_path / "content", tmp_path / "keys"))


@pytest.mark.parametrize(
    "name",
    [
        "content/admin/system.users.bson",
        "content/crm/contacts.bson",
        "content/habeas/contacts.bson",
        "content/other_intake/journal.bson",
        "content/habeas_keys/cases.bson",
        "keys/habeas_vault/values.bson",
        "content/habeas_intake/system.js.bson",
        "content/habeas_intake/a..b.bson",
        "content/habeas_intake/a..bson",
        "content/habeas_intake/.hidden.bson",
        "content/habeas_intake/$cmd.bson",
        "content/habeas_intake/more/journal.bson",
        "content/habeas_intake/journal.metadata.json",
        "content/journal.bson",
        "content/habeas_intake",
    ],
)
async def test_file_that_is_no_part_of_a_backup_is_not_restored(
    absent: Client, folders: BackupFolders, name: str
) -> None:
    file = folders.content.parent / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    with pytest.raises(ConfigurationError, match="is no part of this backup; nothing is restored") as caught:
        await restore(absent, "habeas", folders)
    named = str(caught.value).partition("'")[2].partition("'")[0]
    assert file == Path(named) or Path(named) in file.parents
    assert Path(named).is_relative_to(folders.content.parent / Path(name).parts[0])


async def test_folder_in_the_place_of_a_file_is_not_restored(absent: Client, folders: BackupFolders) -> None:
    (folders.content / "habeas_intake" / "journal.bson").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match=r"journal\.bson'?: is no part of this backup"):
        await restore(absent, "habeas", folders)


@pytest.mark.parametrize("name", ["habeas_intake", "habeas_intake/journal.bson"])
async def test_symbolic_link_is_not_restored(
    absent: Client, folders: BackupFolders, tmp_path: Path, name: str
) -> None:
    target = tmp_path / "elsewhere"
    target.touch() if name.endswith(".bson") else target.mkdir()
    link = folders.content / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(target)
    with pytest.raises(ConfigurationError, match=f"{name}'?: is no part of this backup"):
        await restore(absent, "habeas", folders)
