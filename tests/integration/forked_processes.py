"""
Processes of the product forked from one that has loaded it, which starts faster than a new interpreter.

A fork has the given folder, environment and files and its own session, and ends with the test run. Tests of
the host, the stack and the containers cover a start from nothing.
"""

import asyncio
import atexit
import functools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import IO, cast

import pytest

from habeas.embedded.parts.process import DIES_WITH_US, Command, Process

STATE = {"HABEAS_STATE": str(Path(gettempdir(), f"habeas-no-state-{os.getpid()}"))}
"""A folder that does not exist: an installation in the checkout must not influence tests."""


class Copy:
    """A child, with what asyncio's have."""

    def __init__(self, pid: int, told: asyncio.StreamReader) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ending = asyncio.create_task(self._end(told))

    async def wait(self) -> int:
        """Wait until it has ended; return its code."""
        return await asyncio.shield(self._ending)

    def terminate(self) -> None:
        """Ask it to end."""
        os.kill(self.pid, signal.SIGTERM)

    async def _end(self, told: asyncio.StreamReader) -> int:
        self.returncode = int(await told.read())
        return self.returncode


async def started(module: str, command: Command) -> Process:
    """Run *module* as ``python -m`` would, with the arguments of *command* and otherwise as it says."""
    with command.output.open("ab") as output:
        copy = await copied(module, command, (output.fileno(), output.fileno()))
    named = replace(command, arguments=(module, *command.arguments))
    return Process(named, cast("asyncio.subprocess.Process", copy))


def fork_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork each process that is started as ``python -m``, also by the benchmarks; others start as ever."""
    start = Process.start

    async def forked(command: Command) -> Process:
        match command.arguments:
            case (sys.executable, "-m", module, *arguments):
                return await started(module, replace(command, arguments=arguments))
            case _:
                return await start(command)

    monkeypatch.setattr(Process, "start", forked)


async def said(
    module: str, words: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run *module* with *words* in our environment or another; return its code, output and complaints."""
    with TemporaryFile() as output, TemporaryFile() as errors:
        command = Command(words, Path.cwd(), Path(os.devnull), environment)
        copy = await copied(module, command, (output.fileno(), errors.fileno()))
        return await copy.wait(), _written(output), _written(errors)


def _written(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


async def copied(module: str, command: Command, outputs: tuple[int, int]) -> Copy:
    """Run *module* as ``python -m`` would; it writes to *outputs*."""
    told, tells = os.pipe()
    life = {
        "module": module,
        "arguments": list(command.arguments),
        "folder": str(command.folder),
        "environment": STATE | dict(os.environ if command.environment is None else command.environment),
    }
    socket.send_fds(_origin(), [json.dumps(life).encode()], [*outputs, tells])
    os.close(tells)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(told, "rb")
    )
    return Copy(int(await reader.readline()), reader)


@functools.cache
def _origin() -> socket.socket:
    """Start the one that is copied; return where it takes orders."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(  # noqa: S603  our own interpreter, our own code
            [*DIES_WITH_US, sys.executable, "-m", "tests.integration.forked_child"],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"]},  # what a service has that Python itself looks at
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours
