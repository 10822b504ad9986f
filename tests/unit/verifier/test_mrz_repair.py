import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verifier.documents.mrz.layouts import ALPHABET, layout_of
from services.verifier.documents.mrz.repair import EngineText, cleaned, code_meant, zones_among

FIRST = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"
SECOND = "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
CARD = ["I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"]


def zones(*texts: str) -> list[tuple[str, ...]]:
    return [read.lines for read in zones_among([EngineText(text) for text in texts])]


def test_right_characters_stay() -> None:
    assert zones(FIRST, SECOND) == [(FIRST, SECOND)]
    assert zones(*CARD) == [tuple(CARD)]


def test_other_text_around_a_zone_is_left_out() -> None:
    assert zones("PASSPORT", "Type Code Number", FIRST, SECOND, "7") == [(FIRST, SECOND)]


def test_blanks_and_a_document_s_edge_are_left_out() -> None:
    assert zones("N " + FIRST[:20] + " " + FIRST[20:] + " J", "8 " + SECOND) == [(FIRST, SECOND)]


def test_miscounted_fillers_are_put_right_at_the_end_of_names() -> None:
    assert zones(FIRST[:-2], SECOND) == [(FIRST, SECOND)]
    assert (FIRST, SECOND) in zones(FIRST + "<<", SECOND)


def test_miscounted_fillers_are_put_right_before_the_last_digits() -> None:
    assert zones(FIRST, SECOND.replace("<<<<<", "<<<<")) == [(FIRST, SECOND)]


def test_a_missing_character_that_is_no_filler_makes_no_zone() -> None:
    full = "P<UTOERIKSSONERIKSSONERIKSSON<<ANNAMARIALOUI"
    assert zones(full, SECOND)
    assert zones(full[:-1], SECOND) == []


def test_a_passport_that_was_cut_is_no_large_card() -> None:
    """ICAO Doc 9303-6, 4.2.2: a card of two lines begins with A, C or I."""
    assert zones(FIRST[:36], SECOND[:36]) == []


def test_letters_in_a_date_are_digits_and_digits_in_a_name_are_letters() -> None:
    first, second = FIRST.replace("ERIKSSON", "ER1K5S0N"), SECOND.replace("7408122F12O", "74O8I22F12O")
    assert zones(first, second.replace("740812", "74O8I2")) == [(FIRST, SECOND)]


def test_a_document_number_is_never_changed() -> None:
    assert zones(FIRST, SECOND.replace("L898902", "L8989O2")) == [
        (FIRST, SECOND.replace("L898902", "L8989O2"))
    ]


def test_a_misread_filler_behind_the_names_is_cleared() -> None:
    assert zones(FIRST[:-6] + "<K<<C<", SECOND) == [(FIRST, SECOND)]


def test_more_behind_the_names_is_kept_for_it_may_be_a_name() -> None:
    names = "P<UTOERIKSSON<<ANNA<<MARIA".ljust(44, "<")
    assert zones(names, SECOND) == [(names, SECOND)]


@pytest.mark.parametrize(
    ("seen", "meant"),
    [
        pytest.param("MLD", "NLD", id="one country looks like it"),
        pytest.param("JPM", "JPN", id="another"),
        pytest.param("NLD", "NLD", id="a country"),
        pytest.param("D<<", "D<<", id="Germany"),
        pytest.param("QQQ", "QQQ", id="no country looks like it"),
        pytest.param("ANN", "ANN", id="nor at a second glance"),
    ],
)
def test_a_country_is_put_right_where_only_one_can_be_meant(seen: str, meant: str) -> None:
    assert code_meant(seen) == meant


def test_a_zone_is_as_sure_as_its_least_sure_line() -> None:
    texts = [EngineText("HOLDER'S SIGNATURE AND NAME", 3), EngineText(FIRST, 90), EngineText(SECOND, 80)]
    assert [read.confidence for read in zones_among(texts)] == [80]


@pytest.mark.slow
@given(st.text())
def test_cleaned_text_is_of_the_alphabet(text: str) -> None:
    assert set(cleaned(text)) <= set(ALPHABET)


@given(st.lists(st.text(ALPHABET + " «", max_size=50), max_size=6))
def test_any_read_makes_zones_or_nothing(texts: list[str]) -> None:
    assert all(layout_of(lines) is not None for lines in zones(*texts))
