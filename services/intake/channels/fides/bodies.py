"""
Bodies of the clients' calls. Pure.

Unknown keys are ignored if Fides ignores them; they are sealed with the rest of the body.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from shared.contract.events import Subject

MOST_AT_ONCE = 50
"""Requests that one call may make."""
EARLIEST_YEAR, LATEST_YEAR = 1970, 9000
LARGEST = 10**18
"""It has more digits than any numeric identifier."""
RANDOM = 4
"""The version of UUIDs without information."""
_SPACE = re.compile(r"[ \t\n\r]*")
_READS = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
"""Finds the end of a value; numbers stay text, as they may have too many digits."""


def _unless_blank(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _in_utc(at: datetime) -> datetime:
    if not EARLIEST_YEAR <= at.year <= LATEST_YEAR:
        raise ValueError("must be a plausible date")
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _of_version_4(text: str) -> str:
    if UUID(text).version != RANDOM:
        raise ValueError("must be a UUID of version 4")
    return text


def _place(text: str) -> str:
    found = re.fullmatch(r"([a-z]{2})(?:[_-]([a-z0-9]{1,3}))?", text.strip(), re.IGNORECASE | re.ASCII)
    if found is None:
        raise ValueError("must be a country, or a part of one, by ISO 3166: US, US-CA, us_ca")
    return "-".join(part.upper() for part in found.groups() if part)


def _email(text: str) -> str:
    try:
        Subject(email=text)
    except ValidationError:
        raise ValueError("must be an e-mail address") from None
    return text


Short: TypeAlias = Annotated[str, StringConstraints(max_length=500)]
Given: TypeAlias = Annotated[Short | None, BeforeValidator(_unless_blank)]
"""A value that is absent if blank."""
Moment: TypeAlias = Annotated[datetime, AfterValidator(_in_utc)]
"""A time; in UTC without a zone."""
Value: TypeAlias = (
    Annotated[StrictInt, Field(ge=-LARGEST, le=LARGEST)] | Annotated[StrictStr, Field(max_length=10_000)]
)
Key: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.<>-]{1,200}$")]
Place: TypeAlias = Annotated[str, AfterValidator(_place)]
"""A country, or a part of one: ``US``, ``US-CA``."""
Source: TypeAlias = Literal[
    "Privacy Center", "Request Manager", "Consent Webhook", "Fides.js", "Dataset Test", "Janus SDK"
]


class FidesBody(BaseModel):
    """A part of a client's body."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Labelled(FidesBody):
    """A value, with its label in the client's form."""

    label: Short
    value: Value | Annotated[tuple[Value, ...], Field(max_length=100)]


class FidesIdentity(FidesBody):
    """The identifiers of a person; identifiers of the client's own need a label."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    __pydantic_extra__: dict[str, Labelled]

    name: Given = None
    email: Annotated[Annotated[Short, AfterValidator(_email)] | None, BeforeValidator(_unless_blank)] = None
    phone_number: Annotated[
        Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{1,14}$")] | None,
        BeforeValidator(_unless_blank),
    ] = None
    """By E.164."""
    external_id: Given = None
    fides_user_device_id: Annotated[
        Annotated[Short, AfterValidator(_of_version_4)] | None, BeforeValidator(_unless_blank)
    ] = None
    ga_client_id: Given = None
    ljt_reader_id: Given = Field(default=None, alias="ljt_readerID")

    @property
    def named(self) -> Mapping[str, str | None]:
        """The identifiers of its own, besides name and contact."""
        return {
            "external_id": self.external_id,
            "fides_user_device_id": self.fides_user_device_id,
            "ga_client_id": self.ga_client_id,
            "ljt_readerid": self.ljt_reader_id,
        }

    @property
    def labelled(self) -> Mapping[str, Labelled]:
        """Name → answer in the operator's own forms."""
        return self.__pydantic_extra__


class Consent(FidesBody):
    """A choice of a person for a use of data."""

    data_use: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    data_use_description: Annotated[str, StringConstraints(max_length=2_000)] | None = None
    opt_in: bool
    has_gpc_flag: bool = False
    conflicts_with_gpc: bool = False


Fields: TypeAlias = Annotated[dict[Short, Labelled], Field(max_length=100)]
Preferences: TypeAlias = Annotated[tuple[Consent, ...], Field(max_length=100)]


class CreateRequest(FidesBody):
    """A request."""

    identity: FidesIdentity
    policy_key: Key
    external_id: Short | None = None
    requested_at: Moment | None = None
    custom_privacy_request_fields: Fields | None = None
    encryption_key: Short | None = None
    property_id: Short | None = None
    consent_request_id: Short | None = None
    consent_preferences: Preferences | None = None
    source: Source | None = None
    location: Place | None = None


class CreateConsent(FidesBody):
    """The start of a consent request."""

    identity: FidesIdentity
    custom_privacy_request_fields: Fields | None = None
    property_id: Short | None = None
    source: Source | None = None


class SetPreferences(FidesBody):
    """The choices of a person for uses of data."""

    code: Short | None = None
    consent: Preferences
    policy_key: Key | None = None
    browser_identity: FidesIdentity | None = None


class CodeBody(FidesBody):
    """The mailed digits."""

    code: Short


class Selection(FidesBody):
    """Requests to decide: by id, or all that match a filter."""

    request_ids: Annotated[tuple[Short, ...], Field(max_length=10_000)] | None = None
    filters: dict[str, Any] | None = None
    exclude_ids: Annotated[tuple[Short, ...], Field(max_length=10_000)] | None = None
    reason: Short | None = None

    @model_validator(mode="before")
    @classmethod
    def _may_be_a_bare_list(cls, value: Any) -> Any:
        return {"request_ids": value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _says_which(self) -> "Selection":
        if bool(self.request_ids) is (self.filters is not None):
            raise ValueError("either request_ids or filters must be provided, and not be empty")
        if self.exclude_ids and self.filters is None:
            raise ValueError("exclude_ids can only be used with filters")
        return self


CREATES: TypeAdapter[Sequence[CreateRequest]] = TypeAdapter(
    Annotated[tuple[CreateRequest, ...], Field(max_length=MOST_AT_ONCE)]
)


def items_of(body: bytes) -> list[bytes]:
    """Return the source text of each item of the JSON array in *body*, which was parsed before."""
    text = body.decode()
    items, at = list[bytes](), _after_space(text, text.index("[") + 1)
    while text[at] != "]":
        _, end = _READS.raw_decode(text, at)
        items.append(text[at:end].encode())
        at = _after_space(text, end)
        at = _after_space(text, at + 1) if text[at] == "," else at
    return items


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
