"""
The forms in which one value is stored: a number as text, an object id as its hexadecimal digits. Pure.

Two ends of a reference seldom agree on a type. The map says which type a field has; where it says nothing,
every form is looked for that means the value and nothing else.
"""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from shared.mongo import Binary, Decimal128, ObjectId

MOST_BITS = 63
MOST_DIGITS = 24
PLAIN, OLD_UUID, UUID_SUBTYPE = 0, 3, 4
UUID_BYTES = 16
OBJECT_ID_DIGITS = 24
NUMBERS = frozenset({"integer", "long", "float", "double", "number"})
_WITHOUT_FRACTION = re.compile(r"(?<=[0-9])\.0+$", re.ASCII)
"""What a text has too much where a number is declared; elsewhere, ``4.0`` may be a version."""


def forms(value: Any, kind: str | None) -> Iterator[Any]:
    """
    Yield *value* as it is, and in the forms that a field of type *kind* stores it in.

    Args:
        value: As it was found, or as somebody typed it.
        kind: As declared, ``[]`` included; none where the map says nothing.
    """
    yield value
    for text in _read(value):
        yield from _forms(text, (kind or "").removesuffix("[]"))


def _forms(text: str, kind: str) -> Iterator[Any]:
    match kind:
        case "":
            yield from _every_form(text)
        case "string":
            yield from _texts(text)
        case kind if kind in NUMBERS:
            yield from _integer(_WITHOUT_FRACTION.sub("", text))
        case "decimal":
            yield from _decimal(text)
        case "object_id":
            yield from _object_id(text)
        case "uuid":
            yield from _uuid(text)
        case "binary":
            yield from _uuid(text)
            yield from _bytes(text)
        case _:
            return


def text_of(value: Any) -> str | None:
    """Return the text that means *value*; none for values that are not written down as one word."""
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
    """Yield the texts that mean *value*: the bytes of an old UUID are read in any order of theirs."""
    text = text_of(value)
    if text is not None:
        yield text
    if isinstance(value, Binary) and value.subtype == OLD_UUID and _may_be_uuid(value):
        yield from (str(UUID(bytes=_java(value))), str(UUID(bytes_le=bytes(value))))


def _may_be_uuid(value: bytes) -> bool:
    """Tell whether *value* has a UUID's length and is not declared to be something else."""
    subtype = value.subtype if isinstance(value, Binary) else PLAIN
    return len(value) == UUID_BYTES and subtype in (PLAIN, OLD_UUID, UUID_SUBTYPE)


def _java(order: bytes) -> bytes:
    """Return the bytes of a UUID in the order of old Java drivers, or out of it."""
    return bytes(order[7::-1] + order[:7:-1])


def _whole(value: Decimal) -> bool:
    return value.is_finite() and value == value.to_integral_value() and abs(value) < 1 << MOST_BITS


def _every_form(text: str) -> Iterator[Any]:
    yield from _texts(text)
    if text == "0" or not text.removeprefix("-").startswith(("0", "+")):
        yield from _integer(text)
    yield from _object_id(text)
    yield from _uuid(text)


def _texts(text: str) -> Iterator[str]:
    """Yield the ways to write *text*: accents composed and apart, hexadecimal digits large and small."""
    yield from (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    if ObjectId.is_valid(text) and len(text) == OBJECT_ID_DIGITS:
        yield from (text.lower(), text.upper())
    elif (uuid := _parsed(text)) is not None:
        yield from (str(uuid), str(uuid).upper(), uuid.hex, uuid.hex.upper())


def _integer(text: str) -> Iterator[int]:
    digits = text.removeprefix("+").removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS:
        number = int(text)
        if number.bit_length() <= MOST_BITS:
            yield number


def _decimal(text: str) -> Iterator[Decimal128]:
    try:
        yield Decimal128(Decimal(text))
    except InvalidOperation:
        return


def _object_id(text: str) -> Iterator[ObjectId]:
    if len(text) == OBJECT_ID_DIGITS and ObjectId.is_valid(text):
        yield ObjectId(text)


def _parsed(text: str) -> UUID | None:
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
