"""
Samples of events: one of each type with all fields, and one with the required fields.

They are made of the schemas, so that a new field has a sample as well.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from shared.contract.events import Event

AT = datetime(2026, 11, 29, 9, 30, tzinfo=UTC)
CASE = "0123456789abcdef0123456789abcdef"
E = TypeVar("E", bound=Event)
SAMPLES = (
    "example", CASE, "ada@example.org", "gdpr@2018-05-25", "DE", "DE-BE", "EUR", "en", "123456", "a.b.c",
    "application/pdf", "user.contact.email", "example.org", "BE", "0123456789abcdef" * 8,
    "0123456789abcdef" * 4, "shop.orders", f"written_{'0' * 64}",
)  # fmt: skip
"""Texts for patterns: the first that fits is taken."""
CONTRADICTIONS = {"risk_unlikely": False, "ongoing": False}
"""Fields that exclude others."""


def fullest(kind: type[E]) -> E:
    """Return an example of *kind* with all fields."""
    schema = kind.model_json_schema()
    return kind.model_validate(_object(schema, schema.get("$defs", {}), full=True))


def least(kind: type[E], /, **chosen: str) -> E:
    """Return an example of *kind* with the required fields, and the *chosen* ones."""
    schema = kind.model_json_schema()
    return kind.model_validate(_object(schema, schema.get("$defs", {}), full=False) | chosen)


def examples(kind: type[E]) -> Iterator[E]:
    """Yield all examples of *kind*."""
    yield fullest(kind)
    yield least(kind)
    schema = kind.model_json_schema()
    for name, part in schema["properties"].items():
        for value in _enumerated(part, schema.get("$defs", {})):
            yield least(kind, **{name: value})


def _enumerated(part: Mapping[str, Any], types: Mapping[str, Any]) -> Iterable[str]:
    found: Iterable[str] = _resolved(part, types).get("enum", ())
    return found


def _resolved(part: Mapping[str, Any], types: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema that *part* refers to; of alternatives the first."""
    if "$ref" in part:
        return _resolved(types[part["$ref"].rpartition("/")[2]], types)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in part:
            return _resolved(part[word][0], types)
    return part


def _object(schema: Mapping[str, Any], types: Mapping[str, Any], *, full: bool) -> dict[str, Any]:
    wanted = schema.get("properties", {}) if full else schema.get("required", ())
    return {name: _value(name, schema["properties"][name], types, full=full) for name in wanted}


def _value(name: str, part: Mapping[str, Any], types: Mapping[str, Any], *, full: bool) -> Any:
    if name in CONTRADICTIONS:
        return CONTRADICTIONS[name]
    schema = _resolved(part, types)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [""])[0])
    match schema.get("type"):
        case "object" if "properties" in schema:
            return _object(schema, types, full=full)
        case "object":
            return _mapping(schema, types, full=full)
        case "array":
            return _items(schema, types, full=full)
        case "boolean":
            return True
        case "integer" | "number":
            return max(schema.get("minimum", 1), 1)
        case _:
            return _text(schema)


def _mapping(schema: Mapping[str, Any], types: Mapping[str, Any], *, full: bool) -> dict[str, Any]:
    """Return a mapping with one key."""
    patterns = schema.get("patternProperties") or {"^example$": schema.get("additionalProperties") or {}}
    ((pattern, part),) = patterns.items()
    key = _text(schema.get("propertyNames") or {"pattern": pattern})
    return {key: _value("", part, types, full=full)}


def _items(schema: Mapping[str, Any], types: Mapping[str, Any], *, full: bool) -> list[Any]:
    if "prefixItems" in schema:
        return [_value("", item, types, full=full) for item in schema["prefixItems"]]
    item = schema.get("items", {})
    return list(_enumerated(item, types)) or [_value("", item, types, full=full)]


def _text(schema: Mapping[str, Any]) -> str:
    match schema.get("format"):
        case "date":
            return AT.date().isoformat()
        case "date-time":
            return (AT + timedelta(hours=1)).isoformat()
        case "base64":
            return "YQ=="
        case _:
            return next(text for text in SAMPLES if re.search(schema.get("pattern", ""), text))
