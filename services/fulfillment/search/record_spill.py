"""Storage for the documents that a search found: in memory while they are few, else in its file."""

from collections.abc import Hashable, Iterable, Iterator

from services.fulfillment.search.digests import DigestSet
from services.fulfillment.search.spool import Spool, SpoolSection
from shared.runtime.mongo import Document, to_bson

MOST_IN_MEMORY = 8 << 20
"""Bytes of documents that one search keeps in memory, for all its collections."""
OVERHEAD = 256
"""Overhead in bytes per document: small ones need many times their size."""


class RecordBuffer:
    """The documents of one collection, each once, in the order of arrival."""

    def __init__(self, spool: Spool) -> None:
        """Create an empty buffer; documents without room in memory go to *spool*."""
        self.bytes = 0
        """Bytes that the documents in memory count for."""
        self._spool = spool
        self._documents: dict[Hashable, Document] = {}
        self._roll: SpoolSection | None = None
        self._known = DigestSet()

    @property
    def spooled(self) -> bool:
        """Whether the documents lie in a file."""
        return self._roll is not None

    def __len__(self) -> int:
        """Return the number of documents."""
        return len(self._documents) if self._roll is None else len(self._known)

    def __contains__(self, key: Hashable) -> bool:
        """Return whether the document with *key* is here."""
        return key in self._documents if self._roll is None else key in self._known

    def __iter__(self) -> Iterator[Document]:
        """Yield every document of this moment; may be started again before it has ended."""
        return iter(list(self._documents.values()) if self._roll is None else self._roll)

    def put(self, key: Hashable, document: Document, bson: bytes) -> None:
        """Keep *document*, which is *bson* as it was read, unless the one with *key* is here already."""
        if self._roll is not None:
            if self._known.add(key):
                self._roll.add(bson)
        elif self._documents.setdefault(key, document) is document:
            self.bytes += len(bson) + OVERHEAD

    def move(self) -> None:
        """Move the documents in memory to the file; later ones go there directly."""
        self._roll = self._spool.roll()
        for key, document in self._documents.items():
            self._known.add(key)
            self._roll.add(to_bson(document))
        self._documents.clear()
        self.bytes = 0


class RecordBuffers:
    """The buffers of one search. They share the memory; the fullest one moves to the file."""

    def __init__(self, names: Iterable[str], spool: Spool) -> None:
        """Create an empty buffer for each of *names*."""
        self._shelves = {name: RecordBuffer(spool) for name in names}
        self._bytes = 0
        self.total_bytes = 0
        """Bytes of all documents that were put here, with the overhead of each."""

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the buffers."""
        return iter(self._shelves)

    def __getitem__(self, name: str) -> RecordBuffer:
        """Return the buffer *name*."""
        return self._shelves[name]

    def put(self, name: str, key: Hashable, document: Document, bson: bytes) -> None:
        """Keep *document* in the buffer *name*, unless the one with *key* is there already."""
        shelf = self._shelves[name]
        self.total_bytes += len(bson) + OVERHEAD
        before = shelf.bytes
        shelf.put(key, document, bson)
        self._bytes += shelf.bytes - before
        while self._bytes > MOST_IN_MEMORY:
            fullest = max(self._shelves.values(), key=lambda shelf: shelf.bytes)
            self._bytes -= fullest.bytes
            fullest.move()
