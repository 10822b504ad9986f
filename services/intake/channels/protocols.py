"""Common parts of the protocols' APIs: applications, bodies, tokens, errors and callbacks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import TypeAlias

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from services.intake.cases.errors import TooManyAttempts
from services.intake.cases.service import RequestService
from services.intake.domain import IntakeCase
from services.intake.http.problems import headers_of
from shared.errors import PermanentError, TransientError, UnknownRequest
from shared.runtime import safe_http
from shared.runtime.log import logger

MOST_BYTES = 64 << 10
"""Of a body; protocols send a few hundred bytes."""
JSON = MappingProxyType({"Content-Type": "application/json"})
"""Headers of a callback."""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """The answer to an error."""

    status: HTTPStatus
    words: str = ""
    """The text; the error's own if empty."""
    headers: Mapping[str, str] = field(default_factory=dict)


EVERYWHERE: Mapping[type[Exception], ErrorAnswer] = MappingProxyType(
    {
        TransientError: ErrorAnswer(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "a part of the system does not answer; try again",
            {"Retry-After": "5"},
        ),
        PermanentError: ErrorAnswer(
            HTTPStatus.INTERNAL_SERVER_ERROR, "this cannot be done until the staff has checked it"
        ),
    }
)
ABOUT_REQUESTS: Mapping[type[Exception], ErrorAnswer] = MappingProxyType(
    {
        **EVERYWHERE,
        UnknownRequest: ErrorAnswer(HTTPStatus.NOT_FOUND),
        TooManyAttempts: ErrorAnswer(HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": "3600"}),
    }
)
"""Errors of calls about existing requests."""


ErrorWriter: TypeAlias = Callable[[Request, int, str, Mapping[str, str] | None], Response]
"""Writes status, message and headers of an error in the protocol's form."""


def protocol_app(write: ErrorWriter, answers: Mapping[type[Exception], ErrorAnswer]) -> FastAPI:
    """Return an application that answers errors by the table *answers*, and unknown calls, by *write*."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)

    @app.exception_handler(HTTPException)
    async def no_such_call(request: Request, error: HTTPException) -> Response:
        return write(request, error.status_code, error.detail, headers_of(error, request))

    async def answered(request: Request, error: Exception) -> Response:
        answer = next(answers[kind] for kind in type(error).__mro__ if kind in answers)
        if answer.status is HTTPStatus.INTERNAL_SERVER_ERROR:
            logger().error("request failed", service="intake", exc_info=error)
        return write(request, answer.status, answer.words or str(error), answer.headers or None)

    for kind in answers:
        app.exception_handler(kind)(answered)
    return app


async def body_of(request: Request, *, most: int = MOST_BYTES) -> bytes:
    """
    Return the exact bytes of the body, of any type: the signature covers them.

    Raises:
        HTTPException: It has more than *most* bytes.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {most} bytes")
    return bytes(body)


def bearer_token(request: Request) -> str:
    """Return the bearer token of a call; empty without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def case_or_new(requests: RequestService, case_id: str) -> IntakeCase:
    """Return the state of a stored request; a new one if it is not lodged yet."""
    try:
        return await requests.case(case_id)
    except UnknownRequest:
        return IntakeCase()


def is_receiver(url: str, *, local: bool) -> bool:
    """Return whether callbacks may be sent to *url*: plain HTTPS, or with *local* HTTP on this machine."""
    try:
        safe_http.receiver(url, local=local)
    except safe_http.NotAllowed:
        return False
    return True
