"""The protocol's HTTP interface: its calls, and its errors as JSON objects (section 3.04)."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException

from services.intake.cases.errors import NotPossibleNow
from services.intake.channels.drp.agents import ListedAgent
from services.intake.channels.drp.messages import DrpCallRefused
from services.intake.channels.drp.service import DrpService
from services.intake.channels.protocols import (
    ABOUT_REQUESTS,
    ErrorAnswer,
    bearer_token,
    body_of,
    protocol_app,
)


def drp_app(service: DrpService) -> FastAPI:
    """Return the application for agents, to be mounted at the ``api_base``."""
    app = protocol_app(_error, {**ABOUT_REQUESTS, NotPossibleNow: ErrorAnswer(HTTPStatus.CONFLICT)})

    @app.exception_handler(DrpCallRefused)
    async def refused(request: Request, error: DrpCallRefused) -> Response:
        headers = {"WWW-Authenticate": "Bearer"} if error.status is HTTPStatus.UNAUTHORIZED else None
        return _error(request, error.status, str(error), headers, fatal=error.fatal)

    async def caller(request: Request) -> ListedAgent:
        token = bearer_token(request)
        if not token:
            raise DrpCallRefused(
                HTTPStatus.UNAUTHORIZED, "a bearer token is required: set up a pair-wise key"
            )
        return await service.agent_of(token)

    @app.post("/v1/agent/{agent_id}", response_model=None)
    async def set_up(agent_id: str, request: Request) -> Response | dict[str, str]:
        try:
            token = await service.set_up(agent_id, await body_of(request))
        except (DrpCallRefused, HTTPException):
            # The reason is not for callers that may be no agents.
            return Response(status_code=HTTPStatus.FORBIDDEN)
        return {"agent-id": agent_id, "token": token}

    @app.get("/v1/agent/{agent_id}")
    async def confirm(agent_id: str, request: Request) -> dict[str, str]:
        try:
            holder = await caller(request)
        except DrpCallRefused as error:
            raise DrpCallRefused(HTTPStatus.FORBIDDEN, str(error)) from None
        if holder.id != agent_id:
            raise DrpCallRefused(HTTPStatus.FORBIDDEN, "this token is another agent's")
        return {}

    _add_requests(app, service, caller)
    return app


def _add_requests(
    app: FastAPI, service: DrpService, caller: Callable[[Request], Awaitable[ListedAgent]]
) -> None:
    Caller = Annotated[ListedAgent, Depends(caller)]  # noqa: N806 - a type

    @app.post("/v1/data-rights-request")
    @app.post("/v1/data-rights-request/")
    async def exercise(request: Request, agent: Caller) -> dict[str, Any]:
        return await service.exercise(agent, await body_of(request))

    @app.get("/v1/data-rights-request/{request_id}")
    async def status(request_id: str, agent: Caller) -> dict[str, Any]:
        return await service.status(agent, request_id)

    @app.delete("/v1/data-rights-request/{request_id}")
    async def revoke(request_id: str, request: Request, agent: Caller) -> dict[str, Any]:
        return await service.revoke(agent, request_id, await body_of(request))

    @app.get("/v1/verification/{case_id}")
    async def verify(case_id: str, request_id: str = "", redirect_to: str = "") -> RedirectResponse:
        """Redirect the person to the request's page, and back to the agent once the identity is proven."""
        if request_id not in {"", case_id}:
            raise DrpCallRefused(HTTPStatus.NOT_FOUND, "this address is another request's")
        return RedirectResponse(await service.redirect_target(case_id, redirect_to), HTTPStatus.SEE_OTHER)


def _error(
    _request: Request,
    status: int,
    message: str,
    headers: Mapping[str, str] | None,
    *,
    fatal: bool = False,
) -> Response:
    content: dict[str, Any] = {"code": str(int(status)), "message": message}
    return JSONResponse(content | ({"fatal": True} if fatal else {}), status, headers)
