"""Files of the master keys: written when they differ, and never in part."""

import os
from pathlib import Path

import pytest

from habeas.client import master_keys
from habeas.client.master_keys import KEYED, MasterKeys
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
