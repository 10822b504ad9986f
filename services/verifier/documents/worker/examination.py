"""
Reads one file: its kind, then the readers that fit the claimed proof.

Another proof is looked for only when it holds nothing else: a person may name two proofs the wrong way round.
"""

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from services.verifier.documents.files.hidden import PDF_HIDDEN_TEXT, confirmed, hidden_text
from services.verifier.documents.files.opener import OpenedFile, open_file
from services.verifier.documents.files.picture import Picture
from services.verifier.documents.results import (
    Bill,
    BillKind,
    Check,
    DocumentReading,
    Licence,
    MachineZone,
    TextLine,
)
from services.verifier.documents.worker.frames import Request, WorkerTask

MOST_LINES: Final = 800
MOST_LETTERS: Final = 300
MOST_READ_PAGES: Final = 2
"""Pages with pixels that are read, and text that counts: each takes seconds."""

Found = tuple[Licence | None, tuple[Check, ...]]


@dataclass(frozen=True, slots=True)
class Readers:
    """The readers of a picture, or of its lines."""

    zone: Callable[[Picture], MachineZone | None]
    zone_checks: Callable[[MachineZone | None], tuple[Check, ...]]
    licence: Callable[[Picture], Found]
    lines: Callable[[Picture, int], tuple[TextLine, ...]]
    bill: Callable[[tuple[TextLine, ...]], Bill | None]


def examine(request: Request, readers: Readers) -> DocumentReading:
    """Return everything that *readers* find in the file."""
    opened = open_file(request.content, request.media_type)
    reading = DocumentReading(
        media_type=opened.media_type,
        pages=opened.pages,
        checks=opened.checks,
        picture=opened.looks,
        digest=opened.digest,
    )
    if not opened.pictures:
        return reading
    reading = _with_text(reading, opened, readers)
    match request.slot:
        case WorkerTask.IDENTITY:
            reading = _with_document(reading, opened, readers)
            return reading if reading.zone or reading.licence else _with_bill(reading, readers)
        case WorkerTask.ADDRESS:
            reading = _with_bill(reading, readers)
            return reading if _is_letter(reading.bill) else _with_document(reading, opened, readers)


def _is_letter(bill: Bill | None) -> bool:
    return bill is not None and (bill.kind is not BillKind.UNKNOWN or bill.addresses > 0)


def _with_text(reading: DocumentReading, opened: OpenedFile, readers: Readers) -> DocumentReading:
    """Add the printed text: from inside a PDF as far as its pages show the same, else as it is seen."""
    pictures = opened.pictures[:MOST_READ_PAGES]
    seen = tuple(line for page, picture in enumerate(pictures) for line in readers.lines(picture, page))
    layer = tuple(line for line in opened.layer if line.page < len(pictures))
    if not layer:
        return reading.model_copy(update={"lines": _plain(seen)})
    if opened.layered:
        rest = (check for check in reading.checks if check.name != PDF_HIDDEN_TEXT)
        checks = (*rest, hidden_text(layer, seen))
        return reading.model_copy(update={"lines": _plain(seen), "checks": checks})
    lines, check = confirmed(layer, seen)
    return reading.model_copy(update={"lines": _plain(lines), "checks": (*reading.checks, check)})


def _with_document(reading: DocumentReading, opened: OpenedFile, readers: Readers) -> DocumentReading:
    """Add the licence's barcode, which is quick to look for; without one, the machine-readable zone."""
    pictures = opened.pictures[:MOST_READ_PAGES]
    licence, checks = _first_licence(pictures, readers)
    if licence is not None:
        return reading.model_copy(update={"licence": licence, "checks": (*reading.checks, *checks)})
    zone = next(filter(None, map(readers.zone, pictures)), None)
    checks = (*reading.checks, *checks, *readers.zone_checks(zone))
    return reading.model_copy(update={"zone": zone, "checks": checks})


def _first_licence(pictures: Iterable[Picture], readers: Readers) -> Found:
    """Return the first licence on *pictures*, or the checks of the last that had anything like one."""
    noticed: Found = (None, ())
    for picture in pictures:
        licence, checks = readers.licence(picture)
        if licence is not None:
            return licence, checks
        if not noticed[1] or any(check.reasons for check in checks):
            noticed = (None, checks)
    return noticed


def _with_bill(reading: DocumentReading, readers: Readers) -> DocumentReading:
    return reading.model_copy(update={"bill": readers.bill(reading.lines)})


def _plain(lines: Iterable[TextLine]) -> tuple[TextLine, ...]:
    """Return *lines* as text for people: no control characters, nothing that turns it round, not endless."""
    cleaned = (line.model_copy(update={"text": _plain_text(line.text)}) for line in lines)
    return tuple(line for line in cleaned if line.text)[:MOST_LINES]


def _plain_text(text: str) -> str:
    composed = unicodedata.normalize("NFC", text[:MOST_LETTERS])
    kept = (sign if not unicodedata.category(sign).startswith("C") else " " for sign in composed)
    return " ".join("".join(kept).split())
