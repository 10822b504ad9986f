"""Names: modules are nouns, classes have one name each, docstrings name existing exceptions and objects."""

import ast
import builtins
import re
import sys
from collections import defaultdict
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

from tests.unit.pages import ROOT

TREES = ("shared", "services", "habeas")
NOUNS_IN_ING = {"drafting", "mapping", "matching", "routing", "setting", "string"}
"""Words that end in -ing and name a thing."""


@cache
def modules() -> dict[str, Path]:
    """Return each module of the product: dotted name → file."""
    files = [path for tree in TREES for path in sorted((ROOT / tree).rglob("*.py"))]
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in files
    }


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    """Each module of the product as its syntax: parsed once, and forgotten after the tests of this file."""
    return {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in modules().items()}


def test_class_names_are_unique(trees: dict[str, ast.Module]) -> None:
    named: dict[str, set[str]] = defaultdict(set)
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                named[node.name].add(module)
    assert {name: sorted(places) for name, places in named.items() if len(places) > 1} == {}


def test_module_names_are_nouns() -> None:
    gerunds = [
        module
        for module in modules()
        if (last := module.rsplit(".", 1)[-1]).endswith("ing") and last not in NOUNS_IN_ING
    ]
    assert gerunds == []


RAISED = re.compile(r"^    (\w[\w.]*): ", re.MULTILINE)
RAISED_IF = re.compile(r"\bRaises\s+(\w[\w.]*)\s+if\b")


def raised_in(docstring: str) -> list[str]:
    """Return the names under ``Raises:``, or in ``Raises X if``, in a docstring without its indentation."""
    section = docstring.partition("Raises:\n")[2]
    listed = RAISED.findall(re.split(r"^\S", section, maxsplit=1, flags=re.MULTILINE)[0])
    return [*listed, *RAISED_IF.findall(docstring)]


def documented(tree: ast.AST) -> list[str]:
    """Return all names under ``Raises:`` in the docstrings of *tree*."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    nodes = (node for node in ast.walk(tree) if isinstance(node, kinds))
    return [name for node in nodes for name in raised_in(ast.get_docstring(node) or "")]


def test_every_exception_of_a_docstring_exists(trees: dict[str, ast.Module]) -> None:
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    classes = {node.name for node in nodes if isinstance(node, ast.ClassDef)} | set(vars(builtins))
    raised = {module: documented(tree) for module, tree in trees.items()}
    unknown = {
        module: missing
        for module, names in raised.items()
        if (
            missing := [name for name in names if name.split(".")[0] not in classes | imported(trees[module])]
        )
    }
    assert len(list(chain(*raised.values()))) > 100
    assert unknown == {}


def imported(tree: ast.AST) -> set[str]:
    """Return the names that *tree* imports."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return {alias.asname or alias.name for node in imports for alias in node.names}


REFERENCE = re.compile(r":(?:attr|class|data|func|meth|mod):`~?([\w.]+)`")


def named_in(tree: ast.AST) -> set[str]:
    """Return the names that *tree* defines: classes, functions, variables and attributes."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                names.add(name)
            case _:
                pass
    return names


def test_every_reference_of_a_docstring_exists(trees: dict[str, ast.Module]) -> None:
    texts = {module: path.read_text(encoding="utf-8") for module, path in modules().items()}
    defined = {name for tree in trees.values() for name in named_in(tree)}
    known = defined | set(chain(*(module.split(".") for module in texts))) | set(vars(builtins))
    known |= sys.stdlib_module_names
    found = {module: REFERENCE.findall(text) for module, text in texts.items()}
    unknown = {
        module: missing
        for module, names in found.items()
        if (missing := [name for name in names if not known.issuperset(name.strip(".").split("."))])
    }
    assert len(list(chain(*found.values()))) > 100
    assert unknown == {}
