"""
What a service is, and what becomes of every message it is delivered.

A handler takes an event and returns facts; it knows nothing of queues, batches, crashes or retries. The
runtime reads a natural batch, folds what the service's journal says of each case, lets the handlers run
side by side, appends one row per event in one durable write, publishes the facts, and only then
acknowledges. A crash anywhere before the acknowledgement brings the message back; its row, if it was
written, is recognised by its cause and its facts are published again with the same ids.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from shared import metrics, topology
from shared.bus import Delivery, Inbox, Message, Publisher
from shared.envelope import Envelope, Unreadable, decode, derived_id, encode
from shared.errors import HabeasError, PermanentError, TransientError, Unroutable
from shared.events import Event, Fact, Flaw, Record, Submission, UnreadableSubmission
from shared.failures import Failure, after_failure, origin_of
from shared.journal import Row, journalled, story_of
from shared.log import logger

E = TypeVar("E", bound=Event)
S = TypeVar("S")
C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)

PATIENCE_S = 0.1
"""How long the quick handlers of a batch wait for the slow ones before they are committed without them."""


@dataclass(frozen=True, slots=True)
class Moment(Generic[S]):
    """What a handler may know besides the event."""

    case: str
    now: datetime
    state: S
    """What this service knows of the case: the fold of its journal."""
    event_id: str
    source: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Subscription(Generic[C_contra]):
    """An event a service listens to, and the handler it goes to."""

    event: type[Event]
    handler: Callable[[Any, C_contra], Awaitable[Sequence[Fact]]]


def on(event: type[E], handler: Callable[[E, C], Awaitable[Sequence[Fact]]]) -> Subscription[C]:
    """Pair *event* with *handler*; the type checker refuses a handler of another event."""
    return Subscription(event, handler)


def case_of_fact(envelope: Envelope[Event]) -> str:
    """Return the case a fact belongs to."""
    if isinstance(envelope.event, Fact):
        return envelope.event.request_id
    raise PermanentError(f"{type(envelope.event).__name__} belongs to no case this service knows")


@dataclass(frozen=True, slots=True)
class Service(Generic[S, C]):
    """A service: what it listens to, what it remembers and how."""

    name: str
    subscriptions: tuple[Subscription[C], ...]
    start: S
    """What is known of a case nobody has told of yet."""
    evolve: Callable[[S, Fact], S]
    """What is known after one more fact. Raises IllegalTransition when it cannot follow."""
    context: Callable[[Moment[S]], C]
    records: tuple[type[Record], ...] = ()
    case_of: Callable[[Envelope[Event]], str] = case_of_fact

    def fold(self, rows: Iterable[Row]) -> S:
        """Return what *rows* tell."""
        state = self.start
        for fact in story_of(rows):
            state = self.evolve(state, fact)
        return state


def announcements(row: Row, service: str) -> Iterable[Message]:
    """Yield the messages that tell the world what *row* of *service* says: the same at every repetition."""
    for id_, fact in row.published():
        yield Message(
            exchange=fact.EXCHANGE,
            routing_key=fact.TYPE,
            body=encode(fact, id=id_, source=f"habeas/{service}", time=row.at, cause=row.cause),
            message_id=id_,
            mandatory=not fact.TERMINAL,
        )


class Rows(Protocol):
    """The journal, as the runtime needs it."""

    async def histories(self, cases: set[str]) -> dict[str, list[Row]]:
        """Return the rows of each case, oldest first."""

    async def append(self, rows: Sequence[Row]) -> frozenset[str]:
        """Append rows durably; return the keys that were taken already."""


@dataclass(frozen=True, slots=True)
class _Work:
    delivery: Delivery
    envelope: Envelope[Event]
    case: str

    @property
    def cause(self) -> str:
        """What a row names as its cause: an upstream id is unique together with its source only."""
        if isinstance(self.envelope.event, Submission):
            return derived_id(f"{self.envelope.source} {self.envelope.id}", 0)
        return self.envelope.id


@dataclass(frozen=True, slots=True)
class _Done:
    """An event whose row is new, or was found."""

    work: _Work
    row: Row
    new: bool


@dataclass(frozen=True, slots=True)
class _Failed:
    delivery: Delivery
    error: Exception


_Result: TypeAlias = _Done | _Failed


@dataclass(slots=True)
class _Tally:
    """What became of a batch, for its one log line."""

    handled: int = 0
    redelivered: int = 0
    retried: int = 0
    parked: int = 0


@dataclass(slots=True)
class Runtime(Generic[S, C]):
    """Runs one service on a journal and a bus."""

    service: Service[S, C]
    journal: Rows
    inbox: Inbox
    publisher: Publisher
    batch: int = 500
    retry_for: timedelta = timedelta(hours=24)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _slow: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Handle what arrives until the inbox is stopped, then finish what was begun."""
        while batch := await self.inbox.take(self.batch):
            await self._persist(batch)
        if self._slow:
            await asyncio.wait(self._slow)

    async def _persist(self, batch: list[Delivery]) -> None:
        """Dispatch *batch* until our own database and broker let it through."""
        pause = 0.05
        while True:
            try:
                await self.dispatch(batch)
            except (TransientError, Unroutable) as error:
                logger().warning("batch held", service=self.service.name, batch=len(batch), error=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)
            else:
                return

    async def dispatch(self, deliveries: Sequence[Delivery]) -> None:
        """
        Handle *deliveries*: each once, whatever was done of it before.

        Raises:
            TransientError: Our own journal or broker is away; call again with the same.
        """
        works, results = self._read(deliveries)
        firsts, others = _one_per_case(works)
        histories = await self.journal.histories({work.case for work in firsts})
        tasks = {asyncio.create_task(self._handle(work, histories.get(work.case, []))) for work in firsts}
        done, slow = await asyncio.wait(tasks, timeout=PATIENCE_S) if tasks else (set(), set())
        for task in slow:
            self._finish_later(task)
        await self._commit([*results, *(task.result() for task in done)])
        if others:
            await self.dispatch([work.delivery for work in others])

    def _read(self, deliveries: Sequence[Delivery]) -> tuple[list[_Work], list[_Result]]:
        works: list[_Work] = []
        unreadable: list[_Result] = []
        for delivery in deliveries:
            try:
                works.append(self._work(delivery))
            except PermanentError as error:
                unreadable.append(_Failed(delivery, error))
        return works, unreadable

    def _work(self, delivery: Delivery) -> _Work:
        exchange = origin_of(delivery).exchange
        try:
            envelope = decode(
                delivery.body, exchange=exchange, content_type=delivery.content_type, headers=delivery.headers
            )
        except Unreadable as error:
            if exchange != topology.REQUESTS:
                raise
            envelope = self._unreadable(delivery, error.flaws, error.source, error.id)
        return _Work(delivery, envelope, self.service.case_of(envelope))

    def _unreadable(
        self, delivery: Delivery, flaws: tuple[Flaw, ...], source: str | None, id_: str | None
    ) -> Envelope[Event]:
        event = UnreadableSubmission(
            body=delivery.body, flaws=flaws, publisher_source=source, publisher_id=id_
        )
        digest = blake2b(delivery.body, digest_size=16).hexdigest()
        return Envelope(event=event, id=digest, source=source or "unknown", time=self.clock())

    async def _handle(self, work: _Work, history: list[Row]) -> _Result:
        for row in history:
            if row.cause == work.cause:
                return _Done(work, row, new=False)
        try:
            return _Done(work, await self._new_row(work, history), new=True)
        except Exception as error:  # noqa: BLE001  the one broad net: whatever a handler raises is decided on here
            return await self._after_handler_error(work, error, history)

    async def _new_row(self, work: _Work, history: list[Row]) -> Row:
        event, now = work.envelope.event, self.clock()
        state = self.service.fold(history)
        moment = Moment(work.case, now, state, work.envelope.id, work.envelope.source, work.envelope.time)
        facts = await self._handler(event)(event, self.service.context(moment))
        row = Row(
            work.case, len(history), work.cause, journalled(event), tuple(facts), _stored_precision(now)
        )
        for fact in row.story():
            state = self.service.evolve(state, fact)
        return row

    async def _after_handler_error(self, work: _Work, error: Exception, history: list[Row]) -> _Result:
        """Set a submission that can never be handled aside, sealed: a parking queue must not hold it."""
        event = work.envelope.event
        if isinstance(error, TransientError) or not isinstance(event, Submission):
            return _Failed(work.delivery, error)
        if isinstance(event, UnreadableSubmission):
            return _Failed(work.delivery, error)
        reason = str(error) if isinstance(error, HabeasError) else type(error).__name__
        flaw = Flaw(path="", message=f"could not be handled: {reason}")
        envelope = self._unreadable(work.delivery, (flaw,), work.envelope.source, work.envelope.id)
        logger().error("submission failed", service=self.service.name, exc_info=error)
        return await self._handle(_Work(work.delivery, envelope, self.service.case_of(envelope)), history)

    def _handler(self, event: Event) -> Callable[[Any, C], Awaitable[Sequence[Fact]]]:
        for subscription in self.service.subscriptions:
            if subscription.event is type(event):
                return subscription.handler
        raise PermanentError(f"{self.service.name} has no handler for {type(event).__name__}")

    def _finish_later(self, task: asyncio.Task[_Result]) -> None:
        async def finish() -> None:
            result = await task
            while True:
                try:
                    await self._commit([result])
                except (TransientError, Unroutable):
                    await asyncio.sleep(1)
                else:
                    return

        slow = asyncio.create_task(finish())
        self._slow.add(slow)
        slow.add_done_callback(self._slow.discard)

    async def _commit(self, results: Sequence[_Result]) -> None:
        """Make *results* durable, tell the world, acknowledge - in this order."""
        if not results:
            return
        started = time.perf_counter()
        done = [result for result in results if isinstance(result, _Done)]
        failed = [result for result in results if isinstance(result, _Failed)]
        taken, refused = await self._append(done)
        failed += refused
        refused_tags = {result.delivery.tag for result in refused}
        settled = [
            result
            for result in done
            if result.row.key not in taken and result.work.delivery.tag not in refused_tags
        ]
        failures = [self._failure(result) for result in failed]
        outgoing = {
            message.message_id: message
            for result in settled
            for message in announcements(result.row, self.service.name)
        }
        await self.publisher.publish([*outgoing.values(), *(failure.message for failure in failures)])
        await self.inbox.settle([result.work.delivery for result in settled] + [f.delivery for f in failed])
        self._report(settled, failures, started)
        overtaken = [result.work.delivery for result in done if result.row.key in taken]
        if overtaken:
            await self.dispatch(overtaken)

    async def _append(self, done: Sequence[_Done]) -> tuple[frozenset[str], list[_Failed]]:
        """Append the new rows; where one poisons the write, one by one, so that it hurts nobody else."""
        new = [result for result in done if result.new]
        if not new:
            return frozenset(), []
        try:
            return await self.journal.append([result.row for result in new]), []
        except PermanentError as error:
            if len(new) == 1:
                return frozenset(), [_Failed(new[0].work.delivery, error)]
        taken: frozenset[str] = frozenset()
        failed: list[_Failed] = []
        for result in new:
            more_taken, more_failed = await self._append([result])
            taken |= more_taken
            failed += more_failed
        return taken, failed


    def _failure(self, failed: _Failed) -> Failure:
        return after_failure(
            failed.delivery, failed.error, self.service.name, now=self.clock(), retry_for=self.retry_for
        )

    def _report(self, settled: Sequence[_Done], failures: Sequence[Failure], started: float) -> None:
        name = self.service.name
        tally = _Tally()
        for result in settled:
            tally.handled += result.new
            tally.redelivered += not result.new
            metrics.events(name, type(result.work.envelope.event).__name__, new=result.new)
        for failure in failures:
            tally.parked += failure.parked
            tally.retried += not failure.parked
            metrics.failed(name, parked=failure.parked)
            write = logger().error if failure.parked else logger().warning
            write("message parked" if failure.parked else "message retried", service=name, **failure.fields)
        elapsed = time.perf_counter() - started
        metrics.batch(name, size=len(settled) + len(failures), seconds=elapsed)
        logger().info(
            "batch committed",
            service=name,
            batch=len(settled) + len(failures),
            handled=tally.handled,
            redelivered=tally.redelivered,
            retried=tally.retried,
            parked=tally.parked,
            elapsed_ms=round(elapsed * 1000, 1),
        )


def _one_per_case(works: Sequence[_Work]) -> tuple[list[_Work], list[_Work]]:
    """Split off what must wait: the second event of a case is decided on what the first has changed."""
    firsts: dict[str, _Work] = {}
    others: list[_Work] = []
    for work in works:
        if work.case in firsts:
            others.append(work)
        else:
            firsts[work.case] = work
    return list(firsts.values()), others


def _stored_precision(moment: datetime) -> datetime:
    """Return *moment* as MongoDB will give it back, so that a repetition publishes the very same bytes."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
