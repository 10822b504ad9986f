"""
The queue of waiting requests: requests over their source's limit, sealed, in the database.

A waiting request is a document until its registration is a row, so a crash loses none. Two replicas may
register it at the same time: only one appends the row.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.intake.cases.rate_limit import (
    HOUR,
    RateLane,
    WaitingRequest,
    allowance,
    lane_of,
    limit_of,
    next_hour,
)
from services.intake.domain import RequestLodged
from shared.contract.events import BurstDeclared
from shared.runtime import metrics
from shared.runtime.dataloader import DataLoader
from shared.runtime.log import logger
from shared.runtime.mongo import Database, Document, ReturnDocument, UpdateOne, translated
from shared.runtime.worker import WakeUp, work_forever

NAME = "intake"
LOOK_EVERY_S = 10.0
LOOK_WHILE_WAITING_S = 1.0
MOST_AT_ONCE = 500
FOLLOW_UPS_PER_HOUR = 1_000
"""Events of one source that may begin to wait for their requests in an hour."""
KEEP_COUNTS = timedelta(days=1)
GATHER_S = 0.005
"""Time for which arrivals are collected, so that the most urgent begins first."""
LONGEST_PAUSE_S = 600
"""Between two attempts at a request whose registration fails."""
AFTER_FIRST = RateLane("held", None)
"""Requests that wait for the registration of the first request for the same."""
BURSTS_KEPT = timedelta(seconds=5)
"""Longest delay before a replica reads of a declared incident."""


@dataclass(frozen=True, slots=True)
class _QueueEntry:
    waiting: WaitingRequest
    lane: RateLane
    now: datetime


class WaitingQueue:
    """The collections ``waiting``, ``hours`` and ``bursts``; they hold no personal data."""

    def __init__(self, database: Database, limits: Mapping[str, int]) -> None:
        """Keep them in *database*; *limits* gives the requests of each source that may begin in an hour."""
        self._waiting = database["waiting"]
        self._hours = database["hours"]
        self._bursts = database["bursts"]
        self._limits = limits
        self._enter: DataLoader[_QueueEntry, bool] = DataLoader(self._enter_all, window=GATHER_S)
        self._declared: tuple[BurstDeclared, ...] = ()
        self._declared_at: datetime | None = None
        self.next_look = WakeUp()
        """Wakes once in :data:`LOOK_WHILE_WAITING_S` while requests wait: a look reads all of them."""

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the waiting requests"):
            await self._waiting.create_index([("lane", 1), ("meant_for", 1), ("received_at", 1)])
            await self._waiting.create_index("hurried", partialFilterExpression={"hurried": True})
            await self._hours.create_index("at", expireAfterSeconds=int(KEEP_COUNTS.total_seconds()))

    # --- arrivals -------------------------------------------------------------------------------------------

    async def lane(self, source: str, received_at: datetime, now: datetime) -> RateLane:
        """Return the lane of a request of *source*."""
        if self._declared_at is None or now - self._declared_at >= BURSTS_KEPT:
            with translated("read declared incidents"):
                found = await self._bursts.find({}).sort("_id", 1).to_list(None)
            self._declared = tuple(BurstDeclared.model_validate_json(one["burst"]) for one in found)
            self._declared_at = now
        return lane_of(source, received_at, self._limits, self._declared)

    async def enter(self, waiting: WaitingRequest, lane: RateLane, now: datetime) -> bool:
        """Return whether *waiting* may begin at once; otherwise it waits from now on."""
        if waiting.lodged.waited or lane.per_hour is None:
            return True
        return await self._enter(_QueueEntry(waiting, lane, now))

    async def hold(self, waiting: WaitingRequest, now: datetime) -> None:
        """Let *waiting*, which may begin, wait for the registration of the first request for the same."""
        await self._wait([_QueueEntry(waiting, AFTER_FIRST, now)])

    async def lodged(self, case: str) -> RequestLodged | None:
        """Return the request *case*, if it waits."""
        with translated("read a waiting request"):
            found = await self._waiting.find_one({"_id": case})
        return RequestLodged.model_validate_json(found["lodged"]) if found else None

    async def is_full(self, source: str, now: datetime) -> bool:
        """Return whether a request of *source* would have to wait."""
        lane = await self.lane(source, now, now)
        if lane.per_hour is None:
            return False
        return await self._is_waited_for(lane) or await self._begun(lane.name, now) >= lane.per_hour

    async def start_next(self, case: str) -> bool:
        """Start *case* next, regardless of the limit; return whether it waits."""
        with translated("advance a waiting request"):
            found = await self._waiting.update_one({"_id": case}, {"$set": {"hurried": True}})
        self.next_look.within(LOOK_WHILE_WAITING_S)
        return bool(found.matched_count)

    async def admits_follow_up(self, source: str, now: datetime) -> bool:
        """Count an event of *source* that waits for its request; return whether it may wait."""
        return await self._count(f"follow-ups of {source}", 1, now) <= FOLLOW_UPS_PER_HOUR

    async def declare(self, burst: BurstDeclared) -> None:
        """Store *burst*; a new declaration of an incident replaces the last."""
        with translated("declare an incident"):
            change = {"$set": {"burst": burst.model_dump_json()}}
            await self._bursts.update_one({"_id": burst.incident}, change, upsert=True)
        self._declared_at = None

    async def _enter_all(self, entries: Sequence[_QueueEntry]) -> Mapping[_QueueEntry, bool]:
        by_lane: dict[RateLane, list[_QueueEntry]] = defaultdict(list)
        for entry in sorted(entries, key=lambda one: (one.waiting.meant_for, one.waiting.received_at)):
            by_lane[entry.lane].append(entry)
        found: dict[_QueueEntry, bool] = {}
        for lane, ordered in by_lane.items():
            found |= await self._enter_lane(lane, ordered)
        await self._wait([entry for entry, begins in found.items() if not begins])
        return found

    async def _enter_lane(self, lane: RateLane, ordered: Sequence[_QueueEntry]) -> dict[_QueueEntry, bool]:
        now = ordered[0].now
        at_once = [entry for entry in ordered if entry.waiting.at_once]
        others = [entry for entry in ordered if not entry.waiting.at_once]
        if at_once:
            await self._count(lane.name, len(at_once), now)
        free = await self._take(lane, len(others), now) if others else 0
        return dict.fromkeys(at_once, True) | {entry: place < free for place, entry in enumerate(others)}

    async def _take(self, lane: RateLane, wanted: int, now: datetime) -> int:
        """
        Take *wanted* of the hour's rest of *lane*; return the number taken: none while others wait.

        The first to count gets it, and the excess is given back.
        """
        if await self._is_waited_for(lane):
            return 0
        over = await self._count(lane.name, wanted, now) - (lane.per_hour or 0)
        too_many = max(0, min(wanted, over))
        if too_many:
            await self._count(lane.name, -too_many, now)
        return wanted - too_many

    async def _is_waited_for(self, lane: RateLane) -> bool:
        with translated("read the waiting requests"):
            return bool(await self._waiting.find_one({"lane": lane.name}, {"_id": 1}))

    async def _begun(self, lane: str, now: datetime) -> int:
        with translated("count requests"):
            hour = await self._hours.find_one({"_id": _hour(lane, now)})
        return int(hour["begun"]) if hour else 0

    async def _count(self, lane: str, number: int, now: datetime) -> int:
        """Add *number* to the requests begun in this hour; return the sum."""
        with translated("count requests"):
            change = {"$inc": {"begun": number}, "$setOnInsert": {"at": now}}
            hour = await self._hours.find_one_and_update(
                {"_id": _hour(lane, now)}, change, upsert=True, return_document=ReturnDocument.AFTER
            )
        return int(hour["begun"])

    async def _wait(self, entries: Sequence[_QueueEntry]) -> None:
        if entries:
            with translated("store waiting requests"):
                await self._waiting.bulk_write([_unless_there(entry) for entry in entries], ordered=False)
            self.next_look.within(LOOK_WHILE_WAITING_S)
            logger().info("requests are waiting", service=NAME, reason=f"{len(entries)} over the limit")

    # --- starts ---------------------------------------------------------------------------------------------

    async def turns(self, now: datetime) -> list[RequestLodged]:
        """Return the requests that may begin now, the most urgent first."""
        with translated("read the requests that may begin"):
            group = {"_id": "$lane", "waiting": {"$sum": 1}, "oldest": {"$min": "$at"}}
            lanes = await self._waiting.aggregate([{"$group": group}]).to_list(None)
        metrics.waiting(sum(lane["waiting"] for lane in lanes))
        if not lanes:
            return []
        self.next_look.within(LOOK_WHILE_WAITING_S)
        with translated("read the requests that may begin"):
            hurried = await self._waiting.find({"hurried": True}).to_list(MOST_AT_ONCE)
        found = {one["_id"]: one for one in hurried}
        for lane in lanes:
            for one in await self._of(lane, now):
                found.setdefault(one["_id"], one)
        return [RequestLodged.model_validate_json(one["lodged"]) for one in found.values()]

    async def _of(self, lane: Document, now: datetime) -> list[Document]:
        name = lane["_id"]
        free = allowance(
            await self._limit_of(name),
            waiting=lane["waiting"],
            begun=await self._begun(name, now),
            oldest=lane["oldest"],
            now=now,
        )
        if not free:
            return []
        with translated("read the requests that may begin"):
            due = {"lane": name, "not_before": {"$not": {"$gt": now}}}
            found = self._waiting.find(due).sort([("meant_for", 1), ("received_at", 1)])
            return list(await found.to_list(min(free, MOST_AT_ONCE)))

    async def _limit_of(self, lane: str) -> int | None:
        kind, _, name = lane.partition(" ")
        if kind == "source":
            return limit_of(name, self._limits)
        with translated("read declared incidents"):
            found = await self._bursts.find_one({"_id": name})
        return BurstDeclared.model_validate_json(found["burst"]).per_hour if found else None

    async def begun(self, cases: Sequence[str], now: datetime) -> None:
        """Remove the registered *cases*, and count them."""
        with translated("start waiting requests"):
            lanes: dict[str, list[str]] = defaultdict(list)
            async for one in self._waiting.find({"_id": {"$in": list(cases)}}, {"lane": 1}):
                lanes[one["lane"]].append(one["_id"])
            for lane, begun in lanes.items():
                gone = await self._waiting.delete_many({"_id": {"$in": begun}})
                await self._count(lane, gone.deleted_count, now)

    async def put_off(self, cases: Sequence[str], now: datetime) -> None:
        """Try *cases* again later: two seconds after the first failure, twice as long after each further."""
        failures = {"$add": [{"$ifNull": ["$failures", 0]}, 1]}
        pause = {"$multiply": [1_000, {"$min": [LONGEST_PAUSE_S, {"$pow": [2, "$failures"]}]}]}
        change = [{"$set": {"failures": failures}}, {"$set": {"not_before": {"$add": [now, pause]}}}]
        with translated("put off waiting requests"):
            await self._waiting.update_many({"_id": {"$in": list(cases)}}, change)


async def start_waiting(
    queue: WaitingQueue,
    register: Callable[[RequestLodged], Awaitable[bool]],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Register the requests of *queue* by *register*, for ever; it returns False if one goes on waiting."""

    async def start() -> bool:
        turns = await queue.turns(clock())
        results = await asyncio.gather(*map(register, turns), return_exceptions=True)
        begun = [one.request_id for one, result in zip(turns, results, strict=True) if result is True]
        if begun:
            await queue.begun(begun, clock())
        failed = [
            one.request_id
            for one, result in zip(turns, results, strict=True)
            if isinstance(result, Exception)
        ]
        if failed:  # else they would head their lanes, and the others would wait behind them
            await queue.put_off(failed, clock())
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return bool(begun)

    await work_forever(
        start,
        service=NAME,
        delayed="start of waiting requests delayed",
        every_s=LOOK_EVERY_S,
        retry_s=lambda _: LOOK_WHILE_WAITING_S,
        wake=queue.next_look,
    )


def _hour(lane: str, now: datetime) -> str:
    return f"{lane}/{next_hour(now) - HOUR:%Y-%m-%dT%H}"


def _unless_there(entry: _QueueEntry) -> UpdateOne:
    waiting = entry.waiting
    waits = waiting.lodged.model_copy(update={"waited": True})
    fresh = {
        "lane": entry.lane.name,
        "meant_for": waiting.meant_for.isoformat(),
        "received_at": waiting.received_at,
        "at": entry.now,
        "lodged": waits.model_dump_json(),
    }
    return UpdateOne({"_id": waits.request_id}, {"$setOnInsert": fresh}, upsert=True)
