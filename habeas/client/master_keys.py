"""
The master keys of an installation: the current one, and older ones until they are destroyed.

A rotation replaces the keys that wrap the keys of cases. Keys for look-ups and signatures (ids of
requests, keyed hashes, certificates) stay fixed: they are taken from the first master key and kept.
"""

import base64
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from errno import EBADF, EINVAL, ENOLCK, EOPNOTSUPP
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Any

from habeas.client.private_files import replaced
from shared.errors import ConfigurationError
from shared.runtime.accounts import ACCOUNTS, KEYLESS
from shared.runtime.key_rings import FILE, KEY_BYTES, KeyRing, derived_key, purposes_of, wraps

KEYED = tuple(account for account in ACCOUNTS if account not in KEYLESS)
"""Accounts with a key ring."""
KEEPER = "keys"
"""Folder of the master keys among the accounts; no service sees it."""
FIRST, ROTATED = "master_key", "master_keys"
"""Files there: before the first rotation, and from then on."""


@dataclass(frozen=True, slots=True)
class ReplacedKey:
    """A master key that was replaced."""

    key: bytes = field(repr=False)
    destroy_at: datetime


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """All master keys that are not destroyed yet."""

    current: bytes = field(repr=False)
    older: tuple[ReplacedKey, ...] = ()
    """The newest first."""
    fixed: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Purpose → key that rotations do not change; empty before the first one."""

    def ring(self, account: str) -> KeyRing:
        """Return the key ring of *account*."""
        return KeyRing(account, {purpose: self._keys(purpose) for purpose in purposes_of(account)})

    def _keys(self, purpose: str) -> Sequence[bytes]:
        if not wraps(purpose):
            return (self.fixed.get(purpose) or derived_key(self.current, purpose),)
        return tuple(derived_key(key, purpose) for key in (self.current, *(one.key for one in self.older)))

    def rotated(self, now: datetime, keep: timedelta) -> "MasterKeys":
        """
        Return them with a new current key; the old one is destroyed after *keep*.

        A purpose that a release has added since the last rotation keeps the key that it has now.
        """
        purposes = {purpose for account in KEYED for purpose in purposes_of(account) if not wraps(purpose)}
        fixed = {purpose: derived_key(self.current, purpose) for purpose in purposes} | dict(self.fixed)
        return MasterKeys(os.urandom(KEY_BYTES), (ReplacedKey(self.current, now + keep), *self.older), fixed)

    def overdue(self, now: datetime) -> tuple[ReplacedKey, ...]:
        """Return the expired ones."""
        return tuple(one for one in self.older if one.destroy_at <= now)

    def without(self, destroyed: Collection[ReplacedKey]) -> "MasterKeys":
        """Return them without those in *destroyed*."""
        return replace(self, older=tuple(one for one in self.older if one not in destroyed))


@contextmanager
def locked(credentials: Path) -> Iterator[None]:
    """
    Lock the master keys of *credentials*: another process could destroy a key that it did not read.

    Raises:
        ConfigurationError: Another process changes them, or there is no folder of them.
    """
    keeper = credentials / KEEPER
    try:
        folder = os.open(keeper, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigurationError(f"{keeper}: cannot be read ({error.strerror})") from None
    try:
        _lock(folder, keeper)
        yield
    finally:
        os.close(folder)


def _lock(folder: int, keeper: Path) -> None:
    """Lock *folder*; some file systems of a network lock none, and then nothing is locked."""
    try:
        flock(folder, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        raise ConfigurationError(
            f"{keeper}: another `habeas keys` or `upkeep` changes the keys; try again once it has ended"
        ) from None
    except OSError as error:
        if error.errno not in {EBADF, EINVAL, ENOLCK, EOPNOTSUPP}:
            raise


def load(credentials: Path) -> MasterKeys:
    """Read the master keys of *credentials*. Raises ConfigurationError if they are missing, or damaged."""
    rotated, first = credentials / KEEPER / ROTATED, credentials / KEEPER / FIRST
    try:
        if rotated.exists():
            return _parsed(json.loads(rotated.read_text(encoding="utf-8")))
        return MasterKeys(_key(first.read_text(encoding="ascii").strip()))
    except OSError as error:
        raise ConfigurationError(f"{first}: cannot be read ({error.strerror})") from None
    except (KeyError, TypeError, ValueError):
        raise ConfigurationError(f"{rotated if rotated.exists() else first}: holds no master key") from None


def save(keys: MasterKeys, credentials: Path) -> None:
    """Write *keys*, all or nothing; a file from before the first rotation goes."""
    written = {
        "current": _text(keys.current),
        "older": [{"key": _text(one.key), "destroy_at": one.destroy_at.isoformat()} for one in keys.older],
        "fixed": {purpose: _text(key) for purpose, key in keys.fixed.items()},
    }
    _write(credentials / KEEPER / ROTATED, json.dumps(written))
    (credentials / KEEPER / FIRST).unlink(missing_ok=True)


def issue(keys: MasterKeys, credentials: Path) -> None:
    """
    Write the key ring of each account into its folder, unless it is there: a folder may be read-only.

    Raises:
        ConfigurationError: A file cannot be written.
    """
    for account in KEYED:
        file, text = credentials / account / FILE, keys.ring(account).written()
        if not (file.is_file() and file.read_text(encoding="utf-8") == text):
            _write(file, text)


def _write(path: Path, text: str) -> None:
    """Replace *path*, readable by its owner alone. Raises ConfigurationError if it cannot be written."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written ({error.strerror})") from None
    with replaced(path) as written:
        written.write(text)


def _parsed(read: dict[str, Any]) -> MasterKeys:
    older = [(_key(one["key"]), datetime.fromisoformat(one["destroy_at"])) for one in read["older"]]
    fixed = {str(purpose): _key(key) for purpose, key in read["fixed"].items()}
    return MasterKeys(_key(read["current"]), tuple(ReplacedKey(*one) for one in older), fixed)


def _key(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError(f"a master key has {KEY_BYTES} bytes")
    return key


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()
