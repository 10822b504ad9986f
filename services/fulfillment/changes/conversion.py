"""Converts a person's text into a value of the corrected field's type. Pure."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.runtime.mongo import Decimal128, Int64

YES, NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
MOST_BITS = 63


def converted(text: str, stored: Any, declared: str | None) -> Any:
    """
    Return *text* as a value of the type of *stored*; without a stored value, of the type *declared*.

    A list takes one element from each line.

    Raises:
        ValueError: It is no such value, or the type has no written form.
    """
    kind = (declared or "").removesuffix("[]")
    if isinstance(stored, list) or (stored is None and (declared or "").endswith("[]")):
        sample = next(iter(stored or ()), None)
        return [_single(line.strip(), sample, kind) for line in text.splitlines() if line.strip()]
    return _single(text.strip(), stored, kind)


def _single(text: str, stored: Any, kind: str) -> Any:
    match stored:
        case None:
            return _declared(text, kind)
        case bool():
            return _declared(text, "boolean")
        case Int64():
            return _declared(text, "long")
        case int():
            return _declared(text, "integer")
        case float():
            return _declared(text, "double")
        case Decimal128():
            return _declared(text, "decimal")
        case datetime():
            return _declared(text, "datetime")
        case str():
            return text
        case _:
            raise ValueError("a value of this type cannot be written down")


def _declared(text: str, kind: str) -> Any:
    match kind:
        case "" | "string":
            return text
        case "boolean":
            return _truth(text)
        case "integer" | "number":
            return int(_long(text))
        case "long":
            return _long(text)
        case "float" | "double":
            return float(text)
        case "decimal":
            return _decimal(text)
        case "datetime" | "date":
            return _moment(text)
        case _:
            raise ValueError("a value of this type cannot be written down")


def _truth(text: str) -> bool:
    if text.casefold() not in YES | NO:
        raise ValueError("neither true nor false")
    return text.casefold() in YES


def _long(text: str) -> Int64:
    number = int(text)
    if number.bit_length() > MOST_BITS:
        raise ValueError("a number too large to store")
    return Int64(number)


def _decimal(text: str) -> Decimal128:
    try:
        return Decimal128(Decimal(text))
    except InvalidOperation:
        raise ValueError("no decimal number") from None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
