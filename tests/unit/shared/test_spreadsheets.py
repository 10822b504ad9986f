import sys
import unicodedata

import pytest

from shared.pages.spreadsheets import SIGNS, WIDE_SIGNS, safe_cell


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-2",
        "@SUM(1)",
        "  =1",
        "\u00a0=1",
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


def test_break_before_a_formula_at_the_beginning_gets_two_apostrophes() -> None:
    assert safe_cell("\n@x") == "'\n'@x"


@pytest.mark.parametrize("sign", [*SIGNS, *WIDE_SIGNS])
@pytest.mark.parametrize("split", [";", "; ", "\t", "\r\n", "\n\u00a0"])
def test_sign_after_a_break_inside_a_text_gets_an_apostrophe(split: str, sign: str) -> None:
    assert safe_cell(f"Kim{split}{sign}cmd") == f"Kim{split}'{sign}cmd"


@pytest.mark.slow
def test_signs_in_other_widths_are_known() -> None:
    wide = [
        one
        for one in map(chr, range(128, sys.maxunicode + 1))
        if unicodedata.normalize("NFKC", one)[:1] in SIGNS
    ]
    assert "".join(one for one in wide if unicodedata.normalize("NFKC", one)) == WIDE_SIGNS


@pytest.mark.slow
def test_no_letter_or_digit_is_a_sign_in_another_width() -> None:
    letters = filter(str.isalnum, map(chr, range(sys.maxunicode + 1)))
    assert not [one for one in letters if unicodedata.normalize("NFKC", one).lstrip().startswith(SIGNS)]
