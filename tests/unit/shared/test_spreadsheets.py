import sys
import unicodedata

import pytest

from shared.pages.spreadsheets import SIGNS, safe_cell


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-2",
        "@SUM(1)",
        "  =1",
        "\u00a0=1",
        "\n@x",
        "\uff1d1",
        "\ufe63 2",
        "\u2003\uff20x",
        "\tx",
        "\rx",
        " \nx",
    ],
)
def test_text_that_begins_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", " ", "Ada", "a=b", "5-3", "(=1)", "\u00e9=", "'=1"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text


@pytest.mark.slow
def test_no_letter_or_digit_is_a_sign_in_another_width() -> None:
    letters = filter(str.isalnum, map(chr, range(sys.maxunicode + 1)))
    assert not [one for one in letters if unicodedata.normalize("NFKC", one).lstrip().startswith(SIGNS)]
