"""
The words of the protocol, in each of its versions, and what a call is refused for. Pure.

OpenGDPR 1.0 and OpenDSR 2.0 are specifications. 3.0 is what mParticle speaks and controllers have built for.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from http import HTTPStatus
from types import MappingProxyType


class Version(IntEnum):
    """A major version, which leads the path of every call."""

    ONE = 1
    TWO = 2
    THREE = 3

    @property
    def full(self) -> str:
        """How bodies say it."""
        return f"{self.value}.0"

    @property
    def requests(self) -> str:
        """Path of the requests."""
        return f"/v{self.value}/{'opengdpr_requests' if self is Version.ONE else 'requests'}"

    @property
    def header(self) -> str:
        """What the names of its headers begin with."""
        return "X-OpenGDPR" if self is Version.ONE else "X-OpenDSR"


class InstructionKind(StrEnum):
    """What a controller may instruct a processor to do."""

    ACCESS = "access"
    PORTABILITY = "portability"
    ERASURE = "erasure"


IDENTITY_TYPES = frozenset(
    {
        "controller_customer_id", "email", "android_advertising_id", "android_id", "fire_advertising_id",
        "ios_advertising_id", "ios_vendor_id", "microsoft_advertising_id", "microsoft_publisher_id",
        "roku_publisher_id", "roku_advertising_id",
    }
)  # fmt: skip
"""By what a person may be named (specification 2.0, "Identity types")."""
ALIASES = MappingProxyType({"roku_publishing_id": "roku_publisher_id"})
"""How one client's documentation spells some of them."""
RAW = "raw"
"""The one format that is served: what is hashed cannot be looked up in records that are not."""
EXISTS = "Subject request already exists"
"""Said word for word: a client looks for it."""


@dataclass(frozen=True, slots=True)
class CallError:
    """One thing that is wrong with a call: where, and never the value."""

    path: str
    message: str

    def __str__(self) -> str:
        """Return both in one line."""
        return f"{self.path}: {self.message}" if self.path else self.message


class OpenDsrCallRefused(Exception):
    """A call is not answered; no identity and no credential stands in why."""

    def __init__(self, status: HTTPStatus, *flaws: CallError) -> None:
        super().__init__("; ".join(map(str, flaws)))
        self.status = status
        self.flaws = flaws


def refused(path: str, message: str) -> OpenDsrCallRefused:
    """Return the refusal of a body that is malformed."""
    return OpenDsrCallRefused(HTTPStatus.BAD_REQUEST, CallError(path, message))


def instant(at: datetime) -> str:
    """Return *at* as the strictest of the clients reads it: in UTC, with a ``Z``."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
