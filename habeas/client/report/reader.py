"""Reader of the register from intake's journal, and of the counts of purged cases, in one snapshot."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from services.intake.cases.register import ENTRY_FACTS, CaseHistory, CountedRequest, RegisterEntry, counted
from services.intake.cases.retention import Metrics
from services.intake.domain import OWED, RECORDS
from shared.runtime.journal import Journal
from shared.runtime.mongo import Database, Session, connect, snapshot

Progress = Callable[[int], None]
"""Called with the number of further requests read."""
STEP = 1_000


@dataclass(frozen=True, slots=True)
class RegisterSnapshot:
    """The register at the moment of its opening."""

    database: Database
    session: Session
    zone: tzinfo
    """Where days begin and end."""

    async def entries(self, year: int, progress: Progress) -> AsyncIterator[RegisterEntry]:
        """
        Yield the entries of the requests that were received in *year* and are not purged, one at a time.

        Raises:
            StoreUnavailable: The database did not answer.
            PermanentError: A row of the journal does not read; it names the row.
        """
        # A request is never recorded before its receipt; a zone may be a day ahead.
        since = datetime(year, 1, 1, tzinfo=UTC) - timedelta(days=1)
        journal, read = Journal(self.database, RECORDS), 0
        async for _, facts in journal.fact_histories(ENTRY_FACTS, OWED, since=since, session=self.session):
            read += 1
            if read % STEP == 0:
                progress(STEP)
            entry = CaseHistory.of(facts).entry(self.zone)
            if entry is not None and entry.received.received_on.year == year:
                yield entry

    async def counts(self, year: int, progress: Progress) -> Counter[CountedRequest]:
        """Return how many requests of each kind were received in *year*; raises what :meth:`entries` does."""
        counts = await Metrics(self.database).of(year, self.session)
        async for entry in self.entries(year, progress):
            counts.update(counted(entry))
        return counts


@asynccontextmanager
async def opened(mongo_url: str, prefix: str, zone: tzinfo) -> AsyncIterator[RegisterSnapshot]:
    """
    Open the register at *mongo_url*; cases purged meanwhile are seen in their first state, and counted once.

    Raises StoreUnavailable if the database does not answer.
    """
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        async with snapshot(client, "read the register") as session:
            yield RegisterSnapshot(client[f"{prefix}_intake"], session, zone)
