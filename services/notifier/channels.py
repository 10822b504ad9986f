"""
The mail server: letters go out over a bounded pool of kept-alive connections.

One rule: a caller learns which of three things happened. The letter was taken (no error); it was not taken
for sure (``MailUnavailable``, ``MailRefused``); nobody can know (``MailInDoubt``). No error has an address.
"""

import asyncio
import socket
import ssl
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import aiosmtplib

from services.notifier.mime import addr_spec
from services.notifier.smtp import Disconnected, MailInDoubt, Patience, Session
from shared.errors import ConfigurationError, MailUnavailable

__all__ = ["MailInDoubt", "Patience", "SmtpChannel"]

SMTP_PORT, SUBMISSION_PORT, SMTPS_PORT = 25, 587, 465


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where the mail server is and how it is spoken to."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool
    starttls: bool

    @classmethod
    def parse(cls, url: str) -> "MailServer":
        """
        Read ``smtp://user:pass@host:port``, ``smtps://…``, ``…?starttls=true``.

        Raises:
            ConfigurationError: It is something else. The URL, which holds a password, is not quoted.
        """
        try:
            parts = urlsplit(url)
            return cls._from_parts(parts, starttls=_starttls(parts))
        except ValueError as error:
            raise ConfigurationError(f"HABEAS_SMTP_URL: {error}") from None

    @classmethod
    def _from_parts(cls, parts: SplitResult, *, starttls: bool) -> "MailServer":
        tls = parts.scheme == "smtps"
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("expected smtp://host:port or smtps://host:port")
        if tls and starttls:
            raise ValueError("smtps:// is encrypted from the start; leave out starttls")
        default_port = SMTPS_PORT if tls else SUBMISSION_PORT if starttls else SMTP_PORT
        return cls(
            host=parts.hostname,
            port=parts.port or default_port,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=tls,
            starttls=starttls,
        )


class SmtpChannel:
    """
    Sends letters through one mail server.

    Opens connections when they are needed, at most *connections*, and closes those idle for *idle_for*.
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
        self._idle: deque[Session] = deque()
        self._reaper: asyncio.TimerHandle | None = None
        self._goodbyes: set[asyncio.Task[None]] = set()
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
        if self._closing:
            raise MailUnavailable("the mail channel is closed")
        async with self._free:
            session = self._pop_idle()
            if session is not None:
                try:
                    return await self._deliver(session, sender, recipient, message)
                except Disconnected:
                    pass
            try:
                await self._deliver(await self._open(), sender, recipient, message)
            except Disconnected:
                raise MailUnavailable("the mail server closed the connection") from None

    async def close(self) -> None:
        """Wait for the letters under way, then close every connection. Nothing can be sent afterwards."""
        if self._closing:
            return
        self._closing = True
        for _ in range(self._connections):
            await self._free.acquire()
        if self._reaper is not None:
            self._reaper.cancel()
        while self._idle:
            self._say_goodbye(self._idle.pop())
        await asyncio.gather(*self._goodbyes)

    async def _deliver(self, session: Session, sender: str, recipient: str, message: bytes) -> None:
        try:
            await session.deliver(sender, recipient, message)
        finally:
            if not session.closed:
                self._put_idle(session)

    async def _open(self) -> Session:
        client = aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            username=self._server.username,
            password=self._server.password,
            use_tls=self._server.tls,
            start_tls=self._server.starttls,
            tls_context=self._tls_context,
            local_hostname=socket.gethostname(),
            timeout=self._patience.answer.total_seconds(),
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise MailUnavailable(f"no connection to the mail server: {type(error).__name__}") from None
        return self._take_over(client)

    def _take_over(self, client: aiosmtplib.SMTP) -> Session:
        transport = client.transport
        if not isinstance(transport, asyncio.Transport) or transport.is_closing():
            raise Disconnected
        return Session(
            transport,
            pipelining=client.supports_extension("pipelining"),
            smtputf8=client.supports_extension("smtputf8"),
            patience=self._patience,
        )

    def _pop_idle(self) -> Session | None:
        """Return the connection used last, so that those beyond the need grow old and are closed."""
        while self._idle:
            session = self._idle.pop()
            if not session.closed:
                return session
        return None

    def _put_idle(self, session: Session) -> None:
        loop = asyncio.get_running_loop()
        session.idle_since = loop.time()
        self._idle.append(session)
        if self._reaper is None:
            self._reaper = loop.call_later(self._idle_for.total_seconds(), self._reap)

    def _reap(self) -> None:
        loop = asyncio.get_running_loop()
        limit = loop.time() - self._idle_for.total_seconds()
        while self._idle and self._idle[0].idle_since <= limit:
            self._say_goodbye(self._idle.popleft())
        self._reaper = (
            loop.call_at(self._idle[0].idle_since + self._idle_for.total_seconds(), self._reap)
            if self._idle
            else None
        )

    def _say_goodbye(self, session: Session) -> None:
        task = asyncio.get_running_loop().create_task(session.quit())
        self._goodbyes.add(task)
        task.add_done_callback(self._goodbyes.discard)


def _starttls(parts: SplitResult) -> bool:
    query = parse_qs(parts.query, keep_blank_values=True)
    value = query.pop("starttls", ["false"])[-1].lower()
    if query or value not in {"true", "false"}:
        raise ValueError("the only parameter is starttls=true or starttls=false")
    return value == "true"
