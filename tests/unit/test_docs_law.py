import re
from pathlib import Path
from pkgutil import resolve_name

import pytest

from shared.policies import policies

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "law.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("|") and "`test_" in line
]
TEST = re.compile(r"^(?:async )?def (test_\w+)\(", re.MULTILINE)
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in TEST.findall(path.read_text(encoding="utf-8"))
}


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_table_is_read() -> None:
    assert len(ROWS) >= 15
    assert {len(row) for row in ROWS} == {5}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}: {row[1][:30]}")
def test_every_provision_names_a_function_and_a_test_that_exist(row: list[str]) -> None:
    _, _, functions, tests, _ = row
    assert named(functions)
    assert named(tests)
    assert all(callable(resolve_name(name)) for name in named(functions))
    assert set(named(tests)) <= TESTS


PERIODS = [rule for policy in policies() if policy.regulation for rule in policy.periods]
CITED = {provision for rule in PERIODS for provision in (rule.provision, rule.counting)} - {"Our caution"}


@pytest.mark.parametrize("provision", sorted(CITED))
def test_every_provision_the_clock_cites_is_in_the_table(provision: str) -> None:
    assert any(cited.startswith(provision) for cited, *_ in ROWS)
