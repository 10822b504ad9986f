"""
The ledgers: one document per batch with the letters sent, the letters being sent, and their outcomes.

It is the lock, the progress and the proof at once. To take a batch raises its epoch, and every further
update names the epoch and the step before: an overtaken replica finds nothing to change. Nothing in a ledger
is personal data: people are numbers in a sealed batch.

``LateBounceCounter`` publishes new counts to the register when letters come back after the end of a campaign.

They may come back by the thousand, within minutes, and each count goes through all ledgers of a phase. So it
is noted that some came, and counted now and then.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from services.notifier.breach.campaign.outcomes import (
    Failed,
    LeasedBatch,
    NoticeDeferred,
    NoticeOutcome,
    NoticeSentOutcome,
    taken,
)
from services.notifier.breach.campaign.states import LateBounces, Standings
from shared.contract.envelope import encode
from shared.contract.events.breaches import BreachNoticeReturned, BreachRecounted, Missed
from shared.errors import PermanentError, TransientError
from shared.runtime.broker import Message
from shared.runtime.mongo import Collection, Database, Document, ReturnDocument, insert_new, translated
from shared.runtime.worker import work_forever

QUIET_MS = 3_000
"""Time without a sign of life after which another process may take the batch over."""

COUNT_EVERY_S = 10.0


def _people(pages: str) -> Document:
    """Return the expression for the numbers of the people that *pages* of a ledger name."""
    numbers = {"$map": {"input": "$$this", "as": "letter", "in": {"$first": "$$letter"}}}
    joined = {"$setUnion": ["$$value", numbers]}
    return {"$reduce": {"input": f"${pages}.letters", "initialValue": [], "in": joined}}


_REPORTS: Document = {"$objectToArray": {"$ifNull": ["$returned", {}]}}
_FAILURES: Document = {"$filter": {"input": _REPORTS, "as": "one", "cond": {"$isArray": "$$one.v.failed"}}}
_BOUNCED: Document = {"$map": {"input": _FAILURES, "as": "one", "in": {"$toInt": "$$one.k"}}}


def _but_for_bounces(count: Any, otherwise: Document) -> Document:
    """Return *count*, which is stored; if a letter has come back, the size of the set *otherwise*."""
    return {"$cond": [{"$eq": [_BOUNCED, []]}, count, {"$size": otherwise}]}


_REACHED: Document = {"$setDifference": [_people("written"), _BOUNCED]}

COUNTS: Document = {
    "sent": _but_for_bounces("$sent", _REACHED),
    "doubtful": {"$size": "$doubt"},
    "elsewhere": {"$size": {"$ifNull": ["$elsewhere", []]}},
    "failed": _but_for_bounces("$failed", {"$setUnion": [_people("failures"), _BOUNCED]}),
}
"""A letter may come back before it is on record as taken, or after it was refused at another attempt."""

MISSED: Document = {"$setDifference": [{"$range": [0, "$people"]}, _REACHED]}
"""The numbers of the people that no letter of this phase has reached; that of another may have."""


class BatchLeaseLost(TransientError):
    """Another replica has taken the batch."""


class BeingWritten(TransientError):
    """Another replica writes to the batch at this moment."""


@dataclass(frozen=True, slots=True)
class OpenedBatch:
    """A batch of a campaign, before its first letter."""

    incident: str
    phase: int
    chunk: int
    to: str
    laws: Sequence[str]
    language: str
    people: int
    declaration: str
    """The declaration with the text of the letters."""
    elsewhere: Sequence[int] = ()
    """People notified by the letter of another phase, and not by this one."""


@dataclass(slots=True)
class LedgerPage:
    """The content of one update."""

    outcomes: list[NoticeOutcome] = field(default_factory=list)
    writing: Sequence[int] = ()
    """The people being written to from now on."""
    through: bool = False
    """Whether that is all."""


class Ledgers:
    """The ledgers of all campaigns."""

    def __init__(self, database: Database, *, by: str) -> None:
        """Keep them in *database*; *by* names this process."""
        self._ledgers: Collection = database["ledgers"]
        self._by = by

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the ledgers"):
            await self._ledgers.create_index([("incident", 1), ("phase", 1), ("through", 1)])

    async def open(self, batches: Sequence[OpenedBatch], *, domain: str) -> None:
        """Open a ledger for each of *batches* that has none; *domain* is that of their message ids."""
        await insert_new(self._ledgers, [_blank(batch, domain) for batch in batches])

    async def take(self, key: str) -> LeasedBatch | None:
        """
        Take the batch *key*; return None where it is through.

        Letters that its last writer had begun and not recorded are in doubt from now on.

        Raises:
            BeingWritten: Its last writer was alive a moment ago. It would be overtaken in the middle.
            PermanentError: There is no such batch.
        """
        with translated("take a batch"):
            ledger: Document | None = await self._ledgers.find_one_and_update(
                {"_id": key, "through": False, "$or": _is_idle(self._by)},
                [{"$set": _taking_over(self._by)}],
                return_document=ReturnDocument.AFTER,
            )
            if ledger is not None:
                return taken(ledger)
            there = await self._ledgers.find_one({"_id": key}, {"through": 1})
        if there is None:
            raise PermanentError(f"batch {key} has no ledger: its notices were never released")
        if not there["through"]:
            raise BeingWritten("another process writes to the batch")
        return None

    async def turn(self, batch: LeasedBatch, step: int, page: LedgerPage) -> bool:
        """
        Make *page* durable as the one after *step*; return whether it is, and we still hold the lease.

        Raises:
            StoreUnavailable: It is not known. The same call again finds out, and changes nothing twice.
        """
        return await self._change(batch, step, _changes(page, datetime.now(UTC)))

    async def close(self, batch: LeasedBatch, step: int) -> bool:
        """Note that *batch* is through; return as :meth:`turn` does."""
        return await self._change(batch, step, {"$set": {"through": True}})

    async def _change(self, batch: LeasedBatch, step: int, changes: dict[str, Any]) -> bool:
        changes["$set"] = {**changes.get("$set", {}), "step": step + 1}
        changes["$currentDate"] = {"at": True}
        mine = {"_id": batch.key, "epoch": batch.epoch}
        with translated("turn a page of a ledger"):
            result = await self._ledgers.update_one({**mine, "step": step}, changes)
            if result.matched_count:
                return True
            again = await self._ledgers.find_one({**mine, "step": step + 1}, {"_id": 1})
        return again is not None

    async def through(self, incident: str, phase: int) -> int:
        """Return how many batches of a phase are through."""
        with translated("count batches"):
            return await self._ledgers.count_documents(
                {"incident": incident, "phase": phase, "through": True}
            )

    async def numbers_through(self, incident: str) -> frozenset[tuple[int, int]]:
        """Return phase and number of each batch of *incident* that is through."""
        with translated("look for batches"):
            found = self._ledgers.find({"incident": incident, "through": True}, {"phase": 1, "chunk": 1})
            return frozenset([(ledger["phase"], ledger["chunk"]) async for ledger in found])

    async def of(self, incident: str) -> AsyncIterator[Document]:
        """Yield the ledgers of *incident* by phase and batch."""
        with translated("read ledgers"):
            async for ledger in self._ledgers.find({"incident": incident}).sort([("phase", 1), ("chunk", 1)]):
                yield ledger

    async def returned(self, event: BreachNoticeReturned) -> None:
        """Record the later report on a letter that a mail server had taken, once."""
        key = f"{event.request_id}.{event.phase}.{event.chunk}"
        place = f"returned.{event.number}.{event.action}"
        report = {"$set": {place: [event.status, datetime.now(UTC)]}}
        with translated("note a returned notice"):
            await self._ledgers.update_one({"_id": key, place: {"$exists": False}}, report)

    async def forget(self, incident: str) -> None:
        """Remove the ledgers of *incident*; it may be repeated."""
        with translated("forget the ledgers of a campaign"):
            await self._ledgers.delete_many({"incident": incident})

    async def sums(self, incident: str, phase: int) -> Mapping[str, int]:
        """Return over all batches of a phase how many letters were sent, are doubtful, failed, or spared."""
        counts = {name: {"$sum": count} for name, count in COUNTS.items()}
        with translated("sum up a campaign"):
            cursor = self._ledgers.aggregate(
                [{"$match": {"incident": incident, "phase": phase}}, {"$group": {"_id": None, **counts}}]
            )
            [sums] = await cursor.to_list(1) or [dict.fromkeys(counts, 0)]
        return {name: sums[name] for name in counts}

    async def missed(self, incident: str, phase: int) -> tuple[Missed, ...]:
        """Return which customers no letter of a phase has reached; that of another may have."""
        to_customers = {"incident": incident, "phase": phase, "to": "controllers"}
        with translated("look for customers not reached"):
            cursor = self._ledgers.aggregate(
                [
                    {"$match": to_customers},
                    {"$sort": {"chunk": 1}},
                    {"$project": {"chunk": 1, "numbers": MISSED}},
                    {"$match": {"numbers": {"$ne": []}}},
                ]
            )
            found = await cursor.to_list(None)
        return tuple(Missed(chunk=one["chunk"], numbers=sorted(one["numbers"])) for one in found)


def _blank(batch: OpenedBatch, domain: str) -> Document:
    return {
        "_id": f"{batch.incident}.{batch.phase}.{batch.chunk}",
        **asdict(batch),
        "laws": list(batch.laws),
        "domain": domain,
        "epoch": 0,
        "step": 0,
        "by": None,
        "at": None,
        "begun_at": None,
        "through": False,
        "writing": [],
        "doubt": [],
        "sent": 0,
        "failed": 0,
        "written": [],
        "failures": [],
    }


def _is_idle(by: str) -> list[Document]:
    """Return the condition that no writer but *by* is active, by the database's own clock."""
    silent = {"$lt": ["$at", {"$subtract": ["$$NOW", QUIET_MS]}]}
    return [{"writing": {"$size": 0}}, {"by": by}, {"$expr": silent}]


def _taking_over(by: str) -> Document:
    return {
        "epoch": {"$add": ["$epoch", 1]},
        "by": by,
        "at": "$$NOW",
        "begun_at": {"$ifNull": ["$begun_at", "$$NOW"]},
        "doubt": {"$concatArrays": ["$doubt", "$writing"]},
        "writing": [],
    }


def _changes(page: LedgerPage, now: datetime) -> dict[str, Any]:
    changes: dict[str, Any] = {"$set": {"writing": list(page.writing)}}
    if page.through:
        changes["$set"]["through"] = True
    sent = [one for one in page.outcomes if isinstance(one, NoticeSentOutcome)]
    failed = [one for one in page.outcomes if isinstance(one, Failed)]
    later = [one for one in page.outcomes if isinstance(one, NoticeDeferred)]
    pushed: dict[str, Any] = {}
    if sent:
        pushed["written"] = {"at": now, "letters": [[one.number, one.said] for one in sent]}
    if failed:
        pushed["failures"] = {"at": now, "letters": [[one.number, one.reason, one.said] for one in failed]}
    if sent or failed:
        changes["$inc"] = {"sent": len(sent), "failed": len(failed)}
    for one in later:
        changes["$set"][f"later.{one.number}"] = [one.since, one.tries, one.said, one.not_before]
    if doubted := [
        one.number for one in page.outcomes if isinstance(one, Failed | NoticeDeferred) and one.in_doubt
    ]:
        pushed["doubt"] = {"$each": doubted}
    if pushed:
        changes["$push"] = pushed
    return changes


@dataclass(frozen=True, slots=True)
class LateBounceCounter:
    """Counts letters that came back late, in one replica of the notifier."""

    ledgers: Ledgers
    standings: Standings
    publish: Callable[[list[Message]], Awaitable[None]]

    async def run(self) -> None:
        """Count, for ever; an outage only delays it."""
        await work_forever(
            self.count,
            service="campaigns",
            delayed="letters that came back are counted later",
            every_s=COUNT_EVERY_S,
        )

    async def count(self) -> None:
        """
        Publish the counts of all phases to which letters came back since they were counted.

        Raises:
            TransientError: The database or the broker did not answer; the next call publishes it.
        """
        for late in await self.standings.late():
            counted = [await self._counted(late, phase) for phase in late.phases]
            await self.publish(counted)
            await self.standings.counted(late)

    async def _counted(self, late: LateBounces, phase: int) -> Message:
        sums = await self.ledgers.sums(late.incident, phase)
        missed = await self.ledgers.missed(late.incident, phase)
        fact = BreachRecounted(request_id=late.incident, phase=phase, **sums, missed=missed)
        id_ = uuid5(NAMESPACE_OID, f"recounted {late.incident}.{phase} {late.times[str(phase)]}").hex
        body = encode(fact, id=id_, source="habeas/campaigns", time=datetime.now(UTC))
        return Message(fact.EXCHANGE, fact.TYPE, body, id_)
