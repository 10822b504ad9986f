"""Cases that stand still: a service has not handled a fact for long. The upkeep records them here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.runtime.mongo import Database, Document, translated

STANDING: Document = {"stalled": True}


@dataclass(frozen=True, slots=True)
class StalledCase:
    """A case, and a fact about it that a service has not handled."""

    case: str
    service: str
    type: str
    since: datetime
    parked: bool
    """Whether its message is parked; else it is lost, or waits for another try."""
    republished_at: datetime | None


class StalledCases:
    """The cases that stand still, as the last comparison of the journals found them."""

    def __init__(self, database: Database) -> None:
        """Read them from *database*."""
        self._facts = database["unhandled"]

    async def all(self, most: int) -> Sequence[StalledCase]:
        """Return up to *most* facts that are not handled, the oldest first."""
        with translated("read cases that stand still"):
            found = await self._facts.find(STANDING).sort("at", 1).to_list(most)
        fields = ("request_id", "listener", "type", "at", "parked", "republished_at")
        return [StalledCase(*(one[name] for name in fields)) for one in found]

    async def count(self) -> int:
        """Return the number of cases that stand still."""
        with translated("count cases that stand still"):
            return len(await self._facts.distinct("request_id", STANDING))
