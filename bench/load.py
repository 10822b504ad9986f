"""The load: submissions published with confirms, and a listener that sees each request end."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aio_pika
import orjson
from aio_pika.abc import AbstractIncomingMessage

from bench.installation import MASTER_KEY, SOURCE, Ground
from services.intake.domain import request_id
from shared.contract.events import RequestClosed, RequestSubmitted
from shared.contract.topology import EVENTS, REQUESTS
from shared.runtime.broker import Bus, Message
from shared.runtime.key_rings import derived_key

CHUNK = 500


def submissions(right: str, run: str, count: int) -> list[Message]:
    """Return *count* requests of people who exist, each with an e-mail address of its own in this run."""
    now = datetime.now(UTC)
    return [
        Message(REQUESTS, RequestSubmitted.TYPE, orjson.dumps(_event(right, run, n, now)), f"{run}-{n}")
        for n in range(count)
    ]


def _event(right: str, run: str, n: int, now: datetime) -> dict[str, object]:
    subject = {"email": address(run, n), "name": f"Person {n}"}
    data = {"reference": f"{run}-{n}", "right": right, "subject": subject, "residence": {"country": "DE"}}
    return {
        "specversion": "1.0",
        "id": f"{run}-{n}",
        "source": SOURCE,
        "type": RequestSubmitted.TYPE,
        "time": now,
        "data": data,
    }


def address(run: str, n: int) -> str:
    """Return where one person of *run* is written to: who asked in another run asks for nothing twice."""
    return f"person{n}-{run}@example.org"


async def people(here: Ground, run: str, count: int) -> None:
    """Fill the business store with one record for each person of *run*."""
    users = here.client["shop"]["users"]
    await users.create_index("email", name="email_caseless", collation={"locale": "en", "strength": 2})
    await users.delete_many({})
    for first in range(0, count, 5_000):
        some = range(first, min(first + 5_000, count))
        await users.insert_many([{"_id": n, "email": address(run, n), "name": f"Person {n}"} for n in some])


@dataclass(slots=True)
class Listener:
    """Notes when each request ended."""

    expected: frozenset[str]
    ended: dict[str, float] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    twice: int = 0
    all_ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def note(self, message: AbstractIncomingMessage) -> None:
        """Note the end of one request; the same event again is a repetition, which consumers recognise."""
        event = orjson.loads(message.body)
        case = event["correlationid"]
        if case in self.ended:
            self.twice += event["id"] != self.ids[case]
        elif case in self.expected:
            self.ids[case] = event["id"]
            self.ended[case] = time.perf_counter()
            if len(self.ended) == len(self.expected):
                self.all_ended.set()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    seconds: float
    ended: int
    twice: int
    latencies_ms: Sequence[float]
    """From the moment a submission is due, or handed to the publisher, to its request's end; sorted."""

    def must_be_whole(self, expected: int) -> None:
        """
        Accept a run in which each of *expected* requests ended once.

        Raises:
            SystemExit: One did not end, or ended twice.
        """
        if self.ended != expected or self.twice:
            missing = expected - self.ended
            raise SystemExit(f"bench: {missing} of {expected} requests did not end, {self.twice} ended twice")


@dataclass(frozen=True, slots=True)
class Load:
    """What is submitted."""

    right: str
    run: str
    """Makes the references of this load unlike any other's."""
    count: int
    rate: float | None = None
    """Submissions per second, evenly spaced; as fast as they are confirmed when None."""


async def drive(here: Ground, load: Load, *, within_s: float = 300) -> Outcome:
    """Publish *load* and await the end of every request."""
    right, run, count, rate = load.right, load.run, load.count, load.rate
    messages = submissions(right, run, count)
    key = derived_key(MASTER_KEY, "request ids")
    cases = [request_id(SOURCE, f"{run}-{n}", key=key) for n in range(count)]
    listener, bus = Listener(frozenset(cases)), Bus(here.stack.amqp_url, name="bench")
    connection = await aio_pika.connect(here.stack.amqp_url)
    channel = await connection.channel()
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind(EVENTS, RequestClosed.TYPE)
    await queue.consume(listener.note, no_ack=True)
    await bus.publish([])
    try:
        began = time.perf_counter()
        handed = await _publish(bus, messages, rate)
        async with asyncio.timeout(within_s):
            await listener.all_ended.wait()
    except TimeoutError:
        pass
    finally:
        await bus.close()
        await connection.close()
    last = max(listener.ended.values(), default=began)
    latencies = sorted(
        (listener.ended[case] - at) * 1000
        for case, at in zip(cases, handed, strict=False)
        if case in listener.ended
    )
    return Outcome(last - began, len(listener.ended), listener.twice, latencies)


async def _publish(bus: Bus, messages: Sequence[Message], rate: float | None) -> list[float]:
    """Publish *messages*; return the moment when each was due, or handed over where there is no rate."""
    handed: list[float] = []
    began = time.perf_counter()
    while len(handed) < len(messages):
        elapsed = time.perf_counter() - began
        due = CHUNK if rate is None else int(elapsed * rate) + 1 - len(handed)
        if rate is not None and due <= 0:
            await asyncio.sleep(len(handed) / rate - elapsed)
            continue
        some = messages[len(handed) : len(handed) + min(due, CHUNK)]
        first = len(handed)
        handed += [began + (elapsed if rate is None else (first + n) / rate) for n in range(len(some))]
        await bus.publish(some)
    return handed
