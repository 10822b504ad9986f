"""
Messages of controllers in each version, the refusals of calls, and the requests made of them. Pure.

OpenGDPR 1.0 and OpenDSR 2.0 are specifications. 3.0 is the dialect of mParticle, which controllers use.
Errors name the protocol's own fields and never repeat a controller's text: a value may be an identity, and so
may a name of the controller's own.

Raises:
    OpenDsrCallRefused: A message is malformed, of another version, or asks for something unsupported.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Any, TypeAlias

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StrictStr,
    StringConstraints,
    ValidationError,
)

from services.intake.channels.opendsr.controllers import ListedController
from services.intake.channels.parts import CallbackUrl, ReceivedPart
from shared.contract.events import NO_PERSON, Code, RequestSubmitted, Subject, Text
from shared.contract.field_errors import MOST_ERRORS, message_of, no_json
from shared.law import Regulation, Right, Role

MOST_IDENTITIES, MOST_CALLBACKS = 50, 10
UUID4 = r"^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-4[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}$"
SKIPS_WAITING = "skip_waiting_period"
"""The supported extension, under our own domain."""
RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
IDENTITY_TYPES = frozenset(
    {
        "controller_customer_id", "email", "android_advertising_id", "android_id", "fire_advertising_id",
        "ios_advertising_id", "ios_vendor_id", "microsoft_advertising_id", "microsoft_publisher_id",
        "roku_publisher_id", "roku_advertising_id",
    }
)  # fmt: skip
"""Identity types of a person (specification 2.0, "Identity types")."""
ALIASES = MappingProxyType({"roku_publishing_id": "roku_publisher_id"})
"""Spellings in one client's documentation."""
RAW = "raw"
"""The only supported format: a hash cannot be looked up in plain records."""
UNSEARCHABLE = "a value is empty, has control characters, or is longer than 500 characters"
EXISTS = "Subject request already exists"
"""The exact text that a client looks for."""


class Version(IntEnum):
    """A major version, the first segment of every path."""

    ONE = 1
    TWO = 2
    THREE = 3

    @property
    def full(self) -> str:
        """Its name in bodies."""
        return f"{self.value}.0"

    @property
    def requests(self) -> str:
        """Path of the requests."""
        return f"/v{self.value}/{'opengdpr_requests' if self is Version.ONE else 'requests'}"

    @property
    def header(self) -> str:
        """Prefix of its headers' names."""
        return "X-OpenGDPR" if self is Version.ONE else "X-OpenDSR"


class InstructionKind(StrEnum):
    """The instructions of a controller to a processor."""

    ACCESS = "access"
    PORTABILITY = "portability"
    ERASURE = "erasure"


RIGHTS: Mapping[InstructionKind, Right] = MappingProxyType({kind: Right(kind) for kind in InstructionKind})
REGULATIONS: Mapping[str, Regulation] = MappingProxyType({"gdpr": Regulation.GDPR, "ccpa": Regulation.CCPA})


@dataclass(frozen=True, slots=True)
class CallError:
    """A fault in a call: its place, never the value."""

    path: str
    message: str

    def __str__(self) -> str:
        """Return both in one line."""
        return f"{self.path}: {self.message}" if self.path else self.message


class OpenDsrCallRefused(Exception):
    """A call is refused; the reason holds no identity and no credential."""

    def __init__(self, status: HTTPStatus, *flaws: CallError) -> None:
        super().__init__("; ".join(map(str, flaws)))
        self.status = status
        self.flaws = flaws


def refused(path: str, message: str) -> OpenDsrCallRefused:
    """Return the refusal of a body that is malformed."""
    return OpenDsrCallRefused(HTTPStatus.BAD_REQUEST, CallError(path, message))


def instant(at: datetime) -> str:
    """Return *at* in UTC, with a ``Z``, as the strictest client requires."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _instant(value: object) -> datetime:
    """Return a time by RFC 3339: a date alone does not state when the clock started."""
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise ValueError("must be a time by RFC 3339: 2020-01-31T09:30:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be an existing time") from None


def _known_law(regulation: str) -> str:
    if regulation not in REGULATIONS:
        raise ValueError("must be gdpr or ccpa")
    return regulation


IdentityTriples: TypeAlias = tuple[tuple[str, str, str], ...]
"""Type, value and format of each."""


class OpenDsrIdentity(ReceivedPart):
    """An identity of the person, in versions 1.0 and 2.0."""

    identity_type: StrictStr
    identity_value: StrictStr
    identity_format: StrictStr


class EncodedIdentity(ReceivedPart):
    """The same in version 3.0, where the type is a name in the object."""

    value: StrictStr
    encoding: StrictStr


class _Message(ReceivedPart):
    """A request, as all versions write it."""

    subject_request_id: Annotated[StrictStr, StringConstraints(pattern=UUID4)]
    """As the controller writes it: the answers repeat it (:func:`canonical`)."""
    subject_request_type: InstructionKind
    submitted_time: Annotated[datetime, BeforeValidator(_instant)]
    """When the person asked."""
    api_version: StrictStr | None = None
    status_callback_urls: tuple[CallbackUrl, ...] | None = Field(default=None, max_length=MOST_CALLBACKS)
    extensions: dict[str, Any] | None = None

    @property
    def callbacks(self) -> tuple[str, ...]:
        """The receivers of its status, without repetitions."""
        return tuple(dict.fromkeys(self.status_callback_urls or ()))

    @property
    def group(self) -> str | None:
        """The group of the person's requests."""
        return None


class _Listed(_Message):
    subject_identities: tuple[OpenDsrIdentity, ...] = Field(min_length=1, max_length=MOST_IDENTITIES)

    @property
    def named(self) -> IdentityTriples:
        """The identities of the person."""
        return tuple(
            (one.identity_type, one.identity_value, one.identity_format) for one in self.subject_identities
        )


class OpenDsrRequestV1(_Listed):
    """A request of OpenGDPR 1.0: the law is in its name."""

    @property
    def law(self) -> Regulation:
        """The law that the person invoked."""
        return Regulation.GDPR


class _Regulated(_Message):
    regulation: Annotated[StrictStr, AfterValidator(_known_law)]

    @property
    def law(self) -> Regulation:
        """The law that the person invoked."""
        return REGULATIONS[self.regulation]


class OpenDsrRequestV2(_Listed, _Regulated):
    """A request of OpenDSR 2.0."""


class OpenDsrRequestV3(_Regulated):
    """A request of the 3.0 dialect."""

    subject_identities: dict[str, EncodedIdentity] = Field(min_length=1, max_length=MOST_IDENTITIES)
    group_id: Annotated[StrictStr, StringConstraints(min_length=1, max_length=500)] | None = None

    @property
    def named(self) -> IdentityTriples:
        """The identities of the person."""
        return tuple((kind, one.value, one.encoding) for kind, one in self.subject_identities.items())

    @property
    def group(self) -> str | None:
        """The group of the person's requests."""
        return self.group_id


OpenDsrMessage: TypeAlias = OpenDsrRequestV1 | OpenDsrRequestV2 | OpenDsrRequestV3
MESSAGES: Mapping[Version, type[OpenDsrMessage]] = MappingProxyType(
    {Version.ONE: OpenDsrRequestV1, Version.TWO: OpenDsrRequestV2, Version.THREE: OpenDsrRequestV3}
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
    """Return the request in *body*."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise refused("", f"the body {no_json(error.lineno, error.colno)}") from None
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
    """
    skips_waiting(message, served.domain)
    try:
        subject = Subject(identifiers=_named(message, served))
    except ValidationError:
        raise refused("subject_identities", UNSEARCHABLE) from None
    if subject.is_empty:
        raise refused("subject_identities", f"the request {NO_PERSON}")
    return without_identities(message).model_copy(update={"subject": subject})


def canonical(id_: str) -> str:
    """
    Return the form of a request's id in which two spellings are one.

    Source: RFC 9562 section 4: hexadecimal letters of a UUID mean the same in either case.
    """
    return id_.lower()


def skips_waiting(message: OpenDsrMessage, domain: str) -> bool:
    """Return whether the erasure begins without the window; *domain* is ours."""
    ours = (message.extensions or {}).get(domain) or {}
    if not isinstance(ours, dict) or ours.keys() - {SKIPS_WAITING}:
        raise refused("extensions", f"only {SKIPS_WAITING} is supported under {domain}")
    skips = ours.get(SKIPS_WAITING)
    if not isinstance(skips, bool | None):
        raise refused("extensions", f"{SKIPS_WAITING} under {domain} must be true or false")
    return bool(skips)


def without_identities(message: OpenDsrMessage) -> RequestSubmitted:
    """Return the instruction without the identities."""
    return RequestSubmitted(
        reference=canonical(message.subject_request_id),
        right=RIGHTS[message.subject_request_type],
        subject=Subject(),
        regulation=message.law,
        role=Role.END_USER,
        received_at=message.submitted_time,
    )


def fingerprint_of(message: OpenDsrMessage, controller: ListedController) -> bytes:
    """Return the fingerprint of an instruction, equal for equal type, identities and extensions."""
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
    flaws = error.errors(include_url=False, include_input=False)
    return OpenDsrCallRefused(
        HTTPStatus.BAD_REQUEST,
        *(CallError(_path(flaw["loc"]), message_of(flaw, own=True)) for flaw in flaws[:MOST_ERRORS]),
    )


def _path(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in place if isinstance(part, int) or part in FIELDS)
