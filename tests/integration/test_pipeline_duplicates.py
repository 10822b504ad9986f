"""Who asks for the same again has one answer, and a letter that says so; nobody is silenced by it."""

from collections.abc import AsyncIterator
from datetime import date

import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from tests.integration.pipeline import SHOP, Heard, Pipeline, Somebody, comes_true, command, running

ADA = Somebody("ada.beispiel@example.org", "Ada Beispiel")
CEM = Somebody("cem.beispiel@example.org", "Cem Beispiel")


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with running(parts, tmp_path_factory.mktemp("duplicates")) as pipeline:
        yield pipeline


@pytest_asyncio.fixture(scope="module")
async def heard(pipeline: Pipeline) -> AsyncIterator[Heard]:
    async with pipeline.listening() as heard:
        yield heard


async def test_repeated_request_points_to_the_first_and_needs_one_proof(
    pipeline: Pipeline, heard: Heard
) -> None:
    first = await pipeline.lodge(ADA.asks("access"), source=SHOP)
    due_on = date.fromisoformat((await pipeline.until_it_is("challenged", first))["due_on"])
    second = await pipeline.lodge(ADA.asks("access", residence={"country": "FR"}), source=SHOP)
    await pipeline.closed(second)
    [letter] = pipeline.letters_to(ADA, second)
    assert first in letter.body()
    assert f"/requests/{first}" in letter.body()
    assert str(due_on.year) in letter.body()
    published = {f"request.{name}" for name in ("received", "duplicated", "closed")} | {"notice.sent"}

    async def all_heard() -> bool:  # the page states the end before the event is delivered here
        return {event["type"].split(".", 1)[1][:-3] for event in heard.of(second)} == published

    await comes_true(all_heard)
    await pipeline.prove(first, await pipeline.code_for(ADA, first))
    assert (await pipeline.closed(first))["outcome"] == "nothing_held"
    third = await pipeline.lodge(ADA.asks("access"), source=SHOP)
    await pipeline.until_it_is("challenged", third)


async def test_request_of_a_stranger_in_their_name_delays_no_log_in(pipeline: Pipeline) -> None:
    await pipeline.until_it_is("challenged", await pipeline.lodge(ADA.asks("erasure")))
    asked = ADA.asks("erasure")
    await pipeline.send(asked)
    assert (await pipeline.closed(await pipeline.id_of(asked)))["outcome"] == "nothing_held"


async def test_public_request_of_a_stranger_delays_no_proof(pipeline: Pipeline) -> None:
    stranger = await pipeline.lodge(CEM.asks("access"))
    await pipeline.until_it_is("challenged", stranger)
    own = await pipeline.lodge(CEM.asks("access"))
    code = await pipeline.code_for(CEM, own)
    (await pipeline.http.delete(f"/v1/requests/{stranger}")).raise_for_status()
    assert (await pipeline.closed(stranger))["outcome"] is None
    await pipeline.prove(own, code)
    assert (await pipeline.closed(own))["outcome"] == "nothing_held"


async def test_only_the_customer_decides_about_data_of_an_end_user(pipeline: Pipeline, heard: Heard) -> None:
    case = await pipeline.lodge(CEM.asks("erasure", role="end_user"))
    await pipeline.until_it_is("received", case)
    words = ("verify", "accept", case, "--as", "dana.muster", "--reason", "looked_at", "--identity", "email")
    code, printed, errors = await command(pipeline, *words)
    assert (code, printed) == (2, "")
    assert "identity is decided already" in errors
    assert heard.of(case, "identity.verified") == []
