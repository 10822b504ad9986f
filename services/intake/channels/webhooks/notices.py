"""
What a platform's message comes to: requests, or something that a person must look at. Pure.

A message is read only after its signature was checked over the very bytes that came.
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
    """A message is not taken; what it says of why holds nothing of the message."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Malformed(Exception):
    """A message is signed as it must be, and does not read; the flaws hold no values."""

    def __init__(self, *flaws: SubmissionError) -> None:
        super().__init__("the message does not read")
        self.flaws = flaws


class PlatformPart(BaseModel):
    """A piece of what a platform says; platforms add fields."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class PlatformRequest:
    """A request that a platform passes on."""

    source: Source
    """CloudEvents source: what the operator lists as trusted, or does not."""
    request: RequestSubmitted


@dataclass(frozen=True, slots=True)
class UnreadableNotice:
    """What a platform says, for a person to look at: no request can be made of it."""

    source: Source
    reference: str
    flaws: tuple[SubmissionError, ...]
    id: str | None = None
    """What the platform calls it; a digest of what it says is no such name."""


def read(kind: type[T], content: bytes | str) -> T:
    """
    Return *content*, which is JSON, as *kind*.

    Raises:
        Malformed: It is no JSON, or another form of it.
    """
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise Malformed(*_flaws_in(error)) from None


def platform_request(right: Right, reference: str, subject: Mapping[str, Any]) -> RequestSubmitted:
    """
    Return the request for *right* of the person that *subject* describes; fields that are empty are left out.

    Raises:
        Malformed: The person is described in a form that no record can be found by, or not at all.
    """
    said = {name: value for name, value in subject.items() if value}
    if not said:
        raise Malformed(SubmissionError(path="", message="names nobody"))
    try:
        return RequestSubmitted(reference=reference, right=right, subject=Subject.model_validate(said))
    except ValidationError as error:
        raise Malformed(*_flaws_in(error)) from None


def digest_of(content: bytes) -> str:
    """Return what tells *content* apart from any other."""
    return sha256(content).hexdigest()


def _flaws_in(error: ValidationError) -> tuple[SubmissionError, ...]:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return errors_of(details, within=None)
