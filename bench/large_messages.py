"""
``python -m bench.large_messages [COUNT]``: the memory of intake beside queued requests of 0.94 MiB each.

Each request has a document, and waits in intake's queue while intake is away; then it starts and registers
them. It ends with 1 if a request is missing.
"""

import argparse
import asyncio
import base64
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson

from bench.figures import out
from bench.installation import Ground, ground, services
from bench.processes import resident_mib
from shared.contract.events import RequestSubmitted
from shared.contract.topology import REQUESTS
from shared.runtime.broker import Bus, Message

COUNT = 1_200
DOCUMENT_BYTES = 720 << 10
"""960 KiB as base64."""
AT_ONCE = 20
LOOK_S = 0.05
WITHIN_S = 600


def messages(count: int) -> Iterator[Message]:
    """Yield *count* requests, each of another person and with a document."""
    content = base64.b64encode(os.urandom(DOCUMENT_BYTES)).decode()
    proof = {"kind": "document", "slot": "identity", "media_type": "image/jpeg", "content": content}
    for number in range(count):
        data = {
            "reference": f"large-{number}",
            "right": "access",
            "subject": {"email": f"person-{number}@example.org", "name": f"Person {number}"},
            "residence": {"country": "DE"},
            "proofs": [proof],
        }
        event = {
            "specversion": "1.0",
            "id": f"large-{number}",
            "source": "shop.example",
            "type": RequestSubmitted.TYPE,
            "time": datetime.now(UTC),
            "data": data,
        }
        yield Message(REQUESTS, RequestSubmitted.TYPE, orjson.dumps(event), f"large-{number}")


async def measure(here: Ground, count: int) -> tuple[float, float, float]:
    """Queue *count* requests and have them registered; return memory before, its peak, and the seconds."""
    await _publish(here, count)
    async with services(here, ("intake",)) as running:
        began, before = time.perf_counter(), resident_mib(running.pids)
        peak = before
        async with asyncio.timeout(WITHIN_S):
            while await _registered(here) < count:
                peak = max(peak, resident_mib(running.pids))
                await asyncio.sleep(LOOK_S)
        return before, peak, time.perf_counter() - began


async def _publish(here: Ground, count: int) -> None:
    bus, some = Bus(here.stack.amqp_url, name="bench"), list[Message]()
    try:
        for message in messages(count):
            some.append(message)
            if len(some) == AT_ONCE:
                await bus.publish(some)
                some = []
        await bus.publish(some)
    finally:
        await bus.close()


async def _registered(here: Ground) -> int:
    return await here.client["habeas_intake"]["journal"].count_documents({"n": 0})


async def _main(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here:
            before, peak, seconds = await measure(here, count)
    mib = len(next(messages(1)).body) / (1 << 20)
    out.print(
        f"{count} requests of {mib:.2f} MiB: {before:.0f} MiB before, {peak:.0f} at most, {seconds:.0f} s"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.large_messages", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=COUNT, help="requests")
    asyncio.run(_main(parser.parse_args().count))
