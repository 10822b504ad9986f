"""SMTP ports that receive mail: the limits of both mail channels."""

import asyncio
import socket
from functools import partial
from typing import AnyStr

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, syntax

from shared.errors import ConfigurationError
from shared.runtime.client_limits import BytesInFlight

MOST_IN_FLIGHT = 96 << 20
"""Bytes of unfinished mails that one port holds; two of the largest."""
MOST_UNANSWERED = 64 * 1024
"""Bytes of commands that are not answered yet."""
MOST_CONNECTIONS = 100
COMMAND_WITHIN_S, MAIL_WITHIN_S = 60.0, 180.0
"""Time for the next command, and for a whole mail and its answer."""
BUSY = b"421 4.3.2 too much mail at once, try again later\r\n"


class LimitedConversation(SMTP):
    """
    An SMTP conversation that cannot hold resources: limited in time, number and bytes.

    Limits do not depend on the sender: all mail may come from one mail server.
    """

    in_flight: BytesInFlight
    open_conversations: set["LimitedConversation"]
    most: int = MOST_CONNECTIONS
    mail_within: float = MAIL_WITHIN_S
    _held = 0
    """Bytes of the mail that is being taken."""
    _taking = False
    _unanswered = 0
    """Bytes that came since the last answer, outside of a mail."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many."""
        super().connection_made(transport)
        self.open_conversations.add(self)
        if len(self.open_conversations) > self.most:
            self._turn_away()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the conversation."""
        super().connection_lost(error)
        self.open_conversations.discard(self)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a mail, and of commands: the reader itself would keep as much as of a mail."""
        if self._has_room(len(data)):
            super().data_received(data)
        else:
            self._turn_away()

    async def push(self, status: AnyStr) -> None:
        """Answer."""
        self._unanswered = 0
        await super().push(status)

    def _has_room(self, size: int) -> bool:
        if not self._taking:
            self._unanswered += size
            return self._unanswered <= MOST_UNANSWERED
        taken = self.in_flight.take("", size)
        self._held += size if taken else 0
        return taken

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Take a mail within the time and the bytes that there are."""
        self._reset_timeout(self.mail_within)
        self._taking = True
        try:
            await super().smtp_DATA(arg)
        finally:
            self._taking = False
            self.in_flight.give_back("", self._held)
            self._held = 0

    def _turn_away(self) -> None:
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.write(BUSY)
            self.transport.close()


def bound(host: str, port: int, variable: str) -> socket.socket:
    """
    Return a socket that listens.

    Raises:
        ConfigurationError: It cannot; the message names *variable*, which says where.
    """
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise ConfigurationError(f"{variable}: cannot listen on {host}:{port} ({error.strerror})") from None


async def listen(
    door: object, listener: socket.socket, *, largest: int, local: bool = False, **limits: float
) -> None:
    """
    Answer on *listener* until cancelled.

    Args:
        door: The handler of mail; its methods are aiosmtpd's.
        listener: Bound already.
        largest: Bytes of a message that are taken.
        local: Whether LMTP is spoken (RFC 2033), and no SMTP.
        limits: Limits of a conversation that differ from the usual ones, by the attribute's name.
    """
    loop = asyncio.get_running_loop()
    shared = {"in_flight": BytesInFlight(MOST_IN_FLIGHT, MOST_IN_FLIGHT), "open_conversations": set()}
    kinds = (LimitedConversation, LMTP) if local else (LimitedConversation,)
    protocol = type("Conversation", kinds, {"line_length_limit": largest, **shared, **limits})
    conversation = partial(
        protocol,
        door,
        hostname="localhost",
        data_size_limit=largest,
        enable_SMTPUTF8=True,
        timeout=COMMAND_WITHIN_S,
    )
    server = await loop.create_server(conversation, sock=listener)
    async with server:
        await server.serve_forever()
