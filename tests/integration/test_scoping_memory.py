"""
A breach of very many records is scoped in little memory, and a replica that is killed is gone on from.

The replica runs in a process of its own, which tells how much memory it has needed.
"""

import asyncio
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from services.fulfillment.datamap.reader import parse
from shared.contract.affected_people import MOST_IN_BATCH
from shared.contract.events.breaches import BreachScoped
from shared.runtime.mongo import Client, Document
from tests.integration.pipeline import comes_true
from tests.integration.scope_fixture import Installation, by_address, declared

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="this system does not tell what a process has needed"
)
PEOPLE, RECORDS, ORDERS = 40_000, 60_000, 40_000
AT_ONCE = 10_000
MOST_MIB = 250
MAP = """
dataset:
  - fides_key: shop
    collections:
      - name: people
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: name, data_categories: [user.name] }
          - { name: country, data_categories: [user.contact.address.country] }
      - name: orders
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: buyer_no
            fides_meta: { references: [{ dataset: shop, field: people._id, direction: from }] }
          - { name: goods, data_categories: [user.behavior.purchase_history] }
"""
REPLICA = """
import asyncio, re, sys
from pathlib import Path
from services.fulfillment.datamap.reader import parse
from shared.runtime.mongo import connect
from tests.integration.scope_fixture import Installation

async def main():
    url, prefix, text, later = sys.argv[1:]
    installed = Installation(connect(url, app_name="replica"), prefix, parse({"map.yml": text}))
    if later:
        installed.later()
    assert await installed.replica().work()
    # Not `ru_maxrss`: that begins with what the parent needed.
    peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024
    [told] = installed.told.values()
    print(f"{peak} {told.model_dump_json()}", file=sys.stderr)

asyncio.run(main())
"""


async def fill(client: Client, prefix: str) -> None:
    people: list[Document] = [
        {"_id": n, "email": f"p{n % PEOPLE}@example.org", "name": f"P {n % PEOPLE}", "country": "DE"}
        for n in range(RECORDS)
    ]
    orders: list[Document] = [{"_id": n, "buyer_no": n, "goods": "g"} for n in range(ORDERS)]
    for name, documents in (("people", people), ("orders", orders)):
        for start in range(0, len(documents), AT_ONCE):
            await client[f"{prefix}shop"][name].insert_many(documents[start : start + AT_ONCE])


async def replica(mongo_url: str, prefix: str, *, later: bool) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", REPLICA, mongo_url, prefix, MAP, "later" if later else "",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.timeout(300)
async def test_a_hundred_thousand_records_are_scoped_in_little_memory_though_a_replica_is_killed(
    mongo_client: Client, mongo_url: str, database_prefix: str
) -> None:
    installed = Installation(mongo_client, database_prefix, parse({"map.yml": MAP}))
    await fill(mongo_client, database_prefix)
    await installed.scopes.prepare()
    await installed.register(declared(collections=[{"collection": "people"}, {"collection": "orders"}]))
    first = await replica(mongo_url, database_prefix, later=False)

    async def begun() -> bool:
        return bool(await installed.people.estimated_document_count() > PEOPLE // 8)

    await comes_true(begun, timedelta(seconds=60))
    first.send_signal(signal.SIGKILL)
    await first.wait()
    # The lease is longer than a minute, for which the server keeps what a dead client has begun.
    await mongo_client.admin.command("killAllSessions", [])

    second = await replica(mongo_url, database_prefix, later=True)
    _, told = await second.communicate()
    assert second.returncode == 0, told.decode()
    peak, _, fact = told.decode().strip().splitlines()[-1].partition(" ")
    assert int(peak) < MOST_MIB
    installed.told["from the replica"] = scoped = BreachScoped.model_validate_json(fact)
    assert scoped.records == RECORDS + ORDERS
    assert [(group.place, group.people, group.unreachable) for group in scoped.groups] == [("DE", PEOPLE, 0)]
    assert scoped.chunks == -(-PEOPLE // MOST_IN_BATCH)
    batches = await installed.batches()
    assert [len(batch.people) for batch in batches] == [MOST_IN_BATCH] * (scoped.chunks - 1) + [
        PEOPLE % MOST_IN_BATCH or MOST_IN_BATCH
    ]
    written = by_address([person for batch in batches for person in batch.people])
    assert set(written) == {f"p{n}@example.org" for n in range(PEOPLE)}
    bought = [one for one in written.values() if "user.behavior.purchase_history" in one.categories]
    assert len(bought) == ORDERS
