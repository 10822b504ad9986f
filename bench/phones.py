"""
A telephone number in any spelling: ``python -m bench.phones [NUMBERS]``.

One person is looked up by number among so many others, where the field has an index and where it has none;
beside it, one exact text by the index, as code would that knows how the number is stored.
"""

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from bench.engine import DATABASE, RUNS, UNINDEXED, Spent
from bench.figures import Figure, figure, report
from habeas.embedded.stack import Stack
from services.fulfillment.datamap.reader import parse
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Client, Collection, connect

AT_ONCE = 10_000
FIRST = 30_000_000
MAP = parse(
    {
        "map.yml": f"""
dataset:
  - fides_key: {DATABASE}
    collections:
      - name: callers
        meta: {{habeas: {{erasure: delete, purpose: To call back}}}}
        fields:
          - name: _id
          - name: phone
            data_categories: [user.contact.phone_number]
            fides_meta: {{identity: phone_number}}
"""
    }
)


def stored(number: int) -> str:
    """Return how the telephone number of the caller *number* is spelled in the database."""
    digits = str(FIRST + number)
    return f"+49 (0){digits[:2]} {digits[2:5]}-{digits[5:]}"


async def measure(numbers: int) -> list[Figure]:
    """Return what one look-up among so many *numbers* takes."""
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with Stack(Path(folder) / "stack") as stack:
            client = connect(stack.mongo_url, app_name="habeas-bench")
            try:
                return [one async for one in _figures(client, numbers)]
            finally:
                client.close()


async def _figures(client: Client, numbers: int) -> AsyncIterator[Figure]:
    callers = client[DATABASE]["callers"]
    for start in range(0, numbers, AT_ONCE):
        some = range(start, min(start + AT_ONCE, numbers))
        await callers.insert_many([{"_id": n, "phone": stored(n)} for n in some])
    name = f"a telephone number among {numbers:,}"
    scanned, _ = await _looked_up(client, numbers)
    await callers.create_index("phone")
    ours, exactly = await _looked_up(client, numbers)
    yield figure(f"{name} with an index", ours.clock, "ms", exactly.clock)
    yield figure(f"{name} without an index", scanned.clock, "ms")


async def _looked_up(client: Client, numbers: int) -> tuple[Spent, Spent]:
    """Return what ours takes, and an exact look-up by hand, in turn."""
    stores, ours, exactly = Stores({"default": client}), Spent(), Spent()
    for run in range(RUNS + 1):
        number = (run * 997) % numbers
        await ours.on(_by_us(stores, number))
        await exactly.on(_by_hand(client[DATABASE]["callers"], number))
    for one in (ours, exactly):  # the first of each fills caches and opens connections
        del one.clock[0]
    return ours, exactly


async def _by_us(stores: Stores, number: int) -> None:
    findings = await gather(MAP, stores, {"phone_number": (f"+49{FIRST + number}",)})
    assert findings.total == 1


async def _by_hand(callers: Collection, number: int) -> None:
    found = await callers.find({"phone": stored(number)}).to_list(None)
    assert [one["_id"] for one in found] == [number]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0] if __doc__ else "")
    parser.add_argument("numbers", type=int, nargs="?", default=UNINDEXED)
    report(asyncio.run(measure(parser.parse_args().numbers)))
