"""The page on the data map agrees with the reader: examples load, every key, type and word is listed."""

import ast
import re
from textwrap import dedent
from xml.etree import ElementTree as ET

import pytest

from services.fulfillment.datamap.declarations import STRATEGIES, TYPES
from services.fulfillment.datamap.diagram.picture import picture_of
from services.fulfillment.datamap.diagram.svg import svg
from services.fulfillment.datamap.reader import OTHER_RESOURCES, load, parse
from tests.unit.pages import ROOT, text

PAGE = text("docs/reference/data-map.md")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
READING = {
    "adopt",
    "choice",
    "flag",
    "ignored",
    "label",
    "labels",
    "not_honoured",
    "number",
    "peek",
    "required",
    "rows",
    "take",
    "text",
    "texts",
    "within",
}
"""The methods that take a key out of a file."""


def whole(example: str) -> str:
    """Return *example* as a map of its own: it may be a part of a dataset, of a collection, or fields."""
    part = dedent(example)
    if part.startswith(("dataset:", "data_category:")):
        return part
    if part.startswith("- name:"):
        part = f"fields:\n{indented(part, 2)}"
    if not part.startswith("collections:"):
        part = f"collections:\n  - name: x\n{indented(part, 4)}"
    others = "  - { name: customers, fields: [ { name: _id } ] }\n"
    return f"dataset:\n  - fides_key: shop\n{indented(part + others, 4)}"


def indented(block: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in block.splitlines())


@pytest.mark.parametrize("example", EXAMPLES, ids=[str(n) for n in range(len(EXAMPLES))])
def test_every_example_loads_without_a_remark(example: str) -> None:
    assert parse({"map.yml": whole(example)}).remarks == ()


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 6


def keys_read() -> set[str]:
    """Return every key that the reader knows: the texts that it asks a file for."""
    found = set()
    for path in sorted((ROOT / "services/fulfillment/datamap").glob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr in READING
            ):
                found |= {
                    a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)
                }
    return found


DESCRIBING = {"active", "is_default", "parent_key", "replaced_by", "version_added", "version_deprecated"}
"""Of data categories, which the page need not explain."""


@pytest.mark.slow
def test_every_key_that_is_read_is_on_the_page() -> None:
    named = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`\n]+)`", PAGE))))
    assert {"identity", "retention", "keep", "strategy"} <= keys_read()
    assert keys_read() - DESCRIBING <= named


def test_every_type_and_every_strategy_is_on_the_page() -> None:
    named = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert named >= TYPES
    assert named >= STRATEGIES
    assert {"organization", "system", "policy"} <= set(OTHER_RESOURCES) & named


def drawn(picture: str) -> list[tuple[str | None, str | None, str | None]]:
    """Return what a drawing shows, wherever it shows it: collections and ways."""
    elements = ET.fromstring(picture).iter()  # noqa: S314  ours
    return [(e.get("id"), e.get("class"), e.text) for e in elements if e.get("id") or e.tag.endswith("title")]


@pytest.mark.slow
def test_the_drawing_that_is_shown_is_that_of_the_example() -> None:
    now = svg(picture_of(load(ROOT / "datamaps" / "example")))
    remedy = "habeas map graph --map datamaps/example --out docs/images/data-map.svg"
    assert drawn(text("docs/images/data-map.svg")) == drawn(now), remedy
