"""What the whole costs: how fast it is there, what it needs when idle, and what a burst does to it."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bench.flatness import FlatnessLimit, SampleSeries
from habeas.client import requests
from habeas.embedded.stack import Stack
from shared.contract.events import RequestSubmitted
from shared.contract.topology import REQUESTS
from shared.errors import BrokerUnavailable
from shared.runtime.broker import Message
from tests.extent import extent
from tests.integration.pipeline import PORTAL, Pipeline, Somebody, comes_true, running
from tests.waiting import eventually

MOST_RSS_MB = 400
BURST = extent(300, 5_000)
PORTION = 500
"""Requests that wait for one confirmation of the broker."""
ANSWERED_WITHIN = timedelta(seconds=extent(140, 600))
"""Until then the machine may be busy with other work; speed is measured by the benchmarks."""
ROUNDS, IN_ROUND = 12, 25
FLAT = FlatnessLimit(share=0.02, amount=6)
CLOSED = {"facts.type": "habeas.request.closed.v1"}
RECIPIENT = re.compile(rb"^Delivered-To: (\S+)", re.MULTILINE)
MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.MULTILINE | re.IGNORECASE)
SUBJECT = re.compile(rb"^Subject: (.+)$", re.MULTILINE)


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with running(parts, tmp_path_factory.mktemp("pipeline")) as pipeline:
        yield pipeline


@pytest.fixture(scope="module")
def caught(pipeline: Pipeline) -> Iterator[Path]:
    """The folder of letters, without the thousands of this module afterwards."""
    yield pipeline.mail.folder
    for path in letters_of_the_burst(pipeline.mail.folder):
        path.unlink()


def erasures_of(people: Sequence[Somebody], name: str) -> list[Message]:
    """Return the requests of *people* for erasure; *name* tells their ids from those of others."""
    asked = [person.asks("erasure") for person in people]
    bodies = [requests.cloud_event(one, type_=RequestSubmitted.TYPE, source=PORTAL) for one in asked]
    return [Message(REQUESTS, RequestSubmitted.TYPE, body, f"{name}-{n}") for n, body in enumerate(bodies)]


async def publish(pipeline: Pipeline, messages: list[Message]) -> None:
    """Publish *messages*, again under the same ids if a busy broker has not confirmed them in time."""

    async def confirmed() -> bool:
        try:
            await pipeline.bus.publish(messages)
        except BrokerUnavailable:
            return False
        return True

    await comes_true(confirmed, ANSWERED_WITHIN)


def letters_of_the_burst(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.eml") if b"@burst.example" in path.read_bytes()[:500]]


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (kilobytes,) = re.findall(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    return int(kilobytes) / 1024


async def test_all_services_in_one_process_are_small_when_idle(pipeline: Pipeline) -> None:
    await pipeline.stop()
    await pipeline.start()
    assert pipeline.process is not None
    person = (await pipeline.people())[0]
    asked = person.asks("access")
    await pipeline.send(asked)
    await pipeline.closed(await pipeline.id_of(asked))
    assert resident_mb(pipeline.process.pid) < MOST_RSS_MB


async def test_memory_stays_flat_under_steady_load(pipeline: Pipeline) -> None:
    """A short form of ``make soak``: what a request left in memory would add up in each round."""
    assert pipeline.process is not None
    journal, sizes = pipeline.client[f"{pipeline.prefix}_intake"]["journal"], list[float]()
    for number in range(ROUNDS):
        before = await journal.count_documents(CLOSED)
        people = [Somebody(f"s{number}-{n}@steady.example", f"Person {n}") for n in range(IN_ROUND)]
        await publish(pipeline, erasures_of(people, f"steady-{number}"))

        async def closed(before: int = before) -> bool:
            return await journal.count_documents(CLOSED) >= before + IN_ROUND

        await comes_true(closed, ANSWERED_WITHIN)
        sizes.append(resident_mb(pipeline.process.pid))
    series = SampleSeries("all services", "MiB", sizes, FLAT)
    assert series.flat, series.row()


@pytest.mark.campaign
@pytest.mark.timeout(2 * ANSWERED_WITHIN.total_seconds())
async def test_many_requests_at_once_are_each_answered_once(pipeline: Pipeline, caught: Path) -> None:
    people = [Somebody(f"p{number}@burst.example", f"Person {number}") for number in range(BURST)]
    messages = erasures_of(people, "burst")
    journal = pipeline.client[f"{pipeline.prefix}_intake"]["journal"]
    before = await journal.count_documents(CLOSED)
    for start in range(0, BURST, PORTION):
        await publish(pipeline, messages[start : start + PORTION])

    async def all_closed() -> bool:
        return await journal.count_documents(CLOSED) >= before + BURST

    await comes_true(all_closed, ANSWERED_WITHIN)
    assert await journal.count_documents(CLOSED) == before + BURST
    assert len(await journal.distinct("case", CLOSED)) == before + BURST
    assert await pipeline.handled_twice() == []
    assert not any((await pipeline.parked()).values())
    # What a driver warns of under load is a channel that the broker closed: harmless once, slow for ever.
    assert b"a library warns" not in pipeline.log.read_bytes()
    await eventually(lambda: len(letters_of_the_burst(caught)) >= 2 * BURST)
    heads = [path.read_bytes()[:4_000] for path in letters_of_the_burst(caught)]
    letters = Counter(RECIPIENT.findall(head)[0].decode() for head in heads)
    assert letters == {person.email: 2 for person in people}
    assert len({MESSAGE_ID.findall(head)[0] for head in heads}) == 2 * BURST
    assert sorted(Counter(SUBJECT.findall(head)[0] for head in heads).values()) == [BURST, BURST]
