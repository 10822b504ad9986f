"""
``python -m bench.restore_drill [REQUESTS]``: loses Habeas' databases, restores them, prints seconds by step.

Half of the requests end before the backup, and half are under way while it is read. After the restoration the
publishers send the second half again, and all of it must end, each once. Beside them some people are erased
before the backup; a backup of the business data brings their records back, and a replay erases them again.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from bench.figures import out
from bench.installation import SERVICES, Ground, environment, ground, services
from bench.load import Load, address, drive, people, submissions
from habeas.client.backups import OWN, BackupFolders, back_up, restore
from habeas.embedded.mailcatcher import letters
from shared.contract.events import RequestClosed
from shared.runtime.broker import Bus
from shared.runtime.mongo import Document

PREFIX = "habeas"
TOGETHER = " ".join(SERVICES)
UNDER_WAY_S = 0.5
"""From the first late request to the backup."""
WITHIN_S = 300
ERASED_SHARE = 20
"""One erasure for so many requests."""
FIRST_ID = 1_000_000
LATE = "-late@"
"""In the addresses of people whose requests are sent again."""


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
        SystemExit: A request did not end, or ended twice; a letter came twice; or an erased record is there.
    """
    watch, half, erased = Stopwatch(), max(1, requests // 2), max(1, requests // ERASED_SHARE)
    await people(here, "drill", half)
    await _more_people(here, {"late": half, "erased": erased})
    folders = BackupFolders(here.folder / "content", here.folder / "keys")
    async with services(here, [TOGETHER]):
        (await drive(here, Load("access", "drill", half))).must_be_whole(half)
        gone = await _erased(here, erased)
        load = asyncio.create_task(drive(here, Load("access", "late", half)))
        await asyncio.sleep(UNDER_WAY_S)
        with watch.step("back up under load"):
            extent = await back_up(here.client, PREFIX, folders)
        (await load).must_be_whole(half)
    out.print(f"{extent.files} collections, {extent.bytes_ / 2**20:.1f} MiB")
    last = max((letter.name for letter in letters(here.stack.mail_folder)), default="")
    for name in OWN:
        await here.client.drop_database(f"{PREFIX}_{name}")
    await here.client["shop"]["users"].insert_many(gone)
    with watch.step("restore"):
        await restore(here.client, PREFIX, folders)
    with watch.step(f"replay {erased} erasures"):
        await _replayed(here, gone)
    began = time.perf_counter()
    async with services(here, [TOGETHER]):
        watch.seconds["start the services"] = time.perf_counter() - began
        with watch.step("republish"):
            await _command(here, "republish")
        with watch.step("send again what came since the backup, until all is closed"):
            await _sent_again(here, half, 2 * half + erased)
    await _each_once(here, last)
    return watch


async def _more_people(here: Ground, runs: Mapping[str, int]) -> None:
    """Add one record for each person of *runs*: name → number of people."""
    found = ((run, n) for run, count in runs.items() for n in range(count))
    await here.client["shop"]["users"].insert_many(
        {"_id": FIRST_ID + place, "email": address(run, n), "name": f"Person {n}"}
        for place, (run, n) in enumerate(found)
    )


async def _erased(here: Ground, count: int) -> list[Document]:
    """Erase *count* people, and return the records that they had."""
    users, of_them = (
        here.client["shop"]["users"],
        {"email": {"$in": [address("erased", n) for n in range(count)]}},
    )
    records = await users.find(of_them).to_list(None)
    (await drive(here, Load("erasure", "erased", count))).must_be_whole(count)
    if len(records) != count or await users.count_documents(of_them):
        raise SystemExit("drill: not all records were erased")
    return records


async def _replayed(here: Ground, gone: Sequence[Document]) -> None:
    """Erase the records again that a backup of the business data brought back."""
    await _command(here, "erasures", "replay")
    back = await here.client["shop"]["users"].count_documents({"_id": {"$in": [one["_id"] for one in gone]}})
    if back:
        raise SystemExit(f"drill: {back} of {len(gone)} erased records are there after the replay")


async def _sent_again(here: Ground, half: int, all_: int) -> None:
    """Publish the requests of the second half again, and wait until the journal has the end of *all_*."""
    bus = Bus(here.stack.amqp_url, name="bench")
    await bus.publish(submissions("access", "late", half))
    await bus.close()
    journal = here.client[f"{PREFIX}_intake"]["journal"]
    deadline = time.perf_counter() + WITHIN_S
    while (closed := len(await journal.distinct("case", {"facts.type": RequestClosed.TYPE}))) < all_:
        if time.perf_counter() > deadline:
            raise SystemExit(f"drill: {all_ - closed} of {all_} requests did not end")
        await asyncio.sleep(0.1)


async def _each_once(here: Ground, last: str) -> None:
    """Accept one end of each request, and after the letter *last* one copy of those that are sent again."""
    journal = here.client[f"{PREFIX}_intake"]["journal"]
    of_ends = {"facts.type": RequestClosed.TYPE}
    ends = Counter(
        [
            row["case"]
            async for row in journal.find(of_ends, {"case": 1, "facts.type": 1})
            for fact in row["facts"]
            if fact["type"] == RequestClosed.TYPE
        ]
    )
    after = list(letters(here.stack.mail_folder, after=last))
    copies = Counter(str(letter.message["Message-ID"]) for letter in after)
    others = sum(LATE not in to for to in chain.from_iterable(letter.recipients for letter in after))
    out.print(f"{len(ends)} requests ended, {len(copies)} letters since the restoration")
    twice = sum(times > 1 for times in ends.values()), sum(times > 1 for times in copies.values())
    if any(twice) or others:
        raise SystemExit(
            f"drill: {twice[0]} requests ended twice, {twice[1]} letters came twice, "
            f"and {others} came again of requests that had ended"
        )


async def _command(here: Ground, *words: str) -> None:
    settings = {**os.environ, **environment(here)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "habeas", *words, env=settings)
    if await process.wait():
        raise SystemExit(f"drill: habeas {' '.join(words)} did not do all")


async def main(requests: int) -> None:
    """Do the drill, and print its steps."""
    with tempfile.TemporaryDirectory(prefix="habeas-drill-") as folder:
        async with ground(Path(folder)) as here:
            watch = await drill(replace(here, smtp_url=here.stack.smtp_url), requests)  # it keeps the letters
    for name, seconds in watch.seconds.items():
        out.print(f"{seconds:8.1f} s  {name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requests", nargs="?", type=int, default=2_000)
    asyncio.run(main(parser.parse_args().requests))
