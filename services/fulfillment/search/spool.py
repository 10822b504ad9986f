"""
A spool file for documents of a search without room in memory, and the queue of values to look up.

A person may have a million orders, each with references. The file is encrypted with a key in this process's
memory: personal data is readable only in the company's stores and in the vault.
"""

import secrets
import tempfile
import weakref
import zlib
from collections import deque
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from threading import Lock
from typing import IO, Any, NamedTuple, TypeAlias

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.fulfillment.datamap.graph import Lookup
from shared.runtime.mongo import Document, from_bson, to_bson

BLOCK = 256 << 10
"""Bytes of documents that are encrypted, and later decoded, together."""
MOST_OPEN = 4 << 20
"""Bytes of all sections of a spool in memory because no block is full yet."""
LEAST_BLOCK = 4 << 10
NONCE_BYTES = 12
KEY_BITS = 256


class _Block(NamedTuple):
    start: int
    size: int
    nonce: bytes


class Spool:
    """The file of one search; it is opened at the first write."""

    def __init__(self) -> None:
        """Create a spool without a file."""
        self._file: IO[bytes] | None = None
        self._lock = Lock()  # threads plan and pack the findings

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(AESGCM.generate_key(KEY_BITS))

    @cached_property
    def _rolls(self) -> "weakref.WeakSet[SpoolSection]":
        return weakref.WeakSet()

    def roll(self) -> "SpoolSection":
        """Return a new section."""
        made = SpoolSection(self)
        self._rolls.add(made)
        return made

    @property
    def block(self) -> int:
        """Bytes that a section writes together: the less, the more sections there are."""
        return max(LEAST_BLOCK, min(BLOCK, MOST_OPEN // max(1, len(self._rolls))))

    def write(self, data: bytes) -> _Block:
        """Write *data* at the end; return its block."""
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the last reference to it
            weakref.finalize(self, self._file.close)
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, zlib.compress(data, 1), None)
        with self._lock:
            block = _Block(self._file.seek(0, 2), len(sealed), nonce)
            self._file.write(sealed)
        return block

    def read(self, block: _Block) -> bytes:
        """Return the content of *block*."""
        if self._file is None:
            raise ValueError("nothing was written")
        with self._lock:
            self._file.seek(block.start)
            sealed = self._file.read(block.size)
        return zlib.decompress(self._cipher.decrypt(block.nonce, sealed, None))


class SpoolSection:
    """Documents in the order of arrival: full blocks in the file, the rest in memory."""

    def __init__(self, spool: Spool) -> None:
        """Create an empty section; use :meth:`Spool.roll`."""
        self._spool = spool
        self._blocks: list[_Block] = []
        self._open = bytearray()

    def __iter__(self) -> Iterator[Document]:
        """Yield every document of this moment; may be started again before it has ended."""
        blocks, rest = list(self._blocks), bytes(self._open)
        for block in blocks:
            yield from from_bson(self._spool.read(block))
        yield from from_bson(rest)

    def add(self, document: bytes) -> None:
        """Add a document, as BSON."""
        self._open += document
        if len(self._open) > self._spool.block:
            self._blocks.append(self._spool.write(bytes(self._open)))
            self._open.clear()


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
            yield from (tuple(document[_VALUES]) for document in self._reading or ())
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
