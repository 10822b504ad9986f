"""The record of the data that an embedded database was filled with: no start brings erased people back."""

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from habeas.client.private_files import replaced
from shared.errors import ConfigurationError

FILE = "filled.json"
T = TypeVar("T")


async def fill_once(
    folder: Path, source: str, fill: Callable[[], Awaitable[object]], is_filled: Callable[[], Awaitable[bool]]
) -> bool:
    """
    Fill a database with *source*, unless an earlier call did so to the end; return whether it did now.

    The record is in *folder*, that of the database. A filling that was cut off is done again: no service
    ran meanwhile, thus nothing is erased yet. *is_filled* answers for a database
    without a record of *source*, of a release that kept none.

    Raises:
        ConfigurationError: The record is damaged.
    """
    path = folder / FILE
    complete = _recorded(path)
    if complete.get(source):
        return False
    if source not in complete and await is_filled():
        _record(path, {**complete, source: True})
        return False
    _record(path, {**complete, source: False})
    await fill()
    _record(path, {**complete, source: True})
    return True


async def fill_again(folder: Path, source: str, fill: Callable[[], Awaitable[T]]) -> T:
    """
    Fill a database with *source*, also when it was filled before, and return the result of *fill*.

    The record says so afterwards. Raises ConfigurationError if it is damaged.
    """
    path = folder / FILE
    complete = _recorded(path)
    _record(path, {source: False, **complete})
    filled = await fill()
    _record(path, {**complete, source: True})
    return filled


def _recorded(path: Path) -> dict[str, bool]:
    """Return by source whether the database was filled with it to the end."""
    try:
        return {str(source): bool(done) for source, done in json.loads(path.read_text("utf-8")).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError):
        raise ConfigurationError(
            f"{path} is damaged: name another folder with --state; without the file, erased records come back"
        ) from None


def _record(path: Path, complete: dict[str, bool]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with replaced(path) as file:
        json.dump(complete, file, indent=2)
        file.flush()
        os.fsync(file.fileno())  # a crash of the machine must not undo the record, and leave erasures
