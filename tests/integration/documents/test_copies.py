"""Copies of documents, as printers, screens and cameras make them: they show patterns of their own."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from services.verifier.documents.files.copies import (
    SIDE,
    Corners,
    colour_check,
    copy_checks,
    median_below,
    pattern_check,
)
from services.verifier.documents.files.picture import Picture
from services.verifier.documents.results import CheckResult, reasons_of
from tests.integration.documents.test_mrz_pictures import FONT, LINES

ZONE_CORNERS = ((0.05, 0.8), (0.95, 0.8), (0.95, 0.95), (0.05, 0.95))
WIDTH, HEIGHT = 1250, 880
Light = NDArray[np.float32]
"""Linear, from 0 to 1, of red, green and blue."""


def page(width: int = WIDTH) -> Picture:
    """Return a page of a passport on coloured paper with fine curved lines, as a camera sees it."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    curved = np.sin(across / 1.1 + 18 * np.sin(down / 90) + (down / 60) ** 2) * 14
    paper = np.dstack([210 + curved, 200 + curved, 225 + 0.3 * curved]).astype(np.uint8)
    image = Image.fromarray(paper)
    pen = ImageDraw.Draw(image)
    pen.rectangle((70, 120, 370, 520), fill=(160, 100, 80))
    font = ImageFont.truetype(str(FONT), 30)
    pen.multiline_text((420, 140), "Surname VESPERO\nGiven names NOVA MARIT\nXR1234567", font=font, fill=60)
    pen.multiline_text((70, 730), "\n".join(LINES), font=font, fill=25)
    small = image.resize((width, round(HEIGHT * width / WIDTH)), Image.Resampling.LANCZOS)
    noise = np.random.default_rng(1).normal(0, 2, (small.height, small.width, 3))
    return np.clip(np.asarray(small) + noise, 0, 255).astype(np.uint8)


def printed(dots: float = 5.2) -> Picture:
    """Return a scan of a colour print of the page, its *dots* that many pixels apart, inks at angles."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    inks = []
    for channel, angle in zip(np.moveaxis(page(), 2, 0), (15, 75, 0), strict=True):
        turn = np.deg2rad(angle)
        one = np.cos(2 * np.pi * (across * np.cos(turn) + down * np.sin(turn)) / dots)
        other = np.cos(2 * np.pi * (down * np.cos(turn) - across * np.sin(turn)) / dots)
        inks.append(np.where(channel / 255 > 0.5 - (one + other) / 4, 245, 30).astype(np.float32))
    return cv2.GaussianBlur(np.dstack(inks), (0, 0), 0.9).astype(np.uint8)


def on_screen(scale: float, angle: float) -> Picture:
    """Return a photo of the page on a screen, *scale* pixels of the camera for one of the screen, turned."""
    light = (page() / 255).astype(np.float32) ** 2.2
    cells = np.repeat(np.repeat(light, 6, 0), 6, 1)
    down, across = np.arange(6 * HEIGHT)[:, None], np.arange(6 * WIDTH)[None, :]
    lit = np.dstack([(across % 6 // 2 == channel) & (down % 6 < 5) for channel in range(3)])
    turn = cv2.getRotationMatrix2D((3 * WIDTH, 3 * HEIGHT), angle, scale / 3)
    turn[:, 2] += np.array([WIDTH, HEIGHT]) * scale - np.array([3 * WIDTH, 3 * HEIGHT])
    size = (round(2 * WIDTH * scale), round(2 * HEIGHT * scale))
    seen = cv2.warpAffine(cells * lit * 3.2, turn, size, flags=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(seen, (0, 0), 1.2)[::2, ::2]
    return (np.clip(blurred, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def noticed(picture: Picture, zone: Corners = ZONE_CORNERS) -> tuple[str, ...]:
    return reasons_of([pattern_check([picture], zone)])


@pytest.mark.parametrize("width", [2 * WIDTH, WIDTH, 700])
def test_fine_lines_and_letters_of_a_document_are_no_pattern_of_a_copy(width: int) -> None:
    assert noticed(page(width)) == ()


@pytest.mark.parametrize("dots", [3.1, 5.2, 8.0])
def test_dots_of_a_print_are_noticed(dots: float) -> None:
    assert noticed(printed(dots)) == ("copy_pattern",)


@pytest.mark.parametrize(("scale", "angle"), [(1.4, 3.0), (0.9, -2.0), (2.2, 1.0)])
def test_grid_of_a_screen_is_noticed(scale: float, angle: float) -> None:
    assert noticed(on_screen(scale, angle)) == ("copy_pattern",)


def test_patterns_beside_the_document_do_not_count() -> None:
    cloth = np.indices((2 * HEIGHT, 2 * WIDTH)).sum(axis=0) % 6 < 3
    table = np.dstack([np.where(cloth, 200, 60).astype(np.uint8)] * 3)
    table[HEIGHT:, WIDTH // 2 : WIDTH // 2 + WIDTH] = page()
    corners = tuple((0.25 + x / 2, 0.5 + y / 2) for x, y in ZONE_CORNERS)
    assert noticed(table, corners) == ()
    assert noticed(table, ()) == ("copy_pattern",), "all of it, where nothing tells where the document is"


def test_no_pattern_is_looked_for_in_a_small_picture() -> None:
    assert pattern_check([printed()[: SIDE - 1]], ZONE_CORNERS).result is CheckResult.NOT_RUN


@pytest.mark.parametrize(
    ("values", "below", "measured"),
    [
        ((9, 1, 1, 1, 9), True, 4),
        ((1, 1, 1, 9), True, 3),
        ((1, 1, 9, 4), True, 4),
        ((1, 1, 9, 9), False, 4),
        ((9, 9, 9, 1, 1), False, 5),
    ],
)
def test_no_more_parts_are_measured_than_decide(
    values: tuple[float, ...], below: bool, measured: int
) -> None:
    seen: list[float] = []

    def measure(part: Picture) -> float:
        seen.append(float(part[0]))
        return seen[-1]

    assert median_below(5.0, measure, [np.array([value]) for value in values]) is below
    assert len(seen) == measured


@pytest.mark.parametrize("light", [(255, 255, 255), (255, 235, 190), (200, 220, 255)])
def test_a_grey_copy_on_a_coloured_table_and_in_coloured_light_is_noticed(light: tuple[int, ...]) -> None:
    grey = np.asarray(Image.fromarray(page()).convert("L"))[:, :, None] * (np.array(light) / 255)
    table = np.full((2 * HEIGHT, 2 * WIDTH, 3), (150, 110, 70), np.uint8)
    place = np.s_[HEIGHT:, WIDTH // 2 : WIDTH // 2 + WIDTH]
    corners = tuple((0.25 + x / 2, 0.5 + y / 2) for x, y in ZONE_CORNERS)
    table[place] = grey.astype(np.uint8)
    assert reasons_of(copy_checks([table], corners)) == ("no_colour",)
    table[place] = page()
    assert reasons_of(copy_checks([table], corners)) == ()


def test_a_document_without_colour_may_be_a_copy() -> None:
    card = np.full((300, 500, 3), 230, np.uint8)
    card[::3] = 90
    assert reasons_of([colour_check([card])]) == ("no_colour",)
    coloured = card.copy()
    coloured[100:140, 50:100] = (220, 180, 150)
    assert colour_check([card, coloured]).result is CheckResult.PASS, "backs of licences have none"
