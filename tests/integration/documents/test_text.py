"""Printed text is read in the order of reading, within limits, and whole or not at all."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from services.verifier.documents import text
from services.verifier.documents.results import TextLine
from services.verifier.documents.text import in_order, read_lines

LINES = ("Erika Beispiel", "Musterweg 12", "12345 Beispielstadt")


def drawn(lines: tuple[str, ...], angle: float = 0) -> Image.Image:
    picture = Image.new("RGB", (500, 60 * len(lines) + 40), "white")
    pen = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        pen.text((30, 25 + 60 * row), line, fill="black", font=ImageFont.load_default(28))
    return picture.rotate(angle, expand=True, fillcolor="white")


@pytest.mark.parametrize("angle", [0, 6])
def test_lines_are_read_in_their_order(angle: float) -> None:
    found = read_lines(np.asarray(drawn(LINES, angle)), page=2)
    assert tuple(line.text for line in found) == LINES
    assert {line.page for line in found} == {2}
    lefts = [line.box[0] for line in found]
    assert max(lefts) - min(lefts) < 0.02
    assert text._engine.cache_info().misses == 1, "the models are loaded once"


def test_a_grey_picture_is_read_like_a_coloured_one() -> None:
    assert [line.text for line in read_lines(np.asarray(drawn(LINES[:1]).convert("L")))] == list(LINES[:1])


@pytest.mark.parametrize("size", [(8, 8), (400, 300)])
def test_nothing_is_read_where_nothing_is_written(size: tuple[int, int]) -> None:
    assert read_lines(np.asarray(Image.new("RGB", size, "white"))) == ()


def test_slow_text_is_not_read_in_parts() -> None:
    assert read_lines(np.asarray(drawn(LINES)), seconds=0.0) == ()


def test_more_lines_than_a_page_has_are_not_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MOST_LINES", 2)
    assert read_lines(np.asarray(drawn(LINES))) == ()


def test_two_columns_are_read_row_by_row() -> None:
    places = {"a": (0.1, 0.10), "b": (0.6, 0.105), "c": (0.1, 0.2), "d": (0.6, 0.195)}
    lines = [TextLine(text=name, box=(x, y, 0.2, 0.02)) for name, (x, y) in places.items()]
    assert "".join(line.text for line in in_order(lines[::-1])) == "abcd"
