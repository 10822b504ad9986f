"""The list of mutations fits the code and the tests of today, and the command says which one is caught."""

import ast
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from bench.mutations import ROOT, Mutation, Verdict, copied, mutations, tried

LIST = mutations()


@cache
def functions_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(
        one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_text_of_each_mutation_stands_once_in_its_file() -> None:
    for one in LIST:
        content = (ROOT / one.file).read_text(encoding="utf-8")
        assert one.mutated(content) != content, one.mechanism


def test_each_mutation_names_tests_that_exist() -> None:
    for one in LIST:
        assert one.tests, one.mechanism
        for test in one.tests:
            file, _, name = test.partition("::")
            assert name in functions_in(file), test


def test_each_mechanism_is_named_once() -> None:
    assert [name for name, count in Counter(one.mechanism for one in LIST).items() if count > 1] == []


def test_text_that_stands_twice_or_not_at_all_is_an_error() -> None:
    mutation = Mutation("adds", "rule.py", "a + b", "a - b", ())
    for content in ("a + b; a + b", "a * b"):
        with pytest.raises(ValueError, match="not once"):
            mutation.mutated(content)


@pytest.mark.slow
def test_mutation_is_caught_by_a_failing_test_alone(tmp_path: Path) -> None:
    (tmp_path / "rule.py").write_text("def added(a, b):\n    return a + b\n")
    checks = "from rule import added\n\ndef test_sum():\n    assert added(1, 2) == 3\n"
    (tmp_path / "test_rule.py").write_text(f"{checks}\ndef test_nothing():\n    assert added\n")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)  # noqa: S603, S607
    changed = Mutation("adds", "rule.py", "a + b", "a - b", ("test_rule.py::test_sum",))
    unseen = Mutation("adds", "rule.py", "a + b", "a - b", ("test_rule.py::test_nothing",))
    broken = Mutation("adds", "rule.py", "def added", "def adding", ("test_rule.py::test_sum",))
    with copied(tmp_path) as copy:
        verdicts = [tried(one, copy).verdict for one in (changed, unseen, broken)]
        assert (copy / "rule.py").read_text() == (tmp_path / "rule.py").read_text()
    assert verdicts == [Verdict.CAUGHT, Verdict.SURVIVED, Verdict.BROKEN]
