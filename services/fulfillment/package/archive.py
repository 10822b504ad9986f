"""
A streamed ZIP archive: constant memory, no seeking, the same bytes for the same files.

:mod:`zipfile` creates a compressor per file, which takes longer than compressing a small package. Here one
compressor serves all files. Nothing that it writes refers to another file, or to content that is shared by
many packages and compressed already.

Format: APPNOTE.TXT 6.3.10. Sizes follow the content (§ 4.3.9), in 64 bits where they may need them (§ 4.5.3).
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from struct import Struct, pack
from typing import Self

PIECE_BYTES = 64 * 1024
LEVEL = 6
ZIP64_FROM = 1 << 31
"""Bytes; above this size, the 64-bit form is needed."""
MOST_16, MOST_32 = 0xFFFF, 0xFFFF_FFFF
VERSION, ZIP64_VERSION, UNIX, DEFLATED = 20, 45, 3, 8
READABLE = 0o100644 << 16
SIZES_FOLLOW, IN_UTF_8 = 1 << 3, 1 << 11
EPOCH = 1 << 5 | 1
"""The earliest date in a ZIP; the manifest states the real time."""
NOTHING_MORE = b"\x03\x00"
"""The last block of a compressed file, without content (RFC 1951 § 3.2.3)."""
HEADER, ENTRY = Struct("<4s5H3L2H"), Struct("<4s4B4H3L5H2L")
END, ZIP64_END, ZIP64_LOCATOR = Struct("<4s4H2LH"), Struct("<4sQ2H2L4Q"), Struct("<4sLQL")


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


class CompressedBytes(bytes):
    """Bytes that are part of many packages and compressed once for all of them."""

    deflated: bytes
    """The compressed form: it refers to nothing before it, and ends with a full byte."""

    def __new__(cls, content: bytes) -> Self:
        """Return *content* with its compressed form."""
        made = super().__new__(cls, content)
        compressor = _compressor()
        made.deflated = compressor.compress(content) + compressor.flush(zlib.Z_FULL_FLUSH)
        return made


def _compressor() -> "zlib._Compress":
    return zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)


@dataclass(slots=True)
class _Record:
    """The directory entry of a file."""

    name: bytes
    offset: int
    zip64: bool
    crc: int = 0
    size: int = 0
    packed: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def note(self, piece: bytes) -> None:
        """Count *piece* of the content."""
        self.crc = zlib.crc32(piece, self.crc)
        self.size += len(piece)
        self.digest.update(piece)

    @property
    def flags(self) -> int:
        return SIZES_FOLLOW if self.name.isascii() else SIZES_FOLLOW | IN_UTF_8

    @property
    def header(self) -> bytes:
        """The local header, before the content."""
        extra = pack("<2H2Q", 1, 16, 0, 0) if self.zip64 else b""
        version, size = (ZIP64_VERSION, MOST_32) if self.zip64 else (VERSION, 0)
        lengths = len(self.name), len(extra)
        fixed = HEADER.pack(b"PK\3\4", version, self.flags, DEFLATED, 0, EPOCH, 0, size, size, *lengths)
        return fixed + self.name + extra

    @property
    def descriptor(self) -> bytes:
        """The data descriptor, after the content."""
        form = "<4sL2Q" if self.zip64 else "<4s3L"
        return pack(form, b"PK\7\x08", self.crc, self.packed, self.size)

    def entry(self, zip64_from: int) -> bytes:
        """Return the entry in the central directory; it has 64 bits from *zip64_from* bytes."""
        places = self.packed, self.size, self.offset
        extra, version = b"", ZIP64_VERSION if self.zip64 else VERSION
        if max(places) >= zip64_from:
            extra, version = pack("<2H3Q", 1, 24, self.size, self.packed, self.offset), ZIP64_VERSION
            places = MOST_32, MOST_32, MOST_32
        packed, size, offset = places
        made = version, UNIX, version, 0
        what = self.flags, DEFLATED, 0, EPOCH, self.crc, packed, size
        lengths = len(self.name), len(extra), 0
        return ENTRY.pack(b"PK\1\2", *made, *what, *lengths, 0, 0, READABLE, offset) + self.name + extra


class ZipArchive:
    """Writes files one after the other and collects their hashes."""

    def __init__(self, zip64_from: int = ZIP64_FROM) -> None:
        """Create an empty archive; sizes from *zip64_from* bytes have 64 bits."""
        self.written: list[WrittenFile] = []
        self._zip64_from = zip64_from
        self._records: list[_Record] = []
        self._compressor = _compressor()
        self._unfinished = False
        """Whether the compressor holds data, or could refer to earlier data."""
        self._held = bytearray()
        self._read = 0
        """Bytes yielded so far."""

    def add(self, file: File) -> Iterator[bytes]:
        """Yield the archive's bytes for *file*."""
        record = _Record(file.name.encode("utf-8"), self._place, file.most_bytes >= self._zip64_from)
        self._held += record.header
        start = self._place
        for piece in _blocks(file.content):
            record.note(piece)
            self._held += self._deflated(piece)
            yield from self._drained(PIECE_BYTES)
        self._held += self._finished() + NOTHING_MORE
        record.packed = self._place - start
        self._held += record.descriptor
        self._records.append(record)
        self.written.append(WrittenFile(file.name, record.size, record.digest.hexdigest()))

    def close(self) -> Iterator[bytes]:
        """Yield the end of the archive."""
        start = self._place
        for record in self._records:
            self._held += record.entry(self._zip64_from)
        count, size = len(self._records), self._place - start
        if max(start, size) >= self._zip64_from or count > MOST_16:
            versions = ZIP64_VERSION, ZIP64_VERSION
            end = ZIP64_END.pack(b"PK\6\6", ZIP64_END.size - 12, *versions, 0, 0, count, count, size, start)
            self._held += end + ZIP64_LOCATOR.pack(b"PK\6\7", 0, start + size, 1)
            count, size, start = min(count, MOST_16), min(size, MOST_32), min(start, MOST_32)
        self._held += END.pack(b"PK\5\6", 0, 0, count, count, size, start, 0)
        yield from self._drained(1)

    @property
    def _place(self) -> int:
        return self._read + len(self._held)

    def _deflated(self, piece: bytes) -> bytes:
        if isinstance(piece, CompressedBytes):
            return self._finished() + piece.deflated
        self._unfinished = True
        return self._compressor.compress(piece)

    def _finished(self) -> bytes:
        """Return the compressor's remaining data, and reset it."""
        if not self._unfinished:
            return b""
        self._unfinished = False
        return self._compressor.flush(zlib.Z_FULL_FLUSH)

    def _drained(self, least: int) -> Iterator[bytes]:
        if len(self._held) >= least:
            self._read += len(self._held)
            yield bytes(self._held)
            self._held.clear()


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces: compressing, hashing and writing cost more per call than per byte."""
    held = bytearray()
    for piece in pieces:
        pressed = isinstance(piece, CompressedBytes)
        if not pressed:
            held += piece
        if held and (pressed or len(held) >= PIECE_BYTES):
            yield bytes(held)
            held.clear()
        if pressed:
            yield piece
    if held:
        yield bytes(held)
