"""
``python -m bench.growth [--requests N]``: what requests leave in Habeas' own databases, by collection.

Half of the requests ask for a copy, half for erasure; services of this machine answer them. The growth is
that of the files on disk (``storageSize`` and indexes) after a checkpoint, and of the documents before
compression.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.figures import out
from bench.installation import Ground, ground, services
from bench.load import Load, drive, people
from shared.runtime.mongo import Client

REQUESTS = 1_000
MIB = 1 << 20
PREFIX = "habeas"
SETTLE_S = 3


@dataclass(frozen=True, slots=True)
class StoredSize:
    """The size of a collection in bytes: its documents, its file, and the files of its indexes."""

    documents: int = 0
    file: int = 0
    indexes: int = 0

    def since(self, before: "StoredSize") -> "StoredSize":
        """Return the growth since *before*."""
        return StoredSize(
            self.documents - before.documents, self.file - before.file, self.indexes - before.indexes
        )


async def sizes(client: Client) -> Mapping[str, StoredSize]:
    """Return the size of each collection of Habeas, after a checkpoint."""
    await client.admin.command("fsync")
    found = {}
    for name in sorted(await client.list_database_names()):
        if not name.startswith(PREFIX):
            continue
        for collection in await client[name].list_collection_names():
            stats = await client[name].command("collStats", collection)
            found[f"{name}.{collection}"] = StoredSize(
                stats["size"], stats["storageSize"], stats["totalIndexSize"]
            )
    return found


async def measure(here: Ground, requests: int) -> list[tuple[str, StoredSize]]:
    """Return the growth of each collection by *requests* requests, the largest first."""
    rights = ("access", "erasure")
    await people(here, "first", 1)  # the services are ready once the mapped collection is there
    async with services(here):
        for right in rights:
            await _answered(here, Load(right, f"warm-{right}", 20))
        before = await sizes(here.client)
        for right in rights:
            await _answered(here, Load(right, f"growth-{right}", requests // 2))
        await asyncio.sleep(SETTLE_S)
        after = await sizes(here.client)
    grown = {name: size.since(before.get(name, StoredSize())) for name, size in after.items()}
    return sorted(grown.items(), key=lambda item: -item[1].file - item[1].indexes)


async def _answered(here: Ground, load: Load) -> None:
    """Send *load* and wait until each request is answered; its people have an account and no more."""
    await people(here, load.run, load.count)
    (await drive(here, load)).must_be_whole(load.count)


async def _main(requests: int) -> None:
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here:
            rows = await measure(here, requests)
    out.print("| collection | documents, MB | file, MB | indexes, MB |\n|---|---|---|---|", markup=False)
    for name, size in rows:
        if size.file + size.indexes > MIB // 100:
            figures = " | ".join(f"{value / 1e6:.2f}" for value in (size.documents, size.file, size.indexes))
            out.print(f"| `{name}` | {figures} |", markup=False)
    total = sum(size.file + size.indexes for _, size in rows) / 1e6
    out.print(f"{total:.1f} MB for {requests} requests on disk", markup=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    asyncio.run(_main(parser.parse_args().requests))
