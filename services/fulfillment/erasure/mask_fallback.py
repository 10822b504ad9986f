"""
A mask that the store accepts, where it refused the mask of the data map. Pure.

A collection's validation may forbid a null, or a unique index a second one. The fallback stays close to the
map: the field is removed if it is optional, or gets an empty value of its type, or a keyed hash.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from services.fulfillment.datamap.model import Masking
from services.fulfillment.erasure.masks import NOWHERE, keyed, masked
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.stores.rules import Rules
from shared.runtime.mongo import Binary, Decimal128, Int64, ObjectId

HASH = Masking("hash")
EMAIL = Masking("email")
COMBINED = frozenset({"allOf", "anyOf", "oneOf", "not", "dependencies", "patternProperties"})
"""Schema combinators; they are not evaluated."""
LEAST_OF_ADDRESS = len(NOWHERE) + 4
"""Shortest masked address that is safely unique."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MaskFit:
    """The new state of a value: another value, or the field is removed."""

    value: Any = None
    removed: bool = False


def fitting_mask(value: Any, path: str, masking: Masking, rules: Rules, secret: bytes) -> MaskFit:
    """Return the mask of *value* at *path* that *rules* accept and that is closest to *masking*."""
    planned = MaskFit(masked(value, masking, secret), removed=masking.strategy == "delete")
    schema, required = _found(rules.schema or {}, path)
    unique = path in rules.unique
    if _opaque(rules, path) and not unique:
        # Irreversible ones: the most similar to the value has the best chance.
        return next(_alike(value, secret, schema), planned)
    if unique:
        candidates = _alike(value, secret, schema)
    else:
        candidates = _candidates(value, planned, schema, secret, optional=not required)
    return next((fit for fit in candidates if fit.removed or _accepted(fit.value, value, schema)), planned)


def _candidates(
    value: Any, planned: MaskFit, schema: Mapping[str, Any], secret: bytes, *, optional: bool
) -> Iterator[MaskFit]:
    if optional or not planned.removed:
        yield planned
    yield MaskFit(None)
    if optional:
        yield MaskFit(removed=True)
    yield from map(MaskFit, _empty(schema))
    yield from _alike(value, secret, schema)


def _alike(value: Any, secret: bytes, schema: Mapping[str, Any]) -> Iterator[MaskFit]:
    """Yield masks of the type of *value* that are unique."""
    if isinstance(value, str) and "@" in value:
        mask = masked(value, EMAIL, secret)
        most = schema.get("maxLength", len(mask))
        yield MaskFit(mask if most < LEAST_OF_ADDRESS else mask[-most:])
    mask = keyed(value, HASH, secret)
    if isinstance(mask, str):
        mask = mask[: schema.get("maxLength", len(mask))]
        yield MaskFit(mask)
        # A pattern may demand digits alone, of the same number.
        yield MaskFit("".join(str(ord(c) % 10) for c in mask)[: len(str(value))])
    elif mask is not None:
        small = isinstance(value, int) and not isinstance(value, Int64)
        yield MaskFit(int(mask) % (1 << 31) if small else mask)


def _empty(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Yield empty values, by type."""
    yield from schema.get("enum", ())
    yield ""
    yield "x" * int(schema.get("minLength", 0))
    least = schema.get("minimum", 0)
    yield from (int(least), Int64(least), float(least), Decimal128(Decimal(str(least))))
    yield from (EPOCH, False, True, [], {})


def _accepted(mask: Any, value: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether *mask* hides *value* and fulfils *schema*."""
    return (value is None or key_of(mask) != key_of(value)) and conforms(mask, schema)


def conforms(value: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether *schema* accepts *value*, by types, lengths, bounds and patterns."""
    wanted = schema.get("bsonType", schema.get("type"))
    types = {wanted} if isinstance(wanted, str) else set(wanted or ())
    if types and types.isdisjoint(_types(value)):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    match value:
        case str():
            return _is_in(len(value), schema, "minLength", "maxLength") and _matches(value, schema)
        case list():
            return _is_in(len(value), schema, "minItems", "maxItems")
        case int() | float():
            return _is_in(value, schema, "minimum", "maximum")
        case _:
            return True


def _matches(text: str, schema: Mapping[str, Any]) -> bool:
    try:
        return re.search(schema.get("pattern", ""), text) is not None
    except re.error:  # written for another regular expression engine
        return True


def _is_in(size: float, schema: Mapping[str, Any], low: str, high: str) -> bool:
    return bool(schema.get(low, size) <= size <= schema.get(high, size))


def _types(value: Any) -> set[str]:
    """Return the names of the type of *value* in a schema."""
    for kind, names in _NAMES:
        if isinstance(value, kind):
            return names
    return set()


_NAMES: tuple[tuple[type, set[str]], ...] = (
    (type(None), {"null"}),
    (bool, {"bool", "boolean"}),
    (Int64, {"long", "number"}),
    (int, {"int", "number"}),
    (float, {"double", "number"}),
    (Decimal128, {"decimal", "number"}),
    (str, {"string"}),
    (datetime, {"date"}),
    (ObjectId, {"objectId"}),
    (Binary, {"binData"}),
    (bytes, {"binData"}),
    (list, {"array"}),
    (Mapping, {"object"}),
)


def _opaque(rules: Rules, path: str) -> bool:
    """Return whether *rules* may restrict the field at *path* beyond the plain part of the schema."""
    if rules.more_than_schema:
        return True
    return any(not COMBINED.isdisjoint(schema) for schema in _on_the_way(rules.schema or {}, path))


def _found(schema: Mapping[str, Any], path: str) -> tuple[Mapping[str, Any], bool]:
    """Return the schema of the field at *path*, through arrays, and whether it is required."""
    *_, around, found = _on_the_way(schema, path)
    return found, path.rpartition(".")[2] in around.get("required", ())


def _on_the_way(schema: Mapping[str, Any], path: str) -> Iterator[Mapping[str, Any]]:
    """Yield the schemas of the document, of the objects around the field at *path*, and of the field."""
    for name in path.split("."):
        around = schema.get("items", schema) if "properties" not in schema else schema
        yield around
        schema = around.get("properties", {}).get(name, {})
    yield schema
