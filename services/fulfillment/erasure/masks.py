"""
Masks: values that replace erased ones so that the original cannot be read from them, for all types.

A mask keeps the type where a reader may depend on it. Hashes are keyed with a secret that is destroyed with
the
case: an unkeyed hash of an address or a number is reversed by trying them all. Equal values get equal masks
within one plan, so that both ends of a masked reference still agree.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256, sha512
from typing import Any

from services.fulfillment.datamap.model import Masking
from services.fulfillment.search.bson_equality import key_of
from shared.runtime.mongo import Binary, Int64, ObjectId, json_util

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
