"""Calls to this machine take no proxy of the environment: it would read the key and the request."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from habeas.client import console_api, requests
from habeas.client.console_api import ConsoleUnavailable
from shared.client.http import ApiUnavailable, AsyncHttpClient
from shared.errors import ConfigurationError
from shared.runtime.hosts import may_use_proxy

URL = "http://127.0.0.1:1"
ID = "0" * 32
LOGIN = console_api.ConsoleLogin(URL, "anna", "", "token")


async def follow() -> None:
    async with AsyncHttpClient(URL, key="k", tries=1) as client:
        await client.status(ID)


CALLS: dict[str, Callable[[], Awaitable[object]]] = {
    "client": follow,
    "verb of a request": lambda: requests.prove_by_code(URL, ID, "WXYZ"),
    "package": lambda: requests.package(URL, ID, "WXYZ"),
    "session at the console": lambda: console_api.whoami(LOGIN),
}


@pytest.fixture
async def proxied(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[bytes]]:
    """Run a proxy that the environment names; yield the requests that it has read."""
    read: list[bytes] = []

    async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        read.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    server = await asyncio.start_server(record, "127.0.0.1", 0)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        yield read


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_call_to_this_machine_takes_no_proxy(
    proxied: list[bytes], call: Callable[[], Awaitable[object]]
) -> None:
    with pytest.raises((ApiUnavailable, ConsoleUnavailable, ConfigurationError, httpx.ConnectError)):
        await call()
    assert proxied == []


@pytest.mark.parametrize(
    "url", ["https://privacy.example.com", "http://intake:8080", "http://localhost.example"]
)
def test_call_to_another_machine_may_take_a_proxy(url: str) -> None:
    assert may_use_proxy(url)
