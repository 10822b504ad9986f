"""Free TCP ports of this machine."""

import asyncio
import os
import random
import socket
import sys
from collections import deque
from collections.abc import Set as AbstractSet

from shared.errors import ConfigurationError, TransientError

HOST = "127.0.0.1"
LOWEST, HIGHEST = 20_000, 32_000
"""Below the range from which systems take the ports of outgoing connections (32768 and up on Linux). In that
range a client that keeps dialling a part which is down can be given the part's own port, connect to itself,
and keep the part from ever coming back."""
ATTEMPTS = 200
MOST_CLAIMS = 64
_claims: deque[int] = deque()
"""File descriptors of the claims of this process."""


def is_free(port: int) -> bool:
    """Return whether a server could listen on *port* now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def claim(port: int) -> bool:
    """
    Claim *port* until this process ends or has claimed 64 more; return False if another one has.

    Between drawing and use lie seconds, in which another installation could draw the same port. A claim is
    the name of a socket that the kernel forgets with its process (Linux only).
    """
    if sys.platform != "linux":
        return True
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as named:
        try:
            named.bind(f"\0habeas-port-{port}")
        except OSError:
            return False
        _claims.append(named.detach())
    if len(_claims) > MOST_CLAIMS:
        os.close(_claims.popleft())
    return True


async def dial(port: int) -> None:
    """Check that a server listens on *port*. Raises TransientError if none does."""
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        raise TransientError(f"no server listens on port {port} yet") from None
    writer.close()


def free_port(*, besides: AbstractSet[int] = frozenset()) -> int:
    """Return a free port, none of *besides*. Raises ConfigurationError if none was found."""
    for _ in range(ATTEMPTS):
        port = random.randrange(LOWEST, HIGHEST)  # noqa: S311 - a port is no secret
        if port not in besides and is_free(port) and claim(port):
            return port
    raise ConfigurationError(f"no free TCP port between {LOWEST} and {HIGHEST} on {HOST}")
