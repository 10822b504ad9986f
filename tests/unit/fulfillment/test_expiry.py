"""The bound of the look-up for records past their period."""

import random
from datetime import date, timedelta

import pytest

from services.fulfillment.datamap.model import RetentionPeriod, RetentionRule
from services.fulfillment.domain import last_day
from services.fulfillment.erasure.expiry import latest_start

DICE = random.Random(20261129)


def rule(*, year_end: bool = False, **period: int) -> RetentionRule:
    return RetentionRule(RetentionPeriod(**period), "issued", "duty", year_end)


@pytest.mark.parametrize(
    ("of", "today", "before"),
    [
        (rule(years=8, year_end=True), date(2026, 11, 30), date(2018, 1, 1)),
        (rule(years=8, year_end=True), date(2027, 1, 1), date(2019, 1, 1)),
        (rule(years=1), date(2026, 3, 15), date(2025, 4, 1)),
        (rule(days=90), date(2026, 3, 15), date(2026, 1, 1)),
        (rule(years=9_000), date(2026, 3, 15), date.min),
        (rule(days=9_000_000), date(2026, 3, 15), date.min),
    ],
)
def test_periods_that_have_ended_started_before_the_bound(
    of: RetentionRule, today: date, before: date
) -> None:
    assert latest_start(of, today) == before


def test_no_ended_period_starts_on_or_after_the_bound() -> None:
    for _ in range(3_000):
        of = rule(
            years=DICE.randrange(3),
            months=DICE.randrange(14),
            days=DICE.randrange(70),
            year_end=DICE.random() < 0.5,
        )
        start = date(2024, 1, 1) + timedelta(days=DICE.randrange(1_100))
        last = last_day(of, {"issued": start.isoformat()}, today=start)
        assert last is not None
        assert start < latest_start(of, last + timedelta(days=1)), (of, start)
