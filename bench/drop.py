"""
California's hashes looked up in a company's stores: ``python -m bench.drop``.

A process of its own does it, so that its memory is that of the pass alone. Beside it stands the raw floor:
the same documents streamed by the driver in the same run, and nothing done with them.
"""

import argparse
import asyncio
import base64
import random
import resource
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from bench.figures import Figure, figure, report
from habeas.embedded.stack import Stack
from services.fulfillment.datamap.reader import load
from services.fulfillment.drop.fields import sources
from services.fulfillment.drop.hash_lists import HashListBatch, HashLists
from services.fulfillment.drop.lookup import HashLookupJob, LookupCounts
from services.fulfillment.stores.mongodb import Stores
from shared.contract.drop import LISTS, ListKind
from shared.runtime.broker import Message
from shared.runtime.mongo import Client, Document, connect
from shared.runtime.vault import Vault

MAP = Path(__file__).parents[1] / "datamaps" / "example"
BATCH = "d" * 32
KEY = bytes(32)
FIRST = ("Ada", "Björn", "Chloé", "Dmitri", "Иван", "Γιώργος", "Kim", "Lena")
CHUNK = 5_000


def contact(number: int) -> Document:
    """Return somebody whom the example's portal knows."""
    return {
        "_id": number,
        "email": f"Person.{number}@Example.org",
        "phones": [f"+1 (415) {number:07d}"],
        "name": {"first": FIRST[number % len(FIRST)], "last": f"Quast{number}"},
        "date_of_birth": datetime(1950 + number % 50, 1 + number % 12, 1 + number % 28, tzinfo=UTC),
        "address": {"lines": ["1 Road"], "city": "Oakland", "postal_code": f"{90000 + number % 1000}"},
    }


def _hash(text: str) -> str:
    return base64.b64encode(sha256(text.encode()).digest()).decode()


def listed(kind: ListKind, rows: int, people: int) -> Iterator[bytes]:
    """Yield a list of which every tenth row is somebody's."""
    dice = random.Random(kind.value)
    letters = string.ascii_letters + string.digits
    yield b"ID,Hash\n"
    for number in range(rows):
        known = number % 10 == 0 and number // 10 < people
        person = number // 10 if known else people + number
        value = f"person.{person}@example.org" if kind is ListKind.EMAIL else f"415{person:07d}"
        yield f"{''.join(dice.choices(letters, k=12))},{_hash(value)}\n".encode()


async def look_up(url: str, hashes: int, people: int) -> None:
    """Look everything up, and print seconds, documents, finds and memory."""
    client = connect(url, app_name="bench")
    vault = Vault(client, prefix="bench", master_key=KEY)
    await vault.prepare()
    await vault.create(BATCH)
    kinds = (ListKind.EMAIL, ListKind.PHONE)
    for kind in kinds:
        await vault.seal_stream(BATCH, kind.item, _async(listed(kind, hashes // len(kinds), people)))
    floor = await _floor(client)
    wanted = HashLists(client["bench_fulfillment"], KEY)
    await wanted.prepare()
    await wanted.take(HashListBatch(BATCH, tuple(kind.item for kind in LISTS if kind in kinds)))
    data_map = load(MAP)

    async def publish(_messages: list[Message]) -> None:
        """Tell nobody."""

    matching = HashLookupJob(wanted, Stores({"default": client}), vault, lambda: data_map, publish)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.perf_counter()
    tally = await matching.work() or LookupCounts()
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(seconds, floor, tally.documents, tally.found, before, peak)
    client.close()


async def _floor(client: Client) -> float:
    """Return how long the driver takes for the same documents."""
    began = time.perf_counter()
    async for _ in client["portal"]["contacts"].find({}, {"email": 1, "phones": 1, "name": 1}):
        pass
    return time.perf_counter() - began


async def _async(lines: Iterator[bytes]) -> AsyncIterator[bytes]:
    held = bytearray()
    for line in lines:
        held += line
        if len(held) > 1 << 20:
            yield bytes(held)
            held.clear()
            await asyncio.sleep(0)
    yield bytes(held)


async def measure(hashes: int, people: int) -> list[Figure]:
    """Measure *hashes* against *people*."""
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with Stack(Path(folder)) as stack:
            client = connect(stack.mongo_url, app_name="bench")
            for start in range(0, people, CHUNK):
                some = range(start, min(people, start + CHUNK))
                await client["portal"]["contacts"].insert_many([contact(number) for number in some])
            for key in sources(load(MAP)):
                database, _, name = key.partition(".")
                if key != "portal.contacts":
                    await client[database].create_collection(name)
            arguments = [sys.executable, "-m", "bench.drop", "--url", stack.mongo_url]
            arguments += ["--hashes", str(hashes), "--people", str(people)]
            said = await asyncio.to_thread(subprocess.run, arguments, check=True, capture_output=True)
            client.close()
    seconds, floor, documents, found, before, peak = map(float, said.stdout.splitlines()[-1].split())
    name = f"{hashes} hashes, {people} people"
    return [
        figure(f"{name}: looked up", [seconds], "s", [floor]),
        figure(f"{name}: documents read", [documents], ""),
        figure(f"{name}: people found", [found], ""),
        figure(f"{name}: memory before", [before], "MiB"),
        figure(f"{name}: most memory", [peak], "MiB"),
    ]


def main() -> None:
    """Measure, or be the process that is measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hashes", type=int, default=200_000)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--url")
    given = parser.parse_args()
    if given.url:
        asyncio.run(look_up(given.url, given.hashes, given.people))
    else:
        report(asyncio.run(measure(given.hashes, given.people)))


if __name__ == "__main__":
    main()
