"""How a company looks: what cannot be read is refused at start (WCAG 1.4.3)."""

from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient
from pydantic import ValidationError

from services.intake.http.api import create_app
from services.intake.http.callers import Callers
from services.intake.pages.csrf import CsrfGuard
from services.intake.pages.site import Site
from shared.errors import ConfigurationError
from shared.law.company import LEGIBLE, PAPER_DARK, Brand, contrast
from shared.law.library import EXAMPLE, MOST_LETTER_LOGO_BYTES, company
from shared.runtime.client_limits import Allowance
from tests.unit.fakes import Office
from tests.unit.intake_api import ROOT

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#ffffff", "#ffffff", 1.0)],
)
def test_contrast_is_counted_as_wcag_does(one: str, other: str, expected: float) -> None:
    assert round(contrast(one, other), 2) == expected == round(contrast(other, one), 2)


@pytest.mark.parametrize("colour", ["#ffcc00", "#777777", "#0a58cg", "red", "#fff"])
def test_a_colour_that_cannot_be_read_is_refused(colour: str) -> None:
    with pytest.raises(ValidationError):
        Brand(colour=colour)


def test_a_colour_for_the_night_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValidationError):
        Brand(dark_colour="#0a58ca")


@pytest.mark.parametrize("colour", ["#000000", "#0a58ca", "#7a0026", "#00543c"])
def test_by_night_a_colour_is_as_much_lighter_as_it_needs_to_be(colour: str) -> None:
    assert contrast(Brand(colour=colour).by_night, PAPER_DARK) >= LEGIBLE


def written(folder: Path, logo: bytes | None, name: str = "logo.svg") -> str:
    file = folder / "company.yaml"
    text = Path(EXAMPLE).read_text(encoding="utf-8").replace("  logo: null", f"  logo: {name}")
    file.write_text(text, encoding="utf-8")
    if logo is not None:
        (folder / name).write_bytes(logo)
    return str(file)


@pytest.mark.parametrize("logo", [None, b"", b"<html>", bytes(1 << 20)], ids=["none", "empty", "no", "big"])
def test_a_logo_that_browsers_do_not_show_is_refused(tmp_path: Path, logo: bytes | None) -> None:
    with pytest.raises(ConfigurationError, match=r"brand\.logo"):
        company(written(tmp_path, logo))


PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    "logo", [SVG, b"<html>", PNG + bytes(MOST_LETTER_LOGO_BYTES)], ids=["svg", "no", "big"]
)
def test_letter_logo_that_mail_programs_do_not_show_is_rejected_with_its_line(
    tmp_path: Path, logo: bytes
) -> None:
    file = Path(written(tmp_path, None))
    text = file.read_text(encoding="utf-8").replace("logo.svg", "null")
    file.write_text(text.replace("letter_logo: null", "letter_logo: mail.png"), encoding="utf-8")
    (tmp_path / "mail.png").write_bytes(logo)
    with pytest.raises(ConfigurationError, match=r"brand\.letter_logo: letters carry a PNG, JPEG or GIF"):
        company(str(file))


@pytest.mark.parametrize("start", [PNG, b"\xff\xd8\xff", b"GIF89a"], ids=["png", "jpeg", "gif"])
def test_letters_have_the_logo_of_pages_if_mail_programs_show_it(tmp_path: Path, start: bytes) -> None:
    brand = company(written(tmp_path, start, "logo.img")).brand
    assert brand.letter_logo == brand.logo == str(tmp_path / "logo.img")
    assert company(written(tmp_path, SVG)).brand.letter_logo is None
    with pytest.raises(ConfigurationError, match=r"name such a file in brand\.letter_logo"):
        company(written(tmp_path, start + bytes(MOST_LETTER_LOGO_BYTES), "logo.img"))


@pytest.mark.slow
async def test_a_logo_stands_on_every_page_with_the_name_in_words(tmp_path: Path) -> None:
    site = Site(company(written(tmp_path, SVG)), CsrfGuard(b"f" * 32, ROOT))
    app = create_app(Office().requests, Callers({}, Allowance(0)), site)
    async with AsyncClient(transport=ASGITransport(app), base_url=ROOT) as client:
        page, logo = await client.get("/"), await client.get("/logo")
    assert '<img src="/logo" alt="Example Networks GmbH"' in page.text
    assert (logo.headers["content-type"], logo.content) == ("image/svg+xml", SVG)
    assert "sandbox" in logo.headers["content-security-policy"], "scripts in it do not run"
