"""Images of documents of fictional people: a passport page and a bill."""

import io
from datetime import date
from pathlib import Path

import reportlab
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfgen.canvas import Canvas

FONTS = Path(reportlab.__file__).parent / "fonts"
WEIGHTS = (7, 3, 1)
SIZE = (1_400, 980)


def passport(  # noqa: PLR0913 - what is printed on it
    surname: str,
    given_names: str,
    *,
    number: str = "C4H9K2M83",
    born: date,
    expires: date,
    state: str = "D<<",
) -> bytes:
    """Return a passport's page as a JPEG."""
    page = Image.new("RGB", SIZE, (236, 240, 244))
    draw = ImageDraw.Draw(page)
    draw.rectangle((60, 140, 400, 580), fill=(214, 178, 150))  # where the photo would be
    fields = {
        "Passport No.": number, "Surname": surname, "Given names": given_names,
        "Date of birth": f"{born:%d.%m.%Y}", "Date of expiry": f"{expires:%d.%m.%Y}",
    }  # fmt: skip
    for row, (label, value) in enumerate(fields.items()):
        draw.text((460, 120 + 100 * row), label, (90, 90, 90), ImageFont.load_default(22))
        draw.text((460, 150 + 100 * row), value.upper(), (10, 10, 10), ImageFont.load_default(40))
    font = ImageFont.truetype(str(FONTS / "cob_____.pfb"), 48)
    names = f"{_filled(surname)}<<{_filled(given_names)}"
    for row, line in enumerate(zone(names, number, born, expires, state)):
        draw.text((60, 760 + 80 * row), line, (0, 0, 0), font)
    return _jpeg(page)


def zone(names: str, number: str, born: date, expires: date, state: str) -> tuple[str, str]:
    """Return the two lines of a passport's machine-readable zone (ICAO Doc 9303-4)."""
    first = f"P<{state}{names}".ljust(44, "<")[:44]
    document, birth, expiry = number.ljust(9, "<"), f"{born:%y%m%d}", f"{expires:%y%m%d}"
    optional = "<" * 14
    parts = [f"{part}{_digit(part)}" for part in (document, birth, expiry)]
    whole = f"{parts[0]}{parts[1]}{parts[2]}{optional}0"
    second = f"{parts[0]}{state}{parts[1]}F{parts[2]}{optional}0{_digit(whole)}"
    return first, second


def bill(recipient: str, street: str, town: str, issued: date) -> bytes:
    """Return a bill for electricity as a PDF with text."""
    written = io.BytesIO()
    canvas = Canvas(written, pagesize=(595, 842))
    lines = [
        (60, 780, "Example Power Ltd"), (60, 764, "1 Works Road, 20095 Hamburg"),
        (60, 680, recipient), (60, 664, street), (60, 648, town),
        (360, 680, f"Bill date: {issued:%d %B %Y}"), (360, 664, "Customer number 4711"),
        (60, 560, "Your electricity bill"), (60, 530, "Consumption 214 kWh"),
        (60, 500, "Amount due 61.20 EUR"),
    ]  # fmt: skip
    for left, bottom, text in lines:
        canvas.drawString(left, bottom, text)
    canvas.showPage()
    canvas.save()
    return written.getvalue()


def _filled(name: str) -> str:
    return "<".join(name.upper().replace("-", " ").split())


def _digit(text: str) -> int:
    values = [0 if sign == "<" else int(sign, 36) for sign in text]
    return sum(value * WEIGHTS[place % 3] for place, value in enumerate(values)) % 10


def _jpeg(page: Image.Image) -> bytes:
    written = io.BytesIO()
    page.save(written, "JPEG", quality=90)
    return written.getvalue()
