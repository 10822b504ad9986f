"""Equality of values as in MongoDB. Pure."""

import unicodedata
from collections.abc import Hashable, Mapping
from datetime import datetime
from math import isnan
from typing import Any

from services.fulfillment.datamap.graph import PHONE
from services.fulfillment.search.phones import canonical
from shared.runtime.mongo import Binary, Code, Decimal128, ObjectId, json_util

NUMBER = "number"
AS_IT_IS: Mapping[str, Any] = {"locale": "simple"}
"""A collation that compares texts byte by byte; a collection may have another one of its own."""


def refers(value: Any) -> bool:
    """
    Return whether *value* can refer to a record.

    Null, a text of blanks or nothing, truth values, programs and not-a-number cannot; nor can a pattern,
    which a query would not compare but apply.
    """
    match value:
        case Code() | bool():
            return False
        case str():
            return not (value == "" or value.isspace())
        case bytes():
            return len(value) > 0
        case Mapping():
            return len(value) > 0 and not any(name.startswith("$") for name in value)
        case float() | Decimal128():
            return str(value).lower().lstrip("-s") != "nan"
        case _:
            return isinstance(value, int | ObjectId | datetime)


def folded(text: str) -> str:
    """Return *text* in the form that compares equal when case does not count."""
    # Not ``casefold``: that takes ``ß`` for ``ss``, and so one mailbox for another.
    return unicodedata.normalize("NFC", text).lower()


def untagged(address: str) -> str:
    """Return *address* without the part after a plus sign, by which people sort their mail (RFC 5233)."""
    local, at, domain = address.rpartition("@")
    return f"{local.partition('+')[0] or local}{at}{domain}"


def key_of(value: Any, *, caseless: bool = False, tagged: bool = False, phone: bool = False) -> Hashable:
    """
    Return a key that two values share exactly when a query for one finds the other.

    Args:
        value: The stored value.
        caseless: Whether it is an address: case and blanks around it do not count.
        tagged: Whether it is the same with and without a part after a plus sign.
        phone: Whether it is a telephone number, equal in any notation.
    """
    if phone and (dialled := canonical(value)) is not None:
        return (PHONE, dialled)
    if isinstance(value, str) and not isinstance(value, Code):
        return folded(untagged(value.strip()) if tagged else value.strip()) if caseless else value
    if type(value) is int:  # most keys
        return (NUMBER, value)
    if type(value) is ObjectId:  # most other keys; its bytes compare and hash much faster
        return ("ObjectId", value.binary)
    return _key_of(value)


def _key_of(value: Any) -> Hashable:
    match value:
        case bool() | datetime():
            return (type(value).__name__, value)
        case int() | float():
            return (NUMBER, "nan" if isnan(value) else value)
        case Decimal128():
            # A signalling not-a-number cannot be hashed, and in a database, not-a-number equals itself.
            number = value.to_decimal()
            return (NUMBER, "nan" if number.is_nan() else number)
        case bytes():
            return ("binary", value.subtype if isinstance(value, Binary) else 0, bytes(value))
        case Mapping():
            return ("object", *((name, key_of(member)) for name, member in value.items()))
        case list():
            return ("array", *map(key_of, value))
        case _:
            written = json_util.dumps(value, json_options=json_util.CANONICAL_JSON_OPTIONS)
            return (type(value).__name__, written)
