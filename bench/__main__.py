"""``python -m bench``: measures, prints a table, writes ``bench/results/latest.jsonl``."""

import argparse
import asyncio
import statistics
import tempfile
from dataclasses import astuple, dataclass
from pathlib import Path

from bench import drafting, engine, floor_run, proofs
from bench.figures import Figure, figure, out, report
from bench.load import Load, drive, people
from bench.processes import cpu_seconds, resident_mib
from bench.works import SERVICES, Ground, Services, ground, services

TOGETHER = " ".join(SERVICES)
OFFERED_PER_S = 1_000
SETTLE_S = 3


async def measure(requests: int, runs: int) -> list[Figure]:
    """Measure everything."""
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here:
            figures = await _start_and_idle(here)
            for right in ("opt_out_of_sale", "erasure"):
                throughput = await _throughput(here, right, requests, runs)
                figures += [*throughput, *await _latency(here, right, throughput[0].value)]
            figures += await _access(here, max(100, requests // 5))
    return [
        *figures,
        *await engine.measure(),
        *await proofs.measure(),
        *await drafting.measure(),
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


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU time that was spent, in seconds."""

    services: float
    broker: float
    database: float

    def since(self, before: "Costs", requests: int) -> "Costs":
        """Return what was spent since *before*, in milliseconds per request."""
        spent = (after - was for after, was in zip(astuple(self), astuple(before), strict=True))
        return Costs(*(seconds * 1000 / requests for seconds in spent))


def costs(here: Ground, running: Services) -> Costs:
    """Return the CPU time spent so far."""
    broker, database = (cpu_seconds([pid]) for pid in here.parts.values())
    return Costs(cpu_seconds(running.pids), broker, database)


async def _throughput(here: Ground, right: str, requests: int, runs: int) -> list[Figure]:
    """Requests end to end, one process per service, and the raw floor in turn with them."""
    ours: list[float] = []
    floors: list[float] = []
    spent: list[Costs] = []
    for run in range(runs):
        await people(here, f"{right}-{run}", requests)
        async with services(here) as running:
            before = costs(here, running)
            outcome = await drive(here, Load(right, f"{right}-{run}", requests))
            spent.append(costs(here, running).since(before, requests))
        _must_be_whole(outcome.ended, outcome.twice, requests)
        ours.append(requests / outcome.seconds)
        async with floor_run.shares(here, right):
            floors.append(requests / await floor_run.drive(here, right, f"{right}-{run}", requests))
        out.print(f"{right}, run {run + 1} of {runs}: {ours[-1]:.0f}/s, the floor {floors[-1]:.0f}/s")
    return [
        figure(f"{right}: submission to last letter", ours, "requests/s", floors),
        figure(f"{right}: CPU of the services", [one.services for one in spent], "ms/request"),
        figure(f"{right}: CPU of the broker", [one.broker for one in spent], "ms/request"),
        figure(f"{right}: CPU of the database", [one.database for one in spent], "ms/request"),
    ]


async def _access(here: Ground, requests: int) -> list[Figure]:
    """Packages, built, signed, sealed and read back; nothing raw does the like."""
    await people(here, "access", requests)
    async with services(here):
        outcome = await drive(here, Load("access", "access", requests))
    _must_be_whole(outcome.ended, outcome.twice, requests)
    return [figure("access: submission to last letter", [requests / outcome.seconds], "requests/s")]


async def _latency(here: Ground, right: str, reached: float) -> list[Figure]:
    """Offered at 1,000 a second, or at half of what was reached where that is less."""
    rate = min(OFFERED_PER_S, round(reached / 2))
    count = rate * 10
    await people(here, f"{right}-paced", count)
    async with services(here):
        outcome = await drive(here, Load(right, f"{right}-paced", count, rate))
    _must_be_whole(outcome.ended, outcome.twice, count)
    cuts = statistics.quantiles(outcome.latencies_ms, n=100)
    out.print(f"{right} at {rate}/s: p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms")
    return [
        figure(f"{right} at {rate}/s: p50", [cuts[49]], "ms"),
        figure(f"{right} at {rate}/s: p99", [cuts[98]], "ms"),
    ]


def _must_be_whole(ended: int, twice: int, expected: int) -> None:
    if ended != expected or twice:
        raise SystemExit(f"bench: {expected - ended} of {expected} requests did not end, {twice} ended twice")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--requests", type=int, default=5_000, help="requests per run (5000)")
    parser.add_argument("--runs", type=int, default=3, help="runs of product and floor, in turn (3)")
    arguments = parser.parse_args()
    report(asyncio.run(measure(arguments.requests, arguments.runs)))
