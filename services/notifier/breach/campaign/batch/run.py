"""
The turn of a chunk: everybody still to be written to, over as many connections as there are.

A connection is had first, then the letter is named in the ledger as being written, then it is sent; its
outcome is in the update that names the next one on that connection. So a crash leaves no more letters in
doubt than there are connections. A letter that is not taken now is tried again after a pause, and another
time when the turn is over.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.notifier.breach.campaign.batch.ledger import BatchLedger
from services.notifier.breach.campaign.batch.retries import (
    COPIES,
    SEVERAL,
    Objections,
    Persistence,
    about_the_letter,
)
from services.notifier.breach.campaign.batch.send_queue import PacePort, SendQueue
from services.notifier.breach.campaign.outcomes import (
    Delayed,
    Failed,
    LeasedBatch,
    NoticeDeferred,
    NoticeSentOutcome,
    Outcome,
)
from services.notifier.smtp.mail_channel import MailInDoubt, NoSuchMailbox, Objected
from services.notifier.smtp.smtp_data import Wired
from shared.errors import HabeasError, MailRefused, MailUnavailable, StoreUnavailable

TURN_S = 600.0
"""No letter is begun later in a turn: the broker waits half an hour for its end, a server takes minutes."""
LIMITED_S = 30.0
"""How long a turn goes on in which all people left wait for the limit of a domain."""
HEARTBEAT_S = LOOK_S = 0.5
"""Between two signs of life; between two looks at whether the campaign goes on."""
UNKNOWN_MAILBOX = "mailbox_unknown"
"""The reason of a letter to an unknown address."""
FINISH_S = 10.0
"""How long letters under way are waited for when the process is asked to stop."""


class ConnectionPort(Protocol):
    """A connection to the mail server."""

    @property
    def is_open(self) -> bool:
        """Whether there is one."""

    async def send(self, sender: str, recipient: str, message: Wired) -> str:
        """Return the server's answer when it had taken *message*."""


class ConnectionPool(Protocol):
    """Connections to the mail server."""

    def line(self) -> AbstractAsyncContextManager[ConnectionPort]:
        """Wait for a connection."""


@dataclass(frozen=True, slots=True)
class ReadyNotice:
    """A notice, ready to go."""

    sender: str
    recipient: str
    message: Wired


@dataclass(frozen=True, slots=True)
class SendingPorts:
    """The ports that letters are sent by."""

    channel: ConnectionPool
    connections: int
    """How many of the channel are used, at most."""
    persistence: Persistence
    pace: PacePort
    goes_on: Callable[[], Awaitable[bool]]
    """Whether the staff lets the campaign go on."""


class BatchLetterPort(Protocol):
    """The letters of a chunk."""

    def others(self, number: int) -> int:
        """Return at how many further addresses the person *number* is written to if the first is given up."""

    def make(self, number: int, *, gone: int = 0) -> ReadyNotice | Failed:
        """Return the letter to the person *number*, without their first *gone* addresses; or the failure."""

    def limited(self, number: int) -> str | None:
        """Return the mail domain of the person *number* if it is limited."""


class Turn:
    """Writes the letters left of a chunk."""

    def __init__(
        self, chunk: LeasedBatch, letters: BatchLetterPort, book: BatchLedger, means: SendingPorts
    ) -> None:
        """Write the *letters* left of *chunk*, by *means*, and keep *book*."""
        self._letters = letters
        self._book = book
        self._means = means
        self._delayed = dict(chunk.delayed)
        self._doubts = Counter(chunk.doubts)
        self._gone = Counter[int]()
        """How many addresses of a person are given up."""
        now, left = means.persistence.clock(), chunk.left()
        self._resting = [number for number in left if self._rests(number, now)]
        """Letters left for another turn."""
        due = [number for number in left if number not in set(self._resting)]
        self._feed = SendQueue(due, letters.limited, means.pace, ready=self._go_on)
        self._workers: set[asyncio.Task[None]] = set()
        self._queueing: set[asyncio.Task[None]] = set()
        """Those of the workers that have no connection yet."""
        self._changed = asyncio.Event()
        self._stopped = False
        self._error: BaseException | None = None
        self._objections = Objections()

    @property
    def left(self) -> int:
        """How many are still to be written to when the turn is over."""
        return self._feed.left + len(self._resting)

    @property
    def may_go_on(self) -> bool:
        """Whether the time was up, and not the patience of a server."""
        return bool(self._feed.untried)

    @property
    def all_tried(self) -> bool:
        """Whether each letter that is left was tried, in this turn or before."""
        return not self.may_go_on

    def _rests(self, number: int, now: datetime) -> bool:
        delayed = self._delayed.get(number)
        return delayed is not None and delayed.not_before is not None and now < delayed.not_before

    async def run(self) -> None:
        """
        Write until no person left can be written to now.

        Raises:
            BatchLeaseLost: Another replica has taken the chunk.
            MailUnavailable: There is no connection to be had, or the server takes nothing from us.
            StoreUnavailable: The database does not answer.
        """
        began = asyncio.get_running_loop().time()
        beating = asyncio.create_task(self._beat())
        self._feed.begin(self._fail)
        self._spread()
        try:
            while self._workers or self._feed.pausing or self._feed.limited:
                await self._wait()
                if self._time_is_up(began) or not await self._goes_on():
                    self.stop()
        finally:
            self.stop()
            await self._let_finish()
            beating.cancel()
            self._feed.detach()
        if self._error is not None and not (self.all_tried and isinstance(self._error, Objected)):
            raise self._error

    async def _goes_on(self) -> bool:
        """
        Return whether the staff lets the campaign go on, as far as it is known.

        A database that is away begins no letter; those that went out are kept for it meanwhile, by the book.
        """
        try:
            return await self._means.goes_on()
        except StoreUnavailable:
            return True

    def _time_is_up(self, began: float) -> bool:
        """Return whether it is another chunk's turn: soon, where all that is left waits for a limit."""
        idle = not self._workers and not self._feed.pausing
        return asyncio.get_running_loop().time() - began > (LIMITED_S if idle else TURN_S)

    def stop(self) -> None:
        """Begin no more letters."""
        self._stopped = True
        self._feed.stop()
        self._dismiss()

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        self.stop()

    def _go_on(self) -> None:
        """Begin the letters that can be written now, or see that none is left."""
        self._spread()
        self._changed.set()

    async def _wait(self) -> None:
        """Wait until something has changed, or it is time to look whether the campaign goes on."""
        self._changed.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), LOOK_S)

    async def _beat(self) -> None:
        """Record a sign of life by the clock until the last letter is done."""
        try:
            while True:
                await asyncio.sleep(HEARTBEAT_S)
                await self._book.beat()
        except HabeasError as error:
            self._fail(error)
            self._changed.set()

    async def _let_finish(self) -> None:
        """Wait for the letters under way: one that is cut off may have been taken."""
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=FINISH_S)
            for worker in late:
                worker.cancel()

    def _spread(self) -> None:
        """Have as many at work as there are letters."""
        while not self._stopped and len(self._workers) < min(self._means.connections, self._feed.ready):
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            self._queueing.add(worker)
            worker.add_done_callback(self._note_end)

    def _note_end(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        self._queueing.discard(worker)
        error = None if worker.cancelled() else worker.exception()
        if error is not None:
            self._fail(error)
        self._spread()
        if not self._workers:
            self._changed.set()

    async def _work(self) -> None:
        """Send one letter after the other over one connection."""
        async with self._means.channel.line() as line:
            self._queueing.discard(_this_task())
            outcome: Outcome | None = None
            while (number := self._feed.next()) is not None:
                await self._book.note(outcome, begun=number)
                outcome = await self._write(number, line)
                if isinstance(outcome, NoticeDeferred) and not line.is_open:
                    break  # a connection is had before another letter is named, or none is to be had
            if not self._feed.ready:
                self._dismiss()
            if outcome is not None:
                await self._book.note(outcome, none_left=not self.left)

    def _dismiss(self) -> None:
        """Dismiss the tasks that wait for a connection: there is nothing left to begin."""
        for worker in self._queueing:
            worker.cancel()
        self._queueing.clear()

    async def _write(self, number: int, line: ConnectionPort) -> Outcome:
        """Write to the person *number*: at a further address, where one is given up and none has a letter."""
        outcome = await self._try(number, line)
        while isinstance(outcome, Failed) and self._may_try_another(outcome):
            self._gone[number] += 1
            outcome = await self._try(number, line)
        return outcome

    def _may_try_another(self, failed: Failed) -> bool:
        """Return whether there is another address, and no copy in doubt that may lie in this one."""
        number, unknown = failed.number, failed.reason == UNKNOWN_MAILBOX
        left = self._gone[number] < self._letters.others(number)
        return left and (unknown or number not in self._doubts)

    async def _try(self, number: int, line: ConnectionPort) -> Outcome:
        letter = self._letters.make(number, gone=self._gone[number])
        if isinstance(letter, Failed):
            return letter
        try:
            said = await line.send(letter.sender, letter.recipient, letter.message)
        except MailUnavailable as error:
            return self._not_now(number, error)
        except NoSuchMailbox as error:
            return Failed(number, UNKNOWN_MAILBOX, str(error))
        except MailRefused as error:
            return Failed(number, "mail_refused", str(error))
        self._objections = Objections()
        return NoticeSentOutcome(number, said, doubtful=number in self._doubts)

    def _not_now(self, number: int, error: MailUnavailable) -> Outcome:
        """Have a letter that was not taken wait, or give it up."""
        in_doubt, persistence = isinstance(error, MailInDoubt), self._means.persistence
        before = self._delayed.get(number, Delayed(persistence.clock(), 0))
        if in_doubt:
            self._doubts[number] += 1
        if not about_the_letter(error):
            self._fail(error)
        elif in_doubt and self._doubts[number] >= COPIES:
            return Failed(number, "doubtful", str(error), in_doubt=True)
        elif reason := persistence.given_up(error, before):
            return Failed(number, reason, str(error), in_doubt)
        elif isinstance(error, Objected) and self._objections.add(number, str(error)) >= SEVERAL:
            self._fail(error)
        tries = before.tries + 1
        not_before = persistence.not_before(tries, in_doubt=in_doubt)
        self._delayed[number] = Delayed(before.since, tries, not_before)
        self._feed.put_off(number, rests=in_doubt)
        return NoticeDeferred(number, str(error), tries, before.since, in_doubt, not_before)


def _this_task() -> asyncio.Task[None]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  only tasks ask
    return task
