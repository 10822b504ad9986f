"""Runs the raw floor and times it."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aio_pika

from bench.floor import ROW, WORKS, declare
from bench.installation import WITHIN, Ground
from bench.load import CHUNK
from habeas.embedded.parts.process import Command, Process
from shared.errors import TransientError


@dataclass(frozen=True, slots=True)
class FloorOutcome:
    """The result of a run of the floor."""

    seconds: float
    latencies_ms: Sequence[float]
    """From the moment a request is due to its end; sorted."""


@asynccontextmanager
async def shares(here: Ground, work: str) -> AsyncIterator[list[Process]]:
    """Start one process per service of the floor of *work*."""
    settings = {
        **os.environ,
        "HABEAS_AMQP_URL": here.stack.amqp_url,
        "HABEAS_MONGO_URL": here.stack.mongo_url,
    }
    processes = []
    for name in WORKS[work]:
        log = here.folder / f"floor.{name}.log"
        log.unlink(missing_ok=True)
        command = Command((sys.executable, "-m", "bench.floor", work, name), Path.cwd(), log, settings)
        processes.append(await Process.start(command))
    try:
        for process in processes:
            await process.until(lambda process=process: _ready(process), WITHIN)  # type: ignore[misc]
        yield processes
    finally:
        await asyncio.gather(*(process.kill() for process in processes))


async def _ready(process: Process) -> None:
    if "ready" not in process.last_words():
        raise TransientError("not ready")


async def drive(here: Ground, work: str, run: str, count: int, *, rate: float | None = None) -> FloorOutcome:
    """
    Send *count* requests through the floor of *work*, and await the end of each.

    Args:
        here: Broker and database.
        work: The right.
        run: Makes the ids of these requests unlike any other's.
        count: Number of requests.
        rate: Requests per second, evenly spaced; as fast as they are confirmed when None.
    """
    people = here.client["floor"]["people"]
    await people.insert_many([{"_id": f"{run}-{n}", "row": ROW[:60]} for n in range(count)])
    connection = await aio_pika.connect(here.stack.amqp_url)
    channel = await connection.channel()
    exchange = await declare(channel, work)
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind(exchange, "closed")
    ended, all_ended = dict[str, float](), asyncio.Event()

    async def note(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        ended.setdefault(message.message_id or "", time.perf_counter())
        if len(ended) == count:
            all_ended.set()

    async def publish(n: int) -> None:
        message = aio_pika.Message(
            ROW, message_id=f"{run}-{n}", delivery_mode=aio_pika.DeliveryMode.PERSISTENT
        )
        await exchange.publish(message, "submitted", mandatory=False)

    await queue.consume(note, no_ack=True)
    began = time.perf_counter()
    due = {f"{run}-{n}": began + (n / rate if rate else 0) for n in range(count)}
    if rate is None:
        for first in range(0, count, CHUNK):
            await asyncio.gather(*map(publish, range(first, min(first + CHUNK, count))))
    else:
        async with asyncio.TaskGroup() as group:
            for n, at in enumerate(due.values()):
                await asyncio.sleep(max(0.0, at - time.perf_counter()))
                group.create_task(publish(n))
    await asyncio.wait_for(all_ended.wait(), timeout=600)
    seconds = time.perf_counter() - began
    await connection.close()
    return FloorOutcome(seconds, sorted(1000 * (ended[name] - at) for name, at in due.items()))
