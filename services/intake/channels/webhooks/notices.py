"""
Results of a platform's message: requests, or a case for the staff. Pure.

A message is parsed only after its signature was checked over the received bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.contract.envelope import errors_of
from shared.contract.events import RequestSubmitted, Subject, SubmissionError
from shared.contract.sources import Source
from shared.law import Right

T = TypeVar("T", bound=BaseModel)


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


class PlatformPart(BaseModel):
    """A part of a platform's message; platforms add fields."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class PlatformRequest:
    """A request that a platform passes on."""

    source: Source
    """CloudEvents source: trusted if the operator lists it."""
    request: RequestSubmitted


@dataclass(frozen=True, slots=True)
class UnreadableNotice:
    """A message that makes no request, for the staff to check."""

    source: Source
    reference: str
    flaws: tuple[SubmissionError, ...]
    id: str | None = None
    """The platform's name for it; a digest of its content is no such name."""


def read(kind: type[T], content: bytes | str) -> T:
    """
    Return the JSON *content* as *kind*.

    Raises:
        Malformed: It is not JSON, or has another form.
    """
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise Malformed(*_flaws_in(error)) from None


def platform_request(right: Right, reference: str, subject: Mapping[str, Any]) -> RequestSubmitted:
    """
    Return the request for *right* of the person in *subject*, without empty fields.

    Raises:
        Malformed: The person is described in an unsearchable form, or not at all.
    """
    said = {name: value for name, value in subject.items() if value}
    if not said:
        raise Malformed(SubmissionError(path="", message="names no person"))
    try:
        return RequestSubmitted(reference=reference, right=right, subject=Subject.model_validate(said))
    except ValidationError as error:
        raise Malformed(*_flaws_in(error)) from None


def digest_of(content: bytes) -> str:
    """Return the digest that identifies *content*."""
    return sha256(content).hexdigest()


def _flaws_in(error: ValidationError) -> tuple[SubmissionError, ...]:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return errors_of(details, within=None)
