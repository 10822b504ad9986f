"""
The memory that the searches of a process share.

A small search takes none of it. A larger one takes more as it finds records; where nothing is left, it drops
what it has found, waits for its turn with empty hands, and starts again with room for the largest search. So
memory is bounded for any number of requests, no search waits for memory while it holds some, and a search
larger than all the memory still runs: alone.
"""

import asyncio
from collections import deque

FREE = 64 << 10
"""Bytes of records that every search may keep without asking."""
STEP = 1 << 20
WEIGHT = 3
"""Bytes of memory for each byte that a record counts for: decoded, divided, and in the package's writers."""
BESIDE = 2 << 20
"""Bytes beside the records: the chunk of a package that is written, and open blocks of the file."""


class SearchMemory:
    """A number of bytes, given to those who ask in the order in which they came."""

    def __init__(self, most: int) -> None:
        """Give *most* bytes, and more to one that asks for more while no other has any."""
        self._most = most
        self._used = 0
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def used(self) -> int:
        """The bytes that are given."""
        return self._used

    def take(self, size: int) -> bool:
        """Give *size* bytes if they are there and none waits; return whether they were given."""
        if self._queue or not self._fits(size):
            return False
        self._used += size
        return True

    async def wait(self, size: int) -> None:
        """Give *size* bytes in turn."""
        if self.take(size):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            self._leave(size, turn)
            raise

    def overdraw(self, size: int) -> None:
        """Give *size* bytes whether or not they are there."""
        self._used += size

    def give_back(self, size: int) -> None:
        """Take *size* bytes back, and give them to those who wait."""
        self._used -= size
        while self._queue and self._fits(self._queue[0][0]):
            wanted, turn = self._queue.popleft()
            if not turn.cancelled():
                self._used += wanted
                turn.set_result(None)

    def _fits(self, size: int) -> bool:
        return not self._used or self._used + size <= self._most

    def _leave(self, size: int, turn: asyncio.Future[None]) -> None:
        """Let one that waited leave; the next in the queue may fit where it did not."""
        if turn.done() and not turn.cancelled():
            self.give_back(size)
        else:
            self._queue = deque(one for one in self._queue if one[1] is not turn)
            self.give_back(0)


class SearchRoom:
    """The memory of one handler, for all its searches."""

    def __init__(self, memory: SearchMemory | None = None) -> None:
        """Take from *memory*; without it, there is no limit."""
        self._memory = memory
        self._held = 0
        self._kept = 0
        """The bytes for the findings of earlier searches: those cannot be dropped to wait."""
        self.refused = False
        """Whether a search must drop its records and wait."""

    def keep(self, size: int) -> bool:
        """Let a search keep records that count for *size* bytes; return whether it may."""
        if self._memory is None or size <= FREE:
            return True
        while not self.refused and self._kept + _weight(size) > self._held:
            if self._kept:
                self._memory.overdraw(STEP)
            elif not self._memory.take(STEP):
                self.refused = True
                break
            self._held += STEP
        return not self.refused

    async def wait(self, most: int) -> None:
        """Wait for room for the largest search, which keeps records that count for *most* bytes."""
        if self._memory is None:
            return
        self.give_back()
        await self._memory.wait(_weight(most))
        self._held = _weight(most)

    def settle(self, size: int) -> None:
        """Keep the findings of a search, which count for *size* bytes, and give back the rest."""
        if self._memory is None or not self._held:
            return
        self._kept = min(self._kept + _weight(size), self._held)
        self._memory.give_back(self._held - self._kept)
        self._held = self._kept

    def give_back(self) -> None:
        """Give everything back; it may be called again."""
        if self._memory is not None:
            self._memory.give_back(self._held)
        self._held, self._kept, self.refused = 0, 0, False


def _weight(size: int) -> int:
    return size * WEIGHT + BESIDE
