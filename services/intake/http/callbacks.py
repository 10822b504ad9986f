"""
Callbacks: reports of changed statuses to other systems that asked for them.

The last report is stored: a crash repeats a report at most. A request is checked less often as it ages, and
not after its last status was accepted. Content and address are set by each protocol.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from urllib.parse import urlsplit

import httpx

from shared.errors import ErrorNet
from shared.runtime import safe_http
from shared.runtime.log import logger
from shared.runtime.mongo import Collection, Document, ReturnDocument, translated
from shared.runtime.safe_http import NotAllowed, ReceiverUnavailable, SafeHttp

LOOK_EVERY_S: Final = 1.0
SOONEST, LATEST = timedelta(seconds=1), timedelta(minutes=10)
"""The shortest and the longest time between two checks."""
AGES_SHARE: Final = 10
"""A change is reported within a tenth of a request's age."""
LONGEST = timedelta(seconds=10)
"""For the whole of one attempt: a slow receiver must not delay others."""
LEASE = timedelta(minutes=1)
MOST_WAIT = timedelta(hours=1)
MOST_TRIES: Final = 100
"""Within four days; then it is retried once a day."""
SLOW_PACE = timedelta(days=1)
AT_ONCE, AT_ONE_HOST = 20, 5
"""Parallel reports in total, and to one host: a slow host delays only its own."""


@dataclass(frozen=True, slots=True)
class WatchedRequest:
    """A request with a listener."""

    name: str
    """The protocol's name: the request's id, and the listener's."""
    since: datetime
    reported: str = ""
    """The mark of the last accepted status."""
    tries: int = 0
    missed: str = ""
    """The mark of that one."""

    @property
    def request_id(self) -> str:
        """The request's id."""
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Callback:
    """A report, and its receiver."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    mark: str
    """Identifies it among all reports of the request."""
    final: bool
    behind: bool = False
    """Whether another follows it at once."""


class WatchedRequests:
    """The requests with listeners of one protocol."""

    def __init__(self, collection: Collection) -> None:
        """Store them in *collection*."""
        self._watched = collection

    async def prepare(self) -> None:
        """Create the index."""
        with translated("index callbacks"):
            await self._watched.create_index("look_at")

    async def add(self, name: str, now: datetime) -> None:
        """Watch a request from now on; adding it again has no effect."""
        fresh = {"since": now, "look_at": now, "told": "", "tries": 0}
        with translated("add a callback"):
            await self._watched.update_one({"_id": name}, {"$setOnInsert": fresh}, upsert=True)

    async def take(self, now: datetime) -> WatchedRequest | None:
        """Lease a request that is due for a check."""
        with translated("find callbacks"):
            found: Document | None = await self._watched.find_one_and_update(
                {"look_at": {"$lte": now}},
                {"$set": {"look_at": now + LEASE}},
                sort=[("look_at", 1)],
                return_document=ReturnDocument.AFTER,
            )
        if found is None:
            return None
        reported, tries, missed = found["told"], found["tries"], found.get("missed", "")
        return WatchedRequest(found["_id"], found["since"], reported, tries, missed)

    async def look_again(self, watched: WatchedRequest, at: datetime) -> None:
        """Store the state of a request, and its next check."""
        kept = {"look_at": at, "told": watched.reported, "tries": watched.tries, "missed": watched.missed}
        with translated("store a callback"):
            await self._watched.update_one({"_id": watched.name}, {"$set": kept})

    async def end(self, name: str) -> None:
        """Stop watching a request."""
        with translated("end a callback"):
            await self._watched.delete_one({"_id": name})


class WatchedRequestPort(Protocol):
    """The requests with listeners, as :class:`WatchedRequests` stores them."""

    async def add(self, name: str, now: datetime) -> None:
        """Watch a request from now on; adding it again has no effect."""

    async def take(self, now: datetime) -> WatchedRequest | None:
        """Lease a request that is due for a check."""

    async def look_again(self, watched: WatchedRequest, at: datetime) -> None:
        """Store the state of a request, and its next check."""

    async def end(self, name: str) -> None:
        """Stop watching a request."""


class CallbackSource(Protocol):
    """Produces the reports of a protocol."""

    async def callback(self, name: str, reported: str) -> Callback | None:
        """Return the report due after the mark *reported*, or the last one; None without a receiver."""


class CallbackPort(Protocol):
    """Sends reports."""

    async def send(self, callback: Callback) -> bool:
        """Return whether the receiver has accepted *callback*."""


@dataclass(frozen=True, slots=True)
class CallbackClient:
    """Sends reports over the internet."""

    way: SafeHttp

    async def send(self, callback: Callback) -> bool:
        """Return whether the receiver has accepted *callback*; the rest of its answer is ignored."""
        headers = {**callback.headers, "Content-Length": str(len(callback.body))}

        async def whole() -> AsyncIterator[bytes]:
            yield callback.body

        try:
            async with asyncio.timeout(LONGEST.total_seconds()):
                await self.way.post(self._receiver(callback.url), headers, whole)
        except (NotAllowed, safe_http.ReceiverRefused, ReceiverUnavailable, TimeoutError):
            return False
        return True

    def _receiver(self, url: str) -> httpx.URL:
        return safe_http.receiver(url, local=self.way.local)


@dataclass(frozen=True, slots=True)
class CallbackProtocol:
    """Reports changes to the callers of one protocol."""

    source: CallbackSource
    watch: WatchedRequestPort
    way: CallbackPort
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _busy: Counter[str] = field(default_factory=Counter, repr=False)
    """Host → number of calls in progress."""

    async def run_forever(self) -> None:
        """Report changes, until cancelled; errors only delay it."""
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as looking:
            while True:
                await slots.acquire()
                watched = await self._due()
                if watched is None:
                    slots.release()
                    await asyncio.sleep(LOOK_EVERY_S)
                else:
                    looking.create_task(self.look(watched)).add_done_callback(lambda _: slots.release())

    async def look(self, watched: WatchedRequest) -> None:
        """Check a request; an error counts as an attempt, and delays no other request."""
        with ErrorNet() as report:
            await self._report_change(watched)
        if report.error is None:
            return
        _warn("a callback goes out later", report.error, watched.request_id)
        with ErrorNet() as record:
            await self._not_taken(watched, watched.missed, self.clock())
        if record.error is not None:  # it is checked again after its lease
            _warn("callback check delayed", record.error, watched.request_id)

    async def _due(self) -> WatchedRequest | None:
        watched: WatchedRequest | None = None
        with ErrorNet() as net:
            watched = await self.watch.take(self.clock())
        if net.error is not None:
            _warn("callbacks go out later", net.error)
        return watched

    async def _report_change(self, watched: WatchedRequest) -> None:
        callback = await self.source.callback(watched.name, watched.reported)
        if callback is None:
            await self.watch.end(watched.name)
            return
        now, host = self.clock(), urlsplit(callback.url).netloc
        if callback.mark == watched.reported:
            await self._taken(watched, callback, now)
        elif self._busy[host] >= AT_ONE_HOST:
            await self.watch.look_again(watched, now + SOONEST)
        elif await self._send(host, callback):
            await self._taken(replace(watched, reported=callback.mark, tries=0, missed=""), callback, now)
        else:
            await self._not_taken(watched, callback.mark, now)

    async def _send(self, host: str, callback: Callback) -> bool:
        self._busy[host] += 1
        try:
            return await self.way.send(callback)
        finally:
            self._busy[host] -= 1
            if not self._busy[host]:
                del self._busy[host]

    async def _taken(self, watched: WatchedRequest, callback: Callback, now: datetime) -> None:
        if callback.final:
            await self.watch.end(watched.name)
        else:
            age = now - watched.since
            wait = SOONEST if callback.behind else min(LATEST, max(SOONEST, age / AGES_SHARE))
            await self.watch.look_again(watched, now + wait)

    async def _not_taken(self, watched: WatchedRequest, mark: str, now: datetime) -> None:
        """Retry later; a status without earlier attempts begins anew."""
        tries = watched.tries + 1 if mark == watched.missed else 1
        if tries == MOST_TRIES:
            logger().warning("callback retried daily", service="intake", request_id=watched.request_id)
        wait = SLOW_PACE if tries >= MOST_TRIES else min(MOST_WAIT, SOONEST * 2 ** min(tries, 12))
        await self.watch.look_again(replace(watched, tries=tries, missed=mark), now + wait)


def _warn(what: str, error: Exception, request_id: str | None = None) -> None:
    """Log an error by its type alone: its message may hold another system's text."""
    logger().warning(what, service="intake", request_id=request_id, reason=type(error).__name__)
