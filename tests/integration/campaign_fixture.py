"""Campaigns on a real broker, database and mail server: a sealed and released breach."""

import base64
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.breach_fixture import Breach, letters_in
from habeas.embedded.parts.ports import dial, free_port
from habeas.embedded.parts.process import Command, Process
from habeas.embedded.stack import Stack
from shared.contract.envelope import STRUCTURED, encode
from shared.contract.events import Fact
from shared.contract.topology import EVENTS
from shared.runtime.broker import Message
from shared.runtime.mongo import Document
from shared.runtime.vault import Vault
from tests.integration.pipeline import Heard, Pipeline, now, prepared
from tests.waiting import eventually

WITHIN = timedelta(seconds=120)


@dataclass(frozen=True, slots=True)
class Campaigner:
    """Releases notices, and sees what becomes of them."""

    pipeline: Pipeline
    heard: Heard

    @property
    def vault(self) -> Vault:
        """The vault of the installation."""
        key = base64.b64decode(self.pipeline.settings["HABEAS_MASTER_KEY"])
        return Vault(self.pipeline.client, prefix=self.pipeline.prefix, master_key=key)

    async def tell(self, *facts: Fact) -> None:
        """Publish *facts*."""
        await self.pipeline.announce(*(message_of(fact) for fact in facts))

    async def release(self, breach: Breach) -> None:
        """Let the notices go."""
        await self.tell(breach.released())

    async def notified(self, breach: Breach, within: timedelta = WITHIN) -> dict[str, Any]:
        """Return what is told once every batch is through."""

        def told() -> list[dict[str, Any]]:
            return self.heard.of(breach.incident, "breach.notified")

        return dict((await eventually(told, within))[-1]["data"])

    async def ledgers(self, breach: Breach) -> list[Document]:
        """Return the ledgers of *breach*, in the order of its batches."""
        found = self.pipeline.client[f"{self.pipeline.prefix}_campaigns"]["ledgers"]
        return [one async for one in found.find({"incident": breach.incident}).sort("chunk")]


def message_of(fact: Fact) -> Message:
    """Return *fact* as it is published."""
    id_ = uuid.uuid4().hex
    body = encode(fact, id=id_, source="habeas/test", time=now())
    return Message(EVENTS, fact.TYPE, body, id_, STRUCTURED, mandatory=False)


@dataclass(frozen=True, slots=True)
class Sink:
    """A mail server that notes whom it took letters for."""

    url: str
    log: Path

    def letters(self) -> Mapping[str, list[str]]:
        """Return by recipient the ids of what was taken."""
        return letters_in(self.log.read_bytes()) if self.log.exists() else {}


@asynccontextmanager
async def sink(folder: Path) -> AsyncIterator[Sink]:
    """Run a sink."""
    port, log = free_port(), folder / "taken.log"
    command = Command(
        (sys.executable, "-m", "bench.mail_sink", str(port), str(log)), Path.cwd(), folder / "sink.log"
    )
    process = await Process.start(command)
    try:
        await process.until(lambda: dial(port), WITHIN)
        yield Sink(f"smtp://127.0.0.1:{port}", log)
    finally:
        await process.stop(WITHIN)


@asynccontextmanager
async def campaigning(
    parts: Stack | None, folder: Path, smtp_url: str, **changes: str
) -> AsyncIterator[Campaigner]:
    """Make everything ready but the notifier, which is still to be started."""
    changes = {"HABEAS_SMTP_URL": smtp_url, **changes}
    async with (
        prepared(parts, folder, customers=0, console=False, **changes) as pipeline,
        pipeline.listening() as heard,
    ):
        yield Campaigner(pipeline, heard)
