"""
The ledger of a batch under way: one update for all letters finished and begun at the same time.

One rule: :meth:`BatchLedger.note` returns when its note is durable. Notes that come during one update
wait for the next.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from services.notifier.breach.campaign.ledgers import BatchLeaseLost, LedgerPage, Ledgers
from services.notifier.breach.campaign.outcomes import LeasedBatch, NoticeOutcome
from shared.errors import HabeasError, StoreUnavailable

GATHER_S = 0.02
"""How long an update waits for notes of most connections: it costs as much as ten letters."""
MOST = 15 / 16
AGAIN_S = 0.2
INSIST_S = 300.0
"""How long a database that does not answer is asked again before the batch is left to another turn: letters
without a record by then are in doubt, and written again. The broker waits half an hour for a turn to end."""


class BatchLedger:
    """Writes the ledger of one batch."""

    def __init__(
        self, ledgers: Ledgers, batch: LeasedBatch, *, on_page: Callable[[LedgerPage], None]
    ) -> None:
        """Write for *batch*; call *on_page* with each page that is durable."""
        self._ledgers = ledgers
        self._batch = batch
        self._on_page = on_page
        self._step = batch.step
        self._page = LedgerPage()
        self._writing: set[int] = set()
        self._waiting: list[asyncio.Future[None]] = []
        self._gathered = asyncio.Event()
        self._turning: asyncio.Task[None] | None = None
        self._spoilt: HabeasError | None = None
        self._closed = False

    async def note(
        self, outcome: NoticeOutcome | None = None, *, begun: int | None = None, none_left: bool = False
    ) -> None:
        """
        Record the outcome of one letter, and the one begun next on the same connection.

        The update that says so also says that the batch is through, where there are *none left* to begin and
        none is being written.

        Raises:
            BatchLeaseLost: Another replica has taken the batch; nothing more may be begun.
            StoreUnavailable: The database does not answer.
        """
        if self._spoilt is not None:
            raise self._spoilt
        if outcome is not None:
            self._page.outcomes.append(outcome)
            self._writing.discard(outcome.number)
        if begun is not None:
            self._writing.add(begun)
        self._page.through = none_left
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(durable)
        if self._most_wait:
            self._gathered.set()
        if self._turning is None:
            self._turning = asyncio.create_task(self._turn())
        await durable

    async def beat(self) -> None:
        """Record that the letters are still being written. Raises as :meth:`note` does."""
        if self._writing:
            await self.note()

    async def close(self) -> None:
        """Note that the batch is through, unless that is said already. Raises as :meth:`note` does."""
        if not self._closed and not await self._retried(lambda: self._ledgers.close(self._batch, self._step)):
            raise BatchLeaseLost("another process has taken the batch")

    async def _turn(self) -> None:
        """Write page after page, as long as callers wait for one."""
        waiting: list[asyncio.Future[None]] = []
        try:
            while self._waiting:
                await self._gather()
                waiting, self._waiting = self._waiting, []
                page, self._page = self._page, LedgerPage()
                page.writing = sorted(self._writing)
                page.through = page.through and not page.writing
                await self._make_durable(page)
                for durable in waiting:
                    self._answer(durable)
        except HabeasError as error:
            self._spoilt = error
        finally:
            self._turning = None
            waiting = [durable for durable in (*waiting, *self._waiting) if not durable.done()]
            if (
                waiting and self._spoilt is None
            ):  # a driver that lost its connection may cancel the waiting task
                self._spoilt = StoreUnavailable("an update of a ledger was cut off")
            for durable in waiting:
                self._answer(durable)

    @property
    def _most_wait(self) -> bool:
        return len(self._waiting) >= MOST * len(self._writing)

    async def _gather(self) -> None:
        """Wait for further notes, unless most connections wait already."""
        self._gathered.clear()
        if not self._most_wait:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._gathered.wait(), GATHER_S)

    async def _make_durable(self, page: LedgerPage) -> None:
        if not await self._retried(lambda: self._ledgers.turn(self._batch, self._step, page)):
            raise BatchLeaseLost("another process has taken the batch")
        self._step += 1
        self._closed = page.through
        self._on_page(page)

    async def _retried(self, change: Callable[[], Awaitable[bool]]) -> bool:
        deadline = asyncio.get_running_loop().time() + INSIST_S
        while True:
            try:
                return await change()
            except StoreUnavailable:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(AGAIN_S)

    def _answer(self, durable: asyncio.Future[None]) -> None:
        if durable.done():  # the caller was stopped meanwhile
            return
        if self._spoilt is None:
            durable.set_result(None)
        else:
            durable.set_exception(self._spoilt)
