"""
Draws the pages of a PDF and reads their text, with one library for both: the text read is the text drawn.

Only files that ``pdf_structure`` wrote anew come here. A piece of text ends where the line ends or a gap is
wider than a few letters: an address and a date may stand side by side, and belong to different blocks.
"""

import ctypes
import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import pypdfium2
from pypdfium2 import raw

from services.verifier.documents.files.picture import MOST_PIXELS, Picture
from services.verifier.documents.results import FileFlaw, FileRefused, TextLine

MOST_DRAWN: Final = 3
"""Pages that become pictures: a letter has its address and date on the first."""
MOST_DPI: Final = 200
POINTS_PER_INCH: Final = 72
MOST_OBJECTS: Final = 20_000
SCANNED_SHARE: Final = 0.5
"""Share of a page covered by one image, from which on its text is a layer put over a picture."""
MOST_LETTERS: Final = 30_000
MOST_LINE_LETTERS: Final = 300
WIDEST_GAP: Final = 1.5
"""In heights of a letter: a space is about a quarter."""
MOST_DROP: Final = 0.5
"""In heights of a letter: lower text is on another line."""
STEPS: Final = 10
"""Per point: the library measures the seen page in whole units."""
ROWS: Final = 200
"""Letters of one line differ a little in height: lines this many to a page are sorted from left to right."""


@dataclass(frozen=True, slots=True)
class PdfPage:
    """One page."""

    picture: Picture | None
    """None for pages that are not drawn. Their look is unknown, so nothing is read of them."""
    lines: tuple[TextLine, ...]
    layered: bool
    """Whether its text may be another than the one to be seen: invisible, or over an image of a page."""


def read_pages(content: bytes) -> Iterator[PdfPage]:
    """Yield the pages of a PDF, the first ones drawn and read. Raises FileRefused if it cannot be read."""
    try:
        with pypdfium2.PdfDocument(content) as document:
            for number in range(len(document)):
                if number < MOST_DRAWN:
                    page = document[number]
                    yield PdfPage(_draw(page), tuple(lines_of(page, number)), _is_layered(page))
                else:
                    yield PdfPage(None, (), layered=False)
    except pypdfium2.PdfiumError as error:
        raise FileRefused(FileFlaw.BROKEN) from error


def _draw(page: pypdfium2.PdfPage) -> Picture:
    """Return *page* as a picture of at most 200 dots per inch and ``MOST_PIXELS`` pixels."""
    width, height = page.get_size()
    fitting = math.sqrt(MOST_PIXELS / (math.ceil(width) * math.ceil(height) + 1))
    bitmap = page.render(scale=min(MOST_DPI / POINTS_PER_INCH, 0.99 * fitting), rev_byteorder=True)
    with closing(bitmap):
        picture: Picture = bitmap.to_numpy()[:, :, :3].copy()
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


@dataclass(frozen=True, slots=True)
class PdfCharacter:
    """A letter, perhaps with a space before it; edges in points from the top left of the page as seen."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """Height of the font's cell."""
        return self.bottom - self.top


def lines_of(page: pypdfium2.PdfPage, number: int) -> list[TextLine]:
    """Return the text of *page* in pieces, from top to bottom and left to right."""
    width, height = page.get_size()
    with closing(page.get_textpage()) as textpage:
        pieces = (_line(piece, number, width, height) for piece in _pieces(_letters(page, textpage)))
        lines = [line for line in pieces if line.text]
    return sorted(lines, key=lambda line: (round(line.box[1] * ROWS), line.box[0]))


def _line(letters: Sequence[PdfCharacter], number: int, width: float, height: float) -> TextLine:
    """Return *letters* as a line of page *number*, its box in parts of the page."""
    left, right = min(letter.left for letter in letters), max(letter.right for letter in letters)
    top, bottom = min(letter.top for letter in letters), max(letter.bottom for letter in letters)
    text = " ".join("".join(letter.text for letter in letters).split())[:MOST_LINE_LETTERS]
    box = (left / width, top / height, (right - left) / width, (bottom - top) / height)
    return TextLine(text=text, page=number, box=box)


def _pieces(letters: Iterator[PdfCharacter | None]) -> Iterator[list[PdfCharacter]]:
    """Yield *letters* that stand in one line close together; none among them ends a line."""
    piece: list[PdfCharacter] = []
    for letter in letters:
        if piece and (letter is None or not _goes_on(piece[-1], letter)):
            yield piece
            piece = []
        if letter is not None:
            piece.append(letter)
    if piece:
        yield piece


def _goes_on(last: PdfCharacter, letter: PdfCharacter) -> bool:
    height = max(last.height, letter.height, 1.0)
    gap, drop = letter.left - last.right, letter.bottom - last.bottom
    return abs(gap) <= WIDEST_GAP * height and abs(drop) <= MOST_DROP * height


def _letters(page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage) -> Iterator[PdfCharacter | None]:
    """Yield the letters of *textpage* in the order of the file, none at the end of a line."""
    space = ""
    for index in range(min(textpage.count_chars(), MOST_LETTERS)):
        text = _character(textpage, index)
        if text in {"\r", "\n", ""}:
            yield None
            space = ""
        elif text.isspace():
            space = " "
        else:
            yield PdfCharacter(space + text, *_edges(page, textpage, index))
            space = ""


def _character(textpage: pypdfium2.PdfTextPage, index: int) -> str:
    """Return the character at *index*; empty for half of a pair, or a control code."""
    code = raw.FPDFText_GetUnicode(textpage, index)
    character = chr(code) if 0 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else ""  # noqa: PLR2004 - Unicode
    return character if character.isprintable() or character.isspace() else ""


def _edges(
    page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage, index: int
) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of the letter's cell: its font's height, not its ink's."""
    box = raw.FS_RECTF()
    raw.FPDFText_GetLooseCharBox(textpage, index, ctypes.byref(box))
    (one_x, one_y), (other_x, other_y) = _seen(page, box.left, box.top), _seen(page, box.right, box.bottom)
    return min(one_x, other_x), min(one_y, other_y), max(one_x, other_x), max(one_y, other_y)


def _seen(page: pypdfium2.PdfPage, x: float, y: float) -> tuple[float, float]:
    """Return where a place of *page* is once the page is cropped and turned, in points from the top left."""
    width, height = (round(side * STEPS) for side in page.get_size())
    across, down = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page, 0, 0, width, height, 0, x, y, ctypes.byref(across), ctypes.byref(down))
    return across.value / STEPS, down.value / STEPS
