"""A campaign under measurement says of each goal whether it was reached, and fails where it must be."""

from dataclasses import replace

import pytest

from bench.campaign_goals import MEMORY_MIB, Goal, Kept, guarantees, memory, rates

KEPT = Kept(
    people=100, missed=0, doubled=3, strangers=0, renamed=0, unforeseen=0, doubtful=5, bound=5, seconds=1.0
)


def broken(kept: Kept) -> list[str]:
    return [goal.what.split()[0] for goal in guarantees(kept) if goal.must and not goal.reached]


def test_nothing_is_broken_where_everything_is_foreseen() -> None:
    assert broken(KEPT) == []
    assert KEPT.sound


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        pytest.param({"missed": 1}, "missed", id="missed"),
        pytest.param({"strangers": 1}, "doubled", id="a stranger"),
        pytest.param({"renamed": 1}, "doubled", id="another Message-ID"),
        pytest.param({"unforeseen": 1}, "doubled", id="not doubtful"),
        pytest.param({"doubled": 6}, "doubled", id="more than are doubtful"),
        pytest.param({"doubtful": 6}, "doubtful", id="more than a letter a connection"),
    ],
)
def test_each_guarantee_is_named_when_it_is_broken(changes: dict[str, int], what: str) -> None:
    kept = replace(KEPT, **changes)
    assert broken(kept) == [what]
    assert not kept.sound


def test_too_much_memory_fails_a_run_however_short_it_was() -> None:
    def reached(*seen: float) -> list[tuple[bool, bool]]:
        return [(goal.reached, goal.must) for goal in memory(seen)]

    assert reached(1.0, MEMORY_MIB, 1.0) == [(False, True)]
    assert reached(1.0, MEMORY_MIB - 1) == [(True, True)]


def test_rate_is_printed_beside_each_floor_and_fails_nothing() -> None:
    told = list(rates([80.0, 90.0, 70.0], {"bare": [100.0], "barer": [101.0]}))
    assert [(goal.reached, goal.must) for goal in told] == [(True, False), (False, False)]


def test_a_verdict_is_plain() -> None:
    goal = Goal("missed", "0", "1 of 100", reached=False, must=True)
    assert str(goal) == "missed: NOT REACHED (1 of 100; wanted: 0)"
