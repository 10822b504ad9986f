"""The last verification of the journals' chains, which `habeas audit verify` and the upkeep record here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.runtime.mongo import Database, Document, translated


@dataclass(frozen=True, slots=True)
class ChainVerification:
    """The last verification of one journal."""

    service: str
    at: datetime
    rows: int
    faults: int
    heads_until: str | None
    """The last day that signed heads cover; None where none are exported yet."""
    whole_at: datetime | None = None
    """When all of its rows were verified last, and not only new ones."""

    def document(self) -> Document:
        """Return it as it is stored."""
        values = {"at": self.at, "rows": self.rows, "faults": self.faults, "heads_until": self.heads_until}
        return {"_id": self.service, **values, "whole_at": self.whole_at}


class ChainVerifications:
    """The last verification of each journal."""

    def __init__(self, database: Database) -> None:
        """Keep them in *database*."""
        self._audits = database["audits"]

    async def record(self, verified: Sequence[ChainVerification]) -> None:
        """Keep *verified* in place of what was known of these journals."""
        with translated("record a verification"):
            for one in verified:
                await self._audits.replace_one({"_id": one.service}, one.document(), upsert=True)

    async def all(self) -> list[ChainVerification]:
        """Return the last verification of each journal, by name."""
        with translated("read the verifications"):
            found = await self._audits.find().sort("_id", 1).to_list(None)
        return [ChainVerification(service=one.pop("_id"), **one) for one in found]
