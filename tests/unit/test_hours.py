"""Periods in hours: 72 of them after a breach became known, whatever day it is."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.law import hours_later
from shared.law.calendars import calendar_named

BERLIN = ZoneInfo("Europe/Berlin")
HOLIDAYS = calendar_named("DE-BE")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("aware_at", "due_at", "latest_at"),
    [
        # Monday to Thursday: two working days lie in it by themselves.
        pytest.param("2026-03-02T10:20", "2026-03-05T10:20", "2026-03-05T11:00", id="in a week"),
        # Christmas Eve is a Thursday; 25 and 26 are holidays, 27 a Sunday: Monday and Tuesday are the two.
        pytest.param("2026-12-24T18:30", "2026-12-27T18:30", "2026-12-30T00:00", id="over Christmas"),
        # Friday evening: Monday and Tuesday.
        pytest.param("2026-03-06T20:00", "2026-03-09T20:00", "2026-03-11T00:00", id="over a weekend"),
        # The clocks go forward on 29 March: 72 hours are 73 on the wall.
        pytest.param("2026-03-27T10:00", "2026-03-30T11:00", "2026-04-01T00:00", id="when clocks change"),
    ],
)
def test_72_hours_run_through_nights_and_holidays(aware_at: str, due_at: str, latest_at: str) -> None:
    """Reg. (EEC, Euratom) 1182/71 Art. 3(1), 3(4), 3(5); GDPR Art. 33(1)."""
    found = hours_later(72, at(aware_at), BERLIN, HOLIDAYS)
    assert (found.due_at.replace(tzinfo=None), found.latest_at.replace(tzinfo=None)) == (
        datetime.fromisoformat(due_at),
        datetime.fromisoformat(latest_at),
    )


def test_a_period_of_less_than_two_days_needs_no_working_day() -> None:
    found = hours_later(24, at("2026-03-07T12:30"), BERLIN, HOLIDAYS)
    assert found.latest_at == at("2026-03-08T13:00")


def test_a_moment_must_say_where_it_is() -> None:
    with pytest.raises(ValueError, match="offset"):
        hours_later(72, datetime(2026, 3, 2), BERLIN, HOLIDAYS)  # noqa: DTZ001 - that is the point


FIRST, LAST = datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2032-01-01")


@pytest.mark.slow
@settings(deadline=None)
@given(st.datetimes(FIRST, LAST, timezones=st.just(UTC)), st.integers(1, 200))
def test_plain_hours_are_in_time_by_every_reading(aware_at: datetime, hours: int) -> None:
    found = hours_later(hours, aware_at, BERLIN, HOLIDAYS)
    assert found.due_at - aware_at == timedelta(hours=hours)
    # Two moments of one zone are compared by their wall times, which come twice when clocks go back.
    assert found.due_at.timestamp() <= found.latest_at.timestamp()
