"""Names: modules are nouns, classes have one name each."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

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


def test_class_names_are_unique() -> None:
    named: dict[str, set[str]] = defaultdict(set)
    for module, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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
