"""A primary that is cut off and does not know it yet says of nothing that it is missing."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest_asyncio

from habeas.embedded.parts.database import find_program
from habeas.embedded.parts.ports import dial, free_port
from habeas.embedded.parts.process import Command, Process
from shared.errors import StoreUnavailable
from shared.runtime.mongo import Client, connect
from shared.runtime.vault import Vault
from tests.waiting import eventually

CASE, UNKNOWN = "a" * 32, "b" * 32
QUICK = {"electionTimeoutMillis": 2_000, "heartbeatIntervalMillis": 500}
"""The first election waits for this time; and a primary answers for as long after it was cut off."""


async def member(folder: Path, port: int) -> Process:
    """Return a member of a replica set that begins on *port*."""
    arguments = ("--replSet", "members", "--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket")
    small = ("--dbpath", str(folder), "--wiredTigerCacheSizeGB", "0.25")
    program = str(find_program())
    return await Process.start(Command([program, *arguments, *small], folder, folder / "output.log"))


async def is_whole(client: Client) -> bool:
    """Return whether both members are there, and the first takes writes."""
    status: dict[str, Any] = await client.admin.command("replSetGetStatus")
    writable: bool = (await client.admin.command("hello"))["isWritablePrimary"]
    return writable and [one["stateStr"] for one in status["members"]] == ["PRIMARY", "SECONDARY"]


@pytest_asyncio.fixture
async def members(tmp_path: Path) -> AsyncIterator[tuple[Client, Process]]:
    """Return the primary of two members, and the other one."""
    first = free_port()
    ports = (first, free_port(besides={first}))
    folders = [tmp_path / str(port) for port in ports]
    for folder in folders:
        folder.mkdir()
    processes = [await member(folder, port) for folder, port in zip(folders, ports, strict=True)]
    client = connect(f"mongodb://127.0.0.1:{first}/?directConnection=true", app_name="members")
    named = [{"_id": n, "host": f"127.0.0.1:{port}", "priority": 1 - n} for n, port in enumerate(ports)]
    try:
        for process, port in zip(processes, ports, strict=True):
            await process.until(partial(dial, port), timedelta(seconds=90))
        await client.admin.command("replSetInitiate", {"_id": "members", "members": named, "settings": QUICK})
        whole: bool = await eventually(partial(is_whole, client))
        assert whole
        yield client, processes[1]
    finally:
        client.close()
        await asyncio.gather(*(process.kill() for process in processes))


async def test_cut_off_primary_says_of_nothing_that_it_is_missing_or_destroyed(
    members: tuple[Client, Process],
) -> None:
    client, other = members
    vault = Vault(client, prefix="cut_off", master_key=bytes(32))
    await vault.create(CASE)
    await vault.seal(CASE, "request", b"content")
    assert not await vault.holds(CASE, "code")
    os.kill(other.pid, signal.SIGSTOP)
    assert await vault.open(CASE, "request") == b"content"
    attempts = (vault.holds(CASE, "code"), vault.open(CASE, "code"), vault.open(UNKNOWN, "request"))
    errors = await asyncio.gather(*attempts, return_exceptions=True)
    assert [type(error) for error in errors] == [StoreUnavailable] * 3
