"""Attacks on one-time codes: guesses at many requests, from one address and from many."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from services.intake.cases.code_limits import PER_SOURCE_IN_ALARM
from shared.contract.events import ProofSubmitted
from tests.integration.pipeline import KEYS, SHOP, Pipeline, comes_true, running
from tests.waiting import LONG

PEOPLE, GUESSES = 25, 15
OF_SHOP = 22
"""Place of the request that an upstream system lodged."""
ALARM = 40
"""Wrong codes within an hour; the default is 100."""


@pytest_asyncio.fixture
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    folder = tmp_path_factory.mktemp("guessing")
    async with running(
        parts, folder, HABEAS_CODES_OFFERED_PER_HOUR="60", HABEAS_WRONG_CODES_ALARM=str(ALARM)
    ) as pipeline:
        yield pipeline


def at(pipeline: Pipeline, address: str) -> httpx.AsyncClient:
    """Return a client that calls from *address*."""
    transport = httpx.AsyncHTTPTransport(local_address=address)
    return httpx.AsyncClient(
        base_url=pipeline.http.base_url, transport=transport, timeout=LONG.total_seconds()
    )


async def guess(client: httpx.AsyncClient, case: str, code: str, **headers: str) -> int:
    """Offer *code* and return the status of the answer."""
    proofs = {"proofs": [{"kind": "email_code", "code": code}]}
    answer = await client.post(f"/v1/requests/{case}/proofs", json=proofs, headers=headers)
    return answer.status_code


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


async def test_guesses_over_many_requests_are_noticed_and_throttled(pipeline: Pipeline) -> None:
    """375 guesses at the codes of 25 people, and nobody noticed."""
    people = (await pipeline.people())[:PEOPLE]
    lodged = (
        pipeline.lodge(person.asks("access"), source=SHOP if place == OF_SHOP else None)
        for place, person in enumerate(people)
    )
    cases = await asyncio.gather(*lodged)
    codes = await asyncio.gather(*map(pipeline.code_for, people, cases))

    async def round_of(client: httpx.AsyncClient, chosen: Sequence[str]) -> list[int]:
        """Guess once at the code of each of the requests *chosen*."""
        return [await guess(client, case, wrong(codes[cases.index(case)])) for case in chosen]

    async with at(pipeline, "127.0.0.2") as attacker:
        answers = [status for _ in range(GUESSES) for status in await round_of(attacker, cases)]
        assert len(answers) == PEOPLE * GUESSES
        assert answers.count(202) <= 60
        assert set(answers) == {202, 429}

    async def noticed() -> bool:
        return "possible guessing" in pipeline.log.read_text()

    await comes_true(noticed)
    lines = [
        json.loads(line) for line in pipeline.log.read_text().splitlines() if "possible guessing" in line
    ]
    assert {line["level"] for line in lines} == {"error"}
    assert lines[0]["count"] == ALARM

    # From another address five codes are heard, and no more: many addresses do not help.
    async with at(pipeline, "127.0.0.3") as other:
        more = await round_of(other, cases[:8])
        assert more == [202] * 5 + [429] * 3

    # A person who enters the code of their own letter is heard, and so is an upstream system with its key.
    (case, code), (second, another) = [(cases[place], codes[place]) for place in (20, 21)]
    async with at(pipeline, "127.0.0.4") as honest:
        assert await guess(honest, case, code) == 202
        page = await honest.post(f"/requests/{second}/code", data={"code": another})
        assert page.status_code == 200
    await pipeline.closed(case)
    await pipeline.closed(second)
    async with at(pipeline, "127.0.0.2") as upstream:
        key = {"Authorization": f"Bearer {KEYS[SHOP]}"}
        assert await guess(upstream, cases[OF_SHOP], codes[OF_SHOP], **key) == 202
        assert await guess(upstream, cases[23], codes[23], Authorization="Bearer of no key") == 401
    await pipeline.closed(cases[OF_SHOP])
    await attack_by_a_source(pipeline, cases[OF_SHOP])


async def attack_by_a_source(pipeline: Pipeline, case: str) -> None:
    """Guess codes with the API key of the system that sent *case*, then by its events."""
    codes = [{"kind": "email_code", "code": f"{number:06}"} for number in range(10)]
    key = {"Authorization": f"Bearer {KEYS[SHOP]}"}
    path = f"/v1/requests/{case}/proofs"
    answers = [(await pipeline.http.post(path, json={"proofs": codes}, headers=key)) for _ in range(12)]
    assert [answer.status_code for answer in answers[-3:]] == [429] * 3
    assert "by this source" in answers[-1].text
    assert sum(answer.status_code != 429 for answer in answers) == PER_SOURCE_IN_ALARM // len(codes) - 1
    await pipeline.send({"request": case, "proofs": codes}, source=SHOP, type_=ProofSubmitted.TYPE)

    async def rejected() -> bool:
        return "too many codes were offered by this source" in str(await pipeline.rows("intake", case=case))

    await comes_true(rejected)


async def test_many_codes_in_one_request_are_as_many_attempts(pipeline: Pipeline) -> None:
    person = (await pipeline.people())[30]
    case = await pipeline.lodge(person.asks("access"))
    await pipeline.code_for(person, case)
    codes = [{"kind": "email_code", "code": f"{number:06}"} for number in range(10)]
    async with at(pipeline, "127.0.0.5") as attacker:
        path = f"/v1/requests/{case}/proofs"
        answers = [(await attacker.post(path, json={"proofs": codes})).status_code for _ in range(7)]
    assert answers == [202] * 6 + [429]


async def test_guesses_at_package_codes_count_as_well(pipeline: Pipeline) -> None:
    case = await pipeline.lodge((await pipeline.people())[31].asks("access"))
    async with at(pipeline, "127.0.0.6") as attacker:
        paths = [f"/v1/requests/{number:032x}/package?code={number:06}" for number in range(61)]
        answers = [(await attacker.get(path)).status_code for path in paths]
        assert answers[:60] == [404] * 60
        assert answers[60] == 429
        page = await attacker.get(f"/requests/{case}/package?code=000001", headers={"Accept": "text/html"})
        assert page.status_code == 429
