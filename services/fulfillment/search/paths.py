"""Follows dotted paths through documents, arrays included, and compares values as MongoDB does."""

import unicodedata
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import product
from typing import Any

from services.fulfillment.datamap.graph import PHONE
from services.fulfillment.search.phones import canonical
from shared.mongo import Binary, Decimal128, ObjectId, json_util


def values_at(value: Any, path: str) -> Iterator[Any]:
    """Yield every single value at *path* below *value*; an array stands for each of its elements."""
    if isinstance(value, list):
        for item in value:
            yield from values_at(item, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping):
        head, _, rest = path.partition(".")
        if head in value:
            yield from values_at(value[head], rest)


def tuples_at(value: Any, paths: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the values at *paths* below *value* that stand together: those of one element, not of two."""
    if len(paths) == 1:
        yield from ((found,) for found in values_at(value, paths[0]))
    elif isinstance(value, list):
        for item in value:
            yield from tuples_at(item, paths)
    else:
        heads, rests = zip(*(path.partition(".")[::2] for path in paths), strict=True)
        if len(set(heads)) > 1 or not all(rests):
            yield from product(*(values_at(value, path) for path in paths))
        elif isinstance(value, Mapping):
            yield from tuples_at(value.get(heads[0]), rests)


def raw_at(document: Mapping[str, Any], path: str) -> Any:
    """Return what stands at *path*, going through objects only; ``None`` where nothing does."""
    value: Any = document
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def refers(value: Any) -> bool:
    """
    Tell whether *value* can refer to anything.

    Null, the empty text, truth values and not-a-number cannot; nor can a pattern, which a query would not
    compare but apply.
    """
    if isinstance(value, str | bytes):
        return len(value) > 0
    if isinstance(value, bool):
        return False
    if isinstance(value, Mapping):
        return len(value) > 0 and not any(name.startswith("$") for name in value)
    if isinstance(value, float | Decimal128):
        return str(value).lower().lstrip("-s") != "nan"
    return isinstance(value, int | ObjectId | datetime)


def folded(text: str) -> str:
    """Return *text* as it compares when case does not count."""
    return unicodedata.normalize("NFC", text).casefold()


def untagged(address: str) -> str:
    """Return *address* without the part after a plus sign, by which people sort their mail (RFC 5233)."""
    local, at, domain = address.rpartition("@")
    return f"{local.partition('+')[0] or local}{at}{domain}"


def key_of(value: Any, *, caseless: bool = False, tagged: bool = False, phone: bool = False) -> Hashable:
    """
    Return what two values have in common exactly when a query for one finds the other.

    Args:
        value: As it is stored.
        caseless: Whether it is an address: upper and lower case are one, and blanks around it are none.
        tagged: Whether it is the same with and without a part after a plus sign.
        phone: Whether it is a telephone number, which is one in any notation.
    """
    if phone and (dialled := canonical(value)) is not None:
        return (PHONE, dialled)
    match value:
        case str() if caseless:
            return folded(untagged(value.strip()) if tagged else value.strip())
        case str():
            return value
        case bool() | ObjectId() | datetime():
            return (type(value).__name__, value)
        case int() | float():
            return ("number", value)
        case Decimal128():
            return ("number", _number(value.to_decimal()))
        case bytes():
            return ("binary", value.subtype if isinstance(value, Binary) else 0, bytes(value))
        case _:
            return (
                type(value).__name__,
                json_util.dumps(value, json_options=json_util.CANONICAL_JSON_OPTIONS),
            )


def _number(value: Decimal) -> Decimal | float:
    # A signalling not-a-number cannot be hashed.
    return float("nan") if value.is_nan() else value


def places(value: Any, path: str, above: str = "") -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield what stands at *path*, each with the arrays on the way; an array at its end is one value."""
    if not path:
        yield (), value
    elif isinstance(value, list):
        for item in value:
            yield from (((above, *arrays), found) for arrays, found in _places_in(item, path, above))
    else:
        yield from _places_in(value, path, above)


def _places_in(value: Any, path: str, above: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        head, _, rest = path.partition(".")
        if head in value:
            yield from places(value[head], rest, f"{above}.{head}" if above else head)
