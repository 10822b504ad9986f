"""
The outbox: publication of rows that a service appends outside its runtime, as an HTTP endpoint does.

The row is marked as unpublished in the write that appends it. The mark goes when the broker has confirmed the
row's facts. If the broker is away, :meth:`Outbox.run` publishes them later, under the same ids.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.errors import TransientError, Unroutable
from shared.runtime.broker import EventPublisher
from shared.runtime.journal import JournalRow
from shared.runtime.log import logger
from shared.runtime.service import messages_of
from shared.runtime.worker import work_forever

LOOK_EVERY_S = 1.0
MOST_AT_ONCE = 500


class UnpublishedRows(Protocol):
    """The part of a journal that remembers which rows are still to be published."""

    async def append_unpublished(self, row: JournalRow) -> bool:
        """Append *row*, marked as unpublished; return False if its key was taken."""

    async def unpublished(self, most: int) -> list[JournalRow]:
        """Return up to *most* rows that are marked as unpublished."""

    async def mark_published(self, keys: Iterable[str]) -> None:
        """Remove the mark from the rows of *keys*."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """Publishes the rows that *service* appends outside its runtime."""

    service: str
    rows: UnpublishedRows
    publisher: EventPublisher

    async def append(self, row: JournalRow) -> bool:
        """
        Append *row* and publish its facts, at the latest once the broker is back.

        Returns:
            False if the key of the row was taken: nothing was appended.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        if not await self.rows.append_unpublished(row):
            return False
        try:
            await self._publish([row])
        except (TransientError, Unroutable) as error:
            logger().warning("row is published later", service=self.service, reason=str(error))
        return True

    async def run(self) -> None:
        """Publish unpublished rows for as long as the service runs; an outage only delays it."""
        await work_forever(
            self._publish_unpublished,
            service=self.service,
            delayed="rows are published later",
            every_s=LOOK_EVERY_S,
        )

    async def _publish_unpublished(self) -> bool:
        rows = await self.rows.unpublished(MOST_AT_ONCE)
        if rows:
            await self._publish(rows)
        return bool(rows)

    async def _publish(self, rows: Sequence[JournalRow]) -> None:
        await self.publisher.publish([one for row in rows for one in messages_of(row, self.service)])
        await self.rows.mark_published(row.key for row in rows)
