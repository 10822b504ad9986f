"""
``python -m bench.restore_drill [REQUESTS]``: loses Habeas' databases, restores them, prints seconds by step.

Half of the requests end before the backup, and half are under way while it is read. After the restoration the
publishers send the second half again, and all of it must end.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import out
from bench.installation import SERVICES, Ground, environment, ground, services
from bench.load import Load, drive, people, submissions
from habeas.client.backups import OWN, BackupFolders, back_up, restore
from shared.contract.events import RequestClosed
from shared.runtime.broker import Bus

PREFIX = "habeas"
TOGETHER = " ".join(SERVICES)
UNDER_WAY_S = 0.5
"""From the first late request to the backup."""
WITHIN_S = 300


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Seconds of the steps so far."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure the block."""
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began


async def drill(here: Ground, requests: int) -> Stopwatch:
    """
    Return the seconds of each step of a drill with that many *requests*.

    Raises:
        SystemExit: A request did not end, or ended twice.
    """
    watch, half = Stopwatch(), max(1, requests // 2)
    await people(here, "drill", 2 * half)
    folders = BackupFolders(here.folder / "content", here.folder / "keys")
    async with services(here, [TOGETHER]):
        (await drive(here, Load("access", "drill", half))).must_be_whole(half)
        load = asyncio.create_task(drive(here, Load("access", "late", half)))
        await asyncio.sleep(UNDER_WAY_S)
        with watch.step("back up under load"):
            extent = await back_up(here.client, PREFIX, folders)
        (await load).must_be_whole(half)
    out.print(f"{extent.files} collections, {extent.bytes_ / 2**20:.1f} MiB")
    for name in OWN:
        await here.client.drop_database(f"{PREFIX}_{name}")
    with watch.step("restore"):
        await restore(here.client, PREFIX, folders)
    began = time.perf_counter()
    async with services(here, [TOGETHER]):
        watch.seconds["start the services"] = time.perf_counter() - began
        with watch.step("republish"):
            await _republish(here)
        with watch.step("send again what came since the backup, until all is closed"):
            await _sent_again(here, half)
    return watch


async def _sent_again(here: Ground, half: int) -> None:
    """Publish the requests of the second half again, and wait until the journal has the end of all."""
    bus = Bus(here.stack.amqp_url, name="bench")
    await bus.publish(submissions("access", "late", half))
    await bus.close()
    journal = here.client[f"{PREFIX}_intake"]["journal"]
    deadline = time.perf_counter() + WITHIN_S
    while (closed := len(await journal.distinct("case", {"facts.type": RequestClosed.TYPE}))) < 2 * half:
        if time.perf_counter() > deadline:
            raise SystemExit(f"drill: {2 * half - closed} of {2 * half} requests did not end")
        await asyncio.sleep(0.1)


async def _republish(here: Ground) -> None:
    settings = {**os.environ, **environment(here)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "habeas", "republish", env=settings)
    if await process.wait():
        raise SystemExit("drill: not all facts were published again")


async def main(requests: int) -> None:
    """Do the drill, and print its steps."""
    with tempfile.TemporaryDirectory(prefix="habeas-drill-") as folder:
        async with ground(Path(folder)) as here:
            watch = await drill(here, requests)
    for name, seconds in watch.seconds.items():
        out.print(f"{seconds:8.1f} s  {name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requests", nargs="?", type=int, default=2_000)
    asyncio.run(main(parser.parse_args().requests))
