"""
Messages of platforms: their signatures, and the requests or cases for the staff made of them. Pure.

A message is parsed only after its signature was checked over the received bytes.

Raises:
    Malformed: It is not JSON, has another form, or describes no person that can be searched for.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from services.intake.channels.parts import ReceivedPart
from shared.contract.envelope import errors_of, fields_of
from shared.contract.events import RequestSubmitted, Subject, SubmissionError
from shared.contract.sources import Source
from shared.law import Right

T = TypeVar("T", bound=BaseModel)
BASE64URL = re.compile(rb"[A-Za-z0-9_-]+")


class WebhookRefused(Exception):
    """A message is refused; the reason holds nothing of the message."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Malformed(Exception):
    """A message is signed correctly, but cannot be parsed; the flaws hold no values."""

    def __init__(self, *flaws: SubmissionError) -> None:
        super().__init__("the message does not read")
        self.flaws = flaws


@dataclass(frozen=True, slots=True)
class PlatformRequest:
    """A request that a platform passes on."""

    source: Source
    """CloudEvents source: trusted if the operator lists it."""
    request: RequestSubmitted


@dataclass(frozen=True, slots=True)
class UnreadableMessage:
    """A message that makes no request, for the staff to check."""

    source: Source
    reference: str
    flaws: tuple[SubmissionError, ...]
    id: str | None = None
    """The platform's name for it; a digest of its content is no such name."""


def read(kind: type[T], content: bytes | str) -> T:
    """Return the JSON *content* as *kind*."""
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise Malformed(*_flaws_in(error)) from None


def platform_request(right: Right, reference: str, subject: Mapping[str, Any]) -> RequestSubmitted:
    """Return the request for *right* of the person in *subject*, without empty fields."""
    said = {name: value for name, value in subject.items() if value}
    try:
        request = RequestSubmitted(reference=reference, right=right, subject=Subject.model_validate(said))
    except ValidationError as error:
        raise Malformed(*_flaws_in(error)) from None
    if request.subject.is_empty:
        raise Malformed(SubmissionError(path="", message="names no person"))
    return request


def reference_of(claims: Mapping[str, Any]) -> str:
    """Return the reference of a signed token: its issuer's name for it, of any form."""
    return digest_of(str(claims["jti"]).encode(errors="replace"))


def digest_of(content: bytes) -> str:
    """Return the digest that identifies *content*."""
    return sha256(content).hexdigest()


def _flaws_in(error: ValidationError) -> tuple[SubmissionError, ...]:
    details = error.errors(include_url=False, include_input=False)
    return errors_of(details, within=None, known={*fields_of(ReceivedPart)})


def is_signed(content: bytes, signature: bytes, secrets: Iterable[bytes]) -> bool:
    """Return, in constant time, whether *signature* is an HMAC-SHA256 of *content* under one of *secrets*."""
    digests = (hmac.digest(secret, content, "sha256") for secret in secrets)
    return any(hmac.compare_digest(digest, signature) for digest in digests)


def from_base64(text: str) -> bytes:
    """Return the bytes of *text*; empty if it is not base64."""
    try:
        return base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return b""


def from_base64url(text: bytes) -> bytes:
    """Return the bytes of *text*, written without ``=`` (RFC 7515 section 2); empty if invalid."""
    text = text.rstrip(b"=")
    if not BASE64URL.fullmatch(text):
        return b""
    try:
        return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return b""
