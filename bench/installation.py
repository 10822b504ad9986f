"""The product under measurement: embedded broker and database, a sink for mail, one process per service."""

import asyncio
import base64
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx

from bench.processes import cpu_seconds
from habeas.embedded.parts.broker import USER
from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.parts.process import Command, Process, require_ready
from habeas.embedded.stack import Stack, StackPart
from shared.contract.sources import ALL
from shared.errors import TransientError
from shared.runtime.broker import declare
from shared.runtime.mongo import Client, connect

SOURCE = "bench"
"""CloudEvents source of the load; its log-in is trusted, so that no code is asked for."""
MASTER_KEY = bytes(range(32))
SERVICES = ("intake", "verifier", "fulfillment", "notifier")
WITHIN = timedelta(seconds=60)
MAP = """\
dataset:
  - fides_key: shop
    name: Shop
    collections:
      - name: users
        description: Accounts
        meta: {habeas: {erasure: delete, purpose: To serve customers}}
        fields:
          - name: _id
            data_categories: [system.operations]
            fides_meta: {primary_key: true, data_type: long}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {data_type: string, identity: email}
          - name: name
            data_categories: [user.name]
            fides_meta: {data_type: string}
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """Broker, database and mail sink, and where they are."""

    stack: Stack
    folder: Path
    client: Client
    smtp_url: str

    @property
    def parts(self) -> Mapping[str, int]:
        """Process ids by name."""
        return {part.value: self.stack.pid(part) for part in (StackPart.BROKER, StackPart.DATABASE)}


@asynccontextmanager
async def ground(folder: Path) -> AsyncIterator[Ground]:
    """Start everything that is not ours."""
    async with Stack(folder / "stack") as stack:
        await declare(stack.amqp_url)
        port = free_port()
        command = Command(
            (sys.executable, "-m", "bench.mail_sink", str(port)), Path.cwd(), folder / "sink.log"
        )
        sink = await Process.start(command)
        client = connect(stack.mongo_url, app_name="habeas-bench")
        try:
            await sink.until(lambda: _listening(port), WITHIN)
            yield Ground(stack, folder, client, f"smtp://{HOST}:{port}")
        finally:
            client.close()
            await sink.stop(WITHIN)


async def _listening(port: int) -> None:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        raise TransientError("the sink does not listen yet") from None
    writer.close()


@dataclass(frozen=True, slots=True)
class Services:
    """The running services."""

    processes: Sequence[Process]
    ready_after_s: float

    @property
    def pids(self) -> list[int]:
        """Process ids."""
        return [process.pid for process in self.processes]


@asynccontextmanager
async def services(
    here: Ground, groups: Sequence[str] = SERVICES, settings: Mapping[str, str] = {}
) -> AsyncIterator[Services]:
    """
    Start a process per group of services (names joined by a blank); wait until all are ready.

    *settings* are added to those of :func:`environment`.
    """
    (here.folder / "map").mkdir(exist_ok=True)
    (here.folder / "map" / "shop.yml").write_text(MAP, encoding="utf-8")
    if "users" not in await here.client["shop"].list_collection_names():  # else fulfillment is not ready
        await here.client["shop"].create_collection("users")
    ports = [free_port() for _ in groups]
    began = time.perf_counter()
    processes = [
        await Process.start(_command(here, names, port, settings))
        for names, port in zip(groups, ports, strict=True)
    ]
    try:
        async with httpx.AsyncClient(timeout=5) as client:
            for process, port in zip(processes, ports, strict=True):
                await process.until(partial(require_ready, client, f"http://{HOST}:{port}"), WITHIN)
        yield Services(processes, time.perf_counter() - began)
    finally:
        await asyncio.gather(*(process.stop(WITHIN) for process in processes))


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU time that was spent, in seconds."""

    services: float
    broker: float
    database: float

    @property
    def total(self) -> float:
        """The sum."""
        return self.services + self.broker + self.database

    def since(self, before: "Costs", count: float) -> "Costs":
        """Return the CPU time spent since *before*, in milliseconds for each of *count*."""
        spent = (after - was for after, was in zip(astuple(self), astuple(before), strict=True))
        return Costs(*(seconds * 1000 / count for seconds in spent))


def costs(here: Ground, running: Services) -> Costs:
    """Return the CPU time spent so far."""
    broker, database = (cpu_seconds([pid]) for pid in here.parts.values())
    return Costs(cpu_seconds(running.pids), broker, database)


def _command(here: Ground, names: str, port: int, settings: Mapping[str, str]) -> Command:
    arguments = (sys.executable, "-m", "habeas", "serve", *names.split())
    log = here.folder / f"{names.replace(' ', '+')}.log"
    return Command(
        arguments,
        Path.cwd(),
        log,
        {
            **os.environ,
            **environment(here),
            "HABEAS_HTTP_PORT": "0",
            "HABEAS_OPS_PORT": str(port),
            **settings,
        },
    )


def environment(here: Ground) -> dict[str, str]:
    """Return the settings of the services."""
    return {
        "HABEAS_AMQP_URL": here.stack.amqp_url,
        "HABEAS_MONGO_URL": here.stack.mongo_url,
        "HABEAS_SMTP_URL": here.smtp_url,
        "HABEAS_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
        "HABEAS_DATAMAP": str(here.folder / "map"),
        "HABEAS_SOURCES": json.dumps({USER: [ALL, SOURCE]}),
        "HABEAS_CODES_OFFERED_PER_HOUR": "1000000",
        "HABEAS_TRUSTED_SOURCES": json.dumps([SOURCE]),
        "HABEAS_CONFIRMING_SOURCES": json.dumps([SOURCE]),
        "HABEAS_ERASURE_WINDOW": "PT0S",
        "HABEAS_LETTERS_PER_DAY": "1000000",
        "HABEAS_MAIL_FROM": "Example Privacy <privacy@example.com>",
    }
