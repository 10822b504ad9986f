from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verifier.documents.mrz.layouts import ALPHABET, LAYOUTS, check_digit, layout_for, layout_of
from services.verifier.documents.mrz.parser import birth_date, expiry_date, parse, sex_in
from services.verifier.documents.results import Format, MachineZone

TODAY = date(2026, 11, 25)
PASSPORT = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
CARD = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
LARGE_CARD = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")
LONG_NUMBER = (
    "I<UTOD23145890<7349<<<<<<<<<<<",
    "3407127M9507122UTO<<<<<<<<<<<2",
    "STEVENSON<<PETER<JOHN<<<<<<<<<",
)
VISA_A = ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<")
VISA_B = ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<")
FRENCH_ID = ("IDFRABERTHIER<<<<<<<<<<<<<<<<<<<<<<<", "8806923102858CORINNE<<<<<<<6512068F6")
FRENCH_LICENCE = ("D1FRA13AA000026181231MARTIN<<9",)
SPECIMENS = (PASSPORT, CARD, LARGE_CARD, LONG_NUMBER, VISA_A, VISA_B, FRENCH_ID, FRENCH_LICENCE)


def read(lines: tuple[str, ...]) -> MachineZone:
    zone = parse(lines, today=TODAY)
    assert zone is not None
    return zone


def replaced(lines: tuple[str, ...], line: int, place: int, text: str) -> tuple[str, ...]:
    whole = lines[line][:place] + text + lines[line][place + len(text) :]
    return (*lines[:line], whole, *lines[line + 1 :])


def test_the_passport_of_the_standard() -> None:
    assert read(PASSPORT) == MachineZone(
        format=Format.TD3,
        lines=PASSPORT,
        document_code="P",
        issuer="UTO",
        surname="ERIKSSON",
        given_names="ANNA MARIA",
        number="L898902C3",
        nationality="UTO",
        born=date(1974, 8, 12),
        sex="F",
        expires=date(2012, 4, 15),
    )


@pytest.mark.parametrize(
    ("lines", "shape"),
    [
        (CARD, Format.TD1),
        (LARGE_CARD, Format.TD2),
        (LONG_NUMBER, Format.TD1),
        (VISA_A, Format.VISA_A),
        (VISA_B, Format.VISA_B),
        (FRENCH_ID, Format.FRENCH_ID),
        (FRENCH_LICENCE, Format.FRENCH_LICENCE),
    ],
    ids=lambda value: value if isinstance(value, Format) else "",
)
def test_published_examples_have_the_right_digits(lines: tuple[str, ...], shape: Format) -> None:
    assert read(lines).format is shape
    assert read(lines).wrong_digits == ()


def test_a_card_says_the_same_in_three_lines() -> None:
    zone = read(CARD)
    assert (zone.surname, zone.given_names, zone.number) == ("ERIKSSON", "ANNA MARIA", "D23145890")
    assert (zone.born, zone.sex, zone.expires) == (date(1974, 8, 12), "F", date(2012, 4, 15))


def test_a_long_number_goes_on_in_the_optional_data() -> None:
    assert read(LONG_NUMBER).number == "D23145890734"
    changed = replaced(LONG_NUMBER, 0, 15, "8")
    assert read(changed).wrong_digits == ("number", "composite")


def test_a_long_number_of_a_large_card_goes_on_in_the_optional_data() -> None:
    digit = check_digit("D2314589012")
    lines = replaced(replaced(LARGE_CARD, 1, 9, "<"), 1, 28, f"12{digit}")
    assert read(lines).number == "D2314589012"
    assert "number" not in read(lines).wrong_digits


def test_a_french_card_has_its_given_names_below_and_no_expiry() -> None:
    zone = read(FRENCH_ID)
    assert (zone.surname, zone.given_names, zone.number) == ("BERTHIER", "CORINNE", "880692310285")
    assert (zone.born, zone.sex, zone.expires, zone.nationality) == (date(1965, 12, 6), "F", None, "FRA")


def test_a_french_licence_has_a_name_and_an_expiry() -> None:
    zone = read(FRENCH_LICENCE)
    assert (zone.surname, zone.number, zone.expires) == ("MARTIN", "13AA00002", date(2018, 12, 31))
    assert read(("D1FRA13AA000026181231MARTIM<<9",)).wrong_digits == ("line",)


def test_a_visa_has_no_composite_digit() -> None:
    assert "composite" not in {field.name for field in layout_for(Format.VISA_A).protected}
    assert read(replaced(VISA_A, 1, 43, "7")).wrong_digits == ()


def test_germany_has_one_letter() -> None:
    lines = (
        "IDD<<T220001293<<<<<<<<<<<<<<<",
        "6408125<2010315D<<<<<<<<<<<<<4",
        "MUSTERMANN<<ERIKA<<<<<<<<<<<<<",
    )
    zone = read(lines)
    assert (zone.issuer, zone.nationality, zone.sex, zone.wrong_digits) == ("D", "D", "X", ())


def test_every_wrong_digit_is_named() -> None:
    assert read(replaced(PASSPORT, 1, 0, "M")).wrong_digits == ("number", "composite")
    assert read(replaced(PASSPORT, 1, 13, "8")).wrong_digits == ("birth", "composite")
    assert read(replaced(PASSPORT, 1, 21, "2")).wrong_digits == ("expiry", "composite")
    assert read(replaced(PASSPORT, 1, 28, "A")).wrong_digits == ("optional", "composite")
    assert read(replaced(PASSPORT, 1, 43, "1")).wrong_digits == ("composite",)


def test_digits_protect_neither_names_nor_nationality_nor_sex() -> None:
    for line, place, text in ((0, 5, "F"), (1, 10, "D"), (1, 20, "M")):
        assert read(replaced(PASSPORT, line, place, text)).wrong_digits == ()


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((), id="nothing"),
        pytest.param(PASSPORT[:1], id="a line missing"),
        pytest.param((PASSPORT[0], PASSPORT[1][:-1]), id="a character missing"),
        pytest.param(("Q" + PASSPORT[0][1:], PASSPORT[1]), id="no passport's letter"),
        pytest.param(("D1DEU13AA000026181231MARTIN<<9",), id="a licence that is not French"),
    ],
)
def test_text_without_the_shape_of_a_zone_is_none(lines: tuple[str, ...]) -> None:
    assert layout_of(lines) is None
    assert parse(lines, today=TODAY) is None


@pytest.mark.parametrize(
    ("text", "born"),
    [
        pytest.param("261125", date(2026, 11, 25), id="born today"),
        pytest.param("261126", date(1926, 11, 26), id="tomorrow was a hundred years ago"),
        pytest.param("000229", date(2000, 2, 29), id="leap day of 2000"),
        pytest.param("270229", None, id="no such day"),
        pytest.param("74<<<<", None, id="month and day unknown"),
        pytest.param("<<<<<<", None, id="unknown"),
        pytest.param("000000", None, id="zeros"),
        pytest.param("7408 1", None, id="a blank is no digit"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_a_birth_is_in_the_past(text: str, born: date | None) -> None:
    assert birth_date(text, today=TODAY) == born


@pytest.mark.parametrize(
    ("text", "expires"),
    [
        pytest.param("361125", date(2036, 11, 25), id="ten years ahead"),
        pytest.param("761231", date(2076, 12, 31), id="fifty years ahead"),
        pytest.param("770101", date(1977, 1, 1), id="more than fifty years ahead is past"),
        pytest.param("991231", date(1999, 12, 31), id="the last century"),
        pytest.param("<<<<<<", None, id="unlimited"),
    ],
)
def test_an_expiry_is_at_most_fifty_years_ahead(text: str, expires: date | None) -> None:
    assert expiry_date(text, today=TODAY) == expires


def test_late_in_a_century_an_expiry_is_in_the_next() -> None:
    assert expiry_date("050101", today=date(2098, 1, 1)) == date(2105, 1, 1)


@pytest.mark.parametrize(
    ("names", "surname", "given"),
    [
        ("VAN<DER<BERG<<JAN<PIET", "VAN DER BERG", "JAN PIET"),
        ("ARKFREITH", "ARKFREITH", ""),
        ("O<CONNOR<<ENYA<SIOBHAN", "O CONNOR", "ENYA SIOBHAN"),
        ("PAPANDROPOULOUS<<JONATHON<ALEC<TRUNCA", "PAPANDROPOULOUS", "JONATHON ALEC TRUNCA"),
    ],
)
def test_names_part_at_two_fillers(names: str, surname: str, given: str) -> None:
    zone = read(("P<UTO" + names.ljust(39, "<"), PASSPORT[1]))
    assert (zone.surname, zone.given_names) == (surname, given)


def test_an_unknown_sign_for_sex_is_nothing() -> None:
    assert [sex_in(sign) for sign in "MF<XQ"] == ["M", "F", "X", "X", ""]


def test_no_two_stretches_of_a_layout_need_digits_and_letters_at_once() -> None:
    for layout in LAYOUTS:
        places = [
            {(span.line, place) for span in spans for place in range(span.start, span.end)}
            for spans in (layout.numeric, layout.alphabetic)
        ]
        assert not places[0] & places[1]


@given(st.sampled_from(SPECIMENS), st.data())
def test_a_changed_character_of_a_protected_field_is_noticed(
    lines: tuple[str, ...], data: st.DataObject
) -> None:
    layout = layout_of(lines)
    assert layout is not None
    field = data.draw(st.sampled_from(layout.protected))
    span = data.draw(st.sampled_from(field.spans))
    place = data.draw(st.integers(span.start, span.end - 1))
    old = lines[span.line][place]
    sign = data.draw(st.sampled_from([sign for sign in ALPHABET if _value(sign) % 10 != _value(old) % 10]))
    changed = parse(replaced(lines, span.line, place, sign), today=TODAY)
    assert changed is None or changed.wrong_digits


def _value(sign: str) -> int:
    return 0 if sign == "<" else ALPHABET.index(sign)
