"""Files of the master keys: written when they differ, and never in part."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from errno import EBADF
from pathlib import Path

import pytest
from typer.testing import CliRunner

from habeas.cli import app, keys
from habeas.cli.options import InstallationState
from habeas.client import master_keys
from habeas.client.master_keys import KEEPER, KEYED, MasterKeys, ReplacedKey
from shared.errors import ConfigurationError
from shared.runtime.key_rings import FILE

KEYS = MasterKeys(b"k" * 32)


def test_key_rings_that_are_there_are_not_written_again(tmp_path: Path) -> None:
    master_keys.issue(KEYS, tmp_path)
    files = [tmp_path / account / FILE for account in KEYED]
    written = [file.read_text() for file in files]
    for file in files:
        os.utime(file, (0, 0))
    master_keys.issue(KEYS, tmp_path)
    assert [file.stat().st_mtime for file in files] == [0] * len(files)
    master_keys.issue(MasterKeys(b"o" * 32), tmp_path)
    assert not set(written) & {file.read_text() for file in files}


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    account = min(KEYED)
    (tmp_path / account).touch()
    with pytest.raises(ConfigurationError, match=rf"{account}/{FILE}: cannot be written \(.*\)"):
        master_keys.issue(KEYS, tmp_path)


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The credentials of an installation, with an old master key that is due to be destroyed."""
    overdue = ReplacedKey(b"o" * 32, datetime.now(UTC) - timedelta(days=1))
    master_keys.save(MasterKeys(b"k" * 32, (overdue,)), tmp_path)
    monkeypatch.setenv("HABEAS_CREDENTIALS", str(tmp_path))
    return tmp_path


def test_a_key_that_a_rotation_adds_meanwhile_is_not_destroyed(
    credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On folders that hosts share, locks may not reach the others: `retire` reads the keys again."""

    async def wrapped(_keys: MasterKeys, _state: InstallationState) -> tuple[int, int]:
        rotated = master_keys.load(credentials).rotated(datetime.now(UTC), timedelta(days=7))
        master_keys.save(rotated, credentials)
        return 1, 0

    monkeypatch.setattr(keys, "_wrap_anew", wrapped)
    assert keys.retired(InstallationState(credentials))[0] == {"destroyed": 1, "wrapped": 1, "unopened": 0}
    left = master_keys.load(credentials)
    assert left.current not in {b"k" * 32, b"o" * 32}
    assert [one.key for one in left.older] == [b"k" * 32]


def test_key_of_a_purpose_that_a_release_adds_outlasts_later_rotations() -> None:
    """`fixed` is of the first rotation, and a purpose that came after it has no key there."""
    purpose, now = "audit chain of fulfillment", datetime.now(UTC)
    first = master_keys.MasterKeys(bytes(32)).rotated(now, timedelta(days=7))
    fixed = {name: key for name, key in first.fixed.items() if name != purpose}
    upgraded = replace(first, fixed=fixed)
    before = upgraded.ring("fulfillment").all_of(purpose)
    assert upgraded.rotated(now, timedelta(days=7)).ring("fulfillment").all_of(purpose) == before


@pytest.mark.parametrize("verb", [["rotate"], ["retire"], ["issue"]])
def test_keys_are_changed_by_one_process_at_a_time(credentials: Path, verb: list[str]) -> None:
    before = master_keys.load(credentials)
    with master_keys.locked(credentials):
        error = CliRunner().invoke(app, ["keys", *verb, "--state", str(credentials)]).exception
    assert isinstance(error, ConfigurationError)
    assert str(error).startswith(f"{credentials / KEEPER}: another `habeas keys` or `upkeep`")
    assert master_keys.load(credentials) == before
    assert not (credentials / min(KEYED) / FILE).exists()


def test_keys_are_changed_on_a_file_system_without_locks_of_folders(
    credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_folder: int, _operation: int) -> None:
        raise OSError(EBADF, "Bad file descriptor")

    monkeypatch.setattr(master_keys, "flock", refused)
    assert CliRunner().invoke(app, ["keys", "issue", "--state", str(credentials)]).exit_code == 0
    assert (credentials / min(KEYED) / FILE).exists()


def test_retire_fails_where_the_keys_of_a_case_do_not_open(
    credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wrapped(_keys: MasterKeys, _state: InstallationState) -> tuple[int, int]:
        return 3, 1

    monkeypatch.setattr(keys, "_wrap_anew", wrapped)
    ended = CliRunner().invoke(app, ["keys", "retire", "--state", str(credentials)])
    assert ended.exit_code == 1
    assert "the keys of 1 requests do not open" in ended.stdout
