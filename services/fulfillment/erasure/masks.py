"""
Masks: values that replace erased ones so that the original cannot be read from them, for all types. Pure.

A mask keeps the type where a reader may depend on it. Hashes are keyed with a secret that is destroyed with
the case: an unkeyed hash of an address or a number is reversed by trying them all. Equal values get equal
masks within one plan, so that both ends of a masked reference still agree.

A store may refuse a mask: its validation may forbid a null, or a unique index a second one. Then the field
is removed if it is optional, or gets an empty value of its type, or a keyed hash.
"""

import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256, sha512
from typing import Any

from services.fulfillment.datamap.model import Masking
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.stores.rules import Rules
from shared.runtime.mongo import Binary, Decimal128, Int64, ObjectId, json_util

NULL = Masking("null_rewrite")
UNSET = "delete"
PRESERVE = "preserve"
NOWHERE = "@erased.invalid"
"""Domain of masked addresses; mail to it goes nowhere (RFC 2606)."""
_POSITIVE = (1 << 63) - 1
_LENGTH = 30
_KEPT = 1
"""Characters that a truncation keeps if the map states no number."""
_CUT = "…"
_YEAR = re.compile(r"[0-9]{4}")
_DATE = re.compile(r"([0-9]{4})-[0-9]{2}-[0-9]{2}.*", re.DOTALL)
_ADDRESS_MASK = re.compile(rf"[0-9a-f]{{20}}{re.escape(NOWHERE)}")
_DIGIT = re.compile(r"\d")
_NO_NUMBER = re.compile(r"[^\d+()/. -]")
_NUMBER_MASK = re.compile(r"[+()/. -]*0[0+()/. -]*")


def constant(masking: Masking) -> bool:
    """Return whether *masking* gives every value the same mask."""
    return masking.strategy in ("null_rewrite", "string_rewrite", UNSET)


def masked(value: Any, masking: Masking, secret: bytes) -> Any:
    """
    Return the mask of *value*; never the value itself nor anything that contains it.

    A value that is such a mask already stays as it is. A truncation and a year keep the part of the value
    that the map states.
    """
    if isinstance(value, list):
        return [] if constant(masking) else _distinct([masked(item, masking, secret) for item in value])
    if _is_mask(value, masking):
        return value
    mask = _mask(value, masking, secret)
    return None if mask is not None and _shows(mask, value, masking) else mask


def _mask(value: Any, masking: Masking, secret: bytes) -> Any:
    match masking.strategy:
        case "string_rewrite":
            text = str(masking.configuration.get("rewrite_value", "MASKED"))
            return _suffixed(text, masking) if isinstance(value, str) else None
        case "random_string_rewrite":
            length = _number(masking.configuration.get("length"), _LENGTH)
            return (
                _suffixed(_digest(value, b"random" + secret)[:length], masking)
                if isinstance(value, str)
                else None
            )
        case "hash" | "hmac":
            return keyed(value, masking, secret)
        case "email":
            return f"{_digest(value, secret)[:20]}{NOWHERE}" if isinstance(value, str) else None
        case "phone":
            return _phone(value)
        case "truncate":
            return _truncated(value, masking)
        case "year":
            return _year(value)
        case _:
            return None


def keyed(value: Any, masking: Masking, secret: bytes) -> Any:
    """Return a keyed hash of *value* in its own type; null for types without room for one."""
    algorithm = sha512 if "512" in str(masking.configuration.get("algorithm", "")) else sha256
    digest = hmac.new(secret, _bytes(value), algorithm).digest()
    match value:
        case str():
            return _suffixed(digest.hex(), masking)
        case bool():
            return None
        case int():
            return Int64(int.from_bytes(digest[:8], "big") & _POSITIVE)
        case ObjectId():
            return ObjectId(digest[:12])
        case Binary():
            return Binary(digest[:16], value.subtype)
        case bytes():
            return digest
        case _:
            return None


def _is_mask(value: Any, masking: Masking) -> bool:
    """Return whether *value* is a mask of *masking* already: masking it again would lose the kept part."""
    match masking.strategy, value:
        case "email", str():
            return _ADDRESS_MASK.fullmatch(value) is not None
        case "phone", str():
            return _NUMBER_MASK.fullmatch(value) is not None
        case "truncate", str():
            return len(value) == _kept(masking) + len(_CUT) and value.endswith(_CUT)
        case "year", str():
            return _YEAR.fullmatch(value) is not None
        case "year", datetime():
            return bool(value == _year(value))
        case _:
            return False


def _phone(value: Any) -> Any:
    """Return an unassigned number with as many digits."""
    if isinstance(value, str):
        return _DIGIT.sub("0", _NO_NUMBER.sub("", value)) if _DIGIT.search(value) else None
    return 0 if isinstance(value, int) and not isinstance(value, bool) else None


def _truncated(value: Any, masking: Masking) -> Any:
    """Return the beginning of a text; a text that is not longer would be shown in full."""
    if not isinstance(value, str) or len(value) <= _kept(masking):
        return None
    return value[: _kept(masking)] + _CUT


def _kept(masking: Masking) -> int:
    return _number(masking.configuration.get("length"), _KEPT)


def _year(value: Any) -> Any:
    """Return January 1 of a date's year; of a date as text (ISO 8601), the year."""
    if isinstance(value, datetime):
        return value.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    written = _DATE.fullmatch(value) if isinstance(value, str) else None
    return written[1] if written else None


def _suffixed(text: str, masking: Masking) -> str:
    """Return *text* with the suffix of Fides' ``format_preservation``."""
    format_preservation = masking.configuration.get("format_preservation")
    suffix = format_preservation.get("suffix") if isinstance(format_preservation, Mapping) else None
    return f"{text}{suffix or ''}"


def _digest(value: Any, secret: bytes) -> str:
    return hmac.new(secret, _bytes(value), sha256).hexdigest()


def _bytes(value: Any) -> bytes:
    return json_util.dumps(value, json_options=json_util.CANONICAL_JSON_OPTIONS).encode()


def _number(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and value > 0 else otherwise


def _shows(mask: Any, value: Any, masking: Masking) -> bool:
    """
    Return whether *mask* shows *value*.

    A configured text may happen to contain it. In a digest, that says nothing: every fourth one contains any
    given pair of hexadecimal digits.
    """
    written = masking.strategy == "string_rewrite" and isinstance(value, str) and value != ""
    return key_of(mask) == key_of(value) or (written and value.casefold() in mask.casefold())


def _distinct(masks: Sequence[Any]) -> list[Any]:
    """Return *masks* without nulls that replace no value."""
    return [mask for mask in masks if mask is not None]


KEYED = Masking("hash")
ADDRESS = Masking("email")
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
        mask = masked(value, ADDRESS, secret)
        most = schema.get("maxLength", len(mask))
        yield MaskFit(mask if most < LEAST_OF_ADDRESS else mask[-most:])
    mask = keyed(value, KEYED, secret)
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
