"""Items of content go from intake to the browser piece by piece: a package may be larger than the memory."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import pytest
from fastapi import HTTPException
from starlette.requests import ClientDisconnect

from services.console.breach_work import incident_content
from services.console.context import ConsoleParts
from services.console.decisions.openings import opened_item
from services.console.http.guard import Visitor
from services.console.pages.content import safe_response
from shared.runtime.staff_api import StaffApi
from tests.unit.console.test_decision_offers import CASE, START
from tests.unit.console.test_package_page import MEMBER, SESSION

SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": [], "asgi": {"spec_version": "2.4"}}


@dataclass
class StreamOfIntake(httpx.AsyncByteStream):
    """An answer that intake sends in pieces."""

    pieces: Sequence[bytes] = (b"first", b"second")
    steps: list[str] = field(default_factory=list)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.steps.append(f"read {piece.decode()}")
            yield piece

    async def aclose(self) -> None:
        self.steps.append("closed")

    async def send(self, message: Mapping[str, Any]) -> None:
        """Take a message of the console to the browser."""
        if body := message.get("body"):
            self.steps.append(f"sent {body.decode()}")


@asynccontextmanager
async def console_of(answer: httpx.Response) -> AsyncIterator[ConsoleParts]:
    """Make the parts of a console whose intake gives *answer*."""
    transport = httpx.MockTransport(lambda _: answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://intake.test") as client:
        known: dict[str, Any] = dict.fromkeys(ConsoleParts.__dataclass_fields__)
        yield ConsoleParts(**{**known, "intake": StaffApi(client), "clock": lambda: START})


async def item(answer: httpx.Response) -> Any:
    """Return the console's answer, of an item that intake answers so."""
    async with console_of(answer) as parts:
        found = await opened_item(parts, Visitor(SESSION, MEMBER), CASE, "package_1")
    return safe_response("package_1", found)


def package(stream: StreamOfIntake) -> httpx.Response:
    return httpx.Response(200, headers={"content-type": "application/zip"}, stream=stream)


async def test_piece_is_sent_before_the_next_is_read() -> None:
    stream = StreamOfIntake()
    answer = await item(package(stream))
    await answer(SCOPE, None, stream.send)
    assert stream.steps == ["read first", "sent first", "read second", "sent second", "closed"]
    assert answer.headers["content-disposition"] == 'attachment; filename="package_1.zip"'
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["cache-control"] == "no-store"


async def test_list_of_people_of_a_breach_is_sent_piece_by_piece() -> None:
    stream = StreamOfIntake()
    async with console_of(package(stream)) as parts:
        answer = await incident_content(parts, Visitor(SESSION, MEMBER), CASE, "unreached_1")
    await answer(SCOPE, cast("Any", None), stream.send)
    assert stream.steps == ["read first", "sent first", "read second", "sent second", "closed"]
    assert answer.headers["content-type"] == "application/zip"


async def test_call_to_intake_ends_with_a_browser_that_left() -> None:
    async def gone(_message: object) -> None:
        raise OSError

    stream = StreamOfIntake()
    answer = await item(package(stream))
    with pytest.raises(ClientDisconnect):
        await answer(SCOPE, None, gone)
    assert stream.steps == ["closed"]


async def test_item_that_is_not_kept_has_the_reason_of_intake() -> None:
    body = StreamOfIntake([b'{"detail": "no longer"}'])
    problem = httpx.Response(404, headers={"content-type": "application/problem+json"}, stream=body)
    with pytest.raises(HTTPException, match="no longer") as refused:
        await item(problem)
    assert refused.value.status_code == 404
