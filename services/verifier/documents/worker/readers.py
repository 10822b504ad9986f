"""
The readers of production, with their models, and previews.

A preview passes on nothing of a file but pixels. No picture file is written here. An attacker in this process
could write one that does harm where it is looked at; with pixels they can only paint.
"""

from typing import Final

import cv2
import numpy as np

from services.verifier.documents.barcode.symbols import read_licence
from services.verifier.documents.bills.reader import read_bill
from services.verifier.documents.files.opener import open_file
from services.verifier.documents.files.picture import Picture, reduced
from services.verifier.documents.mrz.consensus import zone_checks
from services.verifier.documents.mrz.reader import read_zone
from services.verifier.documents.results import MachineZone, PageFacts, TextLine
from services.verifier.documents.text import read_lines
from services.verifier.documents.worker.examination import Readers
from services.verifier.documents.worker.frames import LONGEST_SHOWN, MOST_SHOWN, Request, frame

ZONE_SECONDS: Final = 6.0
"""Processor time to look for a machine-readable zone: a picture without one costs the most."""
LINES_SECONDS: Final = 12.0
"""Processor time to read the text of a picture; a full page takes 2 to 6."""
SPECIMEN: Final = (
    "P<UTOEXAMPLE<<ADA<<<<<<<<<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
)


def installed_readers() -> Readers:
    """Return the readers of production."""
    return Readers(zone=_zone, zone_checks=zone_checks, licence=read_licence, lines=_lines, bill=read_bill)


def _zone(picture: Picture) -> MachineZone | None:
    return read_zone(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR).astype(np.uint8), ZONE_SECONDS)


def _lines(picture: Picture, page: int) -> tuple[TextLine, ...]:
    return read_lines(picture, page=page, seconds=LINES_SECONDS)


def warm_up(readers: Readers) -> None:
    """Make each reader load its models, on a page drawn here, with one thread: others would not be forked."""
    cv2.setNumThreads(1)
    page = np.full((500, 1000, 3), 255, np.uint8)
    for row, text in enumerate(SPECIMEN):
        place = (40, 350 + 50 * row)
        cv2.putText(page, text, place, cv2.FONT_HERSHEY_PLAIN, 1.9, (0, 0, 0), 2)
    readers.licence(page)
    readers.bill(readers.lines(page, 0))
    readers.zone(page)


def show(request: Request) -> bytes:
    """Return a preview of the first pages of the file: facts about them, then their pixels."""
    opened = open_file(request.content, request.media_type)
    pictures = [reduced(picture, LONGEST_SHOWN)[0] for picture in opened.pictures[:MOST_SHOWN]]
    sizes = tuple((picture.shape[1], picture.shape[0]) for picture in pictures)
    drawn = PageFacts(pages=opened.pages, sizes=sizes, checks=opened.checks)
    return frame(drawn.model_dump_json().encode()) + b"".join(picture.tobytes() for picture in pictures)
