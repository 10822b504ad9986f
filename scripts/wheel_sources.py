"""
Sources of wheels that have another layout than the repository: folders move, and imports follow them.

A line of an import keeps its place, so line numbers of a traceback are those of the repository. Nothing but
imports is rewritten: product code names no module of its own in a text.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path


def renamed(text: str, names: Mapping[str, str]) -> str:
    """Return the source *text* with the imported packages *names* under their new names."""
    lines = text.splitlines(keepends=True)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.level == 0):
            for old, new in _statements(node, names):
                lines[node.lineno - 1] = re.sub(rf"\b{old}\b", new, lines[node.lineno - 1], count=1)
    return "".join(lines)


def _statements(node: ast.Import | ast.ImportFrom, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the beginnings of an import and what they become; the bound names stay the same."""
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        yield f"from {re.escape(module)}", f"from {new_name(module, names)}"
        return
    for alias in node.names:
        new = new_name(alias.name, names)
        package, _, last = new.rpartition(".")
        if new != alias.name:
            yield f"import {re.escape(alias.name)}", f"from {package} import {last}"


def new_name(module: str, names: Mapping[str, str]) -> str:
    """Return the name of *module* after its package moved; the longest of *names* counts."""
    for old in sorted(names, key=len, reverse=True):
        if module == old or module.startswith(f"{old}."):
            return names[old] + module.removeprefix(old)
    return module


def file_of(root: Path, module: str) -> Path | None:
    """Return the file of *module* below *root*, if there is one."""
    folder = root.joinpath(*module.split("."))
    found = (folder / "__init__.py", folder.with_suffix(".py"))
    return next((path for path in found if path.is_file()), None)


def needed(root: Path, module: str) -> dict[str, Path]:
    """Return *module* and all modules below *root* that it needs, and their files."""
    known: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = file_of(root, name)
        if path is not None and name not in known:
            known[name] = path
            waiting += _imported(root, path)
    return known


def _imported(root: Path, path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [name for name in names if file_of(root, name)]
            yield from modules if len(modules) == len(names) else [*modules, node.module]
