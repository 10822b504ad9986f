"""
The client of a mail server: it opens a connection and hands over a letter.

One rule: when a letter does not get through, it is known whether the server can have it. So leave is asked
for first, with MAIL, RCPT and DATA: before the server has said to go on, nothing is handed over. A
server that takes them together (RFC 2920) is asked for all three at once, for one letter at a time.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import aiosmtplib

from services.notifier.letters.mime import END, Wired, addr_spec
from services.notifier.smtp.conversation import ENDING, NOISE, Conversation, Patience, Reply
from services.notifier.smtp.reply_codes import LetterOutcome, outcome_of, status_in
from shared.errors import ConfigurationError, HabeasError, MailRefused, MailUnavailable
from shared.runtime.tls import cause_of

SMTP_PORT, SUBMISSION_PORT, SMTPS_PORT = 25, 587, 465

CONSENT, GO_ON = range(200, 300), 354
QUEUE_ID = re.compile(
    r"\b(?:as|(?:internal)?id)[\s:=]+((?=\S*\d)[0-9A-Za-z][0-9A-Za-z-]{4,63})(?=[\s;,)\]>]|$)", re.IGNORECASE
)
LONG_ID = re.compile(r"(?<!\S)((?=(?:\S*?\d){6})[0-9A-Za-z-]{16,64})(?!\S)")
"""A mail server's name of a letter that it has taken: "queued as 4F2A1B", or a word no name looks like."""


class Disconnected(Exception):
    """The connection was lost, or useless, before the letter was handed over: another one may take it."""


class Unreachable(MailUnavailable):
    """There is no connection to be had."""


class MailInDoubt(MailUnavailable):
    """The connection was lost after the letter was handed over: it may have been taken."""


class LetterUnderWay(MailUnavailable):
    """Another process has begun the letter, and may be about to record it."""


class MailboxFull(MailUnavailable):
    """There is no room for the letter in the person's mailbox."""


class SenderBlamed(MailUnavailable):
    """The mail server takes nothing from us as we are set up; the letter is sound."""


class Objected(SenderBlamed):
    """The server blames us once the recipient is named: it may be about this recipient alone."""


class Barred(Objected):
    """Their policy is against it: we are blocked, or this letter to this person is."""


class NoSuchMailbox(MailRefused):
    """The address does not exist."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """The address and settings of a mail server."""

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

    async def connect(self, patience: Patience, tls_context: ssl.SSLContext | None) -> Conversation:
        """
        Return a connection that is greeted, encrypted and logged in to as the URL says.

        Raises:
            SenderBlamed: The log-in was refused for good.
            Unreachable: There is none to be had now.
        """
        client = aiosmtplib.SMTP(
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
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
            return Conversation.taken_over(client, patience)
        except aiosmtplib.SMTPAuthenticationError as error:
            client.close()
            raise _verdict(Reply(error.code, error.message), recipient_named=False) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise Unreachable(f"no connection to the mail server: {cause_of(error)}") from None
        except asyncio.CancelledError:
            client.close()  # its user has nothing to send any more
            raise


async def hand_over(talk: Conversation, sender: str, recipient: str, message: Wired) -> str:
    """
    Return the server's answer when it took *message*. Leaves *talk* closed or fit for the next letter.

    Raises:
        Disconnected: It was not handed over, and the connection is gone.
        MailUnavailable: Not taken now; ``MailboxFull``, ``SenderBlamed`` and ``Barred`` say why.
        MailRefused: The server will never take it; ``NoSuchMailbox`` says why.
        MailInDoubt: It was handed over, and no answer came.
    """
    leave = await _asked_leave(talk, _envelope(talk, sender, recipient))
    if not _all_granted(leave):
        raise await _not_given_leave(talk, leave)
    if not talk.is_open:  # it was lost together with the leave: nothing of the letter has gone
        raise Disconnected
    said = await talk.ask(message, within=talk.patience.acceptance)
    if not said or said[0].code == NOISE:
        raise MailInDoubt("the mail server did not say whether it took the letter")
    if said[0].code not in CONSENT:
        raise await _declined(talk, said[0], recipient_named=True)
    return proof(said[0])


def _envelope(talk: Conversation, sender: str, recipient: str) -> Sequence[bytes]:
    sender, recipient = addr_spec(sender), addr_spec(recipient)
    international = not (sender + recipient).isascii()
    if international and not talk.international:
        raise MailRefused("the mail server does not take addresses beyond ASCII (no SMTPUTF8)")
    options = " BODY=8BITMIME SMTPUTF8" if international else ""
    mail, rcpt = f"MAIL FROM:<{sender}>{options}\r\n", f"RCPT TO:<{recipient}>\r\n"
    return mail.encode(), rcpt.encode(), b"DATA\r\n"


async def _asked_leave(talk: Conversation, commands: Sequence[bytes]) -> Sequence[Reply]:
    """Return the answers to *commands*: all at once where the server takes them so, else until one is no."""
    if talk.pipelining:
        return await talk.ask(b"".join(commands), len(commands))
    replies: list[Reply] = []
    for command in commands:
        replies += await talk.ask(command)
        if not replies or replies[-1].code not in CONSENT:
            break
    return replies


def _all_granted(replies: Sequence[Reply]) -> bool:
    """Return whether *replies* to MAIL, RCPT and DATA let a letter go."""
    match replies:
        case [mail, rcpt, data]:
            return mail.code in CONSENT and rcpt.code in CONSENT and data.code == GO_ON
        case _:
            return False


async def _not_given_leave(talk: Conversation, replies: Sequence[Reply]) -> Exception:
    """Return the error of the first of *replies* that refuses the letter, which was not sent."""
    granted = 0
    while granted < len(replies) and replies[granted].code in CONSENT:
        granted += 1
    if granted == len(replies) or replies[granted].code in ENDING:
        talk.close()
        return Disconnected()
    if replies[-1].code == GO_ON:  # for a letter without recipients: it ends before it begins (RFC 2920 3.1)
        await talk.ask(END)
    return await _declined(talk, replies[granted], recipient_named=granted > 0)


async def _declined(talk: Conversation, reply: Reply, *, recipient_named: bool) -> HabeasError:
    """Make *talk* fit for the next letter, or close it, and return the error that *reply* means."""
    if [again.code in CONSENT for again in await talk.ask(b"RSET\r\n")] != [True]:
        talk.close()
    return _verdict(reply, recipient_named=recipient_named)


def proof(reply: Reply) -> str:
    """Return the kept part of *reply*: code, status and queue id. All else may name a person."""
    status = status_in(reply.message)
    queued = QUEUE_ID.search(reply.message) or LONG_ID.search(reply.message)
    return " ".join([f"{reply.code}", *filter(None, [status, queued and queued[1]])])


def _verdict(reply: Reply, *, recipient_named: bool) -> HabeasError:
    """Return the error that *reply* means, without the server's prose, which may quote addresses."""
    status = status_in(reply.message)
    answer = f"{reply.code} {status}" if status else f"{reply.code}"
    match outcome_of(reply.code, status, recipient_named=recipient_named):
        case LetterOutcome.LATER:
            return MailUnavailable(f"the mail server did not take the letter now: {answer}")
        case LetterOutcome.FULL:
            return MailboxFull(f"the mailbox is full: {answer}")
        case LetterOutcome.UNKNOWN_MAILBOX:
            return NoSuchMailbox(f"the address does not exist: {answer}")
        case LetterOutcome.NEVER:
            return MailRefused(f"the mail server refused the letter: {answer}")
        case LetterOutcome.BARRED:
            return Barred(f"the policy of the mail server is against it: {answer}")
        case LetterOutcome.OURS:
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
