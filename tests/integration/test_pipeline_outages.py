"""Two hundred people ask while the broker dies and the wire is cut: none is lost, none is answered twice."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from habeas.client import requests
from habeas.embedded.stack import Stack, StackPart
from shared.contract.events import RequestSubmitted
from tests.integration.pipeline import PORTAL, Pipeline, Somebody, comes_true, insistently, running

REQUESTS = 200
LONG = timedelta(seconds=60)


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with running(parts, tmp_path_factory.mktemp("pipeline")) as pipeline:
        yield pipeline


def crowd(name: str) -> list[Somebody]:
    return [Somebody(f"{name}.{number}@example.net", f"Person {number}") for number in range(REQUESTS)]


def asked(people: Sequence[Somebody]) -> list[bytes]:
    return [
        requests.cloud_event(person.asks("access"), type_=RequestSubmitted.TYPE, source=PORTAL)
        for person in people
    ]


async def registered(pipeline: Pipeline) -> int:
    return len(await pipeline.rows("intake", **{"facts.type": "habeas.request.received.v1"}))


async def closed(pipeline: Pipeline) -> list[dict[str, Any]]:
    return await pipeline.rows("intake", **{"facts.type": "habeas.request.closed.v1"})


async def everybody_is_answered_once(pipeline: Pipeline, people: Sequence[Somebody], before: int) -> None:
    """Wait until all of *people* are, and see that no more than that has happened."""

    async def all_closed() -> bool:
        return len(await closed(pipeline)) >= before + len(people)

    await comes_true(all_closed, LONG)
    assert len(await closed(pipeline)) == before + len(people)
    assert len({row["case"] for row in await closed(pipeline)}) == before + len(people)
    assert await pipeline.handled_twice() == []
    assert not any((await pipeline.parked()).values())
    letters = Counter(
        recipient
        for letter in pipeline.mail.letters()
        for recipient in letter.recipients
        if recipient.split(".")[0] == people[0].email.split(".")[0]
    )
    assert letters == {person.email: 2 for person in people}


async def test_a_broker_that_dies_in_the_middle_loses_and_doubles_nothing(
    stack: Stack, pipeline: Pipeline
) -> None:
    people, before = crowd("broker"), len(await closed(pipeline))
    await stack.broker.settle()
    bodies = asked(people)
    for body in bodies[: REQUESTS // 2]:
        await pipeline.publish(body)

    async def some_are_closed() -> bool:
        return len(await closed(pipeline)) > before

    await comes_true(some_are_closed)
    await stack.kill(StackPart.BROKER)
    await stack.start(StackPart.BROKER)
    for body in bodies[REQUESTS // 2 :]:
        await insistently(pipeline, body)
    await everybody_is_answered_once(pipeline, people, before)


async def test_a_wire_that_is_cut_again_and_again_loses_and_doubles_nothing(
    stack: Stack, pipeline: Pipeline
) -> None:
    people, before = crowd("wire"), len(await closed(pipeline))
    for number, body in enumerate(asked(people)):
        await insistently(pipeline, body)
        if number % 50 == 25:
            await stack.broker.cut_connections()
    await everybody_is_answered_once(pipeline, people, before)
