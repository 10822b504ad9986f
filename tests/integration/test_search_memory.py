"""
A person with very many records is searched in little memory, however the records are spread.

Each search runs in a process of its own, which tells how much it has grown by.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.fulfillment.datamap.reader import parse
from services.fulfillment.search.engine import RecordEngine
from services.fulfillment.search.search_memory import SearchMemory
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Client, Document, ObjectId

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="this system does not tell what a process has needed"
)
RECORDS = 100_000
AT_ONCE = 10_000
MOST_GROWTH_MIB = 48
"""It is 35 at most; with a budget for each shelf 107, with all values of a wave at once 123."""
SEARCH = """
import asyncio, re, sys
from pathlib import Path
from services.fulfillment.datamap.reader import parse
from services.fulfillment.stores.mongodb import Stores
from services.fulfillment.search.walk import gather

def peak():
    # Not `ru_maxrss`: that begins with what the parent needed.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024

async def main():
    url, prefix, text = sys.argv[1:]
    stores = Stores.connect({"default": url}, database_prefix=prefix)
    data_map, before = parse({"map.yml": text}), peak()
    findings = await gather(data_map, stores, {"email": ("kim@example.org",)})
    assert sum(found.owned for found in findings.found) == findings.total
    print(findings.total, peak() - before)

asyncio.run(main())
"""


def map_of(*collections: tuple[str, str]) -> str:
    """Return the map of a database ``desk``: users, and collections whose ``of`` refers to a field."""
    lines = ["dataset:", "  - fides_key: desk", "    collections:", "      - name: users", "        fields:"]
    lines += ["          - name: _id"]
    lines += [
        "          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }"
    ]
    for name, field in collections:
        said = f"{{ references: [{{ dataset: desk, field: {field}, direction: from }}] }}"
        lines += [f"      - name: {name}", "        fields:", "          - name: _id"]
        lines += [f"          - {{ name: of, fides_meta: {said} }}"]
    return "\n".join(lines)


async def searched(mongo_url: str, prefix: str, data_map: str) -> tuple[int, int]:
    """Return how many records a search finds, and how many MiB its process has grown by."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SEARCH, mongo_url, prefix, data_map, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    total, grown = map(int, told.split())
    return total, grown


async def fill(client: Client, prefix: str, name: str, documents: Sequence[Document]) -> None:
    stored = client[prefix + "desk"][name]
    await stored.create_index("of")
    for start in range(0, len(documents), AT_ONCE):
        await stored.insert_many(documents[start : start + AT_ONCE])


@pytest.mark.parametrize("collections", [1, 20])
async def test_records_in_many_collections_need_no_more_memory_than_in_one(
    mongo_client: Client, mongo_url: str, database_prefix: str, collections: int
) -> None:
    names = [f"notes_{number}" for number in range(collections)]
    await fill(mongo_client, database_prefix, "users", [{"_id": 1, "email": "kim@example.org"}])
    for name in names:
        notes = [{"_id": n, "of": 1, "text": f"note {n} " + "x" * 150} for n in range(RECORDS // collections)]
        await fill(mongo_client, database_prefix, name, notes)
    data_map = map_of(*((name, "users._id") for name in names))
    total, grown = await searched(mongo_url, database_prefix, data_map)
    assert total == RECORDS + 1
    assert grown < MOST_GROWTH_MIB


async def test_records_that_each_lead_on_are_looked_up_in_portions(
    mongo_client: Client, mongo_url: str, database_prefix: str
) -> None:
    numbers = [ObjectId() for _ in range(RECORDS // 2)]
    await fill(mongo_client, database_prefix, "users", [{"_id": 1, "email": "kim@example.org"}])
    await fill(mongo_client, database_prefix, "orders", [{"_id": n, "of": 1} for n in numbers])
    await fill(mongo_client, database_prefix, "items", [{"of": n, "text": "x" * 100} for n in numbers])
    data_map = map_of(("orders", "users._id"), ("items", "orders._id"))
    total, grown = await searched(mongo_url, database_prefix, data_map)
    assert total == RECORDS + 1
    assert grown < MOST_GROWTH_MIB


async def test_large_searches_of_many_handlers_wait_for_the_memory_that_they_share(
    mongo_client: Client, database_prefix: str
) -> None:
    people = range(12)
    users = [{"_id": number, "email": f"person{number}@example.org"} for number in people]
    await fill(mongo_client, database_prefix, "users", users)
    notes = [{"of": number, "text": "x" * 150} for number in people for _ in range(300)]
    await fill(mongo_client, database_prefix, "notes", notes)
    memory, together, most = SearchMemory(3 << 20), 0, 0
    stores = Stores({"default": mongo_client}, database_prefix=database_prefix)
    engine, data_map = RecordEngine(stores, memory=memory), parse({"map.yml": map_of(("notes", "users._id"))})

    async def handle(number: int) -> int:
        nonlocal together, most
        records = engine.for_handler()
        findings = await records.gather(data_map, {"email": (f"person{number}@example.org",)})
        together += 1
        most = max(most, together)
        await asyncio.sleep(0.01)
        together -= 1
        records.release()
        return findings.total

    assert await asyncio.gather(*map(handle, people)) == [301] * len(people)
    assert most == 1
    assert memory.used == 0
