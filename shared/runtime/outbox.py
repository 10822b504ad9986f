"""
The outbox: publication of rows that a service appends outside its runtime, as an HTTP endpoint does.

The row is marked as unpublished in the write that appends it. The mark goes when the broker has confirmed the
row's facts. If the broker is away, :meth:`Outbox.run` publishes them later, under the same ids.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from shared.errors import HabeasError, PermanentError, TransientError, Unroutable
from shared.runtime import traces
from shared.runtime.broker import EventPublisher
from shared.runtime.dataloader import DataLoader
from shared.runtime.journal import JournalRow
from shared.runtime.log import logger
from shared.runtime.service import messages_of
from shared.runtime.worker import WakeUp, work_forever

LOOK_EVERY_S = 10.0
RETRY_EVERY_S = 1.0
MOST_AT_ONCE = 500
LEFT_AFTER = timedelta(seconds=5)
"""Age of a row that its writer has not published: younger ones are being published."""
TOGETHER_S = 0.0
"""Window of a load: rows that come while one is stored or published wait for the next."""


class UnpublishedRows(Protocol):
    """The part of a journal that remembers which rows are still to be published."""

    async def append_unpublished(self, rows: Sequence[JournalRow]) -> frozenset[str]:
        """Append *rows*, marked as unpublished; return the keys that were taken."""

    async def unpublished(self, most: int, before: datetime) -> list[JournalRow]:
        """Return up to *most* rows from *before* a moment that are marked as unpublished."""

    async def mark_published(self, keys: Iterable[str]) -> None:
        """Remove the mark from the rows of *keys*."""


@dataclass(frozen=True, slots=True, eq=False)
class _Appended:
    """A row that one caller appends; no two are the same."""

    row: JournalRow
    trace: str = field(default_factory=traces.traceparent)
    """Header of the span that appends it."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """Publishes the rows that *service* appends outside its runtime, many at a time."""

    service: str
    rows: UnpublishedRows
    publisher: EventPublisher
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _store: DataLoader[_Appended, bool] = field(init=False)
    _send: DataLoader[_Appended, None] = field(init=False)
    _left: WakeUp = field(default_factory=WakeUp, init=False)
    """Wakes when a row that this process could not publish is old enough to be looked for."""

    def __post_init__(self) -> None:
        """Create the loaders."""
        object.__setattr__(self, "_store", DataLoader(self._store_all, window=TOGETHER_S))
        object.__setattr__(self, "_send", DataLoader(self._send_all, window=TOGETHER_S))

    async def append(self, row: JournalRow) -> bool:
        """
        Append *row* and publish its facts, at the latest once the broker is back.

        Returns:
            False if the key of the row was taken: nothing was appended.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        appended = _Appended(row)
        if not await self._store(appended):
            return False
        try:
            await self._send(appended)
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
            retry_s=lambda _: RETRY_EVERY_S,
            wake=self._left,
        )

    async def _publish_unpublished(self) -> bool:
        rows = await self.rows.unpublished(MOST_AT_ONCE, self.clock() - LEFT_AFTER)
        if rows:
            self._left.within(LEFT_AFTER.total_seconds())  # others may be younger
            await self._publish_each(sorted(rows, key=lambda row: row.at))
        return bool(rows)

    async def _publish_each(self, rows: Sequence[JournalRow]) -> None:
        """
        Publish *rows*; where one spoils the publication, one by one, so that it holds up no other.

        Raises:
            PermanentError: One of them cannot be published.
        """
        try:
            await self._publish(rows)
        except PermanentError as error:
            if len(rows) == 1:
                raise
            spoilt = error
        else:
            return
        failed = [row for row in rows if not await self._is_published(row)]
        if failed:
            raise spoilt

    async def _is_published(self, row: JournalRow) -> bool:
        try:
            await self._publish([row])
        except PermanentError:
            return False
        return True

    async def _store_all(self, appended: Sequence[_Appended]) -> Mapping[_Appended, bool]:
        """Store the first row of each key; the others decide anew on it."""
        first: dict[str, _Appended] = {}
        for one in appended:
            first.setdefault(one.row.key, one)
        with traces.shared_span("journal", [one.trace for one in first.values()], service=self.service):
            taken = await self.rows.append_unpublished([one.row for one in first.values()])
        return {one: first[one.row.key] is one and one.row.key not in taken for one in appended}

    async def _send_all(self, appended: Sequence[_Appended]) -> Mapping[_Appended, None]:
        try:
            await self._publish([one.row for one in appended], {one.row.key: one.trace for one in appended})
        except HabeasError:  # here: the caller may have been cancelled meanwhile
            self._left.within(LEFT_AFTER.total_seconds())
            raise
        return dict.fromkeys(appended)

    async def _publish(
        self, rows: Sequence[JournalRow], headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        messages = (messages_of(row, self.service, headers.get(row.key, "")) for row in rows)
        await self.publisher.publish([one for some in messages for one in some])
        await self.rows.mark_published([row.key for row in rows])
