"""
Values that can name a record, compared across their stored types. Pure.

``42`` here is ``"42"`` there, an ObjectId its hex digits, a UUID its text.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from shared.runtime.mongo import Binary, Decimal128, Int64, ObjectId

NUMBER, OBJECT_ID, UNIQUE, BINARY, TEXT = "number", "object_id", "uuid", "binary", "text"
UUID_BYTES = 16
UUID_SUBTYPES = (3, 4)
LONGEST_TEXT = 80
LONGEST_BINARY = 64
LARGEST = 2**63
_NUMBER = re.compile(r"0|[1-9]\d{0,17}")
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_TOKEN = re.compile(r"[^\s,;]+")
_COUNTER = re.compile(r"(.*?\D)(\d{1,15})")


class Key(NamedTuple):
    """A value in comparable form."""

    family: str
    value: Any


def key_of(value: Any) -> Key | None:
    """Return a key that all spellings of *value* share; ``None`` if it cannot name a record."""
    match value:
        case bool() | None:
            return None
        case int():
            return Key(NUMBER, int(value))
        case float():
            return Key(NUMBER, int(value)) if value.is_integer() and abs(value) < LARGEST else None
        case Decimal128():
            number = value.to_decimal()
            # 12.00 is an amount of money; numbers of records have no decimals.
            whole = number.is_finite() and number.as_tuple().exponent == 0 and abs(number) < LARGEST
            return Key(NUMBER, int(number)) if whole else None
        case ObjectId():
            return Key(OBJECT_ID, str(value))
        case Binary() if value.subtype in UUID_SUBTYPES and len(value) == UUID_BYTES:
            return Key(UNIQUE, bytes(value).hex())
        case bytes():
            return Key(BINARY, bytes(value)) if 0 < len(value) <= LONGEST_BINARY else None
        case str():
            return _text(value)
        case _:
            return None


def _text(value: str) -> Key | None:
    if _NUMBER.fullmatch(value):
        return Key(NUMBER, int(value))
    if _OBJECT_ID.fullmatch(value):
        return Key(OBJECT_ID, value.lower())
    if _UUID.fullmatch(value):
        return Key(UNIQUE, value.replace("-", "").lower())
    return Key(TEXT, value) if len(value) <= LONGEST_TEXT and _TOKEN.fullmatch(value) else None


def spellings(key: Key) -> Iterator[Any]:
    """Yield every value that a field may hold for *key*; MongoDB compares numbers of all types as one."""
    match key.family:
        case "number":
            yield from (Int64(key.value), str(key.value)) if abs(key.value) < LARGEST else (str(key.value),)
        case "object_id":
            yield from (ObjectId(key.value), key.value)
        case "uuid":
            raw = bytes.fromhex(key.value)
            text = str(UUID(bytes=raw))
            yield from (*(Binary(raw, kind) for kind in UUID_SUBTYPES), text, text.upper(), key.value)
        case _:
            yield key.value


def counted(key: Key) -> tuple[str, int] | None:
    """Return *key* as a place in a series, which another series may share by accident: ``A-000017``."""
    if key.family == NUMBER:
        return "", key.value
    if key.family == TEXT and (match := _COUNTER.fullmatch(key.value)) is not None:
        return match[1], int(match[2])
    return None
