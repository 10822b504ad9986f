"""
Reads the pages of a letter as far as its bill needs: lines are found first, and read where they can matter.

All lines are read that may be of an address, so that a second address is noticed. Others are read only while
something is missing of the bill, and a second page only then.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidocr.main import RapidOCRError

from services.verifier.documents.bills.layout import SMALLEST, Worth, worths
from services.verifier.documents.bills.reader import evidence_in, read_bill
from services.verifier.documents.files.picture import Picture, reduced
from services.verifier.documents.ocr import line_engine
from services.verifier.documents.results import Bill, BillKind, Box, TextLine
from services.verifier.documents.text import (
    LEAST_CONFIDENCE,
    MOST_CHARACTERS,
    MOST_LINES,
    SHORTEST_SIDE,
    framed,
    in_order,
    upright,
)

READ_SIDE: Final = 2000
"""Pixels; a larger picture is made smaller."""
SOUGHT_SIDE: Final = 1200
"""Pixels, of the longer side: smaller, the lines of small print are cut too short."""
MOST_SECONDS: Final = 12.0
"""Processor time to read the lines that can matter; a full page takes 2."""
MORE_SECONDS: Final = 1.4
"""Processor time from which on no other line is read, and none of a further page."""
PAGE_SECONDS: Final = 1.0
"""Processor time from which on no further page is begun: to find its lines takes a third of a second."""
SOME: Final = 12
"""Lines that are read before the bill is looked at again."""
PROBES: Final = 4
"""Lines by which a page is found to stand on its head."""
PROBED: Final = 7.0
"""By how much these are wider than high: short ones are read fast, and a word or a number is unsure."""
SURE: Final = 0.8
"""Confidence above which lines stand upright."""
_MARGIN: Final = 0.6
"""Heights of a line of a text layer around it in which other text would be part of it."""


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A line of text on a page, which is not read yet."""

    page: int
    box: Box
    crop: Picture

    @property
    def unread(self) -> TextLine:
        """The line without its text."""
        return TextLine(text="", page=self.page, box=self.box)

    def read(self) -> TextLine:
        """Return the line with its text, which is empty where that is not legible."""
        result = line_engine().recognize_txt([self.crop])
        text, confidence = next(zip(result.txts or (), map(float, result.scores), strict=True), ("", 0.0))
        known = text.strip() if confidence >= LEAST_CONFIDENCE else ""
        return TextLine(
            text=known[:MOST_CHARACTERS], page=self.page, box=self.box, confidence=round(confidence, 3)
        )


def read_letter(pictures: Sequence[Picture], layer: Sequence[TextLine] = ()) -> tuple[TextLine, ...]:
    """
    Return the lines of a letter, without text where they were not read.

    Of pages after the first there are none unless its bill lacks something. With a *layer*, the lines inside
    a PDF, only their places are read, and of those the ones that tell something.
    """
    began = time.thread_time()
    seen: list[TextLine] = []
    for page, picture in enumerate(pictures):
        if page and (is_complete(seen) or time.thread_time() - began > PAGE_SECONDS):
            break
        inside = evidence_in([line for line in layer if line.page == page])
        found = lines_at(picture, inside) if layer else find_lines(picture, page)
        if len(found) <= MOST_LINES:
            seen += _read(found, seen, began)
    return tuple(seen)


def _read(found: Sequence[FoundLine], before: Sequence[TextLine], began: float) -> list[TextLine]:
    """Return the lines of a page in order; none read where those that matter take too long."""
    worth = worths([line.box for line in found])
    read: dict[int, TextLine] = {}
    first = [at for at, one in enumerate(worth) if one is Worth.FIRST]
    for at in first:
        if time.thread_time() - began > (MORE_SECONDS if before else MOST_SECONDS):
            return [line.unread for line in found]
        read[at] = found[at].read()
    later = [at for at, one in enumerate(worth) if one is Worth.LATER]
    for start in range(0, len(later), SOME):
        if time.thread_time() - began > MORE_SECONDS or is_complete([*before, *in_order([*read.values()])]):
            break
        read |= {at: found[at].read() for at in later[start : start + SOME]}
    return in_order([read.get(at, line.unread) for at, line in enumerate(found)])


def is_complete(lines: Sequence[TextLine]) -> bool:
    """Return whether the bill of *lines* lacks nothing."""
    bill = read_bill([line for line in lines if line.text])
    return bill is not None and _has_all(bill)


def _has_all(bill: Bill) -> bool:
    if bill.kind in {BillKind.UNKNOWN, BillKind.INVOICE}:
        return False  # a word that says more may follow
    return bool(bill.issuer and bill.issued and bill.recipient and bill.address)


def find_lines(picture: Picture, page: int) -> list[FoundLine]:
    """Return the lines of text on *picture*, from top to bottom, once it is turned upright."""
    if min(picture.shape[:2]) < SHORTEST_SIDE:
        return []
    small, _ = reduced(np.ascontiguousarray(picture[:, :, 2::-1]), READ_SIDE)
    boxes = _boxes(small)
    if not len(boxes):
        return []
    if np.median(_lengths(boxes, 3)) > np.median(_lengths(boxes, 1)):
        small = cv2.rotate(small, cv2.ROTATE_90_CLOCKWISE)
        boxes = _boxes(small)
    found = _cut(small, boxes, page)
    if _stands_on_head(found):
        small = cv2.rotate(small, cv2.ROTATE_180)
        found = _cut(small, _boxes(small), page)
    return found


def _stands_on_head(found: Sequence[FoundLine]) -> bool:
    """Return whether a few lines are read better the other way up."""
    probes = sorted(found, key=lambda line: abs(line.crop.shape[1] / line.crop.shape[0] - PROBED))[:PROBES]
    level = float(np.median([line.read().confidence for line in probes])) if probes else 1.0
    if level >= SURE:
        return False
    other = [FoundLine(line.page, line.box, cv2.rotate(line.crop, cv2.ROTATE_180)) for line in probes]
    return float(np.median([line.read().confidence for line in other])) > level


def lines_at(picture: Picture, lines: Sequence[TextLine]) -> list[FoundLine]:
    """Return the places of *lines* of a text layer on *picture*: with what stands close to them."""
    rows, columns = picture.shape[:2]
    return [
        FoundLine(line.page, line.box, part[:, :, 2::-1])
        for line in lines
        if line.box[3] >= SMALLEST and (part := _around(picture, line.box, rows, columns)).size
    ]


def _around(picture: Picture, box: Box, rows: int, columns: int) -> Picture:
    left, top, width, height = box
    margin = _MARGIN * height * rows
    upper, lower = max(0, int(top * rows)), int((top + height) * rows) + 1
    return picture[
        upper:lower, max(0, int(left * columns - margin)) : int((left + width) * columns + margin) + 1
    ]


def _boxes(picture: Picture) -> NDArray[np.float32]:
    """Return the corners of the lines of text on *picture*."""
    sought, _ = reduced(picture, SOUGHT_SIDE)
    try:
        _, found = line_engine().detect_and_crop(framed(sought), {})
    except RapidOCRError:
        return np.empty((0, 4, 2), dtype=np.float32)
    boxes: NDArray[np.float32] = np.asarray(found.boxes, dtype=np.float32)
    return boxes * np.float32(picture.shape[1] / sought.shape[1])


def _lengths(boxes: NDArray[np.float32], corner: int) -> NDArray[np.float32]:
    """Return how far apart the first corner of each box and another are."""
    lengths: NDArray[np.float32] = np.linalg.norm(boxes[:, corner] - boxes[:, 0], axis=1)
    return lengths


def _cut(picture: Picture, boxes: NDArray[np.float32], page: int) -> list[FoundLine]:
    crops = line_engine().crop_text_regions(picture, boxes)
    places: Iterator[Box] = upright(boxes, picture.shape[1], picture.shape[0])
    return [FoundLine(page, box, crop) for box, crop in zip(places, crops, strict=True)]
