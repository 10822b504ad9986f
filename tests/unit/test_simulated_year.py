"""A year of random requests under each law: none ends late through our fault."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pytest
import structlog

from shared.law import Policy
from tests.extent import extent
from tests.unit.fakes import ABROAD, PRACTICE
from tests.unit.simulated_year import DAY, Ending, Scenario, SimulatedRun, draw

CASES, CHUNKS = extent((300, 1), (5_000, 20))
"""Cases of a chunk, and chunks."""
LAWS = ABROAD.policies.accepting(["all"])
ALONE, BESIDE_THE_GDPR = (replace(rules, policies=LAWS) for rules in (ABROAD, PRACTICE))
IN_TIME = DAY
"""An alarm this long before the end of the last day is in time."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Log nothing: some cases are late on purpose."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


def editions() -> list[tuple[Policy, date]]:
    """Return each edition of a law with the first day on which it is in force no more."""
    found = sorted(
        (policy for policy in LAWS if policy.places), key=lambda policy: (policy.law, policy.edition)
    )
    followers = [*found[1:], None]
    return [
        (policy, after.edition if after and after.law == policy.law else policy.edition.replace(year=2035))
        for policy, after in zip(found, followers, strict=True)
    ]


async def endings(chunk: int) -> list[Ending]:
    random, found = Random(f"year {chunk}"), []
    laws = editions()
    for number in range(CASES):
        case = draw(*laws[number % len(laws)], random)
        rules = ALONE if random.random() < 0.8 else BESIDE_THE_GDPR
        found += await SimulatedRun(case, rules).run()
    return found


def is_excused(ending: Ending) -> bool:
    """Return whether the staff did nothing although it was alarmed in time."""
    idle = ending.case.scenario is Scenario.IDLE_STAFF
    return idle and ending.alarmed_at is not None and ending.last - ending.alarmed_at >= IN_TIME


COLUMNS = (*Scenario, "decision of the appeal")


def table(found: Iterable[Ending]) -> str:
    """Return by law and scenario the days left to the end of the last day, at the earliest and latest end."""
    groups = defaultdict[tuple[str, str], list[timedelta]](list)
    for one in found:
        groups[one.case.law, COLUMNS[-1] if one.appeal else one.case.scenario].append(one.spare)
    rows = [
        [law, *(_range(groups[law, one]) for one in COLUMNS)] for law in sorted({law for law, _ in groups})
    ]
    return "\n".join(
        f"| {' | '.join(row)} |" for row in [["law", *COLUMNS], ["---"] * (len(COLUMNS) + 1), *rows]
    )


def _range(left: list[timedelta]) -> str:
    return f"{max(left) / DAY:.1f} to {min(left) / DAY:.1f}" if left else "-"


@pytest.mark.slow
@pytest.mark.campaign
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("chunk", range(CHUNKS))
async def test_no_request_ends_after_its_last_day_unless_alarmed_staff_did_nothing(chunk: int) -> None:
    found = await endings(chunk)
    late = [one for one in found if one.spare < timedelta() and not is_excused(one)]
    assert late == []
    assert [one for one in found if one.apologised] == []
    assert {one.case.scenario for one in found} == set(Scenario)
    excused = sum(one.spare < timedelta() for one in found)
    print(f"{len(found)} ends, {excused} late because the staff did nothing")  # noqa: T201 - `pytest -rP`
    print(table(found))  # noqa: T201
