"""The registers written before the result of an erasure is published, for requests and the command line."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.fulfillment.changes.suppressions import SuppressionPurpose
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.steps import ErasurePlan
from services.fulfillment.search.identities import Identities


class SuppressionsPort(Protocol):
    """The suppression list."""

    async def add(self, identities: Identities, purpose: str, at: datetime) -> None:
        """Add the people with *identities* to the list."""


class ErasureJournalPort(Protocol):
    """The journal of erasures, for the restoration of a backup."""

    async def record(self, plan: ErasurePlan, data_map: DataMap, *, erasure: str, at: datetime) -> None:
        """Record an erasure by *plan*; it may be repeated."""


class RetainedRecordsPort(Protocol):
    """The register of records that erasures have left."""

    async def keep(self, decided: ErasurePlan, *, erasure: str, at: datetime, asked: bool) -> None:
        """Register the records that *decided* leaves; it may be repeated."""


@dataclass(frozen=True, slots=True)
class Registers:
    """The three registers, for one erasure."""

    kept: RetainedRecordsPort
    erasures: ErasureJournalPort
    suppressions: SuppressionsPort
    erasure: str
    """Id of the request, or number of the certificate if there is no request."""
    at: datetime
    asked: bool
    """Whether it belongs to a request, and a requester waits for the result."""

    async def remember(self, decided: ErasurePlan, data_map: DataMap) -> None:
        """
        Write all registers: the person must not return unnoticed, and no remaining record may be forgotten.

        Raises:
            StoreUnavailable: The database did not answer; the call may be repeated.
        """
        await self.kept.keep(decided, erasure=self.erasure, at=self.at, asked=self.asked)
        await self.erasures.record(decided, data_map, erasure=self.erasure, at=self.at)
        if decided.changes:
            await self.suppressions.add(decided.known_by, SuppressionPurpose.ERASED, self.at)
