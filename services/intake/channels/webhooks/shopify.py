"""
Shopify's three mandatory webhooks, as requests. Pure.

Only the body is signed; topic and delivery are unsigned headers. So a body counts for a topic only in that
topic's form, and the same delivery is the same request only with the same body.

Raises:
    WebhookRefused: A message is not signed by the platform for this company, has expired, or is unsupported.
    Malformed: It cannot be parsed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field, StrictInt, StringConstraints

from services.intake.channels.parts import ReceivedPart
from services.intake.channels.webhooks import messages
from shared.contract.events import SubmissionError, Text
from shared.contract.sources import ChannelSource, Source, channel_source
from shared.law import Right

TOPIC, SIGNATURE, DELIVERY = "x-shopify-topic", "x-shopify-hmac-sha256", "x-shopify-webhook-id"
DATA_REQUEST, REDACT, SHOP_REDACT = "customers/data_request", "customers/redact", "shop/redact"
TOPICS = frozenset({DATA_REQUEST, REDACT, SHOP_REDACT})
SHOPIFY = channel_source(ChannelSource.SHOPIFY)
"""CloudEvents source of a message without a shop."""
IDENTITY = "shopify_customer_id"
"""The data map's name for Shopify's number of a customer."""
WHOLE_SHOP = SubmissionError(
    path="topic",
    message="shop/redact asks for all data of a shop, which is no person's request: erase it by hand",
)
UUID = re.compile(r"[0-9A-Za-z-]{8,64}")

Id = Annotated[StrictInt | Text, Field(union_mode="left_to_right")]
Domain = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,120}$", to_lower=True)]


class ShopifyCustomer(ReceivedPart):
    """The customer it is about."""

    id: Id | None = None
    email: str | None = None
    phone: str | None = None


class ShopifyDataRequest(ReceivedPart):
    """The request by Shopify's number."""

    id: Id


class ShopifyBody(ReceivedPart):
    """The common fields; each topic has its own besides."""

    shop_domain: Domain
    customer: ShopifyCustomer | None = None
    data_request: ShopifyDataRequest | None = None
    orders_requested: tuple[Any, ...] | None = None
    orders_to_redact: tuple[Any, ...] | None = None

    def must_be_of(self, topic: str) -> None:
        """Check that the body has the form of *topic*: a request for data must never erase it."""
        asked = self.data_request is not None or self.orders_requested is not None
        redacted = self.orders_to_redact is not None
        fits = {
            DATA_REQUEST: not redacted and self.customer is not None,
            REDACT: not asked and self.customer is not None,
            SHOP_REDACT: not asked and not redacted and self.customer is None,
        }
        if not fits[topic]:
            raise messages.Malformed(SubmissionError(path="topic", message="the body is another topic's"))


@dataclass(frozen=True, slots=True)
class ShopifyDelivery:
    """A webhook signed by Shopify."""

    topic: str
    id: str
    """Shopify's number of the delivery; empty without one."""
    body: bytes
    day: date

    @property
    def reference(self) -> str:
        """The reference; without an id the same bytes are the same delivery on one day only."""
        return f"{self.topic}/{self.id or self.day}/{messages.digest_of(self.body)[:32]}"

    def unreadable(self, *flaws: SubmissionError, source: Source = SHOPIFY) -> messages.UnreadableMessage:
        """Return it as a message for the staff; *source* if the body names the shop."""
        return messages.UnreadableMessage(source, self.reference, flaws, self.id or None)


def received(
    headers: Mapping[str, str], body: bytes, secrets: tuple[bytes, ...], day: date
) -> ShopifyDelivery:
    """Return the delivery, once verified as sent by Shopify; names of *headers* are in lower case."""
    if not messages.is_signed(body, messages.from_base64(headers.get(SIGNATURE, "")), secrets):
        raise messages.WebhookRefused(HTTPStatus.UNAUTHORIZED, "the signature does not match the body")
    topic = headers.get(TOPIC, "")
    if topic not in TOPICS:
        raise messages.WebhookRefused(HTTPStatus.NOT_FOUND, "this topic is not served")
    id_ = headers.get(DELIVERY, "")
    return ShopifyDelivery(topic, id_ if UUID.fullmatch(id_) else "", body, day)


def request_in(delivery: ShopifyDelivery) -> messages.PlatformRequest | messages.UnreadableMessage:
    """Return the request of *delivery*."""
    body = messages.read(ShopifyBody, delivery.body)
    body.must_be_of(delivery.topic)
    source = channel_source(ChannelSource.SHOPIFY, body.shop_domain)
    if body.customer is None:
        return delivery.unreadable(WHOLE_SHOP, source=source)
    right = Right.ERASURE if delivery.topic == REDACT else Right.ACCESS
    return messages.PlatformRequest(
        source, messages.platform_request(right, delivery.reference, _person(body.customer))
    )


def _person(customer: ShopifyCustomer) -> dict[str, Any]:
    number = "" if customer.id is None else str(customer.id)
    return {
        "email": (customer.email or "").strip(),
        "phone": (customer.phone or "").strip(),
        "identifiers": {IDENTITY: number} if number else {},
    }
