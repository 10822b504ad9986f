"""The protocol's HTTP interface: its calls, and its errors as JSON objects (section 3.04)."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from services.intake.cases.errors import NotPossibleNow
from services.intake.channels.drp.agents import ListedAgent
from services.intake.channels.drp.messages import DrpCallRefused
from services.intake.channels.drp.service import DrpService
from services.intake.channels.drp.statuses import DrpReason, DrpStatus
from services.intake.channels.protocols import (
    ABOUT_REQUESTS,
    ErrorAnswer,
    bearer_token,
    body_of,
    protocol_app,
)
from services.intake.http.description import BINARY, Content, ErrorForm, Security, operation


class DrpProblem(BaseModel):
    """An error (section 3.04)."""

    code: str
    message: str
    fatal: bool | None = None


class AgentToken(BaseModel):
    """The token of a pair-wise key."""

    agent_id: str = Field(alias="agent-id")
    token: str


class ExerciseStatus(BaseModel):
    """The status of a request (section 3.02)."""

    request_id: str
    status: DrpStatus
    reason: DrpReason | None
    received_at: str
    expected_by: str
    processing_details: str | None
    agent_request_id: str | None = None
    user_verification_url: str | None = None
    expires_at: str | None = None
    results_url: str | None = None


DRP_ERRORS = ErrorForm(Content({"code": "409", "message": "it is too late to revoke"}, DrpProblem))
SIGNED_BODY = Content("c2lnbmF0dXJlIGFuZCBtZXNzYWdl", media="text/plain", schema=BINARY)
"""Base64 of 64 bytes of an Ed25519 signature and a message in JSON."""
EXERCISED = {
    "request_id": "4f1c0d2e9b7a48c6a1d35e8f0b6c2a97",
    "status": "open",
    "reason": None,
    "received_at": "2026-03-02T09:30:00.000+00:00",
    "expected_by": "2026-04-16T23:59:59.000+00:00",
    "processing_details": None,
}
STATUS_ANSWER = {200: Content(EXERCISED, ExerciseStatus)}
AGENT: Security = ({"drpToken": ()},)
SET_UP_AGENT = operation(
    "setUpAgent",
    404,
    body=[SIGNED_BODY],
    answer={200: Content({"agent-id": "EXAMPLE_AGENT", "token": "b3BhcXVl"}, AgentToken), 403: None},
    form=DRP_ERRORS,
)
CONFIRM_AGENT = operation(
    "confirmAgent",
    403,
    404,
    security=AGENT,
    answer={200: Content({}, schema={"type": "object"})},
    form=DRP_ERRORS,
)
EXERCISE_RIGHT = operation(
    "exerciseRight", 400, 403, security=AGENT, body=[SIGNED_BODY], answer=STATUS_ANSWER, form=DRP_ERRORS
)
GET_EXERCISE = operation("getExercise", 403, 404, security=AGENT, answer=STATUS_ANSWER, form=DRP_ERRORS)
REVOKE_EXERCISE = operation(
    "revokeExercise",
    400,
    403,
    404,
    409,
    security=AGENT,
    body=[SIGNED_BODY],
    answer=STATUS_ANSWER,
    form=DRP_ERRORS,
)
OPEN_VERIFICATION = operation("openVerification", 403, 404, answer={303: None}, form=DRP_ERRORS)


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

    @app.post("/v1/agent/{agent_id}", response_model=None, **SET_UP_AGENT)
    async def set_up(agent_id: str, request: Request) -> Response | dict[str, str]:
        """Set up a pair-wise key: the signed message gives a token."""
        try:
            token = await service.set_up(agent_id, await body_of(request))
        except (DrpCallRefused, HTTPException):
            # The reason is not for callers that may be no agents.
            return Response(status_code=HTTPStatus.FORBIDDEN)
        return {"agent-id": agent_id, "token": token}

    @app.get("/v1/agent/{agent_id}", response_model=None, **CONFIRM_AGENT)
    async def confirm(agent_id: str, request: Request) -> dict[str, str]:
        """Confirm that a token is good."""
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

    @app.post("/v1/data-rights-request", response_model=None, **EXERCISE_RIGHT)
    @app.post("/v1/data-rights-request/", include_in_schema=False)
    async def exercise(request: Request, agent: Caller) -> dict[str, Any]:
        """Exercise a right of a person; the same message is the same request."""
        return await service.exercise(agent, await body_of(request))

    @app.get("/v1/data-rights-request/{request_id}", response_model=None, **GET_EXERCISE)
    async def status(request_id: str, agent: Caller) -> dict[str, Any]:
        """Return the status of a request of the calling agent."""
        return await service.status(agent, request_id)

    @app.delete("/v1/data-rights-request/{request_id}", response_model=None, **REVOKE_EXERCISE)
    async def revoke(request_id: str, request: Request, agent: Caller) -> dict[str, Any]:
        """Revoke a request of the calling agent."""
        return await service.revoke(agent, request_id, await body_of(request))

    @app.get(
        "/v1/verification/{case_id}",
        status_code=HTTPStatus.SEE_OTHER,
        response_model=None,
        response_class=RedirectResponse,
        **OPEN_VERIFICATION,
    )
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
