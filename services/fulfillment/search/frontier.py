"""
The queue of values that a search has still to look up: in memory while they are few, else in its file.

A person may have a million orders, each with references. The queue is read in portions.
"""

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeAlias

from services.fulfillment.datamap.graph import Lookup
from services.fulfillment.search.spool import Spool, SpoolSection
from shared.runtime.mongo import Document, to_bson

MOST_IN_MEMORY = 20_000
"""Queued values in memory, of all look-ups of a search together."""
_VALUES = "v"

Values: TypeAlias = tuple[Any, ...]
"""The values of one look-up: one for each of its paths."""


class _ValueQueue:
    """The values of one look-up, in about the order in which they came."""

    def __init__(self, spool: Spool) -> None:
        self.few: deque[Values] = deque()
        self._spool = spool
        self._later: SpoolSection | None = None
        self._reading: Iterator[Document] | None = None

    def put_by(self, values: Values) -> None:
        """Write *values* to the file."""
        if self._later is None:
            self._later = self._spool.roll()
        self._later.add(to_bson({_VALUES: list(values)}))

    def read(self) -> Iterator[Values]:
        """Yield the values in the file; each call goes on where the last one stopped."""
        while self._reading is not None or self._later is not None:
            if self._reading is None and self._later is not None:
                self._reading, self._later = iter(self._later), None
            for document in self._reading or ():
                yield tuple(document[_VALUES])
            self._reading = None


class LookupQueue:
    """The queue of one search."""

    def __init__(self, spool: Spool) -> None:
        """Create an empty queue; values without room in memory go to *spool*."""
        self._spool = spool
        self._queues: dict[Lookup, _ValueQueue] = {}
        self._few = 0

    def __bool__(self) -> bool:
        """Whether the queue holds values."""
        return bool(self._queues)

    def put(self, lookup: Lookup, values: Values) -> None:
        """Enqueue *values* to be looked up by *lookup*."""
        queue = self._queues.get(lookup)
        if queue is None:
            queue = self._queues[lookup] = _ValueQueue(self._spool)
        if self._few < MOST_IN_MEMORY:
            queue.few.append(values)
            self._few += 1
        else:
            queue.put_by(values)

    def take(self, most: int) -> Iterator[tuple[Lookup, Values]]:
        """Yield and remove up to *most* values, look-up by look-up."""
        for lookup, queue in list(self._queues.items()):
            while queue.few and most:
                self._few -= 1
                most -= 1
                yield lookup, queue.few.popleft()
            for values in islice(queue.read(), most):
                most -= 1
                yield lookup, values
            if not most:
                return
            del self._queues[lookup]
