"""
Services, and the runtime that handles the messages delivered to them.

A handler takes an event and returns facts; it knows nothing of queues, batches, crashes or retries. The
runtime reads a natural batch, folds the rows of each case in the service's journal, lets the handlers run
side by side, appends one row per event in one durable write, publishes the facts, and only then
acknowledges. A crash anywhere before the acknowledgement brings the message back; its row, if it was
written, is recognised by its cause and its facts are published again with the same ids.
"""

import asyncio
import re
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import blake2b
from itertools import islice
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from shared.contract import contract_version, topology
from shared.contract.correlation import Correlation
from shared.contract.envelope import TRACEPARENT, Envelope, Unreadable, decode, encode
from shared.contract.events import (
    Code,
    Decision,
    DecisionRefused,
    Event,
    Fact,
    Record,
    RequestReceived,
    RequestRejected,
    RequestSubmitted,
    Submission,
    SubmissionError,
    UnreadableSubmission,
)
from shared.contract.staff import StaffDecision, demands_proof
from shared.errors import (
    HabeasError,
    NewerContract,
    PermanentError,
    RefusedDecision,
    TransientError,
    Unroutable,
    reason_of,
)
from shared.runtime import metrics, traces
from shared.runtime.accounts import Publishers
from shared.runtime.broker import Delivery, EventPublisher, Inbox, Message
from shared.runtime.journal import (
    JournalRow,
    NotedFact,
    correlation_in,
    events_of,
    journalled,
    newest,
    not_before_notes,
)
from shared.runtime.key_rings import KEY_BYTES
from shared.runtime.log import OutageWarning, logger
from shared.runtime.message_origin import UNBELIEVED, Origin, OriginSeals
from shared.runtime.retry_policy import REPUBLISHED, Failure, after_failure
from shared.runtime.staff_register import DecisionOutcome, StaffGate

E = TypeVar("E", bound=Event)
S = TypeVar("S")
T = TypeVar("T")
C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)

OVERTAKEN_S = 0.01
"""How long to wait for the row of another replica to become readable."""
NOTED_WITHIN = timedelta(days=1)
"""Older events get a row: their case may be purged, and must not come back."""
NOTABLE = re.compile("[A-Za-z0-9][A-Za-z0-9_-]*")
"""Ids of events that can be noted: they name a field of a document. Other events get a row."""
CONFIRMED_ROWS = 10_000
PATIENCE_S = 0.1
"""How long the quick handlers of a batch wait for the slow ones before they are committed without them."""


@dataclass(frozen=True, slots=True)
class Moment(Generic[S]):
    """The context of a handled event."""

    case: str
    now: datetime
    state: S
    """State of the case in this service: the fold of its journal."""
    event_id: str
    source: str
    occurred_at: datetime
    correlation: Correlation | None = None


@dataclass(frozen=True, slots=True)
class Subscription(Generic[C_contra]):
    """An event a service listens to, and the handler it goes to."""

    event: type[Event]
    handler: Callable[[Any, C_contra], Awaitable[Sequence[Fact]]]
    noted: Callable[[Any], bool]
    ignored: Callable[[Any], bool]


def _never(_event: object) -> bool:
    return False


def on(
    event: type[E],
    handler: Callable[[E, C], Awaitable[Sequence[Fact]]],
    *,
    ignored: Callable[[E], bool] = _never,
) -> Subscription[C]:
    """
    Pair *event* with *handler*; the type checker refuses a handler of another event.

    *ignored* events are acknowledged and leave nothing behind.
    """
    return Subscription(event, handler, _never, ignored)


def noted(
    event: type[E],
    handler: Callable[[E, C], Awaitable[Sequence[Fact]]],
    *,
    acted_on: Callable[[E], bool] = _never,
) -> Subscription[C]:
    """
    Note *event* as a part of the case's state, without a row.

    *handler* gets those that are *acted_on*, come a day late, or have an id that names no field.

    A noted event may arrive in any order; the fold of the service must accept it in every state.
    """
    return Subscription(event, handler, lambda one: not acted_on(one), _never)


async def forget(_event: Fact, _ctx: object) -> Sequence[Fact]:
    """Decide nothing; of a purged case the runtime itself removes the rows."""
    return []


def case_of_fact(envelope: Envelope[Event]) -> str:
    """Return the case a fact belongs to."""
    if isinstance(envelope.event, Fact):
        return envelope.event.case
    raise PermanentError(f"{type(envelope.event).__name__} belongs to no case this service knows")


def correlation_of_fact(envelope: Envelope[Event]) -> Correlation | None:
    """Return the correlation that a fact carries."""
    return envelope.correlation


def id_of_event(envelope: Envelope[Event]) -> str:
    """Return the id of an event as it came."""
    return envelope.id


def cause_of(envelope: Envelope[Event], key: bytes) -> str:
    """
    Return the id that a row names as its cause; under an empty *key*, the one that 0.1.0 wrote.

    An upstream id is unique together with its source only. A request under a known id with other content
    is no repetition.
    """
    event = envelope.event
    if not isinstance(event, Submission):
        return envelope.id
    content = f" {event.model_dump_json()}" if isinstance(event, RequestSubmitted) else ""
    return digest(f"{envelope.source} {envelope.id}{content}/0".encode(), key)


def digest(content: bytes, key: bytes) -> str:
    """Return a digest of *content*: facts show it, so a *key* keeps the content from being guessed."""
    return blake2b(content, digest_size=16, key=key).hexdigest()


@dataclass(frozen=True, slots=True)
class Service(Generic[S, C]):
    """A service: its subscriptions, its state and how events change it."""

    name: str
    subscriptions: tuple[Subscription[C], ...]
    start: S
    """State of a case without events."""
    evolve: Callable[[S, Fact], S]
    """Return the state after one more fact. Raises IllegalTransition when it cannot follow."""
    context: Callable[[Moment[S]], C]
    records: tuple[type[Record], ...] = ()
    case_of: Callable[[Envelope[Event]], str] = case_of_fact
    correlation_of: Callable[[Envelope[Event]], Correlation | None] = correlation_of_fact
    """The correlation of a case that has none in its history."""
    name_of: Callable[[Envelope[Event]], str] = id_of_event
    """The id of an event as rows, names in the vault and facts may show it."""
    secret: bytes = b""
    """Keys digests of submissions."""
    refusal: Callable[[str | None, str], SubmissionError | None] = lambda _user, _source: None
    """Why a broker user may not submit anything as a source; None where it may."""
    effects: Callable[[Sequence[JournalRow]], Awaitable[None]] | None = None
    """Repeatable acts that follow from committed rows, before their facts are published."""
    noted_within: timedelta = NOTED_WITHIN
    """Age up to which events are noted; older ones get a row."""
    leave: Callable[[C], None] = lambda _context: None
    """Gives back what a handler has taken through its context."""

    def fold(self, rows: Iterable[JournalRow]) -> S:
        """Return the state after *rows*."""
        state = self.start
        for fact in events_of(rows):
            state = self.evolve(state, fact)
        return state


def messages_of(row: JournalRow, service: str, trace: str = "") -> Iterable[Message]:
    """
    Yield the messages that publish the facts of *row* of *service*: the same at every repetition.

    *trace* is the header of the span that they follow from.
    """
    for id_, fact in row.published(service):
        yield Message(
            exchange=fact.EXCHANGE,
            routing_key=fact.TYPE,
            body=encode(
                fact,
                id=id_,
                source=f"habeas/{service}",
                time=row.at,
                cause=row.cause,
                correlation=_correlation_of(fact, row),
            ),
            message_id=id_,
            headers={TRACEPARENT: trace} if trace else {},
            mandatory=not fact.TERMINAL,
        )


def _correlation_of(fact: Fact, row: JournalRow) -> Correlation | None:
    """Return the correlation of a published *fact* of *row*: a rejection names the rejected event."""
    if isinstance(fact, RequestRejected) and fact.publisher_source is not None:
        reference = row.correlation.reference if row.correlation else None
        return Correlation(fact.publisher_source, reference, fact.publisher_id)
    return row.correlation


class JournalRowPort(Protocol):
    """The journal, as the runtime needs it."""

    async def histories(self, cases: set[str]) -> dict[str, list[JournalRow]]:
        """Return the rows of each case, oldest first."""

    async def append(self, rows: Sequence[JournalRow]) -> frozenset[str]:
        """Append rows durably; return the keys that were taken already."""

    async def note(self, facts: Sequence[NotedFact]) -> None:
        """Keep facts durably without a row; it may be repeated."""

    async def forget(self, cases: set[str]) -> None:
        """Remove all rows of purged cases but the one that says so."""


@dataclass(frozen=True, slots=True)
class _Work:
    delivery: Delivery
    envelope: Envelope[Event]
    case: str
    cause: str
    """The id that a row names as its cause."""
    origin: Origin


@dataclass(frozen=True, slots=True)
class _Done:
    """An event with a row: a new one, or one found in the journal."""

    work: _Work
    row: JournalRow
    new: bool
    trace: str = ""
    """Header of the handler's span, for the messages of the row."""

    @property
    def is_accepted(self) -> bool:
        """Return whether the event is a decision of the staff that its row carries out."""
        refused = any(isinstance(fact, DecisionRefused) for fact in self.row.facts)
        return demands_proof(self.work.envelope.event) and not refused and not self.row.is_last

    @property
    def publishes(self) -> bool:
        """
        Return whether its facts are published: of a known event that was ordered again they are not.

        The header is believed only where our accounts alone publish, and at the first delivery: before a
        second one the process may have been killed between row and publication.
        """
        delivery = self.work.delivery
        ordered = delivery.exchange == topology.EVENTS and REPUBLISHED in delivery.headers
        return self.new or delivery.redelivered or not ordered

    def is_copy_of(self, confirmed: "ConfirmedRows") -> bool:
        """
        Return whether it is a second copy of a fact whose own facts are *confirmed*: they stay as they are.

        Else each copy would lead to copies in every service behind. A submission is answered again.
        """
        delivery = self.work.delivery
        first = delivery.exchange == topology.EVENTS and not delivery.redelivered
        return not self.new and first and self.row.key in confirmed


@dataclass(frozen=True, slots=True)
class _Failed:
    delivery: Delivery
    error: Exception


class ConfirmedRows:
    """The last rows whose facts the broker has confirmed to this process."""

    def __init__(self) -> None:
        """Begin with none."""
        self._keys: dict[str, None] = {}

    def __contains__(self, key: str) -> bool:
        """Return whether the facts of the row *key* are known to be confirmed."""
        return key in self._keys

    def add(self, keys: Iterable[str]) -> None:
        """Remember rows by their *keys*, in the place of the oldest ones."""
        self._keys |= dict.fromkeys(keys)
        excess = max(0, len(self._keys) - CONFIRMED_ROWS)
        for key in list(islice(self._keys, excess)):
            del self._keys[key]


_Result: TypeAlias = _Done | _Failed | _Work
"""The result of a handler; a work: that is to be handled in its place."""


@dataclass(slots=True)
class _Tally:
    """The counts of a batch, for its one log line."""

    handled: int = 0
    redelivered: int = 0
    retried: int = 0
    parked: int = 0


@dataclass(slots=True)
class Runtime(Generic[S, C]):
    """Runs one service on a journal and a bus."""

    service: Service[S, C]
    journal: JournalRowPort
    inbox: Inbox
    publisher: EventPublisher
    batch: int = 500
    retry_for: timedelta = timedelta(hours=24)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    staff: StaffGate | None = None
    """Verifies decisions of the staff; without it every one is refused."""
    publishers: Publishers | None = None
    """The publishers of accepted facts; None where the broker is in memory and has no users."""
    seals: OriginSeals | None = None
    """Seals of the service; without them it draws a key, and no other process believes its origins."""
    _under_way: dict[str, list[_Work]] = field(default_factory=dict)
    """Cases with an event being handled, and the events that have arrived for them meanwhile."""
    _finished: list[tuple[_Work, asyncio.Task[_Result]]] = field(default_factory=list)
    """Slow handlers that are through and not committed yet."""
    _doorbell: asyncio.Event = field(default_factory=asyncio.Event)
    _confirmed: ConfirmedRows = field(init=False, default_factory=ConfirmedRows)
    _following: set[asyncio.Task[None]] = field(default_factory=set)
    """Tasks that work off events that waited for a slow handler."""
    _ending: bool = False
    _subscribed: dict[type[Event], Subscription[C]] = field(init=False)
    _seals: OriginSeals = field(init=False)

    def __post_init__(self) -> None:
        self._subscribed = {one.event: one for one in self.service.subscriptions}
        self._seals = self.seals or OriginSeals(self.service.name, (secrets.token_bytes(KEY_BYTES),))

    async def run(self) -> None:
        """Handle deliveries until the inbox is stopped, then finish those begun."""
        self._under_way.clear()
        self._finished.clear()
        self._ending = False
        async with asyncio.TaskGroup() as group:
            finisher = group.create_task(self._finish(group))
            while batch := await self.inbox.take(self.batch):
                works, unreadable = self._read(batch)
                await self._work_off(works, unreadable, group)
            self._ending = True
            self._doorbell.set()
            await finisher

    def _sorted(self, works: Sequence[_Work]) -> tuple[list[_Work], list[_Work]]:
        """Return the works that handlers decide about, and those that are noted or ignored."""
        handled: list[_Work] = []
        rest: list[_Work] = []
        for work in works:
            (rest if self._is_noted(work) or self._is_ignored(work) else handled).append(work)
        return handled, rest

    def _is_noted(self, work: _Work) -> bool:
        one = self._subscribed.get(type(work.envelope.event))
        fresh = self.clock() - work.envelope.time < self.service.noted_within and NOTABLE.fullmatch(
            work.envelope.id
        )
        return bool(fresh) and one is not None and one.noted(work.envelope.event)

    def _is_ignored(self, work: _Work) -> bool:
        one = self._subscribed.get(type(work.envelope.event))
        return one is not None and one.ignored(work.envelope.event)

    async def _note_facts(self, works: Sequence[_Work]) -> None:
        """Note the facts of *works*; where one spoils the write, one by one, so that it alone fails."""
        try:
            await self._retried(lambda: self._note_all(works))
        except PermanentError as error:
            if len(works) == 1:
                await self._settle([_Failed(works[0].delivery, error)])
            else:
                for work in works:
                    await self._note_facts([work])

    async def _note_all(self, works: Sequence[_Work]) -> None:
        """Note the facts of *works* durably, then acknowledge."""
        started, now = time.perf_counter(), stored_precision(self.clock())
        facts = [
            NotedFact(work.case, work.envelope.id, event, now, work.envelope.time, work.envelope.correlation)
            for work in works
            # Whether it is late is not asked again: an outage may have made it so.
            if not self._is_ignored(work) and (event := journalled(work.envelope.event)) is not None
        ]
        if facts:
            await self.journal.note(facts)
        await self.inbox.settle([work.delivery for work in works])
        self._report([(work, True) for work in works], [], started)

    async def _work_off(
        self, works: Sequence[_Work], results: Sequence[_Result], group: asyncio.TaskGroup
    ) -> None:
        """Handle *works*, each once, even if begun before, and commit them and *results*."""
        while works or results:
            works, results = await self._round(works, results, group), ()

    async def _round(
        self, works: Sequence[_Work], results: Sequence[_Result], group: asyncio.TaskGroup
    ) -> list[_Work]:
        """Handle or note one event of each case and commit; return the works left to do."""
        claimed = self._claim(works)
        mine, rest = self._sorted(claimed)
        noting = group.create_task(self._note_facts(rest)) if rest else None
        histories, spoilt = await self._retried(lambda: self._histories(mine))
        results = [*results, *(_Failed(w.delivery, spoilt[w.case]) for w in mine if w.case in spoilt)]
        known, fresh = _split([work for work in mine if work.case not in spoilt], histories)
        tasks = {group.create_task(self._handle(work, histories.get(work.case, []))): work for work in fresh}
        quick, slow = await asyncio.wait(tasks, timeout=PATIENCE_S) if tasks else (set(), set())
        for task in slow:
            task.add_done_callback(partial(self._note_finished, tasks[task]))
        left = await self._settle([*results, *known, *(_outcome(task, tasks[task]) for task in quick)])
        if noting:
            await noting
        outlasting = {tasks[task].case for task in slow}
        return left + self._release([work for work in claimed if work.case not in outlasting])

    def _claim(self, works: Sequence[_Work]) -> list[_Work]:
        """
        Claim one event of each case that is not being handled; the others wait until it is through.

        The second event of a case is decided on the state after the first, and an act is never begun beside
        itself: that is why a case is claimed before its history is read.
        """
        mine: list[_Work] = []
        for work in works:
            if work.case in self._under_way:
                self._under_way[work.case].append(work)
            else:
                self._under_way[work.case] = []
                mine.append(work)
        return mine

    def _release(self, works: Sequence[_Work]) -> list[_Work]:
        """Release the cases of *works*; return the works that have waited for them."""
        return [waiting for work in works for waiting in self._under_way.pop(work.case)]

    def _note_finished(self, work: _Work, task: asyncio.Task[_Result]) -> None:
        self._finished.append((work, task))
        self._doorbell.set()

    def _note_followed(self, following: asyncio.Task[None]) -> None:
        self._following.discard(following)
        self._doorbell.set()

    async def _finish(self, group: asyncio.TaskGroup) -> None:
        """Commit the results of slow handlers, all that are ready at a time, then the works behind them."""
        while self._under_way or self._following or not self._ending:
            await self._doorbell.wait()
            self._doorbell.clear()
            finished, self._finished = self._finished, []
            left = await self._settle([_outcome(task, work) for work, task in finished])
            left += self._release([work for work, _ in finished])
            if left:
                following = group.create_task(self._work_off(left, (), group))
                self._following.add(following)
                following.add_done_callback(self._note_followed)

    async def _settle(self, results: Sequence[_Result]) -> list[_Work]:
        """Commit *results*; return the works to be handled instead, or once more."""
        instead = [result for result in results if isinstance(result, _Work)]
        overtaken = await self._retried(lambda: self._commit(results))
        if overtaken:
            await asyncio.sleep(OVERTAKEN_S)
        return [*instead, *overtaken]

    async def _retried(self, step: Callable[[], Awaitable[T]]) -> T:
        """Repeat *step* until our own database and broker let it through; meanwhile the batch is held."""
        pause, outage = 0.05, OutageWarning("batch held")
        while True:
            try:
                return await step()
            except (TransientError, Unroutable) as error:
                outage.write(service=self.service.name, reason=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)

    async def _histories(
        self, works: Sequence[_Work]
    ) -> tuple[dict[str, list[JournalRow]], dict[str, HabeasError]]:
        """Return the history of each case; where one does not read, one by one, so that it alone fails."""
        cases = {work.case: work for work in works}
        if not cases:
            return {}, {}
        try:
            return await self.journal.histories(set(cases)), {}
        except (NewerContract, PermanentError) as error:
            if len(cases) == 1:
                return {}, dict.fromkeys(cases, error)
        histories: dict[str, list[JournalRow]] = {}
        spoilt: dict[str, HabeasError] = {}
        for work in cases.values():
            more, worse = await self._histories([work])
            histories |= more
            spoilt |= worse
        return histories, spoilt

    def _read(self, deliveries: Sequence[Delivery]) -> tuple[list[_Work], list[_Result]]:
        works: list[_Work] = []
        unreadable: list[_Result] = []
        for delivery in deliveries:
            try:
                works.append(self._work(delivery))
            except (NewerContract, PermanentError) as error:
                unreadable.append(_Failed(delivery, error))
        return works, unreadable

    def _work(self, delivery: Delivery) -> _Work:
        origin = self._seals.origin_of(delivery, self.clock())
        if origin is None:
            raise PermanentError(UNBELIEVED)
        try:
            envelope = self._admitted(delivery, origin)
        except Unreadable as error:
            if origin.exchange != topology.REQUESTS:
                raise
            return self._work_of(delivery, self._unreadable(delivery, origin, error), origin)
        except NewerContract as error:
            if error.type is not None:
                self._must_be_its_publishers(origin, error.type)
            raise
        self._must_be_its_publishers(origin, envelope.event.TYPE)
        return self._work_of(delivery, envelope, origin)

    def _work_of(self, delivery: Delivery, envelope: Envelope[Event], origin: Origin) -> _Work:
        cause = cause_of(envelope, self.service.secret)
        return _Work(delivery, envelope, self.service.case_of(envelope), cause, origin)

    def _admitted(self, delivery: Delivery, origin: Origin) -> Envelope[Event]:
        """
        Return the envelope of *delivery*.

        Raises:
            Unreadable: It is no event, or a submission of a source that its publisher may not use.
        """
        envelope = decode(
            delivery.body,
            exchange=origin.exchange,
            content_type=delivery.content_type,
            headers=delivery.headers,
        )
        if origin.exchange == topology.REQUESTS:
            flaw = self.service.refusal(origin.user, envelope.source)
            if flaw is not None:
                raise Unreadable(
                    (flaw,), envelope.source, envelope.id, getattr(envelope.event, "reference", None)
                )
        return envelope

    def _must_be_its_publishers(self, origin: Origin, type_: str) -> None:
        """
        Refuse a fact of a publisher that does not own its *type_*.

        The broker compares routing keys; the handled type is the one that the body names.

        Raises:
            PermanentError: It is such a fact.
        """
        if origin.exchange == topology.REQUESTS or self.publishers is None:
            return
        if not self.publishers.may_publish(origin.user, type_):
            raise PermanentError("published by a broker user that does not own this type of event")

    def _unreadable(self, delivery: Delivery, origin: Origin, error: Unreadable) -> Envelope[Event]:
        event = UnreadableSubmission(
            body=delivery.body,
            flaws=error.flaws,
            publisher_source=error.source,
            publisher_id=error.id,
            reference=error.reference,
            admitted=error.source is not None and self.service.refusal(origin.user, error.source) is None,
        )
        id_ = digest(delivery.body, self.service.secret)
        return Envelope(event=event, id=id_, source=error.source or "unknown", time=self.clock())

    async def _handle(self, work: _Work, history: list[JournalRow]) -> _Result:
        name, event = self.service.name, type(work.envelope.event).__name__
        parent = str(work.delivery.headers.get(TRACEPARENT, ""))
        span = traces.span(f"{name} {event}", case=work.case, parent=parent, service=name, event=event)
        try:
            with metrics.handler_time(name, event), span:
                return _Done(work, await self._new_row(work, history), new=True, trace=traces.traceparent())
        except Exception as error:  # noqa: BLE001  the one broad net for errors of handlers
            return self._after_handler_error(work, _unless_newer(error, work, history))

    async def _new_row(self, work: _Work, history: list[JournalRow]) -> JournalRow:
        now = self.clock()
        state = self.service.fold(history)
        envelope, known = work.envelope, correlation_in(history)
        own = self.service.correlation_of(envelope)
        correlation = own if _precedes_request(envelope.event, history) else known or own
        name = self.service.name_of(envelope)
        moment = Moment(work.case, now, state, name, envelope.source, envelope.time, correlation=correlation)
        facts, journal = await self._decided(work, moment)
        last = newest(history)
        row = JournalRow(
            work.case,
            last.n + 1 if last else 0,
            work.cause,
            journal,
            tuple(facts),
            stored_precision(not_before_notes(history, now)),
            before=last.mac if last else None,
            correlation=correlation if facts or known is None else None,
            occurred_at=envelope.time,
        )
        for fact in row.events():
            if work.case not in fact.cases:
                raise PermanentError(f"{fact.TYPE} does not speak of case {work.case}")
            if not row.is_last:
                state = self.service.evolve(state, fact)
        return row

    async def _decided(self, work: _Work, moment: Moment[S]) -> tuple[Sequence[Fact], Fact | None]:
        """
        Return the facts of the event, and the event if the journal keeps it.

        A decision of the staff reaches its handler only once its proof is verified. A refused one stays out
        of the journal: no fold may see it. A refusal is recorded here, an acceptance once the row is stored.
        """
        event = work.envelope.event
        if not demands_proof(event):
            return await self._facts(work, moment), journalled(event)
        reason = await self._refusal(work, moment.now)
        if reason is None:
            try:
                facts = await self._facts(work, moment)
            except RefusedDecision as refused:
                reason = str(refused)
            except PermanentError as error:
                if not contract_version.is_newer(work.envelope.contract):
                    await self._note_refusal(work, str(error), moment.now)
                raise
            else:
                return facts, journalled(event)
        await self._note_refusal(work, reason, moment.now)
        return [self._refused(work, reason)], None

    async def _facts(self, work: _Work, moment: Moment[S]) -> Sequence[Fact]:
        """Return the facts that the handler of the event leads to."""
        context = self.service.context(moment)
        try:
            return await self._handler(work)(work.envelope.event, context)
        finally:
            self.service.leave(context)

    async def _refusal(self, work: _Work, now: datetime) -> Code | None:
        event = work.envelope.event
        if self.staff is None or not isinstance(event, StaffDecision):
            return "no_accounts"
        return await self.staff.refusal(event, work.envelope.id, now)

    async def _note_refusal(self, work: _Work, reason: str, now: datetime) -> None:
        if self.staff is not None:
            outcome = DecisionOutcome(self.service.name, work.envelope.event.TYPE, reason)
            await self.staff.note({work.envelope.id: outcome}, now)

    async def _note_accepted(self, settled: Iterable[_Done]) -> None:
        """Record the decisions that took effect, after their rows: a reader of the record finds the row."""
        accepted = {
            done.work.envelope.id: _accepted(done, self.service.name) for done in settled if done.is_accepted
        }
        if self.staff is not None and accepted:
            await self.staff.note(accepted, self.clock())

    def _refused(self, work: _Work, reason: Code) -> Fact:
        """
        Return the fact that a decision was refused.

        Raises:
            PermanentError: It was a submission, which is set aside sealed.
        """
        event = work.envelope.event
        logger().warning("decision refused", service=self.service.name, reason=reason, type=event.TYPE)
        if not isinstance(event, Decision):
            raise PermanentError(f"the declaration was refused: {reason}")
        return DecisionRefused(
            request_id=event.request_id,
            decision=work.envelope.id,
            type=event.TYPE,
            account=event.by,
            reason=reason,
        )

    def _after_handler_error(self, work: _Work, error: Exception) -> _Result:
        """Set a submission that can never be handled aside, sealed: a parking queue must not hold it."""
        event = work.envelope.event
        if isinstance(error, TransientError) or not isinstance(event, Submission):
            return _Failed(work.delivery, error)
        if isinstance(event, UnreadableSubmission):
            return _Failed(work.delivery, error)
        flaws = error.flaws if isinstance(error, Unreadable) else self._failed(error)
        reference = getattr(event, "reference", None)
        named = Unreadable(flaws, work.envelope.source, work.envelope.id, reference)
        return self._work_of(work.delivery, self._unreadable(work.delivery, work.origin, named), work.origin)

    def _failed(self, error: Exception) -> tuple[SubmissionError, ...]:
        """Log *error*, and return the errors that its publisher may see."""
        logger().error("submission failed", service=self.service.name, exc_info=error)
        reason = str(error) if isinstance(error, HabeasError) else type(error).__name__
        return (SubmissionError(path="", message=f"could not be handled: {reason}"),)

    def _handler(self, work: _Work) -> Callable[[Any, C], Awaitable[Sequence[Fact]]]:
        event = work.envelope.event
        subscription = self._subscribed.get(type(event))
        if subscription is not None:
            return subscription.handler
        if work.origin.routing_key != event.TYPE:
            raise PermanentError(f"{self.service.name} has no handler for {type(event).__name__}")
        raise TransientError(
            f"{self.service.name} has no handler for {event.TYPE}: its queue was bound by another version"
        )

    async def _commit(self, results: Sequence[_Result]) -> list[_Work]:
        """Store *results*, publish, acknowledge - in this order. Return the works that were overtaken."""
        done = [result for result in results if isinstance(result, _Done)]
        failed = [result for result in results if isinstance(result, _Failed)]
        if not (done or failed):
            return []
        started = time.perf_counter()
        with traces.shared_span("journal", [one.trace for one in done], service=self.service.name):
            taken, refused = await self._append(done)
        failed += (result for result in refused.values() if isinstance(result, _Failed))
        settled = [r for r in done if r.row.key not in taken and r.row.key not in refused]
        if purged := {r.row.case for r in settled if r.row.is_last}:
            await self.journal.forget(purged)
        ineffective = await self._without_effect(settled)
        failed += ineffective.values()
        settled = [result for result in settled if result.row.key not in ineffective]
        await self._note_accepted(settled)
        failures = [self._failure(result) for result in failed]
        publishing = [r for r in settled if r.publishes and not r.is_copy_of(self._confirmed)]
        facts = {m.message_id: m for r in publishing for m in messages_of(r.row, self.service.name, r.trace)}
        await self.publisher.publish([*facts.values(), *(failure.message for failure in failures)])
        self._confirmed.add(result.row.key for result in publishing)
        await self.inbox.settle([r.work.delivery for r in settled] + [f.delivery for f in failed])
        self._report([(r.work, r.new) for r in settled], failures, started)
        overtaken = [result.work for result in done if result.row.key in taken]
        return [*overtaken, *(result for result in refused.values() if isinstance(result, _Work))]

    async def _without_effect(self, settled: Sequence[_Done]) -> dict[str, _Failed]:
        """
        Carry out the effects of rows; where one fails for good, one by one, so that it fails alone.

        Its message is parked and its facts are unpublished: a replay finds the row, and does both.
        """
        if self.service.effects is None or not settled:
            return {}
        try:
            await self.service.effects([result.row for result in settled])
        except (TransientError, Unroutable):
            raise
        except Exception as error:  # noqa: BLE001  an effect must not end the service
            if len(settled) == 1:
                return {settled[0].row.key: _Failed(settled[0].work.delivery, error)}
        else:
            return {}
        return {key: one for result in settled for key, one in (await self._without_effect([result])).items()}

    async def _append(self, done: Sequence[_Done]) -> tuple[frozenset[str], dict[str, _Result]]:
        """
        Append the new rows; where one spoils the write, one by one, so that it spoils no other.

        Returns the keys that were taken, and by key the results of rows that cannot be written.
        """
        new = [result for result in done if result.new]
        if not new:
            return frozenset(), {}
        try:
            return await self.journal.append([result.row for result in new]), {}
        except PermanentError as error:
            if len(new) == 1:
                return frozenset(), {new[0].row.key: self._after_handler_error(new[0].work, error)}
        taken: frozenset[str] = frozenset()
        refused: dict[str, _Result] = {}
        for result in new:
            more_taken, more_refused = await self._append([result])
            taken |= more_taken
            refused |= more_refused
        return taken, refused

    def _failure(self, failed: _Failed) -> Failure:
        return after_failure(
            failed.delivery, failed.error, self._seals, now=self.clock(), retry_for=self.retry_for
        )

    def _report(
        self, settled: Sequence[tuple[_Work, bool]], failures: Sequence[Failure], started: float
    ) -> None:
        """Count and log a batch: settled events, each with whether it is new, and failures."""
        name = self.service.name
        tally = _Tally()
        kinds = Counter((type(work.envelope.event).__name__, new) for work, new in settled)
        for (kind, new), count in kinds.items():
            tally.handled += count * new
            tally.redelivered += count * (not new)
            metrics.events(name, kind, count, new=new)
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


def _unless_newer(error: Exception, work: _Work, history: Iterable[JournalRow]) -> Exception:
    """Return *error*, or that *work* waits: a newer version may handle what it wrote without an error."""
    contract = max([work.envelope.contract, *(row.contract for row in history)])
    if isinstance(error, TransientError) or not contract_version.is_newer(contract):
        return error
    return contract_version.newer_contract(f"the event or its case ({reason_of(error)})", contract)


def _precedes_request(event: Event, history: Iterable[JournalRow]) -> bool:
    """Return whether *event* is a submission to a case without a registered request, as is the request."""
    if not isinstance(event, Submission):
        return False
    return not any(isinstance(fact, RequestReceived) for fact in events_of(history))


def _split(
    works: Sequence[_Work], histories: Mapping[str, list[JournalRow]]
) -> tuple[list[_Done], list[_Work]]:
    """Separate events that have a row from those to be handled now; of a purged case none is."""
    known: list[_Done] = []
    fresh: list[_Work] = []
    for work in works:
        rows = histories.get(work.case, ())
        answered = isinstance(work.envelope.event, Submission)
        causes = {work.cause, cause_of(work.envelope, b"")} if rows else ()
        row = next((row for row in rows if row.cause in causes or (row.is_last and not answered)), None)
        if row is None:
            fresh.append(work)
        else:
            known.append(_Done(work, row, new=False))
    return known, fresh


def _accepted(done: _Done, service: str) -> DecisionOutcome:
    results = dict.fromkeys(fact.TYPE for fact in done.row.facts if not isinstance(fact, Record))
    return DecisionOutcome(service, done.work.envelope.event.TYPE, results=tuple(results))


def _outcome(task: asyncio.Task[_Result], work: _Work) -> _Result:
    """Return the result of *task*; a driver that lost its connection may have cancelled it."""
    if task.cancelled():
        return _Failed(work.delivery, TransientError("the handler was cancelled"))
    return task.result()


def stored_precision(moment: datetime) -> datetime:
    """Return *moment* as MongoDB will give it back, so that a repetition publishes the very same bytes."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
