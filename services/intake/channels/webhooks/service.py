"""
Webhooks of platforms: one address for each, and the application service behind them.

A message is sealed first, as received; then the request is lodged. The verifier decides which sources are
trusted (``HABEAS_TRUSTED_SOURCES``).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from services.intake.cases.service import RequestService
from services.intake.channels.protocols import EVERYWHERE, body_of, protocol_app
from services.intake.channels.webhooks import apple, meta, risc, shopify
from services.intake.channels.webhooks.messages import (
    Malformed,
    PlatformRequest,
    UnreadableMessage,
    WebhookRefused,
    digest_of,
)
from services.intake.channels.webhooks.risc import NotPushed
from shared.errors import UnknownRequest
from shared.runtime.tokens import ExpectedToken

MESSAGE = "webhook"
"""Name of the bytes in the vault, as received."""

MOST_BYTES = 256 << 10
"""A message has hundreds of bytes; one with a customer's orders has thousands."""


@dataclass(frozen=True, slots=True)
class WebhookService:
    """
    The company, for platforms.

    Raises:
        WebhookRefused: A message is not signed by the platform, is for another company, or has expired.
        Malformed: It cannot be parsed, and was set aside.
        IssuerUnavailable: The keys of its issuer are unavailable now.
    """

    door: RequestService
    shopify: tuple[bytes, ...] = ()
    """Client secrets of its apps."""
    meta: tuple[bytes, ...] = ()
    """Secrets of its apps."""
    apple: ExpectedToken | None = None
    risc: ExpectedToken | None = None
    """The issuer of security events."""
    root: str = ""
    """The public address of intake."""

    async def from_shopify(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Process one of Shopify's webhooks, once; return whether it made a request."""
        delivery = shopify.received(headers, body, self.shopify, self.door.clock().date())
        try:
            notice = shopify.request_in(delivery)
        except Malformed as error:
            raise await self._unread(delivery.puzzle(*error.flaws), body) from None
        await self._take(notice, body)
        return isinstance(notice, PlatformRequest)

    async def from_meta(self, form: bytes) -> dict[str, str]:
        """Process a deletion request of Meta's, once; return the address of its status page."""
        content = meta.content_of(form, self.meta)
        try:
            notice = meta.request_in(content, self.door.clock())
        except Malformed as error:
            unread = UnreadableMessage(meta.SOURCE, digest_of(content), error.flaws)
            raise await self._unread(unread, form) from None
        case_id = await self._take(notice, form)
        return {"url": f"{self.root}/requests/{case_id}", "confirmation_code": case_id}

    async def from_apple(self, body: bytes, expected: ExpectedToken) -> None:
        """Process a notification of Apple's, once."""
        claims = await apple.verified_claims(body, expected)
        unread = UnreadableMessage(apple.SOURCE, apple.reference_of(claims), ())
        await self._take_all(lambda: apple.requests_in(claims), unread, body)

    async def from_risc(self, body: bytes, media_type: str, expected: ExpectedToken) -> None:
        """Process a security event, once."""
        claims = await risc.verified_claims(body, media_type, expected)
        unread = UnreadableMessage(risc.SOURCE, risc.reference_of(claims), ())
        await self._take_all(lambda: risc.requests_in(claims), unread, body)

    async def _take_all(
        self,
        parse: Callable[[], Iterable[PlatformRequest | UnreadableMessage]],
        unread: UnreadableMessage,
        body: bytes,
    ) -> None:
        """Process all requests from *parse*, or none if a part cannot be parsed."""
        try:
            notices = tuple(parse())
        except Malformed as error:
            raise await self._unread(replace(unread, flaws=error.flaws), body) from None
        for notice in notices:
            await self._take(notice, body)

    async def _take(self, notice: PlatformRequest | UnreadableMessage, body: bytes) -> str:
        if isinstance(notice, UnreadableMessage):
            return await self.door.set_aside(
                notice.source, notice.reference, body, notice.flaws, id_=notice.id
            )
        case_id = self.door.id_of(notice.source, notice.request.reference)
        try:
            await self.door.keep(case_id, MESSAGE, body)
        except UnknownRequest:
            return case_id  # answered and erased since
        return await self.door.lodge(notice.request, notice.source)

    async def _unread(self, puzzle: UnreadableMessage, body: bytes) -> Malformed:
        """Set an unreadable message aside; return the error to raise."""
        await self._take(puzzle, body)
        return Malformed(*puzzle.flaws)


def webhooks_app(service: WebhookService) -> FastAPI:
    """Return the application for platforms."""
    app = protocol_app(_error, EVERYWHERE)

    @app.exception_handler(WebhookRefused)
    async def refused(request: Request, error: WebhookRefused) -> Response:
        return _error(request, error.status, str(error), None)

    @app.exception_handler(Malformed)
    async def malformed(_request: Request, error: Malformed) -> Response:
        flaws = [str(flaw) for flaw in error.flaws]
        # It is sealed for the staff to check: sending it again for days would not change it.
        return JSONResponse({"status": "set_aside", "flaws": flaws})

    if service.shopify:
        _add_shopify(app, service)
    if service.meta:
        _add_meta(app, service)
    if service.apple is not None:
        _add_apple(app, service, service.apple)
    if service.risc is not None:
        _add_risc(app, service, service.risc)
    return app


def _add_shopify(app: FastAPI, service: WebhookService) -> None:
    @app.post("/shopify")
    async def take(request: Request) -> dict[str, str]:
        made = await service.from_shopify(request.headers, await body_of(request, most=MOST_BYTES))
        return {"status": "taken" if made else "set_aside"}


def _add_meta(app: FastAPI, service: WebhookService) -> None:
    @app.post("/meta")
    async def take(request: Request) -> dict[str, str]:
        return await service.from_meta(await body_of(request, most=MOST_BYTES))


def _add_apple(app: FastAPI, service: WebhookService, expected: ExpectedToken) -> None:
    @app.post("/apple")
    async def take(request: Request) -> Response:
        await service.from_apple(await body_of(request, most=MOST_BYTES), expected)
        return Response(status_code=HTTPStatus.OK)


def _add_risc(app: FastAPI, service: WebhookService, expected: ExpectedToken) -> None:
    def not_pushed(code: str, description: str) -> Response:
        """Return the error of RFC 8935 section 2.3."""
        return JSONResponse({"err": code, "description": description}, HTTPStatus.BAD_REQUEST)

    @app.post("/risc")
    async def take(request: Request) -> Response:
        media_type = request.headers.get("content-type", "")
        try:
            await service.from_risc(await body_of(request, most=MOST_BYTES), media_type, expected)
        except NotPushed as error:
            return not_pushed(error.code, str(error))
        except Malformed:
            return not_pushed("invalid_request", "set aside: it does not read")
        return Response(status_code=HTTPStatus.ACCEPTED)


def _error(_request: Request, status: int, message: str, headers: Mapping[str, str] | None) -> Response:
    return JSONResponse({"error": message}, status, headers)
