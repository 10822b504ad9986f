"""Numbers in the languages of letters, packages and pages."""

import re
from decimal import Decimal

import pytest
from babel import Locale
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from habeas.client.letters import preview
from services.notifier.letters.languages import CATALOGUES
from shared.law import LetterForm
from shared.pages.translation import Words

LOCALES = [*CATALOGUES.languages, "en_IN", "de_CH", "pt_PT", "ar_EG"]
NUMBERS = st.one_of(
    st.integers(min_value=-(10**20), max_value=10**20),
    st.floats(min_value=-1e20, max_value=1e20),
    st.floats(min_value=-1e9, max_value=1e9),
    st.integers(min_value=-(10**9), max_value=10**9).map(lambda eighths: eighths / 8),
)


@given(NUMBERS, st.sampled_from(LOCALES))
def test_a_number_is_written_as_its_locale_writes_it(value: float, tag: str) -> None:
    locale = Locale.parse(tag)
    assert Words(locale).number(value) == format_decimal(value, locale=locale, decimal_quantization=False)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [("en", "1,234.50"), ("de", "1.234,50"), ("fr", "1\u202f234,50"), ("en_IN", "1,234.50")],
)
def test_an_amount_keeps_its_decimal_places(tag: str, expected: str) -> None:
    assert Words(Locale.parse(tag)).number(Decimal("1234.50")) == expected


def test_a_number_of_34_digits_is_written_whole() -> None:
    assert Words(Locale("en")).number(Decimal("9" * 34)).replace(",", "") == "9" * 34


def test_a_french_line_does_not_begin_with_a_punctuation_mark() -> None:
    sentences = CATALOGUES.words("fr").sentences.values()
    assert [one for one in sentences if re.search(r"« | [:;?!»]", one)] == []
    assert any("\N{NO-BREAK SPACE}:" in one for one in sentences)


def test_a_french_label_in_plain_text_ends_as_in_french() -> None:
    [late, *_] = preview(LetterForm.LATE, ["gdpr"], "fr")
    assert "Votre demande\N{NO-BREAK SPACE}: " in late.body.text
    assert re.findall(r"[^\s/]+:\s", late.body.text) == []
