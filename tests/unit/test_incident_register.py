"""The register of breaches, as the command opens it at the console."""

import json
from typing import Any

import httpx
import pytest

from habeas.client.console_api import ConsoleClient
from habeas.client.incident_register import entries
from shared.contract.events import MOST_BATCHED
from shared.contract.events.breaches import RegisterOpened
from shared.errors import ConfigurationError, Unanswered

ACCEPTED = {"reason": None, "status": "accepted", "decision": "d1"}


class RegisterAnswers:
    """A console with a number of incidents; each opening is answered with *made*."""

    def __init__(self, incidents: int, made: dict[str, Any] = ACCEPTED) -> None:
        self.ids, self.made = [f"{number:032x}" for number in range(incidents)], made
        self.opened: list[tuple[str, int]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1")
        if path == "/incidents":
            known = [{"id": id_, "phases": [{}]} for id_ in self.ids] + [{"id": "f" * 32, "phases": []}]
            return httpx.Response(200, json={"incidents": known, "next": None})
        if path == "/decisions":
            form = json.loads(request.content)
            assert {one["type"] for one in form["decisions"]} == {RegisterOpened.TYPE}
            self.opened.append((form["code"], len(form["decisions"])))
            return httpx.Response(200, json=[self.made for _ in form["decisions"]])
        incident = path.removeprefix("/incidents/").removesuffix("/content/register_entry")
        aware_at = f"2026-03-{28 - int(incident, 16) % 28:02}T09:00:00+00:00"
        return httpx.Response(200, json={"incident": incident, "aware_at": aware_at})


async def rows(console: RegisterAnswers) -> list[dict[str, Any]]:
    codes = iter(("123456", "654321"))
    http = httpx.AsyncClient(transport=httpx.MockTransport(console), base_url="http://console/api/v1")
    async with http:
        return await entries(ConsoleClient(http), lambda: next(codes))


async def test_entries_are_sorted_by_awareness_and_unregistered_incidents_left_out() -> None:
    console = RegisterAnswers(3)
    assert [row["incident"] for row in await rows(console)] == console.ids[::-1]
    assert console.opened == [("123456", 3)]


@pytest.mark.slow
async def test_each_hundred_incidents_need_a_code() -> None:
    console = RegisterAnswers(MOST_BATCHED + 1)
    assert len(await rows(console)) == MOST_BATCHED + 1
    assert console.opened == [("123456", MOST_BATCHED), ("654321", 1)]


async def test_register_without_incidents_needs_no_code() -> None:
    console = RegisterAnswers(0)
    assert (await rows(console), console.opened) == ([], [])


async def test_refused_opening_is_an_error() -> None:
    made = {"reason": "role_missing", "status": "refused", "decision": None}
    with pytest.raises(ConfigurationError, match="no role that may decide this"):
        await rows(RegisterAnswers(2, made))


async def test_opening_that_no_service_has_answered_is_an_error() -> None:
    with pytest.raises(Unanswered, match="habeas decision d1"):
        await rows(RegisterAnswers(2, ACCEPTED | {"status": "pending"}))
