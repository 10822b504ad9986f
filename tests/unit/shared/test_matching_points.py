"""Dates, telephone numbers and mailboxes mean the same, or they do not; nothing is guessed."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.matching import Doubt, Match, MatchOutcome, match_dates, match_emails, match_phones, read_dates
from shared.matching.dates import written_dates

DAY = date(2026, 1, 15)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-15", "2026/01/15", "15.01.2026", "15/01/2026", "01/15/2026", "15 01 2026", "Jan-15-2026",
        "15JAN2026", "15 JAN/JANV 2026", "15 JAN 2026", "January 15, 2026", "15th of January 2026",
        "15. Januar 2026", "15. Jänner 2026", "15 janvier 2026", "15 de enero de 2026", "15 gennaio 2026",
        "15 januari 2026", "15 stycznia 2026 r.", "15 de janeiro de 2026",
    ],
)  # fmt: skip
def test_a_date_is_read_in_the_ways_it_is_written(text: str) -> None:
    assert read_dates(f"Berlin, {text}") == (DAY,)


@pytest.mark.parametrize(
    "text", ["tomorrow", "12", "Rechnung 4711", "31.02.2026", "15/01/2026 - 14/02/2026", ""]
)
def test_other_text_is_no_date(text: str) -> None:
    assert read_dates(text) == ()


@pytest.mark.parametrize(
    ("day_first", "days"),
    [
        (None, (date(2026, 2, 3), date(2026, 3, 2))),
        (True, (date(2026, 3, 2),)),
        (False, (date(2026, 2, 3),)),
    ],
)
def test_day_and_month_are_kept_either_way_round(*, day_first: bool | None, days: tuple[date, ...]) -> None:
    assert read_dates("02/03/2026", day_first=day_first) == days


def test_a_year_of_two_digits_is_one_of_two() -> None:
    assert read_dates("31.05.88") == (date(1988, 5, 31), date(2088, 5, 31))


def test_all_dates_of_a_text_are_found_in_their_order() -> None:
    found = written_dates("vom 01.01.2026 bis 31. Januar 2026, fällig 2026-02-15")
    assert [one.dates for one in found] == [(date(2026, 1, 1),), (date(2026, 1, 31),), (date(2026, 2, 15),)]


def test_a_day_matches_itself_and_no_other() -> None:
    assert match_dates("15. Januar 2026", DAY)
    assert match_dates(datetime(2026, 1, 15, 12, 0), DAY)  # noqa: DTZ001 - as a database has it
    assert match_dates("16. Januar 2026", DAY).outcome is MatchOutcome.MISMATCH
    assert match_dates("02/03/2026", date(2026, 3, 2)) == Match(MatchOutcome.PARTIAL, (Doubt.ORDER,))
    assert match_dates("", "").outcome is MatchOutcome.MISMATCH


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_every_day_is_read_from_its_usual_spellings(day: date) -> None:
    assert read_dates(day.isoformat()) == (day,)
    assert read_dates(f"{day.day}.{day.month}.{day.year}") == (day,)
    assert day in read_dates(f"{day.month}/{day.day}/{day.year}")


@pytest.mark.parametrize(
    ("one", "other", "region", "outcome"),
    [
        pytest.param(
            "+353 20 910 0142", "020 910 0142", "IE", MatchOutcome.MATCH, id="at home and from abroad"
        ),
        pytest.param(
            "+353 20 910 0142", "00353 20 9100142", "IE", MatchOutcome.MATCH, id="dialled from abroad"
        ),
        pytest.param("+353 20 910 0142", "020 910 0143", "IE", MatchOutcome.MISMATCH, id="another number"),
        pytest.param(
            "+353 20 910 0142", "020 910 0142", None, MatchOutcome.PARTIAL, id="from an unknown country"
        ),
        pytest.param(
            "+1 202 555 0142 ext. 5", "+1 202 555 0142", None, MatchOutcome.PARTIAL, id="an extension"
        ),
        pytest.param("0142", "020 910 0142", None, MatchOutcome.MISMATCH, id="its end alone"),
        pytest.param("no number", "no number", None, MatchOutcome.MISMATCH, id="no number"),
    ],
)
def test_telephone_numbers(one: str, other: str, region: str | None, outcome: MatchOutcome) -> None:
    assert match_phones(one, other, region).outcome is outcome
    assert match_phones(other, one, region).outcome is outcome


@pytest.mark.parametrize(
    ("one", "other", "outcome"),
    [
        pytest.param("Ada@Example.org", "ada@EXAMPLE.ORG", MatchOutcome.MATCH, id="case"),
        pytest.param(
            "ada@exämple.example", "ada@xn--exmple-cua.example", MatchOutcome.MATCH, id="a domain in ASCII"
        ),
        pytest.param(
            "ada@exämple.example", "ADA@EXÄMPLE.EXAMPLE.", MatchOutcome.MATCH, id="its case and a dot"
        ),
        pytest.param("ada@straße.example", "ada@strasse.example", MatchOutcome.MISMATCH, id="a sharp s"),
        pytest.param("ada+shop@example.org", "ada@example.org", MatchOutcome.MISMATCH, id="a plus"),
        pytest.param("a.da@example.org", "ada@example.org", MatchOutcome.MISMATCH, id="a dot"),
        pytest.param("ada@example.org", "ada@example.com", MatchOutcome.MISMATCH, id="another domain"),
        pytest.param(
            "ada\u200b@example.org", "ada@example.org", MatchOutcome.PARTIAL, id="something invisible"
        ),
        pytest.param("example.org", "example.org", MatchOutcome.MISMATCH, id="no mailbox"),
    ],
)
def test_mailboxes_match_by_their_parts(one: str, other: str, outcome: MatchOutcome) -> None:
    assert match_emails(one, other).outcome is outcome
