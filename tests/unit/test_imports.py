"""Imports: modules that call themselves pure are, and no modules import one another in a circle."""

import ast
import re
from functools import cache

import grimp
import pytest

from tests.unit.test_names import modules

ACTING = (
    "aio_pika", "aiormq", "asyncio", "gridfs", "motor", "os", "pydantic_settings", "random", "socket",
    "structlog", "time",
    "shared.runtime.broker", "shared.runtime.journal", "shared.runtime.service", "shared.runtime.vault",
)  # fmt: skip
"""What acts on the world, or asks it."""
TYPES = "shared.runtime.mongo"
"""The one module that names the types of BSON; decisions on records handle their values."""


@cache
def graph() -> grimp.ImportGraph:
    """Return which module imports which, without what :data:`TYPES` imports."""
    found = grimp.build_graph("shared", "services", "habeas", include_external_packages=True)
    for imported in list(found.find_modules_directly_imported_by(TYPES)):
        found.remove_import(importer=TYPES, imported=imported)
    return found


PURE = [
    name
    for name, path in modules().items()
    if re.search(
        r"\bpure\b", ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "", re.IGNORECASE
    )
]


@pytest.mark.parametrize("module", PURE)
def test_module_that_calls_itself_pure_reaches_nothing_that_acts(module: str) -> None:
    chains = [graph().find_shortest_chain(module, one) for one in ACTING if one in graph().modules]
    assert [chain for chain in chains if chain] == []


def test_no_modules_import_one_another_in_a_circle() -> None:
    circles = [
        (module, imported)
        for module in sorted(graph().modules)
        for imported in graph().find_modules_directly_imported_by(module)
        if graph().chain_exists(imported, module)
    ]
    assert circles == []
