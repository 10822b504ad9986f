"""
The forms in which a value is stored: a number as text, an object id as its hexadecimal digits. Pure.

The two ends of a reference often differ in type, and stored data from the map. So every form that means the
same value is looked up, and the forms of the declared type as well.
"""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from shared.runtime.mongo import Binary, Decimal128, ObjectId

MOST_BITS = 63
PLAIN, OLD_UUID, UUID_SUBTYPE = 0, 3, 4
UUID_BYTES = 16
LEAST_OF_UUID, MOST_OF_UUID = 32, 45
"""Characters of a written UUID; ``urn:uuid:`` may stand before it."""
OBJECT_ID_DIGITS = 24
NUMBERS = frozenset({"integer", "long", "float", "double", "number", "decimal"})
"""Types that a map may declare for a stored number."""
LONGEST_DECIMAL = 34
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]*")
_WHOLE = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)
_FRACTION = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]*[1-9]", re.ASCII)
"""Numbers as they are written: with leading zeros, or zeros after a fraction, a text may be another value."""


def forms(value: Any, kind: str | None) -> Iterator[Any]:
    """
    Yield *value* as it is, and in every form in which a field of type *kind* may store it.

    A declared type (None: none, ``[]`` included) may add a form and never rules one out: a field may hold
    other types as well.
    """
    yield value
    declared = (kind or "").removesuffix("[]")
    for text in _read(value):
        if declared == "decimal":
            with suppress(InvalidOperation):
                yield Decimal128(Decimal(text))
        if declared == "binary" and len(text) % 2 == 0 and _HEXADECIMAL.fullmatch(text):
            yield bytes.fromhex(text)
        yield from _texts(text)
        yield from _number(text)
        if _is_object_id(text):
            yield ObjectId(text)
        if (uuid := _parsed(text)) is not None:
            # As drivers store it: in today's order of bytes, and in those of old drivers.
            yield from (Binary(uuid.bytes, UUID_SUBTYPE), uuid.bytes)
            yield from (Binary(order, OLD_UUID) for order in (uuid.bytes, _java(uuid.bytes), uuid.bytes_le))


def _is_object_id(text: str) -> bool:
    return len(text) == OBJECT_ID_DIGITS and ObjectId.is_valid(text)


def text_of(value: Any) -> str | None:
    """Return *value* as text; None for values that are not written as one word."""
    match value:
        case str():
            return value
        case bool():
            return None
        case int() | ObjectId():
            return str(value)
        case float() if value.is_integer():
            return str(int(value))
        case Decimal128() if _short(number := value.to_decimal()) and number == number.to_integral_value():
            return str(int(number))
        case bytes() if _may_be_uuid(value):
            return str(UUID(bytes=bytes(value)))
        case _:
            return None


def _read(value: Any) -> Iterator[str]:
    """Yield *value* as texts: the bytes of an old UUID are read in each of their orders."""
    text = text_of(value)
    if text is None:
        text = _fraction(value)
    if text is not None:
        yield text
    if isinstance(value, Binary) and value.subtype == OLD_UUID and _may_be_uuid(value):
        yield from (str(UUID(bytes=_java(value))), str(UUID(bytes_le=bytes(value))))


def _fraction(value: Any) -> str | None:
    """Return the number *value*, which is not whole, as it is written."""
    text = repr(value) if isinstance(value, float) else ""
    if isinstance(value, Decimal128) and _short(number := value.to_decimal()):
        text = format(number.normalize(), "f")
    return text if _FRACTION.fullmatch(text) else None


def _short(value: Decimal) -> bool:
    return value.is_finite() and abs(value.adjusted()) < LONGEST_DECIMAL


def _may_be_uuid(value: bytes) -> bool:
    """Return whether *value* has a UUID's length and is not declared to be something else."""
    subtype = value.subtype if isinstance(value, Binary) else PLAIN
    return len(value) == UUID_BYTES and subtype in (PLAIN, OLD_UUID, UUID_SUBTYPE)


def _java(order: bytes) -> bytes:
    """Return the bytes of a UUID in the order of old Java drivers, or out of it."""
    return bytes(order[7::-1] + order[:7:-1])


def _texts(text: str) -> Iterator[str]:
    """Yield the notations of *text*: accents composed and apart, hexadecimal digits large and small."""
    if text.isascii():
        yield text
    else:
        yield from (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    if _is_object_id(text):
        yield from (text.lower(), text.upper())
    elif (uuid := _parsed(text)) is not None:
        yield from (str(uuid), str(uuid).upper(), uuid.hex, uuid.hex.upper())


def _number(text: str) -> Iterator[Any]:
    """Yield the number that is written as *text* and in no other way."""
    whole = _WHOLE.fullmatch(text)
    if not (whole or _FRACTION.fullmatch(text)):
        return
    if sum(map(str.isdigit, text[: LONGEST_DECIMAL + 3])) > LONGEST_DECIMAL:
        return
    if whole:
        number = int(text)
        yield number if number.bit_length() <= MOST_BITS else Decimal128(text)
    else:
        yield Decimal128(text)
        if repr(float(text)) == text:
            yield float(text)


def _parsed(text: str) -> UUID | None:
    if not LEAST_OF_UUID <= len(text) <= MOST_OF_UUID:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None
