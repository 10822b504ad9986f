"""Names: modules are nouns, classes have one name each, docstrings name existing exceptions and objects."""

import ast
import builtins
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class ModuleNames:
    """Names of a module: each syntax tree is walked once."""

    classes: set[str] = field(default_factory=set)
    defined: set[str] = field(default_factory=set)
    """Classes, functions, variables and attributes."""
    imported: set[str] = field(default_factory=set)
    raised: list[str] = field(default_factory=list)
    """All names under ``Raises:`` in docstrings."""

    def add(self, node: ast.AST) -> None:
        """Add the names of *node*."""
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                self.defined.add(name)
                self.raised.extend(raised_in(ast.get_docstring(node) or ""))
                if isinstance(node, ast.ClassDef):
                    self.classes.add(name)
            case ast.Module():
                self.raised.extend(raised_in(ast.get_docstring(node) or ""))
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                self.defined.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                self.imported.update(alias.asname or alias.name for alias in names)
            case _:
                pass


@pytest.fixture(scope="module")
def named() -> dict[str, ModuleNames]:
    """Return the names of each module of the product."""
    found = {}
    for module, path in modules().items():
        found[module] = ModuleNames()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found[module].add(node)
    return found


@pytest.mark.slow
def test_class_names_are_unique(named: dict[str, ModuleNames]) -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for module, names in named.items():
        for name in names.classes:
            places[name].append(module)
    assert len(places) > 1000
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}


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


@pytest.mark.slow
def test_every_exception_of_a_docstring_exists(named: dict[str, ModuleNames]) -> None:
    classes = set(vars(builtins)).union(*(names.classes for names in named.values()))
    unknown = {
        module: missing
        for module, names in named.items()
        if (missing := [name for name in names.raised if name.split(".")[0] not in classes | names.imported])
    }
    assert sum(len(names.raised) for names in named.values()) > 100
    assert unknown == {}


REFERENCE = re.compile(r":(?:attr|class|data|func|meth|mod):`~?([\w.]+)`")


@pytest.mark.slow
def test_every_reference_of_a_docstring_exists(named: dict[str, ModuleNames]) -> None:
    texts = {module: path.read_text(encoding="utf-8") for module, path in modules().items()}
    known = set(vars(builtins)).union(
        sys.stdlib_module_names,
        *(module.split(".") for module in texts),
        *(names.defined for names in named.values()),
    )
    found = {module: REFERENCE.findall(text) for module, text in texts.items()}
    unknown = {
        module: missing
        for module, names in found.items()
        if (missing := [name for name in names if not known.issuperset(name.strip(".").split("."))])
    }
    assert len(list(chain(*found.values()))) > 100
    assert unknown == {}
