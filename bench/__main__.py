"""``python -m bench``: measures, prints a table, writes ``bench/results/latest.jsonl``."""

import argparse
import asyncio
import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import floor_run
from bench.load import Load, drive, people
from bench.processes import cpu_seconds, resident_mib
from bench.works import SERVICES, Ground, ground, services

RESULTS = Path(__file__).parent / "results" / "latest.jsonl"
TOGETHER = " ".join(SERVICES)
OFFERED_PER_S = 1_000
SETTLE_S = 3
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


async def measure(requests: int, runs: int) -> list[Figure]:
    """Measure everything."""
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here:
            await people(here, max(requests, OFFERED_PER_S * 10))
            figures = await _start_and_idle(here)
            figures += await _throughput(here, requests, runs)
            figures += await _other_rights(here, requests)
            figures += await _latency(here, figures)
            return figures


async def _start_and_idle(here: Ground) -> list[Figure]:
    """All services in one process: time to ready, memory when idle, time to ready after kill -9."""
    out.print("start, idle, recovery …")
    started, memory, recovered = [], [], []
    for _ in range(3):
        async with services(here, [TOGETHER]) as running:
            started.append(running.ready_after_s)
            await asyncio.sleep(SETTLE_S)
            memory.append(resident_mib(running.pids))
            await running.processes[0].kill()
        async with services(here, [TOGETHER]) as running:
            recovered.append(running.ready_after_s)
    return [
        figure("start, all services in one process", started, "s"),
        figure("idle memory, all services in one process", memory, "MiB"),
        figure("ready again after kill -9", recovered, "s"),
    ]


async def _throughput(here: Ground, requests: int, runs: int) -> list[Figure]:
    """Erasures end to end, and the raw floor in turn with them."""
    ours: list[float] = []
    floors: list[float] = []
    costs: list[float] = []
    broker: list[float] = []
    database: list[float] = []
    for run in range(runs):
        out.print(f"erasure, run {run + 1} of {runs} …")
        await people(here, requests)
        async with services(here) as running:
            before = [cpu_seconds(pids) for pids in (running.pids, *([pid] for pid in here.parts.values()))]
            outcome = await drive(here, Load("erasure", f"erasure-{run}", requests))
            after = [cpu_seconds(pids) for pids in (running.pids, *([pid] for pid in here.parts.values()))]
        _must_be_whole(outcome.ended, outcome.twice, requests)
        ours.append(requests / outcome.seconds)
        for costs_of, was, is_ in zip((costs, broker, database), before, after, strict=True):
            costs_of.append((is_ - was) * 1000 / requests)
        out.print(f"  {ours[-1]:.0f}/s; the floor …")
        async with floor_run.shares(here):
            floors.append(requests / await floor_run.drive(here, f"floor-{run}", requests))
        out.print(f"  {floors[-1]:.0f}/s")
    return [
        figure("erasures per second, submission to last letter", ours, "requests/s", floors),
        figure("CPU of the services per erasure", costs, "ms"),
        figure("CPU of the broker per erasure", broker, "ms"),
        figure("CPU of the database per erasure", database, "ms"),
    ]


async def _other_rights(here: Ground, requests: int) -> list[Figure]:
    figures = []
    await people(here, requests)
    for right in ("opt_out_of_sale", "access"):
        out.print(f"{right} …")
        count = requests if right != "access" else max(100, requests // 5)
        async with services(here) as running:
            outcome = await drive(here, Load(right, right, count))
            del running
        _must_be_whole(outcome.ended, outcome.twice, count)
        figures.append(figure(f"{right} per second", [count / outcome.seconds], "requests/s"))
    return figures


async def _latency(here: Ground, figures: Sequence[Figure]) -> list[Figure]:
    """Offered at 1,000 a second, or at half of what was reached where that is less."""
    reached = next(f.value for f in figures if f.figure.startswith("erasures per second"))
    rate = min(OFFERED_PER_S, round(reached / 2))
    count = rate * 10
    out.print(f"latency at {rate}/s …")
    await people(here, count)
    async with services(here) as running:
        outcome = await drive(here, Load("erasure", f"paced-{rate}", count, rate))
        del running
    _must_be_whole(outcome.ended, outcome.twice, count)
    cuts = statistics.quantiles(outcome.latencies_ms, n=100)
    return [
        figure(f"latency at {rate}/s, p50", [cuts[49]], "ms"),
        figure(f"latency at {rate}/s, p99", [cuts[98]], "ms"),
    ]


def _must_be_whole(ended: int, twice: int, expected: int) -> None:
    if ended != expected or twice:
        raise SystemExit(f"bench: {expected - ended} of {expected} requests did not end, {twice} ended twice")


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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--requests", type=int, default=5_000, help="requests per run (5000)")
    parser.add_argument("--runs", type=int, default=3, help="runs of product and floor, in turn (3)")
    arguments = parser.parse_args()
    report(asyncio.run(measure(arguments.requests, arguments.runs)))
