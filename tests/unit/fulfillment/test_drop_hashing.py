"""Identifiers are standardised and hashed as California's platform does it."""
# ruff: noqa: RUF001 - names in letters that look like Latin ones

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fulfillment.drop import standard_hashes
from services.fulfillment.drop.standard_hashes import composed, hashed, together

PUBLISHED = [
    (
        standard_hashes.email,
        "danielle.johnson12@example.com",
        "danielle.johnson12@example.com",
        "mKDnDvwF2inxrKcK1hJN2TRkxPfL6kzNNTtU12eH8Bw=",
    ),
    (standard_hashes.phone, "+1(415)555-9317", "4155559317", "vGM7y5n+hBXRSEAklhHDPCbysyNgYTmXdMcagGUOY8E="),
    (standard_hashes.phone, "+84(90)123 4567", "4901234567", "ptzVkgbv9DonwvPCHmXmJ2SEOaolSh37z3ZzY/Gmm+U="),
    (standard_hashes.phone, "+354(123)4567", "3541234567", "Btrzydf5K6ALAKKXJGFHSx7u5bDzHC9WlVYtpq1n2rY="),
    (standard_hashes.phone, "5551273811", "5551273811", "jr/RAWYVN+ODBf2vRxwBASPwiO4x27OGI1y3IDhcwLo="),
    (standard_hashes.birth, "July 4, 1776", "17760704", "skXYXxBER6HQTZ3rXSZH1wVGLQ054mS5rbR/bwvzy4I="),
    (standard_hashes.birth, "1985-07-04", "19850704", "IWi7qxOAbBJe0fNciDj76Eg84gmj40rB7aNMK/VnFOI="),
    (standard_hashes.zip_code, "91790-3771", "91790", "2FPZucR4x7U8KlM+SFAX4LPGhwNz/PIZUCSUdDh0o/s="),
    (standard_hashes.zip_code, "M1B 1A1", "m1b1a", "n8L9q8mVeT6Xt9/EeUNiTukGDrkbPJ3DvOEx14uElxk="),
    (standard_hashes.zip_code, " 00712345", "71234", "aeNUYKh7Xw5sqpxSbSP9eOHsj6iXewbUyavv89DIuhQ="),
    (standard_hashes.zip_code, " 00300-9999", "300", "mDvWFLta/s5as7YCP3EUfNe2vCMU+dJ690IlQcZVg4k="),
    (standard_hashes.name, "Juan Pablo", "juanpablo", "91hIbrbzNeqHs3o81O5yNrXUj7wDd2shvZ6THKi9qz8="),
    (standard_hashes.name, "Martinez", "martinez", "2wRPGbwBNxhShjRczx8GfS2c4cjvs4NJskeWloUNtp8="),
    (
        standard_hashes.vehicle,
        "1HGCM82633A004352",
        "1hgcm82633a004352",
        "iNswy1m+0VSt8jAfFrvaiQ1R/0HAbgSwNGkwqo6QBss=",
    ),
]
"""The examples of the specification itself: rule, value, standardised, hash."""


@pytest.mark.parametrize(("rule", "value", "standard", "digest"), PUBLISHED)
def test_the_published_examples_come_out(
    rule: Callable[[Any], tuple[str, ...]], value: str, standard: str, digest: str
) -> None:
    assert rule(value) == (standard,)
    assert hashed(standard) == digest


def test_the_published_composite_of_name_birth_and_zip_comes_out() -> None:
    parts = [
        standard_hashes.name("Danielle"),
        standard_hashes.name("Johnson"),
        standard_hashes.birth("July 4, 1985"),
        standard_hashes.zip_code("91790"),
    ]
    assert list(together(parts)) == ["PQOfn1RffEKmqMmNAzDKKaoZCwxWbQZkQzPWmQo9REA="]


def test_the_published_composite_of_name_and_vehicle_comes_out() -> None:
    parts = [
        standard_hashes.name("Eve"),
        standard_hashes.name("Genesis"),
        standard_hashes.vehicle("1HGCM82633A004352"),
    ]
    assert list(together(parts)) == ["rtnDuXIe63jXYQQXW5r07GJ7lSsrib8+46QuKFwkOmk="]


def test_a_composite_hashes_the_base64_of_its_parts_in_their_order() -> None:
    assert composed(hashed("a"), hashed("b")) == hashed(hashed("a") + hashed("b"))
    assert composed(hashed("a"), hashed("b")) != composed(hashed("b"), hashed("a"))


@pytest.mark.parametrize(
    ("rule", "value", "standards"),
    [
        pytest.param(
            standard_hashes.email, " Kim.Lee+News@Example.ORG\n", ("kim.lee+news@example.org",), id="email"
        ),
        pytest.param(
            standard_hashes.email, "kim lee@example.org", ("kimlee@example.org",), id="blank inside"
        ),
        pytest.param(standard_hashes.email, "nobody", (), id="no address"),
        pytest.param(standard_hashes.phone, 14155559317, ("4155559317",), id="a number"),
        pytest.param(standard_hashes.phone, "555-0100", ("5550100",), id="fewer than ten digits"),
        pytest.param(standard_hashes.phone, "ext.", (), id="no digit"),
        pytest.param(standard_hashes.birth, datetime(1985, 7, 4, tzinfo=UTC), ("19850704",), id="a moment"),
        pytest.param(standard_hashes.birth, date(850, 7, 4), ("08500704",), id="a year of three digits"),
        pytest.param(standard_hashes.birth, "19850704", ("19850704",), id="without marks"),
        pytest.param(standard_hashes.birth, "07/04/1985", ("19850407", "19850704"), id="two days"),
        pytest.param(standard_hashes.birth, "45", (), id="no date"),
        pytest.param(standard_hashes.zip_code, 2134, ("2134",), id="a number has lost its zero"),
        pytest.param(standard_hashes.zip_code, "02134", ("2134",), id="and the text loses it, too"),
        pytest.param(standard_hashes.zip_code, "917903771", ("91790",), id="nine digits"),
        pytest.param(standard_hashes.zip_code, "021391234", ("2139",), id="nine digits after a zero"),
        pytest.param(standard_hashes.zip_code, "02139 1234", ("2139",), id="a blank before the last four"),
        pytest.param(standard_hashes.zip_code, "02139–1234", ("2139",), id="a dash before the last four"),
        pytest.param(
            standard_hashes.zip_code, 21391234, ("2139",), id="a number of nine digits has lost its zero"
        ),
        pytest.param(standard_hashes.zip_code, 2139.0, ("2139",), id="a number with a zero fraction"),
        pytest.param(standard_hashes.phone, "+1 415-555-0100 ext. 23", ("4155550100",), id="an extension"),
        pytest.param(standard_hashes.phone, "415-555-0100 x5", ("4155550100",), id="a short extension"),
        pytest.param(
            standard_hashes.phone, "415-555-0100 #12", ("4155550100",), id="an extension after a sign"
        ),
        pytest.param(standard_hashes.phone, "4155550100.0", ("4155550100",), id="a float as text"),
        pytest.param(
            standard_hashes.phone, 4155550100.0, ("4155550100",), id="a telephone number as a float"
        ),
        pytest.param(standard_hashes.phone, "４１５５５５０１００", ("4155550100",), id="wide digits"),
        pytest.param(standard_hashes.phone, "٤١٥٥٥٥٠١٠٠", ("4155550100",), id="Arabic digits"),
        pytest.param(standard_hashes.zip_code, "00000", (), id="noughts alone"),
        pytest.param(
            standard_hashes.advertising_id,
            "38400000-8CF0-11BD-B23E-10B96E40000D",
            ("384000008cf011bdb23e10b96e40000d",),
            id="maid",
        ),
        pytest.param(standard_hashes.advertising_id, "38400000", (), id="too short"),
        pytest.param(standard_hashes.advertising_id, "g" * 32, (), id="not base sixteen"),
        pytest.param(standard_hashes.vehicle, "1hgcm-82633a-004352", ("1hgcm82633a004352",), id="vin"),
        pytest.param(standard_hashes.vehicle, "1HGCM82633A00435", (), id="16 characters"),
        pytest.param(standard_hashes.television, "ABCD-1234", ("abcd1234",), id="ctv"),
        pytest.param(standard_hashes.television, "abc1234", (), id="7 characters"),
        pytest.param(standard_hashes.television, "a" * 33, (), id="33 characters"),
    ],
)
def test_value_is_standardised_by_its_rule(
    rule: Callable[[Any], tuple[str, ...]], value: Any, standards: tuple[str, ...]
) -> None:
    assert rule(value) == standards


@pytest.mark.parametrize(
    ("value", "standard"),
    [
        ("Anna", "anna"),
        ("O'Brien-Smith", "obriensmith"),
        ("José", "jose"),
        ("Jose\u0301", "jose"),
        ("Müller", "muller"),
        ("Ｋｉｍ", "kim"),
        ("Straße", "strasse"),
        ("Æther", "aether"),
        ("Øyvind", "oyvind"),
        ("Łukasz", "lukasz"),
        ("Þór", "thor"),
        ("Đặng", "dang"),
        ("İsmail", "ismail"),
        ("John 3rd", "john3rd"),
        ("αβγδεζηθικλμνξοπρσςτυφχψω", "avgdezithiklmnxoprsstyfchpso"),
        ("Иван", "ivan"),
        ("Иванов", "ivanov"),
        ("Ёлкина", "yolkina"),
        ("И\u0306ордан", "yordan"),
        ("Щербакова", "shcherbakova"),
        ("Їжак", "yizhak"),
        ("Θεοδώρου", "theodoroy"),
        ("Γιώργος", "giorgos"),
        ("王小明", "王小明"),
        ("محمد", "محمد"),
        ("דוד", "דוד"),
    ],
)
def test_a_name_is_written_in_plain_letters(value: str, standard: str) -> None:
    assert standard_hashes.name(value)[0] == standard


def test_a_name_in_latin_letters_has_one_spelling() -> None:
    assert standard_hashes.name("Müller") == ("muller",)


def test_a_name_in_other_letters_has_the_spellings_of_documents_as_well() -> None:
    assert {"ivan", "sergei", "sergey", "theodorou"} <= {
        *standard_hashes.name("Иван"),
        *standard_hashes.name("Сергей"),
        *standard_hashes.name("Θεοδώρου"),
    }


def test_a_name_of_nothing_but_marks_is_none() -> None:
    assert standard_hashes.name("--- ' \u0301") == ()


@pytest.mark.slow
@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.binary(), st.datetimes()))
def test_any_stored_value_is_standardised_or_left_out(value: Any) -> None:
    rules = (
        standard_hashes.email, standard_hashes.phone, standard_hashes.birth, standard_hashes.zip_code,
        standard_hashes.name,
        standard_hashes.advertising_id, standard_hashes.vehicle, standard_hashes.television,
    )  # fmt: skip
    for rule in rules:
        assert all(rule(value))


@pytest.mark.slow
@given(st.text(min_size=1))
def test_a_standardised_name_stays_as_it_is(value: str) -> None:
    for standard in standard_hashes.name(value)[:1]:
        assert standard_hashes.name(standard)[0] == standard
