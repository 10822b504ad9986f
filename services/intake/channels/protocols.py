"""What the doors of protocols have in common: how a body is read, and which errors all of them answer."""

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
"""Of a body; what protocols send is a few hundred."""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """How an error is answered."""

    status: HTTPStatus
    words: str = ""
    """What is said; the error's own words where it is empty."""
    headers: Mapping[str, str] = field(default_factory=dict)


EVERYWHERE: Mapping[type[Exception], ErrorAnswer] = MappingProxyType(
    {
        TransientError: ErrorAnswer(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "a part of the system does not answer; try again",
            {"Retry-After": "5"},
        ),
        PermanentError: ErrorAnswer(
            HTTPStatus.INTERNAL_SERVER_ERROR, "this cannot be done until somebody has looked at it"
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
"""Where callers come back to what they have sent."""


class ProtocolErrorWriter(Protocol):
    """Says in the protocol's own form what is wrong."""

    def __call__(
        self, request: Request, status: int, message: str, headers: Mapping[str, str] | None, /
    ) -> Response:
        """Return the answer."""


def add_errors(
    app: FastAPI, say: ProtocolErrorWriter, answers: Mapping[type[Exception], ErrorAnswer]
) -> None:
    """Have *app* answer errors as the table *answers* says, and calls that there are not, by *say*."""

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
    Return the body byte for byte, whatever its type is said to be: what is signed is nothing else.

    Raises:
        HTTPException: It has more than *most* bytes.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {most} bytes")
    return bytes(body)
