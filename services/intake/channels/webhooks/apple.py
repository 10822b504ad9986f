"""
Server notifications of Sign in with Apple, as erasure requests.

The body is ``{"payload": "<JWS>"}``; the claim ``events`` is JSON within JSON.

Raises:
    WebhookRefused: A message is not signed by the platform for this company, has expired, or is unsupported.
    Malformed: It cannot be parsed.
    IssuerUnavailable: Apple's keys are unavailable now.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from services.intake.channels.parts import ReceivedPart
from services.intake.channels.webhooks.messages import (
    Malformed,
    PlatformRequest,
    UnreadableMessage,
    WebhookRefused,
    platform_request,
    read,
    reference_of,
)
from shared.contract.events import SubmissionError, Text
from shared.contract.sources import ChannelSource, channel_source
from shared.law import Right
from shared.runtime import tokens
from shared.runtime.tokens import ExpectedToken, TokenRefused

SOURCE = channel_source(ChannelSource.APPLE)
ISSUER, KEYS = "https://appleid.apple.com", "https://appleid.apple.com/auth/keys"
IDENTITY = "apple_sub"
"""The data map's name for Apple's id of a person for this team."""
REQUIRED = ("exp", "jti", "events")
ERASING = frozenset({"consent-revoked", "account-delete", "account-deleted"})
"""Apple has used both spellings of the last one."""
HARMLESS = frozenset({"email-enabled", "email-disabled"})
"""Events about relayed addresses: they are no requests."""


class AppleNotification(ReceivedPart):
    """The body of a notification."""

    payload: Annotated[str, Field(max_length=32_768)]


class AppleEvent(ReceivedPart):
    """An event of an account."""

    type: Text
    sub: Text


HAPPENINGS: TypeAdapter[tuple[AppleEvent, ...]] = TypeAdapter(tuple[AppleEvent, ...])


async def verified_claims(body: bytes, expected: ExpectedToken) -> Mapping[str, Any]:
    """Return the claims of a notification, once verified as made by Apple for this company."""
    try:
        token = read(AppleNotification, body).payload
    except Malformed:
        raise WebhookRefused(HTTPStatus.BAD_REQUEST, "there is no payload") from None
    try:
        return await tokens.verified_claims(token, expected)
    except TokenRefused as error:
        raise WebhookRefused(HTTPStatus.UNAUTHORIZED, f"the token is not accepted: {error.code}") from None


def requests_in(claims: Mapping[str, Any]) -> Iterator[PlatformRequest | UnreadableMessage]:
    """Yield the requests of a notification, if any."""
    reference = reference_of(claims)
    for index, happening in enumerate(_happenings(claims["events"])):
        if happening.type in ERASING:
            person = {"identifiers": {IDENTITY: happening.sub}}
            yield PlatformRequest(SOURCE, platform_request(Right.ERASURE, f"{reference}/{index}", person))
        elif happening.type not in HARMLESS:
            message = "is not known here: see whether it asks for anything"
            flaw = SubmissionError(path="events.type", message=message)
            yield UnreadableMessage(SOURCE, f"{reference}/{index}", (flaw,))


def _happenings(events: Any) -> tuple[AppleEvent, ...]:
    """Return the events: a single one, as Apple sends today, or a list."""
    try:
        if isinstance(events, str):
            text = events.strip()
            return HAPPENINGS.validate_json(text if text.startswith("[") else f"[{text}]")
        return HAPPENINGS.validate_python(events if isinstance(events, list) else [events])
    except ValidationError:
        raise Malformed(SubmissionError(path="events", message="does not read")) from None
