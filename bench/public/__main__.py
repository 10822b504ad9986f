"""
``python -m bench.public [--requests N] [--seed S] [--kills N] [--channels NAME …]``: a run, judged.

Without ``--api`` an installation is started here, and its services, broker and database are killed (SIGKILL)
while requests go in. ``--api``, ``--amqp``, ``--stores`` and ``--mail`` (Mailpit) name one that runs already.
``--channels`` are all by default, of one that runs already those that every installation has.
It prints requests by right and channel, ends, and anomalies; it ends with 1 if there is one.
"""

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.fault_injection import KillCounts, victims_of
from bench.public.access import PublicAccess
from bench.public.checker import PublicAnomaly, judge
from bench.public.driver import PublicDriver, rests
from bench.public.evidence import PublicEvidence, traces_of
from bench.public.installation import PEOPLE_PER_REQUEST, installed
from bench.public.letters import MailpitLetters
from bench.public.requests import EVERYWHERE, AskingChannel, RequestCourse, made_up
from bench.public.stores import people_of

PER_SECOND = 5.0
BETWEEN_KILLS_S = 3.0
"""The requests are spread so that kills come about this far apart."""
REPORT_S = 10.0
EXAMPLES = 3
QUIET_WITHIN_S = 900.0
"""After the longest delay of a retry, ten minutes."""


@dataclass(frozen=True, slots=True)
class PublicRun:
    """The result of a run."""

    seen: PublicEvidence
    anomalies: Sequence[PublicAnomaly]
    seconds: float
    counts: KillCounts = field(default_factory=KillCounts)


async def tried(
    folder: Path,
    requests: int,
    seed: int,
    kills: int,
    channels: Collection[AskingChannel] = tuple(AskingChannel),
) -> PublicRun:
    """Drive an installation of its own in *folder*, and kill its parts meanwhile."""
    began = time.monotonic()
    async with installed(folder, customers=requests * PEOPLE_PER_REQUEST, seed=seed) as here:
        plans = made_up(await people_of(here.access), requests, seed, channels)
        async with PublicDriver(here.access, plans) as driver:
            await here.settle()  # the queue of the listener, too: if it is lost, nothing is confirmed
            watching = asyncio.create_task(here.killer.watch())
            reporting = asyncio.create_task(_report(driver, here.killer.counts))
            per_second = min(PER_SECOND, requests / max(kills * BETWEEN_KILLS_S, 1))
            async with asyncio.TaskGroup() as group:
                group.create_task(driver.drive(per_second))
                victims = victims_of(kills, random.Random(seed))
                group.create_task(here.killer.carry_out(victims, lambda: driver.progress))
            seen = await driver.gathered(QUIET_WITHIN_S)
            for task in (watching, reporting):
                task.cancel()
    return PublicRun(seen, judge(seen), time.monotonic() - began, here.killer.counts)


async def _report(driver: PublicDriver, counts: KillCounts) -> None:
    """Print how far the run is, every few seconds, with the requests that are waited for at the end."""
    while True:
        await asyncio.sleep(REPORT_S)
        open_ = [course for course in driver.courses[: driver.started] if not rests(course)]
        last = ", ".join(f"{one.request_id} {one.status}" for one in open_[:EXAMPLES])
        print(f"  made {driver.started}, open {len(open_)}, kills {counts.kills.total()}: {last}", flush=True)


async def driven(
    access: PublicAccess,
    requests: int,
    seed: int,
    per_second: float,
    channels: Collection[AskingChannel] = EVERYWHERE,
) -> PublicRun:
    """Drive an installation that runs already."""
    began = time.monotonic()
    plans = made_up(await people_of(access), requests, seed, channels)
    async with PublicDriver(access, plans) as driver:
        await driver.drive(per_second)
        seen = await driver.gathered(QUIET_WITHIN_S)
    return PublicRun(seen, judge(seen), time.monotonic() - began)


def show(run: PublicRun, out: Console) -> None:
    """Print tables of requests and ends, and the anomalies."""
    courses = run.seen.courses
    out.print(_requests_table(courses))
    ends = Counter(str(one.page.get("outcome") or one.status or "refused at once") for one in courses)
    conducts = Counter(str(one.plan.conduct) for one in courses)
    verdicts = Counter(str(one.verdict) for one in run.anomalies)
    for title, counted in (
        ("ends", ends),
        ("conduct", conducts),
        ("kills", run.counts.kills),
        ("services that ended by themselves", run.counts.ended),
    ):
        out.print(f"{title}: {_listed(counted) or 'none'}", highlight=False)
    packages = sum(one.package is not None for one in courses)
    out.print(
        f"{len(courses)} requests, {len(run.seen.letters)} letters, {len(run.seen.events)} events, "
        f"{packages} packages, {run.seconds:.0f} s",
        highlight=False,
    )
    for anomaly in run.anomalies:
        out.print(f"  {anomaly.verdict}: {anomaly.request_id or '-'}: {anomaly.what}", highlight=False)
        for line in traces_of(run.seen, anomaly.request_id) if anomaly.request_id else ():
            out.print(f"    {line}", highlight=False)
    out.print(f"anomalies: {_listed(verdicts) or '0'}", highlight=False)


def _requests_table(courses: Sequence[RequestCourse]) -> Table:
    channels = sorted({str(one.plan.channel) for one in courses})
    table = Table("right", *channels, "all", title="requests by right and channel")
    cells = Counter((str(one.plan.right), str(one.plan.channel)) for one in courses)
    for right in sorted({right for right, _ in cells}):
        row = [cells[right, channel] for channel in channels]
        table.add_row(right, *map(str, row), str(sum(row)))
    return table


def _listed(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {times}" for name, times in sorted(counted.items()))


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.public", description=__doc__)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--kills", type=int, default=30, help="of the installation that is started here")
    parser.add_argument(
        "--channels", nargs="+", type=AskingChannel, metavar="NAME", help=", ".join(AskingChannel)
    )
    parser.add_argument("--state", type=Path, help="folder to keep everything in; else a temporary one")
    parser.add_argument("--per-second", type=float, default=PER_SECOND)
    parser.add_argument("--api", help="URL of an installation that runs already")
    parser.add_argument("--amqp", help="of a broker user that publishes and reads events")
    parser.add_argument("--stores", help="MongoDB URL of the company's own records")
    parser.add_argument("--mail", help="URL of Mailpit")
    parser.add_argument("--prefix", default="", help="of the names of the company's databases")
    return parser


def main() -> None:
    given = arguments().parse_args()
    out = Console()
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # it reports each try to reach a killed broker
    out.print(f"{given.requests} requests, seed {given.seed}", highlight=False)
    with tempfile.TemporaryDirectory(prefix="habeas-public-") as temporary, suppress(KeyboardInterrupt):
        if given.api:
            mail = MailpitLetters(given.mail)
            access = PublicAccess(given.api, given.amqp, given.stores, mail, given.prefix)
            run = asyncio.run(
                driven(access, given.requests, given.seed, given.per_second, given.channels or EVERYWHERE)
            )
        else:
            folder = given.state or Path(temporary) / "run"
            run = asyncio.run(
                tried(folder, given.requests, given.seed, given.kills, given.channels or tuple(AskingChannel))
            )
        show(run, out)
        sys.exit(bool(run.anomalies))


if __name__ == "__main__":
    main()
