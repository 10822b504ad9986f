"""
Messages of controllers, and the requests made of them. Pure.

Errors name the protocol's own fields and never repeat a controller's text: a value may be an identity, and so
may a name of the controller's own.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Any, TypeAlias

import orjson
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictStr,
    StringConstraints,
    ValidationError,
    field_validator,
)

from services.intake.channels.opendsr.controllers import ListedController
from services.intake.channels.opendsr.protocol import (
    ALIASES,
    RAW,
    CallError,
    InstructionKind,
    OpenDsrCallRefused,
    Version,
    refused,
)
from shared.contract.events import Code, RequestSubmitted, Subject, Text
from shared.law import Regulation, Right, Role

MOST_IDENTITIES, MOST_CALLBACKS = 50, 10
UUID4 = r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
RIGHTS: Mapping[InstructionKind, Right] = MappingProxyType(
    {
        InstructionKind.ACCESS: Right.ACCESS,
        InstructionKind.PORTABILITY: Right.PORTABILITY,
        InstructionKind.ERASURE: Right.ERASURE,
    }
)
REGULATIONS: Mapping[str, Regulation] = MappingProxyType({"gdpr": Regulation.GDPR, "ccpa": Regulation.CCPA})


def _instant(value: object) -> datetime:
    """Return a time by RFC 3339: a date alone does not state when the clock started."""
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise ValueError("must be a time by RFC 3339: 2020-01-31T09:30:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be an existing time") from None


Https: TypeAlias = Annotated[StrictStr, StringConstraints(pattern=r"^https://", max_length=2_000)]
Identities: TypeAlias = tuple[tuple[str, str, str], ...]
"""Type, value and format of each."""


class OpenDsrIdentity(BaseModel):
    """An identity of the person, in versions 1.0 and 2.0."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    identity_type: StrictStr
    identity_value: StrictStr
    identity_format: StrictStr


class EncodedIdentity(BaseModel):
    """The same in version 3.0, where the type is a name in the object."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    value: StrictStr
    encoding: StrictStr


class OpenDsrMessage(BaseModel, ABC):
    """A request, as all versions write it; other fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    subject_request_id: Annotated[StrictStr, StringConstraints(pattern=UUID4)]
    subject_request_type: InstructionKind
    submitted_time: Annotated[datetime, BeforeValidator(_instant)]
    """When the person asked."""
    api_version: StrictStr | None = None
    status_callback_urls: tuple[Https, ...] | None = Field(default=None, max_length=MOST_CALLBACKS)
    extensions: dict[str, Any] | None = None

    @property
    def callbacks(self) -> tuple[str, ...]:
        """The receivers of its status, without repetitions."""
        return tuple(dict.fromkeys(self.status_callback_urls or ()))

    @property
    @abstractmethod
    def named(self) -> Identities:
        """The identities of the person."""

    @property
    @abstractmethod
    def law(self) -> Regulation:
        """The law that the person invoked."""

    @property
    def group(self) -> str | None:
        """The group of the person's requests."""
        return None


class _Listed(OpenDsrMessage):
    subject_identities: tuple[OpenDsrIdentity, ...] = Field(min_length=1, max_length=MOST_IDENTITIES)

    @property
    def named(self) -> Identities:
        return tuple(
            (one.identity_type, one.identity_value, one.identity_format) for one in self.subject_identities
        )


class MessageOne(_Listed):
    """A request of OpenGDPR 1.0: the law is in its name."""

    @property
    def law(self) -> Regulation:
        """The law that the person invoked."""
        return Regulation.GDPR


class _Regulated(OpenDsrMessage):
    regulation: StrictStr

    @field_validator("regulation")
    @classmethod
    def _is_known(cls, regulation: str) -> str:
        if regulation not in REGULATIONS:
            raise ValueError("must be gdpr or ccpa")
        return regulation

    @property
    def law(self) -> Regulation:
        """The law that the person invoked."""
        return REGULATIONS[self.regulation]


class MessageTwo(_Listed, _Regulated):
    """A request of OpenDSR 2.0."""


class MessageThree(_Regulated):
    """A request of the 3.0 dialect."""

    subject_identities: dict[str, EncodedIdentity] = Field(min_length=1, max_length=MOST_IDENTITIES)
    group_id: Annotated[StrictStr, StringConstraints(min_length=1, max_length=500)] | None = None

    @property
    def named(self) -> Identities:
        """The identities of the person."""
        return tuple((kind, one.value, one.encoding) for kind, one in self.subject_identities.items())

    @property
    def group(self) -> str | None:
        """The group of the person's requests."""
        return self.group_id


MESSAGES: Mapping[Version, type[OpenDsrMessage]] = MappingProxyType(
    {Version.ONE: MessageOne, Version.TWO: MessageTwo, Version.THREE: MessageThree}
)
_MODELS: tuple[type[BaseModel], ...] = (*MESSAGES.values(), OpenDsrIdentity, EncodedIdentity)
FIELDS = frozenset(name for model in _MODELS for name in model.model_fields)
"""Names that may appear in an error."""


@dataclass(frozen=True, slots=True)
class DiscoveryDocument:
    """The supported features, as discovery returns them."""

    domain: str
    """Ours: the member of ``extensions`` with this name is for us."""
    identities: Mapping[str, Code]
    """Identity type → identity of the data map."""


def read(body: bytes, version: Version) -> OpenDsrMessage:
    """
    Return the request in *body*.

    Raises:
        OpenDsrCallRefused: It is not JSON, does not fit its schema, or has another version.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        raise refused("", "the body is not a JSON object")
    try:
        message = MESSAGES[version].model_validate(content)
    except ValidationError as error:
        raise _malformed(error) from None
    if message.api_version not in {None, "", version.full}:
        raise refused("api_version", f"must be {version.full}, the version of this address")
    return message


def request_in(message: OpenDsrMessage, served: DiscoveryDocument) -> RequestSubmitted:
    """
    Return the request of an instruction.

    An address is an identity, not a destination of letters: the controller writes to the person.

    Raises:
        OpenDsrCallRefused: An identity or an extension is not supported, or malformed.
    """
    if (message.extensions or {}).get(served.domain):
        raise refused("extensions", "no extension is supported under this domain")
    try:
        return without_identities(message).model_copy(
            update={"subject": Subject(identifiers=_named(message, served))}
        )
    except ValidationError:
        raise refused("subject_identities", "a value is empty, or longer than 500 characters") from None


def without_identities(message: OpenDsrMessage) -> RequestSubmitted:
    """Return the instruction without the identities."""
    return RequestSubmitted(
        reference=message.subject_request_id,
        right=RIGHTS[message.subject_request_type],
        subject=Subject(),
        regulation=message.law,
        role=Role.END_USER,
        received_at=message.submitted_time,
    )


def wish_of(message: OpenDsrMessage, controller: ListedController) -> bytes:
    """
    Return the fingerprint of an instruction, equal for equal type, identities and extensions.

    Raises:
        OpenDsrCallRefused: The extensions are nested too deeply to be compared.
    """
    said = {
        "controller": controller.source,
        "type": message.subject_request_type,
        "identities": sorted((ALIASES.get(kind, kind), value) for kind, value, _ in message.named),
        "extensions": message.extensions or {},
    }
    try:
        return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise refused("extensions", "is nested too deeply") from None


def _named(message: OpenDsrMessage, served: DiscoveryDocument) -> dict[Code, Text]:
    """Return identity of the data map → value: two values of one would belong to two people."""
    found: dict[Code, Text] = {}
    for kind, value, format_ in message.named:
        name = served.identities.get(ALIASES.get(kind, kind))
        if name is None:
            raise refused("subject_identities", "an identity type is not in the discovery document")
        if format_ != RAW:
            raise refused("subject_identities", f"an identity format is not in the discovery document: {RAW}")
        if found.setdefault(name, value) != value:
            raise refused("subject_identities", "only one value is supported for each identity type")
    return found


def _malformed(error: ValidationError) -> OpenDsrCallRefused:
    flaws = error.errors(include_url=False, include_input=False, include_context=False)
    return OpenDsrCallRefused(
        HTTPStatus.BAD_REQUEST, *(CallError(_path(flaw["loc"]), _why(flaw["msg"])) for flaw in flaws)
    )


def _path(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in place if isinstance(part, int) or part in FIELDS)


def _why(message: str) -> str:
    return message.removeprefix("Value error, ")
