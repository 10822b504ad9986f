"""
One conversation with a mail server: an envelope and a message go in, an answer comes out.

aiosmtplib opens the connection (greeting, EHLO, STARTTLS, AUTH); from then on this protocol speaks, for two
reasons. It sends MAIL, RCPT and DATA in one write where the server allows it (RFC 2920), and it knows the one
thing a sender must know when a connection breaks: whether the final dot was on its way.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from services.notifier.mime import addr_spec
from shared.errors import HabeasError, MailRefused, MailUnavailable

LONGEST_ANSWER = 64 * 1024
"""Octets after which an answer is no answer but noise."""

LONE_LINE_BREAK = re.compile(rb"\r\n|\r|\n")
ENHANCED_STATUS = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?= |$)")


class Code(IntEnum):
    """The answers of RFC 5321 that matter by number."""

    START_INPUT = 354
    CLOSING = 421
    BAD_SEQUENCE = 503
    FIRST_TRANSIENT = 400
    FIRST_PERMANENT = 500


ABOUT_US = frozenset({Code.BAD_SEQUENCE, 530, 534, 535, 538})
"""Permanent answers that blame our log-in or our order of commands: the letter is sound."""


class Disconnected(Exception):
    """The connection ended, or was useless, before the letter was handed over."""


class MailInDoubt(MailUnavailable):
    """The connection was lost after the letter was handed over: it may have been taken."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the server, without its prose, which may quote addresses."""

    code: int
    status: str

    @classmethod
    def parse(cls, line: bytes) -> "Reply":
        """Read the last line of an answer; what is no answer has code 0."""
        status = ENHANCED_STATUS.match(line, 4)
        return cls(int(line[:3]) if line[:3].isdigit() else 0, status[0].decode() if status else "")

    @property
    def consents(self) -> bool:
        """Whether the server agrees to go on."""
        return 200 <= self.code < Code.FIRST_TRANSIENT  # noqa: PLR2004 - 2yz and 3yz

    def __str__(self) -> str:
        return f"{self.code} {self.status}".rstrip()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for."""

    answer: timedelta = timedelta(seconds=30)
    """For a connection, and for an answer to a command."""

    acceptance: timedelta = timedelta(minutes=5)
    """For the answer to a whole message. Giving up early sends a letter twice (RFC 5321 4.5.3.2.6)."""


class Session(asyncio.Protocol):
    """An open connection that delivers one letter after another."""

    def __init__(
        self, transport: asyncio.Transport, *, pipelining: bool, smtputf8: bool, patience: Patience
    ) -> None:
        self._transport = transport
        self._pipelining = pipelining
        self._smtputf8 = smtputf8
        self._patience = patience
        self._received = b""
        self._replies: list[Reply] = []
        self._expected = 0
        self._answered: asyncio.Future[None] | None = None
        self._lost = asyncio.get_running_loop().create_future()
        self.idle_since = 0.0
        transport.set_protocol(self)

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent here."""
        return self._lost.done() or self._transport.is_closing()

    async def deliver(self, sender: str, recipient: str, message: bytes) -> None:
        """
        Hand *message* over and return when the server has taken it.

        Raises:
            Disconnected: The letter was not handed over; another connection may take it.
            MailUnavailable: The server did not take it now.
            MailRefused: The server will never take it.
            MailInDoubt: It was handed over, and no answer came.
        """
        commands = self._envelope(sender, recipient)
        replies = await self._ask(commands)
        if replies[-1].code != Code.START_INPUT or len(replies) < len(commands):
            raise await self._declined(replies)
        if not all(reply.consents for reply in replies):
            self.abort()  # a server that wants the text of a letter it has just refused must not get it
            raise _failure(replies)
        await self._hand_over(message)

    async def quit(self) -> None:
        """Say good-bye and wait until the connection is gone."""
        if not self.closed:
            self._transport.write(b"QUIT\r\n")
            self._transport.close()
        await asyncio.wait([self._lost], timeout=self._patience.answer.total_seconds())
        self.abort()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Collect answers; one that nobody asked for (421 on an idle connection) ends the connection."""
        *lines, self._received = (self._received + data).split(b"\n")
        self._replies += [Reply.parse(line) for line in lines if line[3:4] != b"-"]
        if self._answered is None or len(self._received) > LONGEST_ANSWER:
            self.abort()
        elif len(self._replies) >= self._expected or any(r.code == Code.CLOSING for r in self._replies):
            _settle(self._answered)

    def eof_received(self) -> None:
        """Let the transport close: a server that has stopped talking takes no letter."""

    def connection_lost(self, _: Exception | None) -> None:
        """Wake whoever waits for an answer that cannot come any more."""
        if not self._lost.done():
            self._lost.set_result(None)
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(Disconnected())

    def _envelope(self, sender: str, recipient: str) -> Sequence[bytes]:
        sender, recipient = addr_spec(sender), addr_spec(recipient)
        international = not (sender + recipient).isascii()
        if international and not self._smtputf8:
            raise MailRefused("the mail server does not take addresses beyond ASCII (no SMTPUTF8)")
        parameters = " BODY=8BITMIME SMTPUTF8" if international else ""
        return (
            f"MAIL FROM:<{sender}>{parameters}\r\n".encode(),
            f"RCPT TO:<{recipient}>\r\n".encode(),
            b"DATA\r\n",
        )

    async def _ask(self, commands: Sequence[bytes]) -> list[Reply]:
        """Return the answers to *commands*, up to the first that stops the rest from being worth sending."""
        try:
            if self._pipelining:
                return await self._exchange(b"".join(commands), len(commands), self._patience.answer)
            replies: list[Reply] = []
            for command in commands:
                replies += await self._exchange(command, 1, self._patience.answer)
                if not replies[-1].consents:
                    break
        except TimeoutError:
            raise MailUnavailable("the mail server did not answer in time") from None
        else:
            return replies

    async def _declined(self, replies: list[Reply]) -> HabeasError | Disconnected:
        """Make the connection fit for the next letter and say what the refusal of this one means."""
        if any(reply.code == Code.CLOSING for reply in replies):
            self.abort()
            return Disconnected()
        try:
            await self._exchange(b"RSET\r\n", 1, self._patience.answer)
        except (Disconnected, TimeoutError):
            self.abort()
        return _failure(replies)

    async def _hand_over(self, message: bytes) -> None:
        try:
            [reply, *_] = await self._exchange(_on_the_wire(message), 1, self._patience.acceptance)
        except (Disconnected, TimeoutError):
            raise MailInDoubt("the mail server did not say whether it took the letter") from None
        if reply.code == Code.CLOSING:
            self.abort()
        if not reply.consents:
            raise _failure([reply])

    async def _exchange(self, data: bytes, expected: int, within: timedelta) -> list[Reply]:
        """Write *data* and return *expected* answers, fewer when one of them is 421."""
        if self.closed:
            raise Disconnected
        self._replies, self._expected = [], expected
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        try:
            async with asyncio.timeout(within.total_seconds()):
                await self._answered
        except BaseException:
            self.abort()  # an answer that comes late must not be taken for the next one's
            raise
        finally:
            self._answered = None
        return self._replies


def _settle(answered: "asyncio.Future[None]") -> None:
    if not answered.done():
        answered.set_result(None)


def _failure(replies: Sequence[Reply]) -> HabeasError:
    """Return what the first answer that is no consent means for the letter."""
    worst = next((reply for reply in replies if not reply.consents), replies[-1])
    if worst.code >= Code.FIRST_PERMANENT and worst.code not in ABOUT_US:
        return MailRefused(f"the mail server refused the letter: {worst}")
    return MailUnavailable(f"the mail server did not take the letter now: {worst}")


def _on_the_wire(message: bytes) -> bytes:
    """
    Return *message* as DATA wants it: CRLF everywhere, dots doubled, a dot at the end.

    A lone CR or LF is made a whole line break, never passed on: servers disagree about it, and that is how
    one message is smuggled into another.
    """
    if not message.count(b"\r\n") == message.count(b"\n") == message.count(b"\r"):
        message = LONE_LINE_BREAK.sub(b"\r\n", message)
    stuffed = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]
    return stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n")
