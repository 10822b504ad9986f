"""A streamed ZIP archive: constant memory, no seeking, the same bytes for the same files."""

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PIECE_BYTES = 64 * 1024
ZIP64_FROM = 1 << 31
"""Bytes; above this size, the 64-bit form is needed."""
READABLE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class File:
    """A file to write."""

    name: str
    content: Iterable[bytes]
    most_bytes: int = 0
    """Upper limit of the size; 0 if it is surely small."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that was written."""

    name: str
    size: int
    sha256: str


class _Sink(bytearray):
    """The bytes that were not yielded yet; it cannot seek, so sizes follow the content."""

    def write(self, content: bytes) -> int:
        self += content
        return len(content)

    def flush(self) -> None:
        """Do nothing: the bytes are yielded, not written."""

    close = flush

    def drained(self, least: int) -> Iterator[bytes]:
        """Yield the bytes if there are *least*."""
        if len(self) >= least:
            yield bytes(self)
            self.clear()


class ZipArchive:
    """Writes files one after the other and collects their hashes."""

    def __init__(self) -> None:
        self.written: list[WrittenFile] = []
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)

    def add(self, file: File) -> Iterator[bytes]:
        """Yield the archive's bytes for *file*."""
        entry = zipfile.ZipInfo(file.name)  # dated 1980: the manifest states the real time
        entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, READABLE
        digest, size = hashlib.sha256(), 0
        with self._zip.open(entry, "w", force_zip64=file.most_bytes >= ZIP64_FROM) as target:
            for piece in _blocks(file.content):
                digest.update(piece)
                size += target.write(piece)
                yield from self._sink.drained(PIECE_BYTES)
        self.written.append(WrittenFile(file.name, size, digest.hexdigest()))

    def close(self) -> Iterator[bytes]:
        """Yield the end of the archive."""
        self._zip.close()
        yield from self._sink.drained(1)


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces: compressing, hashing and writing cost more per call than per byte."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= PIECE_BYTES:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
