"""
Meta's data deletion callback, as an erasure request. Pure.

The form's ``signed_request`` is a signature, a dot, and the signed content: base64url of JSON, signed as
text.
"""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl

from pydantic import Field, StrictFloat, StrictInt

from services.intake.channels.parts import ReceivedPart
from services.intake.channels.webhooks.messages import (
    PlatformRequest,
    WebhookRefused,
    digest_of,
    from_base64url,
    is_signed,
    platform_request,
    read,
)
from shared.contract.events import Text
from shared.contract.sources import ChannelSource, channel_source
from shared.law import Right

SOURCE = channel_source(ChannelSource.META)
IDENTITY = "meta_user_id"
"""The data map's name for Meta's id of a person for this app."""
ALGORITHM = "HMAC-SHA256"
MOST_FIELDS = 20


class Signed(ReceivedPart):
    """The signed content."""

    user_id: Annotated[StrictInt | Text, Field(union_mode="left_to_right")]
    algorithm: str
    expires: StrictInt | StrictFloat | None = None
    """Seconds since 1970; 0 if it does not expire."""


def content_of(form: bytes, secrets: Sequence[bytes]) -> bytes:
    """
    Return the content of a *form* that Meta has signed, as the received text.

    Raises:
        WebhookRefused: It is not signed, or the signature is wrong.
    """
    signature, dot, content = _field(form, b"signed_request").partition(b".")
    if not dot:
        raise WebhookRefused(HTTPStatus.BAD_REQUEST, "there is no signed_request")
    if not is_signed(content, from_base64url(signature), secrets):
        raise WebhookRefused(HTTPStatus.UNAUTHORIZED, "the signature does not match the content")
    return content


def request_in(content: bytes, now: datetime) -> PlatformRequest:
    """
    Return the request in the signed content.

    Raises:
        WebhookRefused: Its algorithm is wrong, or it has expired.
        Malformed: It cannot be parsed.
    """
    signed = read(Signed, from_base64url(content))
    if signed.algorithm.upper() != ALGORITHM:
        raise WebhookRefused(HTTPStatus.UNAUTHORIZED, f"the algorithm is not {ALGORITHM}")
    if signed.expires and signed.expires <= now.timestamp():
        raise WebhookRefused(HTTPStatus.UNAUTHORIZED, "the signed content has expired")
    person = {"identifiers": {IDENTITY: str(signed.user_id)}}
    return PlatformRequest(SOURCE, platform_request(Right.ERASURE, digest_of(content), person))


def _field(form: bytes, name: bytes) -> bytes:
    """Return the value of a field that is in *form* once; otherwise empty."""
    try:
        fields = parse_qsl(form, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return b""
    values = [value for key, value in fields if key == name]
    return values[0] if len(values) == 1 else b""
