"""Errors of the API, each as a problem document."""

import re
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.console.breach_decisions import RefusedEntry
from services.console.case_work import NoSessionKey
from services.console.decisions.case_decisions import form_errors
from services.console.http.guard import MOST_FILE_BYTES, MOST_FORM_BYTES
from services.console.signin.local import SignInRefused
from services.console.system.parked_messages import RepairRefused
from shared.contract.envelope import errors_of
from shared.contract.events import MOST_DOCUMENT_BYTES
from shared.contract.refusals import REFUSALS
from shared.errors import HabeasError, TransientError
from shared.runtime.http_problems import PROBLEM_JSON, phrase_of, problem
from shared.runtime.log import logger
from shared.runtime.staff_api import DecisionNotAccepted, StaffApiProblem

NOT_SIGNED_IN = "The session is not known, or it is over: sign in again."
NO_KEY = "The session has no key at intake: open a case, or decide, with password and code."
NOT_CHANGED = "Nothing was changed."
NOT_SERVED = "A part of the system does not answer, or is busy; try again."
TOO_LARGE = "The body is too large, or has no length."
WITH_PACKAGE = "/decisions/package"
"""Path of decisions with a package; its body is read once the caller is known."""
SESSIONS = "/sessions"
MOST_SIGN_IN_BYTES = 4_096
"""Of a body of strangers, which is parsed before sign-ins are counted."""
MOST_WITH_PACKAGE = MOST_DOCUMENT_BYTES + MOST_FORM_BYTES
DOCUMENTED = (400, 401, 403, 404, 409, 413, 422, 429, 503)
OF_INTAKE = {HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.TOO_MANY_REQUESTS}
"""Statuses of intake that mean the same here; others are a conflict."""
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
FILES = re.compile("/cases/[0-9a-f]{32}/files$")
"""Path of files, whose bodies may be larger."""
FORM_FIELDS = frozenset({"code", "password"})
"""Fields beside those of the decision."""
PROBLEM_SCHEMA = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "reason": {"type": "string", "description": "Code of the reason of a refused decision."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
    "required": ["type", "title", "status", "detail"],
}


def documented() -> dict[int | str, dict[str, Any]]:
    """Return the errors that every call may have, for the OpenAPI document."""
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": phrase_of(status), "content": content} for status in DOCUMENTED}


class PrivateAnswers:
    """Keeps answers out of caches, and has them read as what they are."""

    def __init__(self, app: ASGIApp) -> None:
        """Mark the answers of *app*."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers to the answer."""

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(PRIVATE)
            await send(message)

        await self.app(scope, receive, marked)


class BodyLimit:
    """Refuses a large body, and one of unknown length, before it is read."""

    def __init__(self, app: ASGIApp) -> None:
        """Protect *app*."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413, or pass the call on."""
        headers, most = dict(scope.get("headers", ())), most_bytes(scope.get("path", ""))
        length = headers.get(b"content-length", b"0")
        fits = length.isdigit() and int(length) <= most and b"transfer-encoding" not in headers
        answer: ASGIApp = self.app if fits else problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE)
        await answer(scope, receive, send)


def most_bytes(path: str) -> int:
    """Return the limit of a body in bytes."""
    if FILES.search(path):
        return MOST_FILE_BYTES
    if path.endswith(SESSIONS):
        return MOST_SIGN_IN_BYTES
    return MOST_WITH_PACKAGE if path.endswith(WITH_PACKAGE) else MOST_FORM_BYTES


def add_api_problems(app: FastAPI) -> None:
    """Have *app* answer errors with problems."""

    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(NoSessionKey)
    async def without_key(_request: Request, _error: NoSessionKey) -> Response:
        return problem(403, NO_KEY, reason="no_key")

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        errors = [one.model_dump() for one in errors_of(error.errors(), within=None)]
        return problem(422, "The call does not fit its schema.", errors=errors)

    @app.exception_handler(TransientError)
    async def unavailable(_request: Request, error: TransientError) -> Response:
        logger().warning("page not served", reason=str(error))
        return problem(503, NOT_SERVED, {"Retry-After": "5"})

    @app.exception_handler(HabeasError)
    async def not_done(_request: Request, error: HabeasError) -> Response:
        return _problem_of(error)

    @app.exception_handler(Exception)
    async def broken(_request: Request, _error: Exception) -> Response:
        return problem(500, "The error is recorded.")


def _problem_of(error: HabeasError) -> Response:
    """Return what *error* says about a sign-in or a decision."""
    match error:
        case SignInRefused():
            return problem(403, str(error))
        case RefusedEntry():
            return problem(422, str(error))
        case RepairRefused():
            return problem(409, f"Nothing was changed: {error}.")
        case DecisionNotAccepted():
            reason = str(error)
            return problem(403, f"{REFUSALS.get(reason, reason)}.", reason=reason)
        case StaffApiProblem():
            status = error.status if error.status in OF_INTAKE else HTTPStatus.CONFLICT
            return problem(status, str(error) or NOT_CHANGED)
        case _:
            found = form_errors(error, str)
    if found is None:
        raise error
    errors = [{"path": _path(name), "message": message} for name, message in found.items()]
    return problem(422, "The decision does not fit its form.", errors=errors)


def _path(field: str) -> str:
    return f"body.{field}" if field in FORM_FIELDS else f"body.fields.{field}" if field else "body"
