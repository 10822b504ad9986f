"""Results of reading one file, and summary tables."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from habeas.client.evaluation.manifest import Entry, Manifest


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
