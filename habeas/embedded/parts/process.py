"""
A child process that ends with this one, even when this one is killed.

Each runs in a session of its own, so that Ctrl-C in a terminal reaches only the program that holds it, which
stops its parts in its own time.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from shared.errors import ConfigurationError, TransientError

POLL_S = 0.05
LAST_WORDS = 2_000
"""Characters of a part's output shown when it does not start."""

DIES_WITH_US = ("setpriv", "--pdeathsig", "SIGKILL")
"""Linux kills the process when its parent is gone. Part of util-linux, which every Debian has."""


PYTHON = (sys.executable, "-P")
"""Imports nothing from the current folder, in which other people's files may be."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command, its folder, and its output."""

    arguments: Sequence[str]
    folder: Path
    output: Path
    environment: Mapping[str, str] | None = None
    """The whole environment; ours when None."""


class Process:
    """A running child."""

    def __init__(self, command: Command, child: asyncio.subprocess.Process) -> None:
        self._command = command
        self._child = child

    @classmethod
    async def start(cls, command: Command) -> "Process":
        """Run *command*. Raises ConfigurationError if it cannot be run at all."""
        with command.output.open("ab") as output:
            try:
                child = await asyncio.create_subprocess_exec(
                    *DIES_WITH_US,
                    *command.arguments,
                    cwd=command.folder,
                    env=command.environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            except OSError as error:
                what = f"cannot run {DIES_WITH_US[0]}: {error.strerror}"
                raise ConfigurationError(f"{what} (it is part of util-linux)") from None
        return cls(command, child)

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._child.returncode is None

    async def until(self, answers: Callable[[], Awaitable[None]], within: timedelta) -> None:
        """Wait until *answers* raises no TransientError. Raises ConfigurationError if it does not in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within.total_seconds()
        while True:
            try:
                return await answers()
            except TransientError:
                if not self.running or loop.time() > deadline:
                    raise ConfigurationError(self.complaint()) from None
            await asyncio.sleep(POLL_S)

    def complaint(self) -> str:
        """Return why it does not run, in one line."""
        name = Path(self._command.arguments[0]).name
        what = "does not answer" if self.running else f"ended with {self._child.returncode}"
        last = self.last_words().strip().splitlines()
        said = f": {last[-1]}" if last else ""
        return f"{name} {what}{said} (its log: {self._command.output})"

    def last_words(self) -> str:
        """Return the end of its output."""
        return self._command.output.read_text(encoding="utf-8", errors="replace")[-LAST_WORDS:]

    @asynccontextmanager
    async def killed_on_failure(self) -> AsyncIterator[None]:
        """Kill the process if the start that follows fails: it must leave no process behind."""
        try:
            yield
        except BaseException:
            await self.kill()
            raise

    async def stop(self, within: timedelta) -> None:
        """Ask it to end; kill it when it has not after *within*."""
        with suppress(ProcessLookupError):
            self._child.terminate()
        try:
            await asyncio.wait_for(self._child.wait(), within.total_seconds())
        except TimeoutError:
            await self.kill()
        self._sweep()

    async def kill(self) -> None:
        """End it at once, with all that it started."""
        self._sweep()
        await self._child.wait()

    def _sweep(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)


async def require_ready(client: httpx.AsyncClient, url: str = "") -> None:
    """Return if the service at *url* answers that it is ready. Raises TransientError if it does not."""
    try:
        answer = await client.get(f"{url}/readyz")
    except httpx.HTTPError as error:
        raise TransientError(f"the services do not answer ({type(error).__name__})") from None
    if answer.is_error:
        raise TransientError("the services are not ready")
