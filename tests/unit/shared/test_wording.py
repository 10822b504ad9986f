"""Numbers, dates and times in the languages of letters, packages and pages."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from habeas.client.letters import preview
from services.fulfillment.package.labels import stored_moment
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


@pytest.mark.slow
@given(NUMBERS, st.sampled_from(LOCALES))
def test_a_number_is_written_as_its_locale_writes_it(value: float, tag: str) -> None:
    locale = Locale.parse(tag)
    four = locale.language in {"es", "it"} or tag == "pt_PT"
    assert Words(locale).number(value) == format_decimal(
        value, locale=locale, decimal_quantization=False, group_separator=not four or abs(value) >= 10_000
    )


@pytest.mark.parametrize(
    ("tag", "four", "five", "price"),
    [
        ("en_GB", "1,204", "12,040", "€1,204.50"),
        ("de", "1.204", "12.040", "1.204,50\xa0€"),
        ("fr", "1\u202f204", "12\u202f040", "1\u202f204,50\xa0€"),
        ("es", "1204", "12.040", "1204,50\xa0€"),
        ("es_ES", "1204", "12.040", "1204,50\xa0€"),
        ("es_AR", "1.204", "12.040", "EUR1.204,50"),
        ("it", "1204", "12.040", "1204,50\xa0€"),
        ("nl", "1.204", "12.040", "€\xa01.204,50"),
        ("pt_BR", "1.204", "12.040", "€\xa01.204,50"),
        ("pt_PT", "1204", "12\xa0040", "1204,50\xa0€"),
        ("zh", "1,204", "12,040", "€1,204.50"),
    ],
)
def test_numbers_and_prices_are_grouped_as_in_the_language(
    tag: str, four: str, five: str, price: str
) -> None:
    words = Words(Locale.parse(tag))
    assert (words.number(1204), words.number(12_040), words.money(Decimal("1204.50"), "EUR")) == (
        four,
        five,
        price,
    )


@pytest.mark.parametrize(
    ("tag", "moment"),
    [
        ("en_GB", "5 March 2026, 14:35 CET"),
        ("en_US", "March 5, 2026, 2:35\u202fPM CET"),
        ("de", "5. März 2026, 14:35 CET"),
        ("fr", "5 mars 2026, 14:35 CET"),
        ("es", "5 de marzo de 2026, 14:35 CET"),
        ("it", "5 marzo 2026 14:35 CET"),
        ("nl", "5 maart 2026, 14:35 CET"),
        ("pt_BR", "5 de março de 2026 14:35 CET"),
        ("zh", "2026年3月5日 14:35 CET"),
    ],
)
def test_date_and_time_are_joined_as_in_the_language(tag: str, moment: str) -> None:
    at = datetime(2026, 3, 5, 13, 35, tzinfo=UTC)
    assert Words(Locale.parse(tag), ZoneInfo("Europe/Berlin")).moment(at) == moment
    assert stored_moment(at, Words(Locale.parse(tag), ZoneInfo("Europe/Berlin"))) == moment


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


@pytest.mark.slow
@pytest.mark.parametrize("kind", [LetterForm.ERASURE, LetterForm.ACCESS])
def test_a_chinese_letter_has_full_width_marks_after_chinese_words(kind: LetterForm) -> None:
    for letter in preview(kind, ["gdpr"], "zh"):
        marks = re.findall(r"[一-鿿》。] ?[:;(][ \n《一-鿿]", letter.body.text)
        assert marks == [], letter.body.text
        assert not re.search(r"。 ?\(", letter.body.html)
