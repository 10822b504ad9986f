"""
``python -m bench.backlog [COUNT]``: the memory of broker and service beside a million queued messages.

The messages report letters, a case each, and wait in intake's queue while intake is away; then it starts and
works them off. It ends with 1 if a message is lost, or if memory grows with the number of messages: if a peak
of the broker or of intake is more than the limit above its size after the first tenth.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aio_pika

from bench.figures import out
from bench.installation import Ground, Services, ground, services
from bench.processes import resident_mib
from shared.contract.envelope import encode
from shared.contract.events import NoticeSent
from shared.runtime.broker import Bus, Message
from shared.vocabulary import LetterKind

COUNT = 1_000_000
AT_ONCE = 1_000
LOOK_S = 0.5
LIMIT_MIB = 128
WAL_MIB = 1_024
"""Of the broker: entries of its write-ahead log stay in memory until a file of 512 MiB is full and stored."""
QUEUE = "intake"


@dataclass(slots=True)
class MemoryStage:
    """The memory of a process in MiB while messages come or go."""

    name: str
    before: float
    tenth: float = 0.0
    """Once a tenth of the messages is through."""
    peak: float = 0.0
    seconds: float = 0.0
    tenths: int = 0
    """The last tenth of the messages that was printed."""

    @property
    def bounded(self) -> bool:
        """Whether the peak does not depend on the number of messages."""
        limit = WAL_MIB if self.name.startswith("broker") else LIMIT_MIB
        return self.peak <= max(self.before, self.tenth) + limit

    def note(self, size: float, share: float) -> None:
        """Note the *size* when a *share* of the messages is through."""
        self.peak = max(self.peak, size)
        if int(share * 10) > self.tenths:
            self.tenths = int(share * 10)
            out.print(f"{self.name}: {share:.0%}, {size:.0f} MiB")
        if share <= 0.1:
            self.tenth = max(self.tenth, size)

    def row(self, count: int) -> str:
        """Return a line of the table."""
        numbers = f"{self.before:.0f} | {self.tenth:.0f} | {self.peak:.0f}"
        verdict = "bounded" if self.bounded else "GROWS"
        return f"| {self.name} | {numbers} | {count / self.seconds:,.0f} | {verdict} |"


def messages(count: int) -> Iterator[list[Message]]:
    """Yield *count* messages, some at a time."""
    now = datetime.now(UTC)
    for first in range(0, count, AT_ONCE):
        yield [_message(number, now) for number in range(first, min(first + AT_ONCE, count))]


def _message(number: int, now: datetime) -> Message:
    fact = NoticeSent(request_id=f"{number:032x}", letter=LetterKind.EXTENSION)
    id_ = f"backlog-{number}"
    body = encode(fact, id=id_, source="habeas/notifier", time=now)
    return Message(fact.EXCHANGE, fact.TYPE, body, id_, mandatory=True)


async def measure(here: Ground, count: int) -> list[MemoryStage]:
    """Queue *count* messages, work them off, and return the memory of both stages."""
    broker = here.parts["broker"]
    filling = MemoryStage("broker, messages arrive", resident_mib([broker]))
    began = time.perf_counter()
    await _publish(here, count, filling, lambda: resident_mib([broker]))
    filling.seconds = time.perf_counter() - began
    if (queued := await _queued(here)) != count:
        raise SystemExit(f"bench: {queued:,} of {count:,} messages are in the queue")
    began = time.perf_counter()
    async with services(here, (QUEUE,)) as running:
        draining = [
            MemoryStage("broker, messages leave", resident_mib([broker])),
            MemoryStage("intake, messages are handled", resident_mib(running.pids)),
        ]
        await _until_empty(here, running, count, draining)
    for stage in draining:
        stage.seconds = time.perf_counter() - began
    await _must_be_noted(here, count)
    return [filling, *draining]


async def _publish(here: Ground, count: int, stage: MemoryStage, size: Callable[[], float]) -> None:
    bus, done = Bus(here.stack.amqp_url, name="bench"), 0
    try:
        for some in messages(count):
            await bus.publish(some)
            done += len(some)
            stage.note(size(), done / count)
    finally:
        await bus.close()


async def _until_empty(here: Ground, running: Services, count: int, stages: Sequence[MemoryStage]) -> None:
    pids = ([here.parts["broker"]], running.pids)
    while left := await _noted_left(here, count):
        for stage, own in zip(stages, pids, strict=True):
            stage.note(resident_mib(own), 1 - left / count)
        await asyncio.sleep(LOOK_S)


async def _noted_left(here: Ground, count: int) -> int:
    notes = await here.client["habeas_intake"]["notes"].estimated_document_count()
    return max(0, count - notes)


async def _queued(here: Ground) -> int:
    connection = await aio_pika.connect(here.stack.amqp_url)
    async with connection:
        queue = await (await connection.channel()).declare_queue(QUEUE, passive=True)
        return queue.declaration_result.message_count or 0


async def _must_be_noted(here: Ground, count: int) -> None:
    """Raise SystemExit unless each message was noted once, and none is queued."""
    noted, queued = await here.client["habeas_intake"]["notes"].count_documents({}), await _queued(here)
    if (noted, queued) != (count, 0):
        raise SystemExit(f"bench: {noted:,} of {count:,} messages were noted, {queued:,} are queued")


def table(stages: Sequence[MemoryStage], count: int) -> str:
    """Return the table of ``docs/performance.md``, in MiB."""
    head = "| process | before | a tenth is through | peak | messages a second | |\n|---|---|---|---|---|---|"
    return "\n".join([head, *(stage.row(count) for stage in stages)])


async def _main(count: int) -> int:
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here:
            stages = await measure(here, count)
    out.print(table(stages, count), markup=False)
    return 0 if all(stage.bounded for stage in stages) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.backlog", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=COUNT, help="messages")
    raise SystemExit(asyncio.run(_main(parser.parse_args().count)))
