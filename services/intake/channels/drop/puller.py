"""
Background work for DROP: fetches lists, has them searched, lodges requests for matches, reports statuses.

It does one step of one batch at a time, and each step may be repeated: a crash leaves the same step to the
next replica. Only the download cannot be repeated (:mod:`services.intake.channels.drop.fetch`); lost lists
are logged as an error.

Law:
    Cal. Civ. Code § 1798.99.86(c): from 1 August 2026 lists are fetched, and what they name is deleted, at
    least every 45 days.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from services.intake.cases.service import RequestService
from services.intake.channels.drop import fetch, status_reports
from services.intake.channels.drop.client import LATER, DropCallRejected, DropRetryLater
from services.intake.channels.drop.fetch import DropFetcher
from services.intake.channels.drop.files import Hours, is_closed
from services.intake.channels.drop.ledger import LEASE, NEVER, BatchStep, DropLedger, ListBatch, PlatformState
from services.intake.channels.drop.lists import BatchLists
from services.intake.channels.drop.requests import DropLodger
from services.intake.channels.drop.status_reports import WITHIN, DropReporter
from shared.errors import HabeasError
from shared.runtime import metrics
from shared.runtime.log import logger
from shared.runtime.worker import work_forever

LOOK_EVERY_S: Final = 1.0
WARNED: Final = timedelta(days=10)
NAME: Final = "intake"


class DropPort(fetch.DropListPort, status_reports.DropStatusPort, Protocol):
    """The platform, as :class:`services.intake.channels.drop.client.DropClient` is it."""


@dataclass(frozen=True, slots=True)
class DropPuller:
    """Calls the platform, in one replica of intake."""

    platform: DropPort
    ledger: DropLedger
    listing: BatchLists
    door: RequestService
    every: timedelta
    closed: Hours | None
    """The hours in which the platform is closed."""
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    @property
    def fetcher(self) -> DropFetcher:
        """The fetcher of lists."""
        return DropFetcher(self.platform, self.ledger, self.listing, self.door, self.clock)

    @property
    def lodger(self) -> DropLodger:
        """The lodger of requests for matches."""
        return DropLodger(self.ledger, self.listing, self.door)

    @property
    def reporter(self) -> DropReporter:
        """The reporter of statuses."""
        return DropReporter(self.platform, self.ledger, self.listing, self.clock)

    async def run_forever(self) -> None:
        """Do the steps that are due, until cancelled; an outage only delays them."""
        await work_forever(self.run_step, service=NAME, delayed="DROP delayed", every_s=LOOK_EVERY_S)

    async def run_step(self) -> bool:
        """Do one step, unless another replica does; return whether another may follow at once."""
        state = await self.ledger.lease(self.clock())
        if state is None:
            return False
        holding = asyncio.create_task(self._extend_lease())
        try:
            return await self._step(state)
        except DropRetryLater as error:
            await self._leave_alone(str(error), error.after)
        except DropCallRejected as error:
            # 409: the lists were lost, or are being answered by hand.
            logger().error("DROP refused a call", service=NAME, code=error.status, reason=str(error))
            await self._leave_alone(str(error), LATER)
        finally:
            holding.cancel()
            await self.ledger.release(self.clock())
        return False

    async def _extend_lease(self) -> None:
        """Extend the lease of the platform; if that fails, another replica may repeat the step."""
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            with suppress(HabeasError):
                await self.ledger.lease(self.clock())

    async def _step(self, state: PlatformState) -> bool:
        await self._tell_how_long(state)
        batch = await self.ledger.open()
        if await self.reporter.check_statuses():
            return True
        if batch is None:
            return await self._at_rest(state)
        match batch.step:
            case BatchStep.ARRIVING:
                return await self._recovered(batch)
            case BatchStep.RECEIVED:
                return self.clock() >= state.not_before and await self._unpacked(batch)
            case BatchStep.SEALED:
                return await self._listed(batch)
            case BatchStep.LISTED:
                return await self.lodger.lodge(batch)
            case _:
                return self._may_call(state) and await self.reporter.report(batch)

    async def _at_rest(self, state: PlatformState) -> bool:
        if not self._may_call(state):
            return False
        if self.clock() >= state.pull_at:
            return await self._download()
        return await self.reporter.amend()

    # --- download ------------------------------------------------------------------------------------------

    async def _download(self) -> bool:
        await self._note_fetched(await self.fetcher.fetch())
        return True

    async def _recovered(self, batch: ListBatch) -> bool:
        if await self.fetcher.recover(batch):
            await self._note_fetched(batch)
        return True

    async def _note_fetched(self, batch: ListBatch) -> None:
        now = batch.fetched_at
        await self.ledger.note(pulled_at=now, pull_at=now + self.every, not_before=NEVER, trouble="")
        logger().info("lists of DROP fetched", service=NAME, request_id=batch.id)

    async def _unpacked(self, batch: ListBatch) -> bool:
        await self.fetcher.unpack(batch)
        return True

    async def _listed(self, batch: ListBatch) -> bool:
        await self.listing.announce(batch.id, tuple(kind.item for kind in batch.files))
        await self.ledger.advance(batch.id, BatchStep.LISTED)
        return False

    # --- schedule ------------------------------------------------------------------------------------------

    def _may_call(self, state: PlatformState) -> bool:
        now = self.clock()
        return now >= state.not_before and not is_closed(now, self.closed)

    async def _leave_alone(self, reason: str, after: timedelta) -> None:
        await self.ledger.note(not_before=self.clock() + after, trouble=reason)

    async def _tell_how_long(self, state: PlatformState) -> None:
        """Warn of the days that are left; once a day, when they are few."""
        now = self.clock()
        left, day = last_day(state) - now, now.date().isoformat()
        metrics.drop(days_left=left / timedelta(days=1))
        if left < WARNED and state.warned_on != day:
            level = logger().error if left < timedelta() else logger().warning
            level("lists of DROP are due", service=NAME, reason=f"{left.days} days left; {state.trouble}")
            await self.ledger.note(warned_on=day)


def last_day(state: PlatformState) -> datetime:
    """
    Return the last day to fetch lists and to answer the last ones, which come first.

    Law:
        Cal. Civ. Code § 1798.99.86(c)(1): at least once every 45 days.
    """
    return (state.pulled_at or state.since) + WITHIN
