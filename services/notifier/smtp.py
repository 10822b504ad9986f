"""
One mail server: where it is, how a connection is opened, and how one letter is handed over.

One rule: when a letter does not get through, it is known whether the server can have it. So MAIL, RCPT and
DATA are asked for one by one: what fails before DATA was never handed over.
"""

import asyncio
import math
import re
import socket
import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import aiosmtplib

from services.notifier.answers import Fate, fate, status_in
from services.notifier.mime import addr_spec
from shared.errors import ConfigurationError, HabeasError, MailRefused, MailUnavailable

RCPT, DATA = b"RCPT", b"DATA"
SMTP_PORT, SUBMISSION_PORT, SMTPS_PORT = 25, 587, 465

CONSENT, GO_ON, CLOSING = range(200, 300), range(354, 355), 421
LINE_BREAK = re.compile(rb"\r\n|\r|\n")
QUEUE_ID = re.compile(
    r"\b(?:as|(?:internal)?id)[\s:=]+((?=\S*\d)[0-9A-Za-z][0-9A-Za-z-]{4,63})(?=[\s;,)\]>]|$)", re.IGNORECASE
)
LONG_ID = re.compile(r"(?<!\S)((?=(?:\S*?\d){6})[0-9A-Za-z-]{16,64})(?!\S)")
"""What a mail server calls a letter that it has taken: "queued as 4F2A1B", or a word no name looks like."""


class Disconnected(Exception):
    """The connection was lost, or useless, before the letter was handed over: another one may take it."""


class Unreachable(MailUnavailable):
    """There is no connection to be had."""


class MailInDoubt(MailUnavailable):
    """The connection was lost after the letter was handed over: it may have been taken."""


class MailboxFull(MailUnavailable):
    """There is no room for the letter in the person's mailbox."""


class SenderBlamed(MailUnavailable):
    """The mail server takes nothing from us as we are set up; the letter is sound."""


class Objected(SenderBlamed):
    """It blames us once the recipient is named: it may be about this recipient alone."""


class Barred(Objected):
    """Their policy is against it: we are blocked, or this letter to this person is."""


class NoSuchMailbox(MailRefused):
    """Nobody has this address."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for."""

    answer: timedelta = timedelta(seconds=30)
    """For a connection, and for an answer to a command."""

    acceptance: timedelta = timedelta(minutes=5)
    """For the answer to a whole message. Giving up early sends a letter twice (RFC 5321 4.5.3.2.6)."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where the mail server is and how it is spoken to."""

    host: str
    port: int
    username: str | None
    password: str | None = field(repr=False)
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
            port=_port(parts) or default_port,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=tls,
            starttls=starttls,
        )

    async def connect(self, patience: Patience, tls_context: ssl.SSLContext | None) -> "Connection":
        """
        Return a connection that is greeted, encrypted and logged in to as the URL says.

        Raises:
            SenderBlamed: The log-in was refused for good.
            Unreachable: There is none to be had now.
        """
        client = Connection(
            hostname=self.host,
            port=self.port,
            username=self.username,
            password=self.password,
            use_tls=self.tls,
            start_tls=self.starttls,
            tls_context=tls_context,
            local_hostname=socket.gethostname(),
            timeout=patience.answer.total_seconds(),
        )
        client.patience = patience
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
        except aiosmtplib.SMTPAuthenticationError as error:
            client.close()
            raise _verdict(error, recipient_named=False) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise Unreachable(f"no connection to the mail server: {type(error).__name__}") from None
        return client


class Connection(aiosmtplib.SMTP):
    """
    A connection that closes itself when an answer is too long in coming.

    The client's own timers are made anew for each command, and cost more than the command. Here the moment is
    noted, and looked at once in a while: an answer is waited for twice as long, at the most.
    """

    patience = Patience()
    _until = math.inf
    _looking = False

    def wait_at_most(self, patience: timedelta) -> None:
        """Give the next answer so long."""
        loop = asyncio.get_running_loop()
        self._until = loop.time() + patience.total_seconds()
        if not self._looking:
            self._looking = True
            loop.call_at(self._until, self._look)

    def rest(self) -> None:
        """Expect nothing for now."""
        self._until = math.inf

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._looking = self.is_connected and self._until > loop.time()
        if self._looking:
            loop.call_later(self.patience.answer.total_seconds(), self._look)
        else:
            self.close()

    async def say(self, *command: bytes) -> aiosmtplib.SMTPResponse:
        """Return the answer to *command*."""
        self.wait_at_most(self.patience.answer)
        return await self.execute_command(*command, timeout=None)

    async def transmit(self, message: bytes) -> aiosmtplib.SMTPResponse:
        """Return the answer to *message*, whose lines, the last one as well, end in CRLF."""
        if self.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("the connection is gone")
        self.wait_at_most(self.patience.acceptance)
        self.protocol.write(b"%b.\r\n" % message.replace(b"\r\n.", b"\r\n.."))
        return await self.protocol.read_response()


async def hand_over(client: Connection, sender: str, recipient: str, message: bytes) -> str:
    """
    Return what the server said when it took *message*. Leaves *client* closed or fit for the next letter.

    Raises:
        Disconnected: It was not handed over, and the connection is gone.
        MailUnavailable: Not taken now; ``MailboxFull``, ``SenderBlamed`` and ``Barred`` say why.
        MailRefused: The server will never take it; ``NoSuchMailbox`` says why.
        MailInDoubt: It was handed over, and no answer came.
    """
    lost: Exception = Disconnected()
    recipient_named = False
    try:
        for command in _envelope(client, sender, recipient):
            recipient_named = command[0] == RCPT
            _demand(CONSENT, await client.say(*command))
        _demand(GO_ON, await client.say(DATA))
        lost = MailInDoubt("the mail server did not say whether it took the letter")
        reply = await client.transmit(in_lines(message))
        _demand(CONSENT, reply)
        return proof(reply)
    except aiosmtplib.SMTPResponseException as error:
        raise await _declined(client, error, lost, recipient_named=recipient_named) from None
    except (aiosmtplib.SMTPException, OSError):
        client.close()
        raise lost from None
    except BaseException:
        client.close()  # stopped half-way: an answer that comes late must not be taken for the next one's
        raise
    finally:
        client.rest()


def in_lines(message: bytes) -> bytes:
    """Return *message* with CRLF at each line's end: a lone break could smuggle in another message."""
    breaks = message.count(b"\r\n")
    if message.count(b"\n") == breaks == message.count(b"\r") and message.endswith(b"\r\n"):
        return message
    return LINE_BREAK.sub(b"\r\n", message).removesuffix(b"\r\n") + b"\r\n"


def proof(reply: aiosmtplib.SMTPResponse) -> str:
    """Return what is kept of *reply*: code, status and queue id. All else may name somebody."""
    status = status_in(reply.message)
    queued = QUEUE_ID.search(reply.message) or LONG_ID.search(reply.message)
    return " ".join([f"{reply.code}", *filter(None, [status, queued and queued[1]])])


def _demand(codes: range, reply: aiosmtplib.SMTPResponse) -> None:
    if reply.code not in codes:
        raise aiosmtplib.SMTPResponseException(reply.code, reply.message)


def _envelope(client: aiosmtplib.SMTP, sender: str, recipient: str) -> list[tuple[bytes, ...]]:
    sender, recipient = addr_spec(sender), addr_spec(recipient)
    international = not (sender + recipient).isascii()
    if international and not client.supports_extension("smtputf8"):
        raise MailRefused("the mail server does not take addresses beyond ASCII (no SMTPUTF8)")
    options = (b"BODY=8BITMIME", b"SMTPUTF8") if international else ()
    return [(b"MAIL", f"FROM:<{sender}>".encode(), *options), (RCPT, f"TO:<{recipient}>".encode())]


async def _declined(
    client: aiosmtplib.SMTP,
    error: aiosmtplib.SMTPResponseException,
    lost: Exception,
    *,
    recipient_named: bool,
) -> Exception:
    """Make *client* fit for the next letter, or close it, and say what the answer means for this one."""
    if error.code < CONSENT.start:  # no answer, but noise
        client.close()
        return lost
    if error.code == CLOSING:
        client.close()
        return lost if isinstance(lost, Disconnected) else _verdict(error, recipient_named=recipient_named)
    try:
        await client.rset()
    except (aiosmtplib.SMTPException, OSError):
        client.close()
    return _verdict(error, recipient_named=recipient_named)


def _verdict(error: aiosmtplib.SMTPResponseException, *, recipient_named: bool) -> HabeasError:
    """Return what an answer means for the letter, without the server's prose, which may quote addresses."""
    status = status_in(error.message)
    answer = f"{error.code} {status}" if status else f"{error.code}"
    match fate(error.code, status, recipient_named=recipient_named):
        case Fate.LATER:
            return MailUnavailable(f"the mail server did not take the letter now: {answer}")
        case Fate.FULL:
            return MailboxFull(f"the mailbox is full: {answer}")
        case Fate.NOBODY:
            return NoSuchMailbox(f"nobody has this address: {answer}")
        case Fate.NEVER:
            return MailRefused(f"the mail server refused the letter: {answer}")
        case Fate.BARRED:
            return Barred(f"the policy of the mail server is against it: {answer}")
        case Fate.OURS:
            blamed = Objected if recipient_named else SenderBlamed
            return blamed(f"the mail server takes nothing from us as we are: {answer}")


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise ValueError("the port is no number between 0 and 65535") from None


def _starttls(parts: SplitResult) -> bool:
    query = parse_qs(parts.query, keep_blank_values=True)
    value = query.pop("starttls", ["false"])[-1].lower()
    if query or value not in {"true", "false"}:
        raise ValueError("the only parameter is starttls=true or starttls=false")
    return value == "true"
