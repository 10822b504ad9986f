"""
Server process with the product loaded; forks a child per message on standard input, which runs a module.

A second child waits for each of them and reports its end, since the server is busy with the next message.
"""

import ctypes
import functools
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
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

    def watch(self, child: int) -> None:
        """Wait until *child* has ended, and tell how."""
        for output in self.files[:2]:
            os.close(output)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(self.files[2], b"%d\n" % code)


def end_with_the_parent() -> None:
    PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL)


def next_life(orders: socket.socket) -> Life:
    """Return what this copy is to do; the one that is copied never does, and ends when nobody orders more."""
    while True:
        message, files, _, _ = socket.recv_fds(orders, LONGEST, 3)
        if not message:
            sys.exit()
        life = Life(**json.loads(message), files=files)
        if not os.fork():
            end_with_the_parent()
            orders.close()
            if not (child := os.fork()):
                return life
            life.watch(child)
            os._exit(0)
        for file in files:
            os.close(file)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


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
    runpy.run_module(life.module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
