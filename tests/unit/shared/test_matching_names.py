"""Names of one person are found the same across scripts and spellings; names of two people never are."""
# ruff: noqa: RUF001 - names in other alphabets

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.matching import Doubt, Match, MatchOutcome, PersonName, match_names, match_parts
from shared.matching.name_words import GENERATIONS, TITLES
from shared.matching.transliteration import spellings

SAME: list[tuple[str | PersonName, str]] = [
    ("Erika Beispiel", "BEISPIEL, ERIKA"),
    ("Jürgen Müller-Beispiel", "JUERGEN MUELLER BEISPIEL"),
    ("Jürgen Müller", "Jurgen Muller"),
    ("François Lefèvre", "FRANCOIS LEFEVRE"),
    ("Søren Kirkegård", "SOEREN KIRKEGAARD"),
    ("José María Ejemplo", "Jose Maria Ejemplo"),
    ("Łukasz Żółtowski", "Lukasz Zoltowski"),
    ("Дмитрий Соколов", "DMITRII SOKOLOV"),
    ("Олена Григоренко", "OLENA HRYHORENKO"),
    ("Ђорђе Шкорић", "DORDE SKORIC"),
    ("Γιώργος Παπαδόπουλος", "GIORGOS PAPADOPOULOS"),
    ("Σοφία Ευαγγέλου", "Sofia Evangelou"),
    ("Anna Maria Nowak", "Anna Nowak"),
    ("John Q. Sample", "John Quincy Sample"),
    ("Seán O'Brien", "SEAN OBRIEN"),
    ("Aoife O’Neill", "ONEILL, AOIFE"),
    ("Jean-Luc Dupont", "DUPONT JEAN LUC"),
    ("Björn Ångström", "BJOERN AANGSTROEM"),
    ("Anna van der Berg", "ANNA VANDERBERG"),
    ("Dr. Hans Weiß", "HANS WEISS"),
    ("İpek Yılmaz", "IPEK YILMAZ"),
    ("Þóra Jónsdóttir", "THORA JONSDOTTIR"),
    ("Mrs. Ada Example", "ada example"),
    ("Fiona MacDonald", "Fiona Mac Donald"),
    (PersonName("BEISPIEL", "CHRISTELLE HELENE LAUR", truncated=True), "Christelle Hélène Laurence Beispiel"),
    (PersonName("EJEMPLO MODELO", "CARMEN"), "Carmen Ejemplo Modelo"),
    ("Bob Miller", "Robert Miller"),
    ("Dmitry Sokolov", "DMITRII SOKOLOV"),
    ("محمد علي", "Mohamed Ali"),
    ("李美华", "LIN MEI HUA"),
    ("Ana Ruiz", "ANA RUIZ EJEMPLO"),
]
DIFFERENT: list[tuple[str | PersonName, str | PersonName]] = [
    ("Anna Kowalska", "Anna Kowalski"),
    ("Erika Johansson", "Erika Johanson"),
    ("Maria Alexandra Johansson", "Maria Alexandra Johanson"),
    ("Maria Garcia", "Marta Garcia"),
    ("Anna Kowalska", "Jan Kowalski"),
    ("Hans Peter Müller", "Hans Jürgen Müller"),
    ("John Smith Jr.", "John Smith Sr."),
    ("Anna Maria", "Anna Maria Kowalska"),
    ("Thomas Martin", "Martin Thomas Müller"),
    ("Kowalska", "Anna Kowalska"),
    ("Peter Schmidt", "Petra Schmidt"),
    ("Christian Keller", "Christina Keller"),
    ("Li Wei", "Li Wen"),
    ("Anna van den Berg", "Anna van der Berg"),
    ("John Smith", "John Smith Jr"),
    ("Jean-Luc Dupont", "Jean-Marc Dupont"),
    ("A. Example", "Ada Example"),
    (PersonName("MARTIN", "THOMAS"), PersonName("THOMAS", "MARTIN")),
    (PersonName("EJEMPLO MODELO", "CARMEN"), "Carmen Ejemplo"),
    (PersonName("MARTIN", "THOMAS"), "Martin Thomas Müller"),
    (PersonName("KELLER", "CHRISTIN", truncated=True), "Christina Keller"),
    ("Anna Meyer", "Anna Meier"),
    ("Moeller Jan", "Moller Jan"),
]


def test_most_names_of_one_person_match() -> None:
    found = [match_names(one, other).outcome for one, other in SAME]
    assert found.count(MatchOutcome.MATCH) >= 26
    assert MatchOutcome.MISMATCH not in found


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_no_names_of_two_people_match(one: str | PersonName, other: str | PersonName) -> None:
    assert not match_names(one, other)


@pytest.mark.parametrize(
    ("one", "other", "doubts"),
    [
        pytest.param("Bob Miller", "Robert Miller", (Doubt.NICKNAME,), id="a nickname"),
        pytest.param("Kasia Nowak", "Katarzyna Nowak", (Doubt.NICKNAME,), id="a Polish one"),
        pytest.param("Anna Kowalska", "Anna Kowalski", (Doubt.SPELLING,), id="a spouse"),
        pytest.param("Laur Beispiel", "Laurence Beispiel", (Doubt.TRUNCATION,), id="cut without a mark"),
        pytest.param("محمد علي", "Mohamed Ali", (Doubt.SCRIPT,), id="Arabic without vowels"),
        pytest.param("李美华", "Li Meihua", (Doubt.SCRIPT,), id="Chinese"),
        pytest.param("John Smith", "John Smith Jr", (Doubt.GENERATION,), id="father or son"),
        pytest.param("", "Ada Example", (Doubt.INCOMPLETE,), id="nothing"),
        pytest.param(PersonName("ADA", "MAY"), PersonName("MAY", "ADA"), (Doubt.ROLE,), id="roles swapped"),
        pytest.param("Ada\u200b Example", "Ada Example", (Doubt.DISGUISE,), id="an invisible blank"),
        pytest.param("Ada \u202eExample", "Ada Example", (Doubt.DISGUISE,), id="turned round"),
        pytest.param("\U0001d400da Example", "Ada Example", (Doubt.DISGUISE,), id="a mathematical A"),
    ],
)
def test_doubtful_values_are_for_a_person(
    one: str | PersonName, other: str | PersonName, doubts: tuple[Doubt, ...]
) -> None:
    assert match_names(one, other) == Match(MatchOutcome.PARTIAL, doubts)


def test_a_letter_of_another_alphabet_within_a_name_is_no_match() -> None:
    assert not match_names("Аda Example", "Ada Example")  # the first letter is Cyrillic


def test_heaps_of_marks_are_no_match() -> None:
    found = match_names("A\u0301\u0302\u0303da Example", "Ada Example")
    assert found.outcome is MatchOutcome.PARTIAL
    assert Doubt.DISGUISE in found.doubts


def test_strangers_do_not_match_in_any_degree() -> None:
    assert match_names("Ada Example", "Mallory Muster").outcome is MatchOutcome.MISMATCH
    assert (
        match_names("Wolfgang Langenbeispielheim", "Eva Langenbeispielheim").outcome is MatchOutcome.MISMATCH
    )


def test_the_same_name_in_a_script_without_blanks_matches() -> None:
    assert match_names("李美华", "李美华")
    assert not match_names("李美华", "李美花")
    assert not match_names("李", "李")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Müller", "MUELLER", True),
        ("Example", "Exemple", False),
        ("van Berg", "Berg", False),
        ("", "", False),
    ],
)
def test_a_part_of_a_name_is_the_same_in_all_words(one: str, other: str, *, same: bool) -> None:
    assert bool(match_parts(one, other)) is same


@pytest.mark.parametrize(
    ("word", "spelling"),
    [
        ("Müßiggänger", "muessiggaenger"),
        ("Щербаков", "shcherbakov"),
        ("Мария", "mariia"),
        ("Київ", "kyiv"),
        ("Ђоковић", "dokovic"),
        ("Μπάμπης", "bampis"),
        ("Αυγέρης", "avgeris"),
        ("Ξανθάκης", "xanthakis"),
    ],
)
def test_documents_spell_words_so(word: str, spelling: str) -> None:
    assert spelling in spellings(word)


LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=12)
WORDS = LETTERS.filter(lambda word: word not in TITLES | GENERATIONS.keys())
NAMES = st.lists(WORDS, min_size=2, max_size=4, unique=True)


@pytest.mark.slow
@given(st.text(max_size=30), st.text(max_size=30))
def test_order_of_arrival_makes_no_difference(one: str, other: str) -> None:
    assert match_names(one, other) == match_names(other, one)


@pytest.mark.slow
@given(NAMES)
def test_case_and_order_make_no_difference(words: list[str]) -> None:
    name = " ".join(words)
    assert match_names(name, name.upper())
    assert match_names(name, " ".join(reversed(words)))


@given(NAMES)
def test_accents_make_no_difference(words: list[str]) -> None:
    plain = " ".join(words)
    accented = plain.translate(str.maketrans("aeiouncz", "áèîõúñçż"))
    assert match_names(plain, accented)


@given(NAMES, st.data())
def test_a_surname_with_one_other_letter_is_no_match(words: list[str], data: st.DataObject) -> None:
    *given_names, surname = words
    at = data.draw(st.integers(0, len(surname) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    assume(letter != surname[at])
    other = surname[:at] + letter + surname[at + 1 :]
    assume(other not in words)
    assert not match_names(" ".join(words), " ".join([*given_names, other]))


@given(NAMES)
def test_a_surname_alone_is_no_match(words: list[str]) -> None:
    assert not match_names(" ".join(words), words[-1])


@pytest.mark.slow
@given(st.text(max_size=400), st.text(max_size=400))
def test_nothing_that_is_typed_breaks_it(one: str, other: str) -> None:
    assert match_names(one, other).outcome in MatchOutcome
