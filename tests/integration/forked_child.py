"""
Server process with the product loaded; forks a child per message on standard input, which runs a module.

It reports the end of each of them, too.
"""

import atexit
import ctypes
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import typer.main

from shared.law import calendars, library

LOADED = (
    "habeas.cli",
    "habeas.client.decisions",
    "habeas.client.identity",
    "habeas.client.staff",
    *(f"services.{name}.bootstrap" for name in ("intake", "verifier", "fulfillment", "notifier", "console")),
    "anyio._backends._asyncio",
    "httpcore",
    "pydantic.v1",
)
"""What a child would import, also the modules that others import when they first need them."""
LONGEST = 200_000
"""Bytes of a message."""
PR_SET_PDEATHSIG = 1
"""prctl(2)."""
PRCTL = ctypes.CDLL(None).prctl


@dataclass(frozen=True, slots=True)
class Life:
    """What a copy is to do, and with what."""

    module: str
    arguments: list[str]
    folder: str
    environment: dict[str, str]
    files: list[int]
    """Standard output, standard error, and where is told as what it began and how it ended."""

    def begin(self) -> None:
        """Be what a new process would be."""
        os.setsid()
        end_with_the_parent()
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.environment)
        *outputs, tells = self.files
        for place, file in enumerate([os.open(os.devnull, os.O_RDONLY), *outputs]):
            os.dup2(file, place)
            os.close(file)
        sys.argv = [self.module, *self.arguments]
        os.write(tells, b"%d\n" % os.getpid())
        os.close(tells)


def end_with_the_parent() -> None:
    PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL)


def next_life(orders: socket.socket) -> Life:
    """Return what this copy is to do; the one that is copied never does, and ends when nobody orders more."""
    ends = Ends()
    while True:
        ready, _, _ = select.select([orders.fileno(), ends.signals], [], [])
        if ends.signals in ready:
            ends.report()
        if orders.fileno() not in ready:
            continue
        message, files, _, _ = socket.recv_fds(orders, LONGEST, 3)
        if not message:
            sys.exit()
        life = Life(**json.loads(message), files=files)
        if not (child := os.fork()):
            end_with_the_parent()
            orders.close()
            ends.forget()
            return life
        ends.expect(child, life)


class Ends:
    """The ends of the copies: each is reported where its :class:`Life` says."""

    def __init__(self) -> None:
        self.signals, self._signalled = os.pipe()
        os.set_blocking(self._signalled, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler, none is noted in the pipe
        signal.set_wakeup_fd(self._signalled, warn_on_full_buffer=False)
        self._reports: dict[int, int] = {}

    def expect(self, child: int, life: Life) -> None:
        """Report the end of *child*, and keep open nothing else of it."""
        *outputs, self._reports[child] = life.files
        for output in outputs:
            os.close(output)

    def report(self) -> None:
        """Report each end that was signalled."""
        os.read(self.signals, LONGEST)
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                report = self._reports.pop(ended[0])
                with suppress(BrokenPipeError):
                    os.write(report, b"%d\n" % os.waitstatus_to_exitcode(ended[1]))
                os.close(report)

    def forget(self) -> None:
        """Close, in a copy, what belongs to the ends of others."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for file in (self.signals, self._signalled, *self._reports.values()):
            os.close(file)


def load() -> None:
    """Import the product, read its policies and make its command: no setting changes what comes of it."""
    for name in LOADED:
        importlib.import_module(name)
    library.policies()
    library.breach_policies()
    calendars.calendar_named("DE")
    typer.main.get_command = functools.cache(typer.main.get_command)
    command: Any = typer.main.get_command(sys.modules["habeas.cli"].app)
    dict(command.commands)  # imports the module of each


def main() -> None:
    """Load everything, and live the lives that are ordered."""
    load()
    gc.collect()
    gc.freeze()  # else every copy looks through all of it for garbage, and has to have its own
    life = next_life(socket.socket(fileno=os.dup(sys.stdin.fileno())))
    life.begin()
    run(life.module)


def run(module: str) -> None:
    """
    Run *module*, and end as Python does, but for the objects that were there before.

    Python takes all of them apart at its end, and with that copies their memory first: half of what a command
    took.
    """
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        code = end.code or 0
    # Waits for threads.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
