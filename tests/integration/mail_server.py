"""A real mail server (aiosmtpd) on the loopback with scripted behaviour."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from aiosmtpd.smtp import SMTP

from services.notifier.smtp.conversation import Patience
from services.notifier.smtp.mail_channel import SmtpChannel
from shared.errors import HabeasError

SENDER, RECIPIENT = "privacy@example.com", "amelia.ferreira@example.org"
LETTER = b"Message-ID: <1@example.com>\r\n\r\n.a line with a dot in front\r\nGood day\r\n"
IMPATIENT = Patience(answer=timedelta(milliseconds=300), acceptance=timedelta(milliseconds=300))

Answer = Callable[[SMTP], Awaitable[str]]


def say(answer: str) -> Answer:
    async def step(_: SMTP) -> str:
        return answer

    return step


async def hang_up(server: SMTP) -> str:
    """Cut the wire."""
    assert isinstance(server.transport, asyncio.WriteTransport)
    server.transport.abort()
    return "250 nobody hears this"


async def keep_silent(_: SMTP) -> str:
    """Never answer; the test's end cancels the wait."""
    await asyncio.Event().wait()
    return ""


class Gate:
    """An answer that comes when it is let out."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, _: SMTP) -> str:
        await self.open.wait()
        return "250 2.0.0 Taken"


@dataclass
class MailHost:
    """A mail server that does at each step (MAIL, RCPT, DATA) what the test wants, and keeps what it took."""

    steps: dict[str, Answer] = field(default_factory=dict)
    pipelining: ClassVar[bool] = True
    """Whether it says that it takes commands together."""
    port: int = 0
    taken: list[tuple[str, str, bytes]] = field(default_factory=list)
    open: list[SMTP] = field(default_factory=list)
    connections: int = 0
    busy: int = 0
    most_busy: int = 0

    async def answer(self, step: str, server: SMTP) -> str:
        return await self.steps.get(step, say("250 2.0.0 Fine"))(server)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_EHLO(  # noqa: N802 - aiosmtpd calls it so
        self, _: SMTP, session: Any, __: object, hostname: str, offers: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*offers[:-1], *(["250-PIPELINING"] if self.pipelining else []), offers[-1]]

    async def handle_MAIL(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, _: object, envelope: Any, address: str, options: list[str]
    ) -> str:
        answer = await self.answer("MAIL", server)
        if answer.startswith("2"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, _: object, envelope: Any, address: str, __: list[str]
    ) -> str:
        answer = await self.answer("RCPT", server)
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, _: object, envelope: Any
    ) -> str:
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        try:
            answer = await self.answer("DATA", server)
        finally:
            self.busy -= 1
        if answer.startswith("2"):
            self.taken.append((envelope.mail_from, *envelope.rcpt_tos, envelope.original_content))
        return answer

    def greet(self, **options: Any) -> SMTP:
        self.connections += 1
        server = SMTP(
            self,
            hostname="mail.example.com",
            loop=asyncio.get_running_loop(),
            enable_SMTPUTF8=True,
            **options,
        )
        self.open.append(server)
        return server

    def hang_up_on_all(self) -> None:
        for server in self.open:
            if server.transport is not None:
                server.transport.close()
        self.open.clear()


@asynccontextmanager
async def running(
    host: MailHost, *, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[MailHost]:
    server = await asyncio.get_running_loop().create_server(
        lambda: host.greet(**options), "127.0.0.1", 0, ssl=tls
    )
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        server.close()
        host.hang_up_on_all()
        await server.wait_closed()


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[SmtpChannel]:
    channel = SmtpChannel(url, **options)
    try:
        yield channel
    finally:
        await channel.close()


async def failure(channel: SmtpChannel, recipient: str = RECIPIENT) -> HabeasError:
    with pytest.raises(HabeasError) as caught:
        await channel.send(SENDER, recipient, LETTER)
    told = f"{caught.value!r} {caught.value.__cause__!r}"
    assert "amelia" not in told
    assert "privacy@" not in told
    assert caught.value.__suppress_context__ or caught.value.__context__ is None, "a traceback would show it"
    return caught.value
