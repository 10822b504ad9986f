"""
``python -m bench.low_load``: the latency and the CPU time of requests at low rates, in under five minutes.

Requests are submitted evenly spaced, each at its moment whether or not earlier ones are answered. Latencies
count from that moment to the end of the request, which follows its last letter. CPU times include the idle
share; a single request costs the CPU time at 1 request a second less that of the idle stack.
"""

import asyncio
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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

    def figures(self, idle: Costs) -> Iterator[Figure]:
        """Yield the figures; *idle* is the CPU time of the idle stack in milliseconds per second."""
        name = f"{self.right} at {self.rate}/s"
        yield figure(f"{name}: p50", [self.p50_ms], "ms")
        yield figure(f"{name}: p99", [self.p99_ms], "ms")
        yield figure(f"{name}: CPU of the services", [self.costs.services], "ms/request")
        yield figure(f"{name}: CPU of the broker", [self.costs.broker], "ms/request")
        yield figure(f"{name}: CPU of the database", [self.costs.database], "ms/request")
        if self.rate == 1:
            yield figure(f"{self.right}: CPU of a single request", [self.costs.total - idle.total], "ms")


@dataclass(frozen=True, slots=True)
class LowLoad:
    """The results at all rates, beside the idle stack."""

    idle: Costs
    """CPU time in milliseconds per second."""
    results: Sequence[RateResult]

    def figures(self) -> Iterator[Figure]:
        """Yield all figures."""
        for name in ("services", "broker", "database"):
            yield figure(f"idle: CPU of the {name}", [getattr(self.idle, name)], "ms/s")
        for result in self.results:
            yield from result.figures(self.idle)

    def table(self) -> str:
        """Return the table of ``docs/performance.md``."""
        lines = [
            "| request | a second | p50 | p99 | CPU per request | services | broker | database |",
            "|---|---|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {one.right} | {one.rate} | {one.p50_ms:.0f} ms | {one.p99_ms:.0f} ms | {_cells(one.costs)} |"
            for one in self.results
        ]
        lines.append(f"| none, per second | 0 | | | {_cells(self.idle)} |")
        return "\n".join(lines)


def _cells(spent: Costs) -> str:
    parts = (spent.total, spent.services, spent.broker, spent.database)
    return " | ".join(f"{one:.1f} ms" for one in parts)


async def measure(here: Ground) -> LowLoad:
    """Measure every right at every rate, with the same services."""
    async with services(here) as running:
        for right in RIGHTS:
            await _run(here, running, right, WARM_UP, WARM_UP)
        before = costs(here, running)
        await asyncio.sleep(IDLE_S)
        idle = costs(here, running).since(before, IDLE_S)
        out.print(f"idle: {idle.total:.1f} ms of CPU a second")
        results = [
            await _run(here, running, right, rate, rate * seconds)
            for rate, seconds in SECONDS.items()
            for right in RIGHTS
        ]
    return LowLoad(idle, results)


async def _run(here: Ground, running: Services, right: str, rate: int, count: int) -> RateResult:
    run = f"{right}-{rate}-{count}"
    await people(here, run, count)
    before = costs(here, running)
    outcome = await drive(here, Load(right, run, count, rate))
    spent = costs(here, running).since(before, count)
    outcome.must_be_whole(count)
    cuts = statistics.quantiles(outcome.latencies_ms, n=100, method="inclusive")
    result = RateResult(right, rate, cuts[49], cuts[98], spent)
    out.print(f"{run}: p50 {result.p50_ms:.0f} ms, p99 {result.p99_ms:.0f} ms, CPU {spent.total:.1f} ms")
    return result


async def _main() -> None:
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here:
            measured = await measure(here)
    report(list(measured.figures()))
    print(measured.table())


if __name__ == "__main__":
    asyncio.run(_main())
