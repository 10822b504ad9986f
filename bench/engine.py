"""
The engine beside hand-written code: ``python -m bench.engine``, and a part of ``make bench``.

Each figure stands next to plain motor code that makes the same reads and writes in the same run: it knows
the schema, plans nothing, guards nothing, and signs nothing. Its package is the same data as JSON, as CSV and
as bare tables on a page, in one ZIP.
"""

import asyncio
import csv
import gc
import html
import io
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

from bench.figures import Figure, figure, offer_help, out, report
from habeas.embedded.stack import Stack
from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.erasure.execution import execute, verify
from services.fulfillment.erasure.planner import plan
from services.fulfillment.package.builder import build
from services.fulfillment.package.survey import Contents, Disclosed, PackageSection
from services.fulfillment.search.findings import Findings
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.bootstrap import COLLECT_AFTER
from shared.runtime.mongo import Client, DeleteOne, Document, connect, json_util

RECORDS = (10, 1_000, 10_000)
COLLECTIONS = (5, 20)
WAITING = (1, 100, 1_000)
RUNS = 5
BACKGROUND = 20_000
"""Documents of others in every collection."""
UNINDEXED = 300_000
"""Documents in the collection that has no index."""
DATABASE = "bench_engine"
WRITES = 1_000
TODAY = date(2026, 11, 25)
SIGNER = CertificateSigner(bytes(32))
"""A service derives its key once, when it starts."""


@dataclass(frozen=True, slots=True)
class Company:
    """A database of customers and what refers to them, and its map."""

    client: Client
    stores: Stores
    data_map: DataMap
    """An erasure deletes every record."""
    names: Sequence[str]
    """The collections that refer to customers."""

    def stored(self, name: str) -> Any:
        """Return a collection."""
        return self.client[DATABASE][name]


def _map(names: Sequence[str]) -> str:
    head = f"dataset:\n  - fides_key: {DATABASE}\n    collections:\n"
    meta = "        meta: {habeas: {erasure: delete, purpose: To serve customers}}\n        fields:\n"
    text = f"{head}      - name: customers\n{meta}          - name: _id\n"
    text += (
        "          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}\n"
    )
    refers = f"references: [{{dataset: {DATABASE}, field: customers._id, direction: from}}]"
    for name in names:
        text += f"      - name: {name}\n{meta}          - name: _id\n"
        text += (
            f"          - {{name: customer, data_categories: [user.unique_id], fides_meta: {{{refers}}}}}\n"
        )
        text += "          - {name: text, data_categories: [user.content]}\n"
        text += "          - {name: at}\n          - {name: total}\n"
    return text


def _record(customer: int, number: int) -> Document:
    text = f"What customer {customer} wrote, letter {number}, at some length and to no end."
    return {"customer": customer, "text": text, "at": datetime(2026, 1, 1, tzinfo=UTC), "total": number / 8}


async def _fill(company: Company) -> None:
    for name in company.names:
        await company.stored(name).insert_many([_record(-(n % 997) - 1, n) for n in range(BACKGROUND)])
        await company.stored(name).create_index("customer")
    customers = company.stored("customers")
    await customers.create_index("email", collation={"locale": "en", "strength": 2})


async def _person(company: Company, number: int, records: int) -> str:
    """Add a customer with *records* records; return their address."""
    email = f"customer{number}@example.org"
    await company.stored("customers").insert_one({"_id": number, "email": email})
    for place, name in enumerate(company.names):
        share = [_record(number, n) for n in range(place, records - 1, len(company.names))]
        if share:
            await company.stored(name).insert_many(share)
    return email


async def _read_by_hand(company: Company, email: str) -> dict[str, list[Document]]:
    collation = {"locale": "en", "strength": 2}
    customers = await company.stored("customers").find({"email": email}).collation(collation).to_list(None)
    known = [customer["_id"] for customer in customers]
    parts = await asyncio.gather(
        *(company.stored(name).find({"customer": {"$in": known}}).to_list(None) for name in company.names)
    )
    return {"customers": customers, **dict(zip(company.names, parts, strict=True))}


async def _access_by_hand(company: Company, email: str, file: Path) -> None:
    found = await _read_by_hand(company, email)
    page = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, documents in found.items():
            archive.writestr(f"{name}.json", json_util.dumps(documents))
            rows = [[str(value) for value in document.values()] for document in documents]
            text = io.StringIO()
            csv.writer(text).writerows(rows)
            archive.writestr(f"{name}.csv", text.getvalue())
            cells = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows)
            page += [f"<h2>{name}</h2><table>", *(f"<tr>{row}</tr>" for row in cells), "</table>"]
        archive.writestr("index.html", "\n".join(page))


async def _erase_by_hand(company: Company, email: str) -> None:
    found = await _read_by_hand(company, email)
    for name, documents in found.items():
        for start in range(0, len(documents), WRITES):
            some = [DeleteOne({"_id": document["_id"]}) for document in documents[start : start + WRITES]]
            await company.stored(name).bulk_write(some, ordered=False)
    for name, documents in found.items():
        known = [document["_id"] for document in documents]
        assert not known or await company.stored(name).find({"_id": {"$in": known}}).to_list(None) == []
    assert not any((await _read_by_hand(company, email)).values())


async def _access(company: Company, email: str, file: Path) -> None:
    findings = await gather(company.data_map, company.stores, {"email": (email,)})
    with file.open("wb") as written:
        for piece in build(_contents(company.data_map, findings), signer=SIGNER):
            written.write(piece)


def _contents(data_map: DataMap, findings: Findings) -> Contents:
    parts = [(data_map.by_key[part.key], part.key) for part in findings.coverage]
    return Contents(
        request_id="0" * 32,
        map_version=data_map.version,
        made_at=datetime.now(UTC),
        controller="Example",
        sections=[PackageSection(collection, Disclosed(findings, key)) for collection, key in parts],
    )


async def _erase(company: Company, email: str) -> None:
    identities = {"email": (email,)}
    findings = await gather(company.data_map, company.stores, identities)
    decided = plan(findings, company.data_map, TODAY)
    await execute(decided, company.stores)
    remains = await verify(decided, company.data_map, company.stores, identities)
    assert remains.clean


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds that something took, run by run: by the clock, and of CPU in this process."""

    clock: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    async def on(self, work: Awaitable[None]) -> None:
        """Do *work* and take its time."""
        begun, before = time.perf_counter(), time.process_time()
        await work
        self.clock.append((time.perf_counter() - begun) * 1000)
        self.cpu.append((time.process_time() - before) * 1000)


async def _compared(
    ours: Callable[[str], Awaitable[None]], theirs: Callable[[str], Awaitable[None]], people: Sequence[str]
) -> tuple[Spent, Spent]:
    """Return what each takes, in turn, for half of *people* each."""
    spent = Spent(), Spent()
    for number, email in enumerate(people):
        await spent[number % 2].on((ours, theirs)[number % 2](email))
    for one in spent:  # the first of each fills caches and opens connections
        del one.clock[0], one.cpu[0]
    return spent


async def _one_person(company: Company, folder: Path) -> AsyncIterator[Figure]:
    """Yield what access and erasure of one person cost."""
    file, numbers = folder / "package.zip", count(1)
    for records in RECORDS:
        people = [await _person(company, next(numbers), records) for _ in range(2 * (RUNS + 1))]
        what = f"of {records:,} records in {len(company.names) + 1} collections"
        for name, ours, theirs in (
            ("access", lambda e: _access(company, e, file), lambda e: _access_by_hand(company, e, file)),
            ("erasure", lambda e: _erase(company, e), lambda e: _erase_by_hand(company, e)),
        ):
            mine, floor = await _compared(ours, theirs, people)
            yield figure(f"{name} {what}", mine.clock, "ms", floor.clock)
            yield figure(f"{name} {what}, CPU of the process", mine.cpu, "ms", floor.cpu)
            out.print(f"{name} {what}: {mine.clock[0]:.0f} ms, by hand {floor.clock[0]:.0f} ms")


async def _many_people(company: Company) -> AsyncIterator[Figure]:
    """Yield what it costs to look many people up at once without an index, and by hand in one query."""
    customers = company.stored("customers")
    await customers.drop()
    for start in range(0, UNINDEXED, 10_000):
        await customers.insert_many(
            [{"_id": n, "email": f"Customer{n}@example.org"} for n in range(start, start + 10_000)]
        )
    alone: tuple[Spent, Spent] | None = None
    for waiting in WAITING:
        spent = Spent(), Spent()
        for run in range(RUNS):
            people = [f"customer{(n * 997 + run) % UNINDEXED}@example.org" for n in range(waiting)]
            await spent[0].on(_look_up(company, people))
            await spent[1].on(_look_up_by_hand(company, people))
        alone = alone or spent
        name = f"{waiting:,} people at once in {UNINDEXED:,} documents without an index"
        yield figure(name, spent[0].clock, "ms", alone[0].clock)
        yield figure(f"{name}, one query by hand", spent[1].clock, "ms", alone[1].clock)


async def _look_up(company: Company, people: Sequence[str]) -> None:
    found = await asyncio.gather(
        *(gather(company.data_map, company.stores, {"email": (email,)}) for email in people)
    )
    assert all(findings.total == 1 for findings in found)


async def _look_up_by_hand(company: Company, people: Sequence[str]) -> None:
    asked = company.stored("customers").find({"email": {"$in": people}})
    found = await asked.collation({"locale": "en", "strength": 2}).to_list(None)
    assert len(found) == len(people)


@asynccontextmanager
async def company(stack: Stack, collections: int) -> AsyncIterator[Company]:
    """Fill a company, and drop it afterwards."""
    client = connect(stack.mongo_url, app_name="habeas-bench")
    names = [f"records_{number:02}" for number in range(collections - 1)]
    made = Company(client, Stores({"default": client}), parse({"map.yml": _map(names)}), names)
    try:
        await _fill(made)
        yield made
    finally:
        await client.drop_database(DATABASE)
        client.close()


async def measure() -> list[Figure]:
    """Measure everything."""
    figures: list[Figure] = []
    gc.set_threshold(COLLECT_AFTER, 20, 20)  # as the services do
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with Stack(Path(folder) / "stack") as stack:
            for collections in COLLECTIONS:
                out.print(f"a company with {collections} collections …")
                async with company(stack, collections) as made:
                    figures += [one async for one in _one_person(made, Path(folder))]
            async with company(stack, 1) as made:
                figures += [one async for one in _many_people(made)]
    return figures


if __name__ == "__main__":
    offer_help(__doc__)
    report(asyncio.run(measure()))
