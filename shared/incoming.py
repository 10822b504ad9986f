"""Ports that take mail in: what the two doors for mail have in common."""

import asyncio
import socket
from functools import partial

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP

from shared.errors import ConfigurationError


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


async def listen(door: object, listener: socket.socket, *, largest: int, local: bool = False) -> None:
    """
    Answer on *listener* until cancelled.

    Args:
        door: What mail goes to; its methods are aiosmtpd's handlers.
        listener: Bound already.
        largest: Bytes of a message that are taken.
        local: Whether LMTP is spoken (RFC 2033), and no SMTP.
    """
    loop = asyncio.get_running_loop()
    protocol = type("Conversation", (LMTP if local else SMTP,), {"line_length_limit": largest})
    conversation = partial(
        protocol, door, hostname="localhost", data_size_limit=largest, enable_SMTPUTF8=True
    )
    server = await loop.create_server(conversation, sock=listener)
    async with server:
        await server.serve_forever()
