"""A letter is read as far as its bill needs, however its page lies."""

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from services.verifier.documents.bills import pages
from services.verifier.documents.bills.pages import is_complete, read_letter
from services.verifier.documents.bills.reader import read_bill
from services.verifier.documents.files.picture import Picture
from services.verifier.documents.results import TextLine

WIDE, HIGH = 900, 1270
LETTER = (
    (60, 60, "Strom Beispiel AG"), (60, 240, "Erika Beispiel"), (60, 270, "Musterweg 12"),
    (60, 300, "12345 Beispielstadt"), (560, 240, "Rechnungsdatum"), (560, 270, "15.01.2026"),
    (60, 420, "Ihre Stromrechnung, Zählernummer 4711"),
)  # fmt: skip
REST = tuple(
    (60, 700 + 60 * row, f"Seit dem Jahr 19{row}0 liefern wir Ihnen gern etwas Neues.") for row in range(4)
)


def drawn(texts: Sequence[tuple[int, int, str]]) -> Picture:
    picture = Image.new("RGB", (WIDE, HIGH), "white")
    for x, y, text in texts:
        ImageDraw.Draw(picture).text((x, y), text, fill="black", font=ImageFont.load_default(22))
    return np.asarray(picture)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine these times would decide which lines are read."""
    for limit in ("MOST_SECONDS", "MORE_SECONDS", "PAGE_SECONDS"):
        monkeypatch.setattr(pages, limit, 600.0)


def texts_of(lines: Sequence[TextLine]) -> list[str]:
    return [line.text for line in lines]


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_letter_is_read_however_the_page_is_turned(quarters: int) -> None:
    seen = read_letter([np.rot90(drawn(LETTER), quarters)])
    bill = read_bill(seen)
    assert bill is not None
    assert (bill.recipient, bill.address) == ("Erika Beispiel", ("Musterweg 12", "12345 Beispielstadt"))


def test_lines_that_cannot_matter_are_found_and_not_read_once_the_bill_is_complete() -> None:
    seen = read_letter([drawn([*LETTER, *REST])])
    assert texts_of(seen)[-4:] == [""] * 4
    assert is_complete(seen)


def test_bill_that_is_only_called_an_invoice_is_not_complete() -> None:
    assert not is_complete([TextLine(text=text) for _, _, text in (*LETTER[:6], (0, 0, "Ihre Rechnung"))])
    assert is_complete([TextLine(text=text) for _, _, text in LETTER])


def test_other_lines_are_read_while_something_is_missing() -> None:
    seen = read_letter([drawn([*LETTER[1:4], *REST])])
    assert all(texts_of(seen))


@pytest.mark.parametrize(("first", "read"), [(LETTER, {0}), (LETTER[1:], {0, 1})])
def test_second_page_is_read_only_while_something_is_missing(
    first: Sequence[tuple[int, int, str]], read: set[int]
) -> None:
    seen = read_letter([drawn(first), drawn(LETTER[:1])])
    assert {line.page for line in seen} == read


def test_slow_letter_is_not_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_SECONDS", 0.0)
    monkeypatch.setattr(pages, "MORE_SECONDS", 0.0)
    assert not any(texts_of(read_letter([drawn(LETTER)])))


def inside(x: int, y: int, text: str, high: int = 26) -> TextLine:
    return TextLine(text=text, box=(x / WIDE, y / HIGH, 11 * len(text) / WIDE, high / HIGH))


def test_only_places_of_a_text_layer_are_read_and_with_what_stands_beside() -> None:
    layer = [
        inside(60, 240, "Erika Beispiel"),
        inside(60, 270, "Musterweg 1"),
        inside(60, 300, "12345 Beispielstadt"),
    ]
    assert texts_of(read_letter([drawn(LETTER)], layer)) == [
        "Erika Beispiel",
        "Musterweg 12",
        "12345 Beispielstadt",
    ]


def test_text_too_small_for_people_is_not_read() -> None:
    assert read_letter([drawn(LETTER)], [inside(60, 240, "Erika Beispiel", high=3)]) == ()
