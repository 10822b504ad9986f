"""
Where a search puts the documents it has found: in memory while they are few, else in a file.

The file has no name, and what is in it is encrypted with a key that only this process knows: personal data
lies readable in the company's stores and in the vault, and nowhere else.
"""

import secrets
import tempfile
import weakref
import zlib
from array import array
from collections.abc import Hashable, Iterator
from hashlib import blake2b
from typing import IO

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.mongo import Document, from_bson, to_bson

MOST_IN_MEMORY = 4 << 20
"""Bytes of documents in memory, per collection and search."""
BLOCK = 1 << 20
"""Bytes of documents that are encrypted together."""
NONCE_BYTES = 12
KEY_BITS = 256


class Shelf:
    """The documents of one collection, each once, in the order in which they came."""

    def __init__(self) -> None:
        """Begin with none."""
        self._documents: dict[Hashable, Document] = {}
        self._bytes = 0
        self._spool: _Spool | None = None

    @property
    def spooled(self) -> bool:
        """Whether the documents lie in a file."""
        return self._spool is not None

    def __len__(self) -> int:
        """Return the number of documents."""
        return len(self._documents) if self._spool is None else len(self._spool)

    def __iter__(self) -> Iterator[Document]:
        """Yield every document that is here at this moment; may be begun again, also before it has ended."""
        return iter(list(self._documents.values()) if self._spool is None else self._spool)

    def put(self, key: Hashable, document: Document) -> None:
        """Keep *document*, unless the one with *key* is here already."""
        if self._spool is not None:
            self._spool.put(key, document)
        elif key not in self._documents:
            self._documents[key] = document
            self._bytes += len(to_bson(document))
            if self._bytes > MOST_IN_MEMORY:
                self._move()

    def _move(self) -> None:
        self._spool = _Spool()
        for key, document in self._documents.items():
            self._spool.put(key, document)
        self._documents.clear()


class _Spool:
    """A nameless file of encrypted blocks."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._cipher = AESGCM(AESGCM.generate_key(KEY_BITS))
        self._blocks: list[tuple[int, int, bytes]] = []
        self._open = bytearray()
        self._known = _Digests()

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Document]:
        # What came last is still in memory; the number of blocks at this moment bounds the walk.
        blocks, rest = list(self._blocks), bytes(self._open)
        for start, size, nonce in blocks:
            self._file.seek(start)
            sealed = self._file.read(size)
            yield from from_bson(zlib.decompress(self._cipher.decrypt(nonce, sealed, None)))
        yield from from_bson(rest)

    def put(self, key: Hashable, document: Document) -> None:
        if self._known.add(key):
            self._open += to_bson(document)
            if len(self._open) > BLOCK:
                self._seal()

    def _seal(self) -> None:
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, zlib.compress(bytes(self._open), 1), None)
        self._blocks.append((self._file.seek(0, 2), len(sealed), nonce))
        self._file.write(sealed)
        self._open.clear()


class _Digests:
    """
    A set of keys, of which it keeps 64 bits each: sixteen bytes for a key instead of a hundred.

    Two of a million keys have the same 64 bits once in forty million sets.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 << 16))
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def add(self, key: Hashable) -> bool:
        """Add *key*; return whether it is new."""
        digest = (
            int.from_bytes(blake2b(repr(key).encode("utf-8", "surrogatepass"), digest_size=8).digest()) or 1
        )
        place = self._place(digest)
        if self._slots[place]:
            return False
        self._slots[place] = digest
        self._used += 1
        if 2 * self._used > len(self._slots):
            self._grow()
        return True

    def _place(self, digest: int) -> int:
        slots, most = self._slots, len(self._slots) - 1
        place = digest & most
        while slots[place] and slots[place] != digest:
            place = (place + 1) & most
        return place

    def _grow(self) -> None:
        digests = [digest for digest in self._slots if digest]
        self._slots = array("Q", bytes(16 * len(self._slots)))
        for digest in digests:
            self._slots[self._place(digest)] = digest
