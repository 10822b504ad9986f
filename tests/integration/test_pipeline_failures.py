"""Whatever fails on the way, the answer that comes out in the end is true, and nothing is done twice."""

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.stack import Stack, StackPart
from services.fulfillment.package.verification import verify_package
from tests.extent import extent
from tests.integration.pipeline import Heard, Pipeline, Somebody, comes_true, command, grow, prepared, running
from tests.waiting import eventually

RECORDS = 2_000
LONG = timedelta(seconds=150)
ALL_MOMENTS = (
    ("", 0.0),
    ("request.received", 0.0),
    ("identity.verified", 0.0),
    ("identity.verified", 0.15),
    ("identity.verified", 0.3),
    ("identity.verified", 0.6),
    ("erasure.planned", 0.0),
    ("erasure.planned", 0.1),
    ("erasure.planned", 0.25),
    ("request.fulfilled", 0.0),
    ("notice.sent", 0.0),
)
"""When a process is killed: so many seconds after the first event of this type was heard, or at once."""
MOMENTS = extent(ALL_MOMENTS[1::3], ALL_MOMENTS)


@pytest_asyncio.fixture
async def pipeline(parts: Stack | None, tmp_path: Path) -> AsyncIterator[Pipeline]:
    async with running(parts, tmp_path) as pipeline:
        yield pipeline


async def erasure_of(pipeline: Pipeline, person: Somebody, **more: Any) -> str:
    """Have a trusted system ask for the erasure of *person*; return the request's id."""
    asked = person.asks("erasure", **more)
    await pipeline.send(asked)
    return await pipeline.id_of(asked)


def once(heard: Heard, case: str) -> None:
    """Assert that everything which must happen once to a case has."""
    for type_ in ("request.received", "identity.verified", "request.fulfilled", "request.closed"):
        assert len(heard.of(case, type_)) == 1, type_


@pytest.mark.campaign
async def test_killed_at_any_moment_every_request_is_answered_truly_and_once(
    parts: Stack | None, tmp_path: Path
) -> None:
    async with prepared(parts, tmp_path) as pipeline, pipeline.listening() as heard:
        reader, *leaving = (await pipeline.people())[2 : 3 + len(MOMENTS)]
        for person in (reader, *leaving):
            await grow(pipeline, person, RECORDS)
        await pipeline.start()
        cases: dict[str, tuple[str, Somebody]] = {}
        for number, ((type_, delay), person) in enumerate(zip(MOMENTS, leaving, strict=True)):
            # Each another wish: the same one again would be linked to the first.
            reading = reader.asks("access", details={"statement": f"wish {number}"})
            erasing = person.asks("erasure")
            await pipeline.send(reading)
            await pipeline.send(erasing)
            if type_:
                known = partial(heard.of, await pipeline.id_of(erasing), type_)
                await eventually(known, LONG, at_once=True)
                await asyncio.sleep(delay)  # the moment itself is what is tested
            await pipeline.kill()
            await pipeline.start()
            cases[await pipeline.id_of(reading)] = "access", reader
            cases[await pipeline.id_of(erasing)] = "erasure", person
        for case, (right, person) in cases.items():
            page = await pipeline.closed(case, LONG)
            assert page["outcome"] in {"granted", "partly_granted"}, right
            await eventually(partial(heard.of, case, "request.closed"))
            once(heard, case)
            await told_once(pipeline, heard, case, person)
        for person in leaving:
            assert await pipeline.mentions(person.email) == {}
        assert await pipeline.handled_twice() == []
        assert not any((await pipeline.parked()).values())


async def told_once(pipeline: Pipeline, heard: Heard, case: str, person: Somebody) -> None:
    """Assert that *person* got each letter once, or again under the same Message-ID and owned up to."""
    letters = pipeline.letters_to(person, case)
    ids = [str(letter.message["Message-ID"]) for letter in letters]
    assert len(set(ids)) == 2
    doubtful = [event for event in heard.of(case, "notice.sent") if event["data"]["doubtful"]]
    assert len(ids) - len(set(ids)) <= len(doubtful)


POLLS = """
dataset:
  - fides_key: {prefix}portal
    collections:
      - name: polls
        data_categories: [user.contact.email]
        fields: [ {{ name: email, fides_meta: {{ identity: email }} }} ]
"""


async def _is_reported(pipeline: Pipeline, collection: str) -> bool:
    """Return whether the services are not ready because of *collection*."""
    try:
        answer = await pipeline.http.get(f"{pipeline.ops_url}/readyz")
    except httpx.TransportError:
        return False
    return answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and collection in answer.text


async def test_a_wrong_name_in_the_map_parks_the_request_and_correcting_it_answers_it(
    parts: Stack | None, tmp_path: Path
) -> None:
    async with prepared(parts, tmp_path) as pipeline:
        path = Path(pipeline.settings["HABEAS_DATAMAP"]) / "portal.yml"
        right = path.read_text(encoding="utf-8")
        path.write_text(right.replace("- name: newsletter\n", "- name: newslettre\n"), encoding="utf-8")
        await pipeline.begin()
        await comes_true(partial(_is_reported, pipeline, f"{pipeline.prefix}portal.newslettre"))
        person = (await pipeline.people())[2]
        asked = person.asks("access")
        await pipeline.send(asked)
        case = await pipeline.id_of(asked)
        await parked_in_fulfillment(pipeline)
        (_, listed, _) = await command(pipeline, "dead-letters", "--json")
        (letter,) = json.loads(listed)["parked"]
        assert letter["service"] == "fulfillment"
        assert f"{pipeline.prefix}portal.newslettre" in letter["reason"]
        page = await pipeline.page(case)
        assert (page["status"], page["outcome"]) == ("verified", None)

        path.write_text(right, encoding="utf-8")
        path.with_name("polls.yml").write_text(POLLS.format(prefix=pipeline.prefix), encoding="utf-8")
        await pipeline.stop()
        await pipeline.start()
        async with pipeline.listening() as heard:
            code, _, errors = await command(pipeline, "dead-letters", "replay", "fulfillment")
            assert (code, errors) == (0, "")
            assert (await pipeline.closed(case))["outcome"] in {"granted", "partly_granted"}
            [fulfilled] = await heard.until(case, "request.fulfilled")
            assert fulfilled["data"]["absent"] == [f"{pipeline.prefix}portal.polls"], "it never existed"
        assert not any((await pipeline.parked()).values())


async def parked_in_fulfillment(pipeline: Pipeline) -> None:
    async def parked() -> bool:
        return bool((await pipeline.parked())["fulfillment"])

    await comes_true(parked)


async def test_nothing_is_erased_before_the_copy_that_is_wanted_first_is_stored(
    pipeline: Pipeline,
) -> None:
    person = (await pipeline.people())[2]
    held = await pipeline.mentions(person.email)
    vault = pipeline.client[f"{pipeline.prefix}_vault"]
    await vault.command("collMod", "chunks", validator={"no": {"$exists": True}})
    case = await erasure_of(pipeline, person, details={"with_copy": True})
    await parked_in_fulfillment(pipeline)
    assert await pipeline.mentions(person.email) == held
    assert (await pipeline.page(case))["status"] == "verified"

    await vault.command("collMod", "chunks", validator={})
    assert (await command(pipeline, "dead-letters", "replay", "fulfillment"))[0] == 0
    page = await pipeline.closed(case)
    assert page["package_url"]
    assert await pipeline.mentions(person.email) == {}
    await pipeline.http.post(f"/v1/requests/{case}/package/codes")
    code = await pipeline.code_for(person, case)
    package = await pipeline.http.get(f"/v1/requests/{case}/package", params={"code": code})
    assert verify_package(io.BytesIO(package.raise_for_status().content)).ok


async def test_a_database_that_dies_on_the_way_only_delays_the_answer(
    stack: Stack, pipeline: Pipeline
) -> None:
    async with pipeline.listening() as heard:
        reader, leaver = (await pipeline.people())[2:4]
        await grow(pipeline, leaver, RECORDS)
        asked = reader.asks("access")
        await pipeline.send(asked)
        case = await erasure_of(pipeline, leaver)
        await eventually(partial(heard.of, case, "erasure.planned"), LONG)
        await stack.kill(StackPart.DATABASE)
        await stack.start(StackPart.DATABASE)
        cases = [case, await pipeline.id_of(asked)]
        for one in cases:
            await pipeline.closed(one, LONG)
            await eventually(partial(heard.of, one, "request.closed"))
            once(heard, one)
        assert await pipeline.mentions(leaver.email) == {}
        assert await pipeline.handled_twice() == []
        assert pipeline.process is not None
        assert pipeline.process.running


@asynccontextmanager
async def forwarded(port: int, to: int) -> AsyncIterator[None]:
    """Let connections to *port* of this machine end at another."""
    pumps: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(65_536):
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(HOST, to)
        for ends in ((reader, far_writer), (far_reader, writer)):
            pumps.add(asyncio.create_task(pump(*ends)))

    server = await asyncio.start_server(join, HOST, port)
    yield
    server.close()
    for task in pumps:
        task.cancel()
    await asyncio.gather(*pumps, return_exceptions=True)


def through(port: int, url: str) -> str:
    """Return *url* of a database, reached by *port* alone: the members of its replica set are not sought."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")
    options = re.sub(r"replicaSet=[^&]*", "directConnection=true", parts.query)
    return parts._replace(netloc=f"{user[0]}{user[1]}{HOST}:{port}", query=options).geturl()


async def test_a_store_that_cannot_be_reached_is_not_a_store_that_holds_nothing(
    parts: Stack | None, mongo_url: str, tmp_path: Path
) -> None:
    port = free_port()
    async with prepared(parts, tmp_path) as pipeline:
        url = pipeline.mongo_url_of("fulfillment")
        pipeline.settings["HABEAS_STORES"] = json.dumps({"default": through(port, url)})
        await pipeline.start()
        person = (await pipeline.people())[2]
        asked = person.asks("access")
        await pipeline.send(asked)
        case = await pipeline.id_of(asked)
        await eventually(lambda: b"message retried" in pipeline.log.read_bytes(), LONG)
        page = await pipeline.page(case)
        assert (page["status"], page["outcome"]) == ("verified", None)
        async with forwarded(port, int(re.findall(r":(\d+)", mongo_url)[-1])):
            assert (await pipeline.closed(case, LONG))["outcome"] in {"granted", "partly_granted"}
            await pipeline.stop()
