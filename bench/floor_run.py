"""Runs the raw floor and times it."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika

from bench.floor import ROW, WORKS, declare
from bench.installation import WITHIN, Ground
from bench.load import CHUNK
from habeas.embedded.parts.process import Command, Process
from shared.errors import TransientError


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


async def drive(here: Ground, work: str, run: str, count: int) -> float:
    """Send *count* requests through the floor of *work*; return the seconds until the last has ended."""
    people = here.client["floor"]["people"]
    await people.insert_many([{"_id": f"{run}-{n}", "row": ROW[:60]} for n in range(count)])
    connection = await aio_pika.connect(here.stack.amqp_url)
    channel = await connection.channel()
    exchange = await declare(channel, work)
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind(exchange, "closed")
    ended, all_ended = set(), asyncio.Event()

    async def note(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        ended.add(message.message_id)
        if len(ended) == count:
            all_ended.set()

    await queue.consume(note, no_ack=True)
    began = time.perf_counter()
    for first in range(0, count, CHUNK):
        some = range(first, min(first + CHUNK, count))
        messages = (
            aio_pika.Message(ROW, message_id=f"{run}-{n}", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            for n in some
        )
        await asyncio.gather(*(exchange.publish(m, "submitted", mandatory=False) for m in messages))
    await asyncio.wait_for(all_ended.wait(), timeout=600)
    seconds = time.perf_counter() - began
    await connection.close()
    return seconds
