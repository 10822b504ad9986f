"""What fulfillment's handlers may know and use: the vault, the records, the data maps, and who answers."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Protocol

from services.fulfillment.cases import Fulfilment
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.execution import Remains
from services.fulfillment.erasure.steps import Plan
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.walk import Findings
from services.fulfillment.signing import Signer
from shared.answer import SUBMISSION
from shared.events import RequestSubmitted


class Vault(Protocol):
    """Where personal data is sealed."""

    async def seal(self, case: str, item: str, content: bytes) -> bool:
        """Keep *content*, unless something is kept there already; return whether it is."""

    async def open(self, case: str, item: str) -> bytes:
        """Return what is kept."""

    async def holds(self, case: str, item: str) -> bool:
        """Return whether something is kept."""

    async def seal_stream(self, case: str, item: str, content: AsyncIterator[bytes]) -> int:
        """Keep something large, replacing an unfinished attempt."""

    def open_stream(self, case: str, item: str) -> AsyncIterator[bytes]:
        """Yield the pieces of something large."""


class Records(Protocol):
    """The person's records, in the stores of the data map."""

    async def gather(self, data_map: DataMap, identities: Identities) -> Findings:
        """Return every record of the person."""

    async def erase(self, plan: Plan) -> None:
        """Carry *plan* out."""

    async def verify(self, plan: Plan, data_map: DataMap, identities: Identities) -> Remains:
        """Look again."""


class Maps(Protocol):
    """The data maps."""

    @property
    def current(self) -> DataMap:
        """The map that new cases start with."""

    async def of(self, version: str) -> DataMap:
        """Return the map that a case started with."""


@dataclass(frozen=True, slots=True)
class House:
    """Who answers, and how."""

    controller: str
    contact: str
    authority: str
    zone: tzinfo
    signer: Signer = field(repr=False)
    pseudonyms: bytes = field(repr=False)
    """Key that identifiers are hashed with for the recipients of data."""
    package_lifetime: timedelta


@dataclass(frozen=True, slots=True)
class Fulfillment:
    """What a handler may know and use."""

    case_id: str
    known: Fulfilment
    now: datetime
    occurred_at: datetime
    vault: Vault = field(repr=False)
    records: Records = field(repr=False)
    maps: Maps = field(repr=False)
    house: House

    async def submission(self) -> RequestSubmitted:
        """Return the request as it was submitted."""
        return RequestSubmitted.model_validate_json(await self.vault.open(self.case_id, SUBMISSION))

    async def sealed(self, kind: str, content: str | bytes) -> str:
        """
        Seal *content* under a name of its own and return the name, for a fact to carry.

        An attempt that is overtaken, or dies before its facts are written, leaves what nobody names; it can
        never stand in for what another attempt told.
        """
        name = f"{kind}_{secrets.token_hex(8)}"
        await self.vault.seal(self.case_id, name, content if isinstance(content, bytes) else content.encode())
        return name

    def today(self) -> date:
        """Return the day it is where requests are answered."""
        return self.now.astimezone(self.house.zone).date()
