from datetime import date, timedelta

import pytest

from shared.errors import ConfigurationError
from shared.law.calendars import calendar_named


@pytest.mark.parametrize(
    ("place", "day", "name"),
    [
        pytest.param("DE", "2027-10-03", "German Unity Day", id="all of Germany"),
        pytest.param("DE-BE", "2027-03-08", "Women's Day", id="Berlin's own"),
        pytest.param("FR", "2027-07-14", "National Day", id="France"),
        pytest.param("FR-57", "2027-03-26", "Good Friday", id="the Moselle's own"),
        pytest.param("GB-ENG", "2027-12-28", "Boxing Day (observed)", id="a substitute day"),
        pytest.param("GB-SCT", "2026-11-30", "Saint Andrew's Day", id="Scotland's own"),
        pytest.param("US-TX", "2026-07-03", "Independence Day (observed)", id="a federal Friday"),
    ],
)
def test_a_holiday_is_named(place: str, day: str, name: str) -> None:
    assert calendar_named(place).day_off(date.fromisoformat(day)) == name


@pytest.mark.parametrize(
    ("place", "day"),
    [
        pytest.param("DE", "2027-03-08", id="Berlin's holiday is not Germany's"),
        pytest.param("FR", "2027-03-26", id="the Moselle's holiday is not France's"),
        pytest.param("GB-ENG", "2026-11-30", id="Scotland's holiday is not England's"),
        pytest.param("DE-BE", "2027-12-27", id="Germany gives no day for a holiday on a Saturday"),
    ],
)
def test_an_ordinary_weekday_is_a_working_day(place: str, day: str) -> None:
    assert calendar_named(place).is_working_day(date.fromisoformat(day))


@pytest.mark.parametrize("place", ["DE-BE", "GB-ENG", "US-CA"])
def test_weekends_are_days_off_everywhere(place: str) -> None:
    assert calendar_named(place).day_off(date(2026, 6, 13)) == "Saturday"
    assert calendar_named(place).day_off(date(2026, 6, 14)) == "Sunday"


@pytest.mark.parametrize(
    ("year", "published"),
    [
        pytest.param(
            2013,
            "01-01 01-21 02-18 04-01 05-27 07-04 09-02 11-11 11-28 11-29 12-25",
            id="2013: Cesar Chavez Day on a Sunday",
        ),
        pytest.param(2014, "01-01 01-20 02-17 03-31 05-26 07-04 09-01 11-11 11-27 11-28 12-25", id="2014"),
        pytest.param(
            2024,
            "01-01 01-15 02-19 04-01 05-27 07-04 09-02 11-11 11-28 11-29 12-25",
            id="2024: Juneteenth is a working day",
        ),
    ],
)
def test_california_keeps_the_days_its_state_publishes(year: int, published: str) -> None:
    weekdays = (date(year, 1, 1) + timedelta(days=n) for n in range(365))
    california = calendar_named("US-CA")
    kept = [day for day in weekdays if day.weekday() < 5 and not california.is_working_day(day)]
    assert kept == [date.fromisoformat(f"{year}-{day}") for day in published.split()]


@pytest.mark.parametrize(
    ("day", "working"),
    [
        pytest.param("2026-07-03", True, id="no Friday for Saturday 4 July"),
        pytest.param("2027-07-05", False, id="a Monday for Sunday 4 July"),
        pytest.param("2028-11-10", False, id="a Friday for Veterans Day on Saturday 11 November"),
        pytest.param("2027-02-15", False, id="Presidents' Day, though it shares its date"),
        pytest.param("2028-02-15", True, id="Susan B. Anthony Day is an observance"),
        pytest.param("2028-10-17", True, id="Diwali is taken by choice"),
    ],
)
def test_california_moves_only_the_days_its_code_moves(day: str, *, working: bool) -> None:
    assert calendar_named("US-CA").is_working_day(date.fromisoformat(day)) is working


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        pytest.param("XX", r"a country \(FR\).*DE-BE, GB-ENG, US-CA", id="no such country"),
        pytest.param("de", "no such country", id="lower case"),
        pytest.param("", "no such country", id="nothing"),
        pytest.param("DE-XX", "DE has DE-BB, DE-BE", id="no such part"),
        pytest.param("DE-", "DE has DE-BB, DE-BE", id="half a name"),
    ],
)
def test_an_unknown_place_is_a_configuration_error_that_names_the_known(name: str, remedy: str) -> None:
    with pytest.raises(ConfigurationError, match=remedy):
        calendar_named(name)


def test_a_name_means_one_calendar_and_a_year_is_computed_once() -> None:
    berlin = calendar_named("DE-BE")
    assert calendar_named("DE-BE") is berlin
    assert berlin.holidays_in(2027) is berlin.holidays_in(2027)
