"""
Counts and purges cases after their retention period, once each, in every service.

One transaction replaces the rows of a case by a row of the purge and counts the case: crashes and races count
each case exactly once. Then the key is destroyed and the other services are notified until both are
confirmed. The remaining row is the next of its case: concurrent writers detect it, and the case cannot return
(docs/reference/register.md).
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo

from services.intake.cases.purge_dates import PurgeDates, some_weeks_after
from services.intake.cases.requester_index import forget_requesters
from shared.contract.events import DecisionRefused, RequestPurged
from shared.contract.ports import VaultPort
from shared.contract.register import CaseHistory, CountedRequest, RequestResult, counted, may_be_purged
from shared.errors import NewerContract, PermanentError, StoreUnavailable
from shared.law import Right
from shared.law.clock import months_later
from shared.runtime.audit_chain import ANNOUNCED_PUBLISHER
from shared.runtime.broker import EventPublisher
from shared.runtime.journal import (
    Journal,
    JournalRow,
    correlation_from,
    correlation_in,
    facts_of,
    rows_at,
    stored_correlation,
)
from shared.runtime.log import logger
from shared.runtime.mongo import Client, Database, Document, Session, UpdateOne, transaction, translated
from shared.runtime.service import messages_of
from shared.runtime.worker import work_forever

NAME = "intake"
LOOK_EVERY_S = 3600.0
TRY_AGAIN_S = 5.0
"""Seconds, at most, before a retry after an outage or a conflict with another replica."""
UNREADABLE = timedelta(days=1)
"""When a case is looked at again that does not read."""
AT_ONCE = 100


class Metrics:
    """The collection ``metrics``: how many requests of each kind were purged."""

    def __init__(self, database: Database) -> None:
        """Keep them in *database*."""
        self._metrics = database["metrics"]

    async def add(self, counts: Counter[CountedRequest], session: Session) -> None:
        """Add *counts* within the transaction of *session*."""
        if counts:
            changes = [_addition(one, number) for one, number in counts.items()]
            await self._metrics.bulk_write(changes, ordered=False, session=session)

    async def of(self, year: int) -> Counter[CountedRequest]:
        """Return how many requests of each kind, received in *year*, were purged."""
        with translated("read the metrics"):
            found = self._metrics.find({"year": year})
            return Counter({_read(document): document["requests"] async for document in found})


@dataclass(frozen=True, slots=True)
class RegisterRetention:
    """Retention of records, and the zone in which days begin and end."""

    months: int
    zone: tzinfo

    def ended_before(self, now: datetime) -> datetime:
        """Return the moment before which a case must have ended; a shorter month shortens no retention."""
        return months_later(now.astimezone(self.zone), -self.months)

    def over(self, ended_at: datetime) -> datetime:
        """Return a moment at which a case that *ended_at* is old enough, a day after it at most."""
        return months_later(ended_at.astimezone(self.zone), self.months) + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Purge:
    """The purge of old cases, in one replica of intake."""

    client: Client
    database: Database
    journal: Journal
    vault: VaultPort
    publisher: EventPublisher
    retention: RegisterRetention
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def dates(self) -> PurgeDates:
        """When to look at which case."""
        return PurgeDates(self.database)

    async def prepare(self) -> None:
        """Create the indexes."""
        await self.dates.prepare()
        with translated("index the purged cases"):
            await self.database["journal"].create_index(
                "announced", partialFilterExpression={"announced": False}
            )
            # A collection cannot be created within a transaction on a busy server.
            await self.database["metrics"].create_index("year")

    async def run(self) -> None:
        """Purge old cases, for ever; an outage, or another replica, only delays it."""
        await work_forever(
            self.work,
            service=NAME,
            delayed="purge delayed",
            every_s=LOOK_EVERY_S,
            retry_s=lambda _: random.uniform(0, TRY_AGAIN_S),  # noqa: S311 - so that two do not meet again
        )

    async def work(self) -> None:
        """Purge old cases, and notify the other services; after an error the next call continues."""
        await self._announce()
        now = self.clock()
        before = self.retention.ended_before(now)
        await self.dates.follow(self.retention.months, now)
        async for cases in self.dates.due(before, now):
            await self._purge(cases, before)
            await self._announce()

    async def _purge(self, cases: Sequence[str], before: datetime) -> None:
        """Purge the eligible of *cases*; an unreadable one stays, and does not block the others."""
        try:
            histories = await self.journal.histories(cases)
        except (NewerContract, PermanentError) as error:
            if len(cases) == 1:
                logger().error("a case is not purged", request_id=cases[0], reason=str(error))
                await self.dates.look_again({cases[0]: self.clock() + UNREADABLE})
                return
            half = len(cases) // 2
            await self._purge(cases[:half], before)
            await self._purge(cases[half:], before)
            return
        known = {case: _history(rows) for case, rows in histories.items()}
        old = {case: histories[case] for case, history in known.items() if may_be_purged(history, before)}
        if old:
            await self._count_and_forget(old)
        gone = [case for case in cases if case not in known or known[case].purged]
        await self.dates.forget(gone)
        await self.dates.look_again(
            {case: self._look_at(one) for case, one in known.items() if case not in {*old, *gone}}
        )

    def _look_at(self, history: CaseHistory) -> datetime:
        """Return when a case may go, or may be looked at again where that is not known."""
        now, ended = self.clock(), history.ended_at
        if ended is None or history.standing is not None:
            return some_weeks_after(now)
        last = [datetime.combine(day, time.max, UTC) for day in history.holds.values()]
        return max(now, self.retention.over(max([ended, *last])))

    async def _count_and_forget(self, histories: Mapping[str, Sequence[JournalRow]]) -> None:
        """Count the cases and replace all of their rows by one, or raise ``StoreUnavailable``."""
        now, journal = self.clock(), self.database["journal"]
        chained = [[row for row in rows if not row.noted] for rows in histories.values()]
        ends = [_row(rows[-1].case, rows[-1].n + 1, now, before=rows[-1].mac) for rows in chained if rows]
        last = [{**self.journal.chained(row), **_announced_later(histories[row.case])} for row in ends]
        entries = filter(None, (_history(rows).entry(self.retention.zone) for rows in histories.values()))
        kinds = [one for entry in entries for one in counted(entry)]
        expected = sum(map(len, chained))
        async with transaction(self.client, "purge") as session:
            await Metrics(self.database).add(Counter(kinds), session)
            gone = await journal.delete_many({"case": {"$in": list(histories)}}, session=session)
            if gone.deleted_count != expected:
                raise StoreUnavailable("purge: another replica holds the same cases")
            await journal.insert_many(last, session=session)
            await self.journal.forget_notes(list(histories), session)
            await forget_requesters(self.database, list(histories), session)
            await self.dates.forget(histories, session)

    async def _announce(self) -> None:
        """Destroy the keys of purged cases and notify the other services, until both are done."""
        while True:
            with translated("find purged cases"):
                found = self.database["journal"].find({"announced": False}).limit(AT_ONCE)
                waiting = [row async for row in found]
            if not waiting:
                return
            await asyncio.gather(*(self.vault.destroy(row["case"]) for row in waiting))
            rows = [_announcement(row) for row in waiting]
            await self.publisher.publish([message for row in rows for message in messages_of(row, NAME)])
            with translated("complete the purge"):
                done = {"$unset": {"announced": "", ANNOUNCED_PUBLISHER: ""}}
                await self.database["journal"].update_many(rows_at(row.key for row in rows), done)


def _history(rows: Sequence[JournalRow]) -> CaseHistory:
    """Return the history of a case, without the decisions that a service refused."""
    refused = {row.event.decision for row in rows if isinstance(row.event, DecisionRefused)}
    return CaseHistory.of(facts_of(row for row in rows if row.cause not in refused))


def _row(case: str, n: int, at: datetime, before: bytes | None = None) -> JournalRow:
    return JournalRow(case, n, f"purged {case}", None, (RequestPurged(request_id=case),), at, before=before)


def _announced_later(rows: Sequence[JournalRow]) -> Document:
    """Return the marks of the last row until its purge is announced: its publisher's names do not stay."""
    known = correlation_in(rows)
    return {"announced": False} | ({ANNOUNCED_PUBLISHER: stored_correlation(known)} if known else {})


def _announcement(stored: Document) -> JournalRow:
    known = correlation_from(stored.get(ANNOUNCED_PUBLISHER))
    return replace(_row(stored["case"], stored["n"], stored["at"]), correlation=known)


def _addition(one: CountedRequest, number: int) -> UpdateOne:
    plain = {"right": one.right.value, "result": one.result.value, "grounds": list(one.grounds)}
    change = {"$setOnInsert": asdict(one) | plain, "$inc": {"requests": number}}
    return UpdateOne({"_id": one.key}, change, upsert=True)


def _read(document: Document) -> CountedRequest:
    year, law, late, days = (document[name] for name in ("year", "law", "late", "days"))
    right, result = Right(document["right"]), RequestResult(document["result"])
    return CountedRequest(year, law, right, result, tuple(document["grounds"]), late, days)
