"""The manifest of known pictures."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from shared.errors import ConfigurationError

Entry = Mapping[str, Any]
"""The known facts of one file: its ``file`` and ``kind``, and the expected values of that kind."""
NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Known pictures; *folder* holds them."""

    folder: Path
    entries: tuple[Entry, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """
        Return the manifest *path*, or the one in the folder *path*.

        Raises ConfigurationError if it is missing or invalid, or one of its pictures is missing.
        """
        file = path / NAME if path.is_dir() else path
        try:
            entries = json.loads(file.read_bytes())["entries"]
            named = {(entry["file"], entry["kind"]) for entry in entries}
        except OSError as error:
            raise ConfigurationError(f"{file}: cannot be read ({error.strerror})") from None
        except (ValueError, KeyError, TypeError):
            raise ConfigurationError(f'{file}: no JSON with "entries" that have "file" and "kind"') from None
        missing = sorted(name for name, _ in named if not (file.parent / name).is_file())
        if missing:
            raise ConfigurationError(f"{file}: {len(missing)} files are not there, {missing[0]} among them")
        return cls(file.parent, tuple(entries))

    def of(self, *kinds: str) -> tuple[Entry, ...]:
        """Return the entries of these kinds."""
        return tuple(entry for entry in self.entries if entry["kind"] in kinds)

    def content(self, entry: Entry) -> bytes:
        """Return the file of *entry*."""
        return (self.folder / str(entry["file"])).read_bytes()
