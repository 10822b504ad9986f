"""A backup is restored as it was written: its manifest names each file, under a seal of the master key."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from habeas.client.backup_manifest import SEALED_BY, BackupManifest, FileDigest, manifest_key
from habeas.client.master_keys import KEYED, MasterKeys
from shared.contract.topology import COMMAND
from shared.errors import ConfigurationError
from shared.runtime.key_rings import purposes_of

KEY = manifest_key(bytes(32))
CONTENT, KEYS = "content/habeas_staff/accounts.bson", "keys/habeas_keys/keys.bson"


def test_the_command_alone_can_seal_a_manifest() -> None:
    able = {account for account in KEYED if set(SEALED_BY) <= set(purposes_of(account))}
    assert able == {COMMAND}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    found = {name: tmp_path / name for name in (CONTENT, KEYS)}
    for name, file in found.items():
        file.parent.mkdir(parents=True)
        file.write_text(name, encoding="utf-8")
    return found


@pytest.fixture
def text(files: dict[str, Path]) -> str:
    digests = {name: FileDigest.of(file) for name, file in files.items()}
    return BackupManifest(datetime(2026, 3, 1, tzinfo=UTC), "habeas", digests).written(KEY)


def changed(text: str, change: Callable[[dict[str, Any]], object]) -> BackupManifest:
    stored = json.loads(text)
    change(stored)
    return BackupManifest.read(json.dumps(stored))


@pytest.mark.parametrize("key", [KEY, None], ids=["key", "no key"])
def test_unchanged_backup_is_accepted(text: str, files: dict[str, Path], key: bytes | None) -> None:
    BackupManifest.read(text).require(files, key, unsealed=False)


@pytest.mark.parametrize("unsealed", [True, False])
@pytest.mark.parametrize("key", [KEY, None], ids=["key", "no key"])
def test_file_that_was_changed_removed_or_added_is_named(
    text: str, files: dict[str, Path], key: bytes | None, unsealed: bool
) -> None:
    manifest = BackupManifest.read(text)
    less = {name: file for name, file in files.items() if name != KEYS}
    with pytest.raises(ConfigurationError, match=f"^{KEYS}: is missing from the backup; nothing is restored"):
        manifest.require(less, key, unsealed=unsealed)
    more = files | {"content/habeas_staff/codes.bson": files[KEYS]}
    with pytest.raises(ConfigurationError, match=f"{KEYS}: was added to the backup; nothing is restored"):
        manifest.require(more, key, unsealed=unsealed)
    files[CONTENT].write_text(CONTENT.swapcase(), encoding="utf-8")  # of the same size
    with pytest.raises(ConfigurationError, match=f"{CONTENT}: was changed since the backup"):
        manifest.require(files, key, unsealed=unsealed)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda one: one.update(at="2026-03-02T00:00:00+00:00"), id="another moment"),
        pytest.param(lambda one: one.update(prefix="other"), id="another prefix"),
        pytest.param(lambda one: one["files"][CONTENT].update(bytes=1), id="another size"),
        pytest.param(lambda one: one["files"][CONTENT].update(sha256="0"), id="another digest"),
        pytest.param(lambda one: one["files"].pop(KEYS), id="a file less"),
        pytest.param(lambda one: one.update(seal="0"), id="another seal"),
    ],
)
def test_changed_manifest_breaks_its_seal(
    text: str, files: dict[str, Path], change: Callable[[dict[str, Any]], object]
) -> None:
    with pytest.raises(ConfigurationError, match="the seal of the backup does not fit"):
        changed(text, change).require(files, KEY, unsealed=False)


def test_backup_of_another_master_key_is_restored_on_demand_alone(text: str, files: dict[str, Path]) -> None:
    other = manifest_key(bytes([1]) * 32)
    with pytest.raises(ConfigurationError, match="the master key is another; `--unsealed` restores it"):
        BackupManifest.read(text).require(files, other, unsealed=False)
    BackupManifest.read(text).require(files, other, unsealed=True)


def test_seal_that_was_removed_is_missed_where_the_key_is(text: str, files: dict[str, Path]) -> None:
    stripped = changed(text, lambda one: one.pop("seal"))
    with pytest.raises(ConfigurationError, match="the seal of the backup is missing"):
        stripped.require(files, KEY, unsealed=False)
    stripped.require(files, None, unsealed=False)


@pytest.mark.parametrize("key", [KEY, None], ids=["key", "no key"])
def test_backup_without_a_manifest_is_restored_on_demand_alone(
    text: str, files: dict[str, Path], key: bytes | None
) -> None:
    older = changed(text, lambda one: (one.pop("seal"), one.pop("files")))
    with pytest.raises(ConfigurationError, match="no list of its files; `--unsealed` restores it"):
        older.require(files, key, unsealed=False)
    older.require(files, key, unsealed=True)


@pytest.mark.parametrize("text", ["", "[]", "{}", "1", '{"at": 1, "prefix": "x"}', '{"at": "x"}'])
def test_text_that_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of JSON or ours
        BackupManifest.read(text)


def test_key_is_the_same_in_the_ring_of_the_command_and_after_a_rotation() -> None:
    keys = MasterKeys(bytes(32))
    later = keys.rotated(datetime.now(UTC), timedelta(days=7))
    assert manifest_key(keys.ring("command")) == manifest_key(later.ring("command")) == KEY
