"""
Builds the console's read model from the journals of the services.

The facts of a case are those that the services have published, each under the id of its event. They are added
to the read model while the console runs; then the rows follow from them. Cases without a row in any journal
are removed.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from services.console.handlers import observed
from services.console.read_model.histories import CaseHistories
from services.intake.breach.domain import RECORDS as INCIDENTS
from services.intake.domain import RECORDS as INTAKE
from services.verifier.domain import RECORDS as VERIFIER
from shared.contract.events import RequestReceived
from shared.contract.topology import CONSOLE, LISTENS
from shared.runtime.journal import Journal, JournalRow, NotedFact
from shared.runtime.mongo import Client, connect

RECORDS = {"intake": INTAKE, "incidents": INCIDENTS, "verifier": VERIFIER}
BATCH = 1_000
"""Facts that are added in one write."""


@dataclass(frozen=True, slots=True)
class RebuiltModel:
    """The extent of a rebuilt read model."""

    facts: int
    cases: int
    removed: int
    """Cases that no journal knows."""


async def rebuild(mongo_url: str, prefix: str, zone: ZoneInfo) -> RebuiltModel:
    """
    Build the read model anew from the journals; it may run while the console does. Days are those of *zone*.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        histories = CaseHistories(client[f"{prefix}_{CONSOLE}"], zone)
        count, cases = 0, set[str]()
        batch: list[NotedFact] = []
        async for fact in published(client, prefix):
            batch.append(fact)
            cases.add(fact.case)
            if len(batch) >= BATCH:
                await histories.note(batch)
                count, batch = count + len(batch), []
        if batch:
            await histories.note(batch)
        removed = await histories.remove_others(cases)
        return RebuiltModel(count + len(batch), len(cases), removed)


async def published(client: Client, prefix: str) -> AsyncIterator[NotedFact]:
    """Yield the facts in the journals of all services that the console notes, each at least once."""
    kinds = frozenset(observed())
    for service in LISTENS:
        journal = Journal(client[f"{prefix}_{service}"], RECORDS.get(service, ()))
        async for row in journal.rows_by_case():
            for fact in facts_of_row(row, service):
                if type(fact.fact) in kinds:
                    yield fact


def facts_of_row(row: JournalRow, service: str) -> Iterator[NotedFact]:
    """Yield the facts that *row* has published, and its event, which may have no row at its publisher."""
    for id_, fact in row.published(service):
        yield NotedFact(fact.request_id, id_, fact, row.at, row.at, row.correlation)
    if row.event is not None and row.event.PUBLISHED and not isinstance(row.event, RequestReceived):
        at = row.occurred_at or row.at
        yield NotedFact(row.event.request_id, row.cause, row.event, at, at)
