"""
``python -m bench.memory``: the memory of fulfillment while many requests for large copies arrive at once.

Each load runs on services of its own with every budget (``HABEAS_SEARCH_MEMORY``, in MiB), so that their
results stand side by side. The first budget is larger than any load: that is memory without a limit.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import out
from bench.installation import SERVICES, Ground, ground, services
from bench.load import Load, drive, people
from bench.processes import resident_mib

UNLIMITED, DEFAULT = 1 << 20, 256
LOADS = ("1000x1", "60x5000", "200x2500", "1000x1")
"""Requests x records of each person. The first and the last say what small requests cost."""
SETTLE_S = 3
SAMPLE_S = 0.02
AT_ONCE = 10_000
MAP = """\
dataset:
  - fides_key: shop
    name: Shop
    collections:
      - name: users
        description: Accounts
        meta: {habeas: {erasure: delete, purpose: To serve customers}}
        fields:
          - {name: _id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: name, data_categories: [user.name]}
      - name: orders
        description: Orders
        meta: {habeas: {erasure: delete, purpose: To serve customers}}
        fields:
          - {name: _id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - name: user
            data_categories: [user.unique_id]
            fides_meta: {references: [{dataset: shop, field: users._id, direction: from}]}
          - {name: text, data_categories: [user.content]}
          - {name: at}
          - {name: total}
"""


@dataclass(frozen=True, slots=True)
class MemoryRun:
    """The memory of fulfillment in MiB around a load, and how the load went."""

    before: float
    peak: float
    after: float
    median_ms: float
    a_second: float

    def row(self, load: str, budget: int) -> str:
        """Return a line of the table."""
        limit = "none" if budget == UNLIMITED else f"{budget} MiB"
        sizes = f"{self.before:.0f} | {self.peak:.0f} | {self.after:.0f}"
        return f"| {load} | {limit} | {sizes} | {self.median_ms:,.0f} ms | {self.a_second:.1f} |"


async def _fill(here: Ground, run: str, count: int, records: int) -> None:
    """Write *count* people, each with *records* records: an account and orders."""
    await people(here, run, count)
    orders = here.client["shop"]["orders"]
    await orders.drop()
    await orders.create_index("user")
    some: list[dict[str, object]] = []
    for number in range(count * (records - 1)):
        text = f"Order {number} of some things that were sent, at some length and to no end."
        some.append({"_id": number, "user": number % count, "text": text, "total": number / 8})
        if len(some) == AT_ONCE:
            await orders.insert_many(some)
            some = []
    if some:
        await orders.insert_many(some)


async def _measured(here: Ground, pid: int, load: Load) -> MemoryRun:
    before, peak = resident_mib([pid]), 0.0

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, resident_mib([pid]))
            await asyncio.sleep(SAMPLE_S)

    watching, began = asyncio.create_task(watch()), time.perf_counter()
    outcome = await drive(here, load)
    seconds = time.perf_counter() - began
    watching.cancel()
    outcome.must_be_whole(load.count)
    await asyncio.sleep(SETTLE_S)
    return MemoryRun(
        before, peak, resident_mib([pid]), statistics.median(outcome.latencies_ms), load.count / seconds
    )


async def measure(here: Ground, loads: Sequence[str], budgets: Sequence[int]) -> list[str]:
    """Return the rows of the table."""
    folder = here.folder / "large-map"
    folder.mkdir()
    (folder / "shop.yml").write_text(MAP, encoding="utf-8")
    rows: list[str] = []
    for place, text in enumerate(loads):
        count, records = map(int, text.split("x"))
        for budget in budgets:
            run = f"{text}-{place}-{budget}"
            await _fill(here, run, count, records)
            settings = {"HABEAS_SEARCH_MEMORY": str(budget), "HABEAS_DATAMAP": str(folder)}
            async with services(here, settings=settings) as running:
                pid = running.processes[SERVICES.index("fulfillment")].pid
                await _measured(here, pid, Load("access", f"{run}-warm", 1))
                measured = await _measured(here, pid, Load("access", run, count))
            rows.append(measured.row(text, budget))
            out.print(rows[-1], markup=False)
    return rows


async def _main(loads: Sequence[str], budgets: Sequence[int]) -> None:
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here:
            rows = await measure(here, loads, budgets)
    head = "| requests x records | budget | before | peak | after | median | a second |"
    print("\n".join([head, "|---|---|---|---|---|---|---|", *rows]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("loads", nargs="*", default=LOADS, help="COUNTxRECORDS")
    parser.add_argument("--budgets", nargs="+", type=int, default=(UNLIMITED, DEFAULT), help="MiB")
    given = parser.parse_args()
    asyncio.run(_main(given.loads, given.budgets))
