"""English is measured as Flesch did."""

import pytest

from habeas.client.letters import measured, of_letter, syllables


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "code asked marked there where they your page use times please staff"),
        (2, "access data people answer create little table pages expires lawyer cover sometimes written"),
        (3, "authorise restricted period idea area various usual personal document somebody services"),
        (4, "authority certificate declaration anybody identity usually"),
    ],
)
def test_syllables_are_counted(count: int, words: str) -> None:
    assert {word: syllables(word) for word in words.split()} == dict.fromkeys(words.split(), count)


@pytest.mark.parametrize(
    ("text", "ease", "grade"),
    [
        pytest.param("The cat sat on the mat.", 116, -1.4, id="the example that everybody gives"),
        pytest.param(
            "The Australian platypus is seemingly a hybrid of a mammal and reptilian creature.",
            24,
            13.1,
            id="long words: 26 syllables in 13",
        ),
    ],
)
def test_both_scores_follow_the_formulas(text: str, ease: int, grade: float) -> None:
    score = measured(text)
    assert (round(score.ease), round(score.grade, 1)) == (ease, grade)


def test_what_nobody_reads_aloud_does_not_count() -> None:
    assert (
        measured("Tell us: a@example.com (GDPR Art. 12(6)). See https://example.com/x by 3 May.").words == 5
    )


def test_of_a_letter_sentences_and_items_count_and_addresses_do_not() -> None:
    html = '<p id="a" data-law="x">We are <b>late</b>.</p><li>We are sorry</li><p class="address">Way 1</p>'
    assert (of_letter(html).words, of_letter(html).sentences) == (6, 2)
