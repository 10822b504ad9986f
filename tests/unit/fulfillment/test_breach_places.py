"""Residence and language in records."""

import pytest

from services.fulfillment.breach.places import language_of, main_language, place_of


@pytest.mark.slow
@pytest.mark.parametrize(
    ("country", "part", "postcode", "place"),
    [
        pytest.param("DE", "", "", "DE", id="code"),
        pytest.param(" de ", "", "", "DE", id="small letters and blanks"),
        pytest.param("Germany", "", "", "DE", id="name in English"),
        pytest.param("Deutschland", "", "", "DE", id="name at home"),
        pytest.param("Éire", "", "", "IE", id="name in a language of its own"),
        pytest.param("Allemagne", "", "", "DE", id="name in French"),
        pytest.param("DEU", "", "", "DE", id="three letters"),
        pytest.param("UK", "", "", "GB", id="common name without code"),
        pytest.param("U.S.A.", "Calif.", "", "US", id="an unusual name of a state"),
        pytest.param("US", "California", "", "US-CA", id="State by name"),
        pytest.param("United States", "ca", "", "US-CA", id="State by code"),
        pytest.param("US", "US-CA", "", "US-CA", id="State with its country"),
        pytest.param("CA", "Quebec", "", "CA-QC", id="province without its accent"),
        pytest.param("DE", "Bayern", "", "DE", id="a part without laws of its own"),
        pytest.param("", "CA", "94105", "US-CA", id="State and ZIP code tell the country"),
        pytest.param("", "California", "94105-1234", "US-CA", id="so does its name"),
        pytest.param("", "ON", "K1A 0B1", "CA-ON", id="province and postal code"),
        pytest.param("", "California", "", None, id="a State alone does not"),
        pytest.param("", "CA", "1010", None, id="nor with another code"),
        pytest.param("Atlantis", "CA", "94105", None, id="what is no country is none"),
        pytest.param("", "", "", None, id="nothing"),
    ],
)
def test_a_place_is_read_as_people_write_it(
    country: str, part: str, postcode: str, place: str | None
) -> None:
    assert place_of(country, part, postcode) == place


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("de", "de"), ("DE", "de"), ("de-AT", "de"), ("pt_BR", "pt"), ("German", "de"), ("français", "fr"),
        ("中文", "zh"), ("xx", None), ("", None), ("Klingonese", None),
    ],
)  # fmt: skip
def test_a_language_is_read_as_people_write_it(text: str, language: str | None) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("place", "language"),
    [
        ("DE", "de"), ("AT", "de"), ("CH", "de"), ("CH-GE", "fr"), ("CH-TI", "it"), ("BE", "nl"),
        ("BE-WAL", "fr"), ("LU", "fr"), ("CA", "en"), ("CA-QC", "fr"), ("US-CA", "en"), ("BR", "pt"),
        ("MX", "es"), ("JP", "ja"), ("CN", "zh"), (None, None),
    ],
)  # fmt: skip
def test_most_people_of_a_place_read_its_main_language(place: str | None, language: str | None) -> None:
    assert main_language(place) == language
