"""Secrets are compared in constant time: the time of an answer must not show how much of a guess is right."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECRET = re.compile(r"(?:^|_)(?:mac|digest|signature|token|secret|password)$")
COMPARED = frozenset(
    {
        "services/console/system/parked_messages.py: _digest_of(delivery) != wanted.digest",
        "services/fulfillment/package/handlers.py: written.digest() != read.digest()",
        "services/fulfillment/search/digests.py: slots[place] != digest",
        "shared/runtime/audit_heads.py: copies[number].digest == ours[number].digest",
        "shared/runtime/audit_heads.py: ours[number].fields['previous'] == ours[number - 1].digest",
        "shared/runtime/vault.py: template.digest != digest",
    }
)
"""Comparisons of digests that are no secret, of messages, packages, records, heads and templates."""


def comparisons(path: Path) -> Iterator[str]:
    """Yield the comparisons by ``==`` or ``!=`` in *path* in which both sides sound like a secret."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            sides = (node.left, node.comparators[0])
            if any(SECRET.search(_name(side)) for side in sides) and not any(map(_is_constant, sides)):
                yield f"{path.relative_to(ROOT)}: {ast.unparse(node)}"


def _name(side: ast.expr) -> str:
    match side:
        case ast.Attribute():
            return side.attr
        case ast.Name():
            return side.id
        case ast.Call():
            return _name(side.func)
        case _:
            return ""


def _is_constant(side: ast.expr) -> bool:
    return isinstance(side, ast.Constant) or _name(side).isupper()


def test_no_secret_is_compared_by_equality() -> None:
    paths = [path for part in ("services", "shared") for path in (ROOT / part).rglob("*.py")]
    assert {found for path in paths for found in comparisons(path)} - COMPARED == set()
