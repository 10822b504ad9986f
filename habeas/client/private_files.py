"""Files with personal data or secrets, which only their owner may read."""

import os
import secrets
from pathlib import Path
from stat import S_IWGRP, S_IWOTH

from shared.errors import ConfigurationError


def open_private(file: str, flags: int) -> int:
    """Open *file* for its owner alone (mode 0600); pass it to :func:`open` as its opener."""
    descriptor = os.open(file, flags, mode=0o600)
    os.fchmod(descriptor, 0o600)  # an existing file keeps its mode
    return descriptor


def replace_private(file: Path, text: str) -> None:
    """
    Put a new file with *text* in the place of *file*, for its owner alone; a symbolic link is not followed.

    Raises ConfigurationError if others could replace it.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    require_private(file.parent)
    new = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode=0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as written:
            written.write(text)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def require_private(folder: Path) -> None:
    """Raise ConfigurationError if *folder* belongs to another user, or others can write to it."""
    known = folder.stat()
    if known.st_uid != os.geteuid() or known.st_mode & (S_IWGRP | S_IWOTH):
        raise ConfigurationError(
            f"others can replace files in {folder}: run `chmod go-w {folder}`, or name a folder of your own "
            "with XDG_STATE_HOME"
        )
