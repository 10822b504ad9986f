"""What is known of a request besides its case: that it came by this door, and as what. Pure."""

from dataclasses import dataclass
from datetime import datetime

from services.intake.channels.fides.policies import Wish
from shared.contract.events import RequestId


@dataclass(frozen=True, slots=True)
class FidesEntry:
    """A request that came by this door; nothing of the person."""

    case: RequestId
    at: datetime
    policy: str
    """The key that the client called its policy by."""
    wish: Wish
    client: str | None
    """Who made it; None where anybody may have."""


@dataclass(frozen=True, slots=True)
class EntryRange:
    """Requests that were made after one moment and before another; newest first, unless said otherwise."""

    after: datetime | None = None
    before: datetime | None = None
    oldest_first: bool = False
