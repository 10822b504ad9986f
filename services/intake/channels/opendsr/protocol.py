"""
Terms of the protocol in each version, and the refusals of calls. Pure.

OpenGDPR 1.0 and OpenDSR 2.0 are specifications. 3.0 is the dialect of mParticle, which controllers use.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from http import HTTPStatus
from types import MappingProxyType


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
EXISTS = "Subject request already exists"
"""The exact text that a client looks for."""


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
