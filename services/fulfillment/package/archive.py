"""A ZIP that is written while it is read: constant memory, no seeking, the same bytes for the same files."""

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment a ZIP can name: when files were written is said in the manifest, once."""
UNIX = 3
READABLE = 0o100644
PIECE_BYTES = 64 * 1024
LEVEL = 6
ZIP64_FROM = 1 << 31
"""Bytes; below it any reader of ZIP copes, above it sizes need the 64-bit form."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to be written."""

    name: str
    content: Iterable[bytes]
    most_bytes: int = 0
    """No more than this will come; 0 when it is surely small."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written."""

    name: str
    size: int
    sha256: str


class _Sink:
    """What :mod:`zipfile` writes to: it can only append, so that sizes follow the content."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes, /) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Do nothing: the reader takes what is there."""

    def close(self) -> None:
        """Do nothing: the last bytes are still to be read."""

    def drain(self, least: int = 1) -> Iterator[bytes]:
        """Yield what was written, once it is *least* bytes."""
        if len(self._held) >= least:
            yield bytes(self._held)
            self._held.clear()


class Archive:
    """Writes files one after the other and remembers their hashes."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w")
        self.written: list[Written] = []

    def add(self, file: File) -> Iterator[bytes]:
        """Yield the bytes of the archive as *file* goes into it."""
        info = zipfile.ZipInfo(file.name, EPOCH)
        info.compress_type = zipfile.ZIP_DEFLATED
        info._compresslevel = LEVEL  # type: ignore[attr-defined]  # noqa: SLF001 - public as compress_level from 3.13
        info.create_system = UNIX
        info.external_attr = READABLE << 16
        digest, size = hashlib.sha256(), 0
        with self._zip.open(info, "w", force_zip64=file.most_bytes >= ZIP64_FROM) as entry:
            for piece in _blocks(file.content):
                digest.update(piece)
                size += len(piece)
                entry.write(piece)
                yield from self._sink.drain(PIECE_BYTES)
        self.written.append(Written(file.name, size, digest.hexdigest()))

    def close(self) -> Iterator[bytes]:
        """Yield the end of the archive."""
        self._zip.close()
        yield from self._sink.drain()


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces: compressing, hashing and writing cost more per call than per byte."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= PIECE_BYTES:
            yield bytes(held)
            held.clear()
    yield bytes(held)
