"""
The protocol's HTTP interface: calls in each version, signed answers, and errors as objects.

Answers are signed over the exact bytes sent. Errors are not: callers without a credential get no signature.
"""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request, Response

from services.intake.cases.errors import NotPossibleNow
from services.intake.channels.opendsr.controllers import ListedController
from services.intake.channels.opendsr.protocol import CallError, OpenDsrCallRefused, Version, refused
from services.intake.channels.opendsr.service import DownloadGone, OpenDsrService
from services.intake.channels.protocols import ABOUT_REQUESTS, ErrorAnswer, add_errors, body_of
from services.intake.http.downloads import package_response, wanted_bytes
from services.intake.http.failed_attempts import network_of_client
from services.intake.http.ranges import NotSatisfiable, RangeRequest

NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
VERSION = re.compile(r"/v([0-9])(?=/|$)")
"""The first in a path says which is spoken; later ones may be names."""
CHALLENGE = {"WWW-Authenticate": 'Basic realm="OpenDSR", charset="UTF-8"'}


def opendsr_app(desk: OpenDsrService) -> FastAPI:
    """Return the application for controllers, to be mounted at the path of ``desk.url``."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    _add_errors(app)

    @app.get("/certificate.pem")
    async def certificate() -> Response:
        return Response(desk.certified.pem, media_type="application/x-pem-file")

    for version in Version:
        _add_discovery(app, desk, version)
        _add_requests(app, desk, version)
    _add_groups(app, desk)
    return app


def _add_discovery(app: FastAPI, desk: OpenDsrService, version: Version) -> None:
    @app.get(f"/v{version.value}/discovery")
    @app.get(f"/v{version.value}/discovery/")
    async def discovery() -> Response:
        return _signed(desk, version, HTTPStatus.OK, desk.discovery(version))


def _caller_at(desk: OpenDsrService) -> Any:
    async def caller(request: Request, authorization: Annotated[str, Header()] = "") -> ListedController:
        found = desk.caller(authorization, network_of_client(request))
        if found is None:
            raise OpenDsrCallRefused(
                HTTPStatus.UNAUTHORIZED, CallError("", "the credential is missing or unknown")
            )
        return found

    return Depends(caller)


def _add_requests(app: FastAPI, desk: OpenDsrService, version: Version) -> None:
    Caller = Annotated[ListedController, _caller_at(desk)]  # noqa: N806 - a type

    @app.post(version.requests)
    @app.post(f"{version.requests}/")
    async def submit(request: Request, controller: Caller) -> Response:
        receipt = await desk.submit(controller, version, await body_of(request))
        return _signed(desk, version, HTTPStatus.CREATED, receipt)

    @app.get(version.requests + "/{name}")
    @app.get(version.requests + "/{name}/")
    async def status(name: str, controller: Caller) -> Response:
        return _signed(desk, version, HTTPStatus.OK, await desk.status(controller, name, version))

    @app.delete(version.requests + "/{name}")
    @app.delete(version.requests + "/{name}/")
    async def cancel(name: str, controller: Caller) -> Response:
        return _signed(desk, version, HTTPStatus.ACCEPTED, await desk.cancel(controller, name, version))

    @app.get(version.requests + "/{name}/results")
    async def results(
        name: str, controller: Caller, wanted: Annotated[RangeRequest, Depends(wanted_bytes)]
    ) -> Response:
        return package_response(name, await desk.results(controller, name, wanted))


def _add_groups(app: FastAPI, desk: OpenDsrService) -> None:
    Caller = Annotated[ListedController, _caller_at(desk)]  # noqa: N806 - a type

    @app.get(Version.THREE.requests)
    @app.get(f"{Version.THREE.requests}/")
    async def group(controller: Caller, group_id: str = "") -> Response:
        if not group_id:
            raise refused("group_id", "is required")
        found = await desk.group(controller, group_id, Version.THREE)
        return _signed(desk, Version.THREE, HTTPStatus.OK, found)


def _signed(desk: OpenDsrService, version: Version, status: HTTPStatus, content: object) -> Response:
    body = json.dumps(content).encode()
    headers = NOT_KEPT | desk.certified.headers(body, version)
    return Response(body, status, headers, media_type="application/json")


def _error(
    request: Request, status: int, *flaws: CallError, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error: a nested object, but in the 3.0 dialect the inner one alone."""
    reason = HTTPStatus(status).phrase
    error = {
        "code": int(status),
        "message": "; ".join(map(str, flaws)),
        "errors": [{"domain": "Validation", "reason": reason, "message": str(flaw)} for flaw in flaws],
    }
    spoken = VERSION.search(request.url.path)
    bare = spoken is not None and int(spoken[1]) == Version.THREE
    body = json.dumps(error if bare else {"error": error})
    return Response(body, status, NOT_KEPT | dict(headers or {}), media_type="application/json")


def _add_errors(app: FastAPI) -> None:
    ours = {NotPossibleNow: ErrorAnswer(HTTPStatus.BAD_REQUEST), DownloadGone: ErrorAnswer(HTTPStatus.GONE)}
    add_errors(app, _say, {**ABOUT_REQUESTS, **ours})

    @app.exception_handler(OpenDsrCallRefused)
    async def not_taken(request: Request, error: OpenDsrCallRefused) -> Response:
        headers = CHALLENGE if error.status is HTTPStatus.UNAUTHORIZED else None
        return _error(request, error.status, *error.flaws, headers=headers)

    @app.exception_handler(NotSatisfiable)
    async def not_satisfiable(request: Request, error: NotSatisfiable) -> Response:
        headers = {"Content-Range": f"bytes */{error.size}"}
        return _say(request, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, str(error), headers)


def _say(request: Request, status: int, message: str, headers: Mapping[str, str] | None) -> Response:
    return _error(request, status, CallError("", message), headers=headers)
