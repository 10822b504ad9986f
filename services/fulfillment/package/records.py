"""
Documents as relaxed MongoDB extended JSON, and single values as text.

Types survive: MongoDB's own reader restores the records from the JSON, except for notices.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import orjson

from services.fulfillment.package.redaction import Redacted
from services.fulfillment.package.withheld import WithheldNotice
from shared.runtime.mongo import Binary, Decimal128, Document, ObjectId, json_util, utc

UUID_SUBTYPE = 4
NESTED = (dict, list, tuple)
TEXTUAL = (str, bytes)
NUMERIC = (int, float, Decimal128)
EPOCH = 1970
"""Year; relaxed extended JSON writes times before it as numbers."""
MILLISECOND = 1000
TO_SECONDS = slice(1, len("2026-03-05T13:35:00") + 1)
"""Part of a time in JSON, which stands in quotes."""
FILE_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
QUICK_OPTIONS = (
    orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS
)
OPTIONS = json_util.RELAXED_JSON_OPTIONS.with_options(uuid_representation=UUID_SUBTYPE)


def encoded(text: str) -> bytes:
    """Return *text* as UTF-8; half a surrogate pair, which UTF-8 lacks, as its escape in JSON."""
    return text.encode("utf-8", "backslashreplace")


def as_json(value: Any) -> str:
    """Return *value* as one line of extended JSON."""
    return (_quickly(value) or encoded(_carefully(value))).decode("utf-8")


def _carefully(value: Any) -> str:
    return str(json_util.dumps(value, json_options=OPTIONS, default=_notice, ensure_ascii=False))


def _quickly(value: Any) -> bytes | None:
    """Return *value* as JSON; None if it may contain a number that JSON lacks, or broken text."""
    try:
        written = orjson.dumps(value, default=_extended, option=QUICK_OPTIONS)
    except TypeError:
        return None
    return None if b"null" in written else written


def _extended(value: Any) -> Any:
    """Return a type unknown to orjson in extended JSON."""
    if type(value) is ObjectId:  # nearly all are ids and times
        return {"$oid": str(value)}
    if type(value) is datetime and (at := instant(value)).year >= EPOCH:
        return {"$date": _moment(at) if at.microsecond >= MILLISECOND else f"{_seconds(at)}Z"}
    if isinstance(value, Redacted):
        return str(value)
    return _notice(value) if isinstance(value, WithheldNotice) else json_util.default(value, OPTIONS)


def json_file(documents: Iterable[Document]) -> Iterator[bytes]:
    """Yield a JSON array of *documents*, one a line."""
    before = b"[\n"
    for document in documents:
        yield before + (_quickly(document) or encoded(_carefully(document)))
        before = b",\n"
    yield b"\n]\n" if before == b",\n" else b"[]\n"


def json_text(value: object) -> bytes:
    """Return our own *value* as an indented JSON file, the same bytes each time."""
    return orjson.dumps(value, option=FILE_OPTIONS)


def text_of(value: Any) -> str:
    """Return a single value as text: numbers, ids, times (ISO 8601, UTC), bytes (base64); else as JSON."""
    written = _AS_TEXT.get(type(value))
    if written is not None:
        return written(value)
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return str(value)
        case int() | float() | Decimal128() | ObjectId():
            return str(value)
        case datetime():
            return _moment(value)
        case Binary() if value.subtype == UUID_SUBTYPE and len(value) == 16:  # noqa: PLR2004 - RFC 9562
            return str(value.as_uuid())
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case _:
            return as_json(value)


def instant(value: datetime) -> datetime:
    """Return *value* in UTC; MongoDB means UTC when no zone is given."""
    if value.tzinfo is utc:  # like all times read; converting takes as long as writing
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _moment(value: datetime) -> str:
    at = instant(value)
    return f"{_seconds(at)}.{at.microsecond // MILLISECOND:03}Z"


def _seconds(at: datetime) -> str:
    return orjson.dumps(at)[TO_SECONDS].decode("ascii")  # four times as fast as datetime itself


_AS_TEXT: Mapping[type, Callable[[Any], str]] = MappingProxyType(
    {str: str, int: str, float: str, Decimal128: str, ObjectId: str, datetime: _moment}
)
"""The types of nearly all values of a million records."""


def is_nested(value: Any) -> bool:
    """Return whether *value* is an array or object."""
    return isinstance(value, NESTED)


def _notice(value: Any) -> Any:
    if isinstance(value, WithheldNotice):
        return {"withheld": value.label, "reason": value.reason}
    raise TypeError(f"no JSON for {type(value).__name__}")
