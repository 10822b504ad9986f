"""
Cleanup after a crash: bodies without a request, and requests without an announcement.

A client cannot repeat a request by name, so a timer finds them. A whole sealed body is announced again; any
other was never acknowledged, and is destroyed.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from services.intake.cases.service import RequestService
from services.intake.channels.fides.clients import source_of
from services.intake.channels.fides.entries import FidesEntry
from shared.contract.answer import SUBMISSION
from shared.contract.events import RequestId, RequestSubmitted
from shared.contract.ports import VaultPort
from shared.errors import UnknownRequest
from shared.runtime.log import logger
from shared.runtime.worker import work_forever

LEFT_AFTER = timedelta(days=1)
LOOK_EVERY_S = 600.0


class FidesOpenRequestPort(Protocol):
    """The ledger of requests of Fides clients."""

    def unregistered(self, before: datetime) -> AsyncIterator[list[FidesEntry]]:
        """Yield requests from *before* a moment that are not known to be registered, in batches."""

    async def registered(self, case_ids: Sequence[RequestId]) -> None:
        """Record that requests are registered."""

    async def remove(self, case_id: RequestId) -> None:
        """Forget a request that does not exist."""


@dataclass(frozen=True, slots=True)
class RequestCleanup:
    """Checks the requests of a day ago."""

    requests: FidesOpenRequestPort
    door: RequestService
    vault: VaultPort

    async def work(self) -> None:
        """Check all requests once."""
        async for entries in self.requests.unregistered(self.door.clock() - LEFT_AFTER):
            histories = await self.door.journal.histories({entry.case for entry in entries})
            await self.requests.registered([case for case, rows in histories.items() if rows])
            for entry in entries:
                if not histories.get(entry.case):
                    await self._settle(entry)

    async def _settle(self, entry: FidesEntry) -> None:
        try:
            sealed = await self.door.kept(entry.case, SUBMISSION)
        except UnknownRequest:
            await self.vault.destroy(entry.case)
            await self.requests.remove(entry.case)
            logger().warning(
                "a body that is no request is destroyed", service="intake", request_id=entry.case
            )
            return
        request = RequestSubmitted.model_validate_json(sealed)
        await self.door.lodge(request, source_of(entry.client), at=entry.at)


async def run_forever(work: Callable[[], Awaitable[None]]) -> None:
    """Do *work* again and again, until cancelled; an outage only delays it."""
    await work_forever(work, service="intake", delayed="cleanup delayed", every_s=LOOK_EVERY_S)
