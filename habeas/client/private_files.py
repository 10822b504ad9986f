"""Files with personal data or secrets, which only their owner may read."""

import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from stat import S_IRWXG, S_IRWXO, S_IWGRP, S_IWOTH
from typing import BinaryIO, TextIO

from shared.errors import ConfigurationError

FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,150}")
"""Name of a file that the console may choose."""


def open_private(file: str, flags: int) -> int:
    """
    Open *file* for its owner alone (mode 0600); pass it to :func:`open` as its opener.

    A symbolic link is not followed: OSError.
    """
    descriptor = os.open(file, flags | os.O_NOFOLLOW, mode=0o600)
    os.fchmod(descriptor, 0o600)  # an existing file keeps its mode
    return descriptor


def write_private(file: Path, content: bytes) -> None:
    """Write *content* to *file* for its owner alone. Raises ConfigurationError if it cannot be written."""
    try:
        with open(file, "wb", opener=open_private) as out:
            out.write(content)
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written ({error.strerror})") from None


def write_files(files: Mapping[str, bytes], folder: Path) -> list[Path]:
    """
    Write *files*, contents by name, into *folder* for their owner alone; return them.

    Raises ConfigurationError if one cannot be written, or a name is none of a file in a folder: a console
    chooses them, and must not reach other files.
    """
    for name in files:
        if not FILE_NAME.fullmatch(name):
            raise ConfigurationError(f"the console names a file {name!r}: nothing is written")
    make_folder(folder)
    for name, content in files.items():
        write_private(folder / name, content)
    return [folder / name for name in files]


def make_folder(folder: Path) -> None:
    """Make *folder* for its owner alone, unless it exists. Raises ConfigurationError if it cannot."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be made ({error.strerror})") from None


@contextmanager
def replaced(file: Path) -> Iterator[TextIO]:
    """Open a text that takes the place of *file*, as :func:`replaced_bytes` does."""
    with replaced_bytes(file) as content:
        text = TextIOWrapper(content, encoding="utf-8", newline="")
        yield text
        text.flush()
        text.detach()


@contextmanager
def replaced_bytes(file: Path) -> Iterator[BinaryIO]:
    """
    Open content that takes the place of *file* at the end, for its owner alone; an error leaves *file*.

    Raises ConfigurationError if it cannot be written.
    """
    new = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        with open(new, "xb", opener=open_private) as content:
            yield content
        new.replace(file)
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written ({error.strerror})") from None
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def replace_private(file: Path, text: str) -> None:
    """
    Put a new file with *text* in the place of *file*, for its owner alone; a symbolic link is not followed.

    Raises ConfigurationError if others could replace it, or it cannot be written.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    require_private(file.parent)
    with replaced(file) as written:
        written.write(text)


def require_private(folder: Path) -> None:
    """Raise ConfigurationError if *folder* belongs to another user, or others can write to it."""
    if _open_to_others(folder, S_IWGRP | S_IWOTH):
        raise ConfigurationError(
            f"others can replace files in {folder}: run `chmod go-w {folder}`, or name a folder of your own "
            "with XDG_STATE_HOME"
        )


def require_own(folder: Path) -> None:
    """Raise ConfigurationError if *folder* belongs to another user, or others can read or write it."""
    if _open_to_others(folder, S_IRWXG | S_IRWXO):
        raise ConfigurationError(
            f"{folder}: others have access to it; run `chmod go= {folder}`, or name a new folder"
        )


def _open_to_others(folder: Path, bits: int) -> bool:
    known = folder.stat()
    return known.st_uid != os.geteuid() or bool(known.st_mode & bits)
