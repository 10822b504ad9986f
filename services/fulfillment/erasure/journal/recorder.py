"""What is remembered of an erasure before anybody is told of it: one way for requests and for operators."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.fulfillment.changes.stop_list import StopPurpose
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.steps import ErasurePlan
from services.fulfillment.search.identities import Identities


class StopListPort(Protocol):
    """The stop list."""

    async def add(self, identities: Identities, purpose: str, at: datetime) -> None:
        """Put everybody whom *identities* name on the list."""


class ErasureJournalPort(Protocol):
    """What is remembered of erasures, for the day on which a backup is restored."""

    async def record(self, plan: ErasurePlan, data_map: DataMap, *, erasure: str, at: datetime) -> None:
        """Remember an erasure by *plan*; it may be repeated."""


class RetainedRecordsPort(Protocol):
    """The register of records that erasures have left."""

    async def keep(self, decided: ErasurePlan, *, erasure: str, at: datetime, asked: bool) -> None:
        """Register what *decided* leaves behind; it may be repeated."""


@dataclass(frozen=True, slots=True)
class Registers:
    """The three registers, for one erasure."""

    kept: RetainedRecordsPort
    erasures: ErasureJournalPort
    suppressions: StopListPort
    erasure: str
    """Id of the request, or number of the certificate where no request stands behind it."""
    at: datetime
    asked: bool
    """Whether a request stands behind it, so that somebody waits to be told."""

    async def remember(self, decided: ErasurePlan, data_map: DataMap) -> None:
        """
        Make sure that nothing brings the person back unseen, and that nothing left is forgotten.

        Raises:
            StoreUnavailable: The database did not answer; the call may be repeated.
        """
        await self.kept.keep(decided, erasure=self.erasure, at=self.at, asked=self.asked)
        await self.erasures.record(decided, data_map, erasure=self.erasure, at=self.at)
        if decided.changes:
            await self.suppressions.add(decided.known_by, StopPurpose.ERASED, self.at)
