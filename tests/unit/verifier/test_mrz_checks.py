from datetime import date

import pytest

from services.verifier.documents.mrz.consensus import accepted, is_specimen, zone_checks
from services.verifier.documents.mrz.layouts import CODES, check_digit, known
from services.verifier.documents.mrz.parser import parse
from services.verifier.documents.results import CheckResult, MachineZone, reasons_of


def passport(surname: str = "VESPERO", issuer: str = "NLD", nationality: str = "NLD") -> MachineZone:
    number, birth, expiry, optional = "XR1234567", "850101", "350101", "<" * 14
    first, second, third = (f"{text}{check_digit(text)}" for text in (number, birth, expiry))
    fourth = f"{optional}{check_digit(optional)}"
    composite = check_digit(first + second + third + fourth)
    lines = (
        f"P<{issuer:<<3}{surname}<<NOVA".ljust(44, "<"),
        f"{first}{nationality:<<3}{second}F{third}{fourth}{composite}",
    )
    zone = parse(lines, today=date(2026, 11, 25))
    assert zone is not None
    return zone.model_copy(update={"agreement": 2, "engines": 2})


def test_reads_of_two_engines_with_right_digits_are_accepted() -> None:
    assert accepted(passport())
    assert reasons_of(zone_checks(passport())) == ()
    assert {check.result for check in zone_checks(passport())} == {CheckResult.PASS}


def test_one_read_alone_is_never_accepted() -> None:
    zone = passport().model_copy(update={"agreement": 1, "engines": 1})
    assert not accepted(zone)
    assert reasons_of(zone_checks(zone)) == ("mrz_low_agreement",)


def test_two_equal_reads_with_a_wrong_digit_were_printed_so() -> None:
    zone = passport().model_copy(update={"wrong_digits": ("birth", "composite")})
    assert not accepted(zone)
    expected = ("mrz_check_digit_invalid.birth", "mrz_check_digit_invalid.composite")
    assert reasons_of(zone_checks(zone)) == expected


def test_one_read_with_a_wrong_digit_is_no_accusation() -> None:
    zone = passport().model_copy(update={"wrong_digits": ("birth",), "agreement": 1})
    assert reasons_of(zone_checks(zone)) == ("mrz_unreadable",)
    assert CheckResult.FAIL not in {check.result for check in zone_checks(zone)}


def test_no_zone_is_inconclusive() -> None:
    assert reasons_of(zone_checks(None)) == ("mrz_not_found",)
    assert [check.result for check in zone_checks(None)] == [CheckResult.INCONCLUSIVE]


@pytest.mark.parametrize("codes", [("MLD", "NLD"), ("NLD", "JPM"), ("", "NLD")])
def test_a_code_that_is_no_country_is_not_accepted(codes: tuple[str, str]) -> None:
    zone = passport(issuer=codes[0], nationality=codes[1])
    assert not accepted(zone)
    assert "issuer_unknown" in reasons_of(zone_checks(zone))


@pytest.mark.parametrize(
    "zone",
    [
        pytest.param(passport(issuer="UTO", nationality="UTO"), id="Utopia"),
        pytest.param(passport(nationality="UTO"), id="a citizen of Utopia"),
        pytest.param(passport(surname="MUSTERMANN"), id="a name for samples"),
    ],
)
def test_a_sample_is_called_one(zone: MachineZone) -> None:
    assert is_specimen(zone)
    assert "specimen_document" in reasons_of(zone_checks(zone))


def test_a_name_that_only_contains_a_word_for_samples_is_no_sample() -> None:
    assert not is_specimen(passport(surname="MUSTERMANNS"))


def test_every_code_has_three_letters_but_germanys() -> None:
    assert {code for code in CODES if len(code) != 3 or not code.isalpha() or not code.isupper()} == {"D"}
    assert all(map(known, ("D", "UTO", "RKS", "XXA", "NLD", "EUE", "GBN")))
    assert not any(map(known, ("", "D<<", "XX", "MLD")))
