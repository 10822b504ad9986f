"""
``python -m bench.outages [--seconds N] [--disks] [--part NAME]``: each part away in turn, an hour by default.

Requests are under way when the part goes; what the operators' port and the logs say meanwhile is printed. The
part comes back, and all requests must end, once each, without a restart of any service. It ends with 1 if one
does not, or ends twice, or if a service writes more lines a minute about the outage than the limit, or an
`error`.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import httpx

from bench.figures import out
from bench.installation import SERVICES, Ground, ground, services
from bench.load import people, submissions
from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.stack import StackPart
from shared.contract.events import RequestClosed
from shared.errors import TransientError
from shared.runtime.broker import Bus, Message
from shared.runtime.service_reports import ANSWERS

SECONDS = 3_600
REQUESTS = 20
RIGHT = "access"
MOST_LINES = 60
"""Lines of one service a minute, without those for batches and retries, which follow the work."""
WORK = ("batch committed", "message retried")
CLOSED_WITHIN_S = 900.0
"""After the longest delay of a retry, ten minutes."""
LOOK_S = 0.5
DISK_MIB = 1_024


@dataclass(slots=True)
class Gate:
    """A port of this machine that leads to another, while it is open."""

    to: int
    port: int = field(default_factory=free_port)
    _server: asyncio.Server | None = None
    _ends: set[asyncio.StreamWriter] = field(default_factory=set)
    _pumps: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._join, HOST, self.port)

    async def close(self) -> None:
        """Cut all connections, and accept none."""
        if self._server is not None:
            self._server.close()
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(HOST, self.to)
        self._ends |= {writer, far_writer}
        for source, target in ((reader, far_writer), (far_reader, writer)):
            pump = asyncio.create_task(_pump(source, target))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await source.read(65_536):
            target.write(piece)
            await target.drain()
    target.close()


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A disk in memory, which a file can fill; only root can mount it."""

    folder: Path
    size_mib: int

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        options = ("-t", "tmpfs", "-o", f"size={self.size_mib}m", "tmpfs")
        subprocess.run(["/usr/bin/mount", *options, self.folder], check=True)  # noqa: S603 - of our own
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["/usr/bin/umount", "--lazy", self.folder], check=True)  # noqa: S603 - of our own

    async def fill(self, left_mib: int) -> None:
        """Fill it but for *left_mib*."""
        free = shutil.disk_usage(self.folder).free - (left_mib << 20)
        with self._ballast.open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, free)

    async def empty(self) -> None:
        """Give the room back."""
        self._ballast.unlink()

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


@dataclass(frozen=True, slots=True)
class AbsentPart:
    """A part, and how it goes and comes back."""

    name: str
    leave: Callable[[], Awaitable[None]]
    come_back: Callable[[], Awaitable[None]]


@dataclass(slots=True)
class PartOutage:
    """What was seen while a part was away."""

    part: str
    states: set[str] = field(default_factory=set)
    """What `/readyz` said of parts that do not answer."""
    lines: Mapping[str, Counter[str]] = field(default_factory=dict)
    """Service → level → lines while the part was away."""
    minutes: float = 0.0
    recovered_s: float | None = None
    closed: int = 0
    expected: int = 0

    @property
    def errors(self) -> int:
        """Lines of the level error."""
        return sum(levels["error"] for levels in self.lines.values())

    @property
    def most_a_minute(self) -> float:
        """Lines a minute of the service that wrote most."""
        return max(sum(levels.values()) for levels in self.lines.values()) / self.minutes

    @property
    def passed(self) -> bool:
        """Whether all requests ended once, and the logs stayed readable."""
        return self.closed == self.expected and not self.errors and self.most_a_minute <= MOST_LINES

    def row(self) -> str:
        """Return a line of the table."""
        recovered = "never" if self.recovered_s is None else f"{self.recovered_s:.0f} s"
        numbers = f"{self.closed} of {self.expected} | {recovered} | {self.most_a_minute:.0f} | {self.errors}"
        said = "; ".join(sorted(self.states)) or "nothing"
        return f"| {self.part} | {self.minutes:.0f} min | {numbers} | {said} |"


@asynccontextmanager
async def _running(
    here: Ground, gates: Mapping[str, Gate]
) -> AsyncIterator[tuple[Mapping[str, str], Callable[[], bool]]]:
    """Start the services with store and mail server behind *gates*; yield the URLs, and whether all run."""
    store = urlsplit(here.stack.mongo_url)
    query = re.sub(r"replicaSet=[^&]*", "directConnection=true", store.query)
    netloc = f"{store.netloc.rpartition('@')[0]}@{HOST}:{gates['store'].port}"
    settings = {
        "HABEAS_STORES": json.dumps({"default": store._replace(netloc=netloc, query=query).geturl()}),
        "HABEAS_SMTP_URL": f"smtp://{HOST}:{gates['mail server'].port}",
        "HABEAS_LOG_LEVEL": "info",
    }
    async with services(here, settings=settings) as running:
        urls = {name: _ops_url(here.folder / f"{name}.log") for name in SERVICES}
        yield urls, lambda: all(process.running for process in running.processes)


def _ops_url(log: Path) -> str:
    """Return where a service answers its operators, as its log says."""
    ports = re.findall(rb'"ops_port": ?(\d+)', log.read_bytes())
    return f"http://{HOST}:{int(ports[-1])}/readyz"


def full_disks(here: Ground, disks: Mapping[StackPart, SmallDisk]) -> list[AbsentPart]:
    """Return the disks that fill: the broker raises its alarm below 50 MB, the database ends."""
    broker, database = disks[StackPart.BROKER], disks[StackPart.DATABASE]

    async def empty_database() -> None:
        await database.empty()
        await here.stack.start(StackPart.DATABASE)

    return [
        AbsentPart("disk of the broker", partial(broker.fill, 20), broker.empty),
        AbsentPart("disk of the database", partial(database.fill, 0), empty_database),
    ]


async def measure(
    here: Ground, seconds: float, disks: Mapping[StackPart, SmallDisk] | None, only: str | None
) -> list[PartOutage]:
    """Let each part go and come back, or the *only* one, or each of *disks* be full; return what was seen."""
    gates = {
        "store": Gate(int(re.findall(r":(\d+)/", here.stack.mongo_url)[-1])),
        "mail server": Gate(int(here.smtp_url.rpartition(":")[2])),
    }
    for gate in gates.values():
        await gate.open()
    parts = [
        *(AbsentPart(name, gate.close, gate.open) for name, gate in gates.items()),
        *(
            AbsentPart(part.value, partial(here.stack.kill, part), partial(here.stack.start, part))
            for part in (StackPart.BROKER, StackPart.DATABASE)
        ),
    ]
    if disks is not None:
        parts = full_disks(here, disks)
    found: list[PartOutage] = []
    async with _running(here, gates) as (urls, all_run):
        for part in (one for one in parts if only in {None, one.name}):
            found.append(await _outage(here, urls, part, seconds, REQUESTS * (len(found) + 1)))
            out.print(found[-1].row(), markup=False)
            if not all_run():
                raise SystemExit(f"bench: a service ended while the {part.name} was away")
    return found


async def _outage(
    here: Ground, urls: Mapping[str, str], part: AbsentPart, seconds: float, expected: int
) -> PartOutage:
    seen, run = PartOutage(part.name, expected=expected), f"away-{part.name.replace(' ', '-')}"
    await people(here, run, REQUESTS)
    bus, messages = Bus(here.stack.amqp_url, name="bench"), submissions(RIGHT, run, REQUESTS)
    await _publish(bus, messages[: REQUESTS // 2])
    since, began = datetime.now(UTC), time.monotonic()
    await part.leave()
    rest = asyncio.create_task(_publish(bus, messages[REQUESTS // 2 :]))
    async with httpx.AsyncClient(timeout=20) as client:
        while (time_left := seconds - (time.monotonic() - began)) > 0:
            seen.states |= {said for url in urls.values() for said in await _not_ready(client, url)}
            await asyncio.sleep(min(5.0, max(time_left, 0.1)))
    seen.minutes = (time.monotonic() - began) / 60
    seen.lines = {name: _levels(here.folder / f"{name}.log", since) for name in SERVICES}
    await part.come_back()
    back = time.monotonic()
    await rest
    await bus.close()
    while seen.closed < expected and time.monotonic() - back < CLOSED_WITHIN_S:
        await asyncio.sleep(LOOK_S)
        seen.closed = await _closed(here)
    seen.recovered_s = time.monotonic() - back if seen.closed >= expected else None
    return seen


async def _publish(bus: Bus, messages: Sequence[Message]) -> None:
    """Publish *messages*, again and again while the broker is away or full."""
    while True:
        try:
            return await bus.publish(messages)
        except TransientError:
            await asyncio.sleep(LOOK_S)


async def _not_ready(client: httpx.AsyncClient, url: str) -> list[str]:
    """Return what a service says of the parts that it does not reach."""
    states = (await client.get(url)).json()
    return [f"{part}: {state}" for part, state in states.items() if state != ANSWERS]


def _levels(log: Path, since: datetime) -> Counter[str]:
    """Return the number of lines in *log* since a moment about anything but the work, by level."""
    lines = (json.loads(line) for line in log.read_bytes().splitlines() if line.startswith(b"{"))
    return Counter(
        line["level"]
        for line in lines
        if datetime.fromisoformat(line["timestamp"]) >= since and line["event"] not in WORK
    )


async def _closed(here: Ground) -> int:
    """Return how many requests ended; one that ended twice counts twice."""
    journal = here.client["habeas_intake"]["journal"]
    return await journal.count_documents({"facts.type": RequestClosed.TYPE})


def table(found: Sequence[PartOutage]) -> str:
    """Return the table of all parts."""
    head = "| away | for | ended | all ended after | lines a minute, most | errors | `/readyz` meanwhile |"
    return "\n".join([head, "|---|---|---|---|---|---|---|", *(one.row() for one in found)])


async def _main(seconds: float, only: str | None, *, full: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder, ExitStack() as mounted:
        disks = {part: SmallDisk(Path(folder, "stack", part), DISK_MIB) for part in StackPart if full}
        for disk in disks.values():
            mounted.enter_context(disk)
        async with ground(Path(folder)) as here:
            found = await measure(here, seconds, disks or None, only)
    print(table(found))
    return 0 if all(one.passed for one in found) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.outages", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each part is away")
    parser.add_argument("--disks", action="store_true", help="full disks in place of absent parts")
    parser.add_argument(
        "--part", help="this one alone", choices=("store", "mail server", "broker", "database")
    )
    given = parser.parse_args()
    raise SystemExit(asyncio.run(_main(given.seconds, given.part, full=given.disks)))
