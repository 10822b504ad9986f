"""
Finds facts that their listeners have not handled for long, and has them published again.

Each look compares the rows since the last one, and what was not handled then: its cost grows with new rows.
What it finds is kept in a database of its own, and listed by the console. A message may still be in the
hands of a service or wait for its next try; its repetition has no effect, so a look that errs costs little.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from habeas.client.republication import order, parked_ids
from habeas.client.unhandled_facts import FactComparison
from habeas.client.watched_facts import ExpectedFact, WatchedFact, WatchState
from shared.contract.topology import DELAYS, LISTENS, RETRY, parking_of
from shared.errors import PermanentError, reason_of
from shared.runtime.broker import sizes_of
from shared.runtime.log import logger
from shared.runtime.metrics import counter, gauge
from shared.runtime.mongo import Document
from shared.runtime.worker import work_forever

STALLED = gauge(
    "habeas_cases_stalled", "Cases with a fact that the service has not handled for long.", "service"
)
REPUBLISHED = counter(
    "habeas_facts_republished_total",
    "Facts that were published again, because the service had not handled them.",
    "service",
)
COMPARED = gauge(
    "habeas_journals_compared_timestamp_seconds", "Time of the last comparison of all journals.", "service"
)
LOOK_EVERY_S = 60.0
FIRST_LOOK = timedelta(days=1)
"""Age of the rows that the first look compares; `habeas republish` compares older ones."""
OVERLAP = timedelta(minutes=2)
MOST_WATCHED = 50_000
"""Facts that are not handled, of which no more are looked for: behind a backlog all would be."""
BACKLOG = f"{MOST_WATCHED} facts are not handled yet"
LATE = timedelta(hours=2)
"""
Age of the rows that one look an hour compares. A row has the time at which its handler began; the broker
takes its message back after half an hour (`consumer_timeout`).
"""
LATE_EVERY = timedelta(hours=1)
RETRIED = timedelta(hours=25)
"""Time in which a message may come back from a retry queue; in this time a fact is published again once."""
RETRY_QUEUES = tuple(f"{RETRY}.{delay}" for delay in DELAYS)


@dataclass(slots=True)
class StallWatch:
    """Watches the journals of an installation."""

    comparison: FactComparison
    amqp_url: str
    after: timedelta
    """How long a fact may stand."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _prepared: bool = False
    _parked: dict[str, tuple[int, frozenset[str]]] = field(default_factory=dict)
    """Service → the size of its parking queue when it was read, and the ids in it."""
    _behind: list[str] = field(default_factory=list)
    """Services whose records were not all compared: the next look compares from the same moment."""

    async def run(self) -> None:
        """Look every minute, for ever; an outage only delays it."""
        COMPARED.labels("upkeep").set(
            self.clock().timestamp()
        )  # else an outage from the start would not show
        delayed = "journals are compared later"
        await work_forever(self.look, service="upkeep", delayed=delayed, every_s=LOOK_EVERY_S)

    async def look(self) -> None:
        """
        Compare what is new, and order what has stood for long to be published again.

        Raises:
            StoreUnavailable: The database does not answer.
            BrokerUnavailable: The broker does not answer.
        """
        if not self._prepared:
            await self._store.prepare()
            self._prepared = True
        state, known = await self._store.read()
        now = self.clock()
        found = await self._unhandled(state, known, now)
        standing = [one for one in found if one.stalled or _is_lost(one, state)]
        _measure(standing)
        sizes = await self._sizes() if standing else {}
        parked = await self._parked_of(standing, sizes)
        found = [replace(one, parked=one.fact.name in parked) for one in found]
        due = [one for one in found if self._is_due(one, state, sizes, now)]
        await order(self.comparison, [one.fact for one in due])
        names = {one.fact.name for one in due}
        found = [replace(one, republished_at=now) if one.fact.name in names else one for one in found]
        await self._store.write(known, found)
        if not self._behind:
            await self._store.compared(now, late=_is_late_look(state, now))
            COMPARED.labels("upkeep").set(now.timestamp())
        _report(due)

    @property
    def _store(self) -> WatchState:
        return WatchState(self.comparison.client, self.comparison.prefix)

    async def _unhandled(
        self, state: Document, known: Sequence[WatchedFact], now: datetime
    ) -> list[WatchedFact]:
        """Return the facts of *known* and of new rows that are not handled, nor discarded by the staff."""
        since = _since(state, now)
        left = await self.comparison.unhandled([one.fact for one in known])
        self._behind = [one for one in LISTENS if not await self._compared(one, since, left)]
        before = {one.fact.name: one for one in known}
        left = await self._store.without_discarded(left)
        facts = {one.name: before.get(one.name, WatchedFact(one, now)) for one in left}
        return [replace(one, stalled=one.seen_at <= now - self.after) for one in facts.values()]

    async def _compared(self, service: str, since: datetime, left: list[ExpectedFact]) -> bool:
        """Add to *left* what *service* has published in vain; return whether all of it was compared."""
        try:
            async for batch in self.comparison.expected(service, since):
                if len(left) >= MOST_WATCHED:
                    logger().warning("journals are compared later", service=service, reason=BACKLOG)
                    return False
                left += await self.comparison.unhandled(batch)
        except (KeyError, TypeError, ValueError, PermanentError) as error:
            logger().error("journals are not compared", service=service, reason=reason_of(error))
            return False
        return True

    async def _sizes(self) -> dict[str, int]:
        """Return the number of messages in each queue that may hold a fact."""
        names = [*LISTENS, *map(parking_of, LISTENS), *RETRY_QUEUES]
        return {one.name: one.messages for one in await sizes_of(self.amqp_url, names)}

    async def _parked_of(self, standing: Iterable[WatchedFact], sizes: Mapping[str, int]) -> frozenset[str]:
        """Return the names of the parked facts; a queue that has the same size as before is not read."""
        listeners = {one.fact.listener for one in standing}
        changed = [
            name for name in listeners if sizes[parking_of(name)] != self._parked.get(name, (0, None))[0]
        ]
        for name, ids in (await parked_ids(self.amqp_url, changed)).items():
            self._parked[name] = (sizes[parking_of(name)], ids)
        none: tuple[int, frozenset[str]] = (0, frozenset())
        return frozenset(
            one.fact.name for one in standing if one.fact.id in self._parked.get(one.fact.listener, none)[1]
        )

    def _is_due(self, one: WatchedFact, state: Document, sizes: Mapping[str, int], now: datetime) -> bool:
        """Return whether *one* is to be published again: no queue holds its message, as far as is known."""
        if one.parked:
            return False
        if _is_lost(one, state):
            return True
        if not one.stalled or sizes[one.fact.listener]:
            return False
        last = one.republished_at or one.seen_at
        retried = any(sizes[name] for name in RETRY_QUEUES)
        return now - last >= RETRIED if one.republished_at or retried else True


def _since(state: Document, now: datetime) -> datetime:
    """Return the moment from which on rows are compared."""
    if "compared_to" not in state:
        return now - FIRST_LOOK
    last: datetime = state["compared_to"]
    return last - (LATE if _is_late_look(state, now) else OVERLAP)


def _is_late_look(state: Document, now: datetime) -> bool:
    return "late_at" not in state or bool(now - state["late_at"] >= LATE_EVERY)


def _is_lost(one: WatchedFact, state: Document) -> bool:
    """Return whether *one* was published before its listener's queue was created, and not again since."""
    created = state.get("queues", {}).get(one.fact.listener)
    return created is not None and max(one.fact.at, one.republished_at or one.fact.at) < created


def _measure(standing: Iterable[WatchedFact]) -> None:
    cases: dict[str, set[str]] = defaultdict(set)
    for one in standing:
        cases[one.fact.listener].add(one.fact.request_id)
    for name in LISTENS:
        STALLED.labels(name).set(len(cases.get(name, ())))


def _report(due: Sequence[WatchedFact]) -> None:
    """Log and count what is published again."""
    for listener, count in Counter(one.fact.listener for one in due).items():
        cases = {one.fact.request_id for one in due if one.fact.listener == listener}
        REPUBLISHED.labels(listener).inc(count)
        logger().warning("facts published again", service=listener, facts=count, cases=len(cases))
