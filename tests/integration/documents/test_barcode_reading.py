from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from services.verifier.documents.barcode import symbols
from services.verifier.documents.barcode.symbols import read_licence, read_symbol
from services.verifier.documents.results import CheckResult, reasons_of
from tests import hostile

PAYLOAD = (
    b"@\n\x1e\rANSI 636035090002DL00410250ZI02910020DLDAQX1234567\nDCSEXAMPLE\nDDEN\nDACADA\nDDFN\nDADMARIE\n"
    b"DDGN\nDCAD\nDCBNONE\nDCDNONE\nDBD03012024\nDBB02291984\nDBA02282030\nDBC2\nDAU064 IN\nDAYGRN\n"
    b"DAG12 MEADOW LN\nDAISPRINGFIELD\nDAJIL\nDAK627040000  \nDCF20240301123456\nDCGUSA\nDAW140\n"
    b"DCK0123456789ABCDEF\n\rZIZIAORG\n\r"
)


def photo(degrees: float, scale: int = 3) -> Image.Image:
    """Return the back of a card, turned, on a table with a pattern."""
    symbol = hostile.barcode(PAYLOAD, scale)
    card = Image.new("RGB", (symbol.width + 160, symbol.height + 520), (225, 230, 240))
    pen = ImageDraw.Draw(card)
    pen.rectangle((0, 60, card.width, 160), fill=(30, 30, 30))
    for row in range(6):
        pen.text(
            (80, 200 + 28 * row), "CLASS D  END NONE  REST NONE  12 MEADOW LN", fill="black", font_size=22
        )
    card.paste(symbol, (80, 420))
    side = int((card.width**2 + card.height**2) ** 0.5) + 40
    table = Image.effect_noise((side, side), 25).convert("RGB")
    mask = Image.new("L", card.size, 255).rotate(degrees, expand=True, resample=Image.Resampling.BICUBIC)
    turned = card.rotate(degrees, expand=True, resample=Image.Resampling.BICUBIC)
    table.paste(turned, ((side - turned.width) // 2, (side - turned.height) // 2), mask)
    return table


def leaning(image: Image.Image) -> Image.Image:
    """Return *image* as seen a little from the side."""
    width, height = image.size
    corners = (0.03 * width, 0.02 * height, 0, height, width, 0.97 * height, 0.98 * width, 0)
    return image.transform(image.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)


@pytest.mark.parametrize("degrees", [0, 3, 8, -12, 15, 30, 45, 75, 90, 135, 180, -100])
def test_a_licence_is_read_at_any_angle(degrees: float) -> None:
    licence, checks = read_licence(np.asarray(photo(degrees)))

    assert licence is not None
    assert (licence.surname, licence.number) == ("EXAMPLE", "X1234567")
    assert {check.result for check in checks} == {CheckResult.PASS}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(leaning, id="from the side"),
        pytest.param(lambda image: image.filter(ImageFilter.GaussianBlur(1)), id="a little blurred"),
        pytest.param(lambda image: image.point(lambda value: value // 4 + 20), id="dark"),
        pytest.param(lambda image: Image.eval(image, lambda value: min(255, value + 70)), id="bright"),
    ],
)
def test_a_licence_is_read_from_a_poor_photo(change: Callable[[Image.Image], Image.Image]) -> None:
    assert read_symbol(np.asarray(change(photo(9)))) == PAYLOAD


def test_a_small_symbol_is_enlarged() -> None:
    assert read_symbol(np.asarray(photo(5, scale=2))) == PAYLOAD


def test_a_symbol_that_holds_no_licence_does_not_end_the_search() -> None:
    other, card = hostile.barcode(b"BOX 7741"), photo(0)
    page = Image.new("RGB", (card.width, card.height + other.height + 80), "white")
    page.paste(other, (60, 40))
    page.paste(card, (0, other.height + 80))
    licence, checks = read_licence(np.asarray(page))
    assert licence is not None
    assert licence.number == "X1234567"
    assert {check.result for check in checks} == {CheckResult.PASS}


def test_content_read_alike_twice_goes_before_content_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A photo turned by 15 degrees was read with wrong bytes: the decoder had corrected too much."""
    looks = [b"wrong", b"", PAYLOAD, PAYLOAD, b"never asked"]
    monkeypatch.setattr(symbols, "contents", lambda _: iter(looks))
    picture = np.zeros((1, 1), np.uint8)
    assert read_symbol(picture) == PAYLOAD
    looks[:] = [b"", b"read once", b""]
    assert read_symbol(picture) == b"read once"
    looks[:] = [b"", b""]
    assert read_symbol(picture) == b""
    looks[:] = []
    assert read_symbol(picture) is None


def test_the_bytes_come_as_they_were_printed() -> None:
    content = bytes(range(256))

    assert read_symbol(np.asarray(hostile.barcode(content))) == content


def test_a_grey_picture_will_do() -> None:
    assert read_symbol(np.asarray(photo(6).convert("L")))


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(Image.new("RGB", (800, 600), "white"), id="white"),
        pytest.param(Image.effect_noise((800, 600), 90).convert("RGB"), id="noise"),
        pytest.param(Image.new("RGB", (1, 1)), id="one pixel"),
        pytest.param(Image.new("RGB", (2000, 1)), id="a line"),
        pytest.param(Image.linear_gradient("L").convert("RGB"), id="gradient"),
    ],
)
def test_where_no_barcode_is_none_is_missed(image: Image.Image) -> None:
    licence, checks = read_licence(np.asarray(image))

    assert licence is None
    assert [check.result for check in checks] == [CheckResult.NOT_RUN]
    assert reasons_of(checks) == ()


def test_text_is_not_searched_for_a_barcode() -> None:
    page = Image.new("L", (1000, 700), "white")
    for row in range(8):
        ImageDraw.Draw(page).text((60, 60 + 70 * row), "P<UTOEXAMPLE<<ADA<<<<<<<<<<<<<<", font_size=44)

    assert not list(symbols.zones(np.asarray(page)))
    assert list(symbols.zones(np.asarray(photo(6).convert("L"))))


def test_a_barcode_that_is_no_licence_is_said_to_be_malformed() -> None:
    licence, checks = read_licence(np.asarray(hostile.barcode(b"M1EXAMPLE/ADA EABC123 VIEFRA")))

    assert licence is None
    assert reasons_of(checks) == ("barcode_malformed",)


def test_a_barcode_that_is_half_covered_is_said_to_be_unreadable() -> None:
    image = hostile.barcode(PAYLOAD)
    ImageDraw.Draw(image).rectangle((image.width // 3, 0, image.width // 2, image.height), fill="white")

    licence, checks = read_licence(np.asarray(image))

    assert licence is None
    assert reasons_of(checks) == ("barcode_unreadable",)
