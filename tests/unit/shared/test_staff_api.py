"""The client of intake's staff API on a real HTTP server."""

import asyncio

import pytest
import uvicorn
from fastapi import FastAPI, Request

from shared.runtime import staff_api
from shared.runtime.staff_api import StaffApi

SERVER_IDLE_S = 1
"""How long the server keeps an idle connection, in whole seconds."""


def test_client_closes_idle_connections_well_before_intake_does() -> None:
    assert uvicorn.Config(FastAPI()).timeout_keep_alive >= 2 * staff_api.IDLE_S


async def test_connection_idle_for_longer_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staff_api, "IDLE_S", 0.05)
    app, callers = FastAPI(), []

    @app.get("/livez")
    async def alive(request: Request) -> None:
        callers.append(request.client)

    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", timeout_keep_alive=SERVER_IDLE_S)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - a flag is all that uvicorn has
        await asyncio.sleep(0)
    async with StaffApi.opened(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}") as intake:
        await intake.response("GET", "/livez")
        await asyncio.sleep(0.1)
        await intake.response("GET", "/livez")
    server.should_exit = True
    await serving
    assert len(set(callers)) == 2
