"""Pair-wise keys: who is given a token by the Data Rights Protocol, and what it opens."""

import base64
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.unit.agents import (
    BUSINESS,
    LISTED,
    REQUESTS,
    Calling,
    assert_error,
    calling,
    desk_of,
    flipped,
)
from tests.unit.fakes import Office

ONE_MS = timedelta(milliseconds=1)


@pytest_asyncio.fixture
async def agent() -> AsyncIterator[Calling]:
    async with calling(Office()) as agent:
        yield agent


@pytest_asyncio.fixture(scope="module")
async def refused() -> AsyncIterator[Calling]:
    """An agent that is given nothing, so that one is enough."""
    async with calling(Office()) as agent:
        yield agent


async def test_a_signed_message_of_a_listed_agent_gives_a_token(agent: Calling) -> None:
    answer = await agent.set_up()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"agent-id": agent.id, "token": agent.token}
    known = await agent.http.get(f"/drp/v1/agent/{agent.id}", headers=agent.bearer)
    assert (known.status_code, known.json()) == (200, {})


FAULTS: dict[str, Callable[[Calling], bytes]] = {
    "a bit of the message flipped": lambda a: flipped(a.signed(a.set_up_message())),
    "a bit of the signature flipped": lambda a: flipped(a.signed(a.set_up_message()), at=3),
    "not base64": lambda a: a.signed(a.set_up_message())[:-3] + b"!!!",
    "base64 in lines": lambda a: base64.encodebytes(base64.b64decode(a.signed(a.set_up_message()))),
    "empty": lambda _: b"",
    "the signature alone": lambda a: base64.b64encode(base64.b64decode(a.signed(a.set_up_message()))[:64]),
    "not signed": lambda _: base64.b64encode(b'{"agent-id": "AGENT_ONE"}'),
    "signed by a stranger": lambda a: a.signed(a.set_up_message(), by="STRANGER"),
    "signed by another agent": lambda a: a.signed(a.set_up_message(), by="TWO"),
    "of another agent": lambda a: a.signed(a.set_up_message(agent_id="AGENT_TWO")),
    "of no agent": lambda a: a.signed(a.set_up_message(agent_id=None)),
    "for another business": lambda a: a.signed(a.set_up_message(business_id="ANOTHER_01")),
    "for no business": lambda a: a.signed(a.set_up_message(business_id=None)),
    "for several businesses": lambda a: a.signed(a.set_up_message(business_id=[BUSINESS])),
    "of another version": lambda a: a.signed(a.set_up_message(version="0.9")),
    "of no version": lambda a: a.signed(a.set_up_message(version=None)),
    "with its version nested": lambda a: a.signed(a.set_up_message(version=None, drp={"version": "1.0"})),
    "without times": lambda a: a.signed(a.set_up_message(issued_at=None, expires_at=None)),
    "without an end": lambda a: a.signed(a.set_up_message(expires_at=None)),
    "without zones": lambda a: a.signed(a.set_up_message(issued_at="2026-03-05T09:30:00")),
    "with a number for a time": lambda a: a.signed(a.set_up_message(issued_at=1772703000)),
    "with no time": lambda a: a.signed(a.set_up_message(issued_at="tomorrow")),
    "expired": lambda a: a.signed(a.set_up_message(**dated(a, issued=timedelta(minutes=-15) - ONE_MS))),
    "from the future": lambda a: a.signed(
        a.set_up_message(**dated(a, issued=timedelta(seconds=60) + ONE_MS))
    ),
    "good for too long": lambda a: a.signed(a.set_up_message(**dated(a, lasts=timedelta(hours=1) + ONE_MS))),
    "that ends before it begins": lambda a: a.signed(
        a.set_up_message(**dated(a, issued=timedelta(seconds=30), lasts=timedelta(seconds=-10)))
    ),
    "no object": lambda a: a.signed(["agent-id", a.id]),
    "no JSON": lambda a: a.signed(b"agent-id=AGENT_ONE"),
    "no UTF-8": lambda a: a.signed(b'{"agent-id": "\xff"}'),
    "nested deeply": lambda a: a.signed(b"[" * 20_000),
    "huge": lambda a: a.signed(a.set_up_message(padding="x" * 100_000)),
    "huger than the bus": lambda _: b"A" * 3_000_000,
}


def dated(agent: Calling, **times: timedelta) -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in agent.times(**times).items()}


@pytest.mark.parametrize("fault", FAULTS)
async def test_every_faulty_set_up_is_refused_without_a_word(refused: Calling, fault: str) -> None:
    answer = await refused.set_up(FAULTS[fault](refused))
    assert (answer.status_code, answer.content) == (403, b"")


async def test_the_agent_in_the_address_must_be_the_signer(agent: Calling) -> None:
    for other in ("AGENT_TWO", "AGENT_STRANGER", "agent_one"):
        answer = await agent.set_up(agent=other)
        assert (answer.status_code, answer.content) == (403, b"")


async def test_an_unlisted_agent_is_refused() -> None:
    async with calling(Office(), "STRANGER") as stranger:
        answer = await stranger.set_up()
    assert (answer.status_code, answer.content) == (403, b"")


@pytest.mark.parametrize(
    "times",
    [
        pytest.param({"issued_at": "2026-03-05T09:30:00Z", "expires_at": "2026-03-05T09:45:00Z"}, id="Z"),
        pytest.param(
            {"issued_at": "2026-03-05T10:30:00.633+01:00", "expires_at": "2026-03-05T04:45:00-05:00"},
            id="other zones",
        ),
    ],
)
async def test_times_are_taken_in_any_zone(agent: Calling, times: dict[str, str]) -> None:
    assert (await agent.set_up(agent.signed(agent.set_up_message(**times)))).status_code == 200


@pytest.mark.parametrize(
    "times",
    [
        pytest.param({"issued": timedelta(seconds=60)}, id="a clock that is a minute fast"),
        pytest.param({"issued": timedelta(minutes=-15)}, id="the last moment"),
        pytest.param({"lasts": timedelta(hours=1)}, id="the longest"),
    ],
)
async def test_a_message_is_good_up_to_its_limits(agent: Calling, times: dict[str, Any]) -> None:
    assert (
        await agent.set_up(agent.signed(agent.set_up_message(**dated(agent, **times))))
    ).status_code == 200


async def test_a_message_that_comes_again_gives_no_second_token(agent: Calling) -> None:
    body = agent.signed(agent.set_up_message())
    assert (await agent.set_up(body)).status_code == 200
    again = await agent.set_up(body)
    assert (again.status_code, again.content) == (403, b"")
    assert (await agent.http.get(f"/drp/v1/agent/{agent.id}", headers=agent.bearer)).status_code == 200


async def test_a_new_token_ends_the_old_one(agent: Calling) -> None:
    await agent.set_up()
    old = agent.bearer
    agent.office.clock.move(timedelta(seconds=1))
    await agent.set_up()
    assert agent.bearer != old
    assert (await agent.http.get(f"/drp/v1/agent/{agent.id}", headers=old)).status_code == 403
    assert (await agent.http.get(f"/drp/v1/agent/{agent.id}", headers=agent.bearer)).status_code == 200


BAD_TOKENS: dict[str, dict[str, str]] = {
    "none": {},
    "an empty one": {"Authorization": "Bearer "},
    "nobody's": {"Authorization": "Bearer token-AGENT_ONE-7"},
    "another scheme": {"Authorization": "Basic dG9rZW4tQUdFTlRfT05FLTE="},
}


@pytest.mark.parametrize("token", BAD_TOKENS)
async def test_without_a_token_calls_are_refused(agent: Calling, token: str) -> None:
    await agent.set_up()
    made = await agent.made()
    before = len(agent.office.events())
    headers = BAD_TOKENS[token]
    body = agent.signed(agent.exercise_message(name="Somebody Else"))
    assert_error(await agent.http.get(f"/drp/v1/agent/{agent.id}", headers=headers), 403, fatal=False)
    refused = await agent.post(REQUESTS, body, headers)
    assert_error(refused, 401, fatal=False)
    assert refused.headers["www-authenticate"] == "Bearer"
    assert_error(await agent.http.get(f"{REQUESTS}/{made}", headers=headers), 401, fatal=False)
    revoking = await agent.http.request(
        "DELETE", f"{REQUESTS}/{made}", content=agent.signed({}), headers=headers
    )
    assert_error(revoking, 401, fatal=False)
    await agent.office.work()
    assert len(agent.office.events()) == before


async def test_a_token_opens_no_other_agents_page(agent: Calling) -> None:
    await agent.set_up()
    answer = await agent.http.get("/drp/v1/agent/AGENT_TWO", headers=agent.bearer)
    assert_error(answer, 403, fatal=False)


async def test_the_token_of_an_unlisted_agent_is_refused() -> None:
    office = Office()
    desk = desk_of(office)
    async with calling(office, desk=desk) as agent:
        await agent.set_up()
        made = await agent.made()
    async with calling(office, desk=replace(desk, agents={"AGENT_TWO": LISTED["AGENT_TWO"]})) as gone:
        answer = await gone.http.get(f"{REQUESTS}/{made}", headers=agent.bearer)
        assert_error(answer, 401, fatal=False)
        assert (await gone.set_up()).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/drp/v1/agents", 404),
        ("GET", "/drp/v1/data-rights-request", 405),
        ("PUT", "/drp/v1/agent/AGENT_ONE", 405),
        ("GET", "/drp/", 404),
    ],
)
async def test_calls_that_there_are_not_are_errors_of_the_protocols_form(
    refused: Calling, method: str, path: str, status: int
) -> None:
    assert_error(await refused.http.request(method, path), status, fatal=False)
