"""
The figures of requests: received, results, durations. Pure.

Law:
    11 CCR § 7102(a)(1): received, complied with in whole or in part, denied, and the median or mean number
    of days, for each kind of request and calendar year. (b): the same may be reported for all individuals.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.intake.cases.register import CountedRequest, RequestResult
from shared.contract.events import Code
from shared.law import Right
from shared.quantiles import median

DENIED = frozenset({RequestResult.REFUSED, RequestResult.LAPSED})
"""Results without any effect, other than withdrawals."""
RESPONSES = DENIED | {RequestResult.GRANTED, RequestResult.PARTLY_GRANTED, RequestResult.NOTHING_HELD}
"""Results by which a request is answered in substance."""


RIGHTS = tuple(Right)


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one right under one law, of requests received in one year."""

    year: int
    law: str
    right: Right
    results: Counter[RequestResult] = field(default_factory=Counter)
    denied_for: Counter[Code] = field(default_factory=Counter)
    """Ground → requests denied for it; one that was denied on two grounds counts under each."""
    limited_for: Counter[Code] = field(default_factory=Counter)
    """The same of requests that were complied with in part."""
    in_time: Counter[bool] = field(default_factory=Counter)
    """Whether the last day had not passed before the answer was sent → requests."""
    days: Counter[int] = field(default_factory=Counter)
    """Calendar days from receipt to answer → requests."""

    @property
    def received(self) -> int:
        """Requests received: the sum of the results."""
        return self.results.total()

    @property
    def denied(self) -> int:
        """Requests denied, on any ground."""
        return sum(self.results[result] for result in DENIED)

    @property
    def median_days(self) -> float | None:
        """Median days to an answer."""
        return median(self.days)

    @property
    def mean_days(self) -> float | None:
        """Mean days to an answer, to one decimal place."""
        total = self.days.total()
        return round(sum(days * n for days, n in self.days.items()) / total, 1) if total else None

    def plain(self) -> dict[str, Any]:
        """Return the figures as plain values, in the order in which they are read."""
        return {
            "year": self.year,
            "law": self.law,
            "right": self.right.value,
            "received": self.received,
            "complied_in_whole": self.results[RequestResult.GRANTED],
            "complied_in_part": self.results[RequestResult.PARTLY_GRANTED],
            "denied": self.denied,
            "of_which_lapsed": self.results[RequestResult.LAPSED],
            "nothing_held": self.results[RequestResult.NOTHING_HELD],
            "forwarded": self.results[RequestResult.FORWARDED],
            "duplicate": self.results[RequestResult.DUPLICATE],
            "withdrawn": self.results[RequestResult.WITHDRAWN],
            "open": self.results[RequestResult.OPEN],
            "late": self.in_time[False],
            "median_days": self.median_days,
            "mean_days": self.mean_days,
            "denied_for": ordered(self.denied_for),
            "limited_for": ordered(self.limited_for),
        }


def figures(counts: Mapping[CountedRequest, int]) -> list[Figures]:
    """Return the figures of *counts*: by year, by law, and by right in the order of the catalogue."""
    found: dict[tuple[int, str, int], Figures] = {}
    for one, number in counts.items():
        key = (one.year, one.law, RIGHTS.index(one.right))
        into = found.setdefault(key, Figures(one.year, one.law, one.right))
        into.results[one.result] += number
        into.in_time[not one.late] += number
        if one.result in RESPONSES and one.days is not None:
            into.days[one.days] += number
        for ground in one.grounds:
            if one.result in DENIED:
                into.denied_for[ground] += number
            elif one.result is RequestResult.PARTLY_GRANTED:
                into.limited_for[ground] += number
    return [found[key] for key in sorted(found)]


def ordered(grounds: Mapping[Code, int]) -> dict[Code, int]:
    """Return *grounds*, the most frequent first."""
    return dict(sorted(grounds.items(), key=lambda item: (-item[1], item[0])))
