"""
The mail channel: letters go out over a bounded pool of kept-alive connections.

One rule: a caller learns which of three things happened. The letter was taken (no error); it was not taken
for sure (``MailUnavailable``, ``MailRefused``); nobody can know (``MailInDoubt``). No error has an address.
"""

import asyncio
import ssl
from dataclasses import dataclass
from datetime import timedelta

import aiosmtplib

from services.notifier.mime import addr_spec
from services.notifier.smtp import (
    Barred,
    Disconnected,
    MailboxFull,
    MailInDoubt,
    MailServer,
    NoSuchMailbox,
    Patience,
    SenderBlamed,
    hand_over,
)
from shared.errors import MailUnavailable

__all__ = [
    "Barred",
    "MailInDoubt",
    "MailboxFull",
    "NoSuchMailbox",
    "Patience",
    "SenderBlamed",
    "SmtpChannel",
]


@dataclass(frozen=True, slots=True)
class Idle:
    """A connection that waits for a letter."""

    client: aiosmtplib.SMTP
    since: float
    """Seconds of the event loop's clock."""


class SmtpChannel:
    """
    Sends letters through one mail server.

    Opens connections when they are needed, at most *connections*, and uses none again that was idle for
    longer than *idle_for*: something on the way may have forgotten it.
    """

    def __init__(
        self,
        url: str,
        *,
        connections: int = 16,
        patience: Patience = Patience(),  # noqa: B008 - frozen
        idle_for: timedelta = timedelta(seconds=30),
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self._server = MailServer.parse(url)
        self._connections = connections
        self._patience = patience
        self._idle_for = idle_for
        self._tls_context = tls_context
        self._free = asyncio.Semaphore(connections)
        self._idle: list[Idle] = []
        self._closing = False

    async def send(self, sender: str, recipient: str, message: bytes) -> None:
        """
        Return when the mail server has taken *message*.

        A connection that the server closed while it was idle is replaced once, without the caller's noticing.

        Args:
            sender: Envelope sender: where bounces go.
            recipient: Envelope recipient.
            message: RFC 5322 message, headers included.

        Raises:
            MailUnavailable: Not taken now; may be later.
            MailInDoubt: Handed over, but no answer came. A kind of ``MailUnavailable``.
            MailRefused: Never taken: the address or the message does not please the server.
        """
        addr_spec(sender), addr_spec(recipient)
        async with self._free:
            if self._closing:
                raise MailUnavailable("the mail channel is closed")
            client = self._pop_idle()
            if client is not None:
                try:
                    return await self._deliver(client, sender, recipient, message)
                except Disconnected:
                    pass
            try:
                await self._deliver(await self._open(), sender, recipient, message)
            except Disconnected:
                raise MailUnavailable("the mail server closed the connection") from None

    async def close(self) -> None:
        """Wait for the letters under way, then close every connection. Nothing can be sent afterwards."""
        self._closing = True
        for _ in range(self._connections):
            await self._free.acquire()
        idle, self._idle = self._idle, []
        await asyncio.gather(*(_say_goodbye(connection.client) for connection in idle))
        for _ in range(self._connections):
            self._free.release()

    async def _open(self) -> aiosmtplib.SMTP:
        return await self._server.connect(self._patience, self._tls_context)

    async def _deliver(self, client: aiosmtplib.SMTP, sender: str, recipient: str, message: bytes) -> None:
        try:
            await hand_over(client, sender, recipient, message, acceptance=self._patience.acceptance)
        finally:
            if client.is_connected:
                self._idle.append(Idle(client, asyncio.get_running_loop().time()))

    def _pop_idle(self) -> aiosmtplib.SMTP | None:
        """Return the connection used last, so that those beyond the need grow old and are closed."""
        oldest = asyncio.get_running_loop().time() - self._idle_for.total_seconds()
        while self._idle:
            idle = self._idle.pop()
            if idle.client.is_connected and idle.since >= oldest:
                return idle.client
            idle.client.close()
        return None


async def _say_goodbye(client: aiosmtplib.SMTP) -> None:
    try:
        await client.quit()
    except (aiosmtplib.SMTPException, OSError):
        client.close()
