"""
The forms in which a value is stored: a number as text, an object id as its hexadecimal digits. Pure.

The two ends of a reference often differ in type, and stored data from the map. So every form that means the
same value is looked up, and the forms of the declared type as well.
"""

import re
import unicodedata
from collections.abc import Iterator
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
"""Most digits of a decimal in a database."""
_WHOLE = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)
_FRACTION = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]*[1-9]", re.ASCII)
"""Numbers as they are written: with leading zeros, or zeros after a fraction, a text may be another value."""


def forms(value: Any, kind: str | None) -> Iterator[Any]:
    """
    Yield *value* as it is, and in every form in which a field of type *kind* may store it.

    A declared type may add a form and never rules one out: a field may hold other types as well.

    Args:
        value: As it was found, or typed.
        kind: The declared type, ``[]`` included; None where the map declares none.
    """
    yield value
    declared = (kind or "").removesuffix("[]")
    for text in _read(value):
        if declared == "decimal":
            yield from _decimal(text)
        if declared == "binary":
            yield from _bytes(text)
        yield from _every_form(text)


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
        case Decimal128() if _whole(value.to_decimal()):
            return str(int(value.to_decimal()))
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
    match value:
        case float():
            text = repr(value)
        case Decimal128():
            text = format(value.to_decimal().normalize(), "f") if _short(value.to_decimal()) else ""
        case _:
            return None
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


def _whole(value: Decimal) -> bool:
    return _short(value) and value == value.to_integral_value()


def _every_form(text: str) -> Iterator[Any]:
    yield from _texts(text)
    yield from _number(text)
    yield from _object_id(text)
    yield from _uuid(text)


def _texts(text: str) -> Iterator[str]:
    """Yield the notations of *text*: accents composed and apart, hexadecimal digits large and small."""
    if text.isascii():
        yield text
    else:
        yield from (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    if len(text) == OBJECT_ID_DIGITS and ObjectId.is_valid(text):
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


def _decimal(text: str) -> Iterator[Decimal128]:
    try:
        yield Decimal128(Decimal(text))
    except InvalidOperation:
        return


def _object_id(text: str) -> Iterator[ObjectId]:
    if len(text) == OBJECT_ID_DIGITS and ObjectId.is_valid(text):
        yield ObjectId(text)


def _parsed(text: str) -> UUID | None:
    if not LEAST_OF_UUID <= len(text) <= MOST_OF_UUID:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None


def _uuid(text: str) -> Iterator[bytes]:
    """Yield the identifier as drivers store it: in today's order of bytes, and in those of old drivers."""
    uuid = _parsed(text)
    if uuid is not None:
        yield Binary(uuid.bytes, UUID_SUBTYPE)
        yield uuid.bytes
        yield from (Binary(order, OLD_UUID) for order in (uuid.bytes, _java(uuid.bytes), uuid.bytes_le))


def _bytes(text: str) -> Iterator[bytes]:
    if len(text) % 2 == 0 and all(digit in "0123456789abcdefABCDEF" for digit in text):
        yield bytes.fromhex(text)
