"""
Measures the decoded size of the streams of a PDF, without keeping them (ISO 32000-1 section 7.4).

Flate compresses a thousandfold, and twice over a millionfold: 1 kB became 400 MB.
"""

import base64
import binascii
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

import pikepdf

from services.verifier.documents.files.refusal import FileFlaw, FileRefused

MOST_DRAWING_BYTES: Final = 32_000_000
"""All instructions and fonts of a file together."""
MOST_IMAGE_BYTES: Final = 240_000_000
MOST_IMAGE_PIXELS: Final = 40_000_000
"""Of one image: a page of A4 scanned at 600 dots per inch has 35 million."""
MOST_FILTERS: Final = 4
STEP_BYTES: Final = 65_536
FLATE: Final = frozenset({"/FlateDecode", "/Fl"})
COMPRESSING: Final = FLATE | {"/LZWDecode", "/LZW", "/RunLengthDecode", "/RL"}
ASCII85: Final = frozenset({"/ASCII85Decode", "/A85"})
HEXADECIMAL: Final = frozenset({"/ASCIIHexDecode", "/AHx"})


class StreamBudget:
    """The budget of bytes that the streams of one file may become together."""

    def __init__(self) -> None:
        self._drawing = MOST_DRAWING_BYTES
        self._images = MOST_IMAGE_BYTES

    def spend(self, stream: pikepdf.Stream) -> None:
        """
        Take the size of the decoded *stream* from the budget.

        Raises:
            FileRefused: It is more than is left, or unknown.
        """
        filters = _filters(stream)
        compressing = [name for name in filters if name in COMPRESSING]
        if len(filters) > MOST_FILTERS or (len(compressing) > 1 and not set(compressing) <= FLATE):
            raise FileRefused(FileFlaw.DECODE_LIMIT)
        is_image = stream.get("/Subtype") == "/Image"
        if is_image and _pixels(stream) > MOST_IMAGE_PIXELS:
            raise FileRefused(FileFlaw.DECODE_LIMIT)
        left = self._images if is_image else self._drawing
        used = _measure(stream.read_raw_bytes(), filters, left)
        if is_image:
            self._images -= used
        else:
            self._drawing -= used


def _filters(stream: pikepdf.Stream) -> list[str]:
    """Return the names of the filters of *stream*, outermost first."""
    filters = stream.get("/Filter")
    if isinstance(filters, pikepdf.Array):
        return [str(name) for name in filters][: MOST_FILTERS + 1]
    return [] if filters is None else [str(filters)]


def _pixels(stream: pikepdf.Stream) -> int:
    return int(stream.get("/Width", 0)) * int(stream.get("/Height", 0))


def _measure(raw: bytes, filters: list[str], most: int) -> int:
    """Return how many bytes *raw* becomes; filters of pictures, with a declared size, count as 1:1."""
    chunks: Iterable[bytes] = [raw]
    for name in filters:
        if name in FLATE:
            chunks = _inflated(chunks)
        elif name in ASCII85 | HEXADECIMAL:
            chunks = [_from_text(b"".join(chunks), name)]
        else:
            break
    return _count(chunks, most)


def _count(chunks: Iterable[bytes], most: int) -> int:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > most:
            raise FileRefused(FileFlaw.DECODE_LIMIT)
    return total


def _inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the decompressed *chunks*, step by step; stop where they are broken, as a viewer does."""
    inflater = zlib.decompressobj()
    try:
        for chunk in chunks:
            waiting = chunk
            while waiting and not inflater.eof:
                yield inflater.decompress(waiting, STEP_BYTES)
                waiting = inflater.unconsumed_tail
    except zlib.error:
        return


def _from_text(raw: bytes, name: str) -> bytes:
    """Return the bytes that *raw* spells; none where it spells nothing, which draws nothing either."""
    text = b"".join(raw.split())
    try:
        if name in HEXADECIMAL:
            return bytes.fromhex(text.rstrip(b">").decode("ascii"))
        return base64.a85decode(text.removeprefix(b"<~").partition(b"~")[0])
    except (ValueError, binascii.Error):
        return b""
