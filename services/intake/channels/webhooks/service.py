"""
Webhooks of platforms: one address for each, and the application service behind them.

A message is sealed first, as received; then the request is lodged. The verifier decides which sources are
trusted (``HABEAS_TRUSTED_SOURCES``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Literal, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.intake.cases.service import RequestService
from services.intake.channels.protocols import EVERYWHERE, body_of, protocol_app
from services.intake.channels.webhooks import apple, messages, meta, risc, shopify
from services.intake.channels.webhooks.risc import NotPushed
from services.intake.http.description import BINARY, Content, ErrorForm, operation
from shared.errors import UnknownRequest
from shared.runtime.tokens import ExpectedToken

T = TypeVar("T")
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

    requests: RequestService
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
        delivery = shopify.received(headers, body, self.shopify, self.requests.clock().date())
        parsed = await self._parsed(lambda: shopify.request_in(delivery), delivery.unreadable(), body)
        await self._take(parsed, body)
        return isinstance(parsed, messages.PlatformRequest)

    async def from_meta(self, form: bytes) -> dict[str, str]:
        """Process a deletion request of Meta's, once; return the address of its status page."""
        content, now = meta.content_of(form, self.meta), self.requests.clock()
        unread = messages.UnreadableMessage(meta.SOURCE, messages.digest_of(content), ())
        request = await self._parsed(lambda: meta.request_in(content, now), unread, form)
        case_id = await self._take(request, form)
        return {"url": f"{self.root}/requests/{case_id}", "confirmation_code": case_id}

    async def from_apple(self, body: bytes, expected: ExpectedToken) -> None:
        """Process a notification of Apple's, once: all its events, or none if one cannot be parsed."""
        claims = await apple.verified_claims(body, expected)
        unread = messages.UnreadableMessage(apple.SOURCE, messages.reference_of(claims), ())
        for one in await self._parsed(lambda: tuple(apple.requests_in(claims)), unread, body):
            await self._take(one, body)

    async def from_risc(self, body: bytes, media_type: str, expected: ExpectedToken) -> None:
        """Process a security event, once."""
        claims = await risc.verified_claims(body, media_type, expected)
        unread = messages.UnreadableMessage(risc.SOURCE, messages.reference_of(claims), ())
        for one in await self._parsed(lambda: tuple(risc.requests_in(claims)), unread, body):
            await self._take(one, body)

    async def _parsed(self, parse: Callable[[], T], unread: messages.UnreadableMessage, body: bytes) -> T:
        """Return the result of *parse*; set an unreadable message aside."""
        try:
            return parse()
        except messages.Malformed as error:
            await self._take(replace(unread, flaws=error.flaws), body)
            raise

    async def _take(self, taken: messages.PlatformRequest | messages.UnreadableMessage, body: bytes) -> str:
        if isinstance(taken, messages.UnreadableMessage):
            return await self.requests.set_aside(
                taken.source, taken.reference, body, taken.flaws, id_=taken.id
            )
        case_id = self.requests.id_of(taken.source, taken.request.reference)
        try:
            await self.requests.keep(case_id, MESSAGE, body)
        except UnknownRequest:
            return case_id  # answered and erased since
        return await self.requests.lodge(taken.request, taken.source)


class WebhookError(BaseModel):
    """An error."""

    error: str


class PushError(BaseModel):
    """An error of RFC 8935 section 2.3."""

    err: str
    description: str


class WebhookReceipt(BaseModel):
    """The result of a message: it made a request, or was set aside for the staff."""

    status: Literal["taken", "set_aside"]
    flaws: list[str] | None = None


class DeletionReceipt(BaseModel):
    """The page of a deletion request and its number, or why it was set aside."""

    url: str | None = None
    confirmation_code: str | None = None
    status: Literal["set_aside"] | None = None
    flaws: list[str] | None = None


ERRORS = ErrorForm(Content({"error": "the signature does not match the body"}, WebhookError))
SET_ASIDE = {"status": "set_aside", "flaws": ["events: does not read"]}
TOKEN = "e30.e30.c2lnbmVk"  # noqa: S105 - an example
CASE = "4f1c0d2e9b7a48c6a1d35e8f0b6c2a97"
FROM_SHOPIFY = operation(
    "receiveShopifyWebhook",
    401,
    404,
    security=({"shopifySignature": ()},),
    parameters=[
        {"name": name, "in": "header", "required": name == shopify.TOPIC, "schema": {"type": "string"}}
        for name in (shopify.TOPIC, shopify.DELIVERY)
    ],
    body=[
        Content(
            {"shop_domain": "shop.example.com", "customer": {"id": 7, "email": "ada@example.org"}},
            shopify.ShopifyBody,
        )
    ],
    answer={200: Content({"status": "taken"}, WebhookReceipt)},
    form=ERRORS,
)
FROM_META = operation(
    "receiveMetaDeletion",
    400,
    401,
    body=[
        Content(
            {"signed_request": "c2lnbmVk.e30"},
            media="application/x-www-form-urlencoded",
            schema={
                "type": "object",
                "properties": {"signed_request": {"type": "string"}},
                "required": ["signed_request"],
            },
        )
    ],
    answer={
        200: Content(
            {"url": f"https://privacy.example.com/requests/{CASE}", "confirmation_code": CASE},
            DeletionReceipt,
        )
    },
    form=ERRORS,
)
FROM_APPLE = operation(
    "receiveAppleNotification",
    400,
    401,
    body=[Content({"payload": TOKEN}, apple.AppleNotification)],
    answer={200: Content(SET_ASIDE, WebhookReceipt | None)},
    form=ERRORS,
)
FROM_RISC = operation(
    "receiveSecurityEvent",
    400,
    body=[Content(TOKEN, media=risc.MEDIA_TYPE, schema=BINARY)],
    answer={202: None},
    form=ErrorForm(Content({"err": "invalid_key", "description": "the token is not accepted"}, PushError)),
)


def webhooks_app(service: WebhookService) -> FastAPI:
    """Return the application for platforms."""
    app = protocol_app(_error, EVERYWHERE)

    @app.exception_handler(messages.WebhookRefused)
    async def refused(request: Request, error: messages.WebhookRefused) -> Response:
        return _error(request, error.status, str(error), None)

    @app.exception_handler(messages.Malformed)
    async def malformed(_request: Request, error: messages.Malformed) -> Response:
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
    @app.post("/shopify", response_model=None, **FROM_SHOPIFY)
    async def take(request: Request) -> dict[str, str]:
        """Receive one of Shopify's mandatory webhooks, once."""
        made = await service.from_shopify(request.headers, await body_of(request, most=MOST_BYTES))
        return {"status": "taken" if made else "set_aside"}


def _add_meta(app: FastAPI, service: WebhookService) -> None:
    @app.post("/meta", response_model=None, **FROM_META)
    async def take(request: Request) -> dict[str, str]:
        """Receive a data deletion callback of Meta, once."""
        return await service.from_meta(await body_of(request, most=MOST_BYTES))


def _add_apple(app: FastAPI, service: WebhookService, expected: ExpectedToken) -> None:
    @app.post("/apple", response_class=Response, **FROM_APPLE)
    async def take(request: Request) -> Response:
        """Receive a notification of Apple about an account, once."""
        await service.from_apple(await body_of(request, most=MOST_BYTES), expected)
        return Response(status_code=HTTPStatus.OK)


def _add_risc(app: FastAPI, service: WebhookService, expected: ExpectedToken) -> None:
    def not_pushed(code: str, description: str) -> Response:
        """Return the error of RFC 8935 section 2.3."""
        return JSONResponse({"err": code, "description": description}, HTTPStatus.BAD_REQUEST)

    @app.post("/risc", status_code=HTTPStatus.ACCEPTED, response_class=Response, **FROM_RISC)
    async def take(request: Request) -> Response:
        """Receive a security event token (RFC 8935), once."""
        media_type = request.headers.get("content-type", "")
        try:
            await service.from_risc(await body_of(request, most=MOST_BYTES), media_type, expected)
        except NotPushed as error:
            return not_pushed(error.code, str(error))
        except messages.Malformed:
            return not_pushed("invalid_request", "set aside: it does not read")
        return Response(status_code=HTTPStatus.ACCEPTED)


def _error(_request: Request, status: int, message: str, headers: Mapping[str, str] | None) -> Response:
    return JSONResponse({"error": message}, status, headers)
