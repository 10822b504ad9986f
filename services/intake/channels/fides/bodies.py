"""
Bodies of the clients' calls, names of requests, and refusals. Pure.

Unknown keys are ignored if Fides ignores them; they are sealed with the rest of the body. The name of a
request is ``pri_`` and a UUID with the digits of the case's id; it has a single spelling, so that no two look
different.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from pydantic import (
    AfterValidator,
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

from services.intake.channels.parts import ReceivedPart, unless_blank
from shared.contract.events import RequestId, Subject

MOST_AT_ONCE = 50
"""Requests that one call may make."""
EARLIEST_YEAR, LATEST_YEAR = 1970, 9000
LARGEST = 10**18
"""It has more digits than any numeric identifier."""
RANDOM = 4
"""The version of UUIDs without information."""
PRIVACY_REQUEST, CONSENT_REQUEST = "pri", "con"
_SPELT = re.compile(r"(pri|con)_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_SPACE = re.compile(r"[ \t\n\r]*(?:,[ \t\n\r]*)?")
_READS = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
"""Finds the end of a value; numbers stay text, as they may have too many digits."""


class FidesCallRefused(Exception):
    """A call is refused; the text is for the caller, and holds no personal data."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class RequestNotTaken(Exception):
    """One of several requests is refused; the text is for the caller, and holds no personal data."""


def not_found(kind: str = "privacy request") -> FidesCallRefused:
    """Return the refusal of a call about an unknown thing."""
    return FidesCallRefused(HTTPStatus.NOT_FOUND, f"No {kind} found with this id.")


def bad_request(detail: str) -> FidesCallRefused:
    """Return the refusal of a call that cannot be served."""
    return FidesCallRefused(HTTPStatus.BAD_REQUEST, detail)


def spelt(case_id: RequestId, kind: str = PRIVACY_REQUEST) -> str:
    """Return the clients' name for the request *case_id*."""
    return f"{kind}_{UUID(case_id)}"


def case_of(name: str, kind: str = PRIVACY_REQUEST) -> RequestId | None:
    """Return the id of the request called *name*; None if there is none."""
    found = _SPELT.fullmatch(name)
    return found[2].replace("-", "") if found and found[1] == kind else None


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
Given: TypeAlias = Annotated[Short | None, BeforeValidator(unless_blank)]
"""A value that is absent if blank."""
Address: TypeAlias = Annotated[Short, AfterValidator(_email)]
Phone: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{1,14}$")]
"""By E.164."""
Device: TypeAlias = Annotated[Short, AfterValidator(_of_version_4)]
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


class FidesLabelledValue(ReceivedPart):
    """A value, with its label in the client's form."""

    label: Short
    value: Value | Annotated[tuple[Value, ...], Field(max_length=100)]


class FidesIdentity(ReceivedPart):
    """The identifiers of a person; identifiers of the client's own need a label."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    __pydantic_extra__: dict[str, FidesLabelledValue]

    name: Given = None
    email: Annotated[Address | None, BeforeValidator(unless_blank)] = None
    phone_number: Annotated[Phone | None, BeforeValidator(unless_blank)] = None
    external_id: Given = None
    fides_user_device_id: Annotated[Device | None, BeforeValidator(unless_blank)] = None
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
    def labelled(self) -> Mapping[str, FidesLabelledValue]:
        """Name → answer in the operator's own forms."""
        return self.__pydantic_extra__


class FidesConsent(ReceivedPart):
    """A choice of a person for a use of data."""

    data_use: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    data_use_description: Annotated[str, StringConstraints(max_length=2_000)] | None = None
    opt_in: bool
    has_gpc_flag: bool = False
    conflicts_with_gpc: bool = False


Fields: TypeAlias = Annotated[dict[Short, FidesLabelledValue], Field(max_length=100)]
Preferences: TypeAlias = Annotated[tuple[FidesConsent, ...], Field(max_length=100)]


class FidesRequestForm(ReceivedPart):
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


CONTACTS = frozenset({"email", "phone_number"})


class FidesConsentForm(ReceivedPart):
    """The start of a consent request."""

    identity: FidesIdentity
    custom_privacy_request_fields: Fields | None = None
    property_id: Short | None = None
    source: Source | None = None

    @model_validator(mode="before")
    @classmethod
    def _may_be_the_identity(cls, value: Any) -> Any:
        """Return *value* in the present form: earlier clients send the identity alone."""
        earlier = isinstance(value, dict) and "identity" not in value and value.keys() & CONTACTS
        return {"identity": value} if earlier else value


class FidesPreferencesForm(ReceivedPart):
    """The choices of a person for uses of data."""

    code: Short | None = None
    consent: Preferences
    policy_key: Key | None = None
    browser_identity: FidesIdentity | None = None


class FidesCodeForm(ReceivedPart):
    """The mailed digits."""

    code: Short


class FidesSelection(ReceivedPart):
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
    def _says_which(self) -> "FidesSelection":
        if bool(self.request_ids) is (self.filters is not None):
            raise ValueError("either request_ids or filters must be provided, and not be empty")
        if self.exclude_ids and self.filters is None:
            raise ValueError("exclude_ids can only be used with filters")
        return self


CREATES: TypeAdapter[Sequence[FidesRequestForm]] = TypeAdapter(
    Annotated[tuple[FidesRequestForm, ...], Field(max_length=MOST_AT_ONCE)]
)


def items_of(body: bytes) -> list[bytes]:
    """Return the source text of each item of the JSON array in *body*, which was parsed before."""
    text = body.decode()
    items, at = list[bytes](), _after_space(text, text.index("[") + 1)
    while text[at] != "]":
        _, end = _READS.raw_decode(text, at)
        items.append(text[at:end].encode())
        at = _after_space(text, end)
    return items


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
