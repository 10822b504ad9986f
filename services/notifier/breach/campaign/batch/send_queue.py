"""
The order of a batch's people: at once, when the limit of a domain lets it, or after a pause.

Ordinary letters beyond a limit wait for another minute, in the broker; a campaign would come in one burst a
minute, and most of it would wait too long. So its letters to a limited domain are evenly spread, for all
replicas together. A domain may be a person's own: it is kept hashed.
"""

import asyncio
import hmac
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from services.notifier.letters.mime import addr_spec
from services.notifier.smtp.letter_limits import OTHERS
from shared.errors import MailRefused
from shared.runtime.mongo import Database, Document, ReturnDocument, translated

MINUTE_MS = 60_000
AHEAD_MS = 1_000
"""How far ahead a place is taken: a stopped turn wastes the places of one second at most."""
ASK_AGAIN_S = 5.0
KEEP = timedelta(hours=1)
PAUSES_S = (1.0, 5.0)
"""Seconds before a letter that was not taken is tried again in the same turn."""


class NoticePace:
    """The limits of notices."""

    def __init__(self, database: Database, key: bytes, per_minute: Mapping[str, int]) -> None:
        """Keep count in *database*; *per_minute*: domain → letters, ``*``: each other domain."""
        self._places = database["paces"]
        self._key = key
        self._per_minute = per_minute

    async def prepare(self) -> None:
        """Create the index by which old places go."""
        with translated("index the paces"):
            await self._places.create_index("due", expireAfterSeconds=int(KEEP.total_seconds()))

    def limited(self, address: str | None) -> str | None:
        """Return the domain of *address* if it is limited."""
        if not self._per_minute or not address:
            return None
        try:
            domain = addr_spec(address).rpartition("@")[2].lower()
        except MailRefused:
            return None
        return domain if domain in self._per_minute or OTHERS in self._per_minute else None

    async def place(self, domain: str) -> None:
        """
        Return when a letter to *domain* may go.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        most = self._per_minute.get(domain) or self._per_minute[OTHERS]
        key = hmac.digest(self._key, domain.encode(), "sha256").hex()
        while True:
            with translated("take a letter's place"):
                taken = await self._places.find_one_and_update(
                    {"_id": key},
                    _one_more(MINUTE_MS / most),
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
            wait_s = (taken["place"] - taken["now"]).total_seconds()
            if taken["given"]:
                return await asyncio.sleep(wait_s)
            await asyncio.sleep(min(wait_s - AHEAD_MS / 2_000, ASK_AGAIN_S))


def _one_more(spacing_ms: float) -> list[Document]:
    """Return the update that takes the next place, unless it is too far ahead by the database's clock."""
    after = {"$add": [{"$ifNull": ["$due", {"$subtract": ["$$NOW", spacing_ms]}]}, spacing_ms]}
    given = {"$lte": ["$place", {"$add": ["$$NOW", AHEAD_MS]}]}
    return [
        {"$set": {"place": {"$max": ["$$NOW", after]}, "now": "$$NOW"}},
        {"$set": {"given": given}},
        {"$set": {"due": {"$cond": ["$given", "$place", "$due"]}}},
    ]


class SendQueue:
    """The people of a batch still to be written to."""

    def __init__(
        self,
        numbers: Iterable[int],
        limited: Callable[[int], str | None],
        pace: NoticePace,
        *,
        ready: Callable[[], None],
    ) -> None:
        """
        Hand out *numbers*, in their order.

        *limited* returns the limited domain of a person, if any; *ready* is called when a person can be
        written to that could not before.
        """
        self._pace = pace
        self._announce: Callable[[], None] = ready
        self._ready: deque[int] = deque()
        self._limited: dict[str, deque[int]] = {}
        self._limit_of = limited
        self._feeders: dict[str, asyncio.Task[None]] = {}
        self._failed: Callable[[BaseException], None] = _ignored
        self._begun: dict[int, asyncio.Event] = {}
        """Set when a person's place has come and their letter begins."""
        self._tries: Counter[int] = Counter()
        self._pauses: dict[int, asyncio.TimerHandle] = {}
        self._later: set[int] = set()
        self._stopped = False
        for number in numbers:
            domain = limited(number)
            queue = self._ready if domain is None else self._limited.setdefault(domain, deque())
            queue.append(number)

    def begin(self, failed: Callable[[BaseException], None]) -> None:
        """Begin to ask for places at limited domains; *failed* gets the error if that ends."""
        self._failed = failed
        for domain in self._limited:
            self._ask_for_places(domain)

    def _ask_for_places(self, domain: str) -> None:
        """Ask for one place after the other in a task, unless one runs already."""

        def note_end(feeder: asyncio.Task[None]) -> None:
            del self._feeders[domain]
            error = None if feeder.cancelled() else feeder.exception()
            if error is not None:
                self._failed(error)
            elif self._limited[domain] and not self._stopped:  # another person came while it ended
                self._ask_for_places(domain)
            self._announce()

        if domain not in self._feeders:
            feeder = self._feeders[domain] = asyncio.create_task(self._feed(domain, self._limited[domain]))
            feeder.add_done_callback(note_end)

    async def _feed(self, domain: str, queue: deque[int]) -> None:
        """Make the people of *queue* ready one by one: none gets a place before the last letter has begun."""
        while queue:
            await self._pace.place(domain)
            number = queue.popleft()
            begun = self._begun[number] = asyncio.Event()
            self._ready.append(number)
            self._announce()
            await begun.wait()

    @property
    def ready(self) -> int:
        """Number of people that can be written to now."""
        return 0 if self._stopped else len(self._ready)

    @property
    def pausing(self) -> bool:
        """Whether a letter that was not taken is tried again in a moment."""
        return bool(self._pauses) and not self._stopped

    @property
    def limited(self) -> bool:
        """Whether people wait only for the limit of a domain."""
        return bool(self._feeders) and not self._stopped

    @property
    def untried(self) -> int:
        """Number of people whose letters were not tried."""
        return len(self._ready) + sum(map(len, self._limited.values()))

    @property
    def left(self) -> int:
        """Number of people without a letter."""
        return self.untried + len(self._pauses) + len(self._later)

    def next(self) -> int | None:
        """Return the person to write to next; None if there is none now."""
        if not self.ready:
            return None
        number = self._ready.popleft()
        if (begun := self._begun.pop(number, None)) is not None:
            begun.set()
        return number

    def put_off(self, number: int, *, rests: bool = False) -> None:
        """Put off a letter that was not taken: a moment, or, if it *rests*, until another turn."""
        tried = self._tries[number]
        self._tries[number] += 1
        if tried < len(PAUSES_S) and not rests and not self._stopped:
            loop = asyncio.get_running_loop()
            self._pauses[number] = loop.call_later(PAUSES_S[tried], self._resume, number)
        else:
            self._later.add(number)

    def _resume(self, number: int) -> None:
        """Make a person ready again after a pause; at a limited domain every attempt counts."""
        del self._pauses[number]
        domain = self._limit_of(number)
        if domain is None:
            self._ready.append(number)
            self._announce()
        else:
            self._limited[domain].append(number)
            self._ask_for_places(domain)

    def stop(self) -> None:
        """Hand out no more people."""
        self._stopped = True
        for pause in self._pauses.values():
            pause.cancel()
        for feeder in self._feeders.values():
            feeder.cancel()

    def detach(self) -> None:
        """
        Drop the callback, once all is over.

        The owner and this queue refer to one another. So both, and the letters of the batch, would stay in
        memory until the garbage collector looks at old objects, every hundred thousand letters.
        """
        self._announce, self._failed = _ignored, _ignored


def _ignored(*_: object) -> None:
    """Hear nothing."""
