"""
``python -m bench.history``: the cost of closed cases: requests, and verbs of the staff, beside many of them.

The cases are copies of two closed ones in all databases of Habeas. The database's profiler counts the
documents that each verb examines; the time of a verb is without the start of the command.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from io import StringIO
from pathlib import Path
from typing import Any

from bench.figures import out
from bench.installation import MASTER_KEY, SOURCE, Ground, Services, costs, environment, ground, services
from bench.load import Load, address, drive, people
from habeas.cli import app
from services.intake.domain import request_id
from shared.errors import ConfigurationError
from shared.runtime.key_rings import derived_key
from shared.runtime.mongo import Client, Document, ObjectId, RawDocument, to_bson

PREFIX = "habeas"
"""Of the names of the databases."""
SIZES = (0, 10_000, 100_000)
"""Closed cases beside which is measured."""
RIGHTS = ("opt_out_of_sale", "erasure", "access")
WARM_UP, REQUESTS, RATE = 20, 60, 10
"""Requests of a run, and a second."""
WHOLE = (
    "audit verify",
    "erasures list",
)
"""Verbs about all cases: they examine no more than they read."""
VERBS = (
    "audit heads --out {folder}/heads",
    "audit verify {access}",
    "dead-letters",
    "dead-letters replay intake",
    "request disagreements --identity email={person}",
    "drop status",
    "erasures purge --dry-run",
    "erasures replay --dry-run --since {tomorrow}",
    "staff list",
    "status {access}",
    "suppressions filter {folder}/people",
)
"""The other verbs that read what Habeas keeps, but for those about one incident."""
AT_ONCE = 2_000
"""Documents of one insertion."""
MOST_PER_RESULT = 20
"""Documents that a query may examine for each that it returns or changes."""
PROFILE_BYTES = 64 << 20
RESULTS = ("nreturned", "nMatched", "ndeleted", "ninserted", "nUpserted")


async def databases_of(client: Client, prefix: str) -> list[str]:
    """Return the names of Habeas' databases."""
    return [name for name in await client.list_database_names() if name.startswith(f"{prefix}_")]


async def profiling(client: Client, prefix: str, *, on: bool) -> None:
    """Turn the profiler of Habeas' databases on, with an empty profile, or off."""
    for name in await databases_of(client, prefix):
        await client[name].command("profile", 0)
        if on:
            await client[name].drop_collection("system.profile")
            await client[name].create_collection("system.profile", capped=True, size=PROFILE_BYTES)
            await client[name].command("profile", 2)


@dataclass(frozen=True, slots=True)
class Profile:
    """What the profiler has noted."""

    examined: int
    """Documents or keys that all queries examined."""
    costly: Mapping[str, tuple[int, int, str]]
    """Queries that examined too much for their results: examined, results, plan."""


async def profiled(client: Client, prefix: str, since: datetime) -> Profile:
    """Return the profile of Habeas' databases *since* a moment."""
    total, costly = 0, dict[str, tuple[int, int, str]]()
    for name in await databases_of(client, prefix):
        async for entry in client[name]["system.profile"].find({"ts": {"$gte": since}}):
            if entry["ns"].endswith("system.profile"):
                continue
            examined, results = _examined(entry), _results(entry)
            total += examined
            if examined > MOST_PER_RESULT * max(1, results):
                costly[f"{entry['ns']} {_shape(entry)}"] = examined, results, entry.get("planSummary", "")
    return Profile(total, costly)


def _examined(entry: Document) -> int:
    return max(int(entry.get("docsExamined", 0)), int(entry.get("keysExamined", 0)))


def _results(entry: Document) -> int:
    return sum(int(entry.get(key) or 0) for key in RESULTS)


def _shape(entry: Document) -> str:
    query = entry.get("command", {})
    wanted = query.get("filter") or query.get("q") or query.get("query") or query.get("pipeline") or query
    return f"{entry['op']} {str(wanted)[:300]}"


async def multiply(client: Client, prefix: str, cases: Iterable[str], copies: range) -> int:
    """
    Copy each of *cases*, with all that the databases of *prefix* hold of it, under new ids.

    Args:
        client: The database.
        prefix: First part of the names of Habeas' databases.
        cases: Ids of closed cases.
        copies: Numbers of the copies of each; a number makes the same copy again.

    Returns:
        How many documents were written.
    """
    written = 0
    for case in cases:
        async for collection, originals in _documents_of(client, prefix, case):
            forms = [_Form.of(document, case) for document in originals]
            for first in range(0, len(copies), AT_ONCE // len(forms) or 1):
                some = copies[first : first + (AT_ONCE // len(forms) or 1)]
                await collection.insert_many([form.copy(n) for n in some for form in forms], ordered=False)
                written += len(some) * len(forms)
                await asyncio.sleep(0)
    return written


async def _documents_of(client: Client, prefix: str, case: str) -> AsyncIterator[tuple[Any, list[Document]]]:
    """Yield each collection that has documents of *case*, and these."""
    for database in await databases_of(client, prefix):
        for name in await client[database].list_collection_names(filter={"type": "collection"}):
            if name.startswith("system."):
                continue
            collection = client[database][name]
            found = [one async for one in collection.find({}) if _names(one, case)]
            if found:
                yield collection, found


def _names(value: Any, case: str) -> bool:
    if isinstance(value, str):
        return case in value
    if isinstance(value, dict):
        return any(_names(one, case) for one in value.values())
    return isinstance(value, list) and any(_names(one, case) for one in value)


@dataclass(frozen=True, slots=True)
class _Form:
    """A document as its bytes, and the parts that differ between copies: the case's id, and its own."""

    content: bytes
    parts: tuple[bytes, ...]

    @classmethod
    def of(cls, document: Document, case: str) -> "_Form":
        own, parts = document["_id"], [case.encode()]
        if isinstance(own, ObjectId):
            parts.append(own.binary)
        elif isinstance(own, str) and case not in own:
            parts.append(own.encode())
        return cls(to_bson(document), tuple(parts))

    def copy(self, number: int) -> RawDocument:
        content = self.content
        for part in self.parts:
            digest = blake2b(b"%d %b" % (number, part), digest_size=64).hexdigest().encode()
            content = content.replace(part, digest[: len(part)])
        return RawDocument(content)


@dataclass(frozen=True, slots=True)
class VerbCost:
    """The cost of a verb beside some closed cases."""

    seconds: float
    examined: int


async def measure(here: Ground, sizes: Sequence[int]) -> list[str]:
    """Return the tables of requests and of verbs, in the form of ``docs/performance.md``."""
    requests: dict[int, list[str]] = {}
    verbs: dict[int, dict[str, VerbCost]] = {}
    async with services(here) as running:
        for right in RIGHTS:
            await _run(here, running, Load(right, f"{right}-warm", WARM_UP))
        closed = {right: _case_of(right, "warm") for right in ("access", "erasure")}
        done = 0
        for size in sizes:
            await multiply(here.client, PREFIX, closed.values(), range(done, size // 2))
            done = size // 2
            out.print(f"{size:,} closed cases")
            requests[size] = [
                await _run(here, running, Load(right, f"{right}-{size}", REQUESTS, RATE)) for right in RIGHTS
            ]
            await profiling(here.client, PREFIX, on=True)
            verbs[size] = {verb: await _cost_of(here, verb, closed) for verb in (*VERBS, *WHOLE)}
            await profiling(here.client, PREFIX, on=False)
    return [
        _table(
            "closed cases",
            [f"{right}: p50, CPU" for right in RIGHTS],
            {f"{size:,}": cells for size, cells in requests.items()},
        ),
        _table(
            "verb",
            [f"{size:,}: examined, seconds" for size in sizes],
            {
                f"`{verb}`": [
                    f"{verbs[size][verb].examined:,}, {verbs[size][verb].seconds:.1f} s" for size in sizes
                ]
                for verb in verbs[sizes[0]]
            },
        ),
    ]


def _table(head: str, columns: Sequence[str], rows: Mapping[Any, Sequence[str]]) -> str:
    lines = [[head, *columns], ["---"] * (len(columns) + 1), *([str(key), *row] for key, row in rows.items())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


async def _run(here: Ground, running: Services, load: Load) -> str:
    """Return median latency and CPU time of the requests of *load*."""
    await people(here, load.run, load.count)
    before = costs(here, running)
    outcome = await drive(here, load)
    spent = costs(here, running).since(before, load.count)
    outcome.must_be_whole(load.count)
    return f"{statistics.median(outcome.latencies_ms):.0f} ms, {spent.total:.1f} ms"


def _case_of(right: str, run: str) -> str:
    return request_id(SOURCE, f"{right}-{run}-0", key=derived_key(MASTER_KEY, "request ids"))


async def _cost_of(here: Ground, verb: str, closed: Mapping[str, str]) -> VerbCost:
    """Run *verb* once, with the profiler on."""
    names = {
        **closed,
        "person": address("access-warm", 0),
        "folder": str(here.folder),
        "tomorrow": f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}",
    }
    (here.folder / "people").write_text(names["person"], encoding="utf-8")
    words = verb.format_map(names).split()
    since, began = datetime.now(UTC), time.perf_counter()
    await asyncio.to_thread(_invoke, words)
    seconds = time.perf_counter() - began
    return VerbCost(seconds, (await profiled(here.client, PREFIX, since)).examined)


def _invoke(words: Sequence[str]) -> None:
    """
    Run a verb in this process; one that finds nothing ends with an error of its own.

    Raises:
        RuntimeError: It is no verb.
    """
    code: object = None
    try:
        with redirect_stdout(StringIO()), suppress(ConfigurationError):
            code = app(list(words), standalone_mode=False)
    except SystemExit as ended:
        code = ended.code
    if code not in (None, 0, 1):
        raise RuntimeError(f"habeas {' '.join(words)} ended with {code}")


async def main(sizes: Sequence[int]) -> None:
    """Measure beside *sizes* closed cases, and print the tables."""
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here:
            os.environ |= {**environment(here), "HABEAS_STATE": folder}
            tables = await measure(here, sizes)
    out.print("\n\n".join(tables), soft_wrap=True, markup=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES, help="numbers of closed cases")
    asyncio.run(main(parser.parse_args().sizes))
