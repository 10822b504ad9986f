"""
Draws the pages of a PDF and reads their text, with one library for both: the text read is the text drawn.

Only files that ``pdf_structure`` wrote anew come here.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pypdfium2
from pypdfium2 import raw

from services.verifier.documents.files.pdf_text import lines_of
from services.verifier.documents.files.picture import MOST_PIXELS
from services.verifier.documents.files.refusal import FileFlaw, FileRefused
from services.verifier.documents.files.thumbnails import Picture
from services.verifier.documents.results import TextLine

MOST_DRAWN: Final = 3
"""Pages that become pictures: a letter has its address and date on the first."""
MOST_DPI: Final = 200
POINTS_PER_INCH: Final = 72
MOST_OBJECTS: Final = 20_000
SCANNED_SHARE: Final = 0.5
"""Share of a page covered by one image, from which on its text is a layer put over a picture."""


@dataclass(frozen=True, slots=True)
class PdfPage:
    """One page."""

    picture: Picture | None
    """None for pages that are not drawn. Their look is unknown, so nothing is read of them."""
    lines: tuple[TextLine, ...]
    layered: bool
    """Whether its text may be another than the one to be seen: invisible, or over an image of a page."""


UNDRAWN: Final = PdfPage(None, (), layered=False)


def read_pages(content: bytes) -> Iterator[PdfPage]:
    """
    Yield the pages of the PDF *content*, of which the first ones are drawn and read.

    Raises:
        FileRefused: It cannot be read.
    """
    try:
        with pypdfium2.PdfDocument(content) as document:
            for number in range(len(document)):
                yield _read(document[number], number) if number < MOST_DRAWN else UNDRAWN
    except pypdfium2.PdfiumError as error:
        raise FileRefused(FileFlaw.BROKEN) from error


def _read(page: pypdfium2.PdfPage, number: int) -> PdfPage:
    return PdfPage(_draw(page), tuple(lines_of(page, number)), _is_layered(page))


def _draw(page: pypdfium2.PdfPage) -> Picture:
    """Return *page* as a picture of at most 200 dots per inch and ``MOST_PIXELS`` pixels."""
    width, height = page.get_size()
    fitting = math.sqrt(MOST_PIXELS / (math.ceil(width) * math.ceil(height) + 1))
    bitmap = page.render(scale=min(MOST_DPI / POINTS_PER_INCH, 0.99 * fitting), rev_byteorder=True)
    try:
        picture: Picture = bitmap.to_numpy()[:, :, :3].copy()
    finally:
        bitmap.close()
    return picture


def _is_layered(page: pypdfium2.PdfPage) -> bool:
    """Return whether *page* has invisible text, or an image that covers most of it."""
    width, height = page.get_size()
    kinds = (raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_TEXT)
    for count, part in enumerate(page.get_objects(filter=kinds, max_depth=4)):
        if count > MOST_OBJECTS:
            return True
        if part.type == raw.FPDF_PAGEOBJ_TEXT:
            mode = raw.FPDFTextObj_GetTextRenderMode(part)
            if mode in {raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP}:
                return True
        else:
            left, bottom, right, top = part.get_bounds()
            if (right - left) * (top - bottom) > SCANNED_SHARE * width * height:
                return True
    return False
