"""
The kind of a file, by its own bytes; ambiguous files are refused. Pure.

Five kinds are taken. The magic must stand at the very first byte, the end must be that kind's end, and no
second format may begin inside. The file's name is never asked.

Sources: ISO/IEC 10918-1 annex B (JPEG markers), ISO/IEC 15948 section 5 (PNG), ISO/IEC 14496-12 section 4
(boxes of HEIC), TIFF 6.0 section 2, ISO 32000-1 section 7.5 (PDF).
"""

from enum import StrEnum
from itertools import pairwise
from typing import Final, assert_never

from services.verifier.documents.results import FileFlaw, FileRefused
from shared.contract.events import MOST_DOCUMENT_BYTES

START_OF_SCAN: Final = 0xDA
END_OF_IMAGE: Final = 0xD9
MARKER: Final = 0xFF
WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})


class FileKind(StrEnum):
    """Kinds of files; the value is the media type."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    HEIC = "image/heic"
    TIFF = "image/tiff"
    PDF = "application/pdf"


DECLARED: Final = {kind.value: kind for kind in FileKind} | {
    "image/jpg": FileKind.JPEG,
    "image/pjpeg": FileKind.JPEG,
    "image/heif": FileKind.HEIC,
    "application/x-pdf": FileKind.PDF,
}
UNDECLARED: Final = frozenset({"", "application/octet-stream"})
"""Mail programs say so of anything they do not know: it contradicts nothing."""

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
PNG_END: Final = b"\x00\x00\x00\x00IEND\xaeB`\x82"
MAGICS: Final = {
    FileKind.JPEG: (b"\xff\xd8\xff",),
    FileKind.PNG: (PNG_SIGNATURE,),
    FileKind.TIFF: (b"II*\x00", b"MM\x00*"),
    FileKind.PDF: (b"%PDF-1.", b"%PDF-2."),
}
HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"})
FOREIGN_IN_PICTURES: Final = (b"%PDF-", b"GIF87a", b"GIF89a", b"\x7fELF\x02\x01\x01", b"<?php")
"""Long enough not to appear in compressed data by chance."""
MARKUP: Final = (b"<html", b"<script", b"<!doctype", b"<iframe", b"<body")
ZIP_END: Final = b"PK\x05\x06"
ZIP_END_BYTES: Final = 65_557
"""A ZIP archive is found from its end: 22 bytes, before a comment of at most 65,535."""
PDF_END_BYTES: Final = 1024
BLANKS: Final = b"\x00\t\n\x0c\r "
SAMSUNG_END: Final = b"SEFT"
"""Samsung's camera writes its own directory behind every photo."""
BOX_HEADER: Final = 8


def sniff(content: bytes, media_type: str) -> FileKind:
    """
    Return the kind of *content*.

    Args:
        content: The whole file.
        media_type: As the sender declared it.

    Raises:
        FileRefused: It is too large, none of the five, another than declared, broken, or two things at once.
    """
    if len(content) > MOST_DOCUMENT_BYTES:
        raise FileRefused(FileFlaw.TOO_LARGE)
    heic = FileKind.HEIC if content[4:8] == b"ftyp" and content[8:12] in HEIC_BRANDS else None
    kind = next((kind for kind, magics in MAGICS.items() if content.startswith(magics)), heic)
    declared = media_type.partition(";")[0].strip().lower()
    if kind is None or not _agrees(declared, kind):
        raise FileRefused(FileFlaw.TYPE_NOT_ALLOWED)
    _expect_one_format(content, kind)
    _expect_end(content, kind)
    return kind


def _agrees(declared: str, kind: FileKind) -> bool:
    """Return whether a file of *kind* may have been *declared* so: people rename pictures."""
    if declared in UNDECLARED:
        return True
    other = DECLARED.get(declared)
    return other is kind or (other is not None and FileKind.PDF not in {other, kind})


def _expect_one_format(content: bytes, kind: FileKind) -> None:
    """Refuse *content* in which a second format begins."""
    if ZIP_END in content[-ZIP_END_BYTES:]:
        raise FileRefused(FileFlaw.POLYGLOT)
    if kind is FileKind.PDF:
        # text streams may quote markup; a browser that guesses looks at the beginning only
        second = content.find(b"%PDF-", 1) > 0 or _holds(content[:PDF_END_BYTES].lower(), MARKUP)
    else:
        signatures = content.count(PNG_SIGNATURE) - (kind is FileKind.PNG)
        second = signatures > 0 or _holds(content, FOREIGN_IN_PICTURES) or _holds(content.lower(), MARKUP)
    if second:
        raise FileRefused(FileFlaw.POLYGLOT)


def _holds(content: bytes, magics: tuple[bytes, ...]) -> bool:
    return any(magic in content for magic in magics)


def _expect_end(content: bytes, kind: FileKind) -> None:
    """Refuse *content* that has no end, or goes on after it."""
    match kind:
        case FileKind.JPEG:
            rest = content[end_of_jpeg(content) :]
            # A camera may add to a photo: a directory of its own, a short film.
            clean = not rest.strip(BLANKS) or rest.endswith(SAMSUNG_END) or rest[4:8] == b"ftyp"
        case FileKind.PNG:
            clean = not content[_end(content, PNG_END) :].strip(BLANKS)
        case FileKind.PDF:
            clean = not content[_end(content, b"%%EOF") :].strip(BLANKS)
        case FileKind.HEIC:
            clean = _boxes_fill(content)
        case FileKind.TIFF:
            clean = True  # its parts lie anywhere: there is no end to look for
        case _:
            assert_never(kind)
    if not clean:
        raise FileRefused(FileFlaw.POLYGLOT)


def _end(content: bytes, mark: bytes, start: int = 0) -> int:
    """Return the offset after the last *mark* of *content*, from *start* on."""
    at = content.rfind(mark, start)
    if at < 0:
        raise FileRefused(FileFlaw.BROKEN)
    return at + len(mark)


def _boxes_fill(content: bytes) -> bool:
    """Return whether the boxes of *content* follow one another up to its last byte."""
    edges = [0]
    while edges[-1] < len(content):
        edges.append(edges[-1] + _box_bytes(content, edges[-1]))
    if edges[-1] > len(content):
        raise FileRefused(FileFlaw.BROKEN)
    return all(content[start + 4 : start + 8].isascii() for start, _ in pairwise(edges))


def _box_bytes(content: bytes, at: int) -> int:
    """Return the size of the box at *at*: 32 bits, or 64 after a 1, or all that is left after a 0."""
    size = int.from_bytes(content[at : at + 4], "big")
    if size == 0:
        return len(content) - at
    if size == 1:
        size = int.from_bytes(content[at + 8 : at + 16], "big")
    if size < BOX_HEADER:
        raise FileRefused(FileFlaw.POLYGLOT)
    return size


def end_of_jpeg(content: bytes) -> int:
    """
    Return the offset after the last end-of-image marker; the thumbnail inside a header has its own.

    Raises FileRefused if there is none: the file was cut off.
    """
    return _end(content, b"\xff\xd9", _first_scan(content))


def _first_scan(content: bytes) -> int:
    """Return the offset of the compressed picture."""
    at = 2
    while at + 4 <= len(content) and content[at] == MARKER:
        code = content[at + 1]
        if code == START_OF_SCAN:
            return at
        if code == MARKER:
            at += 1  # fill bytes may stand before a marker
        elif code in WITHOUT_LENGTH:
            at += 2
        elif code == END_OF_IMAGE:
            break
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    raise FileRefused(FileFlaw.BROKEN)
