"""The HTTP interface of the webhooks: one address for each enabled platform."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from services.intake.channels.protocols import EVERYWHERE, add_errors, body_of
from services.intake.channels.webhooks.notices import Malformed, WebhookRefused
from services.intake.channels.webhooks.risc import NotPushed
from services.intake.channels.webhooks.service import WebhookService
from shared.runtime.tokens import ExpectedToken

MOST_BYTES = 256 << 10
"""A message has hundreds of bytes; one with a customer's orders has thousands."""


def webhooks_app(desk: WebhookService) -> FastAPI:
    """Return the application for platforms."""
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


def _add_shopify(app: FastAPI, desk: WebhookService) -> None:
    @app.post("/shopify")
    async def take(request: Request) -> dict[str, str]:
        made = await desk.from_shopify(request.headers, await body_of(request, most=MOST_BYTES))
        return {"status": "taken" if made else "set_aside"}


def _add_meta(app: FastAPI, desk: WebhookService) -> None:
    @app.post("/meta")
    async def take(request: Request) -> dict[str, str]:
        return await desk.from_meta(await body_of(request, most=MOST_BYTES))


def _add_apple(app: FastAPI, desk: WebhookService, expected: ExpectedToken) -> None:
    @app.post("/apple")
    async def take(request: Request) -> Response:
        await desk.from_apple(await body_of(request, most=MOST_BYTES), expected)
        return Response(status_code=HTTPStatus.OK)


def _add_risc(app: FastAPI, desk: WebhookService, expected: ExpectedToken) -> None:
    @app.post("/risc")
    async def take(request: Request) -> Response:
        media_type = request.headers.get("content-type", "")
        try:
            await desk.from_risc(await body_of(request, most=MOST_BYTES), media_type, expected)
        except NotPushed as error:
            return _not_pushed(error.code, str(error))
        except Malformed:
            return _not_pushed("invalid_request", "set aside: it does not read")
        return Response(status_code=HTTPStatus.ACCEPTED)


def _not_pushed(code: str, description: str) -> Response:
    """Return the error of RFC 8935 section 2.3."""
    return JSONResponse({"err": code, "description": description}, HTTPStatus.BAD_REQUEST)


def _add_errors(app: FastAPI) -> None:
    add_errors(app, _say, EVERYWHERE)

    @app.exception_handler(WebhookRefused)
    async def refused(_request: Request, error: WebhookRefused) -> Response:
        return JSONResponse({"error": str(error)}, error.status)

    @app.exception_handler(Malformed)
    async def malformed(_request: Request, error: Malformed) -> Response:
        flaws = [str(flaw) for flaw in error.flaws]
        # It is sealed for the staff to check: sending it again for days would not change it.
        return JSONResponse({"status": "set_aside", "flaws": flaws})


def _say(_request: Request, status: int, message: str, headers: Mapping[str, str] | None) -> Response:
    return JSONResponse({"error": message}, status, headers)
