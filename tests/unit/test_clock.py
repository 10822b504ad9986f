"""The clock of the law beside a calendar that is walked day by day; ``make clock`` is the long run."""

import random
from itertools import islice

import pytest

from bench.clock import Case, Day, cases, walked
from shared.law import DayOff, FirstDay, PeriodUnit, Policy, Right, TimedDuty
from shared.law.library import policies

SOME = 100


@pytest.mark.slow
@pytest.mark.parametrize("policy", [pytest.param(policy, id=policy.id) for policy in policies()])
def test_the_clock_and_the_walk_come_to_the_same_day(policy: Policy) -> None:
    assert [case for case in islice(cases(policy, random.Random(policy.id)), SOME) if not case.agrees] == []


@pytest.mark.parametrize(
    ("law", "wrong"),
    [
        pytest.param("gdpr", {"day_off": DayOff.BEFORE}, id="a month brought forward"),
        pytest.param("gdpr", {"length": 2}, id="a month too long"),
        pytest.param("us-ca-ccpa", {"first_day": FirstDay.AFTER_RECEIPT}, id="a day too late"),
        pytest.param("us-ca-ccpa", {"day_off": DayOff.NEXT}, id="days moved later"),
    ],
)
def test_a_clock_that_counts_otherwise_is_noticed(law: str, wrong: dict[str, object]) -> None:
    """The walk is asked for another rule than the clock."""
    policy = next(policy for policy in policies() if policy.law == law)
    rule = policy.answer(Right.ACCESS)
    some = islice((c for c in cases(policy, random.Random(1)) if c.rule == rule), 200)
    assert any(not _as_if(case, wrong) for case in some)


def _as_if(case: Case, wrong: dict[str, object]) -> bool:
    on = case.received_at.astimezone(case.zone).date()
    received = Day(on.year, on.month, on.day, on.weekday())
    other = case.rule.model_copy(update=wrong)
    return walked(other, received, case.calendar) == walked(case.rule, received, case.calendar)


def test_the_walk_knows_leap_years_and_weekdays() -> None:
    day, monday = Day(1999, 12, 27, 0), Day(1999, 12, 27, 0)
    for _ in range(366 + 366):
        day = day.after()
    assert (day.year, day.month, day.day) == (2001, 12, 28)
    for _ in range(366 + 366):
        day = day.before()
    assert day == monday


def test_each_unit_and_each_way_to_count_is_tried() -> None:
    rules = [rule for policy in policies() for duty in TimedDuty if (rule := policy.rule(duty, Right.ACCESS))]
    rules += [policy.answer(Right.OPT_OUT_OF_SALE) for policy in policies()]
    assert {rule.unit for rule in rules} == set(PeriodUnit)
    assert {rule.day_off for rule in rules} == {*DayOff, None}
    assert {rule.first_day for rule in rules} == set(FirstDay)
