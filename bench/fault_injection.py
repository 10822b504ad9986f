"""
Processes killed and restarted in a crash run: the services, the broker, the database.

A kill is SIGKILL to the process and its children. A process that ends by itself is restarted too, as by an
orchestrator, and counted.
"""

import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx

from bench.installation import SERVICES, Ground, environment
from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.parts.process import Command, Process, require_ready
from habeas.embedded.stack import Stack, StackPart
from shared.errors import ConfigurationError

WEIGHTS = {
    "intake": 3,
    "verifier": 2,
    "fulfillment": 4,
    "notifier": 4,
    StackPart.BROKER: 2,
    StackPart.DATABASE: 2,
}
"""How often each is killed, against the others."""
READY_WITHIN = timedelta(seconds=60)
STOP_WITHIN = timedelta(seconds=30)
BREATH_S = 0.5
"""Between two kills, at least."""
LOOK_S = 0.1


@dataclass(slots=True)
class Worker:
    """A service in a process of its own."""

    name: str
    command: Command
    url: str
    http: httpx.AsyncClient
    process: Process | None = None

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self.process is not None and self.process.running

    async def start(self) -> None:
        """
        Start it; return when it is ready.

        Raises:
            ConfigurationError: It ended instead, or does not get ready.
        """
        self.process = await Process.start(self.command)
        await self.process.until(partial(require_ready, self.http, self.url), READY_WITHIN)

    async def kill(self) -> None:
        """Kill it."""
        if self.process is not None:
            await self.process.kill()

    async def stop(self) -> None:
        """Ask it to end."""
        if self.process is not None:
            await self.process.stop(STOP_WITHIN)


def worker(name: str, here: Ground, http: httpx.AsyncClient, settings: Mapping[str, str] = {}) -> Worker:
    """Return the service *name*, not started yet; *settings* precede those of :func:`environment`."""
    port = free_port()
    ports = {"HABEAS_HTTP_PORT": "0", "HABEAS_OPS_PORT": str(port)}
    arguments = (sys.executable, "-m", f"services.{name}")
    everything = {**os.environ, **environment(here), **ports, **settings}
    command = Command(arguments, Path.cwd(), here.folder / f"{name}.log", everything)
    return Worker(name, command, f"http://{HOST}:{port}", http)


@dataclass(slots=True)
class KillCounts:
    """What was killed, and how long it was away."""

    kills: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    """Services that ended by themselves."""
    recoveries: dict[str, list[float]] = field(default_factory=dict)
    """Seconds from the kill until it was ready again."""

    def recovered(self, name: str, seconds: float) -> None:
        """Note that *name* is ready again."""
        self.recoveries.setdefault(name, []).append(seconds)


@dataclass(slots=True)
class KillSchedule:
    """Kills and revives."""

    stack: Stack
    workers: dict[str, Worker]
    counts: KillCounts
    dice: random.Random
    away: set[str] = field(default_factory=set)
    """Who is being started again."""

    async def carry_out(self, victims: Sequence[str], progress: Callable[[], float]) -> None:
        """Kill those of *victims* in turn, spread over the run by its *progress* from 0 to 1."""
        async with asyncio.TaskGroup() as group:
            for place, name in enumerate(victims):
                due = (place + self.dice.random()) / (len(victims) + 1)
                while progress() < due or name in self.away:  # noqa: ASYNC110 - progress is a number, no event
                    await asyncio.sleep(LOOK_S)
                began = time.monotonic()
                await self._kill(name)
                group.create_task(self._revive(name, began))
                await asyncio.sleep(BREATH_S)

    async def watch(self) -> None:
        """Start again whoever ends by itself; until cancelled."""
        while True:
            for name, worker_ in self.workers.items():
                if name not in self.away and not worker_.running:
                    self.away.add(name)
                    self.counts.ended[name] += 1
                    await self._revive(name, time.monotonic())
            await asyncio.sleep(LOOK_S)

    async def _kill(self, name: str) -> None:
        self.away.add(name)
        self.counts.kills[str(name)] += 1
        if name in self.workers:
            await self.workers[name].kill()
        else:
            await self.stack.kill(StackPart(name))

    async def _revive(self, name: str, began: float) -> None:
        start = (
            self.workers[name].start if name in self.workers else partial(self.stack.start, StackPart(name))
        )
        while True:
            try:
                await start()
            except ConfigurationError:
                if name not in self.workers:
                    raise
                self.counts.ended[name] += 1
            else:
                break
        self.counts.recovered(str(name), time.monotonic() - began)
        self.away.discard(name)


def victims_of(kills: int, dice: random.Random) -> list[str]:
    """Return who is killed, in order: everybody once where *kills* suffices, the rest by weight."""
    everybody = [*map(str, WEIGHTS)]
    drawn = dice.choices(everybody, list(WEIGHTS.values()), k=max(kills - len(everybody), 0))
    victims = [*everybody, *drawn][:kills]
    dice.shuffle(victims)
    return victims


def service_recoveries(counts: KillCounts) -> list[float]:
    """Return how long each killed service was away, in seconds."""
    return [seconds for name in SERVICES for seconds in counts.recoveries.get(name, ())]
