"""Common parts of the protocols' APIs: bodies, and errors."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import Protocol

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from services.intake.cases.errors import TooManyAttempts
from shared.errors import PermanentError, TransientError, UnknownRequest
from shared.runtime.log import logger

MOST_BYTES = 64 << 10
"""Of a body; protocols send a few hundred bytes."""


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


class ProtocolErrorWriter(Protocol):
    """Writes an error in the protocol's form."""

    def __call__(
        self, request: Request, status: int, message: str, headers: Mapping[str, str] | None, /
    ) -> Response:
        """Return the answer."""


def add_errors(
    app: FastAPI, say: ProtocolErrorWriter, answers: Mapping[type[Exception], ErrorAnswer]
) -> None:
    """Have *app* answer errors by the table *answers*, and unknown calls, by *say*."""

    async def no_such_call(request: Request, error: HTTPException) -> Response:
        return say(request, error.status_code, error.detail, error.headers)

    app.exception_handler(HTTPException)(no_such_call)
    for kind, answer in answers.items():
        app.exception_handler(kind)(_answering(say, answer))


def _answering(
    say: ProtocolErrorWriter, answer: ErrorAnswer
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answered(request: Request, error: Exception) -> Response:
        if answer.status is HTTPStatus.INTERNAL_SERVER_ERROR:
            logger().error("request failed", service="intake", exc_info=error)
        return say(request, answer.status, answer.words or str(error), answer.headers or None)

    return answered


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
