"""Connections that hold the HTTP port: each is cut by a limit of its own (short ones here)."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from shared.runtime.http_limits import ConnectionLimits, DisconnectsAllowed, connections_under
from tests.waiting import eventually

HEAD = b"POST / HTTP/1.1\r\nHost: intake\r\nContent-Length: 10\r\n"
CUT_WITHIN_S = 60.0
"""The limits are shorter; the machine may stand still for half a minute."""

LARGE_ASKED = asyncio.Event()
"""Set once the server answers with far more than a connection buffers."""

Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Served:
    """A server, and the connections that a test opens to it."""

    server: uvicorn.Server
    address: tuple[str, int]
    streams: list[Streams] = field(default_factory=list)

    async def __call__(self) -> Streams:
        """Open a connection."""
        self.streams.append(await asyncio.open_connection(*self.address))
        return self.streams[-1]

    @property
    def connections(self) -> int:
        """Connections that the server has."""
        return len(self.server.server_state.connections)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the length of the body, or with far more than a connection buffers."""
    request = Request(scope, receive)
    if request.url.path == "/large":
        await StreamingResponse(large())(scope, receive, send)
        return
    body = await request.body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


async def large() -> AsyncIterator[bytes]:
    LARGE_ASKED.set()
    for _ in range(1000):
        yield bytes(1 << 16)


@asynccontextmanager
async def served(head_within: float = 0.3, body_within: float = 0.3) -> AsyncIterator[Served]:
    limits = ConnectionLimits(
        head_within=head_within, body_within=body_within, read_within=0.3, most_of_one=8
    )
    config = uvicorn.Config(
        DisconnectsAllowed(app),
        port=0,
        log_config=None,
        lifespan="off",
        http=connections_under(limits),
        ws="none",
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listener]))
    opened = Served(server, listener.getsockname())
    try:
        yield opened
    finally:
        for _, writer in opened.streams:
            writer.close()
        server.should_exit = True
        await serving


async def is_cut(reader: asyncio.StreamReader) -> bool:
    """Return whether the server ends the connection."""
    try:
        async with asyncio.timeout(CUT_WITHIN_S):
            while await reader.read(1 << 16):
                pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(HEAD, id="half a head"),
        pytest.param(HEAD + b"\r\n123", id="half a body"),
        pytest.param(HEAD + b"\r\n0123456789" + HEAD, id="half a second head"),
        pytest.param(HEAD + b"\r\n0123456789" + HEAD + b"\r\n1", id="half a second body"),
    ],
)
async def test_client_that_does_not_finish_its_request_is_cut(sent: bytes) -> None:
    async with served() as opened:
        reader, writer = await opened()
        writer.write(sent)
        assert await is_cut(reader)


@pytest.mark.parametrize("goes", [True, False], ids=["goes", "is cut"])
async def test_body_that_ends_early_is_no_error(goes: bool, caplog: pytest.LogCaptureFixture) -> None:
    async with served() as opened:
        reader, writer = await opened()
        writer.write(HEAD + b"\r\n123")
        if goes:
            await asyncio.sleep(0.1)
            writer.close()
        else:
            assert await is_cut(reader)
        await asyncio.sleep(0.2)
    assert [one.message for one in caplog.records if one.levelno >= logging.WARNING] == []


async def test_client_that_sends_a_byte_now_and_then_is_cut_all_the_same() -> None:
    async with served() as opened:
        reader, writer = await opened()
        watching = asyncio.create_task(is_cut(reader))
        for byte in HEAD * 20:
            if watching.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)
        else:
            pytest.fail("it was let send all")
        assert await watching


async def test_client_that_does_not_read_its_answer_is_cut() -> None:
    async with served() as opened:
        reader, writer = await opened()
        writer.write(b"GET /large HTTP/1.1\r\nHost: intake\r\n\r\n")
        await LARGE_ASKED.wait()
        await eventually(lambda: not opened.connections)  # nothing is read until then
        received = 0
        try:
            while piece := await reader.read(1 << 20):
                received += len(piece)
        except ConnectionError:
            pass
        assert received < 1000 << 16


async def test_client_that_finishes_in_time_is_answered_on_a_connection_that_stays() -> None:
    async with served(head_within=60, body_within=60) as opened:
        reader, writer = await opened()
        for _ in range(3):
            writer.write(HEAD + b"\r\n01234")
            await asyncio.sleep(0.1)
            writer.write(b"56789")
            await is_answered(reader)


async def test_limit_of_a_finished_request_does_not_cut_the_connection() -> None:
    async with served(head_within=60) as opened:
        reader, writer = await opened()
        for _ in range(2):
            writer.write(HEAD + b"\r\n0123456789")
            await is_answered(reader)
            await asyncio.sleep(0.4)  # longer than a body may take


async def is_answered(reader: asyncio.StreamReader) -> None:
    """Read the answer to a body of ten bytes."""
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
    await reader.readuntil(b"\r\n\r\n")
    assert await reader.readexactly(2) == b"10"


async def test_connections_of_one_client_are_limited_and_free_again_when_it_leaves() -> None:
    async with served(head_within=60) as opened:
        first = [await opened() for _ in range(8)]
        reader, _ = await opened()
        assert await is_cut(reader)
        _, writer = first[0]
        writer.close()
        await eventually(lambda: opened.connections < len(first))
        reader, writer = await opened()
        writer.write(b"GET / HTTP/1.1\r\nHost: intake\r\n\r\n")
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
