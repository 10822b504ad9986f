"""An installation on this machine for a run from outside: each service a process that can be killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx

from bench.fault_injection import KillCounts, KillSchedule, worker
from bench.installation import SERVICES, Ground
from bench.public.access import INBOX, PublicAccess, settings
from bench.public.letters import FolderLetters
from habeas.embedded.company import fill, generate
from habeas.embedded.installation import COMPANY, EXAMPLE_MAP
from habeas.embedded.parts.broker import USER
from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.stack import Stack
from shared.runtime.broker import declare
from shared.runtime.mongo import connect

SEED = 1
PEOPLE_PER_REQUEST = 3
"""Customers for each request: two thirds ask for nothing."""


@dataclass(frozen=True, slots=True)
class KillableInstallation:
    """All parts, and who kills them."""

    access: PublicAccess
    killer: KillSchedule

    async def settle(self) -> None:
        """Make new queues survive a kill: the loss of young ones is not tried here."""
        await self.killer.stack.broker.settle()


@asynccontextmanager
async def installed(folder: Path, *, customers: int, seed: int) -> AsyncIterator[KillableInstallation]:
    """Start broker, database, mail catcher and services in *folder*, with the example company."""
    async with AsyncExitStack() as running:
        stack = await running.enter_async_context(Stack(folder / "stack"))
        await declare(stack.amqp_url)
        today = datetime.now(UTC).date()
        await fill(stack.mongo_url, generate(SEED, customers, today=today))
        client = connect(stack.mongo_url, app_name="habeas-bench")
        running.callback(client.close)
        http = await running.enter_async_context(httpx.AsyncClient(timeout=5))
        here, port = Ground(stack, folder, client, stack.smtp_url), free_port()
        url = f"http://{HOST}:{port}"
        company = {**settings(USER), "HABEAS_DATAMAP": str(EXAMPLE_MAP), "HABEAS_COMPANY": str(COMPANY)}
        inbox = free_port(besides=frozenset({port}))
        company["HABEAS_INBOX_ADDRESS"] = INBOX
        own = {"intake": {"HABEAS_HTTP_PORT": str(port), "HABEAS_INBOX_PORT": str(inbox)}}
        workers = {
            name: worker(name, here, http, {**company, "HABEAS_PUBLIC_URL": url, **own.get(name, {})})
            for name in SERVICES
        }
        await asyncio.gather(*(each.start() for each in workers.values()))
        for each in workers.values():
            running.push_async_callback(each.stop)
        letters = FolderLetters(stack.mail_folder)
        access = PublicAccess(url, stack.amqp_url, stack.mongo_url, letters, inbox=(HOST, inbox))
        yield KillableInstallation(access, KillSchedule(stack, workers, KillCounts(), Random(seed)))
