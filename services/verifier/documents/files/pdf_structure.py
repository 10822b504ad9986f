"""
Checks the objects of a PDF before it is drawn.

Active, embedded and exploding content is refused. Every value is looked at, direct ones inside others too,
and accepted values are written anew: the page that is drawn later consists of exactly the objects that were
seen here, and of no older revision. Streams are measured without keeping them: Flate compresses a
thousandfold, and twice over a millionfold (1 kB became 400 MB).

Sources: ISO 32000-1 sections 7.3 (objects), 7.4 (filters), 7.6 (encryption), 12.6 (actions), 7.11.4 (embedded
files), 12.7.8 (XFA).
"""

import base64
import binascii
import math
import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any, Final

import pikepdf

from services.verifier.documents.results import FileFlaw, FileRefused
from shared.matching.characters import listed

MOST_PAGES: Final = 10
MOST_VALUES: Final = 200_000
LONGEST_SIDE_POINTS: Final = 14_400
"""ISO 32000-1 annex C.2: 200 inches; larger pages exist only by a unit that no letter needs."""
ACTIVE_KEYS: Final = listed(
    """
    /JS /JavaScript /AA /Launch /EmbeddedFiles /EF /RichMedia /RichMediaContent /XFA /SubmitForm /ImportData
    """
)
ACTIVE_NAMES: Final = listed(
    """
    /JavaScript /Launch /SubmitForm /ImportData /Rendition /Movie /Sound /GoToE /GoToR /RichMedia
    /EmbeddedFile /FileAttachment
    """
)
MOST_DRAWING_BYTES: Final = 32_000_000
"""All instructions and fonts of a file together."""
MOST_IMAGE_BYTES: Final = 240_000_000
MOST_IMAGE_PIXELS: Final = 40_000_000
"""Of one image: a page of A4 scanned at 600 dots per inch has 35 million."""
MOST_FILTERS: Final = 4
STEP_BYTES: Final = 65_536
FLATE: Final = frozenset({"/FlateDecode", "/Fl"})
COMPRESSING: Final = FLATE | {"/LZWDecode", "/LZW", "/RunLengthDecode", "/RL"}
HEXADECIMAL: Final = frozenset({"/ASCIIHexDecode", "/AHx"})


def plain_pdf(content: bytes) -> bytes:
    """
    Return *content*, written anew from the objects that were looked at.

    Raises FileRefused if it is encrypted, broken, too large to be a letter, or does more than lie there.
    """
    try:
        with pikepdf.open(BytesIO(content)) as pdf:
            if pdf.is_encrypted:
                raise FileRefused(FileFlaw.ENCRYPTED)
            _check_objects(pdf)
            _measure_pages(pdf)
            buffer = BytesIO()
            pdf.save(
                buffer,
                compress_streams=False,
                stream_decode_level=pikepdf.StreamDecodeLevel.none,
                object_stream_mode=pikepdf.ObjectStreamMode.disable,
            )
            return buffer.getvalue()
    except pikepdf.PasswordError as error:
        raise FileRefused(FileFlaw.ENCRYPTED) from error
    except pikepdf.PdfError as error:
        raise FileRefused(FileFlaw.BROKEN) from error


def _check_objects(pdf: pikepdf.Pdf) -> None:
    """Refuse *pdf* if any of its values is active, or all of them together too much."""
    budget = StreamBudget()
    for count, value in enumerate(_values(pdf)):
        if count > MOST_VALUES:
            raise FileRefused(FileFlaw.DECODE_LIMIT)
        if isinstance(value, pikepdf.Dictionary | pikepdf.Stream) and _is_active(value):
            raise FileRefused(FileFlaw.ACTIVE_CONTENT)
        if isinstance(value, pikepdf.Stream):
            budget.spend(value)


def _values(pdf: pikepdf.Pdf) -> Iterator[pikepdf.Object]:
    """Yield each value of *pdf* once, also without a reference to it."""
    seen: set[tuple[int, int]] = set()
    waiting: list[Any] = [pdf.trailer, *pdf.objects]
    while waiting:
        value = waiting.pop()
        if not isinstance(value, pikepdf.Object):
            continue  # numbers and truth values come as Python's own
        if value.is_indirect:
            if value.objgen in seen:
                continue
            seen.add(value.objgen)
        yield value
        waiting += _parts(value)


def _parts(value: pikepdf.Object) -> list[Any]:
    if isinstance(value, pikepdf.Array):
        if len(value) > MOST_VALUES:
            raise FileRefused(FileFlaw.DECODE_LIMIT)
        return list(value)
    if isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
        return [part for _, part in value.items()]
    return []


def _is_active(value: pikepdf.Dictionary | pikepdf.Stream) -> bool:
    """Return whether *value* runs something, sends something or carries a file."""
    keys = set(value.keys())
    if not keys.isdisjoint(ACTIVE_KEYS):
        return True
    if "/OpenAction" in keys and not _only_turns_pages(value["/OpenAction"]):
        return True
    names = (value[key] for key in keys & {"/S", "/Subtype", "/Type"})
    return any(isinstance(name, pikepdf.Name) and str(name) in ACTIVE_NAMES for name in names)


def _only_turns_pages(action: pikepdf.Object) -> bool:
    """Return whether *action* is a place in the document, as office programs write it, and no more."""
    if isinstance(action, pikepdf.Dictionary):
        return action.get("/S") == "/GoTo" and "/Next" not in action
    return isinstance(action, pikepdf.Array | pikepdf.Name | pikepdf.String)


def _measure_pages(pdf: pikepdf.Pdf) -> None:
    if not 1 <= len(pdf.pages) <= MOST_PAGES:
        raise FileRefused(FileFlaw.DECODE_LIMIT if len(pdf.pages) else FileFlaw.BROKEN)
    for page in pdf.pages:
        left, bottom, right, top = (float(edge) for edge in page.mediabox)
        unit = float(page.obj.get("/UserUnit", 1))
        sides = (abs(right - left) * unit, abs(top - bottom) * unit)
        if not all(math.isfinite(side) and 1 <= side <= LONGEST_SIDE_POINTS for side in sides):
            raise FileRefused(FileFlaw.DECODE_LIMIT)


class StreamBudget:
    """The budget of bytes that the streams of one file may become together."""

    def __init__(self) -> None:
        self._left = {"drawing": MOST_DRAWING_BYTES, "images": MOST_IMAGE_BYTES}

    def spend(self, stream: pikepdf.Stream) -> None:
        """Spend the size of the decoded *stream*. Raises FileRefused if more than is left, or unknown."""
        filters = _filters(stream)
        compressing = [name for name in filters if name in COMPRESSING]
        if len(filters) > MOST_FILTERS or (len(compressing) > 1 and not set(compressing) <= FLATE):
            raise FileRefused(FileFlaw.DECODE_LIMIT)
        is_image = stream.get("/Subtype") == "/Image"
        if is_image and int(stream.get("/Width", 0)) * int(stream.get("/Height", 0)) > MOST_IMAGE_PIXELS:
            raise FileRefused(FileFlaw.DECODE_LIMIT)
        kind = "images" if is_image else "drawing"
        self._left[kind] -= _measure(stream.read_raw_bytes(), filters, self._left[kind])


def _filters(stream: pikepdf.Stream) -> list[str]:
    """Return the names of the filters of *stream*, outermost first."""
    filters = stream.get("/Filter")
    if isinstance(filters, pikepdf.Array):
        return [str(name) for name in filters][: MOST_FILTERS + 1]
    return [] if filters is None else [str(filters)]


def _measure(raw: bytes, filters: list[str], most: int) -> int:
    """Return how many bytes *raw* becomes, if no more than *most*; filters of pictures count as 1:1."""
    chunks: Iterable[bytes] = [raw]
    for name in filters:
        if name in FLATE:
            chunks = _inflated(chunks)
        elif name in HEXADECIMAL | {"/ASCII85Decode", "/A85"}:
            chunks = [_from_text(b"".join(chunks), name)]
        else:
            break
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
