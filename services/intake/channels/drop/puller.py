"""
Background work for DROP: fetches lists, has them searched, lodges requests for matches, reports statuses.

It does one step of one batch at a time, and each step may be repeated: a crash leaves the same step to the
next replica. Only the download cannot be repeated: the platform provides each list once; a second copy needs
its support. So an archive is sealed chunk by chunk as it arrives, and recorded before it does. After a crash
the next replica finds it whole; lists are lost, and an error is logged, only if the crash came during the
download.

Source: DROP Data Broker API 1.2.0, GET /data/download, 409.

Law:
    Cal. Civ. Code § 1798.99.86(c): from 1 August 2026 lists are fetched, and what they name is deleted, at
    least every 45 days.
"""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import IO, Final

from services.intake.cases.service import RequestService
from services.intake.channels.drop import client
from services.intake.channels.drop.ledger import (
    LEASE,
    NEVER,
    BatchStep,
    DropLedger,
    ListBatch,
    PlatformState,
    SetAsideList,
)
from services.intake.channels.drop.lists import PREFIX, BatchLists
from services.intake.channels.drop.requests import DropLodger
from services.intake.channels.drop.status_reports import WITHIN, DropReporter
from services.intake.channels.drop.terms import Hours, is_closed
from shared.contract.drop import SOURCE, ListKind
from shared.errors import HabeasError, TransientError
from shared.runtime import metrics
from shared.runtime.log import logger
from shared.runtime.worker import work_forever

LOOK_EVERY_S: Final = 1.0
MOST_NAME: Final = 100
_UNUSUAL: Final = re.compile(r"[^A-Za-z0-9._/-]")
AGAIN_S: Final = 1.0
WARNED: Final = timedelta(days=10)
NAME: Final = "intake"
ARCHIVE_ITEM: Final = f"{PREFIX}archive"
"""Name of the downloaded archive in the vault."""


@dataclass(frozen=True, slots=True)
class DropPuller:
    """Calls the platform, in one replica of intake."""

    platform: client.DropClient
    ledger: DropLedger
    listing: BatchLists
    requests: RequestService
    every: timedelta
    closed: Hours | None
    """The hours in which the platform is closed."""
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

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
        except client.DropRetryLater as error:
            await self._leave_alone(str(error), error.after)
        except client.DropCallRejected as error:
            # 409: the lists were lost, or are being answered by hand.
            logger().error("DROP refused a call", service=NAME, code=error.status, reason=str(error))
            await self._leave_alone(str(error), client.LATER)
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
        await self._warn_when_due(state)
        batch = await self.ledger.open()
        reporter = DropReporter(self.platform, self.ledger, self.listing, self.clock)
        if await reporter.check_statuses():
            return True
        if batch is None:
            if self._may_call(state) and self.clock() >= state.pull_at:
                await self._note_fetched(await self._fetch())
                return True
            return self._may_call(state) and await reporter.amend()
        match batch.step:
            case BatchStep.ARRIVING:
                await self._recover(batch)
                return True
            case BatchStep.RECEIVED:
                return self.clock() >= state.not_before and await self._unpacked(batch)
            case BatchStep.SEALED:
                await self.listing.announce(batch.id, tuple(kind.item for kind in batch.files))
                await self.ledger.advance(batch.id, BatchStep.LISTED)
                return False
            case BatchStep.LISTED:
                return await DropLodger(self.ledger, self.listing, self.requests).lodge(batch)
            case _:
                return self._may_call(state) and await reporter.report(batch)

    # --- download ------------------------------------------------------------------------------------------

    async def _fetch(self) -> ListBatch:
        """Return the sealed new lists; a batch without lists if there are none."""
        async with self.platform.download() as arriving:
            if arriving is not None:
                with tempfile.TemporaryFile() as copy:
                    return await self._safe(arriving, copy)
        batch = self._batch("nothing new", BatchStep.SEALED)  # new records are searched
        await self.ledger.begin(batch)
        return batch

    async def _safe(self, arriving: client.ArrivingArchive, copy: IO[bytes]) -> ListBatch:
        """Seal an arriving archive despite errors: there is no second source; a *copy* is kept until then."""
        pieces = _copied(arriving.pieces, copy)
        while True:
            batch = self._batch(arriving.name, BatchStep.ARRIVING)
            if await self._sealed(batch, pieces):
                return batch
            async for piece in arriving.pieces:
                copy.write(piece)
            copy.seek(0)
            pieces = _alive(iter(lambda: copy.read(client.PIECE), b""))

    async def _sealed(self, batch: ListBatch, pieces: AsyncIterator[bytes]) -> bool:
        """Seal *pieces* as the archive of *batch*; return False if another replica has forgotten it."""
        try:
            await self.ledger.begin(batch)
            await self.listing.keep(batch.id, ARCHIVE_ITEM, pieces)
        except (client.DropRetryLater, client.DropCallRejected):
            raise
        except HabeasError as error:
            await _log_trouble(error)
            return False
        while True:
            try:
                return await self.ledger.received(batch.id)
            except HabeasError as error:
                await _log_trouble(error)

    def _batch(self, name: str, step: BatchStep) -> ListBatch:
        """Return a new batch; two archives of one day have the same name."""
        now = self.clock()
        return ListBatch(self.requests.id_of(SOURCE, f"{name} {now.isoformat()}"), {}, now, step)

    async def _recover(self, batch: ListBatch) -> None:
        """
        Resume lists without a record of arrival.

        Incomplete lists are forgotten; the platform then decides whether it provides them again.
        """
        if await self.listing.is_whole(batch.id, ARCHIVE_ITEM):
            if await self.ledger.received(batch.id):
                await self._note_fetched(batch)
            return
        logger().warning("lists of DROP are incomplete", service=NAME, request_id=batch.id)
        if await self.ledger.forget(batch.id):
            await self.listing.discard(batch.id)

    async def _note_fetched(self, batch: ListBatch) -> None:
        now = batch.fetched_at
        await self.ledger.note(pulled_at=now, pull_at=now + self.every, not_before=NEVER, trouble="")
        logger().info("lists of DROP fetched", service=NAME, request_id=batch.id)

    async def _unpacked(self, batch: ListBatch) -> bool:
        """Extract the lists from the archive; it stays sealed, for the state does not provide it again."""
        with tempfile.TemporaryFile() as copy:
            async for piece in self.listing.content(batch.id, ARCHIVE_ITEM):
                copy.write(piece)
            archive = client.ListArchive(copy)
            files, damaged = archive.lists(), list[str]()
            for kind, name in list(files.items()):
                try:
                    await self.listing.keep(batch.id, kind.item, _alive(archive.pieces(name)))
                except client.DropListDamaged:
                    damaged.append(files.pop(kind))
                    if not files:
                        raise
            await self._set_aside(batch, files, (*archive.others(), *damaged))
        await self.ledger.unpacked(batch.id, files)
        return True

    async def _set_aside(
        self, batch: ListBatch, files: Mapping[ListKind, str], others: Iterable[str]
    ) -> None:
        """Report to the staff all that cannot be read, so that it holds up nothing else."""
        rows = [await self.listing.unreadable(batch.id, kind.item, name) for kind, name in files.items()]
        unknown = [SetAsideList(batch.id, _UNUSUAL.sub("?", name)[:MOST_NAME]) for name in others]
        aside = [*unknown, *(one for one in rows if one is not None)]
        await self.ledger.set_aside(aside)
        for one in aside:
            found = f"{one.file}: {one.count or 'all'} rows"
            logger().error("a list of DROP is set aside", service=NAME, request_id=batch.id, reason=found)

    # --- schedule ------------------------------------------------------------------------------------------

    def _may_call(self, state: PlatformState) -> bool:
        now = self.clock()
        return now >= state.not_before and not is_closed(now, self.closed)

    async def _leave_alone(self, reason: str, after: timedelta) -> None:
        await self.ledger.note(not_before=self.clock() + after, trouble=reason)

    async def _warn_when_due(self, state: PlatformState) -> None:
        """Warn of the days that are left; once a day, when they are few."""
        now = self.clock()
        left, day = last_day(state) - now, now.date().isoformat()
        metrics.drop(seconds_left=left.total_seconds(), set_aside=len(state.set_aside))
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


async def _log_trouble(error: HabeasError) -> None:
    write = logger().warning if isinstance(error, TransientError) else logger().error
    write("lists of DROP are not sealed yet", service=NAME, reason=str(error))
    await asyncio.sleep(AGAIN_S)


async def _copied(pieces: AsyncIterator[bytes], copy: IO[bytes]) -> AsyncIterator[bytes]:
    async for piece in pieces:
        copy.write(piece)
        yield piece


async def _alive(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)
