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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256, sha512
from itertools import chain
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
        masks = [] if constant(masking) else [masked(item, masking, secret) for item in value]
        return [mask for mask in masks if mask is not None]  # a null replaces no value
    if _is_mask(value, masking):
        return value
    mask = _mask(value, masking, secret)
    if mask is None or key_of(mask) == key_of(value):
        return None
    # A configured text may happen to contain the value. In a digest, that says nothing: every fourth one
    # contains any given pair of hexadecimal digits.
    shown = masking.strategy == "string_rewrite" and value != "" and value.casefold() in mask.casefold()
    return None if shown else mask


def _is_mask(value: Any, masking: Masking) -> bool:
    """Return whether *value* is a mask of *masking* already: masking it again would lose the kept part."""
    match masking.strategy, value:
        case "email", str():
            return _ADDRESS_MASK.fullmatch(value) is not None
        case "phone", str():
            return _NUMBER_MASK.fullmatch(value) is not None
        case "truncate", str():
            return len(value) == _length(masking, _KEPT) + len(_CUT) and value.endswith(_CUT)
        case "year", str():
            return _YEAR.fullmatch(value) is not None
        case "year", datetime():
            return value == _first_of_year(value)
        case _:
            return False


def _mask(value: Any, masking: Masking, secret: bytes) -> Any:
    match masking.strategy, value:
        case (("hash" | "hmac"), _):
            return keyed(value, masking, secret)
        case "string_rewrite", str():
            return _suffixed(str(masking.configuration.get("rewrite_value", "MASKED")), masking)
        case "random_string_rewrite", str():
            digest = hmac.new(b"random" + secret, _bytes(value), sha256).hexdigest()
            return _suffixed(digest[: _length(masking, _LENGTH)], masking)
        case "email", str():
            return f"{hmac.new(secret, _bytes(value), sha256).hexdigest()[:20]}{NOWHERE}"
        case "phone", str() if _DIGIT.search(value):  # an unassigned number with as many digits
            return _DIGIT.sub("0", _NO_NUMBER.sub("", value))
        case "phone", int() if not isinstance(value, bool):
            return 0
        case "truncate", str() if len(value) > (kept := _length(masking, _KEPT)):
            return value[:kept] + _CUT  # a text that is not longer would be shown in full
        case "year", datetime():
            return _first_of_year(value)
        case "year", str() if written := _DATE.fullmatch(value):
            return written[1]
        case _:
            return None


def _first_of_year(moment: datetime) -> datetime:
    return moment.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)


def _length(masking: Masking, otherwise: int) -> int:
    length = masking.configuration.get("length")
    return length if isinstance(length, int) and length > 0 else otherwise


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


def _suffixed(text: str, masking: Masking) -> str:
    """Return *text* with the suffix of Fides' ``format_preservation``."""
    format_preservation = masking.configuration.get("format_preservation")
    suffix = format_preservation.get("suffix") if isinstance(format_preservation, Mapping) else None
    return f"{text}{suffix or ''}"


def _bytes(value: Any) -> bytes:
    return json_util.dumps(value, json_options=json_util.CANONICAL_JSON_OPTIONS).encode()


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
    *above, around, schema = _on_the_way(rules.schema or {}, path)
    unique = path in rules.unique
    combined = any(not COMBINED.isdisjoint(one) for one in (*above, around, schema))
    if (rules.more_than_schema or combined) and not unique:
        # Irreversible ones: the most similar to the value has the best chance.
        return next(_alike(value, secret, schema), planned)
    optional = path.rpartition(".")[2] not in around.get("required", ())
    alike = _alike(value, secret, schema)
    for fit in alike if unique else chain(_candidates(planned, schema, optional=optional), alike):
        shows = value is not None and key_of(fit.value) == key_of(value)
        if fit.removed or (not shows and conforms(fit.value, schema)):
            return fit
    return planned


def _candidates(planned: MaskFit, schema: Mapping[str, Any], *, optional: bool) -> Iterator[MaskFit]:
    if optional or not planned.removed:
        yield planned
    yield MaskFit(None)
    if optional:
        yield MaskFit(removed=True)
    yield from map(MaskFit, _empty(schema))


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


def conforms(value: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether *schema* accepts *value*, by types, lengths, bounds and patterns."""
    wanted = schema.get("bsonType", schema.get("type"))
    types = {wanted} if isinstance(wanted, str) else set(wanted or ())
    if types and types.isdisjoint(next((names for kind, names in _NAMES if isinstance(value, kind)), ())):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    match value:
        case str():
            if not _is_in(len(value), schema, "minLength", "maxLength"):
                return False
            try:
                return re.search(schema.get("pattern", ""), value) is not None
            except re.error:  # written for another regular expression engine
                return True
        case list():
            return _is_in(len(value), schema, "minItems", "maxItems")
        case int() | float():
            return _is_in(value, schema, "minimum", "maximum")
        case _:
            return True


def _is_in(size: float, schema: Mapping[str, Any], low: str, high: str) -> bool:
    return bool(schema.get(low, size) <= size <= schema.get(high, size))


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


def _on_the_way(schema: Mapping[str, Any], path: str) -> Iterator[Mapping[str, Any]]:
    """Yield the schemas of the document, of the objects around the field at *path*, and of the field."""
    for name in path.split("."):
        around = schema.get("items", schema) if "properties" not in schema else schema
        yield around
        schema = around.get("properties", {}).get(name, {})
    yield schema
