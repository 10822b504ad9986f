"""Printed text is read in the order of reading, within limits, and whole or not at all."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rapidocr
from PIL import Image, ImageDraw, ImageFont

from services.verifier.documents import ocr, text
from services.verifier.documents.cards.comparison import specimen_check
from services.verifier.documents.results import TextLine
from services.verifier.documents.text import in_order, read_lines, read_overprint
from services.verifier.documents.worker import examination
from services.verifier.documents.worker.examination import installed_readers, warm_up

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
    assert ocr.line_engine.cache_info().misses == 1, "the models are loaded once"


def test_a_grey_picture_is_read_like_a_coloured_one() -> None:
    assert [line.text for line in read_lines(np.asarray(drawn(LINES[:1]).convert("L")))] == list(LINES[:1])


def test_models_of_8_bits_read_what_those_of_the_package_read() -> None:
    page = np.asarray(drawn(LINES))
    engines = (ocr.line_engine(), ocr.precise_engine())
    found = [ocr.line_corners(engine, page, 1.0) for engine in engines]
    assert np.abs(found[0] - found[1]).max() < 4, "pixels"
    read = [
        engine.recognize_txt(engine.crop_text_regions(page, corners)).txts
        for engine, corners in zip(engines, found, strict=True)
    ]
    assert [list(texts or ()) for texts in read] == [list(LINES)] * 2


def test_all_models_are_loaded_before_files_come() -> None:
    for load in (ocr.line_engine, ocr.precise_engine):
        load.cache_clear()
    warm_up(installed_readers())
    for engine in (ocr.line_engine(), ocr.precise_engine()):
        loaded = vars(engine)
        assert loaded["text_det"], "finds lines"
        assert loaded["text_rec"], "reads them"


def test_pages_are_read_by_the_models_of_8_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "paddle_engine", lambda params: params)
    params: Any = ocr.line_engine.__wrapped__()
    packaged = Path(rapidocr.__file__).parent / "models"
    for step, source in (("Det", "PP-OCRv6_det_small.onnx"), ("Rec", "PP-OCRv6_rec_small.onnx")):
        model = Path(params[f"{step}.model_path"])
        assert model.stat().st_size < 0.3 * (packaged / source).stat().st_size


def test_lines_are_found_where_the_engine_itself_finds_them() -> None:
    page = Image.new("RGB", (1024, 768), "white")
    page.paste(drawn(LINES, 3), (40, 60))
    _, found = ocr.line_engine().detect_and_crop(np.asarray(page), {})
    own = ocr.line_corners(ocr.line_engine(), np.asarray(page), 1.0)
    assert np.abs(own - np.asarray(found.boxes)).max() < 3, "pixels: its own steps round otherwise"


def test_lines_that_fill_a_part_that_was_read_are_left_out() -> None:
    picture = np.asarray(drawn(LINES))
    box = read_lines(picture)[1].box
    left, top, right, bottom = box[0] - 0.02, box[1] - 0.05, box[0] + box[2] + 0.02, box[1] + box[3] + 0.05
    part = ((left, top), (right, top), (right, bottom), (left, bottom))
    assert [line.text for line in read_lines(picture, known=part)] == [LINES[0], LINES[2]]
    wide = ((left, top), (1.0, top), (1.0, bottom), (left, bottom))
    assert [line.text for line in read_lines(picture, known=wide)] == list(LINES), "print beside a zone"


def test_a_closer_look_reads_smaller_print() -> None:
    page = Image.new("RGB", (2000, 1400), "white")
    for row in range(12):
        place = (300, 100 + 40 * row)
        ImageDraw.Draw(page).text(place, LINES[0], fill="black", font=ImageFont.load_default(9))
    part = ((0.0, 0.8), (1.0, 0.8), (1.0, 0.9), (0.0, 0.9))
    usual, closer = (read_lines(np.asarray(page), known=part, closer=closer) for closer in (False, True))
    assert len(usual) < 6 < len(closer)


@pytest.mark.parametrize("size", [(8, 8), (400, 300)])
def test_nothing_is_read_where_nothing_is_written(size: tuple[int, int]) -> None:
    assert read_lines(np.asarray(Image.new("RGB", size, "white"))) == ()


def specimen(ink: str, angle: float = 35) -> Image.Image:
    """Return a card with SPECIMEN across it."""
    card = drawn(LINES * 2)
    mark = Image.new("RGBA", card.size, (0, 0, 0, 0))
    ImageDraw.Draw(mark).text((60, 150), "SPECIMEN", fill=ink, font=ImageFont.load_default(72))
    turned = mark.rotate(angle, resample=Image.Resampling.BICUBIC)
    card.paste(turned, mask=turned)
    return card


@pytest.mark.parametrize(
    ("ink", "angle"), [("#e0a0a0", 35), ("#e0a0a0", 90), ("#e0a0a0", -90), ("#b0b0b0", 35)]
)
def test_large_word_across_a_card_is_read(ink: str, angle: float) -> None:
    assert "SPECIMEN" in {line.text for line in read_overprint(np.asarray(specimen(ink, angle)))}


def test_marks_across_a_card_are_read_apart_from_its_lines() -> None:
    marks = installed_readers().marks(np.asarray(specimen("#e0a0a0")), 0)
    assert specimen_check(marks).reasons == ("specimen_document",)
    assert installed_readers().marks(np.asarray(drawn(LINES * 2)), 0) == ()


def test_pale_small_words_across_a_card_are_noticed() -> None:
    card = drawn(LINES * 2).resize((1000, 800))
    mark = Image.new("RGBA", card.size, (0, 0, 0, 0))
    for row in range(5):
        for column in range(4):
            place = (40 + 300 * column + 60 * (row % 2), 60 + 150 * row)
            ImageDraw.Draw(mark).text(place, "SPECIMEN", fill="#eeeeee", font=ImageFont.load_default(44))
    turned = mark.rotate(15, resample=Image.Resampling.BICUBIC)
    card.paste(turned, mask=turned)
    assert installed_readers().marks(np.asarray(card), 0)


def test_perforated_level_word_is_noticed() -> None:
    card = drawn(LINES * 2).resize((1000, 800))
    mark = Image.new("1", (80, 16))
    ImageDraw.Draw(mark).text((2, 0), "SAMPLE", fill=1, font=ImageFont.load_default(12))
    pen = ImageDraw.Draw(card)
    for y, x in np.argwhere(np.asarray(mark)):
        pen.ellipse((100 + 9 * x, 340 + 9 * y, 106 + 9 * x, 346 + 9 * y), fill="#333333")
    assert "SAMPLE" in {line.text for line in installed_readers().marks(np.asarray(card), 0)}


def test_word_along_a_curve_is_noticed() -> None:
    card = drawn(LINES * 2).resize((1000, 800))
    for number, letter in enumerate("MUSTER"):
        mark = Image.new("RGBA", (160, 160), (0, 0, 0, 0))
        ImageDraw.Draw(mark).text((30, 20), letter, fill="#d06070", font=ImageFont.load_default(100))
        turned = mark.rotate(40 - 16 * number, resample=Image.Resampling.BICUBIC)
        card.paste(turned, (120 + 120 * number, 260 + 6 * (2 * number - 5) ** 2), mask=turned)
    assert installed_readers().marks(np.asarray(card), 0)


def test_large_word_with_a_misread_letter_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def marks(height: float) -> tuple[TextLine, ...]:
        found = (TextLine(text="KZOR", box=(0, 0, 0, height)),)
        monkeypatch.setattr(examination, "read_overprint", lambda *_, **__: found)
        return installed_readers().marks(np.asarray(drawn(LINES)), 0)

    assert [line.text for line in marks(0.1)] == ["KZOR"]
    assert marks(0.03) == (), "print of a tilted card"


@pytest.mark.parametrize(
    ("text", "height", "confidence", "marks"),
    [
        ("TASVIR", 0.13, 0.9, ("TASVIR",)),
        ("TASVIR", 0.09, 0.9, ()),
        ("TASVIR", 0.13, 0.7, ()),
        ("N. Exa", 0.13, 0.9, ()),
    ],
    ids=["large", "as a signature", "unsure", "several words"],
)
def test_word_larger_than_any_print_of_a_document_is_a_mark_in_whatever_language(
    text: str, height: float, confidence: float, marks: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = (TextLine(text=text, box=(0, 0, 0, height), confidence=confidence),)
    monkeypatch.setattr(examination, "read_overprint", lambda *_, **__: found)
    seen = installed_readers().marks(np.asarray(drawn(LINES)), 0)
    assert tuple(line.text for line in seen) == marks
    assert all(line.across for line in seen)


def written_over(angle: float, size: float = 1) -> Image.Image:
    """Return a card with coloured curves and dots across it, as of a script that is not read."""
    card = drawn(LINES * 2)
    mark = Image.new("RGBA", card.size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(mark)
    for number in range(4):
        left, begin = 120 + 70 * number * size, 200 - 180 * (number % 2)
        pen.arc(
            (left, 150, left + 80 * size, 150 + 80 * size), begin, begin + 180, "#d04040", round(14 * size)
        )
        top = 240 - 110 * (number % 2)
        pen.ellipse((left + 30, top, left + 30 + 15 * size, top + 15 * size), fill="#d04040")
    turned = mark.rotate(angle, resample=Image.Resampling.BICUBIC)
    card.paste(turned, mask=turned)
    return card


def test_large_coloured_writing_in_a_script_that_is_not_read_is_a_mark() -> None:
    marks = installed_readers().marks
    assert text.UNREAD in {line.text for line in marks(np.asarray(written_over(30)), 0)}
    assert text.UNREAD not in {line.text for line in marks(np.asarray(written_over(0)), 0)}, (
        "a title is level"
    )
    read = marks(np.asarray(specimen("#e0a0a0", 35)), 0)
    assert text.UNREAD not in {line.text for line in read}, "it is read"


def test_small_or_standing_writing_that_is_not_read_is_no_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_texts_in", lambda _: [])

    def noticed(card: Image.Image) -> bool:
        return text.UNREAD in {line.text for line in read_overprint(np.asarray(card))}

    tilted, standing = (specimen("#e0a0a0", angle) for angle in (35, 90))
    page = Image.new("RGB", (2 * tilted.width, 2 * tilted.height), "white")
    page.paste(tilted)
    assert noticed(tilted)
    assert not noticed(page), "a signature is smaller"
    assert not noticed(standing), "the page lies on its side"


def test_letters_along_a_curve_are_as_sure_together_as_the_least_sure_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else parts of a drawing that are taken for letters would be a large word."""
    monkeypatch.setattr(text, "_texts_in", lambda _: [("LLO", 0.6)])
    joined = [line for line in read_overprint(np.asarray(specimen("#e0a0a0", 35))) if "LLO" in line.text]
    assert joined
    assert max(line.confidence for line in joined) == 0.6


def test_outlined_word_across_a_card_is_noticed() -> None:
    card = drawn(LINES * 2)
    mark = Image.new("RGBA", card.size, (0, 0, 0, 0))
    font = ImageFont.load_default(90)
    ImageDraw.Draw(mark).text(
        (60, 150), "MUSTER", font=font, fill=(0, 0, 0, 0), stroke_fill="#303050", stroke_width=1
    )
    turned = mark.rotate(25, resample=Image.Resampling.BICUBIC)
    card.paste(turned, mask=turned)
    assert installed_readers().marks(np.asarray(card), 0)


@pytest.mark.parametrize("picture", [drawn(LINES), Image.new("RGB", (8, 8)), Image.new("L", (400, 300))])
def test_text_that_is_neither_coloured_nor_across_is_no_overprint(picture: Image.Image) -> None:
    assert read_overprint(np.asarray(picture)) == ()


def test_slow_text_is_not_read_in_parts() -> None:
    assert read_lines(np.asarray(drawn(LINES)), seconds=0.0) == ()


def test_more_lines_than_a_page_has_are_not_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MOST_LINES", 2)
    assert read_lines(np.asarray(drawn(LINES))) == ()


def test_two_columns_are_read_row_by_row() -> None:
    places = {"a": (0.1, 0.10), "b": (0.6, 0.105), "c": (0.1, 0.2), "d": (0.6, 0.195)}
    lines = [TextLine(text=name, box=(x, y, 0.2, 0.02)) for name, (x, y) in places.items()]
    assert "".join(line.text for line in in_order(lines[::-1])) == "abcd"
