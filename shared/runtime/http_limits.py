"""
HTTP connections that cannot hold resources: limited in time, and in number for each client.

Uvicorn itself limits only how long a connection may idle between two requests.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import ClassVar, TypeAlias, cast

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from shared.runtime.client_limits import network_of

Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]

HEAD_WITHIN_S = 10.0
"""Time for a whole request head, from the connection's start or the previous answer's end."""
BODY_WITHIN_S = 30.0
BODY_BYTES_PER_S = 64 * 1024
"""A body may take 30 seconds, and a second more for each 64 KiB: half a megabit per second is enough."""
READ_WITHIN_S = 60.0
"""Time in which a client must read from an answer that waits for it."""
MOST_CONNECTIONS = 1_000
"""Connections of all clients; the next one is answered 503."""
MOST_OF_ONE_CLIENT = 50
"""Connections of one network, unless it is a trusted proxy."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits on the time and number of connections."""

    proxies: Networks = ()
    """They connect for many clients: their connections are not counted."""
    head_within: float = HEAD_WITHIN_S
    body_within: float = BODY_WITHIN_S
    read_within: float = READ_WITHIN_S
    most_of_one: int = MOST_OF_ONE_CLIENT
    _open: Counter[str] = field(default_factory=Counter)

    def opened(self, address: str) -> bool:
        """Count a connection of *address*; return whether it may stay."""
        self._open[network_of(address)] += 1
        return self._open[network_of(address)] <= self.most_of_one or self._is_proxy(address)

    def closed(self, address: str) -> None:
        """Count a connection less."""
        network = network_of(address)
        self._open[network] -= 1
        if self._open[network] <= 0:
            del self._open[network]

    def _is_proxy(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self.proxies)


class LimitedConnection(H11Protocol):
    """One connection. It is cut when its client does not send or read in time."""

    limits: ClassVar[ConnectionLimits]

    _timer: asyncio.TimerHandle | None = None
    """Ends the time in which the client must send."""
    _stalled: asyncio.TimerHandle | None = None
    """Ends the time in which the client must read."""
    _timed: object = None
    """The request with the timed body."""
    _body_began = 0.0
    _body_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the time of the first head; cut the connection if its client has too many."""
        super().connection_made(cast("asyncio.Transport", transport))
        if self.limits.opened(self._address):
            self._wait(self.limits.head_within)
        else:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self.limits.closed(self._address)
        self._stop()
        self._read_on()

    def data_received(self, data: bytes) -> None:
        """Give the client the time that it may take to send the rest."""
        super().data_received(data)
        self._time(len(data))

    def on_response_complete(self) -> None:
        """Begin the time of the next request."""
        super().on_response_complete()
        self._stop()
        self._time(0)

    def pause_writing(self) -> None:
        """Begin the time in which the client must read."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.limits.read_within, self.transport.abort)

    def resume_writing(self) -> None:
        """End that time."""
        super().resume_writing()
        self._read_on()

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def _time(self, size: int) -> None:
        """Set the timer after *size* bytes: for a head, for a body, none while a request is answered."""
        if self.cycle is None or self.cycle.response_complete:
            if self._timer is None:
                self._wait(self.limits.head_within)
        elif self.cycle.more_body:
            self._time_body(size)
        else:
            self._stop()

    def _time_body(self, size: int) -> None:
        if self._timed is not self.cycle:
            self._timed, self._body_began, self._body_bytes = self.cycle, self.loop.time(), 0
        self._body_bytes += size
        allowed = self.limits.body_within + self._body_bytes / BODY_BYTES_PER_S
        self._wait(self._body_began + allowed - self.loop.time())

    def _wait(self, seconds: float) -> None:
        self._stop()
        self._timer = self.loop.call_later(max(seconds, 0), self._cut)

    def _cut(self) -> None:
        """End the connection, unless it waits for the service itself."""
        if self.flow.read_paused:
            self._wait(self.limits.body_within)
        else:
            self.transport.abort()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _read_on(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None


def connections_under(limits: ConnectionLimits) -> type[LimitedConnection]:
    """Return the protocol class that serves uvicorn's connections under *limits*."""
    return type("ConnectionUnderLimits", (LimitedConnection,), {"limits": limits})


class DisconnectsAllowed:
    """An application whose requests end without an error when the client goes in the middle of a body."""

    def __init__(self, app: ASGIApp) -> None:
        """Serve *app*."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        with suppress(ClientDisconnect):
            await self._app(scope, receive, send)
