"""
Meta's data deletion callback, as an erasure request. Pure.

The form's ``signed_request`` is a signature, a dot, and the signed content: base64url of JSON, signed as
text.

Raises:
    WebhookRefused: A message is not signed by the platform for this company, has expired, or is unsupported.
    Malformed: It cannot be parsed.
"""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl

from pydantic import BeforeValidator, StrictFloat, StrictInt

from services.intake.channels.parts import ReceivedPart
from services.intake.channels.webhooks import messages
from shared.contract.events import Text
from shared.contract.sources import ChannelSource, channel_source
from shared.law import Right

SOURCE = channel_source(ChannelSource.META)
IDENTITY = "meta_user_id"
"""The data map's name for Meta's id of a person for this app."""
ALGORITHM = "HMAC-SHA256"
MOST_FIELDS = 20


def _digits(value: object) -> object:
    """Return *value*; a number as text."""
    return str(value) if type(value) is int else value


class Signed(ReceivedPart):
    """The signed content."""

    user_id: Annotated[Text, BeforeValidator(_digits)]
    algorithm: str
    expires: StrictInt | StrictFloat | None = None
    """Seconds since 1970; 0 if it does not expire."""


def content_of(form: bytes, secrets: Sequence[bytes]) -> bytes:
    """Return the content of a *form* that Meta has signed, as the received text."""
    signature, dot, content = _field(form, b"signed_request").partition(b".")
    if not dot:
        raise messages.WebhookRefused(HTTPStatus.BAD_REQUEST, "there is no signed_request")
    if not messages.is_signed(content, messages.from_base64url(signature), secrets):
        raise messages.WebhookRefused(HTTPStatus.UNAUTHORIZED, "the signature does not match the content")
    return content


def request_in(content: bytes, now: datetime) -> messages.PlatformRequest:
    """Return the request in the signed content."""
    signed = messages.read(Signed, messages.from_base64url(content))
    if signed.algorithm.upper() != ALGORITHM:
        raise messages.WebhookRefused(HTTPStatus.UNAUTHORIZED, f"the algorithm is not {ALGORITHM}")
    if signed.expires and signed.expires <= now.timestamp():
        raise messages.WebhookRefused(HTTPStatus.UNAUTHORIZED, "the signed content has expired")
    person = {"identifiers": {IDENTITY: signed.user_id}}
    return messages.PlatformRequest(
        SOURCE, messages.platform_request(Right.ERASURE, messages.digest_of(content), person)
    )


def _field(form: bytes, name: bytes) -> bytes:
    """Return the value of a field that is in *form* once; otherwise empty."""
    try:
        fields = parse_qsl(form, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return b""
    values = [value for key, value in fields if key == name]
    return values[0] if len(values) == 1 else b""
