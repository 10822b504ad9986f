"""Telephone numbers are recognised in every notation, and never confused."""

import re
from typing import Any

import pytest

from services.fulfillment.search.phones import (
    canonical,
    integers,
    international,
    longhand,
    national,
    region_of,
)
from services.fulfillment.stores.batch_lookup import phone_patterns, written
from shared.runtime.mongo import Int64

BERLIN, WASHINGTON = "+4930901820", "+12025550143"
SAME: dict[str, list[Any]] = {
    BERLIN: [
        "+49 (0)30 901820", "tel:+4930901820", "tel:+49-30-901820", "+49 30 90 18 20", "0049 30 901820",
        "+49 (0) 30 90 18 20", "(+49) 30/901820", "+49.30.901820", "+49-30-901-820", " +49 30 901820 ",
        "+49 30 901820", "+49 30\u2011901820", "0049-30-901820", "+49(0)30901820",
    ],
    WASHINGTON: ["+1 (202) 555-0143", "+1-202-555-0143", "001 202 555 0143", "+1 202.555.0143"],
    "2025550143": ["(202) 555-0143", "202-555-0143", 2025550143, 2025550143.0, Int64(2025550143)],
    "030901820": ["030 901820", "(030) 90 18 20", "030/901820", "030-901820"],
    "12025550143": [12025550143, "1 (202) 555-0143", "1-202-555-0143"],
}  # fmt: skip


@pytest.mark.parametrize(("dialled", "text"), [(number, text) for number in SAME for text in SAME[number]])
def test_a_number_is_one_in_every_notation(dialled: str, text: Any) -> None:
    assert canonical(text) == dialled


@pytest.mark.parametrize(
    "text",
    ["kim", "+49 30 901820 or 21", "+49 30 901820 ext 5", "12", True, None, 7.5, "1" * 30, "+49 30 901820\0"],
)
def test_other_text_is_no_number(text: Any) -> None:
    assert canonical(text) is None


@pytest.mark.parametrize(
    "text", ["+43 30 901820", "+49 30 901821", "+49 30 9018200", "030 901820", "4930901820"]
)
def test_another_number_is_another(text: str) -> None:
    assert canonical(text) not in {None, BERLIN}


def test_leading_zero_of_a_number_stays() -> None:
    assert canonical("+39 (0)6 698 12345") == canonical("0039 06 69812345") == "+390669812345"


def test_a_country_is_known_by_its_code() -> None:
    assert [region_of(number) for number in (BERLIN, WASHINGTON, "030 901820", "kim")] == [
        "DE",
        "US",
        None,
        None,
    ]


def test_at_home_a_number_is_dialled_without_its_country_code() -> None:
    assert national(BERLIN, "DE") == "030901820"
    assert national(WASHINGTON, "US") == "2025550143"
    assert national(BERLIN, "AT") is None
    assert national("030 901820", "DE") is None
    assert international("030 901820", "DE") == BERLIN
    assert international("030 901820", None) is None


@pytest.mark.parametrize(("dialled", "text"), [(number, text) for number in SAME for text in SAME[number]])
def test_number_in_a_composite_key_is_found_in_every_notation(dialled: str, text: Any) -> None:
    *values, pattern = written(dialled)
    assert text in values or pattern.search(text)


@pytest.mark.parametrize(("dialled", "text"), [(number, text) for number in SAME for text in SAME[number]])
def test_a_pattern_finds_every_notation(dialled: str, text: Any) -> None:
    exact, *patterns = phone_patterns("phone", [dialled])
    if isinstance(text, str):
        assert any(re.search(pattern["phone"]["$regex"], text) for pattern in patterns)
    else:
        assert text in exact["phone"]["$in"]


def test_pattern_contains_only_digits() -> None:
    [exact, pattern] = phone_patterns("phone", ["+4930901820", "$where", ".*", "("])
    assert exact["phone"]["$in"] == []
    assert set(re.sub(r"\[\^0-9\]\{0,[48]\}|\(\?:", "", pattern["phone"]["$regex"])) <= set("^$|)?0123456789")


@pytest.mark.slow
def test_many_numbers_are_several_patterns_none_too_long() -> None:
    numbers = [f"+4930{n:07}" for n in range(0, 9_999_999, 5_003)]
    conditions = list(phone_patterns("phone", numbers))[1:]
    assert len(conditions) > 1
    assert all(len(condition["phone"]["$regex"]) < 30_000 for condition in conditions)
    for number in numbers[::97]:
        assert (
            sum(bool(re.search(c["phone"]["$regex"], f"{number[:3]} {number[3:]}")) for c in conditions) == 1
        )


def test_number_with_a_leading_zero_is_not_stored_as_a_number() -> None:
    assert list(integers("030901820")) == []
    assert list(integers("+4930901820")) == []
    assert longhand("030901820") == ("030901820",)
