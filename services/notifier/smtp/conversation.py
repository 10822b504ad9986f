"""
The SMTP conversation over one connection to a mail server, after greeting and log-in.

One rule: every answer is taken for that of the command it answers. Anything else, or a missing answer,
ends the connection.
"""

import asyncio
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self, TypeAlias, cast

import aiosmtplib
from aiosmtplib import SMTPResponse

Reply: TypeAlias = SMTPResponse
"""Code and words of an answer."""

CLOSING = 421
NOISE = -1
"""Stands for the code of an invalid answer."""
ENDING = (CLOSING, NOISE)
MOST_BYTES = 32_768
"""Greatest size of the answer to one command: more is no answer to it."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Time limits of a server's answers."""

    answer: timedelta = timedelta(seconds=30)
    """For a connection, and for an answer to a command."""

    acceptance: timedelta = timedelta(minutes=5)
    """For the answer to a whole message. Giving up early sends a letter twice (RFC 5321 4.5.3.2.6)."""


class Conversation(asyncio.Protocol):
    """
    Commands and letters, and their answers.

    A connection closes itself when an answer is too long in coming. Timers made anew for each command would
    cost more than the command: the moment is noted, and looked at once in a while. So an answer is waited for
    twice as long, at the most.
    """

    def __init__(self, transport: asyncio.Transport, extensions: Collection[str], patience: Patience) -> None:
        """Speak over *transport* to a server that offers *extensions*, with *patience*."""
        self.patience = patience
        self.pipelining = "pipelining" in extensions
        """Whether the server takes a letter's commands together (RFC 2920)."""
        self.international = "smtputf8" in extensions
        """Whether it takes addresses beyond ASCII (RFC 6531)."""
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._held = b""
        self._heard = 0
        self._lines: list[bytes] = []
        self._replies: list[Reply] = []
        self._wanted = 0
        self._answered: asyncio.Future[None] | None = None
        self._until = math.inf
        self._looking = False

    @classmethod
    def taken_over(cls, client: aiosmtplib.SMTP, patience: Patience) -> Self:
        """Take over the connection of *client* after its greeting."""
        assert client.protocol is not None  # noqa: S101  it is connected
        transport = cast("asyncio.Transport", client.protocol.transport)
        conversation = cls(transport, client.esmtp_extensions, patience)
        transport.set_protocol(conversation)
        return conversation

    @property
    def is_open(self) -> bool:
        """Whether anything more can be said."""
        return not self._transport.is_closing()

    async def ask(self, said: bytes, answers: int = 1, *, within: timedelta | None = None) -> list[Reply]:
        """
        Return so many *answers* to the bytes *said*; fewer where the connection ends before.

        After the answer that the server closes the connection none is waited for. *within*: how long they are
        waited for, if not as long as for a command.
        """
        if not self.is_open:
            return []
        self._replies, self._wanted, self._heard = [], answers, 0
        self._answered = self._loop.create_future()
        self._wait_at_most(within or self.patience.answer)
        self._transport.write(said)
        try:
            await self._answered
        except asyncio.CancelledError:
            self.close()  # an answer that comes late must not be taken for the next one's
            raise
        finally:
            self._answered, self._until = None, math.inf
        return self._replies

    async def quit(self) -> None:
        """Take leave."""
        await self.ask(b"QUIT\r\n")
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()
        self._end()

    def data_received(self, data: bytes) -> None:
        """Take *data* apart into answers."""
        self._heard += len(data)
        if self._heard > MOST_BYTES:
            self.close()
            return
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            if line[3:4] == b"-":  # the last line of an answer has no dash behind the code (RFC 5321 4.2.1)
                self._lines.append(line)
            else:
                self._take(_reply([*self._lines, line]))
                self._lines.clear()

    def _take(self, reply: Reply) -> None:
        if len(self._replies) == self._wanted:  # this one was not asked for
            self.close()
            return
        self._replies.append(reply)
        if reply.code in ENDING:
            self.close()
        elif len(self._replies) == self._wanted:
            self._end()

    def _end(self) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - all that counts is that it is
        """Hear that the connection is gone."""
        self._end()

    def _wait_at_most(self, patience: timedelta) -> None:
        self._until = self._loop.time() + patience.total_seconds()
        if not self._looking:
            self._looking = True
            self._loop.call_at(self._until, self._check_timeout)

    def _check_timeout(self) -> None:
        self._looking = self.is_open and self._until > self._loop.time()
        if self._looking:
            self._loop.call_later(self.patience.answer.total_seconds(), self._check_timeout)
        else:
            self.close()


def _reply(lines: Sequence[bytes]) -> Reply:
    code = lines[-1][:3]
    words = b"\n".join([line[4:].strip() for line in lines]).decode(errors="surrogateescape")
    return Reply(int(code) if code.isdigit() and code >= b"2" else NOISE, words)
