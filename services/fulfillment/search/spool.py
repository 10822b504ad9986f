"""
What a search has no room for in memory: one file without a name, which only this process can read.

It is encrypted with a key that nobody else knows: personal data lies readable in the company's stores and in
the vault, and nowhere else.
"""

import secrets
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from functools import cached_property
from threading import Lock
from typing import IO, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.runtime.mongo import Document, from_bson

BLOCK = 256 << 10
"""Bytes of documents that are encrypted together; so many are decoded at a time."""
MOST_OPEN = 4 << 20
"""Bytes that all rolls of a spool may have in memory because no block is full yet."""
LEAST_BLOCK = 4 << 10
NONCE_BYTES = 12
KEY_BITS = 256


class _Block(NamedTuple):
    start: int
    size: int
    nonce: bytes


class Spool:
    """The file of one search; nothing is opened, and hardly anything made, before something is written."""

    def __init__(self) -> None:
        """Begin without a file."""
        self._file: IO[bytes] | None = None
        self._lock = Lock()  # what was found is planned and packed in threads

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(AESGCM.generate_key(KEY_BITS))

    @cached_property
    def _rolls(self) -> "weakref.WeakSet[Roll]":
        return weakref.WeakSet()

    def roll(self) -> "Roll":
        """Return a new roll."""
        made = Roll(self)
        self._rolls.add(made)
        return made

    @property
    def block(self) -> int:
        """How many bytes a roll writes together: the less, the more rolls there are."""
        return max(LEAST_BLOCK, min(BLOCK, MOST_OPEN // max(1, len(self._rolls))))

    def write(self, data: bytes) -> _Block:
        """Write *data* at the end; return where."""
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the last who refers to it
            weakref.finalize(self, self._file.close)
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, zlib.compress(data, 1), None)
        with self._lock:
            block = _Block(self._file.seek(0, 2), len(sealed), nonce)
            self._file.write(sealed)
        return block

    def read(self, block: _Block) -> bytes:
        """Return what was written as *block*."""
        if self._file is None:
            raise ValueError("nothing was written")
        with self._lock:
            self._file.seek(block.start)
            sealed = self._file.read(block.size)
        return zlib.decompress(self._cipher.decrypt(block.nonce, sealed, None))


class Roll:
    """Documents in the order in which they came: full blocks in the file, the rest in memory."""

    def __init__(self, spool: Spool) -> None:
        """Begin with none; :meth:`Spool.roll` makes it."""
        self._spool = spool
        self._blocks: list[_Block] = []
        self._open = bytearray()

    def __iter__(self) -> Iterator[Document]:
        """Yield every document that is here at this moment; may be begun again, also before it has ended."""
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
