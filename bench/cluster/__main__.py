"""
``python -m bench.cluster [--requests N] [--minutes M] [--seed S]``: faults on a cluster of compose.

It brings docker-compose.cluster.yml up, lets random requests of all rights arrive over ``--minutes``, and
faults of all kinds meanwhile; heals, waits for quiet, and judges by the public contract alone. It ends with 1
if there is an anomaly. Needs root: it looks into the network of each container, and mounts a disk in memory
for each broker and database.
"""

import argparse
import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from bench.cluster.containers import Containers
from bench.cluster.faults import heal
from bench.cluster.injection import PARTS, FaultGround, Injection, drawn_faults, names
from bench.cluster.project import INBOX_SERVER, MAIL_URL, PUBLIC_URL, ClusterProject
from bench.public.__main__ import PublicRun, show
from bench.public.access import PublicAccess
from bench.public.checker import judge
from bench.public.driver import PublicDriver
from bench.public.letters import MailpitLetters
from bench.public.requests import AskingChannel, made_up
from bench.public.stores import people_of
from habeas.embedded.company import fill, generate

RESULTS = Path(__file__).parents[1] / "results" / "cluster.jsonl"
PEOPLE_PER_REQUEST = 3
QUIET_WITHIN_S = 1200.0
"""Longer than the longest delay of a retry, ten minutes, and a half-finished other."""
HEALTHY_WITHIN_S = 300.0
SETTLE_S = 10.0
INSIDE = "CHAOS_INSIDE"
"""Variable with what the campaign needs to know inside the network."""


@dataclass(frozen=True, slots=True)
class Task:
    """A campaign, and where its cluster is."""

    requests: int
    minutes: float
    seed: int
    project: str
    amqp_url: str
    mongo_url: str
    disks: str


async def campaign(task: Task, out: Console) -> tuple[PublicRun, Injection]:
    """Drive requests and faults; return what was seen, and the faults."""
    began = time.monotonic()
    cluster, dice = Containers(task.project), Random(task.seed)
    customers = generate(1, task.requests * PEOPLE_PER_REQUEST, today=datetime.now(UTC).date())
    await fill(task.mongo_url, customers)
    letters = MailpitLetters(MAIL_URL)
    access = PublicAccess(PUBLIC_URL, task.amqp_url, task.mongo_url, letters, inbox=INBOX_SERVER)
    plans = made_up(await people_of(access), task.requests, task.seed, tuple(AskingChannel))
    ground = FaultGround(task.mongo_url, Path(task.disks))
    injection = Injection(
        cluster, drawn_faults(dice, ground), dice, log=lambda line: out.print(line, highlight=False)
    )
    await asyncio.sleep(SETTLE_S)
    async with PublicDriver(access, plans) as driver:
        injecting = asyncio.create_task(injection.go_on())
        await driver.drive(task.requests / (task.minutes * 60))
        injection.stop()
        await injecting
        await heal(cluster, names(), [ground.disks / name for name in PARTS])
        await _healthy(cluster, out)
        seen = await driver.gathered(QUIET_WITHIN_S)
    return PublicRun(seen, judge(seen), time.monotonic() - began), injection


async def _healthy(cluster: Containers, out: Console) -> None:
    """Wait until all containers are healthy; name those that are not in time."""
    deadline = time.monotonic() + HEALTHY_WITHIN_S
    while ill := await cluster.unhealthy():
        if time.monotonic() > deadline:
            out.print(f"not healthy: {', '.join(ill)}", highlight=False)
            return
        await asyncio.sleep(2)


def report(task: Task, run: PublicRun, injection: Injection, out: Console) -> None:
    """Print the tables, and add a line to the results."""
    show(run, out)
    table = Table("fault", "times", title="faults by kind")
    for kind, times in sorted(injection.done.items()):
        table.add_row(str(kind), str(times))
    out.print(table)
    for line in injection.failed:
        out.print(f"not as drawn: {line}", highlight=False)
    verdicts = Counter(str(one.verdict) for one in run.anomalies)
    found = {
        "seed": task.seed,
        "requests": len(run.seen.courses),
        "minutes": task.minutes,
        "seconds": round(run.seconds),
        "faults": {str(kind): times for kind, times in injection.done.items()},
        "failed_faults": len(injection.failed),
        "quiet": run.seen.quiet,
        "anomalies": dict(verdicts),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(found) + "\n")


def inside() -> int:
    """Do the campaign, inside the network; return the exit code."""
    task, out = Task(**json.loads(os.environ[INSIDE])), Console()
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # it reports each try to reach a killed broker
    run, injection = asyncio.run(campaign(task, out))
    report(task, run, injection, out)
    return int(bool(run.anomalies) or not run.seen.quiet)


def main() -> int:
    """Bring a cluster up for a campaign; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__)
    parser.add_argument("--requests", type=int, default=600)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--project", default="habeas-chaos", help="name of the containers")
    parser.add_argument("--keep", action="store_true", help="leave the cluster as it is in the end")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="habeas-chaos-"))
    project = ClusterProject(given.project, folder)
    print(f"{given.requests} requests in {given.minutes:g} minutes, seed {given.seed}", flush=True)
    with project.running(keep=given.keep):
        urls = project.secret("topology/amqp_url"), project.secret("topology/mongo_url")
        task = Task(given.requests, given.minutes, given.seed, given.project, *urls, str(project.disks))
        environment = {**os.environ, INSIDE: json.dumps(asdict(task))}
        command = project.inside(sys.executable, "-m", "bench.cluster")
        return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(inside() if INSIDE in os.environ else main())
