from datetime import date

from services.verifier.documents.mrz.consensus import SURE, accepted, best_of, elected, settled
from services.verifier.documents.mrz.repair import Lines, Read
from services.verifier.documents.results import MachineZone

TODAY = date(2026, 11, 25)
RIGHT = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
TAMPERED = (RIGHT[0], RIGHT[1].replace("740812", "840812"))
NAMED = (RIGHT[0].replace("ANNA", "AMNA"), RIGHT[1])
UNKNOWN = (RIGHT[0], RIGHT[1].replace("UTO", "UTD"))


def reads(*lines: Lines, confidence: float = 95) -> list[Read]:
    return [Read(each, confidence) for each in lines]


def elect(*lines: Lines, confidence: float = 95) -> MachineZone:
    zone = elected(reads(*lines, confidence=confidence), today=TODAY)
    assert zone is not None
    return zone


def test_reads_that_say_the_same_are_counted() -> None:
    assert (elect(RIGHT, RIGHT, NAMED).lines, elect(RIGHT, RIGHT, NAMED).agreement) == (RIGHT, 2)


def test_unsure_reads_agree_on_nothing() -> None:
    assert elect(RIGHT, RIGHT, RIGHT, confidence=SURE - 1).agreement == 1
    assert elect(RIGHT, RIGHT, confidence=SURE).agreement == 2


def test_wrong_digits_that_were_read_twice_were_printed_so_however_unsure() -> None:
    assert elect(TAMPERED, TAMPERED, NAMED[:1] + TAMPERED[1:], confidence=10).agreement == 2


def test_two_engines_that_say_the_same_agree_however_unsure() -> None:
    zone = elected([Read(RIGHT, 10), Read(RIGHT, 10, other=True)], today=TODAY)
    assert zone is not None
    assert (zone.agreement, zone.engines) == (2, 2)
    assert accepted(zone)


def test_sure_reads_of_one_engine_may_err_alike_and_are_not_accepted() -> None:
    """A zone was accepted with SPEGIMEN for SPECIMEN: no check digit protects names."""
    zone = elected([Read(NAMED, 99), Read(NAMED, 99), Read(RIGHT, 99, other=True)], today=TODAY)
    assert zone is not None
    assert (zone.lines, zone.agreement, zone.engines) == (NAMED, 2, 1)
    assert not accepted(zone)


def test_one_sure_read_of_two_is_one() -> None:
    zone = elected([Read(RIGHT, SURE), Read(RIGHT, SURE - 1)], today=TODAY)
    assert zone is not None
    assert zone.agreement == 1


def test_zone_with_right_digits_beats_one_with_more_votes() -> None:
    assert elect(TAMPERED, TAMPERED, RIGHT).lines == RIGHT
    assert elect(TAMPERED, TAMPERED, RIGHT).agreement == 1


def test_majority_of_characters_may_be_right_where_every_read_errs() -> None:
    first = (RIGHT[0], "M" + RIGHT[1][1:])
    second = (RIGHT[0], RIGHT[1][:13] + "84" + RIGHT[1][15:])
    third = (RIGHT[0], RIGHT[1][:21] + "22" + RIGHT[1][23:])
    assert elect(first, second, third).lines == RIGHT
    assert elect(first, second, third).agreement == 1


def test_zone_of_unknown_country_goes_last() -> None:
    assert elect(UNKNOWN, UNKNOWN, RIGHT).lines == RIGHT


def test_two_equal_reads_settle_it() -> None:
    assert settled(reads(RIGHT, RIGHT), today=TODAY)
    assert not settled(reads(RIGHT), today=TODAY)
    assert not settled(reads(RIGHT, NAMED), today=TODAY)
    assert not settled(reads(RIGHT, RIGHT, confidence=SURE - 1), today=TODAY)
    assert settled(reads(RIGHT, RIGHT, RIGHT, confidence=SURE - 1), today=TODAY)
    assert not settled([], today=TODAY)


def test_wrong_digits_are_looked_at_a_third_time() -> None:
    assert not settled(reads(TAMPERED, TAMPERED), today=TODAY)
    assert settled(reads(TAMPERED, TAMPERED, TAMPERED), today=TODAY)


def test_a_country_that_is_none_settles_nothing() -> None:
    assert not settled(reads(UNKNOWN, UNKNOWN), today=TODAY)


def test_of_one_read_the_likeliest_zone_counts() -> None:
    best = best_of(reads(TAMPERED, RIGHT, UNKNOWN), today=TODAY)
    assert best is not None
    assert best.lines == RIGHT
    assert best_of([], today=TODAY) is None


def test_no_reads_elect_nothing() -> None:
    assert elected([], today=TODAY) is None
