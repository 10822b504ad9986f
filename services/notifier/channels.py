"""
The mail channel: letters go out over a bounded pool of kept-alive connections.

One rule: a caller learns which of three things happened. The letter was taken (no error); it was not taken
for sure (``MailUnavailable``, ``MailRefused``); nobody can know (``MailInDoubt``). No error has an address.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from services.notifier.conversation import Conversation, Patience
from services.notifier.mime import addr_spec
from services.notifier.smtp import (
    Barred,
    Disconnected,
    MailboxFull,
    MailInDoubt,
    MailServer,
    NoSuchMailbox,
    Objected,
    SenderBlamed,
    Unreachable,
    hand_over,
)
from services.notifier.wire import Wired, wired
from shared.errors import MailUnavailable

__all__ = [
    "Barred",
    "MailInDoubt",
    "MailboxFull",
    "NoSuchMailbox",
    "Objected",
    "Patience",
    "SenderBlamed",
    "SmtpChannel",
    "Unreachable",
]


@dataclass(frozen=True, slots=True)
class Idle:
    """A connection that waits for a letter."""

    client: Conversation
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

    async def send(self, sender: str, recipient: str, message: bytes) -> str:
        """
        Return what the mail server said when it had taken *message*.

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
        async with self.line() as line:
            return await line.send(sender, recipient, wired(message))

    @asynccontextmanager
    async def line(self) -> AsyncIterator["Line"]:
        """
        Wait until a connection is free, and keep it to the end of the block, for one letter after another.

        Raises:
            MailUnavailable: The channel is closed.
        """
        async with self._free:
            if self._closing:
                raise MailUnavailable("the mail channel is closed")
            line = Line(self)
            try:
                yield line
            finally:
                line.give_back()

    async def close(self) -> None:
        """Wait for the letters under way, then close every connection. Nothing can be sent afterwards."""
        self._closing = True
        for _ in range(self._connections):
            await self._free.acquire()
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.client.quit() for connection in idle))
        for _ in range(self._connections):
            self._free.release()

    async def open(self) -> Conversation:
        """Open a connection."""
        return await self._server.connect(self._patience, self._tls_context)

    def keep(self, client: Conversation) -> None:
        """Keep a connection that nobody uses now."""
        self._idle.append(Idle(client, asyncio.get_running_loop().time()))

    def kept(self) -> Conversation | None:
        """Return the connection used last, so that those beyond the need grow old and are closed."""
        oldest = asyncio.get_running_loop().time() - self._idle_for.total_seconds()
        while self._idle:
            idle = self._idle.pop()
            if idle.client.is_open and idle.since >= oldest:
                return idle.client
            idle.client.close()
        return None


class Line:
    """One connection's worth of a channel: at every moment it carries one letter at most."""

    def __init__(self, channel: SmtpChannel) -> None:
        self._channel = channel
        self._client: Conversation | None = None

    async def send(self, sender: str, recipient: str, message: Wired) -> str:
        """Send as :meth:`SmtpChannel.send` does what is ready for the wire."""
        client = self._client if self._client and self._client.is_open else self._channel.kept()
        if client is not None:
            try:
                return await self._deliver(client, sender, recipient, message)
            except Disconnected:
                pass
        try:
            return await self._deliver(await self._channel.open(), sender, recipient, message)
        except Disconnected:
            raise MailUnavailable("the mail server closed the connection") from None

    def give_back(self) -> None:
        """Leave the connection to the next."""
        client, self._client = self._client, None
        if client is not None and client.is_open:
            self._channel.keep(client)

    async def _deliver(self, client: Conversation, sender: str, recipient: str, message: Wired) -> str:
        self._client = client
        return await hand_over(client, sender, recipient, message)
