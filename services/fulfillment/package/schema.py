"""JSON Schema (draft 2020-12) of each file of records, for other programs."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from services.fulfillment.datamap.model import Collection

DIALECT = "https://json-schema.org/draft/2020-12/schema"
JSON_TYPES: Mapping[str, list[str]] = MappingProxyType(
    {
        "string": ["string"],
        "boolean": ["boolean"],
        "integer": ["integer"],
        "long": ["integer"],
        "float": ["number"],
    }
)
"""Types that extended JSON writes as plain JSON; all others are objects such as ``{"$date": …}``."""


def schema(collection: Collection) -> dict[str, Any]:
    """Return the schema of the JSON file of *collection*; further fields are allowed."""
    record: dict[str, Any] = {"type": "object", "properties": {}}
    arrays = frozenset(field.path for field in collection.fields if field.array)
    for field in collection.fields:
        node = _node(record, field.path, arrays)
        node["x-categories"] = sorted(field.categories)
        if not field.disclose:
            node["x-withheld"] = True
        elif field.type:
            node["x-type"] = field.type
            _type(node, field.type)
    described = {"description": collection.description} if collection.description else {}
    return {"$schema": DIALECT, "title": collection.name, **described, "type": "array", "items": record}


def _type(node: dict[str, Any], named: str) -> None:
    plain = JSON_TYPES.get(named)
    if plain:
        # An object is always allowed: the notice in place of a withheld value.
        node["type"] = sorted({*plain, "null", "object"})


def _node(record: dict[str, Any], path: str, arrays: frozenset[str]) -> dict[str, Any]:
    node, above = record, ""
    for name in path.split("."):
        inside = node.setdefault("items", {}) if above in arrays else node
        node = inside.setdefault("properties", {}).setdefault(name, {})
        above = f"{above}.{name}" if above else name
    return node
