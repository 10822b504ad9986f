"""
Fetches California's lists, and lays them down before anything else is done with them.

The platform hands lists out once; whoever needs them again must ask its support. So they are sealed as they
arrive, piece by piece, and it is on record before that they do. Whoever dies then leaves them whole, which
the next one finds, or has died while they arrived: only then are they lost.

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
"""Name under which the lists lie in the vault as they came."""
AGAIN_S: Final = 1.0


class DropListPort(Protocol):
    """Where lists are handed out."""

    def download(self) -> AbstractAsyncContextManager[ArrivingArchive | None]:
        """Have the lists that are new arrive; none where nothing is."""


@dataclass(frozen=True, slots=True)
class DropFetcher:
    """Who fetches lists."""

    platform: DropListPort
    ledger: DropLedger
    listing: BatchLists
    door: RequestService
    clock: Callable[[], datetime]

    async def fetched(self) -> ListBatch:
        """
        Return the lists that are new, once they lie sealed; a batch without any where there are none.

        Raises:
            NotYet: The platform wants to be asked again later, or the lists have not arrived whole.
            Turned: It does not take the call.
        """
        async with self.platform.download() as arriving:
            if arriving is not None:
                with tempfile.TemporaryFile() as copy:
                    return await self._safe(arriving, copy)
        batch = self._batch("nothing new", BatchStep.SEALED)  # what was acquired since is looked through
        await self.ledger.begin(batch)
        return batch

    async def recovered(self, batch: ListBatch) -> bool:
        """
        Go on with lists of which it is not on record that they have arrived; return whether they have.

        What is not whole is forgotten. The platform says then whether it hands them out again.
        """
        if await self.listing.is_whole(batch.id, ARCHIVE_ITEM):
            return await self.ledger.received(batch.id)
        logger().warning("lists of DROP have not arrived whole", service=NAME, request_id=batch.id)
        if await self.ledger.forget(batch.id):
            await self.listing.discard(batch.id)
        return False

    async def unpack(self, batch: ListBatch) -> None:
        """
        Take the lists out of the archive; it stays sealed, for the state does not hand it out again.

        Raises:
            Turned: It is spoilt, or not understood.
        """
        with closing(ListArchive(batch.id, tempfile.TemporaryFile())) as archive:
            async for piece in self.listing.content(batch.id, ARCHIVE_ITEM):
                archive.content.write(piece)
            files = archive.lists()
            for kind, name in files.items():
                await self.listing.keep(batch.id, kind.item, _alive(archive.pieces(name)))
        await self.ledger.unpacked(batch.id, files)

    async def _safe(self, arriving: ArrivingArchive, copy: IO[bytes]) -> ListBatch:
        """Seal what arrives, however often that fails: nobody else has it; until then there is a *copy*."""
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
        """Seal *pieces* as the archive of *batch*; return whether they are, and nobody has forgotten it."""
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
        """Return a new batch; two archives of one day have one name."""
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
