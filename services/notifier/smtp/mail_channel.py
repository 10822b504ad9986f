"""
The mail channel: letters go out over a bounded pool of kept-alive connections.

One rule: a caller learns which of three things happened. The letter was taken (no error); it was not taken
for sure (``MailUnavailable``, ``MailRefused``); it is unknown (``MailInDoubt``). No error has an address.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta

from services.notifier.letters.mime import Wired, addr_spec, wired
from services.notifier.smtp.conversation import Conversation, Patience
from services.notifier.smtp.server import Disconnected, MailServer, Unreachable, hand_over
from shared.errors import MailUnavailable
from shared.runtime import traces
from shared.runtime.metrics import histogram

_SMTP = histogram(
    "habeas_smtp_seconds",
    "Time to hand a letter to the mail server, with that of opening a connection where there was none.",
    "outcome",
)
ASK_AGAIN_S = 5.0
"""Between two attempts at a further connection, where the server took fewer than we want."""


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
        self._idle: list[tuple[Conversation, float]] = []
        """Connections that wait for a letter, since a moment of the event loop's clock."""
        self._lines: set[MailConnection] = set()
        self._opening = 0
        self._changed = asyncio.Event()
        """Rung when a connection is to be had that was not before, or one less can be waited for."""
        self._closing = False

    async def send(self, sender: str, recipient: str, message: bytes) -> str:
        """
        Return the mail server's answer when it had taken *message*; *sender* is where bounces go.

        A connection that the server closed while it was idle is replaced once, without the caller's noticing.

        Raises:
            MailUnavailable: Not taken now; may be later.
            MailInDoubt: Handed over, but no answer came. A kind of ``MailUnavailable``.
            MailRefused: Never taken: the address or the message does not please the server.
        """
        addr_spec(sender), addr_spec(recipient)
        async with self.line() as line:
            return await line.send(sender, recipient, wired(message))

    @asynccontextmanager
    async def line(self) -> AsyncIterator["MailConnection"]:
        """
        Wait until a connection is free, and keep it to the end of the block, for one letter after another.

        A server may take fewer than we want: then those it has taken serve all, one after the other.

        Raises:
            Unreachable: There is none to be had, and none in use that could be waited for.
            MailUnavailable: The channel is closed, or the server takes nothing from us.
        """
        async with self._free:
            line = MailConnection(self, await self._connection())
            self._lines.add(line)
            try:
                yield line
            finally:
                self._lines.remove(line)
                line.give_back()
                self._changed.set()

    async def ping(self) -> None:
        """
        Open and close a connection, unless letters are under way on one.

        Raises:
            MailUnavailable: The server takes no connection, or not our log-in.
        """
        if not any(line.is_open for line in self._lines):
            client = await self.open()
            await client.quit()

    async def close(self) -> None:
        """Wait for the letters under way, then close every connection. Nothing can be sent afterwards."""
        self._closing = True
        for _ in range(self._connections):
            await self._free.acquire()
        idle, self._idle = self._idle, []
        await asyncio.gather(*(client.quit() for client, _ in idle))
        for _ in range(self._connections):
            self._free.release()

    async def _connection(self) -> Conversation:
        """Return a connection that is kept, a new one, or the next that is given back."""
        while not self._closing:
            client = self.kept()
            try:
                return client or await self.open()
            except Unreachable as refused:
                await self._wait_for_another(refused)
        raise MailUnavailable("the mail channel is closed")

    async def _wait_for_another(self, refused: Unreachable) -> None:
        """Wait a moment for one that is in use; raise *refused* where none is."""
        loop = asyncio.get_running_loop()
        until = loop.time() + ASK_AGAIN_S
        while not self._idle and loop.time() < until:
            if not self._opening and not any(line.is_open for line in self._lines):
                raise refused
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), until - loop.time())

    async def open(self) -> Conversation:
        """Open a connection."""
        self._opening += 1
        try:
            return await self._server.connect(self._patience, self._tls_context)
        finally:
            self._opening -= 1
            self._changed.set()

    def keep(self, client: Conversation) -> None:
        """Keep an idle connection."""
        self._idle.append((client, asyncio.get_running_loop().time()))
        self._changed.set()

    def kept(self) -> Conversation | None:
        """Return the connection used last, so that those beyond the need grow old and are closed."""
        oldest = asyncio.get_running_loop().time() - self._idle_for.total_seconds()
        while self._idle:
            client, since = self._idle.pop()
            if client.is_open and since >= oldest:
                return client
            client.close()
        return None


class MailConnection:
    """One connection's worth of a channel: at every moment it carries one letter at most."""

    def __init__(self, channel: SmtpChannel, client: Conversation) -> None:
        self._channel = channel
        self._client: Conversation | None = client

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._client is not None and self._client.is_open

    async def send(self, sender: str, recipient: str, message: Wired) -> str:
        """Send a message in wire form as :meth:`SmtpChannel.send` does."""
        with _timed(), traces.span("smtp"):
            return await self._send(sender, recipient, message)

    async def _send(self, sender: str, recipient: str, message: Wired) -> str:
        client = self._client if self.is_open else self._channel.kept()
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


@contextmanager
def _timed() -> Iterator[None]:
    """Record the time of the block, and whether the letter was taken in it."""
    started, outcome = time.perf_counter(), "not_taken"
    try:
        yield
        outcome = "taken"
    finally:
        _SMTP.labels(outcome).observe(time.perf_counter() - started)
