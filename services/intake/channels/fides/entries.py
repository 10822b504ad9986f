"""Entries of requests that came by the API of Fides. Pure."""

from dataclasses import dataclass
from datetime import datetime

from services.intake.channels.fides.policies import Wish
from shared.contract.events import RequestId


@dataclass(frozen=True, slots=True)
class FidesEntry:
    """A request that came by this API, without personal data."""

    case: RequestId
    at: datetime
    policy: str
    """The client's key of the policy."""
    wish: Wish
    client: str | None
    """The client; None for public requests."""


@dataclass(frozen=True, slots=True)
class EntryRange:
    """A range of the time of creation; newest first by default."""

    after: datetime | None = None
    before: datetime | None = None
    oldest_first: bool = False
