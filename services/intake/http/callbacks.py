"""
Tells other systems where a request stands whenever that has changed, if they asked for it.

What was told is kept in the database: a crash tells somebody something twice at most. A request is looked at
the more rarely the older it is, and no more once its last status was taken. What is said, and where, is the
business of each protocol.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from urllib.parse import urlsplit

from shared.runtime import safe_http
from shared.runtime.log import logger
from shared.runtime.mongo import Collection, Document, ReturnDocument, translated
from shared.runtime.safe_http import NotAllowed, ReceiverUnavailable, SafeHttp

LOOK_EVERY_S: Final = 1.0
SOONEST, LATEST = timedelta(seconds=1), timedelta(minutes=10)
"""How long after a look the next one is."""
AGES_SHARE: Final = 10
"""A change is told within a tenth of a request's age."""
LONGEST = timedelta(seconds=10)
"""For the whole of one attempt: nobody may hold the others up by answering slowly."""
LEASE = timedelta(minutes=1)
"""How long nobody else looks at what somebody is at."""
MOST_WAIT = timedelta(hours=1)
MOST_TRIES: Final = 100
"""Within four days; then the same is told once a day."""
SLOW_PACE = timedelta(days=1)
AT_ONCE, AT_ONE_HOST = 20, 5
"""How many are told at once, and how many of them at one host: a slow one holds up none but its own."""


@dataclass(frozen=True, slots=True)
class WatchedRequest:
    """A request that somebody wants to hear of."""

    name: str
    """What the protocol calls it: the request's id, and what tells one listener from another."""
    since: datetime
    reported: str = ""
    """What tells the status that was taken last from all others."""
    tries: int = 0
    """How often the newest one was not taken."""
    missed: str = ""
    """What tells that one from all others."""

    @property
    def request_id(self) -> str:
        """The request's id."""
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Callback:
    """What somebody is to be told, and where."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    mark: str
    """Tells it from all else that may be told of the request."""
    final: bool
    """Whether nothing comes after it."""
    behind: bool = False
    """Whether another waits to be told after it."""


class WatchedRequests:
    """The requests that the callers of one protocol want to hear of."""

    def __init__(self, collection: Collection) -> None:
        """Keep them in *collection*."""
        self._watched = collection

    async def prepare(self) -> None:
        """Create the index."""
        with translated("index callbacks"):
            await self._watched.create_index("look_at")

    async def add(self, name: str, now: datetime) -> None:
        """Look at a request from now on; adding it again changes nothing."""
        fresh = {"since": now, "look_at": now, "told": "", "tries": 0}
        with translated("add a callback"):
            await self._watched.update_one({"_id": name}, {"$setOnInsert": fresh}, upsert=True)

    async def take(self, now: datetime) -> WatchedRequest | None:
        """Return a request that it is time to look at, which nobody else will for a while."""
        with translated("look for callbacks"):
            found: Document | None = await self._watched.find_one_and_update(
                {"look_at": {"$lte": now}},
                {"$set": {"look_at": now + LEASE}},
                sort=[("look_at", 1)],
                return_document=ReturnDocument.AFTER,
            )
        if found is None:
            return None
        return WatchedRequest(
            found["_id"], found["since"], found["told"], found["tries"], found.get("missed", "")
        )

    async def look_again(self, watched: WatchedRequest, at: datetime) -> None:
        """Keep what is known of a request, and look at it again."""
        kept = {"look_at": at, "told": watched.reported, "tries": watched.tries, "missed": watched.missed}
        with translated("settle a callback"):
            await self._watched.update_one({"_id": watched.name}, {"$set": kept})

    async def end(self, name: str) -> None:
        """Look at a request no more."""
        with translated("end a callback"):
            await self._watched.delete_one({"_id": name})


class CallbackListeners(Protocol):
    """Where a protocol notes that somebody wants to hear of a request."""

    async def add(self, name: str, now: datetime) -> None:
        """Look at a request from now on; adding it again changes nothing."""


class WatchedRequestPort(Protocol):
    """The requests that somebody wants to hear of, as :class:`WatchedRequests` keeps them."""

    async def take(self, now: datetime) -> WatchedRequest | None:
        """Return a request that it is time to look at, which nobody else will for a while."""

    async def look_again(self, watched: WatchedRequest, at: datetime) -> None:
        """Keep what is known of a request, and look at it again."""

    async def end(self, name: str) -> None:
        """Look at a request no more."""


class CallbackSource(Protocol):
    """What a protocol says of its requests."""

    async def callback(self, name: str, reported: str) -> Callback | None:
        """
        Return what is to be said of a request now, or was said last; None where there is nobody to tell.

        Args:
            name: Which request, and to whom.
            reported: The mark of the status that was accepted last; empty if none was.
        """


class CallbackPort(Protocol):
    """The way to whoever is told."""

    async def tell(self, callback: Callback) -> bool:
        """Return whether who is reached has taken *callback*."""


@dataclass(frozen=True, slots=True)
class CallbackClient:
    """Other systems, reached over the internet."""

    way: SafeHttp

    async def tell(self, callback: Callback) -> bool:
        """Return whether who is reached has taken *callback*; what else they answer is let go."""
        headers = {**callback.headers, "Content-Length": str(len(callback.body))}

        async def whole() -> AsyncIterator[bytes]:
            yield callback.body

        try:
            async with asyncio.timeout(LONGEST.total_seconds()):
                await self.way.post(safe_http.receiver(callback.url), headers, whole)
        except (NotAllowed, safe_http.ReceiverRefused, ReceiverUnavailable, TimeoutError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class CallbackProtocol:
    """Tells the callers of one protocol."""

    teller: CallbackSource
    watch: WatchedRequestPort
    way: CallbackPort
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _busy: Counter[str] = field(default_factory=Counter, repr=False)
    """Host → how many calls it is being asked to take."""

    async def for_ever(self) -> None:
        """Tell whatever has changed, until cancelled; whatever goes wrong only delays it."""
        room = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as looking:
            while True:
                await room.acquire()
                watched = await self._due()
                if watched is None:
                    room.release()
                    await asyncio.sleep(LOOK_EVERY_S)
                else:
                    looking.create_task(self.look(watched)).add_done_callback(lambda _: room.release())

    async def look(self, watched: WatchedRequest) -> None:
        """Look at a request; whatever goes wrong counts as a try, and holds up no other request."""
        try:
            try:
                await self._tell_what_changed(watched)
            except Exception as error:  # noqa: BLE001 - nothing that one receiver does may end us
                _warn("a callback goes out later", error, watched.request_id)
                await self._not_taken(watched, watched.missed, self.clock())
        except Exception as error:  # noqa: BLE001 - it is looked at again when its lease is over
            _warn("a callback is looked at again later", error, watched.request_id)

    async def _due(self) -> WatchedRequest | None:
        try:
            return await self.watch.take(self.clock())
        except Exception as error:  # noqa: BLE001 - an outage only delays it
            _warn("callbacks go out later", error)
            return None

    async def _tell_what_changed(self, watched: WatchedRequest) -> None:
        callback = await self.teller.callback(watched.name, watched.reported)
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
            return await self.way.tell(callback)
        finally:
            self._busy[host] -= 1
            if not self._busy[host]:
                del self._busy[host]

    async def _taken(self, watched: WatchedRequest, callback: Callback, now: datetime) -> None:
        if callback.final:
            await self.watch.end(watched.name)
        else:
            wait = SOONEST if callback.behind else _wait(watched, now)
            await self.watch.look_again(watched, now + wait)

    async def _not_taken(self, watched: WatchedRequest, mark: str, now: datetime) -> None:
        """Tell it again later; what was not tried before begins anew."""
        tries = watched.tries + 1 if mark == watched.missed else 1
        if tries == MOST_TRIES:
            logger().warning("a callback goes out daily", service="intake", request_id=watched.request_id)
        wait = SLOW_PACE if tries >= MOST_TRIES else min(MOST_WAIT, SOONEST * 2 ** min(tries, 12))
        await self.watch.look_again(replace(watched, tries=tries, missed=mark), now + wait)


def _warn(what: str, error: Exception, request_id: str | None = None) -> None:
    """Say what went wrong by its type alone: a message may hold what somebody else has sent."""
    logger().warning(what, service="intake", request_id=request_id, reason=type(error).__name__)


def _wait(watched: WatchedRequest, now: datetime) -> timedelta:
    return min(LATEST, max(SOONEST, (now - watched.since) / AGES_SHARE))
