"""
Tells agents where a request stands whenever that has changed, if they asked for it (section 3.02).

What was told is kept in the database: a crash tells an agent something twice at most. A request is looked at
the more rarely the older it is, and no more once its last status was taken.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Protocol

from services.intake.drp.desk import Callback, Desk
from shared import outward
from shared.errors import HabeasError, StoreUnavailable
from shared.log import logger
from shared.mongo import Database, Document, ReturnDocument, translated
from shared.outward import NotAllowed, Outward, ReceiverUnavailable

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
"""Then nobody is told any more: four days."""
AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True)
class Watched:
    """A request that an agent wants to hear of."""

    request_id: str
    since: datetime
    told: str = ""
    """Digest of the status that the agent has taken last."""
    tries: int = 0
    """How often the newest one was not taken."""


class Watch:
    """The requests that agents want to hear of."""

    def __init__(self, database: Database) -> None:
        """Keep them in *database*."""
        self._watched = database["drp_callbacks"]

    async def prepare(self) -> None:
        """Create the index."""
        with translated("index callbacks"):
            await self._watched.create_index("look_at")

    async def add(self, request_id: str, now: datetime) -> None:
        """Look at a request from now on; adding it again changes nothing."""
        fresh = {"since": now, "look_at": now, "told": "", "tries": 0}
        with translated("add a callback"):
            await self._watched.update_one({"_id": request_id}, {"$setOnInsert": fresh}, upsert=True)

    async def take(self, now: datetime) -> Watched | None:
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
        return Watched(found["_id"], found["since"], found["told"], found["tries"])

    async def look_again(self, watched: Watched, at: datetime) -> None:
        """Keep what is known of a request, and look at it again."""
        kept = {"look_at": at, "told": watched.told, "tries": watched.tries}
        with translated("settle a callback"):
            await self._watched.update_one({"_id": watched.request_id}, {"$set": kept})

    async def end(self, request_id: str) -> None:
        """Look at a request no more."""
        with translated("end a callback"):
            await self._watched.delete_one({"_id": request_id})


class Requests(Protocol):
    """The requests that agents want to hear of, as :class:`Watch` keeps them."""

    async def take(self, now: datetime) -> Watched | None:
        """Return a request that it is time to look at, which nobody else will for a while."""

    async def look_again(self, watched: Watched, at: datetime) -> None:
        """Keep what is known of a request, and look at it again."""

    async def end(self, request_id: str) -> None:
        """Look at a request no more."""


class Agents(Protocol):
    """The way to agents."""

    async def tell(self, url: str, status: dict[str, Any]) -> bool:
        """Return whether who is reached at *url* has taken *status*."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Agents, reached over the internet."""

    way: Outward

    async def tell(self, url: str, status: dict[str, Any]) -> bool:
        """Return whether who is reached at *url* has taken *status*; what else they answer is let go."""
        body = json.dumps(status).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}

        async def whole() -> AsyncIterator[bytes]:
            yield body

        try:
            async with asyncio.timeout(LONGEST.total_seconds()):
                await self.way.post(outward.receiver(url), headers, whole)
        except (NotAllowed, outward.Refused, ReceiverUnavailable, TimeoutError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells agents."""

    desk: Desk
    watch: Requests
    agents: Agents
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def for_ever(self) -> None:
        """Tell whatever has changed, until cancelled; an outage only delays it."""
        while True:
            try:
                while await self.some():
                    pass
            except StoreUnavailable as error:
                logger().warning("agents are told later", service="intake", reason=str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def some(self) -> bool:
        """Look at some of the requests that it is time to look at; return whether there were any."""
        taken = [await self.watch.take(self.clock()) for _ in range(AT_ONCE)]
        found = [one for one in taken if one is not None]
        await asyncio.gather(*map(self._look, found))
        return bool(found)

    async def _look(self, watched: Watched) -> None:
        try:
            await self._tell_what_changed(watched)
        except HabeasError as error:
            # It is looked at again when its lease is over; one request holds up no other.
            logger().warning(
                "an agent is told later", service="intake", request_id=watched.request_id, reason=str(error)
            )

    async def _tell_what_changed(self, watched: Watched) -> None:
        callback = await self.desk.callback(watched.request_id)
        if callback is None:
            await self.watch.end(watched.request_id)
            return
        now = self.clock()
        digest = _digest_of(callback)
        if digest == watched.told:
            await self.watch.look_again(watched, now + _wait(watched, now))
        elif await self.agents.tell(callback.url, callback.status):
            await self._taken(Watched(watched.request_id, watched.since, digest), callback, now)
        else:
            await self._not_taken(watched, now)

    async def _taken(self, watched: Watched, callback: Callback, now: datetime) -> None:
        if callback.final:
            await self.watch.end(watched.request_id)
        else:
            await self.watch.look_again(watched, now + _wait(watched, now))

    async def _not_taken(self, watched: Watched, now: datetime) -> None:
        tries = watched.tries + 1
        if tries >= MOST_TRIES:
            logger().warning("an agent is not told", service="intake", request_id=watched.request_id)
            await self.watch.end(watched.request_id)
            return
        wait = min(MOST_WAIT, SOONEST * 2 ** min(tries, 12))
        later = Watched(watched.request_id, watched.since, watched.told, tries)
        await self.watch.look_again(later, now + wait)


def _wait(watched: Watched, now: datetime) -> timedelta:
    return min(LATEST, max(SOONEST, (now - watched.since) / AGES_SHARE))


def _digest_of(callback: Callback) -> str:
    return sha256(json.dumps(callback.status).encode()).hexdigest()
