"""Imports: modules that call themselves pure are, and no modules import one another in a circle."""

import ast
import re
from functools import cache

import grimp
import pytest

from tests.unit.pages import ROOT
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
    if re.match(r'"""(?:(?!""").)*\bpure\b', path.read_text(encoding="utf-8"), re.IGNORECASE | re.DOTALL)
]


@pytest.mark.slow
@pytest.mark.parametrize("module", PURE)
def test_module_that_calls_itself_pure_reaches_nothing_that_acts(module: str) -> None:
    chains = [graph().find_shortest_chain(module, one) for one in ACTING if one in graph().modules]
    assert [chain for chain in chains if chain] == []


@pytest.mark.slow
def test_no_modules_import_one_another_in_a_circle() -> None:
    circles = [
        (module, imported)
        for module in sorted(graph().modules)
        for imported in graph().find_modules_directly_imported_by(module)
        if graph().chain_exists(imported, module)
    ]
    assert circles == []


STANDARD = {"__init__", "__main__", "bootstrap", "settings", "handlers", "context", "domain", "state"}
"""The files at the top of a service (docs/concepts/architecture.md)."""
SERVICES = ("intake", "verifier", "fulfillment", "notifier")
ASSEMBLY = {
    "services.intake.breach": {"services.intake.bootstrap"},
    "services.verifier.documents": {"services.verifier.bootstrap"},
    "services.verifier.login": {"services.verifier.bootstrap"},
    "services.fulfillment.breach": {"services.fulfillment.bootstrap"},
    "services.fulfillment.drafting": {
        "services.fulfillment.map_check.declared",
        "services.fulfillment.map_check.open_points",
    },
    "services.notifier.breach": {"services.notifier.bootstrap"},
    "services.notifier.codes": {"services.notifier.bootstrap"},
    **{
        f"services.intake.channels.{channel}": {
            "services.intake.channels.registry",
            "services.intake.settings",
        }
        for channel in ("drop", "drp", "email", "fides", "opendsr", "webhooks")
    },
}
"""Optional part → the modules of its service that may import it."""


@pytest.mark.parametrize("service", SERVICES)
def test_top_of_a_service_holds_standard_files_alone(service: str) -> None:
    assert {path.stem for path in (ROOT / "services" / service).glob("*.py")} <= STANDARD


@pytest.mark.parametrize("service", SERVICES)
def test_main_module_only_starts_the_plans_of_the_bootstrap(service: str) -> None:
    body = ast.parse((ROOT / "services" / service / "__main__.py").read_text(encoding="utf-8")).body
    imports = [ast.Import, ast.Expr, ast.ImportFrom, ast.ImportFrom, ast.Expr]  # without garbage collection
    assert [type(node) for node in body] == [ast.Expr, *imports, ast.If]


@pytest.mark.slow
@pytest.mark.parametrize("part", ASSEMBLY)
def test_optional_part_is_imported_by_its_assembly_alone(part: str) -> None:
    service = ".".join(part.split(".")[:2])
    inside = {part, *graph().find_descendants(part)}
    importers = {one for module in inside for one in graph().find_modules_that_directly_import(module)}
    assert {one for one in importers - inside if one.startswith(f"{service}.")} <= ASSEMBLY[part]


VALUES = {
    "Binary", "Code", "DBRef", "Decimal128", "Document", "Int64", "ObjectId", "Timestamp", "Write",
    "from_bson", "id_bytes", "json_util", "to_bson", "utc",
}  # fmt: skip
"""Types of values in records, and their form in files; no call to a database."""
STORED_BY_PORT = [
    name
    for name in modules()
    if re.fullmatch(r"services\.fulfillment\.(domain|state|handlers|context|erasure\..*|search\..*)", name)
]


@pytest.mark.parametrize("module", STORED_BY_PORT)
def test_search_and_erasure_reach_databases_through_the_stores_alone(module: str) -> None:
    tree = ast.parse(modules()[module].read_text(encoding="utf-8"))
    named = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == TYPES
        for alias in node.names
    }
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    operators = [text for text in texts if isinstance(text, str) and re.match(r"\$[a-zA-Z]", text)]
    assert (named - VALUES, operators) == (set(), [])
