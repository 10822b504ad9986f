"""A code overtakes a backlog of other letters: in the broker, in the process and at the mail server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from aiosmtpd.smtp import SMTP

from habeas.embedded.stack import Stack
from shared.contract.codes import ALONE
from shared.contract.events import PackageCodeIssued
from shared.runtime.broker import Parking
from tests.integration.case_events import Writer
from tests.integration.mail_server import Gate, MailHost, running
from tests.integration.pipeline import Pipeline, now, prepared
from tests.waiting import eventually

BACKLOG = 500
"""Far more letters than the notifier holds, and than it has connections for."""
PERSON = "ada@example.org"
MAIL_CONNECTIONS = 8


class Slow:
    """Takes codes at once, and holds every other letter until it is let out."""

    def __init__(self) -> None:
        self.gate = Gate()

    async def __call__(self, server: SMTP) -> str:
        assert server.envelope is not None
        if PERSON in server.envelope.rcpt_tos and ALONE.search(_words(server)):
            return "250 2.0.0 Taken"
        return await self.gate(server)


def _words(server: SMTP) -> str:
    content = server.envelope.original_content if server.envelope else None
    return (content or b"").decode().replace("\r\n", "\n")


@asynccontextmanager
async def choked(parts: Stack | None, folder: Path) -> AsyncIterator[tuple[Pipeline, MailHost, Writer]]:
    """Run the notifier before a mail server that takes nothing but codes, with a backlog in its queue."""
    async with (
        running(MailHost({"DATA": Slow()})) as host,
        prepared(
            parts,
            folder,
            customers=0,
            HABEAS_SMTP_URL=host.url,
            HABEAS_MAIL_CONNECTIONS=f"{MAIL_CONNECTIONS}",
        ) as pipeline,
    ):
        await pipeline.start("notifier")
        writer = Writer(pipeline)
        await writer.register(*(f"person{n}@example.net" for n in range(BACKLOG)))
        await eventually(lambda: host.busy == MAIL_CONNECTIONS * 3 // 4)
        yield pipeline, host, writer


async def waiting(pipeline: Pipeline, queue: str) -> int:
    """Return how many messages nobody has been given yet."""
    async with Parking(pipeline.amqp_url, queue) as parking:
        return len([delivery async for delivery in parking])


async def test_a_code_overtakes_a_backlog_and_its_own_acknowledgement(
    parts: Stack | None, tmp_path: Path
) -> None:
    async with choked(parts, tmp_path) as (pipeline, host, writer):
        [case] = await writer.register(PERSON)
        await writer.challenge(case, "402815")
        await eventually(lambda: host.taken, at_once=True)
        assert [recipient for _, recipient, _ in host.taken] == [PERSON]
        assert await waiting(pipeline, "notifier") > BACKLOG // 2, "the others wait in the broker"
        await pipeline.kill()


async def test_a_code_for_a_package_overtakes_a_backlog(parts: Stack | None, tmp_path: Path) -> None:
    async with choked(parts, tmp_path) as (pipeline, host, writer):
        [case] = await writer.register(PERSON)
        await writer.seal_code(case, "package_code_0", "402815")
        expires_at = now() + timedelta(minutes=30)
        await writer.tell(PackageCodeIssued(request_id=case, ref="package_code_0", expires_at=expires_at))
        await eventually(lambda: host.taken, at_once=True)
        assert [recipient for _, recipient, _ in host.taken] == [PERSON]
        await pipeline.kill()


async def test_every_letter_of_the_backlog_goes_out_when_the_server_is_quick_again(
    parts: Stack | None, tmp_path: Path
) -> None:
    async with choked(parts, tmp_path) as (pipeline, host, _):
        slow = host.steps["DATA"]
        assert isinstance(slow, Slow)
        slow.gate.open.set()
        await eventually(lambda: len(host.taken) >= BACKLOG)
        assert len({recipient for _, recipient, _ in host.taken}) == len(host.taken) == BACKLOG
        assert host.most_busy <= MAIL_CONNECTIONS
        await pipeline.stop()
