"""One dwelling is found the same in the spellings of its country; the neighbours' never is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.matching import Address, Doubt, Match, MatchOutcome, match_addresses, match_streets
from shared.matching.postcodes import find_postcode, plain_code

HERE = "Musterstraße 12, 12345 Berlin"
SAME: list[tuple[Address | tuple[str, ...] | str, Address | tuple[str, ...] | str]] = [
    (HERE, ("Musterstr. 12", "D-12345 Berlin")),
    (HERE, "Muster Str. 12\n12345 BERLIN\nDeutschland"),
    (HERE, ("c/o Beispiel", "Musterstrasse 12", "12345 Berlin")),
    (("Am Beispielweg 3a", "50667 Köln"), Address(("Am Beispielweg 3 A",), "Cologne", None, "50667", "DE")),
    ("12, rue de la Fiction, 75001 Paris", "12 R DE LA FICTION 75001 PARIS"),
    ("12 bis av. Imaginaire, 69001 Lyon", "12bis avenue Imaginaire\n69001 LYON"),
    ("Calle Ejemplo, 12, 3º B, 28013 Madrid", "C/ Ejemplo 12 3B, 28013 Madrid"),
    ("123 North Main Street, Springfield, IL 62704", "123 N Main St, Springfield IL 62704-1234"),
    ("123 Main Street Apt 4B, Springfield, IL 62704", "123 MAIN ST #4B\nSPRINGFIELD, IL, 62704"),
    ("34-12 31st Street, Queens, NY 11106", "34-12 31st St, Astoria NY 11106"),
    ("Kerkstraat 5, 1234 AB Amsterdam", ("Kerkstr. 5", "1234AB AMSTERDAM")),
    ("7 Specimen Quay, Dublin, D02 X285", "7 specimen quay\nDublin 2\nD02X285"),
    ("Flat 3, 10 Example Road, London, SW1A 1AA", ("10 Example Rd Flat 3", "London", "SW1A1AA")),
    ("ul. Długa 5 m. 7, 00-123 Warszawa", "Dluga 5/7, 00-123 Warszawa"),
    ("Via Esempio, 12, 00100 Roma", "V. Esempio 12\n00100 ROMA RM"),
    ("Rua Exemplo 12, 2.º Esq, 1100-048 Lisboa", ("R. Exemplo 12 2º esq", "1100-048 LISBOA")),
    ("#2B-10 Fictional Ave, Toronto, ON M5V 2T6", ("10 Fictional Avenue #2B", "Toronto ON M5V2T6")),
    (("3/41 Example Street", "Fitzroy VIC 3065"), "Unit 3, 41 Example St, FITZROY VIC 3065, Australia"),
    (
        ("12 Example Street, Karori", "Wellington 6012"),
        ("12 Example St", "Karori", "WELLINGTON 6012", "New Zealand"),
    ),
    ("Straße des 17. Juni 135, 10623 Berlin", "Str. d. 17. Juni 135, 10623 Berlin"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_dwelling_in_two_spellings(one: Address | str, other: Address | str) -> None:
    assert match_addresses(one, other)
    assert match_addresses(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(HERE, "Musterstraße 13, 12345 Berlin", id="another house"),
        pytest.param(HERE, "Musterstraße 12, 12346 Berlin", id="another postal code"),
        pytest.param(HERE, "Beispielallee 12, 12345 Berlin", id="another street"),
        pytest.param("Am Weg 3a, 12345 Berlin", "Am Weg 3b, 12345 Berlin", id="another letter"),
        pytest.param("1 N Main St, Salem, OR 97301", "1 S Main St, Salem, OR 97301", id="the other end"),
        pytest.param("1 Main St, Salem, OR 97301", "1 Main Ave, Salem, OR 97301", id="street and avenue"),
        pytest.param(
            Address(("Weg 1",), postal_code="1010", country="AT"),
            Address(("Weg 1",), postal_code="1010", country="CH"),
            id="another country",
        ),
    ],
)
def test_another_place_is_a_mismatch(one: Address | str, other: Address | str) -> None:
    assert match_addresses(one, other).outcome is MatchOutcome.MISMATCH


@pytest.mark.parametrize(
    ("one", "other", "doubt"),
    [
        pytest.param(
            "1 Main St, Salem, OR 97301", "1 Main St Unit 2, Salem, OR 97301", Doubt.UNIT, id="a flat"
        ),
        pytest.param("Am Weg 3, 12345 Berlin", "Am Weg 3a, 12345 Berlin", Doubt.UNIT, id="a letter more"),
        pytest.param(
            "Bergstraße 5, 12345 Berlin", "Burgstraße 5, 12345 Berlin", Doubt.SPELLING, id="a letter"
        ),
        pytest.param(
            "1 N Main St, Salem, OR 97301", "1 Main St, Salem, OR 97301", Doubt.SPELLING, id="which end"
        ),
        pytest.param("Weg 1, 12345 Adorf", "Weg 1, 12345 Beispielhausen", Doubt.TOWN, id="two villages"),
        pytest.param(
            "41 Example St, Fitzroy VIC 3065", "41 Example St, Mentone VIC 3065", Doubt.TOWN, id="two suburbs"
        ),
        pytest.param(
            "12 Example St, Wellington 6012",
            "12 Example St, Gore 6012",
            Doubt.TOWN,
            id="two towns, one code",
        ),
        pytest.param(
            "3/41 Example St, Fitzroy VIC 3065",
            "41 Example St, Fitzroy VIC 3065",
            Doubt.UNIT,
            id="a flat before the house",
        ),
        pytest.param(HERE, "Musterstraße 12", Doubt.INCOMPLETE, id="no town"),
        pytest.param(HERE, "12345 Berlin", Doubt.INCOMPLETE, id="no street"),
        pytest.param(HERE, "Muster\u200bstraße 12, 12345 Berlin", Doubt.DISGUISE, id="something invisible"),
    ],
)
def test_doubtful_values_are_for_a_person(one: str, other: str, doubt: Doubt) -> None:
    assert match_addresses(one, other) == Match(MatchOutcome.PARTIAL, (doubt,))


def test_a_street_alone_is_compared_with_its_number() -> None:
    assert match_streets("7 Specimen Quay", "7 specimen  quay")
    assert not match_streets("7 Specimen Quay", "8 Specimen Quay")
    assert not match_streets("Specimen Quay", "Specimen Quay")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("D-12345 Berlin", "12345"),
        ("Springfield, IL 62704-1234", "62704"),
        ("London SW1A 1AA", "SW1A1AA"),
        ("1234 AB Amsterdam", "1234AB"),
        ("00-123 Warszawa", "00123"),
        ("1010 Wien", "1010"),
        ("Toronto ON M5V 2T6", "M5V2T6"),
        ("PERTH  WA  6000", "6000"),
        ("Whangārei 0110", "0110"),
        ("Example SA, 1110 Morges", "1110"),
    ],
)
def test_a_postal_code_is_found_in_its_line(line: str, code: str) -> None:
    found = find_postcode(line)
    assert found is not None
    assert found.code == code == plain_code(code)


@pytest.mark.parametrize("line", ["12345", "Rechnung 4711", "Telefon 030 1234567", "IBAN DE00 1234 5678"])
def test_other_numbers_are_no_postal_code(line: str) -> None:
    assert find_postcode(line) is None


@given(st.text(max_size=80), st.text(max_size=80))
def test_it_makes_no_difference_which_comes_first(one: str, other: str) -> None:
    assert match_addresses(one, other) == match_addresses(other, one)


@given(st.integers(1, 400), st.integers(1, 400))
def test_two_numbers_in_one_street_are_two_places(one: int, other: int) -> None:
    found = match_addresses(f"Musterweg {one}, 12345 Berlin", f"{other} Musterweg, 12345 Berlin")
    assert bool(found) is (one == other)
