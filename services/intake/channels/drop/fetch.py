"""
Download of California's lists, sealed before any other step.

The platform provides each list once; a second copy needs its support. So an archive is sealed chunk by chunk
as it arrives, and recorded before it does. After a crash the next replica finds it whole; lists are lost only
if the crash came during the download.

Source: DROP Data Broker API 1.2.0, GET /data/download, 409.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Final, Protocol

from services.intake.cases.service import RequestService
from services.intake.channels.drop.client import (
    PIECE,
    ArrivingArchive,
    DropCallRejected,
    DropRetryLater,
    ListArchive,
)
from services.intake.channels.drop.ledger import BatchStep, DropLedger, ListBatch
from services.intake.channels.drop.lists import PREFIX, BatchLists
from shared.contract.drop import SOURCE
from shared.errors import HabeasError
from shared.runtime.log import logger

NAME: Final = "intake"
ARCHIVE_ITEM: Final = f"{PREFIX}archive"
"""Name of the downloaded archive in the vault."""
AGAIN_S: Final = 1.0


class DropListPort(Protocol):
    """The source of lists."""

    def download(self) -> AbstractAsyncContextManager[ArrivingArchive | None]:
        """Start to download the new lists; None if there are none."""


@dataclass(frozen=True, slots=True)
class DropFetcher:
    """Fetches lists."""

    platform: DropListPort
    ledger: DropLedger
    listing: BatchLists
    door: RequestService
    clock: Callable[[], datetime]

    async def fetch(self) -> ListBatch:
        """
        Return the sealed new lists; a batch without lists if there are none.

        Raises:
            DropRetryLater: The platform asks for a later call, or the lists have not arrived whole.
            DropCallRejected: It refuses the call.
        """
        async with self.platform.download() as arriving:
            if arriving is not None:
                with tempfile.TemporaryFile() as copy:
                    return await self._safe(arriving, copy)
        batch = self._batch("nothing new", BatchStep.SEALED)  # new records are searched
        await self.ledger.begin(batch)
        return batch

    async def recover(self, batch: ListBatch) -> bool:
        """
        Resume lists without a record of arrival; return whether they are complete.

        Incomplete lists are forgotten; the platform then decides whether it provides them again.
        """
        if await self.listing.is_whole(batch.id, ARCHIVE_ITEM):
            return await self.ledger.received(batch.id)
        logger().warning("lists of DROP are incomplete", service=NAME, request_id=batch.id)
        if await self.ledger.forget(batch.id):
            await self.listing.discard(batch.id)
        return False

    async def unpack(self, batch: ListBatch) -> None:
        """
        Extract the lists from the archive; it stays sealed, for the state does not provide it again.

        Raises:
            DropCallRejected: It is damaged, or of unknown form.
        """
        with closing(ListArchive(batch.id, tempfile.TemporaryFile())) as archive:
            async for piece in self.listing.content(batch.id, ARCHIVE_ITEM):
                archive.content.write(piece)
            files = archive.lists()
            for kind, name in files.items():
                await self.listing.keep(batch.id, kind.item, _alive(archive.pieces(name)))
        await self.ledger.unpacked(batch.id, files)

    async def _safe(self, arriving: ArrivingArchive, copy: IO[bytes]) -> ListBatch:
        """Seal an arriving archive despite errors: there is no second source; a *copy* is kept until then."""
        pieces = _copied(arriving.pieces, copy)
        while True:
            batch = self._batch(arriving.name, BatchStep.ARRIVING)
            if await self._sealed(batch, pieces):
                return batch
            async for piece in arriving.pieces:
                copy.write(piece)
            copy.seek(0)
            pieces = _alive(_pieces(copy))

    async def _sealed(self, batch: ListBatch, pieces: AsyncIterator[bytes]) -> bool:
        """Seal *pieces* as the archive of *batch*; return False if another replica has forgotten it."""
        try:
            await self.ledger.begin(batch)
            await self.listing.keep(batch.id, ARCHIVE_ITEM, pieces)
        except (DropRetryLater, DropCallRejected):
            raise
        except HabeasError as error:
            await _log_trouble(error)
            return False
        return await self._noted(batch)

    async def _noted(self, batch: ListBatch) -> bool:
        while True:
            try:
                return await self.ledger.received(batch.id)
            except HabeasError as error:
                await _log_trouble(error)

    def _batch(self, name: str, step: BatchStep) -> ListBatch:
        """Return a new batch; two archives of one day have the same name."""
        now = self.clock()
        return ListBatch(self.door.id_of(SOURCE, f"{name} {now.isoformat()}"), {}, now, step)


async def _log_trouble(error: HabeasError) -> None:
    logger().error("lists of DROP are not sealed yet", service=NAME, reason=str(error))
    await asyncio.sleep(AGAIN_S)


async def _copied(pieces: AsyncIterator[bytes], copy: IO[bytes]) -> AsyncIterator[bytes]:
    async for piece in pieces:
        copy.write(piece)
        yield piece


def _pieces(content: IO[bytes]) -> Iterator[bytes]:
    while piece := content.read(PIECE):
        yield piece


async def _alive(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)
