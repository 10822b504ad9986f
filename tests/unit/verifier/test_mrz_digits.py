import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.verifier.documents.mrz.layouts import ALPHABET, check_digit, fits

texts = st.text(ALPHABET, min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("text", "digit"),
    [
        pytest.param("520727", "3", id="9303-3 appendix A, example 1"),
        pytest.param("AB2134<<<", "5", id="9303-3 appendix A, example 2"),
        pytest.param("L898902C3", "6", id="number of the specimen passport"),
        pytest.param("740812", "2", id="birth of the specimen passport"),
        pytest.param("ZE184226B<<<<<", "1", id="optional data of the specimen passport"),
        pytest.param("<<<<", "0", id="fillers count nothing"),
        pytest.param("", "0", id="nothing"),
    ],
)
def test_the_digits_are_those_of_the_standard(text: str, digit: str) -> None:
    assert check_digit(text) == digit


def test_an_empty_field_may_have_a_filler_for_its_digit() -> None:
    assert fits("<<<<", "<")
    assert fits("<<<<", "0")
    assert not fits("A<<<", "<")


def test_character_outside_the_alphabet_has_no_digit() -> None:
    with pytest.raises(KeyError):
        check_digit("ü")


@given(texts, st.data())
def test_a_changed_character_is_noticed_unless_it_counts_the_same(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(ALPHABET))
    assume(other != text[place])
    changed = text[:place] + other + text[place + 1 :]
    # the weights 7, 3 and 1 have no factor in common with 10, and the filler counts as 0
    values = [0 if sign == "<" else ALPHABET.index(sign) for sign in (other, text[place])]
    apart = (values[0] - values[1]) % 10
    assert fits(changed, check_digit(text)) == (apart == 0)
