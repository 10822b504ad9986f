"""Short references of requests: what they look like, how they are read, and which ids they stand for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract.references import ALPHABET, references_in, short_reference

CASES = st.integers(0, 2**128 - 1).map(lambda number: f"{number:032x}")
CASE = "5f0c" * 8


def test_reference_is_written_in_groups() -> None:
    assert short_reference(CASE) == "HB-BW65-Y32Z-1H2"
    assert short_reference("0" * 32) == "HB-0000-0000-000"


@given(CASES)
def test_reference_stands_for_its_id(case: str) -> None:
    [ids] = references_in(short_reference(case))
    assert ids.first <= case <= ids.last
    assert ids.first[:12] == ids.last[:12] == case[:12]


@pytest.mark.parametrize(
    "text",
    [
        "hb-bw65-y32z-1h2",
        "HB BW65 Y32Z 1H2",
        "HBBW65Y32Z1H2",
        "HB-BW65-Y32Z-IH2",
        "HB-BW65-Y32Z-LH2",
        "HB\u2011BW65\u2011Y32Z\u20131H2",
        "About (HB-BW65-Y32Z-1H2): hello. Again: HB-BW65-Y32Z-1H2",
    ],
)
def test_reference_is_read_as_people_write_it(text: str) -> None:
    assert list(references_in(text)) == list(references_in(short_reference(CASE)))


@given(CASES, st.integers(0, 10), st.integers(1, 31))
def test_one_wrong_character_is_noticed(case: str, place: int, shift: int) -> None:
    letters = list(short_reference(case).replace("-", "")[2:])
    letters[place] = ALPHABET[(ALPHABET.index(letters[place]) + shift) % len(ALPHABET)]
    assert not list(references_in("HB" + "".join(letters)))


@given(CASES, st.integers(0, 9))
def test_two_exchanged_characters_are_noticed(case: str, place: int) -> None:
    letters = list(short_reference(case).replace("-", "")[2:])
    exchanged = letters.copy()
    exchanged[place : place + 2] = reversed(exchanged[place : place + 2])
    assert (exchanged == letters) == bool(list(references_in("HB" + "".join(exchanged))))


@pytest.mark.parametrize("text", ["", "HB-", "HB-BW65-Y32Z", "HB-BW65-Y32Z-1H2X", "XHB-BW65-Y32Z-1H2", CASE])
def test_other_text_is_no_reference(text: str) -> None:
    assert not list(references_in(text))
