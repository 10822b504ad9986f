"""
The manifest of a backup: its files with sizes and digests, under a seal where the key is there.

Both folders of a backup have the same manifest, so whoever writes to one of them alone changes nothing
unnoticed; whoever writes to both needs the key.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from shared.errors import ConfigurationError
from shared.runtime.key_rings import RootKey, derived_key

PURPOSE = "manifests of backups"
SEALED_BY = ("erasure journal", "unsubscribe links")
"""Purposes of these keys: fulfillment has the one, and intake the other."""
UNSEALED = "`--unsealed` restores it all the same"


def manifest_key(root: RootKey) -> bytes:
    """
    Return the key that seals manifests. The command alone has both keys it follows from.

    Raises:
        ConfigurationError: The key ring is another account's.
    """
    both = b"".join(derived_key(root, purpose) for purpose in SEALED_BY)
    return derived_key(sha256(both).digest(), PURPOSE)


@dataclass(frozen=True, slots=True)
class FileDigest:
    """The size of a file, and the digest of its content."""

    bytes_: int
    sha256: str

    @classmethod
    def of(cls, file: Path) -> "FileDigest":
        """Read *file* to its end. Raises ConfigurationError if it cannot be read."""
        try:
            with file.open("rb") as content:
                return cls(file.stat().st_size, file_digest(content, "sha256").hexdigest())
        except OSError as error:
            raise ConfigurationError(f"{file}: cannot be read ({error.strerror})") from None


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """The moment of a backup, the prefix of its databases, and its files."""

    at: datetime
    prefix: str
    files: Mapping[str, FileDigest] | None
    """Name of a file, as ``keys/habeas_keys/keys.bson``, → its digest; None in older backups."""
    seal: str = field(default="", compare=False)

    @classmethod
    def read(cls, text: str) -> "BackupManifest":
        """
        Read a manifest as :meth:`written` writes it.

        Raises:
            ValueError: It is none.
        """
        try:
            stored: dict[str, Any] = json.loads(text)
            listed = stored.get("files")
            files = (
                None
                if listed is None
                else {name: FileDigest(int(one["bytes"]), str(one["sha256"])) for name, one in listed.items()}
            )
            at = datetime.fromisoformat(stored["at"])
            return cls(at, str(stored["prefix"]), files, str(stored.get("seal", "")))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("is no manifest") from error

    def written(self, key: bytes | None) -> str:
        """Return it as JSON, sealed with *key* if there is one."""
        seal = {} if key is None else {"seal": self._digest(key)}
        return json.dumps({**self._content(), **seal}, indent=1)

    def require(self, found: Mapping[str, Path], key: bytes | None, *, unsealed: bool) -> None:
        """
        Require that the files *found*, by name, are those of the backup, unchanged.

        Args:
            found: The files that are there.
            key: The key of the installation; without it no seal is verified.
            unsealed: Whether a manifest without a valid seal, and a backup without a manifest, will do.

        Raises:
            ConfigurationError: They are not; it names the first file that is missing, added or changed.
        """
        if self.files is None:
            if not unsealed:
                raise ConfigurationError(f"the backup has no list of its files; {UNSEALED}")
            return
        if key is not None and not unsealed:
            self._require_seal(key)
        for name in sorted(self.files.keys() | found.keys()):
            self._require_unchanged(name, found.get(name))

    def _require_seal(self, key: bytes) -> None:
        if hmac.compare_digest(self.seal.encode(), self._digest(key).encode()):
            return
        state = "does not fit: it was changed, or the master key is another" if self.seal else "is missing"
        raise ConfigurationError(f"the seal of the backup {state}; {UNSEALED}")

    def _require_unchanged(self, name: str, file: Path | None) -> None:
        known = (self.files or {}).get(name)
        if file is None:
            raise ConfigurationError(f"{name}: is missing from the backup; nothing is restored")
        if known is None:
            raise ConfigurationError(f"{file}: was added to the backup; nothing is restored")
        if FileDigest.of(file) != known:
            raise ConfigurationError(f"{file}: was changed since the backup; nothing is restored")

    def _content(self) -> dict[str, Any]:
        listed = (self.files or {}).items()
        files = {name: {"bytes": one.bytes_, "sha256": one.sha256} for name, one in listed}
        return {"at": self.at.isoformat(), "prefix": self.prefix, "files": files}

    def _digest(self, key: bytes) -> str:
        covered = json.dumps(self._content(), sort_keys=True)
        return hmac.digest(key, covered.encode(), "sha256").hex()
