"""Two hundred people ask while the broker dies and the wire is cut: none is lost, none is answered twice."""

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aio_pika
import pytest
import pytest_asyncio

from habeas.client import accounts, requests
from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.parts.process import Command
from habeas.embedded.stack import Stack, StackPart
from shared.contract import topology
from shared.contract.events import IdentityVerified, RequestSubmitted
from shared.runtime.accounts import definitions
from shared.runtime.broker import declare
from shared.runtime.broker.publisher import CONFIRM_WITHIN_S
from shared.runtime.http_limits import MOST_OF_ONE_CLIENT
from tests.integration.forked_processes import started
from tests.integration.pipeline import (
    PORTAL,
    STOP_WITHIN,
    Pipeline,
    Somebody,
    comes_true,
    command,
    running,
)
from tests.waiting import eventually

REQUESTS = 200
LONG = timedelta(seconds=150)


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

    def all_have_two_letters() -> bool:
        letters = Counter(
            recipient
            for letter in pipeline.mail.letters()
            for recipient in letter.recipients
            if recipient.split(".")[0] == people[0].email.split(".")[0]
        )
        assert letters == {person.email: 2 for person in people}
        return True

    await eventually(all_have_two_letters)


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
        await pipeline.publish(body)
    await everybody_is_answered_once(pipeline, people, before)


async def lose_broker_data(stack: Stack, pipeline: Pipeline) -> list[str]:
    """Destroy the broker's data, and declare accounts and topology anew; return the queues that were made."""
    await stack.kill(StackPart.BROKER)
    shutil.rmtree(stack.broker.folder / "data")
    await stack.start(StackPart.BROKER)
    name = accounts.vhost_of(pipeline.amqp_url)
    await stack.broker.add_vhost(name)
    users = accounts.users_in(Path(pipeline.settings["HABEAS_CREDENTIALS"]))
    await stack.broker.define(definitions(users, name))
    return await declare(pipeline.amqp_url)


async def stand_still(pipeline: Pipeline, asked: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Have requests verified that fulfillment never hears of; return case by reference."""
    connection = await aio_pika.connect(pipeline.amqp_url)
    async with connection, connection.channel() as channel:
        queue = await channel.get_queue("fulfillment", ensure=False)
        await queue.unbind(topology.EVENTS, IdentityVerified.TYPE)
    for submission in asked.values():
        await pipeline.send(submission)
    cases = {reference: await pipeline.id_of(submission) for reference, submission in asked.items()}
    for case in cases.values():
        await pipeline.until_it_is("verified", case)
    return cases


async def test_requests_that_the_broker_lost_end_as_they_would_have(stack: Stack, pipeline: Pipeline) -> None:
    leaving = (await pipeline.people())[2:7]
    staying = crowd("lost")[: 20 - len(leaving)]
    before = len(await closed(pipeline))
    wanted = [person.asks("erasure") for person in leaving] + [person.asks("access") for person in staying]
    cases = await stand_still(pipeline, {submission["reference"]: submission for submission in wanted})
    lost = {"service": "fulfillment", "type": IdentityVerified.TYPE, "publisher": "verifier", "facts": 20}

    async def others_have_handled_all() -> bool:
        (_, shown, _) = await command(pipeline, "republish", "--dry-run", "--json")
        return bool(json.loads(shown)["unhandled"] == [lost])

    await comes_true(others_have_handled_all, LONG)
    assert set(await lose_broker_data(stack, pipeline)) == {queue.name for queue in topology.queues()}

    (code, shown, _) = await command(pipeline, "republish", "--dry-run", "--json")
    assert (code, json.loads(shown)["unhandled"], json.loads(shown)["cases"]) == (0, [lost], 20)
    assert {(await pipeline.page(case))["status"] for case in cases.values()} == {"verified"}
    async with pipeline.listening() as heard:
        (code, said, _) = await command(pipeline, "republish")
        assert (code, said.splitlines()[-1]) == (0, "20 facts of 20 cases published again")
        for case in cases.values():
            assert (await pipeline.closed(case, LONG))["outcome"] != "refused"
        for case in cases.values():
            await eventually(partial(heard.of, case, "request.closed"))
            assert len(heard.of(case, "request.fulfilled")) == 1
    assert len(await closed(pipeline)) == before + 20
    assert await pipeline.handled_twice() == []
    for person in leaving:
        assert await pipeline.mentions(person.email) == {}

    def all_have_two_letters() -> bool:
        letters = Counter(len(pipeline.letters_to(person)) for person in (*leaving, *staying))
        assert letters == {2: 20}
        return True

    await eventually(all_have_two_letters)
    assert not any((await pipeline.parked()).values())

    async def all_is_handled() -> bool:
        (_, shown, _) = await command(pipeline, "republish", "--dry-run", "--json")
        return bool(json.loads(shown)["unhandled"] == [])

    await comes_true(all_is_handled, LONG)


async def test_upkeep_has_a_request_that_stands_still_go_on(pipeline: Pipeline, tmp_path: Path) -> None:
    asked = Somebody("still@example.net", "Person").asks("access")
    [case] = (await stand_still(pipeline, {"": asked})).values()
    await declare(pipeline.amqp_url)  # binds the queue again
    port = free_port()
    own = {"HABEAS_AMQP_URL": pipeline.amqp_url, "HABEAS_OPS_PORT": str(port), "HABEAS_STALLED_AFTER": "PT0S"}
    verb = ("upkeep", "--heads", str(tmp_path))
    upkeep = Command(verb, Path.cwd(), tmp_path / "upkeep.log", pipeline.environment | own)
    process = await started("habeas", upkeep)
    try:
        await pipeline.closed(case, LONG)

        async def counted() -> str:
            metrics = (await pipeline.http.get(f"http://{HOST}:{port}/metrics")).text
            return metrics if 'republished_total{service="fulfillment"} 1.0' in metrics else ""

        metrics: str = await eventually(counted)
        answers = {
            path: (await pipeline.http.get(f"http://{HOST}:{port}/{path}")).text
            for path in ("livez", "readyz")
        }
        await comes_true(partial(cuts_a_connection_too_many, port))
    finally:
        await process.stop(STOP_WITHIN)
    assert answers["livez"] == "alive\n"
    assert json.loads(answers["readyz"]) == {"broker": "ok", "database": "ok"}
    assert 'habeas_facts_republished_total{service="fulfillment"} 1.0' in metrics
    assert 'habeas_cases_stalled{service="fulfillment"}' in metrics
    assert "facts published again" in (tmp_path / "upkeep.log").read_text(encoding="utf-8")


async def cuts_a_connection_too_many(port: int) -> bool:
    """Return whether *port* closes the last connection of a client, one too many, before the idle first."""
    streams = [await asyncio.open_connection(HOST, port) for _ in range(MOST_OF_ONE_CLIENT + 1)]
    idle, too_many = (asyncio.create_task(_is_closed(streams[place][0])) for place in (0, -1))
    try:
        await asyncio.wait((idle, too_many), return_when=asyncio.FIRST_COMPLETED)
        return too_many.done() and not idle.done()
    finally:
        for _, writer in streams:
            writer.close()
        await asyncio.gather(idle, too_many)


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        return not await reader.read()
    except ConnectionError:
        return True


async def test_a_wire_that_is_cut_again_and_again_loses_and_doubles_nothing(
    stack: Stack, pipeline: Pipeline
) -> None:
    people, before = crowd("wire"), len(await closed(pipeline))
    for number, body in enumerate(asked(people)):
        await pipeline.publish(body)
        if number % 50 == 25:
            await stack.broker.cut_connections()
    await everybody_is_answered_once(pipeline, people, before)


async def test_blocked_broker_delays_no_answer_over_http(stack: Stack, pipeline: Pipeline) -> None:
    kim = Somebody("alarm.1@example.net", "Person 1")
    await stack.broker._evaluate('rabbit_disk_monitor:set_disk_free_limit("1PB").')

    async def answers_before_a_wait_would_end() -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(CONFIRM_WITHIN_S):
                answer = await pipeline.http.post("/v1/requests", json=kim.asks("access"))
                proofs = {"proofs": [{"kind": "new_code"}]}
                refused = await pipeline.http.post(f"/v1/requests/{answer.json()['id']}/proofs", json=proofs)
            assert answer.status_code == 202, "its row is durable, and is published later"
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
            return True
        return False

    try:
        await comes_true(answers_before_a_wait_would_end)
    finally:
        await stack.broker._evaluate('rabbit_disk_monitor:set_disk_free_limit("50MB").')

    async def has_a_letter() -> bool:
        return any(kim.email in letter.recipients for letter in pipeline.mail.letters())

    await comes_true(has_a_letter)
