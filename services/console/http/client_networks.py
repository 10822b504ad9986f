"""The network of the client whose request is being answered: every call to intake counts for it."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.runtime.client_limits import network_of

PRESENT: Final[ContextVar[str]] = ContextVar("network of the present client", default="")


@dataclass(frozen=True, slots=True)
class ClientNetwork:
    """Keeps the network of the client while *app* answers a request."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        if scope["type"] == "http":
            PRESENT.set(client_network(HTTPConnection(scope)))
        await self.app(scope, receive, send)


def client_network(connection: HTTPConnection) -> str:
    """Return the network of the client of *connection*."""
    return network_of(connection.client.host if connection.client else "")
