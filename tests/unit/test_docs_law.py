import ast
import re
from itertools import product
from pathlib import Path
from pkgutil import resolve_name

import pytest

from shared.law import Regulation, Right
from shared.law.periods import acknowledgement_period, answer_period, extended_period

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "law.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("|") and "`test_" in line
]
TESTS = {
    node.name
    for path in (ROOT / "tests").rglob("*.py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
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


PERIODS = {
    rule
    for period in (answer_period, extended_period, acknowledgement_period)
    for regulation, right in product(Regulation, Right)
    if (rule := period(regulation, right))
}


@pytest.mark.parametrize(
    "provision", sorted({p for rule in PERIODS for p in (rule.provision, rule.counting)})
)
def test_every_provision_the_clock_cites_is_in_the_table(provision: str) -> None:
    assert any(cited.startswith(provision) for cited, *_ in ROWS)
