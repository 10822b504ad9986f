"""
The public holidays of a place, as a `Calendar` for the statutory clock.

The only module that calls the ``holidays`` library. It is imported when the first calendar is asked for
(0.2 s), which services do when they start, so that a wrong name stops the start and not a request.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache, partial
from types import MappingProxyType

from shared.errors import ConfigurationError
from shared.law import Calendar

SATURDAY, SUNDAY = 5, 6

# The days on which the State of California does not work. The library's list is longer: days that may be
# taken instead of another (Juneteenth, Diwali), observances, and "(observed)" Fridays for a Saturday.
# Taking a working day for a holiday would make an answer late; the reverse makes it early.
CALIFORNIA_STATE_HOLIDAYS = frozenset(
    {
        "New Year's Day",
        "Martin Luther King Jr. Day",
        "Presidents' Day",
        "Cesar Chavez Day",
        "Memorial Day",
        "Independence Day",
        "Labor Day",
        "Veterans Day",
        "Thanksgiving Day",
        "Day After Thanksgiving",
        "Christmas Day",
    }
)


@lru_cache
def calendar_named(name: str) -> Calendar:
    """
    Return the calendar of a country, or of a part of it: ``FR``, ``DE-BE``, ``GB-ENG``, ``US-CA``.

    Raises:
        ConfigurationError: The holidays of that place are unknown; the message lists the known ones.
    """
    country, _, subdivision = name.partition("-")
    known = _known_places()
    if country not in known:
        raise ConfigurationError(
            f"calendar {name!r}: no such country; write a country (FR), or a country and a part of it "
            f"(DE-BE, GB-ENG, US-CA), with the codes of ISO 3166"
        )
    if name != country and subdivision not in known[country]:
        parts = ", ".join(f"{country}-{part}" for part in known[country]) or "no parts"
        raise ConfigurationError(f"calendar {name!r}: {country} has {parts}")
    if name == "US-CA":
        return Calendar(name, _california_state_holidays)
    return Calendar(name, partial(_public_holidays, country, subdivision or None))


@lru_cache
def _known_places() -> Mapping[str, list[str]]:
    import holidays  # noqa: PLC0415 - slow to import, and most commands need no calendar

    known: Mapping[str, list[str]] = holidays.list_supported_countries(include_aliases=False)
    return known


@lru_cache(maxsize=1024)
def _public_holidays(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    """
    Return the public holidays of a year by day, with the substitute days that the place's law gives.

    Law:
        Reg. (EEC, Euratom) 1182/71 Art. 2: the days designated as such where the action is due.
    """
    import holidays  # noqa: PLC0415 - see above

    # Without a language the library asks the environment, and an explanation would depend on it.
    return MappingProxyType(
        dict(
            holidays.country_holidays(country, subdiv=subdivision, years=year, expand=False, language="en_US")
        )
    )


@lru_cache
def _california_state_holidays(year: int) -> Mapping[date, str]:
    """
    Return the holidays of the State of California by the day on which they are observed.

    Law:
        Cal. Gov. Code § 19853(a)-(b): eleven days; a Sunday moves to Monday, 11 November from a Saturday
        to Friday, and no other Saturday moves.
    """
    named = (
        (day, holiday)
        for day, holidays in _public_holidays("US", "CA", year).items()
        for holiday in holidays.split("; ")
        if holiday in CALIFORNIA_STATE_HOLIDAYS
    )
    return MappingProxyType({_observed_in_california(day): holiday for day, holiday in named})


def _observed_in_california(day: date) -> date:
    if day.weekday() == SUNDAY:
        return day + timedelta(days=1)
    if day.weekday() == SATURDAY and (day.month, day.day) == (11, 11):
        return day - timedelta(days=1)
    return day
