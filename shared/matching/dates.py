"""
Comparison of dates as people and documents write them. Pure.

Nothing is guessed: ``02/03/2026`` is two days unless the writer's country is known, and a year of two
digits is one of two years. Words such as *tomorrow* are no dates.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import TypeAlias

from shared.matching.characters import folded, stripped
from shared.matching.outcome import MATCH, MISMATCH, Doubt, Match, partial

Dates: TypeAlias = date | str | Iterable[date]
"""A day, a text that says one, or the days that one date may mean."""

_MONTHS = """
january february march april may june july august september october november december
januar februar marz april mai juni juli august september oktober november dezember
janner feber maerz april mai juni juli august september oktober november dezember
janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre
enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
januari februari maart april mei juni juli augustus september oktober november december
stycznia lutego marca kwietnia maja czerwca lipca sierpnia wrzesnia pazdziernika listopada grudnia
styczen luty marzec kwiecien maj czerwiec lipiec sierpien wrzesien pazdziernik listopad grudzien
janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro
januari februari mars april maj juni juli augusti september oktober november december
januar februar marts april maj juni juli august september oktober november december
jan feb mrt apr may jun jul aug sept oct nov dec
ene fev mar avr mei juin juil aou set okt nov dez
"""
"""
The months without accents: English, German, Austrian German, French, Spanish, Italian, Dutch, Polish as in a
date and as alone, Portuguese, Swedish, Danish; then abbreviations.
"""
_WHOLE_MONTHS = """
ledna unora brezna dubna kvetna cervna cervence srpna zari rijna listopadu prosince
januara februara marca aprila maja juna jula augusta septembra oktobra novembra decembra
januarja februarja marca aprila maja junija julija avgusta septembra oktobra novembra decembra
januar februar marcius aprilis majus junius julius augusztus szeptember oktober november december
tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesakuuta - - - - - -
- - - - - - heinakuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta
ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie
januar februar mars april mai juni juli august september oktober november desember
jaanuar veebruar marts aprill mai juuni juuli august september oktoober november detsember
"""
"""
The same in Czech, Slovak, Slovenian, Hungarian, Finnish, Romanian, Norwegian and Estonian: their
abbreviations would mean several months. Croatian lacks: its October is November in Polish.
"""
_LETTERS = (3, 4)
"""How many letters of a month abbreviate it."""


def _months(table: str) -> dict[str, int]:
    """Return the number of each month by its name."""
    rows = table.strip().split("\n")
    return {name: number for row in rows for number, name in enumerate(row.split(), 1) if name != "-"}


def _abbreviated(months: Mapping[str, int]) -> dict[str, int]:
    """Return the number of each of *months* by the beginnings of its name that mean no other month."""
    short: dict[str, set[int]] = {}
    for name, number in months.items():
        for letters in _LETTERS:
            short.setdefault(name[:letters], set()).add(number)
    return {name: min(numbers) for name, numbers in short.items() if len(numbers) == 1}


_MONTH_OF = MappingProxyType(_abbreviated(_months(_MONTHS)) | _months(_WHOLE_MONTHS) | _months(_MONTHS))
_YEAR = r"(?P<year>\d{4}|\d{2})(?!\d)"
_NAME = r"(?P<month>[^\W\d_]{3,12})\.?"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<![\d.,-])(?P<year>\d{4})\s?(?P<mark>[-./])\s?(?P<month>\d{1,2})\s?(?P=mark)\s?(?P<day>\d{1,2})(?!\d)",
        r"(?<![\d.,-])(?P<day>\d{1,2})\s?(?P<mark>[-./])\s?(?P<month>\d{1,2})\s?(?P=mark)\s?" + _YEAR,
        r"(?<![\d.,-])(?P<day>\d{2})(?P<mark> )(?P<month>\d{2}) (?P<year>\d{4})(?!\d)",
        r"(?<!\d)(?P<day>\d{1,2})(?:st|nd|rd|th|er|°|o|a|\.)?\s?(?:of |de |den |d')?[-./]?\s?"
        + _NAME
        + r"(?:\s?/\s?(?P<other>[^\W\d_]{3,12})\.?)?\s?[-./,]?\s?(?:of |de |del )?"
        + _YEAR,
        r"(?<![^\W\d_])" + _NAME + r"\s?[-./]?\s?(?P<day>\d{1,2})(?:st|nd|rd|th)?\s?[-./,]?\s?" + _YEAR,
        r"(?<![\d/-])(?P<year>\d{4})\.?\s" + _NAME + r"\s(?P<day>\d{1,2})(?!\d|\s?[-./,]?\s?\d{2})",
    )
)
"""Year first; numbers; numbers apart; the day before the month's name, which a passport has in two languages;
the month's name first; year, month's name and day, as in Hungarian."""
_DAY_FIRST = frozenset(". ")
"""Marks that stand between day and month only where the day comes first."""
_CENTURIES = (1900, 2000)
_SHORT_YEAR = 100


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A date in a text."""

    dates: tuple[date, ...]
    """The days that it may mean, earliest first."""
    start: int
    end: int


def written_dates(text: str, *, day_first: bool | None = None) -> tuple[WrittenDate, ...]:
    """
    Return the dates in *text*, in one of the languages of the months, in their order there.

    *day_first*: whether the day comes first where both are numbers; None keeps both days.
    """
    plain = stripped(folded(text))
    found: list[WrittenDate] = []
    for pattern in _PATTERNS:
        for match in pattern.finditer(plain):
            free = all(match.end() <= one.start or match.start() >= one.end for one in found)
            if free and (dates := tuple(sorted(set(_meant(match, day_first))))):
                found.append(WrittenDate(dates, *match.span()))
    return tuple(sorted(found, key=lambda one: one.start))


def read_dates(text: str, *, day_first: bool | None = None) -> tuple[date, ...]:
    """Return the days that the one date in *text* may mean; none where there is no date, or a second one."""
    found = written_dates(text, day_first=day_first)
    return found[0].dates if len(found) == 1 else ()


def match_dates(one: Dates, other: Dates) -> Match:
    """Return whether both mean the same day. A date of two possible days matches neither."""
    ours, theirs = _days(one), _days(other)
    if not ours & theirs:
        return MISMATCH
    return MATCH if ours == theirs and len(ours) == 1 else partial(Doubt.ORDER)


def _days(value: Dates) -> frozenset[date]:
    match value:
        case datetime():
            return frozenset({value.date()})
        case date():
            return frozenset({value})
        case str():
            return frozenset(read_dates(value))
        case _:
            return frozenset(value)


def _meant(match: re.Match[str], day_first: bool | None) -> Iterator[date]:
    day, month, mark = match["day"], match["month"], match.groupdict().get("mark")
    if not month.isdigit():
        named = _MONTH_OF.get(month) or _MONTH_OF.get(match.groupdict().get("other") or "", 0)
        yield from _days_of(match["year"], named, int(day))
        return
    year_first = match.start("year") < match.start("day")
    both = not year_first and mark not in _DAY_FIRST
    if year_first or not both or day_first is not False:
        yield from _days_of(match["year"], int(month), int(day))
    if both and not day_first:
        yield from _days_of(match["year"], int(day), int(month))


def _days_of(year: str, month: int, day: int) -> Iterator[date]:
    number = int(year)
    for century in (0,) if number >= _SHORT_YEAR else _CENTURIES:
        try:
            yield date(century + number, month, day)
        except ValueError:
            continue
