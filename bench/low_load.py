"""
``python -m bench.low_load``: the latency and the CPU time of requests at low rates, in about seven minutes.

Requests are submitted evenly spaced, each at its moment whether or not earlier ones are answered. Latencies
count from that moment to the end of the request, which follows its last letter. The raw floor
(``bench/floor.py``) runs after the product, on the same broker and database. A single request costs the CPU
time at 1 request a second less that of the idle stack.
"""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import floor_run
from bench.figures import Figure, figure, out, report
from bench.installation import Costs, Ground, Services, costs, ground, services
from bench.load import Load, drive, people

RIGHTS = ("opt_out_of_sale", "erasure", "access")
SECONDS = {1: 20, 10: 12, 100: 12}
"""Duration of a run at each rate, in requests per second."""
WARM_UP = 20
IDLE_S = 10


@dataclass(frozen=True, slots=True)
class RateResult:
    """The result of one right at one rate."""

    right: str
    rate: int
    p50_ms: float
    p99_ms: float
    costs: Costs
    """CPU time in milliseconds per request."""
    idle: Costs
    """CPU time in milliseconds per second without a request."""
    calls: float
    """Calls of the database per request, those of the idle stack included."""

    @property
    def above_idle_ms(self) -> float:
        """CPU time per request without the idle share."""
        return self.costs.total - self.idle.total / self.rate


@dataclass(frozen=True, slots=True)
class LowLoad:
    """The results at all rates: ours, and beside each that of the raw floor."""

    results: Sequence[tuple[RateResult, RateResult]]

    def figures(self) -> Iterator[Figure]:
        """Yield all figures."""
        ours, floor = self.results[0]
        yield figure("idle: CPU", [ours.idle.total], "ms/s", [floor.idle.total])
        for one, raw in self.results:
            name = f"{one.right} at {one.rate}/s"
            yield figure(f"{name}: p50", [one.p50_ms], "ms", [raw.p50_ms])
            yield figure(f"{name}: p99", [one.p99_ms], "ms", [raw.p99_ms])
            yield figure(f"{name}: CPU", [one.costs.total], "ms/request", [raw.costs.total])
            yield figure(f"{name}: calls of the database", [one.calls], "calls/request", [raw.calls])
            if one.rate == 1:
                single = f"{one.right}: CPU of a single request"
                yield figure(single, [one.above_idle_ms], "ms", [raw.above_idle_ms])

    def table(self) -> str:
        """Return the table of ``docs/performance.md``; milliseconds, the floor beside."""
        lines = [
            "| request | a second | p50 | p99 | CPU above idle | services | broker | database | calls |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        lines += [_line(one, raw) for one, raw in self.results]
        return "\n".join(lines)


def _line(ours: RateResult, floor: RateResult) -> str:
    numbers = [f"{one:.0f} ({raw:.0f})" for one, raw in zip(_numbers(ours), _numbers(floor), strict=True)]
    return f"| {ours.right} | {ours.rate} | {' | '.join(numbers)} |"


def _numbers(one: RateResult) -> tuple[float, ...]:
    spent = one.costs
    cpu = (one.above_idle_ms, spent.services, spent.broker, spent.database)
    return (one.p50_ms, one.p99_ms, *cpu, one.calls)


async def measure(
    here: Ground, rights: Sequence[str] = RIGHTS, rates: Sequence[int] = tuple(SECONDS)
) -> LowLoad:
    """Measure *rights* at *rates*, all with the same services; then the raw floor of each."""
    async with services(here) as running:
        for right in rights:
            await _drive(here, right, WARM_UP, WARM_UP)
        idle = await _idle(here, running)
        ours = [
            await _result(here, running, _drive, (right, rate), idle) for right in rights for rate in rates
        ]
    floors: list[RateResult] = []
    for right in rights:
        async with floor_run.shares(here, right) as processes:
            raw = Services(processes, 0)
            await _drive_floor(here, right, WARM_UP, WARM_UP)
            idle = await _idle(here, raw)
            floors += [await _result(here, raw, _drive_floor, (right, rate), idle) for rate in rates]
    return LowLoad(list(zip(ours, floors, strict=True)))


async def _idle(here: Ground, running: Services) -> Costs:
    before, called = costs(here, running), await _calls(here)
    await asyncio.sleep(IDLE_S)
    idle = costs(here, running).since(before, IDLE_S)
    calls = (await _calls(here) - called) / IDLE_S
    out.print(f"idle: {idle.total:.1f} ms of CPU and {calls:.1f} calls of the database a second")
    return idle


async def _calls(here: Ground) -> int:
    """Return how often the database was called, heartbeats of its drivers included."""
    status = await here.client["admin"].command("serverStatus")
    return int(status["network"]["numRequests"])


async def _drive(here: Ground, right: str, rate: int, count: int) -> Sequence[float]:
    run = f"{right}-{rate}-{count}"
    await people(here, run, count)
    outcome = await drive(here, Load(right, run, count, rate))
    outcome.must_be_whole(count)
    return outcome.latencies_ms


async def _drive_floor(here: Ground, right: str, rate: int, count: int) -> Sequence[float]:
    outcome = await floor_run.drive(here, right, f"{right}-{rate}-{count}", count, rate=rate)
    return outcome.latencies_ms


async def _result(
    here: Ground,
    running: Services,
    driven: Callable[[Ground, str, int, int], Awaitable[Sequence[float]]],
    step: tuple[str, int],
    idle: Costs,
) -> RateResult:
    right, rate = step
    count = rate * SECONDS[rate]
    before, called = costs(here, running), await _calls(here)
    latencies = await driven(here, right, rate, count)
    spent = costs(here, running).since(before, count)
    calls = (await _calls(here) - called) / count
    cuts = statistics.quantiles(latencies, n=100, method="inclusive")
    result = RateResult(right, rate, cuts[49], cuts[98], spent, idle, calls)
    p50_p99 = f"p50 {result.p50_ms:.0f} ms, p99 {result.p99_ms:.0f} ms"
    out.print(f"{right} at {rate}/s: {p50_p99}, CPU {spent.total:.1f} ms")
    return result


async def _main(rights: Sequence[str], rates: Sequence[int]) -> None:
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here:
            measured = await measure(here, rights, rates)
    report(list(measured.figures()))
    print(measured.table())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.low_load", description=__doc__)
    parser.add_argument("--rights", nargs="+", choices=RIGHTS, default=RIGHTS, help="all by default")
    parser.add_argument(
        "--rates", nargs="+", type=int, choices=SECONDS, default=tuple(SECONDS), help="a second"
    )
    arguments = parser.parse_args()
    asyncio.run(_main(arguments.rights, arguments.rates))
