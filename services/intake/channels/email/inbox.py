"""
The inbox: mail by an SMTP or LMTP port, or from an IMAP mailbox if the mail server does not deliver by SMTP.

A sending server keeps a mail until it gets ``250``, and retries otherwise. So each mail is sealed and
announced first, and nothing is stored here. A mail stays in the mailbox until its result is durable; then it
is moved to a folder, or marked if no folder is set. Two replicas may read the same mailbox: a mail is
processed once. A mail that fails is flagged for the staff, and does not block the others.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self
from urllib.parse import unquote, urlsplit

import aioimaplib
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.intake.channels.email.parser import LARGEST, single
from services.intake.channels.email.service import MAILS, EmailService, MailDeferred, MailEnvelope
from shared.errors import ErrorNet, TransientError, reason_of
from shared.runtime.log import logger
from shared.runtime.worker import work_forever

LOOK_EVERY_S = 20.0
MOST_WAIT_S = 300.0
"""Longest time before a retry after an unavailable mailbox."""
TIMEOUT_S = 60.0
PORTS = {"imap": 143, "imaps": 993}
KEYWORD = "HabeasTaken"
CAME = re.compile(r'INTERNALDATE "([^"]{1,40})"')
TROUBLE = (OSError, asyncio.TimeoutError, aioimaplib.Abort, aioimaplib.Error, aioimaplib.AioImapException)

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
        async with self._opened() as client:
            for uid in await self._waiting(client):
                await self._take(client, uid)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[aioimaplib.IMAP4]:
        account = self.account
        kind = aioimaplib.IMAP4_SSL if account.tls else aioimaplib.IMAP4
        options = {"ssl_context": self.tls or ssl.create_default_context()} if account.tls else {}
        client = kind(account.host, account.port, timeout=TIMEOUT_S, **options)
        try:
            await client.wait_hello_from_server()
            _well(await client.login(account.user, account.password), "log in")
            if self.done:
                await client.create(_quoted(self.done))  # "no" means that it exists
            _well(await client.select(_quoted(account.folder)), "open the folder")
            yield client
            await client.logout()
        except TROUBLE as error:
            raise MailboxUnavailable(f"the mailbox did not answer: {type(error).__name__}") from None
        finally:
            if client.protocol is not None and client.protocol.transport is not None:
                client.protocol.transport.close()

    async def _waiting(self, client: aioimaplib.IMAP4) -> list[str]:
        unmarked = "" if self.done else f" UNKEYWORD {KEYWORD}"
        found = _well(await client.uid_search(f"UNDELETED UNFLAGGED{unmarked}", charset=None), "search")
        return found[0].decode().split() if found else []

    async def _take(self, client: aioimaplib.IMAP4, uid: str) -> None:
        content, received_at = await self._fetched(client, uid)
        if content is None:
            return
        if len(content) > LARGEST:
            MAILS.labels("too_large").inc()
            await self._flag(client, uid, "it is too large")
            return
        try:
            with ErrorNet(TransientError) as net:  # an error in one mail must not block the others
                await self.service.take(content, MailEnvelope(received_at=received_at))
        except MailDeferred:
            return
        if net.error is not None:
            await self._flag(client, uid, reason_of(net.error))
            return
        try:
            await self._put_away(client, uid)
        except MailboxUnavailable:
            if (await self._fetched(client, uid))[0] is not None:
                raise

    async def _fetched(self, client: aioimaplib.IMAP4, uid: str) -> tuple[bytes | None, datetime]:
        """Return a mail and its time of receipt; None if it was moved, an error on some servers."""
        lines = (await client.uid("fetch", uid, "(INTERNALDATE BODY.PEEK[])")).lines
        said = b" ".join(line for line in lines if not isinstance(line, bytearray))
        content = next((bytes(line) for line in lines if isinstance(line, bytearray)), None)
        return content, _came_at(said.decode("ascii", "replace"))

    async def _flag(self, client: aioimaplib.IMAP4, uid: str, reason: str) -> None:
        logger().error(
            "a mail in the mailbox cannot be taken in; it is flagged", service="intake", reason=reason
        )
        _well(await client.uid("store", uid, "+FLAGS", r"(\Flagged)"), "flag")

    async def _put_away(self, client: aioimaplib.IMAP4, uid: str) -> None:
        if not self.done:
            _well(await client.uid("store", uid, "+FLAGS", f"({KEYWORD})"), "mark")
        elif client.has_capability("MOVE"):
            _well(await client.uid("move", uid, _quoted(self.done)), "move")
        else:
            _well(await client.uid("copy", uid, _quoted(self.done)), "copy")
            _well(await client.uid("store", uid, "+FLAGS", r"(\Deleted)"), "delete")
            _well(await client.expunge(), "expunge")


def _came_at(said: str) -> datetime:
    """Return the mailbox's time of receipt of a mail; now if there is none."""
    found = CAME.search(said)
    try:
        return datetime.strptime(found[1].strip(), "%d-%b-%Y %H:%M:%S %z") if found else datetime.now(UTC)
    except ValueError:
        return datetime.now(UTC)


def _well(response: aioimaplib.Response, what: str) -> list[bytes | bytearray]:
    if response.result != "OK":
        raise MailboxUnavailable(f"the mailbox refused to {what}")
    return list(response.lines)


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
