"""Prints of documents on a sheet: there is a margin around the print, and a table around the sheet."""

import cv2
import numpy as np
import pytest

from services.verifier.documents.files.picture import Picture
from services.verifier.documents.files.sheets import SHEET_PIXELS, coarse, sheet_check
from services.verifier.documents.results import Box, reasons_of

Place = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels."""
Colour = tuple[int, int, int]
WIDTH, HEIGHT = 400, 300
WHOLE: Place = (0, 0, WIDTH, HEIGHT)
SHEET: Place = (60, 20, 340, 280)
PRINT: Place = (130, 100, 270, 190)
TITLE: Box = (130 / WIDTH, 100 / HEIGHT, 140 / WIDTH, 0.01)
"""A line at the top of the print."""
WOOD: Colour = (120, 80, 50)
WHITE: Colour = (235, 233, 228)
PINK: Colour = (225, 210, 215)
YELLOW: Colour = (240, 200, 60)


def drawn(*parts: tuple[Place, Colour], printed: Place = PRINT) -> Picture:
    """Return a picture of a document printed at a place, above *parts* of one colour each."""
    picture = np.full((HEIGHT, WIDTH, 3), WOOD, np.uint8)
    for (left, top, right, bottom), colour in parts:
        picture[top:bottom, left:right] = colour
    left, top, right, bottom = printed
    picture[top:bottom, left:right] = PINK
    picture[top + 10 : top + 50, left + 5 : left + 35] = (90, 60, 50)
    picture[bottom - 12 : bottom : 4, left:right] = 30
    return picture


def noticed(picture: Picture, printed: Place = PRINT, *, lines: tuple[Box, ...] = (TITLE,)) -> bool:
    """Return whether a sheet is noticed around the document, with a zone at its foot and these *lines*."""
    left, _, right, bottom = printed
    zone = [(left, bottom - 12), (right, bottom - 12), (right, bottom), (left, bottom)]
    corners = [(across / WIDTH, down / HEIGHT) for across, down in zone]
    reasons = reasons_of([sheet_check(picture, corners, lines)])
    assert reasons in {(), ("copy_on_paper",)}
    return bool(reasons)


def turned_by(angle: float, picture: Picture) -> Picture:
    turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), angle, 0.9)
    return np.asarray(
        cv2.warpAffine(picture, turn, (WIDTH, HEIGHT), borderMode=cv2.BORDER_CONSTANT, borderValue=WOOD)
    )


def test_a_print_on_a_sheet_on_a_table_is_noticed() -> None:
    assert max(WIDTH, HEIGHT) == SHEET_PIXELS
    assert noticed(drawn((SHEET, WHITE)))


@pytest.mark.parametrize("angle", [-8, 8])
def test_a_sheet_is_noticed_that_lies_turned(angle: float) -> None:
    assert noticed(turned_by(angle, drawn((SHEET, WHITE))))


@pytest.mark.parametrize(
    "sheet", [(0, 20, 340, 280), (60, 0, 340, 280), (60, 20, WIDTH, 280), (60, 20, 340, HEIGHT)]
)
def test_one_side_of_a_sheet_may_lie_outside_the_picture(sheet: Place) -> None:
    assert noticed(drawn((sheet, WHITE)))


def test_a_sheet_is_noticed_on_a_bright_table_with_something_dark() -> None:
    assert noticed(drawn((WHOLE, (190, 180, 165)), ((0, 0, 40, HEIGHT), (20, 20, 20)), (SHEET, WHITE)))


def test_a_card_on_a_table_is_no_sheet_even_with_a_wide_edge_without_print() -> None:
    left, top, right, bottom = PRINT
    card = (left - 17, top - 17, right + 17, bottom + 17)
    assert not noticed(drawn((card, WHITE)))


def test_a_card_without_lines_is_no_sheet() -> None:
    left, top, right, bottom = PRINT
    assert not noticed(drawn(((left - 8, top - 8, right + 8, bottom + 8), WHITE)), lines=())


def test_a_page_at_the_edge_of_its_booklet_is_no_sheet() -> None:
    page = (110, 160, 290, 276)
    assert not noticed(drawn(((100, 10, 300, 282), WHITE), printed=page), page, lines=())


def test_a_text_at_the_edge_of_a_sheet_belongs_to_the_document() -> None:
    picture = drawn((SHEET, WHITE))
    assert not noticed(picture, lines=(TITLE, (62 / WIDTH, 0.1, 0.3, 0.02)))


@pytest.mark.parametrize("canvas", [WHOLE, (40, 0, 360, HEIGHT)], ids=["all white", "two sides"])
def test_a_white_page_that_ends_with_the_picture_is_no_sheet(canvas: Place) -> None:
    assert not noticed(drawn((canvas, WHITE)))


def test_the_lid_of_a_scanner_around_a_sheet_is_no_table() -> None:
    assert not noticed(drawn((WHOLE, (218, 216, 212)), (SHEET, WHITE)))


def test_a_coloured_mat_is_no_sheet() -> None:
    assert not noticed(drawn((SHEET, YELLOW)))


def test_a_round_plate_is_no_sheet() -> None:
    plate = np.full((HEIGHT, WIDTH, 3), WOOD, np.uint8)
    cv2.ellipse(plate, (200, 145), (190, 140), 0, 0, 360, WHITE, -1)
    left, top, right, bottom = PRINT
    plate[top:bottom, left:right] = drawn()[top:bottom, left:right]
    assert not noticed(plate)


@pytest.mark.parametrize("times", [1, 3, 8])
def test_a_large_picture_is_made_small_without_moving_its_parts(times: int) -> None:
    picture = drawn((SHEET, WHITE))
    small = coarse(np.repeat(np.repeat(picture, times, axis=0), times, axis=1))
    assert small.shape == picture.shape
    assert np.abs(small.astype(int) - picture).mean() < 1
