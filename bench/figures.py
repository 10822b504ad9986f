"""A figure, how it is printed, and where it is written down."""

import json
import statistics
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results" / "latest.jsonl"
WIDTH = 150
"""Columns of the output where it is no terminal."""
out = Console(highlight=False)
if not out.is_terminal:
    out.width = WIDTH


@dataclass(frozen=True, slots=True)
class Target:
    """A limit that a figure is meant to keep on two quiet cores that run everything."""

    limit: float
    before: float
    """The figure of another machine, before each request took half the hops."""
    at_least: bool = False

    def verdict(self, value: float) -> str:
        """Return the limit, and whether *value* keeps it."""
        kept = value >= self.limit if self.at_least else value <= self.limit
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}: {'reached' if kept else 'MISSED'}"


TARGETS: Mapping[str, Target] = {
    "opt_out_of_sale: submission to last letter": Target(450, 195, at_least=True),
    "erasure: submission to last letter": Target(300, 145, at_least=True),
    "access: submission to last letter": Target(250, 135, at_least=True),
    "opt_out_of_sale at 100/s: p50": Target(100, 341),
    "opt_out_of_sale at 100/s: p99": Target(250, 526),
    "erasure at 100/s: p50": Target(100, 811),
    "erasure at 100/s: p99": Target(250, 1_318),
    "access at 100/s: p50": Target(100, 3_719),
    "access at 100/s: p99": Target(250, 5_451),
    "opt_out_of_sale: CPU of a single request": Target(30, 85),
    "erasure: CPU of a single request": Target(30, 85),
    "access: CPU of a single request": Target(30, 85),
}
"""By the name of the figure."""


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


def offer_help(page: str | None) -> None:
    """Print *page* and end the process if its option is ``--help``; a measurement takes no other."""
    parser = ArgumentParser(description=page, formatter_class=RawDescriptionHelpFormatter)
    parser.parse_args()


def report(figures: Sequence[Figure]) -> None:
    """Print *figures* and write them down."""
    table = Table("figure", "median", "unit", "floor", "ratio", "runs", "spread", "target", "before")
    for one in figures:
        spread = f"{one.spread[0]:g} to {one.spread[1]:g}" if one.spread else ""
        floor, ratio = (f"{one.floor:g}", f"{one.ratio:g}") if one.floor else ("", "")
        target = TARGETS.get(one.figure)
        goal = (target.verdict(one.value), f"{target.before:g}") if target else ("", "")
        table.add_row(one.figure, f"{one.value:g}", one.unit, floor, ratio, str(one.runs), spread, *goal)
    out.print(table)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text("".join(json.dumps(asdict(one)) + "\n" for one in figures), encoding="utf-8")
