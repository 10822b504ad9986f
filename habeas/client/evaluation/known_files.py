"""Known pictures, the results of reading them, and summary tables."""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image, ImageOps
from rich.table import Table

from services.verifier.documents.files.picture import Picture
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


def picture_of(path: Path) -> Picture:
    """Return a picture upright: red, green and blue."""
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        if upright.mode == "P":
            upright = upright.convert("RGBA")  # else Pillow warns where a colour is transparent
        return np.ascontiguousarray(np.asarray(upright.convert("RGB")))


@dataclass(frozen=True, slots=True)
class FileResult:
    """The readings of a file."""

    marks: Mapping[str, bool]
    """Question → whether the answer is right; without questions of unknown answer."""
    reading: Mapping[str, Any]
    """The readings as plain values."""


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """The outcome of one file."""

    entry: Entry
    row: str
    found: FileResult
    seconds: float


@dataclass(frozen=True, slots=True)
class Family:
    """Kinds of files with the same questions."""

    title: str
    kinds: tuple[str, ...]
    questions: tuple[str, ...]
    read: Callable[[Manifest, Entry], FileResult] = field(repr=False)
    row: Callable[[Entry], str] = field(repr=False)


def table_of(title: str, questions: Sequence[str], outcomes: Sequence[FileOutcome], unit: str = "") -> Table:
    """Return the right answers, row by row, and the time for a file if *unit* names it."""
    timed = (unit, "p95", "most") if unit else ()
    table = Table(title, "files", *questions, *timed, box=None, padding=(0, 1, 0, 0))
    for row in dict.fromkeys(outcome.row for outcome in outcomes):
        those = [outcome for outcome in outcomes if outcome.row == row]
        right = (_right(name, those) for name in questions)
        table.add_row(row, str(len(those)), *right, *(times(those) if unit else ()))
    return table


def _right(question: str, outcomes: Sequence[FileOutcome]) -> str:
    answers = [outcome.found.marks[question] for outcome in outcomes if question in outcome.found.marks]
    right = str(sum(answers)) if answers else ""
    return right if len(answers) in {0, len(outcomes)} else f"{right}/{len(answers)}"


def times(outcomes: Sequence[FileOutcome]) -> tuple[str, str, str]:
    """Return median, 95th percentile and greatest of the times, in seconds."""
    spent = sorted(outcome.seconds for outcome in outcomes)
    high = spent[min(len(spent) - 1, int(len(spent) * 0.95))]
    return f"{statistics.median(spent):.2f}", f"{high:.2f}", f"{spent[-1]:.2f}"
