"""Problems: RFC 9457 for programs, a page in their language for people."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from json import JSONDecodeError
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.routing import Match

from services.intake.cases.errors import (
    CodeRefused,
    NoPerson,
    NotPossibleNow,
    ReferenceReused,
    SourceLimitReached,
    TooManyAttempts,
)
from services.intake.channels.csv import upload
from services.intake.http import uploads
from services.intake.http.description import JSON
from services.intake.http.packages import NotSatisfiable
from services.intake.pages.site import Site
from shared.contract.envelope import errors_of
from shared.contract.events import NO_PERSON
from shared.errors import PermanentError, TransientError, UnknownRequest
from shared.pages.translation import mark as _
from shared.runtime.http_problems import problem
from shared.runtime.log import logger

ELSEWHERE = (
    _("This page does not exist"),
    _("The address may be mistyped, or belong to a request that is so old that we no longer keep it."),
)
NOT_READ = (
    _("We could not read this form"),
    _("Nothing has been processed. Please go back to our page and send the form again."),
)
WORDS: Mapping[int, tuple[str, str]] = {
    403: (
        _("This form was not accepted"),
        _("It was sent from another site, and nothing has been processed. Please send it from our own page."),
    ),
    400: NOT_READ,
    404: ELSEWHERE,
    405: ELSEWHERE,
    409: (
        _("This is not possible at present"),
        _("Your request has progressed in the meantime. Its page shows the current status."),
    ),
    415: NOT_READ,
    413: (_("This is too large"), _("Please send less at a time.")),
    422: ELSEWHERE,
    429: (
        _("Too many requests"),
        _("We received more from your connection than we accept in an hour. Please try again later."),
    ),
    503: (
        _("We cannot do this at the moment"),
        _("Part of our system is not responding. Please try again in a few minutes."),
    ),
}
"""Status → title and sentence of the page."""
BROKEN = (_("Something went wrong"), _("The error is on our side and has been recorded."))


NOT_PARSED = "The body is not JSON in UTF-8, or has too many levels."
METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Problems:
    """Writes a problem in the caller's form: by RFC 9457, or as a page."""

    site: Site

    def say(
        self,
        request: Request,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Response:
        """Return the problem; *detail* and *more* are for programs."""
        if not wants_page(request):
            return problem(status, detail, headers, **more)
        view = self.site.at(request)
        title, sentence = map(view.words.say, WORDS.get(status, BROKEN))
        here = view.here if request.method in {"GET", "HEAD"} else "/"
        page = view.draw("problem.html.jinja", status, here=here, title=title, detail=sentence)
        page.headers.update(headers or {})
        return page


def wants_page(request: Request) -> bool:
    """Return whether the caller is a browser that shows a page."""
    accepted = request.headers.get("accept", "")
    return "text/html" in accepted and "application/json" not in accepted


def error_of_body(error: ValidationError) -> RequestValidationError:
    """Return the error of a body that a handler has read itself; without the input."""
    flaws = error.errors(include_url=False, include_input=False)
    return RequestValidationError([flaw | {"loc": ("body", *flaw["loc"])} for flaw in flaws])


def add_problems(app: FastAPI, site: Site) -> None:
    """Have *app* answer errors with problems."""
    problems = Problems(site)
    say = problems.say
    _add_flaws(app, problems)
    _add_states(app, problems)

    @app.exception_handler(AnyHTTPException)
    async def refused(request: Request, error: AnyHTTPException) -> Response:
        # With a cause it is the framework's, which has not parsed the body.
        broken = error.__cause__ is not None and error.status_code == HTTPStatus.BAD_REQUEST
        detail = NOT_PARSED if broken else error.detail
        return say(request, error.status_code, detail, headers_of(error, request))

    @app.exception_handler(UnknownRequest)
    async def unknown(request: Request, _error: UnknownRequest) -> Response:
        return say(request, 404, "No request has this id.")

    @app.exception_handler(TransientError)
    async def later(request: Request, _error: TransientError) -> Response:
        detail = "A part of the system does not answer; try again."
        return say(request, 503, detail, {"Retry-After": "5"})

    @app.exception_handler(PermanentError)
    async def broken(request: Request, error: PermanentError) -> Response:
        logger().error("request failed", service="intake", exc_info=error)
        detail = "This cannot be done until the staff has checked it; write to the contact."
        return say(request, 500, detail)


def headers_of(error: AnyHTTPException, request: Request) -> Mapping[str, str] | None:
    """Return the headers of *error*; for a wrong method with those of all routes of the path, not of one."""
    if error.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
        return error.headers
    allowed = [method for method in METHODS if _is_served(request, method)]
    return {**(error.headers or {}), "Allow": ", ".join(allowed)}


def _is_served(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)


def _details(error: RequestValidationError) -> Iterator[Mapping[str, Any]]:
    """Yield the details of an error of ours or of the framework, as pydantic has them."""
    for flaw in error.errors():
        if flaw["type"] == "json_invalid" and isinstance(error.body, str):
            at = JSONDecodeError("", error.body, flaw["loc"][-1])
            yield {**flaw, "loc": ("body",), "ctx": {"error": f"line {at.lineno} column {at.colno}"}}
        elif flaw["loc"] == ("body",) and isinstance(error.body, bytes):
            yield {**flaw, "type": "content_type", "msg": f"needs the header Content-Type: {JSON}"}
        else:
            yield flaw


def _add_flaws(app: FastAPI, problems: Problems) -> None:
    say = problems.say

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        flaws = [flaw.model_dump() for flaw in errors_of(_details(error), within=None)]
        return say(request, 422, "The request does not fit its schema; see /docs.", errors=flaws)

    @app.exception_handler(NoPerson)
    async def without_person(request: Request, _error: NoPerson) -> Response:
        flaws = [{"path": "body.subject", "message": NO_PERSON}]
        return say(request, 422, "The request does not fit its schema; see /docs.", errors=flaws)

    @app.exception_handler(uploads.FormNotTaken)
    async def not_taken(request: Request, error: uploads.FormNotTaken) -> Response:
        errors = [{"path": flaw.path, "message": flaw.message} for flaw in error.flaws]
        return say(request, error.status, "The form is not taken; see /docs.", errors=errors)

    @app.exception_handler(upload.SheetRefused)
    async def faulty(request: Request, error: upload.SheetRefused) -> Response:
        errors = [flaw.model_dump() for flaw in upload.row_error(error.faults)]
        return say(request, 409 if error.reused else 422, f"{error}.", errors=errors)


def _add_states(app: FastAPI, problems: Problems) -> None:
    say = problems.say

    @app.exception_handler(NotPossibleNow)
    async def not_now(request: Request, error: NotPossibleNow) -> Response:
        return say(request, 409, f"{error}.")

    @app.exception_handler(ReferenceReused)
    async def reused(request: Request, error: ReferenceReused) -> Response:
        return say(request, 409, f"{error}.")

    @app.exception_handler(TooManyAttempts)
    async def too_often(request: Request, error: TooManyAttempts) -> Response:
        return say(request, 429, f"{error}.", {"Retry-After": "3600"})

    @app.exception_handler(SourceLimitReached)
    async def too_many(request: Request, error: SourceLimitReached) -> Response:
        return say(request, 429, f"{error}.", {"Retry-After": str(error.wait_s)})

    @app.exception_handler(CodeRefused)
    async def code_refused(request: Request, error: CodeRefused) -> Response:
        return say(request, 403, f"{error}.", reason=error.verdict)

    @app.exception_handler(NotSatisfiable)
    async def not_satisfiable(request: Request, error: NotSatisfiable) -> Response:
        return say(request, 416, f"{error}.", {"Content-Range": f"bytes */{error.size}"})
