"""Times the answers of an application by the template of their route, never by the path that was used."""

import time
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.runtime import metrics, traces

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNKNOWN = "unknown"
"""Method or route that the application does not know: it is the caller's choice, and no label."""


def route_of(scope: Scope) -> str:
    """Return the template of the route that answers the request of *scope*."""
    path = getattr(scope.get("route"), "path", None)
    return UNKNOWN if path is None else f"{scope.get('root_path', '')}{path}"


@dataclass(frozen=True, slots=True)
class TimedApp:
    """An application, and the service that it belongs to."""

    app: ASGIApp
    service: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the application answer, and record when it began to."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        with traces.request() as traced:

            async def timed(message: Message) -> None:
                if message["type"] == "http.response.start":
                    method = scope["method"] if scope["method"] in METHODS else UNKNOWN
                    route, status, elapsed = route_of(scope), message["status"], time.perf_counter() - started
                    metrics.http_time(self.service, method, route, status, elapsed)
                    traced.update(name=f"{method} {route}", service=self.service, status=status)
                await send(message)

            await self.app(scope, receive, timed)
