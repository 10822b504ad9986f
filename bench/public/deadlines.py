"""The last day for an answer, by the laws as ``GET /v1/policies`` lists them, walked day by day. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from bench.clock import Day, walked
from shared.law import StatutoryPeriod
from shared.law.calendars import calendar_named

ANSWER, ALL, OTHERS = "answer", "all", "others"
ESTABLISHED = "DE-BE"
"""The holidays of the example company's place, where the law does not say whose count."""


def last_day(
    policies: Sequence[Mapping[str, Any]], laws: Sequence[str], right: str, received: date
) -> date | None:
    """Return the earliest last day that *laws* (``gdpr@2018-05-25``) set for *right*; None without one."""
    days = [
        _walked(period, policy.get("calendar") or ESTABLISHED, received)
        for policy in policies
        if f"{policy['law']}@{policy['edition']}" in laws and (period := _period(policy, right)) is not None
    ]
    return min(days, default=None)


def _period(policy: Mapping[str, Any], right: str) -> Mapping[str, Any] | None:
    answers = [period for period in policy["periods"] if period["duty"] == ANSWER]
    named = [period for period in answers if period["rights"] == ALL or right in period["rights"]]
    return next(iter([*named, *(period for period in answers if period["rights"] == OTHERS)]), None)


def _walked(period: Mapping[str, Any], calendar: str, received: date) -> date:
    rule = StatutoryPeriod.model_validate(
        {key: period[key] for key in StatutoryPeriod.model_fields if key in period}
    )
    day = walked(
        rule, Day(received.year, received.month, received.day, received.weekday()), calendar_named(calendar)
    )
    return date(day.year, day.month, day.day)
