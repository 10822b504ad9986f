"""Open streams of live counts: each session has a few."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

MOST_STREAMS = 6
"""Open streams of one session: about as many pages as a browser shows of one site at once."""


@dataclass(slots=True)
class OpenStreams:
    """The open streams of each session."""

    _open: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def one_of(self, session: str) -> Iterator[bool]:
        """Hold a stream of *session* open for the block; yield whether it may be."""
        allowed = self._open[session] < MOST_STREAMS
        self._open[session] += allowed
        try:
            yield allowed
        finally:
            self._open[session] -= allowed
            if not self._open[session]:
                del self._open[session]
