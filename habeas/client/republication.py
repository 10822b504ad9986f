"""Has services publish again the facts that a listener has not handled."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.table import Table

from habeas.client.unhandled_facts import FactComparison
from habeas.client.watched_facts import ExpectedFact, WatchState
from shared.contract.topology import LISTENS, parking_of
from shared.runtime.broker import Parking
from shared.runtime.message_origin import UNBELIEVED
from shared.runtime.republication import Republications
from shared.runtime.retry_policy import REASON

PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class UnhandledFacts:
    """The result of a comparison of all journals."""

    lost: Sequence[ExpectedFact]
    """Facts that no queue is known to hold."""
    parked: Sequence[ExpectedFact]
    """Facts that wait in a parking queue, for the staff."""

    @property
    def cases(self) -> frozenset[str]:
        """The cases with lost facts."""
        return frozenset(one.request_id for one in self.lost)

    def plain(self) -> dict[str, Any]:
        """Return it for programs."""
        counts = Counter((one.listener, one.type, one.service) for one in self.lost)
        return {
            "unhandled": [
                {"service": listener, "type": type_, "publisher": publisher, "facts": count}
                for (listener, type_, publisher), count in sorted(counts.items())
            ],
            "cases": len(self.cases),
            "parked": len(self.parked),
        }


async def unhandled_since(
    comparison: FactComparison, amqp_url: str, since: datetime, progress: Callable[[str, int], None]
) -> UnhandledFacts:
    """
    Compare all that was published *since* a moment; *progress* gets each service and its compared facts.

    Raises:
        StoreUnavailable: The database does not answer.
        BrokerUnavailable: The broker does not answer.
    """
    found: list[ExpectedFact] = []
    for service in LISTENS:
        async for batch in comparison.expected(service, since):
            found += await comparison.unhandled(batch)
            progress(service, len(batch))
    found = await comparison.unhandled(found)  # without what was handled meanwhile
    found = await WatchState(comparison.client, comparison.prefix).without_discarded(found)
    parked = await parked_ids(amqp_url, {one.listener for one in found})
    return UnhandledFacts(
        [one for one in found if one.id not in parked[one.listener]],
        [one for one in found if one.id in parked[one.listener]],
    )


async def parked_ids(amqp_url: str, services: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """
    Return the ids of the messages that are parked for each of *services*.

    Those whose origin is not believed are left out: a replay does not help, and another publication does.

    Raises:
        BrokerUnavailable: The broker does not answer.
    """
    found: dict[str, frozenset[str]] = {}
    for service in services:
        async with Parking(amqp_url, parking_of(service)) as parking:
            found[service] = frozenset(
                [one.message_id or "" async for one in parking if one.headers.get(REASON) != UNBELIEVED]
            )
    return found


async def order(comparison: FactComparison, facts: Iterable[ExpectedFact]) -> None:
    """Order *facts* to be published again; raises StoreUnavailable if the database does not answer."""
    by_service: dict[str, list[ExpectedFact]] = defaultdict(list)
    for one in facts:
        by_service[one.service].append(one)
    for service, some in by_service.items():
        await Republications(comparison.database(service)).add([one.order for one in some])


async def left_after(comparison: FactComparison, services: Iterable[str], within_s: float) -> dict[str, int]:
    """Wait until *services* have carried out their orders; return the number of those that are left."""
    deadline, waiting = time.monotonic() + within_s, set(services)
    while True:
        left = {name: await Republications(comparison.database(name)).count() for name in waiting}
        waiting = {name for name, count in left.items() if count}
        if not waiting or time.monotonic() > deadline:
            return {name: left[name] for name in sorted(waiting)}
        await asyncio.sleep(PAUSE_S)


def table(found: Mapping[str, Any]) -> Table | str:
    """Return the result of :meth:`UnhandledFacts.plain` as a table."""
    if not found["unhandled"]:
        return "every fact is handled"
    shown = Table("service", "has not handled", "of", "facts")
    for one in found["unhandled"]:
        shown.add_row(*map(str, one.values()))
    return shown
