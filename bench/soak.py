"""
``python -m bench.soak [MINUTES] [--rate N]``: memory and latency under a steady low load, for long.

Opt-outs, erasures and access requests arrive in turn. A sample is the memory of each process after a round of
the three, and the median latency of the round. It ends with 1 if a series grows after the first third by more
than is allowed: memory of a service by 5 % or 8 MiB, latency by 20 % or 20 ms (``bench/flatness.py``). Broker
and database fill caches with what they store, up to limits of their own: theirs is printed only.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from bench.figures import out
from bench.flatness import FlatnessLimit, SampleSeries, table
from bench.installation import SERVICES, Ground, Services, ground, services
from bench.load import Load, drive, people
from bench.low_load import RIGHTS
from bench.processes import resident_mib

MEMORY = FlatnessLimit(share=0.05, amount=8)
LATENCY = FlatnessLimit(share=0.2, amount=20)
RATE = 2
"""Requests a second."""
SECONDS = 10
"""How long each right is driven in a round."""
MINUTES = 15.0
LATENCY_SERIES = "latency, p50"


async def soak(here: Ground, minutes: float, rate: int) -> list[SampleSeries]:
    """Drive the load for *minutes*; return all series."""
    samples: defaultdict[str, list[float]] = defaultdict(list)
    async with services(here) as running:
        until, number = time.monotonic() + minutes * 60, 0
        while time.monotonic() < until:
            samples[LATENCY_SERIES].append(statistics.median(await _round(here, rate, number)))
            number += 1
            for name, size in _sizes(here, running).items():
                samples[name].append(size)
            sizes = ", ".join(f"{name} {values[-1]:.0f}" for name, values in samples.items())
            out.print(f"round {number}: {sizes}")
    return [
        SampleSeries(name, "ms", found, LATENCY)
        if name == LATENCY_SERIES
        else SampleSeries(name, "MiB", found, MEMORY)
        for name, found in samples.items()
    ]


async def _round(here: Ground, rate: int, number: int) -> list[float]:
    latencies: list[float] = []
    for right in RIGHTS:
        load = Load(right, f"soak-{right}-{number}", rate * SECONDS, rate)
        await people(here, load.run, load.count)
        outcome = await drive(here, load)
        outcome.must_be_whole(load.count)
        latencies += outcome.latencies_ms
    return latencies


def _sizes(here: Ground, running: Services) -> dict[str, float]:
    pids = dict(zip(SERVICES, running.pids, strict=True)) | dict(here.parts)
    return {name: resident_mib([pid]) for name, pid in pids.items()}


async def _main(minutes: float, rate: int) -> int:
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here:
            series = await soak(here, minutes, rate)
    print(table(series))
    return 0 if all(one.flat for one in series if one.name in {LATENCY_SERIES, *SERVICES}) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=MINUTES)
    parser.add_argument("--rate", type=int, default=RATE, help="requests a second")
    given = parser.parse_args()
    raise SystemExit(asyncio.run(_main(given.minutes, given.rate)))
