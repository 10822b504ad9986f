"""
Zones in pictures that are drawn here: found, cut out, read, and not read into what is none.

The reading itself needs the model of ``scripts/models``. Without it those tests skip; with ``CI`` set they
fail.
"""

import os
import time
from dataclasses import replace
from datetime import date
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import reportlab
from PIL import Image, ImageDraw, ImageFont

from services.verifier.documents import ocr
from services.verifier.documents.files.picture import Picture
from services.verifier.documents.mrz import reader
from services.verifier.documents.mrz.consensus import accepted, zone_checks
from services.verifier.documents.mrz.layouts import check_digit
from services.verifier.documents.mrz.reader import (
    RENDERINGS,
    has_model,
    lines_by_paddle,
    lines_by_tesseract,
    models_folder,
    read_zone,
    rendered,
)
from services.verifier.documents.mrz.repair import EngineText
from services.verifier.documents.mrz.zones import ZonePlace, cut, grey_of, places_in
from services.verifier.documents.results import MachineZone, reasons_of

TODAY = date(2026, 11, 25)
FONT = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
PAPER, INK = 225, 25
LEFT, PITCH = 70, 24.6
BASELINES = (740, 800)


def protected(text: str) -> str:
    return text + check_digit(text)


def passport() -> tuple[str, str]:
    number, birth, rest = protected("XR1234567"), protected("850101"), protected("350101") + "<" * 14 + "0"
    second = f"{number}NLD{birth}F{rest}{check_digit(number + birth + rest)}"
    return "P<NLDVESPERO<<NOVA<MARIT".ljust(44, "<"), second


LINES = passport()
CARD = (
    "I<NLD" + protected("SPECI2014") + "<" * 15,
    "8501019F3501014NLD<<<<<<<<<<<",
    "VESPERO<<NOVA<MARIT<<<<<<<<<<<",
)


def drawn(lines: tuple[str, ...] = LINES) -> Picture:
    """Return a page of a passport: a photo, a few lines of print, and the zone at the bottom."""
    page = Image.new("L", (1250, 880), PAPER)
    pen = ImageDraw.Draw(page)
    pen.rectangle((70, 120, 370, 520), fill=120)
    pen.text(
        (420, 140), "Surname VESPERO\nGiven names NOVA MARIT", font=ImageFont.truetype(str(FONT), 30), fill=60
    )
    font = ImageFont.truetype(str(FONT), 30)
    for row, line in enumerate(lines):
        for column, sign in enumerate(line):
            place = (LEFT + PITCH * (column + 0.5), BASELINES[0] + 60 * row - 60 * (len(lines) == 3))
            pen.text(place, sign, font=font, fill=INK, anchor="ms")
    return np.asarray(page)


def tilted(page: Picture, degrees: float) -> Picture:
    """Return *page* lying askew on a darker table, seen a little from the side."""
    side = 1600
    turn = cv2.getRotationMatrix2D((625, 440), degrees, 1.0).astype(np.float64)
    turn[:, 2] += np.array([(side - 1250) / 2, (side - 880) / 2])
    whole = np.vstack([turn, [4e-5, 2e-5, 1]])
    moved = cv2.warpPerspective(page, whole, (side, side), flags=cv2.INTER_CUBIC, borderValue=90)
    return moved.astype(np.uint8)


def tampered() -> Picture:
    return drawn((LINES[0], LINES[1].replace("850101", "880101")))


def first_place(picture: Picture) -> ZonePlace:
    return next(iter(places_in(grey_of(picture))))


def read(picture: Picture, budget: float = 20.0) -> MachineZone:
    zone = read_zone(picture, budget, today=TODAY)
    assert zone is not None
    return zone


@pytest.fixture
def model() -> None:
    if has_model(models_folder()):
        return
    reason = "the model for zones is missing: run scripts/models"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def test_the_zone_is_the_most_promising_place() -> None:
    place = first_place(drawn())
    (left, top), _, (right, bottom), _ = place.corners
    assert place.turns == 0
    assert left < LEFT
    assert right > LEFT + 44 * PITCH
    assert BASELINES[0] - 120 < top < BASELINES[0] - 22
    assert BASELINES[1] < bottom < BASELINES[1] + 90


@pytest.mark.parametrize("degrees", [-15, -4, 7, 15])
def test_a_tilted_zone_is_cut_out_level(degrees: float) -> None:
    page = tilted(drawn(), degrees)
    block = cut(page, first_place(page), 20)
    across, down = (np.std(block.astype(float).mean(axis=axis)) for axis in (0, 1))
    assert down > across  # rows of text and the white between them, not one grey
    assert block.shape[1] > 5 * block.shape[0]


def test_a_page_turned_by_a_quarter_is_found_turned() -> None:
    assert first_place(np.rot90(drawn(), -1)).turns == 1


def test_the_three_lines_of_a_card_are_one_place() -> None:
    (_, top), _, (_, bottom), _ = first_place(drawn(CARD)).corners
    assert top < BASELINES[0] - 60 - 20
    assert bottom > BASELINES[1]


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (3, 5000), (59, 59), (80, 9000)])
def test_a_picture_of_an_odd_size_holds_no_zone(shape: tuple[int, int]) -> None:
    assert list(islice(places_in(np.zeros(shape, np.uint8)), 1)) == []
    assert read_zone(np.zeros(shape, np.uint8), today=TODAY) is None


def test_evening_takes_a_shadow_away() -> None:
    shadow = np.linspace(0.4, 1, 1250)[None, :]
    page = (drawn() * shadow).astype(np.uint8)
    block = cut(page, first_place(page), 20)
    even = rendered(block, RENDERINGS[0])
    paper = [np.percentile(part, 80) for part in np.array_split(even, 6, axis=1)]
    assert max(paper) - min(paper) < 20


@pytest.mark.usefixtures("model")
def test_a_drawn_passport_is_read_and_accepted() -> None:
    zone = read(drawn())
    assert zone.lines == LINES
    assert accepted(zone)
    assert (zone.surname, zone.given_names, zone.born) == ("VESPERO", "NOVA MARIT", date(1985, 1, 1))


@pytest.mark.usefixtures("model")
def test_a_passport_upside_down_in_colour_and_askew_is_read() -> None:
    page = np.rot90(tilted(drawn(), 6), 2)
    zone = read(np.ascontiguousarray(np.dstack([page] * 3)))
    assert zone.lines == LINES
    assert min(y for _, y in zone.corners) > 0.5, "at the bottom of the page, once it is turned"


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("misread", [pytest.param(False, id="alike"), pytest.param(True, id="misread")])
def test_precise_models_read_a_zone_only_where_the_fast_ones_differ(
    misread: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engines = []

    def lines_by(picture: Picture, engine: object) -> list[EngineText]:
        engines.append(engine)
        lines = lines_by_paddle(picture, engine)
        wrong = misread and engine is ocr.line_engine()
        return [
            replace(line, text=line.text.replace("VESPERO", "VESPEBO")) if wrong else line for line in lines
        ]

    monkeypatch.setattr(reader, "lines_by_paddle", lines_by)
    zone = read(drawn())
    assert zone.lines == LINES
    assert zone.by_two_engines
    assert engines == [ocr.line_engine(), *([ocr.precise_engine()] if misread else [])]
    engines.clear()
    assert read_zone(drawn(), 20.0, models=tmp_path, today=TODAY)
    assert engines == [ocr.line_engine()], "where Tesseract has read nothing, nothing differs"


@pytest.mark.usefixtures("model")
def test_a_tampered_digit_is_read_as_it_is_printed() -> None:
    zone = read(tampered())
    assert zone.lines[1][13:19] == "880101"
    assert zone.agreement >= 2
    assert not accepted(zone)
    expected = ("mrz_check_digit_invalid.birth", "mrz_check_digit_invalid.composite")
    assert reasons_of(zone_checks(zone)) == expected


@pytest.mark.usefixtures("model")
def test_noise_is_no_zone_and_is_given_up_in_time() -> None:
    noise = np.random.default_rng(3).integers(0, 255, (600, 900), dtype=np.uint8)
    started = time.process_time()
    assert read_zone(cv2.GaussianBlur(noise, (0, 0), 2).astype(np.uint8), 1.0, today=TODAY) is None
    assert time.process_time() - started < 3


@pytest.mark.usefixtures("model")
def test_the_engine_reads_nothing_in_a_speck() -> None:
    assert lines_by_tesseract(np.zeros((4, 4), np.uint8), models_folder()) == []


def test_no_time_reads_nothing() -> None:
    assert read_zone(drawn(), 0.0, today=TODAY) is None


def test_without_the_model_the_other_engine_reads_but_is_not_enough(tmp_path: Path) -> None:
    zone = read_zone(drawn(), 20.0, models=tmp_path, today=TODAY)
    assert zone is not None
    assert zone.lines == LINES
    assert not accepted(zone)
