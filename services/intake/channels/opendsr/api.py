"""
The protocol's HTTP interface: calls in each version, signed answers, and errors as objects.

Answers are signed over the exact bytes sent. Errors are not: callers without a credential get no signature.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Request, Response

from services.intake.cases.errors import NotPossibleNow
from services.intake.channels.opendsr.controllers import ListedController
from services.intake.channels.opendsr.messages import CallError, OpenDsrCallRefused, Version, refused
from services.intake.channels.opendsr.operations import GET_CERTIFICATE, named
from services.intake.channels.opendsr.service import DownloadGone, OpenDsrService
from services.intake.channels.protocols import ABOUT_REQUESTS, ErrorAnswer, body_of, protocol_app
from services.intake.http.failed_attempts import network_of_client
from services.intake.http.packages import NotSatisfiable, RangeRequest, package_response, wanted_bytes
from shared.runtime.http_problems import phrase_of

NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
VERSION = re.compile(r"/v([0-9])(?=/|$)")
"""The first in a path says which is spoken; later ones may be names."""
CHALLENGE = {"WWW-Authenticate": 'Basic realm="OpenDSR", charset="UTF-8"'}


def opendsr_app(service: OpenDsrService) -> FastAPI:
    """Return the application for controllers, to be mounted at the path of ``service.url``."""
    ours = {NotPossibleNow: ErrorAnswer(HTTPStatus.BAD_REQUEST), DownloadGone: ErrorAnswer(HTTPStatus.GONE)}
    app = protocol_app(_say, {**ABOUT_REQUESTS, **ours})

    @app.exception_handler(OpenDsrCallRefused)
    async def not_taken(request: Request, error: OpenDsrCallRefused) -> Response:
        headers = CHALLENGE if error.status is HTTPStatus.UNAUTHORIZED else None
        return _error(request, error.status, *error.flaws, headers=headers)

    @app.exception_handler(NotSatisfiable)
    async def not_satisfiable(request: Request, error: NotSatisfiable) -> Response:
        headers = {"Content-Range": f"bytes */{error.size}"}
        return _say(request, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, str(error), headers)

    @app.get("/certificate.pem", response_class=Response, **GET_CERTIFICATE)
    async def certificate() -> Response:
        """Return the certificate that verifies signed answers."""
        return Response(service.certified.pem, media_type="application/x-pem-file")

    # Asynchronous: FastAPI runs other functions in threads, and the counts of attempts are not locked.
    async def caller(
        request: Request, authorization: Annotated[str, Header(include_in_schema=False)] = ""
    ) -> ListedController:
        found = service.caller(authorization, network_of_client(request))
        if found is None:
            flaw = CallError("", "the credential is missing or unknown")
            raise OpenDsrCallRefused(HTTPStatus.UNAUTHORIZED, flaw)
        return found

    for version in Version:
        _add_requests(app, service, version, caller)
    _add_groups(app, service, caller)
    return app


def _add_requests(
    app: FastAPI,
    service: OpenDsrService,
    version: Version,
    caller: Callable[..., Awaitable[ListedController]],
) -> None:
    Caller = Annotated[ListedController, Depends(caller)]  # noqa: N806 - a type
    one = version.requests + "/{subject_request_id}"

    def signed(status: HTTPStatus, content: object) -> Response:
        return _signed(service, version, status, content)

    @app.get(f"/v{version.value}/discovery", **named("discover", version))
    @app.get(f"/v{version.value}/discovery/", include_in_schema=False)
    async def discovery() -> Response:
        """Return the supported features."""
        return signed(HTTPStatus.OK, service.discovery(version))

    @app.post(version.requests, status_code=HTTPStatus.CREATED, **named("submitSubjectRequest", version))
    @app.post(f"{version.requests}/", include_in_schema=False)
    async def submit(request: Request, controller: Caller) -> Response:
        """Submit a request of a person."""
        return signed(HTTPStatus.CREATED, await service.submit(controller, version, await body_of(request)))

    @app.get(one, **named("getSubjectRequest", version))
    @app.get(f"{one}/", include_in_schema=False)
    async def status(subject_request_id: str, controller: Caller) -> Response:
        """Return the status of a request."""
        return signed(HTTPStatus.OK, await service.status(controller, subject_request_id, version))

    @app.delete(one, status_code=HTTPStatus.ACCEPTED, **named("cancelSubjectRequest", version))
    @app.delete(f"{one}/", include_in_schema=False)
    async def cancel(subject_request_id: str, controller: Caller) -> Response:
        """Cancel a request that is pending, or an erasure that has not begun."""
        return signed(HTTPStatus.ACCEPTED, await service.cancel(controller, subject_request_id, version))

    @app.get(f"{one}/results", response_class=Response, **named("downloadResults", version))
    async def results(
        subject_request_id: str, controller: Caller, wanted: Annotated[RangeRequest, Depends(wanted_bytes)]
    ) -> Response:
        """Download the package of a completed request, or a part of it."""
        return package_response(
            subject_request_id, await service.results(controller, subject_request_id, wanted)
        )


def _add_groups(
    app: FastAPI, service: OpenDsrService, caller: Callable[..., Awaitable[ListedController]]
) -> None:
    Caller = Annotated[ListedController, Depends(caller)]  # noqa: N806 - a type

    @app.get(Version.THREE.requests, **named("findSubjectRequests", Version.THREE))
    @app.get(f"{Version.THREE.requests}/", include_in_schema=False)
    async def group(controller: Caller, group_id: str = "") -> Response:
        """Return the statuses of the requests of a group."""
        if not group_id:
            raise refused("group_id", "is required")
        found = await service.group(controller, group_id, Version.THREE)
        return _signed(service, Version.THREE, HTTPStatus.OK, found)


def _signed(service: OpenDsrService, version: Version, status: HTTPStatus, content: object) -> Response:
    body = json.dumps(content).encode()
    headers = NOT_KEPT | service.certified.headers(body, version)
    return Response(body, status, headers, media_type="application/json")


def _error(
    request: Request, status: int, *flaws: CallError, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error: a nested object, but in the 3.0 dialect the inner one alone."""
    reason = phrase_of(status)
    error = {
        "code": int(status),
        "message": "; ".join(map(str, flaws)),
        "errors": [{"domain": "Validation", "reason": reason, "message": str(flaw)} for flaw in flaws],
    }
    spoken = VERSION.search(request.url.path)
    bare = spoken is not None and int(spoken[1]) == Version.THREE
    body = json.dumps(error if bare else {"error": error})
    return Response(body, status, NOT_KEPT | dict(headers or {}), media_type="application/json")


def _say(request: Request, status: int, message: str, headers: Mapping[str, str] | None) -> Response:
    return _error(request, status, CallError("", message), headers=headers)
