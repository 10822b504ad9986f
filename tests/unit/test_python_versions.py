"""What differs between versions of Python, and must not differ in our answers."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from shared.runtime.http_problems import RENAMED, phrase_of
from tests.unit.pages import ROOT
from tests.unit.test_names import modules


def test_names_of_statuses_are_those_of_the_newest_python() -> None:
    assert phrase_of(404) == HTTPStatus.NOT_FOUND.phrase
    assert {status: phrase_of(status) for status in RENAMED} == {
        413: "Content Too Large",
        414: "URI Too Long",
        416: "Range Not Satisfiable",
        422: "Unprocessable Content",
    }


@pytest.mark.parametrize("project", ["pyproject.toml", "shared/client/pyproject.toml"])
def test_declared_versions_include_the_one_that_runs_the_tests(project: str) -> None:
    declared = tomllib.loads((ROOT / project).read_text(encoding="utf-8"))["project"]
    named = [one.rsplit(" ", 1)[1] for one in declared["classifiers"] if " :: Python :: " in one]
    oldest, newest = named[0], named[-1].partition(".")[2]
    assert declared["requires-python"].split(",")[0] == f">={oldest}"
    assert declared["requires-python"].endswith((f"<3.{int(newest) + 1}", f">={oldest}"))
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in named


def frozen_mappings(body: list[ast.stmt]) -> Iterator[ast.AnnAssign]:
    """Yield the annotated names in *body* that are made by ``MappingProxyType``."""
    for line in body:
        made = line.value if isinstance(line, ast.AnnAssign) else None
        if isinstance(made, ast.Call) and ast.unparse(made.func) == "MappingProxyType":
            assert isinstance(line, ast.AnnAssign)
            yield line


def mutable_defaults(module: str, tree: ast.Module) -> Iterator[str]:
    constants = {ast.unparse(line.target) for line in frozen_mappings(tree.body)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and "dataclass" in "".join(map(ast.unparse, node.decorator_list)):
            lines = [line for line in node.body if isinstance(line, ast.AnnAssign) and line.value]
            made = {*frozen_mappings(node.body), *(one for one in lines if _text(one.value) in constants)}
            own = [one for one in made if "ClassVar" not in _text(one.annotation)]
            yield from (f"{module}: {node.name}.{ast.unparse(one.target)}" for one in own)


def _text(node: ast.expr | None) -> str:
    return ast.unparse(node) if node else ""


@pytest.mark.slow
def test_no_field_of_a_dataclass_has_a_default_that_python_311_takes_for_mutable() -> None:
    trees = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in modules().items()}
    assert [name for module, tree in trees.items() for name in mutable_defaults(module, tree)] == []
    example = (
        "A: M = MappingProxyType({})\n@dataclass\nclass C:\n    a: M = A\n    b: M = MappingProxyType({})"
    )
    assert sorted(mutable_defaults("m", ast.parse(example))) == ["m: C.a", "m: C.b"]


def test_types_and_syntax_are_checked_for_the_oldest_python() -> None:
    """Whatever this one has and the oldest lacks is an error of `make check`."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    oldest = declared["project"]["requires-python"].split(",")[0].removeprefix(">=")
    assert declared["tool"]["mypy"]["python_version"] == oldest
    assert declared["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
