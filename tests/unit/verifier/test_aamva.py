from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verifier.documents.barcode.aamva import (
    CANADA,
    UNITED_STATES,
    NotALicenceError,
    country_of,
    parse_aamva,
    plausibility,
    region_of,
)
from services.verifier.documents.results import Licence, reasons_of

FIELDS = {
    "DCS": "EXAMPLE",
    "DAC": "ADA",
    "DAD": "MARIE",
    "DAQ": "X1234567",
    "DBB": "02291984",
    "DBD": "03012024",
    "DBA": "02282030",
    "DBC": "2",
    "DAG": "12 MEADOW LN",
    "DAI": "SPRINGFIELD",
    "DAJ": "IL",
    "DAK": "627040000  ",
    "DCG": "USA",
}
HEADER = "@\n\x1e\rANSI 636035090002DL00410250ZI02910020DL"


def payload(header: str = HEADER, separator: str = "\n", **changes: str | None) -> bytes:
    """Return a card's content: the fields above with *changes*; none leaves a field out."""
    fields = {name: value for name, value in (FIELDS | changes).items() if value is not None}
    return (header + separator.join(name + value for name, value in fields.items()) + "\r").encode("latin-1")


def test_a_card_is_read_whole() -> None:
    assert parse_aamva(payload()) == Licence(
        version=9,
        issuer="IL",
        country="USA",
        surname="EXAMPLE",
        given_names="ADA MARIE",
        number="X1234567",
        born=date(1984, 2, 29),
        issued=date(2024, 3, 1),
        expires=date(2030, 2, 28),
        sex="F",
        lines=("12 MEADOW LN",),
        city="SPRINGFIELD",
        region="IL",
        postal_code="62704",
    )


NAMELESS: dict[str, Any] = {"DCS": None, "DAC": None, "DAD": None}


@pytest.mark.parametrize(
    ("changes", "surname", "given_names"),
    [
        pytest.param(
            {"DAA": "EXAMPLE,ADA,MARIE,JR"} | NAMELESS, "EXAMPLE", "ADA MARIE", id="01: one element"
        ),
        pytest.param({"DAA": "EXAMPLE,ADA, MARIE"} | NAMELESS, "EXAMPLE", "ADA MARIE", id="01: with a space"),
        pytest.param(
            {"DAA": "EXAMPLE,ADA,,JR"} | NAMELESS, "EXAMPLE", "ADA", id="01: suffix, no middle name"
        ),
        pytest.param({"DAA": "EXAMPLE@ADA@M"} | NAMELESS, "EXAMPLE", "ADA M", id="01: at signs"),
        pytest.param({"DAA": "ADA M EXAMPLE"} | NAMELESS, "", "ADA M EXAMPLE", id="01: order unknown"),
        pytest.param({"DCT": "ADA,MARIE", "DAC": None, "DAD": None}, "EXAMPLE", "ADA MARIE", id="02: commas"),
        pytest.param({"DCT": "ADA MARIE", "DAC": None, "DAD": None}, "EXAMPLE", "ADA MARIE", id="03: spaces"),
        pytest.param({"DCS": "EXAMPLE,"}, "EXAMPLE", "ADA MARIE", id="02: trailing comma"),
        pytest.param({"DCS": None, "DAB": "EXAMPLE"}, "EXAMPLE", "ADA MARIE", id="01: family name alone"),
        pytest.param({"DAD": "NONE"}, "EXAMPLE", "ADA", id="no middle name"),
        pytest.param({"DAD": "unavl"}, "EXAMPLE", "ADA", id="middle name not available"),
        pytest.param({"DCS": "EXAMPLE      "}, "EXAMPLE", "ADA MARIE", id="padded"),
        pytest.param({"DCS": "MÜLLER"}, "MÜLLER", "ADA MARIE", id="Latin letters"),
    ],
)
def test_names_are_read_as_each_version_writes_them(
    changes: dict[str, Any], surname: str, given_names: str
) -> None:
    licence = parse_aamva(payload(**changes))

    assert (licence.surname, licence.given_names) == (surname, given_names)


@pytest.mark.parametrize(
    ("changes", "suffix"),
    [
        pytest.param({"DCU": "JR"}, "JR", id="a generation"),
        pytest.param({"DCU": "III"}, "III", id="a number"),
        pytest.param({"DCU": "NONE"}, "", id="none"),
        pytest.param({"DCU": "GARCIA JR"}, "", id="a name that no print confirms"),
        pytest.param({"DCU": "JR", "DCS": None}, "", id="no surname"),
    ],
)
def test_suffix_is_a_generation_or_nothing(changes: dict[str, Any], suffix: str) -> None:
    assert parse_aamva(payload(**changes)).suffix == suffix


@pytest.mark.parametrize(
    ("text", "day"),
    [
        pytest.param("03121988", date(1988, 3, 12), id="month first"),
        pytest.param("19880312", date(1988, 3, 12), id="year first"),
        pytest.param("20120118", date(2012, 1, 18), id="a year that could begin with a day"),
        pytest.param("12202012", date(2012, 12, 20), id="a day that could begin a year"),
        pytest.param("1988-03-12", date(1988, 3, 12), id="with hyphens"),
        pytest.param("02291988", date(1988, 2, 29), id="leap day"),
    ],
)
def test_a_date_is_read_either_way_round(text: str, day: date) -> None:
    assert parse_aamva(payload(DBB=text)).born == day


@pytest.mark.parametrize(
    "text", ["", "NONE", "00000000", "02301988", "13131988", "99999999", "٠٣١٢١٩٨٨", "0312198"]
)
def test_text_without_a_date_is_none(text: str) -> None:
    content = payload(DBA="?").decode("latin-1").replace("DBA?", f"DBA{text}").encode()

    assert parse_aamva(content).expires is None


@pytest.mark.parametrize(
    ("header", "version", "issuer"),
    [
        pytest.param(
            "@\n\x1e\rAAMVA6360060101DL00290179", 1, "CT", id="Connecticut: no space, no designator"
        ),
        pytest.param("\ufeff@\n\x1e\nANSI 636021050002DL00410232ZA02730015DL", 5, "AR", id="byte order mark"),
        pytest.param("@\nANSI 636034080002DL00410270ZN03110014DL", 8, "ND", id="no record separator"),
        pytest.param("@\n6AAMVA6360060101DL00290182", 1, "CT", id="separator misprinted"),
        pytest.param("@\n\x1e\rANSI 636060040002DL00410270ZW03110014", 4, "WY", id="Wyoming: no designator"),
        pytest.param("@\n\x1e\rANSI 636035100001DL00310250DL", 10, "IL", id="2020"),
        pytest.param("@\n\x1e\rANSI 636035120001ID00310250ID", 12, "IL", id="an identity card"),
        pytest.param("@\n\x1e\rANSI 999999080001DL00310250DL", 8, "", id="unknown issuer"),
    ],
)
def test_headers_are_read_as_they_are_printed(header: str, version: int, issuer: str) -> None:
    licence = parse_aamva(payload(header.encode().decode("latin-1")))

    assert (licence.version, licence.issuer, licence.surname) == (version, issuer, "EXAMPLE")


@pytest.mark.parametrize("separator", ["\n", "\r\n", "|", "\r", "\x1e"])
def test_elements_are_separated_by_any_printers_separator(separator: str) -> None:
    assert parse_aamva(payload(separator=separator)).postal_code == "62704"


def test_first_of_repeated_elements_counts() -> None:
    assert parse_aamva(payload() + b"\nDCSOTHER\nDAQ999").surname == "EXAMPLE"


@pytest.mark.parametrize("name", ["DDE", "DDF", "DDG"])
def test_a_name_that_was_cut_is_marked(name: str) -> None:
    assert parse_aamva(payload(**{name: "T"})).truncated
    assert not parse_aamva(payload(**{name: "N"})).truncated
    assert not parse_aamva(payload(**{name: "U"})).truncated


@pytest.mark.parametrize(
    ("text", "postal_code"),
    [
        pytest.param("62704     ", "62704", id="short"),
        pytest.param("627040000  ", "62704", id="filled up with zeros"),
        pytest.param("627041234", "62704-1234", id="long"),
        pytest.param("62704-1234 ", "62704-1234", id="hyphen"),
        pytest.param("T4G7A7     ", "T4G 7A7", id="Canada"),
        pytest.param("C0A 2B4    ", "C0A 2B4", id="Canada, as written"),
        pytest.param("AB12", "AB12", id="neither"),
    ],
)
def test_a_postal_code_is_as_on_letters(text: str, postal_code: str) -> None:
    assert parse_aamva(payload(DAK=text)).postal_code == postal_code


@pytest.mark.parametrize(
    ("changes", "country"),
    [
        pytest.param({"DCG": "CAN"}, "CAN", id="said"),
        pytest.param({"DCG": None}, "USA", id="by its issuer"),
        pytest.param(
            {"DCG": None, "header": HEADER.replace("636035", "636012")}, "CAN", id="by its issuer: Ontario"
        ),
        pytest.param(
            {"DCG": None, "header": HEADER.replace("636035", "000000"), "DAJ": "ON"}, "CAN", id="address"
        ),
        pytest.param(
            {"DCG": None, "header": HEADER.replace("636035", "000000"), "DAJ": "XX"}, "", id="unknown"
        ),
    ],
)
def test_country_is_that_of_the_card_or_its_issuer(changes: dict[str, Any], country: str) -> None:
    assert parse_aamva(payload(**changes)).country == country


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"M1EXAMPLE/ADA       EABC123 VIEFRA", id="boarding pass"),
        pytest.param(payload().replace(b"ANSI ", b"ISO  "), id="other standard"),
        pytest.param(payload(HEADER.replace("63603509", "6360359X")), id="no version"),
        pytest.param(payload(HEADER.replace("63603509", "63603599")), id="version of the future"),
        pytest.param(payload(HEADER.replace("63603509", "63603500")), id="version zero"),
        pytest.param(payload(**NAMELESS), id="no name"),
        pytest.param(payload(DAQ=None), id="no number"),
        pytest.param(payload(DBB="02301984"), id="no such birthday"),
        pytest.param(payload() + b"\nZIA" + bytes(5000), id="longer than a symbol"),
    ],
)
def test_malformed_licence_is_refused_without_quoting_it(content: bytes) -> None:
    with pytest.raises(NotALicenceError) as refusal:
        parse_aamva(content)

    assert "EXAMPLE" not in str(refusal.value)


def test_control_characters_and_endless_values_do_not_come_through() -> None:
    hostile = "<b>\x1b[31m\u202e=HYPERLINK(1)" + "A" * 500
    content = payload(DAG="?").replace(b"DAG?", f"DAG{hostile}".encode())

    (line,) = parse_aamva(content).lines

    assert len(line) == 120
    assert line.isprintable()
    assert "\u202e" not in line


@given(st.binary(max_size=300))
def test_any_barcode_content_is_a_licence_or_refused(content: bytes) -> None:
    for data in (content, HEADER.encode() + content):
        try:
            parse_aamva(data)
        except NotALicenceError:
            continue


def test_every_issuer_has_a_region_of_its_own() -> None:
    both = UNITED_STATES | CANADA

    assert (len(UNITED_STATES), len(CANADA)) == (56, 13)
    assert len(set(both.values())) == len(both)
    assert (region_of("636014"), country_of("636014", "")) == ("CA", "USA")
    assert (region_of("604432"), country_of("604432", "")) == ("AB", "CAN")


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        pytest.param({}, (), id="sound"),
        pytest.param({"DBD": "03011984", "DBA": "03011990"}, (), id="issued a day after birth"),
        pytest.param({"DBD": "02291984"}, ("barcode_malformed",), id="issued on the day of birth"),
        pytest.param({"DBA": "02292024"}, ("barcode_malformed",), id="expired before it was issued"),
        pytest.param({"DBA": "03012040"}, ("barcode_malformed",), id="valid for sixteen years"),
        pytest.param({"DBA": "02292040"}, (), id="valid for fifteen years"),
        pytest.param({"DBB": "02281884"}, ("barcode_malformed",), id="holder of 146"),
        pytest.param({"DBA": "NONE"}, ("barcode_malformed",), id="never expires"),
        pytest.param({"DBD": None}, (), id="day of issue missing"),
        pytest.param({"DCG": "CAN"}, ("issuer_unknown",), id="Illinois in Canada"),
        pytest.param(
            {"header": HEADER.replace("636035", "111111")}, ("issuer_unknown",), id="issuer unknown"
        ),
        pytest.param({"DAQ": "NONE"}, ("barcode_malformed",), id="no digit in the number"),
    ],
)
def test_a_card_that_cannot_be_true_is_noticed(changes: dict[str, Any], reasons: tuple[str, ...]) -> None:
    checks = plausibility(parse_aamva(payload(**changes)))

    assert reasons_of(checks) == reasons
