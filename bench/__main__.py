"""``python -m bench``: measures, prints a table, writes ``bench/results/latest.jsonl``."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from bench import drafting, engine, floor_run, low_load, proofs, public_schemas
from bench.figures import Figure, figure, out, report
from bench.installation import SERVICES, Costs, Ground, costs, ground, services
from bench.load import Load, drive, people
from bench.processes import resident_mib

TOGETHER = " ".join(SERVICES)
SETTLE_S = 3


async def measure(requests: int, runs: int) -> list[Figure]:
    """Measure everything."""
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here:
            figures = await _start_and_idle(here)
            for right in low_load.RIGHTS:
                figures += await _throughput(here, right, requests, runs)
            measured = await low_load.measure(here)
            figures += measured.figures()
            out.print(measured.table())
    return [
        *figures,
        *await engine.measure(),
        *await proofs.measure(),
        *await drafting.measure(),
        *await public_schemas.measure(),
    ]


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


async def _throughput(here: Ground, right: str, requests: int, runs: int) -> list[Figure]:
    """Requests end to end, one process per service, and in turn the raw floor where there is one."""
    ours: list[float] = []
    floors: list[float] = []
    spent: list[Costs] = []
    for run in range(runs):
        await people(here, f"{right}-{run}", requests)
        async with services(here) as running:
            before = costs(here, running)
            outcome = await drive(here, Load(right, f"{right}-{run}", requests))
            spent.append(costs(here, running).since(before, requests))
        outcome.must_be_whole(requests)
        ours.append(requests / outcome.seconds)
        async with floor_run.shares(here, right):
            floor = await floor_run.drive(here, right, f"{right}-{run}", requests)
            floors.append(requests / floor.seconds)
        out.print(f"{right}, run {run + 1} of {runs}: {ours[-1]:.0f}/s, the floor {floors[-1:]}")
    return [
        figure(f"{right}: submission to last letter", ours, "requests/s", floors),
        figure(f"{right}: CPU of the services", [one.services for one in spent], "ms/request"),
        figure(f"{right}: CPU of the broker", [one.broker for one in spent], "ms/request"),
        figure(f"{right}: CPU of the database", [one.database for one in spent], "ms/request"),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--requests", type=int, default=5_000, help="requests per run (5000)")
    parser.add_argument("--runs", type=int, default=3, help="runs of product and floor, in turn (3)")
    arguments = parser.parse_args()
    report(asyncio.run(measure(arguments.requests, arguments.runs)))
