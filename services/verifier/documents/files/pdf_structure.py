"""
Checks the objects of a PDF before it is drawn.

Active, embedded and exploding content is refused. Every value is looked at, direct ones
inside others too, and accepted values are written anew: the page that is drawn later consists of exactly the
objects that were seen here, and of no older revision.

Sources: ISO 32000-1 sections 7.3 (objects), 7.4 (filters), 7.6 (encryption), 12.6 (actions), 7.11.4 (embedded
files), 12.7.8 (XFA).
"""

import math
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

import pikepdf

from services.verifier.documents.files.pdf_streams import StreamBudget
from services.verifier.documents.files.refusal import FileFlaw, FileRefused

MOST_PAGES: Final = 10
MOST_VALUES: Final = 200_000
LONGEST_SIDE_POINTS: Final = 14_400
"""ISO 32000-1 annex C.2: 200 inches; larger pages exist only by a unit that no letter needs."""
ACTIVE_KEYS: Final = frozenset(
    {
        *("/JS", "/JavaScript", "/AA", "/Launch", "/EmbeddedFiles", "/EF", "/RichMedia", "/RichMediaContent"),
        *("/XFA", "/SubmitForm", "/ImportData"),
    }
)
ACTIVE_NAMES: Final = frozenset(
    {
        *("/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/Rendition", "/Movie", "/Sound", "/GoToE"),
        *("/GoToR", "/RichMedia", "/EmbeddedFile", "/FileAttachment"),
    }
)
NAMING_KEYS: Final = frozenset({"/S", "/Subtype", "/Type"})
OPENING: Final = "/OpenAction"
GO_TO: Final = "/GoTo"


def plain_pdf(content: bytes) -> bytes:
    """
    Return *content*, written anew from the objects that were looked at.

    Raises:
        FileRefused: It is encrypted, broken, too large to be a letter, or does more than lie there.
    """
    try:
        with pikepdf.open(BytesIO(content)) as pdf:
            if pdf.is_encrypted:
                raise FileRefused(FileFlaw.ENCRYPTED)
            _check_objects(pdf)
            _measure_pages(pdf)
            return _written_anew(pdf)
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
    if OPENING in keys and not _only_turns_pages(value[OPENING]):
        return True
    names = (value[key] for key in keys & NAMING_KEYS)
    return any(isinstance(name, pikepdf.Name) and str(name) in ACTIVE_NAMES for name in names)


def _only_turns_pages(action: pikepdf.Object) -> bool:
    """Return whether *action* is a place in the document, as office programs write it, and no more."""
    if isinstance(action, pikepdf.Dictionary):
        return action.get("/S") == GO_TO and "/Next" not in action
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


def _written_anew(pdf: pikepdf.Pdf) -> bytes:
    buffer = BytesIO()
    pdf.save(
        buffer,
        compress_streams=False,
        stream_decode_level=pikepdf.StreamDecodeLevel.none,
        object_stream_mode=pikepdf.ObjectStreamMode.disable,
    )
    return buffer.getvalue()
