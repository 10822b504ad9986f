"""
The inbox: mail by an SMTP or LMTP port, or from an IMAP mailbox if the mail server does not deliver by SMTP.

A sending server keeps a mail until it gets ``250``, and retries otherwise. So each mail is sealed and
announced first, and nothing is stored here. A mail stays in the mailbox until its result is durable; then it
is moved to a folder, or marked if no folder is set. Two replicas may read the same mailbox: a mail is
processed once. A mail that fails is flagged for the staff, and does not block the others.
"""

import asyncio
import imaplib
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.intake.channels.email.parser import LARGEST, single
from services.intake.channels.email.service import MAILS, EmailService, MailDeferred, MailEnvelope
from shared.errors import ErrorNet, TransientError, reason_of
from shared.runtime.log import logger
from shared.runtime.tls import cause_of, client_context
from shared.runtime.worker import work_forever

LOOK_EVERY_S = 20.0
MOST_WAIT_S = 300.0
"""Longest time before a retry after an unavailable mailbox."""
TIMEOUT_S = 60.0
PORTS = {"imap": 143, "imaps": 993}
KEYWORD = "HabeasTaken"
CAME = re.compile(r'INTERNALDATE "([^"]{1,40})"')
NOT_PLAIN = re.compile(r"&(?![A-Za-z0-9+,]*-)|[^\x20-\x7e]+")
"""The parts of a folder's name that need another form; a name may be in modified UTF-7 already."""
TROUBLE = (OSError, imaplib.IMAP4.error)

TAKEN = "250 2.0.0 taken in"
NOT_HERE = "550 5.1.1 no such address"
LATER = "451 4.3.0 try again later"
TOO_OFTEN = "451 4.7.1 too much from this sender, try again later"


class MailboxUnavailable(TransientError):
    """The mailbox did not answer, or refused a command."""


class SmtpPort:
    """The SMTP handler. Names and signatures of the methods are aiosmtpd's."""

    def __init__(self, service: EmailService) -> None:
        self._service = service

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept mail for our address, with or without a tag, and for no other."""
        del server, session, options
        name, _, domain = address.lower().rpartition("@")
        if f"{name.partition('+')[0]}@{domain}" != self._service.threads.address.lower():
            return NOT_HERE
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 known"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Process a mail; answer once the result is durable."""
        del session
        answer = await self._taken(envelope)
        # Over LMTP there is an answer for each recipient (RFC 2033 section 4.2).
        return "\r\n".join([answer] * len(envelope.rcpt_tos)) if isinstance(server, LMTP) else answer

    async def _taken(self, said: Envelope) -> str:
        content = said.content if isinstance(said.content, bytes) else b""
        envelope = MailEnvelope(tuple(said.rcpt_tos), single(said.mail_from or ""))
        with ErrorNet() as net:
            await self._service.take(content, envelope)
        match net.error:
            case None:
                return TAKEN
            case MailDeferred():
                return TOO_OFTEN
            case TransientError() as error:
                logger().warning("mail deferred", service="intake", reason=str(error))
            case error:
                logger().error("mail not processed", service="intake", reason=reason_of(error))
        return LATER  # the sending server keeps the mail


@dataclass(frozen=True, slots=True)
class ImapAccount:
    """A mailbox and its credentials."""

    host: str
    port: int
    tls: bool
    user: str
    password: str = field(repr=False)
    folder: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """
        Return the account of *url*: ``imaps://user:password@host:port/INBOX``.

        Raises:
            ValueError: It is not an account; the message does not repeat it.
        """
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname or not parts.username or not parts.password:
            raise ValueError("must look like imaps://user:password@host/INBOX")
        return cls(
            parts.hostname,
            parts.port or PORTS[parts.scheme],
            parts.scheme == "imaps",
            unquote(parts.username),
            unquote(parts.password),
            unquote(parts.path.lstrip("/")) or "INBOX",
        )


@dataclass(frozen=True, slots=True)
class MailboxWatcher:
    """Polls a mailbox."""

    account: ImapAccount
    service: EmailService
    done: str
    """The folder for processed mails; empty: they stay and are marked."""
    look_every_s: float = LOOK_EVERY_S
    tls: ssl.SSLContext | None = None

    async def run(self) -> None:
        """Poll for ever; an error of any kind only delays it."""
        await work_forever(
            self.work,
            service="intake",
            delayed="mailbox check delayed",
            every_s=self.look_every_s,
            retry_s=lambda errors: min(self.look_every_s * 2 ** min(errors, 20), MOST_WAIT_S),
        )

    async def work(self) -> None:
        """Process the mails in the mailbox now. Raises TransientError: one of the systems did not answer."""
        async with self._opened() as session:
            for uid in await self._waiting(session):
                await self._take(session, uid)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator["ImapSession"]:
        async with ImapSession.opened(self.account, self.tls) as session:
            if self.done:
                await session.ask("CREATE", _folder(self.done))  # "no" means that it exists
            await session.done("open the folder", "SELECT", _folder(self.account.folder))
            yield session

    async def _waiting(self, session: "ImapSession") -> list[str]:
        unmarked = "" if self.done else f" UNKEYWORD {KEYWORD}"
        [found, *_] = await session.done("search", "UID", "SEARCH", f"UNDELETED UNFLAGGED{unmarked}")
        return found.decode().split() if isinstance(found, bytes) else []

    async def _take(self, session: "ImapSession", uid: str) -> None:
        content, received_at = await self._fetched(session, uid)
        if content is None:
            return
        if len(content) > LARGEST:
            MAILS.labels("too_large").inc()
            await self._flag(session, uid, "it is too large")
            return
        try:
            with ErrorNet(TransientError) as net:  # an error in one mail must not block the others
                await self.service.take(content, MailEnvelope(received_at=received_at))
        except MailDeferred:
            return
        if net.error is not None:
            await self._flag(session, uid, reason_of(net.error))
            return
        try:
            await self._put_away(session, uid)
        except MailboxUnavailable:
            if (await self._fetched(session, uid))[0] is not None:
                raise

    async def _fetched(self, session: "ImapSession", uid: str) -> tuple[bytes | None, datetime]:
        """Return a mail and its time of receipt; None if it was moved, an error on some servers."""
        _, parts = await session.ask("UID", "FETCH", uid, "(INTERNALDATE BODY.PEEK[])")
        said = b" ".join(part[0] if isinstance(part, tuple) else part or b"" for part in parts)
        content = next((part[1] for part in parts if isinstance(part, tuple)), None)
        return content, _came_at(said.decode("ascii", "replace"))

    async def _flag(self, session: "ImapSession", uid: str, reason: str) -> None:
        logger().error(
            "a mail in the mailbox cannot be taken in; it is flagged", service="intake", reason=reason
        )
        await session.done("flag", "UID", "STORE", uid, "+FLAGS", r"(\Flagged)")

    async def _put_away(self, session: "ImapSession", uid: str) -> None:
        if not self.done:
            await session.done("mark", "UID", "STORE", uid, "+FLAGS", f"({KEYWORD})")
        elif session.moves:
            await session.done("move", "UID", "MOVE", uid, _folder(self.done))
        else:
            await session.done("copy", "UID", "COPY", uid, _folder(self.done))
            await session.done("delete", "UID", "STORE", uid, "+FLAGS", r"(\Deleted)")
            await session.done("expunge", "EXPUNGE")


@dataclass(frozen=True, slots=True)
class ImapSession:
    """A session at a mailbox. Its client waits for each answer, so each command runs in a thread."""

    client: imaplib.IMAP4

    @classmethod
    @asynccontextmanager
    async def opened(cls, account: ImapAccount, tls: ssl.SSLContext | None) -> AsyncIterator[Self]:
        """Log in to *account*. Raises MailboxUnavailable: it did not answer, now or later."""
        try:
            client = await _connection(account, tls)
            try:
                await asyncio.to_thread(_log_in, client, account)
                yield cls(client)
                await asyncio.to_thread(client.logout)
            finally:
                await _close(client)
        except TROUBLE as error:
            raise MailboxUnavailable(f"the mailbox did not answer: {cause_of(error)}") from None

    @property
    def moves(self) -> bool:
        """Whether the server moves mails (RFC 6851)."""
        return "MOVE" in self.client.capabilities

    async def ask(self, command: str, *arguments: str) -> tuple[str, list[Any]]:
        """Return status and data of the answer to *command*."""
        called = getattr(self.client, command.lower())
        return await asyncio.to_thread(called, *arguments)

    async def done(self, what: str, command: str, *arguments: str) -> list[Any]:
        """Return the data of the answer. Raises MailboxUnavailable: the server refused to do *what*."""
        status, data = await self.ask(command, *arguments)
        if status != "OK":
            raise MailboxUnavailable(f"the mailbox refused to {what}")
        return data


async def _connection(account: ImapAccount, tls: ssl.SSLContext | None) -> imaplib.IMAP4:
    """Return a connection; one that is made after a cancellation is closed."""
    connecting = asyncio.ensure_future(asyncio.to_thread(_connected, account, tls))
    try:
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        connecting.add_done_callback(_abandon)
        raise


def _abandon(connecting: asyncio.Future[imaplib.IMAP4]) -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().shutdown()


def _connected(account: ImapAccount, tls: ssl.SSLContext | None) -> imaplib.IMAP4:
    if account.tls:
        context = tls or client_context()
        return imaplib.IMAP4_SSL(account.host, account.port, ssl_context=context, timeout=TIMEOUT_S)
    return imaplib.IMAP4(account.host, account.port, timeout=TIMEOUT_S)


def _log_in(client: imaplib.IMAP4, account: ImapAccount) -> None:
    try:
        if (account.user + account.password).isascii():
            client.login(_quoted(account.user), account.password)
        else:  # LOGIN takes ASCII alone (RFC 4616 section 2, RFC 9051 section 6.2.3)
            client.authenticate("PLAIN", lambda _: f"\0{account.user}\0{account.password}".encode())
    except imaplib.IMAP4.abort:  # the connection was lost
        raise
    except imaplib.IMAP4.error:
        raise MailboxUnavailable("the mailbox refused to log in") from None


async def _close(client: imaplib.IMAP4) -> None:
    """Close the connection; it is closed already after the logout. A thread that still reads ends at once."""
    with suppress(OSError):
        client.sock.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):  # it waits for that thread
        await asyncio.to_thread(client.shutdown)


def _came_at(said: str) -> datetime:
    """Return the mailbox's time of receipt of a mail; now if there is none."""
    found = CAME.search(said)
    try:
        return datetime.strptime(found[1].strip(), "%d-%b-%Y %H:%M:%S %z") if found else datetime.now(UTC)
    except ValueError:
        return datetime.now(UTC)


def _folder(name: str) -> str:
    """Return the *name* of a folder as an argument, in modified UTF-7 (RFC 3501 section 5.1.3)."""
    return _quoted(NOT_PLAIN.sub(_shifted, name))


def _shifted(found: re.Match[str]) -> str:
    coded = b64encode(found[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
    return "&-" if found[0] == "&" else f"&{coded}-"


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
