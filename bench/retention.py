"""
``python -m bench.retention [SIZE …]``: the cost of the hourly purge, daily verification and report by size.

The history of a company: closed cases of 30 months in the journal of intake, of which those older than the
register's 24 months are gone but for a tenth that is retained, and a row of each case in the console. Each
job runs once beside each size; the profiler counts what it examines.
"""

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bench.console import fill
from bench.figures import out
from bench.history import profiled, profiling
from bench.installation import MASTER_KEY, Ground, ground
from habeas.client import audit
from services.console.read_model.figures import FigureReader
from services.intake.cases.retention import Purge, RegisterRetention
from services.intake.domain import RECORDS
from shared.contract.events import NoticeSent, RequestClosed, RequestFulfilled, RequestReceived
from shared.runtime.audit_keys import chain_key
from shared.runtime.broker import Message
from shared.runtime.journal import Journal, JournalRow
from shared.runtime.mongo import Client
from shared.runtime.vault import Vault

SIZES = (20_000, 200_000)
PREFIX = "habeas"
AT_ONCE = 1_000
MONTHS, RETAINED = 30, 10
"""Age of the oldest case, and one in how many old ones is retained."""
NOW = datetime.now(UTC).replace(microsecond=0)
NEW = 100
"""Cases that begin on the day of the verification."""


@dataclass(frozen=True, slots=True)
class JobCost:
    """The cost of a job."""

    seconds: float
    examined: int
    grown_kib: int
    """By how much the most memory of this process grew."""


class Drain:
    """Takes messages."""

    async def publish(self, messages: list[Message]) -> None:
        """Do nothing."""


def life(number: int, at: datetime, *, retained: bool) -> Iterator[JournalRow]:
    """Yield the rows of a closed case; a restriction that stands is retained."""
    case, right = f"{number:032x}", "restriction" if retained else "erasure"
    received = RequestReceived.model_validate(
        {
            "request_id": case,
            "right": right,
            "regulation": "gdpr",
            "policy": "gdpr@2018-05-25",
            "source": "shop",
            "received_at": at,
            "received_on": at.date(),
            "due_on": at.date() + timedelta(days=30),
            "internal_due_on": at.date() + timedelta(days=25),
        }
    )
    done = {"marked": 1} if retained else {"erased": 1}
    answer = RequestFulfilled.model_validate(
        {"request_id": case, "right": right, "outcome": "granted", "answer": "answer", "dispositions": done}
    )
    letter = NoticeSent.model_validate({"request_id": case, "letter": "outcome"})
    then = at + timedelta(days=3)
    yield JournalRow(case, 0, f"{case} 0", None, (received,), at)
    yield JournalRow(case, 1, f"{case} 1", answer, (), then)
    yield JournalRow(case, 2, f"{case} 2", letter, (RequestClosed(request_id=case),), then)


async def append(journal: Journal, numbers: range, at: Callable[[int], datetime]) -> None:
    """Append the cases of *numbers*, each with its chain; of old ones those alone that are retained."""
    old, rows = NOW - timedelta(days=731), list[JournalRow]()
    for number in numbers:
        begun = at(number)
        retained = begun < old
        if retained and number % RETAINED:
            continue
        before: bytes | None = bytes(32)
        for row in life(number, begun, retained=retained):
            chained = replace(row, before=before)
            before = bytes(journal.chained(chained)["mac"])
            rows.append(chained)
        if len(rows) >= AT_ONCE:
            await journal.append(rows)
            rows.clear()
            await asyncio.sleep(0)
    await journal.append(rows)


def purge_of(client: Client, journal: Journal) -> Purge:
    """Return the purge of the installation."""
    vault = Vault(client, prefix=PREFIX, master_key=MASTER_KEY)
    return Purge(client, journal.database, journal, vault, Drain(), RegisterRetention(24, UTC))  # type: ignore[arg-type]  # takes lists alone


async def cost_of(client: Client, job: Callable[[], Awaitable[object]]) -> JobCost:
    """Run *job* with the profiler on."""
    await profiling(client, PREFIX, on=True)
    before, since, began = _most_kib(), datetime.now(UTC), time.perf_counter()
    await job()
    seconds = time.perf_counter() - began
    examined = (await profiled(client, PREFIX, since)).examined
    await profiling(client, PREFIX, on=False)
    return JobCost(seconds, examined, _most_kib() - before)


def _most_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def measure(here: Ground, size: int, heads: Path) -> dict[str, JobCost]:
    """Return the cost of each job beside a history of *size* cases."""
    client = here.client
    for name in ("intake", "console", "vault", "keys"):
        await client.drop_database(f"{PREFIX}_{name}")
    journal = Journal(client[f"{PREFIX}_intake"], RECORDS, key=chain_key(MASTER_KEY, "intake"))
    await journal.prepare()
    purge, reader = purge_of(client, journal), FigureReader(client[f"{PREFIX}_console"])
    await purge.prepare()
    span = timedelta(days=MONTHS * 30) / size
    oldest = NOW - timedelta(days=MONTHS * 30 + 4)  # the answer comes three days later
    await append(journal, range(size), lambda number: oldest + number * span)
    await fill(client[f"{PREFIX}_console"], size)
    await reader.prepare()
    rows = audit.StoredRows(client, PREFIX)

    async def verify(days: int) -> None:
        report = await audit.verify_daily(rows, MASTER_KEY, heads, NOW + timedelta(days=days))
        late = [one for one in report.findings if one.case != "audit_heads"]
        if late:
            raise SystemExit(f"bench: {late[0]}")
        audit.VerifiedExtent(NOW, NOW + timedelta(days=days), {}).write(heads)

    costs = {
        "purge: the first look": await cost_of(client, purge.work),
        "purge: an hour later": await cost_of(client, purge.work),
        "report of a year without requests": await cost_of(
            client, lambda: reader.cells(date(2020, 1, 1), date(2020, 12, 31))
        ),
        "report of the year with all of them": await cost_of(
            client, lambda: reader.cells(date(2026, 1, 1), date(2026, 12, 31))
        ),
        "verification of all rows": await cost_of(client, lambda: verify(1)),
    }
    await append(journal, range(size, size + NEW), lambda _: NOW + timedelta(hours=12))
    costs["verification a day later, 100 new cases"] = await cost_of(client, lambda: verify(2))
    return costs


async def main(sizes: list[int]) -> None:
    """Measure each of *sizes* and print a table."""
    found: dict[int, dict[str, JobCost]] = {}
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here:
            for size in sizes:
                heads = Path(folder) / f"heads-{size}"
                heads.mkdir()
                found[size] = await measure(here, size, heads)
    head = " | ".join(f"{size:,}: examined, time, memory" for size in sizes)
    out.print(f"| job | {head} |\n|{'---|' * (len(sizes) + 1)}", markup=False)
    for job in found[sizes[0]]:
        cells = [found[size][job] for size in sizes]
        plain = [f"{one.examined:,}, {one.seconds:.2f} s, {one.grown_kib / 1024:.1f} MiB" for one in cells]
        out.print(f"| {job} | {' | '.join(plain)} |", markup=False, soft_wrap=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.retention", description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=list(SIZES))
    asyncio.run(main(parser.parse_args().sizes))
