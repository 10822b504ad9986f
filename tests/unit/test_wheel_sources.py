"""Imports of a wheel are renamed in their lines; the client takes the modules that it needs alone."""

import ast
import importlib.util
import sys
from types import ModuleType

import pytest

from tests.unit.pages import ROOT
from tests.unit.test_names import modules


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wheel_sources", ROOT / "scripts" / "wheel_sources.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SOURCES = script()
NAMES = {"shared": "habeas.shared", "shared.client": "other"}


@pytest.mark.parametrize(
    ("line", "renamed"),
    [
        ("from shared.law import Right", "from habeas.shared.law import Right"),
        ("from shared import client", "from habeas.shared import client"),
        ("from shared.client.http import get", "from other.http import get"),
        ("import shared", "from habeas import shared"),
        ("import shared.law.terms as terms", "from habeas.shared.law import terms as terms"),
        (
            "    from shared.law import (\n        Right,\n    )",
            "    from habeas.shared.law import (\n        Right,\n    )",
        ),
        ("from sharedness import x", "from sharedness import x"),
        ("import services.intake", "import services.intake"),
        ('text = """\nfrom shared.law import Right\n"""', 'text = """\nfrom shared.law import Right\n"""'),
    ],
)
def test_import_is_renamed_and_nothing_else(line: str, renamed: str) -> None:
    text = f"if x:\n{line}\n" if line[0] == " " else line
    expected = f"if x:\n{renamed}\n" if line[0] == " " else renamed
    assert SOURCES.renamed(text, NAMES) == expected


@pytest.mark.slow
def test_no_import_binds_the_name_of_a_folder_in_another_way() -> None:
    names = {"services": "habeas.services", "shared": "habeas.shared"}
    dotted = [
        f"{module}: import {alias.name}"
        for module, path in modules().items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import)
        for alias in node.names
        if "." in alias.name and alias.asname is None and SOURCES.new_name(alias.name, names) != alias.name
    ]
    assert dotted == []


@pytest.mark.slow
def test_client_needs_its_dependencies_alone() -> None:
    trees = [
        ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES.needed(ROOT, "shared.client").values()
    ]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    imported = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    imported += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    packages = {name.partition(".")[0] for name in imported} - {*sys.stdlib_module_names, "shared"}
    assert packages == {"aio_pika", "aiormq", "certifi", "httpx", "pamqp", "pydantic", "pydantic_core"}
