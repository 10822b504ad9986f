"""The HTTP of the webhooks: one address for each platform; what is not turned on is not there."""

from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from services.intake.webhooks.desk import Desk
from services.intake.webhooks.notices import Malformed, Refused
from services.intake.webhooks.risc import NotPushed
from services.intake.webhooks.tokens import Expected
from shared.errors import PermanentError, TransientError
from shared.log import logger

MOST_BYTES = 256 << 10
"""A message is some hundreds; one that lists a customer's orders, some thousands."""


def webhooks_app(desk: Desk) -> FastAPI:
    """Return the application that platforms call."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    _add_errors(app)
    if desk.shopify:
        _add_shopify(app, desk)
    if desk.meta:
        _add_meta(app, desk)
    if desk.apple is not None:
        _add_apple(app, desk, desk.apple)
    if desk.risc is not None:
        _add_risc(app, desk, desk.risc)
    return app


def _add_shopify(app: FastAPI, desk: Desk) -> None:
    @app.post("/shopify")
    async def take(request: Request) -> dict[str, str]:
        made = await desk.from_shopify(request.headers, await _body(request))
        return {"status": "taken" if made else "set_aside"}


def _add_meta(app: FastAPI, desk: Desk) -> None:
    @app.post("/meta")
    async def take(request: Request) -> dict[str, str]:
        return await desk.from_meta(await _body(request))


def _add_apple(app: FastAPI, desk: Desk, expected: Expected) -> None:
    @app.post("/apple")
    async def take(request: Request) -> Response:
        await desk.from_apple(await _body(request), expected)
        return Response(status_code=HTTPStatus.OK)


def _add_risc(app: FastAPI, desk: Desk, expected: Expected) -> None:
    @app.post("/risc")
    async def take(request: Request) -> Response:
        media_type = request.headers.get("content-type", "")
        try:
            await desk.from_risc(await _body(request), media_type, expected)
        except NotPushed as error:
            return _not_pushed(error.code, str(error))
        except Malformed:
            return _not_pushed("invalid_request", "set aside: it does not read")
        return Response(status_code=HTTPStatus.ACCEPTED)


def _not_pushed(code: str, description: str) -> Response:
    """Return the error of RFC 8935 section 2.3."""
    return JSONResponse({"err": code, "description": description}, HTTPStatus.BAD_REQUEST)


async def _body(request: Request) -> bytes:
    """Return the bytes as they came: what is signed is nothing else."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {MOST_BYTES} bytes")
    return bytes(body)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(Refused)
    async def refused(_request: Request, error: Refused) -> Response:
        return JSONResponse({"error": str(error)}, error.status)

    @app.exception_handler(Malformed)
    async def malformed(_request: Request, error: Malformed) -> Response:
        flaws = [str(flaw) for flaw in error.flaws]
        # It is sealed, and the staff's to look at: what a platform sent again for days would be no other.
        return JSONResponse({"status": "set_aside", "flaws": flaws})

    @app.exception_handler(HTTPException)
    async def no_such_call(_request: Request, error: HTTPException) -> Response:
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)

    @app.exception_handler(TransientError)
    async def later(_request: Request, _problem: TransientError) -> Response:
        content = {"error": "a part of the system does not answer; send it again"}
        return JSONResponse(content, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "5"})

    @app.exception_handler(PermanentError)
    async def broken(_request: Request, error: PermanentError) -> Response:
        logger().error("request failed", service="intake", exc_info=error)
        content = {"error": "this cannot be done until somebody has looked at it"}
        return JSONResponse(content, HTTPStatus.INTERNAL_SERVER_ERROR)
