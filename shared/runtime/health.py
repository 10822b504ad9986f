"""Health and metrics over HTTP: ``/livez``, ``/readyz``, ``/metrics``."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeAlias

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp

from shared.errors import HabeasError
from shared.runtime import metrics

Checks: TypeAlias = Mapping[str, Callable[[], Awaitable[None]]]
"""Name of a part → a call that raises when the part does not answer."""


def public_app(apps: Iterable[ASGIApp]) -> FastAPI:
    """Return an application that serves *apps*, and of this process no more than that it is alive."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_api_route("/livez", livez)
    for one in apps:
        app.mount("/", one)
    return app


async def livez() -> PlainTextResponse:
    """Answer that the event loop runs."""
    return PlainTextResponse("alive\n")


def health_app(checks: Checks) -> FastAPI:
    """Return an application that answers for this process, to its operators."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_api_route("/livez", livez)

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        """Answer which parts are reached, each over a fresh call."""
        names = list(checks)
        states = dict(
            zip(names, await asyncio.gather(*(_state(checks[name]) for name in names)), strict=True)
        )
        ready = all(state == "ok" for state in states.values())
        return JSONResponse(states, status_code=200 if ready else 503)

    @app.get("/metrics")
    async def figures() -> Response:
        """Answer all figures in Prometheus' text format."""
        return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)

    return app


async def _state(check: Callable[[], Awaitable[None]]) -> str:
    try:
        await check()
    except HabeasError as error:
        return str(error)
    return "ok"
