"""A figure, how it is printed, and where it is written down."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results" / "latest.jsonl"
out = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Figure:
    """One result; *floor* and *ratio* where something raw was measured beside it in the same run."""

    figure: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    runs: int = 1
    spread: tuple[float, float] | None = None


def figure(name: str, values: Sequence[float], unit: str, floors: Sequence[float] = ()) -> Figure:
    """Return the median of *values*, beside that of *floors*."""
    value = statistics.median(values)
    floor = statistics.median(floors) if floors else None
    return Figure(
        name,
        round(value, 2),
        unit,
        floor and round(floor, 2),
        floor and round(value / floor, 3),
        len(values),
        (round(min(values), 2), round(max(values), 2)) if len(values) > 1 else None,
    )


def report(figures: Sequence[Figure]) -> None:
    """Print *figures* and write them down."""
    table = Table("figure", "median", "unit", "floor", "ratio", "runs", "spread")
    for one in figures:
        spread = f"{one.spread[0]:g} to {one.spread[1]:g}" if one.spread else ""
        floor, ratio = (f"{one.floor:g}", f"{one.ratio:g}") if one.floor else ("", "")
        table.add_row(one.figure, f"{one.value:g}", one.unit, floor, ratio, str(one.runs), spread)
    out.print(table)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text("".join(json.dumps(asdict(one)) + "\n" for one in figures), encoding="utf-8")
