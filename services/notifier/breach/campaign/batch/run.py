"""
The turn of a batch: sends the letters that are left, over all connections that are free.

A connection is had first, then the letter is named in the ledger as being written, then it is sent; its
outcome is in the update that names the next one on that connection. So a crash leaves no more letters in
doubt than there are connections. A letter that is not taken now is tried again after a pause, and another
time when the turn is over.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.notifier.breach.campaign.batch.ledger import BatchLedger
from services.notifier.breach.campaign.batch.letters import BatchLetters
from services.notifier.breach.campaign.batch.send_queue import PAUSES_S, NoticePace, SendQueue
from services.notifier.breach.campaign.outcomes import (
    Delayed,
    Failed,
    LeasedBatch,
    NoticeDeferred,
    NoticeOutcome,
    NoticeSentOutcome,
)
from services.notifier.smtp.mail_channel import MailConnection, SmtpChannel
from services.notifier.smtp.server import MailboxFull, MailInDoubt, NoSuchMailbox, Objected, SenderBlamed
from shared.contract.events import Code
from shared.errors import HabeasError, MailRefused, MailUnavailable, StoreUnavailable

TURN_S = 600.0
"""Seconds in which letters begin: the broker waits half an hour for a turn, a server takes minutes."""
LIMITED_S = 30.0
"""How long a turn goes on in which all people left wait for the limit of a domain."""
HEARTBEAT_S = LOOK_S = 0.5
"""Between two signs of life; between two looks at whether the campaign goes on."""
UNKNOWN_MAILBOX = "mailbox_unknown"
"""The reason of a letter to an unknown address."""
FINISH_S = 10.0
"""How long letters under way are waited for when the process is asked to stop."""


NO_REST = timedelta()
RESTS = (NO_REST, NO_REST, NO_REST, timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
"""Pauses of a letter by the number of turns in which it was not taken, whatever turns its batch has."""
COPIES = 3
"""Most times that a letter is handed to a server that does not answer whether it took it."""
DOUBT_RESTS = timedelta(hours=1)
"""Time between two of these attempts."""
SEVERAL = 5
"""Equal answers about different people in a row that count as a refusal of us, not of the people."""


@dataclass(frozen=True, slots=True)
class Persistence:
    """Limits on retries of letters that are not taken."""

    whole: timedelta
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def given_up(self, error: MailUnavailable, delayed: Delayed) -> Code | None:
        """Return why the letter is given up, if it is: after half the time for a full mailbox or a policy."""
        waited = self.clock() - delayed.since
        if isinstance(error, MailboxFull) and waited >= self.whole / 2:
            return "mailbox_full"
        if isinstance(error, Objected) and waited >= self.whole / 2:
            return "mail_refused"
        return "not_taken" if waited >= self.whole else None

    def not_before(self, tries: int, *, in_doubt: bool) -> datetime | None:
        """Return when a letter is tried again that was not taken *tries* times; None: with the next turn."""
        if in_doubt:
            return self.clock() + DOUBT_RESTS
        turn = tries // (len(PAUSES_S) + 1)
        rest = RESTS[min(turn, len(RESTS) - 1)]
        return self.clock() + rest if rest else None


@dataclass(slots=True)
class Objections:
    """A mail server's refusals of us since it took a letter."""

    answer: str = ""
    about: set[int] = field(default_factory=set)

    def add(self, number: int, answer: str) -> int:
        """Return how many letters in a row got *answer*, with the one to *number*."""
        if answer != self.answer:
            self.answer, self.about = answer, set()
        self.about.add(number)
        return len(self.about)


@dataclass(frozen=True, slots=True)
class SendingPorts:
    """The ports that letters are sent by."""

    channel: SmtpChannel
    connections: int
    """How many of the channel are used, at most."""
    persistence: Persistence
    pace: NoticePace
    goes_on: Callable[[], Awaitable[bool]]
    """Whether the staff lets the campaign go on."""


class Turn:
    """Writes the letters left of a batch."""

    def __init__(
        self, batch: LeasedBatch, letters: BatchLetters, book: BatchLedger, means: SendingPorts
    ) -> None:
        """Write the *letters* left of *batch*, by *means*, and keep *book*."""
        self._letters = letters
        self._book = book
        self._means = means
        self._delayed = dict(batch.delayed)
        self._doubts = Counter(batch.doubts)
        self._gone = Counter[int]()
        """How many addresses of a person are given up."""
        now, left = means.persistence.clock(), batch.left()
        rests = {number: delayed.not_before for number, delayed in batch.delayed.items()}
        self._resting = [number for number in left if (until := rests.get(number)) and now < until]
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
        """Number of people without a letter when the turn is over."""
        return self._feed.left + len(self._resting)

    @property
    def may_go_on(self) -> bool:
        """Whether some letters were never tried: the turn ended by its limit, not by a refusal of us."""
        return bool(self._feed.untried)

    async def run(self) -> None:
        """
        Write until no person left can be written to now.

        Raises:
            BatchLeaseLost: Another replica has taken the batch.
            MailUnavailable: No connection can be opened, or the server takes no letter from us.
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
        if self._error is not None and (self.may_go_on or not isinstance(self._error, Objected)):
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
        """Return whether it is another batch's turn: soon, where all that is left waits for a limit."""
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
        """Start workers until there is one for each letter, or for each connection."""
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
            outcome: NoticeOutcome | None = None
            while (number := self._feed.next()) is not None:
                await self._book.note(outcome, begun=number)
                outcome = await self._write(number, line)
                if isinstance(outcome, NoticeDeferred) and not line.is_open:
                    break  # no letter is named before a connection is open
            if not self._feed.ready:
                self._dismiss()
            if outcome is not None:
                await self._book.note(outcome, none_left=not self.left)

    def _dismiss(self) -> None:
        """Dismiss the tasks that wait for a connection: there is nothing left to begin."""
        for worker in self._queueing:
            worker.cancel()
        self._queueing.clear()

    async def _write(self, number: int, line: MailConnection) -> NoticeOutcome:
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

    async def _try(self, number: int, line: MailConnection) -> NoticeOutcome:
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

    def _not_now(self, number: int, error: MailUnavailable) -> NoticeOutcome:
        """Have a letter that was not taken wait, or give it up."""
        in_doubt, persistence = isinstance(error, MailInDoubt), self._means.persistence
        before = self._delayed.get(number, Delayed(persistence.clock(), 0))
        if in_doubt:
            self._doubts[number] += 1
        if isinstance(error, SenderBlamed) and not isinstance(error, Objected):
            self._fail(error)  # no other letter may fare better
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
