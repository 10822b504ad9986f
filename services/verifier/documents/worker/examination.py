"""
Reads one file: its kind, then the readers that fit the claimed proof.

Another proof is looked for only when it holds nothing else: a person may name two proofs the wrong way round.

A preview passes on nothing of a file but pixels. No picture file is written here. An attacker in this process
could write one that does harm where it is looked at; with pixels they can only paint.
"""

import re
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from services.verifier.documents.barcode.symbols import read_licence
from services.verifier.documents.bills.pages import read_letter
from services.verifier.documents.bills.reader import read_bill
from services.verifier.documents.cards.comparison import confirms_nothing, naming_lines, worth_a_closer_look
from services.verifier.documents.cards.samples import like_mark, marks_in, part_of_mark
from services.verifier.documents.files.copies import copy_checks, print_colour_check
from services.verifier.documents.files.hidden import PDF_HIDDEN_TEXT, confirmed, hidden_text
from services.verifier.documents.files.opener import OpenedFile, open_file
from services.verifier.documents.files.picture import Picture, reduced
from services.verifier.documents.files.sheets import coarse, sheet_check
from services.verifier.documents.mrz.consensus import zone_checks
from services.verifier.documents.mrz.reader import read_zone
from services.verifier.documents.mrz.zones import turned
from services.verifier.documents.results import (
    Bill,
    Check,
    CheckResult,
    DocumentReading,
    Format,
    Licence,
    MachineZone,
    PageFacts,
    TextLine,
)
from services.verifier.documents.text import UNREAD, Corners, read_lines, read_overprint
from services.verifier.documents.worker.frames import LONGEST_SHOWN, MOST_SHOWN, Request, WorkerTask, frame

MOST_LINES: Final = 800
MOST_LETTERS: Final = 300
MOST_READ_PAGES: Final = 2
"""Pages with pixels that are read, and text that counts: each takes seconds."""

ZONE_SECONDS: Final = 6.0
"""Processor time to look for a machine-readable zone: a picture without one costs the most."""
ADDRESS_SECONDS: Final = 2.5
"""Processor time for a proof of address from which on no zone is looked for in what is no letter."""
LEAST_ZONE_SECONDS: Final = 0.5
"""Processor time for a zone even then: most are found at the first look."""
LINES_SECONDS: Final = 12.0
"""Processor time to read the text of a picture; a full page takes 2 to 6."""
LARGE_MARK: Final = 0.07
"""Height, in parts of the page, from which a word across it counts as a mark despite a misread letter."""
LARGEST_PRINT: Final = 0.11
"""Height, in parts of the document, from which any word is a mark; signatures have up to 0.1."""
LARGE_WORD: Final = re.compile(r"[^\W\d_]{3,}")
SURE_WORD: Final = 0.8
"""Confidence from which a large word is one."""
MARGIN: Final = 0.1
"""Around the print of a document, in parts of its sides."""
CLOSER_SECONDS: Final = 5.0
"""Processor time for a closer look at a document."""
SPECIMEN: Final = (
    "P<UTOEXAMPLE<<ADA<<<<<<<<<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
)

WORD: Final = (slice(370, 430), slice(0, 300))
"""The part of the drawn page with the beginning of a line: the models for marks are loaded with it."""

Found = tuple[Licence | None, tuple[Check, ...]]


@dataclass(frozen=True, slots=True)
class Readers:
    """The readers of a picture, or of its lines."""

    zone: Callable[[Picture, float], MachineZone | None]
    """Looks for a zone for so many seconds of processor time."""
    zone_checks: Callable[[MachineZone | None], tuple[Check, ...]]
    licence: Callable[[Picture], Found]
    lines: Callable[[Picture, int, Corners], tuple[TextLine, ...]]
    """Of a page, without those that fill a part of it that was read."""
    letter: Callable[[Sequence[Picture], Sequence[TextLine]], tuple[TextLine, ...]]
    """Returns the lines of a letter, as far as they matter; with the text inside a PDF, in its places."""
    closer: Callable[[Picture, int, Corners], tuple[TextLine, ...]]
    """The same, where more is printed than was found: it takes longer."""
    marks: Callable[[Picture, int], tuple[TextLine, ...]]
    """Words across a sample of a document, which its other text hides."""
    bill: Callable[[tuple[TextLine, ...]], Bill | None]


def examine(request: Request, readers: Readers) -> DocumentReading:
    """Return everything that *readers* find in the file."""
    began = time.process_time()
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
    if request.task is not WorkerTask.ADDRESS:
        reading = _with_text(_with_document(reading, opened, readers), opened, readers)
        if reading.zone or reading.licence:
            return _with_sheet(_with_colour(reading, opened), opened)
        return _with_bill(reading, readers)
    reading = _with_bill(_with_letter(reading, opened, readers), readers)
    left = max(LEAST_ZONE_SECONDS, ADDRESS_SECONDS - (time.process_time() - began))
    return reading if reading.bill else _with_document(reading, opened, readers, left)


def _with_letter(reading: DocumentReading, opened: OpenedFile, readers: Readers) -> DocumentReading:
    """Add the text of a letter as far as it matters."""
    pictures = opened.pictures[:MOST_READ_PAGES]
    seen = readers.letter(pictures, () if opened.layered else opened.layer)
    pages = {0, *(line.page for line in seen)}
    return _shown(reading, opened, [line for line in opened.layer if line.page in pages], seen)


def _with_text(reading: DocumentReading, opened: OpenedFile, readers: Readers) -> DocumentReading:
    """Add the printed text: from inside a PDF as far as its pages show the same, else as it is seen."""
    pages = opened.pictures[:MOST_READ_PAGES]
    layer = [line for line in opened.layer if line.page < len(pages)]
    return _shown(reading, opened, layer, tuple(_seen(reading, pages, readers, whole=bool(layer))))


def _shown(
    reading: DocumentReading, opened: OpenedFile, layer: Sequence[TextLine], seen: Sequence[TextLine]
) -> DocumentReading:
    """Add the text *seen* on the pages, or that of the *layer* where it shows the same."""
    if not layer:
        return reading.model_copy(update={"lines": _plain(seen)})
    if opened.layered:
        rest = (check for check in reading.checks if check.name != PDF_HIDDEN_TEXT)
        checks = (*rest, hidden_text(layer, seen))
        return reading.model_copy(update={"lines": _plain(seen), "checks": checks})
    lines, check = confirmed(layer, seen)
    return reading.model_copy(update={"lines": _plain(lines), "checks": (*reading.checks, check)})


def _seen(
    reading: DocumentReading, pages: Sequence[Picture], readers: Readers, *, whole: bool
) -> Iterator[TextLine]:
    """Yield the text of *pages* as their zone stands; not the zone's, unless the *whole* is asked for."""
    zone = reading.zone
    for page, picture in enumerate(pages):
        of_page = zone if zone is not None and zone.page == page else None
        # text that does not lie is read badly
        upright = turned(picture, of_page.turns) if of_page else picture
        if of_page and not whole:
            lines = tuple(_around(of_page, upright, readers))
        else:
            lines = tuple(_all_lines(reading.licence, upright, page, readers))
        yield from lines
        if reading.licence or (zone and not zone.wrong_digits):
            part = upright if reading.licence else _printed_part(upright, lines, of_page)
            yield from readers.marks(part, page)


def _printed_part(picture: Picture, lines: Iterable[TextLine], zone: MachineZone | None) -> Picture:
    """
    Return the part of a page with its *lines* and *zone*, and a margin: there, marks are largest.

    Lines of a licence may have been read upside down, so that their places are no places of the page.
    """
    boxes = [line.box for line in lines if line.box[2]]
    ends = [(left + width, top + height) for left, top, width, height in boxes]
    corners = np.array([*(box[:2] for box in boxes), *ends, *(zone.corners if zone is not None else ())])
    if not len(corners):
        return picture
    first, last = corners.min(axis=0), corners.max(axis=0)
    margin, size = MARGIN * (last - first), np.array(picture.shape[1::-1])
    left, top = np.clip((first - margin) * size, 0, size - 1).astype(int)
    right, bottom = np.clip((last + margin) * size, 0, size - 1).astype(int)
    return picture[top : bottom + 1, left : right + 1]


def _all_lines(licence: Licence | None, picture: Picture, page: int, readers: Readers) -> Iterator[TextLine]:
    """Yield the text of a page; where it confirms nothing of a *licence*, that of the page turned round."""
    lines = readers.lines(picture, page, ())
    if licence is not None and confirms_nothing(lines, licence):
        lines = (*lines, *readers.lines(turned(picture, 2), page, ()))
    yield from lines


def _around(zone: MachineZone, upright: Picture, readers: Readers) -> Iterator[TextLine]:
    """Yield the text around *zone*; where the print confirms a part only, also what a closer look finds."""
    lines = readers.lines(upright, zone.page, zone.corners)
    yield from lines
    if zone.by_two_engines and not zone.wrong_digits and worth_a_closer_look(lines, zone):
        found = {line.text for line in lines}
        closer = readers.closer(upright, zone.page, zone.corners)
        yield from (line for line in closer if line.text not in found)


def _with_document(
    reading: DocumentReading, opened: OpenedFile, readers: Readers, seconds: float = ZONE_SECONDS
) -> DocumentReading:
    """Add the licence's barcode, which is quick to look for; without one, the machine-readable zone."""
    pictures = opened.pictures[:MOST_READ_PAGES]
    licence, checks = _first_licence(pictures, readers)
    if licence is not None:
        checks = (*reading.checks, *checks, *copy_checks(pictures))
        return reading.model_copy(update={"licence": licence, "checks": checks})
    zones = ((page, readers.zone(picture, seconds)) for page, picture in enumerate(pictures))
    zone = next((zone.model_copy(update={"page": page}) for page, zone in zones if zone is not None), None)
    copied = () if zone is None else copy_checks([turned(pictures[zone.page], zone.turns)], zone.corners)
    checks = (*reading.checks, *checks, *readers.zone_checks(zone), *copied)
    return reading.model_copy(update={"zone": zone, "checks": checks})


def _with_colour(reading: DocumentReading, opened: OpenedFile) -> DocumentReading:
    """Look for colour beside the printed name of a card that has none above its zone: backs have little."""
    zone, checks = reading.zone, reading.checks
    if zone is None or zone.format is not Format.TD1 or not any("no_colour" in one.reasons for one in checks):
        return reading
    pictures = [
        turned(picture, zone.turns) if page == zone.page else picture
        for page, picture in enumerate(opened.pictures[:MOST_READ_PAGES])
    ]
    again = print_colour_check(
        [(pictures[line.page], line.box) for line in naming_lines(reading.lines, zone) if line.box[2]]
    )
    passed = again.result is CheckResult.PASS
    return reading.model_copy(
        update={"checks": tuple(again if passed and one.name == again.name else one for one in checks)}
    )


def _with_sheet(reading: DocumentReading, opened: OpenedFile) -> DocumentReading:
    """Look for a sheet of paper around a document with a zone; of a barcode, the place is not known."""
    zone = reading.zone
    if zone is None or not zone.corners:
        return reading
    picture = turned(coarse(opened.pictures[zone.page]), zone.turns)
    boxes = [line.box for line in reading.lines if line.page == zone.page and line.box[2]]
    check = sheet_check(picture, zone.corners, boxes)
    return reading.model_copy(update={"checks": (*reading.checks, check)})


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


def installed_readers() -> Readers:
    """Return the readers of production."""
    return Readers(
        zone=_zone,
        zone_checks=zone_checks,
        licence=read_licence,
        lines=_lines,
        letter=read_letter,
        closer=_closer,
        marks=_marks,
        bill=read_bill,
    )


def _zone(picture: Picture, seconds: float) -> MachineZone | None:
    return read_zone(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR).astype(np.uint8), seconds)


def _lines(picture: Picture, page: int, known: Corners) -> tuple[TextLine, ...]:
    return read_lines(picture, page=page, seconds=LINES_SECONDS, known=known)


def _closer(picture: Picture, page: int, known: Corners) -> tuple[TextLine, ...]:
    return read_lines(picture, page=page, seconds=CLOSER_SECONDS, known=known, closer=True)


def _marks(picture: Picture, page: int) -> tuple[TextLine, ...]:
    found = (line for line in read_overprint(picture, page=page) if _is_mark(line))
    return tuple(
        TextLine(text=line.text, page=page, confidence=line.confidence, across=True) for line in found
    )


def _is_mark(line: TextLine) -> bool:
    text, height = line.text, line.box[3]
    return (
        text == UNREAD
        or bool(marks_in([text]))
        or part_of_mark(text)
        or (height >= LARGE_MARK and like_mark(text))
        or (height >= LARGEST_PRINT and line.confidence >= SURE_WORD and bool(LARGE_WORD.fullmatch(text)))
    )


def warm_up(readers: Readers) -> None:
    """Make each reader load its models, on a page drawn here, with one thread: others would not be forked."""
    cv2.setNumThreads(1)
    page = np.full((500, 1000, 3), 255, np.uint8)
    for row, text in enumerate(SPECIMEN):
        place = (40, 350 + 50 * row)
        cv2.putText(page, text, place, cv2.FONT_HERSHEY_PLAIN, 1.9, (0, 0, 0), 2)
    readers.licence(page)
    readers.bill(readers.lines(page[WORD], 0, ()))
    readers.zone(page, ZONE_SECONDS)
    readers.marks(turned(page[WORD], 1), 0)


def show(request: Request) -> bytes:
    """Return a preview of the first pages of the file: facts about them, then their pixels."""
    opened = open_file(request.content, request.media_type)
    pictures = [reduced(picture, LONGEST_SHOWN)[0] for picture in opened.pictures[:MOST_SHOWN]]
    sizes = tuple((picture.shape[1], picture.shape[0]) for picture in pictures)
    drawn = PageFacts(pages=opened.pages, sizes=sizes, checks=opened.checks)
    return frame(drawn.model_dump_json().encode()) + b"".join(picture.tobytes() for picture in pictures)
